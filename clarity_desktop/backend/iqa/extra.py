"""Further metrics of the optional package pyiqa, for users who switched them on.

Only metrics whose files are already where pyiqa looks for them are offered; nothing is downloaded. While pyiqa works,
its thread cannot reach the network, and files are loaded as plain tensors, never as pickles that can run code.
"""

from __future__ import annotations

import importlib.util
import os
import pickle
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from clarity_desktop.backend import model_cache
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.values import Pixels

MAX_PIXELS = 1024 * 768
"""Larger photos are reduced to this: about the size these metrics were trained on. Some need 2 KB for each pixel."""


METRICS: Mapping[str, tuple[str, ...]] = {
    "entropy": (),
    "ilniqe": ("pyiqa/ILNIQE_templateModel.mat",),
    "nrqm": ("pyiqa/NRQM_model.mat",),
    "pi": ("pyiqa/NRQM_model.mat", "pyiqa/niqe_modelparameters.mat"),
    "cnniqa": ("pyiqa/CNNIQA_koniq10k-e6f14c91.pth",),
    "wadiqam_nr": ("pyiqa/WaDIQaM-NR-koniq-aaffea29.pth",),
    "uranker": ("pyiqa/URanker_ckpt-450eb36d.pth",),
    "musiq": ("pyiqa/musiq_koniq_ckpt-e95806b9.pth",),
    "musiq-spaq": ("pyiqa/musiq_spaq_ckpt-358bb6af.pth",),
    "musiq-paq2piq": ("pyiqa/musiq_paq2piq_ckpt-364c0c84.pth",),
    "musiq-ava": ("pyiqa/musiq_ava_ckpt-e8d3f067.pth",),
    "paq2piq": ("pyiqa/P2P_RoIPoolModel-fit.10.bs.120-ca69882e.pth", "checkpoints/resnet18-f37072fd.pth"),
    "dbcnn": (
        "pyiqa/DBCNN_KonIQ10k-2de81c0a.pth", "pyiqa/DBCNN_scnn-7ea73d75.pth", "checkpoints/vgg16-397923af.pth",
    ),
    "unique": ("pyiqa/UNIQUE.pt", "checkpoints/resnet34-b627a593.pth"),
}  # fmt: skip
"""Metric → its files, under torch's hub folder."""

_FAILURES = (
    OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError, ImportError, MemoryError,
    pickle.UnpicklingError,
)  # fmt: skip
"""What pyiqa raises for files with other content and for photos that it cannot process."""


def available() -> tuple[str, ...]:
    """The metrics that can be measured: pyiqa is installed and their files are there. Takes milliseconds."""
    if not _is_installed():
        return ()
    folder = _hub()
    return tuple(name for name, files in METRICS.items() if all((folder / file).is_file() for file in files))


def _is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in ("pyiqa", "torchvision"))


def measure(
    name: str, pixels: Pixels, models: ModelCache | None = None, load: Callable[[str], Any] | None = None
) -> float:
    """One of METRICS for a photo (H×W×3 RGB, uint8 or uint16). The first call of each loads it, which takes seconds.

    models: keeps the metric loaded. load: makes the metric, a function of a batch (1×3×H×W float32 RGB 0..1); that of
    pyiqa by default. Raises UserError if the metric is not available, if its files have other content, or if it fails
    on the photo.
    """
    _check_available(name)
    import torch

    try:
        with _isolated():
            # Inside the isolation: even loading must not reach the network.
            files = [_hub() / file for file in METRICS[name]]
            key = ModelKey(f"pyiqa-{name}", f"pyiqa {name}")
            size = sum(file.stat().st_size for file in files)
            metric = (models or model_cache.shared()).get(key, lambda: (load or _load)(name), size)
            batch = torch.from_numpy(_reduced(pixels)).permute(2, 0, 1)[None]
            with torch.inference_mode():
                value = float(metric(batch))
    except _FAILURES as e:
        reason = next(iter(str(e).strip().splitlines()), type(e).__name__).rstrip(".")  # torch's go on for pages
        raise UserError("analysis.pyiqa_failed", metric=name, detail=reason) from e
    if not np.isfinite(value):
        raise UserError("analysis.pyiqa_undefined", metric=name)
    return value


def _check_available(name: str) -> None:
    """Raises UserError, with the reason, for a metric that cannot be measured."""
    if name not in METRICS:
        raise UserError("analysis.pyiqa_unknown", metric=name)
    if name in available():
        return
    if not _is_installed():
        raise UserError("analysis.pyiqa_missing", metric=name)
    files = ", ".join(str(_hub() / file) for file in METRICS[name])
    raise UserError("analysis.pyiqa_files_missing", metric=name, files=files)


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
    """Replaces print in pyiqa's modules."""


def _reduced(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The photo with at most MAX_PIXELS pixels: H×W×3 float32 RGB 0..1."""
    import cv2

    pixels = to_8_bits(pixels)
    height, width = pixels.shape[:2]
    if height * width > MAX_PIXELS:  # before the float copy, which takes four times as much memory
        by = (MAX_PIXELS / (height * width)) ** 0.5
        size = (max(1, round(width * by)), max(1, round(height * by)))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)  # pyright: ignore[reportAssignmentType]
    return np.clip(np.multiply(pixels, 1 / 255, dtype=np.float32), 0, 1)


# No network, no pickles ----------------------------------------------------------------------------------------------

WEIGHTS_ONLY = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"
_thread = threading.local()
_environment = threading.RLock()


@contextmanager
def _isolated() -> Generator[None]:
    """Within it, this thread cannot reach the network, and torch.load reads only tensors.

    pyiqa asks torch.load for pickles; torch has an environment variable that overrides this. It holds for the whole
    process, so it is set for the time of one call only.
    """
    _install_hook()
    with _environment:
        # Restored afterwards, because the variable affects the whole process.
        before = os.environ.get(WEIGHTS_ONLY)
        os.environ[WEIGHTS_ONLY] = "1"
        _thread.isolated = True
        try:
            yield
        finally:
            _thread.isolated = False
            if before is None:
                del os.environ[WEIGHTS_ONLY]
            else:
                os.environ[WEIGHTS_ONLY] = before


@cache
def _install_hook() -> None:
    sys.addaudithook(_refuse_network)


def _refuse_network(event: str, _arguments: tuple[object, ...]) -> None:
    if event in {"socket.connect", "socket.getaddrinfo"} and getattr(_thread, "isolated", False):
        raise OSError("it tried to use the network, which is not allowed")
