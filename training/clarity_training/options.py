"""Command-line options that trainers and benches share, and the photos that they name."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from clarity_training.photos import Split, select


def add_photo_options(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """--photos and --exclude, read by `clean_photos`."""
    parser.add_argument(
        "--photos", nargs="+", type=Path, required=required, default=[], metavar="DIR",
        help="folders with clean photos; name the same ones for training, calibration and benches",
    )  # fmt: skip
    parser.add_argument(
        "--exclude", type=Path, metavar="FILE",
        help="leave out photos whose 64-bit difference hash is in this file (hexadecimal, one a line) or differs from "
        "one of them in at most 7 bits",
    )  # fmt: skip


def add_run_options(parser: argparse.ArgumentParser, *, seed: int, threads: int = 2) -> None:
    """--threads and --seed, applied by `apply_run_options`."""
    parser.add_argument("--threads", type=int, default=threads, help="threads of the network")
    parser.add_argument("--seed", type=int, default=seed)


def positive(text: str) -> int:
    """A whole number from 1, of an option. Raises argparse.ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1")
    return int(text)


def apply_run_options(args: argparse.Namespace) -> None:
    """Set torch's seed and number of threads."""
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)


def clean_photos(args: argparse.Namespace, split: Split) -> list[Path]:
    """The photos of a split in the folders of --photos, without those of --exclude. Raises UserError as `select`."""
    return select(args.photos, split, args.exclude)
