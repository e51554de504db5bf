"""IAT (Cui et al., BMVC 2022): a factor and an offset for each pixel, then a color matrix and a gamma for the photo."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH, GLOBAL, QUERIES, HEADS = 16, 64, 10, 4


class _Affine(nn.Module):
    """Mixes the channels; in place of a normalization."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.ones(1, 1, WIDTH)), nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.color = nn.Parameter(torch.eye(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        # A 1×1 convolution: every channel is a mix of all, then scaled and shifted.
        scale = self.alpha.view(-1, 1)
        return F.conv2d(x, (scale * self.color)[..., None, None], self.beta.flatten())


class _Mlp(nn.Module):
    """Two layers; of 1×1 convolutions for a map, linear for a list."""

    def __init__(self, width: int, *, spatial: bool) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(width, 4 * width, 1) if spatial else nn.Linear(width, 4 * width)
        self.fc2 = nn.Conv2d(4 * width, width, 1) if spatial else nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gamma_1, self.gamma_2 = (nn.Parameter(torch.ones(1, WIDTH, 1, 1)) for _ in range(2))
        self.pos_embed = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, groups=WIDTH)
        self.norm1, self.norm2 = _Affine(), _Affine()
        self.conv1, self.conv2 = nn.Conv2d(WIDTH, WIDTH, 1), nn.Conv2d(WIDTH, WIDTH, 1)
        self.attn = nn.Conv2d(WIDTH, WIDTH, 5, padding=2, groups=WIDTH)
        self.mlp = _Mlp(WIDTH, spatial=True)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.pos_embed(x)
        x = x + self.gamma_1 * self.conv2(self.attn(self.conv1(self.norm1(x))))
        return x + self.gamma_2 * self.mlp(self.norm2(x))


class _Local(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTH, 3, padding=1)
        self.mul_blocks, self.add_blocks = (nn.Sequential(_Block(), _Block(), _Block()) for _ in range(2))
        self.mul_end, self.add_end = (nn.Sequential(nn.Conv2d(WIDTH, 3, 3, padding=1)) for _ in range(2))

    def forward(self, rgb: Tensor) -> Tensor:
        features = F.leaky_relu(self.conv1(rgb), 0.2)
        factor = torch.relu(self.mul_end(self.mul_blocks(features) + features))
        return rgb * factor + torch.tanh(self.add_end(self.add_blocks(features) + features))


class _Attention(nn.Module):
    """What learned queries find in the photo."""

    def __init__(self) -> None:
        super().__init__()
        self.q = nn.Parameter(torch.ones(1, QUERIES, GLOBAL))
        self.k, self.v = (nn.Linear(GLOBAL, GLOBAL, bias=False) for _ in range(2))
        self.proj = nn.Linear(GLOBAL, GLOBAL)

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for part in (self.q.expand(len(x), -1, -1), self.k(x), self.v(x))
        )
        found = F.scaled_dot_product_attention(queries, keys, values)
        return self.proj(found.transpose(1, 2).flatten(2))


class _Generator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pos_embed = nn.Conv2d(GLOBAL, GLOBAL, 3, padding=1, groups=GLOBAL)
        self.norm1, self.norm2 = nn.LayerNorm(GLOBAL), nn.LayerNorm(GLOBAL)
        self.attn = _Attention()
        self.mlp = _Mlp(GLOBAL, spatial=False)

    def forward(self, x: Tensor) -> Tensor:
        places = (x + self.pos_embed(x)).flatten(2).transpose(1, 2)
        found = self.attn(self.norm1(places))
        return found + self.mlp(self.norm2(found))


class _Embedding(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        half = GLOBAL // 2
        self.proj = nn.Sequential(
            nn.Conv2d(3, half, 3, 2, 1), nn.BatchNorm2d(half), nn.GELU(),
            nn.Conv2d(half, GLOBAL, 3, 2, 1), nn.BatchNorm2d(GLOBAL),
        )  # fmt: skip

    def forward(self, rgb: Tensor) -> Tensor:
        return self.proj(rgb)


class _Global(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gamma_base, self.color_base = nn.Parameter(torch.ones(1)), nn.Parameter(torch.eye(3))
        self.conv_large = _Embedding()
        self.generator = _Generator()
        self.gamma_linear, self.color_linear = nn.Linear(GLOBAL, 1), nn.Linear(GLOBAL, 1)

    def forward(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        found = self.generator(self.conv_large(rgb))
        gamma = self.gamma_linear(found[:, 0]) + self.gamma_base
        color = self.color_linear(found[:, 1:]).view(-1, 3, 3) + self.color_base
        return gamma, color


class Iat(nn.Module):
    """91,348 parameters. The photo as a whole (`tone`) and its pixels (`lit`) are separate, so that tiles agree."""

    def __init__(self) -> None:
        super().__init__()
        self.local_net, self.global_net = _Local(), _Global()

    def tone(self, rgb: Tensor) -> tuple[Tensor, Tensor]:
        """Gamma (N×1 float) and color matrix (N×3×3 float) for photos of N×3×H×W float RGB 0..1."""
        return self.global_net(rgb)

    def lit(self, rgb: Tensor, gamma: Tensor, color: Tensor) -> Tensor:
        """The result for N×3×H×W float RGB 0..1, with the gamma and colors of `tone`: of the same shape, 0..1."""
        light = torch.einsum("nchw,ndc->ndhw", self.local_net(rgb), color).clamp(1e-8, 1)
        return light.pow(gamma[..., None, None])

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1 → the same in better light, 0..1."""
        return self.lit(rgb, *self.tone(rgb))
