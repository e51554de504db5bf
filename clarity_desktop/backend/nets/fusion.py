"""The fusion network of Clarity ChatGPT (section 3.4): three restorations and the damaged photo become one result.

A U-shaped network of the transformer blocks of Restormer (Zamir et al., CVPR 2022): attention between channels
(multi-Dconv head transposed attention) and a gated feed-forward part with depthwise convolutions. Three encoders and
three decoders have four blocks each, the skip connections three, two and one, the latent level has a number of its own.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CANDIDATES = 3
MULTIPLE = 16
"""Sides of the photos are multiples of this."""
EXPANSION = 2.66
"""Of the feed-forward part, as in Restormer."""


class _Norm(nn.Module):
    """Layer normalization over the channels of each place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        return (x - mean) * (variance + 1e-5).rsqrt() * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class _Attention(nn.Module):
    """How alike two channels are over all places decides how much of one goes into the other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.around = nn.Conv2d(3 * width, 3 * width, 3, padding=1, groups=3 * width, bias=False)
        self.out = nn.Conv2d(width, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        shape = x.shape
        parts = self.around(self.qkv(x)).flatten(2).chunk(3, 1)
        queries, keys, values = (part.unflatten(1, (self.heads, -1)) for part in parts)
        alike = F.normalize(queries, dim=-1) @ F.normalize(keys, dim=-1).transpose(-2, -1) * self.temperature
        return self.out((alike.softmax(-1) @ values).reshape(shape))


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        inner = int(EXPANSION * width)
        self.inside = nn.Conv2d(width, 2 * inner, 1, bias=False)
        self.around = nn.Conv2d(2 * inner, 2 * inner, 3, padding=1, groups=2 * inner, bias=False)
        self.out = nn.Conv2d(inner, width, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        gate, kept = self.around(self.inside(x)).chunk(2, 1)
        return self.out(F.gelu(gate) * kept)


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.attention = _Norm(width), _Attention(width, heads)
        self.norm2, self.feed_forward = _Norm(width), _FeedForward(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.feed_forward(self.norm2(x))


def _blocks(width: int, heads: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_Block(width, heads) for _ in range(count)))


class FusionNet(nn.Module):
    """width, heads, latent, blocks and shrink are parameters: the paper's size, and a light one for a processor.

    The result is the mean of the candidates and what the network adds to it.
    """

    def __init__(self, width: int = 48, heads: tuple[int, int, int, int] = (1, 2, 4, 8), blocks: int = 4,
                 latent: int = 4, shrink: int = 1) -> None:  # fmt: skip
        """Sizes: channels of the first level, attention heads of each level, blocks of encoders and decoders.

        shrink: 1 or 2; with 2 four pixels become the channels of one, and the network computes a quarter as much.
        """
        super().__init__()
        widths = [width * 2**k for k in range(4)]
        self.shrink = shrink
        self.first = nn.Conv2d(3 * (CANDIDATES + 1) * shrink**2, width, 3, padding=1)
        self.encoders = nn.ModuleList(_blocks(widths[k], heads[k], blocks) for k in range(3))
        self.skips = nn.ModuleList(_blocks(widths[k], heads[k], 3 - k) for k in range(3))
        # Half the channels, then four places as channels: twice the width at half the size; and the reverse.
        self.down = nn.ModuleList(nn.Conv2d(w, w // 2, 3, padding=1, bias=False) for w in widths[:3])
        self.up = nn.ModuleList(nn.Conv2d(2 * w, 4 * w, 3, padding=1, bias=False) for w in widths[:3])
        self.merge = nn.ModuleList(nn.Conv2d(2 * w, w, 1, bias=False) for w in widths[:3])
        self.latent = _blocks(widths[3], heads[3], latent)
        self.decoders = nn.ModuleList(_blocks(widths[k], heads[k], blocks) for k in range(3))
        self.last = nn.Conv2d(width, 3 * shrink**2, 3, padding=1)
        nn.init.zeros_(self.last.weight)  # training begins at the mean of the candidates
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    def forward(self, candidates: Tensor, damaged: Tensor) -> Tensor:
        """The fused photo, N×3×H×W float, not clipped; H and W multiples of MULTIPLE.

        candidates: N×CANDIDATES×3×H×W float RGB 0..1, in the order of training. damaged: N×3×H×W float RGB 0..1.
        """
        x = self.first(F.pixel_unshuffle(torch.cat((candidates.flatten(1, 2), damaged), 1), self.shrink))
        kept: list[Tensor] = []
        for encoder, skip, down in zip(self.encoders, self.skips, self.down, strict=True):
            x = encoder(x)
            kept.append(skip(x))
            x = F.pixel_unshuffle(down(x), 2)
        x = self.latent(x)
        for k in (2, 1, 0):
            larger = F.pixel_shuffle(self.up[k](x), 2)
            x = self.decoders[k](self.merge[k](torch.cat((larger, kept[k]), 1)))
        return F.pixel_shuffle(self.last(x), self.shrink) + candidates.mean(1)


def light() -> FusionNet:
    """A size that a processor can run and train."""
    return FusionNet(width=16, heads=(1, 2, 4, 8), blocks=1, latent=1, shrink=2)
