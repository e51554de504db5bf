"""What a user prefers: scores from choices, simulated users, the file, and what stars and remarks change."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend import methods, preferences
from clarity_desktop.backend.auto.choice import PhotoFacts, candidates
from clarity_desktop.backend.feedback import Choice, Evidence, Feedback, rank
from clarity_desktop.backend.feedback.record import MAX_BYTES, parse, read_evidence
from clarity_desktop.messages import Edit, Notice, Opened, PreferencesListed, Restore
from clarity_desktop.text import english
from clarity_desktop.values import Picture, RestoreParams
from tests.fakes import HALVES

ABLE = ("first", "second", "third")


def choice(better: str | None, worse: str | None, about: str = "v1", kind: str = "star") -> Choice:
    return Choice("derain", better, worse, kind, about)


def likes(*methods: str) -> list[Choice]:
    return [choice(name, None, f"{k}") for k, name in enumerate(methods)]


# Scores ---------------------------------------------------------------------------------------------------------------


def test_without_choices_the_given_order_stays() -> None:
    found = rank(ABLE, ())
    assert found.order == found.prior == ABLE
    assert {score.likely for score in found.scores.values()} == {0.5}
    assert found.preferred is None


def test_one_star_does_not_displace_the_first_and_two_do() -> None:
    assert rank(ABLE, likes("second")).order[0] == "first"
    found = rank(ABLE, likes("second", "second"))
    assert found.order == ("second", "first", "third")
    assert found.reason("second", ABLE) == "preferred"
    assert found.scores["second"].choices == 2


def test_a_pick_against_the_first_displaces_it() -> None:
    assert rank(ABLE, [choice("third", "first", kind="pick")]).order == ("third", "first", "second")


def test_rejections_move_a_method_behind_the_others() -> None:
    found = rank(ABLE, [choice(None, "first", f"{k}", "reject") for k in range(2)])
    assert found.order == ("second", "third", "first")
    assert found.reason("second", ABLE) == "not_preferred"


def test_tastes_that_change_are_followed() -> None:
    old = likes(*["second"] * 10)
    new = [replace(c, about=f"new {c.about}", better="third") for c in old]
    assert rank(ABLE, [*old, *new]).order[0] == "third"


def test_nothing_is_said_of_a_method_that_is_first_anyway() -> None:
    assert rank(ABLE, likes("first", "first")).reason("first", ABLE) is None
    # A method may come first for the photo at hand; that is no preference of the user.
    assert rank(ABLE, []).reason("second", ABLE) is None
    # Without the method that would be first, the second one needs no reason.
    assert rank(ABLE, likes("second", "second")).reason("second", ("second", "third")) is None


def test_measurements_order_methods_and_choices_overrule_them() -> None:
    measured = {"first": Evidence(2.0, 200, 1.0), "third": Evidence(9.0, 200, 1.0)}
    assert rank(ABLE, (), measured).order == ("third", "second", "first")
    picks = [choice("first", "third", f"{k}", "pick") for k in range(6)]
    assert rank(ABLE, picks, measured).order[0] == "first"
    # A single measurement compares nothing, and few photos say little.
    assert rank(ABLE, (), {"third": measured["third"]}).order == ABLE
    few = rank(ABLE, (), {"first": Evidence(2.0, 1, 1.0), "third": Evidence(9.0, 1, 1.0)})
    assert few.scores["third"].likely < 0.52


def test_choices_about_methods_that_are_gone_change_nothing() -> None:
    gone = [choice("gone", None, "a"), choice("gone", "first", "b", "pick"), choice(None, "gone", "c")]
    assert rank(ABLE, gone).order == ABLE
    assert {score.strength for score in rank(ABLE, gone).scores.values()} == {0.0}


def test_scores_stay_finite_after_any_number_of_choices() -> None:
    found = rank(ABLE, [choice("second", "first", f"{k}", "pick") for k in range(500)])
    assert all(0 < score.likely < 1 for score in found.scores.values())


class SimulatedUser:
    """Content with each method with some probability; praises now and then, complains until content or out of methods.

    photos: what was tried first on each photo.
    """

    def __init__(self, seed: int, content: dict[str, float], talks: float) -> None:
        self._random, self.content, self._talks = np.random.default_rng(seed), content, talks
        self.photos: list[str] = []
        self._choices: list[Choice] = []

    def restore(self, photos: int) -> None:
        for photo in range(photos):
            order = rank(tuple(self.content), self._choices).order
            self.photos.append(order[0])
            for name in order:
                if self._random.random() < self.content[name]:
                    if self._random.random() < self._talks:
                        self._choices.append(choice(name, None, f"{photo} {name}", "praise"))
                    break
                self._choices.append(choice(None, name, f"{photo} {name}", "complaint"))
        self._choices = self._choices[-100:]


ERROR = 0.1
"""How often a simulated user is not content with what is best, or half as often as content with anything else."""


@pytest.mark.parametrize("count", [2, 4])
def test_simulated_users_get_what_they_prefer_within_20_choices(count: int) -> None:
    names = [f"method-{k}" for k in range(count)]
    reached = []
    for seed in range(24):
        favorite = names[seed % count]
        content = {name: 1 - ERROR if name == favorite else 2 * ERROR for name in names}
        user = SimulatedUser(seed, content, talks=0.5)
        user.restore(21)
        reached.append(user.photos[-1] == favorite)
    assert np.mean(reached) >= 0.95


def test_simulated_users_are_hardly_ever_worse_off_than_without_choices() -> None:
    # The bound of docs/preferences.md: no more than 2 in 100 photos, whatever the user likes.
    losses = []
    for seed in range(20):
        random = np.random.default_rng(100 + seed)
        content = {f"method-{k}": float(p) for k, p in enumerate(random.uniform(0.1, 0.95, 3))}
        user = SimulatedUser(seed, content, talks=0.5)
        user.restore(40)
        got = np.mean([content[name] for name in user.photos])
        losses.append(content["method-0"] - got)
    assert np.mean(losses) <= 0.0  # on average they gain
    agreeing = []
    for seed in range(20):
        user = SimulatedUser(seed, {"method-0": 0.9, "method-1": 0.2, "method-2": 0.2}, talks=0.5)
        user.restore(40)
        agreeing.append(np.mean([name != "method-0" for name in user.photos]))
    assert np.mean(agreeing) <= 0.02
    assert max(agreeing) <= 0.15


def test_a_user_who_never_contradicts_the_prior_is_never_worse_off() -> None:
    user = SimulatedUser(0, {"method-0": 1.0, "method-1": 0.0, "method-2": 0.0}, talks=1.0)
    user.restore(60)
    assert set(user.photos) == {"method-0"}


# The file -------------------------------------------------------------------------------------------------------------


def test_choices_survive_and_a_newer_one_about_the_same_replaces_them(tmp_path) -> None:
    file = tmp_path / "data" / "feedback.json"
    feedback = Feedback(file, tmp_path / "none.json")
    feedback.add([choice("first", None)])
    feedback.add([choice(None, "first", kind="reject")])
    [kept] = Feedback(file, tmp_path / "none.json").choices("derain")
    assert (kept.better, kept.worse, kept.kind) == (None, "first", "reject")
    feedback.forget("v1")
    assert Feedback(file).choices() == ()


def test_two_processes_add_to_one_file(tmp_path) -> None:
    one, other = (Feedback(tmp_path / "feedback.json") for _ in range(2))
    one.add([choice("first", None, "a")])
    other.add([choice("second", None, "b")])
    one.add([choice("third", None, "c")])
    assert [c.about for c in other.choices()] == ["a", "b", "c"]


def test_a_task_is_reset_and_brought_back(tmp_path) -> None:
    feedback = Feedback(tmp_path / "feedback.json")
    feedback.add([choice("first", None, "a")])
    feedback.add([Choice("denoise", "first", None, "star", "b")])
    feedback.reset("derain")
    assert [c.task for c in feedback.choices()] == ["denoise"]
    assert feedback.can_restore
    feedback.restore()
    assert {c.task for c in feedback.choices()} == {"derain", "denoise"}
    feedback.reset()
    assert feedback.choices() == ()
    feedback.restore()
    assert len(feedback.choices()) == 2
    assert not feedback.can_restore


GOOD = {"task": "derain", "better": "first", "worse": None, "kind": "star", "about": "v1", "time": 1.0}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"format": 2, "choices": []}', b'{"format": 1, "choices": {}}', b"\xff\xfe", b"[" * 100_000],
)
def test_a_broken_file_is_kept_aside_with_a_sentence(tmp_path, content: bytes) -> None:
    file = tmp_path / "feedback.json"
    file.write_bytes(content)
    feedback = Feedback(file)
    assert feedback.choices() == ()
    problem = feedback.take_problem()
    assert problem is not None
    assert "feedback (damaged).json" in english(problem)
    assert feedback.take_problem() is None
    assert (tmp_path / "feedback (damaged).json").read_bytes() == content
    feedback.add([choice("first", None)])
    assert len(Feedback(file).choices()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"task": "derail"}, {"better": "../x"}, {"better": 3}, {"worse": "first"}, {"kind": "bribe"}, {"about": ""},
        {"about": "x" * 300}, {"time": "now"}, {"time": True}, {"time": float("nan")}, {"better": None},
    ],
)  # fmt: skip
def test_an_entry_that_is_not_valid_is_left_out(change) -> None:
    content = json.dumps({"format": 1, "choices": [GOOD, {**GOOD, **change}, 7]}).encode()
    found, invalid = parse(content)
    assert len(found) == 1
    assert invalid == 2


def test_a_partly_broken_file_keeps_the_rest_and_a_copy(tmp_path) -> None:
    file = tmp_path / "feedback.json"
    file.write_text(json.dumps({"format": 1, "choices": [GOOD, {}]}))
    feedback = Feedback(file)
    assert len(feedback.choices()) == 1
    assert feedback.take_problem() is not None
    assert (tmp_path / "feedback (damaged).json").exists()


def test_a_file_that_is_far_too_large_is_not_read(tmp_path) -> None:
    file = tmp_path / "feedback.json"
    with file.open("wb") as out:
        out.truncate(MAX_BYTES + 1)
    feedback = Feedback(file)
    assert feedback.choices() == ()
    assert feedback.take_problem() is not None


def test_measurements_are_read_and_what_is_not_valid_is_left_out(tmp_path) -> None:
    file = tmp_path / "evidence.json"
    fine = {"gain_db": 5.8, "n": 120, "seconds_per_mp": 22.0}
    file.write_text(
        json.dumps({
            "derain": {"first": fine, "second": {**fine, "n": -1}, "third": {"gain_db": "high"}, "fourth": 1},
            "dance": {"first": fine}, "denoise": 4,
        })
    )  # fmt: skip
    assert read_evidence(file) == {"derain": {"first": Evidence(5.8, 120, 22.0)}}
    more = {**fine, "clean_db": 41.0, "severity": {"heavy": {"gain_db": 8.0, "n": 9}, "light": {"n": 2}}}
    file.write_text(json.dumps({"derain": {"first": more}}))
    [first] = read_evidence(file)["derain"].values()
    assert first.clean_db == 41
    assert first.of("heavy") == Evidence(8.0, 9, 22.0)
    assert first.of("light") is first.of(None) is first
    file.write_text("{")
    assert read_evidence(file) == {}
    assert read_evidence(tmp_path / "absent.json") == {}


# The verbs ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def two_methods(studio, monkeypatch: pytest.MonkeyPatch):
    """A studio with two methods for rain: halves, quarters."""
    quarters = replace(HALVES, id="quarters", title="Quartering")
    monkeypatch.setitem(methods.METHODS, quarters.id, quarters)
    methods.all_methods.cache_clear()
    return studio


@pytest.fixture
def opened(unscored, two_methods, recorder, photo):
    asyncio.run(two_methods.open_picture(Picture(photo(64, 48)), "scene", recorder.job()))
    return recorder.last(Opened).card


def restore(studio, recorder, card, version, method: str | None = None):
    request = Restore(card.id, version, RestoreParams("derain", method))
    return asyncio.run(studio.restore_now(request, recorder.job()))


def edit(studio, recorder, card, version, **changes) -> None:
    asyncio.run(preferences.edit(studio, Edit(card.id, version, **changes), recorder.job()))


def test_stars_decide_what_is_tried_first(two_methods, opened, recorder) -> None:
    studio, original = two_methods, opened.head
    assert restore(studio, recorder, opened, original).step.method == "halves"
    for _ in range(2):
        made = restore(studio, recorder, opened, original, "quarters")
        edit(studio, recorder, opened, made.id, star=True)
    assert restore(studio, recorder, opened, original).step.method == "quarters"
    assert english(studio.reason("derain", "quarters") or "") == "You preferred quarters for rain streaks."
    order = candidates("derain", PhotoFacts((64, 48)), studio.settings, studio.feedback)
    assert [option.method for option in order] == ["quarters", "halves"]
    edit(studio, recorder, opened, made.id, star=False)
    assert studio.ranking("derain").order == ("halves", "quarters")


def test_a_method_that_the_user_set_comes_before_what_was_learned(two_methods, opened, recorder) -> None:
    studio = two_methods
    studio.feedback.add(likes("quarters", "quarters"))
    studio.configure(replace(studio.settings, methods={"derain": "halves"}))
    assert studio.method("derain", None).id == "halves"
    assert studio.reason("derain", "halves") is None


def test_rejecting_the_open_version_opens_what_it_was_made_from(two_methods, opened, recorder) -> None:
    studio = two_methods
    made = restore(studio, recorder, opened, opened.head)
    edit(studio, recorder, opened, made.id, star=True)
    edit(studio, recorder, opened, made.id, rejected=True)
    card = studio.document(opened.id).card()
    assert card.head == opened.head
    assert (card.versions[-1].star, card.versions[-1].rejected) == (False, True)
    assert card.redo_to is None
    [kept] = studio.feedback.choices()
    assert kept.worse == "halves"
    edit(studio, recorder, opened, made.id, star=True)
    assert not studio.version(opened.id, made.id).rejected
    assert [c.better for c in studio.feedback.choices()] == ["halves"]


def test_remarks_and_picks_are_choices(two_methods, opened, recorder) -> None:
    studio, original = two_methods, opened.head
    one = restore(studio, recorder, opened, original, "halves")
    two = restore(studio, recorder, opened, original, "quarters")
    asyncio.run(preferences.remark(studio, opened.id, original, liked=True, job=recorder.job()))
    assert studio.feedback.choices() == ()  # of the photo itself it says nothing
    asyncio.run(preferences.remark(studio, opened.id, one.id, liked=False, job=recorder.job()))
    asyncio.run(preferences.pick(studio, opened.id, two.id, (one.id, original), recorder.job()))
    assert [(c.better, c.worse) for c in studio.feedback.choices()] == [(None, "halves"), ("quarters", "halves")]
    assert studio.ranking("derain").order[0] == "quarters"


def test_preferences_are_listed_reset_and_brought_back(two_methods, opened, recorder) -> None:
    studio = two_methods
    studio.feedback.add(likes("quarters", "quarters"))
    found = asyncio.run(preferences.listed(studio, recorder.job()))
    [derain] = [task for task in found.tasks if task.task == "derain"]
    assert [(m.method, m.choices) for m in derain.methods] == [("quarters", 2), ("halves", 0)]
    assert derain.methods[0].score > 0.6
    found = asyncio.run(preferences.reset(studio, "derain", recorder.job()))
    assert found.can_restore
    assert studio.ranking("derain").order[0] == "halves"
    found = asyncio.run(preferences.restore(studio, recorder.job()))
    assert isinstance(found, PreferencesListed)
    assert studio.ranking("derain").order[0] == "quarters"


def test_a_star_stays_where_the_choice_cannot_be_stored(two_methods, opened, recorder, tmp_path: Path) -> None:
    studio = two_methods
    made = restore(studio, recorder, opened, opened.head)
    (tmp_path / "blocked").write_text("a file where a folder should be")
    studio.feedback = Feedback(tmp_path / "blocked" / "feedback.json")
    edit(studio, recorder, opened, made.id, star=True)
    assert studio.version(opened.id, made.id).star
    assert "could not be stored" in english(recorder.last(Notice).text)
