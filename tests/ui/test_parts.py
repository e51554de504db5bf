"""A part of a photo that was restored: shown as one, and completed on request."""

from __future__ import annotations

import numpy as np
from fakes import a_photo, a_window, press, settled, texts
from PySide6.QtGui import QImage, QPainter

from clarity_desktop import messages as m
from clarity_desktop.ui.canvas.geometry import Placement
from clarity_desktop.ui.commands.parts import unfinished
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import version_title
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.selection import MaskState
from clarity_desktop.values import Bounds, Region, part_of


async def a_part(window: MainWindow) -> DocumentState:
    """A photo of which the visible part was restored."""
    state = await a_photo(window)
    state.canvas.view.zoom_to(8.0)
    window.action["restore_visible"].trigger()
    await settled(window)
    return state


async def test_a_part_is_named_and_outlined_and_offers_the_rest():
    async with a_window() as (window, link):
        state = await a_part(window)
        head = state.head_version
        assert head
        part = part_of(head)
        assert part == state.canvas.view.visible().cut(Bounds(0, 0, 480, 300))
        assert version_title(head) == "Rain removed (part)"
        outline = state.canvas.layers.main.overlay("part")
        assert outline.bounds == part
        painted = QImage(48, 30, QImage.Format.Format_RGB32)
        painter = QPainter(painted)
        state.canvas.layers.main.paint(painter, (480, 300), Placement(0, 0, 48, 30), painted.rect())
        painter.end()
        left, middle = round(part.x / 10), round(part.center[1] / 10)
        edge = {painted.pixelColor(left, y).name() for y in range(middle - 1, middle + 4)}
        assert edge & {"#000000", "#ffffff"}, "the frame lies over the photo"
        [text] = texts(window)
        assert text.startswith("Only the outlined part (")
        assert window.restore.part.text() == text
        assert window.restore.rest_button.isVisibleTo(window.restore)
        assert window.action["complete"].isEnabled()
        press(window, "Restore the rest")
        await settled(window)
        assert link.of(m.Complete) == [m.Complete(state.id, head.id)]
        assert version_title(state.head_version) == "Rain removed"
        assert state.head_version.parent == state.original
        assert state.canvas.layers.main.overlay("part") is None
        assert window.restore.part.isHidden()
        assert not window.action["complete"].isEnabled()


async def test_the_outline_follows_the_open_version():
    async with a_window() as (window, _link):
        state = await a_part(window)
        state.canvas.grab()
        assert len(texts(window)) == 1
        window.action["undo"].trigger()
        await settled(window)
        assert texts(window) == []
        assert state.canvas.layers.main.overlay("part") is None
        window.action["redo"].trigger()
        await settled(window)
        assert state.canvas.layers.main.overlay("part") is not None


async def test_an_export_of_a_part_or_of_what_followed_it_warns():
    async with a_window() as (window, _link):
        state = await a_part(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        window.action["export"].trigger()
        dialog = window.export_commands.dialog
        assert dialog
        assert dialog.warning.text().startswith("Only part of this photo (")
        assert dialog.warning_row.isVisibleTo(dialog)
        dialog.export_button.click()
        await settled(window)
        assert any("Only part of this photo" in text for text in texts(window))
        window.versions.opened.emit(state.original)
        await settled(window)
        window.action["export"].trigger()
        assert window.export_commands.dialog
        assert not window.export_commands.dialog.warning_row.isVisibleTo(window.export_commands.dialog)
        window.export_commands.dialog.reject()


async def test_a_visible_part_that_is_all_of_the_photo_is_no_part():
    async with a_window() as (window, link):
        await a_photo(window)
        window.action["fit"].trigger()
        window.action["restore_visible"].trigger()
        await settled(window)
        [request] = link.of(m.Restore)
        assert request.params.region is None
        assert texts(window) == []


async def test_a_restored_selection_is_no_unfinished_part_but_its_rest_can_be_restored():
    async with a_window() as (window, link):
        state = await a_photo(window)
        mask = np.zeros((300, 480), np.uint8)
        mask[40:90, 50:150] = 255
        mask[40:50, 50:60] = 0
        window.select_commands.set(state, MaskState(Region.of(mask)))
        window.restore.choose("derain")
        window.restore.button.click()
        await settled(window)
        assert texts(window) == []
        assert state.head_version is not None
        assert part_of(state.head_version) is None
        assert window.restore.part.text() == "Only what was selected was restored."
        assert unfinished(state) == ""
        window.restore.rest_button.click()
        await settled(window)
        assert link.of(m.Complete) != []
