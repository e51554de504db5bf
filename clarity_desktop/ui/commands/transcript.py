"""The conversation so far: find in it, copy it, save it as text or as a macro, and run a macro."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMenu

from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import SaveMacro
from clarity_desktop.ui.commands.conversation import ConversationCommands
from clarity_desktop.ui.dialogs.save_macro import Exchange, SaveMacroDialog
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.find_bar import Match, find
from clarity_desktop.ui.docks.transcript import SHOWN_CHARACTERS
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import clock
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Turn

MACRO = ".clarity-macro"


class TranscriptCommands(QObject):
    """Connects the conversation that is shown with the clipboard, with files and with the search."""

    def __init__(self, session: Session, dock: ChatDock, conversation: ConversationCommands) -> None:
        super().__init__(session)
        self._session, self._dock, self._conversation = session, dock, conversation
        self._matches: list[Match] = []
        self._current = 0
        self.find = self._action(self.tr("&Find in the conversation…"), dock.find_bar.open)
        self.copy = self._action(self.tr("&Copy the conversation"), self._copy_all)
        self.save = self._action(self.tr("&Save the conversation as text…"), self._ask_text_file)
        session.actions.on("save_macro", self._ask_macro)
        session.actions.on("run_macro", self._ask_run)
        dock.find_bar.changed.connect(self._find)
        dock.find_bar.moved.connect(self._move)
        dock.find_bar.closed.connect(self._close_search)
        dock.transcript.menu_opened.connect(self._add_to_menu)

    @property
    def menu(self) -> tuple[QAction, ...]:
        """What can be done with the whole conversation."""
        actions = self._session.actions
        return self.find, self.copy, self.save, actions["save_macro"], actions["run_macro"]

    def _action(self, title: str, work: object) -> QAction:
        action = QAction(title, self)
        action.triggered.connect(work)
        return action

    @property
    def _turns(self) -> Sequence[Turn]:
        return self._session.current.turns if self._session.current else ()

    # search

    def show_document(self) -> None:
        """Another conversation is shown: search in that one."""
        if not self._dock.find_bar.isHidden():
            self._find(self._dock.find_bar.field.text())

    def show_state(self) -> None:
        """Enable what needs turns."""
        has_turns = bool(self._turns)
        for action in (self.find, self.copy, self.save):
            action.setEnabled(has_turns)
        can_save = any(turn.versions for turn in self._turns)
        self._session.actions["save_macro"].setEnabled(can_save)

    def add_turn(self, state: DocumentState) -> None:
        """A turn was added: it may match as well."""
        if state is self._session.current and self._matches:
            self._matches = find(self._texts(), self._dock.find_bar.field.text())
            self._dock.find_bar.show_matches(self._current, len(self._matches))

    def _texts(self) -> list[str]:
        return [render(turn.content)[:SHOWN_CHARACTERS] for turn in self._turns]

    def _find(self, words: str) -> None:
        self._matches = find(self._texts(), words)
        self._current = len(self._matches) - 1  # the newest
        self._mark()

    def _move(self, step: int) -> None:
        if self._matches:
            self._current = (self._current + step) % len(self._matches)
            self._mark()

    def _mark(self) -> None:
        bar, transcript = self._dock.find_bar, self._dock.transcript
        if not self._matches:
            transcript.unmark()
            bar.show_matches(None, 0)
            return
        spans: dict[int, list[tuple[int, int]]] = {}
        for match in self._matches:
            spans.setdefault(match.turn, []).append((match.start, match.end))
        at = self._matches[self._current]
        transcript.mark(spans, at.turn, (at.start, at.end))
        bar.show_matches(self._current, len(self._matches))

    def _close_search(self) -> None:
        self._matches = []
        self._dock.transcript.unmark()
        self._dock.find_bar.hide()
        self._dock.focus()

    # copies

    def _add_to_menu(self, number: int, menu: QMenu) -> None:
        """The menu of a message: what can be done with the conversation from there."""
        menu.addAction(self.copy)
        menu.addSeparator()
        macro = menu.addAction(self.tr("Save as macro from here…"))
        macro.setEnabled(any(turn.versions for turn in self._turns[number:]))
        macro.triggered.connect(partial(self._ask_macro, number))
        menu.addActions((self.save, self.find))

    def _copy_all(self) -> None:
        QGuiApplication.clipboard().setText(self._text())
        self._session.notify(self.tr("The conversation was copied."), document=self._session.current, seconds=4)

    def _text(self) -> str:
        """The conversation as text: who said what, and when."""
        parts: list[str] = []
        for turn in self._turns:
            who = self.tr("You, {time}:") if turn.role == "user" else self.tr("Clarity, {time}:")
            parts.append(f"{who.format(time=clock(turn.time))}\n{render(turn.content)}")
        return "\n\n".join(parts) + "\n"

    def _ask_text_file(self) -> None:
        if state := self._session.current:
            dialog = self._dialog(self.tr("Save the conversation as text"), self.tr("Text ({pattern})"), ".txt", state)
            dialog.fileSelected.connect(partial(self.save_text, state))
            dialog.open()

    def save_text(self, state: DocumentState, name: str) -> None:
        """Write the conversation to a text file."""
        self._session.spawn(self._write(state, Path(name), self._text()))

    async def _write(self, state: DocumentState, path: Path, text: str) -> None:
        try:
            await self._session.in_file_thread(write_atomically, path, text.encode())
        except OSError as e:
            failed = self.tr("{name} was not saved: {reason}.")
            failed = failed.format(name=path.name, reason=e.strerror or e)
            self._session.notify(failed, "error", document=state)
        else:
            self._session.notify(self.tr("Saved {name}.").format(name=path.name), document=state, seconds=4)

    # macros

    def _ask_macro(self, begin: int = 0, _checked: bool = False) -> None:
        state = self._session.current
        if state is None or state.id is None:
            return
        name = Path(state.title).stem
        dialog = SaveMacroDialog(self._session.dialog_parent, exchanges(state.turns), name, begin)
        dialog.chosen.connect(partial(self._ask_macro_file, state))
        dialog.open()

    def _ask_macro_file(self, state: DocumentState, first: int, stop: int, name: str) -> None:
        dialog = self._dialog(self.tr("Save as macro"), self.tr("Macros ({pattern})"), MACRO, state, name)
        dialog.fileSelected.connect(partial(self.save_macro, state, first, stop, name))
        dialog.open()

    def save_macro(self, state: DocumentState, first: int, stop: int, name: str, file: str) -> None:
        """Save the changes of the turns first..stop-1 as a macro."""
        if state.id:
            self._session.ask(SaveMacro(state.id, Path(file), first, stop, name), state)

    def _ask_run(self) -> None:
        if (state := self._session.current) is None:
            return
        dialog = QFileDialog(self._session.dialog_parent, self.tr("Run a macro"), str(_folder(state)))
        dialog.setOption(QFileDialog.Option.HideNameFilterDetails)
        dialog.setNameFilter(self.tr("Macros ({pattern})").format(pattern=f"*{MACRO}"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(partial(self.run_macro, state))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def run_macro(self, state: DocumentState, file: str) -> None:
        """Run a macro on the version of a document that is shown."""
        self._conversation.run_macro(Path(file), state)

    def _dialog(self, title: str, kind: str, suffix: str, state: DocumentState, name: str = "") -> QFileDialog:
        dialog = QFileDialog(self._session.dialog_parent, title, str(_folder(state)))
        dialog.setOption(QFileDialog.Option.HideNameFilterDetails)
        dialog.setNameFilter(kind.format(pattern=f"*{suffix}"))
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(suffix)
        dialog.selectFile(f"{name or Path(state.title).stem}{suffix}")
        dialog.finished.connect(dialog.deleteLater)
        return dialog


def exchanges(turns: Sequence[Turn]) -> list[Exchange]:
    """The messages of the user, each with the turns that answer it."""
    starts = [number for number, turn in enumerate(turns) if turn.role == "user" or number == 0]
    found: list[Exchange] = []
    for first, stop in zip(starts, [*starts[1:], len(turns)], strict=True):
        lines = [" ".join(render(turn.content).split()) for turn in turns[first:stop]]
        changes = any(turn.versions for turn in turns[first:stop])
        found.append(Exchange(first, stop, " → ".join(lines[:2]), changes))
    return found


def _folder(state: DocumentState) -> Path:
    return state.path.parent if state.path else Path.home()
