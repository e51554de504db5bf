"""DehazeNet (Cai et al., TIP 2016) for haze. The color of the haze is found in the whole photo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import ComputeTarget, Method, Run
from clarity_desktop.backend.methods.network import Compute, Loaded, WholePhotoRun, filled
from clarity_desktop.backend.methods.prenet import NO_LICENCE
from clarity_desktop.values import Task

if TYPE_CHECKING:
    from torch import Tensor


def _load(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    from clarity_desktop.backend.nets.dehaze_net import DehazeNet

    net = filled(DehazeNet(), weights)

    def prepared(overview: Tensor) -> Compute:
        haze = net.haze_color(overview)
        return lambda rgb: net.clear(rgb, haze)

    return WholePhotoRun(Loaded(net, target.device), net, prepared)


METHODS: tuple[Method, ...] = (
    Method(
        id="dehazenet",
        title="DehazeNet",
        tasks=("dehaze",),
        architecture="convolutions of three scales, 8,305 parameters, and a guided filter",
        licence=NO_LICENCE,
        paper="Cai et al., DehazeNet: An End-to-End System for Single Image Haze Removal, TIP 2016",
        trained_on="synthetic haze on small patches",
        weights=("dehazenet",),
        load=_load,
        minimum=16,
        overlap=240,  # the guided filter sees 100 pixels around, the network 13
        tile=1536,
        memory=900,
        speed=3.0,
    ),
)
