"""Old prints: where they are scratched, creased, dusty or torn, how much grain they have, how much they are faded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import torch_import
from clarity_desktop.backend.adjust import tone
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.pictures.geometry import reduced_to
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Adjustments, Mask, Pixels

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.old_print import OldPrintMarks

Plane = NDArray[np.float32]

WEIGHTS = "clarity-old-photo"
TITLE = "Marks of old prints"
SIDE = 1400
"""Pixels of the longest side at which marks are found: in training prints had 380 to 1300. Larger scans are reduced."""
TILE, OVERLAP = 512, 32
"""Side of what the network sees at once, and pixels of it on each side that are not used."""
DAMAGED = 0.5
"""Probability from which a pixel is damaged."""
GROW = 0.0015
"""By which marks are widened, as a share of the longest side: their edges are soft."""
BROAD = 0.006
"""Radius of the disk that fits into a broad part, as a share of the longest side."""

GRAIN = 0.016
"""Noise (standard deviation, 0..1) from which grain is reduced."""
BLACK, WHITE = 0.035, 0.95
"""Where the darkest and the brightest parts of a print belong, on the sRGB scale."""
FADED = 0.05
"""A print whose darkest or brightest part is off by less is not faded."""


@dataclass(frozen=True, slots=True)
class MarkFinder:
    """Finds the marks of old prints with our own network, which comes with the program. Safe for several threads."""

    models: ModelCache
    store: WeightStore

    def is_ready(self) -> bool:
        """Whether the weights are there."""
        return self.store.is_ready(WEIGHTS)

    def find(self, pixels: Pixels, checkpoint: Callable[[], None]) -> Mask | None:
        """Scratches, creases, dust and missing corners: H×W uint8, 255 where to fill; None if there are none.

        pixels: H×W×3 RGB, uint8 or uint16. Raises ModelMissing, and what checkpoint raises.
        """
        torch_import.import_torch()
        file = self.store.need((WEIGHTS,))[WEIGHTS]
        key = ModelKey(WEIGHTS, TITLE, "cpu")
        return find(self.models.get(key, lambda: load(file), file.stat().st_size), pixels, checkpoint)


def load(file: Path) -> OldPrintMarks:
    """The network with the weights of a safetensors file."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets.old_print import OldPrintMarks

    net = OldPrintMarks()
    net.load_state_dict({name: values.float() for name, values in load_file(file).items()})
    net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return net.eval().requires_grad_(False)


def find(net: OldPrintMarks, pixels: Pixels, checkpoint: Callable[[], None]) -> Mask | None:
    """The marks in H×W×3 RGB (uint8 or uint16), H×W uint8: 255 where to fill; see MarkFinder.find."""
    seen = reduced_to(to_8_bits(pixels), SIDE)
    marks = _without_bright_things((_probabilities(net, seen, checkpoint) > DAMAGED).astype(np.uint8))
    if not marks.any():
        return None
    radius = max(1, round(GROW * max(seen.shape[:2])))
    grown = np.asarray(cv2.dilate(marks, _disk(radius)), np.uint8) * np.uint8(255)
    return np.asarray(cv2.resize(grown, pixels.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)


def _without_bright_things(marks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Marks without broad parts that reach no corner of the print: a shirt is white like paper. H×W uint8, 0 or 1."""
    high, wide = marks.shape
    radius = max(5, round(BROAD * max(high, wide)))
    beyond = np.pad(marks, 2 * radius, "edge")
    broad = np.asarray(cv2.morphologyEx(beyond, cv2.MORPH_OPEN, _disk(radius)), np.uint8)
    _, found = cv2.connectedComponents(broad[2 * radius : 2 * radius + high, 2 * radius : 2 * radius + wide])
    labels = np.asarray(found, np.int32)
    reach = max(2, round(0.01 * max(high, wide)))
    ends = slice(None, reach), slice(-reach, None)
    corners = np.unique(np.concatenate([labels[y, x].ravel() for y, x in product(ends, ends)]))
    dropped = ((labels > 0) & ~np.isin(labels, corners)).astype(np.uint8)
    return np.asarray(marks & (1 - cv2.dilate(dropped, _disk(radius))), np.uint8)


def _disk(radius: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)), np.uint8)


def _probabilities(net: OldPrintMarks, seen: NDArray[np.uint8], checkpoint: Callable[[], None]) -> Plane:
    """That a pixel is damaged, H×W float32. seen: H×W×3 uint8."""
    import torch

    height, width = seen.shape[:2]
    step = TILE - 2 * OVERLAP
    rows, columns = math.ceil(height / step), math.ceil(width / step)
    pad = (OVERLAP, rows * step - height + OVERLAP), (OVERLAP, columns * step - width + OVERLAP), (0, 0)
    padded = np.pad(seen, pad, "symmetric")
    found = np.zeros((rows * step, columns * step), np.float32)
    for row, column in product(range(rows), range(columns)):
        checkpoint()
        y, x = row * step, column * step
        with torch.inference_mode():
            tile = torch.from_numpy(padded[y : y + TILE, x : x + TILE].copy()).permute(2, 0, 1)[None].float() / 255
            inner = net(tile)[0, 0, OVERLAP:-OVERLAP, OVERLAP:-OVERLAP].sigmoid()
        found[y : y + step, x : x + step] = inner.numpy()
    return found[:height, :width]


def _luma(pixels: Pixels) -> Plane:
    gray = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.divide(gray, np.iinfo(pixels.dtype).max, dtype=np.float32)


def grain(pixels: Pixels) -> float:
    """The standard deviation of noise in a photo (H×W×3 RGB, uint8 or uint16), on the scale 0..1.

    Immerkær, Fast Noise Variance Estimation (1996), as a median, which edges do not raise.
    """
    luma = _luma(pixels)
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    return float(np.median(np.abs(cv2.filter2D(luma, -1, kernel)[1:-1, 1:-1]))) / (6 * 0.6745)


def unfade(pixels: Pixels, marks: Mask | None = None) -> Adjustments | None:
    """Settings that bring a faded print back to full black and white; None for one that is not faded.

    Its tint stays. pixels: H×W×3 RGB, uint8 or uint16. marks: H×W uint8, above 0 where pixels do not count.
    """
    luma = _luma(pixels)
    seen = luma[marks == 0] if marks is not None else luma.ravel()
    if seen.size < 100:
        return None
    low, middle, high = (float(v) for v in np.percentile(seen, (1, 50, 99)))
    if low < BLACK + FADED and high > WHITE - FADED:
        return None
    return min(_settings(), key=lambda settings: _off(settings, low, middle, high))


def _settings() -> list[Adjustments]:
    return [
        Adjustments(exposure=exposure, contrast=contrast, shadows=shadows)
        for exposure in np.linspace(-0.4, 0.5, 10).round(2).tolist()
        for contrast in np.linspace(0, 0.6, 7).round(2).tolist()
        for shadows in (-0.3, -0.15, 0.0)
    ]


def _off(settings: Adjustments, low: float, middle: float, high: float) -> float:
    """How far settings leave the darkest, middle and brightest parts from where they belong (0..1)."""
    light = np.array([low, middle, high]) ** 2.2 * 2.0**settings.exposure
    black, gray, white = tone(np.asarray(light ** (1 / 2.2)), settings)
    clipped = max(0.0, float(white) - 1)
    return (
        abs(float(black) - min(low, BLACK)) + abs(float(white) - max(high, WHITE)) + 0.6 * abs(float(gray) - middle)
        + 4 * clipped + 0.02 * math.fabs(settings.contrast)
    )  # fmt: skip
