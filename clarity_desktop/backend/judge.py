"""Whether a restoration is better than its input, without a reference: Auto's judgement.

The scores alone do not tell: they differ between scenes and reward invented detail. The judge sees both photos. It was
fitted on pairs of which the truth is known (docs/judgement.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import detect, model_cache, torch_import
from clarity_desktop.backend.detect import CLOSE_FACTOR, padded
from clarity_desktop.backend.fit_view import FIT, fit_view
from clarity_desktop.backend.iqa.distance import distance, psnr
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import TASKS, Pixels, Task

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.detector import Detector
    from clarity_desktop.backend.nets.judge import Judge

WEIGHTS = "clarity-judge"
SAME_DB = 50.0
"""PSNR between two photos from which the difference is invisible."""
_BANDS = 1.0, 2.0, 4.0
"""Gaussian deviations in pixels between which detail is compared."""

GRAYED = 0.05
"""Share of a photo whose white areas may turn gray without gaining detail."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judgement:
    """Probabilities that a restoration is better than its input, as good, or worse; their sum is 1."""

    better: float
    equal: float
    worse: float


def judge(
    before: Pixels,
    after: Pixels,
    task: Task,
    checkpoint: Callable[[], None] = lambda: None,
    models: ModelCache | None = None,
    store: WeightStore | None = None,
) -> Judgement:
    """Compare a photo with a restoration of it (both H×W×3 RGB, uint8 or uint16, of one size).

    task: what the restoration was meant to do. models, store: the program's own by default. Raises ModelMissing if the
    weights are not installed, and what checkpoint raises.
    """
    torch_import.import_torch()
    import torch

    models, store = models or model_cache.shared(), store or default_store()
    views = [view for view in pair_views(before, after) if not identical(*view)]
    checkpoint()
    if not views:
        return Judgement(0.0, 1.0, 0.0)
    net, head = detect.network(models, store), _head(models, store)
    rows = np.stack([features(net, *view, task, checkpoint) for view in views])
    with torch.inference_mode():
        better, equal, worse = head(torch.from_numpy(rows)).exp().mean(0).tolist()
    if any(grayed_whites(*view) > GRAYED for view in views):
        # Nearer to the clean photo on average, so the pairs of the fit call it better, but it looks worse.
        better, worse = 0.0, better + worse
    return Judgement(better, equal, worse)


def grayed_whites(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Share (0..1) of a photo that is white before and a flat gray after: darkened, with nothing to see in it.

    before, after: h×w×3 uint8, of one size.
    """
    luma = _luma(after) * np.float32(255)
    mean = cv2.blur(luma, (9, 9))
    flat = cv2.blur(luma * luma, (9, 9)) - mean * mean <= 9.0
    return float(((before.min(2) >= 250) & (after.max(2) <= 235) & flat).mean())


def pair_views(before: Pixels, after: Pixels) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """The pairs that are compared: both photos as seen on a screen, and of large photos a part at full size.

    before, after: H×W×3 uint8 or uint16, of one size; the views are uint8. The part is the one that changed most.
    """
    first, second = fit_view(before), fit_view(after)
    height, width = before.shape[:2]
    if max(height, width) < CLOSE_FACTOR * FIT:
        return [(first, second)]
    change = np.abs(first.astype(np.int16) - second).sum(2).astype(np.float32)
    reach = FIT * first.shape[1] // width, FIT * first.shape[0] // height
    y, x = np.unravel_index(int(cv2.blur(change, reach).argmax()), change.shape)
    top = _start(int(y) * height // first.shape[0], height)
    left = _start(int(x) * width // first.shape[1], width)
    part = np.s_[top : top + FIT, left : left + FIT]
    return [(first, second), (to_8_bits(before[part]), to_8_bits(after[part]))]


def _start(middle: int, side: int) -> int:
    return max(0, min(middle - FIT // 2, side - FIT))


def identical(before: Pixels, after: Pixels) -> bool:
    """Whether no difference of two photos (H×W×3 uint8 or uint16, of one size and depth) can be seen."""
    apart = psnr(to_8_bits(before), to_8_bits(after))
    return apart is None or apart >= SAME_DB


def features(
    net: Detector,
    before: NDArray[np.uint8],
    after: NDArray[np.uint8],
    task: Task,
    checkpoint: Callable[[], None] = lambda: None,
) -> Floats:
    """What the judge knows of a pair: float32, one row. before, after: h×w×3 uint8, a pair of `pair_views`.

    Raises what checkpoint raises.
    """
    seen: list[Floats] = []
    for photo in (before, after):
        seen.append(_seen(net, photo))
        checkpoint()
    wanted = np.array([name == task for name in TASKS], np.float32)
    return np.concatenate((seen[0], seen[1] - seen[0], difference(before, after), wanted)).astype(np.float32)


def _seen(net: Any, photo: NDArray[np.uint8]) -> Floats:
    """What the detector's tower makes of a photo (h×w×3): its features, logits, and the summary of its map."""
    import torch

    from clarity_desktop.backend.nets import bfloat16
    from clarity_desktop.backend.nets.detector import map_summary

    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.native()):
        whole, where = net.encode(detect.to_tensor(padded(photo)[None]))
        logits = net.classify(whole)
    parts = [whole, logits["classes"], logits["found"], logits["severity"], logits["quality"], map_summary(where)]
    return np.concatenate([part.float().numpy()[0] for part in parts]).clip(-30, 30)


def difference(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> Floats:
    """Measures of what changed between two photos (h×w×3 uint8, of one size): 24 float32.

    How much; in light, contrast, color and clipping; detail gained or lost in three bands, in flat and in textured
    areas; and whether what was removed looks like noise or like parts of the scene.
    """
    apart = distance(before, after)
    a, b = (_luma(photo) for photo in (before, after))
    rest = b - a
    rows: list[float] = [
        min(60.0, 60.0 if apart.psnr is None else apart.psnr) / 30, apart.ssim, float(rest.mean()),
        _log_ratio(b.std(), a.std()), float(np.abs(rest).mean()),
    ]  # fmt: skip
    for photo in (before, after):
        rows += [float((photo >= 253).mean()), float((photo <= 2).mean())]
    chroma_a, chroma_b = (_chroma(photo) for photo in (before, after))
    rows += [*(chroma_b - chroma_a).mean((0, 1)).tolist(), _log_ratio(chroma_b.std(), chroma_a.std())]
    texture = cv2.GaussianBlur(np.abs(a - cv2.GaussianBlur(a, (0, 0), 1.5)), (0, 0), 4)
    rough = texture > np.median(texture)
    for sigma in _BANDS:
        band_a, band_b = (np.abs(x - cv2.GaussianBlur(x, (0, 0), sigma)) for x in (a, b))
        rows += [_log_ratio(band_b[part].mean(), band_a[part].mean()) for part in (rough, ~rough)]
    slope = np.hypot(cv2.Sobel(a, cv2.CV_32F, 1, 0), cv2.Sobel(a, cv2.CV_32F, 0, 1))
    rows += [
        _correlation(np.abs(rest), slope), _correlation(rest[:, 1:], rest[:, :-1]), _correlation(rest[1:], rest[:-1]),
        _log_ratio(cv2.GaussianBlur(rest, (0, 0), 8).std(), rest.std()),
        _log_ratio(np.abs(rest)[rough].mean(), np.abs(rest)[~rough].mean()), _blockiness(b) - _blockiness(a),
    ]  # fmt: skip
    return np.nan_to_num(np.array(rows, np.float32))


def _luma(photo: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)


def _chroma(photo: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb), np.float32)[..., 1:] / np.float32(255)


def _log_ratio(a: Any, b: Any) -> float:
    return float(np.log((float(a) + 1e-3) / (float(b) + 1e-3)))


def _correlation(a: Floats, b: Floats) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).mean() / (a.std() * b.std() + 1e-6))


def _blockiness(luma: Floats) -> float:
    """How much larger the steps at every eighth column and row are than the others."""
    total = 0.0
    for plane in (luma, luma.T):
        steps = np.abs(np.diff(plane, axis=1)).mean(0)
        phases = [steps[k::8].mean() for k in range(min(8, len(steps)))]
        total += float(max(phases) - np.median(phases)) if phases else 0.0
    return total


def load(path: Path) -> Judge:
    """The judge with the weights of a file. Raises OSError, SafetensorError and RuntimeError for any other file."""
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets.judge import Judge

    state = {k: v.float() for k, v in load_file(path).items()}
    net = Judge(len(state.get("middle", ()))).eval()
    net.load_state_dict(state)
    return net


def _head(models: ModelCache, store: WeightStore) -> Judge:
    file = store.need((WEIGHTS,))[WEIGHTS]
    return models.get(ModelKey(WEIGHTS, "Clarity judge"), lambda: load(file), file.stat().st_size)
