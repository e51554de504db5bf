"""The folder of installed weights: a safetensors file per model and a card that names it with its checksum."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from clarity_desktop.backend.weights.catalog import Model, Variant
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import UserError

_checksums: dict[tuple[str, int, int, int], str] = {}


def checksum(path: Path) -> str:
    """SHA-256 of a file, computed once in a process while its size and time stay (about 0.05 s for 57 MB)."""
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    if key not in _checksums:
        with path.open("rb") as file:
            _checksums[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _checksums[key]


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """What is written beside an installed file. source is the published form's checksum, layout the reader's mark."""

    file: str
    size: int
    sha256: str
    source: str
    layout: str


class InstallDir:
    """One folder of weights. Files come in whole or not at all; what does not verify is set aside, never loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def by_hand(self) -> Path:
        """A folder that is searched like those of CLARITY_WEIGHTS: the place for files got by hand."""
        return self.folder / "by-hand"

    def incoming(self, model_id: str) -> Path:
        return self.folder / "incoming" / model_id

    def quarantine(self, model_id: str) -> Path:
        return self.folder / "quarantine" / model_id

    def installed(self, model: Model) -> Path | None:
        """The model's file, if its card is sound and the size fits. Cheap: the content is not read."""
        card = self._card(model)
        path = self.folder / card.file if card else None
        return path if card and path and path.is_file() and path.stat().st_size == card.size else None

    def verified(self, model: Model) -> Path | None:
        """The model's file, its content checked; None if there is none.

        Raises UserError if the file changed since it was installed; it is then set aside.
        """
        card = self._card(model)
        if card is None or not (path := self.folder / card.file).is_file():
            return None
        if path.stat().st_size == card.size and checksum(path) == card.sha256:
            return path
        aside = self.set_aside(model.id, path)
        raise UserError(
            f"The weights “{model.title}” changed on the disk since they were installed. They were moved to {aside} "
            f"and are not used. Get them again with `clarity models fetch {model.id}`."
        )

    def put(self, model: Model, form: Variant, content: bytes) -> Path:
        """Install the bytes of a safetensors file. The card is written last: it is what makes the file count."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.folder / f"{model.id}-{sha256[:16]}.safetensors"
        write_atomically(path, content)
        card = InstallRecord(path.name, len(content), sha256, form.sha256, _layout(form))
        write_atomically(self._card_path(model.id), json.dumps(asdict(card), indent=1).encode())
        for other in self._files(model.id):
            if other != path:
                other.unlink()
        self._drop(self.incoming(model.id), self.quarantine(model.id))
        return path

    def remove(self, model_id: str) -> None:
        """Erase all that belongs to a model: installed, begun and set aside."""
        self._card_path(model_id).unlink(missing_ok=True)
        for path in self._files(model_id):
            path.unlink()
        self._drop(self.incoming(model_id), self.quarantine(model_id))

    def set_aside(self, model_id: str, path: Path) -> Path:
        """Move a file that must not be used out of the way; returns where it is now."""
        folder = self.quarantine(model_id)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{path.name}.{time.time_ns()}"
        path.replace(target)
        return target

    @contextmanager
    def alone(self, model_id: str, wait: Callable[[], None]) -> Generator[None]:
        """Hold the model against other processes and threads; `wait` is called now and then meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{model_id}.lock")
        while True:
            try:
                lock.acquire(timeout=0.2)
                break
            except Timeout:
                wait()
        try:
            yield
        finally:
            lock.release()

    def _card(self, model: Model) -> InstallRecord | None:
        try:
            stored: Any = json.loads(self._card_path(model.id).read_text("utf-8"))
            card = InstallRecord(**stored)
        except (FileNotFoundError, ValueError, TypeError, RecursionError):
            return None
        forms = {(form.sha256, _layout(form)) for form in model.forms}
        plain = card.file == f"{model.id}-{card.sha256[:16]}.safetensors"
        return card if plain and (card.source, card.layout) in forms else None

    def _card_path(self, model_id: str) -> Path:
        return self.folder / f"{model_id}.json"

    def _files(self, model_id: str) -> list[Path]:
        """What installing the model left, also where it was killed."""
        name = f"{model_id}-{'[0-9a-f]' * 16}.safetensors"
        return [path for form in (name, f"{name}.*.tmp", f"{model_id}.json.*.tmp") for path in self.folder.glob(form)]

    def _drop(self, *folders: Path) -> None:
        for folder in folders:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)


def _layout(form: Variant) -> str:
    return f"{form.format} {FORMATS[form.format].revision}"
