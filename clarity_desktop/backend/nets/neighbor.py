"""The network of Neighbor2Neighbor (Huang et al., CVPR 2021) for noise, which was trained on noisy photos alone."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 48
LEVELS = 5


class _Up(nn.Module):
    """Twice the size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(width, width, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.deconv(x)


class Neighbor(nn.Module):
    """1,259,475 parameters."""

    def __init__(self) -> None:
        super().__init__()
        for k in range(LEVELS + 2):
            self.add_module(f"enc_conv{k}", nn.Conv2d(WIDTH if k else 3, WIDTH, 3, padding=1))
        for level in range(LEVELS, 0, -1):
            inputs = WIDTH if level == LEVELS else 2 * WIDTH
            self.add_module(f"up{level}", _Up(inputs))
            both = inputs + (WIDTH if level > 1 else 3)
            self.add_module(f"dec_conv{level}a", nn.Conv2d(both, 2 * WIDTH, 3, padding=1))
            self.add_module(f"dec_conv{level}b", nn.Conv2d(2 * WIDTH, 2 * WIDTH, 3, padding=1))
        self.nin_a, self.nin_b = nn.Conv2d(2 * WIDTH, 2 * WIDTH, 1), nn.Conv2d(2 * WIDTH, 2 * WIDTH, 1)
        self.nin_c = nn.Conv2d(2 * WIDTH, 3, 1)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 32 → the same without noise, not clipped."""
        seen = [rgb]
        x = self._layer("enc_conv0", rgb)
        for level in range(1, LEVELS + 1):
            x = F.max_pool2d(self._layer(f"enc_conv{level}", x), 2)
            seen.append(x)
        seen.pop()  # the smallest goes on
        x = self._layer(f"enc_conv{LEVELS + 1}", x)
        for level in range(LEVELS, 0, -1):
            x = torch.cat([self.get_submodule(f"up{level}")(x), seen.pop()], 1)
            x = self._layer(f"dec_conv{level}b", self._layer(f"dec_conv{level}a", x))
        return self.nin_c(self._layer("nin_b", self._layer("nin_a", x)))

    def _layer(self, name: str, x: Tensor) -> Tensor:
        return F.leaky_relu(self.get_submodule(name)(x), 0.2)
