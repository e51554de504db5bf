"""Regions and embeddings that a document keeps: stored, renamed, deleted, saved; checked when they are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from clarity_desktop.backend.document import Document, Limits, reduced, schema
from clarity_desktop.backend.document.limits import EMBEDDING, EMBEDDINGS
from clarity_desktop.backend.document.tiles import compress
from clarity_desktop.messages import UserError
from clarity_desktop.values import Bounds, Picture, Region, RegionId, Step, StoredRegion

WIDTH, HEIGHT = 300, 200
THUMBNAIL = np.zeros((85, 128, 3), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "documents"


@pytest.fixture
def document(folder: Path) -> Iterator[Document]:
    made = Document.create(folder, Picture(np.full((HEIGHT, WIDTH, 3), 90, np.uint8)), "cat.png")
    yield made
    made.close(keep=False)


def box(x: int, y: int, width: int, height: int) -> Region:
    return Region.rectangle(Bounds(x, y, width, height), WIDTH, HEIGHT)


def keep(document: Document, region: Region, name: str = "Sky", at: RegionId | None = None) -> StoredRegion:
    return document.keep_region(region, name, document.card().head, THUMBNAIL, "mobile-sam", at)


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    return {"image": np.random.default_rng(seed).normal(size=(1, 256, 64, 64)).astype(np.float16)}


def reopened(document: Document, folder: Path, path: Path) -> Document:
    document.save_project(path)
    return Document.open_project(folder, path)


def run_sql(path: Path, sql: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql, values)


def test_a_region_is_kept_with_its_name_and_its_mask(document: Document, folder: Path, tmp_path: Path) -> None:
    soft = box(20, 30, 50, 40)
    soft.mask[0] = 77
    stored = keep(document, soft)
    assert document.card().unsaved
    again = reopened(document, folder, tmp_path / "a.clarity")
    [found] = again.card().regions
    assert (found.id, found.name, found.engine, found.bounds) == (stored.id, "Sky", "mobile-sam", soft.bounds)
    assert np.asarray(found.thumbnail).shape == (85, 128, 3)
    region = again.kept_region(found.id)
    assert region.label == "Sky"
    assert np.array_equal(region.full(), soft.full())
    assert not again.card().unsaved
    again.close(keep=False)


def test_two_regions_with_one_mask_have_names_of_their_own(document: Document) -> None:
    first, second = keep(document, box(1, 2, 3, 4), "A"), keep(document, box(1, 2, 3, 4), "B")
    assert first.content == second.content
    document.edit_region(first.id, name="C")
    assert [r.name for r in document.card().regions] == ["C", "B"]


def test_renaming_deleting_and_bringing_back(document: Document, folder: Path, tmp_path: Path) -> None:
    stored = keep(document, box(1, 2, 3, 4))
    document.edit_region(stored.id, name="Wall", deleted=True)
    assert document.edit_region(stored.id, name="").name == "Wall"
    again = reopened(document, folder, tmp_path / "a.clarity")
    assert [(r.name, r.deleted) for r in again.card().regions] == [("Wall", True)]
    assert not again.edit_region(stored.id, deleted=False).deleted
    assert again.kept_region(stored.id).bounds == Bounds(1, 2, 3, 4)
    again.close(keep=False)


def test_a_region_can_be_replaced(document: Document, folder: Path, tmp_path: Path) -> None:
    stored = keep(document, box(1, 2, 3, 4))
    keep(document, box(9, 9, 9, 9), "Larger", stored.id)
    again = reopened(document, folder, tmp_path / "a.clarity")
    [found] = again.card().regions
    assert (found.id, found.name, found.bounds) == (stored.id, "Larger", Bounds(9, 9, 9, 9))
    assert again.kept_region(found.id).bounds == Bounds(9, 9, 9, 9)
    again.close(keep=False)


def test_an_unknown_region_is_a_sentence(document: Document) -> None:
    for work in (document.kept_region, document.edit_region):
        with pytest.raises(UserError, match="not part of the document"):
            work(RegionId("none"))


def test_the_number_of_regions_is_limited_on_write_and_on_read(folder: Path, tmp_path: Path) -> None:
    picture = Picture(np.full((HEIGHT, WIDTH, 3), 90, np.uint8))
    document = Document.create(folder, picture, "cat.png", limits=Limits(regions=2))
    for k in range(2):
        keep(document, box(k, 0, 5, 5))
    with pytest.raises(UserError, match="2 regions at most"):
        keep(document, box(9, 0, 5, 5))
    document.save_project(tmp_path / "a.clarity")
    document.close(keep=False)
    Document.open_project(folder, tmp_path / "a.clarity", limits=Limits(regions=2)).close(keep=False)
    with pytest.raises(UserError, match="impossible number of regions: 2"):
        Document.open_project(folder, tmp_path / "a.clarity", limits=Limits(regions=1))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE kept_region SET name=x'00'", "UPDATE kept_region SET deleted=5", "UPDATE kept_region SET time='x'",
        "UPDATE kept_region SET thumbnail=x'00'", "UPDATE kept_region SET version=x'00'",
        "UPDATE region SET across=-4", "UPDATE region SET x=1.5",
    ],
)  # fmt: skip
def test_a_damaged_region_refuses_the_project(document: Document, folder: Path, tmp_path: Path, sql: str) -> None:
    keep(document, box(1, 2, 3, 4))
    document.save_project(tmp_path / "a.clarity")
    run_sql(tmp_path / "a.clarity", sql)
    with pytest.raises(UserError, match="cannot be opened"):
        Document.open_project(folder, tmp_path / "a.clarity")


def test_a_region_whose_mask_is_gone_is_left_out(document: Document, folder: Path, tmp_path: Path) -> None:
    keep(document, box(1, 2, 3, 4))
    document.save_project(tmp_path / "a.clarity")
    run_sql(tmp_path / "a.clarity", "DELETE FROM region")
    again = Document.open_project(folder, tmp_path / "a.clarity")
    assert again.card().regions == ()
    again.close(keep=False)


def test_an_embedding_is_kept_with_its_version(document: Document, folder: Path, tmp_path: Path) -> None:
    head, unsaved = document.card().head, document.card().unsaved
    document.keep_embedding(head, "mobile-sam 1", arrays())
    assert document.card().unsaved == unsaved, "it can be computed again"
    again = reopened(document, folder, tmp_path / "a.clarity")
    found = again.embedding(head, "mobile-sam 1")
    assert found is not None
    assert np.array_equal(found["image"], arrays()["image"])
    assert again.embedding(head, "mobile-sam 2") is None
    again.close(keep=False)


def test_only_the_latest_embeddings_are_kept(document: Document) -> None:
    head = document.card().head
    small = {"image": np.zeros(4, np.float16)}
    for k in range(EMBEDDINGS + 3):
        document.keep_embedding(head, f"engine {k}", small)
    kept = [k for k in range(EMBEDDINGS + 3) if document.embedding(head, f"engine {k}") is not None]
    assert kept == list(range(3, EMBEDDINGS + 3))


def test_what_is_too_large_or_of_another_type_is_not_kept(document: Document) -> None:
    head = document.card().head
    for wrong in ({"a": np.zeros(EMBEDDING, np.uint8)}, {"a": np.zeros(3, np.float64)}):
        with pytest.raises(ValueError, match=r"bytes|type"):
            document.keep_embedding(head, "engine", wrong)
    assert document.embedding(head, "engine") is None


@pytest.mark.parametrize(
    "data",
    [
        b"", b"not compressed", compress(b"not safetensors"), compress(bytes(EMBEDDING + 1)),
        compress(save({"a": np.zeros(2)})), compress(save({"a": np.zeros(0, np.float16)})),
    ],
)  # fmt: skip
def test_a_damaged_embedding_counts_as_missing(
    document: Document, folder: Path, tmp_path: Path, data: bytes
) -> None:  # fmt: skip
    head = document.card().head
    document.keep_embedding(head, "engine", arrays())
    document.save_project(tmp_path / "a.clarity")
    run_sql(tmp_path / "a.clarity", "UPDATE embedding SET data=?", (data,))
    again = Document.open_project(folder, tmp_path / "a.clarity")
    assert again.embedding(head, "engine") is None
    again.close(keep=False)


def test_nothing_is_kept_in_a_document_for_viewing_only(
    document: Document, folder: Path, tmp_path: Path
) -> None:  # fmt: skip
    keep(document, box(1, 2, 3, 4))
    document.save_project(tmp_path / "a.clarity")
    run_sql(tmp_path / "a.clarity", f"PRAGMA user_version={len(schema.MIGRATIONS) + 1}")
    viewed = Document.open_project(folder, tmp_path / "a.clarity")
    [stored] = viewed.card().regions
    assert viewed.kept_region(stored.id).bounds == Bounds(1, 2, 3, 4)
    viewed.keep_embedding(viewed.card().head, "engine", arrays())
    with pytest.raises(UserError, match="for viewing only"):
        keep(viewed, box(1, 2, 3, 4))
    viewed.close(keep=False)


def test_the_regions_of_steps_are_not_listed(document: Document) -> None:
    pixels = np.full((HEIGHT, WIDTH, 3), 70, np.uint8)
    head = document.card().head
    step = Step("restore", "denoise", "median")
    version = document.add(head, step, pixels, thumbnail=reduced(pixels), region=replace(box(1, 1, 5, 5), label="x"))
    assert document.card().regions == ()
    assert document.region(version.step.region or "").label == "x"
