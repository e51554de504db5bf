"""JORDER-E (Yang et al., TPAMI 2020): two stages that find rain streaks and their strength and remove them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH = 32


def _convolution(inside: int, outside: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inside, outside, 3, padding=dilation, dilation=dilation)


class _Context(nn.Module):
    """A residual block that sees three scales."""

    def __init__(self) -> None:
        super().__init__()
        for number, dilation in enumerate((1, 1, 2, 2, 2, 4), 1):
            self.add_module(f"conv{number}", _convolution(WIDTH, WIDTH, dilation))

    def forward(self, x: Tensor) -> Tensor:
        near, far, farthest = (self._pair(x, first) for first in (1, 3, 5))
        return x + near + 0.1 * far + 0.1 * farthest

    def _pair(self, x: Tensor, first: int) -> Tensor:
        for number in (first, first + 1):
            x = torch.relu(self.get_submodule(f"conv{number}")(x))
        return x


class _Updater(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.res1, self.res2, self.res3 = _Context(), _Context(), _Context()

    def forward(self, x: Tensor, earlier: list[Tensor]) -> list[Tensor]:
        """The features after each block; those of the stage before are added."""
        features: list[Tensor] = []
        for number, block in enumerate((self.res1, self.res2, self.res3)):
            x = block(x) + earlier[number] if earlier else block(x)
            features.append(x)
        return features


class _Stage(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = _convolution(6, WIDTH)
        self.updater = _Updater()
        self.mask_estimator1, self.mask_estimator2 = _convolution(WIDTH, 8), _convolution(8, 2)
        self.level_estimator1, self.level_estimator2 = _convolution(WIDTH, 8), _convolution(8, 3)
        for kind, channels in (("mask", 2), ("level", 3)):
            for part in ("w", "b"):
                self.add_module(f"{kind}_F_{part}_encoder1", _convolution(channels, 16))
                self.add_module(f"{kind}_F_{part}_encoder2", _convolution(16, WIDTH))
        self.decoder = nn.Sequential(_convolution(WIDTH, WIDTH), _convolution(WIDTH, 3))

    def forward(
        self, rgb: Tensor, before: Tensor, earlier: list[Tensor], rain: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, list[Tensor], tuple[Tensor, Tensor]]:
        """The result, N×3×H×W, and what the next stage builds on: features, mask and strength of the rain."""
        features = self.updater(self.encoder(torch.cat((rgb, before), 1)), earlier)
        x = features[-1]
        mask: Tensor = self.mask_estimator2(self.mask_estimator1(x))
        level: Tensor = self.level_estimator2(self.level_estimator1(x))
        if rain is not None:
            mask, level = mask + rain[0], level + rain[1]
        added = x + self._encode("mask_F_b", mask) + self._encode("level_F_b", level)
        scaled = self._encode("mask_F_w", mask) * x * self._encode("level_F_w", level)
        return self.decoder(added + scaled) + rgb, features, (mask, level)

    def _encode(self, name: str, x: Tensor) -> Tensor:
        inner = torch.relu(self.get_submodule(f"{name}_encoder1")(x))
        return self.get_submodule(f"{name}_encoder2")(inner)


class JorderE(nn.Module):
    """Both stages. The published file of the authors' “practical” model holds exactly these tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.jorder1, self.jorder2 = _Stage(), _Stage()

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same without rain, not clipped."""
        photo = 255 * rgb  # it was trained on this range
        first, features, rain = self.jorder1(photo, photo, [], None)
        return self.jorder2(photo, first, features, rain)[0] / 255
