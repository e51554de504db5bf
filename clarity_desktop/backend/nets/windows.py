"""Attention inside square windows of a picture, as in Swin Transformers."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def cut(x: Tensor, side: int) -> Tensor:
    """N×H×W×C float32, H and W multiples of side → (N·windows)×side²×C."""
    n, h, w, c = x.shape
    x = x.view(n, h // side, side, w // side, side, c).transpose(2, 3)
    return x.reshape(-1, side**2, c)


def joined(windows: Tensor, height: int, width: int) -> Tensor:
    """Windows as `cut` makes them, M×side²×C float32 → N×height×width×C."""
    _, places, c = windows.shape
    side = round(places**0.5)
    x = windows.view(-1, height // side, width // side, side, side, c).transpose(2, 3)
    return x.reshape(-1, height, width, c)


def offsets(side: int) -> Tensor:
    """The number of the offset between any two places of a window, side²×side² int64, 0..(2·side - 1)² - 1."""
    place = torch.arange(side**2)
    row, column = place // side, place % side
    down, right = (axis[:, None] - axis[None] + side - 1 for axis in (row, column))
    return down * (2 * side - 1) + right


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """M×side²×C float32 each; bias: to add, 1 or M×heads×side²×side² → M×side²×C."""
    parts = (x.unflatten(2, (bias.shape[1], -1)).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(*parts, attn_mask=bias).transpose(1, 2).flatten(2)


class OffsetBias(nn.Module):
    """What the offset between two places of a window adds to their attention, by head."""

    def __init__(self, side: int, heads: int) -> None:
        super().__init__()
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.register_buffer("relative_position_index", offsets(side))

    def attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """M×side²×C float32 each, and a mask to add, M×side²×side² → M×side²×C."""
        table = self.relative_position_bias_table
        bias = table[self.get_buffer("relative_position_index")].permute(2, 0, 1)[None]
        if mask is not None:
            bias = bias + mask[:, None]
        return attend(q, k, v, bias)
