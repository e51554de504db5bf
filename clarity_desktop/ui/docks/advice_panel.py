"""The suggested tasks in order, with reasons and a button for each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from clarity_desktop.messages import Advised
from clarity_desktop.ui.form_fields import ElidedButton, muted_label
from clarity_desktop.ui.labels import task_title
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Advice, Task


class AdvicePanel(QWidget):
    """Shows advice; emits asked for new advice, task_asked for one of its tasks and all_asked for all of them."""

    asked = Signal()
    task_asked = Signal(str)  # Task
    all_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._advised: Advised | None = None
        self.button, self.all = ElidedButton(self.tr("Suggest")), ElidedButton(self.tr("Run all suggestions"))
        self.button.setToolTip(self.tr("Suggest what would help and why; the photo is not changed"))
        self.button.clicked.connect(self.asked)
        self.all.setProperty("role", "primary")
        self.all.setToolTip(
            self.tr("Run the suggestions one after the other; a result that is not an improvement is rolled back")
        )
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
        """advised None: no advice, or the photo has changed since. offered tells whether a task has a method."""
        if advised is None or advised is not self._advised:
            self._advised = advised
            self._list_steps(advised.advice if advised else ())
            self.text.setText(render(advised.text) if advised else "")
            self.text.setVisible(bool(advised and advised.text))
        for advice, step in zip(advised.advice if advised else (), self.steps, strict=True):
            step.setEnabled(offered(advice.task))
            step.setToolTip("" if step.isEnabled() else self._why_disabled(advice.task))
        self.all.setVisible(any(step.isEnabled() for step in self.steps))

    def _list_steps(self, advice: tuple[Advice, ...]) -> None:
        self.steps = []
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                # Hidden at once: deleteLater would leave it visible until the next event.
                widget.hide()
                widget.deleteLater()
        for k, suggestion in enumerate(advice, 1):
            title, why = task_title(suggestion.task), render(suggestion.why)
            step = ElidedButton(self.tr("{number}. {task}").format(number=k, task=title))
            step.setProperty("advice", True)
            step.setAccessibleName(self.tr("{number}. {task}: {why}").format(number=k, task=title, why=why))
            step.clicked.connect(partial(self._ask, suggestion.task))
            self.steps.append(step)
            self._list.addWidget(step)
            self._list.addWidget(muted_label(why))
            self._list.addSpacing(4)

    def _why_disabled(self, task: Task) -> str:
        if task == "inpaint":
            return self.tr("Select the missing parts first, with a tool or with “Select where” under Details.")
        return self.tr("No method for this is installed.")

    def _ask(self, task: Task, _checked: bool = False) -> None:
        self.task_asked.emit(task)
