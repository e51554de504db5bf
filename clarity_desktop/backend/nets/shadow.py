"""G2R-ShadowNet (Liu et al., CVPR 2021): a marked shadow is lightened, and then fitted to what surrounds it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clarity_desktop.backend.nets.generator import Block, mirrored, normalized

BLOCKS = 9
WHITE = 0.95047, 1.0, 1.08883
"""X, Y and Z of daylight (D65)."""
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))


class _Generator(nn.Module):
    """Changes a Lab picture whose values are scaled to -1..1."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv1_b = nn.ModuleDict({"1": nn.Conv2d(inputs, 64, 7)})
        self.downconv2_b = nn.ModuleDict({"0": nn.Conv2d(64, 128, 3, 2, 1)})
        self.downconv3_b = nn.ModuleDict({"0": nn.Conv2d(128, 256, 3, 2, 1)})
        for k in range(BLOCKS):
            self.add_module(f"conv{4 + k}_b", nn.Sequential(Block(256)))
        self.upconv13_b = nn.ModuleDict({"0": nn.ConvTranspose2d(256, 128, 3, 2, 1, 1)})
        self.upconv14_b = nn.ModuleDict({"0": nn.ConvTranspose2d(128, 64, 3, 2, 1, 1)})
        self.conv15_b = nn.ModuleDict({"1": nn.Conv2d(64, 3, 7)})

    def forward(self, lab: Tensor, *more: Tensor) -> Tensor:
        x = normalized(mirrored(self.conv1_b["1"], torch.cat([lab, *more], 1), 3))
        x = normalized(self.downconv3_b["0"](normalized(self.downconv2_b["0"](x))))
        for k in range(BLOCKS):
            x = self.get_submodule(f"conv{4 + k}_b")(x)
        x = normalized(self.upconv14_b["0"](normalized(self.upconv13_b["0"](x))))
        return torch.tanh(mirrored(self.conv15_b["1"], x, 3) + lab)


class ShadowNet(nn.Module):
    """22,759,494 parameters: the authors' two files under the names netG_1 and netG_2."""

    def __init__(self) -> None:
        super().__init__()
        self.netG_1, self.netG_2 = _Generator(3), _Generator(4)

    def forward(self, rgb: Tensor, mask: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 and N×1×H×W, 1 in the shadow; sides multiples of 4 → RGB without it, not clipped."""
        shadow = (mask > 0.5).to(rgb.dtype)
        zero = torch.tensor((-1.0, 0.0, 0.0), device=rgb.device).view(1, 3, 1, 1)  # what the authors put beside a part
        lab = _to_lab(rgb)
        lighter = self.netG_1((lab - zero) * shadow + zero)
        return _to_rgb(self.netG_2(lighter + (lab - zero) * (1 - shadow) + zero, 2 * shadow - 1))


def _mixed(matrix: Tensor, x: Tensor) -> Tensor:
    return torch.einsum("ij,njhw->nihw", matrix, x)


def _to_lab(rgb: Tensor) -> Tensor:
    """N×3×H×W sRGB 0..1 → CIE Lab, scaled to -1..1."""
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    white = torch.tensor(WHITE, device=rgb.device).view(1, 3, 1, 1)
    xyz = _mixed(torch.tensor(TO_XYZ, device=rgb.device), linear) / white
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=1e-6) ** (1 / 3), 7.787 * xyz + 16 / 116).split(1, 1)
    light, a, b = 116 * y - 16, 500 * (x - y), 200 * (y - z)
    return torch.cat([light / 50 - 1, 2 * (a + 128) / 255 - 1, 2 * (b + 128) / 255 - 1], 1)


def _to_rgb(lab: Tensor) -> Tensor:
    """CIE Lab scaled to -1..1, N×3×H×W → sRGB, not clipped above."""
    light, a, b = 50 * (lab[:, :1] + 1), *((255 * (lab[:, k : k + 1] + 1) / 2 - 128) for k in (1, 2))
    y = (light + 16) / 116
    xyz = torch.cat([y + a / 500, y, (y - b / 200).clamp(min=0)], 1)
    white = torch.tensor(WHITE, device=lab.device).view(1, 3, 1, 1)
    xyz = torch.where(xyz > 0.2068966, xyz**3, (xyz - 16 / 116) / 7.787) * white
    linear = _mixed(torch.linalg.inv(torch.tensor(TO_XYZ, device=lab.device)), xyz)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=1e-6) ** (1 / 2.4) - 0.055, 12.92 * linear)
