"""The exposure correction of Eyiokur et al. (CVPRW 2022): the global generator of pix2pixHD."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clarity_desktop.backend.nets.generator import Block, mirrored, normalized

SIZES, BLOCKS = 4, 9
"""How often the size is halved; blocks at the smallest."""


class Exposure(nn.Module):
    """182,443,267 parameters at a width of 64. It was trained on pictures of 256×256 pixels."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        wide = [width * 2**size for size in range(SIZES + 1)]
        layers: dict[str, nn.Module] = {"1": nn.Conv2d(3, width, 7)}
        self._down = [str(4 + 3 * size) for size in range(SIZES)]
        self._blocks = [str(4 + 3 * SIZES + k) for k in range(BLOCKS)]
        self._up = [str(4 + 3 * SIZES + BLOCKS + 3 * size) for size in range(SIZES)]
        self._last = str(5 + 6 * SIZES + BLOCKS)
        for size in range(SIZES):
            layers[self._down[size]] = nn.Conv2d(wide[size], wide[size + 1], 3, 2, 1)
            layers[self._up[-1 - size]] = nn.ConvTranspose2d(wide[size + 1], wide[size], 3, 2, 1, 1)
        layers |= {name: Block(wide[-1]) for name in self._blocks}
        layers[self._last] = nn.Conv2d(width, 3, 7)
        self.model = nn.ModuleDict(layers)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 16 → the same well exposed, 0..1."""
        x = normalized(mirrored(self.model["1"], 2 * rgb - 1, 3))
        for name in self._down:
            x = normalized(self.model[name](x))
        for name in self._blocks:
            x = self.model[name](x)
        for name in self._up:
            x = normalized(self.model[name](x))
        return (torch.tanh(mirrored(self.model[self._last], x, 3)) + 1) / 2
