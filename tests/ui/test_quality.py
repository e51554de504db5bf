"""The quality panel by itself: what is wrong, what would help, the overall score and the single measures."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fakes import a_detection
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from clarity_desktop.messages import Advised
from clarity_desktop.settings import Settings
from clarity_desktop.ui import theme
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.docks.advice_panel import AdvicePanel
from clarity_desktop.ui.docks.findings_panel import FindingsPanel
from clarity_desktop.ui.docks.metrics_panel import difference
from clarity_desktop.ui.docks.overall_panel import OverallPanel, distance_text, is_far
from clarity_desktop.ui.docks.quality import QualityDock, QualityState
from clarity_desktop.ui.docks.trend import Trend, score_range
from clarity_desktop.ui.docks.verdict_panel import VerdictPanel, score_change
from clarity_desktop.values import (
    DEGRADATIONS,
    Advice,
    Detection,
    Distance,
    DocumentId,
    Quality,
    Step,
    Task,
    Version,
    VersionId,
)

DOCUMENT = DocumentId("d")


def version(at: str, overall: float | None = None, detection: Detection | None = None, **quality: object) -> Version:
    scores = Quality(overall=overall, **quality) if overall is not None or quality else None  # type: ignore[arg-type]
    thumb = np.zeros((8, 12, 3), np.uint8)
    parent = None if at == "a" else VersionId("a")
    return Version(VersionId(at), parent, Step("open" if at == "a" else "crop"), None, 0.0, 12, 8, thumb,
                   quality=scores, detection=detection)  # fmt: skip


def offered(_task: Task) -> bool:
    return True


def shown(widget: QWidget) -> bool:
    return not widget.isHidden()


@pytest.fixture
def dock(qtbot: QtBot) -> QualityDock:
    dock = QualityDock()
    qtbot.addWidget(dock)
    return dock


@pytest.fixture
def findings(qtbot: QtBot) -> FindingsPanel:
    panel = FindingsPanel()
    qtbot.addWidget(panel)
    return panel


# What is wrong


def listed(panel: VerdictPanel) -> list[tuple[str, str]]:
    return [(row.name.text(), row.figure.text()) for row in panel.rows if shown(row)]


@pytest.fixture
def panel(qtbot: QtBot) -> VerdictPanel:
    panel = VerdictPanel()
    qtbot.addWidget(panel)
    return panel


def test_the_three_most_likely_problems_are_listed_as_likelihoods_with_a_button_each(panel: VerdictPanel):
    tasks: list[str] = []
    panel.fix_asked.connect(tasks.append)
    panel.show_detection(a_detection(rain=0.97, noise=0.6, haze=0.4, blur=0.3), 30.0, lambda task: task != "dehaze")
    assert listed(panel) == [
        ("Rain streaks", "97% likely, very strong"), ("Noise", "60% likely, very strong"),
        ("Haze", "40% likely, very strong"),
    ]  # fmt: skip
    assert panel.rows[0].accessibleName() == "Rain streaks: 97% likely, very strong"
    assert [row.fix.isEnabled() for row in panel.rows] == [True, True, False]
    assert panel.rows[1].fix.accessibleName() == "Fix: Remove noise"
    panel.rows[1].fix.click()
    assert tasks == ["denoise"]
    panel.show_detection(a_detection(inpaint=0.9), 30.0, lambda _task: False)
    assert "Select the missing parts first" in panel.rows[0].fix.toolTip()


def test_a_photo_without_problems_lists_nothing(panel: VerdictPanel):
    panel.show_detection(a_detection(), 80.0, offered)
    assert listed(panel) == []
    assert shown(panel.sign)
    panel.show_detection(a_detection(blur=0.9), 80.0, offered)
    assert not shown(panel.sign)


def test_the_verdict_stands_first_and_no_low_score_gets_a_tick(panel: VerdictPanel):
    panel.show_detection(a_detection(rain=0.97, noise=0.6), 30.0, offered)
    assert panel.title.text() == "Rain streaks, very strong · probably noise"
    panel.show_detection(a_detection(), 49.4, offered)
    assert panel.title.text() == "Low score, but no clear problem found"
    assert not shown(panel.sign)
    panel.show_detection(a_detection(), 50.0, offered)
    assert panel.title.text() == "Looks fine"
    assert shown(panel.sign)


def test_all_thirteen_are_in_the_details(findings: FindingsPanel):
    findings.show_detection(a_detection(snow=0.9))
    assert len({line.name.text() for line in findings.rows if shown(line)}) == len(DEGRADATIONS) == 13
    assert findings.rows[0].figure.text() == "90%, very strong"


def test_the_map_is_off_until_it_is_asked_for_and_lets_a_degradation_be_chosen(qtbot: QtBot, findings: FindingsPanel):
    findings.show_detection(a_detection(rain=0.9))
    assert not findings.where.isChecked()
    assert not shown(findings.map)
    with qtbot.waitSignal(findings.heat_toggled) as said:
        findings.where.click()
    assert said.args == [True]
    assert shown(findings.map)
    at = findings.which.findData("noise")
    findings.which.setCurrentIndex(at)
    with qtbot.waitSignal(findings.heat_chosen) as chosen:
        findings.which.activated.emit(at)
    assert chosen.args == ["noise"]


# What would help


def test_advice_is_a_list_of_buttons_in_order_and_starts_nothing_by_itself(qtbot: QtBot):
    panel = AdvicePanel()
    qtbot.addWidget(panel)
    tasks: list[str] = []
    panel.task_asked.connect(tasks.append)
    steps = (Advice("dejpeg", "JPEG", "Blocks."), Advice("derain", "rain streak", "Streaks."))
    panel.show_advice(Advised(DOCUMENT, VersionId("a"), steps, "Two steps."), lambda task: task == "derain")
    assert [step.text() for step in panel.steps] == ["1. Remove JPEG artifacts", "2. Remove rain"]
    assert panel.steps[1].accessibleName() == "2. Remove rain: Streaks."
    assert [step.isEnabled() for step in panel.steps] == [False, True]
    assert "No method" in panel.steps[0].toolTip()
    assert tasks == []
    panel.steps[1].click()
    assert tasks == ["derain"]
    with qtbot.waitSignal(panel.all_asked):
        panel.all.click()
    panel.show_advice(None, offered)
    assert panel.steps == []
    assert not shown(panel.all)


def test_filling_in_a_gap_says_that_it_must_be_selected(qtbot: QtBot):
    panel = AdvicePanel()
    qtbot.addWidget(panel)
    steps = (Advice("inpaint", "inpaint", "Scratches."),)
    panel.show_advice(Advised(DOCUMENT, VersionId("a"), steps, "One step."), lambda _task: False)
    assert "Select the missing parts first" in panel.steps[0].toolTip()
    assert not shown(panel.all)


def test_no_advice_is_a_sentence_without_buttons(qtbot: QtBot):
    panel = AdvicePanel()
    qtbot.addWidget(panel)
    panel.show_advice(Advised(DOCUMENT, VersionId("a"), (), "The photo looks fine."), offered)
    assert panel.text.text() == "The photo looks fine."
    assert not shown(panel.all)


# How good it is


def test_a_difference_says_its_direction_in_words():
    assert difference(3.0, 5.5) == ("2.5 better", "good")
    assert difference(5.5, 3.0) == ("2.5 worse", "error")
    assert difference(3.0, 3.01) == ("same", "muted")
    assert difference(None, 3.0)[0] == ""
    assert score_change(62.0, 41.0) == ("21 better than before", "good")
    assert score_change(41.0, 62.0) == ("21 worse than before", "error")
    assert score_change(41.0, 41.2)[0] == "same as before"
    assert score_change(70.4, 69.7)[0] == "same as before", "70 and 70"
    assert score_change(69.6, 69.4)[0] == "1 better than before", "70 and 69"
    assert score_change(60.6, 42.4)[0] == "19 better than before", "61 and 42"
    assert score_change(41.0, None)[0] == ""


def test_a_metric_says_its_direction_whose_parameters_and_why_there_is_no_value(dock: QualityDock):
    now = version("b", piqe=20.0, sseq=31.0, bundled=("sseq",), why={"niqe": "The photo is too small for NIQE."})
    dock.show_photo(QualityState(DOCUMENT, now, version("a", piqe=50.0, niqe=7.0)), offered)
    assert list(dock.metrics) == ["sseq", "niqe", "brisque", "piqe"]
    assert dock.metrics["piqe"].change.text() == "30.0 better"
    assert "Lower is better" in dock.metrics["piqe"].toolTip()
    assert dock.metrics["niqe"].now.text() == "–"
    assert dock.metrics["niqe"].reason.text() == "The photo is too small for NIQE."
    assert not shown(dock.metrics["piqe"].reason)
    assert dock.measures.bundled.text() == "Computed with built-in parameters: SSEQ"
    assert "authors" in dock.measures.bundled.toolTip()
    dock.show_photo(QualityState(DOCUMENT, version("c", piqe=20.0)), offered)
    assert not shown(dock.measures.bundled)


def test_values_by_different_parameters_are_not_compared(dock: QualityDock):
    dock.show_photo(QualityState(DOCUMENT, version("b", niqe=3.0), version("a", niqe=5.0, bundled=("niqe",))), offered)
    assert not shown(dock.metrics["niqe"].change)
    assert dock.metrics["niqe"].accessibleName() == "NIQE 3.0"


def test_further_metrics_are_listed_where_they_are_switched_on(dock: QualityDock):
    dock.show_photo(
        QualityState(DOCUMENT, version("b", more={"musiq": 61.25}), version("a", more={"musiq": 40.0})), offered
    )
    assert dock.measures.more.text() == "musiq  61.2  (before: 40)"
    dock.show_photo(QualityState(DOCUMENT, version("b", piqe=1.0)), offered)
    assert not shown(dock.measures.more)


def test_a_further_metric_that_has_no_value_says_why_while_it_is_switched_on(dock: QualityDock):
    why = "It needs a file that is not on this computer. " * 5
    now = version("b", why={"musiq": why, "niqe": "Too small."})
    dock.show_photo(QualityState(DOCUMENT, now, metrics=("musiq",)), offered)
    assert shown(dock.measures.failed)
    assert dock.measures.failed.text().startswith("musiq  –  It needs a file")
    assert len(dock.measures.failed.text()) < len(why)
    assert dock.measures.failed.toolTip() == f"musiq: {why}"
    dock.show_photo(QualityState(DOCUMENT, now), offered)
    assert not shown(dock.measures.failed)


def test_what_a_project_calls_things_is_text_and_never_markup(dock: QualityDock):
    named = dataclasses.replace(version("c", 62.0), name="Tom & <b>Jerry</b>")
    bold = version("b", 50.0, more={"<b>x</b>": 1.0}, why={"niqe": "<b>why</b>"})
    dock.show_photo(QualityState(DOCUMENT, bold, named, named), offered)
    for label in (dock.names, dock.measures.more, dock.metrics["niqe"].reason, dock.verdict.extent):
        assert label.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in dock.metrics["niqe"].reason.toolTip()
    assert dock.overall.best.text() == "Best: 62 (Tom && <b>Jerry</b>)"


def test_the_overall_score_has_a_range_a_before_and_a_best_that_can_be_opened(qtbot: QtBot, panel: VerdictPanel):
    details = OverallPanel()
    qtbot.addWidget(details)
    now, before, best = version("b", 55.0, low=48.0, high=61.0), version("a", 41.0), version("c", 62.0)
    panel.show_scores(now, before)
    details.show_scores(now, before, best)
    assert (panel.figure.text(), panel.extent.text()) == ("55", "of 100")
    assert (panel.change.text(), panel.change.property("role")) == ("14 better than before", "good")
    assert panel.figure.accessibleName() == "Overall score 55 of 100, 14 better than before"
    assert details.extent.text() == "Likely range of the score: 48 to 61"
    assert details.before.text() == "Before:\N{NO-BREAK SPACE}41"
    assert details.best.text() == "Best: 62 (Cropped)"
    with qtbot.waitSignal(details.jump_asked) as said:
        details.best.click()
    assert said.args == ["c"]
    details.show_scores(best, before, best)
    assert details.before.text() == "Before:\N{NO-BREAK SPACE}41 (this version is the best)"
    assert not shown(details.best)
    panel.show_scores(before, now)
    assert (panel.change.text(), panel.change.property("role")) == ("14 worse than before", "error")


def test_an_undefined_overall_score_says_why(panel: VerdictPanel):
    panel.show_scores(version("a", why={"overall": "The photo is smaller than 32 pixels."}), None)
    assert panel.figure.text() == "–"
    assert panel.extent.text() == "The photo is smaller than 32 pixels."
    why = "The photo cannot be scored. " * 20
    panel.show_scores(version("a"), None, why)
    assert len(panel.extent.text()) < len(why)
    assert panel.extent.toolTip() == why, "all of it"
    panel.show_scores(version("a", 41.0), None)
    assert panel.extent.toolTip().startswith("Higher is better")


@pytest.mark.parametrize(
    ("distance", "marked"),
    [
        (Distance(18.0, 0.9), True),
        (Distance(30.0, 0.5), True),
        (Distance(30.0, 0.9), False),
        (Distance(None, 1.0), False),
        (None, False),
    ],
)
def test_a_gain_is_marked_where_much_has_changed(dock: QualityDock, distance: Distance | None, marked: bool):
    worse, better = version("a", 41.0), version("b", 55.0)
    dock.show_photo(QualityState(DOCUMENT, better, original=worse, distance=distance), offered)
    assert shown(dock.verdict.warning) is marked is is_far(distance)
    dock.show_photo(QualityState(DOCUMENT, worse, original=better, distance=distance), offered)
    assert not shown(dock.verdict.warning)


def test_the_distance_is_reported_in_figures():
    assert distance_text(Distance(31.24, 0.931)) == "Change: PSNR 31.2 dB, SSIM 0.93"
    assert "Identical" in distance_text(Distance(None, 1.0))


def test_the_curve_rises_with_the_score_names_all_versions_and_a_click_opens_one(qtbot: QtBot):
    trend = Trend()
    qtbot.addWidget(trend)
    trend.resize(200, 52)
    trend.show_branch((version("a", 41.0), version("b", None), version("c", 62.0), version("d", 50.0)), VersionId("d"))
    assert trend.accessibleName() == "Overall score of 3 versions: Original 41, Cropped 62, Cropped 50"
    first, second, third = trend.points()
    assert first.y() > third.y() > second.y()
    assert first.x() < second.x() < third.x()
    with qtbot.waitSignal(trend.chosen) as said:
        QTest.mouseClick(trend, Qt.MouseButton.LeftButton, pos=QPoint(100, 20))
    assert said.args == ["c"]
    assert not trend.grab().isNull()
    trend.show_branch((version("a", 41.0),), VersionId("a"))
    assert trend.isHidden()


def test_a_long_curve_describes_the_last_versions_and_the_best(qtbot: QtBot):
    trend = Trend()
    qtbot.addWidget(trend)
    trend.show_branch(tuple(version(str(k), 90.0 - k) for k in range(30)), None)
    assert trend.accessibleName() == (
        "Overall score of 30 versions, best: Cropped 90, "
        "latest: Cropped 65, Cropped 64, Cropped 63, Cropped 62, Cropped 61"
    )


@pytest.mark.parametrize("values", [[50.0], [0.0, 3.0], [100.0], [2.0, 99.0], [40.0, 42.0]])
def test_the_curve_shows_small_differences_small_and_holds_all_values(values: list[float]):
    low, high = score_range(values)
    assert 0 <= low <= min(values)
    assert max(values) <= high <= 100
    assert high - low >= 30


# All together


def test_while_it_looks_the_old_figures_stay_grayed(dock: QualityDock):
    known = version("a", 41.0, a_detection(rain=0.97))
    dock.show_photo(QualityState(DOCUMENT, known), offered)
    assert not shown(dock.busy)
    assert dock.verdict.rows[0].isEnabled()
    dock.show_photo(QualityState(DOCUMENT, version("b")), offered)
    assert shown(dock.busy)
    assert dock.verdict.title.text() == "Analyzing…"
    assert listed(dock.verdict) == [("Rain streaks", "97% likely, very strong")]
    assert dock.verdict.figure.text() == "41"
    assert not any(part.isEnabled() for part in (*dock.verdict.rows, dock.findings, dock.overall, dock.verdict.figure))
    assert dock.advice.button.isEnabled()


def test_the_figures_of_another_photo_do_not_stay(dock: QualityDock):
    dock.show_photo(QualityState(DOCUMENT, version("a", 41.0, a_detection(rain=0.97))), offered)
    dock.show_photo(QualityState(DocumentId("e"), version("a")), offered)
    assert dock.verdict.title.text() == "Analyzing…"
    assert dock.verdict.figure.text() == "–"
    assert listed(dock.verdict) == []


def test_a_failed_analysis_is_reported_and_the_busy_bar_disappears(dock: QualityDock):
    known = dataclasses.replace(version("a", 41.0), detection=None)
    dock.show_photo(QualityState(DOCUMENT, known, detection_error="The detector is not on this computer."), offered)
    assert dock.verdict.reason.text() == "The detector is not on this computer."
    assert shown(dock.verdict.reason)
    assert dock.verdict.reason.isEnabled()
    dock.show_photo(
        QualityState(DOCUMENT, version("b"), detection_error="No.", quality_error="The disk is full."), offered
    )
    assert dock.verdict.extent.text() == "The disk is full."
    assert not shown(dock.measures)
    assert not shown(dock.busy)


def test_without_a_photo_there_is_an_invitation_and_nothing_else(dock: QualityDock):
    dock.show_photo(QualityState(DOCUMENT, version("a", 41.0)), offered)
    dock.details.click()
    dock.show_photo(None, offered)
    assert shown(dock.invitation)
    assert not any(shown(part) for part in (dock.verdict, dock.details, dock.inside, dock.busy))


def test_everything_else_is_folded_until_it_is_asked_for(dock: QualityDock):
    state = QualityState(DOCUMENT, version("a", 41.0, a_detection(rain=0.97)))
    dock.show_photo(state, offered)
    assert not shown(dock.inside)
    dock.details.click()
    assert shown(dock.inside)
    dock.details.click()
    advised = Advised(DOCUMENT, VersionId("a"), (Advice("derain", "rain streak", "Streaks."),), "One step.")
    dock.show_photo(dataclasses.replace(state, advised=advised), offered)
    assert shown(dock.inside), "the advice was requested for"


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_everything_fits_the_narrowest_dock(qapp: QApplication, dock: QualityDock, choice: theme.Choice):
    theme.apply(qapp, choice)
    steps = (Advice("overexposure", "overexposure", "Much of the sky is white and holds no detail any more."),)
    now = version("b", 55.0, a_detection(overexposure=0.97), low=48.0, high=61.0, sseq=3.0, bundled=("sseq",))
    advised = Advised(DOCUMENT, now.id, steps, "One step would help.")
    dock.resize(dock.minimumWidth(), 320)
    dock.show()
    dock.show_photo(QualityState(DOCUMENT, now, version("a", 41.0), now, version("a", 41.0), (version("a", 41.0), now),
                           Distance(12.0, 0.4), advised), offered)  # fmt: skip
    dock.findings.where.setChecked(True)
    dock.details.setChecked(True)
    QApplication.processEvents()
    inside = dock.widget()
    assert inside.width() <= dock.viewport().width()
    assert inside.minimumSizeHint().width() <= dock.viewport().width()
    bar = dock.verticalScrollBar()
    assert bar.isVisible()
    edge = bar.mapTo(dock, QPoint(0, 0)).x()
    for part in inside.findChildren(QWidget):
        assert not part.isVisible() or part.mapTo(dock, QPoint(part.width(), 0)).x() <= edge, part


# Preferences


def test_preferences_offer_the_further_metrics_of_this_machine_and_keep_the_others(qtbot: QtBot):
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = Preferences(parent, Settings(metrics=("away", "musiq")), ("musiq", "nima"))
    assert [(name, box.isChecked()) for name, box in dialog.metrics.items()] == [("musiq", True), ("nima", False)]
    dialog.metrics["nima"].setChecked(True)
    dialog.metrics["musiq"].setChecked(False)
    assert dialog.settings().metrics == ("away", "nima")
