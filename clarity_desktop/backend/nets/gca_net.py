"""GCANet (Chen et al., WACV 2019): haze by smoothed dilated convolutions and a gate over three depths."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64


class _Smooth(nn.Module):
    """One kernel for all channels, which keeps the dilated convolution after it from leaving a grid."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1, side, side))

    def forward(self, x: Tensor) -> Tensor:
        channels, side = x.shape[1], self.weight.shape[-1]
        return F.conv2d(x, self.weight.expand(channels, 1, side, side), padding=side // 2, groups=channels)


class _Block(nn.Module):
    def __init__(self, dilation: int) -> None:
        super().__init__()
        # The last block is a plain one: without dilation there is nothing to smooth.
        smooth = dilation > 1
        self.pre_conv1 = _Smooth(2 * dilation - 1) if smooth else nn.Identity()
        self.conv1 = nn.Conv2d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm1 = nn.InstanceNorm2d(WIDTH, affine=True)
        self.pre_conv2 = _Smooth(2 * dilation - 1) if smooth else nn.Identity()
        self.conv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm2 = nn.InstanceNorm2d(WIDTH, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(self.pre_conv1(x))))
        return torch.relu(x + self.norm2(self.conv2(self.pre_conv2(y))))


class GcaNet(nn.Module):
    """The network for haze: it predicts the difference from the photo."""

    def __init__(self) -> None:
        super().__init__()
        for number, (inside, stride) in enumerate(((4, 1), (WIDTH, 1), (WIDTH, 2)), 1):
            self.add_module(f"conv{number}", nn.Conv2d(inside, WIDTH, 3, stride, 1, bias=False))
        for number in range(1, 6):
            self.add_module(f"norm{number}", nn.InstanceNorm2d(WIDTH, affine=True))
        for number, dilation in enumerate((2, 2, 2, 4, 4, 4, 1), 1):
            self.add_module(f"res{number}", _Block(dilation))
        self.gate = nn.Conv2d(3 * WIDTH, 3, 3, padding=1)
        self.deconv3 = nn.ConvTranspose2d(WIDTH, WIDTH, 4, 2, 1)
        self.deconv2 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.deconv1 = nn.Conv2d(WIDTH, 3, 1)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, H and W multiples of 2 → the same without haze, not clipped."""
        photo = 255 * rgb
        x = torch.cat((photo, edges(photo)), 1) - 128
        for number in (1, 2, 3):
            x = self._normalized(number, self.get_submodule(f"conv{number}")(x))
        kept = [x]
        for number in range(1, 8):
            x = self.get_submodule(f"res{number}")(x)
            if number in {4, 7}:
                kept.append(x)
        gates = self.gate(torch.cat(kept, 1))
        x = sum((level * gates[:, k : k + 1] for k, level in enumerate(kept)), torch.zeros_like(x))
        x = self._normalized(4, self.deconv3(x))
        x = self._normalized(5, self.deconv2(x))
        return (self.deconv1(x) + photo) / 255

    def _normalized(self, number: int, x: Tensor) -> Tensor:
        return torch.relu(self.get_submodule(f"norm{number}")(x))


def edges(photo: Tensor) -> Tensor:
    """How much each pixel differs from its neighbors, mean of the channels: N×3×H×W 0..255 → N×1×H×W, float32."""
    sums = torch.zeros_like(photo)
    across = (photo[..., :, 1:] - photo[..., :, :-1]).abs()
    down = (photo[..., 1:, :] - photo[..., :-1, :]).abs()
    sums[..., :, 1:] += across
    sums[..., :, :-1] += across
    sums[..., 1:, :] += down
    sums[..., :-1, :] += down
    return sums.mean(1, keepdim=True) / 4
