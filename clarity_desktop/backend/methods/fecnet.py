"""FECNet (Huang et al., ECCV 2022) for low light and for wrong exposure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network
from clarity_desktop.backend.methods.prenet import NO_LICENCE
from clarity_desktop.values import Task

if TYPE_CHECKING:
    from torch import nn

    from clarity_desktop.backend.nets.fecnet import Variant


def _builder(variant: Variant) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        from clarity_desktop.backend.nets.fecnet import FecNet

        return FecNet(variant)

    return build


def _method(name: str, title: str, tasks: tuple[Task, ...], variant: Variant, trained_on: str) -> Method:
    return Method(
        id=name,
        title=title,
        tasks=tasks,
        architecture="two stages on amplitudes and phases of the spectrum, 0.15 M parameters",
        licence=NO_LICENCE,
        paper="Huang et al., Deep Fourier-Based Exposure Correction Network, ECCV 2022",
        trained_on=trained_on,
        weights=(name,),
        load=network(_builder(variant)),
        multiple_of=4,
        overlap=128,
        tiling="discouraged",  # a spectrum is that of all that it is given
        memory=2500,
        speed=20.0,
    )


METHODS: tuple[Method, ...] = (
    _method("fecnet-exposure", "FECNet (exposure)", ("overexposure", "low_light"), "msec", "MSEC (exposure errors)"),
    _method("fecnet-low-light", "FECNet", ("low_light",), "lol", "LOL"),
)
