"""clarity-all: our own quick network for many kinds of damage. It travels with the program."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, Method, Run
from clarity_desktop.values import TASKS, Mask, Task, Tile

if TYPE_CHECKING:
    import torch

    from clarity_desktop.backend.nets.clarity_all import ClarityAll, Judged


def load(weights: Mapping[str, Path], place: ComputeTarget, task: Task) -> Run:
    """The network, told its task. On processors that multiply bfloat16 its convolutions do so; what they give is a
    factor and a term for each value, applied in float32."""
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import bfloat16, clarity_all

    [path] = weights.values()
    state = {k: v.float() for k, v in load_file(path).items()}
    net = clarity_all.ClarityAll(state["head.weight"].shape[0]).eval()
    net.load_state_dict(state)
    net = net.to(place.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    number = torch.tensor([clarity_all.TASKS.index(task)], device=place.device)
    return _Loaded(net, number, bfloat16.native(place.device))


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """A Looking: the network, its task, and what it made of the whole photo if it was shown that."""

    net: ClarityAll
    number: torch.Tensor
    native: bool
    judged: Judged | None = None

    def __call__(self, tile: Tile, mask: Mask | None, breath: Checkpoint) -> Tile:
        with self._computing():
            done = self.net(*self._tensors(tile, mask), self.number, breath.checkpoint, self.judged)
        return done[0].permute(1, 2, 0).float().cpu().numpy()

    def for_photo(self, overview: Tile, mask: Mask | None, breath: Checkpoint) -> Run:
        with self._computing():
            judged = self.net.judge(*self._tensors(overview, mask), self.number, breath.checkpoint)
        return replace(self, judged=judged)

    @contextmanager
    def _computing(self) -> Generator[None]:
        import torch

        with torch.inference_mode(), torch.autocast(self.number.device.type, torch.bfloat16, enabled=self.native):
            yield

    def _tensors(self, tile: Tile, mask: Mask | None) -> tuple[torch.Tensor, torch.Tensor]:
        """1×3×H×W as the convolutions like it, and the holes."""
        import torch

        rgb = torch.from_numpy(np.require(tile, requirements=("C", "W"))).permute(2, 0, 1)[None]
        rgb = rgb.to(self.number.device)
        holes = torch.zeros_like(rgb[:, :1])
        if mask is not None:
            holes[0, 0] = torch.from_numpy((mask > 0).astype(np.float32))
        return rgb.contiguous(memory_format=torch.channels_last), holes


def _method(name: str, title: str, tasks: tuple[Task, ...], *, mask: bool = False) -> Method:
    return Method(
        id=name,
        title=title,
        tasks=tasks,
        architecture="residual U-Net, 4.1 M parameters, told its task",
        licence="MIT (trained by this project; see the model card)",
        paper="none; after Zhang et al., DRUNet (TPAMI 2021) and Perez et al., FiLM (AAAI 2018)",
        trained_on="this project's own synthesis of damage; LOL's training pairs for low light",
        weights=("clarity-all",),
        load=load,
        multiple_of=8,
        padding="reflect",
        overlap=64,
        tile=1536,
        tiling="yes",
        needs_mask=mask,
        memory=260,
        base=150_000_000,
        speed=0.9,
        residual=True,
    )


OFFERED: frozenset[Task] = frozenset({"derain", "denoise", "low_light", "overexposure", "deflare", "inpaint"})
"""Of the tasks that the network knows, those worth offering by training/bench_restorer (docs/clarity-all.md)."""

ALL = _method("clarity-all", "Clarity (quick)", tuple(t for t in TASKS if t in OFFERED and t != "inpaint"))
FILL = _method(
    "clarity-fill", "Clarity (quick), holes", tuple(t for t in TASKS if t in OFFERED & {"inpaint"}), mask=True
)
METHODS: tuple[Method, ...] = tuple(m for m in (ALL, FILL) if m.tasks)
