"""The compare view around the photo: the bar above it, and below it a card for each version that is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.difference import GAINS
from clarity_desktop.ui.form_fields import DropDown, ElidedButton, plain_label, show_role, tooltip
from clarity_desktop.values import VersionId

LAYOUTS = ("grid", "side_by_side", "stacked", "split", "difference", "blink", "single")
"""Actions of the bar that say how versions are shown."""
CARD_WIDTHS = 160, 300
"""Pixels: of a card whose figures can be read, and of one with room for all it says."""


@dataclass(frozen=True, slots=True)
class CandidateFacts:
    """What a card says of a version. score and change: the overall score and how it differs from the input's.

    obstacle: why no part can be taken from it into the open version; empty if one can. role: of the color of `change`.
    """

    version: VersionId
    number: int
    title: str
    score: str
    change: str
    role: str
    seconds: str
    difference: str
    difference_in_words: str
    verdict: str
    star: bool
    rejected: bool
    is_open: bool
    is_chosen: bool
    is_reference: bool
    obstacle: str


class CompareBar(QFrame):
    """How versions are shown, what the chosen one is compared with, and what can be done with all of them."""

    reference_chosen = Signal(str)  # VersionId
    gain_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("transform")
        self.setAccessibleName(self.tr("Compare"))
        # Ignored width: otherwise a narrow window would shrink the panels to make room for the bar.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(12, 6, 12, 6)
        self.row.setSpacing(4)
        self.tools: dict[str, QToolButton] = {}
        self._ends: tuple[str, ...] = ()
        self.against = QLabel(self.tr("With"))
        self.reference = DropDown(self.tr("What the chosen version is compared with"))
        self.reference.setToolTip(self.tr("What the chosen version is compared with: split line, difference, blink"))
        self.reference.setMinimumWidth(110)
        self.reference.setMaximumWidth(220)
        self.reference.activated.connect(self._choose_reference)
        self.gain = DropDown(self.tr("How much the difference is amplified"))
        self.gain.setToolTip(self.tr("How much the difference is amplified: [ and ]"))
        for gain in GAINS:
            self.gain.addItem(self.tr("× {gain}").format(gain=gain), gain)
        self.gain.activated.connect(self._choose_gain)
        self.hide()

    def add_actions(self, actions: dict[str, QAction], titles: dict[str, str], ends: Sequence[str]) -> None:
        """Add a button for each action: how versions are shown on the left, `ends` on the right; titles: names."""
        for name in LAYOUTS:
            self.row.addWidget(self._button(name, actions[name], titles[name]))
        line = QFrame()
        line.setObjectName("line")
        line.setFixedWidth(1)
        for widget in (line, self.against, self.reference, self.gain):
            self.row.addWidget(widget)
        self.row.addStretch(1)
        for name in ends:
            self.row.addWidget(self._button(name, actions[name], titles[name]))
        self.done_button = ElidedButton(self.tr("Done"))
        self.done_button.setToolTip(self.tr("Leave the comparison (Esc)"))
        self.done_button.clicked.connect(actions["leave_compare"].trigger)
        self.row.addWidget(self.done_button)
        self._ends = tuple(ends)

    def show_references(self, references: Sequence[tuple[VersionId, str]], current: VersionId) -> None:
        """What the chosen version may be compared with: versions and their titles."""
        known = [(self.reference.itemData(k), self.reference.itemText(k)) for k in range(self.reference.count())]
        if known != list(references):
            self.reference.clear()
            for version, title in references:
                self.reference.addItem(title, version)
        self.reference.setCurrentIndex(self.reference.findData(current))

    def show_mode(self, mode: str, gain: int) -> None:
        """Show what a way to compare needs."""
        self.gain.setVisible(mode == "difference")
        self.gain.setCurrentIndex(self.gain.findData(gain))
        self.reference.setVisible(mode in ("difference", "blink", "split"))
        self._use_room()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._use_room()

    def _use_room(self) -> None:
        """Texts beside the icons where there is room for all of them."""
        self.against.setVisible(not self.reference.isHidden())
        self._show_texts(True)
        if self.row.sizeHint().width() > self.width():
            self._show_texts(False)
            self.against.setVisible(False)

    def _show_texts(self, on: bool) -> None:
        style = Qt.ToolButtonStyle.ToolButtonTextBesideIcon if on else Qt.ToolButtonStyle.ToolButtonIconOnly
        for name in self._ends:
            self.tools[name].setToolButtonStyle(style)

    def _button(self, name: str, action: QAction, title: str) -> QToolButton:
        button = self.tools[name] = _icon_button()
        button.setDefaultAction(action)
        button.setAccessibleName(title)
        return button

    def _choose_reference(self, at: int) -> None:
        self.reference_chosen.emit(self.reference.itemData(at))

    def _choose_gain(self, at: int) -> None:
        self.gain_chosen.emit(self.gain.itemData(at))


class CandidateCard(QFrame):
    """One of the compared versions. The arrow keys lead from card to card, Tab to the buttons of the chosen one."""

    chosen = Signal(str)  # VersionId: the keys act on it
    opened = Signal(str)
    starred = Signal(str)
    rejected = Signal(str)
    part_asked = Signal(str)
    stepped = Signal(int)  # an arrow key: 1 to the next card, -1 to the one before

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("candidate")
        self.version = VersionId("")
        self.facts: CandidateFacts | None = None
        self.number, self.title = plain_label(), _EndElidedLabel()
        self.number.setObjectName("number")
        self.number.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.score, self.change, self.seconds = plain_label(), plain_label(), plain_label()
        self.difference, self.verdict = _EndElidedLabel(), _EndElidedLabel()
        for label in (self.seconds, self.difference, self.verdict):
            label.setProperty("role", "muted")
        self.star, self.reject, self.take = _icon_button(), _icon_button(), _icon_button()
        self.open_button = _Chip(self.tr("Open"))
        self.open_button.setProperty("chip", True)
        theme.set_icon(self.reject, "reject")
        theme.set_icon(self.take, "brush")
        for button in (self.star, self.reject, self.take):
            button.setProperty("small", True)
            button.setIconSize(QSize(16, 16))
        for button in (self.star, self.reject):
            button.setCheckable(True)
        self._lay_out()
        self.star.clicked.connect(lambda: self.starred.emit(self.version))
        self.reject.clicked.connect(lambda: self.rejected.emit(self.version))
        self.take.clicked.connect(lambda: self.part_asked.emit(self.version))
        self.open_button.clicked.connect(lambda: self.opened.emit(self.version))

    def show_facts(self, facts: CandidateFacts) -> None:
        """Show what is known of a version."""
        if facts == self.facts:
            return
        before, self.facts, self.version = self.facts, facts, facts.version
        self.number.setText(str(facts.number))
        self.title.show_line(facts.title)
        self.score.setText(facts.score)
        self.change.setText(facts.change)
        show_role(self.change, facts.role)
        self.seconds.setText(facts.seconds)
        for label in (self.change, self.seconds):
            label.setVisible(bool(label.text()))  # a screen reader would stop at it
        unknown = self.tr("Not known yet")
        self.difference.show_line(facts.difference, facts.difference_in_words or unknown)
        self.verdict.show_line(facts.verdict, facts.verdict or unknown)
        self.star.setChecked(facts.star)
        theme.set_icon(self.star, "star-filled" if facts.star else "star")
        self.reject.setChecked(facts.rejected)
        self._name_buttons(facts)
        if before is None or (before.is_chosen, before.rejected) != (facts.is_chosen, facts.rejected):
            self._show_chosen(facts)
        self.setAccessibleName(self._spoken(facts))

    def minimumSizeHint(self) -> QSize:
        return super().minimumSizeHint().expandedTo(QSize(CARD_WIDTHS[0], 0))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Up: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Down: 1}
        if (step := steps.get(Qt.Key(event.key()))) is not None and not event.modifiers():
            self.stepped.emit(step)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(self.version)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(self.version)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit(self.version)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.updateGeometry()

    def _name_buttons(self, facts: CandidateFacts) -> None:
        title, fields = facts.title, {"number": facts.number, "title": facts.title}
        self.open_button.setText(self.tr("✓ Open") if facts.is_open else self.tr("Open"))
        self.open_button.setEnabled(not facts.is_open)
        self.open_button.setToolTip(
            self.tr("This version is open")
            if facts.is_open
            else self.tr("Go on with this version ({number})").format(**fields)
        )
        self.open_button.setAccessibleName(self.tr("Open {title}").format(title=title))
        star = self.tr("Remove the star (S)") if facts.star else self.tr("Mark with a star (S)")
        reject = self.tr("Take back the rejection (X)") if facts.rejected else self.tr("Reject (X)")
        take = facts.obstacle or self.tr("Take a part of it into the open version (P)")
        self.take.setEnabled(not facts.obstacle)
        for button, text in ((self.star, star), (self.reject, reject), (self.take, take)):
            button.setToolTip(tooltip(text))
            button.setAccessibleName(self.tr("{what}: {title}").format(what=text, title=title))

    def _show_chosen(self, facts: CandidateFacts) -> None:
        """The chosen card is the one that Tab leads to; a rejected one is dimmed."""
        self.setProperty("chosen", facts.is_chosen)
        show_role(self.title, "muted" if facts.rejected else "")
        self.style().unpolish(self)
        self.style().polish(self)
        policy = Qt.FocusPolicy.StrongFocus if facts.is_chosen else Qt.FocusPolicy.ClickFocus
        self.setFocusPolicy(policy)
        inside = Qt.FocusPolicy.TabFocus if facts.is_chosen else Qt.FocusPolicy.NoFocus
        for button in (self.star, self.reject, self.take, self.open_button):
            button.setFocusPolicy(inside)

    def _spoken(self, facts: CandidateFacts) -> str:
        marks = (
            (facts.is_open, self.tr("open")), (facts.is_chosen, self.tr("chosen")),
            (facts.star, self.tr("with a star")), (facts.rejected, self.tr("rejected")),
        )  # fmt: skip
        said = [f"{facts.number}", facts.title, *(word for on, word in marks if on)]
        said += [facts.score, facts.change, facts.seconds, facts.difference_in_words, facts.verdict]
        return ", ".join(word for word in said if word)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(2)
        first, second, last = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        first.setSpacing(6)
        first.addWidget(self.number)
        first.addWidget(self.title, 1)
        second.setSpacing(8)
        for label in (self.score, self.change):
            second.addWidget(label)
        second.addStretch(1)
        second.addWidget(self.seconds)
        last.setSpacing(1)
        last.addWidget(self.open_button)
        last.addStretch(1)
        for button in (self.take, self.star, self.reject):
            last.addWidget(button)
        column.addLayout(first)
        column.addLayout(second)
        column.addWidget(self.difference)
        column.addWidget(self.verdict)
        column.addLayout(last)
        self.setMaximumWidth(CARD_WIDTHS[1])


class CandidateStrip(QScrollArea):
    """A card for each compared version, side by side."""

    chosen = Signal(str)
    opened = Signal(str)
    starred = Signal(str)
    rejected = Signal(str)
    part_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("candidates")
        self.setAccessibleName(self.tr("Compared versions"))
        self.setAccessibleDescription(self.tr("Arrow keys choose a version, Enter opens it"))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.horizontalScrollBar().setAccessibleName(self.tr("Scroll through the compared versions"))
        self.horizontalScrollBar().rangeChanged.connect(self._fit_height)
        inside = QWidget()
        inside.setObjectName("candidateslist")
        self._row = QHBoxLayout(inside)
        self._row.setContentsMargins(8, 6, 8, 6)
        self._row.setSpacing(6)
        self.waiting = plain_label()
        self.waiting.setProperty("role", "muted")
        self.waiting.setWordWrap(True)
        self.waiting.setMaximumWidth(CARD_WIDTHS[0])
        self.waiting.hide()
        self._row.addWidget(self.waiting)
        self._row.addStretch(0)  # the cards take the room up to their largest width
        self.cards: list[CandidateCard] = []
        self.setWidget(inside)
        self.hide()

    def show_candidates(self, facts: Sequence[CandidateFacts], waiting: str = "") -> None:
        """Show the versions; waiting: a sentence about those that are on their way."""
        while len(self.cards) < len(facts):
            self._add_card()
        for card in self.cards[len(facts) :]:
            self._row.removeWidget(card)
            card.hide()
            card.deleteLater()
        del self.cards[len(facts) :]
        had_focus = any(card.hasFocus() for card in self.cards)
        for card, known in zip(self.cards, facts, strict=True):
            card.show_facts(known)
            if known.is_chosen:
                self.ensureWidgetVisible(card)
                if had_focus and not card.hasFocus():
                    card.setFocus(Qt.FocusReason.OtherFocusReason)
        self.waiting.setText(waiting)
        self.waiting.setVisible(bool(waiting))
        self._fit_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (card := self.first) is not None:
            self.ensureWidgetVisible(card)

    @property
    def first(self) -> QWidget | None:
        """The card that the focus goes to: the chosen one."""
        return next((card for card in self.cards if card.facts and card.facts.is_chosen), None)

    def _add_card(self) -> None:
        card = CandidateCard()
        card.chosen.connect(self.chosen)
        card.opened.connect(self.opened)
        card.starred.connect(self.starred)
        card.rejected.connect(self.rejected)
        card.part_asked.connect(self.part_asked)
        card.stepped.connect(partial(self._step, card))
        self._row.insertWidget(len(self.cards), card, 3)
        self.cards.append(card)

    def _step(self, card: CandidateCard, by: int) -> None:
        at = self.cards.index(card) + by
        if 0 <= at < len(self.cards):
            self.chosen.emit(self.cards[at].version)

    def _fit_height(self) -> None:
        """As high as the cards, with the scroll bar below them where there is one."""
        inside, bar = self.widget(), self.horizontalScrollBar()
        if inside is not None:
            self.setFixedHeight(inside.sizeHint().height() + (bar.sizeHint().height() if bar.maximum() > 0 else 0))


class _Chip(ElidedButton):
    """A button that is wide enough for its text where the card is."""

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint() + QSize(2, 0)  # or a rounded width would elide the text


class _EndElidedLabel(QLabel):
    """One line of plain text, elided at its end and shown in full as the tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(40)
        self.setProperty("elides", True)
        self._whole = ""

    def show_line(self, text: str, in_words: str = "") -> None:
        """Show a text; in_words: what it means, for the tooltip and screen readers."""
        self._whole = text
        self.setAccessibleName(in_words or text)
        self.setToolTip(tooltip(in_words or text))
        self._elide()

    def sizeHint(self) -> QSize:
        return QSize(40, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        # A space keeps the height of the line while nothing is known.
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(40, self.width()))
        self.setText(shown or " ")


def _icon_button() -> QToolButton:
    button = QToolButton()
    button.setIconSize(QSize(18, 18))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
