"""VDN (Yue et al., NeurIPS 2019) for noise that differs from place to place."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, LEVELS = 64, 4
SLOPE = 0.2


def _layer(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class _Twice(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        first, last = _layer(inputs, outputs), _layer(outputs, outputs)
        self.block = nn.Sequential(first, nn.LeakyReLU(SLOPE), last, nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        return self.block(x)


class _Up(nn.Module):
    """Twice the size, then with the features that were there on the way down."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.conv_block = nn.ConvTranspose2d(2 * width, width, 2, 2), _Twice(2 * width, width)

    def forward(self, x: Tensor, finer: Tensor) -> Tensor:
        return self.conv_block(torch.cat([self.up(x), finer], 1))


class _Noise(nn.Module):
    """The noise of each pixel, and how sure of it the network is: N×6×H×W."""

    def __init__(self) -> None:
        super().__init__()
        widths = [WIDTH * 2**level for level in range(LEVELS)]
        self.down_path = nn.ModuleList(_Twice(*pair) for pair in zip([3, *widths], widths, strict=False))
        self.up_path = nn.ModuleList(_Up(width) for width in reversed(widths[:-1]))
        self.last = _layer(WIDTH, 6)

    def forward(self, x: Tensor) -> Tensor:
        seen: list[Tensor] = []
        for down in self.down_path:
            x = down(F.avg_pool2d(seen[-1], 2) if seen else x)
            seen.append(x)
        seen.pop()
        for up in self.up_path:
            x = up(x, seen.pop())
        return self.last(x)


class Vdn(nn.Module):
    """7,816,780 parameters; SNet, which learns how strong the noise is, only served the training."""

    def __init__(self) -> None:
        super().__init__()
        self.DNet = _Noise()
        middle = (layer for _ in range(3) for layer in (_layer(WIDTH, WIDTH), nn.LeakyReLU(SLOPE)))
        layers = {"conv1": _layer(3, WIDTH), "mid_layer": nn.Sequential(*middle), "conv_last": _layer(WIDTH, 6)}
        self.SNet = nn.ModuleDict(layers)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 8 → the same without noise, not clipped."""
        return rgb - self.DNet(rgb)[:, :3]
