"""`clarity train calibrate`: make the detector's probabilities mean what they say.

After training, on photos set aside for checking and damaged by the training synthesis: how much the overview counts,
one temperature for the 15 classes and a bias for each, one scale for all degradations' probabilities and a bias for
each (Platt, 1999; Guo et al., 2017). Then the bias of "normal" is raised until at most HARMLESS of the clean photos are
called anything else. All is folded into parameters that the network has.
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
from safetensors.torch import load_file, save_file
from scipy.optimize import minimize

from clarity_desktop.backend.detect import inputs, views
from clarity_desktop.backend.nets.detector import Detector, cautious
from clarity_desktop.values import CLASSES, DEGRADATIONS
from clarity_training import predictors
from clarity_training.evaluate import cases, metrics
from clarity_training.photos import find, split

HARMLESS = 0.05
"""Share of clean photos that may be called degraded."""
CLEAN = 3
"""Looks at clean photos, retouched and as they are, for each at another class: the rarest mistakes count here."""
TRUSTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0)
"""How much the overview may count."""
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
    """classes and found: factors of the logits; class_bias (15) and bias (13) are added to them. caution: what is added
    to "normal" besides; the degradations become less likely by it as well. trust: how much the overview counts.
    surprise: mean of −log likelihood of the classes, before caution."""

    classes: float
    class_bias: NDArray[np.float64]
    found: float
    bias: NDArray[np.float64]
    caution: float = 0.0
    trust: float = 1.0
    surprise: float = 0.0

    def applied(self, said: Said) -> Said:
        classes = torch.from_numpy(said.classes * self.classes + self.class_bias)
        classes[:, 0] += self.caution
        found = cautious(classes, torch.from_numpy(said.found * self.found + self.bias), torch.tensor(self.caution))
        return Said(classes.numpy(), found.numpy(), said.kinds, said.there)


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
    net = predictors.built_in(asked.weights)
    net.load_state_dict(uncautious(net.state_dict()))
    heard = listen(net, split(find(asked.photos), "check"), asked.per_class, asked.seed)
    said = heard.said(net, float(net.trust))
    fit = min((fitted(heard.said(net, trust), trust) for trust in TRUSTS), key=lambda fit: fit.surprise)
    print(f"The overview counts {fit.trust:g}.")
    fold(asked.weights, fit)
    for name, one in (("before", said), ("after", fit.applied(heard.said(net, fit.trust)))):
        top, each = errors(one)
        print(
            f"{name}: right {right(one):.1%}, clean photos called degraded {alarms(one):.1%}, "
            f"calibration error of top-1 {top:.4f}, of each degradation {each:.4f}"
        )
    return 0


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the network made of N photos, of all together and of crops and single places, N×WIDTH each; see Said for
    the others."""

    whole: torch.Tensor
    near: torch.Tensor
    kinds: NDArray[np.int64]
    there: NDArray[np.bool_]

    def said(self, net: Detector, trust: float) -> Said:
        """What it says of them if the overview counts `trust`."""
        net.trust.fill_(trust)
        with torch.inference_mode():
            said = net.answer(self.whole, self.near)
        return Said(said["classes"].double().numpy(), said["found"].double().numpy(), self.kinds, self.there)


def listen(net: Detector, clean: Sequence[Path], per_class: int, seed: int) -> Heard:
    """Let the network look at per_class photos of each class; of "normal" CLEAN times as many, and as many again that
    nothing at all was done to. Raises UserError where a file is no picture."""
    rows: list[tuple[Any, ...]] = []
    fine = cases.own(clean, CLEAN * per_class, seed, ("normal",)), cases.plain(clean, CLEAN * per_class, seed)
    for case in itertools.chain(*fine, cases.own(clean, per_class, seed, CLASSES[1:])):
        with torch.inference_mode():
            whole, near, _ = net.look(*inputs(views(case.pixels)))
        there = [name in case.severities for name in DEGRADATIONS]
        rows.append((whole, near, CLASSES.index(case.name), there))
    whole, near, kinds, there = zip(*rows, strict=True)
    return Heard(torch.cat(whole), torch.cat(near), np.array(kinds), np.array(there))


def fitted(said: Said, trust: float = 1.0) -> Fit:
    """The factors and biases under which what was there is most likely. trust: by which it was said."""
    first = minimize(partial(_surprise_of_classes, said), np.zeros(1 + len(CLASSES)), method="L-BFGS-B", jac=True)
    start = np.zeros(1 + len(DEGRADATIONS))
    each = minimize(partial(_surprise_of_each, said), start, method="L-BFGS-B", jac=True)
    factor, class_bias = float(np.exp(first.x[0])), np.array(first.x[1:])
    caution = _caution(said.classes[said.kinds == 0] * factor + class_bias)
    found, bias = float(np.exp(each.x[0])), np.array(each.x[1:])
    return Fit(factor, class_bias, found, bias, caution, trust, float(first.fun))


def _caution(clean: NDArray[np.float64]) -> float:
    """By how much "normal" must be raised in the logits of clean photos; 0 where it need not be."""
    short = np.sort(clean[:, 1:].max(1) - clean[:, 0])
    return max(0.0, float(short[len(short) - 1 - int(HARMLESS * len(short))]) + 1e-6) if len(short) else 0.0


def _surprise_of_classes(said: Said, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean of −log likelihood, each class counting the same, and its slope; a slight pull keeps it finite."""
    scaled = said.classes * np.exp(values[0])
    logits = scaled + values[1:]
    weight = 1 / np.bincount(said.kinds)[said.kinds].astype(np.float64)
    weight /= weight.sum()
    whole = np.logaddexp.reduce(logits, 1)
    slope = (np.exp(logits - whole[:, None]) - np.eye(len(CLASSES))[said.kinds]) * weight[:, None]
    pull = 1e-3
    return (
        float(((whole - logits[np.arange(len(logits)), said.kinds]) * weight).sum() + pull * (values**2).sum()),
        np.concatenate(([(slope * scaled).sum()], slope.sum(0))) + 2 * pull * values,
    )


def _surprise_of_each(said: Said, values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Mean of −log likelihood, and its slope; a slight pull to 0 keeps the bias of what never fails finite."""
    scaled = said.found * np.exp(values[0])
    logits = scaled + values[1:]
    loss = np.logaddexp(0, logits) - said.there * logits
    slope = (metrics.sigmoid(logits) - said.there) / loss.size
    pull = 1e-4
    return (
        float(loss.mean() + pull * (values**2).sum()),
        np.concatenate(([(slope * scaled).sum()], slope.sum(0))) + 2 * pull * values,
    )


def uncautious(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The numbers of a file as they were before "normal" was raised."""
    bias = state["class_bias"].clone()
    bias[0] -= state["caution"]
    return {**state, "class_bias": bias, "caution": torch.zeros(())}


def fold(path: Path, fit: Fit) -> None:
    """Write the fit into the parameters of a weights file, complete or not at all."""
    state = uncautious(load_file(path))
    scale = torch.tensor(fit.found)
    state["class_bias"] = state["class_bias"] * fit.classes + torch.tensor(fit.class_bias, dtype=torch.float32)
    state["trust"] = torch.tensor(fit.trust, dtype=torch.float32)
    state["caution"] = torch.tensor(fit.caution, dtype=torch.float32)
    state["class_bias"][0] += state["caution"]
    state["temperature"] = (state["temperature"].exp().clamp(max=LARGEST) * fit.classes).log()
    state["each_bias"] = state["each_bias"] * scale + torch.tensor(fit.bias, dtype=torch.float32)
    state["each_scale"] = state["each_scale"] + scale.log()
    part = path.with_suffix(".part")
    save_file({k: v.contiguous().to(torch.float32) if v.dim() < 2 else v.contiguous() for k, v in state.items()}, part)
    part.replace(path)


def right(said: Said) -> float:
    """Share of answers that are right, each class counting the same."""
    hit = said.classes.argmax(1) == said.kinds
    return float(np.mean([hit[said.kinds == k].mean() for k in np.unique(said.kinds)]))


def alarms(said: Said) -> float:
    """Share of clean photos that are called degraded; nan where there is none."""
    clean = said.classes[said.kinds == 0]
    return float((clean.argmax(1) != 0).mean()) if len(clean) else float("nan")


def errors(said: Said) -> tuple[float, float]:
    """Expected calibration error of top-1 and of the degradations' probabilities."""
    odds = np.exp(said.classes - np.logaddexp.reduce(said.classes, 1)[:, None])
    hit = odds.argmax(1) == said.kinds
    found = metrics.sigmoid(said.found)
    return (
        metrics.calibration_error(odds.max(1), hit),
        metrics.calibration_error(found.ravel(), said.there.ravel()),
    )


if __name__ == "__main__":
    raise SystemExit(main())
