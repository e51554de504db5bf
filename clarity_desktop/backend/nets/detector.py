"""The degradation detector: an image tower whose embedding is compared with those of class prompts, as in CLIP.

The tower has two inputs. An overview of the whole photo goes through EfficientNet-Lite0 (Tan and Le, ICML 2019, and its
Lite variant); it shows light, haze, shadows and large marks. Crops at native resolution go through the first stages of
a second one, because traces of JPEG, noise, blur and fine rain are lost in a thumbnail. Both give tokens with a
position; two transformer layers mix them, and each token is also classified by itself, which gives the heat map. The
crop tokens and the heat map are added to the embedding as well, because a drop or a mark is in few places.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.values import CLASSES, DEGRADATIONS

OVERVIEW = 224
"""Side of the overview in pixels; it gives GRID × GRID tokens."""
GRID = 7
CROP = 128
"""Side of a crop in pixels."""
BLIND = 0.3
"""In training, the share of photos whose embedding goes without the class token, so that of the overview only the heat
map contributes. Otherwise the overview alone would do well enough for the crops to be never learned."""
WIDTH = 192
EMBEDDING = 256
_PLACE = 5


class _Same(nn.Conv2d):
    """A convolution with TensorFlow's padding: for even sizes and stride 2, less before than after."""

    def normalised(self, x: Tensor, norm: _Norm) -> Tensor:
        """norm(self(x)), with the normalization folded into the weights: one pass over the features, not two."""
        if norm.weight.requires_grad and not self.weight.requires_grad:
            # Folded, the frozen filters would get a gradient.
            return norm(self._applied(x, self.weight, None))
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self._applied(x, self.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale)

    def _applied(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.stride[0] == 1:
            return F.conv2d(x, weight, bias, padding=self.kernel_size[0] // 2, groups=self.groups)
        reach = self.kernel_size[0] - self.stride[0]
        x = F.pad(x, (reach // 2, reach - reach // 2, reach // 2, reach - reach // 2))
        if not x.requires_grad:
            return F.conv2d(x, weight, bias, self.stride, groups=self.groups)
        # On a CPU, the gradient of a strided depthwise convolution takes eighty times as long in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x.float(), weight, bias, self.stride, groups=self.groups)


class _Norm(nn.Module):
    """Batch normalization with the statistics of the pretraining, which are never updated."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, eps: float = 1e-3) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width)), eps
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)


class _Units(nn.Sequential):
    """Convolutions, each followed by its normalization and optionally by an activation."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        x, parts = input, list(self)
        for k, part in enumerate(parts):
            if isinstance(part, _Same):
                norm = parts[k + 1]
                assert isinstance(norm, _Norm), "every convolution is followed by its normalisation"
                x = part.normalised(x, norm)
            elif not isinstance(part, _Norm):
                x = part(x)
        return x


def _unit(inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [_Same(inside, outside, kernel, stride, groups=groups, bias=False), _Norm(outside)]


class _Inverted(nn.Module):
    """Inverted bottleneck: expansion, depthwise convolution, projection; added to the input if the sizes agree."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, factor: int) -> None:
        super().__init__()
        wide = inside * factor
        expand = [*_unit(inside, wide), nn.ReLU6()] if factor > 1 else []
        self.body = _Units(
            *expand, *_unit(wide, wide, kernel, stride, wide), nn.ReLU6(), *_unit(wide, outside)
        )  # fmt: skip
        self.residual = inside == outside and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)


_STAGES = (  # blocks, outside, kernel, stride, expansion
    (1, 16, 3, 1, 1), (2, 24, 3, 2, 6), (2, 40, 5, 2, 6), (3, 80, 3, 2, 6), (3, 112, 5, 1, 6), (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)  # fmt: skip
_FINE = 5
"""Stages for the crops: down to 8 × 8 cells, whose receptive field covers most of the crop."""


class Lite0(nn.Module):
    """EfficientNet-Lite0's first stages: N×3×H×W float RGB in 0..1 → features; all seven: N×320×H/32×W/32."""

    def __init__(self, stages: int = len(_STAGES)) -> None:
        super().__init__()
        self.stem = _Units(*_unit(3, 32, 3, 2), nn.ReLU6())
        self.blocks = nn.ModuleList()
        inside = 32
        for count, outside, kernel, stride, factor in _STAGES[:stages]:
            for k in range(count):
                self.blocks.append(_Inverted(inside, outside, kernel, stride if k == 0 else 1, factor))
                inside = outside
        self.width = inside

    def first_blocks(self, rgb: Tensor, blocks: int) -> Tensor:
        """Features (N×C×h×w) after the stem and that number of blocks, of N×3×H×W in 0..1."""
        # The normalization of the pretrained network.
        x = self.stem((rgb * 255 - 127) / 128)
        for block in self.blocks[:blocks]:
            x = block(x)
        return x

    def forward(self, x: Tensor, applied: int = 0) -> Tensor:
        """applied: blocks that `first_blocks` applied to x already; 0: x is N×3×H×W in 0..1."""
        if not applied:
            return self.first_blocks(x, len(self.blocks))
        for block in self.blocks[applied:]:
            x = block(x)
        return x


class Detail(nn.Module):
    """A token for each crop at native resolution: N×3×128×128 in 0..1 → N×WIDTH, from the features' mean and maximum.

    Tokens are normalised: without this, what all crops have in common outweighs their differences, and the rest of the
    network learns to ignore them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = Lite0(_FINE)
        self.out = nn.Linear(2 * self.body.width, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, rgb: Tensor, applied: int = 0) -> Tensor:
        """Features of N×3×H×W float32 crops.

        rgb: the crops, or the output of `body.first_blocks` if that number of blocks was applied already."""
        x = self.body(rgb, applied)
        return self.norm(self.out(torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)))


class Detector(nn.Module):
    """The image tower and the embeddings of the class prompts.

    Input: overview N×3×224×224 and crops N×K×3×128×128, float RGB in 0..1; places N×K×5: center x and y, width and
    height (0..1, as shares of the photo), and log2 of how much the photo was reduced before the crop was taken. Output:
    logits "classes" N×15 (CLASSES), "found" N×13 (DEGRADATIONS), "severity" N×13, and "heat" N×(49+K)×13, the
    overview's tokens first, row by row.
    """

    prompts: Tensor
    cells: Tensor
    class_bias: Tensor
    caution: Tensor
    trust: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.overview, self.detail = Lite0(), Detail()
        self.seen = nn.Linear(self.overview.width, WIDTH)
        self.place = nn.Sequential(nn.Linear(_PLACE, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.first = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.kind = nn.Parameter(torch.zeros(2, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 3 * WIDTH, 0.1, "gelu", batch_first=True, norm_first=True)
        self.mix = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.close = nn.Linear(2 * WIDTH, WIDTH)
        self.local = nn.Linear(4 * len(DEGRADATIONS), WIDTH)
        self.embed, self.embed_each = nn.Linear(WIDTH, EMBEDDING), nn.Linear(WIDTH, EMBEDDING)
        self.severity, self.heat = nn.Linear(WIDTH, len(DEGRADATIONS)), nn.Linear(WIDTH, len(DEGRADATIONS))
        self.temperature = nn.Parameter(torch.tensor(2.7))  # of the logarithm; CLIP starts there (Radford et al., 2021)
        self.each_scale, self.each_bias = nn.Parameter(torch.tensor(2.3)), nn.Parameter(torch.full((13,), -2.0))
        self.register_buffer("prompts", torch.zeros(len(CLASSES), EMBEDDING))
        # Set by `clarity train calibrate`: the bias of the classes' logits; the part of it that makes "normal" more
        # likely; and the weight of the class token, which is overconfident on new photos, against crops and heat map.
        self.register_buffer("class_bias", torch.zeros(len(CLASSES)))
        self.register_buffer("caution", torch.zeros(()))
        self.register_buffer("trust", torch.ones(()))
        axis = (torch.arange(GRID) + 0.5) / GRID
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        cells = torch.stack((x, y, torch.full_like(x, 1 / GRID), torch.full_like(x, 1 / GRID), torch.zeros_like(x)), -1)
        self.register_buffer("cells", cells.reshape(1, GRID * GRID, _PLACE), persistent=False)

    def forward(
        self,
        overview: Tensor,
        crops: Tensor,
        places: Tensor,
        prompts: Tensor | None = None,
        applied: tuple[int, int] = (0, 0),
    ) -> dict[str, Any]:
        """Float32 logits by name, with the shapes of the class docstring.

        prompts: 15×EMBEDDING, the text tower's output in training; those of the weights file by default. applied:
        numbers of blocks of the two towers that were applied to overview and crops already (`Lite0.first_blocks`).
        """
        whole, near, heat = self.encode(overview, crops, places, applied)
        return {**self.classify(whole, near, prompts), "heat": heat}

    def encode(
        self, overview: Tensor, crops: Tensor, places: Tensor, applied: tuple[int, int] = (0, 0)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The class token (N×WIDTH), the contribution of crops and heat map (N×WIDTH), and the heat's logits."""
        count, many = crops.shape[:2]
        wide = self.seen(self.overview(overview, applied[0]).flatten(2).transpose(1, 2)) + self.kind[0]
        wide = wide + self.place(self.cells.expand(count, -1, -1))
        near = (
            self.detail(crops.flatten(0, 1), applied[1]).reshape(count, many, WIDTH) + self.kind[1] + self.place(places)
        )
        tokens = self.norm(self.mix(torch.cat((self.first.expand(count, -1, -1), wide, near), 1))).float()
        # A direct path for the crops, which attention alone ignored, and for single places.
        heat = self.heat(tokens[:, 1:])
        # Bounded, so that one confident cell does not dominate the embedding.
        far, close = torch.tanh(heat / 4).split((GRID**2, many), 1)
        local = self.local(torch.cat((far.mean(1), far.amax(1), close.mean(1), close.amax(1)), 1))
        near = self.close(torch.cat((near.mean(1), near.amax(1)), 1)) + local
        return tokens[:, 0], near.float(), heat

    def classify(self, whole: Tensor, near: Tensor, prompts: Tensor | None = None) -> dict[str, Any]:
        """The logits of the whole photo ("classes", "found", "severity") from the output of `encode`.

        float32 N×classes and N×degradations.
        """
        share = (torch.rand(len(whole), 1, device=whole.device) >= BLIND).float() if self.training else self.trust
        whole = share * whole + near
        # Cosine similarity, as in CLIP.
        texts = F.normalize((self.prompts if prompts is None else prompts).float(), dim=-1)
        image, each = F.normalize(self.embed(whole), dim=-1), F.normalize(self.embed_each(whole), dim=-1)
        classes = self.temperature.exp().clamp(max=100) * image @ texts.T + self.class_bias
        # Without the first and the last class: "normal" and "blend" are not degradations.
        found = self.each_scale.exp() * each @ texts[1:-1].T + self.each_bias
        return {
            "classes": classes,
            "found": found if self.training else cautious(classes, found, self.caution),
            "severity": self.severity(whole),
        }


def cautious(classes: Tensor, found: Tensor, caution: Tensor) -> Tensor:
    """The degradations' logits (N×13), lowered as far as `caution` lowered the probability of "not normal".

    caution: scalar, the part of the logit of "normal" in classes (N×15) that calibration added. found: N×13. So
    nothing is likely in a photo that is classified as normal.
    """
    before = torch.cat((classes[:, :1] - caution, classes[:, 1:]), 1)
    less = F.logsigmoid(_odds(classes)) - F.logsigmoid(_odds(before))
    likely = F.logsigmoid(found) + less[:, None]
    return likely - torch.log(-torch.expm1(likely.clamp(max=-1e-6)))


def _odds(classes: Tensor) -> Tensor:
    """The logit of "not normal" (N) from N×15."""
    return classes[:, 1:].logsumexp(1) - classes[:, 0]
