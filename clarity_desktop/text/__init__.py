"""Text that the backend shows to people, as data: a `Message` is the key of a template and the values for its fields.

The English templates lie in the modules of this package, one a package of the backend, and are marked so that
`pyside6-lupdate` finds them. Command line and log use `english`; the window translates a message when it shows it
(`ui.translate.render`). Documents store keys and fields (`to_json`), never rendered text.
"""

from __future__ import annotations

from clarity_desktop.text.measures import duration, megapixels, size
from clarity_desktop.text.message import (
    Field,
    Message,
    Text,
    conjunction,
    english,
    enumeration,
    from_json,
    messages,
    to_json,
)

__all__ = [
    "Field", "Message", "Text", "conjunction", "duration", "english", "enumeration", "from_json", "megapixels",
    "messages", "size",    "to_json",
]  # fmt: skip
