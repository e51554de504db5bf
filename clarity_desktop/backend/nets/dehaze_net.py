"""DehazeNet (Cai et al., TIP 2016): how much of the light of each place got through the haze.

From this transmission and the color of the haze the photo is computed without haze (the model of Koschmieder).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RADIUS, EPSILON = 50, 1e-3
"""Of the guided filter that fits the transmission to the photo's edges."""
HAZIEST = 0.01
"""The color of the haze is looked up in this share of the photo, where least light got through."""
LEAST = 0.05
"""The least transmission that is divided by: below it there is nothing but noise to bring out."""
_SIDES = {"conv1": (3, 5), "conv3x3": (4, 3), "conv5x5": (4, 5), "conv7x7": (4, 7)}


class DehazeNet(nn.Module):
    """8,305 parameters. `haze_color` sees the photo as a whole, `clear` its tiles."""

    def __init__(self) -> None:
        super().__init__()
        for name, (inside, side) in _SIDES.items():
            self.add_module(name, nn.Conv2d(inside, 16, side))
        self.ip = nn.Conv2d(48, 1, 6)

    def transmission(self, rgb: Tensor) -> Tensor:
        """The transmission, N×1×H×W float in 0..1, of N×3×H×W float RGB 0..1; coarse, before the guided filter."""
        features = self._filtered("conv1", rgb - 0.5).unflatten(1, (4, 4)).amax(2)
        scales = torch.cat([self._filtered(name, features) for name in ("conv3x3", "conv5x5", "conv7x7")], 1)
        strongest = F.max_pool2d(scales, 7, stride=1, padding=3)
        return self._filtered("ip", strongest).clamp(0, 1)

    def haze_color(self, rgb: Tensor) -> Tensor:
        """The color of the haze, 1×3×1×1 float, of a photo (1×3×H×W float RGB 0..1): the brightest of its haziest."""
        coarse, gray = self.transmission(rgb).flatten(), _gray(rgb).flatten()
        place = max(1, round(HAZIEST * coarse.numel()))
        haziest = coarse <= coarse.kthvalue(place).values
        brightest = haziest & (gray >= gray[haziest].max())
        return rgb.flatten(2)[..., brightest].mean(2)[..., None, None]

    def clear(self, rgb: Tensor, haze: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 without the haze of this color (1×3×1×1 float), not clipped."""
        fitted = _guided(_gray(rgb), self.transmission(rgb))
        return (rgb - haze) / fitted.clamp(LEAST, 1) + haze

    def forward(self, rgb: Tensor) -> Tensor:
        """1×3×H×W float RGB 0..1 → the same without haze, not clipped."""
        return self.clear(rgb, self.haze_color(rgb))

    def _filtered(self, name: str, x: Tensor) -> Tensor:
        layer = self.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        side = layer.kernel_size[0]
        # As MATLAB's imfilter: mirrored with the edge, and of an even kernel the center is the pixel above and left.
        return layer(_mirrored(x, (side - 1) // 2, side // 2))


def _mirrored(x: Tensor, before: int, after: int) -> Tensor:
    """Padding that repeats the edge pixels themselves, N×C×H×W float; torch's reflection leaves them out."""
    for axis in (2, 3):
        length = x.shape[axis]
        first = x.narrow(axis, 0, min(before, length)).flip(axis)
        last = x.narrow(axis, max(0, length - after), min(after, length)).flip(axis)
        x = torch.cat((first, x, last), axis)
    return x


def _gray(rgb: Tensor) -> Tensor:
    return (rgb * rgb.new_tensor([0.2989, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _guided(guide: Tensor, x: Tensor) -> Tensor:
    """The guided filter of He et al. (TPAMI 2013) on N×1×H×W float."""
    means = [_box_mean(part) for part in (guide, x, guide * x, guide * guide)]
    guide_mean, x_mean, both, square = means
    slope = (both - guide_mean * x_mean) / (square - guide_mean.square() + EPSILON)
    return _box_mean(slope) * guide + _box_mean(x_mean - slope * guide_mean)


def _box_mean(x: Tensor) -> Tensor:
    """The mean of up to (2·RADIUS + 1)² pixels, N×1×H×W float; at the edge of those that exist."""
    # Sums along one axis after the other; float64, because differences of long sums are taken.
    for axis in (2, 3):
        sums = F.pad(x.double().cumsum(axis), (1, 0, 0, 0) if axis == 3 else (0, 0, 1, 0))
        length = x.shape[axis]
        at = torch.arange(length, device=x.device)
        low, high = (at - RADIUS).clamp(0), (at + RADIUS + 1).clamp(max=length)
        count = (high - low).view(-1, 1) if axis == 2 else high - low
        x = ((sums.index_select(axis, high) - sums.index_select(axis, low)) / count).to(x.dtype)
    return x
