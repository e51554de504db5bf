"""`clarity train calibrate`: make the detector's probabilities mean what they say.

After training, on photos set aside for checking and damaged by the training synthesis: one temperature for the 15
classes, one scale for all degradations' probabilities and a bias for each (Platt, 1999; Guo et al., 2017). They are
folded into parameters that the network has, so nothing else changes. The order of the classes stays as it was.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.optimize import minimize

from clarity_desktop.backend.detect import logits, views
from clarity_desktop.backend.nets.detector import Detector
from clarity_desktop.training import cases, looks, measures
from clarity_desktop.training.photos import find, split
from clarity_desktop.values import CLASSES, DEGRADATIONS

LARGEST = 100.0
"""The network's bound of exp(temperature)."""


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """Logits of N photos, classes N×15 and found N×13, with the true class (N) and what is there (N×13)."""

    classes: NDArray[np.float64]
    found: NDArray[np.float64]
    kinds: NDArray[np.int64]
    there: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """classes and found: factors of the logits; bias (13) is added to the latter."""

    classes: float
    found: float
    bias: NDArray[np.float64]

    def applied(self, said: Said) -> Said:
        return Said(said.classes * self.classes, said.found * self.found + self.bias, said.kinds, said.there)


def main(words: Sequence[str] | None = None) -> int:
    """Fit on the photos set aside for checking, fold into the weights file, print the error before and after."""
    p = argparse.ArgumentParser("clarity train calibrate", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="the folders of the training")
    p.add_argument("--weights", type=Path, default=Path("checkpoints/clarity-detector.safetensors"), metavar="FILE")
    p.add_argument("--per-class", type=int, default=40, metavar="N")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=7)
    asked = p.parse_args(words)
    torch.set_num_threads(asked.threads)
    said = listen(looks.built_in(asked.weights), split(find(asked.photos), "check"), asked.per_class, asked.seed)
    fit = fitted(said)
    fold(asked.weights, fit)
    for name, one in (("before", said), ("after", fit.applied(said))):
        print(f"{name}: calibration error of top-1 {errors(one)[0]:.4f}, of each degradation {errors(one)[1]:.4f}")
    return 0


def listen(net: Detector, clean: Sequence[Path], per_class: int, seed: int) -> Said:
    """What the network says of per_class photos of each class. Raises UserError where a file is no picture."""
    rows: list[tuple[Any, ...]] = []
    for case in cases.own(clean, per_class, seed):
        said = logits(net, views(case.pixels))
        there = [name in case.severities for name in DEGRADATIONS]
        rows.append((said["classes"][0], said["found"][0], CLASSES.index(case.name), there))
    classes, found, kinds, there = (np.array(column) for column in zip(*rows, strict=True))
    return Said(classes.astype(np.float64), found.astype(np.float64), kinds, there)


def fitted(said: Said) -> Fit:
    """The factors and biases under which what was there is most likely."""
    first = minimize(partial(_surprise_of_classes, said), np.zeros(1), method="L-BFGS-B")
    start = np.zeros(1 + len(DEGRADATIONS))
    each = minimize(partial(_surprise_of_each, said), start, method="L-BFGS-B", jac=True)
    return Fit(float(np.exp(first.x[0])), float(np.exp(each.x[0])), np.array(each.x[1:]))


def _surprise_of_classes(said: Said, values: NDArray[np.float64]) -> float:
    logits = said.classes * np.exp(values[0])
    own = logits[np.arange(len(logits)), said.kinds]
    return float((np.logaddexp.reduce(logits, 1) - own).mean())


def _surprise_of_each(said: Said, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean of −log likelihood, and its slope; a slight pull to 0 keeps the bias of what never fails finite."""
    scaled = said.found * np.exp(values[0])
    logits = scaled + values[1:]
    loss = np.logaddexp(0, logits) - said.there * logits
    slope = (measures.sigmoid(logits) - said.there) / loss.size
    pull = 1e-4
    return (
        float(loss.mean() + pull * (values**2).sum()),
        np.concatenate(([(slope * scaled).sum()], slope.sum(0))) + 2 * pull * values,
    )


def fold(path: Path, fit: Fit) -> None:
    """Write the fit into the parameters of a weights file, complete or not at all."""
    state = load_file(path)
    scale = torch.tensor(fit.found)
    state["temperature"] = (state["temperature"].exp().clamp(max=LARGEST) * fit.classes).log()
    state["each_bias"] = state["each_bias"] * scale + torch.tensor(fit.bias, dtype=torch.float32)
    state["each_scale"] = state["each_scale"] + scale.log()
    part = path.with_suffix(".part")
    save_file({k: v.contiguous().to(torch.float32) if v.dim() < 2 else v.contiguous() for k, v in state.items()}, part)
    part.replace(path)


def errors(said: Said) -> tuple[float, float]:
    """Expected calibration error of top-1 and of the degradations' probabilities."""
    odds = np.exp(said.classes - np.logaddexp.reduce(said.classes, 1)[:, None])
    right = odds.argmax(1) == said.kinds
    found = measures.sigmoid(said.found)
    return (
        measures.calibration_error(odds.max(1), right),
        measures.calibration_error(found.ravel(), said.there.ravel()),
    )


if __name__ == "__main__":
    raise SystemExit(main())
