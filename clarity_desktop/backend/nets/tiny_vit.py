"""MobileSAM's image encoder: TinyViT-5M (Wu et al., ECCV 2022; Zhang et al., “Faster Segment Anything”, 2023).

The names of modules are those of the published checkpoint, so that its tensors load without renaming. The classifier's
two layers in the checkpoint are not part of it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 1024
"""Side in pixels of the padded input."""
_WIDTHS, _DEPTHS = (64, 128, 160, 320), (2, 2, 6, 2)
_HEADS, _WINDOWS = (2, 4, 5, 10), (7, 7, 14, 7)
_STRIDES = 2, 2, 1
"""Of the reductions after the first three stages; the last one only widens."""
_OUT = 256


class ConvNorm(nn.Sequential):
    """A convolution without bias and its batch normalization."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.add_module("c", nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False))
        self.add_module("bn", nn.BatchNorm2d(outside))


class PatchEmbed(nn.Module):
    """N×3×H×W → N×64×H/4×W/4."""

    def __init__(self) -> None:
        super().__init__()
        first, second = _WIDTHS[0] // 2, _WIDTHS[0]
        self.seq = nn.Sequential(ConvNorm(3, first, 3, 2), nn.GELU(), ConvNorm(first, second, 3, 2))

    def forward(self, x: Tensor) -> Tensor:
        """x: N×3×H×W float32, normalized."""
        return self.seq(x)


class InvertedBottleneck(nn.Module):
    """Expansion, depthwise convolution, projection; the activation follows the addition. N×C×H×W keeps its shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = 4 * width
        self.conv1 = ConvNorm(width, wide)
        self.conv2 = ConvNorm(wide, wide, 3, groups=wide)
        self.conv3 = ConvNorm(wide, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        return F.gelu(x + self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x))))))


class Reduction(nn.Module):
    """N×C×H×W → N×D×H/s×W/s."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(inside, outside)
        self.conv2 = ConvNorm(outside, outside, 3, stride, groups=outside)
        self.conv3 = ConvNorm(outside, outside)

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32."""
        return self.conv3(F.gelu(self.conv2(F.gelu(self.conv1(x)))))


class Attention(nn.Module):
    """Attention within windows, with a learned bias for each distance between two tokens. N×T×C keeps its shape."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        # The checkpoint numbers distances as they first appear, which is row by row.
        along = torch.arange(window)
        rows, columns = torch.meshgrid(along, along, indexing="ij")
        tokens = torch.stack((rows.flatten(), columns.flatten()), 1)
        away = (tokens[:, None] - tokens[None]).abs()
        self.register_buffer("distance", away[..., 0] * window + away[..., 1], persistent=False)

    distance: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """x: N×T×C float32, T = window²; returns the same shape."""
        count, length, width = x.shape
        # Query, key and value lie side by side for each head.
        heads = self.qkv(self.norm(x)).view(count, length, self.heads, 3, -1).permute(3, 0, 2, 1, 4)
        mixed = F.scaled_dot_product_attention(*heads.unbind(0), attn_mask=self.attention_biases[:, self.distance])
        return self.proj(mixed.transpose(1, 2).reshape(count, length, width))


class Mlp(nn.Module):
    """Normalization and two linear layers; N×T×C keeps its shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: N×T×C float32; returns the same shape."""
        return self.fc2(F.gelu(self.fc1(self.norm(x))))


class Block(nn.Module):
    """Attention within windows, a depthwise convolution, an MLP. N×C×H×W keeps its shape."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.attn = Attention(width, heads, window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        x = self.local_conv(x + self._windowed(x))
        tokens = x.flatten(2).transpose(1, 2)
        return (tokens + self.mlp(tokens)).transpose(1, 2).unflatten(2, x.shape[2:])

    def _windowed(self, x: Tensor) -> Tensor:
        """The attention of each window; the zeros that complete the last windows take part, as in the training."""
        count, width, rows, columns = x.shape
        side = self.window
        padded = F.pad(x, (0, -columns % side, 0, -rows % side))
        high, wide = padded.shape[2] // side, padded.shape[3] // side
        cut = padded.view(count, width, high, side, wide, side).permute(0, 2, 4, 3, 5, 1)
        mixed = self.attn(cut.reshape(-1, side * side, width)).view(count, high, wide, side, side, width)
        return mixed.permute(0, 5, 1, 3, 2, 4).reshape(padded.shape)[:, :, :rows, :columns]


class Stage(nn.Module):
    """The blocks of one resolution, and the reduction to the next where there is one."""

    def __init__(self, index: int) -> None:
        super().__init__()
        width = _WIDTHS[index]
        self.blocks = nn.ModuleList(
            Block(width, _HEADS[index], _WINDOWS[index]) if index else InvertedBottleneck(width)
            for _ in range(_DEPTHS[index])
        )
        self.downsample = (
            Reduction(width, _WIDTHS[index + 1], _STRIDES[index]) if index < len(_STRIDES) else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32."""
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class ChannelNorm(nn.Module):
    """Layer normalization over the channels of each pixel; N×C×H×W keeps its shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        apart = x - x.mean(1, keepdim=True)
        scaled = apart / (apart.square().mean(1, keepdim=True) + 1e-6).sqrt()
        return self.weight[:, None, None] * scaled + self.bias[:, None, None]


class TinyViT(nn.Module):
    """The embedding of a photo: N×3×1024×1024 float32, normalized and padded → N×256×64×64."""

    img_size = SIZE
    """The name that the `segment_anything` package asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = PatchEmbed()
        self.layers = nn.ModuleList(Stage(k) for k in range(len(_WIDTHS)))
        self.neck = nn.Sequential(
            nn.Conv2d(_WIDTHS[-1], _OUT, 1, bias=False), ChannelNorm(_OUT),
            nn.Conv2d(_OUT, _OUT, 3, padding=1, bias=False), ChannelNorm(_OUT),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """x: N×3×H×W float32, sides multiples of 16."""
        x = self.patch_embed(x)
        for stage in self.layers:
            x = stage(x)
        return self.neck(x)
