"""PairLIE (Fu et al., CVPR 2023): a dark photo split into light and reflectance, and put together with more light."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTH = 64
EXPONENT = 0.2
"""Of the light, as the authors use it for other photos than those of LOL (0.14 there)."""


def _layers(outside: int) -> nn.Sequential:
    widths = 3, WIDTH, WIDTH, WIDTH, WIDTH, outside
    layers: list[nn.Module] = []
    for inside, width in pairwise(widths):
        layers += [nn.ReflectionPad2d(1), nn.Conv2d(inside, width, 3), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


class _Net(nn.Module):
    """Published as a module that holds its layers under its own name."""

    def __init__(self, name: str, outside: int) -> None:
        super().__init__()
        self.name = name
        self.add_module(name, _layers(outside))

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.name)(x)


class PairLie(nn.Module):
    """Three small networks: one prepares the photo, one finds its light, one its reflectance."""

    def __init__(self) -> None:
        super().__init__()
        self.L_net, self.R_net, self.N_net = _Net("L_net", 1), _Net("R_net", 3), _Net("N_net", 3)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same, brighter, 0..1."""
        prepared = self.N_net(rgb)
        return torch.pow(self.L_net(prepared), EXPONENT) * self.R_net(prepared)
