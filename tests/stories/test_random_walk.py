"""A user who presses anything at any time: the window always agrees with the backend, and nothing breaks."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialog

from clarity_desktop.messages import UserError
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.values import Finding
from tests.fakes import FakeDetector, detection

from .user import Sitting, User, keys

ACTIONS = (
    "undo", "undo", "undo", "redo", "redo", "rotate_left", "flip_vertical", "reset", "delete", "delete", "star",
    "go_to", "go_to", "split", "side_by_side", "single", "before", "heat", "improve", "advise", "repeat", "compare",
    "cancel", "next_photo", "zoom_in", "fit", "restore", "restore_visible", "crop", "straighten",
)  # fmt: skip
MESSAGES = (
    "dehaze it",
    "undo",
    "back to the original",
    "what is wrong with it?",
    "rotate it left",
    "fix it",
    "compare",
)
EXPECTED = {"document.nothing_to_undo", "document.nothing_to_redo", "document.version_deleted"}
"""What may be said about a step that was pressed before it was known to lead nowhere."""


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_is_pressed_window_and_backend_agree(
    sit_down: Sitting, picture: Callable[..., Path], detector: FakeDetector, seed: int, tmp_path: Path
) -> None:
    detector.finds = lambda pixels: detection({"rain streak": Finding(0.9, 0.7)} if pixels.mean() > 90 else None)
    luck = random.Random(seed)
    async with sit_down() as user:
        await user.open(picture("a.png", size=(60, 40)))
        await user.open(picture("b.png", size=(60, 40)))
        for _ in range(40):
            press_anything(user, luck)
            if luck.random() < 0.4:
                await user.idle()
        await user.idle()
        for error in user.link.errors:
            assert isinstance(error, UserError), error
            assert EXPECTED.issuperset(keys(error.text)), error
        for state in user.window.photos.documents:
            assert state.pending_moves == []
            assert state.canvas.layers.main.version == state.head
        shown = {state.title: summary(state) for state in user.window.photos.documents}
    async with sit_down() as user:
        while user.texts():
            await user.press()
        recovered = {state.title: summary(state) for state in user.window.photos.documents}
        assert recovered == {title: shown[title] for title in recovered}
        assert recovered


def press_anything(user: User, luck: random.Random) -> None:
    """Press a random key or button, without waiting for anything."""
    user.choose(luck.choice(sorted(user.listed())))
    match luck.random():
        case x if x < 0.15:
            user.start_restoring(luck.choice(("derain", "dehaze")))
        case x if x < 0.25:
            user.start_saying(luck.choice(MESSAGES))
        case _:
            action = user.window.action[luck.choice(ACTIONS)]
            if action.isEnabled():
                action.trigger()
    for dialog in user.window.findChildren(QDialog):
        dialog.close()


def summary(state: DocumentState) -> dict[str, object]:
    """What a window knows of a document, without what is found out again."""
    return {
        "head": state.head, "undo": state.undo_to, "redo": state.redo_to,
        "turns": [(turn.role, keys(turn.content), turn.versions) for turn in state.turns],
        "versions": {v.id: (v.parent, v.step, v.name, v.star, v.deleted, v.rejected) for v in state.versions.values()},
    }  # fmt: skip
