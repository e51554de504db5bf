"""Durations and sizes in a sentence."""

from __future__ import annotations

from clarity_desktop.text.marks import QT_TRANSLATE_NOOP, Template

TEMPLATES: dict[str, Template] = {
    "units.seconds": QT_TRANSLATE_NOOP("Message", "{value} s"),
    "units.minutes": QT_TRANSLATE_NOOP("Message", "{value} min"),
    "units.hours": QT_TRANSLATE_NOOP("Message", "{value} h"),
    "units.bytes": QT_TRANSLATE_NOOP("Message", "{value} bytes"),
    "units.kilobytes": QT_TRANSLATE_NOOP("Message", "{value} kB"),
    "units.megabytes": QT_TRANSLATE_NOOP("Message", "{value} MB"),
    "units.gigabytes": QT_TRANSLATE_NOOP("Message", "{value} GB"),
    "units.percent": QT_TRANSLATE_NOOP("Message", "{value}%"),
    "units.megapixels": QT_TRANSLATE_NOOP("Message", "{value} MP"),
}
