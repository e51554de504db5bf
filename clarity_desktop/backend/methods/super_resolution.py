"""Super-resolution: SPAN, RLFN, SAFMN++, and Real-ESRGAN for photos in bad condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from clarity_desktop.backend.methods.method import Method
from clarity_desktop.backend.methods.network import network

if TYPE_CHECKING:
    from torch import Tensor, nn

    from clarity_desktop.backend.nets.span import Span


def _span(scale: int) -> Callable[[], Span]:
    def build() -> Span:
        from clarity_desktop.backend.nets.span import Span

        return Span(scale, 48)

    return build


def _fill_span(net: Span, tensors: Mapping[str, Tensor]) -> None:
    net.load_published(tensors)


def _rlfn() -> nn.Module:
    from clarity_desktop.backend.nets.rlfn import Rlfn

    return Rlfn()


def _safmn() -> nn.Module:
    from clarity_desktop.backend.nets.safmn import Safmn

    return Safmn()


def _real_esrgan() -> nn.Module:
    from clarity_desktop.backend.nets.real_esrgan import RealEsrgan

    return RealEsrgan()


def _compact_esrgan() -> nn.Module:
    from clarity_desktop.backend.nets.real_esrgan import CompactEsrgan

    return CompactEsrgan()


def _fill_in_order(net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    from clarity_desktop.backend.nets.layers import load_in_order

    load_in_order(net, tensors)


def _span_facts(scale: int) -> Mapping[str, Any]:
    return {
        "id": f"span-x{scale}",
        "title": f"SPAN {scale}×",
        "weights": (f"span-x{scale}",),
        "load": network(_span(scale), _fill_span),
        "scale": scale,
    }


_ESRGAN_PAPER = (
    "Wang et al., Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data, ICCVW 2021"
)

METHODS: tuple[Method, ...] = (
    *(
        Method(
            **_span_facts(scale),
            tasks=("upscale",),
            architecture="convolutions with attention that has no parameters, 0.4 M parameters",
            licence="Apache-2.0",
            paper="Wan et al., Swift Parameter-free Attention Network for Efficient Super-Resolution, CVPRW 2024",
            trained_on="DIV2K and LSDIR",
            overlap=48,
            tile=512,
            memory=2800,
            speed=10.0,
        )
        for scale in (2, 4)
    ),
    Method(
        id="rlfn-x4",
        title="RLFN 4×",
        tasks=("upscale",),
        architecture="residual local feature network, 0.32 M parameters",
        licence="MIT",
        paper="Kong et al., Residual Local Feature Network for Efficient Super-Resolution, CVPRW 2022",
        trained_on="DIV2K and Flickr2K",
        weights=("rlfn-x4",),
        load=network(_rlfn),
        scale=4,
        multiple_of=32,
        overlap=64,
        tile=512,
        memory=2800,
        speed=5.0,
    ),
    Method(
        id="safmn-x4",
        title="SAFMN++ 4×",
        tasks=("upscale",),
        architecture="spatially adaptive feature modulation, 66,176 parameters",
        licence="Apache-2.0",
        paper="Sun et al., Spatially-Adaptive Feature Modulation for Efficient Super-Resolution, ICCV 2023",
        trained_on="LSDIR and DF2K, compressed with AVIF",
        weights=("safmn-x4",),
        load=network(_safmn),
        scale=4,
        multiple_of=16,
        overlap=64,
        tile=512,
        memory=1500,
        speed=1.5,
    ),
    Method(
        id="real-esrgan-fast-x4",
        title="Real-ESRGAN 4× (fast)",
        tasks=("upscale",),
        architecture="34 convolutions at the size of the photo, 1.2 M parameters",
        licence="BSD-3-Clause",
        paper=_ESRGAN_PAPER,
        trained_on="photos made worse in many ways at random, with a discriminator",
        weights=("real-esrgan-fast-x4",),
        load=network(_compact_esrgan),
        scale=4,
        overlap=72,
        tile=512,
        memory=2500,
        speed=30.0,
    ),
    Method(
        id="real-esrgan-x4",
        title="Real-ESRGAN 4×",
        tasks=("upscale",),
        architecture="residual dense blocks (RRDB), 16.7 M parameters",
        licence="BSD-3-Clause",
        paper=_ESRGAN_PAPER,
        trained_on="photos made worse in many ways at random, with a discriminator",
        weights=("real-esrgan-x4",),
        load=network(_real_esrgan, _fill_in_order),
        scale=4,
        overlap=64,
        tile=256,
        memory=20000,
        base=200_000_000,
        speed=500.0,
    ),
)
