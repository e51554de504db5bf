"""MAXIM (Tu et al., "MAXIM: Multi-Axis MLP for Image Processing", CVPR 2022), written from the paper.

A stack of 2 or 3 U-shaped stages with supervised attention between them. All tensors are N×H×W×C float; heights and
widths are multiples of 64, because the lowest scale (an eighth) mixes blocks and grids of 8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 32
"""Channels at full resolution; they double with each scale."""
DEPTH = 3
"""Scales of a stage."""
GROUPS = 2
"""Pairs of a multi-axis layer and a residual attention block in each U-net block."""
BOTTLENECKS = 2
EPSILON = 1e-6
SLOPE = 0.2
"""Of the leaky ReLU."""

LEVELS = range(DEPTH)
BOTTOM = DEPTH - 1

Checkpoint = Callable[[], None]
"""Called between blocks; may raise (JobCancelled) to end the work."""


def channels(level: int) -> int:
    """Features at a scale; level 0 is full resolution."""
    return WIDTH << level


def window(level: int) -> int:
    """Side of a block, and blocks along a side of the grid: 16 at the two high resolutions, 8 below."""
    return 16 if level < 2 else 8


class Conv(nn.Conv2d):
    """A convolution over N×H×W×C; "same" padding with zeros."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding=(kernel - stride) // 2 if stride > 1 else kernel // 2)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        """N×H×W×inputs to N×H×W×outputs (fewer rows and columns with a stride), float32."""
        return super().forward(input.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class ConvTranspose(nn.ConvTranspose2d):
    """Doubles height and width of N×H×W×C; the 2×2 patches do not overlap."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 2, 2)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002 (torch's name)
        """N×H×W×inputs to N×2H×2W×outputs, float32."""
        return super().forward(input.permute(0, 3, 1, 2), output_size).permute(0, 2, 3, 1)


def layer_norm(features: int) -> nn.LayerNorm:
    """A layer norm with the published epsilon."""
    return nn.LayerNorm(features, eps=EPSILON)


def gelu(x: Tensor) -> Tensor:
    """GELU in the published tanh approximation; any shape, float32."""
    return F.gelu(x, approximate="tanh")


def to_axes(x: Tensor, side: int, *, grid: bool) -> Tensor:
    """N×H×W×C (any dtype) as N×T×R×C, where T is the axis of the side² positions that are mixed with each other.

    grid: T is a side×side grid of equal patches (dilated, global mixing); otherwise the positions inside blocks of
    side×side (local mixing). R has the rest of the positions.
    """
    n, h, w, c = x.shape
    if grid:
        x = x.reshape(n, side, h // side, side, w // side, c).permute(0, 1, 3, 2, 4, 5)
    else:
        x = x.reshape(n, h // side, side, w // side, side, c).permute(0, 2, 4, 1, 3, 5)
    return x.reshape(n, side * side, -1, c)


def from_axes(x: Tensor, height: int, width: int, side: int, *, grid: bool) -> Tensor:
    """The inverse of to_axes: N×T×R×C (any dtype) to N×H×W×C."""
    n, c = x.shape[0], x.shape[-1]
    if grid:
        x = x.reshape(n, side, side, height // side, width // side, c).permute(0, 1, 3, 2, 4, 5)
    else:
        x = x.reshape(n, side, side, height // side, width // side, c).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(n, height, width, c)


def mix(x: Tensor, dense: nn.Linear) -> Tensor:
    """Apply a dense layer along T of N×T×R×C (float32); the shape stays."""
    mixed = torch.matmul(dense.weight, x.flatten(2)) + dense.bias[:, None]
    return mixed.view(x.shape)


class SpatialGatingUnit(nn.Module):
    """u · (mix(norm(v)) + 1), mixing along T of N×T×R×C."""

    def __init__(self, features: int, side: int) -> None:
        super().__init__()
        self.intermediate_layernorm = layer_norm(features)
        self.dense_0 = nn.Linear(side * side, side * side)

    def forward(self, u: Tensor, v: Tensor) -> Tensor:
        """u, v: N×T×R×C float32; returns the same shape."""
        return u * (mix(self.intermediate_layernorm(v), self.dense_0) + 1)


class GmlpLayer(nn.Module):
    """A gated MLP over one axis of N×H×W×C: the grid (global) or the block (local)."""

    def __init__(self, features: int, side: int, *, grid: bool) -> None:
        super().__init__()
        self.side, self.grid = side, grid
        self.layer_norm = layer_norm(features)
        self.in_project = nn.Linear(features, 2 * features)
        self.gating_unit = SpatialGatingUnit(features, side)
        self.out_project = nn.Linear(features, features)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        shortcut = to_axes(x, self.side, grid=self.grid)
        u, v = gelu(self.in_project(self.layer_norm(shortcut))).chunk(2, -1)
        y = shortcut + self.out_project(self.gating_unit(u, v))
        return from_axes(y, x.shape[1], x.shape[2], self.side, grid=self.grid)


class MultiAxisGmlpLayer(nn.Module):
    """The multi-axis gated MLP: half of the channels go along the grid, half along the blocks."""

    def __init__(self, features: int, side: int) -> None:
        super().__init__()
        self.layer_norm_in = layer_norm(features)
        self.in_project = nn.Linear(features, 2 * features)
        self.grid_gmlp_layer = GmlpLayer(features, side, grid=True)
        self.block_gmlp_layer = GmlpLayer(features, side, grid=False)
        self.out_project = nn.Linear(2 * features, features)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        u, v = gelu(self.in_project(self.layer_norm_in(x))).chunk(2, -1)
        return x + self.out_project(torch.cat([self.grid_gmlp_layer(u), self.block_gmlp_layer(v)], -1))


class ChannelAttention(nn.Module):
    """Scales the channels of N×H×W×C by weights computed from their means over the picture."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv_0 = Conv(features, features // 4, 1)
        self.conv_1 = Conv(features // 4, features, 1)

    def weights(self, x: Tensor) -> Tensor:
        """The weights, N×1×1×C in 0..1."""
        mean = x.mean((1, 2), keepdim=True)
        return torch.sigmoid(self.conv_1(F.relu(self.conv_0(mean))))

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        return x * self.weights(x)


class ResidualChannelAttentionBlock(nn.Module):
    """RCAB (N×H×W×C to the same shape): norm, two convolutions, channel attention."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layer_norm = layer_norm(features)
        self.conv1 = Conv(features, features, 3)
        self.conv2 = Conv(features, features, 3)
        self.channel_attention = ChannelAttention(features)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        y = F.leaky_relu(self.conv1(self.layer_norm(x)), SLOPE)
        return x + self.channel_attention(self.conv2(y))


class MlpBlock(nn.Module):
    """Two dense layers over the channels of N×H×W×C."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.dense_0 = nn.Linear(features, features)
        self.dense_1 = nn.Linear(features, features)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        return self.dense_1(gelu(self.dense_0(x)))


class ResidualDenseChannelAttentionBlock(nn.Module):
    """RDCAB (N×H×W×C to the same shape): RCAB with an MLP instead of the convolutions."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layer_norm = layer_norm(features)
        self.channel_mixing = MlpBlock(features)
        self.channel_attention = ChannelAttention(features)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        return x + self.channel_attention(self.channel_mixing(self.layer_norm(x)))


class MultiAxisGating(nn.Module):
    """Gates for a cross-gating block, mixed along grid and blocks. N×H×W×C to the same shape."""

    def __init__(self, features: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.layer_norm_in = layer_norm(features)
        self.in_project = nn.Linear(features, 2 * features)
        self.dense_0 = nn.Linear(side * side, side * side)  # along the grid
        self.dense_1 = nn.Linear(side * side, side * side)  # inside blocks
        self.out_project = nn.Linear(2 * features, features)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        u, v = gelu(self.in_project(self.layer_norm_in(x))).chunk(2, -1)
        along_grid = self._mixed(u, self.dense_0, grid=True)
        in_blocks = self._mixed(v, self.dense_1, grid=False)
        return self.out_project(torch.cat([along_grid, in_blocks], -1))

    def _mixed(self, x: Tensor, dense: nn.Linear, *, grid: bool) -> Tensor:
        mixed = mix(to_axes(x, self.side, grid=grid), dense)
        return from_axes(mixed, x.shape[1], x.shape[2], self.side, grid=grid)


class CrossGatingBlock(nn.Module):
    """Two streams (N×H×W×C) gate each other. upsample_y: channels of y if it comes from the scale below, else 0."""

    def __init__(self, inputs: int, features: int, side: int, upsample_y: int = 0) -> None:
        super().__init__()
        # Module names follow the published code, which keeps the conversion of weights simple.
        self.conv_transpose_0 = ConvTranspose(upsample_y, features) if upsample_y else None
        self.conv_0 = Conv(inputs, features, 1)
        self.conv_1 = Conv(features, features, 1)
        self.layer_norm_x = layer_norm(features)
        self.in_project_x = nn.Linear(features, features)
        self.gating_x = MultiAxisGating(features, side)
        self.layer_norm_y = layer_norm(features)
        self.in_project_y = nn.Linear(features, features)
        self.gating_y = MultiAxisGating(features, side)
        self.out_project_y = nn.Linear(features, features)
        self.out_project_x = nn.Linear(features, features)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """N×H×W×C float32 pairs; same shapes."""
        if self.conv_transpose_0 is not None:
            y = self.conv_transpose_0(y)
        shortcut_x, shortcut_y = self.conv_0(x), self.conv_1(y)
        x = gelu(self.in_project_x(self.layer_norm_x(shortcut_x)))
        y = gelu(self.in_project_y(self.layer_norm_y(shortcut_y)))
        gate_x, gate_y = self.gating_x(x), self.gating_y(y)
        y = shortcut_y + self.out_project_y(y * gate_x)
        # x also receives the updated y, as in the paper.
        x = shortcut_x + self.out_project_x(x * gate_y) + y
        return x, y


class UNetBlock(nn.Module):
    """The common part of encoder and decoder blocks: a 1×1 convolution, pairs of multi-axis layer and attention."""

    def __init__(self, inputs: int, features: int, side: int) -> None:
        super().__init__()
        self.conv_0 = Conv(inputs, features, 1)
        self.multi_axis = nn.ModuleList(MultiAxisGmlpLayer(features, side) for _ in range(GROUPS))
        self.residual = nn.ModuleList(ResidualChannelAttentionBlock(features) for _ in range(GROUPS))

    def trunk(self, x: Tensor, checkpoint: Checkpoint) -> Tensor:
        """N×H×W×inputs to N×H×W×features, float32."""
        x = shortcut = self.conv_0(x)
        for multi_axis, residual in zip(self.multi_axis, self.residual, strict=True):
            x = residual(multi_axis(x))
            checkpoint()
        return x + shortcut


class UNetEncoderBlock(UNetBlock):
    """One scale on the way down. Returns the half-size features and the skip features."""

    def __init__(self, inputs: int, features: int, side: int, *, cross_gating: bool) -> None:
        super().__init__(inputs, features, side)
        self.cross_gating_block = CrossGatingBlock(features, features, side) if cross_gating else None
        self.conv_1 = Conv(features, features, 4, 2)

    def forward(self, x: Tensor, skip: Tensor, before: Tensor | None, checkpoint: Checkpoint) -> tuple[Tensor, Tensor]:
        """N×H×W×inputs to N×H×W×features, float32.

        before: encoder plus decoder features of the previous stage at this scale; None in the first stage."""
        x = self.trunk(torch.cat([x, skip], -1), checkpoint)
        if self.cross_gating_block is not None and before is not None:
            x, _ = self.cross_gating_block(x, before)
        return self.conv_1(x), x


class UNetDecoderBlock(UNetBlock):
    """One scale on the way up, with skip features of all scales."""

    def __init__(self, below: int, features: int, side: int) -> None:
        super().__init__((1 + DEPTH) * features, features, side)
        self.conv_transpose_0 = ConvTranspose(below, features)

    def forward(self, x: Tensor, skips: Sequence[Tensor], checkpoint: Checkpoint) -> Tensor:
        """N×H×W×C float32 to N×2H×2W×features."""
        return self.trunk(torch.cat([self.conv_transpose_0(x), *skips], -1), checkpoint)


class BottleneckBlock(nn.Module):
    """The lowest scale: pairs of multi-axis layer and dense attention (RDCAB)."""

    def __init__(self, features: int, side: int) -> None:
        super().__init__()
        self.input_proj = Conv(features, features, 1)
        self.multi_axis = nn.ModuleList(MultiAxisGmlpLayer(features, side) for _ in range(GROUPS))
        self.residual = nn.ModuleList(ResidualDenseChannelAttentionBlock(features) for _ in range(GROUPS))

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32; same shape."""
        x = shortcut = self.input_proj(x)
        for multi_axis, residual in zip(self.multi_axis, self.residual, strict=True):
            x = residual(multi_axis(x))
        return x + shortcut


class SupervisedAttentionModule(nn.Module):
    """SAM: scales features (N×H×W×C) by the picture (N×H×W×3) that they would give as the output of the stage."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.conv_0 = Conv(features, features, 3)
        self.conv_1 = Conv(features, 3, 3)
        self.conv_2 = Conv(3, features, 3)

    def forward(self, x: Tensor, picture: Tensor) -> Tensor:
        """Features N×H×W×C and picture N×H×W×3, float32: the attended features and the restored picture."""
        restored = self.conv_1(x) + picture
        return x + self.conv_0(x) * torch.sigmoid(self.conv_2(restored))


class UpSampleRatio(nn.Module):
    """Converts features of one scale to the size (bilinear, antialiased) and channels of another."""

    def __init__(self, source: int, target: int) -> None:
        super().__init__()
        self.exponent = source - target
        self.conv_0 = Conv(channels(source), channels(target), 1)

    def forward(self, x: Tensor) -> Tensor:
        """N×H×W×C float32, resized by the ratio."""
        return self.conv_0(resized(x, self.exponent))


class UpSampleRatios(nn.ModuleList):
    """Converts the features of all scales to one scale."""

    def __init__(self, target: int) -> None:
        super().__init__(UpSampleRatio(source, target) for source in LEVELS)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """N×H×W×C float32 of each scale, all resized to one scale."""
        return [ratio(x) for ratio, x in zip(self, features, strict=True)]


def resized(x: Tensor, exponent: int) -> Tensor:
    """N×H×W×C float32 resized by 2^exponent in height and width, bilinear; antialiased if reduced."""
    if exponent == 0:
        return x
    picture = x.permute(0, 3, 1, 2)
    if exponent > 0:
        return F.interpolate(picture, scale_factor=float(1 << exponent), mode="bilinear").permute(0, 2, 3, 1)
    return reduced(picture, 1 << -exponent).permute(0, 2, 3, 1)


def reduced(x: Tensor, factor: int) -> Tensor:
    """N×C×H×W float32 reduced by factor (2 or 4) in height and width, with a triangle filter of 2·factor pixels.

    As a convolution it is several times faster than torch's antialiased resize, and available on all devices.
    """
    distance = (torch.arange(2 * factor, device=x.device, dtype=x.dtype) + 0.5 - factor).abs()
    taps = (1 - distance / factor) / factor
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, -1, -1)
    y = F.conv2d(x, kernel, None, factor, factor // 2, groups=x.shape[1])
    # At the borders an eighth of the weight lies outside, for either factor.
    return y * _border_weights(y.shape[-1], x) * _border_weights(y.shape[-2], x)[:, None]


def _border_weights(size: int, like: Tensor) -> Tensor:
    inside = torch.ones(size - 2, device=like.device, dtype=like.dtype)
    return F.pad(inside, (1, 1), value=8 / 7)


@dataclass(frozen=True, slots=True)
class StageOutput:
    """The features that a stage passes to the next, by scale: after attention, and encoder plus decoder."""

    attended: list[Tensor]
    features: list[Tensor]


class Stage(nn.Module):
    """One U-net. The last stage ends in a picture, the others in supervised attention."""

    def __init__(self, *, first: bool, last: bool) -> None:
        super().__init__()
        self.input_conv = nn.ModuleList(Conv(3, channels(i), 3) for i in LEVELS)
        self.input_fuse_sam = nn.ModuleList(
            CrossGatingBlock(channels(i), channels(i), window(i)) for i in LEVELS if not first
        )
        self.encoder_block = nn.ModuleList(
            UNetEncoderBlock(channels(i) + channels(max(0, i - 1)), channels(i), window(i), cross_gating=not first)
            for i in LEVELS
        )
        self.global_block = nn.ModuleList(BottleneckBlock(channels(BOTTOM), window(BOTTOM)) for _ in range(BOTTLENECKS))
        self.cross_gating_block = nn.ModuleList(
            CrossGatingBlock(DEPTH * channels(i), channels(i), window(i), upsample_y=channels(min(BOTTOM, i + 1)))
            for i in LEVELS
        )
        self.decoder_block = nn.ModuleList(
            UNetDecoderBlock(channels(min(BOTTOM, i + 1)), channels(i), window(i)) for i in LEVELS
        )
        self.encoded_ratios = nn.ModuleList(UpSampleRatios(i) for i in LEVELS)
        self.skip_ratios = nn.ModuleList(UpSampleRatios(i) for i in LEVELS)
        self.supervised_attention_module = nn.ModuleList(
            SupervisedAttentionModule(channels(i)) for i in LEVELS if not last
        )
        self.output_conv = nn.ModuleList([Conv(channels(0), 3, 3)] if last else [])

    def forward(
        self, pictures: list[Tensor], before: StageOutput | None, checkpoint: Checkpoint
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The features of encoder and decoder at each scale. pictures: the input at each scale, N×H×W×3 float32."""
        encoded, x = self._encode(self._entrance(pictures, before, checkpoint), before, checkpoint)
        for block in self.global_block:
            x = block(x)
            checkpoint()
        skips = self._gate(encoded, x, checkpoint)
        return encoded, self._decode(skips, x, checkpoint)

    def hand_over(self, pictures: list[Tensor], encoded: list[Tensor], decoded: list[Tensor]) -> StageOutput:
        """The features for the next stage, N×H×W×C float32 at each scale."""
        attended = [sam(x, y) for sam, x, y in zip(self.supervised_attention_module, decoded, pictures, strict=True)]
        return StageOutput(attended, [x + y for x, y in zip(encoded, decoded, strict=True)])

    def _entrance(self, pictures: list[Tensor], before: StageOutput | None, checkpoint: Checkpoint) -> list[Tensor]:
        features = [conv(picture) for conv, picture in zip(self.input_conv, pictures, strict=True)]
        if before is None:
            return features
        for i in LEVELS:
            features[i], _ = self.input_fuse_sam[i](features[i], before.attended[i])
            checkpoint()
        return features

    def _encode(
        self, features: list[Tensor], before: StageOutput | None, checkpoint: Checkpoint
    ) -> tuple[list[Tensor], Tensor]:
        encoded: list[Tensor] = []
        x = features[0]
        for i in LEVELS:
            x, skip = self.encoder_block[i](x, features[i], before and before.features[i], checkpoint)
            encoded.append(skip)
        return encoded, x

    def _gate(self, encoded: list[Tensor], x: Tensor, checkpoint: Checkpoint) -> list[Tensor]:
        skips: dict[int, Tensor] = {}
        for i in reversed(LEVELS):
            signal = torch.cat(self.encoded_ratios[i](encoded), -1)
            skips[i], x = self.cross_gating_block[i](signal, x)
            checkpoint()
        return [skips[i] for i in LEVELS]

    def _decode(self, skips: list[Tensor], x: Tensor, checkpoint: Checkpoint) -> list[Tensor]:
        decoded: dict[int, Tensor] = {}
        for i in reversed(LEVELS):
            # The decoder takes the skip features from the lowest scale up.
            x = decoded[i] = self.decoder_block[i](x, self.skip_ratios[i](skips)[::-1], checkpoint)
        return [decoded[i] for i in LEVELS]


class Maxim(nn.Module):
    """MAXIM-2S (2 stages, 14.2 M parameters) or MAXIM-3S (3 stages, 22.2 M)."""

    def __init__(self, stages: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(Stage(first=s == 0, last=s == stages - 1) for s in range(stages))

    def forward(self, x: Tensor, checkpoint: Checkpoint = lambda: None) -> Tensor:
        """Restore N×H×W×3 float RGB in 0..1, H and W multiples of 64; the result has the same shape, not clipped."""
        pictures = [x, x[:, 1::2, 1::2], x[:, 2::4, 2::4]]  # the nearest pixel, as published
        before: StageOutput | None = None
        *inner, last = cast("list[Stage]", list(self.stages))
        for stage in inner:
            before = stage.hand_over(pictures, *stage(pictures, before, checkpoint))
            checkpoint()
        _, decoded = last(pictures, before, checkpoint)
        return last.output_conv[0](decoded[0]) + x
