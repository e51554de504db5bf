"""The overall score's fit: what puts photos of known orders of quality in their order.

Each of several members learns from photos drawn with replacement, its weights from those that were not drawn. A member
is a small network over cheap measures (`eye`) and non-negative weights over votes: the eye's, the four metrics', and
those of what the detector finds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import softplus

from clarity_desktop.backend.iqa import overall
from clarity_desktop.values import DEGRADATIONS, Degradation
from clarity_training.ranked_photos import CLEAN, SAME, SOFT, STRONG, Seen

Floats = NDArray[np.float64]
HIDDEN = 32
STEPS, RATE, DECAY = 1200, 4e-3, 1.0
HARD: tuple[Degradation, ...] = ("raindrop", "inpaint", "shadow", "watermark", "noise")
REPEATS = 3
"""Pairs of HARD count so often: these show least in statistics of a whole photo, or differently from case to case."""
CALM = 4.0
"""How much a difference between a photo and itself, cropped or saved, weighs against a pair in the wrong order."""
CALM_WEIGHTS, SMALL = 0.5, 1e-3
MEMBERS = 8
TRUST = 0.5
"""The detector was trained on the synthesis that it is weighed on, and seems better there than it is elsewhere."""
LEAST = 0.15
"""Weight that each of the four metrics has at least: what a person reads beside the score is part of it."""


class Pairs(NamedTuple):
    """Rows of a Seen: better[i] must score higher than worse[i], and first[i] as second[i]."""

    better: NDArray[np.int64]
    worse: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def pairs(seen: Seen, sources: Sequence[int], rng: np.random.Generator) -> Pairs:
    """Of the sources (one named twice counts twice): clean over mild over strong of one photo and degradation, any
    clean photo over a strongly damaged other one, and what must not differ."""
    ordered: list[tuple[int, int]] = []
    alike: list[tuple[int, int]] = []
    rows_of = {source: np.flatnonzero(seen.source == source) for source in set(sources)}
    clean = {source: int(rows[seen.grade[rows] == CLEAN][0]) for source, rows in rows_of.items()}
    sharp = [source for source in sources if source < SOFT]
    for source in sources:
        if source - SOFT in clean:
            ordered += [(clean[source - SOFT], clean[source])] * REPEATS
        rows = rows_of[source]
        alike += [(clean[source], int(row)) for row in rows[seen.grade[rows] == SAME]]
        damaged = rows[seen.kind[rows] >= 0]
        for mild, strong in zip(damaged[::2], damaged[1::2], strict=True):
            other = clean[sharp[int(rng.integers(len(sharp)))]]
            best, middle, worst = clean[source], int(mild), int(strong)
            here = [(best, middle), (best, worst), (middle, worst), (other, worst)]
            ordered += here * (REPEATS if DEGRADATIONS[int(seen.kind[strong])] in HARD else 1)
    return Pairs(*np.array(ordered).T, *np.array(alike).T)


def eye(inputs: Floats, of: Pairs, seed: int) -> tuple[Floats, Floats, Floats]:
    """A network of one hidden layer, trained to order the pairs: weights d×HIDDEN, biases HIDDEN, weights HIDDEN."""
    torch.manual_seed(seed)
    x = torch.from_numpy(inputs).float()
    first = torch.nn.Linear(x.shape[1], HIDDEN)
    second = torch.nn.Linear(HIDDEN, 1, bias=False)
    tuned = [*first.parameters(), *second.parameters()]
    optimizer = torch.optim.AdamW(tuned, RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    index = [torch.from_numpy(rows) for rows in of]
    ways = torch.from_numpy(overall.WAYS)

    def seen(rows: Tensor) -> Tensor:
        return torch.stack([second(torch.tanh(first(rows[:, way])))[:, 0] for way in ways]).mean(0)

    for _ in range(STEPS):
        score, calm = seen(x + 0.1 * torch.randn_like(x)), seen(x)
        loss = _loss(score, index) + CALM * (calm[index[2]] - calm[index[3]]).square().mean() / (1 + calm.var())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return tuple(_array(w) for w in (first.weight.T, first.bias, second.weight[0]))  # pyright: ignore[reportReturnType]


def _loss(score: Tensor, index: Sequence[Tensor]) -> Tensor:
    return softplus(score[index[1]] - score[index[0]]).mean()


def _array(values: Tensor) -> Floats:
    return values.detach().numpy().astype(np.float64)


# The members' weights ------------------------------------------------------------------------------------------------


def fitted(seen: Seen, metrics: Floats, seed: int) -> dict[str, Floats]:
    """The numbers of the overall score (backend/iqa/overall.py). metrics: N×4 in the order of overall.METRICS."""
    table = {**_scales(seen, metrics)}
    members = [_member(seen, metrics, table, seed + k) for k in range(MEMBERS)]
    table |= {name: np.stack([member[name] for member in members]) for name in members[0]}
    return table


def _scales(seen: Seen, metrics: Floats) -> dict[str, Floats]:
    """Where the inputs and metrics usually lie."""
    tenth, middle, ninth = np.nanpercentile(seen.inputs, (10, 50, 90), axis=0)
    clean, strong = (np.nanmedian(metrics[seen.grade == grade], 0) for grade in (CLEAN, STRONG))
    half, spread = (clean + strong) / 2, np.maximum(np.nanstd(metrics, 0) / 1.5, 1e-6)
    found = {"middle": middle, "spread": np.maximum((ninth - tenth) / 2.56, 1e-3), "metric_middle": half}
    return {**found, "metric_spread": spread, "metric_clean": 1 / (1 + np.exp((half - clean) / spread))}


def _member(seen: Seen, metrics: Floats, table: Mapping[str, Floats], seed: int) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    sources = np.unique(seen.source)
    drawn = rng.choice(sources, len(sources))
    first, bias, second = eye(overall.scaled(seen.inputs, table), pairs(seen, drawn.tolist(), rng), seed)
    own = {**table, "first": first[None], "bias": bias[None], "second": second[None]}
    rest = pairs(seen, np.setdiff1d(sources, drawn).tolist(), rng)
    nobody = np.full_like(seen.detections, np.nan)
    found = {"first": first, "bias": bias, "second": second}
    found["alone"] = weights(overall.votes(seen.inputs, metrics, nobody, own)[0], rest, _usual(seen))
    return found


def with_detector(seen: Seen, metrics: Floats, table: Mapping[str, Floats], seed: int) -> Floats:
    """The members' weights where the detector has looked, from photos that neither eyes nor detector were made from:
    those of the other judges as they are without it, its own TRUST times as large as fits these photos best."""
    votes = overall.votes(seen.inputs, metrics, seen.detections, {**table, "seen": np.empty(0)})
    ordered = pairs(seen, np.unique(seen.source).tolist(), np.random.default_rng(seed))
    others = votes.shape[2] - table["alone"].shape[1] + 1
    found: list[Floats] = []
    for own, alone in zip(votes, table["alone"], strict=True):
        w = np.append(alone[:-1], TRUST * weights(own, ordered, _usual(seen))[-1 - others : -1])
        found.append(_in_points(own, w, np.unique(np.concatenate(ordered)), _usual(seen)))
    return np.stack(found)


def _usual(seen: Seen) -> NDArray[np.int64]:
    """Grades of the photos by which points are counted; -1 for the softened ones."""
    return np.where(seen.source < SOFT, seen.grade, -1)


def weights(votes: Floats, of: Pairs, grade: NDArray[np.int64]) -> Floats:
    """Weights, none negative, of N×V votes that order the pairs (logistic loss) and leave alike what is alike, and a
    constant: scaled so that the middle clean photo has 85 points and the middle strongly damaged one 30."""
    apart, alike = votes[of.worse] - votes[of.better], votes[of.first] - votes[of.second]

    def loss(w: Floats) -> tuple[float, Floats]:
        gain, shift = apart @ w, alike @ w
        wrong = 1 / (1 + np.exp(np.clip(gain, -50, 50)))
        value = np.logaddexp(0, -gain).mean() + CALM_WEIGHTS * np.square(shift).mean() + SMALL * w @ w
        slope = -(wrong @ apart) / len(apart) + 2 * CALM_WEIGHTS * (shift @ alike) / len(alike) + 2 * SMALL * w
        return float(value), slope

    start = np.full(votes.shape[1], 0.5)
    bounds = [(LEAST if 1 <= k <= len(overall.METRICS) else 0, None) for k in range(len(start))]
    w = np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return _in_points(votes, w, np.unique(np.concatenate(of)), grade)


def _in_points(votes: Floats, w: Floats, own: NDArray[np.int64], grade: NDArray[np.int64]) -> Floats:
    """Weights scaled to points, and the constant; own: the rows that say what is usual."""
    clean, strong = (float(np.median(-votes[own[grade[own] == g]] @ w)) for g in (CLEAN, STRONG))
    high, low = np.log(0.85 / 0.15), np.log(0.3 / 0.7)
    scale = (high - low) / max(clean - strong, 1e-6)
    return np.append(w * scale, high - clean * scale)
