"""The overall score: what an ensemble of small models makes of a photo, as one number from 0 (bad) to 100 (good).

Each member of the ensemble was fitted on other photos (clarity_training/ranking.py), so their disagreement tells how
certain the score is. A member weighs features, with non-negative weights: its own model (a small network over the
features of BRISQUE and SSEQ and over `appearance`), the four metrics, always with the bundled parameters so that the
score does not depend on which files are installed, and the detector's result if there is one.
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
DETECTION_COUNT = 2 + 2 * len(DEGRADATIONS)
"""Numbers of a row of `detection_row`."""
MIN_SIDE = 32
"""Shortest side of a photo that has an overall score, in pixels."""
MIN_MARGIN = 2.0
"""Points by which the range extends at least to either side: a crop or another JPEG moves a score as much."""
IGNORED = 0.15
"""Penalties of the detector up to this do not count: they are noise, and change when a photo is turned or cropped."""
_INPUT_LIMIT = 4.0
"""Scaled inputs are clipped to ± this: the fit had none beyond."""


class Rating(NamedTuple):
    """A score of 0..100, higher is better, and the range that holds the scores of most members."""

    overall: float
    low: float
    high: float


def rate(inputs: Plane, metrics: Mapping[str, float], detection: Detection | None, table: Table) -> Rating:
    """The overall score of one photo.

    inputs: 116 float64, BRISQUE's 36 features, SSEQ's 12 and the 68 of `appearance`, nan where undefined. metrics:
    those of METRICS that are defined. table: the fitted parameters.
    """
    scores = np.array([[metrics.get(name, np.nan) for name in METRICS]])
    return rating(logits(features(inputs[None], scores, detection_row(detection)[None], table), table)[:, 0])


def rating(member_logits: Plane) -> Rating:
    """The score from the members' logits (float64, one each).

    It is their mean; the range goes from the 10th to the 90th percentile, at least MIN_MARGIN to either side.
    """
    overall = float(_points(member_logits.mean()))
    # Percentiles rather than extremes: one odd member must not widen the range.
    low, high = (float(_points(value)) for value in np.percentile(member_logits, (10, 90)))
    return Rating(overall, max(0.0, min(low, overall - MIN_MARGIN)), min(100.0, max(high, overall + MIN_MARGIN)))


def detection_row(detection: Detection | None) -> Plane:
    """28 float64 in 0..1: the quality by the detector, the probability of "normal", 13 probabilities and 13 severities.

    nan without a detection.
    """
    if detection is None:
        return np.full(DETECTION_COUNT, np.nan)
    found = [detection.found[name] for name in DEGRADATIONS]
    normal = dict(detection.top)["normal"]
    quality = normal if detection.quality is None else detection.quality
    return np.array([quality, normal, *(f.probability for f in found), *(f.severity for f in found)])


def features(inputs: Plane, metrics: Plane, detections: Plane, table: Table) -> Plane:
    """The features that the members weigh, each of which is higher for a worse photo: members×N×F float64.

    F is 5, or 8 if table has weights for detections and there are any: the member's model, the four metrics (0..1 each)
    and the three of `penalties`. inputs: N×116 as in `rate`. metrics: N×4 in the order of METRICS; one that is
    undefined (nan) counts as that of a usual clean photo. detections: N×28 rows of `detection_row`.
    """
    models = -np.stack([_model(inputs, table, k) for k in range(len(table["first"]))])
    scores = _sigmoid((metrics - table["metric_middle"]) / table["metric_spread"])
    # An undefined metric must neither raise nor lower the score.
    scores = np.where(np.isnan(scores), table["metric_clean"], scores)
    without_detection = "seen" not in table or np.isnan(detections).all()
    shared = scores if without_detection else np.concatenate([scores, penalties(detections)], 1)
    return np.concatenate([models[..., None], np.broadcast_to(shared, (len(models), *shared.shape))], 2)


def penalties(detections: Plane) -> Plane:
    """N×3 in 0..1 from N×28: what the quality lacks, the probability that the photo is not normal, and the share that
    the degradations take.

    A degradation counts by its probability and, from 0.4 on, by its severity. All weigh the same and none can raise the
    score, so a better detector needs no new fit. What is above IGNORED is stretched to 0..1.
    """
    quality, normal, probability, severity = np.split(detections, (1, 2, 2 + len(DEGRADATIONS)), 1)
    # Independent penalties multiply: the share that remains after each degradation.
    left = np.prod(1 - probability * (0.4 + 0.6 * severity), 1, keepdims=True)
    lacking = np.concatenate([1 - quality, 1 - normal, 1 - left], 1)
    return np.clip((lacking - IGNORED) / (1 - IGNORED), 0, 1)


def logits(features: Plane, table: Table) -> Plane:
    """The members' logits from members×N×F features: members×N float64, higher is better, 0 is 50 points."""
    weights = table["alone"] if features.shape[2] == 1 + len(METRICS) else table["seen"]
    return weights[:, -1:] - np.einsum("mnf,mf->mn", features, weights[:, :-1])


def scaled(inputs: Plane, table: Table) -> Plane:
    """Inputs (N×116) as the models take them: about -1..1, clipped to ±4; 0 where undefined."""
    return np.nan_to_num(np.clip((inputs - table["middle"]) / table["spread"], -_INPUT_LIMIT, _INPUT_LIMIT))


def _model(inputs: Plane, table: Table, member: int) -> Plane:
    x = scaled(inputs, table)
    hidden = [np.tanh(x[:, order] @ table["first"][member] + table["bias"][member]) for order in ORIENTATIONS]
    return np.mean(hidden, 0) @ table["second"][member]


def _orientations() -> NDArray[np.intp]:
    halves = 0, 18  # of BRISQUE's 36: four numbers each for neighbors across, down and on both diagonals
    sides = [(half + 2 + k, half + 6 + k) for half in halves for k in range(4)]
    diagonals = [(half + 10 + k, half + 14 + k) for half in halves for k in range(4)]
    sides += [(48 + a, 48 + b) for a, b in SIDES]
    diagonals += [(48 + a, 48 + b) for a, b in DIAGONALS]
    # Column order of the inputs for each orientation; pairs swap, everything else stays.
    orders = np.tile(np.arange(48 + COUNT), (4, 1))
    for a, b in sides:
        orders[np.ix_((1, 3), (a, b))] = b, a
    for a, b in diagonals:
        orders[np.ix_((2, 3), (a, b))] = b, a
    return orders


ORIENTATIONS = _orientations()
"""4×116: the order of the inputs of a photo as it is, transposed, mirrored, and both. A model's output is the mean over
the four, so a photo keeps its score when it is rotated."""


def _sigmoid(x: Plane) -> Plane:
    return 1 / (1 + np.exp(-np.clip(x, -50, 50)))


def _points(logit: np.float64) -> np.float64:
    return 100 / (1 + np.exp(-logit))
