"""Auto, on documents and on bare pixels: detect, choose, restore, compare, roll back."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from clarity_desktop.backend import methods
from clarity_desktop.backend.auto.loop import improve, improve_document
from clarity_desktop.backend.auto.targets import PixelTarget, strongest_part
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.runner import Candidate
from clarity_desktop.messages import HeadMoved, Improve, Improved, JobCancelled, Opened, TileDone, TurnAdded, UserError
from clarity_desktop.text import english
from clarity_desktop.values import DEGRADATIONS, Bounds, DocumentCard, Finding, Step
from tests.fakes import HALVES, detection

pytestmark = pytest.mark.usefixtures("unscored")
RAIN = detection({"rain streak": Finding(0.9, 0.8)})
SAME, WORSE = Judgement(0.1, 0.85, 0.05), Judgement(0.1, 0.2, 0.7)
UNSURE = Judgement(0.6, 0.3, 0.1)
STILL = detection({"rain streak": Finding(0.88, 0.8)})


@pytest.fixture
def card(studio, recorder, detector, tmp_path: Path, photo) -> DocumentCard:
    """An open photo; a photo counts as rainy while it is as bright as it was, and as clean once it was halved."""
    file = tmp_path / "scene.png"
    Image.fromarray(photo(80, 60)).save(file)
    whole = photo(80, 60).mean()
    detector.finds = lambda pixels: RAIN if pixels.mean() > 0.9 * whole else detection()
    asyncio.run(studio.open(file, recorder.job()))
    return recorder.last(Opened).card


def auto(studio, recorder, card: DocumentCard) -> str:
    asyncio.run(improve_document(studio, Improve(card.id, card.head, confirmed=True), recorder.job()))
    return english(recorder.last(Improved).text)


def also(monkeypatch: pytest.MonkeyPatch, **fields: object) -> None:
    """One more method for rain, behind the first."""
    monkeypatch.setitem(methods.METHODS, "more", replace(HALVES, **{"id": "more", **fields}))
    methods.all_methods.cache_clear()


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))


def test_what_helped_is_kept_and_reported_in_the_conversation(studio, recorder, card) -> None:
    text = auto(studio, recorder, card)
    tree = studio.document(card.id).card()
    [first, made] = tree.versions
    assert (made.parent, made.step.method, tree.head) == (first.id, "halves", made.id)
    assert "halves, kept" in text
    assert "90% → 2% likely" in text
    assert recorder.last(Improved).version == made.id
    assert [(t.role, english(t.content), t.versions) for t in tree.turns] == [("assistant", text, (made.id,))]
    assert english(recorder.last(TurnAdded).turn.content) == text


def test_a_photo_that_looks_fine_is_left_alone(studio, recorder, card, detector) -> None:
    studio.document(card.id).set_detection(card.head, detection())
    assert auto(studio, recorder, card) == "No problems found. Nothing to do."
    assert len(studio.document(card.id).card().versions) == 1


def test_what_made_it_no_better_is_rolled_back_and_stays_in_the_history(
    studio, recorder, card, detector, judge
) -> None:
    detector.finds = lambda _: STILL
    judge.says = lambda *_: SAME
    text = auto(studio, recorder, card)
    tree = studio.document(card.id).card()
    [first, tried] = tree.versions
    assert tree.head == recorder.last(HeadMoved).head == recorder.last(Improved).version == first.id
    assert tried.rejected
    assert not tried.deleted
    assert "halves, rolled back" in text
    assert text.endswith("The photo is unchanged.")


def test_redo_after_a_rollback_leads_where_it_led_before(studio, recorder, card, detector, judge) -> None:
    detector.finds = lambda _: STILL
    judge.says = lambda *_: SAME
    document = studio.document(card.id)
    auto(studio, recorder, card)
    with pytest.raises(UserError, match="nothing to redo"):
        document.redo()
    pixels, thumbnail = document.pixels(card.head), np.zeros((4, 4, 3), np.uint8)
    mine = document.add(card.head, Step("restore", "denoise", "slow"), pixels, thumbnail=thumbnail)
    document.undo()
    auto(studio, recorder, card)
    assert document.redo() == mine.id


def test_where_nothing_can_be_kept_auto_says_so_before_it_works(studio, recorder, card, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(studio.document(card.id)._store, "read_only", True)
        with pytest.raises(UserError, match="for viewing only"):
            auto(studio, recorder, card)
    fill_the_disk(monkeypatch)
    with pytest.raises(UserError, match="is full, so no result could be stored"):
        auto(studio, recorder, card)
    assert not [n for n in recorder.events if isinstance(n, TileDone)]


def test_a_disk_that_is_full_by_then_is_no_fault_of_the_method(studio, recorder, card, monkeypatch) -> None:
    def full(*_: object) -> None:
        fill_the_disk(monkeypatch)
        raise UserError("The last change was not kept.")

    also(monkeypatch)
    monkeypatch.setitem(methods.METHODS, "halves", replace(HALVES, load=full))
    methods.all_methods.cache_clear()
    with pytest.raises(UserError, match="is full"):
        auto(studio, recorder, card)
    assert len(studio.document(card.id).card().versions) == 1, "no other method was tried"


def test_one_other_method_has_its_turn_and_no_third(studio, recorder, card, detector, judge, monkeypatch) -> None:
    also(monkeypatch)
    monkeypatch.setitem(methods.METHODS, "third", replace(HALVES, id="third"))
    methods.all_methods.cache_clear()
    detector.finds = lambda _: STILL
    judge.says = lambda *_: SAME
    auto(studio, recorder, card)
    [first, *tried] = studio.document(card.id).card().versions
    assert [v.step.method for v in tried] == ["halves", "more"]
    assert {v.parent for v in tried} == {first.id}


def test_a_method_that_fails_is_reported_and_the_other_goes_on(studio, recorder, card, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise UserError("The weights of halves are damaged. Fetch them again.")

    also(monkeypatch)
    monkeypatch.setitem(methods.METHODS, "halves", replace(HALVES, load=broken))
    methods.all_methods.cache_clear()
    text = auto(studio, recorder, card)
    assert "are damaged" in text
    assert "more, kept" in text


def test_without_a_method_on_this_machine_it_says_where_to_get_one(studio, recorder, card, monkeypatch) -> None:
    monkeypatch.setitem(methods.METHODS, "halves", replace(HALVES, weights=("maxim-deraining",)))
    methods.all_methods.cache_clear()
    text = auto(studio, recorder, card)
    assert "No method for it is installed" in text
    assert "Download the model maxim-deraining first." in text
    assert len(studio.document(card.id).card().versions) == 1


def test_without_the_memory_for_its_methods_it_says_how_much_they_need(studio, recorder, card, monkeypatch) -> None:
    monkeypatch.setitem(methods.METHODS, "halves", replace(HALVES, base=10**15))
    methods.all_methods.cache_clear()
    text = auto(studio, recorder, card)
    assert text.startswith("Rain streaks: not treated. Halving needs about 1000000 GB of memory for this photo")
    assert "Models" not in text


def test_remaining_problems_are_reported_with_their_probability(studio, recorder, card, detector) -> None:
    rainy = detector.finds
    unsure = detection({"haze": Finding(0.4, 0.3)})
    detector.finds = lambda pixels: RAIN if rainy(pixels) is RAIN else unsure
    assert auto(studio, recorder, card).endswith("Possible problems: haze (40%).")


def test_scratches_are_never_filled_in_by_auto(studio, recorder, card, monkeypatch) -> None:
    also(monkeypatch, tasks=("inpaint",))
    studio.document(card.id).set_detection(card.head, detection({"inpaint": Finding(0.9, 0.8)}))
    assert "missing parts, because they must be marked first" in auto(studio, recorder, card)
    assert len(studio.document(card.id).card().versions) == 1


def test_each_task_has_one_turn_in_the_right_order(studio, recorder, card, detector) -> None:
    detector.finds = lambda pixels: RAIN if len(detector.asked) < 3 else detection()
    both = detection({"rain streak": Finding(0.9, 0.8), "noise": Finding(0.8, 0.8)})
    studio.document(card.id).set_detection(card.head, both)
    auto(studio, recorder, card)
    assert [v.step.task for v in studio.document(card.id).card().versions] == [None, "denoise", "derain"]


def test_cancelling_leaves_the_versions_that_were_finished(studio, recorder, card, detector) -> None:
    both = detection({"rain streak": Finding(0.9, 0.8), "noise": Finding(0.8, 0.8)})
    studio.document(card.id).set_detection(card.head, both)
    job = recorder.job()

    def cancelled_while_looking(_: object) -> object:
        job.cancel()
        return RAIN

    detector.finds = cancelled_while_looking  # what is there needs no look: the first is at what was made
    with pytest.raises(JobCancelled):
        asyncio.run(improve_document(studio, Improve(card.id, card.head, confirmed=True), job))
    tree = studio.document(card.id).card()
    [first, made] = tree.versions
    assert (made.parent, made.step.task) == (first.id, "denoise")
    assert tree.head == recorder.last(HeadMoved).head == first.id, "it was not evaluated"


def test_versions_that_the_user_makes_during_auto_are_neither_evaluated_nor_left(
    studio, recorder, card, detector, judge
) -> None:
    def the_user_restores_too(_: object) -> object:
        detector.finds = lambda _: STILL
        document = studio.document(card.id)
        pixels, thumbnail = document.pixels(card.head), np.zeros((4, 4, 3), np.uint8)
        document.add(card.head, Step("restore", "denoise", "slow"), pixels, thumbnail=thumbnail, name="Mine")
        return STILL

    judge.says = lambda *_: SAME
    detector.finds = the_user_restores_too
    text = auto(studio, recorder, card)
    tree = studio.document(card.id).card()
    [_first, tried, mine] = tree.versions
    assert "halves, rolled back" in text
    assert tried.rejected
    assert (mine.name, tree.head) == ("Mine", mine.id)


@pytest.mark.parametrize(
    ("by", "said"), [("deleting", "you deleted the result"), ("leaving", "you opened another version")]
)
def test_a_result_that_the_user_deleted_or_left_is_not_reported_as_kept(
    studio, recorder, card, detector, by, said
) -> None:
    document = studio.document(card.id)
    both = detection({"rain streak": Finding(0.9, 0.8), "noise": Finding(0.8, 0.8)})
    document.set_detection(card.head, both)

    def the_user_decides(_: object) -> object:
        if by == "deleting":
            document.edit(document.card().head, deleted=True)
        else:
            document.undo()
        return RAIN

    detector.finds = the_user_decides
    text = auto(studio, recorder, card)
    tree = document.card()
    assert text.startswith("Noise: slow, not kept. It looks better")
    assert said in text
    assert "derain" not in [v.step.task for v in tree.versions], "nothing is done to what the user does not look at"
    assert tree.head == recorder.last(Improved).version == card.head


def test_a_photo_of_one_color_is_left_alone(studio, recorder, card, detector, tmp_path) -> None:
    black = tmp_path / "black.png"
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(black)
    detector.finds = lambda _: RAIN
    asyncio.run(studio.open(black, recorder.job()))
    opened = recorder.last(Opened).card
    assert "a single color" in auto(studio, recorder, opened)
    assert len(studio.document(opened.id).card().versions) == 1
    target = PixelTarget(studio, np.zeros((60, 80, 3), np.uint8), recorder.job())
    assert asyncio.run(improve(target, studio.settings)).tried == ()


@pytest.mark.parametrize("error", [UserError("The disk is full."), MemoryError("It is full.")])
def test_a_result_that_cannot_be_analyzed_is_rolled_back(studio, recorder, card, detector, error) -> None:
    def full(_: object) -> object:
        raise error

    detector.finds = full
    with pytest.raises(type(error), match="full"):
        auto(studio, recorder, card)
    tree = studio.document(card.id).card()
    assert len(tree.versions) == 2
    assert tree.head == recorder.last(HeadMoved).head == card.head, "it was not evaluated"


def test_bare_pixels_are_improved_by_the_same_rules(studio, recorder, card, detector, judge, photo) -> None:
    target = PixelTarget(studio, photo(80, 60), recorder.job())
    done = asyncio.run(improve(target, studio.settings))
    assert [(t.advice.task, t.method, t.kept) for t in done.tried] == [("derain", "halves", True)]
    assert np.abs(target.pixels - photo(80, 60) * 0.5).max() <= 1
    detector.finds = lambda _: STILL
    judge.says = lambda *_: SAME
    target = PixelTarget(studio, photo(80, 60), recorder.job())
    done = asyncio.run(improve(target, studio.settings))
    assert [t.kept for t in done.tried] == [False]
    assert np.array_equal(target.pixels, photo(80, 60))


class InTiles:
    """A studio whose every result has a note."""

    def __init__(self, studio) -> None:
        self._studio = studio

    def __getattr__(self, name: str) -> object:
        return getattr(self._studio, name)

    async def apply(self, *asked: object) -> Candidate:
        return replace(await self._studio.apply(*asked), notes=("In smaller tiles.",))


class Unmeasured(PixelTarget):
    async def whole_change(self) -> float | None:
        raise AssertionError("nothing was kept")


def test_of_bare_pixels_only_what_was_kept_is_measured_and_noted(
    studio, recorder, card, detector, judge, photo
) -> None:
    target = PixelTarget(InTiles(studio), photo(80, 60), recorder.job())
    asyncio.run(improve(target, studio.settings))
    assert target.notes == ["In smaller tiles."]
    detector.finds = lambda _: STILL
    judge.says = lambda *_: SAME
    target = Unmeasured(InTiles(studio), photo(80, 60), recorder.job())
    asyncio.run(improve(target, studio.settings))
    assert target.notes == []


def test_what_is_not_convincing_is_offered_beside_the_original(studio, recorder, card, detector, judge) -> None:
    detector.finds = lambda _: STILL
    judge.says = lambda *_: UNSURE
    text = auto(studio, recorder, card)
    tree = studio.document(card.id).card()
    [first, made] = tree.versions
    improved = recorder.last(Improved)
    assert (improved.offered, improved.version, tree.head) == (True, made.id, made.id)
    assert not made.rejected
    assert "halves, perhaps better" in text
    assert text.endswith("keep or discard it.")
    assert studio.discarded_tasks(card.id, first.id) == frozenset()


def test_the_most_promising_of_several_results_is_offered(studio, recorder, card, detector, judge, monkeypatch) -> None:
    also(monkeypatch)
    detector.finds = lambda _: STILL
    answers = iter([UNSURE, UNSURE, UNSURE, Judgement(0.5, 0.3, 0.2)])  # of the two on a part, then on the whole
    judge.says = lambda *_: next(answers)
    auto(studio, recorder, card)
    [_first, best, other] = studio.document(card.id).card().versions
    assert recorder.last(Improved).version == best.id
    assert (best.rejected, other.rejected) == (False, True)


def test_the_method_whose_result_looks_best_on_a_part_is_tried_first(
    studio, recorder, card, judge, monkeypatch
) -> None:
    also(monkeypatch)
    answers = iter([WORSE, UNSURE, Judgement(0.9, 0.1, 0.0)])
    judge.says = lambda *_: next(answers)
    text = auto(studio, recorder, card)
    assert [v.step.method for v in studio.document(card.id).card().versions] == [None, "more"]
    assert "Of 2 methods tried on a part of the photo, its result looked best." in text
    assert [before.shape for before, _, _ in judge.asked] == [(60, 60, 3), (60, 60, 3), (60, 80, 3)]


def test_a_method_that_the_user_set_is_tried_first_without_comparison(
    studio, recorder, card, judge, monkeypatch
) -> None:
    also(monkeypatch)
    studio.configure(replace(studio.settings, methods={"derain": "more"}))
    auto(studio, recorder, card)
    assert [v.step.method for v in studio.document(card.id).card().versions] == [None, "more"]
    assert len(judge.asked) == 1


def test_a_convincing_result_makes_an_offer_needless(studio, recorder, card, detector, judge) -> None:
    both = detection({"rain streak": Finding(0.9, 0.8), "noise": Finding(0.8, 0.8)})
    studio.document(card.id).set_detection(card.head, both)
    judge.says = lambda _before, _after, task: UNSURE if task == "denoise" else Judgement(0.9, 0.1, 0.0)
    auto(studio, recorder, card)
    [_first, unsure, kept] = studio.document(card.id).card().versions
    assert not recorder.last(Improved).offered
    assert recorder.last(Improved).version == kept.id
    assert unsure.rejected


def test_what_is_less_likely_is_tried_where_the_likely_led_nowhere(studio, recorder, card, detector, judge) -> None:
    seen = detection({"rain streak": Finding(0.9, 0.8), "noise": Finding(0.3, 0.8), "haze": Finding(0.1, 0.8)})
    studio.document(card.id).set_detection(card.head, seen)
    judge.says = lambda _before, _after, task: SAME if task == "derain" else Judgement(0.9, 0.1, 0.0)
    auto(studio, recorder, card)
    assert [(v.step.task, v.rejected) for v in studio.document(card.id).card().versions[1:]] == [
        ("derain", True), ("denoise", False)
    ]  # fmt: skip


def test_what_was_rolled_back_is_neither_recommended_nor_tried_again(studio, recorder, card, detector, judge) -> None:
    detector.finds = lambda _: RAIN
    judge.says = lambda *_: WORSE
    assert "It looks worse" in auto(studio, recorder, card)
    assert asyncio.run(studio.advise(card.id, card.head, recorder.job())).advice == ()
    auto(studio, recorder, card)
    assert len(studio.document(card.id).card().versions) == 2


def test_what_was_undone_is_neither_recommended_nor_tried_again(studio, recorder, card, detector, judge) -> None:
    document = studio.document(card.id)
    document.set_detection(card.head, RAIN)
    judge.says = lambda *_: Judgement(0.9, 0.1, 0.0)
    auto(studio, recorder, card)
    document.undo()
    assert document.card().head == card.head
    assert asyncio.run(studio.advise(card.id, card.head, recorder.job())).advice == ()
    said = auto(studio, recorder, card)
    assert len(document.card().versions) == 2
    assert "Already tried on this version and not kept: rain streaks." in said
    assert "can treat" not in said
    # Redo takes it back.
    document.redo()
    assert studio.discarded_tasks(card.id, card.head) == frozenset()


def test_one_sentence_says_what_was_tried(studio, recorder, card, detector, judge) -> None:
    both = detection({"rain streak": Finding(0.9, 0.8), "noise": Finding(0.8, 0.8)})
    studio.document(card.id).set_detection(card.head, both)
    judge.says = lambda _before, _after, task: SAME if task == "denoise" else Judgement(0.9, 0.1, 0.0)
    auto(studio, recorder, card)
    first = english(recorder.last(Improved).summary).split(". ")[0]
    assert first.startswith("Auto treated rain streaks; it also tried to treat noise, without a better result")


def test_a_slow_method_is_tried_on_the_worst_part_first(studio, recorder, card, detector, judge, photo) -> None:
    large = photo(1200, 800)
    detector.finds = lambda _: detection({"noise": Finding(0.9, 0.8)})
    judge.says = lambda *_: SAME
    target = PixelTarget(studio, large, recorder.job())
    done = asyncio.run(improve(target, studio.settings))
    [tried] = done.tried
    assert "a part of the photo" in english(tried.why)
    [(before, _after, _task)] = judge.asked
    assert before.shape == (256, 256, 3)
    judge.says = lambda *_: Judgement(0.9, 0.1, 0.0)
    assert [t.kept for t in asyncio.run(improve(target, studio.settings)).tried] == [True]


def test_the_part_is_where_the_damage_is() -> None:
    seen = detection({"noise": Finding(0.9, 0.8)}, heat=(12, 16))
    assert strongest_part(seen, "noise", 1600, 1200, 400) == Bounds(550, 350, 400, 400), "a cell next to the middle"
    seen.heat[9, 2, DEGRADATIONS.index("noise")] = 255
    part = strongest_part(seen, "noise", 1600, 1200, 400)
    assert part.x <= 250 < part.x + 400
    assert part.y <= 950 < part.y + 400
