"""Light and color: previewed while a slider moves, made into versions, undone, copied; strength after the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from clarity_desktop.backend.adjust import adjust
from clarity_desktop.messages import Adjust, Preview, Restore, SetStrength
from clarity_desktop.values import Adjustments, adjustments_of

from .user import Sitting, User


def drag(user: User, name: str, value: int) -> None:
    user.window.adjust.sliders[name].setValue(value)


async def test_a_slider_shows_its_effect_before_a_version_is_made(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(90, 90, 90)))
        original, before = user.head.id, user.brightness()
        await user.click("adjust")
        for value in (20, 60, 100):
            drag(user, "exposure", value)
        await user.idle()
        assert user.head.id == original
        assert user.brightness() > before + 25
        assert user.window.adjust.histogram.histogram is not None
        user.window.adjust.apply.click()
        await user.idle()
        assert user.head.step.kind == "adjust"
        assert adjustments_of(user.head.step.settings) == Adjustments(exposure=1.0)
        assert abs(int((await user.pixels())[0, 0, 0]) - 125) <= 2
        assert user.brightness() > before + 25
        await user.click("undo")
        assert user.head.id == original
        assert abs(user.brightness() - before) < 2
        assert user.window.adjust.values() == Adjustments()


async def test_the_photo_without_the_change_is_shown_while_before_is_on(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(90, 90, 90)))
        plain = user.brightness()
        drag(user, "exposure", 100)
        await user.idle()
        changed = user.brightness()
        await user.click("before")
        assert abs(user.brightness() - plain) < 2
        await user.click("before")
        assert abs(user.brightness() - changed) < 2
        assert user.texts() == []


async def test_a_second_adjustment_replaces_the_first(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        original = (await user.pixels()).copy()
        drag(user, "exposure", 80)
        user.window.adjust.apply.click()
        await user.idle()
        first = user.head.id
        drag(user, "exposure", 0)
        drag(user, "contrast", 1)
        drag(user, "contrast", 0)
        drag(user, "saturation", 30)
        user.window.adjust.apply.click()
        await user.idle()
        assert adjustments_of(user.head.step.settings) == Adjustments(saturation=0.3)
        assert np.array_equal(await user.pixels(), adjust(original, Adjustments(saturation=0.3)))
        await user.click("undo")
        assert user.head.id == first
        assert user.window.adjust.values() == Adjustments(exposure=0.8)


async def test_escape_and_enter_work_in_the_panel_and_on_the_photo(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(90, 90, 90)))
        before = user.brightness()
        for widget in (user.window.adjust.sliders["exposure"], user.shown.canvas):
            drag(user, "exposure", 100)
            await user.idle()
            assert user.brightness() > before + 25
            QTest.keyClick(widget, Qt.Key.Key_Escape)
            await user.idle()
            assert abs(user.brightness() - before) < 2
            assert user.window.adjust.values() == Adjustments()
        drag(user, "contrast", 20)
        QTest.keyClick(user.window.adjust.numbers["contrast"], Qt.Key.Key_Return)
        await user.idle()
        assert [v.step.kind for v in user.versions] == ["open", "adjust"]
        drag(user, "contrast", 40)
        QTest.keyClick(user.shown.canvas, Qt.Key.Key_Return)
        await user.idle()
        assert [v.step.kind for v in user.versions] == ["open", "adjust", "adjust"]


async def test_values_that_are_not_applied_stay_with_their_photo(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        first = await user.open(picture("a.png"))
        drag(user, "exposure", 50)
        await user.open(picture("b.png"))
        assert user.window.adjust.values() == Adjustments()
        user.window.photos.select(first)
        await user.idle()
        assert user.window.adjust.values() == Adjustments(exposure=0.5)
        await user.click("rotate_right")
        assert user.window.adjust.values() == Adjustments(exposure=0.5)
        user.window.adjust.apply.click()
        await user.idle()
        assert [v.step.kind for v in user.versions] == ["open", "rotate", "adjust"]


async def test_a_gray_point_is_picked_on_the_photo(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(150, 130, 100)))
        user.window.adjust.pick.click()
        canvas = user.shown.canvas
        assert canvas.has_active_tool
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(canvas.width() // 2, canvas.height() // 2))
        await user.idle()
        assert not user.window.adjust.pick.isChecked()
        assert user.window.adjust.values().temperature < 0
        user.window.adjust.apply.click()
        await user.idle()
        assert np.ptp((await user.pixels())[20, 20].astype(int)) <= 3


async def test_adjustments_are_copied_and_saved_as_presets(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture("a.png"))
        assert not user.window.action["paste_adjustments"].isEnabled()
        drag(user, "contrast", 40)
        user.window.adjust.black_and_white.setChecked(True)
        user.window.adjust.apply.click()
        await user.idle()
        await user.click("copy_adjustments")
        user.window.adjust_commands.save_preset(" Mine ", user.window.adjust.values())
        await user.open(picture("b.png"))
        await user.click("paste_adjustments")
        expected = Adjustments(contrast=0.4, black_and_white=True)
        assert adjustments_of(user.head.step.settings) == expected
        await user.click("undo")
        menu = user.window.adjust.presets_menu
        [own] = [action for action in menu.actions() if action.text() == "Mine"]
        own.trigger()
        assert user.window.adjust.values() == expected
        await user.idle()
        assert user.window.session.settings.presets == {"Mine": {"contrast": 0.4, "black_and_white": True}}


async def test_what_the_chat_adjusts_is_a_version_too(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture())
        await user.say("make it warmer")
        assert adjustments_of(user.head.step.settings).temperature == 0.5
        await user.say("make it black and white")
        settings = adjustments_of(user.head.step.settings)
        assert settings.black_and_white
        assert settings.temperature == 0.5


async def test_strength_blends_a_finished_result(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(200, 200, 200)))
        await user.restore("derain")
        full, shown = user.head.id, user.brightness()
        slider = user.window.restore.strength
        slider.setValue(50)
        await user.wait_for(lambda: user.brightness() > shown + 20)
        assert user.head.id == full
        await user.wait_for(lambda: user.head.id != full)
        await user.idle()
        assert user.head.step.strength == 0.5
        half = int((await user.pixels())[0, 0, 0])
        assert 150 < half < 165  # half of the light of 200 and 100
        assert len([r for r in user.link.requests if isinstance(r, Restore)]) == 1
        slider.setValue(100)
        await user.wait_for(lambda: user.head.step.strength == 1)
        await user.idle()
        assert np.array_equal(await user.pixels(), await user.pixels(full))
        await user.click("undo")
        assert user.head.step.strength == 0.5
        assert slider.value() == 50
        await user.click("undo")
        assert user.head.id == full
        assert slider.value() == 100


async def test_a_run_at_less_than_full_strength_can_be_made_stronger(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(200, 200, 200)))
        original = user.head.id
        user.window.restore.choose("derain")
        user.window.restore.strength.setValue(40)
        await user.restore("derain")
        assert user.head.step.strength == 0.4
        assert [v.id for v in user.versions] == [original, user.head.id]
        weak = (await user.pixels()).copy()
        user.window.restore.strength.setValue(100)
        await user.wait_for(lambda: user.head.step.strength == 1)
        await user.idle()
        assert int((await user.pixels())[0, 0, 0]) == 100
        user.window.restore.strength.setValue(40)
        await user.wait_for(lambda: user.head.step.strength == 0.4)
        await user.idle()
        assert np.array_equal(await user.pixels(), weak)
        for _ in range(3):
            await user.click("undo")
        assert user.head.id == original
        assert len([r for r in user.link.requests if isinstance(r, Restore)]) == 1
        assert len([r for r in user.link.requests if isinstance(r, SetStrength)]) == 2
        # Of another task the slider changes nothing but the next run.
        user.window.restore.choose("dehaze")
        user.window.restore.strength.setValue(70)
        await user.idle()
        assert user.head.id == original


async def test_one_preview_runs_at_a_time_and_the_newest_is_shown(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture())
        for value in range(60):
            drag(user, "exposure", value)
        assert user.running().count("Preview") == 1
        await user.idle()
        previews = [r for r in user.link.requests if isinstance(r, Preview)]
        assert len(previews) < 10
        assert previews[-1].change == Adjustments(exposure=0.59)
        assert not any(isinstance(r, Adjust) for r in user.link.requests)


async def test_a_slider_that_is_moved_on_while_a_version_is_made_is_not_forgotten(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(color=(90, 90, 90)))
        drag(user, "exposure", 50)
        user.window.adjust.apply.click()
        drag(user, "exposure", 80)
        await user.idle()
        assert adjustments_of(user.head.step.settings) == Adjustments(exposure=0.5)
        assert user.window.adjust.values() == Adjustments(exposure=0.8)
        assert user.window.adjust.apply.isEnabled()


async def test_the_strength_of_one_photo_does_not_pass_on_to_another(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture("first.png"))
        await user.restore("derain")
        user.window.restore.strength.setValue(50)
        await user.wait_for(lambda: user.head.step.strength == 0.5)
        await user.idle()
        await user.open(picture("second.png"))
        assert user.window.restore.strength.value() == 100
        await user.click("previous_photo")
        assert user.window.restore.strength.value() == 50
