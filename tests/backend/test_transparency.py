"""Colors under alpha 0 influence nothing that can be seen; a gray photo stays gray; masks with alpha are read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from clarity_desktop import cli
from clarity_desktop.backend import methods
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.pictures import encode, fill_transparent, with_hidden
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import ApplyTransform, Improve, Opened, Restore
from clarity_desktop.settings import Settings
from clarity_desktop.values import Bounds, ExportOptions, Finding, Picture, Region, RestoreParams, Straighten, is_gray
from tests.fakes import HALVES, WarmDecoder, detection

MAGENTA, GREEN = (255, 0, 255), (0, 255, 0)


def _load_smear(_weights: Any, _place: Any, _task: Any) -> Any:
    """A blur that tints: what is near, and in other channels, shows."""

    def run(tile: Any, _mask: Any, _job: Any) -> Any:
        return cv2.blur(tile, (9, 9)) * np.array([1, 0.8, 0.9], np.float32)

    return run


SMEAR = replace(HALVES, id="smear", tasks=("derain",), load=_load_smear, overlap=8, tile=64)


@pytest.fixture
def smear(monkeypatch: pytest.MonkeyPatch, plain_methods: None) -> Iterator[None]:
    """Derain is done by `SMEAR`."""
    monkeypatch.delitem(methods.METHODS, HALVES.id)
    monkeypatch.setitem(methods.METHODS, SMEAR.id, SMEAR)
    methods.all_methods.cache_clear()
    yield
    methods.all_methods.cache_clear()


def cutout(photo: Any, hidden: tuple[int, int, int], depth: int = 8) -> np.ndarray:
    """RGBA 120×160: a translucent-edged disc of a photo; elsewhere alpha 0 over the color `hidden`."""
    top = 255 if depth == 8 else 65535
    alpha = np.zeros((120, 160), np.uint8)
    cv2.circle(alpha, (80, 60), 45, 255, -1, cv2.LINE_AA)
    color = photo(160, 120, depth=depth)
    color[alpha == 0] = np.array(hidden) * (top // 255)
    return np.dstack([color, alpha.astype(color.dtype) * (top // 255)])


def write(path: Path, pixels: np.ndarray) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))
    return path


def read(path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA)


@pytest.mark.parametrize("depth", [8, 16])
def test_a_filling_depends_on_what_is_visible_only(photo, depth) -> None:
    one, other = (cutout(photo, hidden, depth) for hidden in (MAGENTA, GREEN))
    alpha = one[..., 3]
    filled = fill_transparent(one[..., :3], alpha)
    assert np.array_equal(filled, fill_transparent(other[..., :3], alpha))
    assert np.array_equal(filled[alpha > 0], one[..., :3][alpha > 0])
    assert filled.dtype == one.dtype
    seen = filled[alpha > 0]
    assert (filled >= seen.min(0)).all()
    assert (filled <= seen.max(0)).all()
    assert np.array_equal(with_hidden(filled, other[..., :3], alpha), other[..., :3])


def test_a_gray_surrounding_gives_a_gray_filling(photo) -> None:
    picture = cutout(photo, MAGENTA)
    gray = np.repeat(picture[..., :1], 3, axis=2)
    gray[picture[..., 3] == 0] = MAGENTA
    assert is_gray(fill_transparent(gray, picture[..., 3]))


@pytest.mark.parametrize("value", [0, 255])
def test_pixels_that_are_all_visible_or_all_hidden_stay_as_they_are(photo, value) -> None:
    pixels = photo(40, 30)
    alpha = np.full((30, 40), value, np.uint8)
    assert fill_transparent(pixels, alpha) is pixels
    assert fill_transparent(pixels, None) is pixels


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("task", ["derain", "auto"])
def test_hidden_colors_have_no_influence_on_a_result_of_the_command(
    smear, detector, scorer, judge, photo, tmp_path, capsys, depth, task
) -> None:
    detector.finds = lambda _pixels: detection({"rain streak": Finding(0.9 / len(detector.asked), 0.8)})

    def make_studio(own: Settings) -> Studio:
        return Studio(own, decoder=WarmDecoder(own), detector=detector, scorer=scorer, judge=judge, models=ModelCache())

    results: list[np.ndarray] = []
    for name, hidden in (("a", MAGENTA), ("b", GREEN)):
        detector.asked.clear()
        source = write(tmp_path / f"{name}.png", cutout(photo, hidden, depth))
        out = tmp_path / f"{name}_out.png"
        words = ["restore", str(source), "-o", str(out), "--task", task]
        assert cli.main(words, make_studio) == 0
        results.append(read(out))
        assert np.array_equal(results[-1][results[-1][..., 3] == 0], read(source)[results[-1][..., 3] == 0])
        assert not np.array_equal(results[-1], read(source))
        assert not (detector.asked[0] == np.array(hidden) * (results[-1].max() // 255)).all(2).any()
    visible = results[0][..., 3] > 0
    assert np.array_equal(results[0][visible], results[1][visible])
    capsys.readouterr()


@pytest.mark.parametrize("depth", [8, 16])
def test_an_enlarged_cutout_stays_one(photo, tmp_path, capsys, depth) -> None:
    source, out = write(tmp_path / "a.png", cutout(photo, MAGENTA, depth)), tmp_path / "out.png"
    assert cli.main(["restore", str(source), "-o", str(out), "--task", "upscale", "--method", "lanczos-2x"]) == 0
    small, large = read(source), read(out)
    assert large.shape == (2 * small.shape[0], 2 * small.shape[1], 4)
    assert abs(large[..., 3].mean() - small[..., 3].mean()) < 0.02 * small[..., 3].max()
    capsys.readouterr()


@pytest.mark.parametrize("how", ["whole", "region", "auto"])
def test_hidden_colors_have_no_influence_on_a_version(
    smear, studio, detector, scorer, recorder, photo, tmp_path, how
) -> None:
    detector.finds = lambda _pixels: detection({"rain streak": Finding(0.9, 0.8)})
    analyzed: list[np.ndarray] = []
    versions: list[np.ndarray] = []
    for name, hidden in (("a", MAGENTA), ("b", GREEN)):
        detector.asked.clear()
        source = write(tmp_path / f"{name}.png", cutout(photo, hidden))
        document = asyncio.run(studio.open(source, recorder.job()))
        card = recorder.last(Opened).card
        if how == "auto":
            from clarity_desktop.backend.auto.loop import improve_document

            asyncio.run(improve_document(studio, Improve(card.id, card.head, confirmed=True), recorder.job()))
        else:
            region = Region.rectangle(Bounds(20, 30, 100, 60), 160, 120) if how == "region" else None
            params = RestoreParams("derain", region=region)
            asyncio.run(studio.restore(Restore(card.id, card.head, params), recorder.job()))
        made = document.card().versions[-1].id
        versions.append(document.pixels(made))
        analyzed.append(np.stack(detector.asked))
        hidden_there = document.alpha(made) == 0
        assert (versions[-1][hidden_there] == hidden).all()
    assert len(analyzed[0]) >= 2
    assert np.array_equal(analyzed[0], analyzed[1])
    assert np.array_equal(versions[0][~hidden_there], versions[1][~hidden_there])


def test_hidden_colors_do_not_bleed_while_straightening(studio, recorder, photo, tmp_path) -> None:
    turned: list[np.ndarray] = []
    for name, hidden in (("a", MAGENTA), ("b", GREEN)):
        source = write(tmp_path / f"{name}.png", cutout(photo, hidden))
        document = asyncio.run(studio.open(source, recorder.job()))
        card = recorder.last(Opened).card
        made = asyncio.run(studio.change(ApplyTransform(card.id, card.head, Straighten(7.0)), recorder.job()))
        turned.append(document.pixels(made.id)[document.alpha(made.id) > 0])
    assert np.array_equal(turned[0], turned[1])


@pytest.mark.parametrize("depth", [8, 16])
def test_the_alpha_of_a_mask_counts(plain_methods, detector, scorer, photo, tmp_path, depth) -> None:
    top, dtype = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    source, mask, out = tmp_path / "photo.png", tmp_path / "mask.png", tmp_path / "out.png"
    Image.fromarray(photo(160, 120)).save(source)
    drawn = np.zeros((120, 160, 4), dtype)
    drawn[..., :3] = top  # white, also where it is transparent
    drawn[30:90, 40:120, 3] = top
    write(mask, drawn)
    words = ["restore", str(source), "-o", str(out), "--task", "derain", "--mask", str(mask)]
    assert (
        cli.main(
            words,
            lambda own: Studio(own, decoder=WarmDecoder(own), detector=detector, scorer=scorer, models=ModelCache()),
        )
        == 0
    )
    changed = (read(source) != read(out)).any(2)
    assert not changed[drawn[..., 3] == 0].any()
    assert changed[30:90, 40:120].mean() > 0.9


# Saved as gray -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("form", ["png", "tiff", "jpeg", "bmp"])
def test_a_gray_photo_is_saved_as_gray(photo, tmp_path, depth, alpha, form) -> None:
    light = photo(60, 40, depth=depth)[..., 0]
    opacity = np.flipud(light).copy() if alpha else None
    pixels = np.repeat(light[..., None], 3, axis=2)
    suffix = {"tiff": "tif", "jpeg": "jpg"}.get(form, form)
    options = ExportOptions(tmp_path / f"a.{suffix}", form, quality=100)
    for mode in ("L", "RGB"):
        options.path.write_bytes(encode(Picture(pixels, opacity, mode=mode), options))
        decoder = WarmDecoder(Settings())
        back = decoder.read(options.path)
        decoder.close()
        assert (back.mode in {"L", "P"}) == (mode == "L")  # a gray BMP has a palette
        assert is_gray(back.pixels)
        if form in {"png", "tiff"}:
            assert np.array_equal(back.pixels, pixels)
            assert opacity is None or np.array_equal(back.alpha, opacity)
    tinted = pixels.copy()
    tinted[10:20, 10:20] = (np.array([0.9, 0.1, 0.3]) * np.iinfo(pixels.dtype).max).astype(pixels.dtype)
    options.path.write_bytes(encode(Picture(tinted, opacity, mode="L"), options))
    decoder = WarmDecoder(Settings())
    assert not is_gray(decoder.read(options.path).pixels)
    decoder.close()


@pytest.mark.parametrize(("form", "off"), [("webp", 1), ("avif", 0), ("heic", 0)])  # WebP's own rounding
def test_a_gray_photo_is_gray_in_formats_without_a_gray_kind_as_well(photo, tmp_path, form, off) -> None:
    pixels = np.repeat(photo(60, 40)[..., :1], 3, axis=2)
    options = ExportOptions(tmp_path / f"a.{form}", form, quality=90)
    options.path.write_bytes(encode(Picture(pixels, mode="L"), options))
    decoder = WarmDecoder(Settings())
    back = decoder.read(options.path).pixels
    decoder.close()
    assert is_gray(back, off)


def test_the_profile_of_a_gray_file_is_gray(tmp_path) -> None:
    from clarity_desktop.backend.pictures import icc

    gray = icc.gray_of(icc.build("Dot gain", icc.SRGB_PRIMARIES, icc.gamma_curve(1.8)))
    assert gray is not None
    assert icc.gray_of(gray) == gray
    pixels = np.repeat(np.arange(48, dtype=np.uint8).reshape(6, 8, 1) * 5, 3, axis=2)
    for name, form in (("a.png", "png"), ("a.tif", "tiff"), ("a.jpg", "jpeg")):
        path = tmp_path / name
        profile = icc.build("Dot gain", icc.SRGB_PRIMARIES, icc.gamma_curve(1.8))
        path.write_bytes(encode(Picture(pixels, icc=profile, mode="L"), ExportOptions(path, form)))
        with Image.open(path) as image:
            stored = image.info["icc_profile"]
        assert (stored[16:20], icc.parse(stored).curve_tag) == (b"GRAY", icc.gamma_curve(1.8))
        decoder = WarmDecoder(Settings())
        assert decoder.read(path).profile == "Dot gain"
        decoder.close()
