"""What would help, in order and with reasons; each line starts its task. Runs nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from clarity_desktop.messages import Advised
from clarity_desktop.ui.form_fields import muted_label
from clarity_desktop.ui.labels import TASK_TITLES
from clarity_desktop.values import Advice, Task

NOWHERE = "There is no method for this on this computer yet."
MARKED = "The parts to fill in must be marked first: on the command line, “clarity restore” takes them as a mask."


class AdvicePanel(QWidget):
    """Values in by show_advice; the wishes: advice, one task of it, all of it."""

    asked = Signal()
    task_asked = Signal(str)  # Task
    all_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._advised: Advised | None = None
        self.button, self.all = QPushButton("What should I do?"), QPushButton("Do all of it")
        self.button.setToolTip("Says what would help and why; does nothing by itself")
        self.button.clicked.connect(self.asked)
        self.all.setProperty("role", "primary")
        self.all.setToolTip("One after the other, each compared with what was before; what does not help is undone")
        self.all.clicked.connect(self.all_asked)
        self.text = muted_label()
        self.steps: list[QPushButton] = []
        self._list = QVBoxLayout()
        self._list.setSpacing(3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.button)
        column.addWidget(self.text)
        column.addLayout(self._list)
        column.addWidget(self.all)
        self.show_advice(None, lambda _task: True)

    def show_advice(self, advised: Advised | None, offered: Callable[[Task], bool]) -> None:
        """None: nobody asked, or the photo has changed since. offered: is there a method for a task?"""
        if advised is None or advised is not self._advised:
            self._advised = advised
            self._renew(advised.advice if advised else ())
            self.text.setText(advised.text if advised else "")
            self.text.setVisible(bool(advised and advised.text))
        for advice, step in zip(advised.advice if advised else (), self.steps, strict=True):
            there = offered(advice.task)
            step.setEnabled(there)
            step.setToolTip("" if there else MARKED if advice.task == "inpaint" else NOWHERE)
        self.all.setVisible(any(step.isEnabled() for step in self.steps))

    def _renew(self, advice: tuple[Advice, ...]) -> None:
        self.steps = []
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for k, one in enumerate(advice, 1):
            step = QPushButton(f"{k}. {TASK_TITLES[one.task]}")
            step.setProperty("advice", True)
            step.setAccessibleName(f"{k}. {TASK_TITLES[one.task]}: {one.why}")
            step.clicked.connect(partial(self._ask, one.task))
            self.steps.append(step)
            self._list.addWidget(step)
            self._list.addWidget(muted_label(one.why))
            self._list.addSpacing(4)

    def _ask(self, task: Task, _checked: bool = False) -> None:
        self.task_asked.emit(task)
