"""The regions panel in the window: kept regions, boxes of words, engines, and what is done in the selection alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fakes import FakeLink, a_photo, a_window, press, settled, texts, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from clarity_desktop import messages as m
from clarity_desktop.ui.canvas.box_overlay import BoxOverlay
from clarity_desktop.ui.canvas.mask_overlay import MaskOverlay
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.selection import MaskState
from clarity_desktop.values import Adjustments, Bounds, Combine, EngineCard, Fit, MethodCard, Region

HERE = Bounds(40, 40, 100, 60)


def select(window: MainWindow, state: DocumentState, at: Bounds = HERE) -> Region:
    """Select a rectangle as a tool would."""
    region = Region.rectangle(at, 480, 300)
    window.select_commands.set(state, MaskState(region, "grabcut"))
    return region


def listed(window: MainWindow) -> list[str]:
    tree = window.regions.regions
    return [item.text(0) for k in range(tree.topLevelItemCount()) if (item := tree.topLevelItem(k))]


async def keep(window: MainWindow) -> None:
    window.regions.keep.click()
    await settled(window)


async def test_a_kept_region_is_listed_renamed_deleted_and_brought_back():
    async with a_window() as (window, link):
        state = await a_photo(window)
        select(window, state)
        await keep(window)
        assert listed(window) == ["Region 1"]
        assert state.unsaved
        assert window.regions.keep.text() == "Keep as a new region"
        item = window.regions.regions.topLevelItem(0)
        assert item is not None
        assert item.text(1) == "4%"
        assert not item.icon(0).isNull()
        item.setText(0, "The barn")
        await settled(window)
        assert listed(window) == ["The barn"]
        assert link.of(m.EditRegion) == [m.EditRegion(state.id, "r0", name="The barn")]
        window.regions.regions.setCurrentItem(window.regions.regions.topLevelItem(0))
        QTest.keyClick(window.regions.regions, Qt.Key.Key_Delete)
        await settled(window)
        assert listed(window) == []
        assert texts(window) == ["The region “The barn” was deleted."]
        press(window, "Undo")
        await settled(window)
        assert listed(window) == ["The barn"]


async def test_a_kept_region_changes_with_the_selection_and_with_undo():
    async with a_window() as (window, link):
        state = await a_photo(window)
        select(window, state)
        await keep(window)
        window.regions.pixels.setValue(10)
        window.regions.edges["grow"].click()
        await settled(window)
        last = link.of(m.KeepRegion)[-1]
        assert last.replaces == "r0"
        assert last.region is state.selection.now.region
        window.action["undo"].trigger()
        await settled(window)
        assert link.of(m.KeepRegion)[-1].region.bounds == Bounds(40, 40, 100, 60)
        select(window, state, Bounds(200, 100, 50, 50))
        await settled(window)
        assert len(link.of(m.KeepRegion)) == 3
        await keep(window)
        assert listed(window) == ["Region 1", "Region 2"]


async def test_a_kept_region_is_opened_shown_and_combined():
    async with a_window() as (window, link):
        state = await a_photo(window)
        select(window, state)
        await keep(window)
        select(window, state, Bounds(200, 100, 50, 50))
        item = window.regions.regions.topLevelItem(0)
        assert item is not None
        item.setCheckState(0, Qt.CheckState.Checked)
        await settled(window)
        overlay = state.canvas.layers.main.overlay("mask")
        assert isinstance(overlay, MaskOverlay)
        assert [shown.region.bounds for shown in overlay.masks] == [Bounds(40, 40, 100, 60), Bounds(200, 100, 50, 50)]
        assert len({shown.color for shown in overlay.masks}) == 2
        window.regions.regions.setCurrentItem(window.regions.regions.topLevelItem(0))
        window.regions.menu_actions["add"].trigger()
        await settled(window)
        assert isinstance(link.of(m.ChangeRegion)[-1].change, Combine)
        assert state.selection.now.region is not None
        assert state.selection.now.region.bounds == Bounds(40, 40, 210, 110)
        window.regions.regions.setCurrentItem(window.regions.regions.topLevelItem(0))
        QTest.keyClick(window.regions.regions, Qt.Key.Key_Return)
        await settled(window)
        assert state.selection.now.kept == "r0"
        assert state.selection.now.region.bounds == Bounds(40, 40, 100, 60)


async def test_regions_of_a_project_are_read_when_they_are_needed():
    async with a_window() as (window, link):
        state = await a_photo(window)
        select(window, state)
        await keep(window)
        state.selection.masks.clear()
        window.select_commands.clear()
        window.region_commands.open("r0")
        await settled(window)
        assert link.of(m.ReadRegion) == [m.ReadRegion(state.id, state.head, "r0")]
        assert state.selection.now.region is not None
        assert state.selection.now.kept == "r0"


async def test_words_find_boxes_that_are_chosen_and_accepted():
    async with a_window() as (window, link):
        state = await a_photo(window)
        window.regions.words.setText("both cars")
        window.regions.find_button.click()
        await settled(window)
        assert window.regions.found.text() == "2 objects found for “both cars” by yolox-nano"
        assert [window.regions.boxes.item(k).text() for k in range(2)] == ["car 93%", "car 61%"]
        overlay = state.canvas.layers.main.overlay("boxes")
        assert isinstance(overlay, BoxOverlay)
        assert [(label, chosen) for _, label, chosen in overlay.boxes] == [("car 93%", True), ("car 61%", True)]
        window.regions.boxes.item(1).setCheckState(Qt.CheckState.Unchecked)
        window.regions.accept.click()
        await settled(window)
        assert link.of(m.Select)[-1].boxes == (Bounds(20, 30, 100, 80),)
        assert state.selection.now.name == "both cars"
        assert state.canvas.layers.main.overlay("boxes") is None
        await keep(window)
        assert listed(window) == ["both cars"]


async def test_all_boxes_are_what_the_words_mean_and_each_can_be_kept():
    async with a_window() as (window, link):
        await a_photo(window)
        window.regions.words.setText("both cars")
        window.regions.find_button.click()
        await settled(window)
        window.regions.accept.click()
        await settled(window)
        assert link.of(m.SelectWords)[-1].words == "both cars"
        window.regions.find_button.click()
        await settled(window)
        window.regions.keep_each.click()
        await settled(window)
        assert listed(window) == ["car", "car"]
        assert [r.boxes for r in link.of(m.Select)] == [(box.bounds,) for box in link.boxes]


async def test_the_panel_says_which_engine_answers_and_leads_to_a_better_one():
    async with a_window() as (window, link):
        await a_photo(window)
        assert window.regions.engine.text() == "GrabCut (classical) selects by colors and edges, without a download."
        assert window.regions.better.text() == "Get better selection…"
        window.regions.better.click()
        await settled(window)
        dialog = window.model_commands.dialog
        assert dialog is not None
        dialog.close()
        link.engines = (EngineCard("mobile-sam", "MobileSAM"), EngineCard("grabcut", "GrabCut (classical)"))
        window.region_commands.ask_engines()
        await settled(window)
        assert window.regions.engine.text() == "MobileSAM selects objects."
        assert window.regions.better.isHidden()


async def test_the_better_engine_is_offered_with_its_size():
    async with a_window() as (window, link):
        await a_photo(window)
        card = replace(link.models[1], id="mobile-sam", title="MobileSAM", size=41_000_000)
        link.models = (*link.models, card)
        window.session.ask(m.ListModels())
        await settled(window)
        assert window.regions.better.text() == "Get better selection (MobileSAM, 41 MB)…"
        window.regions.better.click()
        await settled(window)
        dialog = window.model_commands.dialog
        assert dialog is not None
        item = dialog.list.currentItem()
        assert item is not None
        assert item.text(0) == "MobileSAM"
        dialog.close()


async def with_yolox(window: MainWindow, link: FakeLink) -> None:
    """Let the catalog have a detector that is not installed."""
    card = replace(
        link.models[1], id="yolox-nano", title="YOLOX-Nano, 80 kinds of objects (COCO)", size=3_678_356, state="missing"
    )
    link.models = (*link.models, card)
    window.session.ask(m.ListModels())
    await settled(window)


async def test_a_missing_detector_is_downloaded_where_it_is_needed_and_the_words_are_looked_for_again():
    async with a_window() as (window, link):
        state = await a_photo(window)
        await with_yolox(window, link)
        missing = m.ModelMissing("The model is not installed. Download it with `clarity models fetch yolox-nano`.")
        link.errors[m.SelectWords] = missing.with_models("yolox-nano")
        window.select_commands.select_words("both cars")
        await settled(window)
        assert texts(window) == ["To find “both cars”, Clarity needs YOLOX-Nano (3.7 MB)."]
        link.errors.clear()
        press(window, "Download")
        await settled(window)
        assert link.of(m.FetchModel) == [m.FetchModel("yolox-nano")]
        assert [asked.words for asked in link.of(m.SelectWords)] == ["both cars", "both cars"]
        assert texts(window) == []
        assert state.selection.now.name == "both cars"


async def test_nothing_is_looked_for_again_where_another_version_is_open():
    async with a_window() as (window, link):
        state = await a_photo(window)
        await with_yolox(window, link)
        link.errors[m.FindObjects] = m.ModelMissing("It is missing.").with_models("yolox-nano")
        for _ in range(2):
            window.regions.find_asked.emit("cars")
            await settled(window)
        link.errors.clear()
        assert texts(window) == ["To find “cars”, Clarity needs YOLOX-Nano (3.7 MB)."]
        window.action["rotate_left"].trigger()
        await settled(window)
        press(window, "Download")
        await settled(window)
        assert len(link.of(m.FindObjects)) == 2
        assert state.selection.boxes == ()


async def test_words_that_only_a_large_model_reads_offer_it_beside_the_click():
    async with a_window() as (window, link):
        await a_photo(window)
        await with_yolox(window, link)
        unknown = m.UserError("regions.unknown_words", words="the odd one").with_models("yolox-nano")
        link.errors[m.SelectWords] = unknown
        window.select_commands.select_words("the odd one")
        await settled(window)
        sentence = "To find “the odd one”, Clarity needs YOLOX-Nano (3.7 MB). You can also click on it."
        assert texts(window) == [sentence]


async def test_the_panel_names_the_engine_that_selected():
    async with a_window() as (window, link):
        state = await a_photo(window)
        click = replace(link.models[0], id="clarity-click", title="Objects at clicks")
        yolox = replace(link.models[1], id="yolox-nano", title="YOLOX-Nano, 80 kinds of objects (COCO)")
        link.models, link.engines = (*link.models, click, yolox), (EngineCard("clarity-click", "Clarity Click"),)
        window.session.ask(m.ListModels())
        await settled(window)
        region = Region.rectangle(HERE, 480, 300)
        sentences = {
            "clarity-click": "Selected by Clarity Click: 4% of the photo.",
            "yolox-nano+clarity-click": "Selected by YOLOX-Nano and Clarity Click: 4% of the photo.",
            "pixels": "Selected by the colors of the photo: 4% of the photo.",
            "": "Selected by hand: 4% of the photo.",
        }
        for engine, sentence in sentences.items():
            window.select_commands.set(state, MaskState(region, engine))
            assert window.regions.selected.text().startswith(sentence)


async def test_the_floating_bar_fits_its_words_in_a_wider_theme(qapp: QApplication):
    async with a_window() as (window, _link):
        window.resize(1800, 900)
        state = await a_photo(window)
        select(window, state)
        await settled(window)
        sheet = qapp.styleSheet()
        try:
            qapp.setStyleSheet(sheet + "QPushButton[chip='true'] { font-size: 20px; padding: 3px 14px; }")
            await settled(window)
            shown = [button for button in window.region_bar.buttons.values() if button.isVisible()]
            assert any(button.text() == "Remove object" for button in shown)
            assert all(button.width() >= button.sizeHint().width() for button in shown)
        finally:
            qapp.setStyleSheet(sheet)


async def test_only_the_selection_is_restored():
    async with a_window() as (window, link):
        state = await a_photo(window)
        assert window.restore.only_selection.isHidden()
        region = select(window, state)
        window.regions.restore.click()
        assert window.restore.only_selection.isVisible()
        window.restore.choose("deblur")
        window.restore.button.click()
        await settled(window)
        params = link.of(m.Restore)[-1].params
        assert (params.task, params.region) == ("deblur", region)
        assert params.feather >= 2
        window.restore.only_selection.setChecked(False)
        window.restore.button.click()
        await settled(window)
        assert link.of(m.Restore)[-1].params.region is None


async def test_methods_that_need_a_mask_are_offered_for_a_selection_only():
    async with a_window() as (window, link):
        inpaint = MethodCard("opencv-telea", "Telea", ("inpaint",), "classical", "Apache-2.0", "2004", "none", True)
        link.methods = (*link.methods, replace(inpaint, needs_mask=True))
        window.session.ask(m.ListMethods())
        state = await a_photo(window)
        assert not window.restore.offers("inpaint")
        select(window, state)
        assert window.restore.offers("inpaint")
        window.action["select_none"].trigger()
        assert not window.restore.offers("inpaint")


async def test_only_the_selection_is_adjusted_and_its_values_are_replaced():
    async with a_window() as (window, link):
        state = await a_photo(window)
        region = select(window, state)
        window.regions.adjust.click()
        assert window.adjust.only_selection.isVisible()
        window.adjust.use(Adjustments(exposure=0.5))
        await settled(window)
        assert link.of(m.Preview)[-1].region is region
        window.adjust.apply.click()
        await settled(window)
        asked = link.of(m.Adjust)[-1]
        assert (asked.region, asked.settings) == (region, Adjustments(exposure=0.5))
        window.adjust.discarded.emit()
        window.adjust.only_selection.setChecked(False)
        window.adjust.use(Adjustments(contrast=0.2))
        assert link.of(m.Preview)[-1].region is None or state.head is not None
        await settled(window)
        window.adjust.apply.click()
        await settled(window)
        assert link.of(m.Adjust)[-1].region is None


async def test_the_selection_is_analyzed_and_the_bar_suggests_first_what_would_help():
    async with a_window() as (window, link):
        state = await a_photo(window)
        window.region_commands.calm.setInterval(0)
        region = select(window, state)
        await until(lambda: bool(link.of(m.AnalyzeRegion)))
        await settled(window)
        assert link.of(m.AnalyzeRegion)[-1].region is region
        bar = window.region_bar
        assert bar.isVisible()
        assert next(iter(bar.buttons)) == "derain"
        assert "What would help here: Remove rain." in window.regions.selected.text()
        bar.buttons["derain"].click()
        await settled(window)
        assert link.of(m.Restore)[-1].params.region is region
        bar.buttons["auto"].click()
        await settled(window)
        assert link.of(m.Improve)[-1].region is region
        window.action["brush"].trigger()
        assert bar.isHidden()  # it would be in the way
        window.action["select_click"].trigger()
        bar.buttons["clear"].click()
        assert bar.isHidden()


async def test_an_analysis_that_fails_is_said_in_the_panel_alone():
    async with a_window() as (window, link):
        state = await a_photo(window)
        window.region_commands.calm.setInterval(0)
        link.errors[m.AnalyzeRegion] = m.UserError("regions.empty")
        select(window, state)
        await until(lambda: bool(link.of(m.AnalyzeRegion)))
        await settled(window)
        assert texts(window) == []
        assert "This would select nothing" in window.regions.selected.text()


async def test_delete_on_the_photo_removes_the_object():
    async with a_window() as (window, link):
        state = await a_photo(window)
        QTest.keyClick(state.canvas, Qt.Key.Key_Delete)
        region = select(window, state)
        state.canvas.setFocus()
        QTest.keyClick(state.canvas, Qt.Key.Key_Delete)
        await settled(window)
        assert [r.region for r in link.of(m.RemoveObject)] == [region]
        assert len(state.versions) == 2
        window.action["brush"].trigger()
        QTest.keyClick(state.canvas, Qt.Key.Key_Delete)
        await settled(window)
        assert len(link.of(m.RemoveObject)) == 2


async def test_a_selection_is_copied_to_another_photo_and_to_a_file():
    async with a_window() as (window, link):
        state = await a_photo(window)
        region = select(window, state)
        window.action["copy_region"].trigger()
        other = await a_photo(window, "b.jpg")
        window.action["paste_region"].trigger()
        await settled(window)
        assert other.selection.now.region is region  # of the same size
        smaller = Region.rectangle(Bounds(1, 1, 10, 10), 240, 150)
        window.select_commands.use(other, smaller)
        await settled(window)
        assert link.of(m.ChangeRegion)[-1].change == Fit()
        assert other.selection.now.region is not None
        assert other.selection.now.region.width == 480
        window.region_commands.export_mask("mask.png")
        await settled(window)
        assert texts(window)[-1] == "The mask was saved as mask.png."
        window.region_commands.import_mask("mask.png")
        await settled(window)
        assert other.selection.now.region.bounds == Bounds(5, 5, 50, 40)


async def test_the_words_field_is_reached_by_its_key():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.activateWindow()
        await until(window.isActiveWindow)
        window.action["select_words"].trigger()
        assert window.regions.words.hasFocus()


async def test_a_region_that_is_kept_while_it_changes_changes_too():
    async with a_window() as (window, link):
        state = await a_photo(window)
        select(window, state)
        link.gates[m.ChangeRegion] = asyncio.Event()
        window.regions.pixels.setValue(10)
        window.regions.edges["grow"].click()
        await until(lambda: bool(link.of(m.ChangeRegion)))
        window.regions.keep.click()
        await until(lambda: listed(window) == ["Region 1"])
        link.gates[m.ChangeRegion].set()
        await settled(window)
        assert state.selection.now.kept == "r0"
        assert link.of(m.KeepRegion)[-1].region is state.selection.now.region
        assert link.of(m.KeepRegion)[-1].replaces == "r0"
