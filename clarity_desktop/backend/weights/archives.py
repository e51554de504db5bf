"""Packages (.tgz, .tar, .zip, .whl) as untrusted data: their regular files, one after the other, never unpacked."""

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

LARGEST = 1 << 30
"""Bytes that an archive may hold in all; the largest package of the catalog holds 0.13 GB."""


_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, gzip.BadGzipFile, NotImplementedError)
"""What the libraries raise for an archive that is not what it says."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive. stream is to be read before the next member is asked for; reading raises ValueError, saying
    why, where the content is damaged."""

    name: str
    size: int
    stream: IO[bytes]


def is_archive(path: Path) -> bool:
    """Whether the file begins like an archive; its name does not matter."""
    if zipfile.is_zipfile(path):
        return True
    with path.open("rb") as file:
        head = file.read(262)
    return head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar"


def members(path: Path) -> Iterator[Member]:
    """The regular files of an archive.

    Raises ValueError, saying why, for a broken archive, one packed in a way that packages are not, one that unpacks to
    more than LARGEST bytes, and one with a link, a device, or a name that leaves the folder.
    """
    try:
        yield from _zip(path) if zipfile.is_zipfile(path) else _tar(path)
    except _BROKEN as e:
        raise ValueError(f"it is broken ({e})") from e


def _tar(path: Path) -> Iterator[Member]:
    with _unzipped(path) as stream, tarfile.open(fileobj=stream, mode="r|", bufsize=1 << 20) as tar:
        for info in tar:
            if info.isdir():
                continue
            _check(info.name, regular=info.isreg())
            content = tar.extractfile(info)
            assert content is not None, "a regular file has content"
            yield Member(info.name, info.size, _told(content))


@contextmanager
def _unzipped(path: Path) -> Generator[IO[bytes]]:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        yield cast(IO[bytes], _Capped(gzip.GzipFile(fileobj=file) if zipped else file))  # tarfile only reads


def _told(stream: IO[bytes]) -> IO[bytes]:
    return cast(IO[bytes], _Told(stream))  # members are only read


class _Told:
    """What is read by whoever asked for the member, where `members` cannot catch what the libraries raise."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        try:
            return self._stream.read(size)
        except _BROKEN as e:
            raise ValueError(f"it is broken ({e})") from e


class _Capped:
    """What tarfile reads from: counts what really came out, so that no declared size has to be believed."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._left = LARGEST

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {LARGEST >> 20} MB")
        return content


def _zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        infos = [info for info in archive.infolist() if not info.is_dir()]
        if sum(info.file_size for info in infos) > LARGEST:
            raise ValueError(f"it unpacks to more than {LARGEST >> 20} MB")
        for info in infos:
            if info.flag_bits & 1:
                raise ValueError("it is encrypted")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"it is packed in a way that packages are not ({info.filename})")
            _check(info.filename, regular=(info.external_attr >> 28) in (0, 8))  # no type, or a regular file
            with archive.open(info) as content:
                yield Member(info.filename, info.file_size, _told(content))


def _check(name: str, *, regular: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if not regular:
        raise ValueError(f"it holds a link or a device ({name})")
    if path.is_absolute() or ".." in path.parts or ":" in name:
        raise ValueError(f"it holds a name that leaves its folder ({name})")
