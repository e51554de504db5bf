"""The conversation: send messages, show turns and whether a reply is pending."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QUrl

from clarity_desktop.messages import SendMessage
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.verdict_panel import problems_to_list
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import file_size
from clarity_desktop.ui.session import Session
from clarity_desktop.values import TASK_FOR, ModelCard, Task, Turn


class ConversationCommands(QObject):
    """Connects the chat panel with the document that is shown."""

    def __init__(self, session: Session, dock: ChatDock, is_offered: Callable[[Task], bool]) -> None:
        """is_offered: is there a method for a task?"""
        super().__init__(session)
        self._session, self._dock, self._is_offered = session, dock, is_offered
        self._sizes: dict[str, int] = {}
        self._offered: Turn | None = None  # the turn under which there is a button
        dock.sent.connect(self._send)
        session.settings_changed.connect(self._show_recipient)
        self._show_recipient()

    def show_document(self) -> None:
        """Show the turns of the current document."""
        state = self._session.current
        self._dock.show_turns(state.turns if state else ())
        self._offered = None  # the dock has no button now
        self.show_state()

    def show_state(self) -> None:
        """Show whether the chat is available and whether a reply is pending."""
        state = self._session.current
        self._dock.show_ready(bool(state and state.card))
        self._dock.show_waiting(bool(state and state.awaits_reply))
        self._show_offer()
        head = state.head_version if state else None
        found = problems_to_list(head.detection) if head and head.detection else []
        self._dock.show_suggestions([TASK_FOR[d] for d in found if self._is_offered(TASK_FOR[d])])

    def add_turn(self, state: DocumentState, turn: Turn) -> None:
        """Append a turn to a document and, if it is shown, to the panel."""
        state.turns.append(turn)
        if state is self._session.current:
            self._dock.add_turn(turn)
            self._offered = None
            self._show_offer()

    def show_part(self, state: DocumentState, text: str) -> None:
        """Show what a language model has replied so far."""
        if state is self._session.current:
            self._dock.show_part(text)

    def _show_recipient(self) -> None:
        """Say where messages go, while a language model answers."""
        llm = self._session.settings.llm
        fields = {"model": llm.model, "server": QUrl(llm.url).authority()}
        if not llm.enabled:
            self._dock.show_recipient("")
        elif llm.send_photo:
            self._dock.show_recipient(self.tr("{model} at {server} gets your messages and the photo.").format(**fields))
        else:
            self._dock.show_recipient(
                self.tr("{model} at {server} gets your messages, not the photo.").format(**fields)
            )

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """The catalog: how large a download is."""
        self._sizes = {model.id: model.size for model in models}

    def _show_offer(self) -> None:
        """The button of the last turn, while it asks to download models and is about the open version."""
        state = self._session.current
        last = state.turns[-1] if state and state.turns else None
        wanted = last if state and last and last.models and last.question == state.head else None
        if wanted is not self._offered:
            self._dock.transcript.remove_offer()
            self._offered = wanted
            if wanted is not None:
                self._dock.show_download(file_size(sum(self._sizes.get(model, 0) for model in wanted.models)))

    def finish(self, state: DocumentState) -> None:
        """A message was answered, or its request ended in another way."""
        state.awaits_reply = bool(self._session.running(SendMessage, state))
        self.show_state()

    def _send(self, text: str) -> None:
        if (state := self._session.current) and state.id:
            state.awaits_reply = True
            self.show_state()
            request = SendMessage(state.id, text, state.canvas.view.visible(), state.selection.now.region)
            self._session.ask(request, state, self.tr("Replying to “{text}”").format(text=_shorten(text)))


def _shorten(text: str, length: int = 40) -> str:
    """The beginning of a message in one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
