"""The degradation detector: an image tower whose embedding is compared with those of class prompts, as in CLIP.

The tower is fully convolutional: EfficientNet-Lite0 (Tan and Le, ICML 2019, and its Lite variant) sees the photo at
the size at which a person sees it on a screen, so that streaks, drops, marks and blocks keep their pixels. Its coarsest
features become tokens, which two transformer layers relate to each other: shadow, haze and light show in the whole
photo only. Three levels of features are merged from coarse to fine (Lin et al., Feature Pyramid Networks, CVPR 2017)
into a map of every degradation; what the map found is added to the embedding, because a drop or a mark is in few
places.

The class of a whole photo is decided by another head (`Statistics`), from how the features of this tower and of one
that knows ImageNet only are spread over the photo. Fitted afterwards and with few parameters, it recognizes
photographed damage far better than the embedding, which partly learned the few photographed examples by heart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clarity_desktop.values import CLASSES, DEGRADATIONS

STRIDE = 32
"""The sides of the photo are multiples of it."""
MAP_STRIDE = 8
"""Side in pixels of a cell of the map."""
WIDTH = 192
EMBEDDING = 256
_MAP_WIDTH = 64
_FREQUENCIES = 6
"""Of each axis in the position code of a token."""


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


Stages = tuple[tuple[int, int, int, int, int], ...]
"""Of a tower, from fine to coarse: blocks, outside, kernel, stride, expansion."""
LITE0: Stages = (
    (1, 16, 3, 1, 1), (2, 24, 3, 2, 6), (2, 40, 5, 2, 6), (3, 80, 3, 2, 6), (3, 112, 5, 1, 6), (4, 192, 5, 2, 6),
    (1, 320, 3, 1, 6),
)  # fmt: skip
LITE2: Stages = (
    (1, 16, 3, 1, 1), (3, 24, 3, 2, 6), (3, 48, 5, 2, 6), (4, 88, 3, 2, 6), (4, 120, 5, 1, 6), (5, 208, 5, 2, 6),
    (1, 352, 3, 1, 6),
)  # fmt: skip
LEVEL_STAGES = 2, 4, 6
"""The last stages before the features are reduced: at 1/8, 1/16 and 1/32 of the photo's size."""
_LEVEL_WIDTHS = 40, 112, 320


class Lite(nn.Module):
    """EfficientNet-Lite without its classifier: N×3×H×W float RGB in 0..1 → the features after each stage.

    stages: LITE0 or LITE2.
    """

    def __init__(self, stages: Stages) -> None:
        super().__init__()
        self.stem = _Units(*_unit(3, 32, 3, 2), nn.ReLU6())
        self.blocks = nn.ModuleList()
        self._ends: list[int] = []
        inside = 32
        for count, outside, kernel, stride, factor in stages:
            for k in range(count):
                self.blocks.append(_Inverted(inside, outside, kernel, stride if k == 0 else 1, factor))
                inside = outside
            self._ends.append(len(self.blocks) - 1)

    def first_blocks(self, rgb: Tensor, blocks: int) -> Tensor:
        """Features (N×C×h×w) after the stem and that number of blocks, of N×3×H×W in 0..1."""
        # The normalization of the pretrained network.
        x = self.stem((rgb * 255 - 127) / 128)
        for block in self.blocks[:blocks]:
            x = block(x)
        return x

    def forward(self, x: Tensor, applied: int = 0) -> dict[int, Tensor]:
        """The features (N×C×h×w) after each stage by its index; without the stages that were applied.

        applied: blocks that `first_blocks` applied to x already; 0: x is N×3×H×W in 0..1.
        """
        if not applied:
            x = self.first_blocks(x, 0)
        features: dict[int, Tensor] = {}
        for k, block in enumerate(self.blocks[applied:], applied):
            x = block(x)
            if k in self._ends:
                features[self._ends.index(k)] = x
        return features


class Pyramid(nn.Module):
    """Merges three levels of features into the logits of the map, from coarse to fine."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, _ = _LEVEL_WIDTHS
        self.fine, self.middle = nn.Conv2d(fine, _MAP_WIDTH, 1), nn.Conv2d(middle, _MAP_WIDTH, 1)
        self.coarse = nn.Linear(WIDTH, _MAP_WIDTH)
        self.smooth = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(_MAP_WIDTH, _MAP_WIDTH, 3, padding=1, groups=_MAP_WIDTH),
                nn.Conv2d(_MAP_WIDTH, _MAP_WIDTH, 1), nn.GELU(),
            )
            for _ in range(2)
        )  # fmt: skip
        self.logits = nn.Conv2d(_MAP_WIDTH, len(DEGRADATIONS), 1)

    def forward(self, fine: Tensor, middle: Tensor, tokens: Tensor) -> Tensor:
        """N×13×H/8×W/8 logits. fine N×40×H/8×W/8, middle N×112×H/16×W/16, tokens N×H/32×W/32×WIDTH; all float."""
        x = self.coarse(tokens).permute(0, 3, 1, 2)
        for level, project, smooth in ((middle, self.middle, self.smooth[0]), (fine, self.fine, self.smooth[1])):
            x = project(level) + F.interpolate(x, size=level.shape[-2:], mode="bilinear", align_corners=False)
            x = x + smooth(x)
        return self.logits(x)


class Statistics(nn.Module):
    """Tells the class of a whole photo from statistics of two towers' features: the detector's own, and that of
    EfficientNet-Lite2 as it was trained on ImageNet. What the prompts tell has a share in it.

    Fitted by `clarity train statistics`; no gradient reaches it.
    """

    middle: Tensor
    spread: Tensor
    share: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.tower = Lite(LITE2)
        count = sum(_statistics_count(stages) for stages in (LITE0, LITE2))
        self.register_buffer("middle", torch.zeros(count))
        self.register_buffer("spread", torch.ones(count))
        self.register_buffer("share", torch.zeros(()))
        self.weigh = nn.Linear(count, len(CLASSES))
        self.requires_grad_(False)

    def forward(self, photo: Tensor, features: Mapping[int, Tensor], prompted: Tensor) -> Tensor:
        """N×15 float32 logits of the classes.

        photo: N×3×H×W float in 0..1. features: of the detector's tower. prompted: N×15, the logits by the prompts.
        """
        statistics = self.measure(photo, features)
        with torch.autocast(photo.device.type, enabled=False):
            return self.weigh(self.standardized(statistics)) + self.share * prompted.float()

    def measure(self, photo: Tensor, features: Mapping[int, Tensor]) -> Tensor:
        """N×7488 float32: the statistics of each channel of the four coarsest stages of both towers.

        photo: N×3×H×W float in 0..1; features: of the detector's tower.
        """
        both = ((LITE0, features), (LITE2, self.tower(photo)))
        return torch.cat([_over_cells(seen[k], stride) for stages, seen in both for k, stride in _coarse(stages)], 1)

    def standardized(self, statistics: Tensor) -> Tensor:
        """N×7488 float32 with the mean and deviation of the photos of the fit, and without outliers."""
        return ((statistics - self.middle) / self.spread).clamp(-4, 4)


def _coarse(stages: Stages) -> list[tuple[int, int]]:
    """Index and stride of the stages at 1/16 and 1/32 of the photo's size."""
    strides = [2 * math.prod(stage[3] for stage in stages[: k + 1]) for k in range(len(stages))]
    return [(k, stride) for k, stride in enumerate(strides) if stride >= STRIDE // 2]


def _statistics_count(stages: Stages) -> int:
    return sum((8 if stride < STRIDE else 4) * stages[k][1] for k, stride in _coarse(stages))


def _over_cells(features: Tensor, stride: int) -> Tensor:
    """How the features (N×C×h×w) of one stage are spread over the photo's cells of 32×32 pixels: N×4C, or N×8C where a
    cell has several features, of their mean and of their deviation; float32. Independent of the photo's size."""
    features = features.float()
    if stride == STRIDE:
        return _spread(features)
    mean, square = (F.avg_pool2d(x, STRIDE // stride) for x in (features, features * features))
    return torch.cat((_spread(mean), _spread((square - mean * mean).clamp_min(0).sqrt())), 1)


def _spread(cells: Tensor) -> Tensor:
    """N×4C of N×C×h×w: mean, deviation, and the means of the highest and of the lowest 1/16."""
    ranked = cells.flatten(2).sort(2).values
    few = max(1, ranked.shape[2] // 16)
    return torch.cat(
        (ranked.mean(2), ranked.std(2, correction=0), ranked[..., -few:].mean(2), ranked[..., :few].mean(2)), 1
    )


class Detector(nn.Module):
    """The image tower, the embeddings of the class prompts, and the head that tells the class of a whole photo.

    Input: N×3×H×W float RGB in 0..1, H and W multiples of 32. Output: float32 logits "classes" N×15 (CLASSES), "found"
    N×13 (DEGRADATIONS), "severity" N×13, "quality" N×1: how good the photo is, and "map" N×13×H/8×W/8: how likely each
    degradation is in that cell.
    """

    prompts: Tensor
    class_bias: Tensor
    caution: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.tower, self.statistics = Lite(LITE0), Statistics()
        fine, middle, coarse = _LEVEL_WIDTHS
        self.seen = nn.Linear(coarse, WIDTH)
        self.place = nn.Linear(4 * _FREQUENCIES, WIDTH)
        self.first = nn.Parameter(torch.zeros(1, 1, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 3 * WIDTH, 0.1, "gelu", batch_first=True, norm_first=True)
        self.mix = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        self.pyramid = Pyramid()
        self.local = nn.Linear(4 * len(DEGRADATIONS), WIDTH)
        self.texture = nn.Sequential(nn.LayerNorm(2 * (fine + middle)), nn.Linear(2 * (fine + middle), WIDTH))
        self.pool = nn.Linear(2 * WIDTH, WIDTH)
        self.embed, self.embed_each = nn.Linear(WIDTH, EMBEDDING), nn.Linear(WIDTH, EMBEDDING)
        self.severity, self.quality = nn.Linear(WIDTH, len(DEGRADATIONS)), nn.Linear(WIDTH, 1)
        self.temperature = nn.Parameter(torch.tensor(2.7))  # of the logarithm; CLIP starts there (Radford et al., 2021)
        self.each_scale, self.each_bias = nn.Parameter(torch.tensor(2.3)), nn.Parameter(torch.full((13,), -2.0))
        self.register_buffer("prompts", torch.zeros(len(CLASSES), EMBEDDING))
        # Set by `clarity train calibrate`: the bias of the classes' logits, and the part of it that makes "normal" more
        # likely.
        self.register_buffer("class_bias", torch.zeros(len(CLASSES)))
        self.register_buffer("caution", torch.zeros(()))

    def forward(self, photo: Tensor, prompts: Tensor | None = None, applied: int = 0) -> dict[str, Any]:
        """float32 logits by name, with the shapes of the class docstring; the classes by the prompts.

        prompts: 15×EMBEDDING float32, the text tower's output in training; those of the weights file by default.
        applied: number of blocks that were applied to the photo already (`Lite.first_blocks`).
        """
        whole, where = self.encode(photo, applied)
        return {**self.classify(whole, prompts), "map": where}

    def look(self, photo: Tensor) -> dict[str, Any]:
        """The answer about whole photos: as `forward` gives it, but the classes by the statistics.

        photo: N×3×H×W float32 in 0..1.
        """
        features = self.tower(photo)
        whole, where = self.encode_features(features)
        outputs = self.classify(whole)
        classes = self.statistics(photo, features, outputs["classes"])
        return {**outputs, "classes": classes, "found": agreeing(classes, outputs["found"]), "map": where}

    def encode(self, photo: Tensor, applied: int = 0) -> tuple[Tensor, Tensor]:
        """The features of the whole photo (N×WIDTH float32) and the map's logits (N×13×H/8×W/8 float32)."""
        return self.encode_features(self.tower(photo, applied))

    def encode_features(self, features: Mapping[int, Tensor]) -> tuple[Tensor, Tensor]:
        """Like `encode` (N×WIDTH and N×13×H/8×W/8 float32), from the features that the tower gave (`Lite`)."""
        fine, middle, coarse = (features[k] for k in LEVEL_STAGES)
        rows, columns = coarse.shape[-2:]
        tokens = self.seen(coarse.flatten(2).transpose(1, 2)) + self.place(_positions(rows, columns, coarse))
        mixed = self.norm(self.mix(torch.cat((self.first.expand(len(coarse), -1, -1), tokens), 1)))
        first, cells = mixed[:, 0], mixed[:, 1:]
        where = self.pyramid(fine, middle, cells.unflatten(1, (rows, columns))).float()
        levels = (fine.float(), middle.float())
        # The spread of the fine features tells texture from noise and blocks; attention over coarse tokens would not.
        texture = torch.cat([part for x in levels for part in (x.mean((2, 3)), x.std((2, 3)))], 1)
        pooled = torch.cat((cells.mean(1), cells.amax(1)), 1)
        whole = first + self.pool(pooled) + self.texture(texture) + self.local(map_summary(where))
        return whole.float(), where

    def classify(self, whole: Tensor, prompts: Tensor | None = None) -> dict[str, Any]:
        """The logits of the whole photo ("classes", "found", "severity", "quality") from the features of `encode`.

        float32 N×classes, N×degradations, N×1.
        """
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
            "quality": self.quality(whole),
        }


def map_summary(where: Tensor) -> Tensor:
    """N×52 float32: of each degradation's map (N×13×h×w logits) the mean, and the means of its highest 1/64, 1/16 and
    1/4: a single drop, a mark, half of the photo. Bounded, so that one confident cell does not dominate."""
    cells = torch.tanh(where.flatten(2) / 4)
    ranked = cells.sort(2, descending=True).values
    count = ranked.shape[2]
    parts = [ranked[..., : max(1, count // share)].mean(2) for share in (64, 16, 4)]
    return torch.cat((cells.mean(2), *parts), 1)


def _positions(rows: int, columns: int, like: Tensor) -> Tensor:
    """1×(rows·columns)×24: sine and cosine codes of each token's center, relative to the photo's size."""
    scale = math.pi * 2.0 ** torch.arange(_FREQUENCIES, device=like.device)
    codes: list[Tensor] = []
    for count in (rows, columns):
        angle = (torch.arange(count, device=like.device) + 0.5)[:, None] / count * scale
        codes.append(torch.cat((angle.sin(), angle.cos()), 1))
    down, across = codes
    grid = torch.cat((down[:, None].expand(-1, columns, -1), across[None].expand(rows, -1, -1)), -1)
    return grid.reshape(1, rows * columns, -1)


def cautious(classes: Tensor, found: Tensor, caution: Tensor) -> Tensor:
    """The degradations' logits (N×13), lowered as far as `caution` lowered the probability of "not normal".

    caution: scalar, the part of the logit of "normal" in classes (N×15) that calibration added. found: N×13. So
    nothing is likely in a photo that is classified as normal.
    """
    before = torch.cat((classes[:, :1] - caution, classes[:, 1:]), 1)
    less = F.logsigmoid(_odds(classes)) - F.logsigmoid(_odds(before))
    likely = F.logsigmoid(found) + less[:, None]
    return likely - torch.log(-torch.expm1(likely.clamp(max=-1e-6)))


def agreeing(classes: Tensor, found: Tensor) -> Tensor:
    """The degradations' logits (N×13) such that each is at least as likely as the class of its name, and at most as
    likely as "not normal", by the logits of the classes (N×15)."""
    named = classes.log_softmax(1)[:, 1:-1].clamp(max=-1e-6)
    lowest = named - torch.log(-torch.expm1(named))
    return torch.maximum(found, lowest).minimum(_odds(classes)[:, None])


def _odds(classes: Tensor) -> Tensor:
    """The logit of "not normal" (N) from N×15."""
    return classes[:, 1:].logsumexp(1) - classes[:, 0]
