"""The window and quality: the analysis of the backend, the map over the photo, suggestions and Auto."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from fakes import CANCELLED, a_detection, a_photo, a_window, press, settled, texts, until
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from clarity_desktop import messages as m
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.ui.commands.quality import analysis_title
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.values import Advice, Distance, ModelCard, VersionId

TWO_STEPS = (Advice("derain", "rain streak", "Streaks."), Advice("dehaze", "haze", "Gray."))


def heats(view: DocumentState) -> set[str]:
    """Which of the versions on the canvas have a map over them."""
    layers = view.canvas.layers
    shown = {"version": layers.main, **dict(zip(["other"], layers.compared, strict=False))}
    return {name for name, layer in shown.items() if layer.overlay("heat")}


async def restored(window: MainWindow) -> DocumentState:
    """A photo with a restored version."""
    view = await a_photo(window)
    window.restore_commands.run("derain")
    await until(lambda: len(view.versions) == 2)
    await settled(window)
    return view


# What is wrong, and how good it is


async def test_what_is_wrong_and_how_good_it_is_come_with_the_photo_and_are_not_asked_for_again():
    async with a_window() as (window, link):
        await a_photo(window)
        assert window.quality.verdict.rows[0].accessibleName() == "Rain streaks: 97% likely, very strong"
        assert window.quality.verdict.figure.text() == "48"
        assert link.of(m.Detect) == link.of(m.Assess) == []


async def test_a_restored_version_is_analyzed_and_measured_against_the_original():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.detection, link.distance = a_detection(), Distance(18.0, 0.9)
        window.restore_commands.run("derain")
        await until(lambda: len(view.versions) == 2)
        await settled(window)
        assert window.quality.verdict.title.text() == "Looks fine"
        assert window.quality.verdict.change.text() == "8 better than before"
        assert window.quality.overall.distance.text().startswith("Change: PSNR 18.0 dB")
        assert not window.quality.verdict.warning.isHidden()
        assert "Original 48, Rain removed 56" in window.quality.overall.trend.accessibleName()


async def test_an_installed_model_renews_the_scores_that_lacked_it_and_no_others():
    async with a_window() as (window, link):
        view = await restored(window)
        link.models = (ModelCard("niqe", "NIQE", 1, "BSD", "ready"), ModelCard("sseq", "SSEQ", 1, "BSD", "missing"))
        window.session.ask(m.ListModels())
        await settled(window)
        assert link.of(m.Assess) == []
        link.models = tuple(replace(model, state="ready") for model in link.models)
        for _ in range(2):
            window.session.ask(m.ListModels())
            await settled(window)
        assert link.of(m.Assess) == [m.Assess(view.id, view.head)]


async def test_once_the_photo_is_there_the_status_bar_names_its_analysis():
    async with a_window() as (window, link):
        state = window.session.add_document("rain.png", None)
        pending = PendingRequest(m.Open(Path("rain.png")), state, "Opening rain.png")
        opened = link._opened("rain.png", None)
        window._reach(pending, opened)
        window._reach(pending, m.AnalysisStarted(opened.card.id, opened.card.head))
        assert pending.title == analysis_title()
        assert pending.progress is None


async def test_a_cancelled_analysis_runs_again_when_the_user_wants_to_know():
    async with a_window() as (window, link):
        gate = link.gates[m.Detected] = asyncio.Event()
        window.file_commands.open_paths([Path("rain.jpg")])
        await until(lambda: bool(window.current and window.current.card))
        for k in (1, 2):
            await until(lambda: window.status.job.name.text() == analysis_title())
            window.action["cancel"].trigger()
            await settled(window)
            assert window.quality.verdict.reason.text() == CANCELLED
            assert window.quality.busy.isHidden()
            window.action["advise"].trigger()
            await until(lambda k=k: len(link.of(m.Advise)) == k)
            assert window.status.job.name.text() == analysis_title()
            assert not window.quality.busy.isHidden()
        gate.set()
        await settled(window)
        assert window.quality.verdict.rows[0].accessibleName() == "Rain streaks: 97% likely, very strong"
        assert window.quality.verdict.figure.text() == "48"


async def test_the_analysis_of_a_restored_version_can_be_cancelled_and_leaves_the_version():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Detected] = asyncio.Event()
        window.restore_commands.run("derain")
        await until(lambda: len(view.versions) == 2)
        await until(lambda: window.status.job.name.text() == analysis_title())
        window.action["cancel"].trigger()
        await settled(window)
        assert len(view.versions) == 2
        assert window.quality.verdict.reason.text() == CANCELLED
        assert link.of(m.Detect) == link.of(m.Assess) == []


async def test_a_failed_analysis_is_shown_in_the_panel_and_nowhere_else():
    async with a_window() as (window, link):
        link.failures = {"detection": "The detector is not installed.", "quality": "Analysis failed."}
        await a_photo(window)
        assert window.quality.verdict.reason.text() == "The detector is not installed."
        assert window.quality.verdict.extent.text() == "Analysis failed."
        assert window.quality.busy.isHidden()
        assert texts(window) == []
        assert link.of(m.Detect) == link.of(m.Assess) == []


async def test_scores_are_shown_without_a_detector():
    async with a_window() as (window, link):
        link.failures = {"detection": "The detector is not installed."}
        await a_photo(window)
        assert window.quality.verdict.figure.text() == "48"
        assert window.quality.verdict.reason.text() == "The detector is not installed."


async def test_a_suggestion_that_fails_says_so_and_leaves_nothing_pending():
    async with a_window() as (window, link):
        link.failures = {"detection": "The detector is not installed."}
        await a_photo(window)
        link.errors[m.Advise] = ModelMissing("The detector is not installed. Download it.")
        window.action["advise"].trigger()
        await settled(window)
        assert texts(window) == ["The detector is not installed. Download it."]
        assert window.quality.verdict.reason.text() == "The detector is not installed. Download it."
        assert window.quality.busy.isHidden()


async def test_the_next_undo_does_not_wait_for_an_analysis():
    async with a_window() as (window, link):
        view = await a_photo(window)
        for _ in range(2):
            window.action["rotate_left"].trigger()
            await settled(window)
        gate = link.gates[m.Undo] = asyncio.Event()
        held = asyncio.Event()
        link.after[m.Undo] = held
        window.action["undo"].trigger()
        window.action["undo"].trigger()
        gate.set()
        await until(lambda: view.head == view.original)
        assert len(window.session.running(m.Undo)) == 2
        held.set()
        await settled(window)


async def test_the_best_version_is_a_click_away():
    async with a_window() as (window, link):
        view = await restored(window)
        best = view.head
        window.action["undo"].trigger()
        await settled(window)
        assert window.quality.overall.best.text() == "Best: 56 (Rain removed)"
        window.quality.overall.best.click()
        await settled(window)
        assert view.head == best
        assert link.of(m.GoTo) == [m.GoTo(view.id, best)]


async def test_the_curve_leads_on_to_where_redo_would_lead():
    async with a_window() as (window, _link):
        view = await restored(window)
        window.action["undo"].trigger()
        await settled(window)
        assert [v.id for v in view.branch] == [view.original, *(v for v in view.versions if v != view.original)]
        assert view.best is not None
        assert view.best.id != view.head


# The map


async def test_the_map_is_off_at_first_and_a_key_lays_it_over_both_versions():
    async with a_window() as (window, _link):
        view = await restored(window)
        assert heats(view) == set()
        window.activateWindow()
        await until(window.isActiveWindow)
        view.canvas.setFocus()
        QTest.keyClick(view.canvas, Qt.Key.Key_J)
        assert heats(view) == {"version", "other"}
        assert window.quality.findings.where.isChecked()
        window.quality.findings.where.click()
        assert heats(view) == set()
        assert not window.action["heat"].isChecked()


async def test_the_map_follows_the_open_version_and_is_away_while_nothing_is_known_of_it():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["heat"].trigger()
        first = view.canvas.layers.main.overlay("heat")
        gate = link.gates[m.Detected] = asyncio.Event()
        window.action["rotate_right"].trigger()
        await until(lambda: len(view.versions) == 2)
        assert heats(view) == {"other"}
        gate.set()
        await settled(window)
        assert heats(view) == {"version", "other"}
        window.quality.findings.heat_chosen.emit("snow")
        assert view.canvas.layers.main.overlay("heat") is not first


# Advice


async def test_what_should_i_do_lists_tasks_and_runs_nothing():
    async with a_window() as (window, link):
        link.advice = TWO_STEPS
        view = await a_photo(window)
        window.quality.advice.button.click()
        await settled(window)
        assert not window.quality.advice.all.visibleRegion().isEmpty()
        assert link.of(m.Advise) == [m.Advise(view.id, view.head)]
        assert [step.text() for step in window.quality.advice.steps] == ["1. Remove rain", "2. Remove haze"]
        assert link.of(m.Restore) == link.of(m.Improve) == []
        window.quality.advice.steps[1].click()
        await until(lambda: bool(link.of(m.Restore)))
        await settled(window)
        assert [r.params.task for r in link.of(m.Restore)] == ["dehaze"]
        assert window.quality.advice.steps == []


async def test_do_all_of_it_is_auto():
    async with a_window() as (window, link):
        link.advice = TWO_STEPS
        view = await a_photo(window)
        window.action["advise"].trigger()
        await settled(window)
        window.quality.advice.all.click()
        await until(lambda: bool(link.of(m.Improve)))
        await settled(window)
        assert len(view.versions) == 3


async def test_do_all_of_it_is_timed_when_it_is_asked_for():
    async with a_window() as (window, link):
        link.seconds = 1.0
        await a_photo(window)
        window.action["advise"].trigger()
        await settled(window)
        link.seconds = 600.0
        window.quality.advice.all.click()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["Auto will take about 10 min. Start?"]
        assert [request.confirmed for request in link.of(m.Improve)] == [False]


# Auto


async def test_auto_brings_versions_says_what_it_did_and_leaves_it_in_the_chat():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.action["improve"].trigger()
        await until(lambda: len(view.versions) == 2)
        await settled(window)
        [asked] = link.of(m.Improve)
        assert (asked.document, asked.version) == (view.id, view.original)
        assert texts(window) == ["Removed the rain: 40 → 48."]
        assert window.chat.transcript.bubbles[-1].text() == "Removed the rain: 40 → 48."


async def test_auto_leaves_a_photo_alone_that_looks_fine():
    async with a_window() as (window, link):
        link.advice, link.detection = (), a_detection()
        view = await a_photo(window)
        window.action["improve"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["The photo looks fine: nothing was done."]
        assert len(view.versions) == 1
        assert link.of(m.Estimate)[1:] == []


async def test_a_long_auto_is_offered_with_its_time_and_not_started():
    async with a_window() as (window, link):
        link.advice, link.seconds = TWO_STEPS, 60.0
        await a_photo(window)
        window.action["improve"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["Auto will take about 2 min. Start?"]
        press(window, "Start")
        await settled(window)
        assert [request.confirmed for request in link.of(m.Improve)] == [False, True]


async def test_the_offer_of_auto_names_the_tasks_that_it_would_try():
    async with a_window() as (window, _link):
        view = await a_photo(window)
        request = m.Improve(view.id, view.head)
        offered = m.Offered(request, 90.0, None, 0.1, tasks=("denoise", "dehaze"))
        window.restore_commands.show_offer(PendingRequest(request, view, "Auto"), offered)
        assert texts(window) == ["Auto will try: Remove noise, Remove haze. This takes about 2 min. Start?"]


async def test_an_offer_of_auto_goes_when_another_version_is_open_or_the_photo_is_closed():
    async with a_window() as (window, link):
        link.advice, link.seconds = TWO_STEPS, 60.0
        view = await a_photo(window)
        window.action["improve"].trigger()
        await until(lambda: bool(texts(window)))
        window.action["rotate_right"].trigger()
        await settled(window)
        assert texts(window) == []
        window.action["improve"].trigger()
        await until(lambda: bool(texts(window)))
        window.refresh()
        assert len(texts(window)) == 1, "the same version is open"
        view.unsaved = False
        window.file_commands.close(view)
        await until(lambda: texts(window) == [])
        await settled(window)
        assert not any(request.confirmed for request in link.of(m.Improve))


async def test_auto_requested_twice_has_one_offer():
    async with a_window() as (window, link):
        link.advice, link.seconds = TWO_STEPS, 60.0
        await a_photo(window)
        for seconds in (60.0, 120.0):
            link.seconds = seconds
            window.action["improve"].trigger()
            await until(lambda: bool(texts(window)))
            await settled(window)
        assert texts(window) == ["Auto will take about 4 min. Start?"]


async def test_auto_on_a_photo_for_viewing_only_is_answered_at_once():
    async with a_window() as (window, link):
        link.seconds = 60.0
        link.errors[m.Improve] = UserError("This document is open for viewing only.")
        view = await a_photo(window)
        view.card = replace(view.card, read_only=True)
        window.action["improve"].trigger()
        await until(lambda: bool(texts(window)))
        assert texts(window) == ["This document is open for viewing only."]
        assert link.of(m.Advise) == []


async def test_auto_shows_its_progress_and_is_cancelled_without_a_trace():
    async with a_window() as (window, link):
        view = await a_photo(window)
        link.gates[m.Improve] = asyncio.Event()
        window.action["improve"].trigger()
        await until(lambda: any(f.progress for f in window.requests.jobs))
        assert window.requests.jobs[0].title == "Auto: finding and fixing problems…"
        window.action["improve"].trigger()
        await asyncio.sleep(0.05)
        assert len(link.of(m.Improve)) == 1
        window.action["cancel"].trigger()
        await settled(window)
        assert len(view.versions) == 1
        assert len(view.canvas.layers.main.restored) == 0


async def test_further_metrics_are_scored_as_soon_as_they_are_switched_on():
    async with a_window() as (window, link):
        view = await a_photo(window)
        window.session.change_settings()
        await settled(window)
        assert link.of(m.Assess) == []
        window.session.change_settings(metrics=("musiq",))
        await settled(window)
        assert link.of(m.Assess) == [m.Assess(view.id, view.head or VersionId(""))]
