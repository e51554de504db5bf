"""Markers that `pyside6-lupdate` knows by name. They return the template unchanged; no Qt is needed."""

from __future__ import annotations

from typing import NamedTuple


class Plural(NamedTuple):
    """A template with `%n`, the number in the field `n`. Translations are looked up by `many`."""

    one: str
    many: str


Template = str | Plural
CONTEXT = "Message"
"""The translation context of all templates."""


def QT_TRANSLATE_NOOP(_context: str, template: str) -> str:
    """Mark a template for translation; the context must be the literal "Message"."""
    return template


def translate(_context: str, template: str, _comment: None, _n: int) -> str:
    """Mark a template that contains `%n`; lupdate takes a fourth argument as the sign of a plural."""
    return template
