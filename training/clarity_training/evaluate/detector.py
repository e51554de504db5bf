"""`clarity bench detector`: how often the detector is right, how well its probabilities hold, and where it looks.

Measured on a synthesis that trained nothing (training/exam) and on real photos, both never trained on; on request
beside it the training synthesis on the same unseen photos, and an untuned CLIP.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.values import CLASSES, DEGRADATIONS, Detection
from clarity_training import predictors
from clarity_training.evaluate import cases, metrics, plots, report, test_set
from clarity_training.evaluate.test_set import Case
from clarity_training.photos import eight_bits, find, split

WRONG_MOST = 120
"""So many wrong answers are shown on the sheet, spread over the classes."""
HALVES = 20
"""Of the cases per class, one in so many is damaged in one half for the heat map, and at least 2."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What was said of one case. odds (15), found and severity (13): 0..1; true (13): how severe it is, nan where
    nobody knows; thumbnail: where the answer is wrong."""

    name: str
    real: bool
    source: Path
    odds: NDArray[np.float64]
    found: NDArray[np.float64]
    severity: NDArray[np.float64]
    true: NDArray[np.float64]
    thumbnail: NDArray[np.uint8] | None

    @property
    def said(self) -> int:
        return int(self.odds.argmax())


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the table, write figures.json, figures.md, confusion.png and wrong.jpg into --out."""
    asked = _parser().parse_args(words)
    torch.set_num_threads(asked.threads)
    clean = split(find(asked.photos), "exam")
    eyes = {"built-in": predictors.look_with(predictors.built_in(asked.weights))}
    if asked.zero_shot:
        from clarity_training import clip_tower

        eyes[f"untuned {asked.zero_shot}"] = predictors.look_with(clip_tower.zero_shot(asked.zero_shot, asked.clip))
    if asked.tuned:
        from clarity_training import clip_tower

        eyes["tuned CLIP"] = predictors.look_with(clip_tower.load(asked.tuned))
    asked.out.mkdir(parents=True, exist_ok=True)
    result = _measured(asked, clean, eyes)
    (asked.out / "figures.json").write_text(json.dumps(_plain(result), indent=1), "utf-8")
    text = report.markdown(result)
    (asked.out / "figures.md").write_text(text, "utf-8")
    print(text)
    print(f"Written to {asked.out}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench detector", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="the folders of the training")
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage, laid out as test_set.py says")
    p.add_argument("--weights", type=Path, metavar="FILE", help="instead of the detector that travels with the program")
    p.add_argument("--per-class", type=int, default=200, metavar="N")
    p.add_argument(
        "--own", nargs="?", type=int, const=0, metavar="N",
        help="measure on the training synthesis as well, N per class if that is to differ",
    )  # fmt: skip
    p.add_argument("--zero-shot", metavar="MODEL", help="measure an untuned CLIP as well, by its name in open_clip")
    p.add_argument("--clip", metavar="FILE|ID", help="its weights: a file or an id of the catalog")
    p.add_argument("--tuned", type=Path, metavar="FILE", help="measure what `clarity train clip` wrote as well")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--out", type=Path, default=Path("out/bench-detector"), metavar="DIR")
    return p


def _measured(asked: argparse.Namespace, clean: Sequence[Path], eyes: Mapping[str, predictors.Look]) -> dict[str, Any]:
    """Rows by detector, and of the built-in one all details; the pictures are written on the way."""
    answers = gather(eyes, test_set.build(clean, asked.real, asked.per_class, asked.seed))
    first, look = next(iter(eyes.items()))
    plots.matrix(_confusion(answers[first]), CLASSES).save(asked.out / "confusion.png")
    result: dict[str, Any] = {
        "per_class": asked.per_class, "clean_photos": len(clean),
        "rows": {name: figures(said) for name, said in answers.items()},
        "classes": per_class(answers[first]), "confusion": _confusion(answers[first]).tolist(),
        "heat": localisation(look, cases.halves(clean, max(2, asked.per_class // HALVES), asked.seed)),
    }  # fmt: skip
    wrong = [a for a in answers[first] if not a.real]
    if asked.real:
        real = gather({first: look}, cases.real(asked.real))[first]
        result["real"] = per_real_class(real)
        wrong += real
    if asked.own is not None:
        own = gather({first: look}, cases.own(clean, asked.own or asked.per_class, asked.seed))[first]
        result["own"] = figures(own)
        plots.matrix(_confusion(own), CLASSES).save(asked.out / "confusion-own.png")
    _sheet(wrong).save(asked.out / "wrong.jpg", quality=85)
    return result


def gather(eyes: Mapping[str, predictors.Look], cases: Iterable[Case]) -> dict[str, list[Answer]]:
    """What each detector says of each case; a case is made once."""
    answers: dict[str, list[Answer]] = {name: [] for name in eyes}
    for case in cases:
        for name, look in eyes.items():
            answers[name].append(_answer(case, look(case.pixels)))
    return answers


def _answer(case: Case, said: Detection) -> Answer:
    odds = dict(said.top)
    found = [said.found[name] for name in DEGRADATIONS]
    true = np.array([case.severities.get(name, math.nan if case.real else 0.0) for name in DEGRADATIONS])
    wrong = said.top[0][0] != case.name
    return Answer(
        case.name, case.real, case.source, np.array([odds[name] for name in CLASSES]),
        np.array([f.probability for f in found]), np.array([f.severity for f in found]), true,
        _thumbnail(case.pixels) if wrong else None,
    )  # fmt: skip


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(1.0, plots.THUMB / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def figures(answers: Sequence[Answer]) -> dict[str, float]:
    """The figures of one detector over all cases; multi-label ones over synthetic cases, where all damage is known."""
    kinds, odds = _kinds(answers), np.stack([a.odds for a in answers])
    place = metrics.ranks(odds, kinds)
    made = [a for a in answers if not a.real]
    true, found = np.stack([a.true for a in made]), np.stack([a.found for a in made])
    severity = np.stack([a.severity for a in made])
    there = true > 0
    normal = [a for a in answers if a.name == "normal"]
    precise = [metrics.average_precision(found[:, k], there[:, k]) for k in range(len(DEGRADATIONS))]
    close = [metrics.correlation(severity[there[:, k], k], true[there[:, k], k]) for k in range(len(DEGRADATIONS))]
    return {
        "cases": len(answers), "real": sum(a.real for a in answers),
        **{f"top-{n}": float((place < n).mean()) for n in (1, 3, 5)},
        "top-1 synthetic": _mean([float(k == 0) for k, a in zip(place, answers, strict=True) if not a.real]),
        "top-1 real": _mean([float(k == 0) for k, a in zip(place, answers, strict=True) if a.real]),
        "clean called degraded": float(np.mean([a.said != 0 for a in normal])) if normal else math.nan,
        "calibration error": metrics.calibration_error(odds.max(1), place == 0),
        "mean average precision": _mean(precise),
        "calibration error of each": metrics.calibration_error(found.ravel(), there.ravel()),
        "severity correlation": _mean(close),
    }  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    """Of those that are defined."""
    known = [v for v in values if not math.isnan(v)]
    return float(np.mean(known)) if known else math.nan


def _kinds(answers: Sequence[Answer]) -> metrics.Whole:
    return np.array([CLASSES.index(a.name) for a in answers])


def _confusion(answers: Sequence[Answer]) -> metrics.Whole:
    return metrics.confusion(_kinds(answers), np.array([a.said for a in answers]), len(CLASSES))


def per_class(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Precision and recall with counts, the real share, and what the class is most often taken for."""
    counts, kinds = _confusion(answers), _kinds(answers)
    true, found = np.stack([a.true for a in answers]), np.stack([a.found for a in answers])
    severity = np.stack([a.severity for a in answers])
    rows: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(CLASSES):
        wrong = counts[k].copy()
        wrong[k] = 0
        rows[name] = {
            "cases": int(counts[k].sum()), "real": sum(a.real for a in answers if a.name == name),
            "recall": _share(counts[k, k], counts[k].sum()), "precision": _share(counts[k, k], counts[:, k].sum()),
            "said": int(counts[:, k].sum()),
            "taken for": {CLASSES[j]: int(wrong[j]) for j in np.argsort(-wrong, kind="stable")[:3] if wrong[j]},
        }  # fmt: skip
        if name in DEGRADATIONS:
            at, made = k - 1, ~np.isnan(true[:, k - 1])
            there = made & (true[:, at] > 0)
            rows[name]["average precision"] = metrics.average_precision(found[made, at], there[made])
            rows[name]["severity correlation"] = metrics.correlation(severity[there, at], true[there, at])
            rows[name]["said alone"] = _mean([float(found[i, at]) for i in np.flatnonzero(kinds == k)])
    return rows


def _share(part: Any, whole: Any) -> float:
    return float(part) / float(whole) if whole else math.nan


def per_real_class(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """Of real photos alone: how many are named right (top-1, top-3), with the 95 % interval of top-1."""
    rows: dict[str, dict[str, Any]] = {}
    for name in CLASSES:
        mine = [a for a in answers if a.name == name]
        if not mine:
            continue
        place = metrics.ranks(np.stack([a.odds for a in mine]), _kinds(mine))
        said = [CLASSES[a.said] for a in mine if CLASSES[a.said] != name]
        low, high = metrics.wilson(int((place == 0).sum()), len(mine))
        rows[name] = {
            "cases": len(mine), "right": int((place == 0).sum()), "top-1": float((place == 0).mean()),
            "low": low, "high": high, "top-3": float((place < 3).mean()),
            "taken for": {other: said.count(other) for other in sorted(set(said), key=lambda o: -said.count(o))[:3]},
        }  # fmt: skip
        if name in DEGRADATIONS:
            rows[name]["found"] = float(np.mean([a.found[DEGRADATIONS.index(name)] > 0.5 for a in mine]))
    return rows


def localisation(look: predictors.Look, halves: Iterator[Any]) -> dict[str, float]:
    """By degradation: area under the curve of its heat map for the half that is damaged; a flat map has 0.5."""
    areas: dict[str, list[float]] = {}
    for name, half in halves:
        heat = look(eight_bits(half.pixels)).heat[..., DEGRADATIONS.index(name)]
        where = cv2.resize(half.where.astype(np.float32), heat.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
        area = metrics.area_under_curve(heat.astype(np.float64).ravel(), where.ravel())
        areas.setdefault(name, []).append(area)
    return {name: _mean(values) for name, values in areas.items()}


def _sheet(answers: Sequence[Answer]) -> Image.Image:
    """Wrong answers, an equal number of each class: what it is → what was said, and how sure."""
    shown: list[tuple[NDArray[np.uint8], str]] = []
    for name in CLASSES:
        wrong = [(a.thumbnail, _caption(a)) for a in answers if a.name == name and a.thumbnail is not None]
        shown += wrong[: WRONG_MOST // len(CLASSES)]
    return plots.sheet(shown)


def _caption(a: Answer) -> str:
    parts = [f"{d} {s:.1f}" for d, s in zip(DEGRADATIONS, a.true, strict=True) if s > 0]
    first = f"{a.name} (real)" if a.real else " + ".join(parts) or a.name
    return f"{first}\n-> {CLASSES[a.said]} {a.odds.max():.2f}; own {a.odds[CLASSES.index(a.name)]:.2f}"


def _plain(value: Any) -> Any:
    """JSON knows no nan: what is undefined is null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    raise SystemExit(main())
