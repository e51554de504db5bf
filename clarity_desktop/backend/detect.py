"""The degradation detector: which degradations a photo has, how certain that is, how severe they are, and where.

The verdict is made at the size at which a person sees a photo on a screen: the network (nets/detector.py) sees the
photo reduced to FIT pixels. What shows only when one looks closely is a second finding: the same network looks at parts
of a large photo at its own resolution.
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
from clarity_desktop.backend.fit_view import FIT, fit_view
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation, Detection, Finding, Pixels

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.detector import Detector

WEIGHTS = "clarity-detector"
STRIDE, MAP_STRIDE = 32, 8
"""As in nets/detector.py, which needs torch."""
HEAT = 48
"""Rows or columns of the heat map along the longer side at most."""
CLOSE = 256
"""Side in pixels of a part that is seen at the photo's own resolution."""
CLOSE_FACTOR = 1.5
"""A photo that FIT reduces by less is seen well enough."""
CLOSE_DEGRADATIONS: tuple[Degradation, ...] = ("blur", "noise", "JPEG")
"""What can show at 100 % only."""
_DETAILED, _SMOOTH = 3, 2
"""Parts with the most detail, which show blur, and parts with the least, which show noise."""
_SMALLEST = 64
"""Shortest side in pixels of what the network sees."""


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What the network sees of one photo.

    whole: H×W×3 uint8 RGB, the photo reduced to FIT, continued by reflection to multiples of STRIDE. size: rows and
    columns of the photo in it. close: K×CLOSE×CLOSE×3 uint8 RGB, parts at the photo's own resolution, the most detailed
    ones first; K = 0 for a photo that is hardly reduced.
    """

    whole: NDArray[np.uint8]
    size: tuple[int, int]
    close: NDArray[np.uint8]


def sample_views(pixels: Pixels) -> Views:
    """The views of a photo (H×W×3 RGB, uint8 or uint16, at least 1×1).

    16 bits are rounded to 8 first, so a photo and its 8-bit export look the same.
    """
    pixels = to_8_bits(pixels)
    height, width = pixels.shape[:2]
    fitted = fit_view(pixels)
    reduced = max(height, width) >= CLOSE_FACTOR * FIT
    close = _close_parts(pixels, fitted) if reduced and min(height, width) >= CLOSE else []
    stacked = np.stack(close) if close else np.zeros((0, CLOSE, CLOSE, 3), np.uint8)
    return Views(padded(fitted), (fitted.shape[0], fitted.shape[1]), stacked)


def padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """H×W×3 uint8 continued by reflection at the right and lower edges to multiples of STRIDE, at least 64×64."""
    height, width = pixels.shape[:2]
    rows, columns = (max(_SMALLEST, -(-side // STRIDE) * STRIDE) for side in (height, width))
    if (rows, columns) == (height, width):
        return pixels
    return np.pad(pixels, ((0, rows - height), (0, columns - width), (0, 0)), "symmetric")


def _close_parts(pixels: NDArray[np.uint8], fitted: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The _DETAILED parts with the most detail and the _SMOOTH ones with the least, clipped areas last.

    The places are chosen on the reduced photo (fitted, h×w×3), which is quick.
    """
    height, width = pixels.shape[:2]
    rows, columns = (min(8, side // CLOSE) for side in (height, width))
    gray = np.asarray(cv2.cvtColor(fitted, cv2.COLOR_RGB2GRAY), np.float32)
    detail = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1))
    cells: list[tuple[float, float, int, int]] = []
    for row in range(rows):
        for column in range(columns):
            # Centers spread evenly over the photo; each part is cut around its center.
            y = round((row + 0.5) * height / rows - CLOSE / 2)
            x = round((column + 0.5) * width / columns - CLOSE / 2)
            here = _scaled_slice(y, height, gray.shape[0]), _scaled_slice(x, width, gray.shape[1])
            tones = gray[here]
            clipped = float(((tones < 12) | (tones > 243)).mean())
            cells.append((float(detail[here].mean()), clipped, y, x))
    ranked = sorted(cells, key=lambda cell: -cell[0])
    smooth = sorted(ranked[_DETAILED:], key=lambda cell: (cell[1] > 0.3, cell[0]))
    chosen = ranked[:_DETAILED] + smooth[:_SMOOTH]
    return [pixels[y : y + CLOSE, x : x + CLOSE] for _, _, y, x in chosen]


def _scaled_slice(start: int, side: int, reduced: int) -> slice:
    """Where the part from `start` of a side of that length lies on the reduced photo."""
    first = start * reduced // side
    return slice(first, max(first + 1, (start + CLOSE) * reduced // side))


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
    net = network(models or model_cache.shared(), store or default_store())
    detection = look(net, views)
    checkpoint()
    return detection


def look(net: Any, views: Views) -> Detection:
    """The detection by a network (nets.detector.Detector, or one with the same interface) from the views of a photo."""
    outputs = {name: values[0] for name, values in logits(net.look, views.whole[None]).items()}
    close = logits(net, views.close) if len(views.close) else None
    return to_detection(outputs, views.size, close)


def digest(store: WeightStore | None = None) -> str:
    """Distinguishes the detectors of different releases: 16 hexadecimal digits."""
    return (store or default_store()).digest(WEIGHTS)[:16]


def logits(net: Callable[[Any], Mapping[str, Any]], photos: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    """The outputs of a network for N photos of one size (N×H×W×3 uint8, sides multiples of STRIDE).

    net: the network for parts of photos, its method `look` for whole ones.

    float32 logits: "classes" N×15, "found" N×13, "severity" N×13, "quality" N×1, "map" N×13×h×w.
    """
    import torch

    from clarity_desktop.backend.nets import bfloat16

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.native()):
        outputs = net(to_tensor(photos))
    return {name: values.float().numpy() for name, values in outputs.items()}


def to_tensor(rgb: NDArray[np.uint8]) -> Any:
    """N×H×W×3 uint8 → N×3×H×W float32 tensor in 0..1, channels last in memory."""
    import torch

    return torch.from_numpy(np.require(rgb, requirements=("C", "W"))).permute(0, 3, 1, 2).float().div_(255)


def load(path: Path) -> Detector:
    """The network with the weights of a file. Raises OSError, SafetensorError and RuntimeError for any other file."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import detector

    net = detector.Detector().eval()
    net.load_state_dict({k: v.float() for k, v in load_file(path).items()})
    return net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def network(models: ModelCache, store: WeightStore) -> Detector:
    """The loaded network; loads it on first use. Raises ModelMissing if the weights are not installed."""
    file = store.need((WEIGHTS,))[WEIGHTS]
    key = ModelKey(WEIGHTS, "Problem detector")
    return models.get(key, lambda: load(file), 2 * file.stat().st_size)  # stored as float16


def to_detection(
    outputs: Mapping[str, NDArray[np.float32]],
    size: tuple[int, int],
    close: Mapping[str, NDArray[np.float32]] | None = None,
) -> Detection:
    """Probabilities, severities and heat map from the logits of one photo.

    outputs: float32 "classes" 15, "found" 13, "severity" 13, "quality" 1, "map" 13×h×w. size: rows and columns of the
    photo in the view; the rest of the map is of its continuation. close: "found" and "severity" K×13 of the parts at
    full size.
    """
    # Softmax; subtracting the maximum avoids overflow.
    odds = np.exp(outputs["classes"] - outputs["classes"].max())
    odds /= odds.sum()
    top = tuple(sorted(((c, float(p)) for c, p in zip(CLASSES, odds, strict=True)), key=lambda row: -row[1]))
    found: dict[Degradation, Finding] = {
        name: Finding(float(p), float(s))
        for name, p, s in zip(DEGRADATIONS, _sigmoid(outputs["found"]), _sigmoid(outputs["severity"]), strict=True)
    }
    quality = float(_sigmoid(outputs["quality"])[0])
    return Detection(top, found, _heat(outputs["map"], size), _close_findings(close) if close else {}, quality)


def _close_findings(close: Mapping[str, NDArray[np.float32]]) -> dict[Degradation, Finding]:
    """What the parts at full size show. Blur counts where every detailed part is blurred: of a photo with a small depth
    of field some part is sharp. Noise and blocks count where two parts show them."""
    found, severity = _sigmoid(close["found"]), _sigmoid(close["severity"])
    findings: dict[Degradation, Finding] = {}
    for name in CLOSE_DEGRADATIONS:
        k = DEGRADATIONS.index(name)
        order = np.argsort(-found[:, k], kind="stable")
        chosen = int(np.argmin(found[:_DETAILED, k])) if name == "blur" else int(order[min(1, len(order) - 1)])
        findings[name] = Finding(float(found[chosen, k]), float(severity[chosen, k]))
    return findings


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-values.astype(np.float64)))


def _heat(logits: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.uint8]:
    """rows×columns×13 uint8 of the map's logits (13×h×w), without the part beyond the photo; at most HEAT a side."""
    rows, columns = (max(1, -(-side // MAP_STRIDE)) for side in size)
    heat = _sigmoid(logits[:, :rows, :columns])
    if max(rows, columns) > HEAT:
        factor = HEAT / max(rows, columns)
        target = max(1, round(columns * factor)), max(1, round(rows * factor))
        heat = np.stack([cv2.resize(plane, target, interpolation=cv2.INTER_AREA) for plane in heat])
    return np.ascontiguousarray(np.rint(255 * heat).astype(np.uint8).transpose(1, 2, 0))
