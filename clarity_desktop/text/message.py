"""The message value, its English form and its stored form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from clarity_desktop.text import catalog
from clarity_desktop.text.marks import Plural


@dataclass(frozen=True, slots=True)
class Message:
    """The key of a template ("document.not_open") and the values of its fields.

    A field that is itself a Message is rendered first, in the same language. The field `n` chooses the plural form.
    """

    key: str
    fields: Mapping[str, Field] = field(default_factory=dict)

    def __str__(self) -> str:
        return english(self)


Field = str | int | float | Message
Text = Message | Sequence[Message] | str
"""A sentence, several sentences in a row (joined by spaces), or text that is not ours (a title, an LLM's reply)."""
Part = TypeVar("Part", bound=Message | str)
MAX_DEPTH = 16
"""Levels of messages in fields of messages; a list of 100 titles takes 12."""


def english(text: Text) -> str:
    """The text in English, as the command line and the log use it."""
    if isinstance(text, str):
        return text
    if not isinstance(text, Message):
        return " ".join(english(part) for part in text)
    template = catalog.templates().get(text.key, text.key)
    if isinstance(template, Plural):
        n = text.fields.get("n", 0)
        template = (template.one if n == 1 else template.many).replace("%n", str(n))
    if not text.fields:
        return template
    return template.format_map({k: english(v) if isinstance(v, Message) else v for k, v in text.fields.items()})


def messages(*texts: Text) -> tuple[Message, ...]:
    """The sentences of the texts in a row, each as a message; text that is not ours is wrapped, empty text left out."""
    found: list[Message] = []
    for text in texts:
        if isinstance(text, str):
            found += [Message("chat.quoted", {"text": text})] if text else []
        else:
            found += [text] if isinstance(text, Message) else text
    return tuple(found)


def enumeration(parts: Iterable[Part], key: str = "list.comma") -> Part | Message:
    """ "A", "A, B", "A, B, C" as one message; a single part as it is. Raises ValueError for no parts.

    key: the template that joins two parts.

    Halves are joined, so that a long list is nested little: `from_json` and recursion have limits.
    """
    joined = list(parts)
    if not joined:
        raise ValueError("a list of nothing")
    if len(joined) == 1:
        return joined[0]
    middle = (len(joined) + 1) // 2
    first, second = enumeration(joined[:middle], key), enumeration(joined[middle:], key)
    return Message(key, {"first": first, "second": second})


def conjunction(parts: Iterable[Part]) -> Part | Message:
    """ "A", "A and B", "A, B and C" as one message; a single part as it is. Raises ValueError for no parts."""
    *head, last = parts
    return Message("list.and", {"first": enumeration(head), "second": last}) if head else last


def to_json(text: Text) -> Any:
    """The stored form: a string, {"key", "fields"} or a list of these."""
    if isinstance(text, str):
        return text
    if not isinstance(text, Message):
        return [to_json(part) for part in text]
    return {"key": text.key, "fields": {k: to_json(v) if isinstance(v, Message) else v for k, v in text.fields.items()}}


def from_json(stored: Any, depth: int = 0) -> Text:
    """A text from untrusted JSON; what makes no sense becomes an empty string, and so does what is nested too deep."""
    if isinstance(stored, str):
        return stored
    if isinstance(stored, list):
        parts = [from_json(part, depth + 1) for part in stored] if depth < MAX_DEPTH else []
        return tuple(part for part in parts if isinstance(part, Message))
    if not isinstance(stored, dict) or depth >= MAX_DEPTH:
        return ""
    key, fields = stored.get("key"), stored.get("fields", {})
    if not isinstance(key, str) or key not in catalog.templates() or not isinstance(fields, dict):
        return ""
    message = Message(key, {str(k): _field(v, depth) for k, v in fields.items()})
    try:
        incomplete = "{" in english(message) and not fields
    except (KeyError, ValueError, TypeError):  # fields that the template of today cannot take
        return ""
    return "" if incomplete else message


def _field(value: Any, depth: int) -> Field:
    if isinstance(value, str | int | float):
        return value
    nested = from_json(value, depth + 1)
    return nested if isinstance(nested, Message) else ""
