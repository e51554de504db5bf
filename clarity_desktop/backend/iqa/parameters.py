"""Where the metrics' parameters come from: the authors' files if they are on this machine, else our own fit.

Ours travel in `resources/iqa.safetensors`, each table under its metric's name: `niqe.mean` (36), `niqe.covariance`
(36×36); `brisque.…` and `sseq.…` with `vectors` (n×d), `coefficients` (n), `rho` and `gamma` (1 each), `low` and `high`
(d each) of a Regression that gives the score itself.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from clarity_desktop import settings
from clarity_desktop.backend import weights
from clarity_desktop.backend.iqa.brisque import RANGES
from clarity_desktop.backend.iqa.kernel import Classifier, Regression
from clarity_desktop.backend.iqa.niqe import Pristine
from clarity_desktop.backend.iqa.overall import METRICS, WAYS
from clarity_desktop.backend.iqa.sseq import Distortions
from clarity_desktop.backend.iqa.statistics import Plane
from clarity_desktop.messages import UserError

log = logging.getLogger(__name__)
Table = Mapping[str, Plane]
DISTORTIONS = 5
DAMAGED = "The scores' own numbers are missing or damaged: install the program again."
_REGRESSION: Mapping[str, str] = {
    "vectors": "n d", "coefficients": "n", "rho": "1", "gamma": "1", "low": "d", "high": "d"
}  # fmt: skip
_OVERALL: Mapping[str, str] = {
    "middle": "i", "spread": "i", "first": "m i h", "bias": "m h", "second": "m h", "metric_middle": "v",
    "metric_spread": "v", "metric_clean": "v", "alone": "m a", "seen": "m s",
}  # fmt: skip
_SHAPES: Mapping[str, tuple[Mapping[str, str], Mapping[str, int]]] = {
    "niqe": ({"mean": "d", "covariance": "d d"}, {"d": 36}),
    "brisque": (_REGRESSION, {"d": 36}),
    "sseq": (_REGRESSION, {"d": 12}),
    "overall": (
        _OVERALL,
        {"i": WAYS.shape[1], "v": len(METRICS), "a": len(METRICS) + 2, "s": len(METRICS) + 4},  # votes and a constant
    ),
}
"""The tables of our own file: the axes of each, a letter a size, and the sizes that are fixed."""


def niqe_parameters() -> tuple[Pristine, bool]:
    """The model of pristine photos, and whether it is our own.

    Raises ModelMissing if there is neither, UserError if ours is damaged; so do the next two.
    """
    table, ours = _table("niqe")
    return Pristine(table["mean"], table["covariance"]), ours


def brisque_parameters() -> tuple[Regression, bool]:
    """The regression, and whether it is our own."""
    table, ours = _table("brisque")
    return _regression(table if ours else {**table, "low": RANGES[:, 0], "high": RANGES[:, 1]}), ours


def sseq_parameters() -> tuple[Distortions | Regression, bool]:
    """The authors' two stages, or our own regression and True."""
    table, ours = _table("sseq")
    if ours:
        return _regression(table), True
    classes = Classifier(
        table["vectors"], table["coefficients"], tuple(int(n) for n in table["counts"]), table["rho"],
        float(table["gamma"][0]), table["slope"], table["offset"],
    )  # fmt: skip
    ranges = {"low": table["low"], "high": table["high"]}
    each = (_regression({**_under(table, f"{k}."), **ranges}) for k in range(DISTORTIONS))
    return Distortions(classes, tuple(each)), False


def overall_parameters() -> Table:
    """The numbers of the overall score (overall.py), always our own; empty as `ours`."""
    return ours("overall")


def own_niqe() -> Pristine:
    """Our own parameters, whatever else is on this machine; so do the next two. KeyError where our file is absent."""
    return Pristine(ours("niqe")["mean"], ours("niqe")["covariance"])


def own_brisque() -> Regression:
    return _regression(ours("brisque"))


def own_sseq() -> Regression:
    return _regression(ours("sseq"))


def ours(metric: str) -> Table:
    """Our own numbers of a metric; empty where our file is absent or damaged."""
    return _under(_own(_file()), f"{metric}.")


def _file() -> Path:
    return settings.resources() / "iqa.safetensors"


def _regression(table: Table) -> Regression:
    rho, gamma = float(table["rho"][0]), float(table["gamma"][0])
    return Regression(table["vectors"], table["coefficients"], rho, gamma, table["low"], table["high"])


def _table(metric: str) -> tuple[Table, bool]:
    store = weights.default_store()
    if path := store.find(metric):
        return _read(path), False
    if own := ours(metric):
        return own, True
    if _file().exists():
        raise UserError(DAMAGED)
    return _read(store.need([metric])[metric]), False


def _read(path: Path) -> Table:
    return {name: table.astype(np.float64) for name, table in load_file(path).items()}


@cache
def _own(path: Path) -> Table:
    try:
        table = _read(path)
        _check(table)
    except (OSError, SafetensorError, ValueError) as e:
        log.warning("%s cannot be used: %s", path, e)
        return {}
    return table


def _check(table: Table) -> None:
    """Raises ValueError where a table is missing, has another shape or holds what is no number."""
    for metric, (shapes, fixed) in _SHAPES.items():
        sizes = dict(fixed)
        for name, axes in shapes.items():
            values = table.get(f"{metric}.{name}")
            if values is None or values.ndim != len(axes.split()) or not np.isfinite(values).all():
                raise ValueError(f"{metric}.{name} is missing or damaged")
            for axis, size in zip(axes.split(), values.shape, strict=True):
                if size != (1 if axis == "1" else sizes.setdefault(axis, size)):
                    raise ValueError(f"{metric}.{name} has another shape: {values.shape}")


def _under(table: Table, prefix: str) -> Table:
    return {name.removeprefix(prefix): values for name, values in table.items() if name.startswith(prefix)}
