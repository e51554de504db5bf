"""The transcript of a conversation: its turns from the oldest to the newest, with cards for steps and plans."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QScrollArea,
    QToolButton,
    QWidget,
)

from clarity_desktop.text import Message, Text
from clarity_desktop.ui import theme
from clarity_desktop.ui.docks.plan_card import PlanCard
from clarity_desktop.ui.docks.step_card import Card, Places, RunningCard, StepCard
from clarity_desktop.ui.docks.turn_column import ColumnItem, TurnColumn
from clarity_desktop.ui.docks.version_links import Link, Span, VersionNames, as_html
from clarity_desktop.ui.document_state import RunningReply
from clarity_desktop.ui.translate import render
from clarity_desktop.values import MethodCard, Turn, Version, VersionId

SHOWN_TURNS = 50
"""Turns that are shown at once: each is a widget, and a project may hold 100,000."""
KEPT_TURNS = 150
"""Turns above which the first ones are hidden again while the user reads the last ones."""
AT_ONCE = 10
"""Turns that are made before the first paint, and cards that are updated with it; others follow when Qt is idle."""
PIECE_SECONDS = 0.01
"""Of work that can wait, between two turns of the event loop."""
SPEAKER_MARGIN = 28
SHOWN_CHARACTERS = 10_000
"""Of a turn; laying out a longer text takes too long."""
PART_QUESTION = "chat.takes_long_or_part"
"""The question whose answer may be that only the visible part is to be restored."""
NEAR_END = 8
"""Pixels from the end within which the transcript follows what is added."""


class Bubble(QLabel):
    """What was said in one turn. Names of versions are links; the accessible name includes the speaker."""

    version_asked = Signal(str)
    focused = Signal(object, bool)  # itself, whether it got or lost the focus
    menu_opened = Signal(QMenu)

    def __init__(self, role: str, text: str, links: Sequence[Link] = ()) -> None:
        super().__init__()
        self.copy_button: QToolButton | None = None
        self.setObjectName("bubble")
        self.setProperty("speaker", role)
        self.setWordWrap(True)
        flag = Qt.TextInteractionFlag
        self.setTextInteractionFlags(
            flag.TextSelectableByMouse | flag.LinksAccessibleByMouse | flag.LinksAccessibleByKeyboard
        )
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.linkActivated.connect(self.version_asked)
        self._role, self._said = role, ""
        self._links: list[Link] = []
        self._spans: Sequence[Span] = ()  # highlighted
        self._span: Span | None = None
        self.say(text, links)

    def say(self, text: str, links: Sequence[Link] = ()) -> None:
        """Show another text."""
        self._said = text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
        self._links = [link for link in links if link.end < len(self._said) or self._said == text]
        self.mark(())
        spoken = self.tr("You: {text}") if self._role == "user" else self.tr("Clarity: {text}")
        self.setAccessibleName(spoken.format(text=self._said))

    def mark(self, spans: Sequence[Span], current: Span | None = None) -> None:
        """Highlight parts of the text, the current one more strongly; none: nothing is highlighted."""
        self._spans, self._span = spans, current
        rich = bool(self._links or spans)
        self.setTextFormat(Qt.TextFormat.RichText if rich else Qt.TextFormat.PlainText)
        self.setText(as_html(self._said, self._links, spans, current) if rich else self._said)

    def changeEvent(self, arg__1: QEvent) -> None:
        super().changeEvent(arg__1)
        if arg__1.type() == QEvent.Type.PaletteChange and self._spans:
            self.mark(self._spans, self._span)  # in the colors of the other theme

    def text(self) -> str:
        """What was said, without the markup of links."""
        return self._said

    def controls(self) -> list[QWidget]:
        """The widgets that belong to it and take the focus."""
        return [self.copy_button] if self.copy_button else []

    def copy(self) -> None:
        """Copy what was said."""
        QGuiApplication.clipboard().setText(self._said)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        if ev.matches(QKeySequence.StandardKey.Copy) and not self.hasSelectedText():
            self.copy()
        else:
            super().keyPressEvent(ev)

    def focusInEvent(self, ev: QFocusEvent) -> None:
        super().focusInEvent(ev)
        self.focused.emit(self, True)

    def focusOutEvent(self, ev: QFocusEvent) -> None:
        super().focusOutEvent(ev)
        self.focused.emit(self, False)

    def contextMenuEvent(self, ev: QContextMenuEvent) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if selected := self.selectedText():
            copy = menu.addAction(self.tr("Copy"))
            copy.triggered.connect(lambda _checked=False: QGuiApplication.clipboard().setText(selected))
        menu.addAction(self.tr("Copy message")).triggered.connect(lambda _checked=False: self.copy())
        self.menu_opened.emit(menu)
        menu.popup(ev.globalPos())


class CopyButton(QToolButton):
    """Copies a message; it is only there while the message or the button has the focus, or the pointer is on it."""

    left = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        theme.set_icon(self, "copy")
        self.setProperty("small", True)
        self.setAccessibleName(self.tr("Copy message"))
        self.setToolTip(self.tr("Copy message"))
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def focusOutEvent(self, arg__1: QFocusEvent) -> None:
        super().focusOutEvent(arg__1)
        self.left.emit()


Entry = Bubble | Card


class TurnView(ColumnItem):
    """One turn: what was said, and cards for the versions that it made or for the plan that waits."""

    def __init__(self, turn: Turn, text: str, links: Sequence[Link], methods: Sequence[MethodCard]) -> None:
        """text: its content as shown."""
        super().__init__()
        self.turn = turn
        is_reply = turn.role == "assistant"
        self.bubble = Bubble(turn.role, text, links)
        self.cards = [StepCard(version) for version in dict.fromkeys(turn.versions)] if is_reply else []
        self.plan: PlanCard | None = None
        if is_reply and turn.question is not None and turn.steps:
            self.plan = PlanCard(turn.steps, methods, offers_part=has_key(turn.content, PART_QUESTION))
        self._copy: QToolButton | None = None
        # Where the focus goes is known after it was lost.
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self.offer_copy)
        self.bubble.focused.connect(self._follow_focus)
        row = QHBoxLayout()
        row.setSpacing(0)
        # The margin on one side shows who speaks; the button for copying lies in it.
        if not is_reply:
            row.addSpacing(SPEAKER_MARGIN)
        row.addWidget(self.bubble, 1)
        if is_reply:
            row.addSpacing(SPEAKER_MARGIN)
        self.content.addLayout(row)
        for card in (*self.cards, *([self.plan] if self.plan else [])):
            self.content.addWidget(card)

    def entries(self) -> list[Entry]:
        """What the keyboard reaches, in order."""
        return [self.bubble, *self.cards, *([self.plan] if self.plan else [])]

    def _follow_focus(self, _bubble: Bubble, has_focus: bool) -> None:
        if has_focus:
            self.offer_copy()
        else:
            self._later.start()

    def offer_copy(self) -> None:
        """Show the button for copying while the pointer or the focus is on the message."""
        focused = self.bubble.hasFocus() or (self._copy is not None and self._copy.hasFocus())
        wanted = self.underMouse() or focused
        if self._copy is None:
            if not wanted:
                return
            self._copy = self.bubble.copy_button = self._make_copy()  # not before: most messages are never copied
        if wanted:
            is_reply = self.turn.role == "assistant"
            x = self.width() - self._copy.sizeHint().width() if is_reply else 0
            self._copy.move(x, self.bubble.y())
        self._copy.setVisible(wanted)

    def _make_copy(self) -> QToolButton:
        button = CopyButton(self)
        button.clicked.connect(self.bubble.copy)
        button.left.connect(self._later.start)
        return button

    def enterEvent(self, event: QEnterEvent) -> None:
        self.offer_copy()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.offer_copy()
        super().leaveEvent(event)


class Transcript(QScrollArea):
    """The turns of a conversation, and the reply that is on its way. Signals carry the version of a card or link.

    Tab leads to one entry and its buttons, then out; Up, Down, Home and End go to another entry, Esc leaves.
    """

    show_asked = Signal(str)
    undo_asked = Signal(str)
    another_asked = Signal(str)
    return_asked = Signal(str)
    stop_asked = Signal()
    plan_asked = Signal(object, bool)  # steps as JSON, whether only on the visible part
    plan_cancelled = Signal()
    menu_opened = Signal(int, QMenu)  # of the turn of that number; whoever is connected adds to it
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.views: list[TurnView] = []
        self._names: VersionNames | None = None
        self._methods: Sequence[MethodCard] = ()
        self._versions: Mapping[VersionId, Version] = {}
        self._places = Places({}, None)
        self._busy = False
        self._current: Entry | None = None
        self.setAccessibleName(self.tr("Conversation"))
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column = TurnColumn(self)
        self.setWidget(self._column)
        self._earlier_turns: list[Turn] = []
        self.earlier = QPushButton(self.tr("Show earlier messages"))
        self.earlier.setFlat(True)
        self.earlier.setAccessibleName(self.earlier.text())
        self.earlier.clicked.connect(self.show_earlier)
        # The reply that is on its way: what was said so far, what was made so far, what runs.
        self.waiting = Bubble("assistant", "…")
        self.waiting.version_asked.connect(self.show_asked)
        self.made: list[StepCard] = []
        self.running = RunningCard()
        self.running.stop_asked.connect(self.stop_asked)
        for entry in (self.waiting, self.running):
            entry.focused.connect(self._note_focus_of)
        self._top, self._live = ColumnItem(), ColumnItem()
        self._top.content.addWidget(self.earlier)
        for widget in (self.waiting, self.running):
            widget.hide()
            self._live.content.addWidget(widget)
        self._column.insert(0, self._top)
        self._column.insert(1, self._live)
        self._column.place()
        self._top.hide()
        self._live.hide()
        self._bar = self.verticalScrollBar()
        # The range changes after the layout of a new turn, which is when to scroll to its end.
        self._bar.rangeChanged.connect(self._follow)
        self._bar.valueChanged.connect(self._note_position)
        self._stale: list[StepCard] = []
        self._wanted = SHOWN_TURNS
        self._idle = QTimer(self)
        self._idle.timeout.connect(self._work)
        self._follows = True
        self._from_end: int | None = None

    @property
    def bubbles(self) -> list[Bubble]:
        """What was said, the oldest first."""
        return [view.bubble for view in self.views]

    @property
    def cards(self) -> list[StepCard]:
        """The cards of versions, the oldest first."""
        return [*(card for view in self.views for card in view.cards), *self.made]

    @property
    def plan(self) -> PlanCard | None:
        """The plan of the last turn."""
        return self.views[-1].plan if self.views else None

    # turns

    def show_turns(self, turns: Sequence[Turn]) -> None:
        """Show another conversation: its last turns, the earlier ones on request."""
        self.clear()
        self._earlier_turns, shown = list(turns[:-AT_ONCE]), turns[-AT_ONCE:]
        for turn in shown:
            self._add(turn)
        self._wanted = SHOWN_TURNS
        self._idle.start()
        self._top.setVisible(bool(self._earlier_turns))
        self._follows = True
        self._settle()

    def show_earlier(self) -> None:
        """Insert earlier turns above the first one; those that are on screen stay there."""
        self._wanted = len(self.views) + SHOWN_TURNS
        self._idle.start()

    def _work(self) -> None:
        """A piece of what can wait: cards out of sight, then earlier turns."""
        end = time.perf_counter() + PIECE_SECONDS
        while self._stale and time.perf_counter() < end:
            card = self._stale.pop()
            card.show_facts(self._places.facts(card.version, busy=self._busy))
        if self._earlier_turns and len(self.views) < self._wanted:
            self._insert_earlier(lambda: len(self.views) < self._wanted and time.perf_counter() < end)
        elif not self._stale:
            self._idle.stop()

    def _insert_earlier(self, wanted: Callable[[], bool]) -> None:
        """Insert earlier turns while more are wanted; those that are on screen stay there."""
        while self._earlier_turns and wanted():
            self._add(self._earlier_turns.pop(), 0)
        self._from_end = self._bar.maximum() - self._bar.value()
        self._column.place()
        self._from_end = None
        self._top.setVisible(bool(self._earlier_turns))

    def add_turn(self, turn: Turn) -> None:
        """Append a turn; an answer is announced to screen readers."""
        if turn.role == "user":
            self._follows = True
        # What it made has a card in it now.
        self._show_made([card.version for card in self.made if card.version not in turn.versions])
        view = self._add(turn)
        if len(self.views) > KEPT_TURNS and self._follows:
            self._hide_first(len(self.views) - SHOWN_TURNS)
        if turn.role == "assistant":
            QAccessible.updateAccessibility(QAccessibleEvent(view.bubble, QAccessible.Event.Alert))
        self._settle()

    def clear(self) -> None:
        """Remove all turns."""
        self._current = None
        self._stale.clear()
        self._show_made([])
        for view in self.views:
            self._column.remove(view)
        self.views.clear()

    def _hide_first(self, count: int) -> None:
        """A long conversation must not become slower with every turn."""
        hidden, self.views = self.views[:count], self.views[count:]
        self._wanted = SHOWN_TURNS
        gone = {card for view in hidden for card in view.cards}
        self._stale = [card for card in self._stale if card not in gone]
        self._earlier_turns += [view.turn for view in hidden]
        for view in hidden:
            if self._current is not None and view.isAncestorOf(self._current):
                self._current = None
            self._column.remove(view)
        self._top.show()

    def _add(self, turn: Turn, at: int | None = None) -> TurnView:
        at = len(self.views) if at is None else at
        text = render(turn.content)
        links = self._links(text, turn.versions, turn.time) if turn.role == "assistant" else ()
        view = TurnView(turn, text, links, self._methods)
        view.bubble.version_asked.connect(self.show_asked)
        for entry in view.entries():
            entry.focused.connect(self._note_focus_of)
        view.bubble.menu_opened.connect(partial(self._open_menu, view))
        for card in view.cards:
            self._connect(card)
        if view.plan is not None:
            view.plan.run_asked.connect(self.plan_asked)
            view.plan.cancelled.connect(self.plan_cancelled)
            view.plan.show_open(False)
        self._column.insert(1 + at, view)  # below the button for earlier turns
        self.views.insert(at, view)
        return view

    def _open_menu(self, view: TurnView, menu: QMenu) -> None:
        self.menu_opened.emit(len(self._earlier_turns) + self.views.index(view), menu)

    # search

    def mark(self, spans: Mapping[int, Sequence[Span]], at: int, current: Span) -> None:
        """Highlight parts of turns, by the numbers of these, and bring the current one into view."""
        if at < len(self._earlier_turns):
            self._insert_earlier(lambda: len(self._earlier_turns) > max(0, at - AT_ONCE))
        hidden = len(self._earlier_turns)
        for number, view in enumerate(self.views, hidden):
            view.bubble.mark(spans.get(number, ()), current if number == at else None)
        if hidden <= at < hidden + len(self.views):
            view = self.views[at - hidden]
            self._follows = False
            # After the layout: the place of what was just added is not known before.
            QTimer.singleShot(0, view, lambda: self.ensureWidgetVisible(view.bubble, 0, 8))

    def unmark(self) -> None:
        """Highlight nothing."""
        for view in self.views:
            view.bubble.mark(())

    def _connect(self, card: StepCard) -> None:
        card.show_asked.connect(self.show_asked)
        card.undo_asked.connect(self.undo_asked)
        card.another_asked.connect(self.another_asked)
        card.return_asked.connect(self.return_asked)
        card.show_facts(self._places.facts(card.version, busy=self._busy))

    # what changes around the turns

    def show_methods(self, methods: Sequence[MethodCard]) -> None:
        """The methods that plans can name, from now on."""
        self._methods = methods

    def show_versions(self, versions: Mapping[VersionId, Version], head: VersionId | None) -> None:
        """Show on the cards what has become of their versions: undone, rejected, deleted, scored."""
        self._versions, self._names = versions, None
        self._places = Places(versions, head)
        self._show_facts()

    def show_reply(self, reply: RunningReply | None) -> None:
        """Show what is known of the reply that is on its way; None: there is none."""
        busy = reply is not None
        self._show_made(reply.made if reply else [])
        said: Text = reply.text if reply else ""
        is_running = reply is not None and reply.step is not None
        text = render(said)
        self.waiting.say(text or "…", self._links(text, reply.made, float("inf")) if reply and text else ())
        if not text:
            self.waiting.setAccessibleName(self.tr("Waiting for a reply"))
        self.waiting.setVisible(busy and (bool(text) or not is_running))
        if reply is not None and is_running:
            self.running.show_step(reply.step, reply.number, reply.count, reply.progress)
        self.running.setVisible(is_running)
        self._live.setVisible(busy)
        if busy != self._busy:
            self._busy = busy
            self._show_facts()
        self._settle()

    def open_plan(self, turn: Turn | None, download: str = "") -> None:
        """Only the plan of this turn can be run. download: the size of the models that it needs, as shown."""
        for view in self.views:
            if view.plan is not None:
                view.plan.show_open(view.turn is turn, download if view.turn is turn else "")

    def _links(self, text: str, own: Collection[VersionId], time: float) -> list[Link]:
        if self._names is None:  # only looked for once something is said
            self._names = VersionNames(self._versions)
        return self._names.links(text, own, time)

    def _show_facts(self) -> None:
        cards = self.cards
        if len(cards) > AT_ONCE:
            seen = [card for card in cards if not card.visibleRegion().isEmpty()]
            self._stale = [card for card in cards if card not in seen]
            self._idle.start()
            cards = seen
        for card in cards:
            card.show_facts(self._places.facts(card.version, busy=self._busy))

    def _show_made(self, versions: Sequence[VersionId]) -> None:
        shown = [card.version for card in self.made]
        if shown == list(versions):
            return
        for card in self.made:
            if card.version not in versions:
                self._stale = [stale for stale in self._stale if stale is not card]
                self._current = None if self._current is card else self._current
                self._live.content.removeWidget(card)
                card.hide()
                card.deleteLater()
        self.made = [card for card in self.made if card.version in versions]
        for version in versions:
            if version not in shown:
                card = StepCard(version)
                self._connect(card)
                card.focused.connect(self._note_focus_of)
                self._live.content.insertWidget(self._live.content.indexOf(self.running), card)
                self.made.append(card)
                QAccessible.updateAccessibility(QAccessibleEvent(card, QAccessible.Event.Alert))

    # the keyboard

    def entries(self) -> list[Entry]:
        """What the keyboard reaches, in order."""
        found: list[Entry] = [entry for view in self.views for entry in view.entries()]
        found += [entry for entry in (self.waiting, *self.made, self.running) if not entry.isHidden()]
        return found

    def resizeEvent(self, arg__1: QResizeEvent) -> None:
        super().resizeEvent(arg__1)
        self._column.place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._column.measure_again()

    def focusInEvent(self, arg__1: QEvent) -> None:  # noqa: ARG002
        """Tab, or a click between the entries: the current one takes the focus."""
        if entries := self.entries():
            (self._current if self._current in entries else entries[-1]).setFocus()

    def event(self, arg__1: QEvent) -> bool:
        """Esc leaves the transcript, unless it stops a running reply."""
        key = arg__1.key() if isinstance(arg__1, QKeyEvent) else None
        if arg__1.type() == QEvent.Type.ShortcutOverride and key == Qt.Key.Key_Escape and not self._busy:
            arg__1.accept()
            return True
        return super().event(arg__1)

    def keyPressEvent(self, arg__1: QKeyEvent) -> None:
        entries = self.entries()
        if (focused := QApplication.focusWidget()) is not None and self.isAncestorOf(focused):
            self._current = _entry_of(focused) or self._current
        at = entries.index(self._current) if self._current in entries else len(entries) - 1
        moves = {
            Qt.Key.Key_Up: at - 1, Qt.Key.Key_Down: at + 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(entries) - 1,
        }  # fmt: skip
        if arg__1.key() == Qt.Key.Key_Escape:
            self.left.emit()
        elif (to := moves.get(Qt.Key(arg__1.key()))) is not None and entries:
            entries[max(0, min(len(entries) - 1, to))].setFocus(Qt.FocusReason.OtherFocusReason)
        else:
            super().keyPressEvent(arg__1)

    def _note_focus_of(self, entry: Entry, has_focus: bool) -> None:
        if has_focus:
            self._note_focus(entry)

    def _note_focus(self, entry: Entry) -> None:
        """Tab comes back to the entry that had the focus last."""
        self._current = entry
        self.ensureWidgetVisible(entry, 0, 12)

    def focusNextPrevChild(self, next: bool) -> bool:  # noqa: A002
        """Tab goes through the buttons of the current entry, then leaves; the arrow keys go to other entries."""
        focused = QApplication.focusWidget()
        entry = _entry_of(focused) if focused is not None and self.isAncestorOf(focused) else None
        if entry is None:
            return super().focusNextPrevChild(next)
        self._current = entry
        stops = [entry, *(c for c in entry.controls() if c.isVisibleTo(self) and c.isEnabled())]
        at = stops.index(focused) if focused in stops else -1
        reason = Qt.FocusReason.TabFocusReason if next else Qt.FocusReason.BacktabFocusReason
        to = at + (1 if next else -1)
        stop = stops[to] if 0 <= to < len(stops) else self._neighbor(next)
        if stop is None:
            return False
        stop.setFocus(reason)
        if self.isAncestorOf(stop):
            self.ensureWidgetVisible(stop, 0, 12)
        return True

    def _neighbor(self, after: bool) -> QWidget | None:
        """The next widget outside that Tab reaches."""
        at = self.nextInFocusChain() if after else self.previousInFocusChain()
        while at is not None and at is not self:
            reached = bool(at.focusPolicy() & Qt.FocusPolicy.TabFocus) and at.isVisible() and at.isEnabled()
            if reached and not self.isAncestorOf(at):
                return at
            at = at.nextInFocusChain() if after else at.previousInFocusChain()
        return None

    def _settle(self) -> None:
        """Let Tab lead to the newest entry, unless the focus is among them."""
        focused = QApplication.focusWidget()
        entries = self.entries()
        if not entries or focused is None or not self.isAncestorOf(focused):
            self._current = entries[-1] if entries else None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if entries else Qt.FocusPolicy.NoFocus)

    # scrolling

    def _follow(self, _low: int, high: int) -> None:
        if self._from_end is not None:
            self._bar.setValue(high - self._from_end)
            self._from_end = None
        elif self._follows:
            self._bar.setValue(high)

    def _note_position(self, value: int) -> None:
        self._follows = value >= self._bar.maximum() - NEAR_END


def _entry_of(widget: QWidget) -> Entry | None:
    """The entry that a widget is or belongs to."""
    at: QWidget | None = widget
    while at is not None and not isinstance(at, Bubble | Card):
        view = at.parentWidget()
        if isinstance(at, QToolButton) and isinstance(view, TurnView):
            return view.bubble
        at = view
    return at


def has_key(text: Text, key: str) -> bool:
    """Whether one of the sentences is made from a template."""
    parts = [text] if isinstance(text, str | Message) else text
    return any(isinstance(part, Message) and part.key == key for part in parts)
