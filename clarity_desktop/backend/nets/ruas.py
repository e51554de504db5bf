"""RUAS (Liu et al., CVPR 2021): the light of a dark photo estimated in three rounds by cells found by search."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Cell = tuple[str, str, str, str, str, str, str]
"""The operations of a cell, in order: kept and passed on of three rounds, and the last."""
LIGHT: Cell = "skip", "residual 1", "residual 3", "plain 3", "plain 3", "skip", "plain 3"
NOISE: Cell = "residual 1", "residual 1", "residual 3", "skip", "residual 1", "residual 1", "skip"
"""As published. A residual operation of 3×3 is dilated."""


class _Operation(nn.Module):
    def __init__(self, kind: str, width: int) -> None:
        super().__init__()
        name, side = kind.split()
        self.residual = name == "residual"
        dilation = 2 if self.residual and side == "3" else 1
        self.op = nn.Conv2d(width, width, int(side), padding=dilation * (int(side) // 2), dilation=dilation)

    def forward(self, x: Tensor) -> Tensor:
        return self.op(x) + x if self.residual else self.op(x)


class _SearchedCell(nn.Module):
    def __init__(self, width: int, cell: Cell) -> None:
        super().__init__()
        for name, kind in zip(("c1_d", "c1_r", "c2_d", "c2_r", "c3_d", "c3_r", "c4"), cell, strict=True):
            self.add_module(name, nn.Identity() if kind == "skip" else _Operation(kind, width))
        self.c5 = nn.Conv2d(4 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for number in (1, 2, 3):
            kept.append(self._activated(self.get_submodule(f"c{number}_d")(x)))
            x = self._activated(self.get_submodule(f"c{number}_r")(x) + x)
        kept.append(self._activated(self.get_submodule("c4")(x)))
        return self.c5(torch.cat(kept, 1))

    @staticmethod
    def _activated(x: Tensor) -> Tensor:
        return F.leaky_relu(x, 0.05)


class _Round(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = _SearchedCell(3, LIGHT)


class _Light(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.iems = nn.ModuleList(_Round() for _ in range(3))


class _Noise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1)
        self.nrms = nn.ModuleList(_SearchedCell(6, NOISE) for _ in range(3))
        self.activate = nn.Sequential(nn.Conv2d(6, 3, 3, padding=1))


class Ruas(nn.Module):
    """denoise: whether the last network removes noise, as the authors do with their model for LOL."""

    def __init__(self, *, denoise: bool) -> None:
        super().__init__()
        self.denoise = denoise
        self.enhance_net, self.denoise_net = _Light(), _Noise()

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same, brighter, not clipped."""
        result = rgb
        for number, step in enumerate(self.enhance_net.iems):
            guess = _brightest(result) - 0.5 * (result - rgb) if number else _brightest(rgb)
            light = torch.sigmoid(step.get_submodule("cell")(guess)).clamp(0.001, 1)
            result = (rgb / light).clamp(0, 1)
        if not self.denoise:
            return result
        features = self.denoise_net.stem(result)
        for cell in self.denoise_net.nrms:
            features = cell(features)
        return result - self.denoise_net.activate(features)


def _brightest(x: Tensor) -> Tensor:
    """The maximum of each pixel and its neighbors below and to the right, beyond the edge black; N×3×H×W float."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 2, stride=1)
