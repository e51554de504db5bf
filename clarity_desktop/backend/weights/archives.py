"""Reads packages (.tgz, .tar, .zip, .whl) as untrusted data: their regular files one by one, as streams."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, cast

from clarity_desktop.text import Field, Message, size

MAX_BYTES = 1 << 30
"""Limit of the unpacked size of an archive; the largest package of the catalog unpacks to 0.13 GB."""

_LIBRARY_ERRORS = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError)
"""What the libraries raise for damaged archives."""


class ArchiveRefused(ValueError):
    """An archive is not used; `reason` is a sentence about it."""

    def __init__(self, key: str, **fields: Field) -> None:
        self.reason = Message(key, fields)
        super().__init__(str(self.reason))


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive. Read `stream` before asking for the next member; it raises ArchiveRefused if the content is
    damaged."""

    name: str
    size: int
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the content is that of an archive, whatever the file is called."""
    if zipfile.is_zipfile(path):
        return True
    with path.open("rb") as file:
        # gzip starts with 1f 8b; a tar header holds "ustar" at offset 257.
        head = file.read(262)
    return head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar"


def members(path: Path) -> Iterator[Member]:
    """Yield the regular files of an archive.

    Raises ArchiveRefused for an archive that is damaged, encrypted or compressed in an unusual way, that unpacks to
    more than MAX_BYTES, or that contains a link, a device or a path outside its folder.
    """
    try:
        yield from _zip(path) if zipfile.is_zipfile(path) else _tar(path)
    except _LIBRARY_ERRORS as e:
        raise ArchiveRefused("weights.archive_damaged", detail=str(e)) from e


def _tar(path: Path) -> Iterator[Member]:
    # "r|" reads forward only, so nothing is unpacked that is not asked for.
    with _decompressed(path) as stream, tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as tar:
        for info in tar:
            if info.isdir():
                continue
            _check(info.name, regular=info.isreg())
            content = tar.extractfile(info)
            assert content is not None, "a regular file has content"
            yield Member(info.name, info.size, _guarded(content))


@contextmanager
def _decompressed(path: Path) -> Generator[IO[bytes]]:
    with path.open("rb") as file:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        # tarfile calls nothing but read()
        yield cast(IO[bytes], _LimitedStream(gzip.GzipFile(fileobj=file) if compressed else file))


def _guarded(stream: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], _GuardedStream(stream))  # members are only read


class _GuardedStream:
    """Turns library errors into ArchiveRefused; a member is read by the caller, outside the `try` of `members`."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except _LIBRARY_ERRORS as e:
            raise ArchiveRefused("weights.archive_damaged", detail=str(e)) from e


class _LimitedStream:
    """Counts the bytes that are really decompressed, so that no declared size has to be trusted."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._remaining = MAX_BYTES

    def read(self, count: int) -> bytes:
        content = self._stream.read(count)
        self._remaining -= len(content)
        if self._remaining < 0:
            raise ArchiveRefused("weights.archive_too_large", size=size(MAX_BYTES))
        return content


def _zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        # zipfile never returns more than the declared size of a member
        if sum(info.file_size for info in infos) > MAX_BYTES:
            raise ArchiveRefused("weights.archive_too_large", size=size(MAX_BYTES))
        for info in infos:
            if info.flag_bits & 1:
                raise ArchiveRefused("weights.archive_encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveRefused("weights.archive_compression", file=info.filename)
            # The upper four bits of the Unix mode are the file type; 0 means not given.
            _check(info.filename, regular=(info.external_attr >> 28) in (0, 8))
            with archive.open(info) as content:
                yield Member(info.filename, info.file_size, _guarded(content))


def _check(name: str, *, regular: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if not regular:
        raise ArchiveRefused("weights.archive_link", file=name)
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise ArchiveRefused("weights.archive_path", file=name)
