"""Restoring in the window: runs, offers, missing models, repeated steps and estimates."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import METHODS, a_detection, a_photo, a_window, press, settled, texts, until
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QPushButton

from clarity_desktop import messages as m
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.text import Message
from clarity_desktop.values import Bounds, MethodCard, MethodOption, RestoreParams, Turn


async def test_restoring_shows_progress_paints_tiles_and_adds_a_version():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: any(f.progress for f in window.requests.jobs))
        assert window.status.job.isVisible()
        assert window.status.job.name.text() == "Remove rain: tile 1 of 2"
        assert window.status.job.left.text() == "4 s left"
        [request] = link.of(m.Restore)
        assert request.params == RestoreParams("derain", "maxim-deraining", visible=view.canvas.view.visible())
        link.gates[m.Restore].set()
        await settled(window)
        assert not window.status.job.isVisible()
        assert len(view.versions) == 2
        assert view.head_version is not None
        assert view.head_version.step.method == "maxim-deraining"
        assert view.unsaved
        assert window.photos.strip.films.index(0).data() == "rain.jpg*"


async def test_escape_cancels_the_running_job_and_nothing_else():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: window.action["cancel"].isEnabled() and bool(link.of(m.Restore)))
        window.action["cancel"].trigger()
        await settled(window)
        assert link.cancelled == link.of(m.Restore)
        assert window.current is view
        assert len(view.versions) == 1
        assert not window.status.job.isVisible()
        assert not window.action["cancel"].isEnabled()


async def test_a_version_that_was_committed_while_it_was_cancelled_is_shown():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Restore] = asyncio.Event()
        window.restore.button.click()
        await until(lambda: bool(link.of(m.Restore)))
        link.gates[m.Restore].set()
        window.requests.cancel_job()
        await settled(window)
        assert len(view.versions) == 2


async def test_a_long_restoration_is_offered_with_the_visible_part_first():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.seconds = 184.0
        window.restore.choose("deblur")
        view.canvas.view.zoom_to(8.0)
        window.action["restore"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["Restoring the whole photo (0.1 MP) will take about 3 min on CPU."]
        visible = view.canvas.view.visible()
        press(window, "Visible part first (18 s)")
        await settled(window)
        [first, request] = link.of(m.Restore)
        assert (first.confirmed, request.confirmed) == (False, True)
        assert request.params.region.bounds == visible.cut(Bounds(0, 0, 480, 300))
        assert request.params.feather > 0
        assert [text[:22] for text in texts(window)] == ["Only the outlined part"]


async def test_a_visible_part_that_would_take_long_is_offered_too():
    async with a_window() as (window, link):
        view = await a_photo(window)
        view.canvas.view.zoom_to(4.0)
        link.seconds = 184.0
        window.action["restore_visible"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window)[0].startswith("Restoring this part (0.1 MP) will take about 3 min on CPU.")
        press(window, "Restore")
        await settled(window)
        [first, request] = link.of(m.Restore)
        assert first.params.region is request.params.region is not None
        assert (first.confirmed, request.confirmed) == (False, True)


async def test_a_long_restoration_that_is_declined_does_not_run():
    async with a_window() as (window, link):
        await a_photo(window)
        link.seconds = 60.0
        window.restore_commands.run("dehaze")
        await until(lambda: bool(texts(window)))
        press(window, "Cancel")
        await settled(window)
        assert [request.confirmed for request in link.of(m.Restore)] == [False]
        assert texts(window) == []


async def test_restore_pressed_on_two_photos_runs_both():
    async with a_window() as (window, link):
        first = await a_photo(window, "a.jpg")
        second = await a_photo(window, "b.jpg")
        link.gates[m.Restore] = asyncio.Event()
        window.action["restore"].trigger()
        window.action["previous_photo"].trigger()
        window.action["restore"].trigger()
        await until(lambda: len(link.of(m.Restore)) == 2)
        link.gates[m.Restore].set()
        await settled(window)
        assert [len(state.versions) for state in (first, second)] == [2, 2]


async def test_a_restoration_that_could_not_start_does_not_start_later():
    async with a_window() as (window, link):
        await a_photo(window)
        link.errors[m.Restore] = link.errors[m.Estimate] = UserError("It needs 5 GB; 1 GB is free.")
        window.action["restore"].trigger()
        await settled(window)
        link.errors.clear()
        window.session.change_settings(threads=2)  # the estimate is asked for again
        await until(lambda: not window.restore.estimate.isHidden())
        await settled(window)
        assert len(link.of(m.Restore)) == 1


async def test_an_offer_belongs_to_its_photo_and_goes_with_it():
    async with a_window() as (window, link):
        first = await a_photo(window, "a.jpg")
        await a_photo(window, "b.jpg")
        window.action["previous_photo"].trigger()
        link.seconds = 184.0
        window.action["restore"].trigger()
        await until(lambda: bool(texts(window)))
        height = first.canvas.height()
        window.action["next_photo"].trigger()
        assert texts(window) == []
        window.action["previous_photo"].trigger()
        assert len(texts(window)) == 1
        assert first.canvas.height() == height, "notices lie over the photo"
        window.action["close"].trigger()
        await until(lambda: bool(link.of(m.Close)))
        window.action["previous_photo"].trigger()
        assert texts(window) == []
        await settled(window)


async def test_missing_weights_are_marked_downloaded_on_request_and_then_used():
    async with a_window() as (window, link):
        await a_photo(window)
        window.restore.choose("denoise")
        assert "(download)" in window.restore.method.currentText()
        assert "89 MB" in window.restore.fetch_button.text()
        window.restore.button.click()
        [text] = texts(window)
        assert "89 MB" in text
        assert "Apache-2.0" in text
        press(window, "Download and restore")
        await until(lambda: bool(link.of(m.Restore)))
        await settled(window)
        assert [r.model for r in link.of(m.FetchModel)] == ["maxim-denoising"]
        assert "(download)" not in window.restore.method.currentText()


@pytest.mark.parametrize("same_version", [True, False])
async def test_a_model_is_downloaded_for_the_version_for_which_it_was_asked(same_version: bool):
    async with a_window() as (window, link):
        other = await a_photo(window, "b.jpg")
        state = await a_photo(window, "a.jpg")
        window.restore.button.click()
        await settled(window)
        asked = state.head
        link.asked.clear()
        link.gates[m.FetchModel] = asyncio.Event()
        window.restore.choose("denoise")
        window.restore.button.click()
        press(window, "Download and restore")
        await until(lambda: bool(link.of(m.FetchModel)))
        if not same_version:
            window.action["undo"].trigger()
            await until(lambda: state.head != asked)
        window.session.select(other)
        link.gates[m.FetchModel].set()
        await settled(window)
        restored = [(r.document, r.version, r.params.task) for r in link.of(m.Restore)]
        assert restored == ([(state.id, asked, "denoise")] if same_version else [])
        window.session.select(state)
        assert any("another version of the photo is open" in text for text in texts(window)) == (not same_version)


async def test_a_missing_model_is_shown_with_a_way_to_the_models():
    async with a_window() as (window, link):
        await a_photo(window)
        link.errors[m.Restore] = ModelMissing("deraining.bin is not here; fetch it.")
        window.restore.button.click()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["deraining.bin is not here; fetch it."]
        press(window, "Models…")
        assert window.model_commands.dialog is not None
        window.model_commands.dialog.close()


async def test_the_step_of_another_version_is_repeated_on_the_open_one():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.restore.button.click()
        await settled(window)
        restored, original = view.head, view.original
        assert restored
        assert original
        assert not window.action["repeat"].isEnabled()  # the open version was made by it
        window.versions.choose(original)
        assert not window.action["repeat"].isEnabled()  # nothing ran to make the original
        window.action["undo"].trigger()
        await settled(window)
        window.action["rotate_left"].trigger()
        await settled(window)
        turned = view.head
        assert turned
        assert not window.action["repeat"].isEnabled()  # only restorations are repeated
        window.versions.choose(restored)
        assert window.action["repeat"].isEnabled()
        window.action["repeat"].trigger()
        await settled(window)
        assert link.of(m.Repeat) == [m.Repeat(view.id, turned, restored)]
        assert view.head_version
        assert view.head_version.parent == turned
        assert view.head_version.step.method == "maxim-deraining"


async def test_a_long_repetition_says_first_how_long_it_takes():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.restore.button.click()
        await settled(window)
        restored = view.head
        assert restored
        window.action["undo"].trigger()
        await settled(window)
        link.seconds = 95.0
        window.versions.choose(restored)
        window.action["repeat"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["Repeating “Rain removed” on the open version will take about 2 min."]
        press(window, "Repeat")
        await settled(window)
        assert [request.confirmed for request in link.of(m.Repeat)] == [False, True]


async def test_an_estimate_is_asked_for_again_after_a_restoration():
    async with a_window() as (window, link):
        await a_photo(window)
        await until(lambda: "4 s" in window.restore.estimate.text())
        window.action["restore"].trigger()
        await settled(window)
        link.seconds = 15.0
        window.action["undo"].trigger()
        await until(lambda: "15 s" in window.restore.estimate.text())


async def test_a_method_without_its_weights_shows_no_estimate_of_another():
    async with a_window() as (window, _link):
        await a_photo(window)
        await until(lambda: not window.restore.estimate.isHidden())
        window.restore.choose("denoise")
        assert window.restore.choice().missing
        assert window.restore.estimate.isHidden()


async def test_the_first_run_opens_the_sample_with_one_click_left():
    async with a_window() as (window, link):
        window.file_commands.open_first([Path("rain.jpg")])
        await settled(window)
        press(window, "Remove rain")
        await settled(window)
        assert [r.params.task for r in link.of(m.Restore)] == ["derain"]


async def test_a_newer_estimate_replaces_an_older_one_and_a_restoration_goes_on():
    async with a_window() as (window, link):
        view = await a_photo(window)
        assert view.id is not None
        assert view.head is not None
        await until(lambda: bool(link.of(m.Estimate)))  # the panel's own
        await settled(window)
        link.gates[m.Estimate] = asyncio.Event()
        older = window.session.ask(m.Estimate(view.id, view.head, "dehaze"), view)
        newer = window.session.ask(m.Estimate(view.id, view.head, "deblur"), view)
        await until(lambda: older not in window.requests.running)
        assert newer in window.requests.running
        link.gates[m.Estimate].set()
        link.gates[m.Restore] = asyncio.Event()
        first = window.session.ask(m.Restore(view.id, view.head, RestoreParams("dehaze")), view, "one")
        second = window.session.ask(m.Restore(view.id, view.head, RestoreParams("deblur")), view, "two")
        await until(lambda: len(link.of(m.Restore)) == 2)
        assert first in window.requests.running
        assert second in window.requests.running
        assert window.status.job.name.text().startswith("one (1 more)")
        link.gates[m.Restore].set()
        await settled(window)


async def test_the_task_is_that_of_the_most_likely_problem_until_the_user_chooses_another():
    async with a_window() as (window, link):
        link.detection = a_detection(noise=0.9, rain=0.4)
        first = await a_photo(window, "night.jpg")
        assert window.restore.choice().task == "denoise"
        assert window.restore.button.text() == "Remove noise"
        window.restore.task.setCurrentIndex(window.restore.task.findData("dehaze"))
        window.restore.task.activated.emit(window.restore.task.currentIndex())
        link.detection = a_detection(rain=0.9)
        await a_photo(window, "rain.jpg")
        assert window.restore.choice().task == "derain"
        # Of a photo that looks normal, too, the task is not the one of the photo before it.
        link.detection = a_detection(noise=0.1)
        await a_photo(window, "fine.jpg")
        assert window.restore.choice().task == "denoise"
        window.action["previous_photo"].trigger()
        window.action["previous_photo"].trigger()
        assert window.current is first
        assert window.restore.choice().task == "dehaze"


async def test_no_task_is_selected_where_no_method_treats_what_was_found():
    async with a_window() as (window, link):
        link.detection = a_detection(watermark=0.9, noise=0.3)
        await a_photo(window, "marked.jpg")
        assert window.restore.choice() is None
        assert window.restore.facts.text() == "There is no method yet for what was found: Watermark."
        assert not window.restore.button.isEnabled()
        window.action["restore"].trigger()
        assert texts(window) == ["Choose a task in the Restore panel first."]
        assert link.of(m.Restore) == []
        window.restore.task.setCurrentIndex(window.restore.task.findData("denoise"))
        window.restore.task.activated.emit(window.restore.task.currentIndex())
        assert window.restore.button.isEnabled()
        assert "no method" not in window.restore.facts.text()
        # Another photo starts without that choice, and one without a method does not keep the task of this one.
        link.detection = a_detection(rain=0.9)
        await a_photo(window, "rain.jpg")
        assert window.restore.choice().task == "derain"
        window.action["previous_photo"].trigger()
        assert window.restore.choice().task == "denoise"
        link.detection = a_detection(shadow=0.9)
        await a_photo(window, "shadow.jpg")
        assert window.restore.choice() is None


async def test_missing_parts_are_to_be_selected_before_they_are_filled():
    async with a_window() as (window, link):
        fill = MethodCard("clarity-fill", "Fill", ("inpaint",), "Own", "MIT", "", "", True)
        window.restore_commands.show_methods((*METHODS, fill))
        link.detection = a_detection(inpaint=0.9)
        view = await a_photo(window, "torn.jpg")
        assert window.restore.choice() is None
        assert window.restore.facts.text() == "Select the missing parts of the photo first. Then they can be filled."
        window.action["select_all"].trigger()
        await settled(window)
        assert view.selection.now.region is not None
        assert window.restore.choice().task == "inpaint"
        window.action["select_none"].trigger()
        await settled(window)
        assert window.restore.choice() is None


async def test_the_panel_shows_how_the_open_version_was_made():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.restore_commands.run("dehaze")
        await settled(window)
        assert window.restore.choice().task == "dehaze"
        window.action["undo"].trigger()
        await settled(window)
        window.restore.choose("deblur")
        window.action["redo"].trigger()
        await settled(window)
        assert window.restore.choice().task == "dehaze"


async def test_the_chat_suggests_what_was_found():
    async with a_window() as (window, link):
        link.detection = a_detection(noise=0.9, rain=0.4)
        await a_photo(window)
        chips = [chip.text() for chip in window.chat.chips.findChildren(QPushButton) if not chip.isHidden()]
        assert chips == ["Remove noise", "Remove rain", "Fix it", "What is wrong?"]
        next(c for c in window.chat.chips.findChildren(QPushButton) if c.text() == "What is wrong?").click()
        await settled(window)
        assert [r.text for r in link.of(m.SendMessage)] == ["What is wrong?"]


async def test_the_chat_does_not_suggest_again_what_was_undone():
    async with a_window() as (window, link):
        link.detection = a_detection(rain=0.9, haze=0.8)
        await a_photo(window)
        window.restore_commands.run("derain")
        await settled(window)
        window.action["undo"].trigger()
        await settled(window)
        chips = [chip.text() for chip in window.chat.chips.findChildren(QPushButton) if not chip.isHidden()]
        assert "Remove haze" in chips
        assert "Remove rain" not in chips


async def test_the_panel_says_what_a_method_is_good_at_and_keeps_the_network_in_the_tooltip():
    async with a_window() as (window, link):
        link.methods = tuple(replace(card, gains={"derain": 5.8}) for card in link.methods)
        window.session.ask(m.ListMethods())
        await settled(window)
        window.restore.choose("derain")
        facts = window.restore.facts
        assert facts.text().endswith("In tests, 5.8 dB closer to the undamaged photo.")
        assert facts.text().startswith("Best for dense rain")
        assert window.restore.method.currentText() == "MAXIM"
        assert "trained on" in facts.toolTip()


async def test_the_chat_downloads_a_missing_model_by_a_button():
    async with a_window() as (window, link):
        state = await a_photo(window)
        step = {"tool": "restore", "task": "denoise"}
        turn = Turn("assistant", "It needs a model.", (), 0.0, (step,), state.head, ("maxim-denoising",))
        window.conversation_commands.add_turn(state, turn)
        plan = window.chat.transcript.plan
        window.conversation_commands.show_state()
        assert plan.run.text() == "Download and run (89 MB)"
        window.action["rotate_left"].trigger()
        await settled(window)
        assert plan.run.isHidden(), "the question was about another version"
        window.action["undo"].trigger()
        await settled(window)
        plan.run.click()
        await settled(window)
        assert [r.steps for r in link.of(m.RunPlan)] == [(step,)]
        assert plan.run.isHidden()


async def test_on_a_sample_the_first_click_offers_the_better_model_with_size_and_times():
    async with a_window() as (window, link):
        link.preferences = ()  # of a user who has not chosen between methods
        window.session.ask(m.ListPreferences())
        quick = replace(METHODS[0], id="clarity-all", title="Quick")
        first = replace(METHODS[0], missing=("maxim-denoising",))
        link.methods = (first, quick, *METHODS[1:])
        window.session.ask(m.ListMethods())
        await settled(window)
        window.session.samples = (Path("rain.jpg"),)
        window.file_commands.open_first([Path("rain.jpg")])
        await settled(window)
        press(window, "Remove rain")
        await until(lambda: any("better result" in text for text in texts(window)))
        assert link.of(m.Restore) == []
        [text] = texts(window)
        assert text.startswith("MAXIM gives a better result than Quick. It must be downloaded first (89 MB)")
        press(window, "Download and restore")
        await settled(window)
        assert [r.model for r in link.of(m.FetchModel)] == ["maxim-denoising"]
        assert [r.params.method for r in link.of(m.Restore)] == [first.id]


@pytest.mark.parametrize("reason", ["no estimate", "another photo"])
async def test_a_restoration_that_waits_for_a_comparison_is_never_lost(reason: str):
    async with a_window() as (window, link):
        quick = replace(METHODS[0], id="clarity-all", title="Quick")
        link.methods = (replace(METHODS[0], missing=("maxim-denoising",)), quick, *METHODS[1:])
        window.session.ask(m.ListMethods())
        await settled(window)
        window.session.samples = (Path("rain.jpg"),)
        other = await a_photo(window, "b.jpg")
        state = await a_photo(window)
        state.path = Path("rain.jpg")
        if reason == "no estimate":
            window.restore_commands.forget_estimates()
            link.errors[m.Estimate] = UserError("restore.no_device", device="cuda")
            window.restore.button.click()
        else:
            link.gates[m.Estimate] = asyncio.Event()
            window.restore_commands.forget_estimates()
            window.restore.button.click()
            window.session.select(other)
            await until(lambda: bool(link.of(m.Restore)))
            link.gates[m.Estimate].set()
        await settled(window)
        assert [(r.document, r.params.method) for r in link.of(m.Restore)] == [(state.id, "clarity-all")]
        window.restore_commands.forget_estimates()  # the preferences were changed, say
        await settled(window)
        assert len(link.of(m.Restore)) == 1


async def test_the_better_model_is_offered_once_and_the_quick_method_runs_at_once():
    async with a_window() as (window, link):
        quick = replace(METHODS[0], id="clarity-all", title="Quick")
        link.methods = (replace(METHODS[0], missing=("maxim-denoising",)), quick, *METHODS[1:])
        window.session.ask(m.ListMethods())
        await settled(window)
        window.session.samples = (Path("rain.jpg"),)
        state = await a_photo(window)
        state.path = Path("rain.jpg")
        window.restore.button.click()
        await until(lambda: bool(texts(window)))
        press(window, "Restore now")
        await settled(window)
        assert [r.params.method for r in link.of(m.Restore)] == ["clarity-all"]
        window.action["undo"].trigger()
        await settled(window)
        window.restore.button.click()
        await settled(window)
        assert len(link.of(m.Restore)) == 2


OPTIONS = m.OptionsListed(
    "dehaze",
    (
        MethodOption(
            "maxim-dehazing-outdoor", 3.0, 6.1, 40, reasons=(Message("choice.measured", {"gain": 6.1, "count": 40}),)
        ),
        MethodOption("maxim-dehazing-indoor", 150.0, 8.2, 40, quick=False, reasons=(Message("choice.slow"),)),
    ),
    "maxim-dehazing-outdoor",
    "maxim-dehazing-indoor",
)


async def test_the_best_method_for_the_photo_is_selected_and_a_better_slower_one_offered_beside_it():
    async with a_window() as (window, link):
        link.options["dehaze"] = OPTIONS
        await a_photo(window)
        panel = window.restore
        panel.choose("dehaze")
        assert panel.choice().method == "maxim-dehazing-indoor"  # the first of the table
        await until(lambda: panel.choice().method == "maxim-dehazing-outdoor")
        assert panel.method.currentText().endswith(": +6.1 dB, 3 s")
        assert "On 40 test photos it came 6.1 dB closer" in panel.facts.text()
        assert panel.better_button.text().endswith(": +8.2 dB, 2 min")
        panel.better_button.click()
        assert panel.choice().method == "maxim-dehazing-indoor"
        assert panel.better_button.isHidden()
        assert window.session.settings.methods["dehaze"] == "maxim-dehazing-indoor"


async def test_a_method_that_loses_in_tests_is_not_called_closer():
    async with a_window() as (window, link):
        options = (MethodOption("maxim-dehazing-outdoor", 3.0, -0.3, 17),)
        link.options["dehaze"] = m.OptionsListed("dehaze", options, "maxim-dehazing-outdoor")
        await a_photo(window)
        window.restore.choose("dehaze")
        await until(lambda: "17" in window.restore.facts.text())
        assert "On 17 test photos it went 0.3 dB away from the undamaged photo." in window.restore.facts.text()


async def test_what_is_fixed_at_once_gets_the_best_method_and_not_the_first_of_the_panel():
    async with a_window() as (window, link):
        link.options["dehaze"] = OPTIONS
        await a_photo(window)
        window.restore_commands.run("dehaze")
        await settled(window)
        window.action["undo"].trigger()
        await until(lambda: window.restore.choice().method == "maxim-dehazing-outdoor")
        window.restore_commands.run("dehaze")
        await settled(window)
        assert [r.params.method for r in link.of(m.Restore)] == [None, "maxim-dehazing-outdoor"]


async def test_a_task_menu_lists_its_methods_with_gain_and_time():
    async with a_window() as (window, link):
        link.options["dehaze"] = OPTIONS
        await a_photo(window)
        menus = [a.menu() for a in window.restore_commands.tasks_menu.actions()]
        [menu] = [each for each in menus if each.title() == "Remove haze"]
        menu.popup(QPoint())
        await until(lambda: bool(menu.actions()) and "dB" in menu.actions()[0].text())
        *methods, line, compare = menu.actions()
        assert [a.text().split(": ")[1] for a in methods] == ["+6.1 dB, 3 s", "+8.2 dB, 2 min"]
        assert line.isSeparator()
        assert compare.text() == "Compare methods…"
        methods[1].trigger()
        menu.close()
        await settled(window)
        assert [(r.params.task, r.params.method) for r in link.of(m.Restore)] == [("dehaze", "maxim-dehazing-indoor")]
