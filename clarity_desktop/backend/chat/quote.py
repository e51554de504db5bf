"""Quotes text that is not ours, so that it stays data: one line, without controls, of limited length."""

from __future__ import annotations

import json
import unicodedata

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"}
"""Categories of characters that break lines, reorder text or are not seen."""


def one_line(text: str, length: int = 120) -> str:
    """The text in one line, without invisible characters, cut to a length."""
    seen = "".join(" " if unicodedata.category(c) in _INVISIBLE else c for c in text[: 4 * length])
    line = " ".join(seen.split())
    return line if len(line) <= length else f"{line[: length - 1].rstrip()}…"


def quoted(text: str, length: int = 120) -> str:
    """The text in double quotes; quotes inside it are escaped, so it cannot end them."""
    return json.dumps(one_line(text, length), ensure_ascii=False)
