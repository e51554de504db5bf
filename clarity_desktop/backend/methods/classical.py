"""Classical methods under their own names: quick, without weights, always installed.

They come after the networks in the order of preference, except for inpainting, where they are better than our own. For
a task without any other installed method one of them is the default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from clarity_desktop.backend.methods import filters
from clarity_desktop.backend.methods.method import Checkpoint, ComputeTarget, Load, Method, Run
from clarity_desktop.values import Mask, Task, Tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class _ForPhoto:
    """A ContextAware run: what it does depends on the whole photo. make: from an overview (float32 H×W×3, 0..1)."""

    make: Callable[[Tile], Run]

    def __call__(self, tile: Tile, mask: Mask | None, job: Checkpoint) -> Tile:
        return self.make(tile)(tile, mask, job)

    def for_photo(self, overview: Tile, _mask: Mask | None, job: Checkpoint) -> Run:
        """The run for the tiles of one photo. overview: float32 H×W×3, 0..1. Raises JobCancelled."""
        job.checkpoint()
        return self.make(overview)


def _load(run: Run) -> Load:
    """How a filter is loaded: it is there already."""

    def load(_weights: Mapping[str, Path], _target: ComputeTarget, _task: Task) -> Run:
        return run

    return load


def _load_tone_curve(_weights: Mapping[str, Path], _target: ComputeTarget, task: Task) -> Run:
    def make(overview: Tile) -> Run:
        gamma = filters.middle_gamma(overview)
        # A dark photo is never darkened further, nor a bright one brightened.
        gamma = min(1.0, gamma) if task == "low_light" else max(1.0, gamma)

        def run(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
            job.checkpoint()
            return np.power(tile, np.float32(gamma))

        return run

    return _ForPhoto(make)


def _dehaze(overview: Tile) -> Run:
    air: NDArray[np.float32] = filters.air_light(overview)
    return lambda tile, _mask, job: filters.remove_haze(tile, air, job)


def _relight(tile: Tile, _mask: Mask | None, job: Checkpoint) -> Tile:
    """float32 H×W×3, 0..1."""
    shadow = filters.find_shadow(tile, job)
    return tile if shadow is None else filters.relight(tile, shadow, job)


def _enlarge(tile: Tile, _mask: Mask | None, job: Checkpoint, scale: int) -> Tile:
    """float32 H×W×3 to scale·H × scale·W × 3 by Lanczos resampling over 8×8 pixels."""
    import cv2

    job.checkpoint()
    size = scale * tile.shape[1], scale * tile.shape[0]
    return cv2.resize(tile, size, interpolation=cv2.INTER_LANCZOS4).astype(np.float32, copy=False)


def _method(
    name: str,
    title: str,
    tasks: tuple[Task, ...],
    load: Load,
    paper: str,
    *,
    speed: float,
    gains: Mapping[Task, float],
    architecture: str = "classical filter",
    tiling: Literal["yes", "discouraged", "no"] = "discouraged",
    **facts: Any,
) -> Method:
    """tiling is discouraged where a filter measures the photo that it is given: noise, blur, compression, haze."""
    return Method(
        id=name, title=title, tasks=tasks, architecture=architecture, licence="MIT (no weights)", paper=paper,
        trained_on="nothing", weights=(), load=load, speed=speed, gains=gains, tiling=tiling,
        memory=facts.pop("memory", 120), base=40_000_000, **facts,
    )  # fmt: skip


def _inpainting(
    name: str, title: str, fill: filters.Fill, paper: str, *, gains: Mapping[Task, float], residual: bool
) -> Method:  # fmt: skip
    run: Run = partial(filters.fill_holes, fill=fill)
    return _method(
        name, title, tuple(gains), _load(run), paper,
        speed=1.5, gains=gains, overlap=64, needs_mask=True, residual=residual,
    )  # fmt: skip


def _lanczos(scale: int) -> Method:
    return _method(
        f"lanczos-{scale}x", f"Lanczos {scale}×", ("upscale",), _load(partial(_enlarge, scale=scale)),
        "Duchon, Lanczos Filtering in One and Two Dimensions, 1979",
        speed=0.05 * scale**2, gains={}, scale=scale, tiling="yes", tile=1024, overlap=16, memory=16 * scale**2,
    )  # fmt: skip


# Measured as described in docs/classical.md, on one core.
METHODS: tuple[Method, ...] = (
    _method(
        "nl-means", "Non-local means", ("denoise",), _load(filters.non_local_means),
        "Buades, Coll and Morel, A Non-Local Algorithm for Image Denoising, CVPR 2005",
        speed=4.0, gains={"denoise": 4.9}, overlap=32,
        residual=True,  # OpenCV computes it in 8 bits
    ),
    _method(
        "tone-curve", "Tone curve", ("low_light", "overexposure"), _load_tone_curve,
        "gamma correction to a middle brightness",
        speed=0.1, gains={"low_light": 9.8, "overexposure": 2.3}, tiling="yes", tile=2048,
    ),
    _method(
        "clahe", "CLAHE", ("low_light",), _load(filters.equalize),
        "Zuiderveld, Contrast Limited Adaptive Histogram Equalization, 1994",
        speed=0.4, gains={"low_light": 4.6},
    ),
    _method(
        "dark-channel", "Dark channel prior", ("dehaze",), _load(_ForPhoto(_dehaze)),
        "He, Sun and Tang, Single Image Haze Removal Using Dark Channel Prior, CVPR 2009",
        speed=0.3, gains={"dehaze": 6.8},
    ),
    _method(
        "richardson-lucy", "Richardson–Lucy", ("deblur",), _load(filters.deconvolve),
        "Richardson 1972 and Lucy 1974, with the width of the blur after Zhuo and Sim 2011",
        speed=2.0, gains={"deblur": 0.2}, overlap=160,
    ),
    _method(
        "shadow-relight", "Relight shadow", ("deshadow",), _load(_relight),
        "after Guo, Dai and Hoiem, Single-Image Shadow Detection and Removal using Paired Regions, CVPR 2011",
        speed=0.6, gains={"deshadow": 0.1}, tiling="no",
    ),
    _method(
        "jpeg-deblocking", "Deblocking", ("dejpeg",), _load(filters.deblock),
        "Nosratinia, Enhancement of JPEG-Compressed Images by Re-application of JPEG, 2001",
        speed=2.0, gains={"dejpeg": 0.6}, overlap=16,
        residual=True,  # JPEG has 8 bits
    ),
    _inpainting(
        "opencv-navier-stokes", "Navier–Stokes", filters.navier_stokes,
        "Bertalmío, Bertozzi and Sapiro, Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting, 2001",
        gains={"inpaint": 11.1}, residual=False,
    ),
    _inpainting(
        "opencv-telea", "Telea", filters.telea,
        "Telea, An Image Inpainting Technique Based on the Fast Marching Method, 2004",
        gains={"inpaint": 11.0, "dewatermark": 0.6}, residual=True,
    ),
    _lanczos(2),
    _lanczos(4),
)  # fmt: skip
