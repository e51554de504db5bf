"""Templates of running a method on a photo."""

from __future__ import annotations

from clarity_desktop.text.marks import Template

TEMPLATES: dict[str, Template] = {}
