"""Values from a stranger's file: of the right type and range, or Damaged."""

from __future__ import annotations

import json
import sys
from typing import Any

from clarity_desktop.backend.document.tiles import Damaged

LARGEST = sys.float_info.max
"""JSON has whole numbers that are larger, and no float can hold those."""


def parsed(text: Any) -> dict[str, Any]:
    if not isinstance(text, str) or len(text) > 1_000_000:
        raise Damaged("a version's description is not text")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise Damaged("a version's description cannot be read") from e
    if not isinstance(value, dict):
        raise Damaged("a version's description has the wrong form")
    return value


def number(value: Any, low: float = -LARGEST, high: float = LARGEST) -> float:
    """A finite number in a range, or Damaged."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Damaged("a number is out of its range")
    return float(value)


def whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Damaged("a number is out of its range")
    return value


def text(value: Any, longest: int = 500) -> str:
    if not isinstance(value, str):
        raise Damaged("a name is not text")
    return clean(value[:longest])


def clean(value: str) -> str:
    """Without the half characters that a file name may hold and neither SQLite nor a window takes."""
    return value.encode("utf-8", "replace").decode()


def blob(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise Damaged("a part is missing")
    return value
