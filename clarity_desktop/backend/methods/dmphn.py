"""DMPHN (Zhang et al., CVPR 2019) for motion blur."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network
from clarity_desktop.backend.methods.prenet import NO_LICENCE

if TYPE_CHECKING:
    from torch import nn


def _build() -> nn.Module:
    from clarity_desktop.backend.nets.dmphn import Dmphn

    return Dmphn()


METHODS: tuple[Method, ...] = (
    Method(
        id="dmphn",
        title="DMPHN",
        tasks=("deblur",),
        architecture="encoders and decoders for quarters, halves and the whole, 5.4 M parameters",
        licence=NO_LICENCE,
        paper="Zhang et al., Deep Stacked Hierarchical Multi-Patch Network for Image Deblurring, CVPR 2019",
        trained_on="GoPro",
        weights=("dmphn",),
        load=network(_build),
        multiple_of=16,
        overlap=128,
        tile=1280,
        tiling="discouraged",  # its quarters and halves are those of what it is given
        memory=1200,
        speed=16.0,
    ),
)
