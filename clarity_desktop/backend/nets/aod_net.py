"""AOD-Net (Li et al., ICCV 2017): haze as one factor and one offset for each value, predicted by five convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class AodNet(nn.Module):
    """1,761 parameters."""

    def __init__(self) -> None:
        super().__init__()
        for number, (inside, side) in enumerate(((3, 1), (3, 3), (6, 5), (6, 7), (12, 3)), 1):
            self.add_module(f"e_conv{number}", nn.Conv2d(inside, 3, side, padding=side // 2))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without haze, 0 or more."""
        first = self._layer(1, rgb)
        second = self._layer(2, first)
        third = self._layer(3, first, second)
        fourth = self._layer(4, second, third)
        factor = self._layer(5, first, second, third, fourth)
        return torch.relu(factor * rgb - factor + 1)

    def _layer(self, number: int, *inputs: Tensor) -> Tensor:
        return torch.relu(self.get_submodule(f"e_conv{number}")(torch.cat(inputs, 1)))
