"""Durations and sizes in a sentence."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "units.seconds": QT_TRANSLATE_NOOP("Message", "{value} s"),
    "units.minutes": QT_TRANSLATE_NOOP("Message", "{value} min"),
    "units.hours": QT_TRANSLATE_NOOP("Message", "{value} h"),
    "units.megabytes": QT_TRANSLATE_NOOP("Message", "{value} MB"),
    "units.gigabytes": QT_TRANSLATE_NOOP("Message", "{value} GB"),
}
