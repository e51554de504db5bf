"""Regions: those that are kept, what words find, and what is done in the selection alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from weakref import ref

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QFileDialog

from clarity_desktop.messages import (
    AnalyzeRegion,
    EditRegion,
    EnginesListed,
    ExportRegion,
    FindObjects,
    ImportRegion,
    Improve,
    KeepRegion,
    ListEngines,
    ObjectsFound,
    ReadRegion,
    RegionAnalyzed,
    RegionExported,
    RegionReady,
    RegionsChanged,
    RemoveObject,
    Select,
    Selected,
)
from clarity_desktop.settings import Settings
from clarity_desktop.text import conjunction
from clarity_desktop.ui.canvas.mask_overlay import MaskStyle
from clarity_desktop.ui.commands.select import HOWS, SelectCommands
from clarity_desktop.ui.docks.regions import RegionRow, RegionsDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import SEPARATOR, file_size, percent, task_title
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.select_bar import RegionBar
from clarity_desktop.ui.selection import MaskState
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import EngineCard, ModelCard, Region, RegionId, StoredRegion, Task, Version, VersionId

DELETED_NOTICE = 20.0
"""Seconds for which a deletion can be undone in its notice."""
CALM = 700
"""Milliseconds without a change before the selection is analyzed."""
COUNTED = 1_000_000
"""Pixels of a mask that are counted: all of them would hold up the window for a moment."""
MAX_ADVICE = 2
"""Suggestions in the bar over the photo."""
DIMMED = 0.25
"""Brightness of what a thumbnail does not select."""
STYLES: dict[str, MaskStyle] = {"tint": "tint", "outline": "outline", "dim": "dim"}


class RegionCommands(QObject):
    """Connects the regions panel and the bar over the photo with requests for the document that is shown."""

    panel_wanted = Signal()
    adjust_wanted = Signal()
    restore_wanted = Signal()
    task_wanted = Signal(str)  # Task, to be run in the selection
    refer_wanted = Signal(str)  # RegionId, to be named in a message
    models_wanted = Signal(str)  # the dialog, with this model chosen

    def __init__(self, session: Session, dock: RegionsDock, bar: RegionBar, select: SelectCommands,
                 is_offered: Callable[[Task], bool]) -> None:  # fmt: skip
        """is_offered: is there a method for a task?"""
        super().__init__(session)
        self._session, self._dock, self._bar, self._select, self._is_offered = session, dock, bar, select, is_offered
        self._engines: tuple[EngineCard, ...] = ()
        self._models: dict[str, ModelCard] = {}
        self._uses: dict[PendingRequest, Callable[[Region], object]] = {}  # of a kept mask that is being read
        self._named: dict[PendingRequest, str] = {}  # masks that become kept regions at once
        self._keeping: dict[PendingRequest, frozenset[RegionId]] = {}  # regions before one was kept
        self._copied: Region | None = None
        self._copied_from: tuple[ref[DocumentState], VersionId | None] | None = None
        self._shown: object = None  # what the list shows
        self._analyzing: PendingRequest | None = None
        self._analyzed: RegionAnalyzed | None = None
        self._share: tuple[Region, float] | None = None  # of the photo, counted once
        self._failure: tuple[Region, str] | None = None  # why a selection was not analyzed
        self.calm = QTimer(self)
        self.calm.setSingleShot(True)
        self.calm.setInterval(CALM)
        self.calm.timeout.connect(self._analyze)
        self._fill_menu()
        self._connect()

    def _fill_menu(self) -> None:
        self._dock.add_menu((
            ("open", self.tr("&Select this region")), ("refer", self.tr("Refer to it in the c&hat")),
            ("rename", self.tr("&Rename")), ("delete", self.tr("&Delete")),
            ("", ""),
            ("add", self.tr("&Add it to the selection")), ("subtract", self.tr("S&ubtract it from the selection")),
            ("intersect", self.tr("&Intersect it with the selection")), ("", ""),
            ("copy", self.tr("&Copy the selection")), ("paste", self.tr("&Paste the copied selection")),
            ("import", self.tr("I&mport a mask…")), ("export", self.tr("&Export the mask…")),
        ))  # fmt: skip

    def _connect(self) -> None:
        dock, on = self._dock, self._session.actions.on
        dock.words_entered.connect(self._select_words)
        dock.find_asked.connect(self._find)
        dock.boxes_chosen.connect(self._choose_boxes)
        dock.boxes_accepted.connect(self._accept_boxes)
        dock.boxes_kept.connect(self._keep_boxes)
        dock.boxes_dismissed.connect(self._dismiss_boxes)
        dock.better_asked.connect(self._ask_better)
        dock.keep_asked.connect(self.keep)
        dock.opened.connect(self.open)
        dock.renamed.connect(self._rename)
        dock.shown.connect(self._show_kept)
        dock.regions.delete_asked.connect(self._delete)
        dock.edge_asked.connect(self._select.change_edge)
        dock.style_chosen.connect(self._use_style)
        dock.color_asked.connect(self._select.use_next_color)
        dock.restore_asked.connect(self.restore_wanted)
        dock.adjust_asked.connect(self.adjust_wanted)
        dock.remove_asked.connect(self.remove)
        menu: dict[str, Callable[[], object]] = {
            "open": partial(self._on_chosen, self.open), "refer": partial(self._on_chosen, self.refer_wanted.emit),
            "rename": dock.edit_name,
            "delete": partial(self._on_chosen, self._delete), "add": partial(self._combine, "add"),
            "subtract": partial(self._combine, "subtract"), "intersect": partial(self._combine, "intersect"),
            "copy": self._copy, "paste": self._paste, "import": self._ask_import, "export": self._ask_export,
        }  # fmt: skip
        for name, slot in menu.items():
            dock.menu_actions[name].triggered.connect(partial(_call, slot))
        on("select_words", self._enter_words)
        on("keep_region", self.keep)
        on("remove_object", self.remove)
        on("copy_region", self._copy)
        on("paste_region", self._paste)
        on("import_region", self._ask_import)
        on("export_region", self._ask_export)
        self._bar.chosen.connect(self._use_bar)
        self._select.changed.connect(self._note_change)
        self._select.tool_changed.connect(self._show_bar)
        self._session.settings_changed.connect(self._show_style)
        self._session.document_added.connect(self._watch)

    def _watch(self, state: DocumentState) -> None:
        state.canvas.installEventFilter(self)

    def _use_style(self, style: str) -> None:
        self._select.use_style(STYLES[style])

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Del on the photo removes what is selected, with a tool and without."""
        state = self._session.current
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Delete and not event.modifiers():
            selected = state is not None and watched is state.canvas and state.selection.now.region is not None
            if selected and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if selected and event.type() == QEvent.Type.KeyPress:
                self.remove()
                return True
        return super().eventFilter(watched, event)

    # engines

    def ask_engines(self) -> None:
        """Ask what can select objects on this machine."""
        self._session.ask(ListEngines())

    def show_engines(self, event: EnginesListed) -> None:
        """What can select objects is known."""
        before, self._engines = self._engines, event.engines
        if before and before != event.engines:
            self._select.forget_engines()
        self._show_engine()

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """The installed models changed: there may be another engine."""
        self._models = {model.id: model for model in models}
        self.ask_engines()

    def _show_engine(self) -> None:
        ready = next((card for card in self._engines if card.missing is None), None)
        if ready is None:
            self._dock.show_engine("", "")
            return
        if ready.id == "grabcut":
            text = self.tr("{engine} selects by colors and edges, without a download.")
        elif ready.id == "clarity-click":
            text = self.tr("{engine} selects objects, without a download.")
        else:
            text = self.tr("{engine} selects objects.")
        better = self._engines[0]
        button = ""
        if better.missing is not None:
            model = self._models.get(better.missing)
            button = self.tr("Get better selection ({engine}, {size})…") if model else self.tr("Get better selection…")
            button = button.format(engine=better.title, size=file_size(model.size) if model else "")
        self._dock.show_engine(text.format(engine=ready.title), button)

    def _ask_better(self) -> None:
        if self._engines and (missing := self._engines[0].missing) is not None:
            self.models_wanted.emit(missing)

    def engine_title(self, engine: str) -> str:
        """What found a mask, by its title: engines and detectors by the ids that the backend names."""
        own = {
            "": self.tr("by hand"), "pixels": self.tr("the colors of the photo"),
            "clarity-detector": self.tr("the problem detector"), "kept-region": self.tr("a kept region"),
        }  # fmt: skip
        # An engine has a name of its own; the catalog says what its file is for.
        titles = {m.id: m.title for m in self._models.values()} | {card.id: card.title for card in self._engines} | own
        # The name alone: what a model is good for comes after a comma.
        return render(conjunction(titles.get(part, part).split(",")[0] for part in engine.split("+")))

    # words

    def _enter_words(self) -> None:
        self.panel_wanted.emit()
        self._dock.focus_words()

    def _select_words(self, words: str) -> None:
        self._dismiss_boxes()
        self._select.select_words(words)

    def _find(self, words: str) -> None:
        if (state := self._session.current) and state.id and state.head:
            title = self.tr("Looking for “{words}”").format(words=words)
            self._session.ask(FindObjects(state.id, state.head, words), state, title)

    def show_found(self, event: ObjectsFound) -> None:
        """Objects were found: frame and list them; all are chosen at first."""
        for state in self._session.views(event.document):
            if state.head == event.version:
                state.selection.boxes, state.selection.words = event.boxes, event.words
                state.selection.engine_of_boxes = event.engine
                state.selection.chosen = frozenset(range(len(event.boxes)))
        self.panel_wanted.emit()
        self._show_boxes()
        self._select.show_state()

    def _show_boxes(self) -> None:
        for state in self._session.documents:
            boxes, chosen = state.selection.boxes, state.selection.chosen
            framed = [(box.bounds, _box_text(box.label, box.score), k in chosen) for k, box in enumerate(boxes)]
            state.canvas.show_boxes(framed)
        state = self._session.current
        boxes = state.selection.boxes if state else ()
        heading = ""
        if state is not None and boxes:
            heading = self.tr("%n object(s) found for “{words}” by {engine}", "", len(boxes))
            engine = self.engine_title(state.selection.engine_of_boxes)
            heading = heading.format(words=state.selection.words, engine=engine)
        rows = (
            [(_box_text(b.label, b.score), k in state.selection.chosen) for k, b in enumerate(boxes)] if state else []
        )
        self._dock.show_boxes(heading, rows)

    def _choose_boxes(self, chosen: frozenset[int]) -> None:
        if (state := self._session.current) is not None:
            state.selection.chosen = chosen
            self._show_boxes()

    def _accept_boxes(self) -> None:
        """Select the chosen objects together; all of them are what the words mean."""
        if (state := self._session.current) is None or not state.selection.chosen:
            return
        selection = state.selection
        words, boxes = selection.words, tuple(selection.boxes[k].bounds for k in sorted(selection.chosen))
        everything = len(boxes) == len(selection.boxes)
        self._dismiss_boxes()
        if everything:
            self._select.select_words(words)
        else:
            self._select.select_boxes(state, boxes, words)

    def _keep_boxes(self) -> None:
        """Keep a region for each chosen object."""
        if (state := self._session.current) is None or state.id is None or state.head is None:
            return
        for k in sorted(state.selection.chosen):
            box = state.selection.boxes[k]
            title = self.tr("Selecting “{object}”").format(object=box.label)
            pending = self._session.ask(Select(state.id, state.head, boxes=(box.bounds,)), state, title)
            self._named[pending] = box.label
        self._dismiss_boxes()

    def _dismiss_boxes(self) -> None:
        if (state := self._session.current) is not None:
            state.selection.boxes, state.selection.chosen = (), frozenset()
            self._show_boxes()
            self._select.show_state()

    def keeps(self, pending: PendingRequest, event: Selected) -> bool:
        """Keep a mask that was requested as a region of its own; False if it is to be selected."""
        name = self._named.pop(pending, None)
        if name is None:
            return False
        if (state := pending.state) is not None and self._session.is_open(state):
            request = KeepRegion(event.document, event.version, event.region, name, event.engine)
            self._session.ask(request, state)
        return True

    # kept regions

    def keep(self) -> None:
        """Keep what is selected as a new region."""
        if (state := self._session.current) is None or state.id is None or state.head is None:
            return
        now = state.selection.now
        if now.region is None:
            self._session.notify(self.tr("Select a part of the photo first."), document=state, seconds=6)
            return
        request = KeepRegion(state.id, state.head, now.region, "" if now.kept else now.name, now.engine)
        self._keeping[self._session.ask(request, state)] = frozenset(state.selection.kept)
        self.panel_wanted.emit()

    def change_regions(self, pending: PendingRequest, event: RegionsChanged) -> None:
        """The kept regions changed. One that was kept just now is the one that further changes go to."""
        before = self._keeping.pop(pending, None)
        for state in self._session.views(event.document):
            selection = state.selection
            selection.kept = {region.id: region for region in event.regions}
            gone = {region.id for region in event.regions if region.deleted}
            selection.visible -= gone
            new = [region for region in event.regions if before is not None and region.id not in before]
            now, request = selection.now, pending.request
            if new and isinstance(request, KeepRegion) and now.region is request.region:
                selection.now = MaskState(now.region, now.engine, now.prompt, new[-1].id, new[-1].name)
            elif now.kept in gone:
                selection.now = MaskState(now.region, now.engine, now.prompt, None, now.name)
            now = selection.now
            stored = selection.kept.get(now.kept) if now.kept else None
            if stored is not None and isinstance(request, KeepRegion) and now.region is request.region:
                selection.masks[stored.id] = stored.content, request.region

    def open(self, region: str) -> None:
        """Select a kept region; it changes with what is done to the selection."""
        if (state := self._session.current) is None or (stored := self._stored(state, region)) is None:
            return

        def select(mask: Region) -> None:
            self._select.set(state, MaskState(mask, stored.engine, None, stored.id, self._name(state, stored)))

        self._with_mask(state, stored, select)

    def _stored(self, state: DocumentState, region: str) -> StoredRegion | None:
        stored = state.selection.kept.get(RegionId(region))
        return stored if stored and not stored.deleted else None

    def _with_mask(self, state: DocumentState, stored: StoredRegion, use: Callable[[Region], object]) -> None:
        """Use the mask of a kept region, which is read first if it is not known."""
        if (mask := state.selection.mask_of(stored)) is not None:
            use(mask)
        elif state.id is not None and state.head is not None:
            self._uses[self._session.ask(ReadRegion(state.id, state.head, stored.id), state)] = use

    def add_ready(self, pending: PendingRequest, event: RegionReady) -> None:
        """A mask was read, imported or changed."""
        state = pending.state
        if state is None or not self._session.is_open(state):
            return
        request = pending.request
        if isinstance(request, ReadRegion | ImportRegion) and not self._select.lies_over(state, request.version):
            return  # meanwhile the photo was cropped, turned or flipped
        if event.kept is not None and (stored := state.selection.kept.get(event.kept)) is not None:
            state.selection.masks[stored.id] = stored.content, event.region
        use = self._uses.pop(pending, None)
        if use is not None:
            use(event.region)

    def finish(self, pending: PendingRequest) -> None:
        """A request ended, however."""
        self._uses.pop(pending, None)
        self._named.pop(pending, None)
        self._keeping.pop(pending, None)
        if pending is self._analyzing:
            self._analyzing = None
            self._show_bar()

    def _on_chosen(self, act: Callable[[str], object]) -> None:
        if (chosen := self._dock.regions.chosen()) is not None:
            act(chosen)

    def _rename(self, region: str, name: str) -> None:
        state = self._session.current
        stored = self._stored(state, region) if state else None
        if state is None or state.id is None or stored is None or name == self._name(state, stored):
            return
        self._session.ask(EditRegion(state.id, stored.id, name=name.strip()), state)

    def _delete(self, region: str) -> None:
        state = self._session.current
        stored = self._stored(state, region) if state else None
        if state is None or state.id is None or stored is None:
            return
        document, name = state.id, self._name(state, stored)

        def restore() -> None:
            self._session.ask(EditRegion(document, stored.id, deleted=False), state)

        def offer() -> None:
            text = self.tr("The region “{region}” was deleted.").format(region=name)
            self._session.notify(text, choices=((self.tr("Undo"), restore),), document=state, seconds=DELETED_NOTICE)

        self._session.ask(EditRegion(document, stored.id, deleted=True), state, then=offer)

    def _show_kept(self, region: str, on: bool) -> None:
        """Show a kept region on the photo beside the selection, or hide it."""
        state = self._session.current
        stored = self._stored(state, region) if state else None
        if state is None or stored is None or on == (stored.id in state.selection.visible):
            return
        if on:
            state.selection.visible.add(stored.id)
            self._with_mask(state, stored, lambda _mask: self._select.refresh())
        else:
            state.selection.visible.discard(stored.id)
            self._select.refresh()

    def _combine(self, how: str) -> None:
        """Combine the selection with the region of the current row."""
        state = self._session.current
        stored = self._stored(state, self._dock.regions.chosen() or "") if state else None
        if state is not None and stored is not None:
            self._with_mask(state, stored, lambda mask: self._select.combine(state, mask, HOWS[how]))

    # copying, files

    def _copy(self) -> None:
        if (state := self._session.current) and state.selection.now.region is not None:
            self._copied = state.selection.now.region
            self._copied_from = ref(state), state.head
            self._session.notify(self.tr("The selection was copied."), document=state, seconds=4)
            self._enable()

    def _paste(self) -> None:
        if (state := self._session.current) is not None and self._copied is not None:
            source, version = self._copied_from or (None, None)
            self._select.use(state, self._copied, version if source is not None and source() is state else None)

    def _ask_import(self) -> None:
        if (state := self._session.current) is None or not state.card:
            return
        dialog = QFileDialog(self._session.dialog_parent, self.tr("Import a mask"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.import_mask)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def import_mask(self, name: str) -> None:
        """Select what is white in a picture."""
        path = Path(name)
        if (state := self._session.current) and state.id and state.head:
            title = self.tr("Reading the mask {name}").format(name=path.name)
            pending = self._session.ask(ImportRegion(state.id, state.head, path), state, title)
            self._uses[pending] = lambda region: self._select.set(state, MaskState(region, name=path.stem))

    def _ask_export(self) -> None:
        if (state := self._session.current) is None or state.selection.now.region is None:
            return
        dialog = QFileDialog(self._session.dialog_parent, self.tr("Export the mask"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.selectFile(f"{Path(state.title).stem}_mask.png")
        dialog.fileSelected.connect(self.export_mask)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def export_mask(self, name: str) -> None:
        """Save what is selected as a PNG file; the dialog asked before a file is replaced."""
        path = Path(name)
        if (state := self._session.current) and state.id and (region := state.selection.now.region) is not None:
            title = self.tr("Saving the mask {name}").format(name=path.name)
            self._session.ask(ExportRegion(state.id, region, path, overwrite=True), state, title)

    def show_exported(self, event: RegionExported) -> None:
        """A mask was saved."""
        text = self.tr("The mask was saved as {path}.").format(path=event.path)
        self._session.notify(text, document=self._session.document(event.document), seconds=8)

    # what is done in the selection

    def remove(self) -> None:
        """Fill what is selected with its surroundings."""
        state = self._session.current
        if state is None or state.id is None or state.head is None or (region := state.selection.now.region) is None:
            return
        if not self._session.running(RemoveObject, state):
            title = self.tr("Remove object")
            self._session.ask(RemoveObject(state.id, state.head, region), state, title)

    def _improve(self) -> None:
        """Auto for what is selected alone."""
        state = self._session.current
        if state is None or state.id is None or state.head is None or (region := state.selection.now.region) is None:
            return
        if not self._session.running(Improve, state):
            request = Improve(state.id, state.head, state.canvas.view.visible(), region)
            self._session.ask(request, state, self.tr("Auto: finding and fixing problems…"))

    def _note_change(self, state: DocumentState) -> None:
        """The selection is another one: analyze it once the user pauses."""
        self._failure = None
        if self._analyzing is not None:
            self._session.requests.cancel(self._analyzing)
            self._analyzing = None
        if state is self._session.current:
            if state.selection.now.region is not None:
                self.calm.start()
            else:
                self.calm.stop()
            self.show_state()

    def _analyze(self) -> None:
        state = self._session.current
        region = state.selection.now.region if state else None
        if state is None or state.id is None or state.head is None or region is None:
            return
        if self._session.running(AnalyzeRegion, state) or self._known(state, region):
            return
        self._analyzing = self._session.ask(AnalyzeRegion(state.id, state.head, region), state)
        self._show_bar()

    def _known(self, state: DocumentState, region: Region) -> RegionAnalyzed | None:
        known = self._analyzed
        return known if known and known.version == state.head and known.region is region else None

    def add_analysis(self, event: RegionAnalyzed) -> None:
        """What is wrong with the selection is known."""
        self._analyzed = event
        self.show_state()

    def fail_analysis(self, pending: PendingRequest, text: str) -> bool:
        """A selection could not be analyzed: said in the panel alone. Returns False for another request."""
        if not isinstance(pending.request, AnalyzeRegion):
            return False
        self._failure = pending.request.region, text
        self.show_state()
        return True

    def _show_bar(self) -> None:
        state = self._session.current
        region = state.selection.now.region if state else None
        if state is None or region is None or self._select.is_drawing:  # it would be in the way
            self._bar.show_actions((), busy=False)
            return
        known = self._known(state, region)
        offered: list[Task] = [a.task for a in known.advice if self._is_offered(a.task)] if known else []
        advice = offered[:MAX_ADVICE]
        actions: list[tuple[str, str, bool]] = [(task, task_title(task), k == 0) for k, task in enumerate(advice)]
        actions += [
            ("auto", self.tr("Auto"), False), ("adjust", self.tr("Adjust…"), False),
            ("restore", self.tr("Restore…"), False), ("remove", self.tr("Remove object"), False),
            ("keep", self.tr("Keep"), False), ("clear", self.tr("Clear"), False),
        ]  # fmt: skip
        self._bar.show_actions(actions, busy=self._analyzing is not None)

    def _use_bar(self, name: str) -> None:
        acts: dict[str, Callable[[], object]] = {
            "auto": self._improve, "adjust": self.adjust_wanted.emit, "restore": self.restore_wanted.emit,
            "remove": self.remove, "keep": self.keep, "clear": self._select.clear,
        }  # fmt: skip
        if name in acts:
            acts[name]()
        else:
            self.task_wanted.emit(name)

    # showing

    def show_state(self) -> None:
        """The document that is shown, its open version or its selection changed."""
        state = self._session.current
        self._dock.show_ready(bool(state and state.card))
        selection = state.selection if state else None
        now = selection.now if selection else MaskState()
        self._list(state)
        self._dock.show_selection(now.region is not None, now.kept is not None, self._describe(state) if state else "")
        self._show_boxes()
        self._show_style()
        self._show_bar()
        self._enable()

    def _list(self, state: DocumentState | None) -> None:
        """List the kept regions, unless they are listed already: a name may be edited in the list."""
        regions = state.selection.listed() if state else []
        current, visible = (state.selection.now.kept, frozenset(state.selection.visible)) if state else (None, None)
        shown = (
            state.id if state else None,
            current,
            visible,
            [(region.id, region.content, region.name) for region in regions],
        )
        if shown != self._shown and state is not None:
            self._dock.show_regions([self._row(state, region) for region in regions], current)
        elif state is None:
            self._dock.show_regions(())
        self._shown = shown

    def _show_style(self, *_settings: Settings) -> None:
        self._dock.show_style(self._session.settings.mask_style, self._select.color)

    def _enable(self) -> None:
        state, actions = self._session.current, self._session.actions
        selected = bool(state and state.selection.now.region is not None)
        for name in ("keep_region", "remove_object", "copy_region", "export_region"):
            actions[name].setEnabled(selected)
        actions["paste_region"].setEnabled(bool(state and state.card and self._copied is not None))
        self._dock.menu_actions["paste"].setEnabled(self._copied is not None)

    def _describe(self, state: DocumentState) -> str:
        """What is selected, by what, and what is wrong there."""
        now = state.selection.now
        if now.region is None:
            return self.tr("Nothing is selected. Choose a tool and click on the photo, or say in words what to select.")
        if self._share is None or self._share[0] is not now.region:
            self._share = now.region, _share(now.region)
        share = self._share[1]
        text = self.tr("Selected by {engine}: {share} of the photo.")
        if not now.engine:
            text = self.tr("Selected by hand: {share} of the photo.")
        sentences = [text.format(share=percent(share), engine=self.engine_title(now.engine))]
        if (known := self._known(state, now.region)) is not None:
            if known.advice:
                tasks = ", ".join(task_title(advice.task) for advice in known.advice)
                sentences.append(self.tr("What would help here: {tasks}.").format(tasks=tasks))
            else:
                sentences.append(self.tr("This part looks fine."))
        elif self._failure is not None and self._failure[0] is now.region:
            sentences.append(self._failure[1])
        return " ".join(sentences)

    def _row(self, state: DocumentState, stored: StoredRegion) -> RegionRow:
        mask = np.asarray(stored.thumbnail)
        share = percent(float(mask[..., 0].mean(dtype=np.float64)) / 255)
        tip = SEPARATOR.join((self._name(state, stored), self.engine_title(stored.engine)))
        version = state.versions.get(stored.version)
        visible = stored.id in state.selection.visible
        return RegionRow(stored.id, self._name(state, stored), share, tip, _thumbnail(mask, version), visible)

    def _name(self, state: DocumentState, stored: StoredRegion) -> str:
        """The name that the user gave, or a number."""
        if stored.name:
            return stored.name
        number = list(state.selection.kept).index(stored.id) + 1 if stored.id in state.selection.kept else 0
        return self.tr("Region {number}").format(number=number)


def _share(region: Region) -> float:
    """The selected share of the photo, 0..1; of a large mask only a sample is counted."""
    step = max(1, round((region.mask.size / COUNTED) ** 0.5))
    return float((region.mask[::step, ::step] > 127).mean()) * region.bounds.area / (region.width * region.height)


def _call(slot: Callable[[], object], _checked: bool = False) -> None:
    slot()


def _thumbnail(mask: np.ndarray, version: Version | None) -> QImage:
    """The photo in which only the region (H×W×3 uint8, white is selected) is bright."""
    weights = mask.astype(np.float32) / 255
    photo = np.asarray(version.thumbnail) if version is not None else None
    if photo is None:
        return to_image(mask)
    # The photo's own thumbnail has another size: looked up for each pixel of the mask's.
    rows, columns = (np.arange(mask.shape[k]) * photo.shape[k] // mask.shape[k] for k in (0, 1))
    photo = photo[np.ix_(rows, columns)]
    return to_image(np.rint(photo * (DIMMED + (1 - DIMMED) * weights)).astype(np.uint8))


def _box_text(label: str, score: float) -> str:
    return f"{label} {percent(score)}"
