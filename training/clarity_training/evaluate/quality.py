"""`clarity bench quality`: how often the overall score puts two photos in the right order, for each degradation, how
little it moves when nothing changed, and how near our own parameters are to the authors'.

On photos that nothing was fitted on, damaged by the second synthesis; and, where a folder of real pairs is named, on
those.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from clarity_desktop.backend import detect, iqa
from clarity_desktop.backend.iqa import brisque, niqe, overall, parameters, sseq
from clarity_desktop.values import DEGRADATIONS
from clarity_training.evaluate.metrics import correlation, wilson
from clarity_training.evaluate.test_set import real_pairs
from clarity_training.photos import eight_bits, find, load, split
from clarity_training.ranked_photos import (
    BRISQUE,
    CLEAN,
    MILD,
    SAME,
    SSEQ,
    STRONG,
    Seen,
    detected,
    for_measuring,
    kept,
    look,
    shuffled,
)
from clarity_training.scene_split import unseen
from clarity_training.train.quality import metrics_of

Floats = NDArray[np.float64]
Table = Mapping[str, Floats]
BARS = {"clean over damaged": 0.95, "mild over strong": 0.85}
HARMLESS = ("cropped by 5 %", "JPEG of quality 92 to 98")
MOST_REAL = 40
"""Real pairs of one set."""


def main(words: Sequence[str] | None = None) -> int:
    """Measure, write FILE.json and FILE.md, print the latter."""
    asked = _parser().parse_args(words)
    clean = find(asked.photos)
    paths = shuffled(split(clean, "exam"))[: asked.count]
    photos = partial(for_measuring, paths, asked.each, asked.seed)
    seen = kept(asked.keep, lambda: look(photos()))
    figures: dict[str, Any] = {"photos": len(paths), "without the detector": order_figures(seen, points(seen))}
    if asked.detector:
        seen = detected(seen, photos(), detect.detect)
        figures["with the detector"] = order_figures(seen, points(seen))
    figures["own against the authors' parameters"] = agreement(seen)
    if asked.real:
        figures["real pairs"] = real_figures(asked.real, split(clean, "train"), asked.detector)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    asked.out.with_suffix(".md").write_text(table(figures), encoding="utf-8")
    print(table(figures))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench quality", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="folders with clean photos")
    p.add_argument("--real", type=Path, metavar="DIR", help="folder with index.csv, for its real pairs")
    p.add_argument("--count", type=int, default=200, help="clean photos at most")
    p.add_argument("--each", type=int, default=36, help="photos of each degradation, mild and strong")
    p.add_argument("--detector", action="store_true", help="measure the score with the detector's answer too")
    p.add_argument("--keep", type=Path, metavar="FILE", help="what was measured is kept here (.npz) for another run")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--out", type=Path, default=Path("out/quality"), help="written with .json and .md")
    return p


def points(seen: Seen) -> Floats:
    """The overall score of each photo, with the detector's answers where there are any."""
    numbers = parameters.overall_parameters()
    tables = {name: parameters.ours(name) for name in ("niqe", "brisque", "sseq")}
    votes = overall.votes(seen.inputs, metrics_of(seen, tables), seen.detections, numbers)
    return np.array([overall.rated(members).overall for members in overall.logits(votes, numbers).T])


# Orders --------------------------------------------------------------------------------------------------------------


def order_figures(seen: Seen, score: Floats) -> dict[str, Any]:
    """Pairs in the right order by degradation, and how far a score moves when nothing changed."""
    clean = {int(seen.source[row]): row for row in np.flatnonzero(seen.grade == CLEAN).tolist()}
    classes = {name: _orders(seen, score, clean, kind) for kind, name in enumerate(DEGRADATIONS)}
    moved = {name: _moved(seen, score, clean, k) for k, name in enumerate(HARMLESS)}
    middle = {
        name: [round(float(v), 1) for v in np.percentile(score[seen.grade == grade], (10, 50, 90))]
        for name, grade in (("clean", CLEAN), ("mild", MILD), ("strong", STRONG))
    }
    return {"classes": classes, "moved": moved, "points (10 %, middle, 90 %)": middle}


def _orders(seen: Seen, score: Floats, clean: Mapping[int, int], kind: int) -> dict[str, Any]:
    rows = np.flatnonzero(seen.kind == kind)
    mild, strong = rows[seen.grade[rows] == MILD], rows[seen.grade[rows] == STRONG]
    above = [bool(score[clean[int(seen.source[row])]] > score[row]) for row in rows]
    return {"clean over damaged": _share(above), "mild over strong": _share(score[mild] > score[strong])}


def _share(right: list[bool] | NDArray[np.bool_]) -> dict[str, Any]:
    hits, count = int(np.sum(right)), len(right)
    low, high = wilson(hits, count)
    return {
        "right": hits,
        "of": count,
        "share": round(hits / max(count, 1), 4),
        "interval": [round(low, 3), round(high, 3)],
    }


def _moved(seen: Seen, score: Floats, clean: Mapping[int, int], which: int) -> dict[str, float]:
    rows = np.flatnonzero(seen.grade == SAME)[which::2]
    by = np.abs(score[rows] - score[[clean[int(seen.source[row])] for row in rows]])
    middle, most = np.percentile(by, (50, 90))
    return {
        "middle": round(float(middle), 2),
        "90 %": round(float(most), 2),
        "within 3": round(float((by <= 3).mean()), 3),
    }


# Our own parameters --------------------------------------------------------------------------------------------------


def agreement(seen: Seen) -> dict[str, float]:
    """Spearman's correlation, over the damaged photos, of the scores by our own and by the authors' parameters; empty
    where those are not on this machine."""
    (pristine, a), (regression, b), (model, c) = (
        parameters.niqe_parameters(), parameters.brisque_parameters(), parameters.sseq_parameters(),
    )  # fmt: skip
    if a or b or c:
        return {}
    own = metrics_of(seen, {name: parameters.ours(name) for name in ("niqe", "brisque", "sseq")})
    scores: dict[int, Callable[[int], float]] = {
        0: lambda row: niqe.score(seen.blocks[row], pristine),
        2: lambda row: brisque.score(seen.inputs[row, BRISQUE], regression),
        3: lambda row: sseq.score(seen.inputs[row, SSEQ], model),
    }
    found: dict[str, float] = {}
    for k, score in scores.items():
        rows = np.flatnonzero((seen.kind >= 0) & ~np.isnan(own[:, k])).tolist()  # where the metric is defined
        found[overall.METRICS[k]] = round(spearman(own[rows, k], np.array([score(row) for row in rows])), 4)
    return found


def spearman(a: Floats, b: Floats) -> float:
    """The correlation of the ranks, equal values sharing theirs; nan as of `correlation`."""
    return correlation(rankdata(a), rankdata(b))


# Real pairs ----------------------------------------------------------------------------------------------------------


def real_figures(folder: Path, fitted: Sequence[Path], detector: bool) -> dict[str, Any]:
    """By data set: how often the good photo of a pair scores higher than the bad one, of the half that nothing was
    fitted on and without scenes of the fitted photos: some sets damage photos that others have clean."""
    found: dict[str, Any] = {}
    for name, pairs in real_pairs(folder, "exam").items():
        left = set(unseen([good for good, _ in pairs], fitted))
        pairs = [pair for pair in pairs if pair[0] in left]
        if not pairs:
            continue
        chosen = [pairs[k] for k in np.random.default_rng(1).permutation(len(pairs))[:MOST_REAL]]
        found[name] = _share([_score(good, detector) > _score(bad, detector) for good, bad in chosen])
    return found


def _score(path: Path, detector: bool) -> float:
    pixels = eight_bits(load(path, 600))
    score = iqa.assess(pixels, detection=detect.detect(pixels) if detector else None).overall
    assert score is not None, "pairs are larger than the smallest photo that has a score"
    return score


# The report ----------------------------------------------------------------------------------------------------------


def table(figures: Mapping[str, Any]) -> str:
    """The figures as markdown."""
    ways = [way for way in ("without the detector", "with the detector") if way in figures]
    parts = [_order_table(ways, figures), *(_moved_lines(way, figures[way]) for way in ways)]
    if own := figures["own against the authors' parameters"]:
        parts.append("Own against the authors' parameters, Spearman: " + _listed(own) + ".")
    for name, share in figures.get("real pairs", {}).items():
        parts.append(f"Real pairs, {name}: {_told(share)}.")
    return "\n\n".join(parts) + "\n"


def _order_table(ways: Sequence[str], figures: Mapping[str, Any]) -> str:
    heads = [f"{what}, {way}" for way in ways for what in BARS]
    lines = [f"| degradation | {' | '.join(heads)} |", "| --- |" + " --- |" * len(heads)]
    for name in DEGRADATIONS:
        cells = [_cell(figures[way]["classes"][name][what], bar) for way in ways for what, bar in BARS.items()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(share: Mapping[str, Any], bar: float) -> str:
    return _told(share) + ("" if share["share"] >= bar else " (below)")


def _told(share: Mapping[str, Any]) -> str:
    return f"{share['share']:.1%} of {share['of']}"


def _moved_lines(way: str, figures: Mapping[str, Any]) -> str:
    moves = [f"{name}: {_listed(by)}" for name, by in figures["moved"].items()]
    levels = [f"{name} {'/'.join(map(str, p))}" for name, p in figures["points (10 %, middle, 90 %)"].items()]
    return f"{way[0].upper()}{way[1:]}, the score moves by ({'; '.join(moves)}). Points: {', '.join(levels)}."


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())
