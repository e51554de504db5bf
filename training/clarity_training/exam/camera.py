"""Damage by the camera and the file format: blur, noise, JPEG."""

from __future__ import annotations

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_training.damage import Damaged, Photo
from clarity_training.exam.fields import Field, blur_field, interpolate, pixel_unit, to_linear, to_srgb, upscale


def blur(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Camera shake (50 %; GoPro, Kupyn et al.) or defocus (30 %; DPDD) in linear light, or Gaussian blur.

    photo: H×W×3 float32, 0..1.
    """
    kind, scale = rng.random(), float(np.clip(pixel_unit(photo.shape), 0.6, 1.6))
    if kind < 0.5:
        return Damaged(_shake(photo, interpolate(7, 34, severity) * scale, rng))
    if kind < 0.8:
        kernels = [disc(interpolate(2.2, 9, severity) * scale * k) for k in (0.75, 1.0)]
        return Damaged(_mix_kernels(photo, kernels, rng))
    return Damaged(blur_field(photo, interpolate(1.5, 5, severity) * scale).clip(0, 1))


def _shake(photo: Photo, extent: float, rng: np.random.Generator) -> Photo:
    """Two parts of the photo move slightly differently, as with camera rotation or different depths."""
    path = trajectory(rng)
    angle = np.radians(rng.normal(0, 12))
    turned = path @ np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _mix_kernels(photo, [path_kernel(path, extent), path_kernel(turned, extent * rng.uniform(0.75, 1.0))], rng)


def _mix_kernels(photo: Photo, kernels: list[Field], rng: np.random.Generator) -> Photo:
    """The photo convolved with two kernels, which are smoothly mixed over the photo."""
    light = to_linear(photo)
    first, second = (cv2.filter2D(light, -1, k, borderType=cv2.BORDER_REFLECT) for k in kernels)
    share = upscale(rng.uniform(-0.5, 1.5, (3, 3)), photo.shape).clip(0, 1)[..., None]
    return to_srgb(first * (1 - share) + second * share)


def trajectory(rng: np.random.Generator) -> NDArray[np.float64]:
    """Camera shake after Kupyn et al. (DeblurGAN, section 4.2): a path of N×2 points, x and y. float64."""
    steps, pace, anxiety = 480, 60 / 480, rng.choice([0.02, 0.008, 0.004])
    pull, impulses, jitter = 0.7 * rng.random(), 0.2 * rng.random(), 10 * rng.random()
    velocity = pace * np.exp(1j * rng.uniform(0, 2 * np.pi))
    chance, angles, pushes = rng.random(steps), rng.uniform(-0.5, 0.5, steps), rng.normal(size=(steps, 2)) @ (1, 1j)
    places = np.zeros(steps, complex)
    for k in range(1, steps):
        jerk = 2 * velocity * np.exp(1j * (np.pi + angles[k])) if chance[k] < impulses * anxiety else 0
        velocity += jerk + anxiety * pace * (jitter * pushes[k] - pull * places[k - 1])
        velocity *= pace / max(abs(velocity), 1e-9)
        places[k] = places[k - 1] + velocity
    return np.stack([np.real(places), np.imag(places)], 1)


def path_kernel(path: NDArray[np.float64], extent: float) -> Field:
    """The kernel of a path (N×2) scaled to `extent` pixels, rasterized bilinearly; sums to 1. Returns k×k float32."""
    centerd = path - (path.max(0) + path.min(0)) / 2
    centerd = centerd * extent / max(float(np.ptp(path, 0).max()), 1e-6)
    side = int(extent) // 2 * 2 + 5
    at = centerd + side // 2
    kernel = np.zeros((side, side), np.float32)
    corner = np.floor(at).astype(int)
    part = at - corner
    for dx, dy in ((0, 0), (0, 1), (1, 0), (1, 1)):
        weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
        np.add.at(kernel, (corner[:, 1] + dy, corner[:, 0] + dx), weight.astype(np.float32))
    return kernel / kernel.sum()


def disc(radius: float) -> Field:
    """The kernel of a circle of confusion with an anti-aliased edge; sums to 1. radius: pixels. Returns k×k float32."""
    side = int(radius) * 2 + 5
    y, x = np.mgrid[:side, :side] - side // 2
    kernel = (radius + 0.5 - np.hypot(x, y)).clip(0, 1).astype(np.float32)
    return kernel / kernel.sum()


def noise(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Gaussian noise of σ 15 to 50 of 255 (CBSD68), or sensor noise through a camera pipeline (SIDD).

    photo: H×W×3 float32, 0..1.
    """
    if rng.random() < 0.5:
        grain = rng.standard_normal(photo.shape, np.float32)
        return Damaged((photo + grain * interpolate(15, 50, severity) / 255).clip(0, 1))
    return Damaged(sensor_noise(photo, 5e-3 * 6**severity, rng))


def sensor_noise(photo: Photo, shot: float, rng: np.random.Generator) -> Photo:
    """Poisson-Gaussian noise on the Bayer mosaic, then demosaicing, white balance and sRGB (Brooks et al., CVPR 2019).

    shot: variance per unit of light, 1e-4 to 3e-2. Only the noise passes the pipeline, so the scene keeps its detail.

    photo: H×W×3 float32, 0..1; returns the same shape.
    """
    read = np.exp(2.18 * np.log(shot) + 1.2 + rng.normal(0, 0.26))
    gains = np.array([rng.uniform(1.9, 2.4), 1, rng.uniform(1.5, 1.9)], np.float32)
    raw = _mosaic(to_linear(photo) / gains)
    noisy = raw + rng.standard_normal(raw.shape, np.float32) * np.sqrt(shot * raw + read)
    change = _develop(noisy, gains) - _develop(raw, gains)
    return (photo + change).clip(0, 1).astype(np.float32)


def _mosaic(light: Photo) -> Field:
    """The RGGB Bayer mosaic of linear light: H×W×3 to H×W."""
    raw = light[..., 1].copy()
    raw[::2, ::2], raw[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    return raw


def _develop(raw: Field, gains: NDArray[np.float32]) -> Photo:
    """Bilinear demosaicing, white balance and sRGB: H×W to H×W×3."""
    known = np.zeros((3, *raw.shape), np.float32)
    known[0, ::2, ::2] = known[2, 1::2, 1::2] = 1
    known[1] = 1 - known[0] - known[2]
    near = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], np.float32)
    planes = np.moveaxis(known, 0, -1)
    summed, counted = (
        cv2.filter2D(p, -1, near, borderType=cv2.BORDER_REFLECT) for p in (planes * raw[..., None], planes)
    )
    return to_srgb(np.asarray(summed / counted, np.float32) * gains)


def jpeg(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """JPEG of quality 40 to 10 (LIVE1); a third compressed twice with a shifted grid (FBCNN).

    photo: H×W×3 float32, 0..1.
    """
    quality = round(40 * (10 / 40) ** severity)
    twice, dx, dy, first = rng.random() < 0.33, *rng.integers(0, 8, 2), rng.uniform(1.0, 1.8)
    if twice:
        padded = np.pad(photo, ((dy, 0), (dx, 0), (0, 0)), "edge")
        photo = compress(padded, round(quality * first))[dy:, dx:]
    return Damaged(compress(photo, quality))


def compress(photo: Photo, quality: int) -> Photo:
    """The photo after JPEG compression by Pillow (4:2:0). quality: 1..100.

    photo: H×W×3 float32, 0..1; returns the same shape.
    """
    store = io.BytesIO()
    Image.fromarray(np.rint(photo.clip(0, 1) * 255).astype(np.uint8)).save(store, "JPEG", quality=quality)
    with Image.open(store) as again:
        return np.asarray(again.convert("RGB"), np.float32) / np.float32(255)
