"""PReNet (Ren et al., CVPR 2019) for rain: three networks of synthetic rain, two for real photos, and VRGNet's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Load, Method
from clarity_desktop.backend.methods.network import network

if TYPE_CHECKING:
    from torch import nn

NO_LICENCE = "none stated: all rights reserved; for private use and research"
_PAPER = "Ren et al., Progressive Image Deraining Networks, CVPR 2019"
_VRG_PAPER = "Wang et al., From Rain Generation to Rain Removal, CVPR 2021"


def _prenet() -> nn.Module:
    from clarity_desktop.backend.nets.prenet import PReNet

    return PReNet()


def _real() -> nn.Module:
    from clarity_desktop.backend.nets.prenet import RealPReNet

    return RealPReNet()


def _vrgnet() -> nn.Module:
    from clarity_desktop.backend.nets.prenet import VRGNet

    return VRGNet()


def _method(name: str, title: str, trained_on: str, load: Load, stages: int = 6, paper: str = _PAPER) -> Method:
    return Method(
        id=name,
        title=title,
        tasks=("derain",),
        architecture=f"recurrent residual network of {stages} stages, 0.17 M parameters",
        licence=NO_LICENCE,
        paper=paper,
        trained_on=trained_on,
        weights=(name,),
        load=load,
        overlap=26 * stages,  # a stage sees 13 pixels around
        tile=640,
        memory=1570,
        speed=SPEED * stages / 6,
    )


SPEED = 13.0
METHODS: tuple[Method, ...] = (
    _method("prenet-real", "PReNet (real rain)", "rain photos, not described further", network(_real), 4),
    _method("prenet-real-1", "PReNet (real rain, first)", "rain photos, not described further", network(_real), 4),
    _method("prenet-rain100h", "PReNet (heavy rain)", "RainTrainH (Rain100H)", network(_prenet)),
    _method("prenet-rain1400", "PReNet (varied rain)", "Rain12600 (Rain1400)", network(_prenet)),
    _method("prenet-rain100l", "PReNet (light rain)", "RainTrainL (Rain100L)", network(_prenet)),
    _method("vrgnet", "VRGNet", "SPA-Data (real rain)", network(_vrgnet), paper=_VRG_PAPER),
)
