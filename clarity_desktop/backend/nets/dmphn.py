"""DMPHN (Zhang et al., CVPR 2019), the variant 1-2-4: blur in four quarters, then in two halves, then in the whole."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTHS = 32, 64, 128


def _pair(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))


class Encoder(nn.Module):
    """A photo's features at a quarter of its sides."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Conv2d(3, WIDTHS[0], 3, padding=1)
        self.layer2, self.layer3 = _pair(WIDTHS[0]), _pair(WIDTHS[0])
        self.layer5 = nn.Conv2d(WIDTHS[0], WIDTHS[1], 3, 2, 1)
        self.layer6, self.layer7 = _pair(WIDTHS[1]), _pair(WIDTHS[1])
        self.layer9 = nn.Conv2d(WIDTHS[1], WIDTHS[2], 3, 2, 1)
        self.layer10, self.layer11 = _pair(WIDTHS[2]), _pair(WIDTHS[2])

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB, -0.5..0.5, sides multiples of 4 → N×128×H/4×W/4 float features."""
        x = self.layer1(rgb)
        x = x + self.layer2(x)
        x = self.layer5(x + self.layer3(x))
        x = x + self.layer6(x)
        x = self.layer9(x + self.layer7(x))
        x = x + self.layer10(x)
        return x + self.layer11(x)


class Decoder(nn.Module):
    """Features back to a photo, or to what is added to one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer13, self.layer14 = _pair(WIDTHS[2]), _pair(WIDTHS[2])
        self.layer16 = nn.ConvTranspose2d(WIDTHS[2], WIDTHS[1], 4, 2, 1)
        self.layer17, self.layer18 = _pair(WIDTHS[1]), _pair(WIDTHS[1])
        self.layer20 = nn.ConvTranspose2d(WIDTHS[1], WIDTHS[0], 4, 2, 1)
        self.layer21, self.layer22 = _pair(WIDTHS[0]), _pair(WIDTHS[0])
        self.layer24 = nn.Conv2d(WIDTHS[0], 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """N×128×h×w float features → N×3×4h×4w float RGB, a photo around 0, -0.5..0.5, or a difference."""
        x = x + self.layer13(x)
        x = self.layer16(x + self.layer14(x))
        x = x + self.layer17(x)
        x = self.layer20(x + self.layer18(x))
        x = x + self.layer21(x)
        return self.layer24(x + self.layer22(x))


class Dmphn(nn.Module):
    """The three levels; their encoders and decoders are published as six files."""

    def __init__(self) -> None:
        super().__init__()
        for level in (1, 2, 3):
            self.add_module(f"encoder_lv{level}", Encoder())
            self.add_module(f"decoder_lv{level}", Decoder())

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 8 → the same, sharper, not clipped."""
        photo = rgb - 0.5
        quarters = [[self._encode(3, part) for part in half.chunk(2, 3)] for half in photo.chunk(2, 2)]
        wide = [torch.cat(pair, 3) for pair in quarters]
        halves = [
            self._encode(2, half + self._decode(3, features)) + features
            for half, features in zip(photo.chunk(2, 2), wide, strict=True)
        ]
        tall = torch.cat(halves, 2)
        added = torch.cat([self._decode(2, features) for features in halves], 2)
        return self._decode(1, self._encode(1, photo + added) + tall) + 0.5

    def _encode(self, level: int, x: Tensor) -> Tensor:
        return self.get_submodule(f"encoder_lv{level}")(x)

    def _decode(self, level: int, x: Tensor) -> Tensor:
        return self.get_submodule(f"decoder_lv{level}")(x)
