"""Templates of the detector and the scores."""

from __future__ import annotations

from clarity_desktop.text.marks import Template

TEMPLATES: dict[str, Template] = {}
