"""Tiles of a version's pyramid: a cache addressed by hash, and painting what is there at any zoom."""

from __future__ import annotations


class TileCache:
    """Tiles ready for the screen, least recently used ones dropped first. Shared by the canvases of a window."""

    def __init__(self, budget: int = 400_000_000) -> None:
        """budget in bytes; what is on the screen stays even above it."""
        self._budget = budget
