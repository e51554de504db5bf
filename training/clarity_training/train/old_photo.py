"""`clarity train old-photo`: train the network that finds scratches, creases, dust and missing corners of old prints.

It learns from clean photos that are aged and damaged here (degrade/old_print.py), of which it knows what is missing,
and from aged and clean ones without damage.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clarity_desktop.backend.nets.old_print import OldPrintMarks
from clarity_training import options, photos
from clarity_training.damage import Photo
from clarity_training.degrade import lost_pixels, old_print
from clarity_training.train import loop

CROP = 256
FEWEST = 0.1
"""Share of paper that shows in a pixel from which it counts as damaged."""
UNDAMAGED = 0.3
"""Share of samples without damage."""
CROPS = 4
"""Samples from a photo before the next one is read."""


def main(words: Sequence[str] | None = None, now: Callable[[], float] = time.monotonic) -> int:
    """Train until the minutes are over; writes the averaged weights as float16 safetensors.

    now: a monotonic clock in seconds.
    """
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    train(options.clean_photos(args, "train"), args, now)
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train old-photo", description=__doc__)
    loop.training_options(p, minutes=40, rate=2e-3, checkpoint="old-photo.pt", out="clarity-old-photo.safetensors")
    p.add_argument("--batch", type=int, default=8)
    return p


def samples(paths: Sequence[Path], rng: np.random.Generator) -> Iterator[tuple[Photo, NDArray[np.float32]]]:
    """Without end: (print CROP×CROP×3 float32 0..1, what is damaged CROP×CROP float32 0 or 1)."""
    while True:
        photo = photos.load(paths[int(rng.integers(len(paths)))], int(rng.integers(380, 1300)))
        if min(photo.shape[:2]) < CROP:
            continue
        for _ in range(CROPS):
            yield _sample(photo, rng)


def _sample(photo: Photo, rng: np.random.Generator) -> tuple[Photo, NDArray[np.float32]]:
    y, x = (int(rng.integers(0, n - CROP + 1)) for n in photo.shape[:2])
    crop = np.ascontiguousarray(photo[y : y + CROP, x : x + CROP])
    if rng.random() < UNDAMAGED:
        aged = old_print.faded(crop, float(rng.uniform()), rng) if rng.random() < 0.7 else crop
        made, damaged = aged, np.zeros(crop.shape[:2], np.float32)
    else:
        result = lost_pixels.damaged_print(crop, float(rng.uniform(0.05, 0.9)), rng)
        assert result.holes is not None
        made, damaged = result.pixels, (result.holes > FEWEST).astype(np.float32)
    if rng.random() < 0.5:  # as the JPEG file of a scan
        quality = int(rng.integers(50, 96))
        _, data = cv2.imencode(".jpg", photos.to_8bit(made), [cv2.IMWRITE_JPEG_QUALITY, quality])
        made = np.divide(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), 255, dtype=np.float32)
    return made, damaged


def loss_of(logits: Tensor, truth: Tensor) -> Tensor:
    """Cross entropy and the Dice loss, a scalar. logits: N×1×H×W float32. truth: the same, 0 or 1."""
    share = logits.sigmoid()
    dice = 1 - (2 * (share * truth).sum() + 1) / (share.sum() + truth.sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, truth) + 0.5 * dice


def train(paths: Sequence[Path], args: argparse.Namespace, now: Callable[[], float]) -> None:
    """Train on the photos; resumes the checkpoint if there is one."""
    net = OldPrintMarks().to(args.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    run = loop.ResumableTraining(net, args, now, decay=0.01, average=0.995)
    source = samples(paths, np.random.default_rng([args.seed, run.step]))
    run.clock.restart()
    while run.progress < 1:
        some = [next(source) for _ in range(args.batch)]
        made = torch.from_numpy(np.stack([s[0] for s in some])).permute(0, 3, 1, 2).to(args.device)
        truth = torch.from_numpy(np.stack([s[1] for s in some]))[:, None].to(args.device)
        run.learn(loss_of(net(made.contiguous(memory_format=torch.channels_last)), truth), warmup=50)
        if (loss := run.mean_loss(25)) is not None:
            print(f"step {run.step}, {run.clock.spent / 60:.1f} min, loss {loss:.3f}", flush=True)
    run.save()
