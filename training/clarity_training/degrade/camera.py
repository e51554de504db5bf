"""What the camera and its file do: blur, noise and JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from clarity_training.damage import Damaged, Photo
from clarity_training.degrade.field import between, cloud, highest, jittered, pixel_unit, places, softened
from clarity_training.degrade.linear import Numbers, Plane, clip, eight_bits, luma, to_linear, to_srgb


def blur(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Out of focus or shaken.

    One of seven: a defocus disc or polygon (radius 1 to 9), a Gaussian (σ 0.7 to 5, sometimes longer one way), a
    straight motion (length 4 to 40), a shaken path (kernel 6 to 41), the mean of moved, turned and zoomed frames (as
    a video gives), a photo enlarged from a smaller one (1.5 to 6 times), or a disc and a motion together. Pixels are
    the photo's or 1/320 of its short side. In half the cases in linear light; one in six leaves a region sharp;
    after it slight noise (σ to 3/255, one in four) and light JPEG (75 to 95, one in four).
    """
    amount = jittered(severity, rng)
    unit = pixel_unit(photo.shape, rng)
    linear = rng.random() < 0.5
    source = to_linear(photo) if linear else photo
    model = rng.choice(7, p=[0.2, 0.17, 0.17, 0.2, 0.12, 0.06, 0.08])
    if model == 4:
        blurred = _frames(source, amount, unit, rng)
    elif model == 5:
        blurred = _enlarged(source, between(1.5, 6.0, amount))
    else:
        blurred = _filtered(source, amount, unit, int(model), rng)
    if rng.random() < 0.17:
        weight = _region(photo.shape, rng)
        blurred = source + (blurred - source) * weight
    result = to_srgb(blurred) if linear else clip(blurred)
    if rng.random() < 0.25:
        grain = rng.standard_normal(photo.shape, dtype=np.float32)
        result = clip(result + grain * np.float32(rng.uniform(0.5, 3.0) / 255))
    return Damaged(_encoded(result, int(rng.integers(75, 96)), rng) if rng.random() < 0.25 else result)


def _filtered(source: Plane, amount: float, unit: float, model: int, rng: np.random.Generator) -> Plane:
    """The source under one kernel; bright points count more in half the linear ones, as lamps out of focus do."""
    if model == 1:
        sigma = between(0.7, 5.0, amount) * unit
        other = sigma * (rng.uniform(0.4, 1.0) if rng.random() < 0.3 else 1.0)
        return np.asarray(cv2.GaussianBlur(source, (0, 0), sigmaX=sigma, sigmaY=other), np.float32)
    limit = max(3, min(61, 2 * min(source.shape[:2]) // 3))
    if model == 0:
        kernel = _disc(min(between(1.2, 9.0, amount) * unit, limit / 2), rng)
    elif model == 2:
        kernel = _line(min(between(4.0, 40.0, amount) * unit, limit), rng)
    elif model == 3:
        kernel = _path(min(between(6.0, 41.0, amount) * unit, limit), rng)
    else:
        source = _under(source, _disc(min(between(1.0, 5.0, amount) * unit, limit / 2), rng))
        kernel = _line(min(between(3.0, 24.0, amount) * unit, limit), rng)
    return _under(source, kernel)


def _under(source: Plane, kernel: Plane) -> Plane:
    return np.asarray(cv2.filter2D(source, -1, kernel, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _normal(kernel: Plane) -> Plane:
    return (kernel / kernel.sum()).astype(np.float32)


def _disc(radius: float, rng: np.random.Generator) -> Plane:
    """A lens's circle of confusion: a disc with a soft rim, or the polygon of a 5- to 8-bladed aperture."""
    half = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    away = np.sqrt(x * x + y * y)
    if rng.random() < 0.3:
        blades = int(rng.integers(5, 9))
        turn = (np.arctan2(y, x) + rng.uniform(0, 6)) % (2 * np.pi / blades) - np.pi / blades
        away = away * np.cos(turn) / np.cos(np.pi / blades)
    rim = rng.uniform(0.0, 0.3) if rng.random() < 0.3 else 0.0
    inside = np.clip(radius + 0.5 - away, 0.0, 1.0)
    return _normal(inside * (1.0 + rim * away / radius))


def _line(length: float, rng: np.random.Generator) -> Plane:
    """A straight motion at any angle, even, or slowing towards one end."""
    turn = rng.uniform(0, np.pi)
    steps = np.linspace(-0.5, 0.5, max(3, int(length * 3)))
    weights = np.ones(steps.size) if rng.random() < 0.7 else np.linspace(1.0, rng.uniform(0.1, 0.8), steps.size)
    return _splatted(steps * length * np.cos(turn), steps * length * np.sin(turn), weights)


def _path(size: float, rng: np.random.Generator) -> Plane:
    """A hand's shake: a random walk whose velocity changes slowly, sometimes with a jerk, `size` pixels long."""
    count = 96
    pull = rng.uniform(0.02, 0.4)
    kicks = rng.normal(0, 1, (count, 2))
    kicks[rng.random(count) < 0.03] *= rng.uniform(3, 9)
    speed = np.zeros((count, 2))
    speed[0] = rng.normal(0, 2, 2)
    for step in range(1, count):
        speed[step] = speed[step - 1] * (1.0 - pull) + kicks[step] * pull
    walk = np.cumsum(speed, 0)
    walk *= (size - 1) / (np.ptp(walk, axis=0).max() + 1e-6)
    fine = np.linspace(0, count - 1, count * 4)
    x, y = (np.interp(fine, np.arange(count), walk[:, axis]) for axis in (0, 1))
    return _splatted(x - x.mean(), y - y.mean(), np.ones(fine.size))


def _splatted(x: Numbers, y: Numbers, weights: Numbers) -> Plane:
    """A kernel of the points, each shared between its four nearest cells."""
    half = int(np.ceil(max(np.abs(x).max(), np.abs(y).max()))) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float64)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (right if dx else 1 - right) * (down if dy else 1 - down)
        np.add.at(kernel, (row + half + dy, column + half + dx), share * weights)
    return _normal(kernel.astype(np.float32))


def _frames(source: Plane, amount: float, unit: float, rng: np.random.Generator) -> Plane:
    """The mean of 9 to 13 frames while the camera moves, turns and comes nearer; one smoothing joins the steps."""
    height, width = source.shape[:2]
    half = max(height, width) / 2.0
    move = between(2.0, 26.0, amount) * unit
    direction, turn_share, zoom_share = rng.uniform(0, 2 * np.pi), rng.uniform(-1, 1), rng.uniform(-1, 1)
    if rng.random() < 0.5:
        zoom_share *= 0.2
    bend = rng.uniform(-0.3, 0.3)
    count = int(np.clip(move / 1.5, 5, 13))
    total = np.zeros(source.shape, np.float32)
    middle = (width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.7))
    for step in np.linspace(-0.5, 0.5, count):
        angle, zoom = np.degrees(step * turn_share * move / half), 1.0 + step * zoom_share * move / half
        matrix = cv2.getRotationMatrix2D(middle, float(angle), float(zoom))
        matrix[0, 2] += 0.5 * move * (step * np.cos(direction) + bend * step * step)
        matrix[1, 2] += 0.5 * move * (step * np.sin(direction) - bend * step * step)
        total += np.asarray(cv2.warpAffine(source, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101))
    mean = total / np.float32(count)
    gap = move / count
    return softened(mean, 0.35 * gap) if gap > 1.5 else mean


def _enlarged(source: Plane, factor: float) -> Plane:
    height, width = source.shape[:2]
    small = (max(8, round(width / factor)), max(8, round(height / factor)))
    shrunk = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _region(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """H×W×1, 1 where the blur stays: all but a sharp subject, or one side of the photo."""
    if rng.random() < 0.6:
        x, y = places(shape)
        reach = rng.uniform(0.2, 0.45)
        away = np.hypot(x - rng.uniform(-0.4, 0.4), (y - rng.uniform(-0.3, 0.3)) * rng.uniform(0.7, 1.4))
        weight = 1.0 / (1.0 + np.exp(-(away - reach) / rng.uniform(0.02, 0.12)))
    else:
        region = highest(cloud(shape, rng, rng.uniform(1.0, 2.5), 1), rng.uniform(0.55, 0.85))
        weight = softened(region, min(shape[:2]) * rng.uniform(0.02, 0.12))
    return weight[..., None].astype(np.float32)


def noise(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Sensor noise and its relatives.

    One of five: Poisson-Gaussian in linear light (gain 3e-4 to 0.03, read noise 0.001 to 0.04, colours amplified
    unequally); Gaussian of σ 5 to 60/255 (colour, grey, or each channel its own); correlated noise (low-passed as
    after demosaicing, or with blotches of colour of 3 to 12 pixels; σ 4 to 30/255); speckle (σ 0.06 to 0.5);
    salt and pepper (0.5 to 15 %). Seldom two. One in four is kept as a JPEG of 85 to 97, one in ten is half denoised.
    """
    amount = jittered(severity, rng)
    model = int(rng.choice(5, p=[0.34, 0.27, 0.25, 0.07, 0.07]))
    noisy = _one_noise(photo, amount, model, rng)
    if model == 4 and rng.random() < 0.3:
        noisy = _one_noise(clip(noisy), 0.4 * amount, 1, rng)
    if model <= 2 and rng.random() < 0.1:
        smooth = np.asarray(cv2.GaussianBlur(noisy, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
        noisy = noisy + (smooth - noisy) * np.float32(rng.uniform(0.2, 0.6))
    if rng.random() < 0.25:
        return Damaged(_encoded(clip(noisy), int(rng.integers(85, 98)), rng))
    return Damaged(eight_bits(noisy) if rng.random() < 0.8 else clip(noisy))


def _one_noise(photo: Photo, amount: float, model: int, rng: np.random.Generator) -> Numbers:
    if model == 0:
        return _sensor(photo, amount, rng)
    if model == 2:
        return photo + _correlated(photo.shape, rng) * np.float32(between(4.0, 30.0, amount) / 255)
    if model == 4:
        return _salted(photo, between(0.005, 0.15, amount), rng)
    grain = rng.standard_normal(photo.shape, dtype=np.float32)
    if model == 3:
        return photo + photo * grain * np.float32(between(0.06, 0.5, amount))
    colour = rng.random()
    if colour < 0.3:
        grain = np.repeat(grain[..., :1], 3, axis=-1)
    elif colour < 0.5:
        grain *= rng.uniform(0.4, 1.4, 3).astype(np.float32)
    return photo + grain * np.float32(between(5.0, 60.0, amount) / 255)


def _sensor(photo: Photo, amount: float, rng: np.random.Generator) -> Plane:
    """Photons and read-out in linear light before the white balance, re-encoded: shadows are noisiest."""
    light = to_linear(photo)
    gain = np.exp(between(np.log(3e-4), np.log(0.03), amount)) * np.exp(rng.uniform(-0.4, 0.4))
    read = np.exp(between(np.log(1e-3), np.log(0.04), amount)) * np.exp(rng.uniform(-1.0, 0.2))
    if rng.random() < 0.2:
        counted = (rng.poisson(light / gain) * gain).astype(np.float32)
        return to_srgb(counted + rng.standard_normal(photo.shape, dtype=np.float32) * np.float32(read))
    balance = np.array([rng.uniform(1.0, 2.4), 1.0, rng.uniform(1.0, 2.4)], np.float32)
    grain = rng.standard_normal(photo.shape, dtype=np.float32)
    if rng.random() < 0.4:
        grain = np.asarray(cv2.GaussianBlur(grain, (3, 3), rng.uniform(0.5, 0.8)), np.float32) * np.float32(1.7)
    spread = np.sqrt(light * np.float32(gain) * balance + np.float32(read**2) * balance**2)
    return to_srgb(light + grain * spread)


def _correlated(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Noise of deviation about 1 whose neighbours agree: finer in brightness, coarser in colour."""
    grain = rng.standard_normal(shape, dtype=np.float32)
    if rng.random() < 0.5:
        grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.6)), np.float32)
        return (grain / (grain.std() + 1e-6)).astype(np.float32)
    fine = np.asarray(cv2.GaussianBlur(grain[..., :1], (0, 0), rng.uniform(0.3, 0.8)), np.float32)[..., None]
    cell = rng.uniform(3.0, 12.0)
    coarse = (max(2, round(shape[0] / cell)), max(2, round(shape[1] / cell)), 3)
    blotches = rng.standard_normal(coarse, dtype=np.float32)
    blotches = np.asarray(cv2.resize(blotches, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32)
    blotches -= luma(blotches)
    mixed = fine / (fine.std() + 1e-6) * rng.uniform(0.4, 1.0) + blotches * rng.uniform(0.5, 1.3)
    return (mixed / (mixed.std() + 1e-6)).astype(np.float32)


def _salted(photo: Photo, share: float, rng: np.random.Generator) -> Numbers:
    """`share` of the pixels black or white, or of each channel on its own (hot and dead photosites)."""
    lots = rng.random((*photo.shape[:2], 3 if rng.random() < 0.4 else 1), dtype=np.float32)
    return np.where(lots < share / 2, np.float32(0), np.where(lots > 1 - share / 2, np.float32(1), photo))


def jpeg(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """A heavily compressed file.

    Quality from 45 down to 5. One of five: once; once, with blocks that do not start in the corner (a cut photo);
    twice, the second of quality 30 to 95 with its 8×8 blocks elsewhere; shrunk to 50 to 95 % before and enlarged
    after (and kept as JPEG of 60 to 95 half the time); WebP of quality 25 to 1. Colour 4:2:0, 4:2:2 or 4:4:4,
    sometimes with a quality of its own.
    """
    amount = jittered(severity, rng)
    quality = round(between(45.0, 5.0, amount**0.85))
    model = rng.choice(5, p=[0.36, 0.24, 0.18, 0.15, 0.07])
    if model == 4:
        return Damaged(_round_trip(clip(photo), ".webp", [cv2.IMWRITE_WEBP_QUALITY, round(between(25, 1, amount))]))
    if model == 0:
        return Damaged(_encoded(photo, quality, rng))
    if model == 3:
        return Damaged(_rescaled(photo, quality, rng))
    first = _shifted(photo, quality, rng)
    if model == 2:
        first = _encoded(first, int(rng.integers(max(30, quality), 96)), rng)
    return Damaged(first)


def _shifted(photo: Photo, quality: int, rng: np.random.Generator) -> Photo:
    """Encoded as a part of a larger photo, so that blocks start anywhere."""
    top, left = (int(value) for value in rng.integers(0, 8, 2))
    padded = np.pad(photo, ((top, 0), (left, 0), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(_encoded(padded, quality, rng)[top:, left:])


def _rescaled(photo: Photo, quality: int, rng: np.random.Generator) -> Photo:
    """Encoded at a smaller size and enlarged again: blocks of more than 8 pixels."""
    height, width = photo.shape[:2]
    share = rng.uniform(0.5, 0.95)
    size = (max(16, round(width * share)), max(16, round(height * share)))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32)
    way = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    encoded = _encoded(clip(small), min(60, quality + 8), rng)
    large = clip(np.asarray(cv2.resize(encoded, (width, height), interpolation=way), np.float32))
    return _encoded(large, int(rng.integers(60, 96)), rng) if rng.random() < 0.5 else large


def _encoded(photo: Photo, quality: int, rng: np.random.Generator) -> Photo:
    """The photo after one JPEG of this quality, its colours at full, half or quarter resolution."""
    colour = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    )[int(rng.choice(3, p=[0.6, 0.3, 0.1]))]
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, colour]
    if rng.random() < 0.2:
        own = int(np.clip(quality * rng.uniform(0.5, 1.4), 3, 97))
        options += [cv2.IMWRITE_JPEG_LUMA_QUALITY, quality, cv2.IMWRITE_JPEG_CHROMA_QUALITY, own]
    return _round_trip(photo, ".jpg", options)


def _round_trip(photo: Photo, kind: str, options: list[int]) -> Photo:
    bytes_of = np.round(clip(photo) * np.float32(255)).astype(np.uint8)
    _, file = cv2.imencode(kind, np.ascontiguousarray(bytes_of[..., ::-1]), options)
    read = cv2.imdecode(file, cv2.IMREAD_COLOR)
    if read is None:
        raise ValueError(f"an encoded {kind} of {photo.shape} could not be read back")
    return np.ascontiguousarray(read[..., ::-1]).astype(np.float32) / np.float32(255)
