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
from clarity_desktop.backend.iqa.sseq import Distortions
from clarity_desktop.backend.iqa.statistics import Plane

log = logging.getLogger(__name__)
Table = Mapping[str, Plane]
DISTORTIONS = 5


def niqe_parameters() -> tuple[Pristine, bool]:
    """The model of pristine photos, and whether it is our own. Raises ModelMissing if there is neither."""
    table, ours = _table("niqe")
    return Pristine(table["mean"], table["covariance"]), ours


def brisque_parameters() -> tuple[Regression, bool]:
    """The regression, and whether it is our own. Raises ModelMissing if there is neither."""
    table, ours = _table("brisque")
    return _regression(table if ours else {**table, "low": RANGES[:, 0], "high": RANGES[:, 1]}), ours


def sseq_parameters() -> tuple[Distortions | Regression, bool]:
    """The authors' two stages, or our own regression and True. Raises ModelMissing if there is neither."""
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
    return _under(_own(settings.resources() / "iqa.safetensors"), f"{metric}.")


def _regression(table: Table) -> Regression:
    rho, gamma = float(table["rho"][0]), float(table["gamma"][0])
    return Regression(table["vectors"], table["coefficients"], rho, gamma, table["low"], table["high"])


def _table(metric: str) -> tuple[Table, bool]:
    if path := weights.find(metric):
        return _read(path), False
    own = ours(metric)
    return (own, True) if own else (_read(weights.need([metric])[metric]), False)


def _read(path: Path) -> Table:
    return {name: table.astype(np.float64) for name, table in load_file(path).items()}


@cache
def _own(path: Path) -> Table:
    try:
        return _read(path)
    except (OSError, SafetensorError) as e:
        log.warning("%s cannot be used: %s", path, e)
        return {}


def _under(table: Table, prefix: str) -> Table:
    return {name.removeprefix(prefix): values for name, values in table.items() if name.startswith(prefix)}
