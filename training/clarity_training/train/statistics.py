"""`clarity train statistics`: fit the head of the detector that tells the class of a whole photo.

The head is a logistic regression on statistics of two towers' features (nets/detector.py). It is fitted on real photos
of the train half, and on clean and damaged photos of the validation split, which the detector's tower was not trained
on. A share of the logits by the prompts is added to its own. In a cross-validation the sum is scaled such that the
probabilities are right, and "normal" is raised until at most MAX_FALSE_ALARMS of the good photos are classified as
degraded.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from torch import Tensor

from clarity_desktop.backend.detect import sample_views, to_tensor
from clarity_desktop.backend.nets import bfloat16
from clarity_desktop.backend.nets.detector import Detector, Statistics
from clarity_desktop.values import CLASSES
from clarity_training import options, predictors
from clarity_training.evaluate import cases
from clarity_training.evaluate.test_set import Case, real_photos
from clarity_training.photos import load_8bit
from clarity_training.train import loop
from clarity_training.train.calibration import MAX_FALSE_ALARMS
from clarity_training.train.detector import load_lite

Kind = Literal["real", "damaged", "clean"]
Floats = NDArray[np.float32]

SHARES: dict[Kind, float] = {"real": 0.55, "damaged": 0.3, "clean": 0.15}
"""Weight of the photos of each kind, the same for each class that it has."""
NORMAL_SHARE = 0.3
"""Weight of the good photos among all: most photos are good, and they differ most."""
DECAY = 1e-5
"""Of the squared weights. Cross-validation hardly tells 1e-5 from 1e-4."""
SMOOTHING = 0.02
"""Share of the label that goes to all classes."""
PROMPTS_SHARE = 0.3
"""Of the logits by the prompts in the sum. On damaged photos 0.5 is hardly better, and real photos of the train half
cannot tell: the embedding knows them partly by heart, which is also why their logits are added and not fitted."""
PARTS = 4
"""Of the cross-validation."""
MAX_REAL = 150
"""Real photos of a class at most."""
CLEAN_PER_CLASS = 6
"""Clean photos for each damaged one of a class."""
_MAX_SIDE = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """What is known of N photos: statistics N×F and logits by the prompts N×15, float32; labels N, indices in CLASSES;
    kinds, and scenes: photos of one scene stay in one part of the cross-validation."""

    statistics: Floats
    prompted: Floats
    labels: NDArray[np.int64]
    kinds: Sequence[Kind]
    scenes: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """middle, spread: of each statistic. weights 15×F and bias 15: of the standardized statistics. share: factor of the
    logits by the prompts. All float32."""

    middle: Floats
    spread: Floats
    weights: Floats
    bias: Floats
    share: float = PROMPTS_SHARE

    def logits(self, statistics: Floats, prompted: Floats) -> Floats:
        """N×15 float32 from the statistics (N×F float32) and the logits by the prompts (N×15 float32)."""
        own = _standardized(statistics, self.middle, self.spread) @ self.weights.T + self.bias
        return np.asarray(own + np.float32(self.share) * prompted, np.float32)


def main(words: Sequence[str] | None = None) -> int:
    """Measure the photos, fit the head, write it into the weights file, and print the cross-validated accuracy."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    net = predictors.load_detector(args.weights)
    if args.tower:
        load_lite(net.statistics.tower, args.tower)
    photos = measure(net, collect(args))
    fitted, logits = fit(photos)
    put(fitted, net.statistics)
    # float16 would round the statistics of normalization layers and small factors; both are few.
    loop.save_weights(args.weights, {k: v.half() if v.dim() > 1 else v for k, v in net.state_dict().items()})
    correct = logits.argmax(1) == photos.labels
    for kind in SHARES:
        chosen = np.array([k == kind for k in photos.kinds])
        if chosen.any():
            print(f"{kind}: {correct[chosen].mean():.1%} of {chosen.sum()} photos are classified correctly")
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train statistics", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=31)
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage with an index.csv (docs/exam.md)")
    p.add_argument("--tower", type=Path, metavar="PTH", help="EfficientNet-Lite2 weights for a new detector")
    p.add_argument("--weights", type=Path, default=Path("checkpoints/clarity-detector.safetensors"), metavar="FILE")
    p.add_argument("--per-class", type=int, default=25, metavar="N", help="damaged photos of each class")
    return p


def collect(args: argparse.Namespace) -> Iterator[tuple[Kind, Case]]:
    """The photos of the fit. args: the options of the command. Raises UserError where a file is no readable image."""
    clean = options.clean_photos(args, "validation")
    for case in cases.training_synthesis_cases(clean, args.per_class, args.seed):
        yield "damaged", case
    for case in cases.clean_cases(clean, min(len(clean), CLEAN_PER_CLASS * args.per_class), args.seed):
        yield "clean", case
    for case in _real_cases(args.real, args.seed) if args.real else ():
        yield "real", case


def _real_cases(folder: Path, seed: int) -> Iterator[Case]:
    labeled = real_photos(folder, "train")
    for k, name in enumerate(CLASSES):
        paths = [path for label, path in labeled if label == name]
        for n in np.random.default_rng([seed, k]).permutation(len(paths))[:MAX_REAL]:
            yield Case(name, load_8bit(paths[n], _MAX_SIDE), paths[n], real=True)


def measure(net: Detector, photos: Iterable[tuple[Kind, Case]]) -> Photos:
    """The statistics of photos, each with its kind."""
    rows: list[tuple[Floats, Floats, int, Kind, str]] = []
    for kind, case in photos:
        seen = to_tensor(sample_views(case.pixels).whole[None])
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16.native()):
            features = net.tower(seen)
            measured = net.statistics.measure(seen, features)[0].float().numpy()
            prompted = net.classify(net.encode_features(features)[0])["classes"][0].float().numpy()
        # Real photos of one scene are numbered at the end.
        scene = case.source.stem.rstrip("0123456789").rstrip("_") if case.real else case.source.stem
        rows.append((measured, prompted, CLASSES.index(case.name), kind, scene))
    statistics, prompted, labels, kinds, scenes = zip(*rows, strict=True)
    return Photos(np.stack(statistics), np.stack(prompted), np.array(labels, np.int64), kinds, scenes)


def fit(photos: Photos) -> tuple[Regression, Floats]:
    """The calibrated regression, and the logits (N×15 float32) that it gives each photo when fitted without it."""
    weight = _photo_weights(photos)
    part = np.array([hashlib.sha256(scene.encode()).digest()[0] % PARTS for scene in photos.scenes])
    logits = np.zeros((len(part), len(CLASSES)), np.float32)
    for k in np.unique(part):
        others = part != k
        if others.any():
            fitted = regress(photos.statistics[others], photos.labels[others], weight[others])
            logits[~others] = fitted.logits(photos.statistics[~others], photos.prompted[~others])
    new = np.array(photos.kinds) != "real"  # to the tower and the prompts
    scale = _scale(logits[new], photos.labels[new], weight[new])
    logits *= scale
    good = photos.labels == 0
    caution = _caution(logits[good])
    logits[:, 0] += caution
    whole = regress(photos.statistics, photos.labels, weight)
    bias = whole.bias * scale
    bias[0] += caution
    return Regression(whole.middle, whole.spread, whole.weights * scale, bias, float(scale * whole.share)), logits


def _photo_weights(photos: Photos) -> Floats:
    """N float32 with sum 1: by kind and class as SHARES and NORMAL_SHARE say."""
    kinds, weight = np.array(photos.kinds), np.zeros(len(photos.labels))
    for kind, share in SHARES.items():
        chosen = kinds == kind
        counts = np.bincount(photos.labels[chosen], minlength=len(CLASSES))
        weight[chosen] = share / max(1, np.count_nonzero(counts)) / counts[photos.labels[chosen]]
    good = photos.labels == 0
    for chosen, share in ((good, NORMAL_SHARE), (~good, 1 - NORMAL_SHARE)):
        weight[chosen] *= share / max(weight[chosen].sum(), 1e-9)
    return (weight / weight.sum()).astype(np.float32)


def regress(statistics: Floats, labels: NDArray[np.int64], weight: Floats) -> Regression:
    """The multinomial logistic regression of N photos: statistics N×F and weight N float32, labels N."""
    middle, spread = statistics.mean(0), statistics.std(0) + np.float32(1e-3)
    rows = _standardized(statistics, middle, spread) / np.sqrt(np.float32(statistics.shape[1]))
    # The weights are a sum of the rows: in the basis of the rows there are as many unknowns as photos.
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    kept = values > 1e-6 * values[-1]
    values, vectors = np.sqrt(values[kept]), vectors[:, kept]
    inputs = torch.from_numpy(vectors * values).float()
    target = torch.full((len(labels), len(CLASSES)), SMOOTHING / len(CLASSES))
    target[torch.arange(len(labels)), torch.from_numpy(labels)] += 1 - SMOOTHING
    share = torch.from_numpy(weight / weight.sum())[:, None]
    factors = torch.zeros(inputs.shape[1], len(CLASSES), requires_grad=True)
    bias = torch.zeros(len(CLASSES), requires_grad=True)
    optimizer = torch.optim.LBFGS([factors, bias], max_iter=100, history_size=15, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        entropy = -(share * target * (inputs @ factors + bias).log_softmax(1)).sum()
        total = entropy + DECAY * (factors * factors).sum()
        total.backward()
        return total

    optimizer.step(loss)
    basis = rows.T @ (vectors / values).astype(np.float32)
    weights = basis @ factors.detach().numpy() / np.sqrt(np.float32(statistics.shape[1]))
    return Regression(middle, spread, np.ascontiguousarray(weights.T), bias.detach().numpy())


def _standardized(statistics: Floats, middle: Floats, spread: Floats) -> Floats:
    """As in nets.detector.Statistics."""
    return ((statistics - middle) / spread).clip(-4, 4)


def _scale(logits: Floats, labels: NDArray[np.int64], weight: Floats) -> np.float32:
    """The factor of the logits (N×15) with which the labels are most likely."""

    def entropy(log_scale: float) -> float:
        scaled = logits.astype(np.float64) * np.exp(log_scale)
        likely = scaled[np.arange(len(labels)), labels] - np.logaddexp.reduce(scaled, 1)
        return -float((likely * weight).sum())

    best: Any = minimize_scalar(entropy, bounds=(-3, 3), method="bounded")
    return np.float32(np.exp(best.x))


def _caution(logits: Floats) -> np.float32:
    """By how much "normal" must be raised in the logits (N×15) of good photos; negative where it may be lowered."""
    lacking = np.sort(logits[:, 1:].max(1) - logits[:, 0])
    return lacking[len(lacking) - 1 - int(MAX_FALSE_ALARMS * len(lacking))] + np.float32(1e-6)


def put(regression: Regression, head: Statistics) -> None:
    """Set the parameters of the head."""
    head.middle.copy_(torch.from_numpy(regression.middle))
    head.spread.copy_(torch.from_numpy(regression.spread))
    head.weigh.weight.copy_(torch.from_numpy(regression.weights))
    head.weigh.bias.copy_(torch.from_numpy(regression.bias))
    head.share.fill_(regression.share)


if __name__ == "__main__":
    raise SystemExit(main())
