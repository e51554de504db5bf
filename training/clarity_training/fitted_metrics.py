"""The quality metrics by fitted parameters, evaluated on measurements of many photos."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.iqa import niqe
from clarity_desktop.backend.iqa.statistics import MetricUndefined
from clarity_training.ranked_photos import BRISQUE, SSEQ, Measurements

Floats = NDArray[np.float64]
Table = Mapping[str, Floats]
"""The parameters of a metric by name."""

COLUMNS = {"brisque": BRISQUE, "sseq": SSEQ}
"""Columns of Measurements.features that a metric's regression takes."""


def kernel(rows: Floats, centers: Floats, gamma: float) -> Floats:
    """Gaussian kernels exp(−γ‖x − c‖²) of rows (N×D) at centers (C×D): N×C. All float64."""
    squared_distance = (rows**2).sum(1)[:, None] + (centers**2).sum(1) - 2 * rows @ centers.T
    return np.exp(-gamma * np.maximum(squared_distance, 0))


def predict(table: Table, features: Floats) -> Floats:
    """The regression's scores (N) for N×D features. All float64; N×D features give a vector."""
    scaled = -1 + 2 * (features - table["low"]) / (table["high"] - table["low"])
    return kernel(scaled, table["vectors"], float(table["gamma"][0])) @ table["coefficients"] - table["rho"][0]


def metric_scores(data: Measurements, tables: Mapping[str, Table]) -> Floats:
    """NIQE, PIQE, BRISQUE and SSEQ of each photo by the fitted parameters, N×4; nan where undefined. float64."""
    pristine = niqe.Pristine(tables["niqe"]["mean"], tables["niqe"]["covariance"])
    fitted = [predict(tables[name], data.features[:, columns]) for name, columns in COLUMNS.items()]
    return np.stack([np.array([_niqe(rows, pristine) for rows in data.blocks]), data.piqe, *fitted], 1)


def _niqe(blocks: Floats, pristine: niqe.Pristine) -> float:
    try:
        return niqe.score(blocks, pristine)
    except MetricUndefined:
        return np.nan
