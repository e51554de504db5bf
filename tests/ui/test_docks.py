"""The panels by themselves: values in, signals out."""

from __future__ import annotations

import random
import time
from dataclasses import replace

import numpy as np
import pytest
from fakes import METHODS, MODELS, a_detection
from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QWheelEvent
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QTreeWidget
from pytestqt.qtbot import QtBot

from clarity_desktop.ui import theme
from clarity_desktop.ui.docks.chat import MIN_HEIGHT_FOR_CHIPS, ChatDock
from clarity_desktop.ui.docks.findings_panel import FindingsPanel
from clarity_desktop.ui.docks.restore import Choice, RestoreDock
from clarity_desktop.ui.docks.version_model import Lines, Row, VersionModel, details, facts, rows_of, score
from clarity_desktop.ui.docks.versions import VersionsDock, fitting
from clarity_desktop.ui.labels import (
    clock,
    distinct_titles,
    duration,
    file_size,
    megapixels,
    short_clock,
    version_name,
    version_title,
    what_ran,
)
from clarity_desktop.ui.status_bar import Status, memory_used
from clarity_desktop.values import Quality, Step, Turn, Version, VersionId


def version(at: str, parent: str | None = None, second: float = 0.0, **fields: object) -> Version:
    thumb = np.zeros((8, 12, 3), np.uint8)
    base = {"step": Step("open" if parent is None else "crop"), "name": "", "time": second, "width": 12, "height": 8}
    return Version(VersionId(at), VersionId(parent) if parent else None, thumbnail=thumb, **{**base, **fields})  # type: ignore[arg-type]


def test_a_long_history_stays_in_one_lane_and_lines_lead_from_a_version_to_its_branch():
    tree = [version("a"), version("b", "a", 1), version("c", "b", 2), version("d", "a", 3), version("e", "d", 4)]
    rows = rows_of(tree, VersionId("e"), None)
    assert [(row.version.id, row.lines, row.leads_to_head) for row in rows] == [
        ("a", Lines(0, below=(0,)), True),
        ("b", Lines(1, branch=True, below=(0, 1)), False),  # the newest branch goes on, the older one is beside it
        ("c", Lines(1, above=True, below=(0,)), False),
        ("d", Lines(0, above=True, below=(0,)), True),
        ("e", Lines(0, above=True), True),
    ]


def test_children_of_a_deleted_version_move_up():
    tree = [version("a"), version("b", "a", 1, deleted=True), version("c", "b", 2)]
    assert [row.version.id for row in rows_of(tree, None, None)] == ["a", "c"]


def test_a_long_history_is_listed_without_recursion():
    tree = [version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 1500)]
    assert len(rows_of(tree, None, None)) == 1500


def test_a_long_history_is_shown_and_changed_in_linear_time(qtbot: QtBot):
    dock = VersionsDock()
    qtbot.addWidget(dock)
    tree = [version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 12_000)]
    before = time.process_time()
    dock.show_versions(tree, tree[-1].id, tree[-2].id)
    tree.append(version("new", tree[-1].id, 12_000))
    dock.show_versions(tree, tree[-1].id, tree[-2].id)
    assert time.process_time() - before < 3  # 0.5 s on an idle machine; 7 s when each row looked for itself
    assert dock.chosen() == "new"


def test_a_tree_of_many_deleted_versions_or_branches_takes_little_time_and_memory():
    deleted = [version("0")] + [version(str(k), str(k - 1), k, deleted=True) for k in range(1, 6000)]
    children = [version(str(k), "5999", k) for k in range(6000, 12_000)]
    before = time.process_time()
    assert len(rows_of((*deleted, *children), None, None)) == 6001
    assert time.process_time() - before < 1  # 2 s and more when each version walked up to the original
    branches = [version("0")]
    for k in range(1, 6000, 2):
        parent = str(max(0, k - 2))
        branches += [version(str(k), parent, k), version(str(k + 1), parent, k + 1)]
    rows = rows_of(branches, None, None)
    assert max(row.lines.lane for row in rows) > 1000
    assert max(len(row.lines.below) for row in rows) <= 7


def test_a_score_and_another_head_change_rows_without_placing_all_again():
    tree = [version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 50)]
    model, changed = VersionModel(), list[int]()
    assert model.show(tree, tree[-1].id, tree[-2].id)
    model.dataChanged.connect(lambda first, _last: changed.append(first.row()))
    tree[7] = replace(tree[7], quality=Quality(overall=61.0))
    assert not model.show(tree, tree[-2].id, tree[-3].id)
    assert changed == [7, 8, 47, 48, 49]  # the score before that of row 8 is the one of row 7
    assert model.rows == rows_of(tree, tree[-2].id, tree[-3].id)
    tree[9] = replace(tree[9], deleted=True)
    assert model.show(tree, tree[-2].id, tree[-3].id)
    assert model.rows == rows_of(tree, tree[-2].id, tree[-3].id)


def test_a_changed_row_asks_nothing_about_the_others(qtbot: QtBot):
    dock, asked = VersionsDock(), 0
    qtbot.addWidget(dock)

    class Counted(VersionModel):
        def rowCount(self, parent: QModelIndex | QPersistentModelIndex = QModelIndex()) -> int:  # noqa: B008 — as Qt declares it
            nonlocal asked
            asked += 1
            return super().rowCount(parent)

    dock.model = Counted(dock)
    dock.tree.setModel(dock.model)
    dock.resize(280, 500)
    dock.show()
    tree = [version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 3000)]
    dock.show_versions(tree, tree[-1].id, tree[-2].id)
    QApplication.processEvents()
    asked = 0
    tree[-3] = replace(tree[-3], quality=Quality(overall=61.0))
    dock.show_versions(tree, tree[-2].id, tree[-3].id)
    QApplication.processEvents()
    assert asked < 300, "a list view lays out all rows again when one changes"


def test_home_and_end_lead_to_the_first_and_the_last_version(qtbot: QtBot):
    dock = VersionsDock()
    qtbot.addWidget(dock)
    tree = [version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 30)]
    dock.show_versions(tree, tree[20].id, tree[19].id)
    QTest.keyClick(dock.tree, Qt.Key.Key_Home)
    assert dock.chosen() == "0"
    QTest.keyClick(dock.tree, Qt.Key.Key_End)
    assert dock.chosen() == "29"


def test_few_converted_thumbnails_are_kept():
    model = VersionModel()
    model.update(rows_of([version("0")] + [version(str(k), str(k - 1), k) for k in range(1, 600)], None, None))
    for row in range(600):
        assert not model.data(model.index(row), Qt.ItemDataRole.DecorationRole).isNull()
    assert len(model._images) <= 256


def test_a_row_says_what_ran_where_and_what_it_changed():
    step = Step("restore", "derain", "maxim-deraining", strength=0.5, seconds=12.4)
    v = version("a", "z", time.time(), step=step, quality=Quality(overall=71.0), star=True)
    model = VersionModel()
    assert version_title(v) == "Rain removed (50%)"
    assert version_name(v) == "Rain removed"
    assert what_ran(step) == "Remove rain · MAXIM · 50%"
    assert facts(v) == "MAXIM · 50% · whole"
    assert facts(replace(v, step=replace(step, strength=1.0, region="r1"))) == "MAXIM · 100% · part"
    assert facts(replace(v, step=replace(step, method="other-method"))).startswith("other-method · ")
    assert details(v) == f"MAXIM · 50% · whole · {clock(v.time)} · 12 s"
    assert facts(version("b", "a", name="Cropped")) == short_clock(0.0)
    assert facts(version("b", "a", name="Upright")) == f"Cropped · {short_clock(0.0)}"
    row = Row(v, Lines(), "current", before=59.4)
    assert model.change(row) == "12 better"
    assert model.change(row._replace(before=73.6)) == "3 worse"
    assert model.change(row._replace(before=71.3)) == "same"
    assert model.change(row._replace(before=None)) == ""
    assert model.spoken(row).endswith("71/100, 12 better, starred, open version")
    assert score(Quality(overall=71.0, niqe=3.0)) == "71/100"
    assert score(Quality(niqe=3.21)) == "NIQE 3.2"


def test_a_rise_is_green_and_a_fall_red(history: VersionsDock, qapp: QApplication):
    def colors(overall: float) -> set[str]:
        scored = [
            replace(HISTORY[0], quality=Quality(overall=50.0)),
            replace(HISTORY[1], quality=Quality(overall=overall)),
        ]
        history.show_versions(scored, VersionId("a"), None)
        picture = history.tree.viewport().grab(history.tree.visualRect(history.model.index(1))).toImage()
        seen = {picture.pixel(x, y) for x in range(picture.width()) for y in range(picture.height())}
        return {name for name in ("good", "error") if QColor(getattr(theme.colors(), name)).rgb() in seen}

    assert colors(90.0) == {"good"}
    assert colors(10.0) == {"error"}
    assert colors(50.0) == set()


def test_versions_of_one_task_are_distinguished_by_their_method():
    steps = [Step("restore", "denoise", method) for method in ("maxim-denoising", "clarity-all")]
    first, second = (facts(version("b", "a", step=step)) for step in steps)
    assert first.startswith("MAXIM ·")
    assert second.startswith("Quick ·")


def test_versions_shown_side_by_side_have_different_titles():
    quick = Step("restore", "denoise", "clarity-all", strength=0.5)
    steps = [Step("restore", "denoise", "maxim-denoising"), quick]
    a, b, c = version("a"), version("b", "a", step=steps[0]), version("c", "a", step=steps[1])
    assert distinct_titles([a, b]) == {"a": "Original", "b": "Denoised · MAXIM"}
    assert distinct_titles([b, c]) == {"b": "Denoised · MAXIM", "c": "Denoised · Quick, 50%"}
    again = version("d", "a", 86_400.0, step=steps[0])
    assert len(set(distinct_titles([b, again]).values())) == 2
    assert distinct_titles([replace(b, name="My best")]) == {"b": "My best"}


def test_a_part_and_a_version_that_was_rolled_back_are_named_so():
    part = Step("restore", "deblur", "maxim-deblurring", region="r1")
    assert version_title(version("b", "a", step=part)) == "Deblurred (part)"
    assert version_title(version("b", "a", step=part, rejected=True)) == "Rejected: Deblurred (part)"


def test_a_row_leaves_out_what_it_has_no_room_for(qtbot: QtBot):
    tree = QTreeWidget()
    qtbot.addWidget(tree)
    metrics = tree.fontMetrics()
    words = "15:19 · 43 s · maxim-deraining"
    assert fitting(words, metrics.horizontalAdvance(words) + 4, metrics) == words
    assert fitting(words, metrics.horizontalAdvance(words) - 4, metrics) == "15:19 · 43 s"
    assert fitting(words, 1, metrics) != words


def test_the_tree_keeps_the_chosen_row_and_one_click_opens_a_version(qtbot: QtBot):
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
    place = dock.tree.visualRect(dock.model.index(0)).center()
    with qtbot.waitSignal(dock.opened) as signal:
        QTest.mouseClick(dock.tree.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    assert signal.args == ["a"]
    with qtbot.assertNotEmitted(dock.opened):  # which is for the menu
        QTest.mouseClick(dock.tree.viewport(), Qt.MouseButton.RightButton, Qt.KeyboardModifier.NoModifier, place)
    assert not dock.grab().isNull()


@pytest.fixture
def history(qtbot: QtBot) -> VersionsDock:
    """The original, a version and a branch of the original, which is the current one."""
    dock = VersionsDock()
    qtbot.addWidget(dock)
    dock.resize(260, 400)
    dock.show()
    dock.show_versions(HISTORY, VersionId("c"), VersionId("a"))
    return dock


HISTORY = (version("a"), version("b", "a", 1), version("c", "a", 2))


def test_a_name_that_is_being_typed_survives_scores_and_new_versions(history: VersionsDock, qtbot: QtBot):
    history.rename()
    editor = history.tree.findChild(QLineEdit)
    assert editor is not None
    QTest.keyClicks(editor, "My best")
    scored = replace(HISTORY[2], quality=Quality(overall=64.0))
    history.show_versions((*HISTORY[:2], scored), VersionId("c"), VersionId("a"))
    history.show_versions((*HISTORY[:2], scored, version("d", "a", 3)), VersionId("d"), VersionId("a"))
    assert history.tree.is_editing()
    assert editor.text() == "My best"
    with qtbot.waitSignal(history.renamed) as signal:
        QTest.keyClick(editor, Qt.Key.Key_Return)
    assert signal.args == ["c", "My best"]


def test_the_model_changes_in_place(history: VersionsDock):
    model = history.model
    changes: list[object] = []

    def inserted(_parent: QModelIndex, first: int, last: int) -> None:
        changes.append(("inserted", first, last))

    def changed(first: QModelIndex, last: QModelIndex) -> None:
        changes.append(("changed", first.row(), last.row()))

    model.modelReset.connect(lambda: changes.append("reset"))
    model.rowsInserted.connect(inserted)
    model.dataChanged.connect(changed)
    assert [row.version.id for row in model.rows] == ["a", "b", "c"]
    starred = replace(HISTORY[1], star=True)
    history.show_versions((HISTORY[0], starred, HISTORY[2]), VersionId("c"), VersionId("a"))
    assert changes == [("changed", 1, 1)]
    changes.clear()
    history.show_versions((*HISTORY, version("d", "c", 3)), VersionId("d"), VersionId("c"))
    changed_rows = [("changed", k, k) for k in range(4)]
    assert changes == [("changed", 2, 2), ("inserted", 3, 3), *changed_rows]
    changes.clear()
    history.show_versions(HISTORY[:2], VersionId("b"), VersionId("a"))
    assert "reset" not in changes
    assert [row.version.id for row in model.rows] == ["a", "b"]


@pytest.mark.parametrize("seed", range(8))
def test_versions_added_one_by_one_make_the_rows_of_the_whole_tree(qtbot: QtBot, seed: int):
    luck, model = random.Random(seed), VersionModel()
    QAbstractItemModelTester(model)
    tree = [version("v0")]
    resets: list[None] = []
    model.show(tree, VersionId("v0"), None)
    model.modelReset.connect(lambda: resets.append(None))
    for k in range(1, 60):
        if luck.random() < 0.1:
            at = luck.randrange(1, k) if k > 1 else 0
            tree[at] = replace(tree[at], deleted=at > 0)
        parent = luck.choice((tree[-1], tree[-1], luck.choice(tree)))
        tree.append(version(f"v{k}", parent.id, k if luck.random() < 0.9 else luck.randrange(1, k + 1)))
        head, other = tree[-1].id, luck.choice(tree).id
        model.show(tree, head, other)
        assert model.rows == rows_of(tree, head, other)
    assert resets == []


def test_rows_follow_the_order_of_the_tree_when_a_branch_point_is_deleted(qtbot: QtBot):
    tree = [version("a"), version("b", "a", 1), version("c", "b", 2), version("d", "b", 3), version("e", "a", 4)]
    model = VersionModel()
    QAbstractItemModelTester(model)
    for deleted in (set(), {"b"}, {"b", "c"}, {"c"}, set()):
        now = [replace(v, deleted=v.id in deleted) for v in tree]
        rows = rows_of(now, VersionId("e"), VersionId("a"))
        model.update(rows)
        assert model.rows == rows


def test_the_selection_and_the_scroll_position_survive_a_change_elsewhere(history: VersionsDock):
    history.choose(VersionId("b"))
    scored = replace(HISTORY[2], quality=Quality(overall=64.0))
    history.show_versions((*HISTORY[:2], scored), VersionId("c"), VersionId("a"))
    assert history.chosen() == "b"
    assert [index.row() for index in history.tree.selectedIndexes()] == [1]


def test_the_bars_of_all_problems_have_the_same_scale(qtbot: QtBot):
    panel = FindingsPanel()
    qtbot.addWidget(panel)
    panel.show_detection(a_detection(rain=0.8, noise=0.6))
    panel.resize(240, 700)
    panel.show()
    assert len({row.meter.width() for row in panel.rows}) == 1


def test_restore_lists_tasks_and_methods_and_marks_what_must_be_downloaded(qtbot: QtBot):
    dock = RestoreDock()
    qtbot.addWidget(dock)
    assert dock.choice() is None
    dock.show_models(MODELS)
    dock.show_methods(METHODS, {"dehaze": "maxim-dehazing-outdoor"}, {})
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


def test_a_method_that_needs_nothing_downloaded_is_offered_first(qtbot: QtBot):
    dock = RestoreDock()
    qtbot.addWidget(dock)
    [deraining] = [m for m in METHODS if m.id == "maxim-deraining"]
    there = replace(deraining, id="own", title="Own", missing=())
    dock.show_methods((replace(deraining, missing=("maxim-deraining",)), there), {}, {})
    assert dock.choice() == Choice("derain", "own", 1.0, ())
    dock.show_methods((replace(deraining, missing=("maxim-deraining",)), there), {"derain": "maxim-deraining"}, {})
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


def test_a_long_conversation_shows_its_end_and_the_rest_on_request(qtbot: QtBot):
    dock = ChatDock()
    qtbot.addWidget(dock)
    turns = [Turn("user" if k % 2 else "assistant", f"turn {k}") for k in range(20_000)]
    before = time.process_time()
    dock.show_turns((*turns, Turn("user", "x" * 500_000)))
    assert time.process_time() - before < 3
    assert len(dock.transcript.bubbles[-1].text()) < 20_000
    assert dock.transcript.bubbles[0].text() == "turn 19991", "the others follow when there is time"
    dock.add_turn(Turn("assistant", "the last"))
    assert dock.transcript.bubbles[-1].text() == "the last"
    dock.show_turns(())
    assert dock.transcript.bubbles == []


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


def test_times_and_sizes_are_rounded():
    assert [duration(s) for s in (0.3, 4, 75, 184, 7500)] == ["1 s", "4 s", "75 s", "3 min", "2.1 h"]
    assert [file_size(n) for n in (12, 12_345, 1_234_567, 45_600_000_000)] == ["12 bytes", "12 kB", "1.2 MB", "46 GB"]
    assert [megapixels(x) for x in (24.2, 1.04, 0.05)] == ["24 MP", "1.0 MP", "0.05 MP"]
    assert clock(0.0, 86_400 * 400) == "01 Jan 1970, 00:00" or "1970" in clock(0.0, 86_400 * 400)


def test_suggestions_stay_in_a_low_chat_until_a_conversation_needs_the_room(qtbot: QtBot):
    chat = ChatDock()
    qtbot.addWidget(chat)
    chat.show_ready(True)
    chat.resize(300, MIN_HEIGHT_FOR_CHIPS - 10)
    chat.show()
    assert not chat.chips.isHidden()
    chat.add_turn(Turn("user", "denoise", ()))
    assert chat.chips.isHidden()
    chat.resize(300, 400)
    assert not chat.chips.isHidden()
