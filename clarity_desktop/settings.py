"""The user's settings and the folders of the program. Settings are stored as one JSON file."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import platformdirs
from annotated_types import Ge, Le

from clarity_desktop.file_io import write_atomically

if TYPE_CHECKING:
    from pydantic import TypeAdapter

APP = "clarity-desktop"
log = logging.getLogger(__name__)
MAX_MEGAPIXELS = 250.0
"""Of a photo or a project, unless the user allows more; a photo above it is refused before it is decoded."""


LLM_SERVERS: Mapping[str, str] = {
    "OpenAI": "https://api.openai.com/v1", "Ollama": "http://localhost:11434/v1",
    "LM Studio": "http://localhost:1234/v1", "llama.cpp": "http://localhost:8080/v1",
    "vLLM": "http://localhost:8000/v1",
}  # fmt: skip
"""Servers of language models by name: their default base URLs."""


@dataclass(frozen=True, slots=True)
class LlmSettings:
    """The language model that answers in the conversation. The key is not here: the system's keyring keeps it.

    url: base URL of a server that speaks the chat completions API. model: empty until the user chose one.
    send_photo: send the photo, too, reduced; otherwise only text leaves this computer.
    """

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"strict": True}

    enabled: bool = False
    url: str = LLM_SERVERS["Ollama"]
    model: str = ""
    send_photo: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The user's settings. Every field has a working default; the annotations state the valid stored values."""

    # Strict: without it pydantic would accept 1 for true and "3" for 3.
    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"strict": True, "allow_inf_nan": False}

    theme: Literal["system", "light", "dark"] = "system"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    threads: Annotated[int, Ge(0), Le(256)] = 0  # 0: one per core
    memory_budget: Annotated[float, Ge(0.05), Le(0.95)] = 0.5  # share of the free memory that a restoration may use
    disk_budget: Annotated[int, Ge(0), Le(1 << 50)] = 20_000_000_000  # bytes of working documents before a notice
    max_megapixels: Annotated[float, Ge(1), Le(2000)] = MAX_MEGAPIXELS
    metadata: Literal["all", "no-location", "none"] = "all"
    recent: tuple[str, ...] = ()
    shortcuts: Mapping[str, str] = field(default_factory=dict[str, str])  # action name → key sequence, if changed
    window: str = ""  # geometry and docks, base64
    methods: Mapping[str, str] = field(default_factory=dict[str, str])  # task → preferred method
    # The user's presets of adjustments: name → adjustment → value.
    presets: Mapping[str, Mapping[str, float | bool]] = field(default_factory=dict[str, Mapping[str, float | bool]])
    mask_style: Literal["tint", "outline", "dim"] = "tint"  # how selections are drawn
    mask_color: Annotated[int, Ge(0), Le(15)] = 0  # the number of their color
    metrics: tuple[str, ...] = ()  # additional quality metrics that are switched on
    llm: LlmSettings = field(default_factory=LlmSettings)


def data_folder() -> Path:
    """The folder of documents, weights and measured speeds."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def resources() -> Path:
    """The bundled files: inside the package when installed, beside it in a checkout."""
    inside = Path(__file__).parent / "resources"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "resources"


def config_file() -> Path:
    """Where the settings are stored."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "settings.json"


def log_file() -> Path:
    """Where the program writes its log."""
    return Path(platformdirs.user_log_dir(APP, appauthor=False)) / "clarity-desktop.log"


def load() -> Settings:
    """The stored settings; a field that is missing or invalid takes its default."""
    try:
        return parse(config_file().read_bytes())
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError, RecursionError) as e:
        log.warning("The settings file %s cannot be read (%s); the defaults are used.", config_file(), e)
        return Settings()


def parse(text: bytes) -> Settings:
    """Settings from untrusted JSON. Unknown fields are ignored, each invalid field takes its default.

    Raises ValueError for text that is not a JSON object.
    """
    from pydantic import ValidationError

    try:
        return _adapter().validate_json(text)
    except ValidationError as e:
        invalid = {error["loc"][0] for error in e.errors(include_input=False, include_url=False) if error["loc"]}
        if not invalid:
            raise
    stored: dict[str, Any] = json.loads(text)
    log.warning("Invalid settings are replaced by their defaults: %s.", ", ".join(sorted(map(str, invalid))))
    return _adapter().validate_json(json.dumps({k: v for k, v in stored.items() if k not in invalid}))


@cache
def _adapter() -> TypeAdapter[Settings]:
    # It would look through every installed package for plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # pydantic is imported here because most imports of this module only need a folder.
    from pydantic import TypeAdapter

    return TypeAdapter(Settings)


def save(settings: Settings) -> None:
    """Store the settings, completely or not at all. Raises OSError."""
    write_atomically(config_file(), json.dumps(asdict(settings), indent=1, ensure_ascii=False).encode())
