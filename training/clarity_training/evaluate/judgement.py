"""`clarity bench judgement`: do score, detector and Auto hold for photos of every size and for photographed damage?

Measured are how far the score of a photo moves when it is reduced, turned or mirrored; whether it still tells clean
photos from damaged ones; whether damage that shows only at full size is noticed; and what Auto does with real photos.
Auto runs as `clarity restore --task auto`, so that what is measured is the program. Its results on photos without a
clean counterpart are written as sheets for judging by eye, before and after in random order; key.csv has the order.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from clarity_desktop.backend import detect
from clarity_desktop.backend.iqa import assess
from clarity_desktop.backend.iqa.distance import distance
from clarity_desktop.values import DEGRADATIONS, Degradation, Detection, at_full_size, summary
from clarity_training import exam, options, ranked_photos
from clarity_training.evaluate.metrics import area_under_curve, wilson
from clarity_training.evaluate.quality import spearman
from clarity_training.evaluate.test_set import real_pairs, real_photos
from clarity_training.photos import load, load_8bit, photo_size, to_8bit

Bytes = NDArray[np.uint8]

SHARES = (1.0, 0.5, 0.25, 0.12)
"""Sizes of a photo, as shares of its sides."""
RANKED: tuple[Degradation, ...] = ("noise", "blur", "JPEG", "rain streak", "haze", "low-light")
"""Degradations whose severity the score must follow."""
SEVERITIES = (0.0, 0.25, 0.45, 0.65, 0.85)
FALL = 15.0
"""Points by which damage at full size must lower the score, unless it is found."""
AUTO_SIDE = 640
"""Longest side of the photos that Auto restores."""
IMPROVED_DB = 0.1
"""Gain of PSNR from which a result is an improvement."""
TREATED: tuple[str, ...] = ("rain streak", "haze", "blur", "low-light", "overexposure", "flare", "noise")
"""Classes with a method in this version."""

PAIRS: Mapping[str, str] = {
    "rain_synth": "rain streak", "noise_cc15": "noise", "lol_train": "low-light", "lol_sample": "low-light",
    "blur_gopro": "blur",
}  # fmt: skip
"""Class of each data set of photographed pairs."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the program says about one photo."""

    detection: Detection
    score: float


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate what the options name, add it to FILE.json, write FILE.md from it, and print that."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    file = args.out.with_suffix(".json")
    result: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    for name, measure in _measurements(args).items():
        print(f"Measuring {name}…", file=sys.stderr, flush=True)
        result[name] = measure()
        file.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    text = markdown(result)
    args.out.with_suffix(".md").write_text(text, "utf-8")
    print(text)
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench judgement", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=1)
    p.add_argument("--real", type=Path, nargs="*", default=[], metavar="DIR", help="real photos with an index.csv")
    p.add_argument("--large", type=Path, nargs="*", default=[], metavar="DIR", help="good photos of 5 MP and more")
    p.add_argument("--count", type=int, default=60, help="photos of each measurement at most")
    p.add_argument("--auto", type=int, default=0, metavar="N", help="real photos of each class that Auto restores")
    p.add_argument("--out", type=Path, default=Path("out/judgement"), metavar="FILE", help="written as .json and .md")
    return p


def _measurements(args: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    clean = ranked_photos.shuffle(options.clean_photos(args, "test"))
    large = [file for folder in args.large for file in sorted(folder.rglob("*.*")) if _is_large(file)]
    found: dict[str, Callable[[], dict[str, Any]]] = {
        "turned or mirrored": lambda: turned(clean[: args.count]),
        "clean and damaged": lambda: clean_and_damaged(clean[: args.count], args.seed),
        "severity": lambda: severity(clean[: args.count // 2], args.seed),
    }
    if large:
        found["sizes"] = lambda: sizes(large[: args.count])
        found["damage at full size"] = lambda: damaged_at_full_size(large[: args.count], args.seed)
    if args.real:
        found["photos judged clean by eye"] = lambda: judged_clean(_real_normal(args.real), args.count)
    if args.real and args.auto:
        found["Auto"] = lambda: auto(args)
    return found


def _is_large(file: Path) -> bool:
    if file.suffix.lower() not in (".jpg", ".jpeg", ".png", ".webp"):
        return False
    height, width = photo_size(file)
    return height * width >= 5e6


def look(pixels: Bytes) -> Look:
    """Detection and score of a photo (H×W×3 uint8, at least 32×32), as the program has them."""
    detection = detect.detect(pixels)
    score = assess.assess(pixels, detection=detection).overall
    assert score is not None, "test photos are larger than the smallest photo that has a score"
    return Look(detection, score)


# Score and verdict ---------------------------------------------------------------------------------------------------


def sizes(photos: Sequence[Path]) -> dict[str, Any]:
    """How far the score of a large photo moves when it is reduced, and how low it gets."""
    moves: list[float] = []
    lowest: list[float] = []
    for file in photos:
        pixels = load_8bit(file)
        scores = [look(_scaled(pixels, share)).score for share in SHARES]
        moves.append(max(scores) - min(scores))
        lowest.append(min(scores))
    return {
        "photos": len(photos), "move, median": _round(np.median(moves)), "move, largest": _round(max(moves)),
        "moved by 10 or less": _share(np.array(moves) <= 10),
        "60 or more at every size": _share(np.array(lowest) >= 60),
    }  # fmt: skip


def turned(photos: Sequence[Path]) -> dict[str, Any]:
    """How far the score moves by a quarter turn or a flip."""
    moves: list[float] = []
    for file in photos:
        pixels = load_8bit(file, 1024)
        score = look(pixels).score
        others = np.rot90(pixels), pixels[:, ::-1], pixels[::-1]
        moves += [abs(look(np.ascontiguousarray(other)).score - score) for other in others]
    return {
        "photos": len(photos), "median": _round(np.median(moves)), "95 %": _round(np.percentile(moves, 95)),
        "moved by 2 or less": _share(np.array(moves) <= 2),
    }  # fmt: skip


def clean_and_damaged(photos: Sequence[Path], seed: int) -> dict[str, Any]:
    """How well the score tells unseen clean photos from damaged ones; each photo is damaged by three degradations."""
    scores: dict[str, list[float]] = {"clean": []}
    for k, file in enumerate(photos):
        photo, rng = load(file, 800), np.random.default_rng([seed, k])
        scores["clean"].append(look(to_8bit(photo)).score)
        for index in rng.permutation(len(DEGRADATIONS))[:3]:
            name = DEGRADATIONS[int(index)]
            damaged, _ = exam.damage(name, photo, rng)
            scores.setdefault(name, []).append(look(to_8bit(damaged.pixels)).score)
    clean = np.array(scores["clean"])
    every = np.concatenate([np.array(v) for name, v in scores.items() if name != "clean"])
    return {
        "photos": len(photos), "AUC": _round(_auc(clean, every), 3),
        "AUC by class": {name: _round(_auc(clean, np.array(v)), 3) for name, v in scores.items() if name != "clean"},
        "clean photos of 60 or more": _share(clean >= 60),
    }  # fmt: skip


def _auc(clean: NDArray[np.float64], damaged: NDArray[np.float64]) -> float:
    is_clean = np.arange(len(clean) + len(damaged)) < len(clean)
    return area_under_curve(np.concatenate((clean, damaged)), is_clean)


def severity(photos: Sequence[Path], seed: int) -> dict[str, Any]:
    """Mean over the photos of Spearman's correlation of the score with a severity that falls."""
    result: dict[str, Any] = {}
    for name in RANKED:
        correlations: list[float] = []
        for k, file in enumerate(photos):
            photo = load(file, 800)
            scores = [look(to_8bit(_damaged(name, photo, s, [seed, k]))).score for s in SEVERITIES]
            correlations.append(spearman(np.array(scores), -np.array(SEVERITIES)))
        result[name] = _round(np.mean(correlations), 3)
    return result


def _damaged(name: Degradation, photo: NDArray[np.float32], severity: float, seed: Sequence[int]) -> Any:
    """Damaged with the same random numbers at every severity."""
    return exam.damage(name, photo, np.random.default_rng(seed), severity)[0].pixels if severity else photo


def damaged_at_full_size(photos: Sequence[Path], seed: int) -> dict[str, Any]:
    """How often damage that was added to a large photo at its own size lowers the score by FALL or is found there."""
    noticed: dict[str, list[bool]] = {}
    alarms: list[bool] = []
    for k, file in enumerate(photos):
        pixels = load_8bit(file)
        before = look(pixels)
        alarms.append(bool(at_full_size(before.detection)))
        for name, damage in (("noise", _noisy), ("JPEG", _compressed), ("blur", _moved)):
            after = look(damage(pixels, np.random.default_rng([seed, k])))
            there = name in at_full_size(after.detection) or name in summary(after.detection).named
            noticed.setdefault(name, []).append(there or before.score - after.score >= FALL)
    every = np.concatenate([np.array(v) for v in noticed.values()])
    return {
        "photos": len(photos), "noticed": _share(every), **{name: _share(np.array(v)) for name, v in noticed.items()},
        "false findings on the good photos": _share(np.array(alarms)),
    }  # fmt: skip


def _noisy(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """Gaussian noise of σ 25 of 255."""
    return np.clip(np.rint(pixels + rng.normal(0, 25, pixels.shape).astype(np.float32)), 0, 255).astype(np.uint8)


def _compressed(pixels: Bytes, _rng: np.random.Generator) -> Bytes:
    """JPEG of quality 15."""
    decoded = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 15])[1], cv2.IMREAD_COLOR)
    assert decoded is not None, "OpenCV decodes what it has just encoded"
    return np.asarray(decoded, np.uint8)


def _moved(pixels: Bytes, rng: np.random.Generator) -> Bytes:
    """Motion blur of 15 pixels in a random direction."""
    angle, kernel = float(rng.uniform(0, np.pi)), np.zeros((17, 17), np.float32)
    end = round(8 + 7 * np.cos(angle)), round(8 + 7 * np.sin(angle))
    cv2.line(kernel, (16 - end[0], 16 - end[1]), end, 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), np.uint8)


def _real_normal(folders: Iterable[Path]) -> list[Path]:
    return [file for folder in folders for name, file in real_photos(folder, "test") if name == "normal"]


def judged_clean(photos: Sequence[Path], count: int) -> dict[str, Any]:
    """Scores and verdicts on unseen real photos that were looked at and found clean."""
    looks = [look(load_8bit(file, 2000)) for file in ranked_photos.shuffle(photos)[:count]]
    scores = np.array([x.score for x in looks])
    kinds = [summary(x.detection, x.score).kind for x in looks]
    return {
        "photos": len(looks), "60 or more": _share(scores >= 60), "median score": _round(np.median(scores)),
        "said to have a problem": _share(np.array([kind == "there" for kind in kinds])),
        "said to look fine": _share(np.array([kind == "fine" for kind in kinds])),
    }  # fmt: skip


def _scaled(pixels: Bytes, share: float) -> Bytes:
    if share == 1:
        return pixels
    size = round(pixels.shape[1] * share), round(pixels.shape[0] * share)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


# Auto ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AutoCase:
    """A photo for Auto: its class, the file it gets, and the clean counterpart at the same size where there is one."""

    name: str
    file: Path
    clean: Path | None


def auto(args: argparse.Namespace) -> dict[str, Any]:
    """What Auto keeps, offers and leaves on real photos; --auto of each class, twice as many clean ones."""
    folder = args.out.parent / f"{args.out.name}-auto"
    cases = auto_cases(args.real, args.auto, args.seed, folder)
    rows = _run_auto([case.file for case in cases], folder / "restored")
    outcomes: dict[str, list[str]] = {}
    gains: dict[str, list[bool]] = {"kept": [], "offered": []}
    unpaired: list[tuple[AutoCase, Path, str]] = []
    for case in cases:
        row = rows[case.file]
        kept = [step for step in row["steps"] if step["kept"]]
        offered = any(step["why"].startswith("uncertain:") for step in kept)
        outcome = "offered" if offered else "kept" if kept else "unchanged"
        outcomes.setdefault("clean" if case.name == "normal" else "damaged", []).append(outcome)
        if kept and case.clean is not None:
            gains[outcome].append(_gain(case, Path(row["output"])) >= IMPROVED_DB)
        elif kept:
            unpaired.append((case, Path(row["output"]), outcome))
    _write_sheets(unpaired, folder, args.seed)
    result: dict[str, Any] = {"sheets": len(unpaired)}
    for name, list_ in outcomes.items():
        result[name] = {x: _share(np.array([y == x for y in list_])) for x in ("kept", "offered", "unchanged")}
    result["pairs, improved"] = {name: _share(np.array(hits)) for name, hits in gains.items()}
    return result


def auto_cases(roots: Sequence[Path], count: int, seed: int, folder: Path) -> list[AutoCase]:
    """count photos of each class of TREATED, half as many pairs of each set of PAIRS and twice as many clean ones.

    roots: folders of real photos; the photos for Auto are written to `folder`.
    """
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    chosen: list[tuple[str, Path, Path | None]] = []
    # The places of photos in their folders: two folders may hold the same sets, one of them without the counterparts.
    seen: set[Path] = set()
    for root in roots:
        for name, pairs in real_pairs(root, "test").items():
            seen |= {bad.relative_to(root) for _, bad in pairs}
            if name in PAIRS:
                picked = [pairs[k] for k in rng.permutation(len(pairs))[: count // 2]]
                chosen += [(PAIRS[name], bad, good) for good, bad in picked]
    singles: dict[str, list[Path]] = {}
    for root in roots:
        for name, file in real_photos(root, "test"):
            place = file.relative_to(root)
            if place not in seen and (name in TREATED or name == "normal"):
                seen.add(place)
                singles.setdefault(name, []).append(file)
    for name, files in sorted(singles.items()):
        wanted = 2 * count if name == "normal" else count
        chosen += [(name, files[k], None) for k in rng.permutation(len(files))[:wanted]]
    return [_prepared(k, *item, folder / "photos") for k, item in enumerate(chosen)]


def _prepared(index: int, name: str, file: Path, clean: Path | None, folder: Path) -> AutoCase:
    """The photo, and its clean counterpart, as PNG of at most AUTO_SIDE."""
    target = folder / f"{index:03}-{name.replace(' ', '-')}.png"
    Image.fromarray(load_8bit(file, AUTO_SIDE)).save(target)
    reference = None
    if clean is not None:
        reference = folder / f"{target.stem}-clean.png"
        Image.fromarray(load_8bit(clean, AUTO_SIDE)).save(reference)
    return AutoCase(name, target, reference)


def _run_auto(files: Sequence[Path], folder: Path) -> dict[Path, dict[str, Any]]:
    """The JSON of `clarity restore --task auto` for each file."""
    command = [
        sys.executable,
        "-m",
        "clarity_desktop",
        "restore",
        "--task",
        "auto",
        "--json",
        "--if-exists",
        "overwrite",
    ]
    done = subprocess.run(  # noqa: S603 — this program, with files of this bench
        [*command, "--out-dir", folder, *files], stdout=subprocess.PIPE, check=True, text=True
    )
    return {Path(row["path"]): row for row in map(json.loads, done.stdout.splitlines())}


def _gain(case: AutoCase, output: Path) -> float:
    """By how many dB the result is nearer to the clean photo."""
    assert case.clean is not None, "of a pair"
    clean, before, after = (load_8bit(file) for file in (case.clean, case.file, output))
    old, new = distance(clean, before).psnr, distance(clean, after).psnr
    return (100.0 if new is None else new) - (100.0 if old is None else old)


def _write_sheets(results: Sequence[tuple[AutoCase, Path, str]], folder: Path, seed: int) -> None:
    """Each photo before and after in random order, six rows on a sheet; key.csv has the order."""
    rng = np.random.default_rng(seed)
    with (folder / "key.csv").open("w", newline="", encoding="utf-8") as output:
        key = csv.writer(output)
        key.writerow(["sheet", "row", "class", "outcome", "restored", "photo"])
        for start in range(0, len(results), 6):
            rows: list[Bytes] = []
            for k, (case, restored, outcome) in enumerate(results[start : start + 6]):
                left = bool(rng.integers(2))
                pair = (restored, case.file) if left else (case.file, restored)
                rows.append(np.hstack([_tile(file) for file in pair]))
                key.writerow([start // 6, k, case.name, outcome, "left" if left else "right", case.file.name])
            Image.fromarray(np.vstack(rows)).save(folder / f"sheet-{start // 6:02}.png")


def _tile(file: Path) -> Bytes:
    with Image.open(file) as image:
        return np.asarray(ImageOps.pad(image.convert("RGB"), (640, 480), color=(40, 40, 40)), np.uint8)


# The report ----------------------------------------------------------------------------------------------------------


def _round(value: Any, digits: int = 1) -> float:
    return round(float(value), digits)


def _share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    low, high = wilson(int(hits.sum()), len(hits))
    share = float(hits.mean()) if len(hits) else 0.0
    return {"share": round(share, 4), "of": len(hits), "interval": [round(low, 3), round(high, 3)]}


def markdown(result: Mapping[str, Any]) -> str:
    """The result as one Markdown table."""
    lines = ["| measured | figure |", "| --- | --- |"]
    for title, values in result.items():
        lines += [f"| {title}: {name} | {figure} |" for name, figure in _rows("", values)]
    return "\n".join(lines) + "\n"


def _rows(prefix: str, values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        title = f"{prefix}{name}"
        if isinstance(value, Mapping) and "share" in value:
            low, high = value["interval"]
            yield title, f"{value['share']:.1%} of {value['of']} ({low:.0%} to {high:.0%})"
        elif isinstance(value, Mapping):
            yield from _rows(f"{title}, ", value)
        else:
            yield title, str(value)


if __name__ == "__main__":
    raise SystemExit(main())
