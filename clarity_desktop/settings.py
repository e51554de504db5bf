"""Folders and the user's choices: one frozen dataclass, kept as JSON in the user's configuration folder."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import platformdirs

APP = "clarity-desktop"
RANGES = {
    "threads": (0, 256),
    "memory_budget": (0.05, 0.95),
    "disk_budget": (0, 1 << 50),
    "max_megapixels": (1, 2000),
}
"""What a number from a file may be; elsewhere it counts as missing."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's choices. Every field has a default that works."""

    theme: Literal["system", "light", "dark"] = "system"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: int = 0  # 0: as many as there are cores
    memory_budget: float = 0.5  # share of the free memory that a restoration may take
    disk_budget: int = 20_000_000_000  # bytes of working documents before the program asks to prune
    max_megapixels: float = 250.0
    metadata: Literal["all", "no-location", "none"] = "all"
    recent: tuple[str, ...] = ()
    shortcuts: Mapping[str, str] = field(default_factory=dict)  # action name → key sequence, where changed
    window: str = ""  # geometry and docks, base64
    methods: Mapping[str, str] = field(default_factory=dict)  # task → preferred method
    metrics: tuple[str, ...] = ()  # further metrics of quality that are switched on


def data_folder() -> Path:
    """Where documents, weights and logs live."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def resources() -> Path:
    """The folder of what travels with the program: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "resources"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "resources"


def config_file() -> Path:
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "settings.json"


def log_file() -> Path:
    return Path(platformdirs.user_log_dir(APP, appauthor=False)) / "clarity-desktop.log"


def load() -> Settings:
    """The stored choices; a field that is missing or makes no sense takes its default."""
    try:
        stored: Any = json.loads(config_file().read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError) as e:
        log.warning("Settings could not be read (%s); the defaults are used.", e)
        return Settings()
    return parse(stored if isinstance(stored, dict) else {})


def parse(stored: Mapping[str, Any]) -> Settings:
    """Settings from untrusted JSON: only known fields of the right type and range are taken."""
    defaults = Settings()
    taken: dict[str, Any] = {}
    for f in fields(Settings):
        value, default = stored.get(f.name), getattr(defaults, f.name)
        low, high = RANGES.get(f.name, (-math.inf, math.inf))
        if isinstance(value, int | float) and not low <= value <= high:
            continue
        if isinstance(default, tuple) and isinstance(value, list):
            taken[f.name] = tuple(str(x) for x in value)
        elif isinstance(default, Mapping) and isinstance(value, dict):
            taken[f.name] = {str(k): str(v) for k, v in value.items()}
        elif isinstance(default, float) and isinstance(value, int | float) and not isinstance(value, bool):
            taken[f.name] = float(value)
        elif type(value) is type(default):
            taken[f.name] = value
    if taken.get("theme") not in {"system", "light", "dark"}:
        taken.pop("theme", None)
    if taken.get("device") not in {"auto", "cpu", "cuda", "mps"}:
        taken.pop("device", None)
    if taken.get("metadata") not in {"all", "no-location", "none"}:
        taken.pop("metadata", None)
    return Settings(**taken)


def save(settings: Settings) -> None:
    """Write the choices, whole or not at all. Raises OSError."""
    target = config_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(settings), indent=1, ensure_ascii=False), "utf-8")
    temporary.replace(target)
