"""DehazeFormer (Song et al., TIP 2023) for haze: a U-Net of windows, normalized over the whole photo."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.windows import attend, cut, joined

WIDTHS = 24, 48, 96, 48, 24
EXPANSIONS = 2, 4, 4, 2, 2
HEADS = 2, 4, 6, 1, 1
SIDE = 8
"""Of a window."""


def _point(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=bias)


class _Normalized(nn.Module):
    """Over the whole photo; what was taken away is given back after the attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(1, width, 1, 1)), nn.Parameter(torch.zeros(1, width, 1, 1))
        self.meta1, self.meta2 = _point(1, width), _point(1, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean = x.mean((1, 2, 3), keepdim=True)
        spread = ((x - mean).square().mean((1, 2, 3), keepdim=True) + 1e-5).sqrt()
        return (x - mean) / spread * self.weight + self.bias, self.meta1(spread), self.meta2(mean)


class _Window(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        place = torch.arange(SIDE**2, device="cpu")  # on the device "meta" the logarithm takes seconds
        row, column = place // SIDE, place % SIDE
        away = torch.stack([axis[:, None] - axis[None] for axis in (row, column)], 2)
        self.register_buffer("relative_positions", away.sign() * (1 + away.abs()).log())
        self.meta = nn.Sequential(nn.Linear(2, 256), nn.ReLU(), nn.Linear(256, heads))

    def forward(self, qkv: Tensor) -> Tensor:
        bias = self.meta(self.get_buffer("relative_positions")).permute(2, 0, 1)[None]
        q, k, v = qkv.chunk(3, 2)
        return attend(q, k, v, bias)


class _Attention(nn.Module):
    """Mixes near pixels by convolutions and, where it has heads, by attention in windows."""

    def __init__(self, width: int, heads: int, shift: int, *, dense: bool) -> None:
        super().__init__()
        self._shift = shift
        if dense:
            first, last = (nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect") for _ in range(2))
            self.conv = nn.Sequential(first, nn.ReLU(), last)
        else:
            self.conv = nn.Conv2d(width, width, 5, padding=2, groups=width, padding_mode="reflect")
        self._projects = bool(heads) or not dense
        if self._projects:
            self.V, self.proj = _point(width, width), _point(width, width)
        self.attn = _Window(heads) if heads else None
        if heads:
            self.QK = _point(width, 2 * width)

    def forward(self, x: Tensor) -> Tensor:
        if not self._projects:
            return self.conv(x)
        v = self.V(x)
        y = self.conv(v)
        if self.attn:
            y = y + self._attended(torch.cat([self.QK(x), v], 1))
        return self.proj(y)

    def _attended(self, qkv: Tensor) -> Tensor:
        height, width = qkv.shape[2:]
        padding = self._shift, (-self._shift - width) % SIDE, self._shift, (-self._shift - height) % SIDE
        qkv = F.pad(qkv, padding, "reflect").permute(0, 2, 3, 1)
        windows = self.attn(cut(qkv, SIDE)) if self.attn else qkv
        found = joined(windows, *qkv.shape[1:3])
        return found[:, self._shift : self._shift + height, self._shift : self._shift + width].permute(0, 3, 1, 2)


class _Block(nn.Module):
    def __init__(self, width: int, expansion: int, heads: int, shift: int, *, dense: bool) -> None:
        super().__init__()
        self.norm1 = _Normalized(width) if heads else None
        self.attn = _Attention(width, heads, shift, dense=dense)
        first, last = _point(width, expansion * width), _point(expansion * width, width)
        self.mlp = nn.ModuleDict({"mlp": nn.Sequential(first, nn.ReLU(), last)})

    def forward(self, x: Tensor) -> Tensor:
        if self.norm1:
            y, scale, offset = self.norm1(x)
            x = x + self.attn(y) * scale + offset
        else:
            x = x + self.attn(x)
        return x + self.mlp["mlp"](x)


class _Projection(nn.Module):
    def __init__(self, first: nn.Module, *more: nn.Module) -> None:
        super().__init__()
        self.proj = nn.Sequential(first, *more) if more else first

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


def _up(inputs: int, outputs: int) -> _Projection:
    return _Projection(_point(inputs, 4 * outputs), nn.PixelShuffle(2))


class _Fusion(nn.Module):
    """The mean of two pictures, weighted by channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = max(width // 8, 4)
        first, last = _point(width, narrow, bias=False), _point(narrow, 2 * width, bias=False)
        self.mlp = nn.Sequential(first, nn.ReLU(), last)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        share = torch.sigmoid(self._difference((a + b).mean((2, 3), keepdim=True)))
        return share * a + (1 - share) * b

    def _difference(self, means: Tensor) -> Tensor:
        mine, theirs = self.mlp(means).chunk(2, 1)
        return mine - theirs


class DehazeFormer(nn.Module):
    """depths: blocks of each level; attending: how many of them, the last ones, have attention; dense: convolutions
    that mix channels."""

    def __init__(self, depths: tuple[int, ...], attending: tuple[int, ...], *, dense: bool = False) -> None:
        super().__init__()
        self.patch_embed = _Projection(nn.Conv2d(3, WIDTHS[0], 3, padding=1, padding_mode="reflect"))
        for level, (width, depth) in enumerate(zip(WIDTHS, depths, strict=True)):
            blocks = (
                _Block(
                    width,
                    EXPANSIONS[level],
                    HEADS[level] if k >= depth - attending[level] else 0,
                    k % 2 * SIDE // 2,
                    dense=dense,
                )
                for k in range(depth)
            )
            self.add_module(f"layer{level + 1}", nn.ModuleDict({"blocks": nn.Sequential(*blocks)}))
        for k, (fine, coarse) in enumerate(((WIDTHS[0], WIDTHS[1]), (WIDTHS[1], WIDTHS[2])), 1):
            self.add_module(f"patch_merge{k}", _Projection(nn.Conv2d(fine, coarse, 2, 2)))
            self.add_module(f"skip{k}", _point(fine, fine))
            self.add_module(f"patch_split{3 - k}", _up(coarse, fine))
            self.add_module(f"fusion{3 - k}", _Fusion(fine))
        last = nn.Conv2d(WIDTHS[-1], 4, 3, padding=1, padding_mode="reflect")
        self.patch_unembed = _Projection(last, nn.PixelShuffle(1))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 4 → the same without haze, not clipped."""
        photo = 2 * rgb - 1
        x = self._layer(1, self.patch_embed(photo))
        seen = [x]
        x = self._layer(2, self.get_submodule("patch_merge1")(x))
        seen.append(x)
        x = self._layer(3, self.get_submodule("patch_merge2")(x))
        for k in (1, 2):
            x = self.get_submodule(f"patch_split{k}")(x)
            finer = self.get_submodule(f"skip{3 - k}")(seen.pop())
            x = self._layer(3 + k, self.get_submodule(f"fusion{k}")(x, finer) + x)
        x = self.patch_unembed(x)
        return (x[:, :1] * photo - x[:, 1:] + photo + 1) / 2

    def _layer(self, number: int, x: Tensor) -> Tensor:
        return self.get_submodule(f"layer{number}.blocks")(x)
