"""The bundled quick networks, trained by this project: clarity-all for many degradations, others for a few each."""

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

    from clarity_desktop.backend.nets.clarity_all import ClarityAll, Conditioning


def load(weights: Mapping[str, Path], target: ComputeTarget, task: Task) -> Run:
    """Load the network for one task.

    On processors with native bfloat16 the convolutions compute in it. They predict a factor and an offset for each
    value, which are applied in float32.
    """
    import torch
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import bfloat16, clarity_all

    [path] = weights.values()
    state = {k: v.float() for k, v in load_file(path).items()}
    net = clarity_all.ClarityAll(state["head.weight"].shape[0]).eval()
    net.load_state_dict(state)
    net = net.to(target.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    task_number = torch.tensor([clarity_all.TASKS.index(task)], device=target.device)
    return _Loaded(net, task_number, bfloat16.native(target.device))


@dataclass(frozen=True, slots=True, eq=False)
class _Loaded:
    """A ContextAware run: the network, its task, and the global features of the photo from `for_photo`."""

    net: ClarityAll
    task_number: torch.Tensor
    bfloat16: bool
    conditioning: Conditioning | None = None

    def __call__(self, tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        with self._inference():
            results = self.net(*self._tensors(tile, mask), self.task_number, job.checkpoint, self.conditioning)
        return results[0].permute(1, 2, 0).float().cpu().numpy()

    def for_photo(self, overview: Tile, mask: Mask | None, job: Checkpoint) -> Run:
        """The run for the tiles of one photo. overview: float32 H×W×3 0..1; mask: uint8 H×W. Raises JobCancelled."""
        with self._inference():
            conditioning = self.net.condition(*self._tensors(overview, mask), self.task_number, job.checkpoint)
        return replace(self, conditioning=conditioning)

    @contextmanager
    def _inference(self) -> Generator[None]:
        import torch

        with (
            torch.inference_mode(),
            torch.autocast(self.task_number.device.type, torch.bfloat16, enabled=self.bfloat16),
        ):
            yield

    def _tensors(self, tile: Tile, mask: Mask | None) -> tuple[torch.Tensor, torch.Tensor]:
        """The tile as float32 1×3×H×W in channels-last memory, and the mask as float32 1×1×H×W, 1 where to fill."""
        import torch

        rgb = torch.from_numpy(np.require(tile, requirements=("C", "W"))).permute(2, 0, 1)[None]
        rgb = rgb.to(self.task_number.device)
        fill = torch.zeros_like(rgb[:, :1])
        if mask is not None:
            fill[0, 0] = torch.from_numpy((mask > 0).astype(np.float32))
        return rgb.contiguous(memory_format=torch.channels_last), fill


GAINS: Mapping[Task, float] = {
    "derain": 3.7, "denoise": 5.3, "low_light": 9.9, "overexposure": 9.0, "deflare": 2.4, "inpaint": 8.1,
    "desnow": 1.8, "dehaze": 1.7, "deraindrop": 0.0, "dewatermark": 0.0,
}  # fmt: skip
"""Of the benchmark of the restorer (docs/clarity-all.md); rain and noise on the photos of docs/maxim.md, to compare."""


def _method(
    name: str, title: str, tasks: tuple[Task, ...],
    *, weights: str = "clarity-all", gains: Mapping[Task, float] = GAINS, needs_mask: bool = False,
) -> Method:  # fmt: skip
    return Method(
        id=name,
        title=title,
        tasks=tasks,
        architecture="residual U-Net, 4.1 M parameters, conditioned on the task",
        licence="MIT (trained by this project; see the model card)",
        paper="none; after Zhang et al., DRUNet (TPAMI 2021) and Perez et al., FiLM (AAAI 2018)",
        trained_on="synthetic degradations of this project; the LOL training pairs for low light",
        weights=(weights,),
        load=load,
        multiple_of=8,
        padding="reflect",
        overlap=64,
        tile=1536,
        tiling="yes",
        needs_mask=needs_mask,
        # Measured: peak memory per pixel of a tile, and what does not depend on its size.
        memory=260,
        base=150_000_000,
        speed=0.9,
        gains={task: gain for task, gain in gains.items() if task in tasks},
        residual=True,
    )


OFFERED: frozenset[Task] = frozenset({"derain", "denoise", "low_light", "overexposure", "deflare", "inpaint"})
"""The tasks of the network with a benefit in the benchmark of the restorer (docs/clarity-all.md)."""
STOPGAPS: frozenset[Task] = frozenset({"desnow", "dehaze", "deraindrop", "dewatermark"})
"""Tasks with less benefit than the benchmark asks for, for which there is no better method that leaves undamaged photos
as they are. What they gain is shown; Auto does not try those that gain nothing (`auto/choice.py`)."""

ALL = _method("clarity-all", "Quick", tuple(t for t in TASKS if t in OFFERED | STOPGAPS and t != "inpaint"))
FILL = _method(
    "clarity-fill",
    "Quick (fill)",
    tuple(t for t in TASKS if t in OFFERED & {"inpaint"}),
    needs_mask=True,
)
# The same network, trained further on a few degradations, against which it is better than clarity-all.
DENOISE = _method(
    "clarity-denoise", "Quick (noise)", ("denoise",), weights="clarity-denoise", gains={"denoise": 8.6}
)  # fmt: skip
WEATHER = _method(
    "clarity-weather", "Quick (weather)", ("derain", "desnow", "dehaze"), weights="clarity-weather",
    gains={"derain": 4.7, "desnow": 4.6, "dehaze": 2.2},
)  # fmt: skip
JPEG = _method("clarity-jpeg", "Quick (JPEG)", ("dejpeg",), weights="clarity-jpeg", gains={"dejpeg": 1.3})
METHODS: tuple[Method, ...] = tuple(m for m in (DENOISE, WEATHER, JPEG, ALL, FILL) if m.tasks)
