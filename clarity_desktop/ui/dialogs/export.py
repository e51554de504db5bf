"""The export dialog: format, quality and file size, depth, dimensions, profile, metadata, name and folder."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import form_fields
from clarity_desktop.ui.form_fields import choice_field, field_label, int_field, muted_label, no_wheel, plain_label, row
from clarity_desktop.ui.labels import file_size, metadata_choices
from clarity_desktop.ui.notices import Sign
from clarity_desktop.ui.pixels import text_mask
from clarity_desktop.values import BeforeAfter, ExportOptions, Version, VersionId

PATTERN = "{name}_restored"
FORMATS: dict[str, tuple[str, str, bool, bool]] = {
    "jpeg": ("JPEG", ".jpg", True, False),
    "png": ("PNG", ".png", False, True),
    "webp": ("WebP", ".webp", True, False),
    "tiff": ("TIFF", ".tif", False, True),
    "avif": ("AVIF", ".avif", True, False),
    "heic": ("HEIC", ".heic", True, False),
    "jxl": ("JPEG XL", ".jxl", True, True),
    "bmp": ("BMP", ".bmp", False, False),
}
"""Key → title, suffix, whether it has a quality setting, whether it supports 16 bits."""
PAUSE = 300
"""Milliseconds without a change before the size is estimated."""
KEYS = ("name", "tool", "date", "n", "w", "h")


@dataclass(frozen=True, slots=True)
class Subject:
    """The version to export, as far as the file name and the offered options depend on it."""

    title: str
    version: Version
    number: int  # of the version, counted from 1
    depth: int
    profile: str
    before: VersionId | None = None  # what a picture of before and after shows as before

    def values(self, longest: int | None = None) -> dict[str, str]:
        """The values of the keys in a name pattern."""
        width, height = scaled(self.version.width, self.version.height, longest)
        step = self.version.step
        tool = step.method or step.task or step.kind
        return {
            "name": Path(self.title).stem,
            "tool": tool,
            "date": time.strftime("%Y-%m-%d", time.localtime(self.version.time)),
            "n": str(self.number),
            "w": str(width),
            "h": str(height),
        }


def scaled(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """The size with its longest side cut to `longest`; photos are never enlarged by this."""
    if longest is None or max(width, height) <= longest:
        return width, height
    by = longest / max(width, height)
    return max(1, round(width * by)), max(1, round(height * by))


def file_name(pattern: str, values: dict[str, str]) -> str:
    """The pattern with its keys filled in, without characters that file systems refuse; unknown keys stay."""
    # Names must be valid on every system: a project may move from Linux to Windows.
    filled = re.sub(r"\{(\w+)\}", lambda key: values.get(key[1], key[0]), pattern)
    return re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", filled).strip(" .")[:200]


@dataclass(frozen=True, slots=True)
class ExportForm:
    """All choices of the dialog; the file name is computed for each version."""

    options: ExportOptions
    pattern: str = PATTERN
    layout: Literal["side", "split"] | None = None  # of a picture of before and after; None: the version alone
    labels: tuple[str, str] = field(default=("", ""), compare=False)  # in the language of the window

    def of(self, subject: Subject) -> ExportOptions:
        """The options for a version, with the path that results from the pattern."""
        name = file_name(self.pattern, subject.values(self.options.longest)) or "photo"
        compared = None
        if self.layout is not None and subject.before is not None:
            compared, name = self._compared(subject.before, self.layout), f"{name}_before_after"
        path = self.options.path.parent / f"{name}{FORMATS[self.options.format][1]}"
        return dataclasses.replace(self.options, path=path, compared=compared)

    def _compared(self, before: VersionId, layout: Literal["side", "split"]) -> BeforeAfter:
        first, second = self.labels
        return BeforeAfter(before, layout, (text_mask(first), text_mask(second)))


class ExportDialog(QDialog):
    """Emits size_asked with options whose file size is to be estimated, and exported with the confirmed form."""

    size_asked = Signal(object)  # ExportOptions
    exported = Signal(object)  # ExportForm

    def __init__(self, parent: QWidget, subject: Subject, form: ExportForm, count: int = 1) -> None:
        """count: of the photos that the form is for; sizes and the example are those of `subject`."""
        super().__init__(parent)
        self._count = count
        title = self.tr("Export {title}").format(title=subject.title)
        self.setWindowTitle(title if count == 1 else self.tr("Export %n open photo(s)", "", count))
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._subject = subject
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAUSE)
        self._soon.timeout.connect(self._ask_size)
        self._make_fields(form)
        self._lay_out()
        self._connect()
        self.quality.setValue(form.options.quality)
        self._update()

    def form(self) -> ExportForm:
        """The choices as they stand."""
        options = ExportOptions(
            Path(self.folder.text()).expanduser() / "photo",
            format=self.format.currentData(),
            quality=self.quality.value(),
            depth=self.bits.currentData(),
            longest=self.longest.value() if self.resize_box.isChecked() else None,
            profile=self.profile.currentData(),
            metadata=self.metadata.currentData(),
            exists=self.exists.currentData(),
        )
        labels = self.tr("Before"), self.tr("After")
        return ExportForm(options, self.pattern.text(), self.content.currentData(), labels)

    def show_size(self, size: int | None, losses: Sequence[str] = ()) -> None:
        """The estimate of the file's size in bytes, and sentences about what the file will lack.

        size None: the format cannot hold the photo, and the sentences say why.
        """
        self.size_label.setText("" if size is None else self.tr("About {size}").format(size=file_size(size)))
        self.export_button.setEnabled(size is not None and self._has_folder())
        self.losses_label.setText(" ".join(losses))
        self.losses_label.setVisible(bool(losses))

    def show_warning(self, text: str) -> None:
        """Warn before the export; "" for no warning."""
        self.warning.setText(text)
        self.warning_row.setVisible(bool(text))

    # layout

    def _make_fields(self, form: ExportForm) -> None:
        options, version, depth = form.options, self._subject.version, self._subject.depth
        contents = [
            (self.tr("Open version"), None),
            (self.tr("Before and after, side by side"), "side"),
            (self.tr("Before and after, split by a line"), "split"),
        ]
        can_compare = self._subject.before is not None or self._count > 1
        self.content = choice_field(self.tr("Picture"), contents if can_compare else contents[:1], form.layout)
        self.content.setEnabled(can_compare)
        longest = max(version.width, version.height)
        self.format = choice_field(
            self.tr("Format"), [(title, key) for key, (title, *_) in FORMATS.items()], options.format
        )
        self.quality, self.quality_number = (
            no_wheel(QSlider(Qt.Orientation.Horizontal)),
            int_field(self.tr("Quality"), 1, 100, 1),
        )
        self.quality.setRange(1, 100)
        self.quality.setAccessibleName(self.tr("Quality"))
        same = self.tr("Same as photo ({depth} bit)").format(depth=depth)
        depths = [(same, None), (self.tr("8 bit"), 8), (self.tr("16 bit"), 16)]
        # 16 bits from an 8-bit photo would only enlarge the file.
        self.bits = choice_field(self.tr("Bits per channel"), depths if depth == 16 else depths[:2], options.depth)
        self.resize_box = QCheckBox(self.tr("Longest side"))
        self.resize_box.setChecked(options.longest is not None)
        self.longest = int_field(
            self.tr("Longest side in pixels"), 16, max(16, longest), options.longest or longest, self.tr(" px")
        )
        keep = self.tr("Keep ({profile})").format(profile=self._subject.profile)
        profiles = [(keep, "keep"), (self.tr("Convert to sRGB"), "srgb")]
        self.profile = choice_field(self.tr("Color profile"), profiles, options.profile)
        self.metadata = choice_field(self.tr("Metadata"), metadata_choices(), options.metadata)
        self.pattern, self.folder = QLineEdit(form.pattern), QLineEdit(str(options.path.parent))
        self.pattern.setAccessibleName(self.tr("Name pattern"))
        keys = " ".join(f"{{{key}}}" for key in KEYS)
        self.pattern.setToolTip(self.tr("Placeholders: {keys}").format(keys=keys))
        self.folder.setAccessibleName(self.tr("Folder"))
        self.choose = QPushButton(self.tr("Choose…"))
        self.choose.setAccessibleName(self.tr("Choose the folder"))
        rules = [
            (self.tr("Ask"), "ask"),
            (self.tr("Add a number"), "number"),
            (self.tr("Overwrite"), "overwrite"),
            (self.tr("Skip"), "skip"),
        ]
        self.exists = choice_field(self.tr("If the file exists"), rules, options.exists)
        self.size_label, self.dimensions, self.example = muted_label(), muted_label(), muted_label()
        self.losses_label = plain_label()
        self.losses_label.setWordWrap(True)
        self.losses_label.setAccessibleDescription(self.tr("What the file cannot hold"))
        self.losses_label.hide()
        self.warning, self.warning_row = plain_label(), QWidget()
        self.warning.setWordWrap(True)
        self.warning_row.hide()
        self.size_label.setAccessibleDescription(self.tr("Estimated file size"))
        self.example.setAccessibleDescription(self.tr("Example of the file name"))

    def _lay_out(self) -> None:
        form = form_fields.form()
        form.addRow(self.tr("Pi&cture"), self.content)
        form.addRow(self.tr("&Format"), self.format)
        form.addRow(field_label(self.tr("&Quality"), self.quality), row(self.quality, self.quality_number))
        form.addRow("", self.size_label)
        form.addRow(self.tr("&Depth"), self.bits)
        form.addRow(field_label(self.tr("Si&ze"), self.resize_box), row(self.resize_box, self.longest, self.dimensions))
        form.addRow(self.tr("&Profile"), self.profile)
        form.addRow(self.tr("&Metadata"), self.metadata)
        form.addRow(self.tr("&Name"), self.pattern)
        form.addRow("", self.example)
        form.addRow(field_label(self.tr("F&older"), self.folder), row(self.folder, self.choose))
        form.addRow(self.tr("If it e&xists"), self.exists)
        form.addRow("", self.losses_label)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        export = self.tr("Export") if self._count == 1 else self.tr("Export all")
        self.export_button = self.buttons.addButton(export, QDialogButtonBox.ButtonRole.AcceptRole)
        self.export_button.setProperty("role", "primary")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(16)
        warning = QHBoxLayout(self.warning_row)
        warning.setContentsMargins(0, 0, 0, 0)
        warning.addWidget(Sign("error"), 0, Qt.AlignmentFlag.AlignTop)
        warning.addWidget(self.warning, 1)
        column.addWidget(self.warning_row)
        column.addLayout(form)
        column.addWidget(self.buttons)
        self.setMinimumWidth(500)

    def _connect(self) -> None:
        self.quality.valueChanged.connect(self.quality_number.setValue)
        self.quality_number.valueChanged.connect(self.quality.setValue)
        for box in (self.content, self.format, self.bits, self.profile, self.metadata):
            box.currentIndexChanged.connect(self._update)
        self.quality.valueChanged.connect(self._update)
        self.longest.valueChanged.connect(self._update)
        self.resize_box.toggled.connect(self._update)
        self.pattern.textChanged.connect(self._update)
        self.folder.textChanged.connect(self._update)
        self.choose.clicked.connect(self._choose_folder)
        self.buttons.accepted.connect(self._confirm)
        self.buttons.rejected.connect(self.reject)

    def _update(self) -> None:
        """Enable what applies to the format; renew the example and the size."""
        form = self.form()
        _, _, has_quality, has_depth = FORMATS[form.options.format]
        for widget in (self.quality, self.quality_number):
            widget.setEnabled(has_quality)
        self.bits.setEnabled(has_depth)
        self.longest.setEnabled(self.resize_box.isChecked())
        version = self._subject.version
        times = 2 if form.layout == "side" and self._subject.before else 1
        width, height = scaled(times * version.width, version.height, form.options.longest)
        self.dimensions.setText(f"{width} × {height}")
        self.example.setText(form.of(self._subject).path.name)
        self.export_button.setEnabled(self._has_folder())
        self.size_label.setText(self.tr("Estimating the size…"))
        # Restarted by each change, so only the last one is estimated.
        self._soon.start()

    def _has_folder(self) -> bool:
        return bool(self.folder.text().strip())

    def _ask_size(self) -> None:
        self.size_asked.emit(self.form().of(self._subject))

    def _choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Export to"), self.folder.text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.folder.setText)
        dialog.open()

    def _confirm(self) -> None:
        self.exported.emit(self.form())
        self.accept()
