"""`clarity train` and `clarity bench`: hand the arguments to the training package, a distribution of its own."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from clarity_desktop.messages import UserError

PACKAGE = "clarity_training"
TRAIN = {
    "detector": "train.detector", "calibrate": "train.calibration", "statistics": "train.statistics",
    "clip": "train.clip", "restorer": "train.restorer", "quality": "train.quality", "judge": "train.judge",
    "click": "train.click", "fusion": "train.fusion", "old-photo": "train.old_photo",
}  # fmt: skip
BENCH = {
    "detector": "evaluate.detector", "restorer": "evaluate.restorer", "quality": "evaluate.quality",
    "judgement": "evaluate.judgement", "click": "evaluate.click", "methods": "evaluate.methods",
    "fusion": "evaluate.fusion", "plans": "evaluate.plans",
}  # fmt: skip

TRAIN_EXAMPLES = """examples:
  clarity train detector --help
  clarity train restorer --help
"""
BENCH_EXAMPLES = """examples:
  clarity bench detector --help
  clarity bench restorer --photos photos --count 16
  clarity bench methods --data pairs --task derain
  clarity bench click --marked segments masks --count 120
"""


def add_train(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity train`."""
    _add(p, "train", TRAIN, TRAIN_EXAMPLES)


def add_bench(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity bench`."""
    _add(p, "bench", BENCH, BENCH_EXAMPLES)


def _add(p: argparse.ArgumentParser, command: str, modules: Mapping[str, str], examples: str) -> None:
    p.add_argument("what", choices=tuple(modules), metavar="WHAT", help=", ".join(modules))
    p.add_argument("arguments", nargs=argparse.REMAINDER, metavar="…", help="see `WHAT --help`")
    p.epilog = examples
    p.set_defaults(run=partial(_run, command, modules))


def _run(command: str, modules: Mapping[str, str], args: argparse.Namespace) -> int:
    if find_spec(PACKAGE) is None:
        raise UserError("cli.training_missing", command=command, what=args.what)
    return int(import_module(f"{PACKAGE}.{modules[args.what]}").main(args.arguments))
