"""RCDNet (Wang et al., CVPR 2020) for rain: maps of where rain is and its shapes, and the photo, improved in turns."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES = 17
MAPS = DUAL = 32
"""Maps of rain, one for each shape; channels that the photo carries from stage to stage."""
SHAPE = 9
"""Side of a shape of rain in pixels."""


class _Blocks(nn.Module):
    """Four residual blocks with normalization."""

    def __init__(self, letter: str, width: int) -> None:
        super().__init__()
        for k in range(1, 5):
            first, last = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
            block = nn.Sequential(first, nn.BatchNorm2d(width), nn.ReLU(), last, nn.BatchNorm2d(width))
            self.add_module(f"res{letter}{k}", block)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.children():
            x = torch.relu(x + block(x))
        return x


class _Maps(_Blocks):
    """Rain is in few places: what is small is not rain."""

    def __init__(self) -> None:
        super().__init__("m", MAPS)
        self.tau = nn.Parameter(torch.full((1, MAPS, 1, 1), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(super().forward(x) - self.tau)


def _photo() -> _Blocks:
    return _Blocks("x", 3 + DUAL)


class RcdNet(nn.Module):
    """3,166,355 parameters; eta1 and mnet are never used."""

    def __init__(self) -> None:
        super().__init__()
        self.eta1, self.eta2, self.tau = (nn.Parameter(torch.ones(1)) for _ in range(3))
        self.eta11, self.eta12 = (nn.Parameter(torch.ones(STAGES - 1, 1)) for _ in range(2))
        self.weight0 = nn.Parameter(torch.zeros(3, MAPS, SHAPE, SHAPE))
        self.conv = nn.Parameter(torch.zeros(STAGES - 1, 3, MAPS, SHAPE, SHAPE))
        self.w_z_f = nn.Parameter(torch.zeros(DUAL, 3, 3, 3))
        self.xnet, self.mnet, self.fxnet = _photo(), _Maps(), _photo()
        self.x_stage = nn.Sequential(*(_photo() for _ in range(STAGES)))
        self.m_stage = nn.Sequential(*(_Maps() for _ in range(STAGES)))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without rain, not clipped."""
        rainy = 255 * rgb
        shapes = self.conv[1] / 10  # the same in all stages
        state = self.xnet(torch.cat([rainy, F.conv2d(rainy, self.w_z_f, padding=1)], 1))
        maps = F.conv_transpose2d(torch.relu(rainy - state[:, :3] - self.tau), self.weight0 / 10, padding=SHAPE // 2)
        for stage in range(STAGES):
            if stage:
                wrong = F.conv2d(maps, shapes, padding=SHAPE // 2) - (rainy - state[:, :3])
                back = F.conv_transpose2d(wrong, shapes, padding=SHAPE // 2)
                maps = maps - self.eta11[stage - 1] / 10 * back
            maps = self.m_stage[stage](maps)
            photo, dual = state[:, :3], state[:, 3:]
            wrong = photo - (rainy - F.conv2d(maps, shapes, padding=SHAPE // 2))
            step = self.eta12[stage - 1] if stage else self.eta2
            state = self.x_stage[stage](torch.cat([photo - step / 10 * wrong, dual], 1))
        return self.fxnet(state)[:, :3] / 255
