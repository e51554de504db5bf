"""Further metrics of pyiqa, an optional package, for those who switched them on.

Only metrics whose files already lie where pyiqa looks for them: here nothing is fetched. While pyiqa works this thread
cannot reach the net, and files are loaded as plain tables, never as pickles that can run code.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clarity_desktop.backend import model_cache
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.messages import UserError
from clarity_desktop.values import Pixels

LARGEST = 1024 * 768
"""Pixels beyond which a photo is reduced first: about what these metrics were trained on. Some need 2 KB for each."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A metric: its files under torch's hub folder, and which way is better."""

    files: tuple[str, ...]
    lower_is_better: bool = False


METRICS: Mapping[str, Extra] = {
    "entropy": Extra(()),
    "ilniqe": Extra(("pyiqa/ILNIQE_templateModel.mat",), lower_is_better=True),
    "nrqm": Extra(("pyiqa/NRQM_model.mat",)),
    "pi": Extra(("pyiqa/NRQM_model.mat", "pyiqa/niqe_modelparameters.mat"), lower_is_better=True),
    "cnniqa": Extra(("pyiqa/CNNIQA_koniq10k-e6f14c91.pth",)),
    "wadiqam_nr": Extra(("pyiqa/WaDIQaM-NR-koniq-aaffea29.pth",)),
    "uranker": Extra(("pyiqa/URanker_ckpt-450eb36d.pth",)),
    "musiq": Extra(("pyiqa/musiq_koniq_ckpt-e95806b9.pth",)),
    "musiq-spaq": Extra(("pyiqa/musiq_spaq_ckpt-358bb6af.pth",)),
    "musiq-paq2piq": Extra(("pyiqa/musiq_paq2piq_ckpt-364c0c84.pth",)),
    "musiq-ava": Extra(("pyiqa/musiq_ava_ckpt-e8d3f067.pth",)),
    "paq2piq": Extra(("pyiqa/P2P_RoIPoolModel-fit.10.bs.120-ca69882e.pth", "checkpoints/resnet18-f37072fd.pth")),
    "dbcnn": Extra((
        "pyiqa/DBCNN_KonIQ10k-2de81c0a.pth", "pyiqa/DBCNN_scnn-7ea73d75.pth", "checkpoints/vgg16-397923af.pth",
    )),
    "unique": Extra(("pyiqa/UNIQUE.pt", "checkpoints/resnet34-b627a593.pth")),
}  # fmt: skip

_FAILURES = (
    OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ImportError, MemoryError,
    pickle.UnpicklingError,
)  # fmt: skip
"""What it raises for files that are not what they should be, and for photos that it cannot take."""


def available() -> tuple[str, ...]:
    """The metrics that can be measured here: pyiqa is installed and their files are there. Takes milliseconds."""
    if not all(importlib.util.find_spec(name) for name in ("pyiqa", "torchvision")):
        return ()
    folder = _hub()
    return tuple(name for name, extra in METRICS.items() if all((folder / file).is_file() for file in extra.files))


def measure(name: str, pixels: Pixels, models: ModelCache | None = None) -> float:
    """One of METRICS of RGB pixels, uint8 or uint16, H×W×3. The first call of each loads it, which takes seconds.

    models: where the metric is kept loaded.
    Raises UserError if it is not available, if its files are not what they should be, or if pyiqa fails on the photo.
    """
    if name not in available():
        files = ", ".join(str(_hub() / file) for file in METRICS[name].files) if name in METRICS else "unknown"
        raise UserError(
            f"pyiqa's metric “{name}” cannot be used here. It needs the package pyiqa and its files ({files})."
        )
    import torch

    try:
        with _alone():
            files = [_hub() / file for file in METRICS[name].files]
            key = ModelKey(f"pyiqa-{name}", f"pyiqa {name}")
            size = sum(file.stat().st_size for file in files)
            metric = (models or model_cache.shared()).get(key, lambda: _load(name), size)
            batch = torch.from_numpy(_reduced(pixels)).permute(2, 0, 1)[None]
            with torch.inference_mode():
                value = float(metric(batch))
    except _FAILURES as e:
        reason = next(iter(str(e).strip().splitlines()), type(e).__name__).rstrip(".")  # torch's go on for pages
        raise UserError(f"pyiqa's metric “{name}” failed: {reason}. Switch it off in the preferences.") from e
    if not np.isfinite(value):
        raise UserError(f"pyiqa's metric “{name}” is not defined for this photo.")
    return value


def _hub() -> Path:
    """Torch's hub folder, found as torch finds it, without importing torch."""
    cache_folder = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("TORCH_HOME") or Path(cache_folder) / "torch").expanduser() / "hub"


def _load(name: str) -> Any:
    from clarity_desktop.backend import library_shims

    library_shims.torchvision_ready()
    import pyiqa
    import torch

    for module in [m for n, m in sys.modules.items() if n.startswith("pyiqa.")]:
        vars(module)["print"] = _silent  # standard output belongs to the command line's answers
    return pyiqa.create_metric(name, device=torch.device("cpu"))


def _silent(*_words: object) -> None:
    """In the place of print."""


def _reduced(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.float32]]:
    import cv2

    top = np.iinfo(pixels.dtype).max
    height, width = pixels.shape[:2]
    if height * width > LARGEST:  # before anything is made of each of its pixels
        by = (LARGEST / (height * width)) ** 0.5
        size = (max(1, round(width * by)), max(1, round(height * by)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportAssignmentType]
    return np.clip(np.multiply(pixels, 1 / top, dtype=np.float32), 0, 1)


# No net, no pickles --------------------------------------------------------------------------------------------------

_here = threading.local()


@contextmanager
def _alone() -> Generator[None]:
    """While it lasts this thread reaches no net, and torch.load unpickles tables of tensors only."""
    _watch()
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # pyiqa asks for the unsafe way; nothing here needs that
    os.environ["HF_HUB_OFFLINE"] = "1"
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = False


@cache
def _watch() -> None:
    sys.addaudithook(_refuse)


def _refuse(event: str, _arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo"} and getattr(_here, "alone", False):
        raise OSError("it tried to reach the net, which is not allowed here")
