"""`clarity train judge`: fit the judge, which compares a photo with a restoration of it.

Pairs whose truth is known (judged_pairs.py) are made once and kept in a folder, because methods take seconds for each;
the command can be stopped and started again. What the detector sees in them is measured again for every detector. Each
member of the ensemble is trained on pairs drawn with replacement; the temperature is fitted on the validation split.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clarity_desktop.backend import judge, methods, weights
from clarity_desktop.backend.methods import ComputeTarget
from clarity_desktop.backend.nets.detector import Detector
from clarity_desktop.backend.nets.judge import MEMBERS, VERDICTS, Judge
from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import UserError
from clarity_desktop.values import TASKS, Task
from clarity_training import judged_pairs, options, predictors
from clarity_training.evaluate.test_set import real_pairs
from clarity_training.judged_pairs import JudgedPair
from clarity_training.method_runner import MethodRunner, Restore
from clarity_training.photos import Split
from clarity_training.train import loop

REAL_TASKS: dict[str, Task] = {
    "noise_polyu": "denoise", "noise_cc15": "denoise", "lol_train": "low_light", "lol_sample": "low_light",
    "rain_synth": "derain", "blur_gopro": "deblur", "raindrop_synth": "deraindrop",
}  # fmt: skip
"""Data sets of photographed pairs and the task that leads from the bad photo to the good one."""
CHUNK = 50
"""Pairs in a file."""
VALIDATION_SHARE = 5
"""One file in this many is of the validation split."""
MAX_TEMPERATURE = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """features: N×F float32. truth: N int64, indices in VERDICTS. valid: N bool, of the validation split."""

    features: NDArray[np.float32]
    truth: NDArray[np.int64]
    valid: NDArray[np.bool_]


def main(words: Sequence[str] | None = None) -> int:
    """Make the missing pairs, measure them, fit the judge, print how it does on the validation split."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    args.pairs.mkdir(parents=True, exist_ok=True)
    counts = {"made-up": args.made_up, "restored": args.restored, "real": args.real_pairs if args.real else 0}
    for kind, count in counts.items():
        make(kind, count, args)
    data = measure(args.pairs, predictors.load_detector(args.detector), args.detector)
    net = fit(data, args.epochs, args.rate, args.seed)
    print(report(net, data))
    loop.save_weights(args.out, {k: v.half() if v.dim() > 1 else v for k, v in net.state_dict().items()})
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train judge", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=1)
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed pairs with an index.csv (docs/exam.md)")
    p.add_argument("--detector", type=Path, metavar="FILE", help="instead of the bundled detector")
    p.add_argument("--pairs", type=Path, default=Path("checkpoints/judged-pairs"), metavar="DIR", help="kept here")
    p.add_argument("--made-up", type=int, default=8000, metavar="N", help="pairs whose restorations are made up")
    p.add_argument("--restored", type=int, default=3000, metavar="N", help="pairs restored by the installed methods")
    p.add_argument("--real-pairs", type=int, default=1000, metavar="N", help="pairs made from photographed ones")
    p.add_argument("--epochs", type=int, default=40)
    p.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    p.add_argument("--out", type=Path, default=Path("checkpoints/clarity-judge.safetensors"))
    return p


# Pairs ---------------------------------------------------------------------------------------------------------------


def make(kind: str, count: int, args: argparse.Namespace) -> None:
    """Make the pairs of a kind that are not in --pairs yet, CHUNK in a file; every fifth file is for validation."""
    for index in range(-(-count // CHUNK)):
        file = args.pairs / f"{kind}-{index:04}.npz"
        if file.exists():
            continue
        split: Split = "validation" if index % VALIDATION_SHARE == VALIDATION_SHARE - 1 else "train"
        rng = np.random.default_rng([args.seed, len(kind), index])
        _write(file, list(islice(_source(kind, split, args, rng), CHUNK)))
        print(f"Made {file.name}.", flush=True)


def _source(kind: str, split: Split, args: argparse.Namespace, rng: np.random.Generator) -> Iterator[JudgedPair]:
    if kind == "real":
        return _real(args.real, split, rng)
    photos = options.clean_photos(args, split)
    if kind == "made-up":
        return judged_pairs.made_up_pairs(photos, rng)
    return judged_pairs.method_pairs(photos, installed_methods(args.threads), rng)


def _real(folder: Path, split: Split, rng: np.random.Generator) -> Iterator[JudgedPair]:
    """Pairs without end from the train half; those of every fifth photo are for validation."""
    runners = installed_methods(1)
    sources: list[Iterator[JudgedPair]] = []
    for name, pairs in real_pairs(folder, "train").items():
        task = REAL_TASKS.get(name)
        chosen = [p for k, p in enumerate(pairs) if (k % VALIDATION_SHARE == 0) == (split == "validation")]
        if task is None or not chosen:
            continue
        restorers = [restore for tasks, restore in runners if task in tasks]
        sources += [judged_pairs.real_pairs(chosen, task, restore, rng) for restore in (None, *restorers)]
    if not sources:
        raise UserError(f"“{folder}” has no photographed pairs that the judge could learn from.")
    while True:
        yield next(sources[int(rng.integers(len(sources)))])


def installed_methods(threads: int) -> list[tuple[Sequence[Task], Restore]]:
    """The installed methods that need no mask, each with its tasks."""
    found: list[tuple[Sequence[Task], Restore]] = []
    for method in methods.all_methods().values():
        if method.needs_mask or methods.missing(method) or method.scale != 1:
            continue
        tasks: list[Task] = [task for task in method.tasks if task != "inpaint"]
        if tasks:
            files = weights.default_store().need(method.weights)
            found.append((tasks, MethodRunner(method, files, ComputeTarget(threads=threads))))
    return found


def _write(file: Path, pairs: Sequence[JudgedPair]) -> None:
    arrays = {f"before{k}": p.before for k, p in enumerate(pairs)} | {f"after{k}": p.after for k, p in enumerate(pairs)}
    truth, tasks = np.array([p.truth for p in pairs]), np.array([TASKS.index(p.task) for p in pairs])
    everything: dict[str, Any] = {**arrays, "truth": truth, "tasks": tasks}
    write_atomically(file, lambda output: np.savez_compressed(output, **everything))


def _read(file: Path) -> Iterator[JudgedPair]:
    with np.load(file, allow_pickle=False) as stored:
        for k, (truth, task) in enumerate(zip(stored["truth"], stored["tasks"], strict=True)):
            yield JudgedPair(stored[f"before{k}"], stored[f"after{k}"], TASKS[task], int(truth))


# Features ------------------------------------------------------------------------------------------------------------


def measure(folder: Path, net: Detector, detector: Path | None) -> Measured:
    """The features of all pairs of a folder; kept beside each file for the same detector."""
    store = weights.default_store()
    mark = (detector.stat().st_mtime_ns if detector else store.digest("clarity-detector")[:16],)
    parts: list[tuple[NDArray[np.float32], NDArray[np.int64], bool]] = []
    for file in sorted(folder.glob("*-????.npz")):
        kept = file.with_suffix(f".{mark[0]}.features")
        if not kept.exists():
            pairs = list(_read(file))
            rows = np.stack([judge.features(net, p.before, p.after, p.task) for p in pairs])
            truth = np.array([p.truth for p in pairs])
            write_atomically(kept, lambda output, rows=rows, truth=truth: np.savez(output, rows=rows, truth=truth))
        with np.load(kept, allow_pickle=False) as stored:
            valid = int(file.stem[-4:]) % VALIDATION_SHARE == VALIDATION_SHARE - 1
            parts.append((stored["rows"], stored["truth"], valid))
    if not parts:
        raise UserError(f"There are no pairs in “{folder}”. Leave out the options that say to make none.")
    rows, truth, valid = zip(*parts, strict=True)
    lengths = [len(part) for part in truth]
    return Measured(np.concatenate(rows), np.concatenate(truth), np.repeat(np.array(valid), lengths))


# Fit -----------------------------------------------------------------------------------------------------------------


def fit(data: Measured, epochs: int, rate: float, seed: int) -> Judge:
    """Train the members, all verdicts weighted equally, then fit the temperature on the validation split."""
    torch.manual_seed(seed)
    features, truth = torch.from_numpy(data.features), torch.from_numpy(data.truth)
    train = torch.from_numpy(np.flatnonzero(~data.valid))
    net = Judge(features.shape[1])
    net.middle.copy_(features[train].mean(0))
    net.spread.copy_(features[train].std(0) + 1e-3)
    shares = torch.bincount(truth[train], minlength=len(VERDICTS)).float()
    class_weights = shares.sum() / (len(VERDICTS) * shares.clamp(min=1))
    for k in range(MEMBERS):
        drawn = train[torch.randint(len(train), (len(train),))]
        _fit_member(net, k, features[drawn], truth[drawn], class_weights, epochs, rate)
    net.eval()
    valid = torch.from_numpy(data.valid)
    if valid.any():
        net.temperature.fill_(_temperature(net, features[valid], truth[valid], class_weights))
    return net


def _fit_member(
    net: Judge, index: int, features: Tensor, truth: Tensor, class_weights: Tensor, epochs: int, rate: float
) -> None:
    optimizer = torch.optim.AdamW(net.members[index].parameters(), weight_decay=0.05)
    net.train()
    batch, total = 256, epochs * -(-len(truth) // 256)
    step = 0
    for _ in range(epochs):
        for part in torch.randperm(len(truth)).split(batch):
            loop.set_rate(optimizer, loop.cosine_rate(rate, step / total, warmup=(step + 1) / 50, floor=0.0))
            loss = F.cross_entropy(net.member(index, features[part]), truth[part], class_weights, label_smoothing=0.05)
            loop.optimize(optimizer, loss)
            step += 1


@torch.no_grad()
def _temperature(net: Judge, features: Tensor, truth: Tensor, class_weights: Tensor) -> float:
    """The temperature with the least negative log likelihood."""
    losses: dict[float, float] = {}
    for candidate in np.geomspace(1 / MAX_TEMPERATURE, MAX_TEMPERATURE, 33):
        net.temperature.fill_(float(candidate))
        losses[float(candidate)] = float(F.nll_loss(net(features), truth, class_weights))
    return min(losses, key=lambda candidate: losses[candidate])


@torch.no_grad()
def report(net: Judge, data: Measured) -> str:
    """Accuracy on the validation split, and how often what would be kept or offered is an improvement."""
    rows, truth = torch.from_numpy(data.features[data.valid]), data.truth[data.valid]
    if not len(truth):
        return "There are no pairs of the validation split."
    likely = net(rows).exp().numpy()
    lines = [f"{len(truth)} pairs: {(likely.argmax(1) == truth).mean():.1%} judged rightly."]
    for share in (0.5, 0.6, 0.7, 0.8, 0.9):
        chosen = likely[:, 0] >= share
        right = float((truth[chosen] == 0).mean()) if chosen.any() else float("nan")
        of_better = float(chosen[truth == 0].mean()) if (truth == 0).any() else float("nan")
        lines.append(f"better by {share:.0%}: {right:.1%} are; {of_better:.1%} of the improvements are among them.")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
