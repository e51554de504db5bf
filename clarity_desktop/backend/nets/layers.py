"""Tensors that a file names by the numbers of layers, as networks of ncnn do."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def load_in_order(net: nn.Module, tensors: Mapping[str, Tensor], start: int = 0) -> None:
    """Load tensors (float32 of any shape), "000.weight" into the first layer with weights, and so on.

    Names of the network itself are taken as they are. Raises RuntimeError for the tensors of another network.
    """
    layers = [name for name, module in net.named_modules() if module._parameters]  # pyright: ignore[reportPrivateUsage]
    names = {f"{number:03}": name for number, name in enumerate(layers, start)}
    net.load_state_dict({
        f"{names.get(number, number)}.{kind}": tensor
        for number, kind, tensor in ((*key.split(".", 1), tensor) for key, tensor in tensors.items())
    })  # fmt: skip
