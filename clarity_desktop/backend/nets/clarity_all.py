"""The all-in-one restorer of this project: a residual U-Net of 3×3 convolutions, conditioned on the task.

Dense convolutions are many times faster than depthwise ones on a CPU, and without normalization layers no result
depends on the tile (after Zhang et al., DRUNet, TPAMI 2021). The task and statistics of the picture modulate each level
as in FiLM (Perez et al., AAAI 2018). The last layer gives a factor and a summand for each value, because light and haze
act mostly as factors.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.values import Task

TASKS: tuple[Task, ...] = (
    "derain", "deraindrop", "desnow", "dehaze", "deblur", "inpaint", "low_light", "overexposure", "deflare",
    "deshadow", "dewatermark", "denoise", "dejpeg",
)  # fmt: skip
"""The order of the tasks is part of the weights: the network knows a task by its index here."""
MULTIPLE = 8
"""Height and width of the input are multiples of this."""
LEAK = 0.1
"""Slope of the activations below zero; with 0, units that a large training step pushes there would never recover."""
_LOOK = 128
_VECTOR = _LOOK + len(TASKS)
Conditioning = tuple[Tensor, Tensor]
"""N×141 each, statistics of the picture and the one-hot task: for the blocks down to the first of the lowest level, and
for those after it."""


class _Block(nn.Module):
    """Two convolutions around an activation, N×C×H×W to the same shape; a vector (N×141) modulates the features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.steer = nn.Linear(_VECTOR, 2 * width)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        # FiLM: a scale and a shift for each channel.
        scale, shift = self.steer(vector)[:, :, None, None].chunk(2, 1)
        if len(x) > 1 or torch.is_grad_enabled():
            return x + self.second(F.leaky_relu(self.first(x) * (1 + scale) + shift, LEAK))
        # For one picture at inference, the modulation is folded into the convolution: one pass less over the features.
        weight, bias = self.first.weight * (1 + scale).transpose(0, 1), self.first.bias
        assert bias is not None
        weight = weight.contiguous(memory_format=torch.channels_last)
        between = F.conv2d(x, weight, bias * (1 + scale.flatten()) + shift.flatten(), padding=1)
        return self.second(F.leaky_relu_(between, LEAK)).add_(x)


class ClarityAll(nn.Module):
    """The network.

    Input: float32 RGB N×3×H×W in 0..1, missing N×1×H×W (1: missing pixel), task N int64 (index in TASKS). Output: RGB
    N×3×H×W float32, not clipped. H and W are multiples of 8.
    """

    before: Any  # lists of lists of blocks; torch says only that they are modules
    after: Any

    def __init__(self, width: int = 48, blocks: tuple[int, int, int] = (2, 2, 4)) -> None:
        super().__init__()
        sides = (width, 2 * width, 4 * width)
        self.look = nn.Sequential(nn.Linear(12, _LOOK), nn.ReLU(), nn.Linear(_LOOK, _LOOK))
        self.sense = nn.Linear(sides[2], _LOOK)
        self.head = nn.Conv2d(16, width, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in itertools.pairwise(sides))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in itertools.pairwise(sides))
        self.before = nn.ModuleList(
            nn.ModuleList(_Block(s) for _ in range(n)) for s, n in zip(sides, blocks, strict=True)
        )
        self.after = nn.ModuleList(nn.ModuleList(_Block(sides[k]) for _ in range(blocks[k])) for k in (0, 1))
        # One output layer for each task, so that learning one degradation does not disturb the others.
        self.tails = nn.ModuleList(nn.Conv2d(width, 24, 3, padding=1) for _ in TASKS)
        for module in self.modules():
            if isinstance(module, _Block):  # every block starts as the identity
                nn.init.zeros_(module.second.weight)
                nn.init.zeros_(module.steer.weight)
        for parameter in self.tails.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, rgb: Tensor, missing: Tensor, task: Tensor, checkpoint: Callable[[], None] = lambda: None,
        conditioning: Conditioning | None = None,
    ) -> Tensor:  # fmt: skip
        """Restore N×3×H×W float32 0..1 for a task; returns the same shape.

        conditioning: that of the whole picture if rgb is a tile of it; None: rgb is the whole picture.
        """
        visible = rgb * (1 - missing)
        vector = conditioning[0] if conditioning else self._first_vector(visible, task)
        x, skips = self._descend(visible, missing, vector, checkpoint)
        vector = conditioning[1] if conditioning else self._second_vector(vector, x)
        _, *rest = self.before[2]
        x = _apply(rest, x, vector, checkpoint)
        for level in (1, 0):
            x = self.up[level](x) + skips.pop()
            x = _apply(self.after[level], x, vector, checkpoint)
        last = torch.cat([self.tails[k](features[None]) for k, features in zip(task.tolist(), x, strict=True)])
        # In float32: the product with the input needs more than the 8 bits of bfloat16.
        factor, summand = F.pixel_shuffle(last.float(), 2).chunk(2, 1)
        return visible * (1 + factor) + summand

    def condition(
        self, rgb: Tensor, missing: Tensor, task: Tensor, checkpoint: Callable[[], None] = lambda: None
    ) -> Conditioning:
        """The conditioning that `forward` computes for a whole picture: N×3×H×W float32 0..1."""
        visible = rgb * (1 - missing)
        vector = self._first_vector(visible, task)
        x, _ = self._descend(visible, missing, vector, checkpoint)
        return vector, self._second_vector(vector, x)

    def _first_vector(self, visible: Tensor, task: Tensor) -> Tensor:
        look = self.look(_statistics(visible))
        return torch.cat((look, F.one_hot(task, len(TASKS)).to(look.dtype)), 1)

    def _second_vector(self, vector: Tensor, x: Tensor) -> Tensor:
        return vector + F.pad(self.sense(x.mean((2, 3))), (0, len(TASKS)))

    def _descend(
        self, visible: Tensor, missing: Tensor, vector: Tensor, checkpoint: Callable[[], None]
    ) -> tuple[Tensor, list[Tensor]]:
        """Features after the first of the lowest blocks, and those of the levels above."""
        # Half resolution from the start: four times fewer positions at full width.
        x = self.head(F.pixel_unshuffle(torch.cat((visible - 0.5 * (1 - missing), missing), 1), 2))
        skips: list[Tensor] = []
        for level in range(2):
            x = _apply(self.before[level], x, vector, checkpoint)
            skips.append(x)
            x = self.down[level](x)
        return _apply(self.before[2][:1], x, vector, checkpoint), skips


def _apply(blocks: Iterable[nn.Module], x: Tensor, vector: Tensor, checkpoint: Callable[[], None]) -> Tensor:
    for block in blocks:
        checkpoint()
        x = block(x, vector)
    return x


def _statistics(rgb: Tensor) -> Tensor:
    """N×12: mean, deviation, and the mean of the darkest and brightest parts of each channel."""
    # 16×16 means are robust against noise and independent of the size.
    small = F.adaptive_avg_pool2d(rgb, 16).flatten(2)
    ordered = small.sort(2).values
    return torch.cat((small.mean(2), small.std(2), ordered[..., :26].mean(2), ordered[..., -26:].mean(2)), 1)
