"""Parameters of the metrics: the authors' files if they are on this machine, else the bundled fit of this project.

The bundled ones are in `resources/iqa.safetensors`, each table under its metric's name: `niqe.mean` (36),
`niqe.covariance` (36×36); `brisque.…` and `sseq.…` with `vectors` (n×d), `coefficients` (n), `rho` and `gamma` (1
each), `low` and `high` (d each) of a Regression that gives the score itself.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from clarity_desktop import settings
from clarity_desktop.backend.iqa.brisque import RANGES
from clarity_desktop.backend.iqa.kernel import Classifier, Regression
from clarity_desktop.backend.iqa.niqe import Pristine
from clarity_desktop.backend.iqa.overall import METRICS, ORIENTATIONS
from clarity_desktop.backend.iqa.sseq import Distortions
from clarity_desktop.backend.iqa.statistics import Plane
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.messages import UserError

log = logging.getLogger(__name__)
Table = Mapping[str, Plane]
DISTORTIONS = 5
"""Kinds of distortion that SSEQ's classifier knows."""
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
        {
            "i": ORIENTATIONS.shape[1],
            "v": len(METRICS),
            "a": len(METRICS) + 2,
            "s": len(METRICS) + 5,
        },  # the network, the three of the detection, and a constant
    ),
}
"""The tables of the bundled file: the axes of each (a letter names a size), and the sizes that are fixed."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Where parameters come from: the authors' files in a store, and the bundled file."""

    store: WeightStore
    file: Path

    def niqe(self) -> tuple[Pristine, bool]:
        """The model of pristine photos, and whether it is the bundled one.

        Raises ModelMissing if there is neither, UserError if the bundled file is damaged; so do the next two.
        """
        table, is_bundled = self._table("niqe")
        return Pristine(table["mean"], table["covariance"]), is_bundled

    def brisque(self) -> tuple[Regression, bool]:
        """The regression, and whether it is the bundled one."""
        table, is_bundled = self._table("brisque")
        ranges = {} if is_bundled else {"low": RANGES[:, 0], "high": RANGES[:, 1]}
        return _regression({**table, **ranges}), is_bundled

    def sseq(self) -> tuple[Distortions | Regression, bool]:
        """The authors' two stages, or the bundled regression and True."""
        table, is_bundled = self._table("sseq")
        if is_bundled:
            return _regression(table), True
        classes = Classifier(
            table["vectors"], table["coefficients"], tuple(int(n) for n in table["counts"]), table["rho"],
            float(table["gamma"][0]), table["slope"], table["offset"],
        )  # fmt: skip
        ranges = {"low": table["low"], "high": table["high"]}
        regressions = (_regression({**_under(table, f"{k}."), **ranges}) for k in range(DISTORTIONS))
        return Distortions(classes, tuple(regressions)), False

    def overall(self) -> Table:
        """The bundled tables of the overall score by name (float64; shapes in overall.py); empty as `bundled`."""
        return self.bundled("overall")

    def bundled_niqe(self) -> Pristine:
        """The bundled parameters, whatever else is installed. Raises KeyError without the file; so do the next two."""
        table = self.bundled("niqe")
        return Pristine(table["mean"], table["covariance"])

    def bundled_brisque(self) -> Regression:
        """The bundled regression of BRISQUE."""
        return _regression(self.bundled("brisque"))

    def bundled_sseq(self) -> Regression:
        """The bundled regression of SSEQ."""
        return _regression(self.bundled("sseq"))

    def bundled(self, metric: str) -> Table:
        """The bundled tables of a metric by name (float64; shapes in its module); empty without a valid file."""
        return _under(_bundled(self.file), f"{metric}.")

    def digest(self) -> str:
        """Distinguishes the bundled parameters of different releases; empty if the file is missing."""
        try:
            return hashlib.sha256(self.file.read_bytes()).hexdigest()[:16]
        except OSError:  # the scores report it
            return ""

    def _table(self, metric: str) -> tuple[Table, bool]:
        if path := self.store.find(metric):
            return _read(path), False
        if table := self.bundled(metric):
            return table, True
        if self.file.exists():
            raise UserError("analysis.parameters_damaged")
        return _read(self.store.need([metric])[metric]), False


def default_parameters(store: WeightStore | None = None) -> Parameters:
    """The parameters of the program. store: its own by default."""
    return Parameters(store or default_store(), settings.resources() / "iqa.safetensors")


def _regression(table: Table) -> Regression:
    rho, gamma = float(table["rho"][0]), float(table["gamma"][0])
    return Regression(table["vectors"], table["coefficients"], rho, gamma, table["low"], table["high"])


def _read(path: Path) -> Table:
    return {name: table.astype(np.float64) for name, table in load_file(path).items()}


@cache
def _bundled(path: Path) -> Table:
    try:
        table = _read(path)
        _check(table)
    except (OSError, SafetensorError, ValueError) as e:
        log.warning("%s cannot be used: %s", path, e)
        return {}
    return table


def _check(table: Table) -> None:
    """Raises ValueError if a table is missing, has another shape or holds values that are not finite."""
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
