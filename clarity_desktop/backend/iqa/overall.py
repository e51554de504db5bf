"""The overall score: what several judges say of a photo, weighed into one number from 0 (bad) to 100 (good).

Each of a few members was fitted on other photos (training/ranking.py), so that where they disagree tells how sure the
score is. A member weighs votes, all with weights of one sign: its own eye (a small network over the features of BRISQUE
and SSEQ and over `appearance`), the four metrics, always by our own parameters, so that the score does not depend on
which files are on a machine, and, where the detector has looked, what it found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa.appearance import COUNT, DIAGONALS, SIDES
from clarity_desktop.backend.iqa.statistics import Plane
from clarity_desktop.values import DEGRADATIONS, Detection

Table = Mapping[str, Plane]
METRICS = ("niqe", "piqe", "brisque", "sseq")
LEAST = 32
"""Shortest side of a photo that has an overall score, in pixels."""
NARROWEST = 2.0
"""Points that the range reaches at least to either side: a crop or another JPEG moves a score so far."""
_FURTHEST = 4.0


class Rating(NamedTuple):
    """A score of 0..100, higher is better, and the range in which most members see it."""

    overall: float
    low: float
    high: float


def rate(inputs: Plane, metrics: Mapping[str, float], detection: Detection | None, table: Table) -> Rating:
    """The overall score of one photo.

    inputs: BRISQUE's 36 features, SSEQ's 12 and those of `appearance`, nan where undefined. metrics: those of METRICS
    that are defined. table: the fitted numbers.
    """
    four = np.array([[metrics.get(name, np.nan) for name in METRICS]])
    return rated(logits(votes(inputs[None], four, row(detection)[None], table), table)[:, 0])


def rated(members: Plane) -> Rating:
    """The score from what the members say (logits): their mean, and the range from the tenth part that says least to
    the tenth part that says most, at least NARROWEST to either side."""
    overall = float(_points(members.mean()))
    low, high = (float(_points(value)) for value in np.percentile(members, (10, 90)))
    return Rating(overall, max(0.0, min(low, overall - NARROWEST)), min(100.0, max(high, overall + NARROWEST)))


def row(detection: Detection | None) -> Plane:
    """The probability of "normal", 13 probabilities and 13 severities; nan where nobody looked."""
    if detection is None:
        return np.full(1 + 2 * len(DEGRADATIONS), np.nan)
    found = [detection.found[name] for name in DEGRADATIONS]
    normal = dict(detection.top)["normal"]
    return np.array([normal, *(f.probability for f in found), *(f.severity for f in found)])


def votes(inputs: Plane, metrics: Plane, detections: Plane, table: Table) -> Plane:
    """How bad each judge finds N photos, members×N×V: the eye, the four metrics (each 0..1), then, where the
    table has weights for them and detections are known, the detector's two.

    A metric that is undefined votes as for a usual clean photo.
    """
    eyes = -np.stack([_eye(inputs, table, k) for k in range(len(table["first"]))])
    four = _sigmoid((metrics - table["metric_middle"]) / table["metric_spread"])
    four = np.where(np.isnan(four), table["metric_clean"], four)
    unseen = "seen" not in table or np.isnan(detections).all()
    columns = [four] if unseen else [four, penalties(detections)]
    shared = np.concatenate(columns, 1)
    return np.concatenate([eyes[..., None], np.broadcast_to(shared, (len(eyes), *shared.shape))], 2)


def penalties(detections: Plane) -> Plane:
    """N×2 from N×27: how likely the photo is not normal; and what the degradations take from it, 0..1, each by how
    likely it is and, from four tenths on, by how severe. All weigh the same and none can raise the score, so that a
    better detector needs no new fit."""
    normal, probability, severity = np.split(detections, (1, 1 + len(DEGRADATIONS)), 1)
    left = np.prod(1 - probability * (0.4 + 0.6 * severity), 1, keepdims=True)
    return np.concatenate([1 - normal, 1 - left], 1)


def logits(votes: Plane, table: Table) -> Plane:
    """What the members make of the votes, members×N: higher is better, 0 is 50 points."""
    weights = table["alone"] if votes.shape[2] == 1 + len(METRICS) else table["seen"]
    return weights[:, -1:] - np.einsum("mnv,mv->mn", votes, weights[:, :-1])


def scaled(inputs: Plane, table: Table) -> Plane:
    """Inputs as the eyes take them: about -1..1, cut at what no photo of the fit had; 0 where undefined."""
    return np.nan_to_num(np.clip((inputs - table["middle"]) / table["spread"], -_FURTHEST, _FURTHEST))


def _eye(inputs: Plane, table: Table, member: int) -> Plane:
    x = scaled(inputs, table)
    each = [np.tanh(x[:, way] @ table["first"][member] + table["bias"][member]) for way in WAYS]
    return np.mean(each, 0) @ table["second"][member]


def _ways() -> NDArray[np.intp]:
    halves = 0, 18  # of BRISQUE's 36: four numbers each for neighbours across, down and on both diagonals
    sides = [(half + 2 + k, half + 6 + k) for half in halves for k in range(4)]
    diagonals = [(half + 10 + k, half + 14 + k) for half in halves for k in range(4)]
    sides += [(48 + a, 48 + b) for a, b in SIDES]
    diagonals += [(48 + a, 48 + b) for a, b in DIAGONALS]
    ways = np.tile(np.arange(48 + COUNT), (4, 1))
    for a, b in sides:
        ways[np.ix_((1, 3), (a, b))] = b, a
    for a, b in diagonals:
        ways[np.ix_((2, 3), (a, b))] = b, a
    return ways


WAYS = _ways()
"""4×116: the places of the inputs of a photo as it is, transposed, mirrored, and both. An eye's answer is the mean of
the four, so that a photo that is turned keeps its score."""


def _sigmoid(x: Plane) -> Plane:
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))


def _points(logit: np.float64) -> np.float64:
    return 100 / (1 + np.exp(-logit))
