"""FECNet (Huang et al., ECCV 2022): exposure corrected in the amplitudes of the spectrum, then detail in its phases."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kind = Literal["amplitude", "phase"]
Variant = Literal["msec", "lol"]
"""The authors' code differs between the data sets: for MSEC it keeps spectra away from 0 and their images positive."""
TINY = 1e-8


class _Spatial(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.1),
            nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(0.1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class _Spectral(nn.Module):
    def __init__(self, width: int, kind: Kind, tiny: float) -> None:
        super().__init__()
        self.kind, self.tiny = kind, tiny
        self.process = nn.Sequential(nn.Conv2d(width, width, 1), nn.LeakyReLU(0.1), nn.Conv2d(width, width, 1))

    def forward(self, spectrum: Tensor) -> Tensor:
        amplitude, phase = (spectrum + self.tiny).abs(), (spectrum + self.tiny).angle()
        if self.kind == "amplitude":
            amplitude = self.process(amplitude)
        else:
            phase = self.process(phase)
        # torch.polar would take the network's negative amplitudes for a mistake.
        return torch.complex(amplitude * phase.cos(), amplitude * phase.sin())


class _Block(nn.Module):
    """Pixels and spectrum, each processed and then given what the other found, twice."""

    def __init__(self, width: int, kind: Kind, variant: Variant) -> None:
        super().__init__()
        self.positive = variant == "msec"
        self.tiny = TINY if self.positive else 0.0
        self.fpre = nn.Conv2d(width, width, 1)
        self.spatial_process1, self.spatial_process2 = _Spatial(width), _Spatial(width)
        self.frequency_process1 = _Spectral(width, kind, self.tiny)
        self.frequency_process2 = _Spectral(width, kind, self.tiny)
        self.frequency_spatial = nn.Conv2d(width, width, 3, padding=1)
        self.spatial_frequency = nn.Conv2d(width, width, 3, padding=1)
        self.cat = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = self.frequency_process1(_spectrum(self.fpre(x))) + self.tiny
        pixels = self.spatial_process1(x)
        pixels = pixels + self.frequency_spatial(self._image(spectrum, x) + self.tiny)
        spectrum = spectrum + _spectrum(self.spatial_frequency(pixels))
        pixels = self.spatial_process2(pixels) + self.tiny
        spectrum = self.frequency_process2(spectrum) + self.tiny
        return x + self.cat(torch.cat((pixels, self._image(spectrum, x)), 1))

    def _image(self, spectrum: Tensor, like: Tensor) -> Tensor:
        image = torch.fft.irfft2(spectrum, s=like.shape[-2:])
        return image.abs() if self.positive else image


class AmplitudeNet(nn.Module):
    """A U of five blocks on amplitudes: the photo with another exposure."""

    def __init__(self, variant: Variant, width: int = 8) -> None:
        super().__init__()
        blocks = [_Block(size, "amplitude", variant) for size in (width, 2 * width, 3 * width, 2 * width, width)]
        self.conv0 = nn.Conv2d(3, width, 1)
        self.conv1, self.conv2, self.conv3, self.conv4, self.conv5 = blocks
        self.downsample1 = nn.Conv2d(width, 2 * width, 2, 2)
        self.downsample2 = nn.Conv2d(2 * width, 3 * width, 2, 2)
        self.up1 = nn.ConvTranspose2d(5 * width, 2 * width, 1)
        self.up2 = nn.ConvTranspose2d(3 * width, width, 1)
        self.convout = nn.Conv2d(width, 3, 1)
        self.convoutfinal = nn.Conv2d(3, 3, 1)
        self.pro = nn.Conv2d(3, 3, 1)  # in the file, but in no result

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 4 → the same with another exposure, not clipped."""
        fine = self.conv1(self.conv0(rgb))
        middle = self.conv2(self.downsample1(fine))
        coarse = self.conv3(self.downsample2(middle))
        x = self.conv4(self.up1(torch.cat((_enlarged(coarse, middle), middle), 1)))
        x = self.conv5(self.up2(torch.cat((_enlarged(x, fine), fine), 1)))
        return self.convoutfinal(rgb + self.convout(x))


class _Recombine(nn.Module):
    """The amplitudes of one photo with the phases of another, weighted by the statistics of their channels."""

    def __init__(self, outside: int, variant: Variant) -> None:
        super().__init__()
        self.variant = variant
        self.cat = nn.Conv2d(6, outside, 1)
        self.process = nn.Sequential(
            nn.Conv2d(6, 1, 3, padding=1), nn.LeakyReLU(0.1), nn.Conv2d(1, 6, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, lit: Tensor, rgb: Tensor) -> Tensor:
        amplitude, phase = torch.fft.rfft2(lit).abs(), torch.fft.rfft2(rgb).angle()
        image = torch.fft.irfft2(torch.complex(amplitude * phase.cos(), amplitude * phase.sin()), s=rgb.shape[-2:])
        both = torch.cat((image.abs(), lit) if self.variant == "msec" else (lit, image), 1)
        spread, mean = torch.std_mean(both, (2, 3), correction=0, keepdim=True)
        return self.cat(self.process(spread + mean) * both)


class _Modulation(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.convmul, self.convadd = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.convfuse = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor, difference: Tensor) -> Tensor:
        return self.convfuse(torch.cat((x, self.convmul(difference) * x + self.convadd(difference)), 1))


class PhaseNet(nn.Module):
    """Four blocks on phases: the detail."""

    def __init__(self, variant: Variant, width: int = 16) -> None:
        super().__init__()
        self.conv0 = _Recombine(width, variant)
        self.conv1, self.conv2, self.conv3, self.conv4 = (_Block(width, "phase", variant) for _ in range(4))
        self.convout = nn.Conv2d(width, 3, 1)
        self.trans = nn.Conv2d(3, width, 1)
        self.combine1, self.combine2 = _Modulation(width), _Modulation(width)

    def forward(self, lit: Tensor, rgb: Tensor) -> Tensor:
        """The result of both stages, N×3×H×W float, not clipped. lit: AmplitudeNet's of rgb (0..1), of its shape."""
        difference = self.trans(lit - rgb)
        x = self.combine1(self.conv1(self.conv0(lit, rgb)), difference)
        x = self.combine2(self.conv2(x), difference)
        return self.convout(self.conv4(self.conv3(x))) + rgb


class FecNet(nn.Module):
    """Both stages, named as in the published files."""

    def __init__(self, variant: Variant) -> None:
        super().__init__()
        self.AmplitudeNet, self.PhaseNet = AmplitudeNet(variant), PhaseNet(variant)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 4 → the same, better exposed, not clipped."""
        return self.PhaseNet(self.AmplitudeNet(rgb), rgb)


def _spectrum(x: Tensor) -> Tensor:
    """The spectrum of real features: N×C×H×W float → N×C×H×(W/2+1) complex.

    Four of its values are real by symmetry. Rounding would leave them a tiny imaginary part of either sign, and with it
    a phase of π or −π, which the network then tells apart: the same photo would come out differently on each processor.
    """
    spectrum = torch.fft.rfft2(x)
    height, width = x.shape[-2:]
    parts = torch.view_as_real(spectrum)
    for row in (0, height // 2) if height % 2 == 0 else (0,):
        for column in (0, width // 2) if width % 2 == 0 else (0,):
            parts[..., row, column, 1] = 0.0
    return spectrum


def _enlarged(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
