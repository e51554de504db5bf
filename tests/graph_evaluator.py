"""Evaluates a published TensorFlow.js graph in torch: the yardstick that our own port of a network is held against.

All that depends on the shape of the input only is folded by numpy when a size is first seen; what remains is a list
of torch calls. Only the operations that the MAXIM graphs use are known.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from clarity_desktop.backend.nets.tfjs import Node, read_graph_model

Operands = list[Any]
Attributes = dict[str, Any]


def _text(attributes: Attributes, name: str) -> str:
    return base64.b64decode(attributes[name]["s"]).decode()


def _integers(attributes: Attributes, name: str) -> list[int]:
    return [int(i) for i in attributes[name]["list"].get("i", [])]


def _flag(attributes: Attributes, name: str) -> bool:
    return bool(attributes.get(name, {}).get("b", False))


def _slices(begin: Any, end: Any, strides: Any, attributes: Attributes) -> tuple[slice | int, ...]:
    masks = {name: int(attributes[f"{name}_mask"]["i"]) for name in ("begin", "end", "shrink_axis")}
    index: list[slice | int] = []
    for i, (first, last, step) in enumerate(zip(begin, end, strides, strict=True)):
        if masks["shrink_axis"] >> i & 1:
            index.append(int(first))
        else:
            start, stop = masks["begin"] >> i & 1, masks["end"] >> i & 1
            index.append(slice(None if start else int(first), None if stop else int(last), int(step)))
    return tuple(index)


NUMPY: dict[str, Callable[[Operands, Attributes], Any]] = {
    "Pack": lambda x, a: np.stack(x, int(a["axis"]["i"])),
    "ConcatV2": lambda x, a: np.concatenate(x[:-1], int(x[-1])),
    "StridedSlice": lambda x, a: x[0][_slices(*x[1:], a)],
    "ExpandDims": lambda x, a: np.expand_dims(x[0], int(x[1])),
    "Squeeze": lambda x, a: np.squeeze(x[0], tuple(_integers(a, "squeeze_dims"))),
    "Reshape": lambda x, a: np.reshape(x[0], x[1]),
    "Transpose": lambda x, a: np.transpose(x[0], x[1]),
    "BroadcastTo": lambda x, a: np.broadcast_to(x[0], x[1]),
    "GatherV2": lambda x, a: np.take(x[0], x[1], int(x[2])),
    "Range": lambda x, a: np.arange(*(int(i) for i in x), dtype=np.int32),
    "Cast": lambda x, a: x[0].astype(
        {"DT_FLOAT": np.float32, "DT_INT32": np.int32, "DT_BOOL": bool}[a["DstT"]["type"]]
    ),
    "Sum": lambda x, a: np.sum(
        x[0], tuple(np.atleast_1d(x[1]).tolist()), keepdims=_flag(a, "keep_dims"), dtype=x[0].dtype
    ),
    "SelectV2": lambda x, a: np.where(*x),
    "AddV2": lambda x, a: x[0] + x[1],
    "Sub": lambda x, a: x[0] - x[1],
    "Mul": lambda x, a: x[0] * x[1],
    "RealDiv": lambda x, a: _divided(x[0], x[1]),
    "Reciprocal": lambda x, a: np.float32(1) / x[0],
    "FloorDiv": lambda x, a: x[0] // x[1],
    "FloorMod": lambda x, a: np.mod(x[0], x[1]),
    "Maximum": lambda x, a: np.maximum(*x),
    "Minimum": lambda x, a: np.minimum(*x),
    "Floor": lambda x, a: np.floor(x[0]),
    "Sign": lambda x, a: np.sign(x[0]),
    "Abs": lambda x, a: np.abs(x[0]),
    "Neg": lambda x, a: -x[0],
    "Square": lambda x, a: x[0] * x[0],
    "NotEqual": lambda x, a: x[0] != x[1],
    "Less": lambda x, a: x[0] < x[1],
    "LessEqual": lambda x, a: x[0] <= x[1],
    "Greater": lambda x, a: x[0] > x[1],
    "GreaterEqual": lambda x, a: x[0] >= x[1],
    "LogicalAnd": lambda x, a: x[0] & x[1],
    "Identity": lambda x, a: x[0],
}


def _divided(a: Any, b: Any) -> Any:
    # The resize matrices divide by sums that are zero where a SelectV2 afterwards takes the other branch.
    with np.errstate(divide="ignore", invalid="ignore"):
        return a / b


def _contiguous_einsum(x: Operands, a: Attributes) -> torch.Tensor:
    return torch.einsum(_text(a, "equation"), *(operand.contiguous() for operand in x))


def _conv2d(x: Operands, a: Attributes) -> torch.Tensor:
    picture, kernel = x[0].permute(0, 3, 1, 2), x[1].permute(3, 2, 0, 1)
    _, *strides, _ = _integers(a, "strides")
    if _text(a, "padding") == "SAME":
        around = [
            max(0, (-(-n // s) - 1) * s + k - n)
            for n, s, k in zip(picture.shape[2:], strides, kernel.shape[2:], strict=True)
        ]
        (top, left) = (total // 2 for total in around)
        picture = F.pad(picture, (left, around[1] - left, top, around[0] - top))
    return F.conv2d(picture, kernel, stride=strides).permute(0, 2, 3, 1)


def _conv2d_backprop_input(x: Operands, a: Attributes) -> torch.Tensor:
    _, kernel, picture = x  # kernel: height, width, out, in
    _, *strides, _ = _integers(a, "strides")
    out = F.conv_transpose2d(picture.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), stride=strides)
    return out.permute(0, 2, 3, 1)


def _summed(x: Operands, a: Attributes) -> torch.Tensor:
    return torch.sum(x[0], np.atleast_1d(x[1]).tolist(), keepdim=_flag(a, "keep_dims"))


TORCH: dict[str, Callable[[Operands, Attributes], torch.Tensor]] = {
    "Mul": lambda x, a: x[0] * x[1],
    "AddV2": lambda x, a: x[0] + x[1],
    "Sub": lambda x, a: x[0] - x[1],
    "RealDiv": lambda x, a: x[0] / x[1],
    "Square": lambda x, a: torch.square(x[0]),
    "Neg": lambda x, a: torch.neg(x[0]),
    "Exp": lambda x, a: torch.exp(x[0]),
    "Tanh": lambda x, a: torch.tanh(x[0]),
    "Rsqrt": lambda x, a: torch.rsqrt(x[0]),
    "Reciprocal": lambda x, a: torch.reciprocal(x[0]),
    "Maximum": lambda x, a: torch.maximum(x[0], x[1]),
    "GreaterEqual": lambda x, a: x[0] >= x[1],
    "SelectV2": lambda x, a: torch.where(x[0], x[1], x[2]),
    "Reshape": lambda x, a: torch.reshape(x[0], x[1].tolist()),
    "Transpose": lambda x, a: torch.permute(x[0], x[1].tolist()),
    "BroadcastTo": lambda x, a: torch.broadcast_to(x[0], x[1].tolist()),
    "StridedSlice": lambda x, a: x[0][_slices(*x[1:], a)],
    "ConcatV2": lambda x, a: torch.cat(x[:-1], int(x[-1])),
    "GatherV2": lambda x, a: torch.index_select(x[0], int(x[2]), torch.from_numpy(x[1].astype(np.int64))),
    "Sum": _summed,
    "Einsum": _contiguous_einsum,
    "Conv2D": _conv2d,
    "Conv2DBackpropInput": _conv2d_backprop_input,
    "Identity": lambda x, a: x[0],
}
# Operands that say where or how large stay numpy; all others become tensors.
STRUCTURAL = {"Reshape": (1,), "Transpose": (1,), "BroadcastTo": (1,), "StridedSlice": (1, 2, 3), "ConcatV2": (-1,),
              "GatherV2": (1, 2), "Sum": (1,), "Conv2DBackpropInput": (0,)}  # fmt: skip


@dataclass(slots=True)
class _Call:
    """One torch call of a folded graph. dead names what nothing needs any more afterwards."""

    node: Node
    constants: dict[int, Any]
    dead: tuple[str, ...] = ()


class Graph:
    """A published graph model, runnable on N×H×W×3 float32."""

    def __init__(self, folder: Path) -> None:
        """Reads the folder that holds model.json; raises ValueError if it is no graph model."""
        model = read_graph_model(folder)
        self._weights = model.weights
        self._nodes = _in_order(model.nodes)
        self._calls: dict[tuple[int, ...], tuple[list[_Call], str]] = {}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Runs the graph; the first call with a new shape also folds it (half a second)."""
        shape = tuple(x.shape)
        if shape not in self._calls:
            self._calls = {shape: self._fold(shape)}
        calls, result = self._calls[shape]
        [entrance] = (node.name for node in self._nodes if node.op == "Placeholder")
        values: dict[str, torch.Tensor] = {entrance: x}
        with torch.inference_mode():
            for call in calls:
                operands = [
                    call.constants[i] if i in call.constants else values[name]
                    for i, name in enumerate(call.node.inputs)
                ]
                values[call.node.name] = TORCH[call.node.op](operands, dict(call.node.attributes))
                for name in call.dead:
                    values.pop(name, None)
        return values[result]

    def _fold(self, shape: Sequence[int]) -> tuple[list[_Call], str]:
        known: dict[str, Any] = {}
        shapes = _Shapes(shape)
        calls: list[_Call] = []
        for node in self._nodes:
            if node.op == "Const":
                known[node.name] = self._weights[node.name]
            elif node.op == "Shape":
                known[node.name] = np.array(shapes.of(node.inputs[0]), np.int32)
            elif node.op == "Placeholder":
                pass
            elif all(name in known for name in node.inputs):
                known[node.name] = NUMPY[node.op]([known[name] for name in node.inputs], dict(node.attributes))
            else:
                calls.append(_Call(node, _constants(node, known)))
        _mark_dead(calls)
        return calls, calls[-1].node.name


class _Shapes:
    """Shape nodes of these graphs ask for the shape of the input and of nothing else."""

    def __init__(self, entrance: Sequence[int]) -> None:
        self._entrance = entrance

    def of(self, name: str) -> Sequence[int]:
        assert "/" not in name, f"the shape of {name} is not known before it is computed"
        return self._entrance


def _constants(node: Node, known: dict[str, Any]) -> dict[int, Any]:
    structural = [i % len(node.inputs) for i in STRUCTURAL.get(node.op, ())]
    constants: dict[int, Any] = {}
    for i, name in enumerate(node.inputs):
        if name in known:
            constants[i] = known[name] if i in structural else torch.from_numpy(np.array(known[name]))
    return constants


def _mark_dead(calls: list[_Call]) -> None:
    seen: set[str] = set()
    for call in reversed(calls):
        call.dead = tuple(set(call.node.inputs) - seen)
        seen.update(call.node.inputs)


def _in_order(nodes: Sequence[Node]) -> list[Node]:
    """Nodes such that each stands behind its inputs; those that the result needs."""
    table = {node.name: node for node in nodes}
    [result] = (node.name for node in nodes if node.op == "Identity")
    order: list[Node] = []
    done: set[str] = set()
    stack = [(result, False)]
    while stack:
        name, ready = stack.pop()
        if ready:
            order.append(table[name])
        elif name not in done:
            done.add(name)
            stack.append((name, True))
            stack.extend((i, False) for i in table[name].inputs)
    return order
