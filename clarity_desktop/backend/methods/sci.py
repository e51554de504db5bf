"""SCI (Ma et al., CVPR 2022) for low light: three networks, for slightly dark to very dark photos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network

if TYPE_CHECKING:
    from torch import Tensor

    from clarity_desktop.backend.nets.sci import Sci


def _build() -> Sci:
    from clarity_desktop.backend.nets.sci import Sci

    return Sci()


def _fill(net: Sci, tensors: Mapping[str, Tensor]) -> None:
    net.load_published(tensors)


def _method(name: str, title: str, trained_on: str) -> Method:
    return Method(
        id=f"sci-{name}",
        title=title,
        tasks=("low_light",),
        architecture="three convolutions, 258 parameters",
        licence="MIT",
        paper="Ma et al., Toward Fast, Flexible, and Robust Low-Light Image Enhancement, CVPR 2022",
        trained_on=trained_on,
        weights=(f"sci-{name}",),
        load=network(_build, _fill),
        overlap=8,
        memory=80,
        speed=0.3,
    )


METHODS: tuple[Method, ...] = (
    _method("medium", "SCI (dark)", "LOL and LSRW, without references"),
    _method("easy", "SCI (slightly dark)", "MIT-Adobe FiveK, without references"),
    _method("difficult", "SCI (very dark)", "DarkFace, without references"),
)
