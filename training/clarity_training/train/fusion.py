"""`clarity train fusion`: train the fusion network for low light on pairs of LOL with noise (paper, sections 3.4, 4.3).

The restorations that it fuses are made once (fusion_candidates.py). It learns on every fourth pixel of whole photos,
then on every second and on crops, at last on all: so it sees the light of the whole and its noise from the first step
on, at a sixteenth of the work. Can be stopped and started again.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clarity_desktop.backend.nets import fusion
from clarity_training import fusion_candidates, options, photos
from clarity_training.fusion_candidates import CandidateMaker, FusionSample
from clarity_training.train import loop

STAGES = (0.45, 4, 4), (0.7, 2, 2), (1.0, 1, 1)
"""(progress up to which a stage lasts, pixels of which one is used, photos in a step)."""
CROPS = 0.5
"""Share of the steps of the second stage that use crops instead of every second pixel."""


def main(words: Sequence[str] | None = None, now: Callable[[], float] = time.monotonic) -> int:
    """Make the missing candidates, train until the minutes are over, write the averaged weights.

    now: a monotonic clock in seconds.
    """
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    files = make(args)
    if args.minutes:
        train(files, args, now)
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train fusion", description=__doc__)
    loop.time_options(p, minutes=120, rate=1e-3, checkpoint="fusion.pt", out="clarity-fusion.safetensors")
    options.add_run_options(p, seed=1)
    options.add_photo_options(p, required=False)
    p.add_argument("--lol", type=Path, required=True, metavar="DIR", help='pairs in folders "input" and "target"')
    p.add_argument("--candidates", type=Path, default=Path("checkpoints/fusion-candidates"), metavar="DIR")
    p.add_argument("--draws", type=int, default=2, metavar="N", help="draws of the noise for each pair")
    p.add_argument("--made-up", type=int, default=200, metavar="N", help="clean photos of --photos in low light")
    return p


def make(args: argparse.Namespace) -> list[Path]:
    """The files of all training samples; missing ones are made."""
    maker = CandidateMaker(args.candidates, args.threads)
    pairs = list(fusion_candidates.lol_pairs(args.lol, train=True))
    files = [maker.pair(dark, good, draw) for draw in range(args.draws) for dark, good in pairs]
    if args.photos:
        clean = options.clean_photos(args, "train")
        chosen = np.random.default_rng(args.seed).permutation(len(clean))[: args.made_up]
        files += [
            maker.synthetic(clean[k], 0) for k in chosen if min(photos.photo_size(clean[k])) >= fusion_candidates.SIDE
        ]
    return files


def samples(files: Sequence[Path], step: int, crops: bool, rng: np.random.Generator) -> Iterator[FusionSample]:
    """Without end: random samples, turned and mirrored at random; every step-th pixel, or a crop of that size."""
    while True:
        sample = _read(files[int(rng.integers(len(files)))])
        turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
        y, x = (int(rng.integers(0, n - n // step + 1 if crops else step)) for n in sample.truth.shape[:2])
        high, wide = (n // step for n in sample.truth.shape[:2])
        part = (slice(y, y + high), slice(x, x + wide)) if crops else (slice(y, None, step), slice(x, None, step))

        def moved(a: NDArray[np.uint8]) -> NDArray[np.uint8]:
            """The part of …×H×W×3 uint8, turned."""
            a = np.rot90(a[..., *part, :], turns, (-3, -2))  # noqa: B023
            return np.ascontiguousarray(a[..., ::-1, :] if mirrored else a)  # noqa: B023

        yield FusionSample(moved(sample.damaged), moved(sample.candidates), moved(sample.truth))


@cache
def _read(file: Path) -> FusionSample:
    return fusion_candidates.read(file)


def train(files: Sequence[Path], args: argparse.Namespace, now: Callable[[], float]) -> None:
    """Train on the files; resumes the checkpoint if there is one."""
    net = fusion.light().to(args.device)
    run = loop.ResumableTraining(net, args, now, decay=1e-3, average=0.998)
    rng = np.random.default_rng([args.seed, run.step])
    run.clock.restart()
    while run.progress < 1:
        _, stride, count = next(stage for stage in STAGES if run.progress < stage[0])
        crops = 1 < stride < STAGES[0][1] and rng.random() < CROPS
        some = list(itertools.islice(samples(files, stride, crops, rng), count))
        candidates, damaged, truth = (torch.from_numpy(a).to(args.device) for a in fusion_candidates.batch(some))
        run.learn(psnr_loss(net(candidates, damaged), truth), warmup=100)
        if (loss := run.mean_loss(50)) is not None:
            print(f"step {run.step}, {run.clock.spent / 60:.1f} min, mean PSNR {-loss:.2f} dB", flush=True)
    run.save()


def psnr_loss(result: Tensor, truth: Tensor) -> Tensor:
    """The mean negative PSNR in dB, a scalar. result, truth: N×3×H×W float32, 0..1."""
    error = (result - truth).square().mean((1, 2, 3))
    return 10 * torch.log10(error + 1e-8).mean()
