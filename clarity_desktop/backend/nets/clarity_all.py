"""Our own all-in-one restorer: a residual U-Net of dense 3×3 convolutions behind a pixel-unshuffle, told its task.

Dense convolutions run at many times the speed of depthwise ones on a processor, and without normalisation there is
nothing that depends on the tile; so it is the shape that carries the most for a second of the user's time (after
Zhang et al., DRUNet, TPAMI 2021; the task and the picture's own statistics steer each level as in FiLM, Perez et al.,
AAAI 2018). The last layer gives a factor and a term for each value: light and haze are mostly factors.
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
"""In the order of the degradations that they answer; the network knows a task by its place here."""
MULTIPLE = 8
"""Both sides of what it is given are multiples of this."""
LEAK = 0.1
"""Of the activations below zero: with none, what a large step of training pushes there stays silent for good."""
_LOOK = 128
_VECTOR = _LOOK + len(TASKS)
Judged = tuple[Tensor, Tensor]
"""N×141 each, what the picture looks like and 1 at the task's place: what steers the blocks down to the first of the
lowest, and what steers those after it."""


class _Block(nn.Module):
    """Two convolutions around an activation; the features between are scaled and shifted by the picture's vector."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.steer = nn.Linear(_VECTOR, 2 * width)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        scale, shift = self.steer(vector)[:, :, None, None].chunk(2, 1)
        if len(x) > 1 or torch.is_grad_enabled():
            return x + self.second(F.leaky_relu(self.first(x) * (1 + scale) + shift, LEAK))
        # One picture, and nothing to learn: steered by the convolution's own weights, the features need no pass more.
        weight, bias = self.first.weight * (1 + scale).transpose(0, 1), self.first.bias
        assert bias is not None
        weight = weight.contiguous(memory_format=torch.channels_last)
        between = F.conv2d(x, weight, bias * (1 + scale.flatten()) + shift.flatten(), padding=1)
        return self.second(F.leaky_relu_(between, LEAK)).add_(x)


class ClarityAll(nn.Module):
    """float32 RGB N×3×H×W in 0..1, holes N×1×H×W (1: lost), task N (place in TASKS) → RGB of the same size."""

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
        # One a task: what is learnt of one kind of damage need not wait until it leaves the others' alone.
        self.tails = nn.ModuleList(nn.Conv2d(width, 24, 3, padding=1) for _ in TASKS)
        for module in self.modules():
            if isinstance(module, _Block):  # every block starts as the identity
                nn.init.zeros_(module.second.weight)
                nn.init.zeros_(module.steer.weight)
        for parameter in self.tails.parameters():
            nn.init.zeros_(parameter)

    def forward(
        self, rgb: Tensor, holes: Tensor, task: Tensor, checkpoint: Callable[[], None] = lambda: None,
        judged: Judged | None = None,
    ) -> Tensor:  # fmt: skip
        """judged: what `judge` made of the whole picture, where rgb is a part of it; None: rgb is the whole."""
        seen = rgb * (1 - holes)
        vector = judged[0] if judged else self._at_first_sight(seen, task)
        x, skips = self._descended(seen, holes, vector, checkpoint)
        vector = judged[1] if judged else self._at_second_sight(vector, x)
        _, *rest = self.before[2]
        x = _through(rest, x, vector, checkpoint)
        for level in (1, 0):
            x = self.up[level](x) + skips.pop()
            x = _through(self.after[level], x, vector, checkpoint)
        last = torch.cat([self.tails[k](one[None]) for k, one in zip(task.tolist(), x, strict=True)])
        factor, term = F.pixel_shuffle(last.float(), 2).chunk(2, 1)
        return seen * (1 + factor) + term

    def judge(self, rgb: Tensor, holes: Tensor, task: Tensor, checkpoint: Callable[[], None] = lambda: None) -> Judged:
        """What steers the blocks, as `forward` finds it by itself."""
        seen = rgb * (1 - holes)
        vector = self._at_first_sight(seen, task)
        x, _ = self._descended(seen, holes, vector, checkpoint)
        return vector, self._at_second_sight(vector, x)

    def _at_first_sight(self, seen: Tensor, task: Tensor) -> Tensor:
        look = self.look(_statistics(seen))
        return torch.cat((look, F.one_hot(task, len(TASKS)).to(look.dtype)), 1)

    def _at_second_sight(self, vector: Tensor, x: Tensor) -> Tensor:
        return vector + F.pad(self.sense(x.mean((2, 3))), (0, len(TASKS)))

    def _descended(
        self, seen: Tensor, holes: Tensor, vector: Tensor, checkpoint: Callable[[], None]
    ) -> tuple[Tensor, list[Tensor]]:
        """Features after the first of the lowest blocks, and those of the levels above."""
        x = self.head(F.pixel_unshuffle(torch.cat((seen - 0.5 * (1 - holes), holes), 1), 2))
        skips: list[Tensor] = []
        for level in range(2):
            x = _through(self.before[level], x, vector, checkpoint)
            skips.append(x)
            x = self.down[level](x)
        return _through(self.before[2][:1], x, vector, checkpoint), skips


def _through(blocks: Iterable[nn.Module], x: Tensor, vector: Tensor, checkpoint: Callable[[], None]) -> Tensor:
    for block in blocks:
        checkpoint()
        x = block(x, vector)
    return x


def _statistics(rgb: Tensor) -> Tensor:
    """N×12: mean, deviation, and the mean of the darkest and brightest parts of each channel."""
    small = F.adaptive_avg_pool2d(rgb, 16).flatten(2)
    ordered = small.sort(2).values
    return torch.cat((small.mean(2), small.std(2), ordered[..., :26].mean(2), ordered[..., -26:].mean(2)), 1)
