"""Our own degradation detector: an image tower whose embedding is compared with those of class prompts, as CLIP does.

The tower looks twice. An overview of the whole photo goes through EfficientNet-Lite0 (Tan and Le, ICML 2019, and its
Lite variant): light, haze, shadows, large marks. Crops at native resolution go through the first stages of another one:
what JPEG, noise, blur and fine rain leave is gone from any thumbnail. Both give tokens with a place in the photo; two
transformer layers let them speak, and each token also says what it sees at its own place: the heat map. Besides, the
crops have a way of their own to the answer, and so has the heat map: a drop or a mark is in few places.
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
"""In training, the share of photos told without what all means together: of the overview that leaves the heat at its
cells. With all of it, it would answer well enough for the crops never to be learnt."""
WIDTH = 192
EMBEDDING = 256
_PLACE = 5


class _Same(nn.Conv2d):
    """A convolution with TensorFlow's padding: for even sizes and stride 2, less before than after."""

    def normalised(self, x: Tensor, norm: _Norm) -> Tensor:
        """norm(self(x)), folded into the weights: one pass over the features instead of two."""
        if norm.weight.requires_grad and not self.weight.requires_grad:
            return norm(self._applied(x, self.weight, None))  # folded, the filters would be given a gradient after all
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        return self._applied(x, self.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale)

    def _applied(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.stride[0] == 1:
            return F.conv2d(x, weight, bias, padding=self.kernel_size[0] // 2, groups=self.groups)
        reach = self.kernel_size[0] - self.stride[0]
        x = F.pad(x, (reach // 2, reach - reach // 2, reach // 2, reach - reach // 2))
        if not x.requires_grad:
            return F.conv2d(x, weight, bias, self.stride, groups=self.groups)
        # The gradient of a strided depthwise convolution takes eighty times as long in bfloat16 on a processor.
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x.float(), weight, bias, self.stride, groups=self.groups)


class _Norm(nn.Module):
    """Normalisation by the statistics of the pretraining, which stay as they are."""

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
    """Convolutions, each followed by its normalisation and perhaps by an activation."""

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
    """Expansion, depthwise convolution, projection; added to the input where the sizes agree."""

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
"""Stages for the crops: down to 8 × 8, each cell of which sees most of the crop."""


class Lite0(nn.Module):
    """EfficientNet-Lite0's first stages, all seven without its classifier: N×3×H×W in 0..1 → N×320×H/32×W/32."""

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

    def begun(self, rgb: Tensor, blocks: int) -> Tensor:
        """After the stem and the first so many blocks."""
        x = self.stem((rgb * 255 - 127) / 128)
        for block in self.blocks[:blocks]:
            x = block(x)
        return x

    def forward(self, x: Tensor, done: int = 0) -> Tensor:
        """done: what `begun` did to x already; 0: it is a photo."""
        if not done:
            return self.begun(x, len(self.blocks))
        for block in self.blocks[done:]:
            x = block(x)
        return x


class Detail(nn.Module):
    """Crops at native resolution, N×3×128×128 in 0..1 → N×WIDTH; mean and largest answer over the crop.

    Normalised: what is the same in all crops would drown what tells them apart, and the rest of the network would learn
    to do without them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.body = Lite0(_FINE)
        self.out = nn.Linear(2 * self.body.width, WIDTH)
        self.norm = nn.LayerNorm(WIDTH)

    def forward(self, rgb: Tensor, done: int = 0) -> Tensor:
        x = self.body(rgb, done)
        return self.norm(self.out(torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)))


class Detector(nn.Module):
    """The image tower with what the class prompts were encoded to.

    overview N×3×224×224 and crops N×K×3×128×128 in 0..1; places N×K×5: centre, width and height as shares of the
    photo, and log2 of how much the crop's photo was reduced. Returns logits: "classes" N×15 (CLASSES), "found" N×13
    (DEGRADATIONS), "severity" N×13, "heat" N×(49+K)×13, the overview's tokens first, row by row.
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
        # For `clarity train calibrate`: what is added to the classes' logits; by how much it raised "normal"; and how
        # much what all means together counts beside crops and single places, for it is surer than it should be of
        # photos that are new to it.
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
        done: tuple[int, int] = (0, 0),
    ) -> dict[str, Any]:
        """prompts 15×EMBEDDING: as just encoded (in training); else those kept with the weights. done: so many blocks
        of both towers were applied to overview and crops already (Lite0.begun)."""
        whole, near, heat = self.look(overview, crops, places, done)
        return {**self.answer(whole, near, prompts), "heat": heat}

    def look(
        self, overview: Tensor, crops: Tensor, places: Tensor, done: tuple[int, int] = (0, 0)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What all means together, N×WIDTH; what crops and single places mean, N×WIDTH; and the heat's logits."""
        count, many = crops.shape[:2]
        wide = self.seen(self.overview(overview, done[0]).flatten(2).transpose(1, 2)) + self.kind[0]
        wide = wide + self.place(self.cells.expand(count, -1, -1))
        near = self.detail(crops.flatten(0, 1), done[1]).reshape(count, many, WIDTH) + self.kind[1] + self.place(places)
        tokens = self.norm(self.mix(torch.cat((self.first.expand(count, -1, -1), wide, near), 1))).float()
        # Ways of their own for the crops, of which nothing arrived through attention alone, and for single places.
        heat = self.heat(tokens[:, 1:])
        far, close = torch.tanh(heat / 4).split((GRID**2, many), 1)
        local = self.local(torch.cat((far.mean(1), far.amax(1), close.mean(1), close.amax(1)), 1))
        near = self.close(torch.cat((near.mean(1), near.amax(1)), 1)) + local
        return tokens[:, 0], near.float(), heat

    def answer(self, whole: Tensor, near: Tensor, prompts: Tensor | None = None) -> dict[str, Any]:
        """The logits of the photo as a whole, from what `look` gives."""
        share = (torch.rand(len(whole), 1, device=whole.device) >= BLIND).float() if self.training else self.trust
        whole = share * whole + near
        texts = F.normalize((self.prompts if prompts is None else prompts).float(), dim=-1)
        image, each = F.normalize(self.embed(whole), dim=-1), F.normalize(self.embed_each(whole), dim=-1)
        classes = self.temperature.exp().clamp(max=100) * image @ texts.T + self.class_bias
        found = self.each_scale.exp() * each @ texts[1:-1].T + self.each_bias
        return {
            "classes": classes,
            "found": found if self.training else cautious(classes, found, self.caution),
            "severity": self.severity(whole),
        }


def cautious(classes: Tensor, found: Tensor, caution: Tensor) -> Tensor:
    """Logits N×13 of the degradations, less likely by as much as all classes but "normal" became when `caution` was
    added to the logit of "normal" (classes: N×15, with it). So nothing is likely in a photo that looks fine."""
    before = torch.cat((classes[:, :1] - caution, classes[:, 1:]), 1)
    less = F.logsigmoid(_odds(classes)) - F.logsigmoid(_odds(before))
    likely = F.logsigmoid(found) + less[:, None]
    return likely - torch.log(-torch.expm1(likely.clamp(max=-1e-6)))


def _odds(classes: Tensor) -> Tensor:
    """N: the logit of "anything but normal"."""
    return classes[:, 1:].logsumexp(1) - classes[:, 0]
