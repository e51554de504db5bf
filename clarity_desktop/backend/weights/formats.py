"""Converts published, verified weights to safetensors. Every reader takes data only: no file can run code here.

To add a format, add it to FORMATS. Increase its revision when its output changes, so that installed copies are
converted again.
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
"""Takes the parts in the order of the catalog, all in one folder under their published names; returns the bytes of a
safetensors file. Raises ValueError, with the reason, for content of another form."""

_LIBRARY_ERRORS = (
    pickle.UnpicklingError, zipfile.BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, LookupError,
    TypeError, AttributeError, AssertionError,
)  # fmt: skip
"""What the libraries raise for damaged content (found by giving them 3000 damaged files)."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a published form is read."""

    read: Read
    revision: int


def _safetensors(parts: Sequence[Path]) -> bytes:
    from safetensors import SafetensorError, safe_open

    [path] = parts
    try:
        with safe_open(path, "numpy") as opened:
            if not list(opened.keys()):
                raise ValueError("it contains no tensors")
    except SafetensorError as e:
        raise ValueError(f"it is not a safetensors file ({e})") from e
    return path.read_bytes()


def _torch(parts: Sequence[Path]) -> bytes:
    """A state dict as torch saves it, bare or under one of the usual keys; a pickle that calls anything is refused."""
    import torch
    from safetensors.torch import save

    [path] = parts
    try:
        # weights_only=True restricts the unpickler to tensors and plain containers. Files of today's form are mapped:
        # those of gigabytes would otherwise be in memory several times.
        stored: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except _LIBRARY_ERRORS as e:
        raise ValueError("it is not a plain table of tensors and may try to run code") from e
    tensors: Any = stored
    if isinstance(stored, Mapping):
        tensors = next((stored[k] for k in _STATE_KEYS if isinstance(stored.get(k), Mapping)), stored)
    if not isinstance(tensors, Mapping) or not all(isinstance(v, torch.Tensor) for v in tensors.values()):
        raise ValueError("it is not a table of tensors")
    names = {name: str(name).removeprefix("module.") for name in tensors}  # of a network trained on several GPUs
    if len(set(names.values())) < len(names):
        raise ValueError("it has two tensors of one name")
    seen: set[int] = set()
    content: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        # safetensors refuses tensors that share memory.
        at = tensor.untyped_storage().data_ptr()
        content[names[name]] = tensor.contiguous().clone() if at in seen else tensor.contiguous()
        seen.add(at)
    return save(content)


_STATE_KEYS = "params_ema", "params", "state_dict", "model"
"""Under these keys files hold the state dict beside other things."""


def _tfjs_maxim(parts: Sequence[Path]) -> bytes:
    from safetensors.torch import save

    from clarity_desktop.backend.nets.maxim_weights import convert

    return save(convert(parts[0].parent))


def _niqe_npz(parts: Sequence[Path]) -> bytes:
    try:
        with np.load(parts[0], allow_pickle=False) as stored:
            return _niqe(stored, "mu_pris_param", "cov_pris_param")
    except _LIBRARY_ERRORS as e:
        raise ValueError(f"it is not a table of numpy arrays ({e})") from e


def _niqe_mat(parts: Sequence[Path]) -> bytes:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        return _niqe(loadmat(parts[0]), "mu_prisparam", "cov_prisparam")
    except (*_LIBRARY_ERRORS, MatReadError, OSError) as e:  # OSError: it ends early
        raise ValueError(f"it is not a MATLAB file ({e})") from e


def _niqe(stored: Mapping[str, Any], mean: str, covariance: str) -> bytes:
    from safetensors.numpy import save

    if missing := {mean, covariance} - set(stored):
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    mu: NDArray[Any] = np.asarray(stored[mean])
    cov: NDArray[Any] = np.asarray(stored[covariance])
    if mu.shape != (1, 36) or cov.shape != (36, 36) or mu.dtype != np.float64 or cov.dtype != np.float64:
        raise ValueError("its arrays do not have 36 float64 features")
    return save({"mean": np.ascontiguousarray(mu[0]), "covariance": np.ascontiguousarray(cov)})


def _onnx_convolutions(parts: Sequence[Path]) -> bytes:
    """The weights and biases of a graph's convolutions in the order in which they run; the graph itself is not kept."""
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper
    from safetensors.numpy import save

    [path] = parts
    try:
        graph = onnx.load(path, load_external_data=False).graph
        tensors = {tensor.name: tensor for tensor in graph.initializer}
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer):
            raise ValueError("its tensors are in other files")
        convolutions = [list(node.input) for node in graph.node if node.op_type == "Conv"]
        found = {
            f"{k:03}.{kind}": np.ascontiguousarray(numpy_helper.to_array(tensors[name]))
            for k, inputs in enumerate(convolutions)
            for kind, name in zip(("weight", "bias"), inputs[1:], strict=True)
        }
    except (*_LIBRARY_ERRORS, DecodeError, ValueError) as e:
        raise ValueError(f"it is not an ONNX graph of convolutions with biases ({e})") from e
    if not found:
        raise ValueError("it contains no convolutions")
    return save(found)


def _file(parts: Sequence[Path]) -> bytes:
    """A file that a library reads by itself, from memory."""
    from safetensors.numpy import save

    [path] = parts
    return save({"file": np.frombuffer(path.read_bytes(), np.uint8)})


FORMATS: Mapping[str, Format] = {
    "safetensors": Format(_safetensors, 1),
    "torch": Format(_torch, 1),
    "tfjs-maxim": Format(_tfjs_maxim, 1),
    "niqe-npz": Format(_niqe_npz, 1),
    "niqe-mat": Format(_niqe_mat, 1),
    "libsvm-regression": Format(libsvm_regression, 1),
    "sseq-mat": Format(sseq_mat, 1),
    "onnx-convolutions": Format(_onnx_convolutions, 1),
    "file": Format(_file, 1),
}
