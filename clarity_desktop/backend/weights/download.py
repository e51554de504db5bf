"""The folder where the files of one form come together. Only a verified file bears its final name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from clarity_desktop.backend.weights.catalog import Part, Variant
from clarity_desktop.backend.weights.install_dir import InstallDir, checksum
from clarity_desktop.messages import UserError

CHUNK = 1 << 18


class SourceFailed(UserError):
    """A source did not give the files. The text says why; it can stand in a sentence with other reasons."""


@dataclass(frozen=True, slots=True)
class Download:
    """Files of one form on their way in. Use it under the model's lock."""

    shelf: InstallDir
    id: str
    form: Variant

    @property
    def folder(self) -> Path:
        return self.shelf.incoming(self.id) / self.form.sha256[:16]

    def paths(self) -> list[Path]:
        """Where the parts are once they are all there, in the catalog's order."""
        return [self.folder / part.name for part in self.form.parts]

    def missing(self) -> list[Part]:
        """The parts still to come. A file that changed since it was verified counts as missing and is set aside."""
        return [part for part in self.form.parts if not self._holds(part)]

    def share(self, part: Part | None = None, got: int = 0) -> float:
        """0..1 of the bytes that are here, with `got` bytes of the part that is coming in."""
        parts = self.form.parts
        here = sum(p.size for p in parts if p is not part and (self.folder / p.name).exists())
        return (here + got) / self.form.size

    def begun(self, part: Part) -> int:
        """Bytes of a part that an interrupted transfer left."""
        path = self._partial(part)
        return path.stat().st_size if path.exists() else 0

    def receive(self, part: Part, chunks: Iterable[bytes], start: int = 0) -> None:
        """Write a part from its byte `start` on; what came stays for the next try if the chunks break off.

        Raises Unavailable if it ends early, is too long, or does not match its checksum (then it is set aside).
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self._partial(part)
        got = start
        with partial.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            for chunk in chunks:
                got += len(chunk)
                if got > part.size:
                    break
                file.write(chunk)
        if got < part.size:
            raise SourceFailed(f"{part.name} broke off after {got} of {part.size} bytes")
        if got > part.size or checksum(partial) != part.sha256:
            self._refuse(partial, part)
        partial.replace(self.folder / part.name)

    def _holds(self, part: Part) -> bool:
        path = self.folder / part.name
        if not path.exists():
            return False
        if path.stat().st_size != part.size or checksum(path) != part.sha256:
            self.shelf.set_aside(self.id, path)
            return False
        return True

    def _refuse(self, path: Path, part: Part) -> None:
        aside = self.shelf.set_aside(self.id, path)
        raise SourceFailed(f"{part.name} does not match its checksum and was moved to {aside}")

    def _partial(self, part: Part) -> Path:
        return self.folder / f"{part.name}.part"


def chunks_of(stream: IO[bytes]) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk
