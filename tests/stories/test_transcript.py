"""What can be done with a conversation: refer to regions, find, copy, save as text or as a macro."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest

from clarity_desktop.messages import KeepRegion, SendMessage
from clarity_desktop.ui.dialogs.save_macro import SaveMacroDialog
from clarity_desktop.ui.docks.composer import region_in
from clarity_desktop.values import Bounds, Region

from .user import Sitting, User, keys

SMALL = (120, 90)
BOX = Bounds(20, 10, 40, 30)


async def keep(user: User, name: str) -> None:
    """Keep a rectangle as a region."""
    state = user.shown
    assert state.id
    assert state.head
    region = Region.rectangle(BOX, *SMALL)
    user.window.session.ask(KeepRegion(state.id, state.head, region, name), state)
    await user.idle()


def menu(user: User) -> list[str]:
    """The entries of the menu beside the message field."""
    chat = user.window.chat
    chat.menu.aboutToShow.emit()
    return [action.text() for action in chat.menu.actions() if action.text()]


async def test_a_region_from_the_list_is_what_the_message_means(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        await user.open(picture("a.png", SMALL))
        await keep(user, "my Hat #1")
        before = await user.pixels()
        assert "Refer to the selection" not in menu(user)
        listed = user.window.regions.regions
        row = listed.topLevelItem(0)
        assert row is not None
        dragged = listed.mimeData([row])
        assert region_in(dragged)
        composer = user.window.chat.composer
        composer.setPlainText("remove the rain in")
        composer.moveCursor(composer.textCursor().MoveOperation.End)
        composer.insertFromMimeData(dragged)
        assert composer.toPlainText() == "remove the rain in [my Hat #1] "
        QTest.keyClick(composer, Qt.Key.Key_Return)
        await user.idle()
        changed = (await user.pixels() != before).any(2)
        rows, columns = np.nonzero(changed)
        # Feathered inwards: nothing outside has changed.
        assert BOX.x <= columns.min() <= BOX.x + 2
        assert BOX.right - 3 <= columns.max() < BOX.right
        assert BOX.y <= rows.min()
        assert rows.max() < BOX.bottom
        assert user.bubbles()[-1].endswith("Only “my Hat #1” was changed.")

        # By the keyboard, and what is selected.
        assert menu(user)[:2] == ["Refer to the selection", "Refer to “my Hat #1”"]
        user.window.chat.menu.actions()[0].trigger()
        assert composer.toPlainText() == "[selection] "
        turn = await user.say("[selection]: more contrast")
        assert keys(turn.content)[-1] == "chat.only_selected"
        # Never the whole photo in the place of a part.
        turn = await user.say("undo, [my hat #1]")
        assert keys(turn.content) == ["chat.which_part"]


async def test_the_conversation_is_searched_copied_and_saved(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    async with sit_down() as user:
        await user.open(picture("a.png", SMALL))
        for text in ("remove the rain", "how large is the photo?", "undo that rain thing"):
            await user.say(text)
        chat = user.window.chat
        QTest.keyClick(chat.composer, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
        assert chat.find_bar.isVisible()
        QTest.keyClicks(chat.find_bar.field, "RAIN")
        texts = " ".join(bubble.text() for bubble in chat.transcript.bubbles).casefold()
        count = texts.count("rain")
        assert count >= 3
        assert chat.find_bar.count.text() == f"{count} of {count}"
        assert chat.transcript.bubbles[0].textFormat() is Qt.TextFormat.RichText
        QTest.keyClick(chat.find_bar.field, Qt.Key.Key_Return)
        assert chat.find_bar.count.text() == f"1 of {count}"
        QTest.keyClick(chat.find_bar.field, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        assert chat.find_bar.count.text() == f"{count} of {count}"
        chat.find_bar.field.setText("no such words")
        assert chat.find_bar.count.text() == "No match"
        QTest.keyClick(chat.find_bar.field, Qt.Key.Key_Escape)
        assert not chat.find_bar.isVisible()
        assert user.bubbles()[0] == "remove the rain"
        await user.wait_for(chat.composer.hasFocus)

        commands = user.window.transcript_commands
        commands.copy.trigger()
        copied = QGuiApplication.clipboard().text()
        assert "remove the rain" in copied
        assert copied.count("\n\n") == 5
        commands.save_text(user.shown, str(tmp_path / "a.txt"))
        await user.wait_for((tmp_path / "a.txt").exists)
        assert (tmp_path / "a.txt").read_text("utf-8") == copied


async def test_a_stretch_of_the_conversation_runs_on_another_photo(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    async with sit_down() as user:
        assert not user.window.action["run_macro"].isEnabled()
        await user.open(picture("a.png", SMALL))
        assert not user.window.action["save_macro"].isEnabled()
        await user.say("what is wrong?")
        await user.say("remove the rain")
        await user.say("rotate it left")
        file = tmp_path / "rain.clarity-macro"
        user.start("save_macro")
        dialog = user.window.findChild(SaveMacroDialog)
        assert dialog is not None
        assert dialog.list.count() == 3
        dialog.list.clearSelection()
        dialog.list.item(0).setSelected(True)
        assert not dialog.save.isEnabled()  # it changed nothing
        dialog.list.clearSelection()
        dialog.list.item(1).setSelected(True)
        assert dialog.save.isEnabled()
        chosen: list[tuple[int, int, str]] = []
        dialog.chosen.disconnect()

        def choose(first: int, stop: int, name: str) -> None:
            chosen.append((first, stop, name))

        dialog.chosen.connect(choose)
        dialog.name.setText("No rain")
        dialog.save.click()
        assert chosen == [(2, 4, "No rain")]
        user.window.transcript_commands.save_macro(user.shown, *chosen[0], str(file))
        await user.idle()
        assert [step["task"] for step in json.loads(file.read_text("utf-8"))["steps"]] == ["derain"]
        user.window.notices.bars()[-1].close_later()

        await user.open(picture("b.png", (90, 60)))
        user.window.chat.composer.files_given.emit((file,))  # dropped into the message field
        await user.idle()
        assert user.head.step.task == "derain"
        assert user.bubbles()[0] == "Run the macro “No rain”."
        assert user.shown.reply is None
        assert [r for r in user.link.requests if isinstance(r, SendMessage)][-1].text == "rotate it left"
