"""In another language everything works as in English: nothing depends on the wording."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from clarity_desktop.messages import Estimate, EstimateSize, Exported, ListOptions, ReadManifest, ReadTiles, UserError
from clarity_desktop.ui.translate import PseudoTranslator
from clarity_desktop.values import Finding
from tests.fakes import FakeDetector, detection

from .user import Sitting, User, keys

SHOWING = (Estimate, EstimateSize, ListOptions, ReadManifest, ReadTiles)
"""Requests that depend on what is painted when."""


@pytest.fixture
def pseudo(qapp: QApplication) -> Iterator[Callable[[bool], None]]:
    """pseudo(on): every string in brackets from now on, or in English again."""
    translator = PseudoTranslator(qapp)

    def switch(on: bool) -> None:
        qapp.removeTranslator(translator)
        if on:
            qapp.installTranslator(translator)

    yield switch
    switch(False)


async def a_day(user: User, photo: Path, out: Path) -> list[object]:
    """A first restoration and a bit more; returns all that happened, without its wording."""
    user.window.file_commands.open_first([photo])
    await user.idle()
    await user.press()
    await user.click("undo")
    await user.click("redo")
    await user.click("improve")
    for text in ("what is wrong with it?", "dehaze it", "denoise it", "yes", "undo", "compare with the original"):
        await user.say(text)
    await user.export(out, format="jpeg", metadata="none")
    await user.open(out / "missing.jpg")
    return [
        [(v.step.kind, v.step.task, v.step.method, v.name, v.rejected) for v in user.versions],
        [(turn.role, keys(turn.content), len(turn.versions)) for turn in user.shown.turns],
        [keys(error.text) for error in user.link.errors if isinstance(error, UserError)],
        [type(request) for request in user.link.requests if not isinstance(request, SHOWING)],
        [event.path.suffix for event in user.events(Exported) if event.path],
        user.shown.canvas.comparison.mode,
        len(user.texts()),
    ]


async def test_nothing_depends_on_the_wording(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector, pseudo: Callable[[bool], None],
    tmp_path: Path,
) -> None:  # fmt: skip
    detector.finds = lambda pixels: detection({"rain streak": Finding(0.9, 0.7)} if pixels.mean() > 90 else None)
    days = []
    for on, out in ((False, tmp_path / "english"), (True, tmp_path / "other")):
        out.mkdir()
        pseudo(on)
        async with sit_down() as user:
            days.append(await a_day(user, picture("rain.png"), out))
            titles = [user.window.docks["versions"].windowTitle(), *user.texts()]
            assert all(title.startswith("[") == on for title in titles), titles
            await user.save(out / "a.clarity")
    assert days[0] == days[1]
    assert "side" in days[0]
    async with sit_down() as user:  # what was saved in English reads in the other language
        await user.open(tmp_path / "english" / "a.clarity")
        replies = [t for t, turn in zip(user.bubbles(), user.shown.turns, strict=True) if turn.role == "assistant"]
        assert replies
        assert all(reply.startswith("[") for reply in replies)
