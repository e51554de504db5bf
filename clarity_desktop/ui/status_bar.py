"""The status bar: the running job with Cancel, the pixel under the pointer, the photo, zoom, processor and memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import plain_label
from clarity_desktop.ui.labels import duration, file_size

LEAST = 60
"""Pixels of a job's name that are always shown."""


def memory_used() -> int | None:
    """Bytes of memory that this process holds now; None where the system does not tell it cheaply."""
    if sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Short(QLabel):
    """A label that gives way: a long name is cut in the middle rather than making the window wider."""

    def minimumSizeHint(self) -> QSize:
        return QSize(LEAST, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        metrics, room = self.fontMetrics(), self.contentsRect()
        if metrics.horizontalAdvance(self.text()) <= room.width():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        words = metrics.elidedText(self.text(), Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, words)
        painter.end()


class JobStrip(QWidget):
    """What runs now: its name, how far it is, how long it will take, and Cancel."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.name = Short()
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setFixedWidth(150)
        self.bar.setTextVisible(False)
        self.left = QLabel()
        self.cancel = QToolButton()
        self.cancel.setText("Cancel")
        theme.set_icon(self.cancel, "cancel")
        self.cancel.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.cancel.setAccessibleName("Cancel the job")
        self.cancel.setToolTip("Cancel the job (Esc)")
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        for widget in (self.name, self.bar, self.left, self.cancel):
            row.addWidget(widget)
        row.addStretch(1)
        self.hide()

    def show_job(self, name: str, fraction: float | None, note: str, seconds_left: float | None) -> None:
        """fraction None: it cannot be told how far it is."""
        self.name.setText(f"{name}: {note}" if note and note != name else name)
        self.bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            # 100 % is what is done and on the screen, never what is about to be
            self.bar.setValue(min(999, round(1000 * fraction)))
        self.bar.setAccessibleName(f"Progress of {name}")
        self.left.setText(f"{duration(seconds_left)} left" if seconds_left is not None else "")
        self.show()


class Status(QStatusBar):
    """Values in by show_…; cancelled is the wish to stop the running job."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Status")
        self.setSizeGripEnabled(False)
        self.job = JobStrip()
        self.job.cancelled.connect(self.cancelled)
        self.pixel = self._field("Pixel under the pointer", 0)
        self.photo = self._field("Size, depth and colour profile", 0)
        self.zoom = self._field("Zoom", 0)
        self.device = self._field("Processor", 0)
        self.memory = self._field("Memory used", 0)
        self.addWidget(self.job, 1)
        for label in (self.pixel, self.photo, self.zoom, self.device, self.memory):
            self.addPermanentWidget(label)
        self._memory_clock = QTimer(self)
        self._memory_clock.setInterval(2000)
        self._memory_clock.timeout.connect(self._show_memory)
        self._memory_clock.start()
        self._show_memory()

    def show_photo(self, width: int, height: int, depth: int, profile: str) -> None:
        self.photo.setText(f"{width} × {height} · {depth} bit · {profile}")

    def show_zoom(self, scale: float) -> None:
        self.zoom.setText(f"{100 * scale:.0f} %" if scale >= 0.1 else f"{100 * scale:.1f} %")

    def show_pixel(self, at: tuple[int, int] | None, value: tuple[int, int, int] | None) -> None:
        colour = "  ".join(map(str, value)) if value else ""
        self.pixel.setText(f"{at[0]}, {at[1]}   {colour}" if at else "")

    def show_device(self, name: str) -> None:
        self.device.setText(name)

    def show_no_photo(self) -> None:
        for label in (self.pixel, self.photo, self.zoom):
            label.clear()

    def show_job(self, name: str, fraction: float | None, note: str, seconds_left: float | None) -> None:
        self.job.show_job(name, fraction, note, seconds_left)

    def show_no_job(self) -> None:
        self.job.hide()

    def _field(self, name: str, width: int) -> QLabel:
        label = plain_label()
        label.setAccessibleName(name)
        label.setToolTip(name)
        label.setMinimumWidth(width)
        return label

    def _show_memory(self) -> None:
        used = memory_used()
        self.memory.setText(file_size(used) if used is not None else "")
