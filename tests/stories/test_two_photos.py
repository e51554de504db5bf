"""A photo that is put into the message field has a conversation of its own, which leads back to the earlier one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest

from clarity_desktop.messages import SendMessage

from .user import Sitting, User, keys

SMALL = (120, 90)


def drop(user: User, *paths: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    user.window.chat.composer.insertFromMimeData(data)


async def shows(user: User, title: str) -> None:
    await user.wait_for(lambda: user.window.current and user.shown.title == title and user.shown.card)
    await user.idle()


async def test_a_dropped_photo_goes_on_from_the_first_one(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        first = await user.open(picture("a.png", SMALL))
        await user.say("remove the rain")
        assert user.head.step.task == "derain"
        composer = user.window.chat.composer
        composer.setPlainText("what is wrong")
        drop(user, picture("b.png", (90, 60)))
        await shows(user, "b.png")
        # What was being written came along, and is not sent yet.
        assert composer.toPlainText() == "what is wrong"
        assert first.draft == ""
        assert user.bubbles() == []
        assert [link.text() for link in user.window.chat.earlier.links] == ["Previous photo: a.png"]
        await user.wait_for(composer.hasFocus)
        QTest.keyClick(composer, Qt.Key.Key_Return)
        await user.idle()
        assert len(user.bubbles()) == 2
        second = user.shown

        # "The first photo" is the one before.
        turn = await user.say("go back to the first photo")
        assert second.turns[-1].steps
        assert keys(second.turns[-1].content) == ["chat.photo_shown"]
        assert user.shown is first
        assert turn is first.turns[-1]
        assert len(user.bubbles()) == 2
        assert user.window.chat.earlier.isHidden()
        assert len(user.versions) == 2

        # A request about it is answered there.
        user.window.session.select(second)
        await user.say("undo the last step on the first photo")
        await user.idle()
        assert user.shown is first
        assert user.head.parent is None
        assert keys(second.turns[-1].content) == ["chat.photo_asked"]
        user.window.session.select(second)
        assert keys((await user.say("compare this with the first photo")).content) == ["chat.photos_apart"]
        user.window.chat.earlier.links[0].click()
        await user.idle()
        assert user.shown is first
        assert user.texts() == []

        # What was done there is done here.
        await user.say("redo")
        user.window.session.select(second)
        assert user.window.chat.chips.buttons[0].text() == "Do the same here"
        user.window.chat.chips.buttons[0].click()
        await user.idle()
        assert user.shown is second
        assert user.head.step.task == "derain"
        assert user.head.parent is not None


async def test_a_pasted_picture_and_a_path_open_and_the_rest_is_said_there(
    sit_down: Sitting, picture: Callable[..., Path]
) -> None:
    async with sit_down() as user:
        first = await user.open(picture("a.png", SMALL))
        other = picture("the other.png", (90, 60))
        user.start_saying(f"{other} remove the rain")
        await shows(user, "the other.png")
        assert [turn.content for turn in user.shown.turns if turn.role == "user"] == ["remove the rain"]
        assert user.head.step.task == "derain"
        assert first.turns == []

        image = QImage(40, 30, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.gray)
        data = QMimeData()
        data.setImageData(image)
        user.window.chat.composer.insertFromMimeData(data)
        await shows(user, "Pasted picture 1")
        links = [link.text() for link in user.window.chat.earlier.links]
        assert links == ["Previous photo: the other.png", "First photo: a.png"]
        user.start_saying("show me the first photo")
        await user.idle()
        assert user.shown is first

        # A file that is not there: said where the path is all, else the message is about this photo.
        user.start_saying("/nowhere/x.jpg")
        await user.wait_for(user.texts)
        assert "/nowhere/x.jpg" in user.texts()[0]
        assert first.turns == []
        await user.say("save it as /nowhere/x.jpg")
        assert len(first.turns) == 2
        requests = [r.document for r in user.link.requests if isinstance(r, SendMessage)]
        assert requests[-1] == first.id


async def test_the_link_outlives_the_program_and_says_where_it_leads_nowhere(
    sit_down: Sitting, picture: Callable[..., Path], tmp_path: Path
) -> None:
    source = picture("a.png", SMALL)
    async with sit_down() as user:
        first = await user.open(source)
        await user.say("remove the rain")
        drop(user, picture("b.png", (90, 60)))
        await shows(user, "b.png")
        await user.say("denoise it a little")
        second = user.shown
        user.window.session.select(first)
        await user.save(tmp_path / "a.clarity")
        user.window.session.select(second)
        await user.save(tmp_path / "b.clarity")

    async with sit_down() as user:
        await user.open(tmp_path / "b.clarity")
        assert [link.text() for link in user.window.chat.earlier.links] == ["Previous photo: a.png"]
        composer = user.window.chat.composer
        QTest.keyClick(composer, Qt.Key.Key_Up)
        assert composer.toPlainText() == "denoise it a little"
        user.start_saying("back to the first photo")
        await shows(user, "a.png")
        assert len(user.versions) == 2
        assert len(user.bubbles()) == 2

    # Without the project the photo itself is left, then nothing.
    (tmp_path / "a.clarity").unlink()
    async with sit_down() as user:
        await user.open(tmp_path / "b.clarity")
        user.window.chat.earlier.links[0].click()
        await shows(user, "a.png")
        assert user.shown.turns == []
    source.unlink()
    async with sit_down() as user:
        await user.open(tmp_path / "b.clarity")
        user.window.chat.earlier.links[0].click()
        await user.idle()
        assert user.reads("chat.photo_gone")
        assert keys((await user.say("show the first photo")).content) == ["chat.photo_gone"]


async def test_each_photo_has_its_draft(sit_down: Sitting, picture: Callable[..., Path]) -> None:
    async with sit_down() as user:
        first = await user.open(picture("a.png", SMALL))
        user.window.chat.composer.setPlainText("about a")
        second = await user.open(picture("b.png", SMALL))
        composer = user.window.chat.composer
        assert composer.toPlainText() == ""
        composer.setPlainText("about b")
        user.window.session.select(first)
        assert composer.toPlainText() == "about a"
        user.window.session.select(second)
        assert composer.toPlainText() == "about b"
