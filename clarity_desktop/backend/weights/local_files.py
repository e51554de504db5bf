"""Files that lie on this machine: found by size, then by checksum. Their names and places do not matter."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Container, Iterable
from pathlib import Path

from clarity_desktop.backend.weights.archives import members
from clarity_desktop.backend.weights.catalog import Part, Variant
from clarity_desktop.backend.weights.download import Download, chunks_of
from clarity_desktop.backend.weights.install_dir import checksum


class LocalFiles:
    """All files of some folders (and single files), looked through once."""

    def __init__(self, places: Iterable[Path]) -> None:
        self._by_size: dict[int, list[Path]] = defaultdict(list)
        for place in places:
            for path in [place] if place.is_file() else _walk(place):
                self._by_size[path.stat().st_size].append(path)

    def find(self, part: Part) -> Path | None:
        """The first file with this content."""
        return next((p for p in self._by_size.get(part.size, ()) if checksum(p) == part.sha256), None)

    def hold(self, form: Variant) -> bool:
        """Whether every part is here. Content is read only where the sizes fit."""
        return all(part.size in self._by_size for part in form.parts) and all(map(self.find, form.parts))

    def give(self, incoming: Download) -> int:
        """Copy the parts that are here and still missing there; returns how many there were."""
        given = 0
        for part in incoming.missing():
            if path := self.find(part):
                with path.open("rb") as file:
                    incoming.receive(part, chunks_of(file))
                given += 1
        return given


def _walk(folder: Path) -> Iterable[Path]:
    for root, _, names in os.walk(folder):
        for name in names:
            if (path := Path(root, name)).is_file():
                yield path


def unpack(archive: Path, sizes: Container[int], folder: Path) -> None:
    """Write the files of an archive that have one of the sizes into a folder, under names of our own.

    Raises ValueError, saying why, for an archive that is refused.
    """
    for number, member in enumerate(members(archive)):
        if member.size in sizes:
            with (folder / str(number)).open("wb") as file:
                shutil.copyfileobj(member.stream, file)
