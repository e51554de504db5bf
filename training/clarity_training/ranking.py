"""The fit of the overall score: an ensemble that puts photos into their known order of quality.

Each member is trained on photos drawn with replacement (bagging); its vote weights are fitted on the photos that were
not drawn. A member is a small network over cheap features, and non-negative weights of the votes of that network, of
the four metrics, and of the detector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from torch import Tensor
from torch.nn.functional import softplus

from clarity_desktop.backend.iqa import overall
from clarity_desktop.values import DEGRADATIONS, Degradation
from clarity_training.ranked_photos import CLEAN, SOFT_SOURCE, STRONG, UNCHANGED, Measurements

Floats = NDArray[np.float64]

HARD: tuple[Degradation, ...] = ("raindrop", "inpaint", "shadow", "watermark", "noise")
"""Degradations that change the statistics of a whole photo least, or differently from case to case."""
HARD_REPEATS = 3
"""How often pairs of HARD count."""
UNCHANGED_WEIGHT = 4.0
"""In the network's loss: squared difference between a photo and itself cropped or recompressed, against one pair."""
UNCHANGED_VOTE_WEIGHT, L2_PENALTY = 0.5, 1e-3
"""The same in the loss of the vote weights, and their weight decay."""
MIN_METRIC_WEIGHT = 0.15
"""Of each of the four metrics: what is shown beside the overall score should be part of it."""
NETWORK_SHARE = 0.5
"""How much a member's network counts beside the detector, of what it counts alone. It knows the statistics of the
photos of its fit, which are small: it takes foliage of a large good photo for noise and smooth dunes for blur."""
CLEAN_POINTS, STRONG_POINTS = 85, 30
"""Points (of 100) of the median clean and of the median strongly damaged photo."""


@dataclass(frozen=True, slots=True)
class Size:
    """Size and duration of the fit: members, hidden units of a member's network, optimizer steps, peak learning rate,
    weight decay."""

    members: int = 8
    hidden: int = 32
    steps: int = 1200
    rate: float = 4e-3
    decay: float = 1.0


class Pairs(NamedTuple):
    """Rows of Measurements: better[i] must score higher than worse[i], and first[i] the same as second[i]."""

    better: NDArray[np.int64]
    worse: NDArray[np.int64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]


def make_pairs(data: Measurements, sources: Sequence[int], rng: np.random.Generator) -> Pairs:
    """Pairs of the given sources; one that is listed twice counts twice.

    The clean photo is better than the mild and that than the strong damage of one degradation, any clean photo is
    better than another one with strong damage, and the unchanged photos are equal to the clean one.
    """
    ordered: list[tuple[int, int]] = []
    equal: list[tuple[int, int]] = []
    rows_of = {source: np.flatnonzero(data.source == source) for source in set(sources)}
    clean = {source: int(rows[data.grade[rows] == CLEAN][0]) for source, rows in rows_of.items()}
    sharp = [source for source in sources if source < SOFT_SOURCE]
    for source in sources:
        if source - SOFT_SOURCE in clean:
            ordered += [(clean[source - SOFT_SOURCE], clean[source])] * HARD_REPEATS
        rows = rows_of[source]
        equal += [(clean[source], int(row)) for row in rows[data.grade[rows] == UNCHANGED]]
        damaged = rows[data.degradation[rows] >= 0]
        for mild, strong in zip(damaged[::2], damaged[1::2], strict=True):
            other = clean[sharp[int(rng.integers(len(sharp)))]]
            best, middle, worst = clean[source], int(mild), int(strong)
            new = [(best, middle), (best, worst), (middle, worst), (other, worst)]
            ordered += new * (HARD_REPEATS if DEGRADATIONS[int(data.degradation[strong])] in HARD else 1)
    return Pairs(*np.array(ordered).T, *np.array(equal).T)


# The network of a member ---------------------------------------------------------------------------------------------


def fit_network(features: Floats, pairs: Pairs, seed: int, size: Size) -> tuple[Floats, Floats, Floats]:
    """A network with one hidden layer that scores photos so that the pairs are in order.

    features: N×D, normalized. Returns the weights D×H, biases H, and output weights H.

    All float64.
    """
    torch.manual_seed(seed)
    x = torch.from_numpy(features).float()
    hidden, output = torch.nn.Linear(x.shape[1], size.hidden), torch.nn.Linear(size.hidden, 1, bias=False)
    optimizer = torch.optim.AdamW([*hidden.parameters(), *output.parameters()], size.rate, weight_decay=size.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, size.rate, size.steps)
    better, worse, first, second = (torch.from_numpy(rows) for rows in pairs)
    orientations = torch.from_numpy(overall.ORIENTATIONS)

    def scores(rows: Tensor) -> Tensor:
        """The mean over the photo as it is, transposed, mirrored, and both."""
        return torch.stack([output(torch.tanh(hidden(rows[:, order])))[:, 0] for order in orientations]).mean(0)

    for _ in range(size.steps):
        noisy, exact = scores(x + 0.1 * torch.randn_like(x)), scores(x)  # input noise against overfitting
        ranking_loss = softplus(noisy[worse] - noisy[better]).mean()
        unchanged_loss = (exact[first] - exact[second]).square().mean() / (1 + exact.var())
        optimizer.zero_grad()
        (ranking_loss + UNCHANGED_WEIGHT * unchanged_loss).backward()
        optimizer.step()
        schedule.step()
    return _array(hidden.weight.T), _array(hidden.bias), _array(output.weight[0])


def _array(values: Tensor) -> Floats:
    return values.detach().numpy().astype(np.float64)


# The ensemble --------------------------------------------------------------------------------------------------------


def fit(data: Measurements, metrics: Floats, seed: int, size: Size | None = None) -> dict[str, Floats]:
    """The parameters of the overall score as used by backend/iqa/overall.py.

    metrics: N×4 in the order of overall.METRICS, nan where undefined. size: None for the usual one.

    All float64.
    """
    size = size or Size()
    table = _normalization(data, metrics)
    members = [_fit_member(data, metrics, table, seed + k, size) for k in range(size.members)]
    return table | {name: np.stack([member[name] for member in members]) for name in members[0]}


def _normalization(data: Measurements, metrics: Floats) -> dict[str, Floats]:
    """Location and spread of the features and metrics."""
    low, median, high = np.nanpercentile(data.features, (10, 50, 90), axis=0)
    clean, strong = (np.nanmedian(metrics[data.grade == grade], 0) for grade in (CLEAN, STRONG))
    middle, spread = (clean + strong) / 2, np.maximum(np.nanstd(metrics, 0) / 1.5, 1e-6)
    return {
        "middle": median, "spread": np.maximum((high - low) / 2.56, 1e-3), "metric_middle": middle,
        "metric_spread": spread, "metric_clean": 1 / (1 + np.exp((middle - clean) / spread)),
    }  # fmt: skip


def _fit_member(
    data: Measurements, metrics: Floats, table: Mapping[str, Floats], seed: int, size: Size
) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    sources = np.unique(data.source)
    drawn = rng.choice(sources, len(sources))
    training = make_pairs(data, drawn.tolist(), rng)
    first, bias, second = fit_network(overall.scaled(data.features, table), training, seed, size)
    member = {**table, "first": first[None], "bias": bias[None], "second": second[None]}
    held_out = make_pairs(data, np.setdiff1d(sources, drawn).tolist(), rng)
    no_detections = np.full_like(data.detections, np.nan)
    votes = overall.features(data.features, metrics, no_detections, member)[0]
    alone = fit_weights(votes, held_out, _reference_grades(data))
    return {"first": first, "bias": bias, "second": second, "alone": alone}


def fit_detector_weights(data: Measurements, metrics: Floats, table: Mapping[str, Floats], seed: int) -> Floats:
    """The members' weights for photos with a detection: members×(V+1), the last column is a constant.

    The weights of the metrics stay as they are without a detection, that of the member's network is multiplied by
    NETWORK_SHARE, and the detector's are the best ones. data: photos on which neither the members nor the detector were
    trained.

    All float64.
    """
    votes = overall.features(data.features, metrics, data.detections, {**table, "seen": np.empty(0)})
    pairs = make_pairs(data, np.unique(data.source).tolist(), np.random.default_rng(seed))
    grades, rows = _reference_grades(data), np.unique(np.concatenate(pairs))
    detector_votes = votes.shape[2] - table["alone"].shape[1] + 1
    fitted: list[Floats] = []
    for member_votes, alone in zip(votes, table["alone"], strict=True):
        best = fit_weights(member_votes, pairs, grades)[-1 - detector_votes : -1]
        combined = np.concatenate(([NETWORK_SHARE * alone[0]], alone[1:-1], best))
        fitted.append(_scale_to_points(member_votes, combined, rows, grades))
    return np.stack(fitted)


def _reference_grades(data: Measurements) -> NDArray[np.int64]:
    """The grades of the photos that define the scale of points; -1 for the others (softened ones and real pairs)."""
    return np.where(data.source < SOFT_SOURCE, data.grade, -1)


def fit_weights(votes: Floats, pairs: Pairs, grades: NDArray[np.int64]) -> Floats:
    """Non-negative weights of V votes that put the pairs in order (logistic loss), and a constant: V+1 values.

    votes: N×V, larger is worse. The weights are scaled so that the median clean photo scores CLEAN_POINTS and the
    median strongly damaged one STRONG_POINTS. grades: N, -1 for photos that do not count for this.

    All float64.
    """
    ordered, unchanged = votes[pairs.worse] - votes[pairs.better], votes[pairs.first] - votes[pairs.second]

    def loss(w: Floats) -> tuple[float, Floats]:
        margin, shift = ordered @ w, unchanged @ w
        error = 1 / (1 + np.exp(np.clip(margin, -50, 50)))
        value = np.logaddexp(0, -margin).mean() + UNCHANGED_VOTE_WEIGHT * np.square(shift).mean() + L2_PENALTY * w @ w
        gradient = -(error @ ordered) / len(ordered) + 2 * L2_PENALTY * w
        return float(value), gradient + 2 * UNCHANGED_VOTE_WEIGHT * (shift @ unchanged) / len(unchanged)

    start = np.full(votes.shape[1], 0.5)
    bounds = [(MIN_METRIC_WEIGHT if 1 <= k <= len(overall.METRICS) else 0, None) for k in range(len(start))]
    weights = np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return _scale_to_points(votes, weights, np.unique(np.concatenate(pairs)), grades)


def _scale_to_points(votes: Floats, weights: Floats, rows: NDArray[np.int64], grades: NDArray[np.int64]) -> Floats:
    """The weights scaled to points, and the constant. rows: the photos that define the scale."""
    clean, strong = (float(np.median(-votes[rows[grades[rows] == g]] @ weights)) for g in (CLEAN, STRONG))
    high, low = (float(np.log(points / (100 - points))) for points in (CLEAN_POINTS, STRONG_POINTS))
    scale = (high - low) / max(clean - strong, 1e-6)
    return np.append(weights * scale, high - clean * scale)
