"""A photo's whole history on the disk: versions, tiles, undo, the project file, and what a crash leaves behind."""

from clarity_desktop.backend.document.making import reduced
from clarity_desktop.backend.document.perceived import Makers
from clarity_desktop.backend.document.recovery import forget, over_budget, prune, recoveries, usage
from clarity_desktop.backend.document.tree import Document

__all__ = ["Document", "Makers", "forget", "over_budget", "prune", "recoveries", "reduced", "usage"]
