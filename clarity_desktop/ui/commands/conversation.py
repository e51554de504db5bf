"""The conversation: send messages, show turns and whether a reply is pending."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QUrl

from clarity_desktop.messages import Edit, GoTo, Progress, RunMacro, RunPlan, SendMessage, StepStarted
from clarity_desktop.text import Message, Text, english
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.suggestions import Situation, suggest
from clarity_desktop.ui.docks.verdict_panel import problems_to_list
from clarity_desktop.ui.document_state import DocumentState, RunningReply
from clarity_desktop.ui.labels import file_size
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.values import TASK_FOR, Json, MethodCard, ModelCard, Task, Turn, Version, VersionId

CHAT = (SendMessage, RunPlan, RunMacro)
"""Requests that are answered by a turn of the conversation."""


class ConversationCommands(QObject):
    """Connects the chat panel with the document that is shown."""

    def __init__(self, session: Session, dock: ChatDock, is_offered: Callable[[Task], bool]) -> None:
        """is_offered: is there a method for a task?"""
        super().__init__(session)
        self._session, self._dock, self._is_offered = session, dock, is_offered
        self._sizes: dict[str, int] = {}
        dock.sent.connect(self.send)
        transcript = dock.transcript
        transcript.show_asked.connect(self._show_version)
        transcript.undo_asked.connect(self._go_before)
        transcript.another_asked.connect(self._try_another)
        transcript.return_asked.connect(self._bring_back)
        transcript.stop_asked.connect(self._stop)
        transcript.plan_asked.connect(self._run_plan)
        transcript.plan_cancelled.connect(partial(self._say, "chat.say_no"))
        session.settings_changed.connect(self._show_recipient)
        self._show_recipient()

    def show_document(self) -> None:
        """Show the turns of the current document."""
        state = self._session.current
        # Names of versions in the turns are links.
        self._dock.transcript.show_versions(state.versions if state else {}, state.head if state else None)
        self._dock.show_turns(state.turns if state else ())
        self.show_state()

    def show_state(self) -> None:
        """Show whether the chat is available and whether a reply is pending."""
        state = self._session.current
        self._dock.show_ready(bool(state and state.card))
        transcript = self._dock.transcript
        transcript.show_versions(state.versions if state else {}, state.head if state else None)
        transcript.show_reply(state.reply if state else None)
        self._open_plan(state)
        self._dock.show_suggestions(suggest(self._situation(state)) if state else ())

    def _situation(self, state: DocumentState) -> Situation:
        """What suggestions follow from; they belong to the version that is shown."""
        head, last = state.head_version, state.turns[-1] if state.turns else None
        tasks: tuple[Task, ...] | None = None
        if head and head.detection:
            found: list[Task] = [TASK_FOR[problem] for problem in problems_to_list(head.detection)]
            tasks = tuple(task for task in found if self._is_offered(task) and task not in state.discarded_tasks)
        asked = last is not None and bool(last.steps) and last.question is not None and last.question == state.head
        earlier = self._session.document(state.card.earlier[0].document) if state.card and state.card.earlier else None
        return Situation(
            tasks, head.step.task if head else None, bool(state.undo_to), state.selection.now.region is not None,
            bool(earlier and any(turn.versions for turn in earlier.turns)), asked,
        )  # fmt: skip

    def add_turn(self, state: DocumentState, turn: Turn) -> None:
        """Append a turn to a document and, if it is shown, to the panel."""
        state.turns.append(turn)
        if state.reply is not None and turn.role == "assistant":
            # It has cards for them now.
            state.reply.made = [version for version in state.reply.made if version not in turn.versions]
        if state is self._session.current:
            self._dock.add_turn(turn)

    # a reply that is on its way

    def show_part(self, state: DocumentState, text: Text) -> None:
        """Show what was replied so far."""
        if state.reply is not None:
            state.reply.text = text
            self._show_reply(state)

    def start_step(self, pending: PendingRequest, event: StepStarted) -> None:
        """Show the step of a reply that starts."""
        if (reply := self._reply(pending)) is not None:
            reply.step, reply.number, reply.count, reply.progress = event.step, event.number, event.count, None
            self._show_reply(pending.state)

    def show_progress(self, pending: PendingRequest, progress: Progress) -> None:
        """Show how far the step of a reply is."""
        if (reply := self._reply(pending)) is not None and reply.step is not None:
            reply.progress = progress
            self._show_reply(pending.state)

    def note_version(self, pending: PendingRequest, version: Version) -> None:
        """A step of a reply made a version: it gets a card; its analysis follows."""
        if (reply := self._reply(pending)) is not None:
            reply.made.append(version.id)
            reply.step = None

    def _reply(self, pending: PendingRequest) -> RunningReply | None:
        return pending.state.reply if pending.state and isinstance(pending.request, CHAT) else None

    def _show_reply(self, state: DocumentState | None) -> None:
        if state is not None and state is self._session.current:
            self._dock.transcript.show_reply(state.reply)

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

    def show_methods(self, methods: tuple[MethodCard, ...]) -> None:
        """The methods that plans can name."""
        self._dock.transcript.show_methods(methods)

    def _open_plan(self, state: DocumentState | None) -> None:
        """The plan of the last turn can be run while it is about the version that is shown."""
        last = state.turns[-1] if state and state.turns and state.reply is None else None
        if state is None or last is None or last.question is None or last.question != state.head:
            self._dock.transcript.open_plan(None)
            return
        size = sum(self._sizes.get(model, 0) for model in last.models)
        self._dock.transcript.open_plan(last, file_size(size) if last.models else "")

    def finish(self, state: DocumentState) -> None:
        """A message was answered, or its request ended in another way."""
        if not self._pending(state):
            state.reply = None
        self.show_state()

    def _pending(self, state: DocumentState) -> list[PendingRequest]:
        return [pending for kind in CHAT for pending in self._session.running(kind, state)]

    def send(self, text: str, about: DocumentState | None = None) -> None:
        """Send a message about a document; None: the one that is shown."""
        if (state := about or self._session.current) and state.id:
            numbered = state.compared.versions if state.compared else ()
            visible, selected = state.canvas.view.visible(), state.selection.now.region
            request = SendMessage(state.id, text, visible, selected, numbered)
            self._ask(request, state, self.tr("Replying to “{text}”").format(text=_shorten(text)))

    def run_macro(self, path: Path, state: DocumentState) -> None:
        """Run a macro on the version of a document that is shown."""
        if state.id:
            request = RunMacro(state.id, path, state.canvas.view.visible())
            self._ask(request, state, self.tr("Running the macro {name}").format(name=path.stem))

    def _say(self, key: str) -> None:
        # The planner understands English, whatever the language of the window.
        self.send(english(Message(key)))

    def _run_plan(self, steps: tuple[Json, ...], only_visible: bool) -> None:
        if (state := self._session.current) and state.id:
            visible, selected = state.canvas.view.visible(), state.selection.now.region
            self._ask(RunPlan(state.id, steps, only_visible, visible, selected), state, self.tr("Running the plan"))

    def _ask(self, request: SendMessage | RunPlan | RunMacro, state: DocumentState, title: str) -> None:
        if state.reply is None:
            state.reply = RunningReply()
        self.show_state()
        self._session.ask(request, state, title)

    # what the cards ask for

    def _show_version(self, version: VersionId) -> None:
        state = self._session.current
        if state and state.id and version != state.head:
            self._session.ask(GoTo(state.id, version), state)

    def _go_before(self, version: VersionId) -> None:
        """Show what a version was made from; not a deleted version."""
        state = self._session.current
        made = state.versions.get(version) if state else None
        parent = state.versions.get(made.parent) if state and made and made.parent else None
        while state and parent and parent.deleted and parent.parent:
            parent = state.versions.get(parent.parent)
        if parent is not None:
            self._show_version(parent.id)

    def _try_another(self, version: VersionId) -> None:
        """Say so in the conversation, about this version."""
        state = self._session.current
        if state and state.id and version != state.head:
            self._session.ask(GoTo(state.id, version), state, then=partial(self._say_about, state))
        else:
            self._say("chat.say_another")

    def _say_about(self, state: DocumentState) -> None:
        if state is self._session.current:
            self._say("chat.say_another")

    def _bring_back(self, version: VersionId) -> None:
        if (state := self._session.current) and state.id:
            self._session.ask(Edit(state.id, version, deleted=False), state)

    def _stop(self) -> None:
        if state := self._session.current:
            for pending in self._pending(state):
                self._session.requests.cancel(pending)


def _shorten(text: str, length: int = 40) -> str:
    """The beginning of a message in one line."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"
