"""Templates of the verbs."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "studio.exported_file_gone": QT_TRANSLATE_NOOP(
        "Message", "{path} was written, but another program removed it at once. Export the photo again."
    ),
}
