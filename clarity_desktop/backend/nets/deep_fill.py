"""DeepFill v2 (Yu et al., ICCV 2019) fills what is marked: roughly, then with pieces of the rest of the photo.

As OpenMMLab trained it: its names of tensors, widths and order of channels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 96
ROUGH, NEAR, FAR = (24, 48, 48, 96, 96, 96), (24, 24, 48, 48, 96, 96), (24, 24, 48, 96, 96, 96)
"""Widths of the layers before the picture is at a quarter of its size."""
ROUGH_BACK, FINE_BACK = (96, 96, 48, 48, 24, 12, 3), (128, 128, 64, 64, 32, 16, 3)
SHARPNESS = 10
"""How much more the most similar piece counts."""


class _Gated(nn.Module):
    """A convolution, and one that says where it counts."""

    def __init__(
        self, inputs: int, outputs: int, side: int = 3, stride: int = 1, dilation: int = 1, *, active: bool = True
    ) -> None:
        super().__init__()
        padding = dilation * (side // 2)
        layer = nn.Conv2d(inputs, 2 * outputs, side, stride, padding, dilation, padding_mode="reflect")
        self.conv = nn.ModuleDict({"conv": layer})
        self._active = active

    def forward(self, x: Tensor) -> Tensor:
        x, gate = self.conv["conv"](x).chunk(2, 1)
        return (F.elu(x) if self._active else x) * torch.sigmoid(gate)


class _Encoder(nn.Module):
    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        for k, (inputs, outputs) in enumerate(zip((5, *widths), widths, strict=False), 1):
            self.add_module(f"enc{k}", _Gated(inputs, outputs, 5 if k == 1 else 3, 2 if k in (2, 4) else 1))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = layer(x)
        return x


class _Wide(nn.Module):
    """Layers that see ever further."""

    def __init__(self) -> None:
        super().__init__()
        self.dilation_convs = nn.Sequential(*(_Gated(WIDTH, WIDTH, dilation=2**k) for k in range(1, 5)))

    def forward(self, x: Tensor) -> Tensor:
        return self.dilation_convs(x)


class _Decoder(nn.Module):
    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        for k, (before, after) in enumerate(zip((inputs, *widths), widths, strict=False), 1):
            self.add_module(f"dec{k}", _Gated(before, after, active=k < len(widths)))

    def forward(self, x: Tensor) -> Tensor:
        for k, layer in enumerate(self.children(), 1):
            x = layer(x)
            if k in (2, 4):
                x = F.interpolate(x, scale_factor=2)
        return torch.tanh(x)


class _Copied(nn.Module):
    """What is marked from the pieces of the rest that are most similar to it."""

    def __init__(self) -> None:
        super().__init__()
        self.contextual_attention = nn.Module()
        self.contextual_attention.register_buffer("fuse_kernel", torch.eye(3)[None, None])
        self.conv1, self.conv2 = _Gated(WIDTH, WIDTH), _Gated(WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """One photo, 1×WIDTH×H×W, and where it is marked, 1×1×H×W."""
        pieces = _pieces(x, 4, 2)
        small = F.interpolate(x, scale_factor=0.5)
        height, width = small.shape[2:]
        shown = F.unfold(small, 3, padding=1)
        shown = shown / shown.square().sum(1, keepdim=True).sqrt().clamp(min=1e-4)
        shown = shown[0].T.reshape(-1, WIDTH, 3, 3)
        similar = self._continued(F.conv2d(small, shown, padding=1), height, width)
        hidden = F.unfold(F.interpolate(mask, scale_factor=0.5), 3, padding=1).sum(1)[0] > 0
        similar = similar.masked_fill(hidden[None, :, None, None], -torch.inf)
        weights = torch.softmax(SHARPNESS * similar, 1).nan_to_num()  # all is marked: nothing is copied
        overlap = F.conv_transpose2d(torch.ones_like(small[:, :1]), torch.ones_like(pieces[:1, :1]), None, 2, 1)
        return self.conv2(self.conv1(F.conv_transpose2d(weights, pieces, None, 2, 1) / overlap))

    def _continued(self, similar: Tensor, height: int, width: int) -> Tensor:
        """Similarities that are higher where neighbors of both pieces are similar too: 1×(H·W)×H×W."""
        kernel = self.contextual_attention.get_buffer("fuse_kernel")
        x = F.conv2d(similar[0].flatten(1).T[None, None], kernel, padding=1)
        # The same column by column.
        x = x.view(height, width, height, width).permute(1, 0, 3, 2).reshape(1, 1, height * width, height * width)
        x = F.conv2d(x, kernel, padding=1).view(width, height, width, height)
        return x.permute(3, 2, 1, 0).reshape(1, -1, height, width)


def _pieces(x: Tensor, side: int, stride: int) -> Tensor:
    """1×C×H×W → pieces×C×side×side."""
    return F.unfold(x, side, padding=1, stride=stride)[0].T.reshape(-1, x.shape[1], side, side)


class _Rough(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.dilation_neck, self.decoder = _Encoder(ROUGH), _Wide(), _Decoder(WIDTH, ROUGH_BACK)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.dilation_neck(self.encoder(x)))


class _Fine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder_attention, self.encoder_conv = _Encoder(FAR), _Encoder(NEAR)
        self.contextual_attention_neck, self.dilation_neck = _Copied(), _Wide()
        self.decoder = _Decoder(2 * WIDTH, FINE_BACK)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        near = self.dilation_neck(self.encoder_conv(x))
        far = self.encoder_attention(x)
        copied = self.contextual_attention_neck(far, F.interpolate(mask, far.shape[2:]))
        return self.decoder(torch.cat([near, copied], 1))


class DeepFill(nn.Module):
    """4,414,908 parameters. It was trained on pictures of 256×256 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.ModuleDict({"stage1": _Rough(), "stage2": _Fine()})

    def forward(self, rgb: Tensor, mask: Tensor) -> Tensor:
        """1×3×H×W float RGB 0..1 and 1×1×H×W, 1 where to fill; sides multiples of 8 → the same, filled."""
        marked = (mask > 0.5).to(rgb.dtype)
        kept = (2 * rgb - 1) * (1 - marked)
        more = torch.ones_like(marked), marked
        rough = self.generator["stage1"](torch.cat([kept, *more], 1))
        fine = self.generator["stage2"](torch.cat([rough * marked + kept, *more], 1), marked)
        return (fine * marked + (2 * rgb - 1) * (1 - marked) + 1) / 2
