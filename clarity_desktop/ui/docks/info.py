"""The info panel: what the file and its metadata say of the photo. All text can be selected and copied."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from clarity_desktop.ui.docks.histogram import HistogramView
from clarity_desktop.ui.form_fields import ElidedButton, muted_label, plain_label
from clarity_desktop.ui.labels import megapixels
from clarity_desktop.values import DocumentCard, Histogram, PhotoInfo, Version

_SELECTABLE = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard


class InfoDock(QScrollArea):
    """A histogram, a description on request, and a row for each fact that is known."""

    describe_asked = Signal()
    better_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Info"))
        self.histogram = HistogramView()
        self._rows = QFormLayout()
        self._rows.setHorizontalSpacing(12)
        self._rows.setVerticalSpacing(5)
        self._rows.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        self._nothing = muted_label(self.tr("Open a photo to see its metadata."))
        self.describe, self.better = ElidedButton(self.tr("Describe the photo")), ElidedButton()
        self.describe.setToolTip(self.tr("Say in words what can be seen, measured and read of this photo"))
        self.describe.clicked.connect(self.describe_asked)
        self.better.setToolTip(self.tr("Let a language and vision model say in a sentence what the photo shows"))
        self.better.clicked.connect(self.better_asked)
        self.description = plain_label("")
        self.description.setWordWrap(True)
        self.description.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.description.setTextInteractionFlags(_SELECTABLE)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(10)
        column.addWidget(self.histogram)
        column.addWidget(self._nothing)
        for widget in (self.describe, self.description, self.better):
            column.addWidget(widget)
        column.addLayout(self._rows)
        column.addStretch(1)
        self.setWidget(inside)
        self.show_description("", "", running=False)
        self.describe.hide()

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 160)

    def show_histogram(self, histogram: Histogram | None) -> None:
        """Show the histogram of the open version."""
        self.histogram.show_histogram(histogram)

    def show_photo(self, card: DocumentCard | None, version: Version | None, info: PhotoInfo | None) -> None:
        """Show the facts of a photo; info None: its metadata are not read yet."""
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self._nothing.setVisible(card is None)
        self.describe.setVisible(card is not None)
        if card is None or version is None:
            return
        for title, value in (*self._file_rows(card, version, info), *(self._photo_rows(info) if info else ())):
            if value:
                label = plain_label(value)
                label.setWordWrap(True)
                label.setTextInteractionFlags(_SELECTABLE)
                label.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
                label.setAccessibleName(self.tr("{title}: {value}").format(title=title, value=value))
                name = muted_label(title)
                name.setAlignment(Qt.AlignmentFlag.AlignTop)
                self._rows.addRow(name, label)

    def show_description(self, text: str, better: str, *, running: bool) -> None:
        """Show the description of the open version; better: the button for what would say more, "" if there is none."""
        self.description.setText(text)
        self.description.setAccessibleName(self.tr("Description: {text}").format(text=text) if text else "")
        self.description.setVisible(bool(text))
        self.better.setText(better)
        self.better.setVisible(bool(better))
        self.describe.setEnabled(not running)

    def texts(self) -> list[str]:
        """The values that are shown."""
        found: list[str] = []
        for row in range(self._rows.rowCount()):
            item = self._rows.itemAt(row, QFormLayout.ItemRole.FieldRole)
            field = item.widget() if item else None
            found.append(field.text() if isinstance(field, QLabel) else "")
        return found

    def _file_rows(self, card: DocumentCard, version: Version, info: PhotoInfo | None) -> Sequence[tuple[str, str]]:
        size = self.tr("{width} × {height} ({megapixels})").format(
            width=version.width, height=version.height, megapixels=megapixels(version.width * version.height / 1e6)
        )
        depth = self.tr("{depth} bits per channel").format(depth=card.depth)
        return (
            (self.tr("File"), card.path.name if card.path else card.title),
            (self.tr("Folder"), str(card.path.parent) if card.path else ""),
            (self.tr("Format"), info.format if info and card.path else ""),
            (self.tr("Size"), size),
            (self.tr("Depth"), depth),
            (self.tr("Profile"), card.profile),
        )

    def _photo_rows(self, info: PhotoInfo) -> Sequence[tuple[str, str]]:
        return (
            (self.tr("Camera"), info.camera),
            (self.tr("Lens"), info.lens),
            (self.tr("Exposure"), self._exposure(info)),
            (self.tr("Focal length"), self._focal(info)),
            (self.tr("Flash"), "" if info.flash is None else self.tr("On") if info.flash else self.tr("Off")),
            (self.tr("Taken"), _date(info.taken)),
            (self.tr("Place"), self._place(info)),
            (self.tr("Description"), info.description),
            (self.tr("Artist"), info.artist),
            (self.tr("Copyright"), info.copyright),
            (self.tr("Software"), info.software),
        )

    def _exposure(self, info: PhotoInfo) -> str:
        parts: list[str] = []
        if info.exposure is not None:
            seconds = f"1/{1 / info.exposure:.0f}" if info.exposure < 0.3 else f"{info.exposure:g}"
            parts.append(self.tr("{seconds} s").format(seconds=seconds))
        if info.aperture is not None:
            parts.append(self.tr("f/{aperture}").format(aperture=f"{info.aperture:g}"))
        if info.iso is not None:
            parts.append(self.tr("ISO {iso}").format(iso=info.iso))
        if info.bias:
            parts.append(self.tr("{bias} EV").format(bias=f"{info.bias:+.1f}"))
        return ", ".join(parts)

    def _focal(self, info: PhotoInfo) -> str:
        if info.focal is None:
            return ""
        if info.focal_35 and round(info.focal) != info.focal_35:
            text = self.tr("{focal} mm ({full} mm in full frame)")
            return text.format(focal=f"{info.focal:g}", full=info.focal_35)
        return self.tr("{focal} mm").format(focal=f"{info.focal:g}")

    def _place(self, info: PhotoInfo) -> str:
        if info.place is None:
            return ""
        latitude, longitude = info.place
        return f"{latitude:.5f}°, {longitude:.5f}°"


def _date(taken: str) -> str:
    """A date of EXIF as other dates of the window are written; as it stands if it is none."""
    try:
        return time.strftime("%d %b %Y, %H:%M:%S", time.strptime(taken, "%Y:%m:%d %H:%M:%S"))
    except ValueError:
        return taken
