"""Image-adaptive 3D LUTs (Zeng et al., TPAMI 2020): three tables of colors, mixed by weights that the photo decides."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE, TABLES = 33, 3
SEEN = 256
"""Side of the copy of the photo that the weights are found on."""


class AdaptiveLut(nn.Module):
    """The classifier of photos and the tables."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Upsample(size=(SEEN, SEEN), mode="bilinear")]
        for inside, outside in ((3, 16), (16, 32), (32, 64), (64, 128), (128, 128)):
            layers += [nn.Conv2d(inside, outside, 3, 2, 1), nn.LeakyReLU(0.2)]
            if inside < 128:
                layers.append(nn.InstanceNorm2d(outside, affine=True))
        self.model = nn.Sequential(*layers, nn.Dropout(0.5), nn.Conv2d(128, TABLES, 8))
        self.tables = nn.Parameter(torch.zeros(TABLES, 3, SIDE, SIDE, SIDE))

    def table(self, rgb: Tensor) -> Tensor:
        """The table for a photo of 1×3×H×W float RGB 0..1: 3×SIDE×SIDE×SIDE float, by blue, green and red."""
        return torch.einsum("k,kcbgr->cbgr", self.model(rgb).flatten(), self.tables)

    @staticmethod
    def look_up(rgb: Tensor, table: Tensor) -> Tensor:
        """The colors of the table for 1×3×H×W float RGB 0..1, interpolated; of the same shape, not clipped."""
        positions = rgb.permute(0, 2, 3, 1)[:, None] * 2 - 1  # 1×1×H×W×3, red first as grid_sample wants it
        return F.grid_sample(table[None], positions, padding_mode="border", align_corners=True)[:, :, 0]

    def forward(self, rgb: Tensor) -> Tensor:
        """1×3×H×W float RGB 0..1 → the same with retouched colors, not clipped."""
        return self.look_up(rgb, self.table(rgb))
