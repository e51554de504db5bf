"""The message field: a draft for each document, earlier messages, photos and regions that are put into it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from clarity_desktop.messages import FindPhoto, PhotoFound, Recover
from clarity_desktop.references import names
from clarity_desktop.ui.commands.conversation import ConversationCommands
from clarity_desktop.ui.commands.files import FileCommands
from clarity_desktop.ui.commands.transcript import MACRO, TranscriptCommands
from clarity_desktop.ui.commands.typed_path import TypedPath, find_path, only_opens
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.composer import user_messages
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Turn


class ComposerCommands(QObject):
    """Connects the message field with the document that is shown, and conversations with each other."""

    def __init__(
        self, session: Session, dock: ChatDock, conversation: ConversationCommands, files: FileCommands,
        transcript: TranscriptCommands,
    ) -> None:  # fmt: skip
        super().__init__(session)
        self._session, self._dock, self._conversation, self._files = session, dock, conversation, files
        self._transcript = transcript
        self._shown: DocumentState | None = None
        self._unsent: WeakKeyDictionary[DocumentState, str] = WeakKeyDictionary()  # until the photo is open
        self._wants_focus: DocumentState | None = None  # a photo that was opened from the message field
        composer = dock.composer
        composer.textChanged.connect(self._keep_draft)
        composer.files_given.connect(self._open_files)
        composer.image_given.connect(self._open_image)
        dock.menu.aboutToShow.connect(self._fill_menu)
        dock.composed.connect(self._send)
        dock.earlier.asked.connect(self._find_photo)

    # the document that is shown

    def show_document(self) -> None:
        """Show the draft and the messages of the current document."""
        state = self._shown = self._session.current
        typed = [text for turn in state.turns if (text := _typed(turn))] if state else []
        self._dock.composer.show_conversation(user_messages(typed), state.draft if state else "")
        self._dock.earlier.show_photos(state.card.earlier if state and state.card else ())
        self.show_state()
        if state and state.card:
            if state is self._wants_focus:
                self._wants_focus = None
                self._dock.focus()
            if (text := self._unsent.pop(state, None)) is not None:
                self._conversation.send(text)

    def show_state(self) -> None:
        """Show which regions a message may refer to."""
        selection = self._session.current.selection if self._session.current else None
        kept = names(selection.kept.values()) if selection else {}
        self._dock.composer.show_names(kept, selected=selection is not None and selection.now.region is not None)

    def add_turn(self, state: DocumentState, turn: Turn) -> None:
        """A turn was added: Up recalls the user's own."""
        if state is self._session.current and (text := _typed(turn)):
            self._dock.composer.remember(text)

    def _fill_menu(self) -> None:
        """What can be put into the message, then what can be done with the conversation."""
        menu = self._dock.menu
        menu.clear()
        state = self._session.current
        if state and state.selection.now.region is not None:
            menu.addAction(self.tr("Refer to the selection")).triggered.connect(partial(self._refer_to, ""))
        for name, region in names(state.selection.kept.values()).items() if state else ():
            title = self.tr("Refer to “{region}”").format(region=name.replace("&", "&&"))
            menu.addAction(title).triggered.connect(partial(self._refer_to, region))
        menu.addAction(self.tr("Go on with another photo…")).triggered.connect(self._choose_photo)
        menu.addSeparator()
        menu.addActions(self._transcript.menu)

    def _refer_to(self, region: str, _checked: bool = False) -> None:
        self._dock.composer.refer_to(region)

    def _keep_draft(self) -> None:
        if self._shown is not None:
            self._shown.draft = self._dock.composer.toPlainText()

    # photos

    def fail_open(self, state: DocumentState) -> None:
        """A photo could not be opened: what was to be said about it is a draft again."""
        text = self._unsent.pop(state, "") or state.draft
        other = next((one for one in self._session.documents if one.id and one.id == state.earlier), None)
        if text and other is not None and not other.draft:
            other.draft = text
            if other is self._session.current:
                self.show_document()

    def show_photo(self, found: PhotoFound) -> None:
        """Show an earlier photo, and send there what was said about it."""
        state = self._session.document(found.open) if found.open else None
        if state is not None:
            self._session.select(state)
        elif found.file is not None and found.file.suffix == ".store":
            state = self._session.add_document(found.photo.title, None)
            title = self.tr("Opening {title}…").format(title=found.photo.title)
            self._session.ask(Recover(found.file), state, title)
        elif found.file is not None:
            [state] = self._files.open_paths([found.file])
        if state is not None and found.text:
            self._say(found.text, state)

    def _find_photo(self, number: int) -> None:
        if (state := self._session.current) and state.id:
            self._session.ask(FindPhoto(state.id, number), state)

    def _choose_photo(self) -> None:
        self._files.choose_files(self._open_files)

    def _open_files(self, paths: Sequence[Path]) -> None:
        macros = [path for path in paths if path.suffix == MACRO]
        if macros and (state := self._session.current):
            for path in macros:
                self._conversation.run_macro(path, state)
            return
        self._files.open_dropped(paths, self._session.current, self._move_draft())

    def _open_image(self, image: QImage) -> None:
        self._files.open_image(image, self.tr("Pasted picture {number}"), self._session.current, self._move_draft())

    def _move_draft(self) -> partial[None]:
        """What is being written belongs to the photo that is put into the field."""
        return partial(self._write_about, self._shown)

    def _write_about(self, before: DocumentState | None, state: DocumentState) -> None:
        if before is not None and before is not state and before.draft and not state.draft:
            before.draft, state.draft = "", before.draft
        self._wants_focus = state
        if state is self._session.current:
            self.show_document()

    # sending

    def _send(self, text: str) -> None:
        self._dock.composer.remember(text)  # also if it fails
        typed = find_path(text)
        if typed is None or self._shown is None:
            self._conversation.send(text)
        else:
            self._session.spawn(self._send_about(self._shown, text, typed))

    async def _send_about(self, state: DocumentState, text: str, typed: TypedPath) -> None:
        """Send a message that names a file: about that photo, if there is one."""
        if await self._session.in_file_thread(os.path.isfile, typed.path):
            said = "" if only_opens(typed.text) else typed.text
            [opened] = self._files.open_paths([typed.path], state)
            self._wants_focus = opened
            if said:
                self._say(said, opened)
            elif opened is self._session.current:
                self.show_document()
        elif typed.text:
            self._conversation.send(text, state)
        else:
            missing = self.tr("There is no file {path}. Check how it is written.").format(path=typed.path)
            self._session.notify(missing, "error", document=state)

    def _say(self, text: str, state: DocumentState) -> None:
        """Send a message about a photo, once it is open."""
        self._files.open_now(state)
        self._unsent[state] = text
        if state.card and state is self._session.current:
            self.show_document()


def _typed(turn: Turn) -> str:
    """What the user typed; "" for a reply, and for a turn that was made otherwise, as by a macro."""
    return turn.content if turn.role == "user" and isinstance(turn.content, str) else ""
