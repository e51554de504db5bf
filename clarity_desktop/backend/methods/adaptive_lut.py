"""Image-adaptive 3D LUTs (Zeng et al., TPAMI 2020) for retouching."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import ComputeTarget, Method, Run
from clarity_desktop.backend.methods.network import Compute, Loaded, WholePhotoRun, filled
from clarity_desktop.values import Task

if TYPE_CHECKING:
    from torch import Tensor


def _load(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    from clarity_desktop.backend.nets.adaptive_lut import AdaptiveLut

    net = filled(AdaptiveLut(), weights)

    def prepared(overview: Tensor) -> Compute:
        table = net.table(overview)
        return lambda rgb: net.look_up(rgb, table)

    return WholePhotoRun(Loaded(net, target.device), net, prepared)


METHODS: tuple[Method, ...] = (
    Method(
        id="adaptive-lut",
        title="3D LUT",
        tasks=("retouch",),
        architecture="three color tables of 33³ and a classifier, 0.59 M parameters",
        licence="Apache-2.0",
        paper="Zeng et al., Learning Image-Adaptive 3D Lookup Tables, TPAMI 2020",
        trained_on="MIT-Adobe FiveK, expert C",
        weights=("adaptive-lut",),
        load=_load,
        memory=60,
        speed=0.2,
    ),
)
