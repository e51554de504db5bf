"""The page of the preferences about methods: which one is tried first for each task and why; resets with undo."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHeaderView, QPushButton, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from clarity_desktop.ui import form_fields
from clarity_desktop.ui.form_fields import muted_label
from clarity_desktop.ui.labels import SEPARATOR, method_name, task_title
from clarity_desktop.values import MethodPreference, TaskPreferences

TASK_ROLE = Qt.ItemDataRole.UserRole
"""The task of a row."""
ROWS = 6
"""Rows for which the list has room in the smallest dialog."""


class MethodPreferencesPage(QWidget):
    """Emits asked when it is shown, reset_asked with a task or None for all of them, and undo_asked."""

    asked = Signal()
    reset_asked = Signal(object)
    undo_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.list = QTreeWidget()
        self.list.setAccessibleName(self.tr("Methods by task"))
        self.list.setHeaderLabels([self.tr("Task and method"), self.tr("Score"), self.tr("Choices")])
        self.list.setUniformRowHeights(True)
        self.list.setAllColumnsShowFocus(True)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.reset_task = QPushButton(self.tr("&Reset this task"))
        self.reset_all = QPushButton(self.tr("Reset &all"))
        self.undo = QPushButton(self.tr("&Undo reset"))
        for button in (self.reset_task, self.reset_all, self.undo):
            button.setAutoDefault(False)
            button.setEnabled(False)
        self._chosen: dict[str, int] = {}
        self.list.itemSelectionChanged.connect(self._show_buttons)
        self.reset_task.clicked.connect(lambda: self.reset_asked.emit(self.task()))
        self.reset_all.clicked.connect(lambda: self.reset_asked.emit(None))
        self.undo.clicked.connect(self.undo_asked)
        self._lay_out()

    def show_preferences(self, tasks: tuple[TaskPreferences, ...], own: Mapping[str, str], *, can_undo: bool) -> None:
        """Show the methods of each task in the order in which they are tried.

        own: task → the method that was set in the Restore panel. can_undo: whether a reset can be undone.
        """
        selected = self.task()
        self._chosen = {t.task: sum(m.choices for m in t.methods) + (t.task in own) for t in tasks}
        self.list.clear()
        for preferences in sorted(tasks, key=lambda t: not self._chosen[t.task]):
            top = self._task_item(preferences)
            self.list.addTopLevelItem(top)
            methods = sorted(preferences.methods, key=lambda m: m.method != own.get(preferences.task))
            for method in methods:
                top.addChild(self._method_item(preferences, method, own.get(preferences.task) == method.method))
            top.setExpanded(bool(self._chosen[preferences.task]))
            if preferences.task == selected:
                self.list.setCurrentItem(top)
        self.undo.setEnabled(can_undo)
        self._show_buttons()

    def task(self) -> str | None:
        """The task of the row that is selected."""
        items = self.list.selectedItems()
        return items[0].data(0, TASK_ROLE) if items else None

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for the preferences: a star may have changed them since the dialog was opened."""
        super().showEvent(event)
        self.asked.emit()

    def _task_item(self, preferences: TaskPreferences) -> QTreeWidgetItem:
        item = QTreeWidgetItem([task_title(preferences.task)])
        item.setData(0, TASK_ROLE, preferences.task)
        return item

    def _method_item(self, preferences: TaskPreferences, method: MethodPreference, own: bool) -> QTreeWidgetItem:
        name = method_name(method.method)
        shown = self.tr("{method} (set by you)").format(method=name) if own else name
        score, choices = f"{100 * method.score:.0f}", str(method.choices)
        item = QTreeWidgetItem([shown, score, choices])
        item.setData(0, TASK_ROLE, preferences.task)
        for column in (1, 2):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if own:
            item.setToolTip(0, self.tr("You set this method in the Restore panel: it is used whatever its score is"))
        about = self.tr("Score: {score} of 100").format(score=score), self.tr("Choices: {count}").format(count=choices)
        spoken = SEPARATOR.join((task_title(preferences.task), shown, *about))
        item.setData(0, Qt.ItemDataRole.AccessibleTextRole, spoken)
        if method.gain is not None and not own:
            tip = self.tr("In tests, {gain} dB closer to the undamaged photo.")
            if method.gain <= -0.05:
                tip = self.tr("In tests, {gain} dB away from the undamaged photo.")
            item.setToolTip(0, form_fields.tooltip(tip.format(gain=f"{abs(method.gain):.1f}")))
        return item

    def _show_buttons(self) -> None:
        task = self.task()
        self.reset_task.setEnabled(bool(task and self._chosen.get(task)))
        self.reset_all.setEnabled(any(self._chosen.values()))

    def _lay_out(self) -> None:
        note = muted_label(
            self.tr(
                "Methods are tried in this order. Stars, rejections and what you say in the chat change the score; new "
                "choices count more than old ones. All of this stays on this computer."
            )
        )
        tip = self.tr("Takes effect immediately; can be undone until the program quits")
        for button in (self.reset_task, self.reset_all):
            button.setToolTip(tip)
        row = self.list.fontMetrics().height() + 8
        self.list.setMinimumHeight(ROWS * row)
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addWidget(note)
        column.addWidget(self.list, 1)
        buttons = form_fields.row(self.reset_task, self.reset_all, self.undo)
        buttons.setStretch(0, 0)
        buttons.addStretch(1)
        column.addLayout(buttons)
