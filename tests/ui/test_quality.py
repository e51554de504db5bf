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
from clarity_desktop.ui.docks.findings_panel import FindingsPanel, headline
from clarity_desktop.ui.docks.metrics_panel import difference
from clarity_desktop.ui.docks.overall_panel import OverallPanel, distance_text, is_far, score_change
from clarity_desktop.ui.docks.quality import QualityDock, QualityState
from clarity_desktop.ui.docks.trend import Trend, score_range
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


def test_likely_degradations_are_listed_with_percent_and_severity(findings: FindingsPanel):
    findings.show_detection(a_detection(rain=0.97, noise=0.6))
    listed = [line for line in findings.rows if shown(line)]
    assert [(line.name.text(), line.figure.text()) for line in listed] == [
        ("Rain streaks", "97%, strong"), ("Noise", "60%, strong"),
    ]  # fmt: skip
    assert listed[0].accessibleName() == "Rain streaks 97%, strong"
    assert findings.verdict.text() == "Several problems: rain streaks, noise"


@pytest.mark.parametrize(
    ("likely", "said"),
    [
        ({"haze": 0.8}, "Haze: 80% likely"),
        ({"haze": 0.4}, "Possible problems: haze (40%)"),
        ({"haze": 0.8, "noise": 0.4}, "Haze: 80% likely"),
        ({"haze": 0.3, "noise": 0.4}, "Possible problems: noise (40%)"),
    ],
)
@pytest.mark.parametrize("called", ["haze", "blend"])
def test_the_first_line_names_what_is_likely_with_the_bars_number_whatever_the_whole_is_called(
    called: str, likely: dict[str, float], said: str
):
    assert headline(dataclasses.replace(a_detection(**likely), top=((called, 0.51),))) == said


def test_several_likely_things_are_several_even_if_the_whole_is_called_one():
    both = dataclasses.replace(a_detection(haze=0.96, noise=0.6), top=(("noise", 0.49),))
    assert headline(both) == "Several problems: haze, noise"


def test_a_photo_that_looks_fine_says_so_and_lists_nothing(findings: FindingsPanel):
    findings.show_detection(a_detection())
    assert findings.verdict.text() == "No problems found"
    assert shown(findings.fine)
    assert [line for line in findings.rows if shown(line)] == []
    findings.show_detection(a_detection(blur=0.9))
    assert not shown(findings.fine)


def test_a_possible_problem_of_a_normal_photo_is_shown():
    def doubted(share: float) -> str:
        return headline(dataclasses.replace(a_detection(watermark=share), top=a_detection().top))

    assert doubted(0.34) == "No clear problems. Possibly: a watermark (34%)"
    assert doubted(0.29) == "No problems found"


def test_all_thirteen_can_be_listed(findings: FindingsPanel):
    findings.show_detection(a_detection(snow=0.9))
    findings.all.click()
    assert len({line.name.text() for line in findings.rows if shown(line)}) == len(DEGRADATIONS) == 13
    findings.all.click()
    assert len([line for line in findings.rows if shown(line)]) == 1


def test_the_map_is_off_until_it_is_asked_for_and_lets_a_degradation_be_chosen(qtbot: QtBot, findings: FindingsPanel):
    findings.show_detection(a_detection(rain=0.9))
    assert not findings.where.isChecked()
    assert not shown(findings.which)
    with qtbot.waitSignal(findings.heat_toggled) as said:
        findings.where.click()
    assert said.args == [True]
    assert shown(findings.which)
    assert shown(findings.legend)
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


def test_filling_in_a_gap_says_that_it_must_be_marked(qtbot: QtBot):
    panel = AdvicePanel()
    qtbot.addWidget(panel)
    steps = (Advice("inpaint", "inpaint", "Scratches."),)
    panel.show_advice(Advised(DOCUMENT, VersionId("a"), steps, "One step."), lambda _task: False)
    assert "must be marked" in panel.steps[0].toolTip()
    assert not shown(panel.all)


def test_no_advice_is_a_sentence_without_buttons(qtbot: QtBot):
    panel = AdvicePanel()
    qtbot.addWidget(panel)
    panel.show_advice(Advised(DOCUMENT, VersionId("a"), (), "The photo looks fine."), offered)
    assert panel.text.text() == "The photo looks fine."
    assert not shown(panel.all)


# How good it is


def test_a_difference_says_its_direction_in_words():
    assert difference(3.0, 5.5) == "▼ 2.5 better"
    assert difference(5.5, 3.0) == "▲ 2.5 worse"
    assert difference(3.0, 3.01) == "= unchanged"
    assert difference(None, 3.0) == ""
    assert score_change(62.0, 41.0) == "▲ 21 better"
    assert score_change(41.0, 62.0) == "▼ 21 worse"
    assert score_change(41.0, 41.2) == "= unchanged"
    assert score_change(70.4, 69.7) == "= unchanged", "70 and 70"
    assert score_change(69.6, 69.4) == "▲ 1 better", "70 and 69"
    assert score_change(60.6, 42.4) == "▲ 19 better", "61 and 42"
    assert score_change(41.0, None) == ""


def test_a_metric_says_its_direction_whose_parameters_and_why_there_is_no_value(dock: QualityDock):
    now = version("b", piqe=20.0, sseq=31.0, bundled=("sseq",), why={"niqe": "The photo is too small for NIQE."})
    dock.show_photo(QualityState(DOCUMENT, now, version("a", piqe=50.0, niqe=7.0)), offered)
    assert list(dock.metrics) == ["sseq", "niqe", "brisque", "piqe"]
    assert dock.metrics["piqe"].change.text() == "▼ 30.0 better"
    assert "Lower is better" in dock.metrics["piqe"].meaning.text()
    assert dock.metrics["niqe"].now.text() == "–"
    assert dock.metrics["niqe"].meaning.text() == "The photo is too small for NIQE."
    assert shown(dock.metrics["sseq"].bundled)
    assert "built-in parameters" in dock.metrics["sseq"].accessibleName()
    assert "authors" in dock.metrics["sseq"].bundled.toolTip()
    assert not shown(dock.metrics["piqe"].bundled)


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
    for label in (dock.names, dock.measures.more, dock.metrics["niqe"].meaning, dock.overall.extent):
        assert label.textFormat() == Qt.TextFormat.PlainText
    assert "&lt;b&gt;" in dock.metrics["niqe"].meaning.toolTip()
    assert dock.overall.best.text() == "Best: 62 (Tom && <b>Jerry</b>)"


def test_the_overall_score_has_a_range_a_before_and_a_best_that_can_be_opened(qtbot: QtBot):
    panel = OverallPanel()
    qtbot.addWidget(panel)
    now, before, best = version("b", 55.0, low=48.0, high=61.0), version("a", 41.0), version("c", 62.0)
    panel.show_scores(now, before, best)
    assert panel.figure.text() == "55"
    assert panel.extent.text() == "of 100 (48 to 61)"
    assert panel.change.text() == "▲ 14 better"
    assert panel.before.text() == "Before:\N{NO-BREAK SPACE}41"
    assert panel.best.text() == "Best: 62 (Cropped)"
    with qtbot.waitSignal(panel.jump_asked) as said:
        panel.best.click()
    assert said.args == ["c"]
    panel.show_scores(best, before, best)
    assert panel.before.text() == "Before:\N{NO-BREAK SPACE}41 (this version is the best)"
    assert not shown(panel.best)


def test_an_undefined_overall_score_says_why(qtbot: QtBot):
    panel = OverallPanel()
    qtbot.addWidget(panel)
    panel.show_scores(version("a", why={"overall": "The photo is smaller than 32 pixels."}), None, None)
    assert panel.figure.text() == "–"
    assert panel.extent.text() == "The photo is smaller than 32 pixels."
    why = "The photo cannot be scored. " * 20
    panel.show_scores(version("a"), None, None, why)
    assert len(panel.extent.text()) < len(why)
    assert panel.extent.toolTip() == why, "all of it"
    panel.show_scores(version("a", 41.0), None, None)
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
def test_a_gain_is_marked_where_much_has_changed(qtbot: QtBot, distance: Distance | None, marked: bool):
    panel = OverallPanel()
    qtbot.addWidget(panel)
    panel.show_distance(distance, gained=True)
    assert shown(panel.warning) is marked is is_far(distance)
    panel.show_distance(distance, gained=False)
    assert not shown(panel.warning)


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


def test_while_it_looks_the_old_figures_stay_greyed(dock: QualityDock):
    known = version("a", 41.0, a_detection(rain=0.97))
    dock.show_photo(QualityState(DOCUMENT, known), offered)
    assert not shown(dock.busy)
    assert dock.findings.isEnabled()
    dock.show_photo(QualityState(DOCUMENT, version("b")), offered)
    assert shown(dock.busy)
    assert dock.names.text().startswith("Analyzing…")
    assert dock.findings.rows[0].figure.text() == "97%, strong"
    assert dock.overall.figure.text() == "41"
    assert not dock.findings.isEnabled()
    assert not dock.overall.isEnabled()
    assert dock.advice.button.isEnabled()


def test_the_figures_of_another_photo_do_not_stay(dock: QualityDock):
    dock.show_photo(QualityState(DOCUMENT, version("a", 41.0, a_detection(rain=0.97))), offered)
    dock.show_photo(QualityState(DocumentId("e"), version("a")), offered)
    assert dock.findings.verdict.text() == ""
    assert dock.overall.figure.text() == "–"
    assert [line for line in dock.findings.rows if shown(line)] == []


def test_a_failed_analysis_is_reported_and_the_busy_bar_disappears(dock: QualityDock):
    known = dataclasses.replace(version("a", 41.0), detection=None)
    dock.show_photo(QualityState(DOCUMENT, known, detection_error="The detector is not on this computer."), offered)
    assert dock.findings.reason.text() == "The detector is not on this computer."
    assert shown(dock.findings.reason)
    assert dock.findings.reason.isEnabled()
    dock.show_photo(
        QualityState(DOCUMENT, version("b"), detection_error="No.", quality_error="The disk is full."), offered
    )
    assert dock.overall.extent.text() == "The disk is full."
    assert not shown(dock.measures)
    assert not shown(dock.busy)
    assert not shown(dock.busy)


def test_without_a_photo_there_is_an_invitation_and_nothing_else(dock: QualityDock):
    dock.show_photo(QualityState(DOCUMENT, version("a", 41.0)), offered)
    dock.show_photo(None, offered)
    assert dock.names.text().startswith("Open a photo")
    assert not any(shown(part) for part in (dock.overall, dock.findings, dock.advice, dock.measures, dock.busy))


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
    dock.findings.all.setChecked(True)
    QApplication.processEvents()
    inside = dock.widget()
    assert inside.width() <= dock.viewport().width()
    assert inside.minimumSizeHint().width() <= dock.viewport().width()


# Preferences


def test_preferences_offer_the_further_metrics_of_this_machine_and_keep_the_others(qtbot: QtBot):
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = Preferences(parent, Settings(metrics=("away", "musiq")), ("musiq", "nima"))
    assert [(name, box.isChecked()) for name, box in dialog.metrics.items()] == [("musiq", True), ("nima", False)]
    dialog.metrics["nima"].setChecked(True)
    dialog.metrics["musiq"].setChecked(False)
    assert dialog.settings().metrics == ("away", "nima")
