"""What to ask next: messages that follow from the version that is shown and from the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from clarity_desktop import titles
from clarity_desktop.text import Message, english
from clarity_desktop.ui.form_fields import ElidedButton
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Task

MAX_SUGGESTIONS = 4
MAX_TASKS = 2
"""Tasks that are suggested at once."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What suggestions follow from.

    tasks: for what was found in the version that is shown, most likely first; None: it is not analyzed yet. last: the
    task that made this version. changed: it is not the original. selected: there is a selection. continues: the photo
    that the conversation was about before is open and was changed. asked: a plan for this version waits for an answer;
    its card has the buttons for that.
    """

    tasks: tuple[Task, ...] | None = None
    last: Task | None = None
    changed: bool = False
    selected: bool = False
    continues: bool = False
    asked: bool = False


def suggest(at: Situation) -> list[Message]:
    """Two to four messages, the most useful first; none beside a plan that waits."""
    if at.asked:
        return []
    found = [Message("chat.say_same")] if at.continues and not at.changed else []
    for task in (at.tasks or ())[: 1 if at.selected else MAX_TASKS]:
        title = titles.task_title(task)
        if at.selected:
            found.append(Message("chat.say_here", {"task": title}))
        else:
            found.append(Message("chat.say_another") if task == at.last else title)
    if len(at.tasks or ()) > 1:
        found.append(Message("chat.say_fix"))
    others = ["chat.say_compare", "chat.say_undo"] if at.changed else []
    others += ["chat.say_score", "chat.say_content"] if at.tasks == () else ["chat.say_find", "chat.say_fix"]
    found += [message for key in others if (message := Message(key)) not in found]
    return found[:MAX_SUGGESTIONS]


def pairs(widths: Sequence[int]) -> list[list[int]]:
    """Rows of two: the widest with the narrowest, so that all fit. The most useful one stays in the first row."""
    by_width = sorted(range(len(widths)), key=lambda at: widths[at])
    found = [sorted({by_width[k], by_width[-1 - k]}) for k in range((len(widths) + 1) // 2)]
    return sorted(found)


class Suggestions(QWidget):
    """A button for each suggested message; chosen carries its English form, which the planner understands."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Suggestions"))
        self.buttons: list[ElidedButton] = []
        self._shown: list[Message] = []
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 0, 12, 0)
        column.setSpacing(4)
        # Made once: what takeAt returns is deleted by Python and by Qt.
        self._rows = [QHBoxLayout() for _ in range(MAX_SUGGESTIONS // 2)]
        for row in self._rows:
            column.addLayout(row)

    def show_messages(self, wanted: Sequence[Message]) -> None:
        """Suggest these messages instead of the ones before."""
        if list(wanted) == self._shown:
            return
        self._shown = list(wanted)
        for chip in self.buttons:
            for row in self._rows:
                row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self.buttons = [self._chip(message) for message in wanted]
        widths = [chip.sizeHint().width() for chip in self.buttons]
        for row, pair in zip(self._rows, pairs(widths), strict=False):
            for at in pair:
                row.addWidget(self.buttons[at], widths[at])
        for before, after in pairwise(self.buttons):
            self.setTabOrder(before, after)

    def _chip(self, message: Message) -> ElidedButton:
        title = render(message)
        chip = ElidedButton(title)
        chip.setProperty("chip", True)
        chip.setAccessibleName(self.tr("Send: {message}").format(message=title))
        chip.clicked.connect(partial(self._choose, english(message)))
        return chip

    def _choose(self, message: str, _checked: bool = False) -> None:
        self.chosen.emit(message)
