"""`clarity plan`: what a request in plain English would do to a photo. Reads no pixels and imports no torch."""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clarity_desktop.cli.terminal import DONE, add_photo, print_result
from clarity_desktop.errors import UserError

EXAMPLES = """examples:
  clarity plan photo.jpg "remove the rain, then brighten it a bit"
  clarity plan photo.jpg "denoise only the sky" --json
  clarity plan photo.jpg "undo that" --history conversation.json --json

A history is a JSON list of turns: {"role": "user"|"assistant", "text", "steps", "versions"}.
"""
MAX_HISTORY = 20_000_000
"""Bytes of a history file."""


def add_plan(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity plan`."""
    add_photo(p)
    p.add_argument("request", help="what to do, in plain English")
    p.add_argument("--history", type=Path, metavar="FILE", help="the conversation so far, as JSON")
    p.add_argument("--json", action="store_true", help="one JSON object on stdout, and nothing else")
    p.epilog = EXAMPLES
    p.set_defaults(run=_plan)


def _plan(asked: argparse.Namespace) -> int:
    if not asked.photo.is_file():
        raise UserError("cli.no_photo", path=str(asked.photo))
    with _without_collector():
        from clarity_desktop.backend.chat.planner import plan
        from clarity_desktop.backend.plan import history_from_json, plan_to_json

        history = history_from_json(_read(asked.history)) if asked.history else ()
        row = plan_to_json(plan(asked.request, history))
    for line in (row,) if asked.json else _lines(row):
        print_result(line)
    return DONE


@contextmanager
def _without_collector() -> Generator[None]:
    """Do not look for garbage among what is imported: that takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _read(path: Path) -> Any:
    """A history file. Raises UserError."""
    try:
        if path.stat().st_size > MAX_HISTORY:
            raise UserError("cli.history_too_large", path=str(path))
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as e:
        raise UserError("cli.history_not_read", path=str(path)) from e


def _lines(row: dict[str, Any]) -> list[str]:
    """A plan for people: a line for each step, then the question or the reply."""
    steps = [f"{number}. {_line(step)}" for number, step in enumerate(row["steps"], 1)]
    return [*steps, *filter(None, (row["question"], row["reply"]))]


def _line(step: dict[str, Any]) -> str:
    shown = {name: value for name, value in step.items() if value is not None and name not in ("tool", "region")}
    if isinstance(shown.get("settings"), dict):
        shown["settings"] = {name: value for name, value in shown["settings"].items() if value is not None}
    words = [step["tool"], *(f"{name}={json.dumps(value)}" for name, value in shown.items())]
    return " ".join([*words, f"region={json.dumps(step['region']['text'])}"] if step["region"] else words)
