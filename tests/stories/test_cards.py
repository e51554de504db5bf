"""Cards of the conversation: what runs, what was made and what has become of it, and plans that are changed first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QSpinBox

from clarity_desktop.backend.methods import Method
from clarity_desktop.ui.docks.step_card import StepCard
from tests.fakes import HALVES

from .user import Gate, Sitting, User, keys

SMALL, LARGE = (120, 90), (300, 220)


def cards(user: User) -> list[StepCard]:
    return user.window.chat.transcript.cards


def places(user: User) -> list[str]:
    return [card.place.text() for card in cards(user)]


async def press(user: User, card: StepCard, action: str) -> None:
    """Press a button of a card, and wait until nothing is under way."""
    button = card.button(action)
    assert button is not None, f"{action} is not offered"
    button.click()
    await user.idle()


async def test_every_step_has_a_card_that_tells_what_became_of_it(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        original = user.head.id
        await user.say("first remove the rain, then flip it")
        rain, flipped = cards(user)
        assert [user.shown.versions[card.version].step.kind for card in (rain, flipped)] == ["restore", "flip"]
        assert "halves" in rain.detail.text()
        before, after = (user.shown.versions[v].quality for v in (original, rain.version))
        assert before
        assert after
        assert rain.score.text() == f"Score {before.overall:.0f} → {after.overall:.0f}"
        assert places(user) == ["", "Shown now"]

        rain.thumbnail.click()
        await user.idle()
        assert user.head.id == rain.version
        assert places(user) == ["Shown now", "Undone"]
        await press(user, flipped, "show")
        await press(user, rain, "undo")
        assert user.head.id == original, "with the steps after it"
        assert places(user) == ["Undone", "Undone"]
        await user.click("redo")
        await user.click("redo")
        assert user.head.id == flipped.version, "redo leads back"

        await user.click("undo")
        await user.say("rotate it left")
        assert places(user) == ["", "On another branch", "Shown now"]
        user.choose(flipped.version)
        await user.click("delete")
        assert places(user) == ["", "Deleted", "Shown now"]
        await press(user, flipped, "return")
        assert places(user) == ["", "On another branch", "Shown now"]
        user.choose(flipped.version)
        await user.click("delete")
        await user.save(tmp_path / "a.clarity")
    async with sit_down() as user:
        await user.open(tmp_path / "a.clarity")
        assert places(user) == ["", "Deleted", "Shown now"]
        assert user.window.chat.transcript.cards[0].score.text().startswith("Score")


async def test_a_name_in_the_text_shows_the_version(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        await user.say("remove the rain")
        await user.say("undo")
        bubble = user.window.chat.transcript.bubbles[1]
        assert bubble.text().startswith("Rain removed")
        bubble.setFocus()
        QTest.keyClick(bubble, Qt.Key.Key_Tab)
        QTest.keyClick(bubble, Qt.Key.Key_Return)
        await user.idle()
        assert user.head.id == cards(user)[0].version


async def test_another_method_is_tried_from_a_card(
    sit_down: Sitting, picture: Callable[..., Path], install: Callable[[Method], None]
) -> None:
    install(replace(HALVES, id="other"))
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        original = user.head.id
        await user.say("remove the rain")
        await user.say("flip it")
        rain = cards(user)[0]
        await press(user, rain, "another")
        assert (user.head.step.task, user.head.step.method) == ("derain", "other")
        assert user.head.parent == original
        assert places(user) == ["Rejected", "On another branch", "Shown now"]


async def test_what_runs_is_shown_and_can_be_stopped(
    sit_down: Sitting, picture: Callable[..., Path], gate: Gate
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=SMALL))
        transcript = user.window.chat.transcript
        gate.close()
        user.start_saying("first flip it, then dehaze it")
        await user.wait_for(gate.reached.is_set)
        await user.wait_for(lambda: "Remove haze" in transcript.running.title.text())
        assert transcript.running.title.text() == "2 of 2: Remove haze · waiting"
        assert transcript.waiting.text() == "Flipped.", "what was said so far"
        assert [card.place.text() for card in transcript.made] == ["Shown now"]
        transcript.running.stop.click()
        await user.idle()
        assert keys(user.shown.turns[-1].content)[-1] == "chat.cancelled"
        assert transcript.running.isHidden()
        assert transcript.waiting.isHidden()
        assert places(user)[-1] == "Shown now", "the finished step is kept"
        assert user.head.step.kind == "flip"


async def test_a_reply_belongs_to_its_photo(sit_down: Sitting, picture: Callable[..., Path], gate: Gate) -> None:
    async with sit_down() as user:
        first = await user.open(picture("a.png", size=SMALL))
        gate.close()
        user.start_saying("dehaze it")
        await user.wait_for(gate.reached.is_set)
        transcript = user.window.chat.transcript
        await user.wait_for(lambda: not transcript.running.isHidden())
        user.window.file_commands.open_paths([picture("b.png", size=SMALL)])
        await user.wait_for(lambda: user.shown is not first and user.shown.card)
        assert transcript.running.isHidden()
        user.window.session.select(first)
        assert not transcript.running.isHidden()
        gate.open()
        await user.idle()
        assert places(user) == ["Shown now"]


async def test_a_plan_is_changed_before_it_runs(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(size=LARGE))
        original = user.head.id
        await user.say("show me the plan: first remove the rain, then denoise it, then flip it")
        transcript = user.window.chat.transcript
        plan = transcript.plan
        assert plan is not None
        assert len(plan.rows) == 3
        assert user.listed() == {original}
        rain, noise, flip = plan.rows
        rain.remove.click()
        noise.edit.click()
        [strength] = [field for field in noise.fields if isinstance(field, QSpinBox)]
        strength.setValue(50)
        noise.down.click()
        plan.run.click()
        await user.idle()
        assert [(v.step.kind, v.step.strength) for v in user.versions[1:]] == [("flip", 1.0), ("restore", 0.5)]
        assert [card.place.text() for card in cards(user)] == ["", "Shown now"]
        assert plan.run.isHidden(), "it was answered"
        assert transcript.bubbles[-2].text() == "Run it"
        assert flip.edit.isHidden()


async def test_a_plan_that_was_asked_about_is_run_declined_or_outdated(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture(size=LARGE))
        original = user.head.id
        user.window.action["zoom_400"].trigger()
        transcript = user.window.chat.transcript
        await user.say("denoise it")
        plan = transcript.plan
        assert plan is not None
        plan.cancel.click()
        await user.idle()
        assert keys(user.shown.turns[-1].content) == ["chat.nothing_changed"]
        assert plan.run.isHidden()

        await user.say("denoise it")
        plan = transcript.plan
        assert plan is not None
        await user.click("rotate_left")
        assert plan.run.isHidden(), "the question was about another version"
        await user.click("undo")
        assert not plan.run.isHidden()
        plan.part.click()
        await user.idle()
        assert user.head.parent == original
        assert user.head.step.region is not None


async def test_a_part_that_is_not_there_changes_nothing(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        await user.open(picture(size=LARGE))
        await user.say("show me the plan first: first remove the rain, then flip it")
        plan = user.window.chat.transcript.plan
        assert plan is not None
        row = plan.rows[0]
        row.edit.click()
        [part] = [field for field in row.fields if isinstance(field, QLineEdit)]
        part.setText("here")  # nothing is selected
        plan.run.click()
        await user.idle()
        assert keys(user.shown.turns[-1].content) == ["chat.nothing_selected"]
        assert len(user.versions) == 1
