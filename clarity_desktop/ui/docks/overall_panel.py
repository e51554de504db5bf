"""Details of the overall score: its range, the curve of the branch, the best version, the distance from the original"""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from clarity_desktop.ui.docks.trend import Trend
from clarity_desktop.ui.docks.verdict_panel import overall
from clarity_desktop.ui.form_fields import ElidedButton, muted_label
from clarity_desktop.ui.labels import version_title
from clarity_desktop.values import Distance, Version, VersionId

FAR_PSNR, FAR_SSIM = 20.0, 0.6
"""A version farther from the original than either limit has changed a lot."""


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
    """Shows range, curve and distance; jump_asked carries the version that the user wants to open."""

    jump_asked = Signal(str)  # VersionId

    def __init__(self) -> None:
        super().__init__()
        self._best: VersionId | None = None
        self.extent, self.before, self.best = muted_label(), muted_label(), ElidedButton()
        self.best.setProperty("role", "quiet")
        self.best.setToolTip(self.tr("Open the version with the best overall score"))
        self.best.clicked.connect(self._jump)
        self.trend = Trend()
        self.trend.chosen.connect(self.jump_asked)
        self.distance = muted_label()
        self.distance.setToolTip(
            self.tr("How much this version differs from the original photo. Above 30 dB the change is hard to see.")
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        line = QHBoxLayout()
        line.addWidget(self.before, 1)
        line.addWidget(self.best, 0, Qt.AlignmentFlag.AlignRight)
        column.addWidget(self.extent)
        column.addWidget(self.trend)
        column.addLayout(line)
        column.addWidget(self.distance)

    def show_scores(self, now: Version, before: Version | None, best: Version | None) -> None:
        """The range of the score, the score before and the best one; no button if the open version is the best."""
        quality = now.quality
        ranged = quality is not None and quality.low is not None and quality.high is not None
        self.extent.setVisible(ranged)
        if quality and quality.low is not None and quality.high is not None:
            text = self.tr("Likely range of the score: {low} to {high}")
            self.extent.setText(text.format(low=f"{quality.low:.0f}", high=f"{quality.high:.0f}"))
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

    def show_distance(self, distance: Distance | None) -> None:
        """distance None: this is the original or it has another size."""
        self.distance.setText(distance_text(distance) if distance else "")
        spoken = self.tr("Distance from the original. {distance}").format(distance=self.distance.text())
        self.distance.setAccessibleName(spoken)
        self.distance.setVisible(distance is not None)

    def _jump(self) -> None:
        if self._best:
            self.jump_asked.emit(self._best)
