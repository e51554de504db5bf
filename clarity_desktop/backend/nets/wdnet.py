"""WDNet (Liu et al., WACV 2021) for watermarks: where it is, how opaque and of what color, and then a refinement."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _Twice(nn.Module):
    """Two convolutions with normalization."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.double_conv(x)


class _Down(nn.Module):
    """The same at half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), _Twice(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.maxpool_conv(x)


class _Up(nn.Module):
    """Twice the size, then with the features that were there on the way down."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = _Twice(inputs, outputs)

    def forward(self, x: Tensor, finer: Tensor) -> Tensor:
        x = F.interpolate(x, size=finer.shape[-2:], mode="bilinear", align_corners=True)
        return self.conv(torch.cat([finer, x], 1))


class _Point(nn.Module):
    """A 1×1 convolution."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(64, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def _dilated(dilation: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(512, 512, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(512), nn.LeakyReLU(0.2)


def _refine(outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(128), nn.LeakyReLU(0.2), nn.Conv2d(128, outputs, 3, padding=1))


class WdNet(nn.Module):
    """21,043,848 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.inc = _Twice(3, 64)
        self.down1, self.down2, self.down3, self.down4 = (
            _Down(64, 128),
            _Down(128, 256),
            _Down(256, 512),
            _Down(512, 512),
        )
        self.up1, self.up2, self.up3, self.up4 = _Up(1024, 256), _Up(512, 128), _Up(256, 64), _Up(128, 64)
        self.dilation = nn.Sequential(*_dilated(2), *_dilated(4), *_dilated(6))
        self.outw, self.outa, self.out_mask, self.other = _Point(3), _Point(1), _Point(1), _Point(64)
        first = nn.Conv2d(70, 64, 3, padding=1), nn.BatchNorm2d(64), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 3, padding=1)
        self.post_process_1 = nn.Sequential(*first)
        self.post_process_2, self.post_process_3, self.post_process_4 = _refine(128), _refine(128), _refine(128)
        self.post_process_5 = _refine(3)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 16 → the same without the watermark, 0..1."""
        x1 = self.inc(rgb)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.up1(self.dilation(self.down4(x4)), x4)
        x = self.up4(self.up3(self.up2(x, x3), x2), x1)
        mask = torch.sigmoid(self.out_mask(x))
        opacity = mask * torch.sigmoid(self.outa(x))
        # What lies under a mark of this color and opacity.
        under = ((rgb - opacity * torch.sigmoid(self.outw(x))) / (1 - opacity + 1e-6)).clamp(0, 1)
        y1 = self.post_process_1(torch.cat([torch.sigmoid(self.other(x)), under, rgb], 1))
        y2 = self.post_process_2(y1)
        y3 = self.post_process_3(y1 + y2)
        refined = torch.sigmoid(self.post_process_5(self.post_process_4(y2 + y3) + y3))
        return refined * mask + rgb * (1 - mask)
