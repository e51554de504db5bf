"""Short texts of several widgets, translated: titles of tasks, versions and metrics, sizes and times."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QCoreApplication

from clarity_desktop import text, titles
from clarity_desktop.text import Message
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Degradation, MethodOption, Step, Task, Version, VersionId

METRICS = {"sseq": "SSEQ", "niqe": "NIQE", "brisque": "BRISQUE", "piqe": "PIQE"}
"""Metric → its name, which is the same in every language."""
MAX_EXCERPT = 130
"""Characters of a reason that a panel shows; the tooltip shows all of it."""
SEPARATOR = " · "
"""Separates facts in a line that is not a sentence."""
Device = Literal["cpu", "cuda", "mps", "auto"]


def task_title(task: Task) -> str:
    """The task as a command: "Remove rain"."""
    return render(titles.task_title(task))


def degradation_title(degradation: Degradation) -> str:
    """The degradation as a heading: "Rain streaks"."""
    return render(titles.degradation_title(degradation))


def degradation_noun(degradation: Degradation) -> str:
    """The degradation inside a sentence: "rain streaks"."""
    return render(titles.degradation_noun(degradation))


def metric_meaning(metric: str) -> str:
    """How to interpret a metric, in one line."""
    if metric == "niqe":
        return QCoreApplication.translate("labels", "Lower is better: 2 to 5 is a good photo.")
    return QCoreApplication.translate("labels", "Lower is better: 0 is best, about 100 is worst.")


def what_ran(step: Step) -> str:
    """What made a version: "Remove rain · MAXIM · 60%", "Cropped", "Original"."""
    if step.kind != "restore" or step.task is None:
        return render(titles.step_title(step))
    return SEPARATOR.join((task_title(step.task), *method_and_strength(step)))


def method_and_strength(step: Step) -> list[str]:
    """The method's name and, below full strength, the strength: what tells two versions of one title apart."""
    strength = [percent(step.strength)] if step.strength < 1 else []
    return ([method_name(step.method)] if step.method else []) + strength


def method_name(method: str) -> str:
    """What a method is called beside its task: "MAXIM", "Quick"."""
    return render(titles.method_name(method))


def version_title(version: Version) -> str:
    """The name that the user typed, or the title of the step; a rejected version is marked as such."""
    return render(titles.version_title(version))


def version_name(version: Version) -> str:
    """As `version_title`, without the strength, for a row that shows it elsewhere."""
    return version_title(version) if version.name or version.rejected else render(titles.step_name(version.step))


def distinct_titles(versions: Sequence[Version]) -> dict[VersionId, str]:
    """The titles of versions that are shown together, with methods: "Original", "Denoised · Quick, 50%".

    Equal ones get their time as well.
    """
    shown = {v.id: _with_method(v) for v in versions}
    counts = Counter(shown.values())
    template = QCoreApplication.translate("labels", "{title} ({detail})")
    return {
        v.id: template.format(title=shown[v.id], detail=clock(v.time)) if counts[shown[v.id]] > 1 else shown[v.id]
        for v in versions
    }


def _with_method(version: Version) -> str:
    ran = method_and_strength(version.step) if version.step.kind == "restore" and not version.name else []
    return SEPARATOR.join((version_name(version), ", ".join(ran))) if ran else version_title(version)


def excerpt(reason: str) -> str:
    """The beginning of a reason, with places where long paths and addresses may break."""
    short = reason if len(reason) <= MAX_EXCERPT else reason[:MAX_EXCERPT].rsplit(" ", 1)[0] + " …"
    # U+200B: QLabel breaks lines only at spaces, and a path has none.
    return re.sub(r"([/_\-])", "\\1\u200b", short)


def clock(at: float, now: float | None = None) -> str:
    """The time of day if it was today, else the date and the time. Seconds since the epoch."""
    then, today = time.localtime(at), time.localtime(now)
    return time.strftime("%H:%M" if then[:3] == today[:3] else "%d %b %Y, %H:%M", then)


def short_clock(at: float, now: float | None = None) -> str:
    """The time of day if it was today, else the date."""
    then, today = time.localtime(at), time.localtime(now)
    return time.strftime("%H:%M" if then[:3] == today[:3] else "%d %b %Y", then)


def duration(seconds: float) -> str:
    """ "4 s", "3 min", "1.6 h": as exact as an estimate deserves."""
    return render(text.duration(seconds))


def megapixels(value: float) -> str:
    """Millions of pixels: "2.5 MP"."""
    return render(text.megapixels(value))


def file_size(count: int) -> str:
    """Bytes in powers of ten, as file managers show them."""
    return render(text.size(count))


def percent(share: float) -> str:
    """A share of 0..1 as "60%"."""
    return render(Message("units.percent", {"value": f"{100 * share:.0f}"}))


def device_title(device: Device) -> str:
    """The processor: "CPU", "GPU"; the abbreviations are the same in every language."""
    if device == "auto":
        return QCoreApplication.translate("labels", "Automatic")
    return {"cpu": "CPU", "cuda": "GPU", "mps": "GPU (Metal)"}[device]


def metadata_choices() -> list[tuple[str, str]]:
    """What an export keeps of the metadata, with the values of `ExportOptions.metadata`."""
    return [
        (QCoreApplication.translate("labels", "Keep all"), "all"),
        (QCoreApplication.translate("labels", "Keep all except location"), "no-location"),
        (QCoreApplication.translate("labels", "Remove all"), "none"),
    ]


def option_title(title: str, option: MethodOption | None) -> str:
    """A method with what it gained on test photos and the time it takes: "MAXIM: +6.1 dB, 3 s"."""
    if option is None:
        return title
    if option.seconds is None:
        text = QCoreApplication.translate("labels", "{method}: cannot run here")
        return text.format(method=title)
    time = duration(option.seconds)
    if option.gain is None or not option.photos:
        return QCoreApplication.translate("labels", "{method}: {time}").format(method=title, time=time)
    text = QCoreApplication.translate("labels", "{method}: {gain} dB, {time}")
    return text.format(method=title, gain=f"{option.gain:+.1f}", time=time)
