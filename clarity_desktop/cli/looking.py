"""`clarity assess`: what only looks at photos."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clarity_desktop.cli.photos import each, scores
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.studio import Studio


def add_assess(p: argparse.ArgumentParser) -> None:
    p.add_argument("photos", nargs="+", type=Path, metavar="IN")
    p.add_argument("--json", action="store_true", help="one JSON object per photo on stdout, and nothing else")
    p.set_defaults(run=_assess)


async def _assess(asked: argparse.Namespace) -> int:
    async def one(studio: Studio, path: Path, job: Job) -> dict[str, Any]:
        start = time.perf_counter()
        quality = await studio.score((await studio.read(path)).pixels, job)
        return {"path": str(path), **scores(quality), "seconds": round(time.perf_counter() - start, 3)}

    return await each(asked.photos, asked.json, one, _assessed_line)


def _assessed_line(row: dict[str, Any]) -> str:
    known = [f"{m.upper()} {row[m]:.2f}" for m in ("niqe", "piqe", "brisque", "sseq") if row[m] is not None]
    return f"{row['path']}: {', '.join(known) or 'no score'}"
