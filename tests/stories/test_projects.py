"""Save as a project, close, come back: names, stars, scores, settings and the conversation are there."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from PySide6.QtWidgets import QMessageBox

from clarity_desktop import settings as settings_file
from clarity_desktop.settings import Settings

from .user import Sitting

OLD = Path(__file__).parents[1] / "data" / "format-3.clarity.gz"


async def test_a_project_holds_everything(sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path) -> None:
    project = tmp_path / "my rain.clarity"
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        restored = user.head
        await user.rename(restored.id, "Dry")
        user.choose(restored.id)
        await user.click("star")
        await user.say("how large is this photo?")
        await user.click("rotate_left")
        assert user.shown.unsaved
        await user.save(project)
        assert not user.shown.unsaved
        before, said, seen = user.shown, user.bubbles(), await user.pixels()
        await user.click("close")
        assert user.window.current is None
    async with sit_down() as user:
        after = await user.open(project)
        assert after.project == project
        assert list(after.versions) == list(before.versions)
        assert (after.head, after.undo_to, after.redo_to) == (before.head, before.undo_to, before.redo_to)
        dry = after.versions[restored.id]
        assert (dry.name, dry.star, dry.step) == ("Dry", True, restored.step)
        assert [v.quality for v in after.versions.values()] == [v.quality for v in before.versions.values()]
        assert all(v.quality and v.detection for v in after.versions.values())
        assert user.bubbles() == said
        assert len(said) == 2
        assert ((await user.pixels()) == seen).all()
        assert not after.unsaved
        await user.click("undo")
        user.start("close")
        await user.answer(QMessageBox.ButtonRole.AcceptRole)  # saved under its name, without a dialog
        assert user.window.current is None
    async with sit_down() as user:
        assert (await user.open(project)).head == restored.id


async def test_a_project_of_an_earlier_version_is_opened_worked_on_and_saved_in_the_present_one(
    sit_down: Sitting, tmp_path: Path
) -> None:
    project = tmp_path / "old.clarity"
    project.write_bytes(gzip.decompress(OLD.read_bytes()))
    async with sit_down() as user:
        old = await user.open(project)
        names = [version.name for version in old.versions.values()]
        assert len(names) > 1
        assert user.listed() <= set(old.versions)
        await user.click("rotate_right")
        turned = user.head.id
        await user.click("save")
        assert not user.shown.unsaved
    async with sit_down() as user:
        again = await user.open(project)
        assert again.head == turned
        assert [version.name for version in again.versions.values()][:-1] == names


async def test_the_settings_of_the_last_run_hold_and_a_broken_one_takes_its_default(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    photo = picture()
    async with sit_down() as user:
        await user.open(photo)
        user.window.preference_commands.rebind({"crop": "K"})
        user.window.session.change_settings(metadata="none", device="cpu", methods={"denoise": "slow"})
        user.window.docks["chat"].close()
    stored = settings_file.load()
    assert (stored.metadata, stored.recent, stored.shortcuts) == ("none", (str(photo),), {"crop": "K"})
    later = {**asdict(stored), "theme": "purple", "threads": "many", "unknown": 1}
    settings_file.config_file().write_text(json.dumps(later), encoding="utf-8")
    found = settings_file.load()
    assert found == replace(stored, threads=Settings().threads)
    async with sit_down(found) as user:
        assert user.window.action["crop"].shortcut().toString() == "K"
        assert user.window.docks["chat"].isHidden()
        user.window.file_commands.recent_menu.aboutToShow.emit()
        user.window.file_commands.recent_menu.actions()[0].trigger()
        await user.idle()
        assert user.shown.path == photo
