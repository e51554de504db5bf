"""Reads a TensorFlow.js graph model (model.json and weight shards) as data: nodes and arrays. No code is executed."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""float32 or int32, of any shape."""

_DTYPES: Mapping[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4")}
_MAX_JSON_BYTES = 64 << 20
_MAX_WEIGHT_BYTES = 1 << 30
_MAX_NODES = 200_000
_MAX_SHARDS = 1000
_MAX_RANK = 8


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `inputs` are names of other nodes; `attributes` is JSON as the file has it, not validated."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GraphModel:
    """The nodes in the order of the file, and the values of its Const nodes by name (read-only arrays)."""

    nodes: tuple[Node, ...]
    weights: Mapping[str, Array]


def read_graph_model(folder: Path) -> GraphModel:
    """Read `model.json` and the shards in the same folder.

    Raises ValueError, with one sentence that names the file, for anything but a complete graph model of float32 and
    int32 arrays: missing or truncated files, sizes that do not match, other types, names outside the folder.
    """
    path = folder / "model.json"
    model = _load_json(path)
    try:
        if model.get("format") != "graph-model":
            raise ValueError(f"{path} is not a TensorFlow.js graph model.")
        nodes = tuple(_nodes(model["modelTopology"]["node"]))
        weights = _read_weights(folder, model["weightsManifest"])
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not structured like a graph model ({error}).") from None
    return GraphModel(nodes, weights)


def _load_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError(f"{path} is missing.")
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise ValueError(f"{path} is larger than the limit of {_MAX_JSON_BYTES >> 20} MB.")
    try:
        # Deep nesting raises RecursionError instead of exhausting the stack.
        model = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        raise ValueError(f"{path} is not valid JSON.") from None
    if not isinstance(model, dict):
        raise ValueError(f"{path} is not a TensorFlow.js graph model.")
    return cast(dict[str, Any], model)


def _nodes(entries: list[dict[str, Any]]) -> Iterator[Node]:
    if len(entries) > _MAX_NODES:
        raise ValueError(f"The graph has {len(entries)} nodes; the limit is {_MAX_NODES}.")
    for entry in entries:
        # "name:0" means the first output; "^name" only orders side effects, which these graphs do not have.
        inputs = tuple(name.split(":")[0] for name in entry.get("input", ()) if not name.startswith("^"))
        yield Node(entry["name"], entry["op"], inputs, entry.get("attr", {}))


def _read_weights(folder: Path, manifest: list[dict[str, Any]]) -> dict[str, Array]:
    weights: dict[str, Array] = {}
    for group in manifest:
        entries = [_Entry.of(entry) for entry in group["weights"]]
        stored = _join_shards(folder, group["paths"], expected=sum(entry.size for entry in entries))
        offset = 0
        for entry in entries:
            if entry.name in weights:
                raise ValueError(f"{folder / 'model.json'} declares {entry.name} twice.")
            # A view on the bytes of the shards: read-only and without a copy.
            weights[entry.name] = np.frombuffer(stored, entry.dtype, entry.count, offset).reshape(entry.shape)
            offset += entry.size
    return weights


@dataclass(frozen=True, slots=True)
class _Entry:
    """An array as the manifest declares it. All values are checked before memory is allocated."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        return self.count * self.dtype.itemsize

    @staticmethod
    def of(entry: Mapping[str, Any]) -> _Entry:
        name, shape, dtype = str(entry["name"]), entry["shape"], entry["dtype"]
        if dtype not in _DTYPES or "quantization" in entry:
            raise ValueError(
                f"{name} is stored as {entry.get('quantization', dtype)}; only plain float32 and int32 are supported."
            )
        if len(shape) > _MAX_RANK or not all(type(side) is int and 0 <= side <= _MAX_WEIGHT_BYTES for side in shape):
            raise ValueError(f"{name} has the invalid shape {shape}.")
        return _Entry(name, tuple(shape), _DTYPES[dtype])


def _join_shards(folder: Path, names: list[str], expected: int) -> bytes:
    if expected > _MAX_WEIGHT_BYTES or len(names) > _MAX_SHARDS:
        raise ValueError(f"{folder / 'model.json'} declares {expected} bytes in {len(names)} shards, over the limit.")
    shards = [_shard(folder, name) for name in names]
    found = sum(shard.stat().st_size for shard in shards)
    # Checked before joining, so that no declared size is trusted.
    if found != expected:
        raise ValueError(f"The shards in {folder} hold {found} bytes where model.json declares {expected}.")
    return b"".join(shard.read_bytes() for shard in shards)


def _shard(folder: Path, name: str) -> Path:
    path = folder / name
    if Path(name).name != name or name.startswith("."):  # names are untrusted and must stay in the folder
        raise ValueError(f"{folder / 'model.json'} names the shard {name!r}, which is not a plain file name.")
    if not path.is_file():
        raise ValueError(f"{path} is missing.")
    return path
