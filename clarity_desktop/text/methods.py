"""Templates of restoration methods."""

from __future__ import annotations

from clarity_desktop.text.marks import Template

TEMPLATES: dict[str, Template] = {}
