"""Saving: a file is written completely or not at all, and the source photo is only replaced on request."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO

from clarity_desktop.backend.pictures.decoder import display_name
from clarity_desktop.backend.pictures.encode import encode
from clarity_desktop.file_io import fill, publish_atomically
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.values import ExportOptions, Picture

WRITING = threading.Lock()
"""Held while a temporary file exists. Whoever ends the process at once takes it first, so that none is left behind."""
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV, errno.EACCES}
_REASONS = {
    errno.ENOSPC: "pictures.not_saved_full",
    errno.EDQUOT: "pictures.not_saved_quota",
    errno.EACCES: "pictures.not_saved_permission",
    errno.EPERM: "pictures.not_saved_permission",
    errno.EROFS: "pictures.not_saved_read_only",
    errno.ENOENT: "pictures.not_saved_no_folder",
    errno.ENOTDIR: "pictures.not_saved_no_folder",
    errno.ENAMETOOLONG: "pictures.not_saved_long_name",
    errno.EISDIR: "pictures.not_saved_is_folder",
    errno.EFBIG: "pictures.not_saved_file_size",
    errno.EINVAL: "pictures.not_saved_bad_name",
    errno.ELOOP: "pictures.not_saved_link",
}


def _no_commit() -> None:
    pass


def save(
    picture: Picture, options: ExportOptions, source: Path | None, commit: Callable[[], None] = _no_commit
) -> Path | None:
    """Write the picture; returns the file's path, or None if it exists and exists="skip".

    The source photo is replaced only with exists="overwrite"; its previous content is kept beside it as `name~`.
    commit is called just before the file gets its name; an exception from it leaves no file.
    Raises FileExists with exists="ask", and UserError. No partial file is left behind.
    """
    with _as_user_error(options.path):
        if _is_skipped(options):
            return None
        file = encode(picture, options)
        return _write(file, options, source, commit)


def copy(photo: Path, options: ExportOptions) -> Path | None:
    """Copy the photo's file to `options.path`, as `save` writes one. Raises FileExists and UserError."""
    try:
        file = photo.open("rb")
    except OSError as e:
        raise UserError("pictures.unreadable_again", name=display_name(photo), reason=e.strerror or str(e)) from e
    with file, _as_user_error(options.path):
        if _is_skipped(options):
            return None
        return _write(lambda out: shutil.copyfileobj(file, out), options, photo)


def check_target(options: ExportOptions) -> bool:
    """Whether `save` would write a file; False if it exists and is skipped.

    Raises FileExists and UserError as `save` would about the name and its folder, before the work is done.
    """
    with _as_user_error(options.path):
        if _is_skipped(options):
            return False
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(options.path)).parent):
            return True


def numbered(target: Path) -> Iterator[Path]:
    """The names to try for a result that must replace nothing: `photo.png`, `photo (2).png`, `photo (3).png` …"""
    yield target
    for k in count(2):
        yield target.with_name(f"{target.stem} ({k}){target.suffix}")


def _is_skipped(options: ExportOptions) -> bool:
    """Whether the file exists and is to be skipped. Raises FileExists, and OSError where the name cannot be used."""
    target = _end_of_link(options.path)
    try:
        found = os.lstat(target)
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, "a folder", str(target))
    if options.exists == "ask":
        raise FileExists("pictures.exists", name=display_name(target))
    return options.exists == "skip"


def _end_of_link(target: Path) -> Path:
    return Path(os.path.realpath(target)) if target.is_symlink() else target


@contextmanager
def _as_user_error(target: Path) -> Generator[None]:
    """Turn an OSError into a UserError about the file that was to be written."""
    if "\0" in str(target):
        raise UserError("pictures.not_saved_name", name=display_name(target))
    try:
        yield
    except OSError as e:
        name = display_name(target)
        if (key := _REASONS.get(e.errno or 0)) is not None:
            raise UserError(key, name=name) from e
        raise UserError("pictures.not_saved", name=name, reason=os.strerror(e.errno) if e.errno else str(e)) from e


def _write(
    content: bytes | Callable[[IO[bytes]], object],
    options: ExportOptions,
    source: Path | None,
    commit: Callable[[], None] = _no_commit,
) -> Path | None:
    target = _end_of_link(options.path)

    def publish(temporary: Path, target: Path) -> Path | None:
        commit()
        return _publish(temporary, target, options, source)

    with WRITING:
        written = publish_atomically(target, lambda temporary: fill(temporary, content), publish)
    return options.path if written == target else written  # a link keeps the name that the user gave it


def _publish(temporary: Path, target: Path, options: ExportOptions, source: Path | None) -> Path | None:
    """Give the finished file its name."""
    if options.exists == "overwrite":
        if target.exists():
            # The new file must not become more readable than the old one.
            shutil.copymode(target, temporary)
            if source is not None and source.exists() and target.samefile(source):
                _back_up(target)
        temporary.replace(target)
        return target
    for name in numbered(target):
        try:
            _name_unused(temporary, name)
            return name
        except FileExistsError:
            if options.exists == "skip":
                return None
            if options.exists == "ask":
                raise FileExists("pictures.exists", name=display_name(target)) from None
    raise AssertionError("numbered never ends")


def _name_unused(temporary: Path, name: Path) -> None:
    """Rename, but never onto another file, even if it appeared this moment. Raises FileExistsError."""
    try:
        os.link(temporary, name)
    except FileExistsError:
        raise
    except OSError as e:
        if e.errno not in _NO_LINKS:
            raise
        if os.path.lexists(name):
            raise FileExistsError(errno.EEXIST, "exists", str(name)) from e
        temporary.rename(name)


def _back_up(target: Path) -> None:
    """Keep the old file as name~, or name~1, name~2 … if there are older backups."""
    for k in count():
        backup = target.with_name(f"{target.name}~{k or ''}")
        if os.path.lexists(backup):
            continue
        try:
            os.link(target, backup)
        except OSError as e:
            if e.errno not in _NO_LINKS:
                raise
            shutil.copy2(target, backup)
        return
