"""𝒟: what is wrong with a photo, how surely, how severely, and where.

The photo is looked at as a whole and in crops at its own resolution (nets/detector.py); from large photos further crops
are taken at a reduced size, since what is wide there would fill a crop at native resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import model_cache, torch_import, weights
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation, Detection, Finding, Pixels

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.detector import Detector

OVERVIEW, CROP = 224, 128
"""Sides in pixels of what the network sees; as in nets/detector.py, which needs torch."""
REDUCED = 768
"""Longest side at which a photo is looked at besides its own, in pixels; photos of less than twice that are not."""
HEAT = 8
"""The heat map has at most this many rows and columns."""
_WIDEST, _HIGHEST = 4, 3


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What is looked at: overview 224×224×3 and crops K×128×128×3, uint8; places K×5: centre x and y, width, height as
    shares of the photo, and log2 of how much the crop's photo was reduced."""

    overview: NDArray[np.uint8]
    crops: NDArray[np.uint8]
    places: NDArray[np.float32]


def views(pixels: Pixels, shift: Callable[[], float] = lambda: 0.5) -> Views:
    """Overview and crops of a photo of any size. shift (0..1) moves each crop within the room that its neighbours
    leave: the middle, or by chance in training."""
    height, width = pixels.shape[:2]
    factor = max(height, width) / REDUCED
    levels: list[tuple[Pixels, float]] = [(pixels, 0.0)]
    if factor >= 2:
        small = cv2.resize(pixels, (_side(width, factor), _side(height, factor)), interpolation=cv2.INTER_AREA)
        levels.append((_eight_bits(small), float(np.log2(factor))))
    crops: list[NDArray[np.uint8]] = []
    places: list[tuple[float, ...]] = []
    for photo, reduction in levels:
        few = len(levels) > 1
        for x, y in _corners(photo.shape[1], photo.shape[0], few, shift):
            crop = _eight_bits(photo[y : y + CROP, x : x + CROP])
            high, wide = crop.shape[:2]
            total_h, total_w = photo.shape[:2]
            places.append(
                ((x + wide / 2) / total_w, (y + high / 2) / total_h, wide / total_w, high / total_h, reduction)
            )
            crops.append(_filled(crop))
    overview = cv2.resize(levels[-1][0], (OVERVIEW, OVERVIEW), interpolation=cv2.INTER_AREA)
    return Views(_eight_bits(overview), np.stack(crops), np.array(places, np.float32))


def _side(side: int, factor: float) -> int:
    return max(1, round(side / factor))


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)


def _filled(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo smaller than a crop is mirrored until it fills one."""
    high, wide = crop.shape[:2]
    if (high, wide) == (CROP, CROP):
        return crop
    return np.pad(crop, ((0, CROP - high), (0, CROP - wide), (0, 0)), "symmetric")


def _corners(width: int, height: int, few: bool, shift: Callable[[], float]) -> list[tuple[int, int]]:
    """Upper left corners of up to 4×3 crops (3×2 if few), spread evenly, the longer way along the longer side."""
    most = (3, 2) if few else (_WIDEST, _HIGHEST)
    across, down = most if width >= height else most[::-1]
    columns, rows = (min(n, -(-side // CROP)) for n, side in ((across, width), (down, height)))
    found: list[tuple[int, int]] = []
    for row in range(rows):
        for column in range(columns):
            x = (column + shift()) / columns * width - CROP / 2
            y = (row + shift()) / rows * height - CROP / 2
            found.append((_within(x, width), _within(y, height)))
    return found


def _within(start: float, side: int) -> int:
    return max(0, min(round(start), side - CROP))


def detect(
    pixels: Pixels, checkpoint: Callable[[], None] = lambda: None, models: ModelCache | None = None
) -> Detection:
    """Find what is wrong with a photo (H×W×3 RGB, uint8 or uint16, at least 1×1).

    models: where the network is kept loaded. Raises ModelMissing where the installation lacks the detector's file, and
    what checkpoint raises.
    """
    torch_import.import_torch()
    seen = views(pixels)
    checkpoint()
    net = _network(models or model_cache.shared())
    said = logits(net, seen)
    checkpoint()
    return to_detection({k: v[0] for k, v in said.items()}, seen.places)


def digest() -> str:
    """Tells this detector from earlier and later ones."""
    return weights.default_store().digest("clarity-detector")[:16]


def logits(net: Any, seen: Views) -> dict[str, NDArray[np.float32]]:
    """What a network (nets.detector.Detector, or one that takes and gives the same) says of one photo; the first axis
    has length 1."""
    import torch

    from clarity_desktop.backend.nets import bfloat16

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.native()):
        said = net(*inputs(seen))
    return {k: v.float().numpy() for k, v in said.items()}


def inputs(seen: Views) -> tuple[Any, Any, Any]:
    """Overview, crops and places of one photo as the network takes them."""
    import torch

    return _planes(seen.overview[None]), _planes(seen.crops)[None], torch.from_numpy(seen.places)[None]


def _planes(rgb: NDArray[np.uint8]) -> Any:
    """N×H×W×3 in 0..255 → N×3×H×W in 0..1."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(0, 3, 1, 2).float() / 255


def load(path: Path) -> Detector:
    """The network with the weights of a file. Raises OSError, SafetensorError and RuntimeError for another file."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import detector

    net = detector.Detector().eval()
    net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _network(models: ModelCache) -> Detector:
    file = weights.default_store().need(("clarity-detector",))["clarity-detector"]
    key = ModelKey("clarity-detector", "Clarity detector")
    return models.get(key, lambda: load(file), 2 * file.stat().st_size)


def to_detection(said: dict[str, NDArray[np.float32]], places: NDArray[np.float32]) -> Detection:
    """Logits of one photo (see nets.detector.Detector, without the first axis) as probabilities and a heat map."""
    odds = np.exp(said["classes"] - said["classes"].max())
    odds /= odds.sum()
    top = tuple(sorted(((c, float(p)) for c, p in zip(CLASSES, odds, strict=True)), key=lambda row: -row[1]))
    found: dict[Degradation, Finding] = {
        name: Finding(float(p), float(s))
        for name, p, s in zip(DEGRADATIONS, _share(said["found"]), _share(said["severity"]), strict=True)
    }
    return Detection(top, found, _heat(said["heat"], places))


def _share(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def _heat(logits: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.uint8]:
    """HEAT×HEAT×13: in each cell the mean of what the overview says there and what the crops nearest to it say."""
    side = round((len(logits) - len(places)) ** 0.5)
    wide = cv2.resize(logits[: side * side].reshape(side, side, -1), (HEAT, HEAT), interpolation=cv2.INTER_LINEAR)
    axis = (np.arange(HEAT) + 0.5) / HEAT
    away = (axis[None, :, None] - places[:, 0]) ** 2 + (axis[:, None, None] - places[:, 1]) ** 2
    near = np.exp(-away / (2 * 0.12**2)) + 1e-9
    near /= near.sum(2, keepdims=True)
    return np.rint(255 * _share((wide + near @ logits[side * side :]) / 2)).astype(np.uint8)
