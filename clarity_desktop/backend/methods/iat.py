"""IAT (Cui et al., BMVC 2022) for low light, and for photos that are too dark or too bright."""

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
    from clarity_desktop.backend.nets.iat import Iat

    net = filled(Iat(), weights)

    def prepared(overview: Tensor) -> Compute:
        gamma, color = net.tone(overview)
        return lambda rgb: net.lit(rgb, gamma, color)

    return WholePhotoRun(Loaded(net, target.device), net, prepared)


def _method(name: str, title: str, tasks: tuple[Task, ...], trained_on: str) -> Method:
    return Method(
        id=name,
        title=title,
        tasks=tasks,
        architecture="a local and a global branch, 91,154 parameters",
        licence="Apache-2.0",
        paper="Cui et al., You Only Need 90K Parameters to Adapt Light, BMVC 2022",
        trained_on=trained_on,
        weights=(name,),
        load=_load,
        overlap=32,
        tile=1024,
        memory=1450,
        speed=2.0,
    )


METHODS: tuple[Method, ...] = (
    _method("iat-low-light", "IAT", ("low_light",), "LOL"),
    _method("iat-exposure", "IAT (exposure)", ("overexposure", "low_light"), "MSEC (exposure errors)"),
)
