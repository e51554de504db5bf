"""Drops on the pane before the lens: metaballs that show the scene upside down and wide, as ROLE renders them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_training.damage import Damaged, Photo
from clarity_training.exam.fields import Field, grown, rise, soft, unit

_MOST = 70


def raindrops(photo: Photo, severity: float, rng: np.random.Generator) -> Damaged:
    """10 to 70 drops of 4 to 40 pixels radius at 400; the camera looks at the scene, so drops are out of focus."""
    scale = unit(photo.shape)
    places = rng.uniform(0, 1, (_MOST, 2)) * (photo.shape[1], photo.shape[0])
    radii = np.minimum(rng.lognormal(np.log(11), 0.5, _MOST), 32) * scale * rise(0.9, 1.3, severity)
    shapes = [_balls(rng) for _ in range(_MOST)]
    light, zoom, edge = rng.uniform(0.9, 1.2, _MOST), rng.uniform(3.5, 7, _MOST), rng.uniform(0.7, 3) * scale
    height = np.zeros(photo.shape[:2], np.float32)
    warp = np.stack(np.meshgrid(np.arange(photo.shape[1]), np.arange(photo.shape[0])), -1).astype(np.float32)
    gain = np.ones(photo.shape[:2], np.float32)
    for k in range(round(rise(10, _MOST, severity))):
        _put(height, warp, gain, places[k], float(radii[k]), shapes[k], float(zoom[k]), float(light[k]))
    cover = soft((height > 0.25).astype(np.float32), edge)
    inside = _seen(photo, warp, rng) * gain[..., None] + _shine(height, scale)[..., None]
    cover = cover[..., None]
    return Damaged((photo * (1 - cover) + inside * cover).clip(0, 1).astype(np.float32))


def _balls(rng: np.random.Generator) -> NDArray[np.float64]:
    """One to four balls that melt into one drop: N×3 as x, y, radius, in radii of the drop."""
    count = int(rng.integers(1, 5))
    spread = np.stack([rng.normal(0, 0.35, 4), rng.normal(0.15, 0.5, 4), rng.uniform(0.45, 0.8, 4)], 1)
    spread[0] = 0, 0, 1
    return spread[:count]


def _put(
    height: Field, warp: NDArray[np.float32], gain: Field, place: NDArray[np.float64], radius: float,
    balls: NDArray[np.float64], zoom: float, light: float,
) -> None:  # fmt: skip
    """Raise one drop: its height (thick in the middle), where each of its pixels looks, and how bright it is."""
    reach = radius * 2.2
    x0, y0 = (max(0, int(v - reach)) for v in place)
    box = slice(y0, max(y0, int(place[1] + reach))), slice(x0, max(x0, int(place[0] + reach)))
    rows, columns = height[box].shape
    if not rows or not columns:
        return
    y, x = np.mgrid[y0 : y0 + rows, x0 : x0 + columns].astype(np.float32)
    u, v = (x - place[0]) / radius, (y - place[1]) / radius
    bump = sum(np.clip(1 - ((u - bx) ** 2 + (v - by) ** 2) / br**2, 0, 1) ** 2 for bx, by, br in balls)
    bump = np.asarray(bump, np.float32)
    inside = bump > np.maximum(0.2, height[box])
    height[box] = np.maximum(height[box], np.minimum(bump, 1.5))
    seen = np.stack([place[0] - u * radius * zoom, place[1] - v * radius * zoom], -1)  # upside down and wide
    warp[box][inside] = seen[inside]
    gain[box][inside] = (light * (0.72 + 0.5 * np.minimum(bump, 1)) * (1 + 0.18 * v))[inside]  # dark rim, sky below


def _seen(photo: Photo, warp: NDArray[np.float32], rng: np.random.Generator) -> Photo:
    """The scene through the drops, wobbling a little, out of focus; beyond the photo it is mirrored."""
    rows, columns = photo.shape[:2]
    wobble = np.stack([grown(rng.normal(0, 1, (12, 12)), photo.shape) for _ in range(2)], -1)
    at = warp + wobble * 6 * unit(photo.shape)
    blurred = soft(photo, 1.6 * unit(photo.shape))
    x = np.abs((at[..., 0] + columns) % (2 * columns) - columns).clip(0, columns - 1)
    y = np.abs((at[..., 1] + rows) % (2 * rows) - rows).clip(0, rows - 1)
    seen = cv2.remap(blurred, x.astype(np.float32), y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(seen, np.float32)


def _shine(height: Field, scale: float) -> Field:
    """The light's reflection on the upper left flank of each drop."""
    smooth = soft(height, 1.2 * scale)
    gy, gx = np.gradient(smooth)
    slope = (gx + gy) * 4 * scale
    return 0.5 * (slope - 0.35).clip(0, 0.6).astype(np.float32)
