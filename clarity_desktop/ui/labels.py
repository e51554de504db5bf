"""How the window says things: titles of tasks and scores, sizes, times and numbers of pixels."""

from __future__ import annotations

import re
import time
from typing import Literal

from clarity_desktop import text
from clarity_desktop.text import english
from clarity_desktop.values import Degradation, Step, Task, Version

TASK_TITLES: dict[Task, str] = {
    "derain": "Remove rain",
    "deraindrop": "Remove raindrops",
    "desnow": "Remove snow",
    "dehaze": "Remove haze",
    "deblur": "Remove blur",
    "denoise": "Remove noise",
    "dejpeg": "Remove JPEG artefacts",
    "low_light": "Brighten a dark photo",
    "overexposure": "Recover an overexposed photo",
    "deflare": "Remove lens flare",
    "deshadow": "Remove shadows",
    "dewatermark": "Remove a watermark",
    "inpaint": "Fill in a gap",
    "upscale": "Enlarge",
    "retouch": "Retouch",
}
CHIPS: dict[Task, str] = {
    "derain": "Remove the rain",
    "dehaze": "Clear the haze",
    "deblur": "Make it sharp",
    "denoise": "Remove the noise",
    "low_light": "Brighten it",
    "retouch": "Retouch it",
}
"""What the chat suggests to say, one for each task that it understands."""

DEGRADATION_TITLES: dict[Degradation, str] = {
    "rain streak": "Rain streaks",
    "raindrop": "Raindrops",
    "snow": "Snow",
    "haze": "Haze",
    "blur": "Blur",
    "inpaint": "Missing parts",
    "low-light": "Low light",
    "overexposure": "Overexposure",
    "flare": "Lens flare",
    "shadow": "Shadow",
    "watermark": "Watermark",
    "noise": "Noise",
    "JPEG": "JPEG artefacts",
}

METRICS: dict[str, tuple[str, str]] = {
    "sseq": ("SSEQ", "Lower is better: 0 is best, about 100 worst."),
    "niqe": ("NIQE", "Lower is better: 2 to 5 is a good photo."),
    "brisque": ("BRISQUE", "Lower is better: 0 is best, about 100 worst."),
    "piqe": ("PIQE", "Lower is better: 0 is best, about 100 worst."),
}
"""Metric → its name and what its value means, in one line."""

LONGEST = 130
"""Characters of a reason that a panel shows; all of it is in the tooltip."""

DEVICES = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU (Metal)", "auto": "Automatic"}

_STEPS = {
    "open": "Original",
    "paste": "Original",
    "crop": "Crop",
    "rotate": "Rotate",
    "straighten": "Straighten",
    "flip": "Flip",
    "reset": "Back to the original",
}


def inside(title: str) -> str:
    """A title as it stands inside a sentence."""
    return title.lower().replace("jpeg", "JPEG")


def what_ran(step: Step) -> str:
    """ "Remove rain · maxim-deraining", "Crop", "Original"."""
    if step.kind != "restore":
        return _STEPS.get(step.kind, step.kind)
    title = TASK_TITLES[step.task] if step.task else "Restore"
    parts = [title] + ([step.method] if step.method else [])
    if step.strength < 1:
        parts.append(f"{round(100 * step.strength)} %")
    return " · ".join(parts)


def version_title(version: Version) -> str:
    """The name a person gave, or what was done."""
    return english(text.version_title(version))


def excerpt(why: str) -> str:
    """A reason that may name paths and addresses, as much of it as a panel has room for; it can break anywhere."""
    text = why if len(why) <= LONGEST else why[:LONGEST].rsplit(" ", 1)[0] + " …"
    return re.sub(r"([/_\-])", "\\1\u200b", text)


def clock(at: float, now: float | None = None) -> str:
    """The time of day today, the date before."""
    then, today = time.localtime(at), time.localtime(now)
    same_day = then[:3] == today[:3]
    return time.strftime("%H:%M" if same_day else "%d %b %Y, %H:%M", then)


def duration(seconds: float) -> str:
    """ "4 s", "About 3 min", "2 h 5 min": as exact as an estimate deserves."""
    if seconds < 1.5:
        return "1 s"
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def megapixels(value: float) -> str:
    return f"{value:.0f} MP" if value >= 10 else f"{value:.1f} MP" if value >= 0.1 else f"{value:.2f} MP"


def file_size(count: int) -> str:
    """In powers of ten, as file browsers count."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit in {"bytes", "kB"} or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError(count)


def place(device: Literal["cpu", "cuda", "mps"]) -> str:
    return {"cpu": "this CPU", "cuda": "the GPU", "mps": "the GPU"}[device]


def count(number: int, one: str, several: str) -> str:
    """ "1 photo", "3 photos"."""
    return f"{number} {one if number == 1 else several}"
