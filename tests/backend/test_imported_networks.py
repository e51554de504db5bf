"""Networks whose weights the user downloads: recognized by their published tensors, and computed as described.

tests/data/tensors lists the tensors, taken from the class that the authors published. plain_networks.py has the
independent evaluations.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from clarity_desktop.backend.methods import own as own_methods
from clarity_desktop.backend.methods.method import ComputeTarget
from clarity_desktop.backend.nets.exposure import Exposure
from clarity_desktop.backend.nets.library import NETWORKS as PUBLISHED
from clarity_desktop.backend.nets.uformer import Uformer
from clarity_desktop.backend.weights import WeightStore, architectures, recognize
from clarity_desktop.backend.weights.architectures import ARCHITECTURES
from clarity_desktop.messages import UserError
from clarity_desktop.values import Mask, OwnChoice, Task
from tests.backend import plain_networks as plain
from tests.backend.test_published_methods import Never, Plain, as_tensor, as_tile, photo
from tests.backend.test_sam import published


@dataclass(frozen=True, slots=True)
class Network:
    """The name that users see, how many numbers the published file holds, an independent evaluation."""

    title: str
    numbers: int
    task: Task
    evaluate: Plain
    needs_mask: bool = False
    side: int = 48
    """Of the photo that it is tried on, in pixels: a multiple of what its layers need."""
    larger: Mapping[str, float] = field(default_factory=dict[str, float])
    """Parts of names, and by how much such tensors are larger than random ones, so that what they do shows."""
    under: str = ""
    """The name in the published file under which its tensors are, if any."""


def half(side: int) -> Mask:
    """Selects the right half of a photo, uint8 side×side."""
    return np.repeat(np.arange(side)[None] >= side // 2, side, axis=0).astype(np.uint8) * 255


NETWORKS = {
    "attentive-gan": Network("AttentiveGAN", 6_244_362, "deraindrop", plain.attentive_gan),
    "deep-deblur": Network(
        "DeepDeblur", 11_721_321, "deblur", plain.deep_deblur, side=32, larger={"weight": 0.7}, under="G"
    ),
    **{
        f"dehaze-former-{size}": Network(
            "DehazeFormer",
            numbers,
            "dehaze",
            plain.dehaze_former,
            larger={"weight": 0.5, "norm1.meta": 0.5, "attn.meta": 20},
        )
        for size, numbers in (("t", 736_556), ("s", 1_383_188), ("b", 2_714_220), ("m", 4_783_408))
    },
    "dcc-net": Network("DCC-Net", 13_188_724, "low_light", plain.dcc_net, larger={"conv_last": 2}),
    "deep-fill": Network(
        "DeepFill v2",
        4_414_917,
        "inpaint",
        lambda t, rgb: plain.deep_fill(t, rgb, half(128)),
        True,
        128,
        {"weight": 2.0},
    ),
    "ffa-net": Network("FFA-Net", 4_455_913, "dehaze", plain.ffa_net, larger={"weight": 0.8}),
    "grid-dehaze": Network("GridDehazeNet", 958_051, "dehaze", plain.grid_dehaze),
    "neighbor": Network("Neighbor2Neighbor", 1_259_475, "denoise", plain.neighbor, side=64),
    "g2r-shadow": Network(
        "G2R-ShadowNet", 22_759_494, "deshadow", lambda t, rgb: plain.g2r_shadow(t, rgb, half(48)), True
    ),
    "rcd-net": Network("RCDNet", 3_186_507, "derain", plain.rcd_net),
    "snow-former": Network(
        "SnowFormer", 8_482_923, "desnow", plain.snow_former, side=64, larger={"gen.conv.weight": 300, "bias_table": 30}
    ),
    "snr-net": Network("SNR-Net", 39_124_099, "low_light", plain.snr_net),
    "uformer-flare": Network(
        "Uformer (Flare7K++)", 20_547_616, "deflare", plain.uformer_flare, side=128, larger={"bias_table": 30}
    ),
    "vdn": Network("VDN", 7_816_780, "denoise", plain.vdn),
    "wdnet": Network("WDNet", 21_056_034, "dewatermark", plain.wdnet),
}
EVERY = pytest.mark.parametrize("name", NETWORKS)


@lru_cache(maxsize=1)
def tensors_of(name: str) -> Mapping[str, Tensor]:
    """Random tensors under the published names, small enough to keep activations in range."""
    random = torch.Generator().manual_seed(len(name))
    made: dict[str, Tensor] = {}
    for key, shape in published(name).items():
        if key.endswith("num_batches_tracked"):
            made[key] = torch.tensor(1)
        elif key.endswith("relative_position_index"):
            made[key] = plain.OFFSETS.clone()
        elif key.endswith("fuse_kernel"):
            made[key] = torch.eye(3)[None, None]
        elif key.endswith("relative_positions"):
            made[key] = plain.LOG_OFFSETS.clone()
        elif key.endswith("running_var"):
            made[key] = torch.rand(shape, generator=random) + 0.5
        else:
            size = int(np.prod(shape[1:])) if len(shape) > 1 else 4
            larger = [factor for part, factor in NETWORKS[name].larger.items() if part in key]
            made[key] = torch.randn(shape, generator=random) / size**0.5 * math.prod(larger)
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """files(name): random weights in the published layout, as torch saves them."""
    folder = tmp_path_factory.mktemp("weights")

    def path(name: str) -> Path:
        if not (file := folder / f"{name}.pth").exists():
            tensors, under = {**tensors_of(name)}, NETWORKS[name].under
            torch.save({under: tensors} if under else tensors, file)
        return file

    return path


def test_every_network_is_checked_here() -> None:
    assert set(ARCHITECTURES) == set(PUBLISHED) == {*NETWORKS, "eyiokur"}


def test_the_largest_network_is_recognized_and_computes_as_described() -> None:
    """Without its 730 MB: recognized by shapes alone, computed with an eighth of the width."""
    shapes = published("eyiokur")
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 182_443_267
    file = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    assert architectures.holds("eyiokur", file)
    assert not architectures.holds("eyiokur", {name: tensor for name, tensor in file.items() if name != "model.1.bias"})
    torch.manual_seed(0)
    net = Exposure(width=8).eval()
    with torch.inference_mode():
        found = as_tile(net(as_tensor(photo())))
    assert np.abs(found - as_tile(plain.exposure(net.state_dict(), as_tensor(photo())))).max() <= 1e-4
    assert np.ptp(found) > 0.01


@EVERY
def test_the_published_tensors_hold_as_many_numbers_as_the_class_of_the_authors(name: str) -> None:
    shapes = {key: shape for key, shape in published(name).items() if shape or key.endswith("num_batches_tracked")}
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == NETWORKS[name].numbers


@EVERY
def test_a_downloaded_file_becomes_a_method(name: str, files: Callable[[str], Path], tmp_path: Path) -> None:
    store = WeightStore({}, tmp_path)
    found = store.recognize(files(name))
    network = NETWORKS[name]
    tile = photo(network.side)
    assert (found.architecture, found.task) == (network.title, network.task)
    model = store.add_own(files(name), OwnChoice(network.title, network.task, "none stated"))
    method = own_methods.method(store.own_models()[model])
    run = method.load(store.need(method.weights), ComputeTarget(), network.task)
    assert method.needs_mask == network.needs_mask
    expected = as_tile(network.evaluate(tensors_of(name), as_tensor(tile)))
    mask = half(network.side) if network.needs_mask else None
    assert np.abs(run(tile, mask, Never()) - expected.clip(0, 1)).max() <= 1e-3
    inputs = (
        [as_tensor(tile)] if mask is None else [as_tensor(tile), torch.from_numpy(mask / np.float32(255))[None, None]]
    )
    with torch.inference_mode():
        whole = as_tile(recognize.build(tensors_of(name), name).model(*inputs))
    assert np.abs(whole - expected).max() <= 1e-3 * max(1.0, float(np.abs(expected).max()))
    assert np.ptp(expected) > 1e-3


def test_what_a_published_file_holds_beside_the_network_is_left_out() -> None:
    """DeepFill was published with the network that judged it in the training."""
    tensors = {**tensors_of("deep-fill"), "disc.conv1.conv.bias": torch.zeros(64)}
    assert recognize.build(tensors, "x.pth").architecture.id == "deep-fill"


@EVERY
def test_a_file_that_lacks_a_tensor_is_not_recognized_as_this_network(name: str) -> None:
    tensors = {**tensors_of(name)}
    tensors.pop(next(iter(tensors)))
    with pytest.raises(UserError, match="no network"):
        recognize.build(tensors, "x.pth")


def test_flare_is_found_at_the_size_of_the_training_and_taken_from_the_whole_photo() -> None:
    torch.manual_seed(0)
    net = Uformer(trained=128).eval()
    photo = torch.rand(1, 3, 256, 384)
    with torch.inference_mode():
        small = F.interpolate(photo, (128, 256), mode="bilinear", antialias=True)
        removed = F.interpolate(small - net(small), (256, 384), mode="bicubic")
        assert torch.equal(net(photo), photo - removed)
        assert removed.abs().max() > 0.1


@dataclass(frozen=True, slots=True)
class Layout:
    """A network of spandrel: the published file, its list of tensors, what users read about it."""

    file: str
    tensors: str
    title: str
    task: Task
    scale: int = 1


LAYOUTS = (
    Layout("fbcnn_color.pth", "fbcnn", "FBCNN", "dejpeg"),
    Layout("NAFNet-GoPro-width32.pth", "nafnet-width32", "NAFNet", "deblur"),
    Layout("scunet_color_real_psnr.pth", "scunet", "SCUNet", "denoise"),
    Layout("001_classicalSR_DF2K_s64w8_SwinIR-M_x4.pth", "swinir-x4", "SwinIR", "upscale", 4),
    Layout("LOL_v1.pth", "retinexformer", "RetinexFormer", "low_light"),
)


@pytest.mark.filterwarnings("ignore:torch.meshgrid")  # spandrel's code
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.title)
def test_a_file_in_the_published_layout_of_a_newer_network_is_recognized(layout: Layout) -> None:
    """Their tensors are listed from the class that the authors published, not from the one that loads them here."""
    tensors = {  # all alike, because the largest network has 72 million numbers
        key: torch.zeros(shape, dtype=torch.int64) if key.endswith("_index") else torch.full(shape, 0.001)
        for key, shape in published(layout.tensors).items()
    }
    network = recognize.build(tensors, layout.file)
    assert (network.architecture.name, network.scale) == (layout.title, layout.scale)
    assert recognize.task_of(network, layout.file) == layout.task
    with torch.inference_mode():
        result = network(as_tensor(photo(32)))
    assert result.shape == (1, 3, 32 * layout.scale, 32 * layout.scale)
    assert torch.isfinite(result).all()
