"""Light and color: exposure, white balance, tone, saturation, black and white, sharpening.

Everything but sharpening is computed in linear light, from the photo's own tone curve and back to it, in one pass over
bands of rows on all cores. Exposure and white balance alone are a lookup table for each channel. Values above white
are kept until the end, so that lower highlights bring back what more exposure would clip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop import srgb
from clarity_desktop.backend.pictures import light
from clarity_desktop.backend.pictures.light import STEPS, Light, Space
from clarity_desktop.values import Adjustments, Mask, Pixels

CEILING = 16.0
"""Linear light above this multiple of white is cut: four stops of exposure."""
MIREDS = 200.0
"""Full temperature moves white from D65 to a lamp of 2830 K."""
D65_MIREDS = 153.8
TINT_STOPS = 0.5
"""Stops by which full tint dims green."""
SHARPEN_SIGMA, SHARPEN_AMOUNT = 1.0, 1.6
"""Radius in pixels of the photo; the share of the detail that is added at full strength."""
MIN_SIGMA = 0.2
"""Below this radius, in a reduced preview, sharpening has no visible effect."""
SHARPEN_BAND = 1 << 19
"""Pixels sharpened at a time: each band computes some rows of its neighbors as well."""
REACH = 8
"""Pixels around a part that change it: those that sharpening reads."""
PICK_RADIUS = 2
"""Pixels around the picked one that are averaged: noise must not decide the white balance."""


def gains(temperature: float, tint: float, icc: bytes | None = None) -> tuple[float, float, float]:
    """Factors of linear red, green and blue that make the photo warmer (> 0) or cooler, magenta (> 0) or green.

    Both -1..1; the luminance of gray stays the same. The opposite temperature gives the inverse factors.
    """
    space = light.space(icc)
    warm = _white(D65_MIREDS + MIREDS * abs(temperature), space) / _white(D65_MIREDS, space)
    factors = warm if temperature >= 0 else 1 / warm
    factors = factors * np.array([1.0, 2.0 ** (-TINT_STOPS * tint), 1.0])
    factors /= float(factors @ np.array(space.weights))
    return tuple(float(f) for f in factors)  # pyright: ignore[reportReturnType]


def _white(mireds: float, space: Space) -> NDArray[np.float64]:
    """Linear RGB of a black body's light (the approximation of Kim and others for 1667 to 25000 K)."""
    t = mireds / 1000  # 1000 / K
    if t > 0.25:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if t > 1 / 2.222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif t > 0.25:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return np.maximum(space.from_xyz @ np.array([x / y, 1.0, (1 - x - y) / y]), 0.02)


def pick_white(pixels: Pixels, x: int, y: int, icc: bytes | None = None) -> tuple[float, float] | None:
    """Temperature and tint (-1..1) that make the surroundings of a pixel gray; None where they are black.

    pixels: H×W×3 RGB, uint8 or uint16, before any adjustment.
    """
    top, left = max(0, y - PICK_RADIUS), max(0, x - PICK_RADIUS)
    part = pixels[top : y + PICK_RADIUS + 1, left : x + PICK_RADIUS + 1].reshape(-1, 3)
    if not part.size:
        return None
    space = light.space(icc)
    red, green, blue = (float(space.light(k, pixels.dtype)[part[:, k]].mean()) for k in range(3))
    if min(red, green, blue) < 1e-4:
        return None
    low, high = -1.0, 1.0
    for _ in range(40):  # a warmer photo has more red than blue, so this is a root of a rising function
        middle = (low + high) / 2
        r, _, b = gains(middle, 0, icc)
        low, high = (middle, high) if red * r < blue * b else (low, middle)
    r, g, _ = gains(low, 0, icc)
    tint = math.log2(green * g / (red * r)) / TINT_STOPS
    return round(low, 3), round(min(1.0, max(-1.0, tint)), 3)


# Tone ---------------------------------------------------------------------------------------------------------------


def tone(values: NDArray[np.float64], settings: Adjustments) -> NDArray[np.float64]:
    """The tone curve on lightness (sRGB-like, 1 = white, may exceed it), any shape, float64. Black stays black."""
    p = values
    contrast = 0.75 * settings.contrast
    inside = np.minimum(p, 1.0)
    # A wave around middle gray: black and white keep their places, the curve never falls.
    p = inside - contrast * np.sin(2 * np.pi * inside) / (2 * np.pi) + (p - inside) * (1 - contrast)
    inside = np.minimum(p, 1.0)
    p = p + (1.5 if settings.shadows > 0 else 0.9) * settings.shadows * inside * (1 - inside) ** 3
    inside = np.minimum(p, 1.0)
    if settings.highlights < 0:
        above = np.maximum(p - 0.5, 0)
        p = np.minimum(p, 0.5) + above / (1 - 0.8 * settings.highlights * above)
    else:
        p = p + 0.9 * settings.highlights * (1 - inside) * inside**3
    return p


def _tone_gain(settings: Adjustments) -> Light | None:
    """Square root of luminance ÷ CEILING (STEPS entries) → factor of linear light; None: the tone stays."""
    if not (settings.contrast or settings.highlights or settings.shadows):
        return None
    before = CEILING * np.linspace(0, 1, STEPS) ** 2
    before[0] = before[1] / 4  # the limit at black
    after = srgb.linear(tone(srgb.encoded(before), settings))
    return (after / before).astype(np.float32)


# The whole ----------------------------------------------------------------------------------------------------------


def adjust(
    pixels: Pixels,
    settings: Adjustments,
    icc: bytes | None = None,
    mask: Mask | None = None,
    *,
    scale: float = 1.0,
    checkpoint: Callable[[], None] = lambda: None,
) -> Pixels:
    """Adjusted pixels (H×W×3 RGB, uint8 or uint16, as the input; read-only input stays unchanged).

    icc: the profile of the pixels (None: sRGB). mask: H×W uint8; where it is 0 every pixel stays identical. scale: of
    pixels to those of the photo, for previews: sharpening has its radius in the photo. checkpoint is called between
    bands and may raise.
    """
    made = _Maker(settings, light.space(icc), icc, pixels.dtype)
    colored: Any = np.empty_like(pixels)

    def color(start: int, end: int) -> None:
        colored[start:end] = made.colored(pixels[start:end])

    light.in_bands(color, pixels.shape, checkpoint)
    sigma = SHARPEN_SIGMA * scale
    is_sharpened = settings.sharpen > 0 and sigma > MIN_SIGMA
    if not is_sharpened and mask is None:
        return colored
    out: Any = np.empty_like(pixels)
    margin = math.ceil(4 * sigma)

    def finish(start: int, end: int) -> None:
        changed = colored[start:end]
        if is_sharpened:
            first = max(0, start - margin)
            near = sharpened(colored[first : end + margin], settings.sharpen, sigma)
            changed = near[start - first : end - first]
        out[start:end] = changed if mask is None else mixed(pixels[start:end], changed, mask[start:end])

    light.in_bands(finish, pixels.shape, checkpoint, SHARPEN_BAND)
    return out


class _Maker:
    """The tables of one set of adjustments for pixels of one depth."""

    def __init__(self, settings: Adjustments, space: Space, icc: bytes | None, dtype: np.dtype[Any]) -> None:
        self._space = space
        factors = np.array(gains(settings.temperature, settings.tint, icc)) * 2.0**settings.exposure
        neutral = not (settings.temperature or settings.tint or settings.exposure)
        # Linear light of each device value, after exposure and white balance.
        decoded = [space.light(k, dtype) for k in range(3)]
        self._light = decoded if neutral else [table * np.float32(factors[k]) for k, table in enumerate(decoded)]
        self._values = [space.values(k, dtype) for k in range(3)]
        self._gain = _tone_gain(settings)
        self._saturation = 0.0 if settings.black_and_white else 1 + settings.saturation
        self._is_neutral = neutral
        self._direct = self._gain is None and self._saturation == 1
        self._tables = [self._encode(table, k) for k, table in enumerate(self._light)] if self._direct else []

    def colored(self, part: Any) -> Any:
        """A part (H×W×3) with light and color changed."""
        if self._direct:
            if self._is_neutral:
                return part
            return np.stack([table[part[..., k]] for k, table in enumerate(self._tables)], -1)
        red, green, blue = (np.take(table, part[..., k]) for k, table in enumerate(self._light))
        wr, wg, wb = (np.float32(w) for w in self._space.weights)
        luminance = red * wr
        luminance += green * wg
        luminance += blue * wb
        gain = None if self._gain is None else np.take(self._gain, light.index(luminance, CEILING))
        out = np.empty_like(part)
        if self._saturation == 0:
            gray = luminance if gain is None else np.multiply(luminance, gain, out=luminance)
            for k in range(3):
                out[..., k] = self._encode(gray, k)
            return out
        for k, channel in enumerate((red, green, blue)):
            if self._saturation != 1:
                channel -= luminance
                channel *= np.float32(self._saturation)
                channel += luminance
            if gain is not None:
                channel *= gain
            out[..., k] = self._encode(channel, k)
        return out

    def _encode(self, values: Light, channel: int) -> Any:
        return np.take(self._values[channel], light.index(values))


def sharpened(pixels: Any, amount: float, sigma: float) -> Any:
    """Pixels (H×W×3, uint8 or uint16) with more local contrast of their luminance; amount 0..1, sigma in pixels.

    Colors shift together, so no colored fringes appear.
    """
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    detail = luma - cv2.GaussianBlur(luma, (0, 0), sigma)
    detail *= np.float32(SHARPEN_AMOUNT * amount)
    depth = cv2.CV_8U if pixels.dtype == np.uint8 else cv2.CV_16U
    return cv2.add(pixels, cv2.merge([detail, detail, detail]), dtype=depth)  # rounds and saturates


def mixed(before: Any, after: Any, mask: Mask) -> Any:
    """H×W×3 pixels (uint8 or uint16) between `before` (mask 0) and `after` (mask 255); exact at both ends."""
    if (mask == 255).all():
        return after
    share = mask[..., None].astype(np.float32) / np.float32(255)
    between = np.rint(before + share * (after.astype(np.float32) - before)).astype(before.dtype)
    return np.where(mask[..., None] == 0, before, between)
