"""Weights files of the user's: recognized, described, imported, run as a method, removed; hostile ones refused."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import pickle
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from clarity_desktop import settings
from clarity_desktop.backend import library_shims, methods, restore
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.backend.methods import own as own_methods
from clarity_desktop.backend.weights import WeightStore, default_store, recognize
from clarity_desktop.cli import models as models_command
from clarity_desktop.messages import JobCancelled, UserError
from clarity_desktop.values import OwnChoice

if importlib.util.find_spec("spandrel") is None:
    pytest.skip("spandrel is not installed; run make setup", allow_module_level=True)
library_shims.torchvision_ready()
from spandrel.architectures.Compact import Compact  # noqa: E402
from spandrel.architectures.DnCNN import DnCNN  # noqa: E402

CHOICE = OwnChoice("My network", "denoise", "MIT")


@pytest.fixture
def store(tmp_path: Path) -> WeightStore:
    return WeightStore({}, tmp_path / "weights")


@pytest.fixture
def denoiser(tmp_path: Path) -> Path:
    """DnCNN for color as its authors publish it: the bare state dict."""
    path = tmp_path / "dncnn_color.pth"
    torch.manual_seed(0)
    torch.save(DnCNN(in_nc=3, out_nc=3, nc=16, nb=8, act_mode="R").state_dict(), path)
    return path


@pytest.fixture
def upscaler(tmp_path: Path) -> Path:
    """Real-ESRGAN's compact network as published: under "params"."""
    path = tmp_path / "realesr-tiny-x2.pth"
    torch.manual_seed(0)
    net = Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2)
    torch.save({"params": net.state_dict()}, path)
    return path


@pytest.fixture(autouse=True)
def _fresh_methods() -> Iterator[None]:
    yield
    methods.refresh()


class _Job:
    def __init__(self, limit: int = 10**9) -> None:
        self._left = limit

    def checkpoint(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise JobCancelled

    def report(self, *_: Any, **__: Any) -> None:
        self.checkpoint()


def restored(store: WeightStore, model: str, pixels: Any, tile: int = 0, job: _Job | None = None) -> Any:
    """Pixels restored by an imported model, through the program's tiling."""
    method = own_methods.method(store.own_models()[model])
    run = method.load(store.need(method.weights), ComputeTarget(), method.tasks[0])
    plan = restore.TilePlan(tile, method.overlap, ComputeTarget())
    return restore.restore(
        pixels, method, run, plan, job=job or _Job(), on_tile=lambda _bounds, _pixels: None, reload=lambda _place: run
    ).pixels


def photo(height: int = 60, width: int = 70) -> Any:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)


def test_a_file_is_described_before_it_is_imported(store: WeightStore, denoiser: Path, upscaler: Path) -> None:
    found = store.recognize(denoiser)
    assert (found.architecture, found.task, found.scale, found.licence) == ("DnCNN", "denoise", 1, "")
    assert "deblur" in found.tasks
    found = store.recognize(upscaler)
    assert (found.architecture, found.task, found.tasks, found.scale) == (
        "RealESRGAN Compact", "upscale", ("upscale",), 2,
    )  # fmt: skip
    assert store.cards() == ()


def test_an_imported_file_is_a_method_that_survives_a_restart(store: WeightStore, denoiser: Path) -> None:
    name = store.add_own(denoiser, CHOICE)
    again = WeightStore({}, store.find(name).parent)  # pyright: ignore[reportOptionalMemberAccess]
    [card] = again.cards()
    assert (card.id, card.title, card.licence, card.state) == ("own-dncnn-color", "My network", "MIT", "ready")
    assert card.path is not None
    assert card.path.suffix == ".safetensors"
    method = own_methods.method(again.own_models()[name])
    assert (method.tasks, method.licence, method.weights) == (("denoise",), "MIT", (name,))
    assert restored(again, name, photo()).shape == (60, 70, 3)


def test_in_tiles_the_result_is_that_of_the_whole(store: WeightStore, denoiser: Path) -> None:
    name = store.add_own(denoiser, CHOICE)
    pixels = photo(150, 130)
    whole, tiled = restored(store, name, pixels), restored(store, name, pixels, tile=96)
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_an_upscaler_doubles_the_size(store: WeightStore, upscaler: Path) -> None:
    name = store.add_own(upscaler, OwnChoice("Tiny", "upscale", "BSD"))
    assert restored(store, name, photo(21, 33)).shape == (42, 66, 3)


def test_a_safetensors_file_may_state_its_license(store: WeightStore, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = DnCNN(in_nc=3, out_nc=3, nc=16, nb=8, act_mode="R")
    save_file(net.state_dict(), tmp_path / "x.safetensors", {"license": "CC-BY-NC-4.0"})
    assert store.recognize(tmp_path / "x.safetensors").licence == "CC-BY-NC-4.0"


def test_cancelling_ends_inside_a_tile(store: WeightStore, denoiser: Path) -> None:
    name = store.add_own(denoiser, CHOICE)
    with pytest.raises(JobCancelled):
        restored(store, name, photo(), job=_Job(4))


class _Sees:
    """A network for squares of 512 pixels that darkens everything, and keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Any]] = []

    def __call__(self, tile: Any, mask: Any, _job: Any) -> Any:
        self.seen.append((tile.copy(), mask))
        return tile * 0.5


def test_each_selected_face_is_seen_in_a_square_of_its_own() -> None:
    network, tile = _Sees(), np.full((300, 400, 3), 0.8, np.float32)
    tile[100:160, 50:100] = 0.4  # a face near the edge
    mask = np.zeros((300, 400), np.uint8)
    mask[100:160, 50:100] = mask[20:60, 330:370] = 255
    result = own_methods.Squares(network, 512, True)(tile, mask, _Job())
    assert [(seen.shape, given) for seen, given in network.seen] == [((512, 512, 3), None)] * 2
    face = next(seen for seen, _ in network.seen if seen.min() < 0.5)
    rows, columns = np.nonzero(face[..., 0] < 0.5)
    assert 0.45 < np.ptp(rows) / 512 < 0.6
    assert abs(columns.mean() - 256) < 8
    assert 280 < rows.mean() < 315  # below the middle, as in the photos that such networks learned from
    assert np.array_equal(result[mask == 0], tile[mask == 0])
    assert np.allclose(result[125:135, 70:80], 0.2, atol=0.01)
    assert 0.2 < result[100, 75, 0] < 0.4  # soft towards the edge


def test_a_network_for_squares_fills_a_hole_and_sees_the_others_as_holes() -> None:
    network, tile = _Sees(), np.full((200, 200, 3), 0.8, np.float32)
    mask = np.zeros((200, 200), np.uint8)
    mask[90:110, 90:110] = mask[80:85, 90:100] = 255
    result = own_methods.Squares(network, 512, False)(tile, mask, _Job())
    for _, given in network.seen:
        assert len(np.unique(given)) == 2
    assert np.array_equal(result[mask == 0], tile[mask == 0])
    assert np.allclose(result[mask > 0], 0.4, atol=0.01)


def test_the_same_file_again_keeps_its_id_and_another_of_its_name_gets_one(
    store: WeightStore, denoiser: Path, upscaler: Path
) -> None:
    first = store.add_own(denoiser, CHOICE)
    assert store.add_own(denoiser, OwnChoice("Other", "deblur", "CC0")) == first
    assert store.own_models()[first].tasks == ("deblur",)
    denoiser.write_bytes(upscaler.read_bytes())
    assert store.add_own(denoiser, OwnChoice("Third", "upscale", "CC0")) == f"{first}-2"


def test_of_different_files_of_one_name_imported_at_once_none_is_lost(tmp_path: Path) -> None:
    def add(number: int) -> str:
        path = tmp_path / str(number) / "dncnn.pth"
        path.parent.mkdir()
        net = DnCNN(in_nc=3, out_nc=3, nc=16, nb=8, act_mode="R")
        torch.save({name: torch.full_like(tensor, number / 1e4) for name, tensor in net.state_dict().items()}, path)
        ready.wait()
        return WeightStore({}, tmp_path / "weights").add_own(path, CHOICE)  # as another process would

    count = 6
    ready = threading.Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        ids = set(pool.map(add, range(count)))
    assert len(ids) == count
    store = WeightStore({}, tmp_path / "weights")
    assert {name for name in ids if store.find(name) is not None} == ids


def test_what_the_user_calls_a_model_becomes_one_line(store: WeightStore, denoiser: Path) -> None:
    name = store.add_own(denoiser, OwnChoice(" My\x1b[31m\nnetwork", "denoise", "MIT\u202e\n "))
    assert (store.own_models()[name].title, store.own_models()[name].licence) == ("My [31m network", "MIT")


def test_a_removed_model_leaves_nothing(store: WeightStore, denoiser: Path) -> None:
    name = store.add_own(denoiser, CHOICE)
    path = store.find(name)
    assert path is not None
    store.remove(name)
    assert store.cards() == ()
    assert not path.exists()
    with pytest.raises(UserError, match="own-dncnn-color"):
        store.state(name)


def test_a_modified_file_is_not_used(store: WeightStore, denoiser: Path) -> None:
    name = store.add_own(denoiser, CHOICE)
    path = store.find(name)
    assert path is not None
    path.write_bytes(path.read_bytes()[:-4] + b"oops")
    with pytest.raises(UserError, match="modified"):
        store.need([name])


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../../evil"}, {"scale": 0}, {"scale": "2"}, {"channels": 4}, {"tasks": ["fly"]}, {"tasks": []},
        {"sha256": "x"}, {"tiling": "perhaps"}, {"title": 3}, {"extra": 1}, {"speed": -1},
    ],
)  # fmt: skip
def test_damaged_facts_leave_the_model_out(store: WeightStore, denoiser: Path, change: dict[str, Any]) -> None:
    name = store.add_own(denoiser, CHOICE)
    found = store.find(name)
    assert found is not None
    facts = found.parent / "own" / f"{name}.json"
    facts.unlink()
    facts.write_text(json.dumps({**json.loads(json.dumps(_facts(store, name))), **change}))
    assert WeightStore({}, found.parent).cards() == ()


def _facts(_store: WeightStore, name: str) -> dict[str, Any]:
    return {
        "id": name, "title": "x", "tasks": ["denoise"], "architecture": "DnCNN", "licence": "MIT", "size": 10,
        "sha256": "0" * 64, "scale": 1, "channels": 3, "multiple_of": 1, "tiling": "yes", "needs_mask": False,
        "speed": 1.0,
    }  # fmt: skip


# Refused -------------------------------------------------------------------------------------------------------------


class _Evil:
    def __reduce__(self) -> Any:
        return eval, ("open('evil-was-here', 'w')",)


def _hostile(kind: str, folder: Path, good: Path) -> Path:
    path = folder / f"{kind}.pth"
    match kind:
        case "pickle":
            path.write_bytes(pickle.dumps({"a": _Evil()}, 2))
        case "new pickle":
            path.write_bytes(pickle.dumps({"a": _Evil()}, 4))
        case "torch pickle":
            torch.save({"params": _Evil()}, path)
        case "truncated":
            path.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
        case "pickle.safetensors" | "truncated.safetensors":
            path = folder / kind
            save_file({"weight": torch.zeros(3, 3)}, path)
            cut = path.read_bytes()[:-9]
            path.write_bytes(pickle.dumps({"a": _Evil()}, 4) if kind == "pickle.safetensors" else cut)
        case "empty.safetensors":
            path = folder / kind
            path.touch()
        case "repeated":
            torch.save({"weight": torch.zeros(1).expand(2**40)}, path)
        case "sparse":
            torch.save({"weight": torch.eye(3).to_sparse()}, path)
        case "complex":
            torch.save({"weight": torch.zeros(3, dtype=torch.complex128)}, path)
        case "without data":
            torch.save({"weight": torch.zeros(3, device="meta")}, path)
        case "reserved name":
            torch.save({"__metadata__": torch.zeros(3)}, path)
        case "numbers of 4 bits":
            path.write_bytes(_safetensors_file('"F4","shape":[8]', 4))
        case "endless sides":
            path.write_bytes(_safetensors_file('"F32","shape":[4294967296,0,4294967296,4294967296]', 0))
        case "text":
            path.write_text("a photo, perhaps")
        case "empty":
            path.touch()
        case "header":
            path.write_bytes(struct.pack("<Q", 40) + b"{" * 48)
        case "other network":
            save_file({"weight": torch.zeros(3, 3)}, path)
        case _:
            save_file({f"body.{n}.weight": torch.zeros(1) for n in (0, 1, 10**8)}, path)
    return path


def _safetensors_file(facts: str, length: int) -> bytes:
    header = f'{{"weight":{{"dtype":{facts},"data_offsets":[0,{length}]}}}}'.encode()
    return struct.pack("<Q", len(header)) + header + bytes(length)


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("pickle", "refused"), ("new pickle", "refused"), ("torch pickle", "refused"),
        ("pickle.safetensors", "refused"),
        ("truncated", "incomplete"), ("truncated.safetensors", "incomplete"), ("empty.safetensors", "empty"),
        ("text", "not a weights file"), ("empty", "empty"), ("header", "damaged"), ("repeated", "refused"),
        ("sparse", "refused"), ("complex", "refused"), ("without data", "refused"), ("reserved name", "refused"),
        ("numbers of 4 bits", "refused"), ("endless sides", "refused"),
        ("other network", "no network"), ("endless layers", "no network"),
    ],
)  # fmt: skip
def test_hostile_files_are_refused_with_a_sentence(
    kind: str, says: str, store: WeightStore, denoiser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _hostile(kind, tmp_path, denoiser)
    with pytest.raises(UserError, match=says) as caught:
        store.recognize(path)
    assert path.name in str(caught.value)
    with pytest.raises(UserError):
        store.add_own(path, CHOICE)
    assert not (tmp_path / "evil-was-here").exists()
    assert store.cards() == ()


def test_a_huge_file_is_not_read(store: WeightStore, tmp_path: Path) -> None:
    with (tmp_path / "huge.pth").open("wb") as file:
        file.truncate(recognize.MAX_BYTES + 1)  # sparse
    with pytest.raises(UserError, match="Weights files of up to"):
        store.recognize(tmp_path / "huge.pth")


# The command line and the table ---------------------------------------------------------------------------------------


def command(store: WeightStore, *words: str) -> int:
    parser = argparse.ArgumentParser()
    models_command.add_models(parser)
    asked = parser.parse_args(words)
    asked.store = store
    return asyncio.run(asked.run(asked))


def test_the_command_line_asks_for_license_and_task(
    store: WeightStore, denoiser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(store, "import", str(denoiser)) == 2
    assert "states no license" in capsys.readouterr().err
    assert command(store, "import", str(denoiser), "--license", " ") == 2
    assert "states no license" in capsys.readouterr().err
    unnamed = denoiser.rename(denoiser.with_name("epoch_40.pth"))
    assert command(store, "import", str(unnamed), "--license", "MIT", "--task", "derain", "--json") == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["id"], card["licence"], card["state"]) == ("own-epoch-40", "MIT", "ready")


def test_a_blank_license_is_none_and_a_title_is_one_line(
    store: WeightStore, denoiser: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(store, "import", str(denoiser), "--license", " ") == 2
    assert "states no license" in capsys.readouterr().err
    assert command(store, "import", str(denoiser), "--license", "MIT\n2.0 ", "--title", "My\n network ") == 0
    [own] = store.own_models().values()
    assert (own.title, own.licence) == ("My network", "MIT 2.0")


def test_a_file_whose_name_is_not_text_is_imported(store: WeightStore, denoiser: Path) -> None:
    named = denoiser.rename(denoiser.with_name(os.fsdecode(b"dncnn_\xff.pth")))
    assert store.recognize(named).architecture == "DnCNN"


def test_a_file_that_cannot_be_read_is_named_not_the_folder_of_models(
    store: WeightStore, denoiser: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(path: Path, *args: Any, **options: Any) -> Any:
        if path == denoiser:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    for use in (store.import_, store.recognize, partial(store.add_own, choice=CHOICE)):
        with pytest.raises(UserError, match=r"dncnn_color\.pth cannot be read: Permission denied"):
            use(denoiser)


def test_imported_models_are_in_the_table_of_methods(
    denoiser: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "data_folder", lambda: tmp_path / "data")
    methods.refresh()
    before = list(methods.all_methods())
    name = default_store().add_own(denoiser, CHOICE)
    methods.refresh()
    assert list(methods.all_methods()) == [*before, name]
    assert methods.choose("denoise", name).title == "My network"
