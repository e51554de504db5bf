"""What makes new versions without a network, and what is done to versions: undo, names, crop, rotate, compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from clarity_desktop.messages import ApplyTransform, Edit, GoTo, Redo, Reset, Undo
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import version_title
from clarity_desktop.values import Bounds, Crop, DocumentId, Flip, Rotate, Straighten, Transform, Version, VersionId

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow

CHANGES: dict[str, tuple[str, Transform]] = {
    "rotate_left": ("Rotate", Rotate(3)),
    "rotate_right": ("Rotate", Rotate(1)),
    "flip_horizontal": ("Flip", Flip("horizontal")),
    "flip_vertical": ("Flip", Flip("vertical")),
}


class EditCommands(QObject):
    """Connects the actions of the Edit, Photo and Version menus with requests for the photo that is shown."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        on = window.action.on
        on("undo", self._undo)
        on("redo", self._redo)
        on("reset", self._reset)
        for name in CHANGES:
            on(name, lambda name=name: self._change(*CHANGES[name]))
        on("crop", self._toggle_crop)
        on("straighten", self._toggle_straighten)
        on("go_to", self._go_to_chosen)
        on("compare", self._compare_chosen)
        on("rename", window.versions.rename)
        on("star", self._star)
        on("delete", self._delete)
        window.versions.opened.connect(self._go_to)
        window.versions.chosen_changed.connect(self.show_chosen)
        window.versions.renamed.connect(self._rename)
        self._connect_bars()

    # versions

    def show_chosen(self) -> None:
        """What can be done to the chosen version: the open one is open, the original stays."""
        found, action = self._chosen(), self._window.action
        starred = bool(found and found[2].star)
        action["star"].setText("Remove the &star" if starred else "&Star")
        action["go_to"].setEnabled(bool(found and found[2].id != found[0].head))
        action["delete"].setEnabled(bool(found and found[2].parent))

    def _undo(self) -> None:
        if (view := self._window.current) and view.id and (to := view.undo_leads_to):
            view.undone(to)
            self._window.ask(Undo(view.id), view)
            self._window.show_steps()

    def _redo(self) -> None:
        if (view := self._window.current) and view.id and (to := view.redo_leads_to):
            view.wished.append(to)
            self._window.ask(Redo(view.id), view)
            self._window.show_steps()

    def _reset(self) -> None:
        if (view := self._window.current) and view.id and view.head:
            self._window.ask(Reset(view.id, view.head), view)

    def _go_to(self, version: VersionId) -> None:
        if (view := self._window.current) and view.id and version != view.head:
            self._window.ask(GoTo(view.id, version), view)

    def _go_to_chosen(self) -> None:
        if chosen := self._window.versions.chosen():
            self._go_to(chosen)

    def _compare_chosen(self) -> None:
        """With the row that is chosen in the tree; with the version before if that is the open one."""
        if (view := self._window.current) is None:
            return
        chosen = self._window.versions.chosen()
        view.chosen_other = chosen if chosen != view.head else None
        if view.other is None:
            self._window.notices.say("There is only one version so far: nothing to compare it with.", seconds=6)
            return
        self._window.looking.compare_with(view)

    def _rename(self, version: VersionId, name: str) -> None:
        if (view := self._window.current) and view.id:
            self._window.ask(Edit(view.id, version, name=name), view)

    def _star(self) -> None:
        if found := self._chosen():
            view, document, version = found
            self._window.ask(Edit(document, version.id, star=not version.star), view)

    def _delete(self) -> None:
        if (found := self._chosen()) is None:
            return
        view, document, version = found
        self._window.ask(
            Edit(document, version.id, deleted=True), view, then=lambda: self._offer_back(view, document, version)
        )

    def _offer_back(self, view: DocumentState, document: DocumentId, version: Version) -> None:
        def bring_back() -> None:
            self._window.ask(Edit(document, version.id, deleted=False), view)

        self._window.notices.say(
            f"“{version_title(version)}” was deleted.", choices=(("Undo", bring_back),), seconds=20
        )

    def _chosen(self) -> tuple[DocumentState, DocumentId, Version] | None:
        """The version that keys and menu mean: the tree's row, else the open one."""
        view = self._window.current
        if view is None or view.id is None:
            return None
        version = view.versions.get(self._window.versions.chosen() or view.head or VersionId(""))
        return (view, view.id, version) if version else None

    # crop, straighten, rotate, flip

    def leave(self) -> None:
        """End cropping and straightening without a change."""
        window = self._window
        if window.crop_bar.isHidden() and window.straighten_bar.isHidden():
            return
        window.crop_bar.hide()
        window.straighten_bar.hide()
        window.action["crop"].setChecked(False)
        window.action["straighten"].setChecked(False)
        for view in window.photos.views:
            view.canvas.crop.cancel()
            view.canvas.straighten.cancel()
        if view := window.current:
            view.canvas.setFocus()

    def crop_to(self, bounds: Bounds) -> None:
        self.leave()
        self._change("Crop", Crop(bounds))

    def _change(self, title: str, transform: Transform) -> None:
        if (view := self._window.current) and view.id and view.head:
            self._window.ask(ApplyTransform(view.id, view.head, transform), view, title)

    def _connect_bars(self) -> None:
        crop, straighten = self._window.crop_bar, self._window.straighten_bar
        crop.accepted.connect(self._accept_crop)
        crop.cancelled.connect(self.leave)
        crop.ratio_chosen.connect(self._set_ratio)
        straighten.accepted.connect(self._accept_straighten)
        straighten.cancelled.connect(self.leave)
        straighten.turned.connect(self._turn)

    def _toggle_crop(self) -> None:
        on = self._window.crop_bar.isHidden()
        self.leave()
        if on and (view := self._window.current) and view.card:
            view.canvas.comparison.set_mode("single")
            self._window.crop_bar.begin()
            view.canvas.crop.start()
            if (bounds := view.canvas.crop.bounds) is not None:
                self._window.crop_bar.show_bounds(bounds)
            view.canvas.setFocus()
        self._window.action["crop"].setChecked(not self._window.crop_bar.isHidden())

    def _accept_crop(self) -> None:
        if (view := self._window.current) and (bounds := view.canvas.crop.bounds) is not None:
            self.crop_to(bounds)

    def _set_ratio(self, ratio: float | None) -> None:
        if (view := self._window.current) and (version := view.head_version):
            view.canvas.crop.set_ratio(version.width / version.height if ratio == 0 else ratio)

    def _toggle_straighten(self) -> None:
        on = self._window.straighten_bar.isHidden()
        self.leave()
        if on and (view := self._window.current) and view.card:
            view.canvas.comparison.set_mode("single")
            view.canvas.straighten.set_degrees(0)
            self._window.straighten_bar.begin()
        self._window.action["straighten"].setChecked(not self._window.straighten_bar.isHidden())

    def _turn(self, degrees: float) -> None:
        if view := self._window.current:
            view.canvas.straighten.set_degrees(degrees)

    def _accept_straighten(self) -> None:
        degrees = self._window.straighten_bar.degrees.value()
        self.leave()
        if degrees:
            self._change("Straighten", Straighten(degrees))
