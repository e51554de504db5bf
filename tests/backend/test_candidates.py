"""Candidates: several methods on one version, their fusion, a part from another version, a pick."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clarity_desktop.backend import candidates, methods
from clarity_desktop.backend.document import Document, recoveries
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import (
    CandidateAdded,
    CandidateFailed,
    Event,
    Fuse,
    HeadMoved,
    JobCancelled,
    MergePart,
    Offered,
    Pick,
    Progress,
    TileDone,
    TryMethods,
    UserError,
    VersionAdded,
)
from clarity_desktop.values import Bounds, Picture, Pixels, Region, RestoreParams, VersionId
from tests.fakes import HALVES, SLOW, Recorder

SIZE = (72, 96)
LANCZOS = methods.METHODS["lanczos-2x"]


@pytest.fixture
def photo() -> Pixels:
    """H×W×3 uint8 with structure at every scale."""
    y, x = np.indices(SIZE)
    base = 90 + 50 * np.sin(x / 9) + 40 * np.cos(y / 7) + 20 * ((x // 6 + y // 6) % 2)
    return np.clip(np.dstack([base, base * 0.9, base * 0.8]), 0, 255).astype(np.uint8)


@pytest.fixture
def document(studio: Studio, recorder: Recorder, photo: Pixels) -> Document:
    return asyncio.run(studio.open_picture(Picture(photo), "photo", recorder.job()))


@pytest.fixture
def alike(monkeypatch: pytest.MonkeyPatch, plain_methods: None) -> None:
    """Two methods of one task, and one whose weights are missing."""
    other = replace(HALVES, id="halves-again")
    missing = replace(HALVES, id="missing", weights=("prenet",))
    for method in (other, missing):
        monkeypatch.setitem(methods.METHODS, method.id, method)
    methods.all_methods.cache_clear()


def choices(*names: str) -> tuple[RestoreParams, ...]:
    return tuple(RestoreParams("derain", name) for name in names)


def tried(studio: Studio, document: Document, recorder: Recorder, *names: str) -> tuple[VersionId, ...]:
    head = document.card().head
    asked = TryMethods(document.id, head, choices(*names), confirmed=True)
    made = asyncio.run(candidates.try_methods(studio, asked, recorder.job()))
    return tuple(v.id for v in made)


def test_candidates_are_versions_and_the_head_stays(alike, studio, recorder, document) -> None:
    first = document.card().head
    made = tried(studio, document, recorder, "halves", "halves-again")
    card = document.card()
    assert card.head == first
    assert [v.id for v in card.versions] == [first, *made]
    assert all(v.parent == first and v.quality is not None for v in card.versions[1:])
    added = [e for e in recorder.events if isinstance(e, CandidateAdded)]
    assert [(e.version.id, e.number, e.count) for e in added] == [(made[0], 1, 2), (made[1], 2, 2)]
    assert not [e for e in recorder.events if isinstance(e, VersionAdded | TileDone | HeadMoved)]
    fractions = [e.fraction for e in recorder.events if isinstance(e, Progress)]
    assert all(0 <= f <= 1 for f in fractions)
    assert all(e.note for e in recorder.events if isinstance(e, Progress))


def test_a_choice_that_fails_does_not_stop_the_others(alike, studio, recorder, document) -> None:
    made = tried(studio, document, recorder, "missing", "halves")
    assert len(made) == 1
    [failed] = [e for e in recorder.events if isinstance(e, CandidateFailed)]
    assert failed.choice.method == "missing"
    with pytest.raises(UserError):
        tried(studio, document, recorder, "missing")


@pytest.mark.parametrize("shape", [(1, 1), (3, 900)])
def test_tiny_photos_with_16_bits_and_transparency(alike, studio, recorder, monkeypatch, shape) -> None:
    def load(*_: object) -> Callable[..., Pixels]:
        return lambda tile, mask, job: np.full_like(tile, np.nan)

    monkeypatch.setitem(methods.METHODS, "broken", replace(HALVES, id="broken", load=load))
    methods.all_methods.cache_clear()
    gray = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
    photo = Picture(np.dstack([gray] * 3), alpha=gray[:, ::-1].copy())
    document = asyncio.run(studio.open_picture(photo, "photo", recorder.job()))
    made = tried(studio, document, recorder, "halves", "broken", "halves-again")
    assert len(made) == 2
    [failed] = [e for e in recorder.events if isinstance(e, CandidateFailed)]
    assert failed.choice.method == "broken"
    fused = asyncio.run(candidates.fuse(studio, Fuse(document.id, made), recorder.job()))
    corner = Region.rectangle(Bounds(0, 0, 1, 1), shape[1], shape[0])
    part = MergePart(document.id, fused.id, document.card().versions[0].id, corner, 16)
    merged = asyncio.run(candidates.merge_part(studio, part, recorder.job()))
    assert document.pixels(merged.id).dtype == np.uint16
    assert (document.pixels(merged.id)[0, 0] == photo.pixels[0, 0]).all()
    assert photo.alpha is not None
    assert (document.alpha(merged.id) == photo.alpha).all()


def test_enlarged_results_of_a_transparent_photo_are_fused(alike, studio, recorder, photo, monkeypatch) -> None:
    monkeypatch.setitem(methods.METHODS, LANCZOS.id, LANCZOS)
    methods.all_methods.cache_clear()
    alpha = np.zeros(SIZE, np.uint8)
    alpha[:, 40:] = 255
    document = asyncio.run(studio.open_picture(Picture(photo, alpha=alpha), "photo", recorder.job()))
    choices = (RestoreParams("upscale", LANCZOS.id),) * 2
    asked = TryMethods(document.id, document.card().head, choices, confirmed=True)
    made = asyncio.run(candidates.try_methods(studio, asked, recorder.job()))
    fused = asyncio.run(candidates.fuse(studio, Fuse(document.id, tuple(v.id for v in made)), recorder.job()))
    assert document.pixels(fused.id).shape == (2 * SIZE[0], 2 * SIZE[1], 3)
    assert (document.alpha(fused.id) == document.alpha(made[0].id)).all()


def test_what_takes_long_is_offered(studio, recorder, document) -> None:
    asked = TryMethods(document.id, document.card().head, (RestoreParams("denoise", SLOW.id),) * 20)
    assert asyncio.run(candidates.try_methods(studio, asked, recorder.job())) == ()
    offered = recorder.last(Offered)
    assert isinstance(offered, Offered)
    assert offered.request is asked


def test_finished_candidates_stay_when_it_is_cancelled(studio, recorder, document) -> None:
    job = recorder.job()

    def cancel(event: Event) -> None:
        if isinstance(event, Progress) and any(isinstance(e, CandidateAdded) for e in recorder.events):
            job.cancel()

    both = (RestoreParams("derain", "halves"), RestoreParams("denoise", "slow"))
    asked = TryMethods(document.id, document.card().head, both, confirmed=True)
    with job.observing(cancel), pytest.raises(JobCancelled):
        asyncio.run(candidates.try_methods(studio, asked, job))
    assert len(document.card().versions) == 2


def test_a_fused_version_is_a_child_and_the_head(alike, studio, recorder, document) -> None:
    first = document.card().head
    made = tried(studio, document, recorder, "halves", "halves-again")
    fused = asyncio.run(candidates.fuse(studio, Fuse(document.id, made), recorder.job()))
    assert (fused.parent, document.card().head) == (first, fused.id)
    assert fused.step.kind == "fuse"
    assert fused.step.settings["versions"] == list(made)
    np.testing.assert_allclose(document.pixels(fused.id), document.pixels(made[0]), atol=1)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_two_to_six_versions_are_fused(alike, studio, recorder, document, count) -> None:
    made = tried(studio, document, recorder, *["halves"] * count) if count else ()
    with pytest.raises(UserError):
        asyncio.run(candidates.fuse(studio, Fuse(document.id, made), recorder.job()))


def test_a_part_comes_from_another_version(alike, studio, recorder, document) -> None:
    first = document.card().head
    [made] = tried(studio, document, recorder, "halves")
    part = Region.rectangle(Bounds(10, 20, 30, 25), SIZE[1], SIZE[0])
    merged = asyncio.run(candidates.merge_part(studio, MergePart(document.id, first, made, part, 4), recorder.job()))
    assert (merged.parent, document.card().head) == (first, merged.id)
    result, base, source = (document.pixels(v) for v in (merged.id, first, made))
    outside = part.full() == 0
    assert (result[outside] == base[outside]).all()
    assert (result[32, 25] == source[32, 25]).all()
    with pytest.raises(UserError):
        asyncio.run(candidates.merge_part(studio, MergePart(document.id, first, first, part), recorder.job()))


def test_a_pick_is_a_choice_over_the_others(alike, studio, recorder, document) -> None:
    made = tried(studio, document, recorder, "halves", "halves-again")
    asyncio.run(candidates.pick(studio, Pick(document.id, made[1], made), recorder.job()))
    assert document.card().head == made[1]
    assert [(c.better, c.worse, c.kind) for c in studio.feedback.choices("derain")] == [
        ("halves-again", "halves", "pick")
    ]


def test_candidates_survive_a_crash(alike, studio, recorder, document, tmp_path: Path) -> None:
    made = tried(studio, document, recorder, "halves", "halves-again")
    copied = tmp_path / "documents-after-the-crash"
    shutil.copytree(studio.folder, copied, ignore=shutil.ignore_patterns("*.lock"))
    [recovery] = recoveries(copied)
    again = Document.open(recovery.store)
    assert [v.id for v in again.card().versions[1:]] == list(made)
    assert again.card().head == document.card().head
    again.close(keep=True)
