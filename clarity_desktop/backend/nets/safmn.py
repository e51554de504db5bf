"""SAFMN++ (Sun et al., ICCV 2023; AIS 2024): super-resolution ×4 of photos that were compressed."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, INNER = 32, 48
REDUCTION = 8


class _Modulation(nn.Module):
    """Half of the channels are weighted by what is around them."""

    def __init__(self) -> None:
        super().__init__()
        half = WIDTH // 2
        self.proj = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
        self.dwconv = nn.Conv2d(half, half, 3, padding=1, groups=half, bias=False)
        self.out = nn.Conv2d(WIDTH, WIDTH, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[-2:]
        seen, kept = self.proj(x).chunk(2, 1)
        around = self.dwconv(F.adaptive_max_pool2d(seen, (rows // REDUCTION, columns // REDUCTION)))
        around = F.interpolate(around, size=(rows, columns), mode="bilinear", align_corners=False)
        return self.out(F.gelu(torch.cat((kept, seen * F.gelu(around)), 1)))


class _Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(WIDTH, INNER, 3, padding=1, bias=False), nn.GELU(), nn.Conv2d(INNER, WIDTH, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _Modulation(), _Mixer()

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x))


class Safmn(nn.Module):
    """66,176 parameters."""

    scale = 4

    def __init__(self) -> None:
        super().__init__()
        self.to_feat = nn.Conv2d(3, WIDTH, 3, padding=1, bias=False)
        self.feats = nn.Sequential(_Block(), _Block())
        self.to_img = nn.Sequential(
            nn.Conv2d(WIDTH, 3 * self.scale**2, 3, padding=1, bias=False), nn.PixelShuffle(self.scale)
        )

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides of REDUCTION or more → N×3×4H×4W, not clipped."""
        first = self.to_feat(rgb)
        return self.to_img(self.feats(first) + first)
