"""What answers in a bench: anything that makes a Detection of a photo, by the way that the product goes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from clarity_desktop.backend import weights
from clarity_desktop.backend.detect import load, logits, to_detection, views
from clarity_desktop.backend.nets.detector import Detector
from clarity_desktop.values import Detection, Pixels
from clarity_training import weight_errors

Look = Callable[[Pixels], Detection]


def look_with(net: nn.Module) -> Look:
    """The look of a network that takes overview, crops and places as nets.detector.Detector does."""

    def look(pixels: Pixels) -> Detection:
        seen = views(pixels)
        said = logits(net, seen)
        return to_detection({k: v[0] for k, v in said.items()}, seen.places)

    return look


def built_in(path: Path | None = None) -> Detector:
    """The built-in detector with the weights of a file, or those that travel with the program.

    Raises UserError for a file that holds something else, ModelMissing where the program's own is absent.
    """
    path = path or weights.default_store().need(("clarity-detector",))["clarity-detector"]
    with weight_errors.others_than("the detector", path):
        return load(path)
