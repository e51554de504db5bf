"""The network that finds what is clicked: features of the photo once, then a mask for every set of clicks.

EfficientNet-Lite0 with its ImageNet weights sees the photo; its levels are merged from coarse to fine (Lin et al.,
CVPR 2017). A small encoder and decoder (Ronneberger et al., 2015) makes the mask from them, from maps of the clicks
(regions/click_maps.py), from how like each place is to the clicked ones by learned features, and from the mask that
the clicks correct (Sofiiuk et al., RITM, 2021).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.detector import LEVEL_STAGES, LITE0, Lite

STRIDE, GRID = 32, 4
"""The sides of the photo are multiples of STRIDE; a cell of masks and maps is GRID pixels wide."""
MAPS = 16
"""Channels of the maps of the clicks."""
LEVELS = 24, 40, 112, 320
"""Channels of the tower at 1/4, 1/8, 1/16 and 1/32."""
WIDTHS = 16, 64, 96, 96
"""Channels of the merged levels, and from the second on of encoder and decoder."""
HEAD = 24
"""Channels at 1/4, where only the edge is made: most of the work is done at 1/8 and below."""
DROPPED = 0.1
"""Share of the tower's channels that are left out at random in training."""
HEADS, DEPTH = 4, 12
"""Likenesses, and channels of each."""

Levels = tuple[Tensor, Tensor, Tensor, Tensor]


def _convolution(inside: int, outside: int, kernel: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(outside), nn.ReLU()
    )


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)


class ClarityClick(nn.Module):
    """Photo → levels → merged levels, once; merged levels, maps and clicks → the mask, for every click."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = Lite(LITE0)
        fine, second, third, coarse = WIDTHS
        self.project = nn.ModuleList(_convolution(a, b, 1) for a, b in zip(LEVELS, WIDTHS, strict=True))
        self.lower = nn.ModuleList([_convolution(third, second, 1), _convolution(coarse, third, 1)])
        self.query = nn.Conv2d(second, HEADS * DEPTH, 1)
        self.down = nn.ModuleList([
            nn.Sequential(_convolution(second + MAPS + 2 * HEADS, second), _convolution(second, second)),
            nn.Sequential(_convolution(second + third, third), _convolution(third, third)),
            nn.Sequential(_convolution(third + coarse, coarse), _convolution(coarse, coarse)),
        ])  # fmt: skip
        self.whole = nn.Linear(coarse, coarse)
        self.narrow = nn.ModuleList(
            [nn.Conv2d(second, HEAD, 1), nn.Conv2d(third, second, 1), nn.Conv2d(coarse, third, 1)]
        )
        self.up = nn.ModuleList([_convolution(second, second), _convolution(third, third)])
        self.logits = nn.Sequential(_convolution(HEAD + fine + MAPS, HEAD), nn.Conv2d(HEAD, 1, 3, padding=1))

    def levels(self, rgb: Tensor) -> Levels:
        """The tower's features (LEVELS channels) of N×3×H×W float RGB in 0..1, H and W multiples of STRIDE."""
        first = self.tower.first_blocks(rgb, 3)
        features = self.tower(first, 3)
        fine, middle, coarse = (features[k] for k in LEVEL_STAGES)
        return first, fine, middle, coarse

    def merge(self, levels: Levels) -> Levels:
        """The levels with what the coarser ones know, of WIDTHS channels; float, N×C×H/4×W/4 to N×C×H/32×W/32."""
        seen = [F.dropout2d(level, DROPPED, self.training) for level in levels]
        merged = [project(level) for project, level in zip(self.project, seen, strict=True)]
        for k in (1, 0):
            merged[k + 1] = merged[k + 1] + _enlarged(self.lower[k](merged[k + 2]), merged[k + 1])
        return merged[0], merged[1], merged[2], merged[3]

    def forward(self, merged: Levels, maps: Tensor, clicks: Tensor) -> Tensor:
        """The logits of the mask, N×H/4×W/4 float32.

        merged: of `merge`. maps: N×MAPS×H/4×W/4 float. clicks: N×K×3 int64: row and column of the cell, and 1 (inside),
        -1 (outside) or 0 (none).
        """
        maps = maps.to(merged[0].dtype)
        x = self.down[0](torch.cat((merged[1], F.avg_pool2d(maps, 2), self.likeness(merged[1], clicks)), 1))
        kept = [x]
        for down, level in zip(self.down[1:], merged[2:], strict=True):
            x = down(torch.cat((F.avg_pool2d(x, 2), level), 1))
            kept.append(x)
        x = x + self.whole(x.mean((2, 3)))[:, :, None, None]
        for k in (1, 0):
            x = self.up[k](kept[k] + _enlarged(self.narrow[k + 1](x), kept[k]))
        return self.logits(torch.cat((_enlarged(self.narrow[0](x), maps), merged[0], maps), 1))[:, 0].float()

    def likeness(self, level: Tensor, clicks: Tensor) -> Tensor:
        """The cosine with the most similar click inside, and outside: N×C×H/8×W/8 float, -1..1; -1 without any.

        level: N×C×H/8×W/8 float. clicks: N×K×3 int64, see forward.
        """
        rows, columns = level.shape[-2:]
        codes = self.query(level).unflatten(1, (HEADS, DEPTH)).flatten(3)
        sizes = codes.float().square().sum(2, keepdim=True).add(1e-6).sqrt()  # N×HEADS×1×cells
        places = (clicks[..., 0] // 2 * columns + clicks[..., 1] // 2)[:, None, None].expand(-1, HEADS, DEPTH, -1)
        clicked = F.normalize(codes.gather(3, places).float(), dim=2).to(codes.dtype)
        alike = (clicked.transpose(2, 3) @ codes).float() / sizes  # N×HEADS×K×cells
        kinds = clicks[:, None, :, 2, None]
        found = [alike.masked_fill(kinds != kind, -1).amax(2) for kind in (1, -1)]
        return torch.cat(found, 1).unflatten(2, (rows, columns)).to(level.dtype)
