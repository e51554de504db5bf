"""PairLIE (Fu et al., CVPR 2023) for low light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network
from clarity_desktop.backend.methods.prenet import NO_LICENCE

if TYPE_CHECKING:
    from torch import nn


def _build() -> nn.Module:
    from clarity_desktop.backend.nets.pairlie import PairLie

    return PairLie()


METHODS: tuple[Method, ...] = (
    Method(
        id="pairlie",
        title="PairLIE",
        tasks=("low_light",),
        architecture="three networks of five convolutions, 0.34 M parameters",
        licence=NO_LICENCE,
        paper="Fu et al., Learning a Simple Low-Light Image Enhancer from Paired Low-Light Instances, CVPR 2023",
        trained_on="pairs of dark photos of LOL and SICE, without references",
        weights=("pairlie",),
        load=network(_build),
        minimum=2,
        overlap=24,
        tile=640,
        memory=760,
        speed=4.0,
    ),
)
