"""A method on a photo of any size: crop to the region, cut into tiles, run, check, blend back.

All that methods have in common is written here once: padding, tiles, memory, depth, strength, masks, cancellation.
"""

from __future__ import annotations

from clarity_desktop.backend.restore.hardware import (
    budget,
    free_memory,
    model_budget,
    place,
    speeds,
    tile_budget,
)
from clarity_desktop.backend.restore.run import RestoreResult, estimate, restore
from clarity_desktop.backend.restore.tile_plan import TilePlan, needed, padded_box, plan, replay, seconds

__all__ = [
    "RestoreResult",
    "TilePlan",
    "budget",
    "estimate",
    "free_memory",
    "model_budget",
    "needed",
    "padded_box",
    "place",
    "plan",
    "replay",
    "restore",
    "seconds",
    "speeds",
    "tile_budget",
]
