"""What a user prefers: choices among methods, the scores that follow from them, and the file that keeps them."""

from clarity_desktop.backend.feedback.record import Feedback
from clarity_desktop.backend.feedback.scores import Choice, Evidence, Ranking, rank

__all__ = ["Choice", "Evidence", "Feedback", "Ranking", "rank"]
