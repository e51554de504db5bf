"""Checks of values from an untrusted file: the right type and range, or Damaged."""

from __future__ import annotations

import json
import sys
from typing import Any

from clarity_desktop.backend.document.limits import NAME, TEXT
from clarity_desktop.backend.document.tiles import Damaged

LARGEST = sys.float_info.max
"""JSON allows larger integers, which no float can represent."""


def parsed(text: Any) -> dict[str, Any]:
    """The JSON object in a text, or Damaged."""
    value = parsed_json(text)
    if not isinstance(value, dict):
        raise Damaged("document.damage_json_form")
    return value


def parsed_list(text: Any) -> list[Any]:
    """The JSON list in a text, or Damaged."""
    value = parsed_json(text)
    if not isinstance(value, list):
        raise Damaged("document.damage_json_form")
    return value


def parsed_json(text: Any) -> Any:
    """The JSON value in a text, or Damaged."""
    if not isinstance(text, str) or len(text) > TEXT:
        raise Damaged("document.damage_json_type")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as e:
        raise Damaged("document.damage_json") from e


def number(value: Any, low: float = -LARGEST, high: float = LARGEST) -> float:
    """A finite number in a range, or Damaged."""
    # bool is a subclass of int in Python, so it must be excluded first.
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise Damaged("document.damage_number")
    return float(value)


def whole(value: Any, low: int, high: int) -> int:
    """An integer in a range, or Damaged."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Damaged("document.damage_number")
    return value


def text(value: Any, longest: int = NAME) -> str:
    """A string without lone surrogates, cut to `longest` characters, or Damaged."""
    if not isinstance(value, str):
        raise Damaged("document.damage_name")
    return clean(value[:longest])


def clean(value: str) -> str:
    """The text without lone surrogates: file names may contain them, but neither SQLite nor Qt accepts them."""
    return value.encode("utf-8", "replace").decode()


def blob(value: Any) -> bytes:
    """A bytes value, or Damaged."""
    if not isinstance(value, bytes):
        raise Damaged("document.damage_part_missing")
    return value
