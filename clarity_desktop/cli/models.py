"""`clarity models`: list, download, import, verify and remove model weights."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from clarity_desktop.cli.terminal import DONE, print_error, print_result, show_progress
from clarity_desktop.messages import UserError
from clarity_desktop.text import size
from clarity_desktop.values import TASKS, OwnChoice
from clarity_desktop.worker import Job, Lane, Pools

if TYPE_CHECKING:
    from clarity_desktop.backend.weights import Report, WeightStore

EXAMPLES = """examples:
  clarity models list
  clarity models fetch maxim-denoising maxim-deraining
  clarity models import ~/Downloads
  clarity models import NAFNet-GoPro-width32.pth --task deblur --license MIT
  clarity models verify
  clarity models remove maxim-denoising
"""


def add_models(p: argparse.ArgumentParser) -> None:
    """The arguments of `clarity models`."""
    p.add_argument("verb", choices=("list", "fetch", "import", "verify", "remove"))
    p.add_argument("names", nargs="*", metavar="ID|PATH", help="model ids, or files and folders to import")
    p.add_argument("--task", choices=TASKS, help="import: what a weights file restores that is not in the catalog")
    p.add_argument("--license", metavar="TEXT", help="import: the license of such a file, if it states none")
    p.add_argument("--title", metavar="TEXT", help="import: how to list such a file (default: its name)")
    p.add_argument("--json", action="store_true", help="one JSON object per model on stdout, and nothing else")
    p.epilog = EXAMPLES
    p.set_defaults(run=_models)


async def _models(asked: argparse.Namespace) -> int:
    from clarity_desktop.backend.weights import default_store

    store: WeightStore = asked.store or default_store()
    if asked.verb in ("fetch", "remove") and not asked.names:
        raise UserError("cli.model_name_missing", verb=asked.verb)
    if asked.verb == "import" and not all(asked.names or [""]):
        raise UserError("cli.model_file_missing")
    wanted = ("ready", "broken") if asked.verb == "verify" else ("ready", "broken", "partial", "missing")
    worst, shown, lane, pools = DONE, set[str](), Lane(), Pools()
    job = Job(show_progress, lane, pools)
    try:
        for name in asked.names or [card.id for card in store.cards() if card.state in wanted]:
            shown.add(name)
            try:
                shown.update(await job.side("network", _run_verb, store, asked, name, job.report))
            except UserError as e:
                worst = max(worst, print_error(e))
    finally:
        lane.close()
        pools.close()
    for card in store.cards():
        if card.id in shown:
            row = {**asdict(card), "path": str(card.path) if card.path else None}
            megabytes = max(0.1, card.size / 1e6)
            print_result(row if asked.json else f"{card.id:28} {card.state:8} {megabytes:7.1f} MB  {card.licence}")
    return worst


def _run_verb(store: WeightStore, asked: argparse.Namespace, name: str, report: Report) -> tuple[str, ...]:
    """Run one verb of `clarity models`; returns the ids of the models it concerned."""
    from clarity_desktop.backend.weights import UnknownWeights

    match asked.verb:
        case "import":
            try:
                return store.import_(Path(name), report)
            except UnknownWeights:
                if not Path(name).is_file():
                    raise
                return (_import_own(store, Path(name), asked),)
        case "fetch":
            store.fetch(name, report)
        case "remove":
            store.remove(name)
        case "verify":
            store.verify(name)
        case _:
            store.state(name)
    return (name,)


def _import_own(store: WeightStore, path: Path, asked: argparse.Namespace) -> str:
    """Import a weights file that the catalog does not know; returns its id. Raises UserError."""
    found = store.recognize(path)
    task, licence = asked.task or found.task, (asked.license or "").strip() or found.licence
    if task is None:
        tasks = ", ".join(found.tasks)
        raise UserError("weights.own_task_needed", file=path.name, architecture=found.architecture, tasks=tasks)
    if not licence:
        raise UserError(
            "weights.own_licence_needed", file=path.name, architecture=found.architecture, size=size(found.size)
        )
    return store.add_own(path, OwnChoice((asked.title or "").strip() or found.title, task, licence))
