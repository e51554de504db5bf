"""kill -9 while a document is open and a restoration runs: the next start offers the document, and it is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from . import crashing
from .user import PATIENCE, Sitting


async def test_a_killed_program_leaves_its_document_to_be_recovered(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    left = crash(picture("holiday.png", size=(120, 90)))
    async with sit_down() as user:
        assert user.window.current is None
        [offer] = user.window.notices.bars()
        assert "holiday.png" in offer.text
        await user.press()
        assert list(user.shown.versions)[:2] == left["versions"]
        assert len(user.versions) == 2  # the running step is lost, and nothing else
        assert user.head.id == left["head"]
        assert (user.head.name, user.head.star) == ("Turned", True)
        assert [turn.role for turn in user.shown.turns] == left["turns"]
        assert user.shown.unsaved
        assert (await user.pixels()).shape == (120, 90, 3)
        await user.restore("derain")
        assert user.head.parent == left["head"]
    async with sit_down() as user:  # quitting keeps it, too
        await user.press()
        assert len(user.versions) == 3


def crash(photo: Path) -> dict[str, object]:
    """Let a program of its own work on a photo, and kill it. Returns what it had done."""
    command, root = [sys.executable, "-m", crashing.__name__, str(photo)], Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as program:
        assert program.stdout is not None
        try:
            done, doing = (json.loads(program.stdout.readline()) for _ in range(2))
            assert doing == "restoring"
            helpers = psutil.Process(program.pid).children(recursive=True)
        finally:
            program.kill()
    _, alive = psutil.wait_procs(helpers, PATIENCE)
    assert alive == []
    return done
