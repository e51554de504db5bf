"""Indirect wording: what a text without a word for a task is about."""

from __future__ import annotations

from clarity_desktop.backend.chat import words
from clarity_desktop.values import Task


def clue(text: str) -> Task | None:
    """The task that indirect wording is about: the longest clue decides."""
    best: tuple[int, int] = (0, 0)
    chosen: Task | None = None
    for phrases, task in words.clues():
        for at in phrases.finditer(text):
            if (found := (at.end() - at.start(), -at.start())) > best:
                best, chosen = found, task
    return chosen
