"""RLFN (Kong et al., CVPRW 2022): super-resolution ×4, the entry that won the NTIRE 2022 challenge on efficiency."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, INNER, GATE = 46, 48, 16


class _Attention(nn.Module):
    """Weights for each place, from a much smaller copy of the features."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv_f = nn.Conv2d(WIDTH, GATE, 1), nn.Conv2d(GATE, GATE, 1)
        self.conv2 = nn.Conv2d(GATE, GATE, 3, 2)
        self.conv3 = nn.Conv2d(GATE, GATE, 3, padding=1)
        self.conv4 = nn.Conv2d(GATE, WIDTH, 1)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.conv1(x)
        coarse = self.conv3(F.max_pool2d(self.conv2(narrow), 7, 3))
        coarse = F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return x * torch.sigmoid(self.conv4(coarse + self.conv_f(narrow)))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1_r = nn.Conv2d(WIDTH, INNER, 3, padding=1)
        self.c2_r = nn.Conv2d(INNER, INNER, 3, padding=1)
        self.c3_r = nn.Conv2d(INNER, WIDTH, 3, padding=1)
        self.c5 = nn.Conv2d(WIDTH, WIDTH, 1)
        self.esa = _Attention()

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in (self.c1_r, self.c2_r, self.c3_r):
            y = F.leaky_relu(layer(y), 0.05)
        return self.esa(self.c5(y + x))


class Rlfn(nn.Module):
    """317,218 parameters."""

    scale = 4

    def __init__(self) -> None:
        super().__init__()
        self.fea_conv = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.B1, self.B2, self.B3, self.B4 = _Block(), _Block(), _Block(), _Block()
        self.LR_conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.upsampler = nn.Sequential(nn.Conv2d(WIDTH, 3 * self.scale**2, 3, padding=1), nn.PixelShuffle(self.scale))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides of 21 or more → N×3×4H×4W, not clipped."""
        first = self.fea_conv(255 * rgb)  # it was trained on this range
        x = self.LR_conv(self.B4(self.B3(self.B2(self.B1(first))))) + first
        return self.upsampler(x) / 255
