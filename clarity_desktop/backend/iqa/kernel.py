"""Support vector machines with a Gaussian kernel, as libsvm evaluates them; training them is not done here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clarity_desktop.backend.iqa.statistics import Plane


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A score from d features, which are scaled from low..high (d each) to -1..1, not clipped.

    vectors: n×d, in scaled features; coefficients: n.
    """

    vectors: Plane
    coefficients: Plane
    rho: float
    gamma: float
    low: Plane
    high: Plane

    def scaled(self, features: Plane) -> Plane:
        """n×d features (float64) scaled for the kernel, about -1..1."""
        return -1 + 2 * (features - self.low) / (self.high - self.low)

    def __call__(self, scaled: Plane) -> float:
        """The score from d scaled features."""
        return float(self.coefficients @ kernel(scaled, self.vectors, self.gamma) - self.rho)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """Probabilities of k classes from one binary classifier for each pair (0,1), (0,2) … (k-2,k-1).

    vectors: n×d, those of a class together; counts: how many each class has; coefficients: n×(k-1);
    rho, slope and offset (Platt's A and B): k(k-1)/2 each.
    """

    vectors: Plane
    coefficients: Plane
    counts: tuple[int, ...]
    rho: Plane
    gamma: float
    slope: Plane
    offset: Plane

    def __call__(self, scaled: Plane) -> Plane:
        """The probabilities of the k classes (float64, sum 1) from d scaled features."""
        similar = kernel(scaled, self.vectors, self.gamma)
        classes = np.split(np.arange(len(similar)), np.cumsum(self.counts)[:-1])
        pairwise = np.zeros((len(self.counts),) * 2)
        for k, (i, j) in enumerate(zip(*np.triu_indices(len(self.counts), 1), strict=True)):
            first, second = classes[i], classes[j]
            decision = self.coefficients[first, j - 1] @ similar[first] + self.coefficients[second, i] @ similar[second]
            # Platt scaling of the decision value.
            odds = np.exp((decision - self.rho[k]) * self.slope[k] + self.offset[k])
            # libsvm's limits; 0 or 1 would make the coupling singular.
            pairwise[i, j] = np.clip(1 / (1 + odds), 1e-7, 1 - 1e-7)
            pairwise[j, i] = 1 - pairwise[i, j]
        return _coupled(pairwise)


def kernel(x: Plane, vectors: Plane, gamma: float) -> Plane:
    """exp(-gamma |x - v|²) for each vector v: n in 0..1, from x (d) and vectors (n×d)."""
    return np.exp(-gamma * np.square(vectors - x).sum(1))


def _coupled(pairwise: Plane) -> Plane:
    """Probabilities of k classes from those of the pairs (Wu, Lin, Weng, 2004, second method).

    pairwise: k×k, [i, j] is the probability of i among i and j. The iteration ends by libsvm's criterion.
    """
    count = len(pairwise)
    matrix = -pairwise.T * pairwise
    np.fill_diagonal(matrix, (pairwise.T**2).sum(1))
    p = np.full(count, 1 / count)
    for _ in range(max(100, count)):
        product = matrix @ p
        common = p @ product
        if np.abs(product - common).max() < 0.005 / count:
            break
        for t in range(count):
            step = (common - product[t]) / matrix[t, t]
            p[t] += step
            common = (common + step * (step * matrix[t, t] + 2 * product[t])) / (1 + step) ** 2
            product = (product + step * matrix[t]) / (1 + step)
            p /= 1 + step
    return p
