"""Low light, overexposure, and cast shadows."""

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
from clarity_training.degrade.flare import flare
from clarity_training.degrade.srgb import Numbers, Plane, clip, luma, quantize, to_linear, to_srgb

__all__ = ["flare", "low_light", "overexposure", "shadow"]


def low_light(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Low light.

    One of four models: 0.8 to 5.6 stops less exposure in linear light; a gamma of 1.4 to 5 with a gain of 0.95 to 0.5;
    less exposure with a color cast (up to ± 30 %) and up to 60 % less saturation, as near a sensor's noise floor; or
    uneven light, where lamps, a window or the sky stay up to 5 stops brighter. A quarter gets a vignette, half
    Poisson-Gaussian noise, and a few a raised black level, as from a camera's gain.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    model = rng.choice(4, p=[0.3, 0.2, 0.3, 0.2])
    if model == 0:
        light = to_linear(photo) * np.float32(2.0 ** -interpolate(0.8, 5.6, amount))
    elif model == 1:
        gain = interpolate(0.95, rng.uniform(0.5, 0.9), amount)
        light = to_linear(
            clip(np.asarray(cv2.pow(photo, interpolate(1.4, 5.0, amount)), np.float32)) * np.float32(gain)
        )
    elif model == 2:
        light = _underexposed(photo, amount, rng)
    else:
        light = to_linear(photo) * np.exp2(_uneven_stops(photo, amount, rng))[..., None]
    if rng.random() < 0.25:
        light *= _vignette(photo.shape, rng.uniform(0.2, 0.8))
    if rng.random() < 0.5:
        light = _photon_noise(light, rng)
    dark = quantize(to_srgb(light))
    if rng.random() < 0.12:
        dark = clip(dark * np.float32(rng.uniform(1.05, 1.5)) + np.float32(rng.uniform(0.0, 0.03)))
    return Damaged(dark)


def _underexposed(photo: Photo, amount: float, rng: np.random.Generator) -> Plane:
    """Linear light near the sensor's noise floor: darker, with changed contrast, less saturation and a color cast."""
    steep = np.asarray(cv2.pow(to_linear(photo), rng.uniform(0.8, 1.3)), np.float32)
    light = steep * np.float32(2.0 ** -interpolate(0.9, 5.0, amount))
    gray = luma(light)
    light = gray + (light - gray) * np.float32(1.0 - interpolate(0.1, 0.6, amount) * rng.random())
    cast = 1.0 + rng.uniform(-0.15, 0.15, 3) * rng.choice([0.0, 1.0, 2.0], p=[0.3, 0.5, 0.2])
    return light * cast.astype(np.float32)


def _uneven_stops(photo: Photo, amount: float, rng: np.random.Generator) -> Plane:
    """H×W stops of exposure, all negative: less for bright parts, around light sources, or as smooth noise."""
    shape = photo.shape
    stops = np.full(shape[:2], -interpolate(1.0, 5.5, amount), np.float32)
    kind = rng.random()
    if kind < 0.4:
        return (stops * (1.0 - rng.uniform(0.5, 0.95) * _bright_parts(photo, rng))).astype(np.float32)
    if kind < 0.6:
        return np.minimum(stops * (1.0 + 0.3 * smooth_noise(shape, rng, rng.uniform(1.0, 3.0))), -0.3).astype(
            np.float32
        )
    x, y = coordinates(shape)
    for _ in range(int(rng.integers(1, 4))):
        extent = rng.uniform(0.15, 0.7)
        distance = (x - rng.uniform(-1, 1)) ** 2 + (y - rng.uniform(-0.8, 0.8)) ** 2
        stops += np.float32(rng.uniform(0.2, 0.65)) * -stops * np.exp(-distance / np.float32(2 * extent**2))
    return np.minimum(stops, -0.2)


def _bright_parts(photo: Photo, rng: np.random.Generator) -> Plane:
    """Soft mask of the bright parts of the photo, H×W 0..1."""
    bright = blur_field(luma(photo)[..., 0], min(photo.shape[:2]) * rng.uniform(0.01, 0.05))
    steep, middle = np.float32(rng.uniform(8, 25)), np.float32(rng.uniform(0.35, 0.7))
    return (1.0 / (1.0 + np.exp(-(bright - middle) * steep))).astype(np.float32)


def _vignette(shape: tuple[int, ...], depth: float) -> Plane:
    """H×W×1 factor: 1 in the center, 1 − depth in the corners."""
    x, y = coordinates(shape)
    distance = x * x + y * y
    return (1.0 - np.float32(depth) * np.minimum(distance / (distance.max() + 1e-6), 1.0) ** 1.3)[..., None].astype(
        np.float32
    )


def _photon_noise(light: Plane, rng: np.random.Generator) -> Plane:
    """The light with slight Poisson-Gaussian noise: gain 2e-5..4e-3, read noise 1e-4..4e-3 of full scale."""
    gain, read = np.exp(rng.uniform(np.log(2e-5), np.log(4e-3))), np.exp(rng.uniform(np.log(1e-4), np.log(4e-3)))
    grain = rng.standard_normal(light.shape, dtype=np.float32)
    return light + grain * np.sqrt(np.maximum(light, 0.0) * np.float32(gain) + np.float32(read**2))


def overexposure(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """Overexposure.

    One of five models: 0.6 to 3.3 stops more exposure with clipping; the same with a soft shoulder (film-like); a gamma
    of 1/1.3 to 1/4; a veil over a brighter exposure; or a part (a window, the sky) brighter by up to 4.5 stops in a
    photo that is less overexposed. Half of the clipped photos glow around highlights; some have a warm or cold tint.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    stops = interpolate(0.6, 3.3, amount)
    model = rng.choice(5, p=[0.32, 0.2, 0.2, 0.1, 0.18])
    if model == 0:
        bright = to_srgb(_add_glow(_tint(to_linear(photo) * np.float32(2.0**stops), rng), rng))
    elif model == 1:
        bright = _soft_shoulder(_tint(to_linear(photo), rng), stops, rng)
    elif model == 2:
        bright = np.asarray(cv2.pow(photo, 1.0 / interpolate(1.3, 4.0, amount)), np.float32)
        bright = bright * np.float32(rng.uniform(1.0, 1.0 + 0.35 * amount))
    elif model == 3:
        veil = np.float32(interpolate(0.08, 0.5, amount))
        bright = to_srgb(to_linear(photo) * np.float32(2.0 ** (0.6 * stops))) * (1.0 - veil) + veil
    else:
        bright = to_srgb(_add_glow(to_linear(photo) * np.exp2(_local_stops(photo, stops, rng))[..., None], rng))
    return Damaged(quantize(bright) if rng.random() < 0.8 else clip(bright))


def _tint(light: Plane, rng: np.random.Generator) -> Plane:
    """The light, in 40 % of the cases warmer or colder by up to 12 %."""
    if rng.random() < 0.6:
        return light
    warm = rng.uniform(-0.12, 0.12)
    return light * np.array([1.0 + warm, 1.0, 1.0 - warm], np.float32)


def _soft_shoulder(light: Plane, stops: float, rng: np.random.Generator) -> Plane:
    """sRGB of the light with `stops` more exposure, whose highlights are compressed instead of clipped."""
    exposed = light * np.float32(2.0 ** (stops + 0.3))
    if rng.random() < 0.5:
        compressed = 1.0 - np.exp(-exposed)
    else:
        white = np.float32(2.0 ** rng.uniform(0.5, 2.5))
        compressed = exposed * (1.0 + exposed / white**2) / (1.0 + exposed)
    return to_srgb(compressed.astype(np.float32)) * np.float32(rng.uniform(0.97, 1.06))


def _add_glow(light: Plane, rng: np.random.Generator) -> Numbers:
    """The light, in half of the cases with a glow around values above white."""
    if rng.random() < 0.5:
        return light
    excess = np.clip(light - 0.9, 0.0, 4.0)
    extent = max(1.0, min(light.shape[:2]) * rng.uniform(0.01, 0.06))
    return light + blur_field(excess, extent) * np.float32(rng.uniform(0.1, 0.5))


def _local_stops(photo: Photo, stops: float, rng: np.random.Generator) -> Plane:
    """H×W stops ≥ 0 of a photo in which a region or the bright parts are more overexposed than the rest."""
    if rng.random() < 0.4:
        weight = _bright_parts(photo, rng)
    else:
        region = top_share(smooth_noise(photo.shape, rng, rng.uniform(1.0, 3.0)), rng.uniform(0.25, 0.6))
        weight = blur_field(region, min(photo.shape[:2]) * rng.uniform(0.03, 0.2))
    return (stops * (rng.uniform(0.2, 0.6) + rng.uniform(0.8, 1.0) * weight)).astype(np.float32)


def shadow(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """A cast shadow.

    Its shape is a half-plane or corner, polygon, blobs, bars (fence, blind), leaves (thresholded noise), branches, or
    a standing person; it covers 8 to 70 % of the photo. The penumbra has a σ of 0.5 to 8 (sometimes 30) pixels and may
    widen with the distance from the object. Linear light is multiplied by 0.6 (severity 0) to 0.1, slightly bluer (0 to
    20 %) because of the sky.

    photo: H×W×3 float32, 0..1.
    """
    amount = jitter(severity, rng)
    covered = _shadow_mask(photo.shape, rng)
    unit = pixel_unit(photo.shape, rng)
    edge = float(np.exp(rng.uniform(np.log(0.5), np.log(rng.choice([8.0, 30.0], p=[0.7, 0.3]))))) * unit
    edge = min(edge, 0.12 * max(photo.shape[:2]))
    soft = blur_field(covered, edge)
    if rng.random() < 0.3:
        x, y = coordinates(photo.shape)
        angle = rng.uniform(0, 2 * np.pi)
        far = np.clip(0.5 + 0.5 * (x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))), 0.0, 1.0)
        soft = soft + (blur_field(covered, min(3.0 * edge, 0.1 * max(photo.shape[:2]))) - soft) * far
    count = 0.6 * (0.1 / 0.6) ** amount * rng.uniform(0.9, 1.1)
    blue = rng.uniform(0.0, 0.2) * rng.choice([1.0, 0.3, -0.2], p=[0.6, 0.3, 0.1])
    color = np.array([count * (1.0 - 0.5 * blue), count, count * (1.0 + blue)], np.float32)
    weight = np.clip(soft, 0.0, 1.0)[..., None]
    return Damaged(clip(to_srgb(to_linear(photo) * (1.0 + weight * (color - 1.0)))))


def _shadow_mask(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Mask of the shadow, H×W, 0 or 1."""
    share = float(rng.uniform(0.1, 0.65))
    model = rng.choice(7, p=[0.18, 0.2, 0.17, 0.1, 0.15, 0.08, 0.12])
    if model == 0:
        return top_share(_edge_field(shape, rng), share)
    if model == 2:
        return top_share(smooth_noise(shape, rng, rng.uniform(1.5, 4.0), 1), share)
    if model == 3:
        return top_share(_bars_field(shape, rng), share)
    if model == 4:
        return top_share(smooth_noise(shape, rng, rng.uniform(4.0, 16.0), 4), share)
    drawn = {1: _polygon, 5: _branches, 6: _person}[int(model)]
    for _ in range(4):
        mask = drawn(shape, rng)
        if rng.random() < 0.15:
            mask = np.maximum(mask, drawn(shape, rng))
        if 0.08 <= mask.mean() <= 0.7:
            return mask
    return top_share(_edge_field(shape, rng) + 0.15 * smooth_noise(shape, rng, 3.0), share)


def _edge_field(shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    """H×W distance to a straight edge at any angle, or to the corner of two."""
    x, y = coordinates(shape)
    angle = rng.uniform(0, 2 * np.pi)
    first = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    if rng.random() < 0.5:
        return first
    angle += rng.uniform(0.8, 2.2)
    second = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) + np.float32(rng.uniform(-0.3, 0.3))
    return np.minimum(first, second) if rng.random() < 0.5 else np.maximum(first, second)


def _bars_field(shape: tuple[int, ...], rng: np.random.Generator) -> Numbers:
    """H×W slightly irregular waves at any angle: the bars of a fence, a blind or a row of pillars."""
    x, y = coordinates(shape)
    angle = rng.uniform(0, np.pi)
    along = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    return np.sin(
        along * np.float32(rng.uniform(5.0, 25.0)) + 0.2 * smooth_noise(shape, rng, 2.0, 1) + rng.uniform(0, 6)
    )


def _fill_outlines(shape: tuple[int, ...], outlines: list[Plane]) -> Plane:
    """Mask H×W, 1 inside the outlines (N×2, x and y relative to the photo's size)."""
    mask = np.zeros(shape[:2], np.float32)
    for outline in outlines:
        corners = np.round(outline * np.array([shape[1], shape[0]], np.float32) * 16).astype(np.int32)
        cv2.fillPoly(mask, [corners], (1.0,), shift=4)
    return mask


def _polygon(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Mask of a polygon with three to nine corners, up to larger than the photo."""
    count = int(rng.integers(3, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    extent = rng.uniform(0.25, 0.8) * rng.uniform(0.5, 1.2, count)
    stretch = rng.uniform(0.7, 1.3)
    outline = np.stack([np.cos(angles) * extent * stretch, np.sin(angles) * extent / stretch], 1) + rng.uniform(
        0.1, 0.9, 2
    )
    return _fill_outlines(shape, [outline.astype(np.float32)])


def _branches(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Mask of a trunk with branches and leaves."""
    mask = np.zeros(shape[:2], np.float32)
    size = np.array([shape[1], shape[0]], np.float32)
    thickness = max(shape[:2]) * rng.uniform(0.02, 0.1)
    start, angle = rng.uniform(-0.1, 1.1, 2) * size, rng.uniform(0, 2 * np.pi)
    for level in range(int(rng.integers(4, 16))):
        ends = start + np.array([np.cos(angle), np.sin(angle)]) * max(shape[:2]) * rng.uniform(0.2, 0.7)
        width = max(1, round(float(thickness) / (1.0 + 0.5 * level)))
        cv2.line(mask, (int(start[0]), int(start[1])), (int(ends[0]), int(ends[1])), (1.0,), width)
        for _ in range(int(rng.integers(0, 6))):
            spot = start + (ends - start) * rng.random() + rng.normal(0, 0.04, 2) * max(shape[:2])
            leaf = (max(1, int(thickness * rng.uniform(0.3, 1.2))), max(1, int(thickness * rng.uniform(0.2, 0.7))))
            cv2.ellipse(mask, (int(spot[0]), int(spot[1])), leaf, rng.uniform(0, 180), 0, 360, (1.0,), -1)
        start, angle = (start + ends) / 2 if rng.random() < 0.6 else ends, angle + rng.normal(0, 0.9)
    return mask


def _person(shape: tuple[int, ...], rng: np.random.Generator) -> Plane:
    """Mask of the long shadow of a person: head, body and legs, sheared and stretched."""
    angles = np.linspace(0, 2 * np.pi, 24)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1)
    body = np.array(
        [[-0.5, 0.2], [0.5, 0.2], [0.65, 1.2], [0.4, 2.5], [0.1, 2.5], [0, 1.6], [-0.1, 2.5], [-0.4, 2.5], [-0.65, 1.2]]
    )
    parts = [ring * 0.32 + np.array([0.0, -0.2]), body]
    lean, tall, size = rng.uniform(-0.8, 0.8), rng.uniform(0.7, 2.0), rng.uniform(0.28, 0.65)
    angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else 0.0
    spin = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shear = np.array([[1.0, 0.0], [lean, tall]]) @ spin * size
    shift = rng.uniform(0.15, 0.85, 2)
    return _fill_outlines(shape, [((part - np.array([0.0, 1.2])) @ shear + shift).astype(np.float32) for part in parts])
