"""Files on this machine, found by size and then by checksum. Their names and folders do not matter."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clarity_desktop.backend.weights.archives import members
from clarity_desktop.backend.weights.catalog import Part, Variant
from clarity_desktop.backend.weights.download import Download, chunks_of
from clarity_desktop.backend.weights.install_dir import checksum

FilesBySize = Mapping[int, Sequence[Path]]


class LocalFiles:
    """Files among which the parts of a model are looked up."""

    def __init__(self, by_size: FilesBySize, others: Iterable[Path] = ()) -> None:
        """others: further files, of which some may not exist."""
        self._by_size = by_size
        self._others = tuple(others)

    def find(self, part: Part) -> Path | None:
        """The first file with this content. Content is read only where the size fits."""
        same_size = [path for path in self._others if path.is_file() and path.stat().st_size == part.size]
        # Sizes first: hashing every file of a large folder would take minutes.
        for path in (*self._by_size.get(part.size, ()), *same_size):
            try:
                if checksum(path) == part.sha256:
                    return path
            except (FileNotFoundError, PermissionError):  # deleted since the folder was read, or private
                continue
        return None

    def contain(self, variant: Variant) -> bool:
        """Whether every part is here."""
        return all(self.find(part) for part in variant.parts)

    def copy_to(self, download: Download, poll: Callable[[], None] = lambda: None) -> int:
        """Copy the parts that are here and missing there; returns their number. `poll` may raise to cancel."""
        copied = 0
        for part in download.missing():
            if path := self.find(part):
                with path.open("rb") as file:
                    download.receive(part, (_polled(poll, chunk) for chunk in chunks_of(file)))
                copied += 1
        return copied


def _polled(poll: Callable[[], None], chunk: bytes) -> bytes:
    poll()
    return chunk


@dataclass(frozen=True, slots=True)
class _Folder:
    """The entries of one folder (or a single file) when it was read. Times are seconds since the epoch."""

    read_at: float
    modified_ns: int
    newest: float
    """The latest modification of the folder or of a file in it."""
    sizes: Mapping[Path, int]
    subfolders: tuple[Path, ...]


class FolderIndex:
    """The files of some folder trees by size, read once and again only where a folder changed.

    A folder's own modification time tells of files that are added, removed or renamed, but not of one that grows: a
    folder is therefore read again while something in it is younger than SETTLE_SECONDS, and in any case after
    EXPIRE_SECONDS. Safe to use from several threads.
    """

    SETTLE_SECONDS = 2.0  # also the coarsest clock of a file system (FAT)
    EXPIRE_SECONDS = 60.0

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[Path, _Folder] = {}
        self._by_size: FilesBySize = {}

    def files(self, roots: Iterable[Path]) -> FilesBySize:
        """The files under the roots, which may be files themselves and need not exist; order follows the roots."""
        with self._lock:
            folders = self._current(list(roots))
            if folders != self._folders or list(folders) != list(self._folders):
                self._folders = folders
                self._by_size = _by_size(folders.values())
            return self._by_size

    def _current(self, pending: list[Path]) -> dict[Path, _Folder]:
        """All folders of the trees, read again where they may have changed."""
        current: dict[Path, _Folder] = {}
        # A stack popped from the end: reversed, so that folders are visited in order.
        pending.reverse()
        while pending:
            path = pending.pop()
            if path in current:
                continue
            folder = self._folders.get(path)
            try:
                if folder is None or not self._is_current(folder, path):
                    folder = _read(path)
            except OSError:  # absent or not readable
                continue
            current[path] = folder
            pending += reversed(folder.subfolders)
        return current

    def _is_current(self, folder: _Folder, path: Path) -> bool:
        # A file that still grows does not change the time of its folder.
        settled = abs(folder.read_at - folder.newest) > self.SETTLE_SECONDS
        fresh = 0 <= time.time() - folder.read_at < self.EXPIRE_SECONDS
        return settled and fresh and path.stat().st_mtime_ns == folder.modified_ns


def _read(path: Path) -> _Folder:
    now, stat = time.time(), path.stat()
    if not path.is_dir():
        return _Folder(now, stat.st_mtime_ns, stat.st_mtime, {path: stat.st_size}, ())
    newest, sizes, subfolders = stat.st_mtime, dict[Path, int](), list[Path]()
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                subfolders.append(Path(entry.path))
                continue
            try:
                if entry.is_file():
                    status = entry.stat()
                    sizes[Path(entry.path)] = status.st_size
                    newest = max(newest, status.st_mtime)
            except OSError:  # a broken link, or deleted just now
                continue
    return _Folder(now, stat.st_mtime_ns, newest, sizes, tuple(subfolders))


def _by_size(folders: Iterable[_Folder]) -> FilesBySize:
    table: defaultdict[int, list[Path]] = defaultdict(list)
    for folder in folders:
        for path, size in folder.sizes.items():
            table[size].append(path)
    return dict(table)


def unpack(archive: Path, sizes: Container[int], folder: Path, poll: Callable[[], None] = lambda: None) -> None:
    """Write the files of an archive that have one of the sizes into a folder, under numbers as names.

    Raises ArchiveRefused, and what `poll` raises.
    """
    for number, member in enumerate(members(archive)):
        poll()
        if member.size in sizes:
            with (folder / str(number)).open("wb") as file:
                shutil.copyfileobj(member.stream, file)
