"""Saving: whole or not at all, and never onto the photo it came from unasked."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import IO

from clarity_desktop.backend.pictures.decoder import shown
from clarity_desktop.backend.pictures.encode import encode
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.values import ExportOptions, Picture

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV, errno.EACCES}
_REASONS = {
    errno.ENOSPC: "the disk is full; make room or choose another folder.",
    errno.EDQUOT: "your quota on that disk is used up; make room or choose another folder.",
    errno.EACCES: "the folder or the file may not be written to; choose another folder.",
    errno.EPERM: "the folder or the file may not be written to; choose another folder.",
    errno.EROFS: "the disk is read-only; choose another folder.",
    errno.ENOENT: "the folder does not exist; choose another one.",
    errno.ENOTDIR: "the folder does not exist; choose another one.",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one.",
    errno.EISDIR: "there is a folder of that name; choose another name.",
    errno.EFBIG: "the disk does not hold files of that size; choose another folder.",
    errno.EINVAL: "the disk does not accept that name; choose another one.",
    errno.ELOOP: "the name is a link that leads nowhere; choose another one.",
}


def _no_commit() -> None:
    pass


def save(
    picture: Picture, options: ExportOptions, source: Path | None, commit: Callable[[], None] = _no_commit
) -> Path | None:
    """Write the picture; returns where, or None where the file exists and is to be skipped.

    A file that is `source` is replaced only with exists="overwrite", and its old self stays beside it as `name~`.
    commit is called before the file gets its name, and may raise to stop that.
    Raises FileExists with exists="ask", and UserError; whatever happens, no half file is left.
    """
    with _said(options.path):
        target = _end_of_link(options.path)
        if os.path.lexists(target):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "a folder", str(target))
            if options.exists == "ask":
                raise FileExists(f"“{shown(target)}” exists already; choose another name, or overwrite it.")
            if options.exists == "skip":
                return None
        file = encode(picture, options)
        return _write(lambda out: out.write(file), target, options, source, commit)


def copy(photo: Path, target: Path) -> None:
    """The photo's own file under another name, over what is there; whole or not at all, as `save`. Raises UserError."""
    try:
        file = photo.open("rb")
    except OSError as e:
        raise UserError(f"“{shown(photo)}” could not be read again: {e.strerror}.") from e
    with file, _said(target):
        options = ExportOptions(target, exists="overwrite")
        _write(lambda out: shutil.copyfileobj(file, out), _end_of_link(target), options, photo)


def _end_of_link(target: Path) -> Path:
    return Path(os.path.realpath(target)) if target.is_symlink() else target


def check_place(target: Path) -> None:
    """Raise now what `save` would say of the target's folder after the work is done. Leaves nothing behind."""
    with _said(target):
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "a folder", str(target))
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(target)).parent):
            pass


@contextmanager
def _said(target: Path) -> Generator[None]:
    """An error of the disk becomes the sentence about the file that was to be written."""
    if "\0" in str(target):
        raise UserError(f"“{shown(target)}” could not be saved: the name holds a character that no file may have.")
    try:
        yield
    except OSError as e:
        reason = _REASONS.get(e.errno or 0) or f"{os.strerror(e.errno) if e.errno else e}."
        raise UserError(f"“{shown(target)}” could not be saved: {reason}") from e


def _write(
    fill: Callable[[IO[bytes]], object],
    target: Path,
    options: ExportOptions,
    source: Path | None,
    commit: Callable[[], None] = _no_commit,
) -> Path | None:
    temporary = target.parent / f".{secrets.token_hex(8)}.clarity-tmp"
    try:
        with temporary.open("xb") as out:
            fill(out)
            out.flush()
            os.fsync(out.fileno())
        commit()
        written = _publish(temporary, target, options, source)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    _sync_folder(target.parent)
    return written


def _publish(temporary: Path, target: Path, options: ExportOptions, source: Path | None) -> Path | None:
    """Give the finished file its name."""
    if options.exists == "overwrite":
        if target.exists():
            shutil.copymode(target, temporary)
            if source is not None and source.exists() and target.samefile(source):
                _back_up(target)
        temporary.replace(target)
        return target
    for name in _names(target):
        try:
            _name_unused(temporary, name)
            return name
        except FileExistsError:
            if options.exists == "skip":
                return None
            if options.exists == "ask":
                raise FileExists(f"“{shown(target)}” exists already; choose another name, or overwrite it.") from None
    raise AssertionError("names do not end")


def _names(target: Path) -> Iterator[Path]:
    yield target
    for k in count(1):
        yield target.with_name(f"{target.stem}-{k}{target.suffix}")


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


def _sync_folder(folder: Path) -> None:
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
