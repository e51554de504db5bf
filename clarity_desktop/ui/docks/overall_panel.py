"""The overall score of the open version: now, before and best, over the versions, and what it cost in likeness."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from clarity_desktop.ui.docks.trend import Trend
from clarity_desktop.ui.form_fields import muted_label, tooltip
from clarity_desktop.ui.labels import excerpt, version_title
from clarity_desktop.ui.notices import Sign
from clarity_desktop.values import Distance, Quality, Version, VersionId

FAR_PSNR, FAR_SSIM = 20.0, 0.6
"""A version farther from the original than either has changed much."""
NO_BREAK = "\N{NO-BREAK SPACE}"
CAUTION = "Large change: compare before you trust the score."
MEANING = (
    "Higher is better; in brackets the range in which it likely lies. "
    "A sum of several measures, fitted to damaged and clean photos: a hint, no verdict."
)


def overall(version: Version | None) -> float | None:
    return version.quality.overall if version and version.quality else None


def climb(now: float | None, before: float | None) -> str:
    """How the open version differs where higher is better, as the figures say that stand beside it."""
    if now is None or before is None:
        return ""
    rise = round(now) - round(before)
    return f"▲ {rise} better" if rise > 0 else f"▼ {-rise} worse" if rise < 0 else "= the same"


def far(distance: Distance | None) -> bool:
    """Has so much changed that a better score may be invention?"""
    return distance is not None and (
        (distance.psnr is not None and distance.psnr < FAR_PSNR) or distance.ssim < FAR_SSIM
    )


def likeness(distance: Distance) -> str:
    if distance.psnr is None:
        return "Every pixel is that of the original."
    return f"Change: PSNR {distance.psnr:.1f} dB, SSIM {distance.ssim:.2f}"


def _extent(quality: Quality) -> str:
    return (
        f"of 100 ({quality.low:.0f} to {quality.high:.0f})"
        if quality.low is not None and quality.high is not None
        else "of 100"
    )


class OverallPanel(QWidget):
    """Values in by show_scores and show_distance; jump_asked names a version to open."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._best: VersionId | None = None
        self.figure, self.extent, self.change = QLabel("–"), muted_label("of 100"), QLabel()
        self.figure.setProperty("role", "figure")
        self.before, self.best = muted_label(), QPushButton()
        self.best.setProperty("role", "quiet")
        self.best.setToolTip("Open the version with the best overall score")
        self.best.clicked.connect(self._jump)
        self.trend = Trend()
        self.trend.chosen.connect(self.jump_asked)
        self.distance, self.caution = muted_label(), QLabel(CAUTION)
        self.distance.setToolTip("How far this version is from the photo as it was opened. Over 30 dB is hard to see.")
        self.caution.setWordWrap(True)
        self.warning = QWidget()
        self._lay_out()

    def show_scores(self, now: Version, before: Version | None, best: Version | None, failed: str = "") -> None:
        """failed: why there are no scores at all."""
        quality, value = now.quality, overall(now)
        self.figure.setText(f"{value:.0f}" if value is not None else "–")
        why = quality.why.get("overall", "") if quality and value is None else failed
        self.extent.setText(_extent(quality) if quality and value is not None else excerpt(why) or "of 100")
        self.extent.setToolTip(tooltip(why) if value is None and why else MEANING)
        self.change.setText(climb(value, overall(before)))
        self.change.setVisible(bool(self.change.text()))
        self._show_others(now, before, best)
        spoken = f"Overall score {self.figure.text()} {self.extent.text()}, {self.change.text()}".rstrip(", ")
        self.figure.setAccessibleName(spoken)
        self.setAccessibleName(spoken)

    def show_distance(self, distance: Distance | None, *, gained: bool) -> None:
        """distance None: this is the original or it has another size. gained: the score rose over the original's."""
        self.distance.setText(likeness(distance) if distance else "")
        self.distance.setAccessibleName(f"Distance from the original. {self.distance.text()}")
        self.distance.setVisible(distance is not None)
        self.warning.setVisible(gained and far(distance))

    def _show_others(self, now: Version, before: Version | None, best: Version | None) -> None:
        """The score before and the best one; where that is the open version's, there is nowhere to go."""
        earlier, top = overall(before), overall(best)
        here = best is not None and best.id == now.id
        self.before.setVisible(earlier is not None)
        self.before.setText(
            "" if earlier is None else f"Before:{NO_BREAK}{earlier:.0f}{', best: this one' if here else ''}"
        )
        self.best.setVisible(best is not None and top is not None and not here)
        if best is not None and top is not None:
            self._best, title = best.id, version_title(best)
            short = title if len(title) < 20 else title[:18] + "…"
            self.best.setText(f"Best: {top:.0f} ({short})".replace("&", "&&"))
            self.best.setAccessibleName(f"Best overall score: {top:.0f}, {title}")

    def _jump(self) -> None:
        if self._best:
            self.jump_asked.emit(self._best)

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        first, second, third = QHBoxLayout(), QHBoxLayout(), QHBoxLayout(self.warning)
        first.setSpacing(8)
        first.addWidget(self.figure)
        first.addWidget(self.extent, 1, Qt.AlignmentFlag.AlignVCenter)
        first.addWidget(self.change, 0, Qt.AlignmentFlag.AlignVCenter)
        second.addWidget(self.before, 1)
        second.addWidget(self.best, 0, Qt.AlignmentFlag.AlignRight)
        third.setContentsMargins(0, 2, 0, 2)
        warning = Sign("error")
        warning.setAccessibleName("Caution")
        third.addWidget(warning, 0, Qt.AlignmentFlag.AlignTop)
        third.addWidget(self.caution, 1)
        column.addLayout(first)
        column.addWidget(self.trend)
        column.addLayout(second)
        column.addWidget(self.distance)
        column.addWidget(self.warning)
