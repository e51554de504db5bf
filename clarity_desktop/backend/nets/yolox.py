"""YOLOX-Nano: boxes of the 80 classes of COCO (Ge et al., “YOLOX: Exceeding YOLO Series in 2021”, 0.91 M parameters).

The published file has the batch normalizations folded into the convolutions, and names for the last layers only.
Its convolutions are therefore read in the order in which the network runs them (`in_order`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZE = 416
"""Side in pixels of the input."""
STRIDES = 8, 16, 32
CLASSES = 80
_WIDTHS = 16, 32, 64, 128, 256


class Unit(nn.Sequential):
    """A convolution and SiLU; wider kernels are depthwise and followed by a pointwise convolution."""

    def __init__(self, inside: int, outside: int, kernel: int = 1, stride: int = 1, *, full: bool = False) -> None:
        layers: list[nn.Module] = []
        if kernel == 1 or full:
            layers += [nn.Conv2d(inside, outside, kernel, stride, kernel // 2), nn.SiLU()]
        else:
            layers += [nn.Conv2d(inside, inside, kernel, stride, kernel // 2, groups=inside), nn.SiLU()]
            layers += [nn.Conv2d(inside, outside, 1), nn.SiLU()]
        super().__init__(*layers)


class Bottleneck(nn.Module):
    """1×1 and 3×3, with the input added or not. N×C×H×W keeps its shape."""

    def __init__(self, width: int, *, add: bool) -> None:
        super().__init__()
        self.first, self.second, self.add = Unit(width, width), Unit(width, width, 3), add

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        return x + self.second(self.first(x)) if self.add else self.second(self.first(x))


class CrossStage(nn.Module):
    """A cross stage partial layer (Wang et al., 2019): one half passes the bottlenecks, the other goes around them."""

    def __init__(self, inside: int, outside: int, count: int, *, add: bool) -> None:
        super().__init__()
        half = outside // 2
        self.main, self.side = Unit(inside, half), Unit(inside, half)
        self.blocks = nn.Sequential(*(Bottleneck(half, add=add) for _ in range(count)))
        self.out = Unit(outside, outside)

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32."""
        main, side = self.main(x), self.side(x)
        return self.out(torch.cat((self.blocks(main), side), 1))


class Pooling(nn.Module):
    """Spatial pyramid pooling: the maximum over 5, 9 and 13 cells beside the features. N×C×H×W keeps its shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.out = Unit(width, width // 2), Unit(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """x: N×C×H×W float32; returns the same shape."""
        x = self.first(x)
        return self.out(torch.cat((x, *(F.max_pool2d(x, side, 1, side // 2) for side in (5, 9, 13))), 1))


class Head(nn.Module):
    """Class scores, boxes and objectness of one level: N×C×h×w → N×(h·w)×85."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        width = _WIDTHS[2]
        self.stem = Unit(inside, width)
        self.classes = nn.Sequential(Unit(width, width, 3), Unit(width, width, 3), nn.Conv2d(width, CLASSES, 1))
        self.boxes = nn.Sequential(Unit(width, width, 3), Unit(width, width, 3))
        self.box, self.objectness = nn.Conv2d(width, 4, 1), nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor, stride: int) -> Tensor:
        """x: N×C×h×w float32. Rows: center x and y, width, height in pixels of the input, objectness, 80 scores."""
        x = self.stem(x)
        classes, near = self.classes(x), self.boxes(x)
        box, objectness = self.box(near), self.objectness(near)
        rows, columns = x.shape[2:]
        y, x_ = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        grid = torch.stack((x_, y))[None].to(box)
        middle, size = (box[:, :2] + grid) * stride, box[:, 2:].exp() * stride
        return torch.cat((middle, size, objectness.sigmoid(), classes.sigmoid()), 1).flatten(2).transpose(1, 2)


class YoloX(nn.Module):
    """N×3×416×416 float32 BGR, 0..255 → N×3549×85: rows as in `Head`, stride by stride, row by row."""

    def __init__(self) -> None:
        super().__init__()
        stem, w2, w3, w4, w5 = _WIDTHS
        self.stem = Unit(12, stem, 3, full=True)
        self.dark2 = nn.Sequential(Unit(stem, w2, 3, 2), CrossStage(w2, w2, 1, add=True))
        self.dark3 = nn.Sequential(Unit(w2, w3, 3, 2), CrossStage(w3, w3, 3, add=True))
        self.dark4 = nn.Sequential(Unit(w3, w4, 3, 2), CrossStage(w4, w4, 3, add=True))
        self.dark5 = nn.Sequential(Unit(w4, w5, 3, 2), Pooling(w5), CrossStage(w5, w5, 1, add=False))
        self.lateral, self.merge4 = Unit(w5, w4), CrossStage(2 * w4, w4, 1, add=False)
        self.reduce, self.merge3 = Unit(w4, w3), CrossStage(2 * w3, w3, 1, add=False)
        self.down3, self.join4 = Unit(w3, w3, 3, 2), CrossStage(2 * w3, w4, 1, add=False)
        self.down4, self.join5 = Unit(w4, w4, 3, 2), CrossStage(2 * w4, w5, 1, add=False)
        self.heads = nn.ModuleList(Head(width) for width in (w3, w4, w5))

    def forward(self, bgr: Tensor) -> Tensor:
        """bgr: N×3×H×W float32, 0..255, sides multiples of 32."""
        # The four pixels of each 2×2 square become channels: upper left, lower left, upper right, lower right.
        corners = [bgr[..., y::2, x::2] for x in (0, 1) for y in (0, 1)]
        level3 = self.dark3(self.dark2(self.stem(torch.cat(corners, 1))))
        level4 = self.dark4(level3)
        level5 = self.dark5(level4)
        top = self.lateral(level5)
        middle = self.merge4(torch.cat((_doubled(top), level4), 1))
        bottom = self.reduce(middle)
        out3 = self.merge3(torch.cat((_doubled(bottom), level3), 1))
        out4 = self.join4(torch.cat((self.down3(out3), bottom), 1))
        out5 = self.join5(torch.cat((self.down4(out4), top), 1))
        outputs = zip(self.heads, (out3, out4, out5), STRIDES, strict=True)
        return torch.cat([head(x, stride) for head, x, stride in outputs], 1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def in_order(convolutions: Sequence[Mapping[str, Tensor]]) -> YoloX:
    """The network with the weights (out×in×k×k float32) and biases of its convolutions in the order in which they run.

    Raises ValueError where number or shapes do not agree.
    """
    net = YoloX().eval()
    order: list[nn.Conv2d] = []

    def note(module: nn.Module, _inputs: object) -> None:
        assert isinstance(module, nn.Conv2d), "only convolutions have this hook"
        order.append(module)

    hooks = [part.register_forward_pre_hook(note) for part in net.modules() if isinstance(part, nn.Conv2d)]
    with torch.inference_mode():
        net(torch.zeros(1, 3, 64, 64))
    for hook in hooks:
        hook.remove()
    if len(order) != len(convolutions):
        raise ValueError(f"{len(convolutions)} convolutions instead of {len(order)}")
    for place, (own, given) in enumerate(zip(order, convolutions, strict=True)):
        assert own.bias is not None, "every convolution of this network has a bias"
        if own.weight.shape != given["weight"].shape or own.bias.shape != given["bias"].shape:
            raise ValueError(f"convolution {place} has the shape {tuple(given['weight'].shape)}")
        own.weight.data.copy_(given["weight"])
        own.bias.data.copy_(given["bias"])
    return net
