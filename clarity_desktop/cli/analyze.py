"""`clarity detect` and `clarity assess`: analysis without changes."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop.cli.photos import for_each_photo, scores, visible
from clarity_desktop.cli.terminal import add_photos
from clarity_desktop.text import english
from clarity_desktop.values import Detection, Quality, at_full_size, summary
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio

DETECT_EXAMPLES = """examples:
  clarity detect photo.jpg
  clarity detect *.jpg --json > detected.jsonl
"""
ASSESS_EXAMPLES = """examples:
  clarity assess before.jpg after.jpg
  clarity assess *.jpg --json > scores.jsonl
"""


def add_detect(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity detect`."""
    _add_photos(p)
    p.epilog = DETECT_EXAMPLES
    p.set_defaults(run=_detect)


def add_assess(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity assess`."""
    _add_photos(p)
    p.epilog = ASSESS_EXAMPLES
    p.set_defaults(run=_assess)


def _add_photos(p: argparse.ArgumentParser) -> None:
    add_photos(p)
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")


async def _detect(asked: argparse.Namespace) -> int:
    async def analyze(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        start = time.perf_counter()
        pixels = await visible(await studio.read(path, job), job)
        start += await job.side("estimate", _import_torch)  # once a process: not counted as time for the photo
        found = await studio.find(pixels, job)
        row = {
            "path": str(path),
            "top": [[name, round(share, 4)] for name, share in found.top],
            "degradations": {
                name: {"probability": round(f.probability, 4), "severity": round(f.severity, 4)}
                for name, f in found.found.items()
            },
            "full_size": {
                name: {"probability": round(f.probability, 4), "severity": round(f.severity, 4)}
                for name, f in found.close.items()
            },
            "seconds": round(time.perf_counter() - start, 3),
        }
        return row, _detected_line(path, found)

    return await for_each_photo(asked.photos, asked.json, analyze, asked.make_studio)


def _detected_line(path: Path, detection: Detection) -> str:
    """The line without --json; it names the same degradations as the window and the chat."""
    kind, names = summary(detection)
    named = " and ".join(f"{n} {detection.found[n].probability:.0%}" for n in names)
    if kind == "there":
        findings = ", ".join(
            f"{n} {detection.found[n].probability:.0%} (severity {detection.found[n].severity:.1f})" for n in names
        )
        line = f"{path}: {'blend: ' if len(names) > 1 else ''}{findings}"
    elif kind == "unsure":
        line = f"{path}: unsure; most likely {named}"
    else:
        line = f"{path}: normal {detection.top[0][1]:.0%}" + (f"; possibly {named}" if named else "")
    hidden = ", ".join(f"{n} {detection.close[n].probability:.0%}" for n in at_full_size(detection))
    return f"{line}; at full size {hidden}" if hidden else line


async def _assess(asked: argparse.Namespace) -> int:
    async def analyze(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        start = time.perf_counter()
        pixels = await visible(await studio.read(path, job), job)
        start += await job.side("estimate", _import_torch)  # once a process: not counted as time for the photo
        quality = await studio.measure_more(pixels, await studio.find_and_score(pixels, job), job)
        row = {"path": str(path), **scores(quality), "seconds": round(time.perf_counter() - start, 3)}
        return row, _assessed_line(path, quality)

    return await for_each_photo(asked.photos, asked.json, analyze, asked.make_studio)


def _import_torch() -> float:
    """Import torch; returns the seconds it took."""
    from clarity_desktop.backend import torch_import

    start = time.perf_counter()
    torch_import.import_torch()
    return time.perf_counter() - start


def _assessed_line(path: Path, quality: Quality) -> str:
    """The line without --json: the scores, and the reason for each missing one."""
    four = {"SSEQ": quality.sseq, "NIQE": quality.niqe, "BRISQUE": quality.brisque, "PIQE": quality.piqe}
    known = [f"{name} {value:.2f}" for name, value in {**four, **quality.more}.items() if value is not None]
    overall = [] if quality.overall is None else [f"overall {quality.overall:.0f}"]
    line = f"{path}: {', '.join([*overall, *known]) or 'no score'}"
    return ". ".join([line, " ".join(dict.fromkeys(map(english, quality.why.values())))]) if quality.why else line
