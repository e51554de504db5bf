"""DnCNN (Zhang et al., TIP 2017) for noise and JPEG, FFDNet (Zhang et al., TIP 2018) for noise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clarity_desktop.backend.methods.method import ComputeTarget, Method, Run
from clarity_desktop.backend.methods.network import Loaded, NetworkRun, filled
from clarity_desktop.backend.methods.prenet import NO_LICENCE
from clarity_desktop.values import Task

if TYPE_CHECKING:
    from torch import Tensor

_PAPER = "Zhang et al., Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising, TIP 2017"
LUMA = 0.299, 0.587, 0.114
"""Of JPEG (ITU-R BT.601, full range)."""


def _color(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    from clarity_desktop.backend.nets.dncnn import DnCNN

    net = filled(DnCNN(3), weights, DnCNN.load_numbered)
    return NetworkRun(Loaded(net, target.device), net)


def _luma(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    """The network sees the luma alone; the color differences of the JPEG stay as they are."""
    from clarity_desktop.backend.nets.dncnn import DnCNN

    net = filled(DnCNN(1), weights, DnCNN.load_numbered)

    def cleaned(rgb: Tensor) -> Tensor:
        luma = (rgb * rgb.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        # With the same color differences every channel changes by as much as the luma.
        return rgb + net(luma) - luma

    return NetworkRun(Loaded(net, target.device), cleaned)


def _leveled(weights: Mapping[str, Path], target: ComputeTarget, _task: Task) -> Run:
    from clarity_desktop.backend.nets.dncnn import FFDNet, noise_level

    net = filled(FFDNet(), weights, FFDNet.load_numbered)
    return NetworkRun(Loaded(net, target.device), lambda rgb: net(rgb, noise_level(rgb)))


METHODS: tuple[Method, ...] = (
    Method(
        id="dncnn",
        title="DnCNN",
        tasks=("denoise",),
        architecture="20 convolutions, 0.67 M parameters",
        licence=NO_LICENCE,
        paper=_PAPER,
        trained_on="432 photos with Gaussian noise of 0 to 55 levels",
        weights=("dncnn",),
        load=_color,
        overlap=48,
        tile=640,
        memory=760,
        speed=7.0,
    ),
    Method(
        id="ffdnet",
        title="FFDNet",
        tasks=("denoise",),
        architecture="12 convolutions at half resolution, 0.85 M parameters",
        licence=NO_LICENCE,
        paper="Zhang et al., FFDNet: Toward a Fast and Flexible Solution for CNN-Based Image Denoising, TIP 2018",
        trained_on="BSD and Waterloo photos with Gaussian noise of 0 to 75 levels",
        weights=("ffdnet",),
        load=_leveled,
        multiple_of=2,
        overlap=64,
        tile=1024,
        memory=460,
        speed=2.2,
    ),
    Method(
        id="dncnn-3",
        title="DnCNN-3",
        tasks=("dejpeg",),
        architecture="20 convolutions on the luma, 0.67 M parameters",
        licence=NO_LICENCE,
        paper=_PAPER,
        trained_on="291 photos: JPEG of quality 5 to 99, noise, reductions",
        weights=("dncnn-3",),
        load=_luma,
        overlap=48,
        tile=640,
        memory=1100,
        speed=7.0,
    ),
)
