"""The transcript: cards of steps and plans, links, the keyboard, and conversations of any length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from fakes import METHODS
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from clarity_desktop.messages import Progress
from clarity_desktop.text import Message
from clarity_desktop.titles import step_title
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.plan_card import PlanCard
from clarity_desktop.ui.docks.transcript import KEPT_TURNS, SHOWN_TURNS, Transcript
from clarity_desktop.ui.document_state import RunningReply
from clarity_desktop.ui.form_fields import ElidedButton
from clarity_desktop.ui.translate import PseudoTranslator
from clarity_desktop.values import Quality, Step, Turn, Version, VersionId

WAIT = 30_000
"""Milliseconds, on a busy machine."""
THUMBNAIL = np.full((96, 128, 3), (200, 40, 40), np.uint8)
ORIGINAL, RAIN, NOISE = VersionId("v0"), VersionId("v1"), VersionId("v2")


def version(at: VersionId, parent: VersionId | None, step: Step, score: float | None = None, **facts) -> Version:
    quality = None if score is None else Quality(overall=score)
    name = facts.pop("name", None)
    return Version(at, parent, step, name, float(at[1:]), 1280, 960, THUMBNAIL, quality=quality, **facts)


def derained(**facts) -> Version:
    return version(RAIN, ORIGINAL, Step("restore", "derain", "maxim-deraining", seconds=4.2), 52, **facts)


def tree(*versions: Version) -> dict[VersionId, Version]:
    return {v.id: v for v in (version(ORIGINAL, None, Step("open"), 40), *versions)}


def reply_about(*made: Version, time: float = 100.0) -> Turn:
    said = tuple(
        Message("chat.restored", {"title": step_title(v.step), "method": Message("method.maxim-deraining"),
                                  "time": Message("units.seconds", {"value": "4"})})
        for v in made
    )  # fmt: skip
    return Turn("assistant", said, tuple(v.id for v in made), time)


@pytest.fixture
def dock(qtbot: QtBot) -> ChatDock:
    made = ChatDock()
    qtbot.addWidget(made)
    made.show_ready(True)
    made.transcript.show_methods(METHODS)
    made.resize(300, 700)
    made.show()
    return made


@pytest.fixture
def transcript(dock: ChatDock) -> Transcript:
    return dock.transcript


def shown(card: QWidget) -> list[str]:
    """The texts of the labels and buttons that are shown in a card."""
    found = [w for kind in (QLabel, QPushButton) for w in card.findChildren(kind) if w.isVisibleTo(card)]
    return [widget.text() for widget in found if widget.text()]


# cards of steps


def test_a_card_shows_method_seconds_scores_and_its_buttons(transcript: Transcript) -> None:
    transcript.show_versions(tree(derained()), RAIN)
    transcript.show_turns([Turn("user", "remove the rain"), reply_about(derained())])
    [card] = transcript.cards
    assert shown(card) == ["Rain removed", "MAXIM · 4 s", "Score 40 → 52", "Shown now", "Undo", "Try another"]
    assert card.accessibleName() == "Step: Rain removed · MAXIM · 4 s · Score 40 → 52 · Shown now"
    assert card.accessibleDescription()
    assert all(button.accessibleName() for button in card.findChildren(QPushButton))


STATES: list[tuple[Version, VersionId, str, list[str]]] = [
    (derained(), RAIN, "Shown now", ["Undo", "Try another"]),
    (derained(), NOISE, "", ["Undo", "Try another"]),
    (derained(), ORIGINAL, "Undone", ["Show"]),
    (derained(), VersionId("v3"), "On another branch", ["Show"]),
    (derained(rejected=True), ORIGINAL, "Rejected", ["Show"]),
    (derained(deleted=True), ORIGINAL, "Deleted", ["Bring back"]),
    (version(RAIN, ORIGINAL, Step("crop")), RAIN, "Shown now", ["Undo"]),
]


@pytest.mark.parametrize(("made", "head", "place", "buttons"), STATES)
def test_a_card_says_what_became_of_its_version(
    transcript: Transcript, made: Version, head: VersionId, place: str, buttons: list[str]
) -> None:
    later = version(NOISE, RAIN, Step("restore", "denoise", "prenet"))
    other = version(VersionId("v3"), ORIGINAL, Step("flip"))
    transcript.show_versions(tree(made, later, other), head)
    transcript.show_turns([reply_about(made)])
    [card] = transcript.cards
    assert card.place.text() == place
    assert [b.text() for b in card.findChildren(QPushButton) if not b.isHidden()] == buttons
    assert card.thumbnail.isEnabled() is (place not in ("Shown now", "Deleted"))


def test_a_card_follows_its_version(transcript: Transcript) -> None:
    transcript.show_versions(tree(derained()), RAIN)
    transcript.show_turns([reply_about(derained())])
    [card] = transcript.cards
    transcript.show_versions(tree(derained(name="Without rain")), ORIGINAL)
    assert shown(card)[0] == "Without rain"
    assert card.place.text() == "Undone"
    assert card.button("undo") is None
    transcript.show_versions(tree(), ORIGINAL)
    assert shown(card) == ["A version that was removed", "Deleted"]
    transcript.show_versions(tree(derained()), RAIN)
    assert card.button("undo") is not None


def test_buttons_and_pictures_of_cards_carry_the_version(transcript: Transcript) -> None:
    asked: list[tuple[str, str]] = []
    for name in ("show", "undo", "another", "return"):
        getattr(transcript, f"{name}_asked").connect(lambda at, name=name: asked.append((name, at)))
    transcript.show_versions(tree(derained()), RAIN)
    transcript.show_turns([reply_about(derained())])
    [card] = transcript.cards
    for action in ("undo", "another"):
        button = card.button(action)
        assert button is not None
        button.click()
    transcript.show_versions(tree(derained()), ORIGINAL)
    card.thumbnail.click()
    QTest.keyClick(card, Qt.Key.Key_Return)
    transcript.show_versions(tree(derained(deleted=True)), ORIGINAL)
    back = card.button("return")
    assert back is not None
    back.click()
    QTest.keyClick(card, Qt.Key.Key_Space)
    assert asked == [(name, RAIN) for name in ("undo", "another", "show", "show", "return")]


def test_the_picture_is_that_of_the_version_and_fades_when_it_is_undone(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_versions(tree(derained()), RAIN)
    transcript.show_turns([reply_about(derained())])
    [card] = transcript.cards

    def middle() -> tuple[int, int, int]:
        picture = card.thumbnail.grab().toImage()
        color = picture.pixelColor(picture.width() // 2, picture.height() // 2)
        return color.red(), color.green(), color.blue()

    assert middle() == (200, 40, 40)
    transcript.show_versions(tree(derained()), ORIGINAL)
    assert middle() != (200, 40, 40)


# a reply that is on its way


def test_a_reply_on_its_way_shows_what_was_said_made_and_runs(transcript: Transcript) -> None:
    transcript.show_versions(tree(derained()), RAIN)
    transcript.show_turns([Turn("user", "remove the rain, then the noise")])
    transcript.show_reply(RunningReply())
    assert transcript.waiting.text() == "…"
    assert transcript.waiting.accessibleName() == "Waiting for a reply"
    step = {"tool": "restore", "task": "denoise", "method": "maxim-denoising"}
    running = RunningReply("Rain removed.", [RAIN], step, 2, 2, Progress(0.4, "", 12.0))
    transcript.show_reply(running)
    assert transcript.waiting.text() == "Rain removed."
    assert [card.version for card in transcript.cards] == [RAIN]
    assert shown(transcript.running) == ["2 of 2: Remove noise · MAXIM", "12 s left", "Stop"]
    assert transcript.running.bar.value() == 400
    assert transcript.running.accessibleName() == "Running: 2 of 2: Remove noise · MAXIM"
    another = transcript.cards[0].button("another")
    assert another is not None
    assert not another.isEnabled(), "one reply at a time"
    transcript.add_turn(reply_about(derained()))
    transcript.show_reply(None)
    assert [card.version for card in transcript.cards] == [RAIN], "the turn has the card now"
    assert transcript.running.isHidden()
    assert transcript.waiting.isHidden()


def test_stop_and_progress_without_an_end(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_reply(RunningReply(step={"tool": "detect"}))
    assert transcript.running.bar.maximum() == 0
    with qtbot.waitSignal(transcript.stop_asked):
        transcript.running.stop.click()
    transcript.show_reply(RunningReply(step={"tool": "restore", "task": "auto"}, progress=Progress(1.0, "Storing")))
    assert transcript.running.bar.value() < transcript.running.bar.maximum()
    assert shown(transcript.running) == ["Auto", "Storing", "Stop"]


# names of versions


def test_names_of_versions_are_links(transcript: Transcript, qtbot: QtBot) -> None:
    flipped = version(NOISE, RAIN, Step("flip"), name="A <b>")
    transcript.show_versions(tree(derained(), flipped), NOISE)
    shown_now = Turn("assistant", Message("chat.shown", {"title": "A <b>"}), (), 100.0)
    transcript.show_turns([reply_about(derained()), shown_now, Turn("user", "show “A <b>”")])
    made, named, said = transcript.bubbles
    assert made.text() == "Rain removed with MAXIM in 4 s."
    assert f'<a href="{RAIN}">Rain removed</a>' in QLabel.text(made)
    assert f'“<a href="{NOISE}">A &lt;b&gt;</a>”' in QLabel.text(named)
    assert said.textFormat() == Qt.TextFormat.PlainText
    with qtbot.waitSignal(transcript.show_asked) as asked:
        made.linkActivated.emit(RAIN)
    assert asked.args == [RAIN]


def test_a_word_that_happens_to_be_a_title_is_no_link(transcript: Transcript) -> None:
    later = version(NOISE, ORIGINAL, Step("flip"))
    transcript.show_versions(tree(derained(), later), RAIN)
    transcript.show_turns([
        Turn("assistant", "Flipped photos look odd.", (), 100.0),
        Turn("assistant", "Unflipped, “Flippedy”", (NOISE,), 100.0),
        Turn("assistant", "Show “Flipped”?", (), 1.0),  # said before that version was made
        Turn("assistant", "Show v1.", (), 100.0),  # by its id, as a language model knows it
    ])  # fmt: skip
    assert ["<a" in QLabel.text(bubble) for bubble in transcript.bubbles] == [False, False, False, True]


# plans


STEPS = (
    {"tool": "restore", "task": "dehaze", "region": None, "method": None, "strength": None, "version": None},
    {"tool": "restore", "task": "denoise", "region": {"kind": "text", "text": "the sky"}, "method": "maxim-denoising",
     "strength": 0.6, "version": None},
    {"tool": "adjust", "task": None, "region": None, "method": None, "strength": None, "version": None,
     "settings": {"exposure": 0.3, "black_and_white": True}},
)  # fmt: skip


@pytest.fixture
def plan(transcript: Transcript) -> PlanCard:
    asked = Turn("assistant", Message("chat.takes_long_or_part", {"whole": "9 s", "part": "3 s"}), (), 9.0, STEPS, RAIN)
    transcript.show_turns([Turn("user", "do it"), asked])
    transcript.open_plan(asked)
    assert transcript.plan is not None
    return transcript.plan


def runs(plan: PlanCard) -> list[object]:
    """What Run sends from now on."""
    sent: list[object] = []
    plan.run_asked.connect(lambda steps, part: sent.append((steps, part)))
    return sent


def test_a_plan_that_is_not_changed_runs_as_it_is(plan: PlanCard) -> None:
    sent = runs(plan)
    assert [row.title.text() for row in plan.rows] == ["1. Remove haze", "2. Remove noise", "3. Adjust light and color"]
    assert [row.facts() for row in plan.rows] == ["", "MAXIM · 60% · only “the sky”", "+30%"]
    plan.run.click()
    plan.part.click()
    QTest.keyClick(plan, Qt.Key.Key_Return)
    assert sent == [(STEPS, False), (STEPS, True), (STEPS, False)]


def test_method_strength_part_and_amount_of_a_step_can_be_changed(plan: PlanCard) -> None:
    sent = runs(plan)
    for row in plan.rows:
        row.edit.click()
    method, strength, part = plan.rows[0].fields
    assert method.itemText(0) == "Automatic"
    method.setCurrentIndex(method.findData("maxim-dehazing-outdoor"))
    strength.setValue(40)
    part.setText("  the left half ")
    plan.rows[1].fields[2].clear()
    plan.rows[1].fields[1].setValue(100)
    plan.rows[2].fields[0].setValue(-10)
    plan.run.click()
    [(steps, _)] = sent
    assert steps[0] == {**STEPS[0], "method": "maxim-dehazing-outdoor", "strength": 0.4,
                        "region": {"kind": "text", "text": "the left half"}}  # fmt: skip
    assert steps[1] == {**STEPS[1], "region": None, "strength": None}
    assert steps[2] == {**STEPS[2], "settings": {"exposure": -0.1, "black_and_white": True}}
    assert STEPS[2]["settings"] == {"exposure": 0.3, "black_and_white": True}, "the stored turn stays as it was"
    assert "only “the left half”" in plan.accessibleName()


def test_steps_can_be_moved_and_removed(dock: ChatDock, plan: PlanCard, qtbot: QtBot) -> None:
    sent = runs(plan)
    first, second, third = plan.rows
    first.edit.click()
    first.down.click()
    dock.activateWindow()
    third.edit.setFocus()
    qtbot.waitUntil(third.edit.hasFocus)
    QTest.keyClick(third.edit, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert plan.rows == [second, third, first]
    assert second.title.text() == "1. Remove noise"
    assert not second.up.isEnabled()
    assert not first.down.isEnabled()
    second.remove.click()
    plan.run.click()
    assert [step["tool"] for step in sent[0][0]] == ["adjust", "restore"]
    first.remove.click()
    assert third.title.text() == "Adjust light and color"
    third.remove.click()
    assert not plan.run.isEnabled()
    QTest.keyClick(plan, Qt.Key.Key_Return)
    assert len(sent) == 1


def test_a_plan_that_is_not_open_cannot_be_run(transcript: Transcript, plan: PlanCard, qtbot: QtBot) -> None:
    sent = runs(plan)
    with qtbot.waitSignal(transcript.plan_cancelled):
        plan.cancel.click()
    transcript.open_plan(None)
    assert not [b for b in (plan.run, plan.part, plan.cancel, *(r.edit for r in plan.rows)) if not b.isHidden()]
    assert shown(plan)[:2] == ["1. Remove haze", "2. Remove noise"]
    QTest.keyClick(plan, Qt.Key.Key_Return)
    assert sent == []
    transcript.open_plan(transcript.views[-1].turn, "56 MB")
    assert plan.run.text() == "Download and run (56 MB)"


def test_steps_of_other_programs_are_shown_and_break_nothing(transcript: Transcript) -> None:
    odd = (5, "x", {}, {"tool": 7}, {"tool": "restore", "task": "unknown", "method": 3, "settings": [1]},
           {"tool": "restore", "task": "derain", "region": {"kind": "box", "box": [0, 0, 1, 1]}},
           {"tool": "adjust", "settings": {"exposure": "much"}, "strength": "all"})  # fmt: skip
    asked = Turn("assistant", "Shall I?", (), 9.0, odd, RAIN)
    transcript.show_turns([asked])
    transcript.open_plan(asked)
    assert transcript.plan is not None
    assert len(transcript.plan.calls) == 5
    assert transcript.plan.calls[3] == odd[5]
    for step in odd:
        transcript.show_reply(RunningReply(step=step))


# the keyboard


def test_one_entry_at_a_time_is_reached_by_tab_and_its_buttons_with_it(
    dock: ChatDock, transcript: Transcript, qtbot: QtBot
) -> None:
    later = version(NOISE, RAIN, Step("restore", "denoise", "prenet"))
    transcript.show_versions(tree(derained(), later), NOISE)
    transcript.show_turns([Turn("user", "first"), reply_about(derained(), later), Turn("user", "last")])
    qtbot.waitUntil(transcript.cards[1].isVisible)
    dock.activateWindow()
    dock.composer.setFocus()
    qtbot.waitUntil(dock.composer.hasFocus)
    by_tab = [w for w in transcript.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert by_tab == [transcript.earlier], "what is reached one by one are not all entries"
    QTest.keyClick(dock.composer, Qt.Key.Key_Backtab)
    while QApplication.focusWidget() in dock.chips.buttons:
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Backtab)
    assert transcript.bubbles[-1].hasFocus()
    QTest.keyClick(transcript.bubbles[-1], Qt.Key.Key_Up)
    card = transcript.cards[1]
    assert card.hasFocus()
    reached = []
    for _ in range(3):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        reached.append(QApplication.focusWidget())
    assert reached[:2] == [card.button("undo"), card.button("another")]
    assert not transcript.isAncestorOf(reached[2])
    card.setFocus()
    QTest.keyClick(card, Qt.Key.Key_Home)
    assert transcript.bubbles[0].hasFocus()
    QTest.keyClick(transcript.bubbles[0], Qt.Key.Key_End)
    assert transcript.bubbles[-1].hasFocus()
    QTest.keyClick(transcript.bubbles[-1], Qt.Key.Key_Escape)
    assert dock.composer.hasFocus()


def test_escape_in_a_plan_closes_the_fields_before_it_leaves(dock: ChatDock, plan: PlanCard, qtbot: QtBot) -> None:
    dock.activateWindow()
    row = plan.rows[0]
    row.edit.click()
    row.fields[2].setFocus()
    qtbot.waitUntil(row.fields[2].hasFocus)
    QTest.keyClick(row.fields[2], Qt.Key.Key_Escape)
    assert not row.edit.isChecked()
    assert row.edit.hasFocus()
    QTest.keyClick(row.edit, Qt.Key.Key_Escape)
    assert dock.composer.hasFocus()


def test_a_message_is_copied_by_key_and_by_button(dock: ChatDock, transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_versions(tree(derained()), RAIN)
    transcript.show_turns([Turn("user", "remove the rain"), reply_about(derained())])
    asked, answered = transcript.bubbles
    QTest.keyClick(asked, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "remove the rain"
    dock.activateWindow()
    answered.setFocus()
    qtbot.waitUntil(answered.hasFocus)
    assert answered.copy_button is not None
    assert not answered.copy_button.isHidden()
    answered.copy_button.click()
    assert QGuiApplication.clipboard().text() == "Rain removed with MAXIM in 4 s."


# size


@pytest.fixture
def pseudo(qapp: QApplication) -> Iterator[None]:
    translator = PseudoTranslator(qapp)
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def too_wide(transcript: Transcript) -> list[str]:
    """What reaches beyond the edge, or is lower than its text."""
    found: list[str] = []
    for widget in transcript.widget().findChildren(QWidget):
        if not widget.isVisible():
            continue
        right = widget.mapTo(transcript.viewport(), QPoint(widget.width(), 0)).x()
        text = widget.text() if isinstance(widget, QLabel | QPushButton) else type(widget).__name__
        if right > transcript.viewport().width() + 1:
            found.append(f"beyond the edge: {text}")
        if isinstance(widget, QLabel) and widget.height() < widget.heightForWidth(widget.width()) - 1:
            found.append(f"too low: {text}")
        if isinstance(widget, QPushButton) and not isinstance(widget, ElidedButton):
            assert widget.width() >= widget.sizeHint().width() - 1, text
    return found


def test_nothing_is_cut_off_in_a_narrow_panel(pseudo: None, qtbot: QtBot) -> None:
    dock = ChatDock()
    qtbot.addWidget(dock)
    dock.resize(240, 700)
    dock.show()
    transcript = dock.transcript
    transcript.show_methods(METHODS)
    long = version(NOISE, RAIN, Step("restore", "denoise", "a-method-with-a-long-name-of-third-parties", seconds=90),
                   60, name="A_name_without_any_space_as_files_have_it.jpeg")  # fmt: skip
    transcript.show_versions(tree(derained(), long), NOISE)
    asked = Turn("assistant", Message("chat.plan_ready"), (), 9.0, STEPS, NOISE)
    transcript.show_turns([reply_about(derained(), long), Turn("user", "y" * 100), asked])
    transcript.open_plan(asked, "56 MB")
    step = {"tool": "restore", "task": "low_light", "method": "a-method-with-a-long-name-of-third-parties"}
    transcript.show_reply(RunningReply("", [], step, 1, 2, Progress(0.5, Message("chat.plan_ready"))))
    assert transcript.plan is not None
    for row in transcript.plan.rows:
        row.edit.click()
    qtbot.wait(50)
    assert too_wide(transcript) == []


def test_a_long_conversation_is_made_in_pieces_and_keeps_its_place(transcript: Transcript, qtbot: QtBot) -> None:
    versions = tree(derained())
    transcript.show_versions(versions, RAIN)
    turns = [reply_about(derained()) if k % 2 else Turn("user", f"request {k}") for k in range(160)]
    transcript.show_turns(turns)
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: len(transcript.views) == SHOWN_TURNS, timeout=WAIT)
    assert bar.value() == bar.maximum()
    while not transcript.earlier.parentWidget().isHidden():
        count = len(transcript.views)
        first = transcript.views[0]
        bar.setValue(0)
        transcript.earlier.click()
        qtbot.waitUntil(lambda count=count: len(transcript.views) == min(160, count + SHOWN_TURNS), timeout=WAIT)
        assert not first.visibleRegion().isEmpty(), "what was read stays on screen"
    assert [view.turn for view in transcript.views] == turns
    transcript.show_versions(versions, ORIGINAL)
    qtbot.waitUntil(lambda: all(card.place.text() == "Undone" for card in transcript.cards), timeout=WAIT)
    bar.setValue(bar.maximum())
    transcript.add_turn(Turn("user", "one more"))
    assert len(transcript.views) == SHOWN_TURNS, "a long conversation does not become slower"
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())


def test_what_comes_is_followed_only_at_the_end(transcript: Transcript, qtbot: QtBot) -> None:
    transcript.show_turns([Turn("assistant", f"answer {k} " * 20) for k in range(20)])
    bar = transcript.verticalScrollBar()
    qtbot.waitUntil(lambda: len(transcript.views) == 20 and bar.value() == bar.maximum() > 0)
    bar.setValue(100)
    high = bar.maximum()
    transcript.add_turn(Turn("assistant", "more " * 50))
    qtbot.waitUntil(lambda: bar.maximum() > high)
    assert bar.value() == 100
    transcript.add_turn(Turn("user", "and now?"))
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())
    assert len(transcript.views) <= KEPT_TURNS
