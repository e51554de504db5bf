"""The photos that a conversation was about before: how a document stores them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from clarity_desktop.backend.document import checks, rows
from clarity_desktop.backend.document.limits import NAME, PATH
from clarity_desktop.backend.document.tiles import Damaged
from clarity_desktop.values import DocumentId, EarlierPhoto

MAX_EARLIER = 16
"""Photos before the present one that a conversation remembers."""
_ID = re.compile(r"[0-9a-f]{1,32}")


def to_text(photos: Iterable[EarlierPhoto]) -> str:
    """The stored form."""
    return json.dumps([
        {
            "document": photo.document,
            "title": checks.clean(photo.title)[:NAME],
            "path": None if photo.path is None else str(photo.path),
            "project": None if photo.project is None else str(photo.project),
        }
        for photo in [*photos][:MAX_EARLIER]
    ])  # fmt: skip


def of_text(stored: Any) -> tuple[EarlierPhoto, ...]:
    """Photos from untrusted JSON; those that make no sense are left out."""
    try:
        found = checks.parsed_list(stored)
    except Damaged:
        return ()
    photos: list[EarlierPhoto] = []
    for row in found[:MAX_EARLIER]:
        if not isinstance(row, Mapping) or not _ID.fullmatch(str(row.get("document"))):
            continue
        with suppress(Damaged, UnicodeError):
            title = checks.text(row.get("title"))
            photos.append(EarlierPhoto(DocumentId(row["document"]), title, _path(row, "path"), _path(row, "project")))
    return tuple(photos)


def _path(row: Mapping[str, Any], name: str) -> Path | None:
    stored = row.get(name)
    # File names may hold bytes that are no text: os.fsencode brings them back.
    return rows.local(os.fsencode(stored)) if isinstance(stored, str) and len(stored) <= PATH else None
