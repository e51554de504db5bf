"""The degradation detector: which degradations a photo has, how certain that is, how severe they are, and where.

The network (nets/detector.py) sees an overview of the whole photo and crops at its own resolution; of a large photo
also crops at a reduced size, because what is wide there would fill a crop at native resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import model_cache, torch_import
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation, Detection, Finding, Pixels

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.detector import Detector

WEIGHTS = "clarity-detector"
OVERVIEW, CROP = 224, 128
"""Sides in pixels of what the network sees; as in nets/detector.py, which needs torch."""
REDUCED = 768
"""Longest side in pixels of the reduced photo; a photo of less than twice that gets no reduced crops."""
HEAT = 8
"""Rows and columns of the heat map."""
_COLUMNS, _ROWS = 4, 3
"""Crops along the longer and the shorter side of a photo at most."""
_REDUCED_COLUMNS, _REDUCED_ROWS = 3, 2
"""The same where there are crops at two sizes."""
_CROP_REACH = 0.12
"""How far around its center a crop counts in the heat map: standard deviation, as a share of the photo's side."""


@dataclass(frozen=True, slots=True, eq=False)
class SampleViews:
    """What the network sees of one photo.

    overview: 224×224×3 uint8 RGB, the whole photo squeezed. crops: K×128×128×3 uint8 RGB, K from 1 to 12. places: K×5
    float32: center x and y, width and height (0..1, as shares of the photo), and log2 of how much the photo was reduced
    before the crop was taken (0: not at all).
    """

    overview: NDArray[np.uint8]
    crops: NDArray[np.uint8]
    places: NDArray[np.float32]


def sample_views(pixels: Pixels, shift: Callable[[], float] = lambda: 0.5) -> SampleViews:
    """Overview and crops of a photo (H×W×3 RGB, uint8 or uint16, at least 1×1).

    16 bits are rounded to 8 first, so a photo and its 8-bit export look the same. shift: 0..1, the position of each
    crop within the space that its neighbors leave; the middle by default, random in training.
    """
    pixels = to_8_bits(pixels)
    height, width = pixels.shape[:2]
    factor = max(height, width) / REDUCED
    levels: list[tuple[NDArray[np.uint8], float]] = [(pixels, 0.0)]
    # Below a factor of two, native crops cover the photo well enough.
    if factor >= 2:
        size = _reduced_side(width, factor), _reduced_side(height, factor)
        levels.append((_resized(pixels, *size), float(np.log2(factor))))
    crops: list[NDArray[np.uint8]] = []
    places: list[tuple[float, ...]] = []
    for photo, reduction in levels:
        rows, columns = photo.shape[:2]
        for x, y in _corners(columns, rows, len(levels) > 1, shift):
            crop = photo[y : y + CROP, x : x + CROP]
            h, w = crop.shape[:2]
            places.append(((x + w / 2) / columns, (y + h / 2) / rows, w / columns, h / rows, reduction))
            crops.append(_padded(crop))
    # From the reduced photo where there is one: two reductions by area equal one.
    smallest, _ = levels[-1]
    return SampleViews(_resized(smallest, OVERVIEW, OVERVIEW), np.stack(crops), np.array(places, np.float32))


def _reduced_side(side: int, factor: float) -> int:
    return max(1, round(side / factor))


def _resized(pixels: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)  # pyright: ignore[reportReturnType]


def _padded(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A crop of a photo that is smaller than CROP, mirrored until it has that size."""
    height, width = crop.shape[:2]
    if (height, width) == (CROP, CROP):
        return crop
    return np.pad(crop, ((0, CROP - height), (0, CROP - width), (0, 0)), "symmetric")


def _corners(width: int, height: int, reduced_too: bool, shift: Callable[[], float]) -> list[tuple[int, int]]:
    """Upper left corners of up to 4×3 crops (3×2 if reduced ones are taken, too), spread evenly over the photo."""
    most = (_REDUCED_COLUMNS, _REDUCED_ROWS) if reduced_too else (_COLUMNS, _ROWS)
    across, down = most if width >= height else most[::-1]
    columns, rows = (min(n, -(-side // CROP)) for n, side in ((across, width), (down, height)))
    corners: list[tuple[int, int]] = []
    for row in range(rows):
        for column in range(columns):
            x = (column + shift()) / columns * width - CROP / 2
            y = (row + shift()) / rows * height - CROP / 2
            corners.append((_clamped(x, width), _clamped(y, height)))
    return corners


def _clamped(start: float, side: int) -> int:
    return max(0, min(round(start), side - CROP))


def detect(
    pixels: Pixels,
    checkpoint: Callable[[], None] = lambda: None,
    models: ModelCache | None = None,
    store: WeightStore | None = None,
) -> Detection:
    """Find the degradations of a photo (H×W×3 RGB, uint8 or uint16, at least 1×1).

    models: keeps the network loaded; store: has its weights; the program's own by default. Raises ModelMissing if the
    weights are not installed, and what checkpoint raises.
    """
    torch_import.import_torch()
    views = sample_views(pixels)
    checkpoint()
    net = _network(models or model_cache.shared(), store or default_store())
    outputs = logits(net, views)
    checkpoint()
    return to_detection({name: values[0] for name, values in outputs.items()}, views.places)


def digest(store: WeightStore | None = None) -> str:
    """Distinguishes the detectors of different releases: 16 hexadecimal digits."""
    return (store or default_store()).digest(WEIGHTS)[:16]


def logits(net: Any, views: SampleViews) -> dict[str, NDArray[np.float32]]:
    """The outputs of a network (nets.detector.Detector, or one with the same interface) for one photo.

    float32 logits: "classes" 1×15, "found" 1×13, "severity" 1×13, "heat" 1×(49+K)×13.
    """
    import torch

    from clarity_desktop.backend.nets import bfloat16

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.native()):
        outputs = net(*inputs(views))
    return {name: values.float().numpy() for name, values in outputs.items()}


def inputs(views: SampleViews) -> tuple[Any, Any, Any]:
    """The views as float32 tensors: overview 1×3×224×224 and crops 1×K×3×128×128 in 0..1, places 1×K×5."""
    import torch

    return _to_tensor(views.overview[None]), _to_tensor(views.crops)[None], torch.from_numpy(views.places)[None]


def _to_tensor(rgb: NDArray[np.uint8]) -> Any:
    """N×H×W×3 in 0..255 → N×3×H×W in 0..1."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(0, 3, 1, 2).float() / 255


def load(path: Path) -> Detector:
    """The network with the weights of a file. Raises OSError, SafetensorError and RuntimeError for any other file."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import detector

    net = detector.Detector().eval()
    net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _network(models: ModelCache, store: WeightStore) -> Detector:
    file = store.need((WEIGHTS,))[WEIGHTS]
    key = ModelKey(WEIGHTS, "Problem detector")
    return models.get(key, lambda: load(file), 2 * file.stat().st_size)  # stored as float16


def to_detection(outputs: Mapping[str, NDArray[np.float32]], places: NDArray[np.float32]) -> Detection:
    """Probabilities, severities and heat map from the logits of one photo.

    outputs: float32 "classes" 15, "found" 13, "severity" 13, "heat" (49+K)×13. places: K×5, of SampleViews.
    """
    # Softmax; subtracting the maximum avoids overflow.
    odds = np.exp(outputs["classes"] - outputs["classes"].max())
    odds /= odds.sum()
    top = tuple(sorted(((c, float(p)) for c, p in zip(CLASSES, odds, strict=True)), key=lambda row: -row[1]))
    found: dict[Degradation, Finding] = {
        name: Finding(float(p), float(s))
        for name, p, s in zip(DEGRADATIONS, _sigmoid(outputs["found"]), _sigmoid(outputs["severity"]), strict=True)
    }
    return Detection(top, found, _heat(outputs["heat"], places))


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-values.astype(np.float64)))


def _heat(tokens: NDArray[np.float32], places: NDArray[np.float32]) -> NDArray[np.uint8]:
    """8×8×13: for each cell the mean of the overview's logits there and of those of the crops around it, as 0..255.

    tokens: (49+K)×13 logits, those of the overview first, row by row.
    """
    side = round((len(tokens) - len(places)) ** 0.5)
    # The 7×7 grid of the overview, resampled to the 8×8 cells.
    overview = cv2.resize(tokens[: side * side].reshape(side, side, -1), (HEAT, HEAT), interpolation=cv2.INTER_LINEAR)
    axis = (np.arange(HEAT) + 0.5) / HEAT
    squares = (axis[None, :, None] - places[:, 0]) ** 2 + (axis[:, None, None] - places[:, 1]) ** 2
    # Each crop counts in the cells near its center; the constant avoids a division by zero.
    weights = np.exp(-squares / (2 * _CROP_REACH**2)) + 1e-9
    weights /= weights.sum(2, keepdims=True)
    return np.rint(255 * _sigmoid((overview + weights @ tokens[side * side :]) / 2)).astype(np.uint8)
