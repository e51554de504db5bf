"""`clarity detect` and `clarity assess`: what only looks at photos."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop.cli.photos import each, scores
from clarity_desktop.values import LIKELY
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio


def add_detect(p: argparse.ArgumentParser) -> None:
    _add_photos(p)
    p.set_defaults(run=_detect)


def add_assess(p: argparse.ArgumentParser) -> None:
    _add_photos(p)
    p.set_defaults(run=_assess)


def _add_photos(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=Path, metavar="IN")
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")


async def _detect(asked: argparse.Namespace) -> int:
    async def one(studio: Studio, path: Path, job: Job) -> dict[str, Any]:
        start = time.perf_counter()
        found = await studio.find((await studio.read(path)).pixels, job)
        return {
            "path": str(path),
            "top": [[name, round(share, 4)] for name, share in found.top],
            "degradations": {
                name: {"probability": round(f.probability, 4), "severity": round(f.severity, 4)}
                for name, f in found.found.items()
            },
            "seconds": round(time.perf_counter() - start, 3),
        }

    return await each(asked.photos, asked.json, one, _detected_line)


def _detected_line(row: dict[str, Any]) -> str:
    name, share = row["top"][0]
    there = {n: d for n, d in row["degradations"].items() if d["probability"] >= LIKELY}
    likely = ", ".join(f"{n} {d['probability']:.0%} (severity {d['severity']:.1f})" for n, d in there.items())
    return f"{row['path']}: {name} {share:.0%}" + (f"; there are {likely}" if likely else "")


async def _assess(asked: argparse.Namespace) -> int:
    async def one(studio: Studio, path: Path, job: Job) -> dict[str, Any]:
        start = time.perf_counter()
        pixels = (await studio.read(path)).pixels
        start += await asyncio.to_thread(_import_torch)  # once a call: no part of what a photo takes
        quality = await studio.more(pixels, await studio.look_and_score(pixels, job), job)
        return {"path": str(path), **scores(quality), "seconds": round(time.perf_counter() - start, 3)}

    return await each(asked.photos, asked.json, one, _assessed_line)


def _import_torch() -> float:
    """How many seconds it took."""
    from clarity_desktop.backend import gently

    start = time.perf_counter()
    gently.import_torch()
    return time.perf_counter() - start


def _assessed_line(row: dict[str, Any]) -> str:
    known = [f"{m.upper()} {row[m]:.2f}" for m in ("sseq", "niqe", "brisque", "piqe") if row[m] is not None]
    overall = [] if row["overall"] is None else [f"overall {row['overall']:.0f}"]
    return f"{row['path']}: {', '.join([*overall, *known]) or 'no score'}"
