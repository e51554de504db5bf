"""`clarity train` and `clarity bench`: they hand their words to the module that knows what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import partial
from importlib import import_module

ROOM = "clarity_training"
TRAIN = {
    "detector": "train_detector", "calibrate": "calibrate", "clip": "train_clip", "restorer": "train_restorer",
    "quality": "fit_quality",
}  # fmt: skip
BENCH = {"detector": "bench_detector", "restorer": "bench_restorer", "quality": "bench_quality"}


def add_train(p: argparse.ArgumentParser) -> None:
    _add(p, TRAIN)


def add_bench(p: argparse.ArgumentParser) -> None:
    _add(p, BENCH)


def _add(p: argparse.ArgumentParser, modules: Mapping[str, str]) -> None:
    p.add_argument("what", choices=tuple(modules), metavar="WHAT", help=", ".join(modules))
    p.add_argument("words", nargs=argparse.REMAINDER, metavar="…", help="what it takes is told by WHAT --help")
    p.set_defaults(run=partial(_run, modules))


def _run(modules: Mapping[str, str], asked: argparse.Namespace) -> int:
    return int(import_module(f"{ROOM}.{modules[asked.what]}").main(asked.words))
