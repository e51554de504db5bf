"""Published networks evaluated plainly from their tensors, straight from the descriptions in the papers.

Written apart from backend/nets, function by function, to compare with: no modules, nothing shared with the product.
Every function takes the tensors under their published names and photos of 1×3×H×W float RGB in 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

Tensors = Mapping[str, Tensor]


def conv(tensors: Tensors, name: str, x: Tensor, stride: int = 1, dilation: int = 1, groups: int = 1) -> Tensor:
    """A convolution that keeps the size, by its name."""
    kernels = tensors[f"{name}.weight"]
    side = kernels.shape[-1]
    return F.conv2d(x, kernels, tensors.get(f"{name}.bias"), stride, dilation * (side // 2), dilation, groups)


def batch_norm(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    """With the statistics of training."""
    mean, variance, weight, bias = (
        tensors[f"{name}.{part}"].view(1, -1, 1, 1) for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (variance + 1e-5).sqrt() * weight + bias


def linear(tensors: Tensors, name: str, x: Tensor) -> Tensor:
    return F.linear(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))


def layer_norm(tensors: Tensors, name: str, x: Tensor, tiny: float = 1e-5) -> Tensor:
    """Over the last axis."""
    mean = x.mean(-1, keepdim=True)
    spread = (((x - mean) ** 2).mean(-1, keepdim=True) + tiny).sqrt()
    return (x - mean) / spread * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


OFFSETS = torch.tensor([[(a // 8 - b // 8 + 7) * 15 + a % 8 - b % 8 + 7 for b in range(64)] for a in range(64)])
"""The number of the offset between two places of a window of 8×8."""
LOG_OFFSETS = torch.tensor([
    [[math.copysign(math.log1p(abs(d)), d) for d in (a // 8 - b // 8, a % 8 - b % 8)] for b in range(64)]
    for a in range(64)
])  # fmt: skip
"""The same offset down and to the right, as logarithms with their signs."""


# Rain --------------------------------------------------------------------------------------------------------------


def _blocks(t: Tensors, x: Tensor) -> Tensor:
    for k in range(1, 6):
        x = F.relu(F.relu(conv(t, f"res_conv{k}.2", F.relu(conv(t, f"res_conv{k}.0", x)))) + x)
    return x


def _lstm(t: Tensors, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    x = torch.cat([x, h], 1)
    i, f, o = (torch.sigmoid(conv(t, f"conv_{gate}.0", x)) for gate in "ifo")
    c = f * c + i * torch.tanh(conv(t, "conv_g.0", x))
    return o * torch.tanh(c), c


def prenet(t: Tensors, rgb: Tensor, stages: int = 6) -> Tensor:
    x, h = rgb, torch.zeros(1, 32, *rgb.shape[2:])
    c = h
    for _ in range(stages):
        h, c = _lstm(t, F.relu(conv(t, "conv0.0", torch.cat([rgb, x], 1))), h, c)
        x = conv(t, "conv.0", _blocks(t, h)) + rgb
    return x


def prenet_real(t: Tensors, rgb: Tensor) -> Tensor:
    x, h = rgb, torch.zeros(1, 32, *rgb.shape[2:])
    c = h
    for _ in range(4):
        h, c = _lstm(t, _blocks(t, F.relu(conv(t, "conv0.0", torch.cat([rgb, x], 1)))), h, c)
        x = conv(t, "conv.0", h)
    return x


def vrgnet(t: Tensors, rgb: Tensor) -> Tensor:
    t = {name.removeprefix("derainet."): tensor for name, tensor in t.items()}
    last = {**t, "conv.0.weight": t["convfinal.0.weight"][:3], "conv.0.bias": t["convfinal.0.bias"][:3]}
    x, h = rgb, torch.zeros(1, 32, *rgb.shape[2:])
    c = h
    for stage in range(6):
        h, c = _lstm(t, F.relu(conv(t, "conv0.0", torch.cat([rgb, x], 1))), h, c)
        x = conv(last if stage == 5 else t, "conv.0", _blocks(t, h)) + rgb
    return x


def jorder_e(t: Tensors, rgb: Tensor) -> Tensor:
    photo = rgb * 255
    mask: Tensor | int = 0
    level: Tensor | int = 0
    before, features = photo, [torch.zeros(1)] * 3
    for stage in ("jorder1", "jorder2"):
        x = conv(t, f"{stage}.encoder", torch.cat([photo, before], 1))
        for k in range(3):
            block, out = f"{stage}.updater.res{k + 1}.conv", x
            for a, b, one, two, weight in ((1, 2, 1, 1, 1.0), (3, 4, 2, 2, 0.1), (5, 6, 2, 4, 0.1)):
                inner = F.relu(conv(t, f"{block}{a}", x, dilation=one))
                out = out + weight * F.relu(conv(t, f"{block}{b}", inner, dilation=two))
            x = out + features[k]
            features[k] = x
        mask = conv(t, f"{stage}.mask_estimator2", conv(t, f"{stage}.mask_estimator1", x)) + mask
        level = conv(t, f"{stage}.level_estimator2", conv(t, f"{stage}.level_estimator1", x)) + level

        def code(name: str, value: Tensor, stage: str = stage) -> Tensor:
            return conv(t, f"{stage}.{name}_encoder2", F.relu(conv(t, f"{stage}.{name}_encoder1", value)))

        both = x + code("mask_F_b", mask) + code("level_F_b", level)
        both = both + code("mask_F_w", mask) * x * code("level_F_w", level)
        before = conv(t, f"{stage}.decoder.1", conv(t, f"{stage}.decoder.0", both)) + photo
    return before / 255


def rcd_net(t: Tensors, rgb: Tensor) -> Tensor:
    def blocks(name: str, letter: str, x: Tensor) -> Tensor:
        for k in range(1, 5):
            b = f"{name}.res{letter}{k}"
            y = F.relu(batch_norm(t, f"{b}.1", conv(t, f"{b}.0", x)))
            x = F.relu(x + batch_norm(t, f"{b}.4", conv(t, f"{b}.3", y)))
        return x

    def rain(maps: Tensor) -> Tensor:
        return F.conv2d(maps, 0.1 * t["conv"][1], padding=4)

    o = 255.0 * rgb
    x = blocks("xnet", "x", torch.cat([o, F.conv2d(o, t["w_z_f"], padding=1)], 1))
    b, z = x[:, :3], x[:, 3:]
    m = F.conv_transpose2d(F.relu(o - b - t["tau"]), 0.1 * t["weight0"], padding=4)
    for k in range(17):
        if k > 0:
            m = m - 0.1 * t["eta11"][k - 1] * F.conv_transpose2d(rain(m) - (o - b), 0.1 * t["conv"][1], padding=4)
        m = F.relu(blocks(f"m_stage.{k}", "m", m) - t[f"m_stage.{k}.tau"])
        eta = t["eta2"] if k == 0 else t["eta12"][k - 1]
        x = blocks(f"x_stage.{k}", "x", torch.cat([b - 0.1 * eta * (b - (o - rain(m))), z], 1))
        b, z = x[:, :3], x[:, 3:]
    return blocks("fxnet", "x", x)[:, :3] / 255.0


# Haze --------------------------------------------------------------------------------------------------------------


def aod_net(t: Tensors, rgb: Tensor) -> Tensor:
    a = F.relu(conv(t, "e_conv1", rgb))
    b = F.relu(conv(t, "e_conv2", a))
    c = F.relu(conv(t, "e_conv3", torch.cat([a, b], 1)))
    d = F.relu(conv(t, "e_conv4", torch.cat([b, c], 1)))
    k = F.relu(conv(t, "e_conv5", torch.cat([a, b, c, d], 1)))
    return F.relu(k * rgb - k + 1)


def gca_net(t: Tensors, rgb: Tensor) -> Tensor:
    photo = (rgb * 255).numpy()[0]
    edge = np.zeros_like(photo[0])
    for channel in photo:
        across, down = np.abs(np.diff(channel, axis=1)), np.abs(np.diff(channel, axis=0))
        edge += np.pad(across, ((0, 0), (1, 0))) + np.pad(across, ((0, 0), (0, 1)))
        edge += np.pad(down, ((1, 0), (0, 0))) + np.pad(down, ((0, 1), (0, 0)))
    x = torch.cat([rgb * 255, torch.from_numpy(edge / 12)[None, None]], 1) - 128

    def norm(name: str, x: Tensor) -> Tensor:
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
        return x * t[f"{name}.weight"].view(1, -1, 1, 1) + t[f"{name}.bias"].view(1, -1, 1, 1)

    def smoothed(name: str, x: Tensor) -> Tensor:
        return torch.cat([conv(t, name, channel) for channel in x.split(1, 1)], 1)

    for k in (1, 2, 3):
        x = F.relu(norm(f"norm{k}", conv(t, f"conv{k}", x, stride=2 if k == 3 else 1)))
    levels = [x]
    for k, dilation in enumerate((2, 2, 2, 4, 4, 4, 1), 1):
        y = x
        for part in (1, 2):
            y = smoothed(f"res{k}.pre_conv{part}", y) if dilation > 1 else y
            y = norm(f"res{k}.norm{part}", conv(t, f"res{k}.conv{part}", y, dilation=dilation))
            y = F.relu(y) if part == 1 else y
        x = F.relu(x + y)
        levels += [x] if k in {4, 7} else []
    gates = conv(t, "gate", torch.cat(levels, 1))
    x = levels[0] * gates[:, :1] + levels[1] * gates[:, 1:2] + levels[2] * gates[:, 2:]
    x = F.relu(norm("norm4", F.conv_transpose2d(x, t["deconv3.weight"], t["deconv3.bias"], 2, 1)))
    x = F.relu(norm("norm5", conv(t, "deconv2", x)))
    return (conv(t, "deconv1", x) + rgb * 255) / 255


def ffa_net(t: Tensors, rgb: Tensor) -> Tensor:
    def gate(name: str, x: Tensor, seen: Tensor) -> Tensor:
        return x * torch.sigmoid(conv(t, f"{name}.2", F.relu(conv(t, f"{name}.0", seen))))

    photo = torch.stack([(rgb[:, 0] - 0.64) / 0.14, (rgb[:, 1] - 0.6) / 0.15, (rgb[:, 2] - 0.58) / 0.152], 1)
    x = conv(t, "pre.0", photo)
    found: list[Tensor] = []
    for group in ("g1", "g2", "g3"):
        y = x
        for k in range(19):
            b = f"{group}.gp.{k}"
            z = conv(t, f"{b}.conv2", F.relu(conv(t, f"{b}.conv1", y)) + y)
            z = gate(f"{b}.calayer.ca", z, z.mean((2, 3), keepdim=True))
            y = y + gate(f"{b}.palayer.pa", z, z)
        x = x + conv(t, f"{group}.gp.19", y)
        found.append(x)
    means = torch.cat([y.mean((2, 3), keepdim=True) for y in found], 1)
    w = torch.sigmoid(conv(t, "ca.3", F.relu(conv(t, "ca.1", means))))
    x = w[:, :64] * found[0] + w[:, 64:128] * found[1] + w[:, 128:] * found[2]
    return conv(t, "post.1", conv(t, "post.0", gate("palayer.pa", x, x))) + photo


def dehaze_former(t: Tensors, rgb: Tensor) -> Tensor:
    """Any of its sizes; how deep it is follows from the tensors."""

    def mirrored(name: str, x: Tensor, groups: int = 1) -> Tensor:
        weight = t[f"{name}.weight"]
        x = F.pad(x, (weight.shape[-1] // 2,) * 4, mode="reflect")
        return F.conv2d(x, weight, t[f"{name}.bias"], groups=groups)

    def near(name: str, x: Tensor) -> Tensor:
        if f"{name}.weight" in t:
            return mirrored(name, x, x.shape[1])
        return mirrored(f"{name}.2", F.relu(mirrored(f"{name}.0", x)))

    def attention(name: str, qkv: Tensor, shift: int) -> Tensor:
        height, wide = qkv.shape[2:]
        rows, columns = (
            np.pad(np.arange(n), (shift, -(shift + n) % 8), mode="reflect") for n in (height, wide)
        )  # which pixel is at each place
        bias = linear(t, f"{name}.meta.2", F.relu(linear(t, f"{name}.meta.0", LOG_OFFSETS)))
        found = torch.zeros(len(rows), len(columns), qkv.shape[1] // 3)
        for i in range(0, len(rows), 8):
            for j in range(0, len(columns), 8):
                places = qkv[0][:, rows[i : i + 8]][:, :, columns[j : j + 8]].reshape(qkv.shape[1], 64).T
                q, k, v = places.chunk(3, 1)
                heads: list[Tensor] = []
                width = q.shape[1] // bias.shape[2]
                for h in range(bias.shape[2]):
                    part = slice(h * width, (h + 1) * width)
                    scores = q[:, part] @ k[:, part].T / math.sqrt(width) + bias[:, :, h]
                    heads.append(torch.softmax(scores, 1) @ v[:, part])
                found[i : i + 8, j : j + 8] = torch.cat(heads, 1).view(8, 8, -1)
        return found[shift : shift + height, shift : shift + wide].permute(2, 0, 1)[None]

    def block(name: str, x: Tensor, shift: int) -> Tensor:
        y, scale, offset = x, torch.ones(1), torch.zeros(1)
        if f"{name}.norm1.weight" in t:
            mean = x.mean()
            spread = (((x - mean) ** 2).mean() + 1e-5).sqrt()
            y = (x - mean) / spread * t[f"{name}.norm1.weight"] + t[f"{name}.norm1.bias"]
            scale = conv(t, f"{name}.norm1.meta1", spread.view(1, 1, 1, 1))
            offset = conv(t, f"{name}.norm1.meta2", mean.view(1, 1, 1, 1))
        a = f"{name}.attn"
        if f"{a}.V.weight" in t:
            v = conv(t, f"{a}.V", y)
            found = near(f"{a}.conv", v)
            if f"{a}.QK.weight" in t:
                found = found + attention(f"{a}.attn", torch.cat([conv(t, f"{a}.QK", y), v], 1), shift)
            y = conv(t, f"{a}.proj", found)
        else:
            y = near(f"{a}.conv", y)
        x = x + y * scale + offset
        return x + conv(t, f"{name}.mlp.mlp.2", F.relu(conv(t, f"{name}.mlp.mlp.0", x)))

    def layer(number: int, x: Tensor) -> Tensor:
        k = 0
        while f"layer{number}.blocks.{k}.mlp.mlp.0.weight" in t:
            x = block(f"layer{number}.blocks.{k}", x, 4 * (k % 2))
            k += 1
        return x

    def fusion(name: str, x: Tensor, finer: Tensor) -> Tensor:
        means = (x + finer).mean((2, 3), keepdim=True)
        weights = conv(t, f"{name}.mlp.2", F.relu(conv(t, f"{name}.mlp.0", means))).view(1, 2, -1, 1, 1).softmax(1)
        return weights[:, 0] * x + weights[:, 1] * finer + x

    photo = rgb * 2.0 - 1.0
    one = layer(1, mirrored("patch_embed.proj", photo))
    two = layer(2, F.conv2d(one, t["patch_merge1.proj.weight"], t["patch_merge1.proj.bias"], 2))
    x = layer(3, F.conv2d(two, t["patch_merge2.proj.weight"], t["patch_merge2.proj.bias"], 2))
    x = F.pixel_shuffle(conv(t, "patch_split1.proj.0", x), 2)
    x = layer(4, fusion("fusion1", x, conv(t, "skip2", two)))
    x = F.pixel_shuffle(conv(t, "patch_split2.proj.0", x), 2)
    x = mirrored("patch_unembed.proj.0", layer(5, fusion("fusion2", x, conv(t, "skip1", one))))
    return (x[:, :1] * photo - x[:, 1:] + photo) * 0.5 + 0.5


def dehaze_net(t: Tensors, rgb: Tensor) -> Tensor:
    """With the borders and the box filter of OpenCV."""
    import cv2

    photo = rgb[0].permute(1, 2, 0).numpy().astype(np.float64)

    def filtered(name: str, x: np.ndarray) -> np.ndarray:
        kernels = t[f"{name}.weight"].numpy().astype(np.float64)
        side = kernels.shape[-1]
        anchor = ((side - 1) // 2, (side - 1) // 2)
        planes = [
            sum(cv2.filter2D(x[..., c], -1, k[c], anchor=anchor, borderType=cv2.BORDER_REFLECT) for c in range(len(k)))
            for k in kernels
        ]
        return np.stack(planes, -1) + t[f"{name}.bias"].numpy()

    first = filtered("conv1", photo - 0.5)
    maxout = np.stack([first[..., 4 * k : 4 * k + 4].max(-1) for k in range(4)], -1)
    scales = np.concatenate([filtered(name, maxout) for name in ("conv3x3", "conv5x5", "conv7x7")], -1)
    strongest = np.stack([cv2.dilate(plane, np.ones((7, 7))) for plane in np.moveaxis(scales, -1, 0)], -1)
    seen = filtered("ip", strongest)[..., 0].clip(0, 1)
    gray = photo @ [0.2989, 0.587, 0.114]
    limit = np.sort(seen.ravel())[max(1, round(0.01 * seen.size)) - 1]
    brightest = (seen <= limit) & (gray >= gray[seen <= limit].max())
    haze = photo[brightest].mean(0)

    def mean(x: np.ndarray) -> np.ndarray:
        sums = cv2.boxFilter(x, -1, (101, 101), normalize=False, borderType=cv2.BORDER_CONSTANT)
        counts = cv2.boxFilter(np.ones_like(x), -1, (101, 101), normalize=False, borderType=cv2.BORDER_CONSTANT)
        return sums / counts

    slope = (mean(gray * seen) - mean(gray) * mean(seen)) / (mean(gray * gray) - mean(gray) ** 2 + 1e-3)
    fitted = mean(slope) * gray + mean(mean(seen) - slope * mean(gray))
    # The product's one deviation from the authors: below 0.05 the division would only bring out noise.
    clear = (photo - haze) / fitted.clip(0.05, 1)[..., None] + haze
    return torch.from_numpy(clear.astype(np.float32)).permute(2, 0, 1)[None]


# Noise, JPEG, blur -------------------------------------------------------------------------------------------------


def _numbered(t: Tensors, x: Tensor) -> Tensor:
    count = len(t) // 2
    for k in range(count):
        x = conv(t, f"{k:03}", x)
        x = F.relu(x) if k < count - 1 else x
    return x


def dncnn(t: Tensors, rgb: Tensor) -> Tensor:
    return rgb - _numbered(t, rgb)


def dncnn_luma(t: Tensors, rgb: Tensor) -> Tensor:
    """To YCbCr, the luma cleaned, and back."""
    to_ycc = torch.tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    ycc = torch.einsum("ij,njhw->nihw", to_ycc, rgb)
    luma = ycc[:, :1] - _numbered(t, ycc[:, :1])
    return torch.einsum("ij,njhw->nihw", to_ycc.inverse(), torch.cat([luma, ycc[:, 1:]], 1))


def ffdnet(t: Tensors, rgb: Tensor, level: float) -> Tensor:
    places = [(0, 0), (1, 0), (0, 1), (1, 1)]  # row and column, as MATLAB counts
    cells = torch.stack([rgb[:, c, i::2, j::2] for c in range(3) for i, j in places], 1)
    out = _numbered(t, torch.cat([cells, torch.full_like(cells[:, :1], level)], 1))
    result = torch.zeros_like(rgb)
    for k in range(12):
        i, j = places[k % 4]
        result[:, k // 4, i::2, j::2] = out[:, k]
    return result


def dmphn(t: Tensors, rgb: Tensor) -> Tensor:
    def residual(name: str, x: Tensor) -> Tensor:
        return conv(t, f"{name}.2", F.relu(conv(t, f"{name}.0", x))) + x

    def encode(level: int, x: Tensor) -> Tensor:
        for first, stride in ((1, 1), (5, 2), (9, 2)):
            x = conv(t, f"encoder_lv{level}.layer{first}", x, stride=stride)
            for k in (first + 1, first + 2):
                x = residual(f"encoder_lv{level}.layer{k}", x)
        return x

    def decode(level: int, x: Tensor) -> Tensor:
        for first in (13, 17, 21):
            for k in (first, first + 1):
                x = residual(f"decoder_lv{level}.layer{k}", x)
            name = f"decoder_lv{level}.layer{first + 3}"
            if first == 21:
                return conv(t, name, x)
            x = F.conv_transpose2d(x, t[f"{name}.weight"], t[f"{name}.bias"], 2, 1)
        raise AssertionError

    photo = rgb - 0.5
    rows, columns = photo.shape[2] // 2, photo.shape[3] // 2
    top, bottom = photo[:, :, :rows], photo[:, :, rows:]
    three = [torch.cat([encode(3, half[..., :columns]), encode(3, half[..., columns:])], 3) for half in (top, bottom)]
    two = [encode(2, half + decode(3, f)) + f for half, f in zip((top, bottom), three, strict=True)]
    added = torch.cat([decode(2, f) for f in two], 2)
    return decode(1, encode(1, photo + added) + torch.cat(two, 2)) + 0.5


# Drops and marks ---------------------------------------------------------------------------------------------------


def vdn(t: Tensors, rgb: Tensor) -> Tensor:
    def twice(name: str, x: Tensor) -> Tensor:
        for k in (0, 2):
            x = conv(t, f"{name}.block.{k}", x)
            x = torch.where(x > 0, x, 0.2 * x)
        return x

    kept = [twice("DNet.down_path.0", rgb)]
    for k in (1, 2, 3):
        x = kept[-1]
        x = (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4
        kept.append(twice(f"DNet.down_path.{k}", x))
    x = kept.pop()
    for k in (0, 1, 2):
        u = f"DNet.up_path.{k}"
        x = F.conv_transpose2d(x, t[f"{u}.up.weight"], t[f"{u}.up.bias"], 2)
        x = twice(f"{u}.conv_block", torch.cat([x, kept.pop()], 1))
    return rgb - conv(t, "DNet.last", x)[:, :3]


def deep_deblur(t: Tensors, rgb: Tensor) -> Tensor:
    def half(x: Tensor) -> Tensor:
        weights = [math.exp(-0.5 * (k * 1.5) ** 2) for k in range(-3, 4)]
        for axis in (2, 3):
            ends = x.narrow(axis, 0, 3).flip(axis), x, x.narrow(axis, x.shape[axis] - 3, 3).flip(axis)
            wide = torch.cat(ends, axis)
            x = sum((w * wide.narrow(axis, k, x.shape[axis]) for k, w in enumerate(weights)), 0 * x) / sum(weights)
        return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4

    photos = [rgb * 255.0]
    for _ in range(2):
        photos.append(half(photos[-1]))
    out = torch.zeros(1, 0)
    for s in (2, 1, 0):
        x = photos[s] - 127.5
        if s < 2:
            x = torch.cat([x, _shuffled(conv(t, f"conv_end_models.{s + 1}.uppath.0", out))], 1)
        b = f"body_models.{s}.body"
        x = conv(t, f"{b}.0", x)
        for k in range(1, 20):
            x = x + conv(t, f"{b}.{k}.body.2", F.relu(conv(t, f"{b}.{k}.body.0", x)))
        out = conv(t, f"{b}.20", x)
    return (out + 127.5) / 255.0


def neighbor(t: Tensors, rgb: Tensor) -> Tensor:
    def layer(name: str, x: Tensor) -> Tensor:
        x = conv(t, name, x)
        return torch.where(x > 0, x, 0.2 * x)

    kept = [rgb]
    x = layer("enc_conv1", layer("enc_conv0", rgb))
    for k in (2, 3, 4, 5):
        kept.append(F.max_pool2d(x, 2))
        x = layer(f"enc_conv{k}", kept[-1])
    x = layer("enc_conv6", F.max_pool2d(x, 2))
    for k in (5, 4, 3, 2, 1):
        x = F.conv_transpose2d(x, t[f"up{k}.deconv.weight"], t[f"up{k}.deconv.bias"], 2)
        x = layer(f"dec_conv{k}b", layer(f"dec_conv{k}a", torch.cat([x, kept[k - 1]], 1)))
    return conv(t, "nin_c", layer("nin_b", layer("nin_a", x)))


def grid_dehaze(t: Tensors, rgb: Tensor) -> Tensor:
    def block(name: str, x: Tensor) -> Tensor:
        seen = x
        for k in range(4):
            seen = torch.cat([seen, F.relu(conv(t, f"{name}.residual_dense_layers.{k}.conv", seen))], 1)
        return x + conv(t, f"{name}.conv_1x1", seen)

    def along(row: int, column: int) -> Tensor:
        return block(f"rdb_module.{row}_{column - 1}", at[row, column - 1])

    def mixed(row: int, column: int, other: Tensor) -> Tensor:
        first, second = (t["coefficient"][row, column, k, : other.shape[1]].view(1, -1, 1, 1) for k in (0, 1))
        return first * along(row, column) + second * other

    def down(row: int, column: int) -> Tensor:
        name = f"downsample_module.{row}_{column}"
        return F.relu(conv(t, f"{name}.conv2", F.relu(conv(t, f"{name}.conv1", at[row, column], stride=2))))

    def up(row: int, column: int) -> Tensor:
        name = f"upsample_module.{row}_{column}"
        weight, bias = t[f"{name}.deconv.weight"], t[f"{name}.deconv.bias"]
        x = F.relu(F.conv_transpose2d(at[row + 1, column], weight, bias, 2, 1, 1))
        return F.relu(conv(t, f"{name}.conv", x))

    at = {(0, 0): block("rdb_in", conv(t, "conv_in", (rgb - 0.5) / 0.5))}
    at[1, 0] = down(0, 0)
    at[2, 0] = down(1, 0)
    for column in (1, 2):
        at[0, column] = along(0, column)
        at[1, column] = mixed(1, column, down(0, column))
        at[2, column] = mixed(2, column, down(1, column))
    for column in (3, 4, 5):
        at[2, column] = along(2, column)
        at[1, column] = mixed(1, column, up(1, column))
        at[0, column] = mixed(0, column, up(0, column))
    return F.relu(conv(t, "conv_out", block("rdb_out", at[0, 5])))


def attentive_gan(t: Tensors, rgb: Tensor) -> Tensor:
    def layer(name: str, x: Tensor, stride: int = 1, dilation: int = 1) -> Tensor:
        return F.relu(conv(t, f"{name}.0", x, stride, dilation))

    def up(name: str, x: Tensor) -> Tensor:
        x = F.conv_transpose2d(x, t[f"{name}.0.weight"], t[f"{name}.0.bias"], 2, 1)
        x = torch.cat([x[..., 1:2], x], 3)  # the second row and column, mirrored at the first
        x = torch.cat([x[:, :, 1:2], x], 2)
        return F.relu((x[:, :, 1:, 1:] + x[:, :, :-1, 1:] + x[:, :, 1:, :-1] + x[:, :, :-1, :-1]) / 4)

    bgr = torch.stack([rgb[:, 2], rgb[:, 1], rgb[:, 0]], 1)
    mask, h = 0.5 * torch.ones_like(bgr[:, :1]), torch.zeros(1, 32, *bgr.shape[2:])
    c = h
    for _ in range(4):
        x = layer("det_conv0", torch.cat([bgr, mask], 1))
        for k in range(1, 6):
            x = F.relu(F.relu(conv(t, f"det_conv{k}.2", layer(f"det_conv{k}", x))) + x)
        h, c = _lstm(t, x, h, c)
        mask = conv(t, "det_conv_mask.0", h)
    one = layer("conv1", torch.cat([bgr, mask], 1))
    two = layer("conv3", layer("conv2", one, stride=2))
    x = layer("conv6", layer("conv5", layer("conv4", two, stride=2)))
    for k in range(1, 5):
        x = layer(f"diconv{k}", x, dilation=2**k)
    x = layer("conv9", up("deconv1", layer("conv8", layer("conv7", x))) + two)
    out = conv(t, "output.0", layer("conv10", up("deconv2", x) + one))
    return torch.stack([out[:, 2], out[:, 1], out[:, 0]], 1)


def g2r_shadow(t: Tensors, rgb: Tensor, mask: NDArray[np.uint8]) -> Tensor:
    """mask: H×W, 255 in the shadow. Lab as in skimage, which the authors used."""

    def normal(x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return (x - mean) / (((x - mean) ** 2).mean((2, 3), keepdim=True) + 1e-5).sqrt()

    def valid(name: str, x: Tensor, border: int) -> Tensor:
        x = F.pad(x, (border,) * 4, mode="reflect")
        return F.conv2d(x, t[f"{name}.weight"], t[f"{name}.bias"])

    def generator(name: str, x: Tensor) -> Tensor:
        lab = x[:, :3]
        x = F.relu(normal(valid(f"{name}.conv1_b.1", x, 3)))
        for k in (2, 3):
            x = F.relu(normal(conv(t, f"{name}.downconv{k}_b.0", x, stride=2)))
        for k in range(4, 13):
            block = f"{name}.conv{k}_b.0.conv_block"
            x = x + normal(valid(f"{block}.5", F.relu(normal(valid(f"{block}.1", x, 1))), 1))
        for k in (13, 14):
            up = f"{name}.upconv{k}_b.0"
            x = F.relu(normal(F.conv_transpose2d(x, t[f"{up}.weight"], t[f"{up}.bias"], 2, 1, 1)))
        return (valid(f"{name}.conv15_b.1", x, 3) + lab).tanh()

    v = rgb[0].numpy().astype(np.float64)
    v = np.where(v > 0.04045, ((v + 0.055) / 1.055) ** 2.4, v / 12.92)
    xyz = np.stack([
        0.412453 * v[0] + 0.357580 * v[1] + 0.180423 * v[2],
        0.212671 * v[0] + 0.715160 * v[1] + 0.072169 * v[2],
        0.019334 * v[0] + 0.119193 * v[1] + 0.950227 * v[2],
    ])  # fmt: skip
    xyz = xyz / np.array([0.95047, 1, 1.08883])[:, None, None]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    scaled = [
        (116 * f[1] - 16) / 50 - 1,
        2 * (500 * (f[0] - f[1]) + 128) / 255 - 1,
        2 * (200 * (f[1] - f[2]) + 128) / 255 - 1,
    ]
    lab = torch.from_numpy(np.stack(scaled).astype(np.float32))[None]
    m = torch.from_numpy(mask > 127).float()[None, None]
    dark = torch.cat([(lab[:, :1] + 1.0) * m - 1.0, lab[:, 1:] * m], 1)
    lit = torch.cat([(lab[:, :1] + 1.0) * (1.0 - m) - 1.0, lab[:, 1:] * (1.0 - m)], 1)
    out = generator("netG_2", torch.cat([generator("netG_1", dark) + lit, m * 2.0 - 1.0], 1))[0].numpy()
    light, a, b = 50.0 * (out[0] + 1.0), 255.0 * (out[1] + 1.0) / 2.0 - 128.0, 255.0 * (out[2] + 1.0) / 2.0 - 128.0
    y = (light + 16.0) / 116.0
    cubes = np.stack([a / 500.0 + y, y, np.maximum(y - b / 200.0, 0.0)])
    xyz = np.where(cubes > 0.2068966, cubes**3, (cubes - 16.0 / 116.0) / 7.787) * np.array(
        [[[0.95047]], [[1.0]], [[1.08883]]]
    )
    to_rgb = np.array(
        [
            [3.24048134, -1.53715152, -0.49853633],
            [-0.96925495, 1.87599, 0.04155593],
            [0.05564664, -0.20404134, 1.05731107],
        ]
    )
    linear = np.einsum("ij,jhw->ihw", to_rgb, xyz)
    found = np.where(linear > 0.0031308, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * linear)
    return torch.from_numpy(found.astype(np.float32))[None]


def deep_fill(t: Tensors, rgb: Tensor, mask: NDArray[np.uint8]) -> Tensor:
    """mask: H×W, 255 where to fill."""

    def gated(name: str, x: Tensor, stride: int = 1, dilation: int = 1, *, elu: bool = True) -> Tensor:
        weight, bias = t[f"{name}.conv.conv.weight"], t[f"{name}.conv.conv.bias"]
        x = F.pad(x, (dilation * (weight.shape[-1] // 2),) * 4, mode="reflect")
        x = F.conv2d(x, weight, bias, stride, 0, dilation)
        half = x.shape[1] // 2
        return (F.elu(x[:, :half]) if elu else x[:, :half]) * torch.sigmoid(x[:, half:])

    def encoder(name: str, x: Tensor) -> Tensor:
        for k, stride in enumerate((1, 2, 1, 2, 1, 1), 1):
            x = gated(f"{name}.enc{k}", x, stride)
        return x

    def neck(name: str, x: Tensor) -> Tensor:
        for k in range(4):
            x = gated(f"{name}.dilation_convs.{k}", x, dilation=2 ** (k + 1))
        return x

    def decoder(name: str, x: Tensor) -> Tensor:
        for k in range(1, 8):
            x = gated(f"{name}.dec{k}", x, elu=k < 7)
            if k in (2, 4):
                x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return torch.tanh(x)

    def fused(scores: Tensor) -> Tensor:
        """scores: place × piece, and those of the next place with the next piece added."""
        total = scores.clone()
        total[1:, 1:] += scores[:-1, :-1]
        total[:-1, :-1] += scores[1:, 1:]
        return total

    def copied(x: Tensor, marked: Tensor) -> Tensor:
        h, w = x.shape[2] // 2, x.shape[3] // 2
        small, hidden = F.pad(x[0, :, ::2, ::2], (1, 1, 1, 1)), F.pad(marked[0, 0, ::2, ::2], (1, 1, 1, 1))
        places = [(i, j) for i in range(h) for j in range(w)]
        around = torch.stack([small[:, i : i + 3, j : j + 3].reshape(-1) for i, j in places])
        scores = fused(around @ (around / around.norm(dim=1, keepdim=True).clamp(min=1e-4)).T)
        turned = torch.tensor([i * w + j for j in range(w) for i in range(h)])
        back = turned.argsort()
        scores = fused(scores[turned][:, turned])[back][:, back]
        usable = torch.tensor([not hidden[i : i + 3, j : j + 3].any() for i, j in places])
        weights = torch.softmax(10 * scores.masked_fill(~usable[None], -torch.inf), 1)
        wide = F.pad(x[0], (1, 1, 1, 1))
        pieces = torch.stack([wide[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4].reshape(-1) for i, j in places])
        out, count = torch.zeros_like(wide), torch.zeros_like(wide)
        for (i, j), piece in zip(places, weights @ pieces, strict=True):
            out[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += piece.view(-1, 4, 4)
            count[:, 2 * i : 2 * i + 4, 2 * j : 2 * j + 4] += 1
        return (out / count.clamp(min=1))[None, :, 1:-1, 1:-1]

    marked = torch.from_numpy(mask > 127).float()[None, None]
    kept = (2.0 * rgb - 1.0) * (1.0 - marked)
    one, two = "generator.stage1", "generator.stage2"
    x = torch.cat([kept, torch.ones_like(marked), marked], 1)
    rough = decoder(f"{one}.decoder", neck(f"{one}.dilation_neck", encoder(f"{one}.encoder", x)))
    x = torch.cat([kept + rough * marked, torch.ones_like(marked), marked], 1)
    near = neck(f"{two}.dilation_neck", encoder(f"{two}.encoder_conv", x))
    far = copied(encoder(f"{two}.encoder_attention", x), marked[:, :, ::4, ::4])
    for k in (1, 2):
        far = gated(f"{two}.contextual_attention_neck.conv{k}", far)
    fine = decoder(f"{two}.decoder", torch.cat([near, far], 1))
    return (kept + fine * marked) * 0.5 + 0.5


def wdnet(t: Tensors, rgb: Tensor) -> Tensor:
    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    def twice(name: str, x: Tensor) -> Tensor:
        for k in (0, 3):
            x = F.relu(batch_norm(t, f"{name}.double_conv.{k + 1}", conv(t, f"{name}.double_conv.{k}", x)))
        return x

    def refine(name: str, x: Tensor) -> Tensor:
        return conv(t, f"{name}.2", leaky(batch_norm(t, f"{name}.0", x)))

    kept = [twice("inc", rgb)]
    for k in range(1, 5):
        kept.append(twice(f"down{k}.maxpool_conv.1", F.max_pool2d(kept[-1], 2)))
    x = kept.pop()
    for k, dilation in ((0, 2), (3, 4), (6, 6)):
        weight, bias = t[f"dilation.{k}.weight"], t[f"dilation.{k}.bias"]
        x = leaky(batch_norm(t, f"dilation.{k + 1}", F.conv2d(x, weight, bias, 1, dilation, dilation)))
    for k in range(1, 5):
        x = torch.nn.UpsamplingBilinear2d(scale_factor=2)(x)
        x = twice(f"up{k}.conv", torch.cat([kept.pop(), x], 1))
    color, alpha, mask, other = (torch.sigmoid(conv(t, f"{n}.conv", x)) for n in ("outw", "outa", "out_mask", "other"))
    alpha = alpha * mask
    clean = ((rgb - alpha * color) / (1.0 - alpha + 1e-6)).clamp(0, 1)
    y = leaky(batch_norm(t, "post_process_1.1", conv(t, "post_process_1.0", torch.cat([other, clean, rgb], 1))))
    a = conv(t, "post_process_1.3", y)
    b = refine("post_process_2", a)
    c = refine("post_process_3", a + b)
    d = refine("post_process_4", b + c)
    return torch.sigmoid(refine("post_process_5", d + c)) * mask + (1.0 - mask) * rgb


def _windowed(
    t: Tensors, name: str, q: Tensor, k: Tensor, v: Tensor, heads: int, apart: NDArray[np.bool_] | None = None
) -> Tensor:
    """Attention in one window of 8×8 places, 64×C each, with the bias of the offset and the places kept apart."""
    mixed: list[Tensor] = []
    width = q.shape[1] // heads
    for h in range(heads):
        part = slice(h * width, (h + 1) * width)
        scores = q[:, part] @ k[:, part].T / math.sqrt(width)
        scores = scores + t[f"{name}.relative_position_bias_table"][:, h][OFFSETS]
        if apart is not None:
            scores = scores - 100.0 * torch.from_numpy(apart).float()
        mixed.append(torch.softmax(scores, -1) @ v[:, part])
    return linear(t, f"{name}.proj", torch.cat(mixed, 1))


def snow_former(t: Tensors, rgb: Tensor) -> Tensor:
    def gate(name: str, x: Tensor, seen: Tensor, slope: float = 0.0) -> Tensor:
        y = conv(t, f"{name}.0", seen)
        return x * torch.sigmoid(conv(t, f"{name}.2", torch.where(y > 0, y, slope * y)))

    def channels(name: str, x: Tensor, slope: float = 0.0) -> Tensor:
        return gate(name, x, x.mean((2, 3), keepdim=True), slope)

    def gates(name: str, x: Tensor, times: int) -> Tensor:
        for k in range(times):
            x = channels(f"{name}.{2 * k}.conv_du", x)
            x = gate(f"{name}.{2 * k + 1}.pa", x, x)
        return x

    def spread(x: Tensor) -> Tensor:
        return (((x - x.mean(1, keepdim=True)) ** 2).mean(1, keepdim=True) + 1e-5).sqrt()

    def encoder(name: str, x: Tensor, expanded: bool) -> Tensor:
        k = 1 if expanded else 0
        y = conv(t, f"{name}.0", x) if expanded else x
        y = conv(t, f"{name}.{k}", y, groups=y.shape[1])
        y = F.gelu(y / spread(y) * t[f"{name}.{k + 1}.body.weight"].view(1, -1, 1, 1))
        y = channels(f"{name}.{k + 4}.channel_map", conv(t, f"{name}.{k + 3}", y, groups=y.shape[1]), 0.01)
        return x + conv(t, f"{name}.{k + 5}", y)

    def normal(name: str, x: Tensor) -> Tensor:
        weight, bias = (t[f"{name}.body.{part}"].view(1, -1, 1, 1) for part in ("weight", "bias"))
        return (x - x.mean(1, keepdim=True)) / spread(x) * weight + bias

    def deep(name: str, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        x = normal(f"{name}.norm1", x)
        tokens = x[0].permute(1, 2, 0).reshape(h * w, 256)
        q, kv = linear(t, f"{name}.attn_nn.q", tokens), linear(t, f"{name}.attn_nn.kv", tokens)
        mixed: list[Tensor] = []
        for head in range(16):
            part = slice(16 * head, 16 * head + 16)
            mixed.append(torch.softmax(q[:, part] @ kv[:, :256][:, part].T / 4.0, -1) @ kv[:, 256:][:, part])
        y = torch.cat(mixed, 1).view(h, w, 256).permute(2, 0, 1)[None]
        x = conv(t, f"{name}.attn_nn.proj", y) + conv(t, f"{name}.attn_nn.conv", x, groups=256)
        y = conv(t, f"{name}.ffn.conv1", normal(f"{name}.norm3", x))
        y = y + conv(t, f"{name}.ffn.conv33", y, groups=512) + conv(t, f"{name}.ffn.conv55", y, groups=512)
        return x + conv(t, f"{name}.ffn.conv4", y[:, :256] * y[:, 256:])

    def decoder(name: str, x: Tensor, heads: int, query: Tensor | None) -> Tensor:
        places = x[0].permute(1, 2, 0)
        width = places.shape[2]
        seen = layer_norm(t, f"{name}.norm1", places)
        found = torch.zeros_like(seen)
        for i in range(0, seen.shape[0], 8):
            for j in range(0, seen.shape[1], 8):
                packed = linear(t, f"{name}.attn.qkv", seen[i : i + 8, j : j + 8].reshape(64, width))
                *own, k, v = packed.split(width, 1)
                q = own[0] if query is None else query.reshape(64, width)
                found[i : i + 8, j : j + 8] = _windowed(t, f"{name}.attn", q, k, v, heads).view(8, 8, width)
        places = places + found
        y = F.gelu(linear(t, f"{name}.mlp.fc1", layer_norm(t, f"{name}.norm2", places)))
        return (places + linear(t, f"{name}.mlp.fc2", y)).permute(2, 0, 1)[None]

    x = conv(t, "embed.down.0", rgb)
    fine: list[Tensor] = []
    found: list[Tensor] = []
    for level, count in enumerate((4, 6, 7, 8)):
        for k in range(count):
            x = encoder(f"encoder_level{level}.0.model.{k}.conv", x, level > 0)
        fine.append(x)
        found.append(conv(t, f"conv{level}", F.adaptive_max_pool2d(x, (rgb.shape[2] // 16, rgb.shape[3] // 16))))
        x = conv(t, f"down{level}.down.0", x, stride=2)
    for y in found:
        x = x + y
    for k in range(8):
        x = deep(f"latent.{k}", x)
    latent, coarse = x, dict[int, Tensor]()
    for level in (3, 2, 1, 0):
        up = f"up{level}.up.0.0"
        x = torch.cat([F.conv_transpose2d(x, t[f"{up}.weight"], t[f"{up}.bias"], 2, 1), fine[level]], 1)
        x = conv(t, f"reduce_chan_level{level}", channels(f"ca{level}.conv_du", x))
        d = f"decoder_level{level}"
        query = F.interpolate(conv(t, f"{d}.gen.conv", latent), size=(8, 8), mode="bicubic")
        query = gates(f"{d}.gen.globalgen", query, 3)
        for k in range((4, 6, 7, 8)[level]):
            x = decoder(f"{d}.model.{k}", x, 2**level, query if k % 2 else None)
        coarse[level] = x
    for level in range(4):
        a, b = fine[level], coarse[level]
        if level:
            a, b = (
                conv(t, f"refinement.up_{kind}{level}.up.1", F.interpolate(y, rgb.shape[2:], mode="bilinear"))
                for kind, y in (("enc", a), ("dec", b))
            )
        x = x + gates(f"refinement.conv_enc{level}", a + b, 2)
        y, r = x, f"refinement.refine{level}.body"
        for k in range(6):
            inner = conv(t, f"{r}.{k}.body.2", F.gelu(conv(t, f"{r}.{k}.body.0", y)))
            y = y + channels(f"{r}.{k}.CA.conv_du", inner)
        x = x + conv(t, f"{r}.6", y)
    return conv(t, "out2", x) + rgb


def uformer_flare(t: Tensors, rgb: Tensor) -> Tensor:
    def turned(x: Tensor) -> Tensor:
        return x[0].permute(1, 2, 0)

    def block(name: str, x: Tensor, heads: int, shift: int) -> Tensor:
        height, wide, width = x.shape
        seen, found = layer_norm(t, f"{name}.norm1", x), torch.zeros_like(x)
        for i in range(0, height, 8):
            for j in range(0, wide, 8):
                rows, columns = np.arange(i, i + 8) + shift, np.arange(j, j + 8) + shift
                y, z = (torch.from_numpy(a) for a in np.meshgrid(rows % height, columns % wide, indexing="ij"))
                around = np.add.outer(2 * (rows >= height), columns >= wide).ravel()  # which places came round
                q = seen[y, z].reshape(64, width)
                k, v = linear(t, f"{name}.attn.qkv.to_kv", q).split(width, 1)
                q = linear(t, f"{name}.attn.qkv.to_q", q)
                apart = around[:, None] != around[None]
                found[y, z] = _windowed(t, f"{name}.attn", q, k, v, heads, apart).view(8, 8, width)
        x = x + found
        y = F.gelu(linear(t, f"{name}.mlp.fc1", layer_norm(t, f"{name}.norm2", x)))
        return x + linear(t, f"{name}.mlp.fc2", y)

    def layer(name: str, x: Tensor, heads: int) -> Tensor:
        return block(f"{name}.blocks.1", block(f"{name}.blocks.0", turned(x), heads, 0), heads, 4).permute(2, 0, 1)[
            None
        ]

    x = conv(t, "input_proj.proj.0", rgb)
    x = torch.where(x > 0, x, 0.01 * x)
    kept: list[Tensor] = []
    for level, heads in enumerate((1, 2, 4, 8)):
        kept.append(layer(f"encoderlayer_{level}", x, heads))
        down = f"dowsample_{level}.conv.0"
        x = F.conv2d(kept[-1], t[f"{down}.weight"], t[f"{down}.bias"], 2, 1)
    x = layer("conv", x, 16)
    for level, heads in enumerate((16, 8, 4, 2)):
        up = f"upsample_{level}.deconv.0"
        x = F.conv_transpose2d(x, t[f"{up}.weight"], t[f"{up}.bias"], 2)
        x = layer(f"decoderlayer_{level}", torch.cat([x, kept.pop()], 1), heads)
    return torch.sigmoid(conv(t, "output_proj.proj.0", x))[:, :3]


# Light -------------------------------------------------------------------------------------------------------------


def _curves(layer: Callable[[int, Tensor], Tensor], rgb: Tensor) -> Tensor:
    x1 = F.relu(layer(1, rgb))
    x2 = F.relu(layer(2, x1))
    x3 = F.relu(layer(3, x2))
    x4 = F.relu(layer(4, x3))
    x5 = F.relu(layer(5, torch.cat([x3, x4], 1)))
    x6 = F.relu(layer(6, torch.cat([x2, x5], 1)))
    return torch.tanh(layer(7, torch.cat([x1, x6], 1)))


def zero_dce(t: Tensors, rgb: Tensor) -> Tensor:
    maps = _curves(lambda k, x: conv(t, f"e_conv{k}", x), rgb)
    for k in range(8):
        rgb = rgb + maps[:, 3 * k : 3 * k + 3] * (rgb * rgb - rgb)
    return rgb


def zero_dce_plus(t: Tensors, rgb: Tensor) -> Tensor:
    def layer(k: int, x: Tensor) -> Tensor:
        x = conv(t, f"e_conv{k}.depth_conv", x, groups=x.shape[1])
        return conv(t, f"e_conv{k}.point_conv", x)

    # Reduction by 12, bilinear: the mean of the four pixels in the middle of each cell.
    middle = [rgb[:, :, i::12, j::12] for i in (5, 6) for j in (5, 6)]
    maps = _curves(layer, sum(middle[1:], middle[0]) / 4)
    maps = torch.nn.UpsamplingBilinear2d(size=(rgb.shape[2], rgb.shape[3]))(maps)
    for _ in range(8):
        rgb = rgb + maps * (rgb * rgb - rgb)
    return rgb


def sci(t: Tensors, rgb: Tensor) -> Tensor:
    x = F.relu(conv(t, "enhance.in_conv.0", rgb))
    y = conv(t, "enhance.blocks.0.0", x)
    x = x + F.relu(batch_norm(t, "enhance.blocks.0.1", y))
    light = (torch.sigmoid(conv(t, "enhance.out_conv.0", x)) + rgb).clamp(1e-4, 1)
    return (rgb / light).clamp(0, 1)


def ruas(t: Tensors, rgb: Tensor, *, denoise: bool) -> Tensor:
    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.05 * x)

    def brightest(x: Tensor) -> Tensor:
        x = F.pad(x, (0, 1, 0, 1))
        x = torch.maximum(x[:, :, :-1], x[:, :, 1:])
        return torch.maximum(x[..., :-1], x[..., 1:])

    def op(name: str, x: Tensor, dilation: int = 1, *, residual: bool = False) -> Tensor:
        return conv(t, f"{name}.op", x, dilation=dilation) + (x if residual else 0)

    def light(name: str, x: Tensor) -> Tensor:
        kept = [leaky(x)]
        x = leaky(op(f"{name}.c1_r", x, residual=True) + x)
        kept.append(leaky(op(f"{name}.c2_d", x, 2, residual=True)))
        x = leaky(op(f"{name}.c2_r", x) + x)
        kept.append(leaky(op(f"{name}.c3_d", x)))
        x = leaky(x + x)
        kept.append(leaky(op(f"{name}.c4", x)))
        return conv(t, f"{name}.c5", torch.cat(kept, 1))

    def noise(name: str, x: Tensor) -> Tensor:
        kept = [leaky(op(f"{name}.c1_d", x, residual=True))]
        x = leaky(op(f"{name}.c1_r", x, residual=True) + x)
        kept.append(leaky(op(f"{name}.c2_d", x, 2, residual=True)))
        x = leaky(x + x)
        kept.append(leaky(op(f"{name}.c3_d", x, residual=True)))
        x = leaky(op(f"{name}.c3_r", x, residual=True) + x)
        kept.append(leaky(x))
        return conv(t, f"{name}.c5", torch.cat(kept, 1))

    u = torch.ones_like(rgb)
    for k in range(3):
        guess = brightest(rgb) if k == 0 else brightest(u) - 0.5 * (u - rgb)
        u = (rgb / torch.sigmoid(light(f"enhance_net.iems.{k}.cell", guess)).clamp(0.001, 1)).clamp(0, 1)
    if not denoise:
        return u
    x = conv(t, "denoise_net.stem", u)
    for k in range(3):
        x = noise(f"denoise_net.nrms.{k}", x)
    return u - conv(t, "denoise_net.activate.0", x)


def dcc_net(t: Tensors, rgb: Tensor) -> Tensor:
    def normal(x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return (x - mean) / (((x - mean) ** 2).mean((2, 3), keepdim=True) + 1e-5).sqrt()

    def layer(name: str, x: Tensor, stride: int = 1) -> Tensor:
        return F.gelu(normal(conv(t, f"{name}.main.0", x, stride)))

    def blocks(name: str, x: Tensor) -> Tensor:
        for k in (0, 1):
            x = x + layer(f"{name}.{k}.layer_2", layer(f"{name}.{k}.layer_1", x))
        return x

    def encoder(name: str, x: Tensor) -> list[Tensor]:
        """The features of every size, and the smallest reduced once more, if there is a layer for it."""
        x = layer(f"{name}.conv_first", x)
        found: list[Tensor] = []
        for k in (0, 3, 6):
            x = blocks(f"{name}.Encoder.{k + 1}", layer(f"{name}.Encoder.{k}", x))
            found.append(x)
            if f"{name}.Encoder.{k + 2}.main.main.0.weight" in t:
                x = layer(f"{name}.Encoder.{k + 2}.main", x, stride=2)
        return [*found, x]

    def decoder(name: str, found: list[Tensor]) -> Tensor:
        x = blocks(f"{name}.middle", found[3])
        for k, finer in ((0, found[2]), (3, found[1]), (6, found[0])):
            x = F.gelu(normal(F.conv_transpose2d(x, t[f"{name}.Decoder.{k}.main.main.0.weight"], None, 2, 1)))
            x = blocks(f"{name}.Decoder.{k + 2}", layer(f"{name}.Decoder.{k + 1}", torch.cat([x, finer], 1)))
        return torch.tanh(conv(t, f"{name}.conv_last", x)) * 0.5 + 0.5

    gray = decoder("g_net", encoder("g_net", rgb))
    colors = encoder("c_net", rgb)[2]
    found = encoder("r_net", torch.cat([rgb, gray], 1))
    for k in (3, 2, 1):
        x = found[k - 1]
        share = 2 * torch.sigmoid(-(x - colors).abs().sum(1)) * torch.tanh((x * colors).sum(1))
        found[k - 1] = x + colors * share[:, None]
        y = normal(conv(t, f"r_net.pce.cma_{k}.conv.0", colors))
        colors = torch.where(y > 0, y, 0.2 * y).repeat_interleave(2, 2).repeat_interleave(2, 3)
    return decoder("r_net", found)


def exposure(t: Tensors, rgb: Tensor) -> Tensor:
    def normal(x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return (x - mean) / (((x - mean) ** 2).mean((2, 3), keepdim=True) + 1e-5).sqrt()

    def valid(name: str, x: Tensor, border: int) -> Tensor:
        x = F.pad(x, (border,) * 4, mode="reflect")
        return F.conv2d(x, t[f"model.{name}.weight"], t[f"model.{name}.bias"])

    x = F.relu(normal(valid("1", 2.0 * rgb - 1.0, 3)))
    for k in (4, 7, 10, 13):
        x = F.relu(normal(conv(t, f"model.{k}", x, stride=2)))
    for k in range(16, 25):
        x = x + normal(valid(f"{k}.conv_block.5", F.relu(normal(valid(f"{k}.conv_block.1", x, 1))), 1))
    for k in (25, 28, 31, 34):
        x = F.relu(normal(F.conv_transpose2d(x, t[f"model.{k}.weight"], t[f"model.{k}.bias"], 2, 1, 1)))
    return torch.tanh(valid("38", x, 3)) * 0.5 + 0.5


def snr_net(t: Tensors, rgb: Tensor) -> Tensor:
    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.1 * x)

    def block(name: str, x: Tensor) -> Tensor:
        return x + conv(t, f"{name}.conv2", F.relu(conv(t, f"{name}.conv1", x)))

    picture = rgb[0].permute(1, 2, 0).numpy()
    smooth = cv2.blur(picture, (5, 5))
    luma = np.array([0.299, 0.587, 0.114], np.float32)
    dark, light = picture @ luma, smooth @ luma
    snr = light / (np.abs(dark - light) + 1e-4)
    snr = torch.from_numpy((snr / (snr.max() + 1e-4)).clip(0, 1))[::4, ::4]  # the first of every four, as "nearest"
    first = leaky(conv(t, "conv_first_1", rgb))
    second = leaky(conv(t, "conv_first_2", first, stride=2))
    third = leaky(conv(t, "conv_first_3", second, stride=2))
    x = block("feature_extraction.0", third)
    near = x
    for k in range(6):
        near = block(f"recon_trunk_light.{k}", near)
    h, w = x.shape[2] // 4, x.shape[3] // 4
    tokens = torch.stack([
        x[0, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4].reshape(1024) for i in range(h) for j in range(w)
    ])  # fmt: skip
    trusted = torch.stack([snr[4 * i : 4 * i + 4, 4 * j : 4 * j + 4].mean() > 0.5 for i in range(h) for j in range(w)])
    for k in range(6):
        a, f = f"transformer.layer_stack.{k}.slf_attn", f"transformer.layer_stack.{k}.pos_ffn"
        seen = layer_norm(t, f"{a}.layer_norm", tokens, 1e-6)
        q, key, v = (linear(t, f"{a}.w_{n}s", seen) for n in "qkv")
        heads: list[Tensor] = []
        for head in range(8):
            part = slice(64 * head, 64 * head + 64)
            scores = (q[:, part] @ key[:, part].T / 8.0).masked_fill(~trusted[None], -1e9)
            heads.append(torch.softmax(scores, -1) @ v[:, part])
        tokens = tokens + linear(t, f"{a}.fc", torch.cat(heads, 1))
        seen = layer_norm(t, f"{f}.layer_norm", tokens, 1e-6)
        tokens = tokens + linear(t, f"{f}.w_2", F.relu(linear(t, f"{f}.w_1", seen)))
    far = tokens.view(h, w, 64, 4, 4).permute(2, 0, 3, 1, 4).reshape(1, 64, 4 * h, 4 * w)
    x = block("recon_trunk.0", far * (1 - snr) + near * snr)
    x = leaky(F.pixel_shuffle(conv(t, "upconv1", torch.cat([x, third], 1)), 2))
    x = leaky(F.pixel_shuffle(conv(t, "upconv2", torch.cat([x, second], 1)), 2))
    return conv(t, "conv_last", leaky(conv(t, "HRconv", torch.cat([x, first], 1)))) + rgb


def pairlie(t: Tensors, rgb: Tensor) -> Tensor:
    def run(name: str, x: Tensor) -> Tensor:
        for k in (1, 4, 7, 10, 13):
            padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
            x = F.conv2d(padded, t[f"{name}.{name}.{k}.weight"], t[f"{name}.{name}.{k}.bias"])
            x = F.relu(x) if k < 13 else torch.sigmoid(x)
        return x

    prepared = run("N_net", rgb)
    return run("L_net", prepared) ** 0.2 * run("R_net", prepared)


def iat(t: Tensors, rgb: Tensor) -> Tensor:
    def affine(name: str, x: Tensor) -> Tensor:
        mixed = x.permute(0, 2, 3, 1) @ t[f"{name}.color"].T
        return (mixed * t[f"{name}.alpha"][0, 0] + t[f"{name}.beta"][0, 0]).permute(0, 3, 1, 2)

    def block(name: str, x: Tensor) -> Tensor:
        x = x + conv(t, f"{name}.pos_embed", x, groups=16)
        y = conv(t, f"{name}.attn", conv(t, f"{name}.conv1", affine(f"{name}.norm1", x)), groups=16)
        x = x + t[f"{name}.gamma_1"] * conv(t, f"{name}.conv2", y)
        y = conv(t, f"{name}.mlp.fc2", F.gelu(conv(t, f"{name}.mlp.fc1", affine(f"{name}.norm2", x))))
        return x + t[f"{name}.gamma_2"] * y

    first = conv(t, "local_net.conv1", rgb)
    first = torch.where(first > 0, first, 0.2 * first)
    ends: list[Tensor] = []
    for kind in ("mul", "add"):
        x = first
        for k in range(3):
            x = block(f"local_net.{kind}_blocks.{k}", x)
        ends.append(conv(t, f"local_net.{kind}_end.0", x + first))
    lit = rgb * F.relu(ends[0]) + torch.tanh(ends[1])

    g = "global_net"

    def linear(name: str, x: Tensor) -> Tensor:
        return F.linear(x, t[f"{name}.weight"], t.get(f"{name}.bias"))

    x = F.gelu(batch_norm(t, f"{g}.conv_large.proj.1", conv(t, f"{g}.conv_large.proj.0", rgb, stride=2)))
    x = batch_norm(t, f"{g}.conv_large.proj.4", conv(t, f"{g}.conv_large.proj.3", x, stride=2))
    x = x + conv(t, f"{g}.generator.pos_embed", x, groups=64)
    places = x.flatten(2).transpose(1, 2)[0]
    seen = F.layer_norm(places, (64,), t[f"{g}.generator.norm1.weight"], t[f"{g}.generator.norm1.bias"])
    keys, values = linear(f"{g}.generator.attn.k", seen), linear(f"{g}.generator.attn.v", seen)
    heads: list[Tensor] = []
    for h in range(4):
        part = slice(16 * h, 16 * h + 16)
        weights = torch.softmax(t[f"{g}.generator.attn.q"][0, :, part] @ keys[:, part].T / math.sqrt(16), -1)
        heads.append(weights @ values[:, part])
    x = linear(f"{g}.generator.attn.proj", torch.cat(heads, 1))
    seen = F.layer_norm(x, (64,), t[f"{g}.generator.norm2.weight"], t[f"{g}.generator.norm2.bias"])
    x = x + linear(f"{g}.generator.mlp.fc2", F.gelu(linear(f"{g}.generator.mlp.fc1", seen)))
    gamma = linear(f"{g}.gamma_linear", x[0]) + t[f"{g}.gamma_base"]
    color = linear(f"{g}.color_linear", x[1:]).view(3, 3) + t[f"{g}.color_base"]
    mixed = (lit[0].permute(1, 2, 0) @ color.T).clamp(1e-8, 1) ** gamma
    return mixed.permute(2, 0, 1)[None]


def fecnet(t: Tensors, rgb: Tensor, *, positive: bool) -> Tensor:
    """positive: as in the authors' code for MSEC; otherwise as for LOL."""
    tiny = 1e-8 if positive else 0.0

    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.1 * x)

    def spatial(name: str, x: Tensor) -> Tensor:
        return x + leaky(conv(t, f"{name}.block.2", leaky(conv(t, f"{name}.block.0", x))))

    def spectral(name: str, x: Tensor, kind: str) -> Tensor:
        x = x + tiny
        parts = [x.abs(), x.angle()]
        k = 0 if kind == "amplitude" else 1
        parts[k] = conv(t, f"{name}.process.2", leaky(conv(t, f"{name}.process.0", parts[k])))
        return torch.complex(parts[0] * parts[1].cos(), parts[0] * parts[1].sin())

    def spectrum(x: Tensor) -> Tensor:
        # A real signal's own conjugates are real; a rounded imaginary part would decide between the phases π and −π.
        x = torch.fft.fft2(x)
        height, width = x.shape[2:]
        rows, columns = torch.arange(height)[:, None], torch.arange(width)
        own = ((2 * rows) % height == 0) & ((2 * columns) % width == 0)
        return torch.where(own, x.real + 0j, x)[..., : width // 2 + 1]

    def image(x: Tensor, size: torch.Size) -> Tensor:
        x = torch.fft.irfft2(x, s=size)
        return x.abs() if positive else x

    def block(name: str, x: Tensor, kind: str) -> Tensor:
        size = x.shape[2:]
        f = spectral(f"{name}.frequency_process1", spectrum(conv(t, f"{name}.fpre", x)), kind) + tiny
        y = spatial(f"{name}.spatial_process1", x)
        y = y + conv(t, f"{name}.frequency_spatial", image(f, size) + tiny)
        f = f + spectrum(conv(t, f"{name}.spatial_frequency", y))
        y = spatial(f"{name}.spatial_process2", y) + tiny
        f = spectral(f"{name}.frequency_process2", f, kind) + tiny
        return conv(t, f"{name}.cat", torch.cat([y, image(f, size)], 1)) + x

    def transposed(name: str, x: Tensor) -> Tensor:
        return torch.einsum("nihw,io->nohw", x, t[f"{name}.weight"][..., 0, 0]) + t[f"{name}.bias"].view(1, -1, 1, 1)

    def twice(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear")

    a = "AmplitudeNet"
    fine = block(f"{a}.conv1", conv(t, f"{a}.conv0", rgb), "amplitude")
    x = F.conv2d(fine, t[f"{a}.downsample1.weight"], t[f"{a}.downsample1.bias"], 2)
    middle = block(f"{a}.conv2", x, "amplitude")
    x = F.conv2d(middle, t[f"{a}.downsample2.weight"], t[f"{a}.downsample2.bias"], 2)
    x = block(f"{a}.conv3", x, "amplitude")
    x = block(f"{a}.conv4", transposed(f"{a}.up1", torch.cat([twice(x), middle], 1)), "amplitude")
    x = block(f"{a}.conv5", transposed(f"{a}.up2", torch.cat([twice(x), fine], 1)), "amplitude")
    lit = conv(t, f"{a}.convoutfinal", conv(t, f"{a}.convout", x) + rgb)

    p = "PhaseNet"
    amplitude, phase = torch.fft.rfft2(lit).abs(), torch.fft.rfft2(rgb).angle()
    mixed = torch.fft.irfft2(torch.complex(amplitude * phase.cos(), amplitude * phase.sin()))
    both = torch.cat([mixed.abs(), lit] if positive else [lit, mixed], 1)
    mean = both.mean((2, 3), keepdim=True)
    spread = ((both - mean) ** 2).mean((2, 3), keepdim=True).sqrt()
    gate = conv(t, f"{p}.conv0.process.2", leaky(conv(t, f"{p}.conv0.process.0", spread + mean)))
    x = conv(t, f"{p}.conv0.cat", torch.sigmoid(gate) * both)
    change = conv(t, f"{p}.trans", lit - rgb)
    for k in (1, 2, 3, 4):
        x = block(f"{p}.conv{k}", x, "phase")
        if k < 3:
            c = f"{p}.combine{k}"
            scaled = conv(t, f"{c}.convmul", change) * x + conv(t, f"{c}.convadd", change)
            x = conv(t, f"{c}.convfuse", torch.cat([x, scaled], 1))
    return conv(t, f"{p}.convout", x) + rgb


# Colors and size ---------------------------------------------------------------------------------------------------


def adaptive_lut(t: Tensors, rgb: Tensor) -> Tensor:
    x = F.interpolate(rgb, size=(256, 256), mode="bilinear")
    for k in (1, 4, 7, 10, 13):
        x = conv(t, f"model.{k}", x, stride=2)
        x = torch.where(x > 0, x, 0.2 * x)
        if k < 13:
            x = F.instance_norm(x, weight=t[f"model.{k + 2}.weight"], bias=t[f"model.{k + 2}.bias"])
    weights = F.conv2d(x, t["model.16.weight"], t["model.16.bias"]).flatten()
    table = sum((w * lut for w, lut in zip(weights, t["tables"], strict=True)), torch.zeros_like(t["tables"][0]))
    at = rgb.clamp(0, 1)[0] * 32
    low = at.floor().clamp(max=31).long()
    part = at - low
    out = torch.zeros_like(rgb[0])
    for corner in range(8):
        r, g, b = corner & 1, corner >> 1 & 1, corner >> 2
        share = [part[c] if bit else 1 - part[c] for c, bit in enumerate((r, g, b))]
        out = out + table[:, low[2] + b, low[1] + g, low[0] + r] * share[0] * share[1] * share[2]
    return out[None]


def rlfn(t: Tensors, rgb: Tensor) -> Tensor:
    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.05 * x)

    first = conv(t, "fea_conv", rgb * 255)
    x = first
    for b in ("B1", "B2", "B3", "B4"):
        y = x
        for k in (1, 2, 3):
            y = leaky(conv(t, f"{b}.c{k}_r", y))
        y = conv(t, f"{b}.c5", y + x)
        narrow = conv(t, f"{b}.esa.conv1", y)
        c = F.conv2d(narrow, t[f"{b}.esa.conv2.weight"], t[f"{b}.esa.conv2.bias"], 2)
        c = conv(t, f"{b}.esa.conv3", F.max_pool2d(c, 7, 3))
        c = F.interpolate(c, y.shape[2:], mode="bilinear")
        x = y * torch.sigmoid(conv(t, f"{b}.esa.conv4", c + conv(t, f"{b}.esa.conv_f", narrow)))
    return _shuffled(conv(t, "upsampler.0", conv(t, "LR_conv", x) + first)) / 255


def safmn(t: Tensors, rgb: Tensor) -> Tensor:
    first = conv(t, "to_feat", rgb)
    x = first
    for k in (0, 1):
        y = conv(t, f"feats.{k}.conv1.proj", x)
        a, b = y[:, :16], y[:, 16:]
        pooled = F.max_pool2d(a, 8)  # the same as adaptive pooling where the sides are multiples of 8
        pooled = conv(t, f"feats.{k}.conv1.dwconv", pooled, groups=16)
        gated = F.gelu(F.interpolate(pooled, a.shape[2:], mode="bilinear")) * a
        x = conv(t, f"feats.{k}.conv1.out", F.gelu(torch.cat([b, gated], 1)))
        x = conv(t, f"feats.{k}.conv2.conv.2", F.gelu(conv(t, f"feats.{k}.conv2.conv.0", x)))
    return _shuffled(conv(t, "to_img.0", x + first))


def span(t: Tensors, rgb: Tensor) -> Tensor:
    """Of ncnn's numbered tensors."""
    first = conv(t, "001", 255 * (rgb - t["000.data"].view(1, 3, 1, 1)))
    x, number = first, 2
    kept: list[Tensor] = []
    inner = x
    for _ in range(6):
        inner = conv(t, f"{number:03}", x)
        inner = inner * torch.sigmoid(inner)
        y = conv(t, f"{number + 1:03}", inner)
        y = conv(t, f"{number + 2:03}", y * torch.sigmoid(y))
        x = (x + y) * (torch.sigmoid(y) - 0.5)
        kept.append(x)
        number += 3
    x = conv(t, "021", torch.cat([first, conv(t, "020", x), kept[0], inner], 1))
    return _shuffled(conv(t, "022", x))


def compact_esrgan(t: Tensors, rgb: Tensor) -> Tensor:
    x = rgb
    for k in range(0, 66, 2):
        x = conv(t, f"body.{k}", x)
        x = torch.where(x > 0, x, t[f"body.{k + 1}.weight"].view(1, -1, 1, 1) * x)
    return _shuffled(conv(t, "body.66", x)) + rgb.repeat_interleave(4, 2).repeat_interleave(4, 3)


def real_esrgan(t: Tensors, rgb: Tensor) -> Tensor:
    def leaky(x: Tensor) -> Tensor:
        return torch.where(x > 0, x, 0.2 * x)

    first = conv(t, "conv_first", rgb)
    x = first
    for b in range(23):
        begin = x
        for r in (1, 2, 3):
            seen = [x]
            for k in (1, 2, 3, 4):
                seen.append(leaky(conv(t, f"body.{b}.rdb{r}.conv{k}", torch.cat(seen, 1))))
            x = 0.2 * conv(t, f"body.{b}.rdb{r}.conv5", torch.cat(seen, 1)) + x
        x = 0.2 * x + begin
    x = conv(t, "conv_body", x) + first
    for name in ("conv_up1", "conv_up2"):
        x = leaky(conv(t, name, x.repeat_interleave(2, 2).repeat_interleave(2, 3)))
    return conv(t, "conv_last", leaky(conv(t, "conv_hr", x)))


def _shuffled(x: Tensor) -> Tensor:
    """3·s·s channels at H×W → 3 channels at s·H×s·W."""
    n, channels, h, w = x.shape
    s = math.isqrt(channels // 3)
    return x.view(n, 3, s, s, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, 3, s * h, s * w)
