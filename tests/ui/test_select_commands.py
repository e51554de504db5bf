"""Selecting in the window: requests of the tools, what becomes of their answers, undo, Esc, other photos."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from fakes import SIDE, FakeLink, a_photo, a_window, settled, texts, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from clarity_desktop import messages as m
from clarity_desktop.text import Message
from clarity_desktop.ui.canvas.mask_overlay import MaskOverlay
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.values import Bounds, Combine, Feather, Grow, Invert, Lasso, Paint, Refine, Region

LEFT, RIGHT = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
NONE, SHIFT, ALT = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier


@asynccontextmanager
async def selecting(tool: str = "select_click") -> AsyncGenerator[tuple[MainWindow, FakeLink, DocumentState]]:
    """A window with a photo and an active tool."""
    async with a_window() as (window, link):
        state = await a_photo(window)
        window.action[tool].trigger()
        await settled(window)
        yield window, link, state


def at(state: DocumentState, x: float, y: float) -> object:
    return state.canvas.view.widget_point(x, y).toPoint()


async def click(window: MainWindow, x: float, y: float, keys: object = NONE, button: object = LEFT) -> None:
    assert window.current is not None
    QTest.mouseClick(window.current.canvas, button, keys, at(window.current, x, y))
    await settled(window)


def bounds(state: DocumentState) -> Bounds | None:
    """What is selected."""
    region = state.selection.now.region
    return region.bounds if region is not None else None


def square(x: int, y: int, side: int = SIDE) -> Bounds:
    return Bounds(x - side // 2, y - side // 2, side, side)


def shown_mask(state: DocumentState) -> Region | None:
    overlay = state.canvas.layers.main.overlay("mask")
    return overlay.masks[-1].region if isinstance(overlay, MaskOverlay) else None


async def test_a_tool_prepares_the_engine_and_shows_its_bar():
    async with selecting() as (window, link, state):
        assert link.of(m.PrepareSelection) == [m.PrepareSelection(state.id, state.head)]
        assert window.select_bar.isVisible()
        assert window.action["select_click"].isChecked()
        window.action["brush"].trigger()
        assert window.select_bar.brush.isVisible()
        assert not window.action["select_click"].isChecked()
        window.select_bar.done_button.click()
        assert window.select_bar.isHidden()
        assert not window.action["brush"].isChecked()
        assert len(link.of(m.PrepareSelection)) == 1


async def test_clicks_correct_the_mask_and_the_candidates_are_cycled_through():
    async with selecting() as (window, link, state):
        await click(window, 200, 150)
        assert bounds(state) == square(200, 150)
        assert shown_mask(state) is state.selection.now.region
        assert window.select_bar.which.text() == "1 of 3 (90%)"
        await click(window, 220, 150, ALT)
        asked = link.of(m.Select)[-1]
        assert [c.inside for c in asked.clicks] == [True, False]
        assert asked.hint is not None
        assert asked.hint.max() == 1  # that of the first mask
        await click(window, 230, 150, button=RIGHT)
        assert [c.inside for c in link.of(m.Select)[-1].clicks] == [True, False, False]
        QTest.keyClick(state.canvas, Qt.Key.Key_C)
        await settled(window)
        last, before = link.of(m.Select)[-1], link.of(m.Select)[-2]
        assert (last.candidate, last.clicks) == (1, before.clicks)
        assert last.hint is before.hint
        assert window.select_bar.which.text() == "2 of 3 (70%)"
        window.select_bar.before.click()
        window.select_bar.before.click()
        await settled(window)
        assert link.of(m.Select)[-1].candidate == 2 or link.of(m.Select)[-1].candidate == 0


async def test_shift_adds_another_object_and_alt_takes_away_where_no_click_was():
    async with selecting() as (window, link, state):
        await click(window, 100, 100)
        await click(window, 300, 200, SHIFT)
        assert link.of(m.Select)[-1].clicks[0].x == 300
        assert len(link.of(m.Select)[-1].clicks) == 1
        assert bounds(state) == Bounds(80, 80, 240, 140)
        window.select_commands.select_all()
        await click(window, 100, 100, ALT)
        assert [c.inside for c in link.of(m.Select)[-1].clicks] == [True]
        region = state.selection.now.region
        assert region is not None
        assert region.full()[100, 100] == 0
        assert region.full()[10, 10] == 255


async def test_a_newer_click_replaces_one_that_is_being_answered():
    async with selecting() as (window, link, state):
        link.gates[m.Select] = asyncio.Event()
        canvas = state.canvas
        QTest.mouseClick(canvas, LEFT, NONE, at(state, 100, 100))
        await until(lambda: len(link.of(m.Select)) == 1)
        QTest.mouseClick(canvas, LEFT, NONE, at(state, 120, 100))
        await until(lambda: len(link.cancelled) == 1)
        link.gates[m.Select].set()
        await settled(window)
        assert len(link.of(m.Select)[-1].clicks) == 2
        assert bounds(state) == square(120, 100)
        assert texts(window) == []


async def test_a_box_is_drawn_and_combined_by_the_chosen_mode():
    async with selecting("select_box") as (window, link, state):
        canvas = state.canvas
        for mode, first, last in (("replace", (50, 50), (150, 120)), ("add", (200, 50), (300, 120))):
            window.select_bar.modes[mode].click()
            QTest.mousePress(canvas, LEFT, NONE, at(state, *first))
            QTest.mouseMove(canvas, at(state, *last))
            QTest.mouseRelease(canvas, LEFT, NONE, at(state, *last))
            await settled(window)
        assert link.of(m.Select)[0].boxes == (Bounds(50, 50, 100, 70),)
        assert isinstance(link.of(m.ChangeRegion)[-1].change, Combine)
        assert bounds(state) == Bounds(50, 50, 250, 70)


async def test_strokes_that_come_quickly_are_all_painted():
    async with selecting("brush") as (window, link, state):
        link.gates[m.ChangeRegion] = asyncio.Event()
        canvas = state.canvas
        canvas.brush.set_shape(20, 0)
        for y in (40, 80, 120):
            QTest.mousePress(canvas, LEFT, NONE, at(state, 60, y))
            QTest.mouseMove(canvas, at(state, 120, y))
            QTest.mouseRelease(canvas, LEFT, NONE, at(state, 120, y))
        await until(lambda: bool(link.of(m.ChangeRegion)))
        link.gates[m.ChangeRegion].set()
        await settled(window)
        changes = [r.change for r in link.of(m.ChangeRegion)]
        assert [len(c.strokes) for c in changes if isinstance(c, Paint)] == [1, 2]
        region = state.selection.now.region
        assert region is not None
        assert all(region.full()[y, 90] == 255 for y in (40, 80, 120))
        window.select_bar.erase.click()
        QTest.mouseClick(canvas, LEFT, NONE, at(state, 90, 80))
        await settled(window)
        assert state.selection.now.region is not None
        assert state.selection.now.region.full()[80, 90] == 0


async def test_erasing_nothing_asks_for_nothing():
    async with selecting("brush") as (window, link, _state):
        await click(window, 100, 100, ALT)
        assert link.of(m.ChangeRegion) == []
        assert texts(window) == []


async def test_the_lasso_and_the_edge_change_the_selection():
    async with selecting("lasso") as (window, link, state):
        canvas = state.canvas
        QTest.mousePress(canvas, LEFT, NONE, at(state, 60, 60))
        for point in ((160, 60), (160, 160), (60, 160)):
            QTest.mouseMove(canvas, at(state, *point))
        QTest.mouseRelease(canvas, LEFT, NONE, at(state, 60, 160))
        await settled(window)
        assert isinstance(link.of(m.ChangeRegion)[0].change, Lasso)
        before = bounds(state)
        assert before is not None
        window.regions.pixels.setValue(5)
        for name, kind in (("grow", Grow(5)), ("shrink", Grow(-5)), ("feather", Feather(5)), ("refine", Refine(5)),
                           ("invert", Invert())):  # fmt: skip
            window.regions.edges[name].click()
            await settled(window)
            assert link.of(m.ChangeRegion)[-1].change == kind
        assert bounds(state) == Bounds(0, 0, 480, 300)


async def test_what_would_select_nothing_is_a_sentence_and_changes_nothing():
    async with selecting() as (window, _link, state):
        await click(window, 100, 100)
        before = bounds(state)
        window.regions.pixels.setValue(500)
        window.regions.edges["shrink"].click()
        await settled(window)
        assert bounds(state) == before
        assert texts(window) == ["This would select nothing. The region was not changed."]


async def test_undo_goes_back_through_masks_and_versions_in_their_order():
    async with selecting() as (window, link, state):
        await click(window, 100, 100)
        await click(window, 300, 200, SHIFT)
        first = state.head
        window.action["rotate_right"].trigger()  # of the fake: the size stays
        await settled(window)
        assert state.head != first
        window.action["undo"].trigger()
        await settled(window)
        assert state.head == first
        assert bounds(state) == Bounds(80, 80, 240, 140)
        window.action["undo"].trigger()
        assert bounds(state) == square(100, 100)
        window.action["undo"].trigger()
        assert bounds(state) is None
        assert shown_mask(state) is None
        assert not window.action["undo"].isEnabled()
        window.action["redo"].trigger()
        window.action["redo"].trigger()
        assert bounds(state) == Bounds(80, 80, 240, 140)
        window.action["redo"].trigger()
        await settled(window)
        assert state.head != first
        assert len(link.of(m.Redo)) == 1


async def test_escape_cancels_then_clears_then_puts_the_tool_away():
    async with selecting() as (window, link, state):
        await click(window, 100, 100)
        link.gates[m.Select] = asyncio.Event()
        QTest.mouseClick(state.canvas, LEFT, NONE, at(state, 150, 100))
        await until(lambda: len(link.of(m.Select)) == 2)
        QTest.keyClick(state.canvas, Qt.Key.Key_Escape)
        await until(lambda: len(link.cancelled) == 1)
        await settled(window)
        assert bounds(state) == square(100, 100)
        QTest.keyClick(state.canvas, Qt.Key.Key_Escape)
        assert bounds(state) is None
        assert state.canvas.click.is_active
        QTest.keyClick(state.canvas, Qt.Key.Key_Escape)
        assert not state.canvas.click.is_active


async def test_escape_clears_the_selection_without_a_tool():
    async with selecting() as (window, _link, state):
        await click(window, 100, 100)
        window.select_bar.done_button.click()
        assert bounds(state) == square(100, 100)
        assert window.action["cancel"].isEnabled()
        window.action["cancel"].trigger()
        assert bounds(state) is None
        assert not window.action["cancel"].isEnabled()


async def test_all_none_and_invert():
    async with selecting() as (window, _link, state):
        window.action["select_all"].trigger()
        assert bounds(state) == Bounds(0, 0, 480, 300)
        window.action["select_none"].trigger()
        assert bounds(state) is None
        await click(window, 100, 100)
        window.action["select_invert"].trigger()
        await settled(window)
        assert state.selection.now.region is not None
        assert state.selection.now.region.full()[100, 100] == 0


async def test_the_selection_is_hidden_recolored_and_drawn_in_other_ways():
    async with selecting() as (window, _link, state):
        await click(window, 100, 100)
        overlay = state.canvas.layers.main.overlay("mask")
        assert isinstance(overlay, MaskOverlay)
        first = overlay.masks[0].color
        window.action["mask_color"].trigger()
        overlay = state.canvas.layers.main.overlay("mask")
        assert isinstance(overlay, MaskOverlay)
        assert overlay.masks[0].color != first
        field = window.regions.style_field
        field.setCurrentIndex(field.findData("outline"))
        overlay = state.canvas.layers.main.overlay("mask")
        assert isinstance(overlay, MaskOverlay)
        assert overlay.style == "outline"
        assert window.session.settings.mask_style == "outline"
        window.action["show_mask"].trigger()
        assert shown_mask(state) is None
        window.action["show_mask"].trigger()
        assert shown_mask(state) is not None


async def test_each_photo_has_its_own_selection_and_a_new_version_keeps_it():
    async with selecting() as (window, _link, state):
        await click(window, 100, 100)
        other = await a_photo(window, "b.jpg")
        assert window.select_bar.isHidden()
        assert bounds(other) is None
        window.session.select(state)
        await settled(window)
        assert bounds(state) == square(100, 100)
        window.action["flip_horizontal"].trigger()
        await settled(window)
        assert shown_mask(state) is state.selection.now.region


async def test_a_version_of_another_size_has_no_selection():
    async with a_window() as (window, link):
        sizes = iter([(300, 480), (200, 200)])
        link.pixels = lambda _path: np.zeros((*next(sizes), 3), np.uint8)
        state = await a_photo(window)
        window.action["select_all"].trigger()
        other = await a_photo(window, "b.jpg")
        manifest = link.documents[other.id].manifests[other.head]
        version = link.documents[other.id].versions[other.head]
        state.add_version(version, manifest)
        window.refresh()
        assert bounds(state) is None
        assert not state.selection.can_undo


async def test_words_select_by_the_chosen_mode_and_a_finding_selects_where_it_is():
    async with selecting() as (window, link, state):
        window.regions.words.setText("both cars")
        QTest.keyClick(window.regions.words, Qt.Key.Key_Return)
        await settled(window)
        assert link.of(m.SelectWords) == [m.SelectWords(state.id, state.head, "both cars")]
        assert bounds(state) == Bounds(20, 30, 100, 80)
        assert state.selection.now.name == "both cars"
        window.select_bar.modes["add"].click()
        await click(window, 300, 200)
        assert bounds(state) == Bounds(20, 30, 300, 190)
        rows = [row for row in window.quality.findings.rows if not row.where.isHidden()]
        rows[0].where.click()
        await settled(window)
        assert link.of(m.SelectWhere)[-1].degradation == rows[0].degradation


async def test_what_the_conversation_selects_is_selected_in_the_window():
    async with a_window() as (window, link):
        state = await a_photo(window)
        assert state.id
        assert state.head
        region = Region.rectangle(Bounds(1, 2, 30, 40), 480, 300)
        pending = window.session.ask(m.SendMessage(state.id, "select the sky"), state)
        window.select_commands.add_selected(pending, m.Selected(state.id, state.head, region, "pixels", (1.0,)))
        assert bounds(state) == Bounds(1, 2, 30, 40)
        await settled(window)
        assert link.of(m.SendMessage)


async def test_a_click_that_finds_nothing_is_a_sentence():
    async with selecting() as (window, link, state):
        link.errors[m.Select] = m.UserError("regions.nothing_found", engine="GrabCut")
        await click(window, 100, 100)
        assert bounds(state) is None
        assert texts(window)[0].startswith("GrabCut found no object there.")
        assert Path("rain.jpg").name == state.title


async def test_that_fewer_were_found_than_named_is_said_beside_the_selection():
    async with selecting() as (window, _link, state):
        window.select_commands.select_words("both cars")
        pending = next(one for one in window.requests.running if isinstance(one.request, m.SelectWords))
        region = Region.rectangle(Bounds(20, 30, 100, 80), 480, 300)
        notes = (Message("regions.only_one", {"thing": "car"}),)
        event = m.Selected(state.id, state.head, region, "pixels", (1.0,), notes=notes)
        window.select_commands.add_selected(pending, event)
        assert state.selection.now.region is region
        assert texts(window) == ["Only one car was found."]
        await settled(window)


async def test_only_the_last_failure_of_selecting_is_shown_until_one_succeeds():
    async with selecting() as (window, link, state):
        for words in ("cars", "dogs", "cats"):
            link.errors[m.SelectWords] = m.UserError("regions.not_there", words=words)
            window.select_commands.select_words(words)
            await settled(window)
        assert [text.split(" was")[0] for text in texts(window)] == ["“cats”"]
        link.errors.clear()
        await click(window, 100, 100)
        assert bounds(state) is not None
        assert texts(window) == []


async def test_the_mask_under_the_resting_pointer_is_shown_where_clicks_are_fast():
    async with selecting() as (window, link, state):
        await click(window, 100, 100)  # the fake answers at once
        window.select_commands.clear()
        count = len(link.of(m.Select))
        state.canvas.click.pointed.emit((200.0, 150.0))
        await until(lambda: len(link.of(m.Select)) == count + 1)
        await settled(window)
        assert bounds(state) is None
        preview = shown_mask(state)
        assert preview is not None
        assert preview.bounds == square(200, 150)
        assert window.requests.jobs == []
        state.canvas.click.pointed.emit(None)
        assert shown_mask(state) is None
        link.errors[m.Select] = m.UserError("regions.nothing_found", engine="GrabCut")
        state.canvas.click.pointed.emit((10.0, 10.0))
        await until(lambda: len(link.of(m.Select)) == count + 2)
        await settled(window)
        assert texts(window) == []
        del link.errors[m.Select]
        await click(window, 200, 150)
        assert bounds(state) == square(200, 150)


async def test_the_healing_brush_fills_what_was_painted_one_after_the_other():
    async with selecting("heal") as (window, link, state):
        assert window.select_bar.erase.isHidden()
        link.gates[m.RemoveObject] = asyncio.Event()
        state.canvas.heal.set_shape(20, 0)
        assert state.canvas.brush.diameter == 20
        for y in (60, 120, 180):
            QTest.mouseClick(state.canvas, LEFT, ALT, at(state, 100, y))
        await until(lambda: bool(link.of(m.RemoveObject)))
        assert len(link.of(m.RemoveObject)) == 1
        link.gates[m.RemoveObject].set()
        await settled(window)
        first, second = link.of(m.RemoveObject)
        assert first.region.full()[[60, 120, 180], 100].tolist() == [255, 0, 0]
        assert second.region.full()[[60, 120, 180], 100].tolist() == [0, 255, 255]
        assert second.version != first.version
        assert bounds(state) is None
        assert [v.step.task for v in state.versions.values()] == [None, "inpaint", "inpaint"]


async def test_a_failed_healing_leaves_nothing_behind():
    async with selecting("heal") as (window, link, state):
        link.errors[m.RemoveObject] = m.UserError("regions.empty")
        await click(window, 100, 100)
        assert texts(window) == ["This would select nothing. The region was not changed."]
        del link.errors[m.RemoveObject]
        await click(window, 100, 100)
        assert len(state.versions) == 2
