"""JORDER-E (Yang et al., TPAMI 2020) for rain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network
from clarity_desktop.backend.methods.prenet import NO_LICENCE

if TYPE_CHECKING:
    from torch import nn


def _build() -> nn.Module:
    from clarity_desktop.backend.nets.jorder_e import JorderE

    return JorderE()


METHODS: tuple[Method, ...] = (
    Method(
        id="jorder-e",
        title="JORDER-E",
        tasks=("derain",),
        architecture="two stages of contextual residual blocks, 0.41 M parameters",
        licence=NO_LICENCE,
        paper="Yang et al., Joint Rain Detection and Removal from a Single Image, TPAMI 2020",
        trained_on="a mixture of rain (the authors' practical model)",
        weights=("jorder-e",),
        load=network(_build),
        overlap=96,
        tile=640,
        memory=1850,
        speed=8.0,
    ),
)
