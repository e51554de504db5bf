"""The folder where the files of one variant are collected. Only a verified file gets its final name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clarity_desktop.backend.weights.catalog import Part, Variant
from clarity_desktop.backend.weights.install_dir import InstallDir, checksum
from clarity_desktop.messages import UserError

CHUNK = 1 << 18


class SourceFailed(UserError):
    """A source did not provide the files. The text says why, in a sentence or two."""


@dataclass(frozen=True, slots=True)
class Download:
    """The files of one variant, complete or partly downloaded. Use it while holding the model's lock."""

    install_dir: InstallDir
    model_id: str
    variant: Variant

    @property
    def folder(self) -> Path:
        """The folder of complete and partial files."""
        return self.install_dir.incoming(self.model_id) / self.variant.sha256[:16]

    def paths(self) -> list[Path]:
        """The paths of the parts once they are complete, in the order of the catalog."""
        return [self.folder / part.name for part in self.variant.parts]

    def missing(self) -> list[Part]:
        """The missing parts. A file that changed since it was verified counts as missing and is quarantined."""
        return [part for part in self.variant.parts if not self._contains(part)]

    def fraction(self, part: Part | None = None, received: int = 0) -> float:
        """The share 0..1 of all bytes that are downloaded, with `received` bytes of the part in transfer."""
        complete = sum(p.size for p in self.variant.parts if p is not part and (self.folder / p.name).exists())
        return min(1.0, (complete + received) / self.variant.size)

    def received(self, part: Part) -> int:
        """Bytes of a part that an interrupted transfer left."""
        path = self._partial(part)
        return path.stat().st_size if path.exists() else 0

    def receive(self, part: Part, chunks: Iterable[bytes], start: int = 0) -> None:
        """Write a part from its byte `start` on. If the chunks end early, what was received is kept.

        Raises SourceFailed if the part is incomplete, too long or does not match its checksum; a wrong file is
        quarantined. Raises OSError for a full disk.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self._partial(part)
        received = start
        with partial.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()  # the server may have restarted before the end of what is here
            for chunk in chunks:
                received += len(chunk)
                if received > part.size:  # never write more than declared, whatever a server sends
                    break
                file.write(chunk)
        if received < part.size:
            raise SourceFailed("weights.incomplete", file=part.name, received=received, size=part.size)
        # Only a file with the expected checksum ever gets its final name.
        if received > part.size or checksum(partial) != part.sha256 or not _is_blob(partial, part.git_blob):
            folder = self.install_dir.set_aside(self.model_id, partial)
            raise SourceFailed("weights.wrong_checksum", file=part.name, folder=str(folder))
        partial.replace(self.folder / part.name)  # no flush: the checksum is verified again before the file is used

    def _contains(self, part: Part) -> bool:
        path = self.folder / part.name
        if not path.exists():
            return False
        if path.stat().st_size != part.size or checksum(path) != part.sha256:
            self.install_dir.set_aside(self.model_id, path)
            return False
        return True

    def _partial(self, part: Part) -> Path:
        return self.folder / f"{part.name}.part"


def _is_blob(path: Path, expected: str) -> bool:
    """Whether a file has the id that Git gives to its content; true where none is known."""
    if not expected:
        return True
    hashed = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)  # Git's; SHA-256 is checked too
    with path.open("rb") as file:
        for chunk in chunks_of(file):
            hashed.update(chunk)
    return hashed.hexdigest() == expected


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The content of a stream in pieces of at most CHUNK bytes."""
    while chunk := stream.read(CHUNK):
        yield chunk
