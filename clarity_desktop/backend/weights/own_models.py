"""Models that the user imported: their facts, one JSON file each, beside the weights that the store installs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from clarity_desktop.backend.weights.catalog import Model, Part, Variant
from clarity_desktop.file_io import write_atomically
from clarity_desktop.values import TASKS, OwnModel, Tiling

if TYPE_CHECKING:
    from collections.abc import Collection

PREFIX = "own-"
"""Ids of imported models begin with this, so that no release takes one of them."""


class OwnModels:
    """The folder of their facts. Methods raise OSError for a full disk or missing permissions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: tuple[int, Mapping[str, OwnModel]] = 0, {}

    def all(self) -> Mapping[str, OwnModel]:
        """The imported models by id; a damaged file of facts is left out. Read again when the folder changed."""
        try:
            stamp = self._folder.stat().st_mtime_ns
        except FileNotFoundError:
            return {}
        if stamp != self._read[0]:
            found = (_parsed(path) for path in sorted(self._folder.glob(f"{PREFIX}*.json")))
            self._read = stamp, {model.id: model for model in found if model is not None}
        return self._read[1]

    def add(self, model: OwnModel) -> None:
        """Store the facts of a model, or replace them."""
        write_atomically(self._folder / f"{model.id}.json", json.dumps(asdict(model), indent=1).encode())
        self._read = 0, {}

    def remove(self, model_id: str) -> None:
        """Delete the facts of a model, if there are any."""
        (self._folder / f"{model_id}.json").unlink(missing_ok=True)
        self._read = 0, {}


def as_model(own: OwnModel) -> Model:
    """An imported model as an entry of the catalog; it can be downloaded nowhere."""
    part = Part(f"{own.id}.safetensors", own.size, own.sha256)
    return Model(own.id, own.title, own.licence, "", (Variant("safetensors", (part,), ()),))


def id_for(name: str, taken: Collection[str]) -> str:
    """An id from the name of a file that is not taken."""
    plain = PREFIX + (re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40].strip("-") or "model")
    number = 2
    found = plain
    while found in taken:
        found, number = f"{plain}-{number}", number + 1
    return found


def _parsed(path: Path) -> OwnModel | None:
    """The facts in an untrusted file; None if they are not those of a model."""
    try:
        stored: Any = json.loads(path.read_text("utf-8"))
        facts: Any = {**stored, "tasks": tuple(stored["tasks"])}
        return OwnModel(**facts) if facts["id"] == path.stem and _is_valid(facts) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _is_valid(facts: Mapping[str, Any]) -> bool:
    """Whether all facts have their types and ranges. Raises KeyError, TypeError."""
    numbers = [facts[name] for name in ("size", "scale", "channels", "multiple_of")]
    return bool(
        re.fullmatch(PREFIX + r"[a-z0-9][a-z0-9-]*", facts["id"])
        and all(isinstance(facts[name], str) and facts[name] for name in ("title", "architecture", "licence"))
        and all(type(number) is int and number > 0 for number in numbers)
        and re.fullmatch(r"[0-9a-f]{64}", facts["sha256"])
        and isinstance(facts["speed"], int | float)
        and 0 < facts["speed"] < 1e6
        and facts["scale"] <= 16
        and facts["channels"] in (1, 3)
        and facts["tiling"] in get_args(Tiling)
        and type(facts["needs_mask"]) is bool
        and facts["tasks"]
        and all(task in TASKS for task in facts["tasks"])
    )
