"""A photo's whole history on the disk: versions, tiles, undo, the project file, and what a crash leaves behind."""

from clarity_desktop.backend.document.analysis_cache import ModelVersions
from clarity_desktop.backend.document.create import reduced
from clarity_desktop.backend.document.document import Document
from clarity_desktop.backend.document.limits import Limits
from clarity_desktop.backend.document.recovery import discard, over_budget, prune, recoveries, usage

__all__ = ["Document", "Limits", "ModelVersions", "discard", "over_budget", "prune", "recoveries", "reduced", "usage"]
