"""DnCNN (Zhang et al., TIP 2017) and FFDNet (Zhang et al., TIP 2018), with batch normalization folded in.

The files of their authors hold the convolutions in order; weights/formats.py names them 000.weight, 000.bias, ….
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.conv_relu import ConvRelu


class _Convolutions(nn.Module):
    """3×3 convolutions with ReLU between them."""

    def __init__(self, inside: int, width: int, outside: int, depth: int) -> None:
        super().__init__()
        widths = [inside, *[width] * (depth - 1), outside]
        *inner, last = pairwise(widths)
        convolutions = [ConvRelu(a, b, 3, padding=1) for a, b in inner]
        self.layers = nn.ModuleList((*convolutions, nn.Conv2d(*last, 3, padding=1)))

    def convolve(self, x: Tensor) -> Tensor:
        """N×inside×H×W float to N×outside×H×W float, of any range."""
        for layer in self.layers:
            x = layer(x)
        return x

    def load_numbered(self, tensors: Mapping[str, Tensor]) -> None:
        """Load tensors named by the number of their layer. Raises RuntimeError for those of another network."""
        self.load_state_dict({f"layers.{int(key[:3])}{key[3:]}": tensor for key, tensor in tensors.items()})


class DnCNN(_Convolutions):
    """Predicts the noise. channels: 3 for noise in color, 1 for the luma of JPEG (DnCNN-3)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 64, channels, 20)

    def forward(self, x: Tensor) -> Tensor:
        """N×channels×H×W float, 0..1 → the same without noise, not clipped."""
        return x - self.convolve(x)


class FFDNet(_Convolutions):
    """Works at half the resolution, on the four positions of 2×2 pixels as channels, and is given the noise level."""

    def __init__(self) -> None:
        super().__init__(13, 96, 12, 12)

    def forward(self, rgb: Tensor, level: float) -> Tensor:
        """N×3×H×W float RGB 0..1 with even sides → the same without noise, not clipped.

        level: the standard deviation of the noise, 0..1; it was trained up to 75/255.
        """
        cells = _reordered(F.pixel_unshuffle(rgb, 2))
        known = cells.new_full((cells.shape[0], 1, *cells.shape[-2:]), level)
        return F.pixel_shuffle(_reordered(self.convolve(torch.cat((cells, known), 1))), 2)


def _reordered(cells: Tensor) -> Tensor:
    """MATLAB runs down the columns, torch along the rows: the second and third of four positions change places."""
    return cells.unflatten(1, (3, 2, 2)).transpose(2, 3).flatten(1, 3)


def noise_level(rgb: Tensor) -> float:
    """The standard deviation of the noise of 1×3×H×W float RGB 0..1 with sides of 2 or more, in the same range.

    The median of the finest diagonal differences (Donoho and Johnstone, Biometrika 1994), in the channel with most:
    edges move it little.
    """
    rows, columns = (side // 2 * 2 for side in rgb.shape[-2:])
    a, b, c, d = F.pixel_unshuffle(rgb[..., :rows, :columns], 2).unflatten(1, (3, 4)).unbind(2)
    diagonal = ((a - b - c + d) / 2).abs().flatten(2)
    return float(diagonal.median(2).values.max() / 0.6745)
