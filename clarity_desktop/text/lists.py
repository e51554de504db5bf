"""How the parts of a list are joined in a sentence."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "list.and": QT_TRANSLATE_NOOP("Message", "{first} and {second}"),
    "list.dot": QT_TRANSLATE_NOOP("Message", "{first} · {second}"),
    "list.comma": QT_TRANSLATE_NOOP("Message", "{first}, {second}"),
}
