"""Uformer (Wang et al., CVPR 2022) as Flare7K++ (Dai et al., TPAMI 2024) trained it: the photo and its flare."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.windows import OffsetBias, cut, joined

WIDTH = 32
LEVELS = 4
HEADS = 1, 2, 4, 8
DEEP_HEADS = 16, 16, 8, 4, 2
"""Of the smallest size, and on the way back from it."""
SIDE = 8
"""Of a window."""
MULTIPLE = SIDE * 2**LEVELS


class _Linear(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.to_q, self.to_kv = nn.Linear(width, width), nn.Linear(width, 2 * width)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.to_q(x), *self.to_kv(x).chunk(2, 2)


class _Window(OffsetBias):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__(SIDE, heads)
        self.qkv, self.proj = _Linear(width), nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = self.qkv(x)
        return self.proj(self.attend(q, k, v, mask))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = _Window(width, heads)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self._shift = shift

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[1:3]
        moved = self.norm1(x).roll((-self._shift, -self._shift), (1, 2))
        mask = _apart(height, width, self._shift, x) if self._shift else None
        found = joined(self.attn(cut(moved, SIDE), mask), height, width)
        x = x + found.roll((self._shift, self._shift), (1, 2))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


def _apart(height: int, width: int, shift: int, like: Tensor) -> Tensor:
    """Keeps places apart that met only because the picture was moved round: windows×SIDE²×SIDE², to add."""
    rows, columns = (
        (torch.arange(length, device=like.device) >= length - shift).to(like.dtype) for length in (height, width)
    )
    parts = cut((2 * rows[:, None] + columns)[None, :, :, None], SIDE)
    mask = -100.0 * (parts != parts.transpose(1, 2)).to(like.dtype)
    return mask.repeat(len(like), 1, 1)


class _Layer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(_Block(width, heads, 0), _Block(width, heads, SIDE // 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class _Convolution(nn.Module):
    """On pictures whose channels come last."""

    def __init__(self, name: str, *layers: nn.Module) -> None:
        super().__init__()
        self._name = name
        self.add_module(name, nn.Sequential(*layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self._name)(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Uformer(nn.Module):
    """20,473,888 parameters. The last three of its six channels are the flare, which only served the training."""

    def __init__(self, trained: int = 512) -> None:
        """trained: shorter side in pixels of the photos that it was trained on."""
        super().__init__()
        self._trained = trained
        self.input_proj = _Convolution("proj", nn.Conv2d(3, WIDTH, 3, padding=1), nn.LeakyReLU())
        self.output_proj = _Convolution("proj", nn.Conv2d(2 * WIDTH, 6, 3, padding=1))
        for level in range(LEVELS):
            width, back = WIDTH * 2**level, LEVELS - 1 - level
            self.add_module(f"encoderlayer_{level}", _Layer(width, HEADS[level]))
            self.add_module(f"dowsample_{level}", _Convolution("conv", nn.Conv2d(width, 2 * width, 4, 2, 1)))
            inputs = WIDTH * 2**LEVELS if level == LEVELS - 1 else 4 * width
            self.add_module(f"upsample_{back}", _Convolution("deconv", nn.ConvTranspose2d(inputs, width, 2, 2)))
            self.add_module(f"decoderlayer_{back}", _Layer(2 * width, DEEP_HEADS[1 + back]))
        self.conv = _Layer(WIDTH * 2**LEVELS, DEEP_HEADS[0])

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 128 → the same without flare, not clipped.

        A larger photo is reduced as in the training, and what was removed there is taken from it.
        """
        shorter = min(rgb.shape[2:])
        if shorter <= self._trained:
            return self._without_flare(rgb)
        size = [round(self._trained * length / shorter / MULTIPLE) * MULTIPLE for length in rgb.shape[2:]]
        small = F.interpolate(rgb, size, mode="bilinear", antialias=True)
        removed = small - self._without_flare(small)
        return rgb - F.interpolate(removed, rgb.shape[2:], mode="bicubic")

    def _without_flare(self, rgb: Tensor) -> Tensor:
        x = self.input_proj(rgb.permute(0, 2, 3, 1))
        seen: list[Tensor] = []
        for level in range(LEVELS):
            seen.append(self.get_submodule(f"encoderlayer_{level}")(x))
            x = self.get_submodule(f"dowsample_{level}")(seen[-1])
        x = self.conv(x)
        for back in range(LEVELS):
            x = torch.cat([self.get_submodule(f"upsample_{back}")(x), seen.pop()], 3)
            x = self.get_submodule(f"decoderlayer_{back}")(x)
        return torch.sigmoid(self.output_proj(x).permute(0, 3, 1, 2)[:, :3])
