"""SPAN (Wan et al., CVPRW 2024): super-resolution, the entry that won the NTIRE 2024 challenge on efficiency."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.layers import load_in_order

MEAN = 0.4488, 0.4371, 0.4040
"""Mean color of DIV2K, which was subtracted in training."""
BLOCKS = 6


class _Block(nn.Module):
    """Three convolutions; the last one also says, without parameters of its own, where their result matters."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c1, self.c2, self.c3 = (nn.Conv2d(width, width, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """N×width×H×W → the result, and the features after the first convolution."""
        first = F.silu(self.c1(x))
        last = self.c3(F.silu(self.c2(first)))
        return (last + x) * (torch.sigmoid(last) - 0.5), first


class Span(nn.Module):
    """0.41 M parameters at the width of 48, 0.48 M at 52; each published 3×3 convolution is merged from several."""

    def __init__(self, scale: int, width: int) -> None:
        super().__init__()
        self.scale = scale
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(BLOCKS))
        self.last = nn.Conv2d(width, width, 3, padding=1)
        self.merge = nn.Conv2d(4 * width, width, 1)
        self.upsample = nn.Conv2d(width, 3 * scale**2, 3, padding=1)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → N×3×scale·H×scale·W, not clipped."""
        mean = torch.tensor(MEAN, device=rgb.device).view(1, 3, 1, 1)
        start = x = self.first(255 * (rgb - mean))
        results: list[Tensor] = []
        inner = x
        for block in self.blocks:
            x, inner = block(x)
            results.append(x)
        x = self.merge(torch.cat([start, self.last(x), results[0], inner], 1))
        return F.pixel_shuffle(self.upsample(x), self.scale)

    def load_published(self, tensors: Mapping[str, Tensor]) -> None:
        """Load numbered tensors (float32 of any shape): the mean color, then convolutions in the order of use.

        Raises RuntimeError, KeyError or ValueError for those of another network.
        """
        tensors = dict(tensors)
        if not torch.allclose(tensors.pop("000.data"), torch.tensor(MEAN), atol=1e-3):
            raise ValueError("The mean color is another.")
        load_in_order(self, tensors, 1)
