"""What networks that turn pictures into pictures have in common (Johnson et al., ECCV 2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def mirrored(layer: nn.Module, x: Tensor, border: int) -> Tensor:
    """A convolution without padding on a picture continued by its mirror image, N×C×H×W float32."""
    return layer(F.pad(x, (border,) * 4, "reflect"))


def normalized(x: Tensor) -> Tensor:
    """Every channel of every picture by its mean and spread, without what is below 0: N×C×H×W float32."""
    return torch.relu(F.instance_norm(x))


class Block(nn.Module):
    """Two convolutions whose result is added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_block = nn.ModuleDict({"1": nn.Conv2d(width, width, 3), "5": nn.Conv2d(width, width, 3)})

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        y = normalized(mirrored(self.conv_block["1"], x, 1))
        return x + F.instance_norm(mirrored(self.conv_block["5"], y, 1))
