"""Templates of documents, versions and projects."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "document.rejected": QT_TRANSLATE_NOOP("Message", "Rolled back: {title}"),
}
