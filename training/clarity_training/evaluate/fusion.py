"""`clarity bench fusion`: the fusion network for low light on unseen pairs of LOL with noise, beside what it fuses.

PSNR and SSIM are those of RGB, without and with the mean of the truth: "with" multiplies a result so that its mean is
that of the truth, as some published tables do, which is worth 2 to 5 dB on LOL.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clarity_desktop import settings
from clarity_desktop.backend.fusion import LOW_LIGHT_METHODS, LOW_LIGHT_WEIGHTS, Network, load_network
from clarity_desktop.backend.iqa.distance import distance
from clarity_training import fusion_candidates, options
from clarity_training.fusion_candidates import CandidateMaker, FusionSample

WEIGHTS = settings.resources() / "weights" / f"{LOW_LIGHT_WEIGHTS}.safetensors"
Photo = NDArray[np.uint8]
Figures = dict[str, tuple[float, float, float, float]]
"""Name → PSNR, SSIM, and both with the mean of the truth."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print a table for each folder of pairs; --json has the figures of each photo."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    network = load_network(args.weights)
    maker = CandidateMaker(args.candidates, args.threads)
    rows: dict[str, dict[str, Figures]] = {"reduced to 256×256": {}, "full resolution": {}}
    pairs = [pair for folder in args.lol for pair in fusion_candidates.lol_pairs(folder, train=False)]
    for dark, good in pairs[: args.count]:
        sample = fusion_candidates.read(maker.pair(dark, good, 0))
        whole = sample.truth.shape[:2] == (fusion_candidates.SIDE, fusion_candidates.SIDE)
        rows["reduced to 256×256" if whole else "full resolution"][dark.stem] = measure(sample, partial(fused, network))
    for title, photos in rows.items():
        if photos:
            print(table(f"{title}: {len(photos)} photos", photos))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench fusion", description=__doc__)
    options.add_run_options(p, seed=1)
    p.add_argument(
        "--lol", nargs="+", type=Path, required=True, metavar="DIR", help='folders with "input" and "target"'
    )
    p.add_argument("--weights", type=Path, default=WEIGHTS)
    p.add_argument("--candidates", type=Path, default=Path("checkpoints/fusion-candidates"), metavar="DIR")
    p.add_argument("--count", type=int, help="only the first N pairs")
    p.add_argument("--json", type=Path, metavar="FILE")
    return p


def fused(network: Network, sample: FusionSample) -> Photo:
    """What the network makes of a sample of any size, H×W×3 uint8."""
    candidates, damaged, _ = fusion_candidates.batch([sample])
    result = network([c.transpose(1, 2, 0) for c in candidates[0]], damaged[0].transpose(1, 2, 0))
    return np.rint(result * 255).astype(np.uint8)


def measure(sample: FusionSample, fuse: Callable[[FusionSample], Photo]) -> Figures:
    """The figures of each candidate, of their mean, of the best candidate at each pixel, and of the fused photo.

    fuse: returns H×W×3 uint8.
    """
    errors = np.abs(sample.candidates.astype(np.int16) - sample.truth.astype(np.int16)).sum(-1)
    best = np.take_along_axis(sample.candidates, errors.argmin(0)[None, ..., None], 0)[0]
    results = dict(zip(LOW_LIGHT_METHODS, sample.candidates, strict=True))
    results |= {"mean": np.rint(sample.candidates.mean(0)).astype(np.uint8), "oracle": best, "fused": fuse(sample)}
    return {name: figures(photo, sample.truth) for name, photo in results.items()}


def figures(photo: Photo, truth: Photo) -> tuple[float, float, float, float]:
    """PSNR in dB and SSIM (0..1) of a photo, then with the mean of the truth. photo, truth: H×W×3 uint8."""
    matched = np.clip(np.rint(photo * (truth.mean() / max(float(photo.mean()), 1e-3))), 0, 255).astype(np.uint8)
    return *_apart(photo, truth), *_apart(matched, truth)


def _apart(photo: Photo, truth: Photo) -> tuple[float, float]:
    apart = distance(photo, truth)
    ssim = np.mean([distance(_gray(photo, c), _gray(truth, c)).ssim for c in range(3)])
    return float(apart.psnr or 100.0), float(ssim)


def _gray(photo: Photo, channel: int) -> Photo:
    return np.ascontiguousarray(np.repeat(photo[..., channel : channel + 1], 3, -1))


def table(title: str, photos: Mapping[str, Figures]) -> str:
    """Markdown of the means over photos."""
    lines = [f"## {title}", "", "| | PSNR | SSIM | PSNR, truth's mean | SSIM, truth's mean |", "|" + 5 * " --- |"]
    for name in next(iter(photos.values())):
        mean = np.mean([row[name] for row in photos.values()], 0)
        lines.append(f"| {name} | {mean[0]:.2f} | {mean[1]:.3f} | {mean[2]:.2f} | {mean[3]:.3f} |")
    return "\n".join(lines) + "\n"
