"""The message field and the suggestions beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QImage, QTextCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from clarity_desktop.references import names
from clarity_desktop.text import Message, english
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.composer import Composer, region_data, user_messages
from clarity_desktop.ui.docks.suggestions import Situation, pairs, suggest
from clarity_desktop.values import Bounds, RegionId, StoredRegion, Task, VersionId

NO_PIXELS = np.zeros((0, 0, 3), np.uint8)
SHIFT = Qt.KeyboardModifier.ShiftModifier


def composer_of(qtbot: QtBot) -> Composer:
    composer = Composer()
    qtbot.addWidget(composer)
    composer.show()
    return composer


def text_of(composer: Composer, *keys: Qt.Key) -> list[str]:
    """What is in the field after each key."""
    found: list[str] = []
    for key in keys:
        QTest.keyClick(composer, key)
        found.append(composer.toPlainText())
    return found


def put(composer: Composer, data: QMimeData) -> None:
    """Paste."""
    QApplication.clipboard().setMimeData(data)
    composer.paste()


def test_a_narrow_field_shows_its_whole_placeholder(qtbot: QtBot) -> None:
    composer = composer_of(qtbot)
    composer.resize(600, 60)
    low = composer.sizeHint().height()
    composer.resize(100, 60)
    assert composer.sizeHint().height() == low + composer.fontMetrics().lineSpacing()


def test_enter_sends_and_shift_enter_starts_a_line(qtbot: QtBot) -> None:
    composer = composer_of(qtbot)
    said: list[str] = []
    composer.sent.connect(said.append)
    low = composer.sizeHint().height()
    QTest.keyClicks(composer, "a")
    QTest.keyClick(composer, Qt.Key.Key_Return, SHIFT)
    QTest.keyClicks(composer, "b")
    assert composer.sizeHint().height() > low
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert said == ["a\nb"]
    assert composer.toPlainText() == ""
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert said == ["a\nb"]


def test_up_and_down_walk_through_the_messages_and_keep_what_is_being_written(qtbot: QtBot) -> None:
    composer = composer_of(qtbot)
    composer.show_conversation(["first", "second"], "")
    up, down = Qt.Key.Key_Up, Qt.Key.Key_Down
    assert text_of(composer, up, up, up, down, down) == ["second", "first", "first", "second", ""]
    QTest.keyClicks(composer, "thi")
    assert text_of(composer, up, down) == ["second", "thi"]
    # In a message of several lines Up moves the cursor first.
    composer.setPlainText("one\ntwo")
    composer.moveCursor(QTextCursor.MoveOperation.End)
    assert text_of(composer, up, up, down) == ["one\ntwo", "second", "one\ntwo"]
    # A recalled message that was changed is what is being written.
    text_of(composer, up, up)
    QTest.keyClicks(composer, "!")
    assert text_of(composer, up, down) == ["second", "second!"]
    composer.remember("third")
    composer.remember("third")
    composer.clear()
    assert text_of(composer, up, up) == ["third", "second"]
    assert user_messages(["a", "a", "b", "a"]) == ["a", "b", "a"]


def test_esc_clears_and_can_be_undone(qtbot: QtBot) -> None:
    composer = composer_of(qtbot)
    QTest.keyClicks(composer, "denoise")
    QTest.keyClick(composer, Qt.Key.Key_Escape)
    assert composer.toPlainText() == ""
    composer.undo()
    assert composer.toPlainText() != ""


def test_photos_are_taken_and_text_with_a_picture_of_it_stays_text(qtbot: QtBot) -> None:
    composer = composer_of(qtbot)
    files: list[tuple[Path, ...]] = []
    images: list[QImage] = []
    composer.files_given.connect(files.append)
    composer.image_given.connect(images.append)
    dropped = QMimeData()
    dropped.setUrls([QUrl.fromLocalFile("/photos/b.jpg")])
    assert composer.accepts(dropped)
    composer.insertFromMimeData(dropped)
    assert files == [(Path("/photos/b.jpg"),)]
    image = QImage(4, 3, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    copied = QMimeData()
    copied.setImageData(image)
    put(composer, copied)
    assert [picture.size() for picture in images] == [image.size()]
    assert composer.toPlainText() == ""
    both = QMimeData()
    both.setImageData(image)
    both.setText("remove the rain")
    put(composer, both)
    assert composer.toPlainText() == "remove the rain"
    assert len(images) == 1


def test_a_region_is_put_in_by_its_name(qtbot: QtBot) -> None:
    composer = composer_of(qtbot)
    composer.show_names({"hat": RegionId("r1")}, selected=True)
    QTest.keyClicks(composer, "sharpen")
    composer.insertFromMimeData(region_data("r1"))
    assert composer.toPlainText() == "sharpen [hat] "
    QTest.keyClicks(composer, "and")
    composer.insertFromMimeData(region_data(""))
    assert composer.toPlainText() == "sharpen [hat] and [selection] "
    composer.insertFromMimeData(region_data("gone"))
    assert composer.toPlainText() == "sharpen [hat] and [selection] "
    [hat, _] = composer.document().firstBlock().layout().formats()
    assert (hat.start, hat.length) == (8, 5)


def test_regions_have_names_of_their_own() -> None:
    regions = [
        StoredRegion(RegionId(f"r{k}"), "c", name, VersionId("v"), Bounds(0, 0, 1, 1), 1, 1, NO_PIXELS, deleted=gone)
        for k, (name, gone) in enumerate([("hat", False), ("Hat", False), ("", False), ("a [b]", False), ("x", True)])
    ]
    assert list(names(regions)) == ["hat", "Hat 2", "region 3", "a b"]


def said(at: Situation) -> list[str]:
    return [english(message) for message in suggest(at)]


def test_suggestions_follow_from_the_version_and_the_conversation() -> None:
    assert said(Situation()) == ["What is wrong?", "Fix it"]  # not analyzed yet
    assert said(Situation(tasks=())) == ["How good is it?", "What does the photo show?"]
    found = Situation(tasks=("derain", "denoise", "dehaze"))
    assert said(found) == ["Remove rain", "Remove noise", "Fix it", "What is wrong?"]
    again = Situation(tasks=("derain",), last="derain", changed=True)
    assert said(again) == ["Try another method", "Compare with the original", "Undo", "What is wrong?"]
    assert said(Situation(tasks=("denoise",), selected=True))[0] == "Remove noise only here"
    assert said(Situation(tasks=("derain",), continues=True))[:2] == ["Do the same here", "Remove rain"]
    assert said(Situation(tasks=("derain",), asked=True)) == []  # the card of the plan has the buttons
    several: tuple[tuple[Task, ...] | None, ...] = (None, (), ("derain",), ("derain", "denoise"))
    for tasks in several:
        for changed in (False, True):
            assert 2 <= len(suggest(Situation(tasks, changed=changed))) <= 4


def test_wide_suggestions_stand_beside_narrow_ones() -> None:
    assert pairs([165, 158, 60, 180]) == [[0, 1], [2, 3]]
    assert pairs([60, 180, 165, 70]) == [[0, 1], [2, 3]]
    assert pairs([180, 165, 70, 60]) == [[0, 3], [1, 2]]
    assert pairs([80, 90, 70]) == [[0], [1, 2]]
    assert pairs([80, 90]) == [[0, 1]]
    assert pairs([]) == []


def test_a_suggestion_is_sent_in_english_and_the_field_gets_the_focus(qtbot: QtBot) -> None:
    dock = ChatDock()
    qtbot.addWidget(dock)
    dock.show_ready(True)
    dock.show_suggestions([Message("chat.say_fix"), Message("chat.say_undo")])
    dock.show()
    sent: list[str] = []
    dock.sent.connect(sent.append)
    chips = dock.chips.buttons
    assert [chip.accessibleName() for chip in chips] == ["Send: Fix it", "Send: Undo"]
    chips[1].click()
    assert sent == ["Undo"]
    dock.show_suggestions([Message("chat.say_find")])
    assert [chip.text() for chip in dock.chips.buttons] == ["What is wrong?"]
