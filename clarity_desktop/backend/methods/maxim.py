"""MAXIM (Tu et al., CVPR 2022): seven published networks of one architecture, each trained for one task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, Method, Run, Viewer
from clarity_desktop.values import Mask, Task, Tile

if TYPE_CHECKING:
    import torch

    from clarity_desktop.backend.nets.maxim import Maxim

_LICENCE = "MIT (the package); the networks were published by Google Research, whose code is under Apache-2.0"
_PAPER = "Tu et al., MAXIM: Multi-Axis MLP for Image Processing, CVPR 2022"


def load(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    """Load the network of the one file in weights. Raises ValueError if the file is not a MAXIM network.

    With target.dtype "bfloat16" the residual branches compute in bfloat16 on a processor that supports it: 57 to 73 dB
    against float32, depending on the method, and less with black borders, so only for previews. CUDA and MPS always
    compute in float32.
    """
    [path] = weights.values()
    net = _network(path)
    if target.device == "cpu":
        return _on_cpu(net, target.dtype)
    return on_device(net, target.device)


def _network(path: Path) -> Maxim:
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets import maxim, maxim_weights

    state = load_file(path)
    maxim_weights.check(state, str(path))
    net = maxim.Maxim(maxim_weights.stages(state)).eval()
    net.load_state_dict(state)
    return net


def _as_tensor(tile: Tile) -> torch.Tensor:
    """The tile as float32 1×H×W×3. A read-only tile is copied because torch warns about arrays it could write to."""
    import torch

    return torch.from_numpy(np.require(tile, requirements=("C", "W")))[None]


def _on_cpu(net: Maxim, dtype: str) -> Run:
    """The implementation for processors."""
    import torch

    from clarity_desktop.backend.nets import bfloat16
    from clarity_desktop.backend.nets.maxim_cpu import CpuMaxim

    fast = CpuMaxim(net, torch.bfloat16 if runs_in_bfloat16(dtype, native=bfloat16.native()) else torch.float32)

    def run(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
        def show(share: float, draft: torch.Tensor) -> None:
            if isinstance(job, Viewer):
                job.show(share, draft.numpy())

        return fast(_as_tensor(tile), job.checkpoint, show)[0].numpy()

    return run


def runs_in_bfloat16(recorded: str, *, native: bool) -> bool:
    """Whether a step that was recorded in this type runs in bfloat16 on a processor that has it natively or not."""
    # Emulated, bfloat16 is slower than float32 and no closer to the record.
    return recorded == "bfloat16" and native


def on_device(net: Maxim, device: str) -> Run:
    """The plain module on CUDA or MPS. Not tested on such hardware."""
    import torch

    net = net.to(device)

    def synchronize(job: Checkpoint) -> None:
        # The GPU runs behind: without waiting here a cancel would only be noticed after all queued work.
        if device == "cuda":
            torch.cuda.synchronize()
        elif device == "mps":
            torch.mps.synchronize()
        job.checkpoint()

    def run(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
        with torch.inference_mode(), _exact_convolutions():
            result: torch.Tensor = net(_as_tensor(tile).to(device), lambda: synchronize(job))
            return result[0].cpu().numpy()

    return run


def _exact_convolutions() -> Any:
    """Without this cuDNN would round the factors to 10 bits of mantissa (TF32)."""
    import torch

    cudnn: Any = torch.backends.cudnn
    return cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)


GAINS: Mapping[str, float] = {"deraining": 5.8, "denoising": 6.2, "deblurring": 0.3}
"""Measured as in docs/maxim.md."""


def _method(name: str, title: str, task: Task, trained_on: str, stages: int = 2, tile: int = 0) -> Method:
    """tile 0: the result depends on the light of the whole photo, so tiles are as large as memory allows."""
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
        # Three halvings before the 8×8 blocks and grids of the deepest scale.
        multiple_of=64,
        padding="reflect",  # the published code pads with black, which the grid mixing spreads over the whole tile
        overlap=128 if stages == 2 else 64,
        tile=tile,
        tiling="yes" if tile else "discouraged",
        # Measured in float32: peak memory per pixel, and what does not depend on the size.
        memory=2700,
        base=450_000_000,
        speed=22.0 if stages == 2 else 34.0,
        gains={task: GAINS[name]} if name in GAINS else {},
        residual=False,
    )


METHODS: tuple[Method, ...] = (
    _method("deraining", "MAXIM (rain)", "derain", "Rain13k", tile=1024),
    _method("denoising", "MAXIM (noise)", "denoise", "SIDD", stages=3, tile=768),
    _method("deblurring", "MAXIM (blur)", "deblur", "GoPro", stages=3, tile=768),
    _method("dehazing-outdoor", "MAXIM (outdoor haze)", "dehaze", "RESIDE outdoor"),
    _method("dehazing-indoor", "MAXIM (indoor haze)", "dehaze", "RESIDE indoor"),
    _method("enhancement", "MAXIM (low light)", "low_light", "LOL", tile=1024),
    _method("retouching", "MAXIM (retouching)", "retouch", "MIT-Adobe FiveK"),
)
