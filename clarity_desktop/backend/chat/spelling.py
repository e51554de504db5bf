"""A request in lower case, without typing errors."""

from __future__ import annotations

import re

from clarity_desktop.backend.chat import words


def normalize(text: str) -> str:
    """Lower case, straight quotes, single spaces, typing errors corrected."""
    request = " ".join(text.lower().replace("’", "'").split())[:2000]
    request = re.sub(r"\b(is|are|was|does|did|has|should|could|would|ca)n'?t\b", _spell_out, request)
    return re.sub(r"[a-z]{4,}", lambda at: _corrected(at[0]), request)


def _spell_out(at: re.Match[str]) -> str:
    return f"{'can' if at[1] == 'ca' else at[1]} not"


def _corrected(word: str) -> str:
    """The known word that differs by two swapped letters, or (of six letters and more) by one missing or doubled."""
    known = words.vocabulary()
    if word in known:
        return word
    for k in range(1, len(word) - 1):  # the first letter is hardly ever wrong
        if (swapped := word[:k] + word[k + 1] + word[k] + word[k + 2 :]) in known:
            return swapped
    if len(word) < 6:
        return word
    for candidate in known:
        if candidate[0] == word[0] and (_lacks_one(word, candidate) or _lacks_one(candidate, word)):
            return candidate
    return word


def _lacks_one(short: str, long: str) -> bool:
    """Whether `short` is `long` without one letter that is not at an end."""
    return len(short) + 1 == len(long) and any(short == long[:k] + long[k + 1 :] for k in range(1, len(long) - 1))
