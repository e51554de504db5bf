"""MAXIM on the CPU: the same function as `maxim.Maxim`, optimized for few passes over memory.

Successive linear layers are combined once, in float64; activations and sums are fused into oneDNN's products; the
mixing layers run in pieces that fit the cache, ordered along their axis, so that mixing is one matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.backend.nets import maxim
from clarity_desktop.backend.nets.maxim import EPSILON, LEVELS, SLOPE, Checkpoint, resized

PIECE = 1 << 16
"""Positions × channels / mixed positions in one piece of a mixing layer: about 2 MB for each intermediate tensor."""


def _fused_products() -> Any:
    """oneDNN's products with a fused activation or sum; None if this build or processor lacks them."""
    operations = cast(Any, torch.ops.mkldnn)
    if torch.backends.mkldnn.is_available() and hasattr(operations, "_linear_pointwise"):
        return operations
    return None


_FUSED = _fused_products()

Activation = Literal["none", "leaky_relu", "sigmoid"]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The settings of one run: its checkpoint, and the type inside the residual branches (float32 or bfloat16)."""

    checkpoint: Checkpoint
    dtype: torch.dtype

    def norm(self, x: Tensor, affine: nn.LayerNorm | None = None) -> Tensor:
        """The layer norm over the last axis at the start of a branch, same shape, in the branch's dtype."""
        return norm(x, affine).to(self.dtype)


@dataclass(frozen=True, slots=True)
class Affine:
    """x → x Wᵀ + b over the last axis; float64, for combining layers."""

    weight: Tensor  # outputs×inputs
    bias: Tensor

    @staticmethod
    def of(module: nn.Module) -> Affine:
        """Of a dense layer or a 1×1 convolution."""
        # float64: combining layers in float32 would cost several decibels.
        weight, bias = cast(Tensor, module.weight).detach().double(), cast(Tensor, module.bias).detach().double()
        return Affine(weight.reshape(weight.shape[:2]), bias)

    def after_norm(self, norm: nn.LayerNorm) -> Affine:
        """Preceded by the scale and shift of a norm, which then needs neither."""
        return Affine(self.weight * norm.weight.double(), self.bias + self.weight @ norm.bias.double())

    def then(self, other: Affine) -> Affine:
        """Followed by another."""
        return Affine(other.weight @ self.weight, other.weight @ self.bias + other.bias)

    def outputs(self) -> tuple[Affine, Affine]:
        """The two halves of the outputs."""
        (w, z), (b, c) = self.weight.chunk(2), self.bias.chunk(2)
        return Affine(w, b), Affine(z, c)

    def inputs(self, *sizes: int) -> list[Affine]:
        """Split by inputs; the bias stays with the first."""
        parts = self.weight.split(sizes, 1)
        return [Affine(part, self.bias * (k == 0)) for k, part in enumerate(parts)]


class PerDtype:
    """A tensor in several floating types: layers compute in the type of their input."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensors = {torch.float32: tensor.float()}

    def like(self, x: Tensor) -> Tensor:
        """The tensor (same shape) in the dtype of x."""
        if x.dtype not in self._tensors:
            self._tensors[x.dtype] = self._tensors[torch.float32].to(x.dtype)
        return self._tensors[x.dtype]


class Linear:
    """An Affine for inference, over the last axis of a tensor."""

    def __init__(self, affine: Affine) -> None:
        self._weight, self._bias = PerDtype(affine.weight.contiguous()), PerDtype(affine.bias.contiguous())

    def __call__(self, x: Tensor) -> Tensor:
        weight, bias = self._weight.like(x), self._bias.like(x)
        if _FUSED is None:
            return F.linear(x, weight, bias)
        return _FUSED._linear_pointwise(x, weight, bias, "none", [], "")

    def gelu(self, x: Tensor) -> Tensor:
        """H×W×inputs to H×W×features in the dtype of x, then GELU (tanh approximation)."""
        weight, bias = self._weight.like(x), self._bias.like(x)
        if _FUSED is None:
            return F.gelu(F.linear(x, weight, bias), approximate="tanh")
        return _FUSED._linear_pointwise(x, weight, bias, "gelu", [], "tanh")

    def plus(self, x: Tensor, other: Tensor) -> Tensor:
        """The result for x plus other, same shape and dtype as other."""
        if _FUSED is None or x.dtype != other.dtype:
            return other + self(x)
        return _FUSED._linear_pointwise.binary(x, other, self._weight.like(x), self._bias.like(x), "add")


class Mixing:
    """A dense layer along the first axis of T×(R·C)."""

    def __init__(self, dense: nn.Linear, shift: float = 0.0) -> None:
        self._weight = PerDtype(dense.weight.detach().clone())
        self._bias = PerDtype((dense.bias.detach() + shift)[:, None])

    def __call__(self, x: Tensor) -> Tensor:
        weight, bias = self._weight.like(x), self._bias.like(x)
        if _FUSED is None:
            return torch.addmm(bias, weight, x)
        # Transposed: the mixed axis becomes the inner dimension of the product.
        return _FUSED._linear_pointwise(weight, x.t(), None, "none", [], "").add_(bias)

    def gate(self, u: Tensor, v: Tensor) -> Tensor:
        """u · mix(v); both are T×(R·C) of one dtype."""
        weight, bias = self._weight.like(v), self._bias.like(v)
        if _FUSED is None:
            return torch.addmm(bias, weight, v).mul_(u)
        mixed: Tensor = _FUSED._linear_pointwise.binary(weight, u, v.t(), None, "mul")
        return mixed.addcmul_(u, bias)


class Convolution:
    """A convolution over H×W×C, with padding 1."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int = 1) -> None:
        self._weight, self._bias = PerDtype(weight.contiguous(memory_format=torch.channels_last)), PerDtype(bias)
        self._stride = stride
        self._padding = 1

    @staticmethod
    def of(module: nn.Conv2d, then: Affine | None = None) -> Convolution:
        """Of a 3×3 or 4×4 convolution, combined with a linear layer behind it."""
        weight, bias = module.weight.detach().double(), cast(Tensor, module.bias).detach().double()
        if then is not None:
            weight, bias = torch.einsum("of,fihw->oihw", then.weight, weight), then.weight @ bias + then.bias
        return Convolution(weight, bias, module.stride[0])

    def __call__(self, x: Tensor, activation: Activation = "none") -> Tensor:
        picture, weight, bias = x.permute(2, 0, 1)[None], self._weight.like(x), self._bias.like(x)
        if _FUSED is None:
            y = _activated(F.conv2d(picture, weight, bias, self._stride, self._padding), activation)
        else:
            sides = [[side, side] for side in (self._padding, self._stride, 1)]
            scalars = [SLOPE] if activation == "leaky_relu" else []
            y = _FUSED._convolution_pointwise(picture, weight, bias, *sides, 1, activation, scalars, "")
        return y[0].permute(1, 2, 0)


def _activated(x: Tensor, activation: Activation) -> Tensor:
    if activation == "leaky_relu":
        return F.leaky_relu(x, SLOPE, inplace=True)
    return x.sigmoid_() if activation == "sigmoid" else x


def norm(x: Tensor, affine: nn.LayerNorm | None = None) -> Tensor:
    """Layer norm over the last axis, same shape and dtype; affine None: it is part of the next linear layer."""
    weight, bias = (affine.weight, affine.bias) if affine is not None else (None, None)
    return F.layer_norm(x, x.shape[-1:], weight, bias, EPSILON)


def pieces(*pictures: Tensor, side: int, grid: bool) -> Iterator[tuple[Tensor, ...]]:
    """Matching views of H×W×C pictures (any dtype) as side×side×r×s×C, in pieces of r×s; side×side is mixed."""
    h, w, c = pictures[0].shape
    if grid:
        views = [x.view(side, h // side, side, w // side, c).permute(0, 2, 1, 3, 4) for x in pictures]
    else:
        views = [x.view(h // side, side, w // side, side, c).permute(1, 3, 0, 2, 4) for x in pictures]
    # Pieces scale with the number of channels, so that their memory stays the same.
    room = max(1, PIECE // (side * side) * 8 // c)
    columns = min(w // side, room)
    rows = max(1, room // columns)
    for i in range(0, h // side, rows):
        for j in range(0, w // side, columns):
            yield tuple(view[:, :, i : i + rows, j : j + columns] for view in views)


class Gmlp:
    """One axis of a multi-axis layer, with the linear layers before and behind it."""

    def __init__(self, layer: maxim.GmlpLayer, entrance: Affine, exit_: Affine) -> None:
        self._side, self._grid = layer.side, layer.grid
        self._entrance = Linear(entrance)
        self._u, self._v = map(Linear, Affine.of(layer.in_project).after_norm(layer.layer_norm).outputs())
        self._norm = layer.gating_unit.intermediate_layernorm
        # The "+ 1" of the gate is added to the bias.
        self._mixing = Mixing(layer.gating_unit.dense_0, shift=1.0)
        self._exit = Linear(exit_)
        self._gated_exit = Linear(Affine(*_without_bias(Affine.of(layer.out_project).then(exit_), exit_)))

    def add_to(self, out: Tensor, normed: Tensor, context: RunContext) -> None:
        """Add the result for normed (H×W×C) to out (same shape, float32), in place."""
        for x, y in pieces(normed, out, side=self._side, grid=self._grid):
            y.add_(self._piece(x.flatten(0, 3)).view(y.shape))
            context.checkpoint()

    def _piece(self, x: Tensor) -> Tensor:
        t = self._side**2
        shortcut = self._entrance.gelu(x)
        x = norm(shortcut)
        u, v = self._u.gelu(x), norm(self._v.gelu(x), self._norm)
        gated = self._mixing.gate(u.view(t, -1), v.view(t, -1)).view(u.shape)
        return self._gated_exit.plus(gated, self._exit(shortcut))


def _without_bias(affine: Affine, counted: Affine) -> tuple[Tensor, Tensor]:
    """affine without the bias that is counted elsewhere."""
    return affine.weight, affine.bias - counted.bias


class MultiAxis:
    """A multi-axis gated MLP over H×W×C; changes its argument."""

    def __init__(self, layer: maxim.MultiAxisGmlpLayer) -> None:
        u, v = Affine.of(layer.in_project).after_norm(layer.layer_norm_in).outputs()
        features = len(u.bias)
        exit_u, exit_v = Affine.of(layer.out_project).inputs(features, features)
        self._branches = Gmlp(layer.grid_gmlp_layer, u, exit_u), Gmlp(layer.block_gmlp_layer, v, exit_v)

    def __call__(self, x: Tensor, context: RunContext) -> Tensor:
        normed = context.norm(x)
        for branch in self._branches:
            branch.add_to(x, normed, context)
        return x


class Attention:
    """Channel attention of an H×W×C picture: C weights in 0..1."""

    def __init__(self, module: maxim.ChannelAttention) -> None:
        self._first, self._second = Linear(Affine.of(module.conv_0)), Linear(Affine.of(module.conv_1))

    def __call__(self, x: Tensor) -> Tensor:
        return self._second(self._first(x.mean((0, 1), dtype=torch.float32)[None]).relu_()).sigmoid_()


class Residual:
    """RCAB over H×W×C; changes its argument."""

    def __init__(self, block: maxim.ResidualChannelAttentionBlock) -> None:
        self._norm = block.layer_norm
        self._conv1, self._conv2 = Convolution.of(block.conv1), Convolution.of(block.conv2)
        self._attention = Attention(block.channel_attention)

    def __call__(self, x: Tensor, context: RunContext) -> Tensor:
        y = self._conv1(context.norm(x, self._norm), "leaky_relu")
        context.checkpoint()
        y = self._conv2(y)
        context.checkpoint()
        return x.addcmul_(y, self._attention(y))


class DenseResidual:
    """RDCAB over H×W×C; changes its argument."""

    def __init__(self, block: maxim.ResidualDenseChannelAttentionBlock) -> None:
        mixing = block.channel_mixing
        self._first = Linear(Affine.of(mixing.dense_0).after_norm(block.layer_norm))
        self._second = Linear(Affine.of(mixing.dense_1))
        self._attention = Attention(block.channel_attention)

    def __call__(self, x: Tensor, context: RunContext) -> Tensor:
        y = self._second(self._first.gelu(context.norm(x)))
        context.checkpoint()
        return x.addcmul_(y, self._attention(y))


class Gating:
    """Multi-axis gates of a cross-gating block: H×W×C to the same shape."""

    def __init__(self, module: maxim.MultiAxisGating) -> None:
        self._side = module.side
        entrances = Affine.of(module.in_project).after_norm(module.layer_norm_in).outputs()
        features = len(entrances[0].bias)
        exits = Affine.of(module.out_project).inputs(features, features)
        mixings = Mixing(module.dense_0), Mixing(module.dense_1)
        self._axes = [
            (grid, Linear(entrance), mixing, Linear(exit_))
            for grid, entrance, mixing, exit_ in zip((True, False), entrances, mixings, exits, strict=True)
        ]

    def __call__(self, x: Tensor, context: RunContext) -> Tensor:
        x = norm(x)
        out = torch.empty_like(x)
        for grid, entrance, mixing, exit_ in self._axes:
            for piece, target in pieces(x, out, side=self._side, grid=grid):
                u = entrance.gelu(piece.flatten(0, 3))
                y = exit_(mixing(u.view(self._side**2, -1)).view(u.shape)).view(target.shape)
                target.copy_(y) if grid else target.add_(y)
                context.checkpoint()
        return out


class CrossGating:
    """A cross-gating block behind the linear layers of its two streams (H×W×C each)."""

    def __init__(self, block: maxim.CrossGatingBlock) -> None:
        self._in_x = Linear(Affine.of(block.in_project_x).after_norm(block.layer_norm_x))
        self._in_y = Linear(Affine.of(block.in_project_y).after_norm(block.layer_norm_y))
        self._gating_x, self._gating_y = Gating(block.gating_x), Gating(block.gating_y)
        self._out_x, self._out_y = Linear(Affine.of(block.out_project_x)), Linear(Affine.of(block.out_project_y))

    def __call__(self, shortcut_x: Tensor, shortcut_y: Tensor, context: RunContext) -> tuple[Tensor, Tensor]:
        x, y = self._in_x.gelu(context.norm(shortcut_x)), self._in_y.gelu(context.norm(shortcut_y))
        context.checkpoint()
        gate_x, gate_y = self._gating_x(x, context), self._gating_y(y, context)
        y = self._out_y.plus(gate_x.mul_(y), shortcut_y)
        context.checkpoint()
        x = self._out_x.plus(gate_y.mul_(x), shortcut_x).add_(y)
        return x, y


class Upsampling:
    """A transposed 2×2 convolution combined with a linear layer behind it: H×W×C to 2H×2W×D."""

    def __init__(self, module: nn.ConvTranspose2d, then: Affine) -> None:
        weight, bias = module.weight.detach().double(), cast(Tensor, module.bias).detach().double()
        # Four 1×1 convolutions, one for each position of the 2×2 patch.
        stacked = torch.einsum("of,ifab->aboi", then.weight, weight)
        self._linear = Linear(Affine(stacked.flatten(0, 2), (then.weight @ bias + then.bias).repeat(4)))

    def __call__(self, x: Tensor) -> Tensor:
        h, w, _ = x.shape
        return self._linear(x).view(h, w, 2, 2, -1).transpose(1, 2).reshape(2 * h, 2 * w, -1)


class ScaleFusion:
    """The sum of the features of all scales, each resized to one scale and followed by a linear layer."""

    def __init__(self, ratios: maxim.UpSampleRatios, parts: Sequence[Affine]) -> None:
        modules = [cast(maxim.UpSampleRatio, module) for module in ratios]
        self._exponents = [module.exponent for module in modules]
        folded = [Affine.of(module.conv_0).then(part) for module, part in zip(modules, parts, strict=True)]
        self._linears = [Linear(affine) for affine in folded]

    def __call__(self, features: Sequence[Tensor], total: Tensor | None = None) -> Tensor:
        """total: is added to the sum, and may be changed."""
        for x, exponent, linear in zip(features, self._exponents, self._linears, strict=True):
            if exponent > 0:  # a linear layer over channels and a resize over positions commute
                y = _resized(linear(x), exponent)
                total = y if total is None else total.add_(y)
            else:
                x = _resized(x, exponent)
                total = linear(x) if total is None else linear.plus(x, total)
        assert total is not None
        return total


def _resized(x: Tensor, exponent: int) -> Tensor:
    return resized(x[None], exponent)[0].contiguous()


class Trunk:
    """The common part of encoder and decoder blocks, behind its 1×1 convolution: H×W×C to the same shape."""

    def __init__(self, block: maxim.UNetBlock) -> None:
        self._pairs = [
            (MultiAxis(cast(maxim.MultiAxisGmlpLayer, multi_axis)), Residual(cast(Any, residual)))
            for multi_axis, residual in zip(block.multi_axis, block.residual, strict=True)
        ]

    def __call__(self, shortcut: Tensor, context: RunContext) -> Tensor:
        # The blocks work in place, and the shortcut is needed at the end.
        x = shortcut.clone()
        for multi_axis, residual in self._pairs:
            x = residual(multi_axis(x, context), context)
        return x.add_(shortcut)


class Bottleneck:
    """A block of the lowest scale: H×W×C to the same shape."""

    def __init__(self, block: maxim.BottleneckBlock) -> None:
        self._entrance = Linear(Affine.of(block.input_proj))
        self._pairs = [
            (MultiAxis(cast(maxim.MultiAxisGmlpLayer, multi_axis)), DenseResidual(cast(Any, residual)))
            for multi_axis, residual in zip(block.multi_axis, block.residual, strict=True)
        ]

    def __call__(self, x: Tensor, context: RunContext) -> Tensor:
        shortcut = self._entrance(x)
        x = shortcut.clone()
        for multi_axis, residual in self._pairs:
            x = residual(multi_axis(x, context), context)
        return x.add_(shortcut)


class StageInput:
    """The input of a stage at one scale: from the picture, and after the first stage from its attended features."""

    def __init__(self, stage: maxim.Stage, level: int, exit_: Affine) -> None:
        """exit_: the linear layer that the encoder applies to the picture's features in a first stage."""
        conv = cast(nn.Conv2d, stage.input_conv[level])
        fuse = cast(maxim.CrossGatingBlock, stage.input_fuse_sam[level]) if len(stage.input_fuse_sam) else None
        self._gating = self._other = None
        if fuse is not None:
            exit_ = Affine.of(fuse.conv_0)
            self._gating, self._other = CrossGating(fuse), Linear(Affine.of(fuse.conv_1))
        self._convolution = Convolution.of(conv, then=exit_)

    def __call__(self, picture: Tensor, attended: Tensor | None, context: RunContext) -> Tensor:
        x = self._convolution(picture)
        if self._gating is None or self._other is None or attended is None:
            return x
        return self._gating(x, self._other(attended), context)[0]


class Encoder:
    """One scale of the encoder, with the stage's input there."""

    def __init__(self, stage: maxim.Stage, level: int) -> None:
        block = cast(maxim.UNetEncoderBlock, stage.encoder_block[level])
        above = maxim.channels(max(0, level - 1))
        of_x, of_skip = Affine.of(block.conv_0).inputs(above, maxim.channels(level))
        if level == 0:  # both inputs are the same features
            of_skip = Affine(of_x.weight + of_skip.weight, of_x.bias + of_skip.bias)
        self._of_x = Linear(of_x) if level else None
        self._entrance = StageInput(stage, level, of_skip)
        self._of_skip = Linear(of_skip) if len(stage.input_fuse_sam) else None
        self._trunk = Trunk(block)
        self._gating = self._gating_x = self._gating_y = None
        if (gating := block.cross_gating_block) is not None:
            self._gating = CrossGating(gating)
            self._gating_x, self._gating_y = Linear(Affine.of(gating.conv_0)), Linear(Affine.of(gating.conv_1))
        self._down = Convolution.of(block.conv_1)

    def __call__(
        self, x: Tensor | None, picture: Tensor, attended: Tensor | None, before: Tensor | None, context: RunContext
    ) -> tuple[Tensor, Tensor]:
        skip = self._entrance(picture, attended, context)
        context.checkpoint()
        shortcut = self._of_skip(skip) if self._of_skip is not None else skip
        if self._of_x is not None and x is not None:
            shortcut = self._of_x.plus(x, shortcut)
        x = self._trunk(shortcut, context)
        if self._gating and self._gating_x and self._gating_y and before is not None:
            x, _ = self._gating(self._gating_x(x), self._gating_y(before), context)
        return self._down(x), x


class Decoder:
    """One scale of the decoder."""

    def __init__(self, stage: maxim.Stage, level: int) -> None:
        block = cast(maxim.UNetDecoderBlock, stage.decoder_block[level])
        below, *skips = Affine.of(block.conv_0).inputs(*[maxim.channels(level)] * (len(LEVELS) + 1))
        self._upsampling = Upsampling(block.conv_transpose_0, below)
        self._fusion = ScaleFusion(cast(maxim.UpSampleRatios, stage.skip_ratios[level]), skips[::-1])
        self._trunk = Trunk(block)

    def __call__(self, x: Tensor, skips: Sequence[Tensor], context: RunContext) -> Tensor:
        shortcut = self._fusion(skips, self._upsampling(x))
        context.checkpoint()
        return self._trunk(shortcut, context)


class SkipGate:
    """The cross-gating between encoder and decoder at one scale."""

    def __init__(self, stage: maxim.Stage, level: int) -> None:
        block = cast(maxim.CrossGatingBlock, stage.cross_gating_block[level])
        parts = Affine.of(block.conv_0).inputs(*[maxim.channels(level)] * len(LEVELS))
        self._fusion = ScaleFusion(cast(maxim.UpSampleRatios, stage.encoded_ratios[level]), parts)
        self._upsampling = Upsampling(cast(nn.ConvTranspose2d, block.conv_transpose_0), Affine.of(block.conv_1))
        self._gating = CrossGating(block)

    def __call__(self, encoded: Sequence[Tensor], x: Tensor, context: RunContext) -> tuple[Tensor, Tensor]:
        return self._gating(self._fusion(encoded), self._upsampling(x), context)


class SupervisedAttention:
    """Supervised attention (SAM): features H×W×C and picture H×W×3 to features."""

    def __init__(self, module: maxim.SupervisedAttentionModule) -> None:
        self._conv0, self._conv1, self._conv2 = map(Convolution.of, (module.conv_0, module.conv_1, module.conv_2))

    def __call__(self, x: Tensor, picture: Tensor) -> Tensor:
        weights = self._conv2(self.restored(x, picture), "sigmoid")
        return torch.addcmul(x, self._conv0(x), weights)

    def restored(self, x: Tensor, picture: Tensor) -> Tensor:
        """What the stage alone makes of the picture, H×W×3 float32: it was trained to come close to the result."""
        return self._conv1(x).add_(picture)


class Stage:
    """One U-net."""

    def __init__(self, stage: maxim.Stage) -> None:
        self._encoders = [Encoder(stage, i) for i in LEVELS]
        self._bottlenecks = [Bottleneck(cast(maxim.BottleneckBlock, block)) for block in stage.global_block]
        self._skips = [SkipGate(stage, i) for i in LEVELS]
        self._decoders = [Decoder(stage, i) for i in LEVELS]
        self._attended = [SupervisedAttention(cast(Any, module)) for module in stage.supervised_attention_module]
        self._output = [Convolution.of(cast(nn.Conv2d, conv)) for conv in stage.output_conv]

    def __call__(
        self, pictures: list[Tensor], before: maxim.StageOutput | None, context: RunContext
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The encoder's and the decoder's features at each scale. pictures: the input at each scale, H×W×3."""
        encoded: list[Tensor] = []
        x: Tensor | None = None
        for i, encoder in enumerate(self._encoders):
            attended, features = (before.attended[i], before.features[i]) if before else (None, None)
            x, skip = encoder(x, pictures[i], attended, features, context)
            encoded.append(skip)
        assert x is not None
        for block in self._bottlenecks:
            x = block(x, context)
        return encoded, self._decode(self._gate(encoded, x, context), x, context)

    def _gate(self, encoded: list[Tensor], x: Tensor, context: RunContext) -> list[Tensor]:
        skips: list[Tensor] = []
        for gate in reversed(self._skips):
            skip, x = gate(encoded, x, context)
            skips.insert(0, skip)
        return skips

    def _decode(self, skips: list[Tensor], x: Tensor, context: RunContext) -> list[Tensor]:
        decoded: list[Tensor] = []
        for decoder in reversed(self._decoders):
            x = decoder(x, skips, context)
            decoded.insert(0, x)
        return decoded

    def hand_over(self, pictures: list[Tensor], encoded: list[Tensor], decoded: list[Tensor]) -> maxim.StageOutput:
        """The features for the next stage, H×W×C float32 at each scale."""
        attended = [module(x, picture) for module, x, picture in zip(self._attended, decoded, pictures, strict=True)]
        return maxim.StageOutput(attended, [x.add_(y) for x, y in zip(encoded, decoded, strict=True)])

    def draft(self, picture: Tensor, decoded: list[Tensor]) -> Tensor:
        """The picture as an inner stage restores it, H×W×3 float32."""
        return self._attended[0].restored(decoded[0], picture)

    def output(self, picture: Tensor, decoded: list[Tensor]) -> Tensor:
        """The restored picture, H×W×3 float32."""
        return self._output[0](decoded[0]).add_(picture)


class CpuMaxim:
    """Runs a Maxim with any number of stages; keeps no reference to the module.

    dtype: float32 agrees with the module to better than 100 dB. bfloat16 is used inside the residual branches only,
    for previews: 57 to 73 dB against float32, in two thirds of the time if the processor has bfloat16 products.
    """

    def __init__(self, net: maxim.Maxim, dtype: torch.dtype = torch.float32) -> None:
        self._stages = [Stage(cast(maxim.Stage, stage)) for stage in net.stages]
        self._dtype = dtype

    @torch.inference_mode()
    def __call__(
        self,
        x: Tensor,
        checkpoint: Checkpoint = lambda: None,
        show: Callable[[float, Tensor], None] = lambda _share, _draft: None,
    ) -> Tensor:
        """Restore 1×H×W×3 float32 RGB in 0..1, H and W multiples of 64; the result has the same shape, not clipped.

        checkpoint is called every few milliseconds and may raise. show gets the picture of each inner stage (float32
        H×W×3, not clipped) and the share 0..1 of the work that is done.
        """
        context = RunContext(checkpoint, self._dtype)
        picture = x[0].contiguous()
        pictures = [picture, picture[1::2, 1::2].contiguous(), picture[2::4, 2::4].contiguous()]
        before: maxim.StageOutput | None = None
        for number, stage in enumerate(self._stages[:-1], 1):
            encoded, decoded = stage(pictures, before, context)
            # Before `hand_over`, which adds to the features in place.
            show(number / len(self._stages), stage.draft(picture, decoded))
            before = stage.hand_over(pictures, encoded, decoded)
            checkpoint()
        _, decoded = self._stages[-1](pictures, before, context)
        return self._stages[-1].output(picture, decoded)[None]
