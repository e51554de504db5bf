"""Select a part of a photo, keep it, and change nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from clarity_desktop.messages import ModelMissing, Selected, UserError
from clarity_desktop.values import Adjustments, Bounds
from tests.fakes import HALVES

from .user import Sitting, User

BOX = (slice(60, 110), slice(70, 140))


def scene(path: Path) -> Path:
    """An orange box on gray-blue, 200 × 150."""
    rng = np.random.default_rng(0)
    pixels = np.full((150, 200, 3), (90, 105, 120), np.int16)
    pixels[BOX] = (220, 130, 40)
    Image.fromarray((pixels + rng.integers(-3, 4, pixels.shape)).clip(0, 255).astype(np.uint8)).save(path)
    return path


def point(user: User, x: float, y: float) -> object:
    return user.shown.canvas.view.widget_point(x, y).toPoint()


async def click(user: User, x: float, y: float, keys: object = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.mouseClick(user.shown.canvas, Qt.MouseButton.LeftButton, keys, point(user, x, y))
    await user.idle()


def selected(user: User) -> np.ndarray:
    """What is selected: H×W of bool."""
    region = user.shown.selection.now.region
    assert region is not None
    return region.full() > 127


async def test_a_click_selects_an_object_that_alone_is_restored(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        before = (await user.pixels()).copy()
        await user.click("select_click")
        await click(user, 100, 80)
        mask, truth = selected(user), np.zeros((150, 200), np.bool_)
        truth[BOX] = True
        assert (mask & truth).sum() / (mask | truth).sum() > 0.9
        assert "Clarity Click" in user.window.regions.engine.text()
        user.window.regions.restore.click()
        await user.restore("derain")
        after = await user.pixels()
        region = user.shown.selection.now.region
        assert region is not None
        assert np.array_equal(after[region.full() == 0], before[region.full() == 0])
        assert after[85, 105].sum() < before[85, 105].sum() * 0.6
        assert np.array_equal(selected(user), mask)
        await user.click("undo")
        assert np.array_equal(await user.pixels(), before)
        await user.click("undo")
        assert user.shown.selection.now.region is None


async def test_the_object_is_adjusted_alone_and_the_values_can_be_changed_later(
    sit_down: Sitting, tmp_path: Path
) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        before = (await user.pixels()).copy()
        await user.click("select_click")
        await click(user, 100, 80)
        user.window.regions.adjust.click()
        outside = user.brightness(0.1)
        user.window.adjust.use(Adjustments(exposure=-1.0))
        await user.idle()
        assert abs(user.brightness(0.1) - outside) < 2  # the preview, too, changes the selection alone
        for exposure in (-1.0, 0.5):
            user.window.adjust.use(Adjustments(exposure=exposure))
            user.window.adjust.apply.click()
            await user.idle()
            after, mask = await user.pixels(), selected(user)
            assert np.array_equal(
                after[~mask & (np.indices(mask.shape)[1] < 60)], before[~mask & (np.indices(mask.shape)[1] < 60)]
            )
            assert (after[85, 105].astype(int) > before[85, 105]).any() == (exposure > 0)
            assert user.window.adjust.values() == Adjustments(exposure=exposure)
        assert [v.step.kind for v in user.versions] == ["open", "adjust", "adjust"]
        assert user.head.step.region is not None


async def test_regions_are_kept_in_the_project(sit_down: Sitting, tmp_path: Path) -> None:
    project = tmp_path / "scene.clarity"
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        await user.click("select_click")
        await click(user, 100, 80)
        user.window.regions.keep.click()
        await user.idle()
        item = user.window.regions.regions.topLevelItem(0)
        assert item is not None
        item.setText(0, "The box")
        await user.idle()
        mask = selected(user)
        await user.save(project)
    async with sit_down() as user:
        await user.open(project)
        item = user.window.regions.regions.topLevelItem(0)
        assert item is not None
        assert item.text(0) == "The box"
        user.window.regions.regions.setCurrentItem(item)
        QTest.keyClick(user.window.regions.regions, Qt.Key.Key_Return)
        await user.idle()
        assert np.array_equal(selected(user), mask)


async def test_brush_lasso_words_and_edges_change_the_mask(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        await user.click("brush")
        canvas = user.shown.canvas
        canvas.brush.set_shape(20, 0)
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point(user, 20, 20))
        QTest.mouseMove(canvas, point(user, 60, 20))
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, point(user, 60, 20))
        await user.idle()
        assert selected(user)[20, 40]
        assert not selected(user)[50, 40]
        user.window.regions.pixels.setValue(6)
        user.window.regions.edges["grow"].click()
        await user.idle()
        assert selected(user)[34, 40]
        await user.click("undo")
        assert not selected(user)[34, 40]
        user.window.regions.words.setText("the left half")
        QTest.keyClick(user.window.regions.words, Qt.Key.Key_Return)
        await user.idle()
        assert selected(user)[:, :99].all()
        assert not selected(user)[:, 101:].any()
        await user.click("select_invert")
        assert selected(user)[:, 101:].all()


async def test_words_that_need_a_model_say_so_and_change_nothing(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        user.window.regions.words.setText("both cars")
        user.window.regions.find_button.click()
        await user.idle()
        assert any(isinstance(error, ModelMissing) for error in user.link.errors)
        assert user.texts() == ["To find “both cars”, Clarity needs YOLOX-Nano (3.7 MB)."]
        user.window.regions.words.setText("")
        user.window.regions.select.click()
        await user.idle()
        assert any(isinstance(error, UserError) for error in user.link.errors)
        assert user.reads("regions.no_words")
        assert user.shown.selection.now.region is None


async def test_an_object_is_removed_by_a_key(sit_down: Sitting, tmp_path: Path, install: Callable[..., None]) -> None:
    install(replace(HALVES, id="filling", tasks=("inpaint",), needs_mask=True))
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        before = (await user.pixels()).copy()
        await user.click("select_click")
        await click(user, 100, 80)
        QTest.keyClick(user.shown.canvas, Qt.Key.Key_Delete)
        await user.idle()
        after = await user.pixels()
        assert user.head.step.task == "inpaint"
        assert not np.array_equal(after[BOX], before[BOX])
        assert np.array_equal(after[:40], before[:40])


async def test_clicks_with_the_keyboard_alone(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        await user.click("select_click")
        for key in (Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return):
            QTest.keyClick(user.shown.canvas, key)
        await user.idle()
        assert len(user.events(Selected)) == 1
        assert selected(user).any()


async def test_words_change_parts_and_then_only_what_is_selected(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        before = (await user.pixels()).copy()
        await user.say("darken the top third and remove the rain from the bottom third")
        parts = await user.pixels()
        assert np.array_equal(parts[55:95], before[55:95])
        assert parts[10].mean() < before[10].mean()
        assert parts[140].mean() < before[140].mean()
        await user.click("select_click")
        await click(user, 100, 80)
        mask = selected(user)
        await user.say("the same, but only here")
        only = await user.pixels()
        assert np.array_equal(only[~mask], before[~mask])
        assert only[85, 105].sum() < before[85, 105].sum()
        assert np.array_equal(selected(user), mask)
        await user.say("the rest too")
        assert (await user.pixels())[[10, 80, 140]].mean() < before[[10, 80, 140]].mean()
        await user.say("darken the zebra and remove the rain")
        assert user.shown.turns[-1].question == user.shown.head


async def test_the_selection_and_kept_regions_follow_the_photo(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        await user.click("select_click")
        await click(user, 100, 80)
        mask = selected(user)
        user.window.regions.keep.click()
        await user.idle()
        await user.click("flip_horizontal")
        assert np.array_equal(selected(user), mask[:, ::-1])
        await user.click("rotate_right")
        assert np.array_equal(selected(user), np.rot90(mask[:, ::-1], -1))
        await user.click("undo")
        await user.click("undo")
        assert np.array_equal(selected(user), mask)
        user.window.edit_commands.crop_to(Bounds(90, 70, 100, 70))
        await user.idle()
        assert np.array_equal(selected(user), mask[70:140, 90:190])
        user.window.select_commands.clear()
        item = user.window.regions.regions.topLevelItem(0)
        assert item is not None
        user.window.regions.regions.setCurrentItem(item)
        QTest.keyClick(user.window.regions.regions, Qt.Key.Key_Return)
        await user.idle()
        assert np.array_equal(selected(user), mask[70:140, 90:190])
        for _ in range(3):  # the opening, the clearing, the crop
            await user.click("undo")
        assert user.head.step.kind == "open"
        assert np.array_equal(selected(user), mask)


async def test_a_selection_of_no_kept_region_follows_the_photo(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        await user.click("select_click")
        await click(user, 100, 80)
        mask = selected(user)
        await user.click("copy_region")
        user.window.edit_commands.crop_to(Bounds(90, 70, 100, 70))
        await user.idle()
        assert np.array_equal(selected(user), mask[70:140, 90:190])
        user.window.select_commands.clear()
        await user.click("paste_region")
        assert np.array_equal(selected(user), mask[70:140, 90:190])
        for _ in range(3):  # the pasting, the clearing, the crop
            await user.click("undo")
        assert user.head.step.kind == "open"
        assert np.array_equal(selected(user), mask)


async def test_nothing_is_selected_where_a_crop_cut_the_selection_away(sit_down: Sitting, tmp_path: Path) -> None:
    async with sit_down() as user:
        await user.open(scene(tmp_path / "scene.png"))
        await user.click("select_click")
        await click(user, 100, 80)
        mask, texts = selected(user), user.texts()
        user.window.edit_commands.crop_to(Bounds(0, 0, 60, 50))
        await user.idle()
        assert user.shown.selection.now.region is None
        assert user.texts() == texts
        await user.click("undo")
        assert np.array_equal(selected(user), mask)
