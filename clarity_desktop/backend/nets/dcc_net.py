"""DCC-Net (Zhang et al., CVPR 2022) for low light: first the gray picture, then its colors."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 32


class _Layer(nn.Module):
    """A convolution, normalized over the photo. scale: 2 doubles the size, -2 halves it."""

    def __init__(self, inputs: int, outputs: int, scale: int = 1) -> None:
        super().__init__()
        if scale > 1:
            layer = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        else:
            layer = nn.Conv2d(inputs, outputs, 3, abs(scale), 1, bias=False)
        self.main = nn.ModuleList([layer])

    def forward(self, x: Tensor) -> Tensor:
        return F.gelu(F.instance_norm(self.main[0](x)))


class _Scale(nn.Module):
    def __init__(self, inputs: int, outputs: int, scale: int) -> None:
        super().__init__()
        self.main = _Layer(inputs, outputs, scale)

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer_1, self.layer_2 = _Layer(width, width), _Layer(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layer_2(self.layer_1(x))


def _blocks(width: int) -> nn.Sequential:
    return nn.Sequential(_Block(width), _Block(width))


class _Features(nn.Module):
    """At three sizes, the largest first."""

    def __init__(self, inputs: int, *, smaller: bool) -> None:
        super().__init__()
        self.conv_first = _Layer(inputs, WIDTH)
        layers: list[nn.Module] = []
        for width in (WIDTH, 2 * WIDTH, 4 * WIDTH):
            layers += [_Layer(width, width), _blocks(width), _Scale(width, 2 * width, -2)]
        self.Encoder = nn.ModuleList(layers if smaller else layers[:-1])

    def encoded(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        x, seen = self.conv_first(x), list[Tensor]()
        for k, layer in enumerate(self.Encoder):
            x = layer(x)
            if k % 3 == 1:
                seen.append(x)
        return x, seen


class _Picture(_Features):
    """A U-Net that makes a picture of 1 or 3 channels, 0..1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, smaller=True)
        self.middle = _blocks(8 * WIDTH)
        layers: list[nn.Module] = []
        for width in (4 * WIDTH, 2 * WIDTH, WIDTH):
            layers += [_Scale(2 * width, width, 2), _Layer(2 * width, width), _blocks(width)]
        self.Decoder = nn.ModuleList(layers)
        self.conv_last = nn.Conv2d(WIDTH, outputs, 3, padding=1)

    def decoded(self, x: Tensor, seen: list[Tensor]) -> Tensor:
        x = self.middle(x)
        for k, layer in enumerate(self.Decoder):
            x = layer(torch.cat([x, seen[2 - k // 3]], 1) if k % 3 == 1 else x)
        return (torch.tanh(self.conv_last(x)) + 1) / 2


class _Gray(_Picture):
    def __init__(self) -> None:
        super().__init__(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoded(*self.encoded(x))


class _Embedding(nn.Module):
    """Gives features the colors that resemble them; on the way the colors double their size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.ModuleList([nn.Conv2d(width, width // 2, 3, padding=1)])

    def forward(self, colors: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        near = 2 * torch.sigmoid(-(x - colors).abs().sum(1, keepdim=True))
        alike = torch.tanh((x * colors).sum(1, keepdim=True))
        larger = F.interpolate(F.leaky_relu(F.instance_norm(self.conv[0](colors)), 0.2), scale_factor=2)
        return x + colors * near * alike, larger


class _Colored(_Picture):
    def __init__(self) -> None:
        super().__init__(4, 3)
        widths = {f"cma_{level}": WIDTH * 2 ** (level - 1) for level in (3, 2, 1)}
        self.pce = nn.ModuleDict({name: _Embedding(width) for name, width in widths.items()})

    def forward(self, x: Tensor, colors: Tensor) -> Tensor:
        x, seen = self.encoded(x)
        for level in (3, 2, 1):
            seen[level - 1], colors = self.pce[f"cma_{level}"](colors, seen[level - 1])
        return self.decoded(x, seen)


class _Colors(_Features):
    """Features of color; how often each occurs only served the training."""

    def __init__(self) -> None:
        super().__init__(3, smaller=False)
        self.conv_color, self.fc = _Layer(4 * WIDTH, 3 * 256), nn.Linear(256, 64)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoded(x)[0]


class DccNet(nn.Module):
    """13,188,724 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.g_net, self.c_net, self.r_net = _Gray(), _Colors(), _Colored()

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 8 → the same in daylight, 0..1."""
        return self.r_net(torch.cat([rgb, self.g_net(rgb)], 1), self.c_net(rgb))
