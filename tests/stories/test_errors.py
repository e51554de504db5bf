"""What goes wrong is a sentence in the window, and nothing is lost."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from clarity_desktop.backend.methods import Method
from clarity_desktop.messages import Exported, Restore
from tests.fakes import HALVES

from .user import Sitting


async def test_broken_files_are_named_and_leave_no_tab(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    photo = picture()
    cut, text, empty = tmp_path / "cut.png", tmp_path / "text.jpg", tmp_path / "empty.jpg"
    cut.write_bytes(photo.read_bytes()[:200])
    text.write_text("I am no photo")
    empty.write_bytes(b"")
    async with sit_down() as user:
        await user.open(photo)
        for path, key in (
            (cut, "pictures.damaged"), (text, "pictures.not_a_photo"), (empty, "pictures.empty"),
            (tmp_path / "gone.jpg", "pictures.not_found"),
        ):  # fmt: skip
            await user.open(path)
            assert user.reads(key), path.name
            assert user.shown.path == photo
        assert len(user.window.photos.documents) == 1
        await user.restore("derain")
        assert user.head.step.task == "derain"


async def test_a_hostile_project_is_refused_and_the_open_photo_stays(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    good, hostile, noise = tmp_path / "good.clarity", tmp_path / "hostile.clarity", tmp_path / "noise.clarity"
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        await user.save(good)
        shutil.copy(good, hostile)
        with closing(sqlite3.connect(hostile)) as tables, tables:
            tables.execute("UPDATE version SET parent = id")
        noise.write_bytes(bytes(range(256)) * 64)
        for path in (hostile, noise):
            await user.open(path)
            assert user.reads("document.cannot_open"), path.name
            assert user.shown.project == good
        assert len(user.versions) == 2
        assert not list((user.shown.project or good).parent.glob("*.store"))
        await user.click("undo")
        assert user.head.id == user.shown.original


async def test_a_full_disk_loses_nothing(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    out = tmp_path / "out"
    out.mkdir()
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("derain")
        kept = user.head.id
        with monkeypatch.context() as disk:
            disk.setattr(os, "fsync", full)
            await user.export(out, format="jpeg")
            assert user.reads("pictures.not_saved_full")
            await user.save(out / "a.clarity")
            assert user.reads("document.not_saved")
            disk.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
            await user.restore("dehaze")
            assert user.reads("document.no_room")
        assert list(out.iterdir()) == []
        assert user.head.id == kept
        assert user.shown.unsaved
        await user.restore("dehaze")
        assert user.head.parent == kept
        await user.export(out, format="jpeg")
        assert [event.path for event in user.events(Exported)] == list(out.iterdir())
        await user.save(out / "a.clarity")
        assert not user.shown.unsaved


async def test_a_missing_model_is_named_and_offered(
    sit_down: Sitting, picture: Callable[..., Path], install: Callable[[Method], None]
) -> None:
    install(replace(HALVES, id="maxim-deblurring", tasks=("low_light",), weights=("maxim-deblurring",)))
    async with sit_down() as user:
        await user.open(picture())
        await user.restore("low_light")
        assert len(user.versions) == 1
        assert not any(isinstance(request, Restore) for request in user.link.requests)
        [offer] = user.window.notices.bars()
        assert len(offer.buttons) == 2
        await user.press(1)
        assert user.texts() == []
        before = len(user.shown.turns)
        await user.say("brighten it")
        assert len(user.shown.turns) == before + 2
        assert len(user.versions) == 1
        assert "MAXIM (blur)" in user.bubbles()[-1]
