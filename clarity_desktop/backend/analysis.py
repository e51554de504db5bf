"""The two analyses of a photo, as the studio is given them: what is wrong with it, and how good it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from clarity_desktop.backend import detect
from clarity_desktop.backend.iqa import assess, extra
from clarity_desktop.backend.iqa.parameters import Parameters, default_parameters
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.values import Detection, Pixels, Quality


class Detector(Protocol):
    """Finds what is wrong with a photo."""

    def detect(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Detection:
        """pixels: H×W×3 RGB, uint8 or uint16. Raises UserError, ModelMissing, and what checkpoint raises."""
        ...

    def digest(self) -> str:
        """Tells this detector from earlier and later ones."""
        ...


class Scorer(Protocol):
    """Scores a photo without a reference."""

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        """pixels: H×W×3 RGB, uint8 or uint16. detection: what was found in them. Raises what checkpoint raises."""
        ...

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        """One of the further metrics. Raises UserError."""
        ...

    def is_stale(self, quality: Quality, /) -> bool:
        """Whether scores would be different now, because parameters were installed since."""
        ...

    def digest(self) -> str:
        """Tells these scores from those of earlier and later releases."""
        ...


@dataclass(frozen=True, slots=True)
class NetworkDetector:
    """The program's own detector."""

    models: ModelCache
    store: WeightStore = field(default_factory=default_store)

    def detect(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Detection:
        """As Detector.detect."""
        return detect.detect(pixels, checkpoint, self.models, self.store)

    def digest(self) -> str:
        """As Detector.digest."""
        return detect.digest(self.store)


@dataclass(frozen=True, slots=True)
class MetricScorer:
    """The program's own metrics, and those of pyiqa where it is installed."""

    models: ModelCache
    parameters: Parameters = field(default_factory=default_parameters)

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        """As Scorer.assess."""
        return assess.assess(pixels, checkpoint, detection, self.parameters)

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        """As Scorer.measure."""
        return extra.measure(metric, pixels, self.models)

    def is_stale(self, quality: Quality, /) -> bool:
        """As Scorer.is_stale."""
        return assess.is_stale(quality, self.parameters)

    def digest(self) -> str:
        """As Scorer.digest."""
        return self.parameters.digest()
