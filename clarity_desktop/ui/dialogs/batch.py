"""The progress of one job over many photos: a row for each, its state, and Cancel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import muted_label, plain_label

BatchState = Literal["waiting", "running", "done", "skipped", "exists", "failed", "cancelled"]
ICONS: dict[BatchState, str] = {
    "done": "check", "failed": "warning", "exists": "warning", "cancelled": "cancel", "running": "more",
}  # fmt: skip
ROW_HEIGHT = 26
"""Pixels: of a row with an icon, so that rows stay where they are when the first icon comes."""


class BatchDialog(QDialog):
    """Emits started and cancelled; the photo of row k is number k of `titles`."""

    started = Signal()
    cancelled = Signal()

    def __init__(self, parent: QWidget, title: str, question: str, titles: Sequence[str]) -> None:
        """question: what the button Start will do; empty: the job runs already."""
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 420)
        self._running = not question
        self._states: list[BatchState] = ["waiting"] * len(titles)
        self.summary = plain_label(question)
        self.summary.setWordWrap(True)
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels([self.tr("Photo"), self.tr("State")])
        self.tree.setRootIsDecorated(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setAccessibleName(self.tr("Photos"))
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Interactive)
        self.tree.header().resizeSection(1, 260)
        self.tree.header().setStretchLastSection(False)
        for name in titles:
            item = QTreeWidgetItem([name, self.state_text("waiting")])
            item.setSizeHint(1, QSize(0, ROW_HEIGHT))
            self.tree.addTopLevelItem(item)
        self.bar = QProgressBar()
        self.bar.setRange(0, max(1, len(titles)))
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Photos finished"))
        self.left: QLabel = muted_label()
        self.start, self.close_button = QPushButton(self.tr("Start")), QPushButton()
        self.start.setProperty("role", "primary")
        self.start.clicked.connect(self._start)
        self.close_button.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.addWidget(self.left, 1)
        buttons.addWidget(self.start)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(self.summary)
        column.addWidget(self.tree, 1)
        column.addWidget(self.bar)
        column.addLayout(buttons)
        self._update()

    def show_state(self, row: int, state: BatchState, reason: str = "") -> None:
        """Show the state of a photo; reason: why it failed, or where the file is."""
        self._states[row] = state
        item = self.tree.topLevelItem(row)
        if item is not None:
            text = reason or self.state_text(state)
            item.setText(1, text)
            item.setToolTip(1, text)
            if state in ICONS:
                item.setIcon(1, theme.icon(ICONS[state]))
            if state != "cancelled":  # the last one that was done stays in view
                self.tree.scrollToItem(item)
        self._update()

    def end(self) -> None:
        """No photo is left to do."""
        self._running = False
        self._update()

    def texts(self) -> list[str]:
        """The state of each photo as it is shown."""
        items = [self.tree.topLevelItem(k) for k in range(self.tree.topLevelItemCount())]
        return [item.text(1) for item in items if item is not None]

    def state_text(self, state: BatchState) -> str:
        """A state in words."""
        return {
            "waiting": self.tr("Waiting"),
            "running": self.tr("Working…"),
            "done": self.tr("Done"),
            "skipped": self.tr("Skipped"),
            "exists": self.tr("The file exists"),
            "failed": self.tr("Failed"),
            "cancelled": self.tr("Cancelled"),
        }[state]

    def _start(self) -> None:
        self._running = True
        self._update()
        self.started.emit()

    def _update(self) -> None:
        over = sum(state not in ("waiting", "running", "cancelled") for state in self._states)
        self.bar.setValue(over)
        failed, cancelled = self._states.count("failed"), self._states.count("cancelled")
        begun = self._running or over + cancelled > 0
        text = self.tr("{done} of {total}").format(done=over, total=len(self._states)) if begun else ""
        if failed:
            text = self.tr("{done} of {total}, {failed} failed").format(
                done=over, total=len(self._states), failed=failed
            )
        elif cancelled:
            text = self.tr("{done} of {total}, {cancelled} cancelled").format(
                done=over, total=len(self._states), cancelled=cancelled
            )
        self.left.setText(text)
        self.start.setVisible(not begun)
        # The question is answered once the job has begun.
        self.summary.setVisible(not begun)
        is_over = begun and not self._running
        self.close_button.setText(self.tr("Close") if is_over else self.tr("Cancel"))

    def reject(self) -> None:
        """Cancel what runs; a second time, close."""
        if self._running:
            self.cancelled.emit()
        else:
            super().reject()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._running:
            self.cancelled.emit()
        super().closeEvent(event)
