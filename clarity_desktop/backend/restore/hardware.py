"""The resources of this machine: memory, compute device, and the measured speed of each method."""

from __future__ import annotations

import ctypes
import json
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clarity_desktop import settings as choices
from clarity_desktop.backend import torch_import
from clarity_desktop.backend.methods.method import ComputeTarget, Method
from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import UserError

log = logging.getLogger(__name__)


def available(device: str) -> bool:
    """Whether torch can compute there."""
    if device == "cpu":
        return True
    torch_import.import_torch()
    import torch

    return torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()


def place(settings: choices.Settings, available: Callable[[str], bool] = available) -> ComputeTarget:
    """Where to compute, by the user's choice. Raises UserError if the chosen device is not there.

    available: whether a device is there.
    """
    # Zero means all cores; affinity is respected, for containers and taskset.
    threads = settings.threads or _cores()
    if settings.device == "cpu":
        return ComputeTarget("cpu", threads=threads)
    for device in ("cuda", "mps"):
        if settings.device in {"auto", device} and available(device):
            return ComputeTarget(device, threads=threads)
    if settings.device == "auto":
        return ComputeTarget("cpu", threads=threads)
    raise UserError("restore.no_device", device=settings.device)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def free_memory(device: str = "cpu") -> int:
    """Bytes that this process can still take: of the device, the machine, its control group and its own limits."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    if sys.platform == "linux":
        return max(0, min(_available_to_all(), left_in_group(), _left_in_address_space()))
    if sys.platform == "win32":
        return _windows_memory()
    # macOS reports no usable figure without a special tool: assume that half of the installed memory is free.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


class RecentMemory:
    """Free memory that was read a moment ago. Safe to use from several threads.

    Advice estimates each method of each task: reading /proc and the control groups' files every time would take longer
    than the estimates. A run reads them itself.
    """

    SECONDS = 1.0

    def __init__(self, read: Callable[[str], int] | None = None) -> None:
        """read: `free_memory`, or what stands in for it."""
        self._read = read or free_memory
        self._known: dict[str, tuple[float, int]] = {}

    def __call__(self, device: str = "cpu") -> int:
        """Bytes that were free on a device at most SECONDS ago."""
        now = time.monotonic()
        read_at, free = self._known.get(device, (-math.inf, 0))
        if now - read_at >= self.SECONDS:
            free = self._read(device)
            self._known[device] = now, free
        return free


recent_memory = RecentMemory()
"""Of this process."""


def budget(settings: choices.Settings, device: str = "cpu", free: int | None = None) -> int:
    """Bytes that a restoration may take here and now, by the user's preference. free: bytes that are free, if known."""
    return int((free_memory(device) if free is None else free) * settings.memory_budget)


TILED = 4_500_000_000
"""Bytes that a restoration in tiles plans with, unless the user allows more memory than by default: larger tiles gain
little, and a 50-megapixel photo, the network and the program stay below 6 GB."""


def tile_budget(settings: choices.Settings, device: str = "cpu", free: int | None = None) -> int:
    """Bytes that a restoration may take if it has to be cut into tiles. free: as in `budget`."""
    allowed = budget(settings, device, free)
    by_default = settings.memory_budget <= choices.Settings().memory_budget
    # On CUDA memory is dedicated, so the limit for shared memory does not apply.
    return min(allowed, TILED) if by_default and device != "cuda" else allowed


def model_budget(settings: choices.Settings) -> int:
    """Bytes that loaded networks may keep together between two uses."""
    return int(free_memory() * settings.memory_budget) // 2


NO_LIMIT = 1 << 62


def _number(file: Path) -> int:
    """A file that holds one number; no such file, or "max": no limit."""
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return NO_LIMIT


def _table(file: Path) -> dict[str, int]:
    """A file of lines "name value …"."""
    try:
        lines = (line.replace(":", " ").split() for line in file.read_text("ascii").splitlines())
        return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
    except OSError:
        return {}


def _available_to_all() -> int:
    return _table(Path("/proc/meminfo")).get("MemAvailable", NO_LIMIT >> 10) << 10


def left_in_group(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes left in the control groups of this process (versions 2 and 1)."""
    left = NO_LIMIT
    for line in membership.read_text("utf-8").splitlines() if membership.is_file() else ():
        _, controllers, name = line.split(":", 2)
        if controllers not in {"", "memory"} and "memory" not in controllers.split(","):
            continue
        group = (root / controllers if controllers else root) / name.lstrip("/")
        for folder in (group, *group.parents):
            if folder == root.parent:
                break
            left = min(left, _left_in_folder(folder))
    return left


def _left_in_folder(folder: Path) -> int:
    limit = min(_number(folder / "memory.max"), _number(folder / "memory.limit_in_bytes"))
    used = min(_number(folder / "memory.current"), _number(folder / "memory.usage_in_bytes"))
    if NO_LIMIT in {limit, used}:
        return NO_LIMIT
    # The page cache counts as used, but the kernel reclaims it under pressure.
    return limit - used + _table(folder / "memory.stat").get("inactive_file", 0)


def _left_in_address_space() -> int:
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return NO_LIMIT
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return limit - pages * os.sysconf("SC_PAGE_SIZE")


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_uint32), ("load", ctypes.c_uint32), ("total", ctypes.c_uint64),
        ("available", ctypes.c_uint64), ("total_page", ctypes.c_uint64), ("available_page", ctypes.c_uint64),
        ("total_virtual", ctypes.c_uint64), ("available_virtual", ctypes.c_uint64), ("extended", ctypes.c_uint64),
    )  # fmt: skip


def _windows_memory() -> int:
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    kernel: Any = getattr(ctypes, "windll").kernel32  # noqa: B009 — the name exists on Windows only
    kernel.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(min(status.available, status.available_page))


# How fast ------------------------------------------------------------------------------------------------------------


def _speeds_file() -> Path:
    return choices.data_folder() / "speeds.json"


def speed_key(method: Method, at: ComputeTarget) -> str:
    """Under which name a method's speed in a place is kept."""
    return f"{method.id} {at.device} {at.dtype} {at.threads}"


_known_speeds: dict[Path, tuple[tuple[int, int, int], Mapping[str, float]]] = {}
"""What a file held when its time, size and inode were these; one entry for each data folder."""


def speeds() -> Mapping[str, float]:
    """Seconds per megapixel that were measured on this machine; a file that cannot be read counts as empty.

    The file is read again only where it changed.
    """
    file = _speeds_file()
    try:
        status = file.stat()
    except OSError:
        return {}
    stamp = status.st_mtime_ns, status.st_size, status.st_ino
    known = _known_speeds.get(file)
    if known is None or known[0] != stamp:
        known = _known_speeds[file] = stamp, _read_speeds(file)
    return known[1]


def _read_speeds(file: Path) -> dict[str, float]:
    try:
        stored: Any = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        log.warning("The measured speeds could not be read (%s); the built-in figures are used.", e)
        return {}
    entries: Mapping[Any, Any] = stored if isinstance(stored, dict) else {}
    return {
        k: float(v)
        for k, v in entries.items()
        if isinstance(k, str) and type(v) in (int, float) and math.isfinite(v) and v > 0
    }


_PRIOR_WEIGHT = 0.5
"""Megapixels of a run that weigh as much as all earlier measurements."""


def remember(method: Method, at: ComputeTarget, megapixels: float, seconds: float) -> None:
    """Note how long a method took on this many megapixels. A full disk costs only the note."""
    if megapixels < 0.05 or seconds <= 0:
        return  # too little to extrapolate from
    known, key = dict(speeds()), speed_key(method, at)
    before, weight = known.get(key, method.speed), megapixels / (megapixels + _PRIOR_WEIGHT)
    known[key] = before + weight * (seconds / megapixels - before)  # a small photo on a busy minute must not mislead
    try:
        write_atomically(_speeds_file(), json.dumps(known, indent=1).encode())
    except OSError as e:
        log.warning("The measured speed could not be kept: %s", e)
