"""The overall score of the open version, beside the one before and the best, and the distance from the original."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from clarity_desktop.ui.docks.trend import Trend
from clarity_desktop.ui.form_fields import ElidedButton, muted_label, plain_label, tooltip
from clarity_desktop.ui.labels import excerpt, version_title
from clarity_desktop.ui.notices import Sign
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Distance, Quality, Version, VersionId

FAR_PSNR, FAR_SSIM = 20.0, 0.6
"""A version farther from the original than either limit has changed a lot."""


def overall(version: Version | None) -> float | None:
    """The overall score of a version; None if it is unknown."""
    return version.quality.overall if version and version.quality else None


def score_change(now: float | None, before: float | None) -> str:
    """How the open version differs where higher is better, computed from the rounded scores that are shown."""
    if now is None or before is None:
        return ""
    # From the rounded scores: 46.4 to 46.6 would otherwise show 46, 47 and “unchanged”.
    rise = round(now) - round(before)
    if rise > 0:
        return QCoreApplication.translate("OverallPanel", "▲ {amount} better").format(amount=rise)
    if rise < 0:
        return QCoreApplication.translate("OverallPanel", "▼ {amount} worse").format(amount=-rise)
    return QCoreApplication.translate("OverallPanel", "= unchanged")


def is_far(distance: Distance | None) -> bool:
    """Whether so much has changed that a better score may come from invented detail."""
    return distance is not None and (
        (distance.psnr is not None and distance.psnr < FAR_PSNR) or distance.ssim < FAR_SSIM
    )


def distance_text(distance: Distance) -> str:
    """The distance from the original in figures."""
    if distance.psnr is None:
        return QCoreApplication.translate("OverallPanel", "Identical to the original.")
    template = QCoreApplication.translate("OverallPanel", "Change: PSNR {psnr} dB, SSIM {ssim}")
    return template.format(psnr=f"{distance.psnr:.1f}", ssim=f"{distance.ssim:.2f}")


class OverallPanel(QWidget):
    """Shows scores and distance; jump_asked carries the version that the user wants to open."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._best: VersionId | None = None
        self.figure, self.extent, self.change = QLabel("–"), muted_label(self.tr("of 100")), QLabel()
        self.figure.setProperty("role", "figure")
        self.before, self.best = muted_label(), ElidedButton()
        self.best.setProperty("role", "quiet")
        self.best.setToolTip(self.tr("Open the version with the best overall score"))
        self.best.clicked.connect(self._jump)
        self.trend = Trend()
        self.trend.chosen.connect(self.jump_asked)
        self.distance, self.caution = muted_label(), plain_label()
        self.caution.setText(self.tr("Large change: compare with the original before you trust the score."))
        self.distance.setToolTip(
            self.tr("How much this version differs from the original photo. Above 30 dB the change is hard to see.")
        )
        self.caution.setWordWrap(True)
        self.warning = QWidget()
        self._lay_out()

    def show_scores(self, now: Version, before: Version | None, best: Version | None, failed: str = "") -> None:
        """failed: the reason if there are no scores at all."""
        quality, value = now.quality, overall(now)
        self.figure.setText(f"{value:.0f}" if value is not None else "–")
        why = render(quality.why.get("overall", "")) if quality and value is None else failed
        self.extent.setText(self._range_text(quality) if value is not None else excerpt(why) or self.tr("of 100"))
        self.extent.setToolTip(tooltip(why) if value is None and why else self._meaning())
        self.change.setText(score_change(value, overall(before)))
        self.change.setVisible(bool(self.change.text()))
        self._show_others(now, before, best)
        spoken = self.tr("Overall score {score} {range}, {change}").format(
            score=self.figure.text(), range=self.extent.text(), change=self.change.text()
        )
        spoken = (
            spoken
            if self.change.text()
            else self.tr("Overall score {score} {range}").format(score=self.figure.text(), range=self.extent.text())
        )
        self.figure.setAccessibleName(spoken)
        self.setAccessibleName(spoken)

    def show_distance(self, distance: Distance | None, *, gained: bool) -> None:
        """distance None: this is the original or it has another size. gained: the score rose over the original's."""
        self.distance.setText(distance_text(distance) if distance else "")
        spoken = self.tr("Distance from the original. {distance}").format(distance=self.distance.text())
        self.distance.setAccessibleName(spoken)
        self.distance.setVisible(distance is not None)
        self.warning.setVisible(gained and is_far(distance))

    def _show_others(self, now: Version, before: Version | None, best: Version | None) -> None:
        """The score before and the best one; there is no button if the open version is the best."""
        earlier, top = overall(before), overall(best)
        here = best is not None and best.id == now.id
        self.before.setVisible(earlier is not None)
        line = self.tr("Before:\u00a0{score} (this version is the best)") if here else self.tr("Before:\u00a0{score}")
        self.before.setText("" if earlier is None else line.format(score=f"{earlier:.0f}"))
        self.best.setVisible(best is not None and top is not None and not here)
        if best is not None and top is not None:
            self._best, title = best.id, version_title(best)
            short = title if len(title) < 20 else title[:18] + "…"
            text = self.tr("Best: {score} ({title})").format(score=f"{top:.0f}", title=short)
            # Qt would take a single ampersand of a version name as a mnemonic.
            self.best.setText(text.replace("&", "&&"))
            spoken = self.tr("Best overall score: {score}, {title}").format(score=f"{top:.0f}", title=title)
            self.best.setAccessibleName(spoken)

    def _range_text(self, quality: Quality | None) -> str:
        if quality is None or quality.low is None or quality.high is None:
            return self.tr("of 100")
        return self.tr("of 100 ({low} to {high})").format(low=f"{quality.low:.0f}", high=f"{quality.high:.0f}")

    def _meaning(self) -> str:
        return self.tr(
            "Higher is better; the likely range is in parentheses. The score combines several metrics and was fitted "
            "to damaged and clean photos: it is an indication, not a verdict."
        )

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
        warning.setAccessibleName(self.tr("Caution"))
        third.addWidget(warning, 0, Qt.AlignmentFlag.AlignTop)
        third.addWidget(self.caution, 1)
        column.addLayout(first)
        column.addWidget(self.trend)
        column.addLayout(second)
        column.addWidget(self.distance)
        column.addWidget(self.warning)
