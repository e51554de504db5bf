"""Converts published, verified weights to safetensors. Every reader takes data only: no file can run code here.

To add a format, add it to FORMATS. Increase its revision when its output changes, so that installed copies are
converted again.
"""

from __future__ import annotations

import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
MAX_BYTES = 3_000_000_000
"""Most bytes that the tensors of a file may have; published restoration networks have at most 1 GB."""


class Damaged(ValueError):
    """The content ends early, or its parts do not fit each other."""


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
        raise Damaged(f"it is not a safetensors file ({e})") from e
    return path.read_bytes()


def _torch(parts: Sequence[Path]) -> bytes:
    """A state dict as torch saves it, bare or under one of the usual keys; a pickle that calls anything is refused."""
    import torch
    from safetensors.torch import save

    [path] = parts
    try:
        stored = _unpickled(path)
    except _LIBRARY_ERRORS as e:
        raise ValueError("it is not a plain table of tensors and may try to run code") from e
    tensors: Any = stored
    if isinstance(stored, Mapping):
        tensors = next((stored[k] for k in _STATE_KEYS if isinstance(stored.get(k), Mapping)), stored)
    if not isinstance(tensors, Mapping) or not all(isinstance(v, torch.Tensor) for v in tensors.values()):
        raise ValueError("it is not a table of tensors")
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > MAX_BYTES:
        raise ValueError("its tensors are larger than the file")  # those of one number, repeated
    names = {name: str(name).removeprefix("module.") for name in tensors}  # of a network trained on several GPUs
    if len(set(names.values())) < len(names) or "__metadata__" in names.values():
        raise ValueError("it has two tensors of one name, or one of a name that is not allowed")
    seen: set[int] = set()
    content: dict[str, torch.Tensor] = {}
    try:
        for name, tensor in tensors.items():
            # safetensors refuses tensors that share memory.
            at = tensor.untyped_storage().data_ptr()
            content[names[name]] = tensor.contiguous().clone() if at in seen else tensor.contiguous()
            seen.add(at)
        return save(content)
    except (*_LIBRARY_ERRORS, UnicodeError) as e:
        raise ValueError("it has tensors of a kind that is not read") from e


def _unpickled(path: Path) -> Any:
    """What torch saved; tensors and plain containers only. Raises _LIBRARY_ERRORS."""
    import torch

    load = partial(torch.load, map_location="cpu", weights_only=True)
    with warnings.catch_warnings():
        # Of a pickle that torch did not write, or of kinds of tensors that are refused; whether it can be read shows.
        warnings.simplefilter("ignore")
        # Files of today's form are mapped: those of gigabytes would otherwise be in memory several times. torch takes
        # a path that ends in .safetensors for such a file, whatever it contains, and takes no name that is not text.
        if zipfile.is_zipfile(path) and path.suffix != ".safetensors" and str(path).isprintable():
            return load(path, mmap=True)
        with path.open("rb") as file:
            return load(file)


_STATE_KEYS = "params_ema", "params", "state_dict", "model", "G"
"""Under these keys files hold the state dict beside other things."""


def _torch_files(parts: Sequence[Path]) -> bytes:
    """Several state dicts; the tensors of `encoder.pkl` are named `encoder.….`."""
    from safetensors.torch import load, save

    return save({f"{path.stem}.{name}": tensor for path in parts for name, tensor in load(_torch([path])).items()})


def _adaptive_lut(parts: Sequence[Path]) -> bytes:
    """A classifier's state dict, and {"0": {"LUT": tensor}, "1": …}, which become the tensor `tables`."""
    import torch
    from safetensors.torch import load, save

    classifier, luts = parts
    try:
        stored = _unpickled(luts)
        tables = torch.stack([stored[str(number)]["LUT"] for number in range(len(stored))])
    except _LIBRARY_ERRORS as e:
        raise ValueError("it is not a list of tables of colors") from e
    return save({**load(_torch([classifier])), "tables": tables.contiguous()})


def _matconvnet(parts: Sequence[Path]) -> bytes:
    """The convolutions of a SimpleNN network of MatConvNet, in the file format of MATLAB 7.3, which is HDF5.

    HDF5 has the axes of MATLAB in reverse: output, input, column, row; a last axis of length 1 is missing there.
    """
    import h5py
    from safetensors.numpy import save

    [path] = parts
    try:
        with h5py.File(path) as opened:
            file: Any = opened
            layers: list[Any] = [file[reference] for reference in file["net/layers"][:, 0]]
            stored = [layer["weights"] for layer in layers if "weights" in layer]
            # A layer without weights has an empty cell, which is stored as its size.
            pairs = [[np.asarray(file[at]) for at in cell[:, 0]] for cell in stored if cell.dtype == h5py.ref_dtype]
    except (*_LIBRARY_ERRORS, OSError, ValueError) as e:
        raise ValueError(f"it is not a network of MatConvNet ({e})") from e
    found: dict[str, NDArray[Any]] = {}
    for number, (kernels, biases) in enumerate(pairs):
        whole = kernels if kernels.ndim == 4 else kernels[None]
        found[f"{number:03}.weight"] = np.ascontiguousarray(whole.swapaxes(2, 3), np.float32)
        found[f"{number:03}.bias"] = np.ascontiguousarray(biases.ravel(), np.float32)
    if not found:
        raise ValueError("it contains no convolutions")
    return save(found)


def _dehazenet_mat(parts: Sequence[Path]) -> bytes:
    """The convolutions of DehazeNet: kernels as input × (column, row) × output."""
    from safetensors.numpy import save
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    found: dict[str, NDArray[Any]] = {}
    try:
        stored = loadmat(parts[0])
        for name in ("conv1", "conv3x3", "conv5x5", "conv7x7", "ip"):
            kernels = np.asarray(stored[f"weights_{name}"], np.float32)
            kernels = kernels.reshape(*kernels.shape[:2], -1)  # the last layer has one output and no axis for it
            side = round(kernels.shape[1] ** 0.5)
            cells = kernels.reshape(len(kernels), side, side, -1)  # input × column × row × output
            found[f"{name}.weight"] = np.ascontiguousarray(cells.transpose(3, 0, 2, 1))
            found[f"{name}.bias"] = np.ascontiguousarray(np.asarray(stored[f"biases_{name}"], np.float32).ravel())
    except (*_LIBRARY_ERRORS, MatReadError, OSError, ValueError) as e:
        raise ValueError(f"it is not the MATLAB file of DehazeNet ({e})") from e
    return save(found)


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


def _ncnn(parts: Sequence[Path]) -> bytes:
    """The weights of an ncnn network, numbered in the order of its layers; of a .param and a .bin file.

    A layer's numbers are all in the .bin file, in the order of the .param file: kernels behind a mark of their type,
    everything else as bare float32.
    """
    from safetensors.numpy import save

    graph, weights = parts
    content = weights.read_bytes()
    place = 0

    def numbers(count: int, kind: str = "<f4") -> NDArray[np.float32]:
        nonlocal place
        values = np.frombuffer(content, kind, count, place)
        place += -(-values.nbytes // 4) * 4
        return values.astype(np.float32)

    found: dict[str, NDArray[Any]] = {}
    number = 0
    try:
        lines = [line.split() for line in graph.read_text("utf-8").splitlines()]
        if lines[0] != ["7767517"]:
            raise ValueError("its first line is another")
        for words in lines[2:]:
            kind, inputs, outputs = words[0], int(words[2]), int(words[3])
            facts = dict(word.split("=", 1) for word in words[4 + inputs + outputs :])
            layer: dict[str, NDArray[np.float32]] = {}
            if kind == "Convolution":
                [mark] = struct.unpack_from("<I", content, place)
                place += 4
                if mark not in _NCNN_TYPES:
                    raise ValueError("its kernels have a type that is not read")
                width, side, count = int(facts["0"]), int(facts["1"]), int(facts["6"])
                layer["weight"] = numbers(count, _NCNN_TYPES[mark]).reshape(width, -1, side, side)
                layer["bias"] = numbers(width if int(facts.get("5", "0")) else 0)
            elif kind == "PReLU":
                layer["weight"] = numbers(int(facts["0"]))
            elif kind == "MemoryData":
                layer["data"] = numbers(int(np.prod([int(facts[key]) for key in "012" if key in facts])))
            elif kind not in _NCNN_PLAIN:
                raise ValueError(f"it has a layer of the kind {kind}")
            found |= {f"{number:03}.{name}": values for name, values in layer.items() if values.size}
            number += bool(layer)
    except (*_LIBRARY_ERRORS, OSError, ValueError) as e:
        raise ValueError(f"it is not a network of ncnn ({e})") from e
    if place != len(content) or not found:
        raise ValueError("its two files do not belong together")
    return save(found)


_NCNN_TYPES = {0: "<f4", 0x01306B47: "<f2"}
"""Marks before kernels: the type of their numbers."""
_NCNN_PLAIN = frozenset({
    "BinaryOp", "Concat", "Eltwise", "Input", "Interp", "PixelShuffle", "Sigmoid", "Split", "Swish",
})  # fmt: skip
"""Kinds of layers that have no weights."""


def _file(parts: Sequence[Path]) -> bytes:
    """A file that a library reads by itself, from memory."""
    from safetensors.numpy import save

    [path] = parts
    return save({"file": np.frombuffer(path.read_bytes(), np.uint8)})


FORMATS: Mapping[str, Format] = {
    "safetensors": Format(_safetensors, 1),
    "torch": Format(_torch, 1),
    "torch-files": Format(_torch_files, 1),
    "adaptive-lut": Format(_adaptive_lut, 1),
    "matconvnet": Format(_matconvnet, 1),
    "dehazenet-mat": Format(_dehazenet_mat, 1),
    "tfjs-maxim": Format(_tfjs_maxim, 1),
    "niqe-npz": Format(_niqe_npz, 1),
    "niqe-mat": Format(_niqe_mat, 1),
    "libsvm-regression": Format(libsvm_regression, 1),
    "sseq-mat": Format(sseq_mat, 1),
    "onnx-convolutions": Format(_onnx_convolutions, 1),
    "ncnn": Format(_ncnn, 1),
    "file": Format(_file, 1),
}
