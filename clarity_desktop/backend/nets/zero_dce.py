"""Zero-DCE (Guo et al., CVPR 2020) and Zero-DCE++ (Li et al., TPAMI 2021): dark photos brightened by learned curves."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, ROUNDS = 32, 8
REDUCTION = 12
"""Zero-DCE++ looks at the photo reduced by this factor; sides are multiples of it."""


class _Curves(nn.Module):
    """Seven layers, the last three of which also see what the first three made."""

    def maps(self, rgb: Tensor) -> Tensor:
        """The curves' parameters, N×channels×H×W float, -1..1, of N×3×H×W float RGB 0..1."""
        layer = self.get_submodule
        first = torch.relu(layer("e_conv1")(rgb))
        second = torch.relu(layer("e_conv2")(first))
        third = torch.relu(layer("e_conv3")(second))
        fourth = torch.relu(layer("e_conv4")(third))
        x = torch.relu(layer("e_conv5")(torch.cat((third, fourth), 1)))
        x = torch.relu(layer("e_conv6")(torch.cat((second, x), 1)))
        return torch.tanh(layer("e_conv7")(torch.cat((first, x), 1)))


_CHANNELS = (3, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (WIDTH, WIDTH), (2 * WIDTH, WIDTH), (2 * WIDTH, WIDTH)


class ZeroDce(_Curves):
    """A parameter of its own for each of eight rounds."""

    def __init__(self) -> None:
        super().__init__()
        for number, (inside, outside) in enumerate((*_CHANNELS, (2 * WIDTH, 3 * ROUNDS)), 1):
            self.add_module(f"e_conv{number}", nn.Conv2d(inside, outside, 3, padding=1))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same, brighter."""
        for curve in self.maps(rgb).chunk(ROUNDS, 1):
            rgb = rgb + curve * (rgb.square() - rgb)
        return rgb


class _Separable(nn.Module):
    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.depth_conv = nn.Conv2d(inside, inside, 3, padding=1, groups=inside)
        self.point_conv = nn.Conv2d(inside, outside, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.point_conv(self.depth_conv(x))


class ZeroDcePlus(_Curves):
    """One parameter for all eight rounds, found on a small copy of the photo."""

    def __init__(self) -> None:
        super().__init__()
        for number, (inside, outside) in enumerate((*_CHANNELS, (2 * WIDTH, 3)), 1):
            self.add_module(f"e_conv{number}", _Separable(inside, outside))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of REDUCTION → the same, brighter."""
        small = F.interpolate(rgb, scale_factor=1 / REDUCTION, mode="bilinear")
        # As torch's UpsamplingBilinear2d, which the authors use: the corners are aligned.
        curve = F.interpolate(self.maps(small), size=rgb.shape[-2:], mode="bilinear", align_corners=True)
        for _ in range(ROUNDS):
            rgb = rgb + curve * (rgb.square() - rgb)
        return rgb
