"""A photo's whole history on disk: versions, tiles, undo, project files and crash recovery."""

from clarity_desktop.backend.document.analysis_cache import ModelVersions
from clarity_desktop.backend.document.create import reduced
from clarity_desktop.backend.document.document import Document
from clarity_desktop.backend.document.limits import Limits
from clarity_desktop.backend.document.recovery import discard, find_photo, over_budget, prune, recoveries, usage
from clarity_desktop.backend.document.rows import region_id

__all__ = [
    "Document", "Limits", "ModelVersions", "discard", "find_photo", "over_budget", "prune", "recoveries", "reduced",
    "region_id", "usage",
]  # fmt: skip
