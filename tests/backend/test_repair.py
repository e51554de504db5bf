"""The repair of old photos: what is found, the steps it makes, and what it leaves alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest

from clarity_desktop.backend import methods, old_photo, repair
from clarity_desktop.backend.document import Document
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.weights import default_store
from clarity_desktop.messages import Notice, RepairOldPhoto, Selected, SelectWhere, UserError
from clarity_desktop.text import english
from clarity_desktop.values import Mask, Picture, Pixels
from tests.fakes import HALVES, Recorder


@dataclass
class FakeMarks:
    """Finds what the test says."""

    found: Mask | None = None

    def is_ready(self) -> bool:
        return True

    def find(self, _pixels: Pixels, checkpoint: Callable[[], None]) -> Mask | None:
        checkpoint()
        return self.found


@pytest.fixture
def marks(studio: Studio) -> FakeMarks:
    studio.mark_finder = FakeMarks()  # pyright: ignore[reportAttributeAccessIssue]
    return studio.mark_finder  # pyright: ignore[reportReturnType]


@pytest.fixture
def fillers(monkeypatch: pytest.MonkeyPatch, plain_methods: None) -> None:
    filler = replace(HALVES, id="filler", tasks=("inpaint", "denoise"))
    monkeypatch.setitem(methods.METHODS, filler.id, filler)
    methods.all_methods.cache_clear()


def sharp(black: float = 0.0, white: float = 1.0, noise: float = 0.0) -> Pixels:
    """120×160×3 uint8: stripes from black to white, with noise."""
    stripes = np.indices((120, 160))[1] // 8 % 5 / 4
    gray = black + (white - black) * stripes + np.random.default_rng(1).normal(0, noise, stripes.shape)
    return np.clip(np.rint(np.dstack([gray] * 3) * 255), 0, 255).astype(np.uint8)


def open_photo(studio: Studio, recorder: Recorder, pixels: Pixels) -> Document:
    return asyncio.run(studio.open_picture(Picture(pixels), "print", recorder.job()))


def run(studio: Studio, document: Document, recorder: Recorder) -> list[str]:
    """The steps that a repair makes, as "kind task"."""
    request = RepairOldPhoto(document.id, document.card().head, confirmed=True)
    asyncio.run(repair.repair_old_photo(studio, request, recorder.job()))
    steps: list[str] = []
    version = document.version(document.card().head)
    while version.parent is not None:
        steps.insert(0, f"{version.step.kind} {version.step.task or ''}".strip())
        version = document.version(version.parent)
    return steps


def test_each_step_is_a_version_and_the_sentence_names_them(studio, recorder, marks, fillers) -> None:
    document = open_photo(studio, recorder, sharp(0.25, 0.75, noise=0.06))
    marks.found = np.zeros((120, 160), np.uint8)
    marks.found[10:14] = 255
    assert run(studio, document, recorder) == ["restore inpaint", "restore denoise", "adjust"]
    [text] = [english(e.text) for e in recorder.events if isinstance(e, Notice)]
    assert text == (
        "Old photo repaired: scratches and missing parts filled (3% of the photo), grain reduced, fading corrected. "
        "Each step is a version."
    )


def test_only_the_marks_are_filled(studio, recorder, marks, fillers) -> None:
    photo = sharp()
    document = open_photo(studio, recorder, photo)
    marks.found = np.zeros((120, 160), np.uint8)
    marks.found[10:14, 20:60] = 255
    assert run(studio, document, recorder) == ["restore inpaint"]
    changed = (document.pixels(document.card().head) != photo).any(-1)
    assert changed.any()
    assert not changed[marks.found == 0].any()


def test_a_good_photo_stays_and_the_user_learns_why(studio, recorder, marks, fillers) -> None:
    document = open_photo(studio, recorder, sharp())
    with pytest.raises(UserError, match="No scratches, grain or fading were found"):
        run(studio, document, recorder)
    assert len(document.card().versions) == 1


def test_a_photo_that_is_mostly_gone_is_not_invented(studio, recorder, marks, fillers) -> None:
    document = open_photo(studio, recorder, sharp(0.25, 0.75))
    marks.found = np.full((120, 160), 255, np.uint8)
    assert run(studio, document, recorder) == ["adjust"]
    assert any("Too much of the photo is missing" in english(e.text) for e in recorder.events if isinstance(e, Notice))


def test_scratches_are_selected_pixel_by_pixel(studio, recorder, marks) -> None:
    from clarity_desktop.backend import selection

    document = open_photo(studio, recorder, sharp())
    marks.found = np.zeros((120, 160), np.uint8)
    marks.found[10:14, 20:60] = 255
    asyncio.run(
        selection.select_where(studio, SelectWhere(document.id, document.card().head, "inpaint"), recorder.job())
    )
    [selected] = [e for e in recorder.events if isinstance(e, Selected)]
    assert (selected.region.full() == marks.found).all()


def test_a_faded_print_gets_black_and_white_back() -> None:
    settings = old_photo.unfade(sharp(0.2, 0.7))
    assert settings is not None
    from clarity_desktop.backend.adjust import adjust

    made = adjust(sharp(0.2, 0.7), settings)
    assert made.min() < 0.17 * 255
    assert made.max() > 0.85 * 255
    assert old_photo.unfade(sharp()) is None


def test_grain_is_measured() -> None:
    assert old_photo.grain(sharp(0.2, 0.8)) < 0.004
    assert old_photo.grain(sharp(0.2, 0.8, noise=0.04)) == pytest.approx(0.04, rel=0.25)


def test_the_network_finds_a_drawn_scratch_and_nothing_on_a_clean_photo(shared) -> None:
    """With the weights that ship, on an old print that is not scratched."""
    finder = old_photo.MarkFinder(ModelCache(), default_store())
    photo = cv2.cvtColor(cv2.imread(str(next((shared / "data" / "old_photos").rglob("bop_b.webp")))), cv2.COLOR_BGR2RGB)
    clean = finder.find(photo, lambda: None)
    assert clean is None or (clean > 0).mean() < 0.02
    scratched = photo.copy()
    cv2.line(scratched, (40, 20), (200, 420), (244, 240, 228), 3, cv2.LINE_AA)
    drawn = (scratched != photo).any(-1)
    found = finder.find(scratched, lambda: None)
    assert found is not None
    assert (found > 0)[drawn].mean() > 0.7
