"""Zero-DCE (Guo et al., CVPR 2020) and Zero-DCE++ (Li et al., TPAMI 2021) for low light."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network

if TYPE_CHECKING:
    from torch import nn

_LICENCE = "CC BY-NC 4.0: for academic research only, no commercial use"


def _build() -> nn.Module:
    from clarity_desktop.backend.nets.zero_dce import ZeroDce

    return ZeroDce()


def _build_plus() -> nn.Module:
    from clarity_desktop.backend.nets.zero_dce import ZeroDcePlus

    return ZeroDcePlus()


METHODS: tuple[Method, ...] = (
    Method(
        id="zero-dce",
        title="Zero-DCE",
        tasks=("low_light",),
        architecture="seven convolutions that make curves, 79,416 parameters",
        licence=_LICENCE,
        paper="Guo et al., Zero-Reference Deep Curve Estimation for Low-Light Image Enhancement, CVPR 2020",
        trained_on="SICE, without references",
        weights=("zero-dce",),
        load=network(_build),
        overlap=16,
        tile=1024,
        memory=1200,
        speed=1.5,
    ),
    Method(
        id="zero-dce-plus",
        title="Zero-DCE++",
        tasks=("low_light",),
        architecture="seven separable convolutions on a small copy, 10,561 parameters",
        licence=_LICENCE,
        paper="Li et al., Learning to Enhance Low-Light Image via Zero-Reference Deep Curve Estimation, TPAMI 2021",
        trained_on="SICE, without references",
        weights=("zero-dce-plus",),
        load=network(_build_plus),
        multiple_of=12,
        overlap=192,
        tiling="discouraged",
        memory=150,
        speed=0.2,
    ),
)
