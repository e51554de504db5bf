"""`clarity train calibrate`: calibrate the detector's probabilities on the validation split.

Fitted are one temperature for the 15 classes and a bias for each, one scale for the logits of all degradations and a
bias for each (Platt, 1999; Guo et al., ICML 2017). Then the bias of "normal" is raised until
at most MAX_FALSE_ALARMS of the clean photos are classified as degraded. The result is folded into parameters that the
network has, so nothing changes at run time.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.optimize import minimize

from clarity_desktop.backend.detect import logits, sample_views
from clarity_desktop.backend.nets.detector import Detector, cautious
from clarity_desktop.values import CLASSES, DEGRADATIONS
from clarity_training import options, predictors
from clarity_training.evaluate import cases, metrics
from clarity_training.train import loop

MAX_FALSE_ALARMS = 0.05
"""Share of the clean photos that may be classified as degraded."""
CLEAN_FACTOR = 3
"""Clean photos, both augmented and unchanged, for each photo of another class: the bias of "normal" depends on the
rarest errors among them."""
MAX_SCALE = 100.0
"""The network clamps exp(temperature) to this."""
_PRIOR_CLASSES, _PRIOR_DEGRADATIONS = 1e-3, 1e-4
"""Weight decay of the fit; it keeps the bias of a class that is never misclassified finite."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Logits:
    """Logits and labels of N photos: classes N×15 and found N×13 float64; labels N, indices in CLASSES; present N×13,
    whether the photo has the degradation."""

    classes: Floats
    found: Floats
    labels: NDArray[np.int64]
    present: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Parameters of the calibration.

    class_scale, found_scale: factors of the logits; class_bias (15) and found_bias (13) are added afterwards. caution:
    further added to "normal", which makes degradations less probable too.
    """

    class_scale: float
    class_bias: Floats
    found_scale: float
    found_bias: Floats
    caution: float = 0.0

    def apply(self, logits: Logits) -> Logits:
        """The calibrated logits."""
        classes = torch.from_numpy(logits.classes * self.class_scale + self.class_bias)
        classes[:, 0] += self.caution
        scaled = torch.from_numpy(logits.found * self.found_scale + self.found_bias)
        found = cautious(classes, scaled, torch.tensor(self.caution))
        return Logits(classes.numpy(), found.numpy(), logits.labels, logits.present)


def main(words: Sequence[str] | None = None) -> int:
    """Fit on the validation split, fold into the weights file, print the errors before and after."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    net = predictors.load_detector(args.weights)
    net.load_state_dict(without_caution(net.state_dict()))
    before = record(net, options.clean_photos(args, "validation"), args.per_class, args.seed)
    best = fit(before)
    fold(args.weights, best)
    after = best.apply(before)
    for title, result in (("before", before), ("after", after)):
        top, found = calibration_errors(result)
        print(
            f"{title}: balanced accuracy {balanced_accuracy(result):.1%}, "
            f"false alarms on clean photos {false_alarm_rate(result):.1%}, "
            f"calibration error of top-1 {top:.4f}, of the degradations {found:.4f}"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train calibrate", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=7)
    p.add_argument("--weights", type=Path, default=Path("checkpoints/clarity-detector.safetensors"), metavar="FILE")
    p.add_argument("--per-class", type=int, default=40, metavar="N")
    return p


def record(net: Detector, clean: Sequence[Path], per_class: int, seed: int) -> Logits:
    """Run the network on per_class photos of each degraded class, and on CLEAN_FACTOR times as many clean photos both
    augmented and unchanged. clean: files with clean photos. Raises UserError where a file is no readable image."""
    rows: list[tuple[Any, ...]] = []
    count = CLEAN_FACTOR * per_class
    for case in itertools.chain(
        cases.training_synthesis_cases(clean, count, seed, ("normal",)),
        cases.clean_cases(clean, count, seed),
        cases.training_synthesis_cases(clean, per_class, seed, CLASSES[1:]),
    ):
        outputs = logits(net, sample_views(case.pixels).whole[None])
        present = [name in case.severities for name in DEGRADATIONS]
        rows.append((outputs["classes"][0], outputs["found"][0], CLASSES.index(case.name), present))
    classes, found, labels, present = zip(*rows, strict=True)
    return Logits(np.array(classes, np.float64), np.array(found, np.float64), np.array(labels), np.array(present, bool))


def fit(logits: Logits) -> Fit:
    """The maximum-likelihood calibration of the logits."""
    classes = minimize(partial(_class_nll, logits), np.zeros(1 + len(CLASSES)), method="L-BFGS-B", jac=True)
    found = minimize(partial(_found_nll, logits), np.zeros(1 + len(DEGRADATIONS)), method="L-BFGS-B", jac=True)
    class_scale, class_bias = float(np.exp(classes.x[0])), np.array(classes.x[1:])
    caution = _caution(logits.classes[logits.labels == 0] * class_scale + class_bias)
    found_scale, found_bias = float(np.exp(found.x[0])), np.array(found.x[1:])
    return Fit(class_scale, class_bias, found_scale, found_bias, caution)


def _caution(clean: Floats) -> float:
    """By how much "normal" must be raised in the class logits (N×15) of clean photos; 0 where it need not be."""
    missing = np.sort(clean[:, 1:].max(1) - clean[:, 0])
    if not len(missing):
        return 0.0
    return max(0.0, float(missing[len(missing) - 1 - int(MAX_FALSE_ALARMS * len(missing))]) + 1e-6)


def _class_nll(logits: Logits, parameters: Floats) -> tuple[float, Floats]:
    """Mean negative log likelihood, all classes weighted equally, and its gradient. parameters: log scale, biases."""
    scaled = logits.classes * np.exp(parameters[0])
    shifted = scaled + parameters[1:]
    weight = 1 / np.bincount(logits.labels)[logits.labels].astype(np.float64)
    weight /= weight.sum()
    total = np.logaddexp.reduce(shifted, 1)
    slope = (np.exp(shifted - total[:, None]) - np.eye(len(CLASSES))[logits.labels]) * weight[:, None]
    nll = ((total - shifted[np.arange(len(shifted)), logits.labels]) * weight).sum()
    gradient = np.concatenate(([(slope * scaled).sum()], slope.sum(0)))
    return float(nll + _PRIOR_CLASSES * (parameters**2).sum()), gradient + 2 * _PRIOR_CLASSES * parameters


def _found_nll(logits: Logits, parameters: Floats) -> tuple[float, Floats]:
    """Mean negative log likelihood of the degradations, and its gradient. parameters: log scale, biases."""
    scaled = logits.found * np.exp(parameters[0])
    shifted = scaled + parameters[1:]
    nll = np.logaddexp(0, shifted) - logits.present * shifted
    slope = (metrics.sigmoid(shifted) - logits.present) / nll.size
    gradient = np.concatenate(([(slope * scaled).sum()], slope.sum(0)))
    return (
        float(nll.mean() + _PRIOR_DEGRADATIONS * (parameters**2).sum()),
        gradient + 2 * _PRIOR_DEGRADATIONS * parameters,
    )


def without_caution(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dictionary of the detector with an earlier raise of "normal" removed.

    state: name → tensor; shapes and dtypes stay: the same shape for every name.
    """
    bias = state["class_bias"].clone()
    bias[0] -= state["caution"]
    return {**state, "class_bias": bias, "caution": torch.zeros(())}


def fold(path: Path, fit: Fit) -> None:
    """Fold the calibration into the parameters of a weights file."""
    state = without_caution(load_file(path))
    scale = torch.tensor(fit.found_scale)
    state["class_bias"] = state["class_bias"] * fit.class_scale + torch.tensor(fit.class_bias, dtype=torch.float32)
    state["caution"] = torch.tensor(fit.caution, dtype=torch.float32)
    state["class_bias"][0] += state["caution"]
    state["temperature"] = (state["temperature"].exp().clamp(max=MAX_SCALE) * fit.class_scale).log()
    state["each_bias"] = state["each_bias"] * scale + torch.tensor(fit.found_bias, dtype=torch.float32)
    state["each_scale"] = state["each_scale"] + scale.log()
    loop.save_weights(path, {k: v.to(torch.float32) if v.dim() < 2 else v for k, v in state.items()})


def balanced_accuracy(logits: Logits) -> float:
    """Mean over the classes of the share of photos classified correctly."""
    correct = logits.classes.argmax(1) == logits.labels
    return float(np.mean([correct[logits.labels == k].mean() for k in np.unique(logits.labels)]))


def false_alarm_rate(logits: Logits) -> float:
    """Share of the clean photos classified as degraded; nan where there is none."""
    clean = logits.classes[logits.labels == 0]
    return float((clean.argmax(1) != 0).mean()) if len(clean) else float("nan")


def calibration_errors(logits: Logits) -> tuple[float, float]:
    """Expected calibration error of top-1 and of the degradations' probabilities."""
    probabilities = np.exp(logits.classes - np.logaddexp.reduce(logits.classes, 1)[:, None])
    correct = probabilities.argmax(1) == logits.labels
    found = metrics.sigmoid(logits.found)
    return (
        metrics.calibration_error(probabilities.max(1), correct),
        metrics.calibration_error(found.ravel(), logits.present.ravel()),
    )


if __name__ == "__main__":
    raise SystemExit(main())
