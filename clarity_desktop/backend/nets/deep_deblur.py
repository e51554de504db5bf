"""DeepDeblur (Nah et al., CVPR 2017) for motion blur: three sizes of the photo, each helped by the smaller one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SCALES, BLOCKS, WIDTH = 3, 19, 64
MIDDLE = 127.5
SIGMA = 2 / 3
"""Of the blur in pixels before a picture is halved."""


def _layer(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 5, padding=2)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(_layer(WIDTH, WIDTH), nn.ReLU(), _layer(WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class _Scale(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(_layer(inputs, WIDTH), *(_Block() for _ in range(BLOCKS)), _layer(WIDTH, 3))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class _Up(nn.Module):
    """Twice the size."""

    def __init__(self) -> None:
        super().__init__()
        self.uppath = nn.Sequential(_layer(3, 12), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        return self.uppath(x)


class DeepDeblur(nn.Module):
    """11,721,321 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.body_models = nn.ModuleList(_Scale(3 if scale == SCALES - 1 else 6) for scale in range(SCALES))
        self.conv_end_models = nn.ModuleDict({str(scale): _Up() for scale in range(1, SCALES)})

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 4 → the same without blur, not clipped."""
        sizes = [255 * rgb - MIDDLE]
        while len(sizes) < SCALES:
            sizes.append(_halved(sizes[-1]))
        x = self.body_models[-1](sizes[-1])
        for scale in range(SCALES - 1, 0, -1):
            x = torch.cat([sizes[scale - 1], self.conv_end_models[str(scale)](x)], 1)
            x = self.body_models[scale - 1](x)
        return (x + MIDDLE) / 255


def _halved(x: Tensor) -> Tensor:
    """N×C×H×W → half the size after a Gaussian blur, as skimage.transform.pyramid_gaussian makes it."""
    radius = int(4 * SIGMA + 0.5)
    kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1, device=x.device) / SIGMA) ** 2)
    kernel = (kernel / kernel.sum()).view(1, 1, 1, -1).expand(x.shape[1], 1, 1, -1)
    for _ in range(2):  # along the rows, then along the columns; mirrored with the pixels of the border
        x = torch.cat([x[..., :radius].flip(-1), x, x[..., -radius:].flip(-1)], -1)
        x = F.conv2d(x, kernel, groups=x.shape[1]).transpose(2, 3)
    return F.avg_pool2d(x, 2)
