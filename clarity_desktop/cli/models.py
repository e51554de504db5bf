"""`clarity models`: the weights on this machine."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from clarity_desktop.cli.terminal import DONE, print_error, print_result, show_progress
from clarity_desktop.messages import UserError
from clarity_desktop.worker import Job, Lane, Pools


def add_models(p: argparse.ArgumentParser) -> None:
    p.add_argument("verb", choices=("list", "fetch", "import", "verify", "remove"))
    p.add_argument("names", nargs="*", metavar="ID|PATH", help="models, or files and folders to import")
    p.add_argument("--json", action="store_true", help="one JSON object per model on stdout, and nothing else")
    p.set_defaults(run=_models)


async def _models(asked: argparse.Namespace) -> int:
    from clarity_desktop.backend import weights

    if asked.verb in ("fetch", "import", "remove") and not asked.names:
        raise UserError("cli.model_name_missing", verb=asked.verb)
    wanted = ("ready", "broken") if asked.verb == "verify" else ("ready", "broken", "partial", "missing")
    worst, shown, lane, pools = DONE, set[str](), Lane(), Pools()
    job = Job(show_progress, lane, pools)
    try:
        for name in asked.names or [card.id for card in weights.cards() if card.state in wanted]:
            shown.add(name)
            try:
                shown.update(await asyncio.to_thread(_do, asked.verb, name, job.report))
            except UserError as e:
                worst = max(worst, print_error(e))
    except asyncio.CancelledError:
        job.cancel()  # or the program would wait for the end of what its thread does
        raise
    finally:
        lane.close()
        pools.close()
    for card in weights.cards():
        if card.id in shown:
            row = {**asdict(card), "path": str(card.path) if card.path else None}
            megabytes = max(0.1, card.size / 1e6)
            print_result(row if asked.json else f"{card.id:28} {card.state:8} {megabytes:7.1f} MB  {card.licence}")
    return worst


def _do(verb: str, name: str, report: Callable[[float, str], None]) -> tuple[str, ...]:
    """One verb of `clarity models`; returns the models that it was about."""
    from clarity_desktop.backend import weights

    match verb:
        case "import":
            return weights.import_(Path(name))
        case "fetch":
            weights.fetch(name, report)
        case "remove":
            weights.remove(name)
        case "verify":
            weights.verify(name)
        case _:
            weights.state(name)
    return (name,)
