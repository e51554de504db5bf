"""SnowFormer (Chen et al., 2022) for snow: windows of the photo ask themselves, and what the whole photo knows."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets.gates import Gate
from clarity_desktop.backend.nets.windows import OffsetBias, cut, joined

WIDTHS = 16, 32, 64, 128, 256
"""At the photo's size, a half, a quarter, …"""
DEEP = WIDTHS[-1]
LEVELS = 4
ENCODERS = DECODERS = 4, 6, 7, 8
EXPANSIONS = 1, 2, 2, 2
HEADS = 1, 2, 4, 8, 16
LATENT = 8
SIDE = 8
"""Of a window."""


def _point(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, bias=bias)


def _each(width: int, side: int = 3) -> nn.Conv2d:
    """A convolution of every channel for itself."""
    return nn.Conv2d(width, width, side, padding=side // 2, groups=width)


class _Normalized(nn.Module):
    """By the channels of each pixel; without bias they keep their mean."""

    def __init__(self, width: int, *, bias: bool) -> None:
        super().__init__()
        self.body = nn.LayerNorm(width, bias=bias)
        self._centered = bias

    def forward(self, x: Tensor) -> Tensor:
        weight = self.body.weight.view(1, -1, 1, 1)
        scale = (x.var(1, keepdim=True, unbiased=False) + 1e-5).sqrt()
        if not self._centered:
            return x / scale * weight
        return (x - x.mean(1, keepdim=True)) / scale * weight + self.body.bias.view(1, -1, 1, 1)


def _channels(width: int, reduction: int, *, bias: bool = False) -> Gate:
    return Gate("conv_du", width, reduction, width, bias=bias)


def _gates(width: int, reduction: int, times: int) -> nn.Sequential:
    pairs = ((_channels(width, reduction), Gate("pa", width, reduction, 1)) for _ in range(times))
    return nn.Sequential(*(gate for pair in pairs for gate in pair))


class _Encoder(nn.Module):
    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        wide = width * expansion
        first = [_point(width, wide)] if expansion > 1 else []
        gate = Gate("channel_map", wide, 4, wide, leaky=True)
        middle = _each(wide), _Normalized(wide, bias=False), nn.GELU(), _each(wide), gate
        self.conv = nn.Sequential(*first, *middle, _point(wide, width))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class _Attention(nn.Module):
    """Every pixel of the smallest size from all."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.kv = nn.Linear(DEEP, DEEP, bias=False), nn.Linear(DEEP, 2 * DEEP, bias=False)
        self.proj, self.conv = _point(DEEP, DEEP), _each(DEEP)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        k, v = self.kv(tokens).chunk(2, 2)
        heads = (y.unflatten(2, (HEADS[-1], -1)).transpose(1, 2) for y in (self.q(tokens), k, v))
        found = F.scaled_dot_product_attention(*heads).transpose(1, 2).flatten(2)
        return self.proj(found.transpose(1, 2).reshape(x.shape)) + self.conv(x)


class _Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv4 = _point(DEEP, 2 * DEEP), _point(DEEP, DEEP)
        self.conv33, self.conv55 = _each(2 * DEEP), _each(2 * DEEP, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        a, b = (x + self.conv33(x) + self.conv55(x)).chunk(2, 1)
        return self.conv4(a * b)


class _Latent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm3 = _Normalized(DEEP, bias=True), _Normalized(DEEP, bias=True)
        self.attn_nn, self.ffn = _Attention(), _Mixed()

    def forward(self, x: Tensor) -> Tensor:
        x = self.attn_nn(self.norm1(x))
        return x + self.ffn(self.norm3(x))


class _Query(nn.Module):
    """What the windows ask the whole photo: N×width×SIDE×SIDE."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv, self.globalgen = _point(DEEP, width), _gates(width, 4, 3)

    def forward(self, latent: Tensor) -> Tensor:
        return self.globalgen(F.interpolate(self.conv(latent), (SIDE, SIDE), mode="bicubic"))


class _Window(OffsetBias):
    """Attention in a window: its own questions, or those of the whole photo."""

    def __init__(self, width: int, heads: int, *, own: bool) -> None:
        super().__init__(SIDE, heads)
        self.qkv, self.proj = nn.Linear(width, (3 if own else 2) * width), nn.Linear(width, width)

    def forward(self, x: Tensor, query: Tensor) -> Tensor:
        *own, k, v = self.qkv(x).split(x.shape[2], 2)
        # The authors read the numbers of the query, channel by channel, as if they were pixel by pixel.
        q = own[0] if own else query.reshape(len(query), *x.shape[1:]).repeat_interleave(len(x) // len(query), 0)
        return self.proj(self.attend(q, k, v))


class _Decoder(nn.Module):
    def __init__(self, width: int, heads: int, *, own: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = _Window(width, heads, own=own)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor, query: Tensor) -> Tensor:
        x = x + joined(self.attn(cut(self.norm1(x), SIDE), query), *x.shape[1:3])
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


class _Decoders(nn.Module):
    def __init__(self, level: int) -> None:
        super().__init__()
        width, heads = WIDTHS[level], HEADS[level]
        self.model = nn.ModuleList(_Decoder(width, heads, own=k % 2 == 0) for k in range(DECODERS[level]))
        self.gen = _Query(width)

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        query, x = self.gen(latent), x.permute(0, 2, 3, 1)
        for block in self.model:
            x = block(x, query)
        return x.permute(0, 3, 1, 2)


class _Refined(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        first, last = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.CA, self.body = _channels(width, 4, bias=True), nn.Sequential(first, nn.GELU(), last)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.CA(self.body(x))


class _Refine(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        last = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.body = nn.Sequential(*(_Refined(width) for _ in range(6)), last)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class _Up(nn.Module):
    def __init__(self, level: int) -> None:
        super().__init__()
        enlarge = nn.Upsample(scale_factor=2**level, mode="bilinear")
        self.up = nn.Sequential(enlarge, _point(WIDTHS[level], WIDTHS[0], bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.up(x)


class _Refinement(nn.Module):
    """Adds what was found at every size, from the largest on."""

    def __init__(self) -> None:
        super().__init__()
        for level in range(LEVELS):
            self.add_module(f"refine{level}", _Refine(WIDTHS[0]))
            self.add_module(f"conv_enc{level}", _gates(WIDTHS[0], 16, 2))
            for kind in ("enc", "dec") if level else ():
                self.add_module(f"up_{kind}{level}", _Up(level))

    def forward(self, encoded: list[Tensor], decoded: list[Tensor]) -> Tensor:
        x = decoded[0]
        for level in range(LEVELS):
            sides = zip(("enc", "dec"), (encoded[level], decoded[level]), strict=True)
            a, b = (self.get_submodule(f"up_{kind}{level}")(y) if level else y for kind, y in sides)
            x = self.get_submodule(f"refine{level}")(x + self.get_submodule(f"conv_enc{level}")(a + b))
        return x


class SnowFormer(nn.Module):
    """8,380,523 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = _down(3, WIDTHS[0], 1)
        for level, width in enumerate(WIDTHS[:-1]):
            self.add_module(f"conv{level}", _point(width, DEEP))
            blocks = nn.Sequential(*(_Encoder(width, EXPANSIONS[level]) for _ in range(ENCODERS[level])))
            self.add_module(f"encoder_level{level}", nn.Sequential(nn.ModuleDict({"model": blocks})))
            self.add_module(f"down{level}", _down(width, WIDTHS[level + 1], 2))
            up = nn.Sequential(nn.Sequential(nn.ConvTranspose2d(WIDTHS[level + 1], width, 4, 2, 1)))
            self.add_module(f"up{level}", nn.ModuleDict({"up": up}))
            self.add_module(f"ca{level}", _channels(2 * width, 4))
            self.add_module(f"reduce_chan_level{level}", _point(2 * width, width, bias=False))
            self.add_module(f"decoder_level{level}", _Decoders(level))
        self.latent = nn.Sequential(*(_Latent() for _ in range(LATENT)))
        self.refinement = _Refinement()
        self.out2 = nn.Conv2d(WIDTHS[0], 3, 3, padding=1)

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 64 → the same without snow, not clipped."""
        x = self.embed["down"](rgb)
        encoded: list[Tensor] = []
        found = torch.zeros_like(x[:, :1, :1, :1])
        for level in range(LEVELS):
            encoded.append(self.get_submodule(f"encoder_level{level}.0.model")(x))
            found = found + self.get_submodule(f"conv{level}")(F.max_pool2d(encoded[-1], 2 ** (LEVELS - level)))
            x = self.get_submodule(f"down{level}.down")(encoded[-1])
        latent = x = self.latent(x + found)
        decoded: list[Tensor] = []
        for level in reversed(range(LEVELS)):
            x = torch.cat([self.get_submodule(f"up{level}.up")(x), encoded[level]], 1)
            x = self.get_submodule(f"reduce_chan_level{level}")(self.get_submodule(f"ca{level}")(x))
            x = self.get_submodule(f"decoder_level{level}")(x, latent)
            decoded.insert(0, x)
        return self.out2(self.refinement(encoded, decoded)) + rgb


def _down(inputs: int, outputs: int, stride: int) -> nn.ModuleDict:
    return nn.ModuleDict({"down": nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False))})
