"""The network that finds scratches, creases, dust and missing corners of old prints, designed and trained here."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MULTIPLE = 16
"""Both sides of a tile are multiples of this."""
WIDTHS = 24, 48, 72, 96


def _pair(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU(inplace=True),
        nn.Conv2d(width, width, 3, padding=1), nn.GroupNorm(8, width), nn.ReLU(inplace=True),
    )  # fmt: skip


class OldPrintMarks(nn.Module):
    """A U-Net (Ronneberger et al., MICCAI 2015) on four pixels as the channels of one; 0.4 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(_pair(c, w) for c, w in zip((12, *WIDTHS), WIDTHS, strict=False))
        self.up = nn.ModuleList(_pair(a + b, a) for a, b in pairwise(WIDTHS))
        self.last = nn.Conv2d(WIDTHS[0], 4, 1)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×1×H×W logits that a pixel is damaged. rgb: N×3×H×W float32, 0..1; H and W multiples of MULTIPLE."""
        x = F.pixel_unshuffle(rgb - 0.5, 2)
        kept: list[Tensor] = []
        for k, block in enumerate(self.down):
            x = block(x if k == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        x = kept.pop()
        for block, skip in zip(reversed(self.up), reversed(kept), strict=True):
            x = block(torch.cat((skip, F.interpolate(x, scale_factor=2.0, mode="nearest")), 1))
        return F.pixel_shuffle(self.last(x), 2)
