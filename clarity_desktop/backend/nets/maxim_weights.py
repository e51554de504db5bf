"""Converts the published TensorFlow.js graphs of MAXIM to a state dict of `nets.maxim.Maxim`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clarity_desktop.backend.nets.maxim import DEPTH, Maxim
from clarity_desktop.backend.nets.tfjs import Array, GraphModel, Node, read_graph_model

STAGES = (2, 3)
"""The numbers of stages of the published networks."""

_RATIOS = 2 * DEPTH * DEPTH
"""Resizing modules per stage; the published names number them across all stages."""
_DENSE = "YWJjZyxnZi0+YWJjZg=="
"""Base64 of the einsum equation abcg,gf->abcf: a dense layer over the last axis."""

_SEGMENTS: tuple[tuple[str, str], ...] = (
    (r"stage_(\d)_([a-z_]+)_(\d)", r"stages.\1.\2.\3"),
    (r"UNetEncoderBlock_0", ""),  # inside a decoder block; here both are one module
    (r"SplitHeadMultiAxisGmlpLayer_(\d)", r"multi_axis.\1"),
    (r"SplitHeadMultiAxisGating_([xy])", r"gating_\1"),
    (r"channel_attention_block_1_?(\d)", r"residual.\1"),
    (r"(?:Grid|Block)GatingUnit", "gating_unit"),
    (r"GridGmlpLayer", "grid_gmlp_layer"),
    (r"BlockGmlpLayer", "block_gmlp_layer"),
    (r"LayerNorm(_\w+)?", r"layer_norm\1"),
    (r"ConvTranspose_0", "conv_transpose_0"),
    (r"Conv_(\d)", r"conv_\1"),
    (r"Dense_(\d)", r"dense_\1"),
)
"""Published and own names of one path segment; a segment that matches none keeps its name."""

_LEAVES: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "transpose_3": ("weight", lambda a: a.transpose(3, 2, 0, 1)),  # convolution: H×W×in×out
    "transpose_4": ("weight", lambda a: a.transpose(3, 2, 0, 1)),  # transposed convolution: H×W×out×in
    "Reshape": ("bias", np.ravel),
    "Reshape_2": ("weight", np.ravel),  # of a layer norm
    "Reshape_3": ("bias", np.ravel),
}


def convert(folder: Path) -> dict[str, Tensor]:
    """Read a published MAXIM folder (model.json and shards) into the state dict of `Maxim(stages(…))`, float32.

    Raises ValueError with one sentence if the folder is not a complete graph model of MAXIM: every weight of the
    network must be found exactly once and with its shape, and no other weight may exist.

    Every tensor has its shape in `Maxim`.
    """
    found: dict[str, Tensor] = {}
    for key, array in _arrays(read_graph_model(folder)):
        if key in found:
            raise ValueError(f"{folder} contains {key} twice.")
        found[key] = torch.from_numpy(np.array(array, np.float32, order="C"))
    check(found, str(folder))
    return found


def stages(weights: dict[str, Tensor]) -> int:
    """The number of stages of the network with these weights (name → float32 tensor; shapes as in maxim.py)."""
    return len({key.split(".")[1] for key in weights if key.startswith("stages.")})


def check(weights: dict[str, Tensor], source: str) -> None:
    """Raise ValueError, naming `source`, unless these are the weights of a network with 2 or 3 stages.

    weights: name → tensor; names, shapes and dtypes (float32) are compared with the network.
    """
    if (size := stages(weights)) not in STAGES:
        raise ValueError(f"{source} is not a MAXIM network of 2 or 3 stages.")
    with torch.device("meta"):
        wanted = {key: tuple(value.shape) for key, value in Maxim(size).state_dict().items()}
    shapes = {key: tuple(value.shape) for key, value in weights.items()}
    for key in wanted.keys() ^ shapes.keys():
        raise ValueError(f"{source} {'lacks' if key in wanted else 'has the unknown weight'} {key}.")
    for key, value in weights.items():
        if value.dtype != torch.float32:
            raise ValueError(f"In {source}, {key} is not float32.")
    for key, shape in shapes.items():
        if shape != wanted[key]:
            raise ValueError(f"{source} contains {key} with the shape {shape} instead of {wanted[key]}.")


def _arrays(model: GraphModel) -> Iterator[tuple[str, Array]]:
    for node in model.nodes:
        if _is_dense(node):
            yield f"{_key(_path(node.name).removesuffix('/einsum/Einsum'))}.weight", _weight(model, node.inputs[1]).T
    for name, array in model.weights.items():
        path, _, leaf = _path(name).rpartition("/")
        if array.dtype == np.float32 and array.size > 1 and path and leaf in _LEAVES and "jit_" not in path:
            kind, arranged = _LEAVES[leaf]
            yield f"{_key(path)}.{kind}", arranged(array)


def _is_dense(node: Node) -> bool:
    return node.op == "Einsum" and node.attributes.get("equation", {}).get("s") == _DENSE and len(node.inputs) == 2


def _weight(model: GraphModel, name: str) -> Array:
    if name not in model.weights:
        raise ValueError(f"The graph computes {name}, where a MAXIM graph has a weight.")
    return model.weights[name]


def _path(name: str) -> str:
    """The path of a node inside the network; empty for nodes outside."""
    return name.partition("/backbone/")[2]


def _key(path: str) -> str:
    """The name of a published module in `Maxim`."""
    if found := re.fullmatch(r"UpSampleRatio_(\d+)/Conv_0", path):
        return _ratio(int(found[1]))
    segments = (_segment(segment) for segment in path.split("/"))
    return ".".join(segment for segment in segments if segment)


def _segment(segment: str) -> str:
    for pattern, own in _SEGMENTS:
        if found := re.fullmatch(pattern, segment):
            return re.sub(r"\.$", "", found.expand(own))
    return segment


def _ratio(number: int) -> str:
    """The name of a resizing module. They are numbered by scale from the lowest, then by source."""
    stage, rest = divmod(number, _RATIOS)
    of_skips, rest = divmod(rest, DEPTH * DEPTH)
    below, source = divmod(rest, DEPTH)
    # The decoder names its sources from the lowest scale up.
    kind, source = ("skip_ratios", DEPTH - 1 - source) if of_skips else ("encoded_ratios", source)
    return f"stages.{stage}.{kind}.{DEPTH - 1 - below}.{source}.conv_0"
