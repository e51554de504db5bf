"""Export: the dialog, exporting again with the same choices, and what to do about a file that exists."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, Signal

from clarity_desktop.messages import EstimateSize, Export, Exported, SizeEstimated
from clarity_desktop.ui.commands.files import show_folder
from clarity_desktop.ui.commands.parts import unfinished
from clarity_desktop.ui.dialogs.export import ExportDialog, ExportForm, Subject
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import file_size
from clarity_desktop.ui.notices import Bar
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import RAW, ExportOptions, Version, VersionId

NAMES_SHOWN = 3
"""Names of existing files that a question lists."""


class ExportCommands(QObject):
    """Connects the export actions and the dialog with requests; remembers the last choices for each photo."""

    all_confirmed = Signal(object)  # ExportForm: for all open photos

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.dialog: ExportDialog | None = None
        # Weak keys: the choices of a photo end with it.
        self._forms: WeakKeyDictionary[DocumentState, ExportForm] = WeakKeyDictionary()
        self._last: ExportForm | None = None
        self._existing: tuple[PendingRequest, ...] = ()  # exports that wait for an answer about an existing file
        self._question: Bar | None = None
        self._sizing: PendingRequest | None = None  # the estimate that the dialog waits for
        session.actions.on("export", self._show_dialog)
        session.actions.on("export_again", self._export_again)
        session.actions.on("export_all", self._show_dialog_for_all)

    def _show_dialog(self) -> None:
        state = self._session.current
        if self.dialog is not None:  # screen readers reach the action although the dialog is modal
            self.dialog.raise_()
            return
        if state is None or (subject := _subject(state)) is None:
            return
        form = self._forms.get(state) or self._first_form(state)
        dialog = self._open_dialog(state, ExportDialog(self._session.dialog_parent, subject, form))
        dialog.exported.connect(partial(self._export, state))

    def _show_dialog_for_all(self) -> None:
        """One form for all open photos; the size is that of the shown one."""
        state = self._session.current
        if self.dialog is not None:  # screen readers reach the action although the dialog is modal
            self.dialog.raise_()
            return
        if state is None or (subject := _subject(state)) is None:
            return
        form = self._forms.get(state) or self._first_form(state)
        count = len(self._session.documents)
        dialog = self._open_dialog(state, ExportDialog(self._session.dialog_parent, subject, form, count))
        dialog.exported.connect(self._confirm_all)

    def _open_dialog(self, state: DocumentState, dialog: ExportDialog) -> ExportDialog:
        self.dialog = dialog
        dialog.size_asked.connect(partial(self._estimate, state))
        dialog.finished.connect(self._forget_dialog)
        dialog.show_warning(unfinished(state))
        dialog.open()
        return dialog

    def _confirm_all(self, form: ExportForm) -> None:
        self._last = form
        self.all_confirmed.emit(form)

    def request(self, state: DocumentState, form: ExportForm) -> Export | None:
        """The export of the open version of a photo by a form."""
        if state.id is None or state.head is None or (subject := _subject(state)) is None:
            return None
        self._forms[state] = form
        return Export(state.id, state.head, form.of(subject))

    def _export_again(self) -> None:
        if (state := self._session.current) and (form := self._forms.get(state)):
            self._export(state, form)
        else:
            self._show_dialog()

    def show_size(self, pending: PendingRequest, estimated: SizeEstimated) -> None:
        """The size of the exported file was estimated, and what it will lack; it may be of an earlier dialog."""
        if self.dialog is not None and pending is self._sizing:
            self.dialog.show_size(estimated.size, [render(loss) for loss in estimated.losses])

    def finish(self, pending: PendingRequest, exported: Exported) -> None:
        """The export ended: say where the file is and what it lacks."""
        path, size = exported.path, exported.size
        if path is None:
            text = self.tr("Skipped: the file already exists.")
            self._session.notify(text, document=pending.state, seconds=8)
            return
        text = self.tr("Exported {name} ({size}).").format(name=path.name, size=file_size(size))
        remarks = [unfinished(pending.state) if pending.state else "", *(render(loss) for loss in exported.losses)]
        remarks = [remark for remark in remarks if remark]
        choices = ((self.tr("Open folder"), partial(show_folder, path)),)
        text = " ".join([text, *remarks])
        self._session.notify(text, choices=choices, document=pending.state, seconds=30 if remarks else 15)

    def ask_about_existing(self, pending: PendingRequest, *, everywhere: bool = False) -> None:
        """A file exists and its options say to ask: one question for all of which the answer is still open.

        everywhere: show it whichever photo is shown, as for several photos.
        """
        if not isinstance(pending.request, Export):
            return
        # The same photo exported to the same file again takes the place of the one that waits.
        others = (older for older in self._existing if not _is_same(older, pending))
        waiting = (*others, pending)
        if (older := self._question) is not None:
            self._question = None  # replaced, not answered
            older.close_later()
        self._existing = waiting
        answer = partial(self._export_existing, waiting)
        overwrite = self.tr("Overwrite") if len(waiting) == 1 else self.tr("Overwrite all")
        choices = (
            (self.tr("Add a number"), partial(answer, "number")),
            (overwrite, partial(answer, "overwrite")),
            (self.tr("Cancel") if len(waiting) == 1 else self.tr("Skip all"), lambda: None),
        )
        # Of several photos the question stays in view whichever of them is shown.
        document = pending.state if len({id(p.state) for p in waiting}) == 1 and not everywhere else None
        question = self._session.notify(self._existing_text(waiting), "offer", choices, document=document)
        self._question = question
        question.closed.connect(partial(self._forget_question, question))

    def _existing_text(self, waiting: Sequence[PendingRequest]) -> str:
        paths = [p.request.options.path for p in waiting if isinstance(p.request, Export)]
        folders = {path.parent for path in paths}
        if len(paths) == 1:
            return self.tr("{name} already exists in {folder}.").format(name=paths[0].name, folder=paths[0].parent)
        if len(folders) == 1:
            text = self.tr("%n file(s) already exist in {folder}: {names}", "", len(paths))
        else:
            text = self.tr("%n file(s) already exist: {names}", "", len(paths))
        shown = [path.name for path in paths[:NAMES_SHOWN]] + ["…"] * (len(paths) > NAMES_SHOWN)
        return text.format(folder=paths[0].parent, names=", ".join(shown))

    def _export_existing(self, waiting: Sequence[PendingRequest], exists: Literal["number", "overwrite"]) -> None:
        for pending in waiting:
            if isinstance(request := pending.request, Export) and self._session.is_open(pending.state):
                options = dataclasses.replace(request.options, exists=exists)
                self._session.ask(dataclasses.replace(request, options=options), pending.state, pending.title)

    def _forget_question(self, question: Bar) -> None:
        if question is self._question:
            self._question, self._existing = None, ()

    def _first_form(self, state: DocumentState) -> ExportForm:
        """The folder of the photo, with the choices of the last export of any photo."""
        # Samples lie in the installation, where nothing should be written.
        folder = state.path.parent if state.path and state.path not in self._session.samples else Path.home()
        path = folder / "photo"
        if self._last is not None:
            options = dataclasses.replace(self._last.options, path=path, longest=None)
            return dataclasses.replace(self._last, options=options)
        # A RAW photo is developed to 16 bits: TIFF is what other programs expect of it.
        form = "tiff" if state.path and state.path.suffix.lower() in RAW else "png"
        return ExportForm(ExportOptions(path, form, metadata=self._session.settings.metadata))

    def _estimate(self, state: DocumentState, options: ExportOptions) -> None:
        if state.id and state.head:
            self._sizing = self._session.ask(EstimateSize(state.id, state.head, options), state)

    def _export(self, state: DocumentState, form: ExportForm) -> None:
        if (request := self.request(state, form)) is not None:
            self._last = form
            title = self.tr("Exporting {name}…").format(name=request.options.path.name)
            self._session.ask(request, state, title)

    def _forget_dialog(self) -> None:
        self.dialog = None
        if self._sizing is not None:
            self._session.requests.cancel(self._sizing)  # encoding a large photo takes long
            self._sizing = None


def _subject(state: DocumentState) -> Subject | None:
    version, card = state.head_version, state.card
    if version is None or card is None:
        return None
    number = list(state.versions).index(version.id) + 1
    return Subject(state.title, version, number, card.depth, card.profile, _before(state, version))


def _before(state: DocumentState, version: Version) -> VersionId | None:
    """What a picture of before and after shows as before: the original, else the version that is compared with."""
    original = state.versions.get(state.original) if state.original else None
    if original is None or original.id == version.id:
        return None
    same = (original.width, original.height) == (version.width, version.height)
    return original.id if same else state.other


def _is_same(older: PendingRequest, newer: PendingRequest) -> bool:
    """Whether two requests export the same photo to the same file."""
    first, second = older.request, newer.request
    if not isinstance(first, Export) or not isinstance(second, Export):
        return False
    return older.state is newer.state and first.options.path == second.options.path
