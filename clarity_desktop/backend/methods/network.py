"""Runs a torch network as a method: photos as tensors, and checkpoints while it computes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, Load, Run
from clarity_desktop.values import Mask, Task, Tile

if TYPE_CHECKING:
    import torch
    from torch import nn

Net = TypeVar("Net", bound="nn.Module")
Compute = Callable[["torch.Tensor"], "torch.Tensor"]
"""1×3×H×W float RGB 0..1 → 1×3×(scale·H)×(scale·W) float RGB, not clipped."""
Fill = Callable[[Any, Mapping[str, "torch.Tensor"]], object]
"""Puts the tensors of a file into a network. Raises RuntimeError for those of another network."""


class Loaded:
    """A network on its device. Every convolution begins with a checkpoint, so that no run waits long for one."""

    def __init__(self, net: nn.Module, device: str) -> None:
        import torch
        from torch import nn

        self._device = device
        self._job = threading.local()  # an interactive run may use the network while another waits in a checkpoint
        self.net = net.eval().to(device)
        for module in net.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                module.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
                module.register_forward_pre_hook(lambda _module, _inputs: self._job.current.checkpoint())

    def compute(self, tile: Tile, job: Checkpoint, function: Compute) -> Tile:
        """A function of the network on a tile, float32 H×W×3 0..1. Raises JobCancelled."""
        with self.inference(job):
            return as_tile(function(self.tensor(tile)))

    def tensor(self, tile: Tile) -> torch.Tensor:
        """A tile, float32 H×W×3, as 1×3×H×W in channels-last memory on the network's device."""
        import torch

        # A read-only tile is copied because torch warns about arrays that it could write to.
        rgb = torch.from_numpy(np.require(tile, requirements=("C", "W"))).permute(2, 0, 1)[None]
        return rgb.to(self._device)

    @contextmanager
    def inference(self, job: Checkpoint) -> Generator[None]:
        """Inside, the network may be called; its checkpoints are those of this job."""
        import torch

        outer = getattr(self._job, "current", None)
        self._job.current = job
        try:
            with torch.inference_mode():
                yield
        finally:
            self._job.current = outer


@dataclass(frozen=True, slots=True, eq=False)
class NetworkRun:
    """A Run that computes one function of a loaded network."""

    loaded: Loaded
    function: Compute

    def __call__(self, tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
        return self.loaded.compute(tile, job, self.function)


@dataclass(frozen=True, slots=True, eq=False)
class WholePhotoRun:
    """A ContextAware run: what a network finds in the whole photo decides what it does with the tiles.

    function: for a tile that is the whole photo. prepare: from an overview, 1×3×H×W float RGB 0..1, to the function for
    the photo's tiles.
    """

    loaded: Loaded
    function: Compute
    prepare: Callable[[torch.Tensor], Compute]

    def __call__(self, tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
        return self.loaded.compute(tile, job, self.function)

    def for_photo(self, overview: Tile, _mask: Mask | None, job: Checkpoint) -> Run:
        """The run for the tiles of one photo (overview: float32 H×W×3, 0..1). Raises JobCancelled."""
        with self.loaded.inference(job):
            function = self.prepare(self.loaded.tensor(overview))
        return NetworkRun(self.loaded, function)


def network(build: Callable[[], nn.Module], fill: Fill | None = None) -> Load:
    """The Load of a method whose network takes a photo and returns the result. build: makes it, with any weights."""

    def load(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
        net = filled(build(), weights, fill)
        return NetworkRun(Loaded(net, target.device), net)

    return load


def filled(net: Net, weights: Mapping[str, Path], fill: Fill | None = None) -> Net:
    """The network with the tensors of its one safetensors file. Raises ValueError for a file of another network."""
    from safetensors.torch import load_file

    [path] = weights.values()
    tensors = load_file(path)
    try:
        if fill is None:
            net.load_state_dict(tensors)
        else:
            fill(net, tensors)
    except (RuntimeError, KeyError, ValueError) as e:
        raise ValueError(f"{path} does not hold the tensors of {type(net).__name__}.") from e
    return net


def as_tile(result: torch.Tensor) -> Tile:
    """1×3×H×W of any float type and device as float32 H×W×3."""
    return np.ascontiguousarray(result[0].permute(1, 2, 0).float().cpu().numpy())
