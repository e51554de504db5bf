"""The panels by themselves: values in, wishes out."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from fakes import METHODS, MODELS
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QTreeWidget
from pytestqt.qtbot import QtBot

from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.restore import Choice, RestoreDock
from clarity_desktop.ui.docks.versions import VersionsDock, details, fitting, lines, score, spoken
from clarity_desktop.ui.labels import clock, duration, file_size, megapixels, version_title, what_ran
from clarity_desktop.ui.status_bar import Status, memory_used
from clarity_desktop.values import Quality, Step, Turn, Version, VersionId


def version(at: str, parent: str | None = None, second: float = 0.0, **fields: object) -> Version:
    thumb = np.zeros((8, 12, 3), np.uint8)
    base = {"step": Step("open" if parent is None else "crop"), "name": "", "time": second, "width": 12, "height": 8}
    return Version(VersionId(at), VersionId(parent) if parent else None, thumbnail=thumb, **{**base, **fields})  # type: ignore[arg-type]


def test_a_long_history_stays_on_one_line_and_branches_are_indented():
    tree = [version("a"), version("b", "a", 1), version("c", "b", 2), version("d", "a", 3), version("e", "d", 4)]
    assert [(v.id, under) for v, under in lines(tree)] == [
        ("a", None), ("d", "a"), ("e", "a"), ("b", None), ("c", None),
    ]  # fmt: skip


def test_children_of_a_deleted_version_move_up():
    tree = [version("a"), version("b", "a", 1, deleted=True), version("c", "b", 2)]
    assert [(v.id, under) for v, under in lines(tree)] == [("a", None), ("c", None)]


def test_five_hundred_versions_are_listed_without_recursion(qtbot: QtBot):
    tree = [version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 1500)]
    assert len(lines(tree)) == 1500


def test_a_row_says_what_ran_when_and_how_good_it_is():
    step = Step("restore", "derain", "maxim-deraining", strength=0.5, seconds=12.4)
    v = version("a", "z", time.time(), step=step, quality=Quality(niqe=3.21), star=True)
    assert version_title(v) == "Remove rain"
    assert what_ran(step) == "Remove rain · maxim-deraining · 50 %"
    assert details(v) == f"{clock(v.time)} · 12 s · maxim-deraining · 50 %"
    assert details(version("b", "a", name="Cropped")) == clock(0.0)
    assert details(version("b", "a", name="Upright")) == f"{clock(0.0)} · Crop"
    assert score(v.quality) == "NIQE 3.2"
    assert spoken(v, "head").endswith("NIQE 3.2, starred, open version")
    assert score(Quality(overall=71.0, niqe=3.0)) == "71 of 100"


def test_a_row_leaves_out_what_it_has_no_room_for(qtbot: QtBot):
    tree = QTreeWidget()
    qtbot.addWidget(tree)
    metrics = tree.fontMetrics()
    words = "15:19 · 43 s · maxim-deraining"
    assert fitting(words, metrics.horizontalAdvance(words) + 4, metrics) == words
    assert fitting(words, metrics.horizontalAdvance(words) - 4, metrics) == "15:19 · 43 s"
    assert fitting(words, 1, metrics) != words


def test_the_tree_keeps_the_chosen_row_and_says_a_double_click(qtbot: QtBot):
    dock = VersionsDock()
    qtbot.addWidget(dock)
    dock.resize(260, 400)
    dock.show()
    tree = [version("a"), version("b", "a", 1), version("c", "a", 2)]
    dock.show_versions(tree, VersionId("b"), VersionId("a"))
    assert dock.chosen() == "b"
    dock.choose(VersionId("c"))
    dock.show_versions(tree, VersionId("b"), VersionId("a"))
    assert dock.chosen() == "c"
    dock.show_versions([*tree, version("d", "c", 3)], VersionId("d"), VersionId("c"))
    assert dock.chosen() == "d"
    dock.show_versions([*tree, version("d", "c", 3)], VersionId("a"), None)
    assert dock.chosen() == "a"
    item = dock.tree.topLevelItem(0)
    assert item is not None
    with qtbot.waitSignal(dock.opened) as said:
        dock.tree.itemDoubleClicked.emit(item, 0)
    assert said.args == ["a"]
    assert not dock.grab().isNull()


def test_restore_lists_tasks_and_methods_and_marks_what_must_be_fetched(qtbot: QtBot):
    dock = RestoreDock()
    qtbot.addWidget(dock)
    assert dock.choice() is None
    dock.show_models(MODELS)
    dock.show_methods(METHODS, {"dehaze": "maxim-dehazing-outdoor"})
    dock.show_ready(True)
    assert [dock.task.itemData(k) for k in range(dock.task.count())] == [
        "derain", "dehaze", "deblur", "denoise", "low_light", "retouch",
    ]  # fmt: skip
    dock.choose("dehaze")
    dock.percent.setValue(40)
    assert dock.choice() == Choice("dehaze", "maxim-dehazing-outdoor", 0.4, ())
    assert dock.fetch_button.isHidden()
    dock.choose("denoise")
    assert dock.choice() == Choice("denoise", "maxim-denoising", 0.4, ("maxim-denoising",))
    assert not dock.fetch_button.isHidden()
    assert dock.missing_size() == 89_000_000
    assert dock.missing_licences() == "Apache-2.0"
    with qtbot.waitSignal(dock.asked) as said:
        dock.visible_button.click()
    assert said.args == [True]


def test_a_method_that_needs_nothing_fetched_is_offered_first(qtbot: QtBot):
    dock = RestoreDock()
    qtbot.addWidget(dock)
    [deraining] = [m for m in METHODS if m.id == "maxim-deraining"]
    there = replace(deraining, id="of-our-own", title="Of our own", missing=())
    dock.show_methods((replace(deraining, missing=("maxim-deraining",)), there), {})
    assert dock.choice() == Choice("derain", "of-our-own", 1.0, ())
    dock.show_methods((replace(deraining, missing=("maxim-deraining",)), there), {"derain": "maxim-deraining"})
    assert dock.choice() == Choice("derain", "maxim-deraining", 1.0, ("maxim-deraining",))


def test_strength_goes_back_to_all_on_a_double_click_and_is_fine_with_shift(qtbot: QtBot):
    dock = RestoreDock()
    qtbot.addWidget(dock)
    dock.strength.setValue(50)
    QTest.keyClick(dock.strength, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert dock.strength.value() == 51
    QTest.keyClick(dock.strength, Qt.Key.Key_Right)
    assert dock.strength.value() == 56
    QTest.mouseDClick(dock.strength, Qt.MouseButton.LeftButton)
    assert dock.percent.value() == 100


def test_the_wheel_changes_a_field_only_while_it_has_the_focus(qtbot: QtBot):
    dock = RestoreDock()
    qtbot.addWidget(dock)
    dock.resize(320, 400)
    dock.show()
    dock.activateWindow()
    dock.strength.setValue(50)
    for focused in (False, True):
        if focused:
            dock.strength.setFocus()
            qtbot.waitUntil(dock.strength.hasFocus)
        else:
            dock.task.setFocus()
        at = QPointF(dock.strength.rect().center())
        turn = QWheelEvent(at, at, QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
                           Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
        QApplication.sendEvent(dock.strength, turn)
        assert (dock.strength.value() > 50) is focused


def test_the_composer_sends_starts_lines_and_recalls(qtbot: QtBot):
    dock = ChatDock()
    qtbot.addWidget(dock)
    dock.show_ready(True)
    dock.show_turns([Turn("user", "first"), Turn("assistant", "done"), Turn("user", "second")])
    composer = dock.composer
    said: list[str] = []
    dock.said.connect(said.append)
    QTest.keyClick(composer, Qt.Key.Key_Up)
    assert composer.toPlainText() == "second"
    QTest.keyClick(composer, Qt.Key.Key_Up)
    assert composer.toPlainText() == "first"
    QTest.keyClick(composer, Qt.Key.Key_Down)
    assert composer.toPlainText() == "second"
    composer.setPlainText("a")
    composer.moveCursor(composer.textCursor().MoveOperation.End)
    QTest.keyClick(composer, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(composer, "b")
    assert composer.sizeHint().height() > ChatDock().composer.sizeHint().height()
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert said == ["a\nb"]
    assert composer.toPlainText() == ""
    QTest.keyClick(composer, Qt.Key.Key_Return)
    assert said == ["a\nb"]


def test_what_a_photo_says_is_text_and_never_markup(qtbot: QtBot):
    dock = ChatDock()
    qtbot.addWidget(dock)
    dock.show_turns([Turn("assistant", "<img src='http://example.org/x'><b>bold</b>")])
    [bubble] = dock.transcript.bubbles
    assert bubble.textFormat() == Qt.TextFormat.PlainText


def test_progress_is_never_whole_before_the_job_is_done(qtbot: QtBot):
    status = Status()
    qtbot.addWidget(status)
    status.show()
    status.show_job("Remove rain", 1.0, "", 0.2)
    assert status.job.bar.value() < status.job.bar.maximum()
    status.show_job("Opening", None, "", None)
    assert status.job.bar.maximum() == 0
    with qtbot.waitSignal(status.cancelled):
        status.job.cancel.click()
    status.show_no_job()
    assert not status.job.isVisible()
    assert status.memory.text().endswith("B")
    assert (memory_used() or 10**8) > 10**7


def test_times_and_sizes_are_said_as_people_say_them():
    assert [duration(s) for s in (0.3, 4, 75, 184, 7500)] == ["1 s", "4 s", "75 s", "3 min", "2 h 5 min"]
    assert [file_size(n) for n in (12, 12_345, 1_234_567, 45_600_000_000)] == ["12 bytes", "12 kB", "1.2 MB", "45.6 GB"]
    assert [megapixels(x) for x in (24.2, 1.04, 0.05)] == ["24 MP", "1.0 MP", "0.05 MP"]
    assert clock(0.0, 86_400 * 400) == "01 Jan 1970, 00:00" or "1970" in clock(0.0, 86_400 * 400)
