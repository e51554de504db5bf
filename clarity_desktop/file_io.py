"""Writing files so that a crash, a full disk or a power cut leaves either the old content or the new one."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")
_LONGEST_NAME = 200
"""Bytes of a file name that leave room for the suffix of the temporary file (most file systems allow 255)."""


def write_atomically(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Replace a file by `content`, or by what `content` writes into the open file it is given.

    Missing folders are created. On any error `path` stays as it was, and the error is raised: OSError, or whatever
    `content` raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    publish_atomically(path, lambda temporary: fill(temporary, content), Path.replace)


def publish_atomically(path: Path, write: Callable[[Path], object], publish: Callable[[Path, Path], T]) -> T:
    """Let `write` make a temporary file beside `path` ("NAME.….tmp"), flush it to the disk and `publish` it.

    publish gives the temporary file its name, `path` or another one in that folder; its result is returned. Whatever is
    left of the temporary file is removed, also after an error. Raises OSError, and what write and publish raise.
    """
    prefix = path.name if len(os.fsencode(path.name)) <= _LONGEST_NAME else ""
    temporary = path.with_name(f"{prefix}.{secrets.token_hex(8)}.tmp")
    try:
        write(temporary)
        sync_file(temporary)
        published = publish(temporary, path)
    finally:
        with suppress(OSError):  # the folder may be gone; the first error is the one to report
            temporary.unlink(missing_ok=True)
    # The rename itself is only durable once the directory entry is on the disk.
    sync_folder(path.parent)
    return published


def fill(path: Path, content: bytes | Callable[[IO[bytes]], object]) -> None:
    """Write a new file. Raises FileExistsError, OSError, and what `content` raises."""
    with path.open("xb") as file:
        if callable(content):
            content(file)
        else:
            file.write(content)


def sync_file(path: Path) -> None:
    """Flush a file that was written by a library. Raises OSError."""
    # Windows refuses to flush a handle that was opened for reading only.
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut. Does nothing where the system cannot do it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as e:
        if e.errno not in {errno.EINVAL, errno.ENOTSUP}:  # some network disks cannot; the file itself is safe
            raise
    finally:
        os.close(handle)
