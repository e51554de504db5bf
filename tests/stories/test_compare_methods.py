"""Compare methods: run three, look at their results, give them stars, combine them. With the real networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtCore import Qt

from clarity_desktop.messages import CandidateAdded
from clarity_desktop.ui.dialogs.compare_methods import CompareMethodsDialog
from clarity_desktop.values import VersionId

from .user import Sitting, User, keys

DARK = Path(__file__).parents[1] / "data/photos/room-dark.jpg"
SLOW = 120.0
"""Seconds to wait on a busy machine: the networks are loaded again."""
BUNDLED = ("clarity-all", "iat-low-light", "sci-medium")


async def test_results_of_three_methods_are_compared_and_become_one(
    sit_down_with_networks: Sitting, tmp_path: Path
) -> None:
    photo, project = tmp_path / "dark.png", tmp_path / "dark.clarity"
    with Image.open(DARK) as whole:  # a part of it, small enough for a test
        whole.crop((40, 60, 200, 188)).save(photo)
    async with sit_down_with_networks() as user:
        user.patience = SLOW
        await user.open(photo)
        original = user.head.id
        made = await tried(user)
        assert user.head.id == original
        assert [e.number for e in user.events(CandidateAdded)] == [1, 2, 3]
        assert [user.shown.versions[v].step.method for v in made] == list(BUNDLED)
        cards = [card.facts for card in user.window.candidates.cards]
        assert [facts.number for facts in cards if facts] == [1, 2, 3, 4]
        assert all(facts and facts.score != "–" and facts.verdict and facts.difference for facts in cards)

        for version in made:
            user.window.compare_commands.choose(version)
            await user.click("star")
        await user.click("fuse_starred")
        fused = user.head
        assert (fused.parent, fused.step.kind, fused.step.settings["how"]) == (original, "fuse", "network-low-light")
        assert user.shown.compared is not None
        assert user.shown.compared.versions == (original, *made, fused.id)
        before, after = await user.pixels(original), await user.pixels()
        assert after.mean() > 1.5 * before.mean()

        turn = await user.say("blend 2 and 3")
        assert "chat.fused" in keys(turn.content)
        assert user.head.step.settings["versions"] == list(made[:2])
        await user.click("leave_compare")
        assert user.shown.compared is None
        await user.save(project)

    async with sit_down_with_networks() as user:
        user.patience = SLOW
        await user.open(project)
        assert all(user.shown.versions[version].star for version in made)
        assert (await user.pixels(fused.id) == after).all()
        await user.click("compare_view")
        assert user.shown.compared is not None
        assert set(made) < set(user.shown.compared.versions)
        np.testing.assert_array_equal(await user.pixels(original), before)


async def tried(user: User) -> tuple[VersionId, ...]:
    """Run the methods that come with the program, from the dialog; returns their results."""
    user.window.restore.choose("low_light")
    await user.click("compare_methods")
    [dialog] = user.window.findChildren(CompareMethodsDialog)
    for name, row in dialog.rows.items():
        row.setCheckState(0, Qt.CheckState.Checked if name in BUNDLED else Qt.CheckState.Unchecked)
    assert dialog.checked == BUNDLED
    dialog.run.click()
    await user.idle()
    assert user.shown.compared is not None
    return user.shown.compared.versions[1:]
