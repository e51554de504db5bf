"""MAXIM: seven published networks of one architecture, each trained for one kind of damage."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, Method, Run
from clarity_desktop.values import Mask, Task, Tile

if TYPE_CHECKING:
    import torch

    from clarity_desktop.backend.nets.maxim import Maxim

_LICENCE = "MIT (the package); the networks were published by Google Research, whose code is under Apache-2.0"
_PAPER = "Tu et al., MAXIM: Multi-Axis MLP for Image Processing, CVPR 2022"


def load(weights: Mapping[str, Path], place: ComputeTarget, _task: Task) -> Run:
    """The network of the one file in weights. Raises ValueError if the file does not hold a MAXIM network.

    place.dtype "bfloat16" computes the residual branches in bfloat16 on the processor (57 to 73 dB against float32, by
    method; less with black borders, so for previews only) if it has bfloat16; CUDA and MPS always compute in float32.
    """
    [path] = weights.values()
    net = _network(path)
    if place.device == "cpu":
        return _on_cpu(net, place.dtype)
    return on_device(net, place.device)


def _network(path: Path) -> Maxim:
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import maxim, maxim_weights

    state = load_file(path)
    maxim_weights.check(state, str(path))
    net = maxim.Maxim(maxim_weights.stages(state)).eval()
    net.load_state_dict(state)
    return net


def _as_tensor(tile: Tile) -> torch.Tensor:
    """1×H×W×3. torch warns of arrays that it could not write to, so such a tile is copied."""
    import torch

    return torch.from_numpy(np.require(tile, requirements=("C", "W")))[None]


def _on_cpu(net: Maxim, dtype: str) -> Run:
    """The arrangement for the processor."""
    import torch

    from clarity_desktop.backend.nets import bfloat16
    from clarity_desktop.backend.nets.maxim_cpu import CpuMaxim

    # A step may have been recorded on a processor that has bfloat16; float32 gives the same picture, only closer.
    fast = CpuMaxim(net, torch.bfloat16 if dtype == "bfloat16" and bfloat16.native() else torch.float32)

    def run(tile: Tile, _mask: Mask | None, breath: Checkpoint) -> Tile:
        return fast(_as_tensor(tile), breath.checkpoint)[0].numpy()

    return run


def on_device(net: Maxim, device: str) -> Run:
    """The plain module, on CUDA or MPS; both are untried, for want of such a machine."""
    import torch

    net = net.to(device)

    def report(breath: Checkpoint) -> None:
        # Work is only queued by the calls before; waiting here keeps cancelling prompt.
        if device == "cuda":
            torch.cuda.synchronize()
        elif device == "mps":
            torch.mps.synchronize()
        breath.checkpoint()

    def run(tile: Tile, _mask: Mask | None, breath: Checkpoint) -> Tile:
        with torch.inference_mode(), _exact_convolutions():
            result: torch.Tensor = net(_as_tensor(tile).to(device), lambda: report(breath))
            return result[0].cpu().numpy()

    return run


def _exact_convolutions() -> Any:
    """cuDNN would otherwise round the factors to ten bits (TF32)."""
    import torch

    cudnn: Any = torch.backends.cudnn
    return cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


def _method(name: str, title: str, task: Task, trained_on: str, stages: int = 2, tile: int = 0) -> Method:
    """tile 0: the network judges the light of the whole picture, so that its tiles are as large as memory allows."""
    return Method(
        id=f"maxim-{name}",
        title=title,
        tasks=(task,),
        architecture=f"MAXIM-{stages}S",
        licence=_LICENCE,
        paper=_PAPER,
        trained_on=trained_on,
        weights=(f"maxim-{name}",),
        load=load,
        multiple_of=64,
        padding="reflect",  # the package fills up with black, and the grid mixing carries that into the whole picture
        overlap=128 if stages == 2 else 64,
        tile=tile,
        tiling="yes" if tile else "discouraged",
        memory=2700,
        base=300_000_000,
        speed=22.0 if stages == 2 else 34.0,
        residual=False,
    )


METHODS: tuple[Method, ...] = (
    _method("deraining", "MAXIM deraining", "derain", "Rain13k", tile=1024),
    _method("denoising", "MAXIM denoising", "denoise", "SIDD", stages=3, tile=768),
    _method("deblurring", "MAXIM deblurring", "deblur", "GoPro", stages=3, tile=768),
    _method("dehazing-outdoor", "MAXIM dehazing (outdoor)", "dehaze", "RESIDE outdoor"),
    _method("dehazing-indoor", "MAXIM dehazing (indoor)", "dehaze", "RESIDE indoor"),
    _method("enhancement", "MAXIM low-light enhancement", "low_light", "LOL", tile=1024),
    _method("retouching", "MAXIM retouching", "retouch", "MIT-Adobe FiveK"),
)
