"""The limits of a document, enforced when it is written and checked again when a file is read.

A limit that is only checked on reading would make a saved project impossible to open; one that is only enforced on
writing would let a hostile file exhaust the memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from clarity_desktop.messages import UserError
from clarity_desktop.settings import MAX_MEGAPIXELS

SIDE = 1 << 20
"""Pixels of a photo's width or height."""
VALUE = 1 << 28
"""Bytes of one value in the file; SQLite itself would take four times as many."""
TEXT = 1_000_000
"""Characters of a JSON text or of one turn of the conversation."""
NAME = 500
"""Characters of a name; longer ones are cut."""
REASON = 5000
"""Characters of the reason why a metric has no score."""
NOTES = 10_000
"""Characters of all notes about a photo."""
PATH = 4096
"""Bytes of a path."""
THUMBNAIL = 128
"""Pixels of a thumbnail's longest side."""
METRICS = 100
"""Further metrics of a version."""
CELLS = 64
"""Rows or columns of a heat map."""
EMBEDDING, EMBEDDINGS = 1 << 23, 8
"""Bytes of what an engine computed of a version, and how many of these a document keeps."""
MODEL_VERSION = 100
"""Characters that say which models made a result."""
COUNT = 1 << 60
"""The largest counter of changes."""
LATEST = 1e12
"""Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that depend on the user's settings or that tests lower.

    heat_bytes: of all heat maps together; detections beyond it are dropped and computed again on request.
    """

    megapixels: float = MAX_MEGAPIXELS
    versions: int = 100_000
    turns: int = 100_000
    regions: int = 10_000
    heat_bytes: int = 256_000_000

    def check_size(self, width: int, height: int) -> None:
        """Raise UserError for a photo that is too large."""
        if width * height > self.megapixels * 1e6 or max(width, height) > SIDE:
            raise UserError(
                "document.photo_too_large",
                megapixels=math.ceil(width * height / 1e6),
                limit=math.floor(self.megapixels),
            )

    def check_versions(self, count: int) -> None:
        """Raise UserError if a document with `count` versions cannot take another one."""
        if count >= self.versions:
            raise UserError("document.too_many_versions", limit=self.versions)

    def check_turns(self, count: int) -> None:
        """Raise UserError if a conversation of `count` turns cannot take another one."""
        if count >= self.turns:
            raise UserError("document.too_many_turns", limit=self.turns)

    def check_regions(self, count: int) -> None:
        """Raise UserError if a document with `count` regions cannot take another one."""
        if count >= self.regions:
            raise UserError("document.too_many_regions", limit=self.regions)


def clock(seconds: float) -> float:
    """Clip a time to the range that can be read back, however wrong the clock of the computer is."""
    return min(max(seconds, 0.0), LATEST)
