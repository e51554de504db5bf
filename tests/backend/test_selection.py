"""Selecting by clicks and boxes, changing and keeping regions, through the studio; the engine is a plain stand-in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clarity_desktop import messages as m
from clarity_desktop.backend.answer import answer
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.regions.engine import Embedding, MaskCandidate, Prompt
from clarity_desktop.backend.regions.engines import REMEMBERED, Engines, published
from clarity_desktop.backend.regions.words import Part
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.messages import FileExists, JobCancelled, ModelMissing, UserError
from clarity_desktop.text import english
from clarity_desktop.values import (
    DEGRADATIONS,
    Bounds,
    Box,
    Click,
    Combine,
    DocumentCard,
    Feather,
    Finding,
    Fit,
    Grow,
    Invert,
    Lasso,
    Paint,
    Picture,
    Pixels,
    Refine,
    Region,
    Stroke,
)
from tests.fakes import FakeDetector, Recorder, detection

WIDTH, HEIGHT = 200, 150
LEFT, RIGHT = Bounds(20, 30, 50, 60), Bounds(120, 40, 40, 70)


def photo() -> Pixels:
    pixels = np.full((HEIGHT, WIDTH, 3), 30, np.uint8)
    pixels[LEFT.slices()] = 200
    pixels[RIGHT.slices()] = 120
    return pixels


class SameValue:
    """Selects what has the value of the pixel that is clicked: alone, with all that is brighter, or everything."""

    id, title = "same", "Same value"

    def __init__(self) -> None:
        self.embedded = 0
        self.prompts: list[Prompt] = []
        self.release = "1"
        self.ready = True
        self.wait: Callable[[Callable[[], None]], None] = lambda checkpoint: checkpoint()

    def is_ready(self) -> bool:
        return self.ready

    def digest(self) -> str:
        return f"same {self.release}"

    def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
        self.embedded += 1
        self.wait(checkpoint)
        height, width = pixels.shape[:2]
        return Embedding(self.digest(), width, height, {"image": pixels[..., 1].astype(np.float16)})

    def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
        self.prompts.append(prompt)
        gray = embedding.arrays["image"].astype(np.float32)
        selected = np.zeros_like(gray, bool)
        for click in prompt.clicks:
            same = gray == gray[int(click.y), int(click.x)]
            selected = selected | same if click.inside else selected & ~same
        if prompt.box is not None:
            selected[prompt.box.slices()] |= gray[prompt.box.slices()] > 50
        wider = selected | (gray >= gray[selected].min(initial=255))
        return tuple(
            MaskCandidate(np.where(mask, 8, -8).astype(np.float32), score, np.full((2, 2), score, np.float32))
            for mask, score in ((selected, 0.9), (wider, 0.6), (np.ones_like(selected), 0.2))
        )


class Desk:
    """A studio with one open photo, asked by requests."""

    def __init__(self, studio: Studio, recorder: Recorder, engine: SameValue) -> None:
        self.studio, self.recorder, self.engine = studio, recorder, engine
        studio.engines = Engines(lambda _device: (engine,))
        asyncio.run(studio.open_picture(Picture(photo()), "scene.png", recorder.job()))
        self.card: DocumentCard = recorder.last(m.Opened).card

    @property
    def at(self) -> tuple:
        return self.card.id, self.card.head

    def ask(self, request: m.Request) -> None:
        asyncio.run(answer(self.studio, Conversation(self.studio), request, self.recorder.job()))

    def select(self, *clicks: Click, **more) -> m.Selected:
        self.ask(m.Select(*self.at, clicks, **more))
        return self.recorder.last(m.Selected)

    def change(self, region: Region | None, change) -> Region:
        self.ask(m.ChangeRegion(*self.at, region, change))
        return self.recorder.last(m.RegionReady).region

    def keep(self, region: Region, name: str = "Left", **more) -> tuple:
        self.ask(m.KeepRegion(*self.at, region, name, **more))
        return self.recorder.last(m.RegionsChanged).regions


@pytest.fixture
def engine() -> SameValue:
    return SameValue()


@pytest.fixture
def desk(studio: Studio, recorder: Recorder, engine: SameValue) -> Desk:
    return Desk(studio, recorder, engine)


def box(bounds: Bounds) -> Region:
    return Region.rectangle(bounds, WIDTH, HEIGHT)


# Selecting ------------------------------------------------------------------------------------------------------------


def test_a_click_selects_the_object(desk: Desk) -> None:
    found = desk.select(Click(40, 50))
    assert found.region.bounds == LEFT
    assert (found.engine, found.scores, found.candidate) == ("same", (0.9, 0.6, 0.2), 0)


def test_clicks_add_and_leave_out_and_correct_the_last_mask(desk: Desk, engine: SameValue) -> None:
    first = desk.select(Click(40, 50))
    both = desk.select(Click(40, 50), Click(130, 60), hint=first.hint)
    assert both.region.bounds == Bounds(20, 30, 140, 80)
    assert engine.prompts[-1].hint is first.hint
    assert desk.select(Click(40, 50), Click(130, 60), Click(150, 60, inside=False)).region.bounds == LEFT


def test_the_candidates_can_be_cycled_through(desk: Desk, engine: SameValue) -> None:
    areas = [desk.select(Click(130, 60), candidate=k).region.bounds.area for k in range(3)]
    assert areas[0] < areas[1] < areas[2] == WIDTH * HEIGHT
    assert engine.embedded == 1
    assert desk.select(Click(130, 60), candidate=7).candidate == 2


def test_each_box_is_an_object(desk: Desk, engine: SameValue) -> None:
    one = desk.select(boxes=(Bounds(10, 20, 70, 80),))
    assert one.region.bounds == LEFT
    both = desk.select(Click(130, 60, inside=False), boxes=(Bounds(10, 20, 70, 80), Bounds(110, 30, 60, 90)))
    assert both.region.bounds == Bounds(20, 30, 140, 80)
    assert len(engine.prompts) == 3
    assert all(not c.inside for p in engine.prompts[1:] for c in p.clicks)


def test_the_photo_is_looked_at_once_for_each_version(desk: Desk, engine: SameValue) -> None:
    desk.ask(m.PrepareSelection(*desk.at))
    assert desk.recorder.last(m.SelectionPrepared).engine == "same"
    desk.select(Click(40, 50))
    desk.select(Click(130, 60))
    assert engine.embedded == 1


def test_a_reopened_project_answers_at_once(desk: Desk, engine: SameValue, tmp_path: Path) -> None:
    desk.select(Click(40, 50))
    desk.ask(m.SaveProject(desk.card.id, tmp_path / "a.clarity"))
    desk.ask(m.Open(tmp_path / "a.clarity"))
    desk.card = desk.recorder.last(m.Opened).card
    assert desk.select(Click(40, 50)).region.bounds == LEFT
    assert engine.embedded == 1


def test_a_large_photo_is_looked_at_in_a_reduction(studio: Studio, recorder: Recorder, engine: SameValue) -> None:
    class Sizes(SameValue):
        def embed(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> Embedding:
            assert pixels.shape == (30, 2500, 3)
            return super().embed(pixels, checkpoint)

        def masks(self, embedding: Embedding, prompt: Prompt, /) -> tuple[MaskCandidate, ...]:
            assert (embedding.width, embedding.height) == (5000, 60)
            scaled = tuple(Click(c.x / 2, c.y / 2) for c in prompt.clicks)
            return super().masks(embedding, Prompt(scaled))

    studio.engines = Engines(lambda _device: (Sizes(),))
    pixels, alpha = np.full((60, 5000, 3), 30, np.uint8), np.full((60, 5000), 255, np.uint8)
    pixels[20:40, 1000:3000] = 200
    alpha[:, :600] = 0
    asyncio.run(studio.open_picture(Picture(pixels, alpha), "wide.png", recorder.job()))
    card = recorder.last(m.Opened).card
    request = m.Select(card.id, card.head, (Click(2000, 30),))
    asyncio.run(answer(studio, Conversation(studio), request, recorder.job()))
    assert recorder.last(m.Selected).region.bounds == Bounds(1000, 20, 2000, 20)


def test_what_is_quickly_computed_again_is_not_kept(desk: Desk, engine: SameValue) -> None:
    real = engine.embed
    engine.embed = lambda pixels, checkpoint: replace(real(pixels, checkpoint), costly=False)
    desk.select(Click(40, 50))
    desk.select(Click(130, 60))
    assert engine.embedded == 1
    assert desk.studio.document(desk.card.id).embedding(desk.card.head, engine.digest()) is None


def test_another_release_of_the_network_looks_again(desk: Desk, engine: SameValue) -> None:
    desk.select(Click(40, 50))
    engine.release = "2"
    desk.select(Click(40, 50))
    assert engine.embedded == 2


def test_a_click_does_not_wait_for_the_background(desk: Desk, engine: SameValue) -> None:
    """The background pauses at its checkpoint, and ends when it sees that the click computed the same."""
    begun, seen = threading.Event(), threading.Event()

    def wait(checkpoint: Callable[[], None]) -> None:
        if engine.embedded == 1:
            begun.set()
            while not seen.wait(0.01):
                checkpoint()
            checkpoint()
            pytest.fail("it went on")

    async def story() -> None:
        engine.wait = wait
        conversation = Conversation(desk.studio)

        def ask(request: m.Request):
            return answer(desk.studio, conversation, request, desk.recorder.job())

        background = asyncio.create_task(ask(m.PrepareSelection(*desk.at)))
        while not begun.is_set():
            await asyncio.sleep(0.01)
        await ask(m.Select(*desk.at, (Click(40, 50),)))
        seen.set()
        await background

    asyncio.run(story())
    assert desk.recorder.last(m.Selected).region.bounds == LEFT
    assert desk.recorder.last(m.SelectionPrepared).engine == "same"
    assert engine.embedded == 2


def test_a_cancelled_look_leaves_nothing(desk: Desk, engine: SameValue) -> None:
    def stop(_checkpoint: Callable[[], None]) -> None:
        raise JobCancelled

    engine.wait = stop
    with pytest.raises(JobCancelled):
        desk.select(Click(40, 50))
    assert desk.studio.document(desk.card.id).embedding(desk.card.head, engine.digest()) is None


def test_embeddings_in_memory_are_few(desk: Desk) -> None:
    engines = desk.studio.engines
    for k in range(REMEMBERED + 2):
        engines.remember(k, Embedding("same", 1, 1, {}))
    assert engines.recall(1) is None
    assert engines.recall(2) is not None


def test_an_unknown_engine_and_a_missing_one_are_sentences(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no engine “none” for selecting objects\. The engines are same"):
        desk.select(Click(40, 50), engine="none")
    desk.studio.engines = Engines(published(ModelCache(), WeightStore(catalog(), tmp_path)))
    desk.ask(m.ListEngines())
    cards = desk.recorder.last(m.EnginesListed).engines
    assert [card.missing for card in cards] == ["mobile-sam", "sam-vit-b", "sam-vit-l", "sam-vit-h", None, None]
    assert desk.select(Click(40, 50)).engine == "clarity-click"
    with pytest.raises(ModelMissing, match=r"mobile_sam\.pt"):
        desk.select(Click(40, 50), engine="mobile-sam")
    with pytest.raises(ModelMissing, match=r"sam_vit_h_4b8939\.pth"):
        desk.select(Click(40, 50), engine="sam-vit-h")


@pytest.mark.parametrize(
    ("pointed", "sentence"),
    [
        ({}, "Click on the object or draw a box"),
        ({"clicks": (Click(WIDTH, 3),)}, "200, 3 lies outside the photo of 200 × 150"),
        ({"boxes": (LEFT, Bounds(190, 3, 20, 20))}, "lie inside the photo"),
    ],
)
def test_what_points_nowhere_is_a_sentence(desk: Desk, pointed: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        desk.ask(m.Select(*desk.at, **pointed))


def test_nothing_found_is_a_sentence(desk: Desk) -> None:
    with pytest.raises(UserError, match="Same value found no object there"):
        desk.select(boxes=(Bounds(0, 0, 10, 10),))


# Words ----------------------------------------------------------------------------------------------------------------


class Boxes:
    """Finds dogs, at both objects of the photo."""

    def engine_for(self, part: Part, /) -> str | None:
        return "dogs" if part.name == "dog" else None

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        checkpoint()
        assert pixels.shape == (HEIGHT, WIDTH, 3)
        return [Box("dog", 0.8, LEFT), Box("dog", 0.7, RIGHT)][: 1 if part.count in (None, 1) else 2]


def test_words_select_an_area(desk: Desk, engine: SameValue) -> None:
    desk.ask(m.SelectWords(*desk.at, "the left half"))
    found = desk.recorder.last(m.Selected)
    assert (found.region.bounds, found.engine) == (Bounds(0, 0, 100, HEIGHT), "pixels")
    assert engine.embedded == 0


def test_words_select_objects_by_their_boxes(desk: Desk, engine: SameValue) -> None:
    desk.studio.finder = Boxes()
    for _ in range(2):
        desk.ask(m.SelectWords(*desk.at, "both dogs"))
    found = desk.recorder.last(m.Selected)
    assert found.region.bounds == Bounds(20, 30, 140, 80)
    assert (found.engine, found.scores) == ("dogs+same", (0.7,))
    assert engine.embedded == 1
    desk.ask(m.FindObjects(*desk.at, "both dogs"))
    boxes = desk.recorder.last(m.ObjectsFound)
    assert [(b.label, b.bounds) for b in boxes.boxes] == [("dog", LEFT), ("dog", RIGHT)]
    assert boxes.engine == "dogs"


def test_a_degradation_is_selected_where_it_is(desk: Desk, detector: FakeDetector) -> None:
    found = detection({"noise": Finding(0.9, 0.8)}, (8, 8))
    found.heat[:] = 0
    found.heat[4:, :4, DEGRADATIONS.index("noise")] = 250
    version = desk.studio.document(desk.card.id)
    version.set_detection(desk.card.head, found)
    for request in (m.SelectWhere(*desk.at, "noise"), m.SelectWords(*desk.at, "where it is noisy")):
        desk.ask(request)
        region = desk.recorder.last(m.Selected).region.full()
        assert region[120, 20] == 255
        assert region[20, 180] == region[20, 20] == 0
    with pytest.raises(UserError, match="The detector finds no haze in this photo"):
        desk.ask(m.SelectWhere(*desk.at, "haze"))


@pytest.mark.parametrize(
    ("words", "sentence"), [("", "Describe what to find"), ("the zebra", "zebra"), ("x" * 301, "longer than 300")]
)
def test_words_that_find_nothing_are_a_sentence(desk: Desk, words: str, sentence: str) -> None:
    desk.studio.finder = Boxes()
    with pytest.raises(UserError, match=sentence):
        desk.ask(m.SelectWords(*desk.at, words))
    assert desk.studio.document(desk.card.id).card().regions == ()


# Changing -------------------------------------------------------------------------------------------------------------


def test_a_region_is_drawn_and_changed(desk: Desk) -> None:
    region = desk.change(None, Paint((Stroke(((50.0, 50.0), (90.0, 50.0)), 8),)))
    assert region.bounds.width == pytest.approx(56, abs=3)
    larger = desk.change(region, Combine(box(RIGHT)))
    assert larger.bounds.right == RIGHT.right
    assert np.array_equal(desk.change(larger, Combine(box(RIGHT), "subtract")).full(), region.full())
    assert desk.change(larger, Combine(box(RIGHT), "replace")).bounds == RIGHT
    assert desk.change(larger, Lasso(((110, 30), (190, 30), (190, 140), (110, 140)), "intersect")).bounds == RIGHT
    assert desk.change(box(LEFT), Grow(5)).bounds == Bounds(15, 25, 60, 70)
    assert desk.change(box(LEFT), Feather(6)).mask[0].max() < 255
    assert desk.change(box(LEFT), Invert()).full()[40, 30] == 0


def test_refining_finds_the_edges_of_the_photo(desk: Desk) -> None:
    rough = box(Bounds(17, 33, 50, 60))
    refined = desk.change(rough, Refine(6)).full() > 127
    truth = box(LEFT).full() > 127
    assert (refined != truth).sum() < ((rough.full() > 127) != truth).sum() / 2


def test_a_region_of_another_photo_is_refused_and_can_be_fitted(desk: Desk) -> None:
    other = Region.rectangle(Bounds(40, 60, 100, 120), 400, 300)
    for change in (Invert(), Combine(box(LEFT))):
        with pytest.raises(UserError, match="400 × 300 pixels, but this one has 200 × 150"):
            desk.change(other, change)
    with pytest.raises(UserError, match="Nothing was changed"):
        desk.change(box(LEFT), Combine(other))
    assert desk.change(other, Fit()).bounds == LEFT


@pytest.mark.parametrize("change", [Invert(), Grow(3), Feather(3), Refine(), Fit(), Combine(box(LEFT), "subtract")])
def test_there_must_be_something_to_change(desk: Desk, change) -> None:
    with pytest.raises(UserError, match="Nothing is selected yet"):
        desk.change(None, change)


# Keeping --------------------------------------------------------------------------------------------------------------


def test_regions_are_kept_renamed_deleted_and_read(desk: Desk) -> None:
    [kept] = desk.keep(box(LEFT), engine="same")
    assert (kept.name, kept.engine, np.asarray(kept.thumbnail).shape) == ("Left", "same", (96, 128, 3))
    desk.ask(m.EditRegion(desk.card.id, kept.id, name="House"))
    desk.ask(m.EditRegion(desk.card.id, kept.id, deleted=True))
    [edited] = desk.recorder.last(m.RegionsChanged).regions
    assert (edited.name, edited.deleted) == ("House", True)
    desk.ask(m.ReadRegion(desk.card.id, desk.card.head, kept.id))
    ready = desk.recorder.last(m.RegionReady)
    assert (ready.kept, ready.region.label, ready.region.bounds) == (kept.id, "House", LEFT)
    [replaced] = desk.keep(box(RIGHT), "Other", replaces=kept.id)
    assert (replaced.id, replaced.bounds, replaced.deleted) == (kept.id, RIGHT, False)


def test_a_region_of_another_size_is_not_kept(desk: Desk) -> None:
    with pytest.raises(UserError, match="Nothing was changed"):
        desk.keep(Region.rectangle(Bounds(0, 0, 5, 5), 20, 20))
    assert desk.studio.document(desk.card.id).card().regions == ()


def test_a_mask_is_exported_and_imported(desk: Desk, tmp_path: Path) -> None:
    soft = desk.change(box(LEFT), Feather(5))
    path = tmp_path / "mask.png"
    desk.ask(m.ExportRegion(desk.card.id, soft, path))
    with Image.open(path) as opened:
        assert opened.size == (WIDTH, HEIGHT)
    with pytest.raises(FileExists):
        desk.ask(m.ExportRegion(desk.card.id, box(RIGHT), path))
    desk.ask(m.ImportRegion(*desk.at, path))
    assert np.array_equal(desk.recorder.last(m.RegionReady).region.full(), soft.full())
    desk.ask(m.ExportRegion(desk.card.id, box(RIGHT), path, overwrite=True))
    desk.ask(m.ImportRegion(*desk.at, path))
    assert desk.recorder.last(m.RegionReady).region.bounds == RIGHT


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [(np.full((20, 30), 255, np.uint8), "30 × 20 pixels, but the photo has 200 × 150"),
     (np.zeros((HEIGHT, WIDTH), np.uint8), "selects nothing: it is black")],
)  # fmt: skip
def test_a_mask_that_does_not_fit_is_a_sentence(desk: Desk, tmp_path: Path, mask, sentence: str) -> None:
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with pytest.raises(UserError, match=sentence):
        desk.ask(m.ImportRegion(*desk.at, tmp_path / "mask.png"))


# Analyzing and removing -----------------------------------------------------------------------------------------------


def test_a_region_is_analyzed_by_itself(desk: Desk, detector: FakeDetector) -> None:
    noisy = {"noise": Finding(0.9, 0.8)}
    detector.finds = lambda pixels: detection(noisy if pixels.mean() > 150 else None)
    desk.ask(m.AnalyzeRegion(*desk.at, box(LEFT)))
    found = desk.recorder.last(m.RegionAnalyzed)
    assert detector.asked[-1].shape == (LEFT.height, LEFT.width, 3)
    assert [a.task for a in found.advice] == ["denoise"]
    assert english(found.text)
    assert found.quality is not None
    desk.ask(m.AnalyzeRegion(*desk.at, box(RIGHT)))
    assert desk.recorder.last(m.RegionAnalyzed).advice == ()


def test_removing_fills_the_region_and_its_edge(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from clarity_desktop.backend import methods
    from tests.fakes import HALVES

    filler = replace(HALVES, id="fill", tasks=("inpaint",), needs_mask=True)
    monkeypatch.setitem(methods.METHODS, "fill", filler)
    methods.all_methods.cache_clear()
    desk.ask(m.RemoveObject(*desk.at, box(LEFT)))
    version = desk.recorder.last(m.VersionAdded).version
    assert (version.step.task, version.step.method) == ("inpaint", "fill")
    after, before = desk.studio.document(desk.card.id).pixels(version.id), photo()
    changed = (after != before).any(2)
    assert changed[LEFT.slices()].all()
    assert changed[LEFT.y - 2, LEFT.x + 5]
    outside = box(Bounds(LEFT.x - 4, LEFT.y - 4, LEFT.width + 8, LEFT.height + 8)).full() == 0
    assert not changed[outside].any()


def test_without_a_method_that_fills_removing_is_a_sentence(desk: Desk) -> None:
    with pytest.raises(UserError):
        desk.ask(m.RemoveObject(*desk.at, box(LEFT)))
    assert len(desk.studio.document(desk.card.id).card().versions) == 1
