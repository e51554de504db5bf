"""The path of a photo in a message: "/photos/b.jpg remove the rain"."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from clarity_desktop.text import Message, english
from clarity_desktop.values import READABLE

_SUFFIX = "|".join(suffix[1:] for suffix in (*READABLE, ".clarity"))
_START = r"(?:file://|~[\\/]|/(?!/)|[a-z]:[\\/])"
_PATH = re.compile(
    rf"""(?P<quote>["'“])(?P<quoted>{_START}[^"'”\n]+\.(?:{_SUFFIX}))["'”]"""
    rf"""|(?<![^\s(:,])(?P<bare>{_START}[^"'“”\n]*?\.(?:{_SUFFIX}))(?![\w.])""",
    re.IGNORECASE,
)
_EXPORT = re.compile(r"\b(?:as|to|into|in)\s*$", re.IGNORECASE)
"""Before the path of a file to be written."""
_OPENS = re.compile(
    r"(?:please )?(?:now )?(?:open|load|show(?: me)?|use|take|here is|here's|this is) this photo\W*", re.IGNORECASE
)
_HERE = english(Message("chat.say_this_photo"))  # the planner understands English
_WORDS = re.compile(r"\w")


class TypedPath(NamedTuple):
    """text: the message without the path, "" where nothing else is said."""

    path: Path
    text: str


def find_path(message: str) -> TypedPath | None:
    """The photo that a message names by its path; None: it names none. Whether the file exists is not looked at."""
    found = _PATH.search(message)
    if found is None or _EXPORT.search(message[: found.start()]):
        return None
    before, after = message[: found.start()].strip(), message[found.end() :].strip(" \t\n,:;–-")
    if not _WORDS.search(before):
        text = after if _WORDS.search(after) else ""
    else:
        # In the middle of a sentence something must stand in its place; at the end of one nothing.
        text = before.rstrip(":") if before.endswith(":") and not after else " ".join((before, _HERE, after)).strip()
    return TypedPath(_path_of(found["quoted"] or found["bare"]), text)


def only_opens(text: str) -> bool:
    """Whether the rest of a message only says that the photo is to be opened."""
    return _OPENS.fullmatch(text) is not None


def _path_of(typed: str) -> Path:
    if typed.lower().startswith("file://"):
        typed = unquote(urlsplit(typed).path)
    return Path(typed).expanduser()
