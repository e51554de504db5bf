"""The known weights: `models.toml` as values. A model is one thing to load, published in one variant or in several."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

from clarity_desktop import settings

SourceKind = Literal["bundled", "https", "npm", "pypi"]


@dataclass(frozen=True, slots=True)
class Part:
    """One published file: size in bytes, SHA-256 in lower-case hex.

    git_blob: where the authors publish no SHA-256 but keep the file in a Git repository, its id there; else empty.
    """

    name: str
    size: int
    sha256: str
    git_blob: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a variant is available.

    location: a path in resources (bundled), an address (https), `name@version` (npm) or `name==version` (pypi, a
    wheel); path: inside a package. Whichever of the two names the file ends with "/" if it is a folder of the parts.
    """

    kind: SourceKind
    location: str
    path: str = ""

    def path_of(self, part: Part) -> str:
        """The address, or the path inside the package, of one part."""
        base = self.path or self.location
        return base + part.name if base.endswith("/") else base


@dataclass(frozen=True)
class Variant:
    """One published form of a model: its files, how they are read (a key of FORMATS) and its sources, in order."""

    format: str
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]

    @cached_property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)

    @cached_property
    def sha256(self) -> str:
        """Checksum of the file; of several files, that of their list in the format of `sha256sum`."""
        if len(self.parts) == 1:
            return self.parts[0].sha256
        listing = "".join(f"{part.sha256}  {part.name}\n" for part in self.parts)
        return hashlib.sha256(listing.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalog.

    variants[0] is the preferred one; manual_url is the address of its file or files for a download by hand (empty
    for a bundled model).
    """

    id: str
    title: str
    licence: str
    manual_url: str
    variants: tuple[Variant, ...]

    @property
    def name(self) -> str:
        """The title without what the model is for, which stands after a comma."""
        return self.title.split(",")[0]

    @property
    def size(self) -> int:
        """Bytes to download."""
        return self.variants[0].size

    @property
    def sha256(self) -> str:
        """Identifies the weights: the checksum of the preferred variant."""
        return self.variants[0].sha256

    @property
    def bundled(self) -> bool:
        """Whether the model is part of the program and available nowhere else."""
        return {source.kind for variant in self.variants for source in variant.sources} == {"bundled"}


@cache
def catalog() -> Mapping[str, Model]:
    """The models of resources/models.toml, by id, in the order of the file."""
    return parse((settings.resources() / "models.toml").read_text("utf-8"))


def parse(text: str) -> dict[str, Model]:
    """The models of a `models.toml`, by id. Raises ValueError for an invalid entry."""
    models: dict[str, Model] = {}
    for entry in cast(list[Mapping[str, Any]], tomllib.loads(text).get("model", [])):
        try:
            model = _model(entry)
        except (KeyError, TypeError) as e:
            raise ValueError(f"The catalog entry {entry.get('id')} lacks {e} or has it in the wrong form.") from e
        if model.id in models:
            raise ValueError(f"The catalog contains {model.id} twice.")
        models[model.id] = model
    return models


def _model(entry: Mapping[str, Any]) -> Model:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", entry["id"]):  # it becomes a file name
        raise ValueError(f"“{entry['id']}” is not a valid model id.")
    variants = (_variant(entry), *(_variant(other) for other in entry.get("also", [])))
    model = Model(entry["id"], entry["title"], entry["licence"], entry.get("manual_url", ""), variants)
    if not model.bundled:
        _check_https(model.manual_url)
    return model


def _variant(entry: Mapping[str, Any]) -> Variant:
    rows = (
        entry["files"]
        if "files" in entry
        else [(entry["file"], entry["size"], entry["sha256"], entry.get("git_blob", ""))]
    )
    sources = tuple(_source(source) for source in entry["sources"])
    variant = Variant(entry["format"], tuple(_part(*row) for row in rows), sources)
    if variant.size != entry["size"]:
        raise ValueError(f"The files of {variant.parts[0].name} have {variant.size} bytes, not {entry['size']}.")
    return variant


def _part(name: str, size: int, sha256: str, git_blob: str = "") -> Part:
    if not re.fullmatch(r"\w[\w.+-]*", name):  # it must not lead out of the download folder
        raise ValueError(f"“{name}” is not a plain file name.")
    if size <= 0 or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{name} needs its size and its SHA-256.")
    if not re.fullmatch(r"([0-9a-f]{40})?", git_blob):
        raise ValueError(f"“{git_blob}” is not the id of a Git blob.")
    return Part(name, size, sha256, git_blob)


def _source(entry: Mapping[str, str]) -> Source:
    # Each source has one key that names its kind, and optionally a path.
    [kind] = set(entry) - {"path"}
    if kind not in get_args(SourceKind):
        raise ValueError(f"“{kind}” is not a kind of source.")
    if kind == "https":
        _check_https(entry[kind])
    return Source(cast(SourceKind, kind), entry[kind], entry.get("path", ""))


def _check_https(address: str) -> None:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"“{address}” is not an https address.")
