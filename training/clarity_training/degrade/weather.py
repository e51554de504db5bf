"""Weather between lens and scene: rain streaks, raindrops on glass, snow, haze.

Lengths are either pixels or relative to the photo's size; each call draws which. The coverage for a severity varies
randomly, too, so that equal severities look different.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Damaged, Photo
from clarity_training.degrade import raindrops
from clarity_training.degrade.field import blur_field
from clarity_training.degrade.raindrops import log_uniform

Plane = NDArray[np.float32]
Rng = np.random.Generator

FRACTION_BITS = 4
"""Fractional bits of OpenCV's drawing coordinates (its argument `shift`)."""
MAX_SHAPES = 6000
"""Streaks or flakes of a layer; more could not be distinguished."""
MAX_DROPS = 700


def rain_streak(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Rain streaks at 1 to 4 depths, with mist behind them (40 %).

    Angle to the vertical: normally distributed (σ 18°, at most 60°), each depth within 10° of it. Length 8..90 px and
    width 0.7..4 px at scale 1, larger the nearer. A depth covers 1..60 % of the photo at severity 1, unevenly in a
    third of the photos. Streaks are drawn lines, motion-blurred noise, or both; they are added, screened or
    alpha-blended, or refract the blurred scene. A quarter of the photos has splashes on the ground in the lower part.

    photo: H×W×3 float32, 0..1.
    """
    scale, light = _scale(photo, rng), _light(photo, rng, 0.75, 1.0)
    angle = float(np.clip(rng.normal(0, 18), -60, 60))
    kind, mode, heavy = rng.random(), int(rng.integers(4)), log_uniform(rng, 0.1, 0.6)
    length, width, opacity = log_uniform(rng, 9, 60), log_uniform(rng, 0.9, 2.0), rng.uniform(0.6, 1.0)
    out = _veil(photo, severity * rng.uniform(0.1, 0.6), rng) if rng.random() < 0.4 else photo
    source = _streak_light(out, light, mode)
    thin = (
        np.float32(1.0) if rng.random() < 0.67 else 0.25 + 1.1 * _smooth_noise(photo.shape, rng, log_uniform(rng, 1, 4))
    )
    for near in np.linspace(0.0, 1.0, int(rng.integers(1, 5))):
        size = scale * 2 ** (1.6 * near - 0.8)
        long, wide = float(np.clip(length * size, 8, 90 * scale)), float(np.clip(width * size, 0.7, 4 * scale))
        share = heavy * (0.15 + 0.85 * severity) * 2 ** (-2 * near) * rng.uniform(0.6, 1.2)
        make = _drawn_streaks if rng.random() < (kind * 3 - 1) else _blurred_streaks
        streaks = make(photo.shape, share, long, wide, angle + rng.uniform(-10, 10), rng)
        if near > 0.6 and rng.random() < 0.5:
            streaks = blur_field(streaks, wide * rng.uniform(0.4, 1.2))
        out = _composite(out, streaks * thin * np.float32(opacity * (0.45 + 0.55 * severity)), source, mode)
    if rng.random() < 0.25:
        out = _composite(out, _splashes(photo.shape, severity, scale, rng) * np.float32(opacity), light, 2)
    return _done(out)


def raindrop(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Raindrops on a pane: each shows the scene upside down, small and blurred, with a darker rim.

    Radius 3.5..60 px at scale 1, aspect ratio 0.8..1.5, 1 to 4 merged balls in each drop; 6..40 % of the photo are
    covered at severity 1. The drops of a photo are sharp, defocused (edges 0.1..0.9 of the radius wide), both, or
    bokeh discs with the shape of the aperture. A quarter of the photos has trails, a third a blurring film of water.

    photo: H×W×3 float32, 0..1.
    """
    height, width = photo.shape[:2]
    scale, out = _scale(photo, rng), photo.copy()
    scene = raindrops.defocus(photo, rng)
    if rng.random() < 0.33:
        film = _smooth_noise(photo.shape, rng, log_uniform(rng, 2, 10)) * 0.6 + 0.4
        out = raindrops.wet_pane(photo, film * np.float32(severity * rng.uniform(0.1, 0.5)), scale, rng)
    if rng.random() < 0.25:
        raindrops.paint_trails(out, severity, scale, rng)
    typical, unlike = log_uniform(rng, 4, 22), rng.uniform(0.15, 0.7)
    room = log_uniform(rng, 0.06, 0.4) * (0.12 + 0.88 * severity) * height * width
    strength = rng.uniform(0.75, 1.0) * (0.7 + 0.3 * severity)
    look = raindrops.DropStyle.random(rng)
    for _ in range(MAX_DROPS):
        radius = float(np.clip(typical * scale * math.exp(rng.normal(0, unlike)), 3.5, 60 * scale))
        raindrops.paint_drop(out, scene, radius, strength, look, rng)
        room -= math.pi * radius**2
        if room < 0:
            break
    return _done(out)


def snow(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Snowflakes at 1 to 4 depths, from sharp specks to wide defocused discs, with a veil behind them (40 %).

    At scale 1 the radius is 0.7..3 px far, up to 6 px near, and 8..30 px for defocused flakes; a depth covers 0.5..20 %
    at severity 1. Flakes are round, ragged, or thresholded noise; at rest or with a motion blur of 2..30 px at up to
    70° to the vertical; opacity 0.4..1.

    photo: H×W×3 float32, 0..1.
    """
    scale, light = _scale(photo, rng), _light(photo, rng, 0.86, 1.0, 0.01)
    angle, fall = float(np.clip(rng.normal(0, 28), -70, 70)), log_uniform(rng, 1, 14) * (rng.random() < 0.65)
    size, heavy, opacity = log_uniform(rng, 0.9, 2.4), log_uniform(rng, 0.02, 0.16), rng.uniform(0.55, 1.0)
    ragged = rng.random()
    out = _veil(photo, severity * rng.uniform(0.1, 0.55), rng) if rng.random() < 0.4 else photo
    for near in np.linspace(0.0, 1.0, int(rng.integers(1, 5))):
        radius = float(np.clip(size * scale * 2 ** (2 * near - 0.6), 0.7, 6 * scale))
        share = heavy * (0.1 + 0.9 * severity) * 2 ** (-1.5 * near) * rng.uniform(0.5, 1.3)
        make = _drawn_flakes if rng.random() < ragged * 1.4 else _noise_flakes
        flakes = make(photo.shape, share, radius, rng)
        flakes = _motion_blur(flakes, fall * scale * 2 ** (1.4 * near), angle + rng.uniform(-12, 12))
        if near > 0.5 and rng.random() < 0.5:
            flakes = blur_field(flakes, radius * rng.uniform(0.2, 0.8))
        out = _composite(out, flakes * np.float32(opacity * (0.45 + 0.55 * severity)), light, 2)
    if rng.random() < 0.5:
        discs = _drawn_flakes(photo.shape, 0.12 * severity * rng.random(), scale * log_uniform(rng, 8, 30), rng)
        discs = blur_field(discs, scale * log_uniform(rng, 1, 6))
        out = _composite(out, discs * np.float32(rng.uniform(0.12, 0.6)), light, 2)
    return _done(out)


def haze(photo: Photo, severity: float, rng: Rng) -> Damaged:
    """Atmospheric scattering (Koschmieder): I = J t + A (1 − t) with t = exp(−β d).

    The mean of β d is 0.06..1.85; A is 0.6..1 and slightly tinted. The depth d is a guess: a ground plane with a
    horizon at 0.15..0.75 of the height, a ramp, smooth noise, the smoothed dark channel or brightness of the photo,
    constant, or the product of two of these. A quarter of the photos has patches of fog; a third is computed in linear
    light.

    photo: H×W×3 float32, 0..1.
    """
    depth = _depth(photo, rng)
    if rng.random() < 0.25:
        depth = depth * (0.4 + 1.2 * _smooth_noise(photo.shape, rng, log_uniform(rng, 1.5, 6)))
    depth /= max(float(depth.mean()), 1e-3)
    mean = (0.08 + 1.6 * severity) * rng.uniform(0.75, 1.1)
    t = np.exp(-np.float32(mean) * depth)[..., None]
    light = _light(photo, rng, 0.6, 1.0, 0.03)
    if rng.random() < 0.33:
        linear = np.power(photo, np.float32(2.2)) * t + np.power(light, np.float32(2.2)) * (1 - t)
        return _done(np.power(np.clip(linear, 0, 1), np.float32(1 / 2.2)))
    return _done(photo * t + light * (1 - t))


# Shared


def _f32(picture: Any) -> NDArray[np.float32]:
    return np.asarray(picture, np.float32)


def _done(picture: NDArray[np.float32]) -> Damaged:
    return Damaged(np.clip(picture, 0, 1).astype(np.float32, copy=False))


def _scale(photo: Photo, rng: Rng) -> float:
    """Pixels of the photo per documented pixel: 1, or relative to a shorter side of 480 px (0.5..3), ± 25 %."""
    relative = float(np.clip(min(photo.shape[:2]) / 480, 0.5, 3))
    return (1.0 if rng.random() < 0.5 else relative) * log_uniform(rng, 0.8, 1.25)


def _light(photo: Photo, rng: Rng, low: float, high: float, tint: float = 0.02) -> NDArray[np.float32]:
    """Color of the sky's light (3 values of low..high), bluish or warm by about `tint`; gray for a gray photo."""
    sample = photo[::7, ::7]
    is_gray = float(np.ptp(sample, axis=2).max()) < 0.02
    cast = rng.normal(0, tint / 3, 3) + rng.normal(0, tint) * np.array([1, 0, -1])
    return np.clip(rng.uniform(low, high) * (1 + (0 if is_gray else cast)), 0, 1).astype(np.float32)


def _smooth_noise(shape: tuple[int, ...], rng: Rng, cells: float) -> Plane:
    """Smooth noise, H×W float32 in 0..1, with about `cells` bumps along the shorter side and 1 to 4 octaves."""
    height, width = shape[:2]
    short = min(height, width)
    side = 96 / short if short > 96 else 1.0
    size = (max(8, int(width * side)), max(8, int(height * side)))
    total = np.zeros((size[1], size[0]), np.float32)
    for octave in range(int(rng.integers(1, 5))):
        density = cells * 2**octave / short
        grid = rng.random((max(2, round(height * density) + 1), max(2, round(width * density) + 1)), np.float32)
        total += _f32(cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)) * np.float32(0.55**octave)
    total = (total - total.min()) / max(float(np.ptp(total)), 1e-6)
    return _f32(cv2.resize(total, (width, height)))


def _veil(photo: Photo, thickness: float, rng: Rng) -> Photo:
    """A thin mist, as of distant rain or snow."""
    depth = _depth(photo, rng)
    t = np.exp(-np.float32(thickness) * depth / max(float(depth.mean()), 1e-3))[..., None]
    return photo * t + _light(photo, rng, 0.55, 0.95) * (1 - t)


def _composite(under: Photo, cover: Plane, light: NDArray[np.float32], mode: int) -> Photo:
    """Combine a photo with light of coverage `cover` (H×W, 0..1). mode 0: add, 1: screen, else alpha blending.
    light: one color, or H×W×3."""
    cover = np.minimum(cover, 1)[..., None]
    if mode == 0:
        return np.minimum(under + cover * light * np.float32(0.9), 1)
    if mode == 1:
        return _f32(1 - (1 - under) * (1 - cover * light))
    return _f32(under + cover * (light - under))


# Rain


def _streak_light(photo: Photo, light: NDArray[np.float32], mode: int) -> NDArray[np.float32]:
    """The light of streaks: that of the sky or, for refracting streaks (mode 3), the blurred scene lit by it."""
    if mode < 3:
        return light
    wide = blur_field(photo, max(4.0, min(photo.shape[:2]) / 16))
    return np.minimum(wide * np.float32(0.55) + light * np.float32(0.5), 1)


def _drawn_streaks(shape: tuple[int, ...], share: float, long: float, wide: float, angle: float, rng: Rng) -> Plane:
    """Anti-aliased lines of several brightnesses, darker towards both ends. share: coverage; long, wide: pixels."""
    height, width = shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    count = int(np.clip(share * height * width / (long * wide), 3, MAX_SHAPES))
    direction = np.array([math.sin(math.radians(angle)), math.cos(math.radians(angle))])
    middle = rng.random((count, 2)) * [width + long, height + long] - long / 2
    half = (direction * long / 2) * np.exp(rng.normal(0, 0.35, (count, 1)))
    weak, strong = rng.uniform(50, 140), rng.uniform(170, 255)
    for part, level in zip(np.array_split(np.arange(count), 5), np.linspace(weak, strong, 5), strict=True):
        thickness = max(1, round(wide + rng.uniform(-0.5, 0.5)))
        for extent, dim in ((1.0, 0.5), (0.6, 1.0)):
            ends = np.stack([middle[part] - half[part] * extent, middle[part] + half[part] * extent], axis=1)
            lines = np.round(ends * (1 << FRACTION_BITS)).astype(np.int32)
            faint = dim * min(1.0, wide) * level
            cv2.polylines(canvas, list(lines), False, (faint,), thickness, cv2.LINE_AA, FRACTION_BITS)
    return blur_field(canvas.astype(np.float32) * np.float32(1 / 255), 0.35 * wide * rng.random())


def _blurred_streaks(shape: tuple[int, ...], share: float, long: float, wide: float, angle: float, rng: Rng) -> Plane:
    """Sparse noise, blurred vertically on a larger canvas and then sheared to the angle."""
    height, width = shape[:2]
    lean = math.tan(math.radians(angle))
    length = max(3, round(long / 2))
    tall, broad = height + 4 * length, int(width + (height + 4 * length) * abs(lean)) + 4
    across = max(1.0, wide * 0.8)
    noise = rng.random((tall, max(2, int(broad / across))), np.float32)
    rare = np.float32(max(share / (1.6 * length), 2e-5))
    seeds = np.clip((noise - (1 - rare)) / rare, 0, 1)
    tails = cv2.blur(cv2.blur(seeds, (1, length)), (1, max(1, length // 2)))
    tails = _f32(cv2.resize(np.minimum(_f32(tails) * np.float32(1.3 * length), 1), (broad, tall)))
    start = -(2 + (tall * lean if lean > 0 else 0)) + lean * 2 * length
    shear = np.array([[1, lean, start], [0, 1, -2 * length]], np.float64)
    streaks = _f32(cv2.warpAffine(tails, shear, (width, height)))
    return blur_field(streaks, 0.35 * wide * rng.random()) * np.float32(min(1.0, wide))


def _splashes(shape: tuple[int, ...], severity: float, scale: float, rng: Rng) -> Plane:
    """Splashes on the ground, denser towards the bottom, below 0.3..0.8 of the height."""
    specks = _noise_flakes(shape, rng.uniform(0.03, 0.2) * (0.15 + 0.85 * severity), scale * rng.uniform(0.7, 1.8), rng)
    start = rng.uniform(0.3, 0.8)
    down = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    return specks * np.clip((down - np.float32(start)) / np.float32(1.01 - start), 0, 1).astype(np.float32)


# Snow


def _drawn_flakes(shape: tuple[int, ...], share: float, radius: float, rng: Rng) -> Plane:
    """Ellipses drawn as polygons, equally ragged within a layer."""
    height, width = shape[:2]
    canvas = np.zeros((height, width), np.uint8)
    count = int(np.clip(share * height * width / (math.pi * radius**2), 1, MAX_SHAPES))
    corners = 6 if radius < 2 else 9 if radius < 5 else 16
    ragged = rng.uniform(0, 0.45 if radius < 5 else 0.12)
    angles = np.linspace(0, 2 * math.pi, corners, endpoint=False) + rng.uniform(0, 2 * math.pi, (count, 1))
    far = radius * np.exp(rng.normal(0, 0.4, (count, 1))) * (1 + rng.uniform(-ragged, ragged, (count, corners)))
    flat = rng.uniform(0.6, 1.0, (count, 1))
    x = rng.random((count, 1)) * width + far * np.cos(angles)
    y = rng.random((count, 1)) * height + far * np.sin(angles) * flat
    shapes = np.round(np.stack([x, y], axis=2) * (1 << FRACTION_BITS)).astype(np.int32)
    levels = np.sort(rng.uniform(rng.uniform(60, 200), 255, count))
    for points, level in zip(shapes, levels, strict=True):
        cv2.fillConvexPoly(canvas, points, (float(level),), cv2.LINE_AA, FRACTION_BITS)
    return canvas.astype(np.float32) * np.float32(1 / 255)


def _noise_flakes(shape: tuple[int, ...], share: float, radius: float, rng: Rng) -> Plane:
    """Thresholded blurred noise: irregular clumps, larger ones brighter."""
    height, width = shape[:2]
    grain = max(1.0, radius / 1.2)
    size = max(2, int(width / grain) + 1), max(2, int(height / grain) + 1)
    noise = _f32(cv2.GaussianBlur(rng.standard_normal((size[1], size[0]), np.float32), (0, 0), 0.8))
    sample = noise.reshape(-1)[: 1 << 16]
    edge = np.quantile(sample, 1 - min(share * 1.5, 0.5))
    steep = rng.uniform(1.5, 4) / max(float(sample.std()), 1e-3)
    flakes = np.clip((noise - np.float32(edge)) * np.float32(steep), 0, 1)
    return _f32(cv2.resize(flakes, (width, height), interpolation=cv2.INTER_CUBIC if grain > 1 else cv2.INTER_LINEAR))


def _motion_blur(plane: Plane, length: float, angle: float) -> Plane:
    """Motion blur, brighter than the true mean: flakes outshine the background."""
    side = min(int(length), 31) | 1
    if side < 3:
        return plane
    kernel = np.zeros((side, side), np.float32)
    half = side // 2
    dx, dy = half * math.sin(math.radians(angle)), half * math.cos(math.radians(angle))
    ends = [(round((half + sign * dx) * 16), round((half + sign * dy) * 16)) for sign in (-1, 1)]
    drawn = np.zeros((side, side), np.uint8)
    cv2.line(drawn, ends[0], ends[1], (255,), 1, cv2.LINE_AA, FRACTION_BITS)
    kernel = drawn.astype(np.float32) / max(float(drawn.sum()), 1.0)
    return np.clip(_f32(cv2.filter2D(plane, cv2.CV_32F, kernel)) * np.float32(side**0.4), 0, 1)


# Haze


def _depth(photo: Photo, rng: Rng) -> Plane:
    """A guess of the depth of each pixel, H×W ≥ 0 without a unit."""
    kind = int(rng.integers(7))
    if kind == 6:
        return _simple_depth(photo, int(rng.integers(5)), rng) * _simple_depth(photo, int(rng.integers(5)), rng)
    return _simple_depth(photo, kind, rng)


def _simple_depth(photo: Photo, kind: int, rng: Rng) -> Plane:
    height, width = photo.shape[:2]
    if kind == 0:  # a ground plane below the horizon, then the sky
        down = (np.arange(height, dtype=np.float32) / height - np.float32(rng.uniform(0.15, 0.75)))[:, None]
        near = np.float32(rng.uniform(0.08, 0.5))
        ground = near / (near + np.maximum(down, 0))
        return np.broadcast_to(_f32(ground), (height, width)) * np.float32(1.0)
    if kind == 1:
        angle, base = rng.uniform(0, 2 * math.pi), rng.uniform(0.05, 0.6)
        x = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None] * np.float32(math.cos(angle))
        y = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None] * np.float32(math.sin(angle))
        return _f32(np.clip(x + y + np.float32(0.5), 0, 1) + np.float32(base))
    if kind == 2:
        return _smooth_noise(photo.shape, rng, log_uniform(rng, 1, 5)) + np.float32(rng.uniform(0.1, 0.8))
    if kind in (3, 4):  # dark channel prior: hazy, distant parts have a bright darkest channel
        guess = photo.min(axis=2) if kind == 3 else photo.mean(axis=2)
        sigma = min(height, width) * log_uniform(rng, 0.01, 0.12)
        return blur_field(guess, sigma) + np.float32(rng.uniform(0.1, 0.6))
    return np.ones((height, width), np.float32)
