"""From the wish to export to a file: the dialog, the same again, and what to do with a file that exists."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject

from clarity_desktop.messages import EstimateSize, Export, Request
from clarity_desktop.ui.commands.files import show_folder
from clarity_desktop.ui.dialogs.export import ExportDialog, ExportForm, Subject
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import file_size
from clarity_desktop.values import ExportOptions

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow


class ExportCommands(QObject):
    """Connects the export actions and dialog with requests; remembers each photo's last choices."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.dialog: ExportDialog | None = None
        self._last: ExportForm | None = None
        window.action.on("export", self._show_dialog)
        window.action.on("export_again", self._again)

    def _show_dialog(self) -> None:
        view = self._window.current
        if view is None or (subject := _subject(view)) is None:
            return
        self.dialog = ExportDialog(self._window, subject, view.exported or self._first_form(view))
        self.dialog.size_asked.connect(partial(self._estimate, view))
        self.dialog.exported.connect(partial(self._export, view))
        self.dialog.finished.connect(self._forget_dialog)
        self.dialog.open()

    def _again(self) -> None:
        if (view := self._window.current) and view.exported:
            self._export(view, view.exported)
        else:
            self._show_dialog()

    def size_estimated(self, size: int) -> None:
        if self.dialog is not None:
            self.dialog.show_size(size)

    def exported(self, path: Path | None, size: int) -> None:
        if path is None:
            self._window.notices.say("The file existed and was skipped, as asked.", seconds=8)
            return
        text = f"Exported {path.name} ({file_size(size)})."
        self._window.notices.say(text, choices=(("Open the folder", lambda: show_folder(path)),), seconds=15)

    def ask_about_existing(self, request: Request, view: DocumentState | None) -> None:
        """The file exists and the choices say to ask."""
        if not isinstance(request, Export):
            return

        def again(exists: Literal["number", "overwrite"]) -> None:
            options = dataclasses.replace(request.options, exists=exists)
            self._window.ask(dataclasses.replace(request, options=options), view, f"Exporting {options.path.name}")

        path = request.options.path
        self._window.notices.say(
            f"{path.name} exists already in {path.parent}.",
            "offer",
            (
                ("Add a number", lambda: again("number")),
                ("Overwrite", lambda: again("overwrite")),
                ("Cancel", _nothing),
            ),
        )

    def _first_form(self, view: DocumentState) -> ExportForm:
        """Beside the photo, in a format that keeps its depth; otherwise as the last export of any photo was."""
        folder = view.path.parent if view.path and view.path not in self._window.samples else Path.home()
        path = folder / "photo"
        if self._last is not None:
            return ExportForm(dataclasses.replace(self._last.options, path=path, longest=None), self._last.pattern)
        return ExportForm(ExportOptions(path, metadata=self._window.settings.metadata))

    def _estimate(self, view: DocumentState, options: ExportOptions) -> None:
        if view.id and view.head:
            self._window.ask(EstimateSize(view.id, view.head, options), view)

    def _export(self, view: DocumentState, form: ExportForm) -> None:
        if view.id is None or view.head is None or (subject := _subject(view)) is None:
            return
        view.exported = self._last = form
        options = form.of(subject)
        self._window.ask(Export(view.id, view.head, options), view, f"Exporting {options.path.name}")

    def _forget_dialog(self) -> None:
        self.dialog = None


def _subject(view: DocumentState) -> Subject | None:
    version, card = view.head_version, view.card
    if version is None or card is None:
        return None
    return Subject(view.title, version, list(view.versions).index(version.id) + 1, card.depth, card.profile)


def _nothing() -> None:
    """The choice to leave things as they are."""
