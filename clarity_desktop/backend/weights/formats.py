"""Published weights, verified, to safetensors. Every reader takes data only: no file can run code here.

To add a format, name it in FORMATS; raise its revision when what it writes changes, so that old copies are made anew.
"""

from __future__ import annotations

import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.weights.svm import libsvm_regression, sseq_mat

Read = Callable[[Sequence[Path]], bytes]
"""The parts in the catalog's order, all in one folder under their published names, to the bytes of a safetensors
file. Raises ValueError for content of another form."""

_BROKEN = (
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, LookupError,
    TypeError, AttributeError, AssertionError,
)  # fmt: skip
"""What the libraries raise for content that is not what it says (found by giving them 3000 broken files)."""


@dataclass(frozen=True, slots=True)
class Format:
    read: Read
    revision: int


def _safetensors(parts: Sequence[Path]) -> bytes:
    from safetensors import SafetensorError, safe_open

    [path] = parts
    try:
        with safe_open(path, "numpy") as opened:
            if not list(opened.keys()):
                raise ValueError("it holds no tensors")
    except SafetensorError as e:
        raise ValueError(f"its header is not that of a safetensors file ({e})") from e
    return path.read_bytes()


def _torch(parts: Sequence[Path]) -> bytes:
    """A state dict as torch saves it, bare or under one of the usual names; a pickle that calls anything is refused."""
    import torch
    from safetensors.torch import save

    [path] = parts
    try:
        stored: Any = torch.load(path, map_location="cpu", weights_only=True)
    except _BROKEN as e:
        raise ValueError("it is not a plain table of tensors; it may try to run code") from e
    table: Any = stored
    if isinstance(stored, Mapping):
        table = next((stored[k] for k in ("params_ema", "params", "state_dict") if k in stored), stored)
    if not isinstance(table, Mapping) or not all(isinstance(v, torch.Tensor) for v in table.values()):
        raise ValueError("it is not a table of tensors")
    return save({str(name): tensor.contiguous().clone() for name, tensor in table.items()})


def _tfjs_maxim(parts: Sequence[Path]) -> bytes:
    from safetensors.torch import save

    from clarity_desktop.backend.nets.maxim_weights import convert

    return save(convert(parts[0].parent))


def _niqe_npz(parts: Sequence[Path]) -> bytes:
    try:
        with np.load(parts[0], allow_pickle=False) as stored:
            return _niqe(stored, "mu_pris_param", "cov_pris_param")
    except _BROKEN as e:
        raise ValueError(f"it is not a table of numpy arrays ({e})") from e


def _niqe_mat(parts: Sequence[Path]) -> bytes:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return _niqe(loadmat(parts[0]), "mu_prisparam", "cov_prisparam")
    except (*_BROKEN, MatReadError, OSError) as e:  # OSError: it ends early
        raise ValueError(f"it is not a MATLAB file ({e})") from e


def _niqe(stored: Mapping[str, Any], mean: str, covariance: str) -> bytes:
    from safetensors.numpy import save

    if missing := {mean, covariance} - set(stored):
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    mu: NDArray[Any] = np.asarray(stored[mean])
    cov: NDArray[Any] = np.asarray(stored[covariance])
    if mu.shape != (1, 36) or cov.shape != (36, 36) or mu.dtype != np.float64 or cov.dtype != np.float64:
        raise ValueError("its arrays do not have 36 features")
    return save({"mean": np.ascontiguousarray(mu[0]), "covariance": np.ascontiguousarray(cov)})


FORMATS: Mapping[str, Format] = {
    "safetensors": Format(_safetensors, 1),
    "torch": Format(_torch, 1),
    "tfjs-maxim": Format(_tfjs_maxim, 1),
    "niqe-npz": Format(_niqe_npz, 1),
    "niqe-mat": Format(_niqe_mat, 1),
    "libsvm-regression": Format(libsvm_regression, 1),
    "sseq-mat": Format(sseq_mat, 1),
}
