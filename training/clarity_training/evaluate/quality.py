"""`clarity bench quality`: evaluate the overall score and the bundled parameters of the metrics.

Measured are how often the overall score puts two photos in the right order, for each degradation; how much it moves
when a photo is cropped or recompressed; and how well the bundled parameters agree with the authors'. The photos are of
the test split, damaged by the test synthesis; with --real, real pairs too.
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

from clarity_desktop.backend import detect
from clarity_desktop.backend.iqa import assess, brisque, niqe, overall, sseq
from clarity_desktop.backend.iqa.parameters import default_parameters
from clarity_desktop.values import DEGRADATIONS
from clarity_training import options, ranked_photos
from clarity_training.evaluate.metrics import correlation, wilson
from clarity_training.evaluate.test_set import real_pairs
from clarity_training.fitted_metrics import metric_scores
from clarity_training.photos import load_8bit
from clarity_training.ranked_photos import BRISQUE, CLEAN, MILD, SSEQ, STRONG, UNCHANGED, Measurements, shuffle
from clarity_training.scene_split import exclude_scenes

Floats = NDArray[np.float64]

TARGETS = {"clean over damaged": 0.95, "mild over strong": 0.85}
"""Share of pairs in the right order."""
UNCHANGED_EDITS = ("cropped by 5 %", "JPEG of quality 92 to 98")
"""Edits that must not change the score, in the order of the photos of grade UNCHANGED."""
MAX_REAL_PAIRS = 40
"""Of one data set."""
BUNDLED = ("niqe", "brisque", "sseq")
"""Metrics with parameters fitted by this project."""
WITHOUT, WITH = "without the detector", "with the detector"


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate, write FILE.json and FILE.md, print the latter."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    paths = shuffle(options.clean_photos(args, "test"))[: args.count]
    photos = partial(ranked_photos.evaluation_photos, paths, args.per_degradation, args.seed)
    data = ranked_photos.cached(args.cache, lambda: ranked_photos.measure(photos()))
    result: dict[str, Any] = {"photos": len(paths), WITHOUT: rank_metrics(data, overall_scores(data))}
    if args.detector:
        data = ranked_photos.with_detections(data, photos(), detect.detect)
        result[WITH] = rank_metrics(data, overall_scores(data))
    result["bundled against the authors' parameters"] = agreement(data)
    if args.real:
        result["real pairs"] = real_pair_metrics(args.real, options.clean_photos(args, "train"), args.detector)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    args.out.with_suffix(".md").write_text(markdown(result), encoding="utf-8")
    print(markdown(result))
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity bench quality", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=1)
    p.add_argument("--real", type=Path, metavar="DIR", help="folder with index.csv, for its real pairs")
    p.add_argument("--count", type=int, default=200, help="clean photos at most")
    p.add_argument("--per-degradation", type=int, default=36, metavar="N", help="photos of each, mild and strong")
    p.add_argument("--detector", action="store_true", help="evaluate the score with the detector too")
    p.add_argument("--cache", type=Path, metavar="FILE", help="keep the measurements here (.npz) for the next run")
    p.add_argument("--out", type=Path, default=Path("out/quality"), metavar="FILE", help="written as .json and .md")
    return p


def overall_scores(data: Measurements) -> Floats:
    """The overall score of each photo (N, 0..100), with the detector where the data has detections.

    A float64 vector.
    """
    parameters = default_parameters()
    table = parameters.overall()
    metrics = metric_scores(data, {name: parameters.bundled(name) for name in BUNDLED})
    votes = overall.features(data.features, metrics, data.detections, table)
    return np.array([overall.rating(members).overall for members in overall.logits(votes, table).T])


# Order of synthetic photos -------------------------------------------------------------------------------------------


def rank_metrics(data: Measurements, scores: Floats) -> dict[str, Any]:
    """Pairs in the right order by degradation, how far unchanged photos move, and the usual scores. scores: N.

    A float64 vector.
    """
    clean = {int(data.source[row]): row for row in np.flatnonzero(data.grade == CLEAN).tolist()}
    classes = {name: _order(data, scores, clean, k) for k, name in enumerate(DEGRADATIONS)}
    moves = {name: _moves(data, scores, clean, k) for k, name in enumerate(UNCHANGED_EDITS)}
    percentiles = {
        name: [round(float(v), 1) for v in np.percentile(scores[data.grade == grade], (10, 50, 90))]
        for name, grade in (("clean", CLEAN), ("mild", MILD), ("strong", STRONG))
    }
    return {"classes": classes, "moves": moves, "scores (10 %, median, 90 %)": percentiles}


def _order(data: Measurements, scores: Floats, clean: Mapping[int, int], degradation: int) -> dict[str, Any]:
    rows = np.flatnonzero(data.degradation == degradation)
    mild, strong = rows[data.grade[rows] == MILD], rows[data.grade[rows] == STRONG]
    clean_higher = [bool(scores[clean[int(data.source[row])]] > scores[row]) for row in rows]
    return {"clean over damaged": _share(clean_higher), "mild over strong": _share(scores[mild] > scores[strong])}


def _share(correct: list[bool] | NDArray[np.bool_]) -> dict[str, Any]:
    hits, count = int(np.sum(correct)), len(correct)
    low, high = wilson(hits, count)
    return {
        "correct": hits,
        "of": count,
        "share": round(hits / max(count, 1), 4),
        "interval": [round(low, 3), round(high, 3)],
    }


def _moves(data: Measurements, scores: Floats, clean: Mapping[int, int], edit: int) -> dict[str, float]:
    rows = np.flatnonzero(data.grade == UNCHANGED)[edit::2]
    moves = np.abs(scores[rows] - scores[[clean[int(data.source[row])] for row in rows]])
    median, high = np.percentile(moves, (50, 90))
    return {
        "median": round(float(median), 2),
        "90 %": round(float(high), 2),
        "within 3": round(float((moves <= 3).mean()), 3),
    }


# Bundled parameters --------------------------------------------------------------------------------------------------


def agreement(data: Measurements) -> dict[str, float]:
    """For each metric, Spearman's correlation between the scores by the bundled and by the authors' parameters over the
    damaged photos; empty where the authors' are not installed."""
    parameters = default_parameters()
    (pristine, a), (regression, b), (model, c) = parameters.niqe(), parameters.brisque(), parameters.sseq()
    if a or b or c:
        return {}
    bundled = metric_scores(data, {name: parameters.bundled(name) for name in BUNDLED})
    score_of: dict[int, Callable[[int], float]] = {
        0: lambda row: niqe.score(data.blocks[row], pristine),
        2: lambda row: brisque.score(data.features[row, BRISQUE], regression),
        3: lambda row: sseq.score(data.features[row, SSEQ], model),
    }
    result: dict[str, float] = {}
    for k, score in score_of.items():
        rows = np.flatnonzero((data.degradation >= 0) & ~np.isnan(bundled[:, k])).tolist()
        result[overall.METRICS[k]] = round(spearman(bundled[rows, k], np.array([score(row) for row in rows])), 4)
    return result


def spearman(a: Floats, b: Floats) -> float:
    """Spearman's rank correlation of two series of N values, ties with their mean rank; nan as for `correlation`.

    a, b: vectors, float64.
    """
    return correlation(rankdata(a), rankdata(b))


# Real pairs ----------------------------------------------------------------------------------------------------------


def real_pair_metrics(folder: Path, trained_on: Sequence[Path], detector: bool) -> dict[str, Any]:
    """By data set, how often the good photo of a pair scores higher than the bad one.

    Pairs are of the test half and show no scene of the photos in `trained_on`: some sets damage photos that are clean
    photos of other sets.
    """
    result: dict[str, Any] = {}
    for name, pairs in real_pairs(folder, "test").items():
        new_scenes = set(exclude_scenes([good for good, _ in pairs], trained_on))
        pairs = [pair for pair in pairs if pair[0] in new_scenes]
        if not pairs:
            continue
        chosen = [pairs[k] for k in np.random.default_rng(1).permutation(len(pairs))[:MAX_REAL_PAIRS]]
        result[name] = _share([_score(good, detector) > _score(bad, detector) for good, bad in chosen])
    return result


def _score(path: Path, detector: bool) -> float:
    pixels = load_8bit(path, 600)
    score = assess.assess(pixels, detection=detect.detect(pixels) if detector else None).overall
    assert score is not None, "photos of real pairs are larger than the smallest photo that has a score"
    return score


# The report ----------------------------------------------------------------------------------------------------------


def markdown(result: Mapping[str, Any]) -> str:
    """The result as Markdown."""
    variants = [variant for variant in (WITHOUT, WITH) if variant in result]
    parts = [_order_table(variants, result), *(_moves_line(variant, result[variant]) for variant in variants)]
    if correlations := result["bundled against the authors' parameters"]:
        parts.append(f"Spearman's correlation of the bundled with the authors' parameters: {_listed(correlations)}.")
    for name, share in result.get("real pairs", {}).items():
        parts.append(f"Real pairs, {name}: {_percent(share)}.")
    return "\n\n".join(parts) + "\n"


def _order_table(variants: Sequence[str], result: Mapping[str, Any]) -> str:
    headers = [f"{target}, {variant}" for variant in variants for target in TARGETS]
    lines = [f"| degradation | {' | '.join(headers)} |", "| --- |" + " --- |" * len(headers)]
    for name in DEGRADATIONS:
        shares = [
            (result[variant]["classes"][name][t], minimum) for variant in variants for t, minimum in TARGETS.items()
        ]
        lines.append(f"| {name} | {' | '.join(_cell(share, minimum) for share, minimum in shares)} |")
    return "\n".join(lines)


def _cell(share: Mapping[str, Any], target: float) -> str:
    return _percent(share) + ("" if share["share"] >= target else " (below)")


def _percent(share: Mapping[str, Any]) -> str:
    return f"{share['share']:.1%} of {share['of']}"


def _moves_line(variant: str, result: Mapping[str, Any]) -> str:
    moves = [f"{name}: {_listed(values)}" for name, values in result["moves"].items()]
    levels = [f"{name} {'/'.join(map(str, p))}" for name, p in result["scores (10 %, median, 90 %)"].items()]
    return f"{variant[0].upper()}{variant[1:]}, the score moves by ({'; '.join(moves)}). Scores: {', '.join(levels)}."


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


if __name__ == "__main__":
    raise SystemExit(main())
