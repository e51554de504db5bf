"""Templates of Auto: what was found, tried, kept and rolled back."""

from __future__ import annotations

from clarity_desktop.text.marks import Template

TEMPLATES: dict[str, Template] = {}
