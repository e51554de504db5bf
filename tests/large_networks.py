"""Networks of other packages at their official sizes with random weights: recognized, imported, run.

`make checkpoints`: minutes, and 2 GB of memory. tests/data/tensors lists their tensors, taken from the class that the
authors published and not from the one that loads them here. Those of spandrel_extra_arches are skipped where the user
has not installed it.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from clarity_desktop.backend.methods import own as own_methods
from clarity_desktop.backend.methods.method import ComputeTarget
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.values import OwnChoice, Task
from tests.backend.test_published_methods import Never, photo
from tests.backend.test_sam import published


@dataclass(frozen=True, slots=True)
class Large:
    """A network: its published file, its list of tensors, what users read, and the package that knows it."""

    file: str
    tensors: str
    title: str
    task: Task
    needs_mask: bool = False
    package: str = "spandrel"


LARGE = (
    Large("big-lama.pth", "lama", "LaMa", "inpaint", needs_mask=True),
    Large("IPT_derain.pth", "ipt", "IPT", "derain"),
    Large("GFPGANv1.4.pth", "gfpgan", "GFPGAN", "retouch", needs_mask=True),
    Large("codeformer.pth", "codeformer", "CodeFormer", "retouch", True, "spandrel_extra_arches"),
    Large("Places_512_FullData.pth", "mat", "MAT", "inpaint", True, "spandrel_extra_arches"),
    Large("deraining.pth", "restormer", "Restormer", "derain", package="spandrel_extra_arches"),
)
MEAN = torch.tensor([0.4488, 0.4371, 0.4040])
"""Of the colors of DIV2K, as in IPT."""
CORNER = np.zeros((96, 96), np.uint8)
CORNER[24:56, 32:64] = 255


@pytest.mark.filterwarnings("ignore")  # by the code of others
@pytest.mark.parametrize("layout", LARGE, ids=lambda layout: layout.title)
def test_a_file_in_the_published_layout_becomes_a_method(layout: Large, tmp_path: Path) -> None:
    if importlib.util.find_spec(layout.package) is None:
        pytest.skip(f"{layout.package} is not installed")
    file = tmp_path / layout.file
    # Small enough to keep activations in range.
    random = torch.Generator().manual_seed(1)
    made = {
        key: torch.zeros(shape, dtype=torch.int64)
        if key.endswith(("num_batches_tracked", "position_ids"))
        else torch.randn(shape, generator=random) / max(4, int(np.prod(shape[1:]))) ** 0.5
        for key, shape in published(layout.tensors).items()
    }
    if layout.tensors == "ipt":  # its range of values is read from the constants that it subtracts
        made["sub_mean.bias"], made["add_mean.bias"] = -255 * MEAN, 255 * MEAN
    torch.save(made, file)
    store = WeightStore({}, tmp_path / "store")
    found = store.recognize(file)
    assert (found.architecture, found.task, found.needs_mask) == (layout.title, layout.task, layout.needs_mask)
    model = store.add_own(file, OwnChoice(layout.title, layout.task, "none stated"))
    method = own_methods.method(store.own_models()[model])
    run = method.load(store.need(method.weights), ComputeTarget(), layout.task)
    tile = photo(96 if layout.needs_mask else 48)
    result = run(tile, CORNER if layout.needs_mask else None, Never())
    assert result.shape == tile.shape
    assert np.isfinite(result).all()
    if layout.needs_mask:
        assert np.array_equal(result[CORNER == 0], tile[CORNER == 0])
        assert np.abs(result - tile)[CORNER > 0].max() > 0.01
