"""Segment Anything and GroundingDINO at their official sizes with random weights, from the file to the mask.

`make checkpoints`: minutes, and 3 GB in a temporary folder. No weights are published under a licence that would let the
project carry them, so this shows that the published ones would load and run: names and shapes are compared with the
published lists, every file goes through checksum, catalog and store, and no socket can be opened.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import qasync
import torch
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from clarity_desktop.backend.answer import answer, answer_by
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.model_cache import ModelCache
from clarity_desktop.backend.regions import groundingdino, sam
from clarity_desktop.backend.regions.engines import Engines, published
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.backend.weights.catalog import parse
from clarity_desktop.messages import ObjectsFound, Opened, PrepareSelection, Select, Selected, UserError
from clarity_desktop.settings import Settings
from clarity_desktop.ui import translate
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.values import Bounds, Click, Picture
from tests.fakes import FakeDetector, FakeScorer, Recorder
from tests.stories.user import RecordingLink, User

LISTS = Path(__file__).parent / "data" / "tensors"
WORDS = ["the", "red", "car", "dog", "man", "##s", "on", "left"]
Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """A file as it is published, but for the values."""

    model: str
    make: Callable[[], Tensors]
    wrap: Callable[[Tensors], Any] = lambda tensors: dict(tensors)


def block_sockets() -> None:
    """From now on no code of this process reaches the network."""

    def refuse(event: str, _arguments: object) -> None:
        if event in {"socket.connect", "socket.getaddrinfo", "socket.bind", "socket.sendto"}:
            raise OSError(f"{event}: the network is not allowed")

    sys.addaudithook(refuse)


def published_shapes(model: str) -> dict[str, tuple[int, ...]]:
    rows = (line.rsplit(" ", 1) for line in (LISTS / f"{model}.txt").read_text("utf-8").splitlines())
    return {name: () if shape == "scalar" else tuple(map(int, shape.split("×"))) for name, shape in rows}


def complete(model: str, made: Tensors) -> Tensors:
    """The tensors of a network and those that only the published file has."""
    more = {name: torch.zeros(shape) for name, shape in published_shapes(model).items() if name not in made}
    return {**made, **more}


def vocabulary() -> str:
    """As many word pieces as the published one has, in its order as far as the network depends on it."""
    pieces = ["[PAD]", *(f"[unused{k}]" for k in range(99)), "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *WORDS]
    return "\n".join(pieces + [f"word{k}" for k in range(30522 - len(pieces))]) + "\n"


CHECKPOINTS = (
    *(
        Checkpoint(v, lambda v=v: complete(v, sam.build(sam.VARIANTS[v]).state_dict()))
        for v in ("mobile-sam", "sam-vit-b")
    ),
    Checkpoint(
        groundingdino.ID,
        lambda: complete(groundingdino.ID, groundingdino.build(vocabulary()).state_dict()),
        lambda tensors: {"model": {f"module.{name}": values for name, values in tensors.items()}},
    ),
)


def entry(model: str, path: Path) -> str:
    """The catalog's entry of a model with the size and the checksum of a file."""
    known = catalog()[model]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"""
[[model]]
id = "{model}"
title = "{known.title}"
licence = "{known.licence}"
format = "{known.variants[0].format}"
manual_url = "{known.manual_url}"
sources = []
file = "{known.variants[0].parts[0].name}"
size = {path.stat().st_size}
sha256 = "{digest}"
"""


def write(folder: Path) -> WeightStore:
    """Write all files into a folder of the user's, and make a store with a catalog that knows them."""
    entries = ""
    for checkpoint in CHECKPOINTS:
        tensors = checkpoint.make()
        shapes = {name: tuple(values.shape) for name, values in tensors.items()}
        assert sorted(shapes.items()) == sorted(published_shapes(checkpoint.model).items()), checkpoint.model
        path = folder / "given" / catalog()[checkpoint.model].variants[0].parts[0].name
        path.parent.mkdir(exist_ok=True)
        torch.save(checkpoint.wrap(tensors), path)
        published_size = catalog()[checkpoint.model].size
        print(f"{checkpoint.model}: {len(shapes)} tensors, {path.stat().st_size} bytes ({published_size} published)")
        assert abs(path.stat().st_size - published_size) < 0.002 * published_size
        entries += entry(checkpoint.model, path)
    path = folder / "given" / "vocab.txt"
    path.write_text(vocabulary(), "utf-8")
    os.environ["CLARITY_WEIGHTS"] = str(folder / "given")
    return WeightStore(parse(entries + entry(groundingdino.VOCABULARY, path)), folder / "weights")


def refuse_incomplete(store: WeightStore, folder: Path) -> None:
    """A file without one of its tensors is a sentence."""
    from safetensors.torch import load_file, save_file

    for model in ("mobile-sam", groundingdino.ID):
        tensors = load_file(store.need((model,))[model])
        gone = sorted(name for name in tensors if not name.startswith(sam.UNUSED + groundingdino.UNUSED))[7]
        del tensors[gone]
        save_file(tensors, folder / "incomplete.safetensors")
        with pytest.raises(UserError, match=re.escape(gone)) as refused:
            load(model, folder / "incomplete.safetensors", store)
        print(f"{model} without {gone}: {refused.value}")


def load(model: str, file: Path, store: WeightStore) -> object:
    if model == groundingdino.ID:
        return groundingdino.load(file, store.need((groundingdino.VOCABULARY,))[groundingdino.VOCABULARY])
    return sam.load(sam.VARIANTS[model], file)


def select(studio: Studio, recorder: Recorder, store: WeightStore, models: ModelCache, photo: np.ndarray) -> None:
    """Clicks, boxes and words on one photo, through the same requests as the window's."""
    conversation = Conversation(studio)

    def ask(request: Any) -> float:
        start = time.perf_counter()
        asyncio.run(answer(studio, conversation, request, recorder.job()))
        return time.perf_counter() - start

    asyncio.run(studio.open_picture(Picture(photo), "noise.png", recorder.job()))
    card = recorder.last(Opened).card
    for engine in ("mobile-sam", "sam-vit-b"):
        prepared = ask(PrepareSelection(card.id, card.head, engine))
        clicks = tuple(Click(40.0 + 25 * k, 60.0 + 9 * k, inside=k != 1) for k in range(3))
        first = ask(Select(card.id, card.head, clicks[:1], engine=engine))
        hint = recorder.last(Selected).hint
        further = min(ask(Select(card.id, card.head, clicks, hint=hint, engine=engine)) for _ in range(3))
        found = recorder.last(Selected)
        assert len(found.scores) == 3
        assert found.region.full().shape == photo.shape[:2]
        print(f"{engine}: embedding {prepared:.1f} s, first click {first:.2f} s, further click {further * 1000:.0f} ms")
        assert hint is not None
    start = time.perf_counter()
    boxes = groundingdino.find(photo, "the red cars . dog", models, store)
    print(f"{groundingdino.ID}: {len(boxes)} boxes in {time.perf_counter() - start:.1f} s, {boxes[:2]}")
    box = boxes[0].bounds if boxes else Bounds(20, 20, 100, 80)
    ask(Select(card.id, card.head, boxes=(box,), engine="mobile-sam"))
    region = recorder.last(Selected).region
    print(f"a mask of {int((region.mask > 0).sum())} pixels for the first box")


async def select_in_window(folder: Path, store: WeightStore, models: ModelCache, photo: np.ndarray) -> None:
    """A click and words in the real window, answered by the networks."""

    def make_studio() -> Studio:
        return Studio(
            Settings(), folder / "of the window", store, detector=FakeDetector(), scorer=FakeScorer(), models=models,
            engines=Engines(published(models, store)),
        )  # fmt: skip

    path = folder / "noise.png"
    Image.fromarray(photo).save(path)
    window, ended = MainWindow(Settings(), ()), asyncio.Event()
    window.ended.connect(ended.set)
    window.show()
    link = RecordingLink(lambda: answer_by(make_studio()))
    user = User(window, link)
    window.connect_backend(link)

    async def settle() -> None:
        while window.requests.running:
            await asyncio.sleep(0.05)

    try:
        await settle()
        await user.open(path)
        user.start("select_click")
        await settle()
        canvas = user.shown.canvas
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
        await settle()
        print(f"in the window: {window.regions.engine.text()} {window.regions.selected.text()}")
        assert user.events(Selected)[-1].engine == "mobile-sam"
        window.regions.words.setText("the red dog")
        window.regions.find_button.click()
        await settle()
        print(f"in the window: {window.regions.found.text()}")
        assert user.events(ObjectsFound)[-1].engine == groundingdino.ID
    finally:
        window.end_session()
        await ended.wait()
        link.close()


def main() -> None:
    block_sockets()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(prefix="clarity-") as name:
        folder = Path(name)
        store, models, recorder = write(folder), ModelCache(), Recorder()
        studio = Studio(
            Settings(), folder / "documents", store, detector=FakeDetector(), scorer=FakeScorer(), models=models,
            engines=Engines(published(models, store)),
        )  # fmt: skip
        try:
            photo = np.random.default_rng(0).integers(0, 256, (240, 360, 3), np.uint8)
            select(studio, recorder, store, models, photo)
            app = QApplication([])
            translate.install(app)
            with qasync.QEventLoop(app) as loop:
                loop.run_until_complete(select_in_window(folder, store, models, photo))
            refuse_incomplete(store, folder)
        finally:
            studio.close()
            recorder.close()
    print("passed")


if __name__ == "__main__":
    main()
