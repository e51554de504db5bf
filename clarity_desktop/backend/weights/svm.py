"""Converts published support vector machines (libsvm's text, MATLAB's struct) to safetensors. Data only, no code."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Table = dict[str, NDArray[np.float64]]
"""Name → float64 array, as it is stored in the safetensors file."""

DISTORTIONS = 5
"""Classes of distortion that SSEQ tells apart."""
_FEATURES = 12
_MAX_FEATURES = 4096


def libsvm_regression(parts: Sequence[Path]) -> bytes:
    """Read a regression with a Gaussian kernel in the text format of libsvm (Chang and Lin, 2011).

    Stores float64 arrays: vectors n×d, coefficients n, rho 1, gamma 1. Raises ValueError for another content.
    """
    from safetensors.numpy import save

    try:
        lines = parts[0].read_text("ascii").splitlines()
        start = lines.index("SV")
        header = dict(line.split(" ", 1) for line in lines[:start])
        if header["svm_type"].strip() not in {"epsilon_svr", "nu_svr"} or header["kernel_type"].strip() != "rbf":
            raise ValueError("it is not a regression with a Gaussian kernel")
        rows = [line.split() for line in lines[start + 1 :]]
        table: Table = {
            "vectors": _dense([row[1:] for row in rows]), "coefficients": np.array([float(row[0]) for row in rows]),
            "rho": np.array([float(header["rho"])]), "gamma": np.array([float(header["gamma"])]),
        }  # fmt: skip
        if len(rows) != int(header["total_sv"]):
            raise ValueError("its number of support vectors is not the declared one")
    except (LookupError, ValueError) as e:
        raise ValueError(f"it is not a libsvm model ({e})") from e
    return save(_finite(table))


def _dense(rows: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Sparse rows of `index:value` (index 1 to _MAX_FEATURES) as an n×d float64 array; missing values are 0."""
    cells = [(row, *cell.split(":")) for row, line in enumerate(rows) for cell in line]
    columns = [int(index) for _, index, _ in cells]
    if not columns or min(columns) < 1 or max(columns) > _MAX_FEATURES:
        raise ValueError("its feature indices are out of range")
    out = np.zeros((len(rows), max(columns)))
    out[[row for row, _, _ in cells], np.array(columns) - 1] = [float(value) for *_, value in cells]
    return out


def sseq_mat(parts: Sequence[Path]) -> bytes:
    """Read the MATLAB file of SSEQ (Liu et al., Signal Processing: Image Communication 2014).

    Stores float64 arrays: a classifier (vectors n×12, coefficients n×4, counts 5, rho, slope and offset 10 each, gamma
    1), the feature ranges low and high (12 each), and a regression for each distortion (`0.vectors` …). Raises
    ValueError for another content.
    """
    from safetensors.numpy import save
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        stored = loadmat(parts[0], simplify_cells=True)
        classes: Any = stored["svmmodel"]
        table = _machine(classes, DISTORTIONS - 1)
        table |= {"counts": _row(classes["nSV"]), "slope": _row(classes["ProbA"]), "offset": _row(classes["ProbB"])}
        table |= {"low": _row(stored["fmin"]), "high": _row(stored["fmax"])}
        for k, machine in enumerate(stored["svrmodel"]):
            table |= {f"{k}.{name}": values for name, values in _machine(machine, 1).items()}
    except (MatReadError, OSError, LookupError, TypeError, AttributeError, zlib.error, struct.error) as e:
        raise ValueError(f"it is not SSEQ's MATLAB file ({e})") from e
    pairs = DISTORTIONS * (DISTORTIONS - 1) // 2
    sizes = {"counts": DISTORTIONS, "slope": pairs, "offset": pairs, "rho": pairs, "low": _FEATURES, "high": _FEATURES}
    if any(table[name].shape != (size,) for name, size in sizes.items()) or f"{DISTORTIONS - 1}.rho" not in table:
        raise ValueError("its tables are not those of five distortions")
    if table["counts"].sum() != len(table["vectors"]):
        raise ValueError("its numbers of support vectors do not add up")
    return save(_finite(table))


def _machine(stored: Mapping[str, Any], columns: int) -> Table:
    vectors = stored["SVs"]
    dense = np.asarray(vectors.toarray() if hasattr(vectors, "toarray") else vectors, np.float64)
    coefficients = np.asarray(stored["sv_coef"], np.float64).reshape(len(dense), -1)
    if dense.shape[1] != _FEATURES or coefficients.shape[1] != columns:
        raise ValueError("its support vectors have the wrong shape")
    # libsvm stores [svm_type, kernel_type, degree, gamma, coef0].
    gamma = _row(stored["Parameters"])[3:4]
    return {
        "vectors": dense, "coefficients": coefficients[:, 0] if columns == 1 else coefficients,
        "rho": _row(stored["rho"]), "gamma": gamma,
    }  # fmt: skip


def _row(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, np.float64).reshape(-1)


def _finite(table: Table) -> Table:
    if not all(np.isfinite(values).all() and values.size for values in table.values()):
        raise ValueError("it contains numbers that are not finite")
    return {name: np.ascontiguousarray(values) for name, values in table.items()}
