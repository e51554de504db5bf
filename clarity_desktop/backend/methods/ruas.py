"""RUAS (Liu et al., CVPR 2021) for low light: three networks of one architecture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network
from clarity_desktop.backend.methods.prenet import NO_LICENCE

if TYPE_CHECKING:
    from torch import nn


def _builder(*, denoise: bool) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        from clarity_desktop.backend.nets.ruas import Ruas

        return Ruas(denoise=denoise)

    return build


def _method(name: str, title: str, trained_on: str) -> Method:
    return Method(
        id=f"ruas-{name}",
        title=title,
        tasks=("low_light",),
        architecture="three rounds of cells found by search, 3,438 parameters",
        licence=NO_LICENCE,
        paper="Liu et al., Retinex-Inspired Unrolling with Cooperative Prior Architecture Search, CVPR 2021",
        trained_on=trained_on,
        weights=(f"ruas-{name}",),
        load=network(_builder(denoise=name == "lol")),
        overlap=64,
        tile=1024,
        memory=750 if name == "lol" else 300,
        speed=0.8,
    )


METHODS: tuple[Method, ...] = (
    _method("upe", "RUAS (slightly dark)", "MIT-Adobe FiveK, without references"),
    _method("lol", "RUAS (very dark, noisy)", "LOL, without references"),
    _method("dark", "RUAS (night)", "DarkFace, without references"),
)
