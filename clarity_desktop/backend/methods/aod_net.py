"""AOD-Net (Li et al., ICCV 2017) for haze."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network

if TYPE_CHECKING:
    from torch import nn


def _build() -> nn.Module:
    from clarity_desktop.backend.nets.aod_net import AodNet

    return AodNet()


METHODS: tuple[Method, ...] = (
    Method(
        id="aodnet",
        title="AOD-Net",
        tasks=("dehaze",),
        architecture="five convolutions, 1,761 parameters",
        licence="MIT (M. Singal's training)",
        paper="Li et al., AOD-Net: All-in-One Dehazing Network, ICCV 2017",
        trained_on="synthetic haze on NYU2 (rooms)",
        weights=("aodnet",),
        load=network(_build),
        overlap=24,
        memory=250,
        speed=0.6,
    ),
)
