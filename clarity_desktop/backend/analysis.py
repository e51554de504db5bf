"""What the studio asks about photos, as interfaces that it receives: detection, scores, and comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from clarity_desktop.backend import detect, judge
from clarity_desktop.backend.iqa import assess, extra
from clarity_desktop.backend.iqa.parameters import Parameters, default_parameters
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.values import Detection, Pixels, Quality, Task


class Detector(Protocol):
    """Finds what is wrong with a photo."""

    def detect(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Detection:
        """Detect degradations in H×W×3 RGB, uint8 or uint16. Raises UserError, ModelMissing, what checkpoint raises."""
        ...

    def digest(self) -> str:
        """Identifies the detector and its weights."""
        ...


class Scorer(Protocol):
    """Scores a photo without a reference."""

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        """Score H×W×3 RGB, uint8 or uint16. detection: that of the pixels. Raises what checkpoint raises."""
        ...

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        """The value of a further metric for H×W×3 RGB, uint8 or uint16. Raises UserError."""
        ...

    def is_stale(self, quality: Quality, /) -> bool:
        """Whether the scores are outdated, because parameters were installed since."""
        ...

    def digest(self) -> str:
        """Identifies the metrics and their parameters."""
        ...


class Judge(Protocol):
    """Compares a photo with a restoration of it."""

    def compare(self, before: Pixels, after: Pixels, task: Task, checkpoint: Callable[[], None], /) -> Judgement:
        """Whether `after` is better (both H×W×3 RGB, uint8 or uint16, of one size).

        Raises ModelMissing, and what checkpoint raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class NetworkDetector:
    """The program's own detector."""

    models: ModelCache
    store: WeightStore = field(default_factory=default_store)

    def detect(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Detection:
        """Detect degradations in H×W×3 RGB, uint8 or uint16; see Detector.detect."""
        return detect.detect(pixels, checkpoint, self.models, self.store)

    def digest(self) -> str:
        """See Detector.digest."""
        return detect.digest(self.store)


@dataclass(frozen=True, slots=True)
class NetworkJudge:
    """The program's own judge."""

    models: ModelCache
    store: WeightStore = field(default_factory=default_store)

    def compare(self, before: Pixels, after: Pixels, task: Task, checkpoint: Callable[[], None], /) -> Judgement:
        """Compare two photos (H×W×3 RGB, uint8 or uint16, of one size); see Judge.compare."""
        return judge.judge(before, after, task, checkpoint, self.models, self.store)


@dataclass(frozen=True, slots=True)
class MetricScorer:
    """The program's own metrics, and those of pyiqa where it is installed."""

    models: ModelCache
    parameters: Parameters = field(default_factory=default_parameters)

    def assess(self, pixels: Pixels, checkpoint: Callable[[], None], detection: Detection | None, /) -> Quality:
        """Score H×W×3 RGB, uint8 or uint16; see Scorer.assess."""
        return assess.assess(pixels, checkpoint, detection, self.parameters)

    def measure(self, metric: str, pixels: Pixels, /) -> float:
        """The value of a further metric for H×W×3 RGB, uint8 or uint16; see Scorer.measure."""
        return extra.measure(metric, pixels, self.models)

    def is_stale(self, quality: Quality, /) -> bool:
        """See Scorer.is_stale."""
        return assess.is_stale(quality, self.parameters)

    def digest(self) -> str:
        """See Scorer.digest."""
        return self.parameters.digest()
