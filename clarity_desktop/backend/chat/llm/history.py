"""The earlier conversation for a language model, within a budget of tokens."""

from __future__ import annotations

from collections.abc import Sequence

from clarity_desktop.text import english
from clarity_desktop.values import Turn

TOKENS = 2400
"""Of earlier turns, so that a server with a context of 8,192 has room for the principle, the tools and the state."""
CHARACTERS = 2000
"""Of one earlier turn."""
SUMMARIZED = 6
"""Requests of turns that are left out which the state still names: the newest of them."""


def tokens(text: str) -> int:
    """About how many tokens a text takes; rather too many, for languages and tokenizers differ."""
    return len(text.encode()) // 3 + 4


def within(turns: Sequence[Turn], budget: int = TOKENS) -> tuple[list[dict[str, str]], list[str]]:
    """The newest turns that fit, as messages, and the newest requests among those that are left out.

    Turns of one side in a row become one message and the first one is the user's, because models expect it.
    """
    kept: list[dict[str, str]] = []
    first, used = len(turns), 0
    for at in reversed(range(len(turns))):
        text = english(turns[at].content)[:CHARACTERS]
        used += tokens(text)
        if used > budget:
            break
        first = at
        if kept and kept[0]["role"] == turns[at].role:
            kept[0]["content"] = f"{text}\n{kept[0]['content']}"
        else:
            kept.insert(0, {"role": turns[at].role, "content": text})
    if kept and kept[0]["role"] == "assistant":
        kept.pop(0)
    left_out = [english(turn.content) for turn in turns[:first] if turn.role == "user"]
    return kept, left_out[-SUMMARIZED:]
