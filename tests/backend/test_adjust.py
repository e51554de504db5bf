"""Light and color: what each adjustment does to known values, at both depths, alone and in a part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from clarity_desktop.backend.adjust import adjust, gains, pick_white, tone
from clarity_desktop.backend.pictures import icc, light
from clarity_desktop.values import ADJUSTMENT_RANGES, Adjustments, adjustment_settings, adjustments_of

Photo = Callable[..., np.ndarray]


def flat(*rgb: float, depth: int = 8, size: tuple[int, int] = (20, 30)) -> Any:
    values = np.array(rgb) * (1 if depth == 8 else 257)
    return np.full((*size, 3), values.round(), np.uint8 if depth == 8 else np.uint16)


def linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("depth", [8, 16])
def test_neutral_settings_change_no_bit(photo: Photo, depth: int) -> None:
    pixels = photo(300, 200, depth)
    assert np.array_equal(adjust(pixels, Adjustments()), pixels)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_stop_doubles_the_light(depth: int) -> None:
    out = adjust(flat(100, 60, 30, depth=depth), Adjustments(exposure=1.0))[0, 0] / (255 if depth == 8 else 65535)
    for value, before in zip(out, (100, 60, 30), strict=True):
        assert linear(value) == pytest.approx(2 * linear(before / 255), rel=0.03 if depth == 8 else 0.001)


def test_lower_highlights_bring_back_what_exposure_would_clip() -> None:
    steps = np.repeat(np.arange(180, 256, 5, np.uint8), 3).reshape(1, -1, 3)
    brighter = adjust(steps, Adjustments(exposure=1.0))
    recovered = adjust(steps, Adjustments(exposure=1.0, highlights=-1.0))
    assert (brighter[0, :, 0] == 255).sum() > 10
    assert (recovered[0, :, 0] == 255).sum() <= 1
    assert (np.diff(recovered[0, :, 0].astype(int)) >= 0).all()


@pytest.mark.parametrize("contrast", [-1.0, 1.0])
@pytest.mark.parametrize("highlights", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("shadows", [-1.0, 0.0, 1.0])
def test_the_tone_curve_never_falls_and_keeps_black(contrast: float, highlights: float, shadows: float) -> None:
    settings = Adjustments(contrast=contrast, highlights=highlights, shadows=shadows)
    curve = tone(np.linspace(0, 2, 2001), settings)
    assert curve[0] == 0
    assert (np.diff(curve) > 0).all()


def test_shadows_and_highlights_change_their_own_end() -> None:
    dark, bright = flat(40, 40, 40), flat(220, 220, 220)
    lifted = Adjustments(shadows=0.8)
    assert adjust(dark, lifted)[0, 0, 0] > 55
    assert adjust(bright, lifted)[0, 0, 0] <= 221
    lowered = Adjustments(highlights=-0.8)
    assert adjust(bright, lowered)[0, 0, 0] < 205
    assert adjust(dark, lowered)[0, 0, 0] == 40


def test_contrast_spreads_around_the_middle() -> None:
    assert adjust(flat(60, 60, 60), Adjustments(contrast=0.5))[0, 0, 0] < 50
    assert adjust(flat(190, 190, 190), Adjustments(contrast=0.5))[0, 0, 0] > 200
    assert adjust(flat(190, 190, 190), Adjustments(contrast=-0.5))[0, 0, 0] < 180


def test_saturation_keeps_the_luminance_and_0_is_gray() -> None:
    pixels = flat(200, 90, 40)
    gray = adjust(pixels, Adjustments(saturation=-1.0))[0, 0]
    assert gray[0] == gray[1] == gray[2]
    assert np.array_equal(gray, adjust(pixels, Adjustments(black_and_white=True, saturation=0.7))[0, 0])
    luminance = np.dot([linear(200 / 255), linear(90 / 255), linear(40 / 255)], light.space(None).weights)
    assert linear(gray[0] / 255) == pytest.approx(luminance, rel=0.02)
    red, _, blue = (int(v) for v in adjust(pixels, Adjustments(saturation=0.3))[0, 0])
    assert red > 200
    assert blue < 40


def test_temperature_and_tint_keep_gray_as_bright_as_it_was() -> None:
    warm, cool = gains(0.6, 0.0), gains(-0.6, 0.0)
    assert warm[0] > 1 > warm[2]
    assert np.array(warm) * np.array(cool) == pytest.approx(np.full(3, warm[0] * cool[0]), rel=1e-6)
    red, green, blue = gains(0.0, 0.8)
    assert red == pytest.approx(blue)
    assert green < red
    for factors in (warm, cool, (red, green, blue)):
        assert np.dot(factors, light.space(None).weights) == pytest.approx(1)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("profile", [None, icc.adobe_rgb()])
@pytest.mark.parametrize("cast", [(150, 130, 100), (110, 130, 150), (140, 120, 140)])
def test_the_picked_point_becomes_gray(depth: int, profile: bytes | None, cast: tuple[int, int, int]) -> None:
    pixels = flat(*cast, depth=depth)
    found = pick_white(pixels, 5, 5, profile)
    assert found is not None
    out = adjust(pixels, Adjustments(temperature=found[0], tint=found[1]), profile)[5, 5].astype(int)
    assert np.ptp(out) <= (2 if depth == 8 else 200)


def test_nothing_is_picked_in_black_or_beside_the_photo() -> None:
    assert pick_white(flat(0, 0, 0), 5, 5) is None
    assert pick_white(flat(90, 90, 90), 500, 500) is None


def test_sharpening_raises_edges_and_leaves_flat_parts() -> None:
    pixels = flat(80, 80, 80, size=(40, 40))
    pixels[:, 20:] = 160
    out = adjust(pixels, Adjustments(sharpen=0.6))
    assert out[20, 19, 0] < 75
    assert out[20, 20, 0] > 165
    assert out[20, 3, 0] == 80
    assert np.array_equal(out[..., 0], out[..., 1])


@pytest.mark.parametrize("depth", [8, 16])
def test_a_mask_limits_the_change(photo: Photo, depth: int) -> None:
    pixels = photo(200, 120, depth)
    mask = np.zeros((120, 200), np.uint8)
    mask[:, 80:120] = np.linspace(0, 255, 40).astype(np.uint8)
    mask[:, 120:] = 255
    settings = Adjustments(exposure=0.5, contrast=0.3, sharpen=0.5)
    out, whole = adjust(pixels, settings, mask=mask), adjust(pixels, settings)
    assert np.array_equal(out[:, :80], pixels[:, :80])
    assert np.array_equal(out[:, 120:], whole[:, 120:])


def test_bands_leave_no_seams(photo: Photo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo of many bands is what its parts are, and the checkpoint can end the work."""
    pixels = np.tile(photo(500, 250), (4, 4, 1))
    settings = Adjustments(contrast=0.4, saturation=0.2, sharpen=1.0)
    out = adjust(pixels, settings)
    part = adjust(np.ascontiguousarray(pixels[300:420]), settings)
    assert np.array_equal(out[310:410], part[10:110])

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        adjust(pixels, settings, checkpoint=stop)


def test_16_bits_are_kept(photo: Photo) -> None:
    ramp = np.arange(20000, 40000, dtype=np.uint16).repeat(3).reshape(1, -1, 3)
    out = adjust(ramp, Adjustments(contrast=0.3, exposure=0.2))
    assert len(np.unique(out[0, :, 0])) > 15000


def test_strength_is_a_blend_in_linear_light(photo: Photo) -> None:
    black, white = flat(0, 0, 0), flat(255, 255, 255)
    assert light.blended(black, white, 0.5)[0, 0].tolist() == [188, 188, 188]
    for depth in (8, 16):
        before = photo(90, 60, depth)
        after = before.copy()
        after[:, 40:] //= 2
        half = light.blended(before, after, 0.5)
        assert np.array_equal(half[:, :40], before[:, :40])
        assert (half[:, 40:].astype(int) <= before[:, 40:]).all()
        assert light.blended(before, after, 1.0) is after
        assert light.blended(before, after, 0.0) is before


def test_adjustments_are_recorded_and_read_back() -> None:
    settings = Adjustments(exposure=-1.5, tint=0.2, black_and_white=True)
    assert adjustment_settings(settings) == {"exposure": -1.5, "tint": 0.2, "black_and_white": True}
    assert adjustments_of(adjustment_settings(settings)) == settings
    hostile = {"exposure": 1e9, "tint": "x", "contrast": True, "black_and_white": 1, "saturation": float("nan"), "n": 1}
    assert adjustments_of(hostile) == Adjustments()
    assert {f.name for f in fields(Adjustments)} - set(ADJUSTMENT_RANGES) == {"black_and_white"}
    with pytest.raises(ValueError, match="exposure must be between -4 and 4"):
        Adjustments(exposure=5)
