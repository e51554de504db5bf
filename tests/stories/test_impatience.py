"""A user who does not wait: closes, quits, saves, deletes and undoes while something runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QMessageBox

from clarity_desktop.messages import Improved, TileDone
from clarity_desktop.values import Finding
from tests.fakes import FakeDetector, detection

from .user import Gate, QuickScorer, Sitting, keys


async def test_a_photo_closed_during_its_restoration_is_gone_and_opens_again(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    photo = picture()
    async with sit_down() as user:
        first = await user.open(photo)
        gate.close(after=2)
        user.start_restoring("dehaze")
        await user.wait_for(lambda: user.events(TileDone))
        user.start("close")  # nothing is unsaved yet, so nothing is asked
        await user.idle()
        assert user.window.current is None
        assert user.texts() == []
        gate.open()
        again = await user.open(photo)
        assert again.id != first.id
        assert len(user.versions) == 1
        await user.restore("dehaze")
        assert len(user.versions) == 2


async def test_quitting_during_a_restoration_keeps_what_was_done_before(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        kept = user.head.id
        gate.close()
        user.start_restoring("dehaze")
        await user.wait_for(gate.reached.is_set)
        user.window.end_session()
    async with sit_down() as user:
        assert len(user.texts()) == 1
        await user.press()
        assert user.head.id == kept
        assert len(user.versions) == 2
        assert user.shown.unsaved


async def test_a_project_saved_during_a_restoration_lacks_only_its_result(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate, tmp_path: Path
) -> None:
    project = tmp_path / "a.clarity"
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        gate.close()
        user.start_restoring("dehaze")
        await user.wait_for(gate.reached.is_set)
        user.window.file_commands.save_to(user.shown, None, project)
        await user.wait_for(lambda: user.shown.project == project and not user.shown.unsaved)
        gate.open()
        await user.idle()
        assert user.head.step.task == "dehaze"
        assert user.shown.unsaved
        user.start("close")
        await user.answer(QMessageBox.ButtonRole.RejectRole)
        assert user.head.step.task == "dehaze"
        await user.click("save")
        await user.click("close")
        assert user.window.current is None
        assert [v.step.task for v in (await user.open(project)).versions.values()] == [None, "derain", "dehaze"]


async def test_a_result_that_is_deleted_while_auto_judges_it_stays_deleted(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector, scorer: QuickScorer
) -> None:
    detector.finds = lambda pixels: detection({"rain streak": Finding(0.9, 0.7)} if pixels.mean() > 90 else None)
    scorer.scores = lambda pixels: 40.0 if pixels.mean() > 90 else 60.0
    async with sit_down() as user:
        await user.open(picture())
        original = user.head.id
        scorer.gate.close()
        user.start("improve")
        await user.wait_for(lambda: user.head.step.task == "derain")
        user.choose(user.head.id)
        user.start("delete")
        await user.wait_for(lambda: user.head.id == original)
        scorer.gate.open()
        await user.idle()
        [done] = user.events(Improved)
        assert "auto.superseded" in keys(done.text)
        assert user.head.id == done.version == original
        assert user.listed() == {original}


async def test_the_user_moves_on_while_a_reply_is_made(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        first = user.head.id
        gate.close()
        user.start_saying("dehaze it")
        await user.wait_for(gate.reached.is_set)
        user.start_saying("how large is it?")
        user.start("undo")
        await user.wait_for(lambda: user.head.parent is None)
        gate.open()
        await user.idle()
        assert user.head.step.task == "dehaze"
        assert user.head.parent == first
        assert sorted(turn.role for turn in user.shown.turns) == ["assistant", "assistant", "user", "user"]
        await user.click("undo")
        assert user.head.id == first


async def test_turns_pressed_fast_are_made_one_after_the_other(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(size=(1200, 900)))
        wanted = await user.pixels()
        turns: list[tuple[str, Callable[[np.ndarray], np.ndarray]]] = [
            ("rotate_right", lambda p: np.rot90(p, -1)), ("rotate_right", lambda p: np.rot90(p, -1)),
            ("flip_horizontal", np.fliplr), ("rotate_left", np.rot90), ("flip_vertical", np.flipud),
        ]  # fmt: skip
        for action, turn in turns:
            user.start(action)
            wanted = turn(wanted)
        await user.wait_for(lambda: len(user.versions) == len(turns) + 1)
        await user.idle()
        assert np.array_equal(await user.pixels(), wanted)
        assert user.head.quality is not None
        for _ in turns:
            await user.click("undo")
        assert user.head.id == user.shown.original
        assert user.head.quality is not None


async def test_restore_pressed_twice_makes_one_version(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate, scorer: QuickScorer
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=(60, 40)))
        gate.close()
        user.start_restoring("dehaze")
        user.start_restoring("dehaze")
        user.shown.canvas.view.zoom_to(40.0)
        user.start("restore_visible")  # is another request: it has soft edges
        user.start("restore_visible")
        await user.wait_for(gate.reached.is_set)
        gate.open()
        await user.idle()
        assert sorted(v.step.region is None for v in user.versions[1:]) == [False, True]

        # Once the result is there, even before it was analyzed, the same can be asked for again.
        scorer.gate.close()
        user.start_restoring("derain")
        await user.wait_for(lambda: user.head.step.task == "derain")
        await user.wait_for(lambda: user.window.action["undo"].isEnabled())
        user.start("undo")
        await user.wait_for(lambda: user.head.step.task != "derain")
        user.start_restoring("derain")
        assert user.running().count("Restore") == 2
        scorer.gate.open()
        await user.idle()
        assert len(user.versions) == 5


async def test_a_job_of_another_photo_names_it_and_its_time_is_not_that_of_the_one_that_waits(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        first = await user.open(picture("first.png"))
        gate.close()
        user.start_restoring("dehaze")
        await user.wait_for(gate.reached.is_set)
        name = user.window.status.job.name
        assert "first.png" not in name.text()
        user.window.file_commands.open_paths([picture("second.png")])
        await user.wait_for(lambda: user.shown is not first and user.shown.card)
        assert name.text().startswith("first.png – ")
        user.start_restoring("derain")
        await user.wait_for(lambda: "1 more" in name.text())
        waited = time.perf_counter()
        await asyncio.sleep(1)
        waited = time.perf_counter() - waited
        gate.open()
        await user.idle()
        assert user.head.step.seconds < waited
