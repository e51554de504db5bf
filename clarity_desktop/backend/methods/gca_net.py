"""GCANet (Chen et al., WACV 2019) for haze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network

if TYPE_CHECKING:
    from torch import nn


def _build() -> nn.Module:
    from clarity_desktop.backend.nets.gca_net import GcaNet

    return GcaNet()


METHODS: tuple[Method, ...] = (
    Method(
        id="gcanet",
        title="GCANet",
        tasks=("dehaze",),
        architecture="smoothed dilated residual network, 0.70 M parameters",
        licence="the authors: for research only, no commercial use",
        paper="Chen et al., Gated Context Aggregation Network for Image Dehazing and Deraining, WACV 2019",
        trained_on="RESIDE indoor",
        weights=("gcanet",),
        load=network(_build),
        multiple_of=4,
        overlap=128,
        tiling="discouraged",  # its normalization takes the mean of all that it is given
        memory=1980,
        speed=8.0,
    ),
)
