"""The compare view in the real window: several versions, what the keys do, and what becomes of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import fakes
import numpy as np
from fakes import a_photo, a_window, press, settled, texts, type_key, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from clarity_desktop import messages as m
from clarity_desktop.ui.dialogs.compare_methods import CompareMethodsDialog, OfferedMethod
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.values import MethodOption, Step, VersionId

K = Qt.Key


def ask(window: MainWindow) -> CompareMethodsDialog:
    """Open the dialog of the methods against haze."""
    window.compare_commands.ask_methods("dehaze")
    return window.findChildren(CompareMethodsDialog)[-1]


async def compared(window: MainWindow) -> tuple[DocumentState, tuple[VersionId, ...]]:
    """A photo with two results of methods for haze, which are compared with it."""
    state = await a_photo(window)
    await run(window)
    await settled(window)
    assert state.compared is not None
    return state, state.compared.versions


async def run(window: MainWindow) -> None:
    """Run the checked methods, and wait until the window has the keys again."""
    ask(window).run.click()
    window.activateWindow()
    await until(window.isActiveWindow)


def on_photo(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key while the photo has the focus."""
    assert window.current is not None
    window.current.canvas.setFocus()
    type_key(window, key, modifier)


async def test_the_checked_methods_become_candidates_that_are_compared_with_the_open_version():
    async with a_window() as (window, link):
        state, versions = await compared(window)
        [asked] = link.of(m.TryMethods)
        assert [c.method for c in asked.choices] == ["maxim-dehazing-indoor", "maxim-dehazing-outdoor"]
        assert versions == tuple(state.versions)
        assert state.head == versions[0]
        assert state.canvas.comparison.mode == "grid"
        assert [card.number.text() for card in window.candidates.cards] == ["1", "2", "3"]
        first, second, _ = (card.facts for card in window.candidates.cards)
        assert first is not None
        assert second is not None
        assert first.difference == "The input"
        assert second.difference.startswith("Differs by ")
        assert (second.score, second.change, second.seconds) == ("56/100", "+8", "4 s")
        assert second.title == "MAXIM indoors"
        assert "Rain streaks" in second.verdict


async def test_the_dialog_says_what_each_method_takes_and_what_is_missing():
    async with a_window() as (window, link):
        link.methods = (*fakes.METHODS, replace(fakes.METHODS[1], id="other", tasks=("dehaze",), gains={"dehaze": 2.3}))
        indoor, outdoor = "maxim-dehazing-indoor", "maxim-dehazing-outdoor"
        found = (MethodOption(indoor, 4.0, 1.5), MethodOption(outdoor, 5.0))
        link.options["dehaze"] = m.OptionsListed("dehaze", found)
        window.session.ask(m.ListMethods())
        await a_photo(window)
        dialog = ask(window)
        assert dialog.rows[indoor].text(1) == "…"
        await settled(window)
        assert [dialog.rows[indoor].text(k) for k in (1, 2)] == ["4 s", "+1.5 dB"]
        assert dialog.checked == (indoor, outdoor)
        assert dialog.total.text() == "2 methods, about 9 s together; results can be compared as they come."
        dialog.rows[outdoor].setCheckState(0, Qt.CheckState.Unchecked)
        too_large = (found[0], MethodOption(outdoor, None, obstacle="Too large."))
        dialog.show_options({option.method: option for option in too_large})
        assert dialog.checked == (indoor,)
        assert dialog.rows[outdoor].text(3) == "Cannot run here"
        missing = dialog.rows["other"]
        assert missing.text(3) == "Not installed (89 MB)"
        assert missing.text(2) == "+2.3 dB"
        assert not missing.flags() & Qt.ItemFlag.ItemIsEnabled
        dialog.reject()


def test_no_more_methods_are_run_than_can_be_compared(qtbot: QtBot):
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = CompareMethodsDialog(parent, "dehaze", [OfferedMethod(f"m{n}", 1.0) for n in range(7)])
    assert len(dialog.checked) == 3
    for row in dialog.rows.values():
        row.setCheckState(0, Qt.CheckState.Checked)
    assert not dialog.run.isEnabled()
    assert dialog.total.text().startswith("At most 6 results")
    for row in dialog.rows.values():
        row.setCheckState(0, Qt.CheckState.Unchecked)
    assert not dialog.run.isEnabled()
    dialog.reject()


async def test_the_keys_of_the_view_take_precedence_and_give_way_again():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        on_photo(window, K.Key_2)
        await settled(window)
        assert state.head == versions[1]
        assert state.compared is not None
        assert state.compared.chosen == versions[1]
        on_photo(window, K.Key_Period)
        assert state.compared.chosen == versions[2]
        assert state.head == versions[1]
        on_photo(window, K.Key_S)
        await settled(window)
        assert state.versions[versions[2]].star
        on_photo(window, K.Key_Comma)
        on_photo(window, K.Key_X)
        await settled(window)
        assert state.versions[versions[1]].rejected
        for key, mode in ((K.Key_D, "difference"), (K.Key_B, "blink"), (K.Key_G, "grid"), (K.Key_Y, "side")):
            on_photo(window, key)
            assert state.canvas.comparison.mode == mode
        on_photo(window, K.Key_Escape)
        assert state.compared is None
        assert state.canvas.comparison.mode == "single"
        assert not window.candidates.isVisible()
        on_photo(window, K.Key_2)
        assert state.canvas.view.scale == 2.0
        on_photo(window, K.Key_B)
        assert state.canvas.brush.is_active


async def test_what_was_opened_in_the_end_is_a_choice_among_the_methods():
    async with a_window() as (window, link):
        state, versions = await compared(window)
        on_photo(window, K.Key_2)
        await settled(window)
        on_photo(window, K.Key_3)
        await settled(window)
        on_photo(window, K.Key_Escape)
        await settled(window)
        assert link.of(m.Pick) == [m.Pick(state.id, versions[2], versions[:2])]


async def test_looking_is_no_choice():
    async with a_window() as (window, link):
        await compared(window)
        on_photo(window, K.Key_Escape)
        await settled(window)
        assert link.of(m.Pick) == []


async def test_several_chosen_rows_of_the_list_are_compared():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        on_photo(window, K.Key_Escape)
        tree = window.versions.tree
        tree.setFocus()
        rows = [window.versions.model.row_of(version) for version in versions[1:]]
        for row, joins in zip(rows, (False, True), strict=True):
            assert row is not None
            at = tree.visualRect(window.versions.model.index(row)).center()
            modifier = Qt.KeyboardModifier.ControlModifier if joins else Qt.KeyboardModifier.NoModifier
            QTest.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, modifier, at)
        await settled(window)
        assert state.head == versions[1]  # Ctrl+click opens nothing
        assert window.action["compare"].text() == "&Compare these versions"
        type_key(window, K.Key_C)
        await settled(window)
        assert state.compared is not None
        assert set(state.compared.versions) == set(versions[1:])
        assert state.compared.input == versions[0]


async def test_a_further_version_joins_the_comparison_from_the_list():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        window.compare_commands.compare(state, versions[:2])
        window.versions.tree.setFocus()
        window.versions.choose(versions[2])
        type_key(window, K.Key_C)
        await settled(window)
        assert state.compared is not None
        assert state.compared.versions == versions


async def test_the_results_for_one_version_are_suggested():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        on_photo(window, K.Key_Escape)
        window.versions.choose(versions[0])
        on_photo(window, K.Key_N)
        await settled(window)
        assert state.compared is not None
        assert state.compared.versions == versions
        on_photo(window, K.Key_N)
        assert state.compared is None


async def test_one_version_alone_is_nothing_to_compare():
    async with a_window() as (window, _):
        state = await a_photo(window)
        on_photo(window, K.Key_N)
        assert state.compared is None
        assert texts(window) == ["There is only one version, so there is nothing to compare."]
        assert not window.action["compare_view"].isChecked()


async def test_a_click_on_a_pane_chooses_its_version():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        canvas = state.canvas
        pane = canvas.comparison.panes(canvas.view.bounds())[2]
        at = canvas.view.to_logical(pane.area.x + pane.area.width / 2, pane.area.y + pane.area.height / 2).toPoint()
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at)
        assert state.compared is not None
        assert state.compared.chosen == versions[2]
        assert window.versions.chosen() == versions[2]


async def test_the_cards_are_led_through_by_arrow_keys():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        card = window.candidates.first
        assert card is not None
        assert card in window.focus_order()
        card.setFocus()
        QTest.keyClick(card, K.Key_Right)
        assert state.compared is not None
        assert state.compared.chosen == versions[2]
        chosen = window.candidates.first
        assert chosen is not None
        assert chosen.accessibleName().startswith("3, MAXIM outdoors, chosen, ")
        QTest.keyClick(chosen, K.Key_Return)
        await settled(window)
        assert state.head == versions[2]


async def test_starred_versions_are_combined_and_the_result_joins_them():
    async with a_window() as (window, link):
        state, versions = await compared(window)
        assert not window.action["fuse_starred"].isEnabled()
        for card in window.candidates.cards[1:]:
            card.star.click()
            await settled(window)
        link.gates[m.Fuse] = gate = asyncio.Event()
        window.compare_bar.tools["fuse_starred"].click()
        on_photo(window, K.Key_F)  # once more, while it runs
        gate.set()
        await settled(window)
        assert link.of(m.Fuse) == [m.Fuse(state.id, versions[1:])]
        assert state.compared is not None
        assert state.compared.versions == (*versions, state.head)
        assert state.compared.chosen == state.head


async def test_a_part_is_painted_seen_and_taken():
    async with a_window() as (window, link):
        state, versions = await compared(window)
        on_photo(window, K.Key_3)
        await settled(window)
        on_photo(window, K.Key_Comma)
        on_photo(window, K.Key_P)
        assert window.part_bar.isVisible()
        assert not window.part_bar.apply.isEnabled()
        assert state.canvas.brush.is_active
        assert window.part_bar.what.text() == "Paint or select where “MAXIM indoors” replaces “MAXIM outdoors”."
        point = state.canvas.view.widget_point(240, 150).toPoint()
        QTest.mousePress(state.canvas, Qt.MouseButton.LeftButton, pos=point)
        QTest.mouseRelease(state.canvas, Qt.MouseButton.LeftButton, pos=point)
        await settled(window)
        assert state.canvas.layers.main.through is not None
        region = state.selection.now.region
        window.part_bar.apply.click()
        await settled(window)
        [asked] = link.of(m.MergePart)
        assert (asked.version, asked.source) == (versions[2], versions[1])
        assert asked.region is region
        assert asked.feather > 0
        assert not window.part_bar.isVisible()
        assert state.selection.now.region is None
        assert state.compared is not None
        assert state.compared.versions == (*versions, state.head)


async def test_esc_ends_taking_a_part_before_it_leaves():
    async with a_window() as (window, link):
        state, _ = await compared(window)
        on_photo(window, K.Key_P)
        assert not window.action["blink"].isEnabled()
        on_photo(window, K.Key_Escape)  # puts the brush away
        on_photo(window, K.Key_B)
        assert state.canvas.brush.is_active
        on_photo(window, K.Key_Escape)
        on_photo(window, K.Key_Escape)
        assert not window.part_bar.isVisible()
        assert window.compare_bar.isVisible()
        assert state.compared is not None
        on_photo(window, K.Key_Escape)
        assert state.compared is None
        assert link.of(m.MergePart) == []


async def test_nothing_can_be_taken_of_the_open_version_into_itself():
    async with a_window() as (window, _):
        await compared(window)
        first, second, _third = window.candidates.cards
        assert not first.take.isEnabled()
        assert first.take.toolTip().startswith("This version is open.")
        assert second.take.isEnabled()


async def test_a_deleted_version_leaves_the_comparison_and_the_last_but_one_ends_it():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        window.session.ask(m.Edit(state.id, versions[1], deleted=True), state)
        await settled(window)
        assert state.compared is not None
        assert state.compared.versions == (versions[0], versions[2])
        assert len(window.candidates.cards) == 2
        window.session.ask(m.Edit(state.id, versions[2], deleted=True), state)
        await settled(window)
        assert state.compared is None
        assert not window.candidates.isVisible()
        assert state.canvas.comparison.mode == "single"


async def test_a_change_of_a_compared_version_takes_its_place():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        on_photo(window, K.Key_2)
        await settled(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        assert state.compared is not None
        assert state.compared.versions == (versions[0], state.head, versions[2])


async def test_going_elsewhere_ends_the_comparison():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        window.compare_commands.compare(state, versions[:2])
        assert state.compared is not None
        window.edit_commands.go_to(versions[2])
        await settled(window)
        assert state.compared is None


async def test_a_further_result_for_the_same_input_joins_the_comparison():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        window.restore_commands.run("derain", confirmed=True)
        await settled(window)
        assert state.compared is not None
        assert state.compared.versions == (*versions, state.head)


async def test_cropping_ends_the_comparison():
    async with a_window() as (window, _):
        state, _ = await compared(window)
        window.action["crop"].trigger()
        assert state.compared is None
        assert window.crop_bar.isVisible()


async def test_each_photo_has_its_own_comparison():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        await a_photo(window, "other.jpg")
        assert not window.compare_bar.isVisible()
        assert not window.action["pick_2"].isEnabled()
        window.session.select(state)
        assert window.compare_bar.isVisible()
        assert len(window.candidates.cards) == len(versions)


async def test_undo_goes_back_among_the_compared_versions():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        on_photo(window, K.Key_2)
        await settled(window)
        window.action["undo"].trigger()
        await settled(window)
        assert state.head == versions[0]
        assert state.compared is not None
        assert state.compared.versions == versions


async def test_a_photo_may_be_closed_while_its_versions_are_compared():
    async with a_window() as (window, _):
        state, _versions = await compared(window)
        state.canvas.comparison.set_mode("blink")
        state.unsaved = False
        window.file_commands.close(state)
        await settled(window)
        assert window.current is None
        assert not window.compare_bar.isVisible()
        assert not window.candidates.isVisible()


async def test_results_stay_when_the_run_is_cancelled_half_way():
    async with a_window() as (window, link):
        state = await a_photo(window)
        gate = _Once()
        link.gates[m.CandidateAdded] = gate
        await run(window)
        await until(lambda: state.compared is not None and len(state.compared.versions) == 2)
        assert window.candidates.waiting.isVisible()
        window.requests.cancel_job()
        await settled(window)
        assert state.compared is not None
        assert len(state.compared.versions) == 2
        assert not window.candidates.waiting.isVisible()


async def test_the_job_is_called_by_its_task_and_method_until_the_last_result():
    async with a_window() as (window, link):
        state = await a_photo(window)
        link.gates[m.CandidateAdded] = gate = _Once()
        await run(window)
        await until(lambda: state.compared is not None and "2 of 2" in window.candidates.waiting.text())
        assert window.status.job.name.text().startswith("Remove haze: Trying")
        gate.set()
        await settled(window)


async def test_the_key_of_the_view_that_is_shown_goes_back_to_the_grid():
    async with a_window() as (window, _):
        state, _ = await compared(window)
        for key, mode in ((K.Key_G, "grid"), (K.Key_D, "difference"), (K.Key_D, "grid"), (K.Key_E, "single"),
                          (K.Key_E, "grid")):  # fmt: skip
            on_photo(window, key)
            assert state.canvas.comparison.mode == mode


async def test_a_notice_says_which_of_several_results_was_rejected():
    async with a_window() as (window, _):
        await compared(window)
        on_photo(window, K.Key_X)
        await settled(window)
        assert "“Dehazed · MAXIM indoors” was rejected." in texts(window)
        on_photo(window, K.Key_X)
        await settled(window)
        assert texts(window) == []


async def test_the_chosen_card_stays_in_sight_in_a_narrower_window():
    async with a_window() as (window, _):
        _, versions = await compared(window)
        window.compare_commands.choose(versions[2])
        strip = window.candidates
        strip.setMaximumWidth(260)
        await until(lambda: strip.width() == 260)
        card = strip.first
        assert card is not None
        left = card.mapTo(strip.viewport(), card.rect().topLeft()).x()
        assert 0 <= left <= left + card.width() <= strip.viewport().width()


async def test_results_that_come_after_the_comparison_was_left_are_offered():
    async with a_window() as (window, link):
        state = await a_photo(window)
        gate = _Once()
        link.gates[m.CandidateAdded] = gate
        await run(window)
        await until(lambda: state.compared is not None)
        on_photo(window, K.Key_Escape)
        assert state.compared is None
        gate.set()
        await settled(window)
        assert state.compared is None
        assert "2 results can be compared." in texts(window)
        press(window, "Compare")
        assert state.compared is not None
        assert len(state.compared.versions) == 3


async def test_versions_of_different_sizes_lie_over_the_same_field():
    async with a_window() as (window, link):
        state = await a_photo(window)
        d = link.documents[state.id or fakes.DocumentId("")]
        large = np.ascontiguousarray(np.repeat(np.repeat(d.pixels[d.head], 2, 0), 2, 1))
        original, made = d.head, d.add(d.head, Step("restore", "upscale", "span", seconds=2.0), large)
        d.head = original
        window.session.ask(m.Edit(d.id, original, star=False), state)
        await settled(window)
        window.compare_commands.compare(state, (original, made.id))
        await settled(window)
        state.canvas.view.zoom_to(4.0)
        part = state.canvas.view.visible()
        on_photo(window, K.Key_2)
        await settled(window)
        assert state.head == made.id
        shown = state.canvas.view.visible()
        assert abs(shown.width - 2 * part.width) <= 4
        assert abs(shown.x - 2 * part.x) <= 4
        facts = window.candidates.cards[1].facts
        assert facts is not None
        assert facts.difference == "960 × 600"
        assert facts.obstacle


async def test_other_methods_can_be_tried_for_the_same_input():
    async with a_window() as (window, link):
        state, versions = await compared(window)
        on_photo(window, K.Key_3)
        await settled(window)
        on_photo(window, K.Key_T)
        dialog = window.findChildren(CompareMethodsDialog)[-1]
        assert {row.text(3) for row in dialog.rows.values()} == {"Result exists"}
        assert dialog.checked == ()
        dialog.rows["maxim-dehazing-indoor"].setCheckState(0, Qt.CheckState.Checked)
        dialog.run.click()
        await settled(window)
        assert link.of(m.TryMethods)[-1].version == versions[0]
        assert state.compared is not None
        assert len(state.compared.versions) == 4
        assert state.head == versions[2]


async def test_the_gain_has_keys_and_shows_the_difference():
    async with a_window() as (window, _):
        state, _ = await compared(window)
        comparison = state.canvas.comparison
        on_photo(window, K.Key_BracketRight)
        assert (comparison.mode, comparison.difference.gain) == ("difference", 4)
        on_photo(window, K.Key_BracketRight)
        on_photo(window, K.Key_BracketRight)
        on_photo(window, K.Key_BracketRight)
        assert comparison.difference.gain == 16
        assert window.compare_bar.gain.currentText() == "× 16"
        on_photo(window, K.Key_BracketLeft)
        assert comparison.difference.gain == 8


async def test_the_reference_can_be_chosen():
    async with a_window() as (window, _):
        state, versions = await compared(window)
        on_photo(window, K.Key_Y, Qt.KeyboardModifier.ShiftModifier)
        assert state.canvas.comparison.mode == "split"
        box = window.compare_bar.reference
        assert [box.itemText(k) for k in range(box.count())][:2] == ["1 · Original", "2 · MAXIM indoors"]
        box.setCurrentIndex(2)
        box.activated.emit(2)
        assert state.compared is not None
        assert state.compared.reference == versions[2]
        left, right = state.canvas.comparison.panes(state.canvas.view.bounds())
        assert (left.layer.version, right.layer.version) == (versions[2], state.compared.chosen)


class _Once(asyncio.Event):
    """Lets one event pass and holds back the next ones until it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = False

    def is_set(self) -> bool:
        passed, self._passed = self._passed, True
        return super().is_set() or not passed


async def test_further_results_take_the_places_of_those_that_are_needed_least():
    async with a_window() as (window, link):
        state, versions = await compared(window)
        d = link.documents[state.id or fakes.DocumentId("")]
        more = [d.add(versions[0], Step("restore", "dehaze", f"m{k}"), d.pixels[versions[0]]).id for k in range(3)]
        window.session.ask(m.Edit(d.id, versions[1], star=True), state)
        window.session.ask(m.Edit(d.id, more[1], rejected=True), state)
        await settled(window)
        window.compare_commands.compare(state, (*versions, *more), versions[2])
        await settled(window)
        on_photo(window, K.Key_T)
        dialog = window.findChildren(CompareMethodsDialog)[-1]
        for row in dialog.rows.values():
            row.setCheckState(0, Qt.CheckState.Checked)
        dialog.run.click()
        await settled(window)
        new = list(state.versions)[-2:]
        assert state.compared is not None
        assert state.compared.versions == (versions[0], versions[1], new[1], more[0], new[0], more[2])


async def test_a_message_says_which_versions_have_numbers():
    async with a_window() as (window, link):
        _, versions = await compared(window)
        window.conversation_commands.send("blend 2 and 3")
        await settled(window)
        assert link.of(m.SendMessage)[-1].numbered == versions
        on_photo(window, K.Key_Escape)
        window.conversation_commands.send("blend 2 and 3")
        await settled(window)
        assert link.of(m.SendMessage)[-1].numbered == ()


async def test_a_photo_may_be_closed_while_methods_are_tried():
    async with a_window() as (window, link):
        state = await a_photo(window)
        link.gates[m.CandidateAdded] = gate = _Once()
        await run(window)
        await until(lambda: state.compared is not None)
        state.unsaved = False
        window.file_commands.close(state)
        gate.set()
        await settled(window)
        assert window.current is None
        assert not window.requests.jobs
        assert not window.candidates.isVisible()
