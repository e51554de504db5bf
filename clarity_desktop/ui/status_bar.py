"""The status bar: the running job with Cancel, the pixel under the pointer, the photo, zoom, processor and memory."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QStatusBar, QToolButton, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import ElidedLabel
from clarity_desktop.ui.labels import duration, file_size

MIN_VALUE_WIDTH = 40


def memory_used() -> int | None:
    """Resident memory of this process in bytes; None where the system has no cheap way to ask."""
    if sys.platform != "linux":
        return None
    # The second field is the number of resident pages.
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class JobStrip(QWidget):
    """The running job: its name, progress, time left, and a Cancel button."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.name = ElidedLabel()
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar()
        self.bar.setMinimumWidth(40)
        self.bar.setMaximumWidth(150)
        self.bar.setTextVisible(False)
        self.left = ElidedLabel()
        self.left.setAccessibleName(self.tr("Time left"))
        self.cancel = QToolButton()
        self.cancel.setText(self.tr("Cancel"))
        theme.set_icon(self.cancel, "cancel")
        self.cancel.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.cancel.setAccessibleName(self.tr("Cancel the running task"))
        self.cancel.setToolTip(self.tr("Cancel the running task (Esc)"))
        self.cancel.clicked.connect(self.cancelled)
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        for widget in (self.name, self.bar, self.left, self.cancel):
            row.addWidget(widget)
        row.addStretch(1)
        self.hide()

    def show_job(self, name: str, fraction: float | None, note: str, seconds_left: float | None) -> None:
        """fraction: 0..1, None: unknown."""
        with_note = self.tr("{job}: {note}").format(job=name, note=note)
        self.name.setText(with_note if note and note != name else name)
        self.bar.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            # 100% means done and on the screen: the result is written after the last tile
            self.bar.setValue(min(999, round(1000 * fraction)))
        self.bar.setAccessibleName(self.tr("Progress of {job}").format(job=name))
        left = self.tr("{time} left").format(time=duration(seconds_left)) if seconds_left is not None else ""
        self.left.setText(left)
        self.show()


class _Value(ElidedLabel):
    """A value that is elided where all of them together would make the window wider."""

    def minimumSizeHint(self) -> QSize:
        size = self.sizeHint()
        return QSize(min(size.width(), MIN_VALUE_WIDTH), size.height())


class Status(QStatusBar):
    """Shows values; emits cancelled when the user cancels the running job."""

    cancelled = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Status"))
        self.setSizeGripEnabled(False)
        self.job = JobStrip()
        self.job.cancelled.connect(self.cancelled)
        self.pixel = self._field(self.tr("Pixel under the pointer"))
        self.photo = self._field(self.tr("Size, depth and color profile"))
        self.zoom = self._field(self.tr("Zoom"))
        self.device = self._field(self.tr("Processor"))
        self.memory = self._field(self.tr("Memory used"))
        self.addWidget(self.job, 1)
        # Permanent widgets stay visible while temporary messages are shown.
        for label in (self.pixel, self.photo, self.zoom, self.device, self.memory):
            self.addPermanentWidget(label)
        self._memory_clock = QTimer(self)
        self._memory_clock.setInterval(2000)
        self._memory_clock.timeout.connect(self._show_memory)
        self._memory_clock.start()
        self._show_memory()

    def show_photo(self, width: int, height: int, depth: int, profile: str) -> None:
        """Show the size, depth and profile of the photo."""
        text = self.tr("{width} × {height} · {depth} bit · {profile}")
        self.photo.setText(text.format(width=width, height=height, depth=depth, profile=profile))

    def show_zoom(self, scale: float) -> None:
        """Show the zoom; 1.0 is 100%."""
        digits = 0 if scale >= 0.1 else 1
        self.zoom.setText(self.tr("{zoom}%").format(zoom=f"{100 * scale:.{digits}f}"))

    def show_pixel(self, at: tuple[int, int] | None, value: tuple[int, ...] | None) -> None:
        """Show the position and RGB or RGBA value of the pixel under the pointer."""
        color = "  ".join(map(str, value)) if value else ""
        self.pixel.setText(f"{at[0]}, {at[1]}   {color}" if at else "")

    def show_device(self, name: str) -> None:
        """Show the processor in use."""
        self.device.setText(self.tr("Processor: {device}").format(device=name))

    def show_no_photo(self) -> None:
        """Clear what describes the photo."""
        for label in (self.pixel, self.photo, self.zoom):
            label.clear()

    def show_job(self, name: str, fraction: float | None, note: str, seconds_left: float | None) -> None:
        """Show a job in place of the tip of an action."""
        self.clearMessage()
        self.job.show_job(name, fraction, note, seconds_left)

    def show_no_job(self) -> None:
        """Hide the job."""
        self.job.hide()

    def _field(self, name: str) -> QLabel:
        label = _Value()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAccessibleName(name)
        label.setToolTip(name)
        return label

    def _show_memory(self) -> None:
        used = memory_used()
        text = self.tr("Memory: {size}").format(size=file_size(used)) if used is not None else ""
        self.memory.setText(text)
