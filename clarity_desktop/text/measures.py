"""Durations and sizes, as messages."""

from __future__ import annotations

from clarity_desktop.text.message import Message


def duration(seconds: float) -> Message:
    """About how long: "12 s", "7 min", "1.6 h"."""
    if seconds < 90:
        return Message("units.seconds", {"value": max(1, round(seconds))})
    if seconds < 5400:
        return Message("units.minutes", {"value": round(seconds / 60)})
    return Message("units.hours", {"value": f"{seconds / 3600:.1f}"})


def size(count: int) -> Message:
    """A number of bytes in powers of ten: "640 bytes", "57 MB", "1.4 GB"."""
    for unit, factor in (("gigabytes", 1e9), ("megabytes", 1e6), ("kilobytes", 1e3)):
        if (value := count / factor) >= 0.995:
            digits = 0 if unit == "kilobytes" or value >= 9.95 else 1
            return Message(f"units.{unit}", {"value": f"{value:.{digits}f}"})
    return Message("units.bytes", {"value": count})


def megapixels(value: float) -> Message:
    """Millions of pixels: "0.05 MP", "2.5 MP", "24 MP"."""
    return Message("units.megapixels", {"value": f"{value:.{0 if value >= 10 else 1 if value >= 0.1 else 2}f}"})
