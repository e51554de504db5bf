"""The files that results go to: which are refused, and what happens where one already exists."""

from __future__ import annotations

import argparse
import os
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from clarity_desktop.cli.terminal import file_name
from clarity_desktop.messages import FileExists, UserError
from clarity_desktop.values import RAW, ExportOptions

Existing = Literal["error", "number", "skip", "overwrite"]
EXISTING: dict[Existing, Literal["ask", "number", "skip", "overwrite"]] = {
    "error": "ask",  # there is no one to ask: the question becomes an error
    "number": "number",
    "skip": "skip",
    "overwrite": "overwrite",
}
"""The values of --if-exists, and the export option of each."""


def add_targets(p: argparse.ArgumentParser, *, many: bool = True, required: bool = True) -> None:
    """Add -o, --if-exists and, where there can be several photos, --out-dir. required: of a single -o."""
    out = p.add_mutually_exclusive_group(required=True) if many else p
    one = "the file to write (one IN)" if many else "the file to write"
    out.add_argument("-o", "--output", type=file_name, metavar="OUT", required=required and not many, help=one)
    if many:
        out.add_argument(
            "--out-dir", type=file_name, metavar="DIR", help="the folder to write to, keeping the photos' names"
        )
    default = "error with -o, number with --out-dir" if many else "error"
    p.add_argument(
        "--if-exists",
        choices=tuple(EXISTING),
        help="what to do where the result exists: stop, write “photo (2).png” instead, skip the photo, or replace it "
        f"(default: {default})",
    )


def existing_rule(asked: argparse.Namespace) -> Existing:
    """The rule for existing results: the one that was given, or the default."""
    return asked.if_exists or ("error" if asked.output else "number")


def make_folder(folder: Path) -> None:
    """Create the folder and its parents where they are missing. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or str(e)
        raise UserError("cli.folder_not_created", folder=str(folder), reason=reason) from e


def target_of(path: Path, asked: argparse.Namespace) -> Path:
    """The file that the result of a photo goes to; a RAW photo becomes TIFF, another that cannot be written PNG."""
    if asked.output:
        return asked.output
    from clarity_desktop.backend import pictures

    writable = {suffix for f in pictures.FORMATS.values() for suffix in f.suffixes}
    suffix = path.suffix.lower()
    if suffix in writable:
        return asked.out_dir / path.name
    return asked.out_dir / f"{path.stem}{'.tif' if suffix in RAW else '.png'}"


def format_of(target: Path) -> str:
    """The format of a file to be written, by its name. Raises UserError."""
    from clarity_desktop.backend import pictures

    for key, form in pictures.FORMATS.items():
        if target.suffix.lower() in form.suffixes:
            return key
    suffixes = ", ".join(sorted({s for f in pictures.FORMATS.values() for s in f.suffixes}))
    raise UserError("cli.format_unknown", name=target.name, suffixes=suffixes)


def skipped(path: Path, target: Path) -> tuple[dict[str, Any], str]:
    """The result of a photo that was skipped: the JSON object, and the line without --json."""
    row = {"path": str(path), "output": str(target), "skipped": True}
    return row, f"{path} → {target}: skipped, the file exists"


class Targets:
    """The files that results go to: never over an input, the mask or another result of the same run."""

    def __init__(self, photos: Iterable[Path], mask: Path | None, rule: Existing = "error") -> None:
        # Files are compared by device and inode, which sees through links and spellings. Each input is asked once:
        # comparing every result with every input would take an hour for 10,000 photos.
        self._photos = {key: path for path in photos if (key := _file_key(path))}
        self._mask = mask
        self._rule: Existing = rule
        self._results: dict[str, Path] = {}

    def claim(self, target: Path, photo: Path) -> None:
        """Reserve a target for the result of a photo. Raises UserError if it may not be written."""
        key = _file_key(target)
        if key is not None and (other := self._photos.get(key)) is not None:
            raise UserError("cli.would_replace_photo", photo=str(photo), target=str(other))
        if key is not None and self._mask is not None and key == _file_key(self._mask):
            raise UserError("cli.would_replace_mask", photo=str(photo), target=str(self._mask))
        if self._rule == "number":
            return  # a second result of the same name gets a number
        # realpath and normcase: two spellings of one file are one target.
        first = self._results.setdefault(os.path.normcase(os.path.realpath(target)), photo)
        if first != photo:
            raise UserError("cli.would_replace_result", target=str(target), other=str(first), photo=str(photo))

    @contextmanager
    def reserve(
        self, target: Path, photo: Path, metadata: Literal["all", "no-location", "none"], file_format: str | None = None
    ) -> Generator[ExportOptions]:
        """The options by which the result of a photo is written; inside, FileExists becomes a UserError.

        file_format: None for the one that the name of the target says. Raises UserError if it may not be written.
        """
        self.claim(target, photo)
        file_format = file_format or format_of(target)
        try:
            yield ExportOptions(target, file_format, metadata=metadata, exists=EXISTING[self._rule])
        except FileExists as e:
            raise UserError("cli.exists", target=str(target)) from e


def _file_key(path: Path) -> tuple[int, int] | None:
    """Device and inode of a file; None if it does not exist or cannot be reached."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
