"""SNR-Net (Xu et al., CVPR 2022) for low light: near pixels decide where there is signal, the whole photo where not."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTH = 64
PATCH = 4
"""Side in features of what is compared with the rest of the photo."""
TOKEN, HIDDEN, HEADS, LAYERS = WIDTH * PATCH**2, 2048, 8, 6
LUMA = 0.299, 0.587, 0.114


def _layer(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1)


class _Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = _layer(WIDTH, WIDTH), _layer(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(torch.relu(self.conv1(x)))


class _Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w_qs, self.w_ks, self.w_vs = (nn.Linear(TOKEN, HEADS * WIDTH, bias=False) for _ in range(3))
        self.fc = nn.Linear(HEADS * WIDTH, TOKEN, bias=False)
        self.layer_norm = nn.LayerNorm(TOKEN, eps=1e-6)

    def forward(self, x: Tensor, ignored: Tensor) -> Tensor:
        y = self.layer_norm(x)
        q, k, v = (layer(y).unflatten(2, (HEADS, -1)).transpose(1, 2) for layer in (self.w_qs, self.w_ks, self.w_vs))
        found = F.scaled_dot_product_attention(q, k, v, attn_mask=ignored)
        return x + self.fc(found.transpose(1, 2).flatten(2))


class _Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w_1, self.w_2 = nn.Linear(TOKEN, HIDDEN), nn.Linear(HIDDEN, TOKEN)
        self.layer_norm = nn.LayerNorm(TOKEN, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.w_2(torch.relu(self.w_1(self.layer_norm(x))))


class _Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.slf_attn, self.pos_ffn = _Attention(), _Mixed()

    def forward(self, x: Tensor, ignored: Tensor) -> Tensor:
        return self.pos_ffn(self.slf_attn(x, ignored))


class SnrNet(nn.Module):
    """39,124,099 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_first_1 = _layer(3, WIDTH)
        self.conv_first_2, self.conv_first_3 = _layer(WIDTH, WIDTH, 2), _layer(WIDTH, WIDTH, 2)
        self.feature_extraction, self.recon_trunk = nn.Sequential(_Block()), nn.Sequential(_Block())
        self.upconv1, self.upconv2 = _layer(2 * WIDTH, 4 * WIDTH), _layer(2 * WIDTH, 4 * WIDTH)
        self.HRconv, self.conv_last = _layer(2 * WIDTH, WIDTH), _layer(WIDTH, 3)
        self._layers = [_Layer() for _ in range(LAYERS)]
        self.transformer = nn.ModuleDict({"layer_stack": nn.ModuleList(self._layers)})
        self.recon_trunk_light = nn.Sequential(*(_Block() for _ in range(6)))

    def forward(self, rgb: Tensor) -> Tensor:
        """N×3×H×W float RGB 0..1, sides multiples of 16 → the same in daylight, not clipped."""
        fine = self._active(self.conv_first_1(rgb))
        half = self._active(self.conv_first_2(fine))
        quarter = self._active(self.conv_first_3(half))
        x = self.feature_extraction(quarter)
        signal = F.interpolate(_signal(rgb), size=x.shape[2:])
        near = self.recon_trunk_light(x)
        x = self._far(x, signal) * (1 - signal) + near * signal
        x = torch.cat([self.recon_trunk(x), quarter], 1)
        x = torch.cat([self._active(F.pixel_shuffle(self.upconv1(x), 2)), half], 1)
        x = torch.cat([self._active(F.pixel_shuffle(self.upconv2(x), 2)), fine], 1)
        return self.conv_last(self._active(self.HRconv(x))) + rgb

    def _active(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, 0.1)

    def _far(self, x: Tensor, signal: Tensor) -> Tensor:
        """Every patch from the others that have signal, N×WIDTH×H×W."""
        ignored = torch.where(F.avg_pool2d(signal, PATCH) > 0.5, 0.0, -1e9).flatten(2)[:, :, None]
        tokens = F.unfold(x, PATCH, stride=PATCH).transpose(1, 2)
        for layer in self._layers:
            tokens = layer(tokens, ignored)
        return F.fold(tokens.transpose(1, 2), x.shape[2:], PATCH, stride=PATCH)


def _signal(rgb: Tensor) -> Tensor:
    """How much signal there is against noise, N×1×H×W, 0..1 of the best in the photo; noise is what a blur takes."""
    blurred = F.avg_pool2d(F.pad(rgb, (2, 2, 2, 2), "reflect"), 5, 1)
    weights = torch.tensor(LUMA, device=rgb.device).view(1, 3, 1, 1)
    dark, light = (weights * rgb).sum(1, keepdim=True), (weights * blurred).sum(1, keepdim=True)
    ratio = light / ((dark - light).abs() + 1e-4)
    return (ratio / (ratio.amax((2, 3), keepdim=True) + 1e-4)).clamp(0, 1)
