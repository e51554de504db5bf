"""Damage by the camera and the file format: blur, noise and JPEG."""

from __future__ import annotations

import cv2
import numpy as np

from clarity_training.damage import Damaged, Photo
from clarity_training.degrade.field import (
    blur_field,
    coordinates,
    interpolate,
    jitter,
    pixel_unit,
    smooth_noise,
    top_share,
)
from clarity_training.degrade.srgb import Numbers, Plane, clip, luma, quantize, to_linear, to_srgb


def blur(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Defocus or motion blur.

    One of seven models: a disc or polygon (radius 1 to 9), a Gaussian (σ 0.7 to 5, sometimes anisotropic), a linear
    motion (length 4 to 40), a camera shake (kernel 6 to 41), the mean of shifted, rotated and zoomed frames, upscaling
    of a reduced photo (1.5 to 6 times), or a disc and a motion. Lengths are in pixels or in 1/320 of the shorter side.
    Half of the photos are blurred in linear light; one in six keeps a sharp region; a quarter each gets slight noise
    (σ up to 3/255) and JPEG of quality 75 to 95 afterwards.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    unit = pixel_unit(photo.shape, rng)
    linear = rng.random() < 0.5
    source = to_linear(photo) if linear else photo
    model = rng.choice(7, p=[0.2, 0.17, 0.17, 0.2, 0.12, 0.06, 0.08])
    if model == 4:
        blurred = _frames(source, amount, unit, rng)
    elif model == 5:
        blurred = _upscale(source, interpolate(1.5, 6.0, amount))
    else:
        blurred = _filtered(source, amount, unit, int(model), rng)
    if rng.random() < 0.17:
        weight = _region(photo.shape, rng)
        blurred = source + (blurred - source) * weight
    result = to_srgb(blurred) if linear else clip(blurred)
    if rng.random() < 0.25:
        grain = rng.standard_normal(photo.shape, dtype=np.float32)
        result = clip(result + grain * np.float32(rng.uniform(0.5, 3.0) / 255))
    return Damaged(_compress(result, int(rng.integers(75, 96)), rng) if rng.random() < 0.25 else result)


def _filtered(source: Plane, amount: float, unit: float, model: int, rng: np.random.Generator) -> Plane:
    """The source convolved with a random kernel of the model (0: disc, 1: Gaussian, 2: line, 3: shake, 6: two)."""
    if model == 1:
        sigma = interpolate(0.7, 5.0, amount) * unit
        other = sigma * (rng.uniform(0.4, 1.0) if rng.random() < 0.3 else 1.0)
        return np.asarray(cv2.GaussianBlur(source, (0, 0), sigmaX=sigma, sigmaY=other), np.float32)
    limit = max(3, min(61, 2 * min(source.shape[:2]) // 3))
    if model == 0:
        kernel = _disc(min(interpolate(1.2, 9.0, amount) * unit, limit / 2), rng)
    elif model == 2:
        kernel = _line(min(interpolate(4.0, 40.0, amount) * unit, limit), rng)
    elif model == 3:
        kernel = _path(min(interpolate(6.0, 41.0, amount) * unit, limit), rng)
    else:
        source = _convolve(source, _disc(min(interpolate(1.0, 5.0, amount) * unit, limit / 2), rng))
        kernel = _line(min(interpolate(3.0, 24.0, amount) * unit, limit), rng)
    return _convolve(source, kernel)


def _convolve(source: Plane, kernel: Plane) -> Plane:
    return np.asarray(cv2.filter2D(source, -1, kernel, borderType=cv2.BORDER_REFLECT_101), np.float32)


def _normalize(kernel: Plane) -> Plane:
    return (kernel / kernel.sum()).astype(np.float32)


def _disc(radius: float, rng: np.random.Generator) -> Plane:
    """The circle of confusion of a lens: a disc with a soft edge, or the polygon of an aperture with 5 to 8 blades."""
    half = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float32)
    distance = np.sqrt(x * x + y * y)
    if rng.random() < 0.3:
        blades = int(rng.integers(5, 9))
        angle = (np.arctan2(y, x) + rng.uniform(0, 6)) % (2 * np.pi / blades) - np.pi / blades
        distance = distance * np.cos(angle) / np.cos(np.pi / blades)
    rim = rng.uniform(0.0, 0.3) if rng.random() < 0.3 else 0.0
    inside = np.clip(radius + 0.5 - distance, 0.0, 1.0)
    return _normalize(inside * (1.0 + rim * distance / radius))


def _line(length: float, rng: np.random.Generator) -> Plane:
    """A linear motion at a random angle, uniform or decelerating."""
    angle = rng.uniform(0, np.pi)
    steps = np.linspace(-0.5, 0.5, max(3, int(length * 3)))
    weights = np.ones(steps.size) if rng.random() < 0.7 else np.linspace(1.0, rng.uniform(0.1, 0.8), steps.size)
    return _rasterize(steps * length * np.cos(angle), steps * length * np.sin(angle), weights)


def _path(size: float, rng: np.random.Generator) -> Plane:
    """Camera shake: a random walk with inertia and occasional jerks, `size` pixels long (Boracchi & Foi, 2012)."""
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
    return _rasterize(x - x.mean(), y - y.mean(), np.ones(fine.size))


def _rasterize(x: Numbers, y: Numbers, weights: Numbers) -> Plane:
    """A kernel from weighted points, each distributed to its four nearest cells (bilinear)."""
    half = int(np.ceil(max(np.abs(x).max(), np.abs(y).max()))) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float64)
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (right if dx else 1 - right) * (down if dy else 1 - down)
        np.add.at(kernel, (row + half + dy, column + half + dx), share * weights)
    return _normalize(kernel.astype(np.float32))


def _frames(source: Plane, amount: float, unit: float, rng: np.random.Generator) -> Plane:
    """The mean of 5 to 13 frames of a camera that shifts, rotates and zooms; blurred to hide the steps."""
    height, width = source.shape[:2]
    half = max(height, width) / 2.0
    move = interpolate(2.0, 26.0, amount) * unit
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
    return blur_field(mean, 0.35 * gap) if gap > 1.5 else mean


def _upscale(source: Plane, factor: float) -> Plane:
    height, width = source.shape[:2]
    small = (max(8, round(width / factor)), max(8, round(height / factor)))
    shrunk = cv2.resize(source, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def _region(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """H×W×1, 1 where the photo is blurred: everything but a sharp subject, or random areas."""
    if rng.random() < 0.6:
        x, y = coordinates(shape)
        extent = rng.uniform(0.2, 0.45)
        distance = np.hypot(x - rng.uniform(-0.4, 0.4), (y - rng.uniform(-0.3, 0.3)) * rng.uniform(0.7, 1.4))
        weight = 1.0 / (1.0 + np.exp(-(distance - extent) / rng.uniform(0.02, 0.12)))
    else:
        region = top_share(smooth_noise(shape, rng, rng.uniform(1.0, 2.5), 1), rng.uniform(0.55, 0.85))
        weight = blur_field(region, min(shape[:2]) * rng.uniform(0.02, 0.12))
    return weight[..., None].astype(np.float32)


def noise(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Sensor noise and similar noise.

    One of five models: Poisson-Gaussian in linear light (Foi et al., 2008; gain 3e-4 to 0.03, read noise 0.001 to 0.04,
    with white balance gains); Gaussian of σ 5 to 60/255 (color, gray, or different for each channel); correlated noise
    (low-passed as after demosaicing, or with color blotches of 3 to 12 pixels; σ 4 to 30/255); speckle (σ 0.06 to 0.5);
    salt and pepper (0.5 to 15 %, sometimes with Gaussian noise). A quarter is compressed as JPEG of quality 85 to 97, a
    tenth is partly denoised.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    model = int(rng.choice(5, p=[0.34, 0.27, 0.25, 0.07, 0.07]))
    noisy = _noise_model(photo, amount, model, rng)
    if model == 4 and rng.random() < 0.3:
        noisy = _noise_model(clip(noisy), 0.4 * amount, 1, rng)
    if model <= 2 and rng.random() < 0.1:
        smooth = np.asarray(cv2.GaussianBlur(noisy, (0, 0), rng.uniform(0.5, 1.2)), np.float32)
        noisy = noisy + (smooth - noisy) * np.float32(rng.uniform(0.2, 0.6))
    if rng.random() < 0.25:
        return Damaged(_compress(clip(noisy), int(rng.integers(85, 98)), rng))
    return Damaged(quantize(noisy) if rng.random() < 0.8 else clip(noisy))


def _noise_model(photo: Photo, amount: float, model: int, rng: np.random.Generator) -> Numbers:
    if model == 0:
        return _sensor(photo, amount, rng)
    if model == 2:
        return photo + _correlated(photo.shape, rng) * np.float32(interpolate(4.0, 30.0, amount) / 255)
    if model == 4:
        return _salt_and_pepper(photo, interpolate(0.005, 0.15, amount), rng)
    grain = rng.standard_normal(photo.shape, dtype=np.float32)
    if model == 3:
        return photo + photo * grain * np.float32(interpolate(0.06, 0.5, amount))
    color = rng.random()
    if color < 0.3:
        grain = np.repeat(grain[..., :1], 3, axis=-1)
    elif color < 0.5:
        grain *= rng.uniform(0.4, 1.4, 3).astype(np.float32)
    return photo + grain * np.float32(interpolate(5.0, 60.0, amount) / 255)


def _sensor(photo: Photo, amount: float, rng: np.random.Generator) -> Plane:
    """Shot and read noise in linear light before the white balance: after encoding, shadows are noisiest."""
    light = to_linear(photo)
    gain = np.exp(interpolate(np.log(3e-4), np.log(0.03), amount)) * np.exp(rng.uniform(-0.4, 0.4))
    read = np.exp(interpolate(np.log(1e-3), np.log(0.04), amount)) * np.exp(rng.uniform(-1.0, 0.2))
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
    """Spatially correlated noise of standard deviation 1: finer in luminance, coarser in color."""
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


def _salt_and_pepper(photo: Photo, share: float, rng: np.random.Generator) -> Numbers:
    """`share` of the pixels black or white, in all channels or independently in each."""
    draws = rng.random((*photo.shape[:2], 3 if rng.random() < 0.4 else 1), dtype=np.float32)
    return np.where(draws < share / 2, np.float32(0), np.where(draws > 1 - share / 2, np.float32(1), photo))


def jpeg(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Strong compression.

    Quality 45 (severity 0) to 5. One of five models: JPEG; JPEG with a shifted block grid (as after cropping); double
    JPEG, the second of quality 30 to 95 with another grid; JPEG of a photo reduced to 50 to 95 %, upscaled afterwards
    (half of them compressed again with quality 60 to 95); WebP of quality 25 to 1. Chroma is 4:2:0, 4:2:2 or 4:4:4,
    sometimes with a quality of its own.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    quality = round(interpolate(45.0, 5.0, amount**0.85))
    model = rng.choice(5, p=[0.36, 0.24, 0.18, 0.15, 0.07])
    if model == 4:
        return Damaged(_round_trip(clip(photo), ".webp", [cv2.IMWRITE_WEBP_QUALITY, round(interpolate(25, 1, amount))]))
    if model == 0:
        return Damaged(_compress(photo, quality, rng))
    if model == 3:
        return Damaged(_jpeg_of_reduced(photo, quality, rng))
    first = _jpeg_with_shifted_grid(photo, quality, rng)
    if model == 2:
        first = _compress(first, int(rng.integers(max(30, quality), 96)), rng)
    return Damaged(first)


def _jpeg_with_shifted_grid(photo: Photo, quality: int, rng: np.random.Generator) -> Photo:
    """Compressed as part of a larger photo, so that the block grid does not start in the corner."""
    top, left = (int(value) for value in rng.integers(0, 8, 2))
    padded = np.pad(photo, ((top, 0), (left, 0), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(_compress(padded, quality, rng)[top:, left:])


def _jpeg_of_reduced(photo: Photo, quality: int, rng: np.random.Generator) -> Photo:
    """Compressed at a smaller size and upscaled: blocks of more than 8 pixels."""
    height, width = photo.shape[:2]
    share = rng.uniform(0.5, 0.95)
    size = (max(16, round(width * share)), max(16, round(height * share)))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.float32)
    interpolation = cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
    encoded = _compress(clip(small), min(60, quality + 8), rng)
    large = clip(np.asarray(cv2.resize(encoded, (width, height), interpolation=interpolation), np.float32))
    return _compress(large, int(rng.integers(60, 96)), rng) if rng.random() < 0.5 else large


def _compress(photo: Photo, quality: int, rng: np.random.Generator) -> Photo:
    """The photo after JPEG compression with random chroma subsampling. quality: 1..100."""
    color = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    )[int(rng.choice(3, p=[0.6, 0.3, 0.1]))]
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, color]
    if rng.random() < 0.2:
        own = int(np.clip(quality * rng.uniform(0.5, 1.4), 3, 97))
        options += [cv2.IMWRITE_JPEG_LUMA_QUALITY, quality, cv2.IMWRITE_JPEG_CHROMA_QUALITY, own]
    return _round_trip(photo, ".jpg", options)


def _round_trip(photo: Photo, kind: str, options: list[int]) -> Photo:
    pixels = np.round(clip(photo) * np.float32(255)).astype(np.uint8)
    _, file = cv2.imencode(kind, np.ascontiguousarray(pixels[..., ::-1]), options)
    read = cv2.imdecode(file, cv2.IMREAD_COLOR)
    if read is None:
        raise ValueError(f"an encoded {kind} of {photo.shape} could not be read back")
    return np.ascontiguousarray(read[..., ::-1]).astype(np.float32) / np.float32(255)
