"""What a bench evaluates: functions that map a photo to a Detection in the way the product does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from clarity_desktop.backend import weights
from clarity_desktop.backend.detect import load, look, sample_views
from clarity_desktop.backend.nets.detector import Detector
from clarity_desktop.values import Detection, Pixels
from clarity_training.weight_errors import as_user_error

Predictor = Callable[[Pixels], Detection]
"""Photo H×W×3 uint8 or uint16 RGB → Detection."""


def predictor(net: nn.Module) -> Predictor:
    """The predictor of a network with the inputs and outputs of nets.detector.Detector."""

    return lambda pixels: look(net, sample_views(pixels))


def load_detector(path: Path | None = None) -> Detector:
    """The detector with the weights of a file; None: those that are bundled with the program.

    Raises UserError for a file with other content, ModelMissing where the bundled weights are absent.
    """
    path = path or weights.default_store().need(("clarity-detector",))["clarity-detector"]
    with as_user_error("the detector", path):
        return load(path)
