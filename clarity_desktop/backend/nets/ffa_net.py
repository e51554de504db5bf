"""FFA-Net (Qin et al., AAAI 2020) for haze: 57 blocks at the photo's size, their channels and pixels weighted."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from clarity_desktop.backend.nets.gates import Gate

WIDTH, GROUPS, BLOCKS = 64, 3, 19
MEAN, SPREAD = (0.64, 0.6, 0.58), (0.14, 0.15, 0.152)
"""Of red, green and blue in the photos of the training."""


def _layer(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _layer(WIDTH, WIDTH), _layer(WIDTH, WIDTH)
        self.calayer, self.palayer = Gate("ca", WIDTH, 8, WIDTH), Gate("pa", WIDTH, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.palayer(self.calayer(self.conv2(x + torch.relu(self.conv1(x)))))


class _Group(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gp = nn.Sequential(*(_Block() for _ in range(BLOCKS)), _layer(WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.gp(x)


class FfaNet(nn.Module):
    """4,455,913 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.pre = nn.Sequential(_layer(3, WIDTH))
        for number in range(1, GROUPS + 1):
            self.add_module(f"g{number}", _Group())
        narrow, wide = nn.Conv2d(GROUPS * WIDTH, WIDTH // 16, 1), nn.Conv2d(WIDTH // 16, GROUPS * WIDTH, 1)
        self.ca = nn.ModuleDict({"1": narrow, "3": wide})
        self.palayer = Gate("pa", WIDTH, 8, 1)
        self.post = nn.Sequential(_layer(WIDTH, WIDTH), _layer(WIDTH, 3))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without haze, not clipped."""
        mean, spread = (torch.tensor(values, device=rgb.device).view(1, 3, 1, 1) for values in (MEAN, SPREAD))
        photo = (rgb - mean) / spread
        x = self.pre(photo)
        found: list[Tensor] = []
        for number in range(1, GROUPS + 1):
            x = self.get_submodule(f"g{number}")(x)
            found.append(x)
        means = torch.cat(found, 1).mean((2, 3), keepdim=True)
        weights = torch.sigmoid(self.ca["3"](torch.relu(self.ca["1"](means)))).chunk(GROUPS, 1)
        x = sum((weight * part for weight, part in zip(weights, found, strict=True)), torch.zeros_like(x))
        return self.post(self.palayer(x)) + photo
