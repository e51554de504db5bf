"""GridDehazeNet (Liu et al., ICCV 2019) for haze: a grid of three sizes by six steps, weighted at each crossing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROWS, COLUMNS, WIDTH = 3, 6, 16


class _Dense(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, WIDTH, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, torch.relu(self.conv(x))], 1)


class _Residual(nn.Module):
    """Four convolutions that each see all before them, reduced and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual_dense_layers = nn.Sequential(*(_Dense(width + k * WIDTH) for k in range(4)))
        self.conv_1x1 = nn.Conv2d(width + 4 * WIDTH, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_1x1(self.residual_dense_layers(x)) + x


class _Down(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, 2, 1)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv2(torch.relu(self.conv1(x))))


class _Up(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.deconv = nn.ConvTranspose2d(width, width, 3, 2, 1, output_padding=1)
        self.conv = nn.Conv2d(width, width // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.conv(torch.relu(self.deconv(x))))


class GridDehaze(nn.Module):
    """958,051 parameters."""

    def __init__(self) -> None:
        super().__init__()
        widths = [WIDTH * 2**row for row in range(ROWS)]
        half = COLUMNS // 2
        self.coefficient = nn.Parameter(torch.ones(ROWS, COLUMNS, 2, widths[-1]))
        self.conv_in, self.conv_out = nn.Conv2d(3, WIDTH, 3, padding=1), nn.Conv2d(WIDTH, 3, 3, padding=1)
        self.rdb_in, self.rdb_out = _Residual(WIDTH), _Residual(WIDTH)
        self.rdb_module = nn.ModuleDict(
            {f"{row}_{column}": _Residual(widths[row]) for row in range(ROWS) for column in range(COLUMNS - 1)}
        )
        self.downsample_module = nn.ModuleDict(
            {f"{row}_{column}": _Down(widths[row]) for row in range(ROWS - 1) for column in range(half)}
        )
        self.upsample_module = nn.ModuleDict(
            {f"{row}_{column}": _Up(widths[row + 1]) for row in range(ROWS - 1) for column in range(half, COLUMNS)}
        )

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 4 → the same without haze, 0 or more."""
        column = [self.rdb_in(self.conv_in(2 * rgb - 1))]
        for row in range(ROWS - 1):
            column.append(self.downsample_module[f"{row}_0"](column[row]))
        for number in range(1, COLUMNS):
            down = number < COLUMNS // 2
            along = [self.rdb_module[f"{row}_{number - 1}"](column[row]) for row in range(ROWS)]
            for row in range(1, ROWS) if down else range(ROWS - 2, -1, -1):
                other = (
                    self.downsample_module[f"{row - 1}_{number}"](along[row - 1])
                    if down
                    else self.upsample_module[f"{row}_{number}"](along[row + 1])
                )
                mine, theirs = self.coefficient[row, number, :, : other.shape[1], None, None]
                along[row] = mine * along[row] + theirs * other
            column = along
        return torch.relu(self.conv_out(self.rdb_out(column[0])))
