"""The folder of installed weights: a safetensors file per model and a JSON record with its name and checksum."""

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
    """SHA-256 of a file, computed once per process while its size and time stay (about 0.05 s for 57 MB)."""
    stat = path.stat()
    # The inode tells a replaced file from the old one even if size and time were copied.
    key = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
    if key not in _checksums:
        with path.open("rb") as file:
            _checksums[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _checksums[key]


@dataclass(frozen=True, slots=True)
class InstallRecord:
    """The record beside an installed file.

    source: the checksum of the published variant; layout: the format and revision that the file was converted with.
    """

    file: str
    size: int
    sha256: str
    source: str
    layout: str


class InstallDir:
    """One folder of weights. Files are installed completely or not at all; what fails its checksum is quarantined.

    All methods raise OSError for a full disk or missing permissions.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._records: dict[str, tuple[tuple[int, int, int], InstallRecord | None]] = {}

    @property
    def manual(self) -> Path:
        """The place for files that the user downloaded; it is searched like the folders of CLARITY_WEIGHTS."""
        return self.folder / "by-hand"

    def incoming(self, model_id: str) -> Path:
        """The folder of downloads in progress."""
        return self.folder / "incoming" / model_id

    def quarantine(self, model_id: str) -> Path:
        """The folder of files that failed their checksum or could not be read."""
        return self.folder / "quarantine" / model_id

    def installed(self, model: Model) -> Path | None:
        """The model's file if its record is valid and the size fits. Cheap: the content is not read."""
        record = self._record(model)
        path = self.folder / record.file if record else None
        return path if record and path and path.is_file() and path.stat().st_size == record.size else None

    def verified(self, model: Model) -> Path | None:
        """The model's file with its content checked; None if there is none.

        Raises UserError if the file was modified since it was installed; it is then quarantined.
        """
        record = self._record(model)
        if record is None or not (path := self.folder / record.file).is_file():
            return None
        if path.stat().st_size == record.size and checksum(path) == record.sha256:
            return path
        moved = self.set_aside(model.id, path)
        raise UserError("weights.modified", title=model.title, model=model.id, folder=str(moved))

    def put(self, model: Model, variant: Variant, content: bytes) -> Path:
        """Install the bytes of a safetensors file. The record is written last: without it the file does not count."""
        sha256 = hashlib.sha256(content).hexdigest()
        # The checksum in the name lets a new file be written beside the one in use.
        path = self.folder / f"{model.id}-{sha256[:16]}.safetensors"
        write_atomically(path, content)
        # Killed between the two writes, the old record still names the old file, which is deleted only below.
        record = InstallRecord(path.name, len(content), sha256, variant.sha256, _layout(variant))
        write_atomically(self._record_path(model.id), json.dumps(asdict(record), indent=1).encode())
        for other in self._files(model.id):
            if other != path:
                other.unlink()
        self._delete(self.incoming(model.id), self.quarantine(model.id))
        return path

    def remove(self, model_id: str) -> None:
        """Delete everything of a model: installed, partly downloaded and quarantined files."""
        self._record_path(model_id).unlink(missing_ok=True)
        for path in self._files(model_id):
            path.unlink()
        self._delete(self.incoming(model_id), self.quarantine(model_id))

    def set_aside(self, model_id: str, path: Path) -> Path:
        """Move a file that must not be used to the quarantine folder; returns its new path."""
        folder = self.quarantine(model_id)
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{path.name}.{time.time_ns()}"
        path.replace(target)
        return target

    @contextmanager
    def lock(self, model_id: str, on_wait: Callable[[], None] = lambda: None) -> Generator[None]:
        """Lock the model against other processes and threads; `on_wait` is called five times a second while waiting."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / f"{model_id}.lock")
        while True:
            try:
                lock.acquire(timeout=0.2)
                break
            except Timeout:
                on_wait()
        try:
            yield
        finally:
            lock.release()

    def _record(self, model: Model) -> InstallRecord | None:
        """The record of a model, read again only where it changed."""
        path = self._record_path(model.id)
        try:
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size, status.st_ino
            known = self._records.get(model.id)
            if known is None or known[0] != stamp:
                known = self._records[model.id] = stamp, _read_record(path, model)
        except FileNotFoundError:
            return None
        return known[1]

    def _record_path(self, model_id: str) -> Path:
        return self.folder / f"{model_id}.json"

    def _files(self, model_id: str) -> list[Path]:
        """Everything that installing the model left, even if it was killed."""
        name = f"{model_id}-{'[0-9a-f]' * 16}.safetensors"
        patterns = (name, f"{name}.*.tmp", f"{model_id}.json.*.tmp")
        return [path for pattern in patterns for path in self.folder.glob(pattern)]

    def _delete(self, *folders: Path) -> None:
        for folder in folders:
            with suppress(FileNotFoundError):
                shutil.rmtree(folder)


def _read_record(path: Path, model: Model) -> InstallRecord | None:
    """A record from an untrusted file; None if it is not one of this model. Raises OSError."""
    try:
        stored: Any = json.loads(path.read_text("utf-8"))
        record = InstallRecord(**stored)
        variants = {(variant.sha256, _layout(variant)) for variant in model.variants}
        # The file name is untrusted: anything but the one that `put` gives could lead out of the folder.
        expected = record.file == f"{model.id}-{record.sha256[:16]}.safetensors"
        return record if expected and (record.source, record.layout) in variants else None
    except (ValueError, TypeError, RecursionError):
        return None


def _layout(variant: Variant) -> str:
    return f"{variant.format} {FORMATS[variant.format].revision}"
