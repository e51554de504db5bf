"""Real-ESRGAN (Wang et al., ICCVW 2021): super-resolution ×4 for photos in bad condition, and its compact network."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, GROWTH, BLOCKS = 64, 32, 23
SCALE = 4


class _DenseBlock(nn.Module):
    """Five convolutions, each of which sees the results of all before it."""

    def __init__(self) -> None:
        super().__init__()
        for k in range(1, 6):
            outputs = WIDTH if k == 5 else GROWTH
            self.add_module(f"conv{k}", nn.Conv2d(WIDTH + (k - 1) * GROWTH, outputs, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        seen = x
        for k in range(1, 5):
            seen = torch.cat([seen, F.leaky_relu(self.get_submodule(f"conv{k}")(seen), 0.2)], 1)
        return x + 0.2 * self.get_submodule("conv5")(seen)


class _Trunk(nn.Module):
    """Three dense blocks with a shortcut around them."""

    def __init__(self) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = _DenseBlock(), _DenseBlock(), _DenseBlock()

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.2 * self.rdb3(self.rdb2(self.rdb1(x)))


class RealEsrgan(nn.Module):
    """16,697,987 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_first = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.body = nn.Sequential(*(_Trunk() for _ in range(BLOCKS)))
        for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
            self.add_module(name, nn.Conv2d(WIDTH, WIDTH, 3, padding=1))
        self.conv_last = nn.Conv2d(WIDTH, 3, 3, padding=1)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → N×3×4H×4W, not clipped."""
        first = self.conv_first(rgb)
        x = first + self.get_submodule("conv_body")(self.body(first))
        for name in ("conv_up1", "conv_up2"):
            x = F.leaky_relu(self.get_submodule(name)(F.interpolate(x, scale_factor=2.0)), 0.2)
        return self.conv_last(F.leaky_relu(self.get_submodule("conv_hr")(x), 0.2))


class CompactEsrgan(nn.Module):
    """1,213,296 parameters: convolutions at the size of the input, on which nothing else is computed."""

    def __init__(self, convolutions: int = 32) -> None:
        super().__init__()
        widths = (3, *(WIDTH for _ in range(convolutions + 1)))
        hidden = (
            layer
            for inside, outside in pairwise(widths)
            for layer in (nn.Conv2d(inside, outside, 3, padding=1), nn.PReLU(outside))
        )
        self.body = nn.Sequential(*hidden, nn.Conv2d(WIDTH, 3 * SCALE**2, 3, padding=1))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → N×3×4H×4W, not clipped."""
        enlarged = F.interpolate(rgb, scale_factor=float(SCALE))
        return F.pixel_shuffle(self.body(rgb), SCALE) + enlarged
