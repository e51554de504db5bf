"""Cards of the conversation about single steps: one that runs, and one for each version that was made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal, SignalInstance
from PySide6.QtGui import QColor, QFocusEvent, QImage, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop import titles
from clarity_desktop.messages import Progress
from clarity_desktop.text import Text
from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import ElidedButton, breakable, muted_label, plain_label, show_role
from clarity_desktop.ui.labels import SEPARATOR, duration, method_and_strength
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Json, SupportsArray, Version, VersionId

THUMBNAIL = QSize(64, 48)
"""Pixels of the window; stored thumbnails have twice as many, so they are sharp on screens of a high density."""
Place = Literal["shown", "used", "undone", "branch", "rejected", "deleted"]
"""A version in the tree: it is shown, led to the one that is shown, was undone, lies on another branch, …"""
Action = Literal["show", "undo", "another", "return"]
ACTIONS: tuple[Action, ...] = ("show", "undo", "another", "return")
NOT_USED = frozenset({"undone", "branch", "rejected", "deleted"})


class Card(QFrame):
    """A part of the conversation that the keyboard reaches as a whole; Enter and Space do what it is for."""

    focused = Signal(object, bool)  # itself, True: it got the focus

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)

    def controls(self) -> list[QWidget]:
        """The widgets inside that take the focus, in their order."""
        return []

    def accept(self) -> None:
        """Do what the card is for."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.accept()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(self, True)


class Thumbnail(QAbstractButton):
    """A small picture of a version; a click shows that version."""

    def __init__(self) -> None:
        super().__init__()
        self._stored: SupportsArray | None = None
        self._image: QImage | None = None
        self._faded = False
        self.setFixedSize(THUMBNAIL)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the card itself does the same
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_picture(self, stored: SupportsArray | None, *, faded: bool) -> None:
        """stored: H×W×3 uint8 RGB in sRGB, None: there is none any more."""
        if stored is not self._stored or faded != self._faded:
            if stored is not self._stored:
                self._image = None
            self._stored, self._faded = stored, faded
            self.update()

    def paintEvent(self, e: QPaintEvent) -> None:  # noqa: ARG002
        # Converted only once it is on the screen: a conversation may have thousands.
        if self._image is None and self._stored is not None:
            self._image = to_image(np.asarray(self._stored))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        colors = theme.colors()
        frame = self.rect()
        if self._image is not None:
            size = self._image.size().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
            frame = QRect(QPoint(), size)
            frame.moveCenter(self.rect().center())
            painter.setOpacity(0.45 if self._faded else 1.0)
            painter.drawImage(frame, self._image)
            painter.setOpacity(1.0)
        active = self.isEnabled() and (self.underMouse() or self.isDown())
        painter.setPen(QPen(QColor(colors.ring if active else colors.border), 1))
        painter.drawRect(frame.adjusted(0, 0, -1, -1))
        painter.end()


class StepFacts(NamedTuple):
    """What a card shows of its version. version None: it is no longer in the document. before: the parent's score."""

    version: Version | None
    place: Place
    before: float | None = None
    busy: bool = False


class Places:
    """Where versions are in the tree, as seen from the one that is shown."""

    def __init__(self, versions: Mapping[VersionId, Version], head: VersionId | None) -> None:
        self._versions, self.head = versions, head
        self._path: set[VersionId] = set()
        at = versions.get(head) if head else None
        while at is not None and at.id not in self._path:
            self._path.add(at.id)
            at = versions.get(at.parent) if at.parent else None

    def facts(self, at: VersionId, *, busy: bool) -> StepFacts:
        """What the card of a version shows. busy: a reply is on its way."""
        version = self._versions.get(at)
        if version is None:
            return StepFacts(None, "deleted")
        parent = self._versions.get(version.parent) if version.parent else None
        before = parent.quality.overall if parent and parent.quality else None
        return StepFacts(version, self._place(version), before, busy)

    def _place(self, version: Version) -> Place:
        if version.deleted:
            return "deleted"
        if version.id == self.head:
            return "shown"
        if version.id in self._path:
            return "used"
        if version.rejected:
            return "rejected"
        at: Version | None = version
        while at is not None and at.id not in self._path:
            at = self._versions.get(at.parent) if at.parent else None
        return "undone" if at is not None and at.id == self.head else "branch"


class StepCard(Card):
    """One version that a reply made: picture, method, seconds, scores, its place in the tree, and what to do with it.

    Signals carry the version.
    """

    show_asked = Signal(str)
    undo_asked = Signal(str)
    another_asked = Signal(str)
    return_asked = Signal(str)  # bring a deleted version back

    def __init__(self, version: VersionId) -> None:
        super().__init__()
        self.version = version
        self._facts: StepFacts | None = None
        self.thumbnail = Thumbnail()
        self.thumbnail.clicked.connect(self.accept)
        self.title, self.detail, self.score, self.place = plain_label(), muted_label(), muted_label(), muted_label()
        self.title.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(1)
        for label in (self.title, self.detail, self.score, self.place):
            words.addWidget(label)
        words.addStretch(1)
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.thumbnail, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        self._buttons = QHBoxLayout()
        self._buttons.setSpacing(4)
        self._buttons.addStretch(1)
        self._made: dict[Action, QPushButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        column.addLayout(top)
        column.addLayout(self._buttons)

    def button(self, action: Action) -> QPushButton | None:
        """The button for an action, if it is shown."""
        button = self._made.get(action)
        return None if button is None or button.isHidden() else button

    def controls(self) -> list[QWidget]:
        return [self._made[action] for action in ACTIONS if action in self._made]

    def accept(self) -> None:
        """Show the version."""
        if self.thumbnail.isEnabled():
            self.show_asked.emit(self.version)

    def show_facts(self, facts: StepFacts) -> None:
        """Show the version as it is now."""
        if facts == self._facts:
            return
        self._facts = facts
        version, place, _, busy = facts
        gone = place == "deleted"
        self.thumbnail.show_picture(version.thumbnail if version else None, faded=place in NOT_USED)
        self.thumbnail.setEnabled(not gone and place != "shown")
        self.title.setText(breakable(self._title(version)))
        _set(self.detail, self._detail(version))
        _set(self.score, self._score(facts))
        _set(self.place, self._place(place))
        actions = _actions(version, place)
        for action in ACTIONS:
            if action in actions:
                self._offer(action, version, place)
            elif action in self._made:
                self._made[action].hide()
        if "another" in actions:
            self._made["another"].setEnabled(not busy)
        self._describe(version, place)

    def _describe(self, version: Version | None, place: Place) -> None:
        """For screen readers: all that is shown, and what the keyboard does."""
        said = (self._title(version), self.detail.text(), self.score.text(), self.place.text())
        self.setAccessibleName(self.tr("Step: {facts}").format(facts=SEPARATOR.join(part for part in said if part)))
        self.setAccessibleDescription(
            self.tr("Enter shows this version, Tab leads to its buttons")
            if place not in ("shown", "deleted")
            else self.tr("Tab leads to its buttons")
        )
        self.thumbnail.setAccessibleName(self.tr("Show “{version}”").format(version=self._title(version)))
        self.thumbnail.setToolTip(self.thumbnail.accessibleName() if self.thumbnail.isEnabled() else "")

    def _offer(self, action: Action, version: Version | None, place: Place) -> None:
        """Show the button for an action; it is made on its first use, because a conversation may have many cards."""
        words: dict[Action, tuple[str, str, SignalInstance]] = {
            "show": (self.tr("Show"), self.tr("Show “{version}”"), self.show_asked),
            "undo": (self.tr("Undo"), self.tr("Undo “{version}”"), self.undo_asked),
            "another": (
                self.tr("Try another"), self.tr("Try another method instead of “{version}”"), self.another_asked,
            ),
            "return": (self.tr("Bring back"), self.tr("Bring back “{version}”"), self.return_asked),
        }  # fmt: skip
        text, name, signal = words[action]
        button = self._made.get(action)
        if button is None:
            button = self._made[action] = ElidedButton(text)
            button.setProperty("chip", True)
            button.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # the transcript leads Tab to it
            button.clicked.connect(partial(self._send, signal))
            self._buttons.insertWidget(self._buttons.count() - 1, button)
        button.setAccessibleName(name.format(version=self._title(version)))
        if action == "undo":
            later = self.tr("Go back to before this step; the steps after it are undone too")
            button.setToolTip(later if place == "used" else self.tr("Go back to before this step"))
        button.show()

    def _title(self, version: Version | None) -> str:
        if version is None:
            return self.tr("A version that was removed")
        return render(version.name or titles.step_name(version.step))

    def _detail(self, version: Version | None) -> str:
        if version is None or version.step.kind != "restore":
            return ""
        return SEPARATOR.join((*method_and_strength(version.step), duration(version.step.seconds)))

    def _score(self, facts: StepFacts) -> str:
        version, _, before, _ = facts
        after = version.quality.overall if version and version.quality else None
        if after is None:
            return ""
        if before is None:
            return self.tr("Score {after}").format(after=f"{after:.0f}")
        show_role(self.score, "good" if round(after) > round(before) else "muted")
        return self.tr("Score {before} → {after}").format(before=f"{before:.0f}", after=f"{after:.0f}")

    def _place(self, place: Place) -> str:
        words = {
            "shown": self.tr("Shown now"), "used": "", "undone": self.tr("Undone"),
            "branch": self.tr("On another branch"), "rejected": self.tr("Rejected"), "deleted": self.tr("Deleted"),
        }  # fmt: skip
        return words[place]

    def _send(self, signal: SignalInstance, _checked: bool = False) -> None:
        signal.emit(self.version)


def _set(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))


def _actions(version: Version | None, place: Place) -> set[Action]:
    """What can be done with a version at its place."""
    if version is None:
        return set()
    if place == "deleted":
        return {"return"}
    if place in NOT_USED:
        return {"show"}
    if version.parent is None:
        return set()
    return {"undo", "another"} if version.step.kind == "restore" else {"undo"}


class RunningCard(Card):
    """The step that runs: what it does, how far it is, and Stop."""

    stop_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title, self.note = plain_label(), muted_label()
        self.title.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.stop = ElidedButton(self.tr("Stop"))
        self.stop.setProperty("chip", True)
        self.stop.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.stop.setToolTip(self.tr("Stop this reply; finished steps are kept"))
        self.stop.clicked.connect(self.stop_asked)
        buttons = QHBoxLayout()
        buttons.addWidget(self.stop)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        for widget in (self.title, self.bar, self.note):
            column.addWidget(widget)
        column.addLayout(buttons)

    def controls(self) -> list[QWidget]:
        return [self.stop]

    def show_step(self, step: Json, number: int, count: int, progress: Progress | None) -> None:
        """step: the call as JSON. number: of the step, from 1, of count; progress None: not known yet."""
        title = call_title(step)
        if count > 1:
            title = self.tr("{number} of {count}: {step}").format(number=number, count=count, step=title)
        self.title.setText(breakable(title))
        self.bar.setRange(0, 0 if progress is None else 1000)
        note: Text = ""
        if progress is not None:
            # 100% means done: the result is stored after the last tile.
            self.bar.setValue(min(999, round(1000 * progress.fraction)))
            note = progress.note
            if progress.seconds_left is not None:
                note = self.tr("{time} left").format(time=duration(progress.seconds_left))
        self.note.setText(render(note))
        self.note.setVisible(bool(note))
        self.bar.setAccessibleName(self.tr("Progress of {job}").format(job=title))
        self.stop.setAccessibleName(self.tr("Stop “{step}”").format(step=title))
        self.setAccessibleName(self.tr("Running: {step}").format(step=title))
        self.setAccessibleDescription(self.tr("Tab leads to its buttons"))


def call_title(step: Json) -> str:
    """What a step does, with its method: "Remove rain · MAXIM"."""
    call = step if isinstance(step, dict) else {}
    method = call.get("method")
    named = [render(titles.method_name(method))] if isinstance(method, str) else []
    return SEPARATOR.join((render(titles.call_title(call)), *named))
