"""Scores of methods from a user's choices: a Bradley–Terry model with a prior and decay.

Each method of a task has a strength; that of a typical result is 0. A choice says that one was preferred to the other:
a pick compares two methods, a star or praise compares a method with a typical result, and so does a rejection, the
other way round. P(a preferred to b) = 1 / (1 + exp(strength_b - strength_a)) (Bradley and Terry, Rank Analysis of
Incomplete Block Designs I, Biometrika 39, 1952). The strengths are the most probable ones under a normal prior, whose
mean is what was measured (`Evidence`), or 0. A normal prior keeps them finite where a method always won, as the gamma
prior of Caron and Doucet does (Efficient Bayesian Inference for Generalized Bradley-Terry Models, 2012).

Not a bandit: Thompson sampling and upper bounds try what is probably worse in order to learn. A run takes minutes, and
the same request should do the same tomorrow. Here users explore, where they are not satisfied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from clarity_desktop.values import Task

Kind = Literal["star", "reject", "praise", "complaint", "pick"]
Severity = Literal["light", "heavy"]

HEAVY = 0.5
"""Severity by the detector from which damage counts as heavy."""
ENOUGH = 4
"""Photos of one severity from which their mean says more than that of all."""

HALF_LIFE = 15.0
"""Choices of the same task after which a choice counts half: tastes and methods change."""
LEAD = 0.5
"""By how much a method must exceed the one that the prior puts first to take its place: a single star (0.4) does not,
one pick against it (0.66) or two stars (0.68) do."""
LOGIT_PER_DB, MOST_EVIDENCE, FEW = 0.25, 0.75, 20.0
"""Of the prior: strength for each dB of measured gain above the mean, its limit, and the number of photos at which a
measurement counts half. The limit lets some six picks overrule any measurement."""
_NEWTON_STEPS = 25


@dataclass(frozen=True, slots=True)
class Choice:
    """What a user preferred for a task; better, worse: ids of methods, None: a typical result.

    about: what it was about, for example a version; a newer choice about the same replaces it. time: seconds since the
    epoch.
    """

    task: Task
    better: str | None
    worse: str | None
    kind: Kind
    about: str
    time: float = 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured of a method for a task: mean gain in dB on n photos, seconds per megapixel.

    clean_db: PSNR between undamaged photos and their restoration; None: not measured. by_severity: the same of the
    photos on which the detector sees much of the damage, or little.
    """

    gain_db: float
    n: int
    seconds_per_mp: float
    clean_db: float | None = None
    by_severity: Mapping[Severity, Evidence] = field(default_factory=dict)

    def of(self, severity: Severity | None) -> Evidence:
        """What was measured on photos as severely damaged; on all of them, where those are too few to tell."""
        found = self.by_severity.get(severity) if severity else None
        return found if found is not None and found.n >= ENOUGH else self


@dataclass(frozen=True, slots=True)
class Score:
    """strength: see the head of the module; likely: how probably its result is preferred to a typical one, 0..1.

    choices: how many choices it was part of.
    """

    strength: float = 0.0
    choices: int = 0

    @property
    def likely(self) -> float:
        return float(1 / (1 + np.exp(-self.strength)))


@dataclass(frozen=True, slots=True)
class Ranking:
    """Methods of a task in the order in which to try them. scores: of each of them.

    prior: the order without the user's choices.
    """

    order: tuple[str, ...]
    prior: tuple[str, ...]
    scores: Mapping[str, Score] = field(default_factory=dict[str, Score])

    @property
    def preferred(self) -> str | None:
        """The method that the user clearly prefers to a typical result, if there is one: two stars, for example."""
        first = self.order[0] if self.order else ""
        score = self.scores.get(first, Score())
        return first if score.choices and score.strength >= LEAD else None

    def reason(self, method: str, able: Sequence[str]) -> Literal["preferred", "not_preferred"] | None:
        """Why a method is tried first among those that can run; None: not because of the user's choices.

        "preferred": the user chose it; "not_preferred": the user only rejected the one that would be first.
        """
        first = next((name for name in self.prior if name in able), method)
        if first == method or method not in self.scores:
            return None
        chosen = self.scores[method]
        if chosen.choices and chosen.strength > 0:
            return "preferred"
        return "not_preferred" if self.scores[first].choices else None


def rank(
    able: Sequence[str], choices: Sequence[Choice], evidence: Mapping[str, Evidence] | None = None
) -> Ranking:  # fmt: skip
    """Order the methods of a task, the best first.

    able: all of its methods, in the order in which they are tried where nothing else is known. choices: of this task,
    the oldest first; those about other methods are ignored. evidence: what was measured, by method.
    """
    means = prior_means(able, evidence or {})
    gains = {name: e.gain_db for name, e in (evidence or {}).items()} if any(means.values()) else {}
    # Means are limited, gains are not; stable: the given order decides where both are equal.
    prior = tuple(sorted(able, key=lambda name: (-means[name], -gains.get(name, 0.0))))
    strengths = _strengths(means, choices)
    counts = {name: len({c.about for c in choices if name in (c.better, c.worse)}) for name in able}
    lead = {name: strengths[name] + (LEAD if name == prior[0] else 0.0) for name in able}
    order = tuple(sorted(prior, key=lambda name: -round(lead[name], 9)))
    return Ranking(order, prior, {name: Score(strengths[name], counts[name]) for name in able})


def prior_means(able: Sequence[str], evidence: Mapping[str, Evidence]) -> dict[str, float]:
    """Strengths before any choice: from measured gains, 0 for a method that was not measured."""
    known = {name: evidence[name] for name in able if name in evidence and evidence[name].n > 0}
    if len(known) < 2:  # nothing to compare
        return dict.fromkeys(able, 0.0)
    mean = sum(e.gain_db for e in known.values()) / len(known)
    found = dict.fromkeys(able, 0.0)
    for name, e in known.items():
        strength = LOGIT_PER_DB * (e.gain_db - mean) * e.n / (e.n + FEW)
        found[name] = float(np.clip(strength, -MOST_EVIDENCE, MOST_EVIDENCE))
    return found


def _strengths(means: Mapping[str, float], choices: Sequence[Choice]) -> dict[str, float]:
    """The most probable strengths: the maximum of a concave function, by Newton's method."""
    names = list(means)
    if not names:
        return {}
    place = {name: k for k, name in enumerate(names)}
    rows, weights = _comparisons(place, choices)
    mean = np.array([means[name] for name in names])
    theta = mean.copy()
    for _ in range(_NEWTON_STEPS if len(rows) else 0):
        lost = 1 / (1 + np.exp(rows @ theta))
        gradient = rows.T @ (weights * lost) - (theta - mean)
        hessian = (rows * (weights * lost * (1 - lost))[:, None]).T @ rows + np.eye(len(names))
        step = np.linalg.solve(hessian, gradient)
        theta += np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return {name: float(theta[k]) for name, k in place.items()}


def _comparisons(
    place: Mapping[str, int], choices: Sequence[Choice]
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """One row for each choice: 1 for the preferred method, -1 for the other (n×k); and the weight of each (n), 0..1."""
    decisions = list(dict.fromkeys(c.about for c in choices))
    age = {about: len(decisions) - 1 - k for k, about in enumerate(decisions)}
    rows: list[list[float]] = []
    weights: list[float] = []
    for choice in choices:
        row = [0.0] * len(place)
        for name, sign in ((choice.better, 1.0), (choice.worse, -1.0)):
            if name is not None and name in place:
                row[place[name]] += sign
        # A method that is no longer here tells nothing of those that are.
        if any(row) and all(name is None or name in place for name in (choice.better, choice.worse)):
            rows.append(row)
            weights.append(0.5 ** (age[choice.about] / HALF_LIFE))
    return np.array(rows, np.float64).reshape(-1, len(place)), np.array(weights, np.float64)
