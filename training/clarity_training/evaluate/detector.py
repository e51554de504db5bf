"""`clarity bench detector`: accuracy, calibration and localization of the detector.

Evaluated on the test synthesis (`exam`), which no network was trained on, and on real photos of the test half; on
request also on the training synthesis applied to the same unseen photos, and with a CLIP in the detector's place.
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
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation, Detection
from clarity_training import exam, options, predictors
from clarity_training.evaluate import cases, metrics, plots, report, test_set
from clarity_training.evaluate.test_set import Case
from clarity_training.photos import to_8bit
from clarity_training.predictors import Predictor

BUILT_IN = "built-in"
MAX_ERRORS_SHOWN = 120
"""Misclassified photos on the contact sheet, the same number of each class."""
CASES_PER_HALF_DAMAGED = 20
"""Number of cases of a class per photo that is damaged in one half to evaluate the heat map; at least 2 of a class."""
CASES_PER_LOCALLY_DAMAGED = 8
"""The same per photo on which the heat map of a local degradation is compared with where it is."""
OVERLAP_SHARE = 0.12
"""Share of a cell's pixels that must have changed for the cell to count as damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The detector's answer to one case. probabilities (15), found and severity (13): 0..1. true: the true severities
    (13), 0..1, nan where unknown. thumbnail: of the photo, where the answer is wrong."""

    name: str
    real: bool
    source: Path
    probabilities: NDArray[np.float64]
    found: NDArray[np.float64]
    severity: NDArray[np.float64]
    true: NDArray[np.float64]
    thumbnail: NDArray[np.uint8] | None

    @property
    def predicted(self) -> int:
        """Index in CLASSES of the most probable class."""
        return int(self.probabilities.argmax())


def main(words: Sequence[str] | None = None) -> int:
    """Evaluate; print the tables; write figures.json, figures.md, confusion.png and errors.jpg into --out."""
    args = parser().parse_args(words)
    options.apply_run_options(args)
    return run(args, _predictors(args))


def run(args: argparse.Namespace, detectors: Mapping[str, Predictor]) -> int:
    """Evaluate detectors by name, the first one in detail. args: the options of `clarity bench detector`."""
    clean = options.clean_photos(args, "test")
    args.out.mkdir(parents=True, exist_ok=True)
    result = _evaluate(args, clean, detectors)
    (args.out / "figures.json").write_text(json.dumps(_without_nan(result), indent=1), "utf-8")
    text = report.markdown(result)
    (args.out / "figures.md").write_text(text, "utf-8")
    print(text)
    print(f"Results are in {args.out}.")
    return 0


def _predictors(args: argparse.Namespace) -> dict[str, Predictor]:
    detectors = {BUILT_IN: predictors.predictor(predictors.load_detector(args.weights))}
    if args.zero_shot or args.tuned:
        from clarity_training import clip_tower

        if args.zero_shot:
            net = clip_tower.zero_shot(args.zero_shot, args.clip)
            detectors[f"zero-shot {args.zero_shot}"] = predictors.predictor(net)
        if args.tuned:
            detectors["fine-tuned CLIP"] = predictors.predictor(clip_tower.load(args.tuned))
    return detectors


def parser() -> argparse.ArgumentParser:
    """The options of `clarity bench detector`."""
    p = argparse.ArgumentParser("clarity bench detector", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=0)
    p.add_argument("--real", type=Path, metavar="DIR", help="photographed damage with an index.csv (docs/exam.md)")
    p.add_argument("--weights", type=Path, metavar="FILE", help="instead of the bundled detector")
    p.add_argument("--per-class", type=int, default=200, metavar="N")
    p.add_argument(
        "--training-synthesis", nargs="?", type=int, const=0, metavar="N",
        help="evaluate on the training synthesis too, with N cases of each class (default: as many as --per-class)",
    )  # fmt: skip
    p.add_argument(
        "--zero-shot", metavar="MODEL", help="evaluate a CLIP without fine-tuning too, by its open_clip name"
    )
    p.add_argument("--clip", metavar="FILE|ID", help="its weights: a file or a model id of the catalog")
    p.add_argument("--tuned", type=Path, metavar="FILE", help="evaluate a file written by `clarity train clip` too")
    p.add_argument("--out", type=Path, default=Path("out/bench-detector"), metavar="DIR")
    return p


def _evaluate(args: argparse.Namespace, clean: Sequence[Path], detectors: Mapping[str, Predictor]) -> dict[str, Any]:
    """One row for each detector, and the details of the first; images are written on the way."""
    predictions = predict_all(detectors, test_set.build(clean, args.real, args.per_class, args.seed))
    first, predict = next(iter(detectors.items()))
    plots.matrix(_confusion(predictions[first]), CLASSES).save(args.out / "confusion.png")
    half_damaged = cases.half_damaged(clean, max(2, args.per_class // CASES_PER_HALF_DAMAGED), args.seed)
    result: dict[str, Any] = {
        "per_class": args.per_class, "clean_photos": len(clean),
        "rows": {name: summarize(rows) for name, rows in predictions.items()},
        "classes": per_class(predictions[first]), "confusion": _confusion(predictions[first]).tolist(),
        "heat": heat_map_auc(predict, half_damaged),
        "overlap": heat_map_overlap(
            predict, cases.locally_damaged(clean, max(2, args.per_class // CASES_PER_LOCALLY_DAMAGED), args.seed)
        ),
    }  # fmt: skip
    shown = [p for p in predictions[first] if not p.real]
    if args.real:
        real = predict_all({first: predict}, cases.real_cases(args.real))[first]
        result["real"] = per_real_class(real)
        shown += real
    if args.training_synthesis is not None:
        count = args.training_synthesis or args.per_class
        rows = predict_all({first: predict}, cases.training_synthesis_cases(clean, count, args.seed))[first]
        result["training synthesis"] = summarize(rows)
        plots.matrix(_confusion(rows), CLASSES).save(args.out / "confusion-training-synthesis.png")
    _error_sheet(shown).save(args.out / "errors.jpg", quality=85)
    return result


def predict_all(detectors: Mapping[str, Predictor], cases: Iterable[Case]) -> dict[str, list[Prediction]]:
    """Each detector's predictions in the order of the cases. Each case is generated once."""
    predictions: dict[str, list[Prediction]] = {name: [] for name in detectors}
    for case in cases:
        for name, predict in detectors.items():
            predictions[name].append(_prediction(case, predict(case.pixels)))
    return predictions


def _prediction(case: Case, detection: Detection) -> Prediction:
    probabilities = dict(detection.top)
    found = [detection.found[name] for name in DEGRADATIONS]
    true = np.array([case.severities.get(name, math.nan if case.real else 0.0) for name in DEGRADATIONS])
    wrong = detection.top[0][0] != case.name
    return Prediction(
        case.name, case.real, case.source, np.array([probabilities[name] for name in CLASSES]),
        np.array([f.probability for f in found]), np.array([f.severity for f in found]), true,
        _thumbnail(case.pixels) if wrong else None,
    )  # fmt: skip


def _thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    scale = min(1.0, plots.THUMBNAIL / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


# Metrics -------------------------------------------------------------------------------------------------------------


def summarize(predictions: Sequence[Prediction]) -> dict[str, float]:
    """The metrics of one detector over all cases; multi-label ones over synthetic cases, whose labels are complete."""
    labels, probabilities = _labels(predictions), np.stack([p.probabilities for p in predictions])
    ranks = metrics.ranks(probabilities, labels)
    synthetic = [p for p in predictions if not p.real]
    true, found = np.stack([p.true for p in synthetic]), np.stack([p.found for p in synthetic])
    severity = np.stack([p.severity for p in synthetic])
    present = true > 0
    clean = [p for p in predictions if p.name == "normal"]
    each = range(len(DEGRADATIONS))
    precisions = [metrics.average_precision(found[:, k], present[:, k]) for k in each]
    correlations = [metrics.correlation(severity[present[:, k], k], true[present[:, k], k]) for k in each]
    first = [(float(rank == 0), p.real) for rank, p in zip(ranks, predictions, strict=True)]
    return {
        "cases": len(predictions), "real": sum(p.real for p in predictions),
        **{f"top-{n}": float((ranks < n).mean()) for n in (1, 3, 5)},
        "top-1 synthetic": _mean([correct for correct, real in first if not real]),
        "top-1 real": _mean([correct for correct, real in first if real]),
        "false alarms": float(np.mean([p.predicted != 0 for p in clean])) if clean else math.nan,
        "calibration error": metrics.calibration_error(probabilities.max(1), ranks == 0),
        "mean average precision": _mean(precisions),
        "calibration error of found": metrics.calibration_error(found.ravel(), present.ravel()),
        "severity correlation": _mean(correlations),
    }  # fmt: skip


def _mean(values: Sequence[float]) -> float:
    """The mean of the values that are not nan."""
    defined = [v for v in values if not math.isnan(v)]
    return float(np.mean(defined)) if defined else math.nan


def _labels(predictions: Sequence[Prediction]) -> metrics.Ints:
    return np.array([CLASSES.index(p.name) for p in predictions])


def _confusion(predictions: Sequence[Prediction]) -> metrics.Ints:
    return metrics.confusion(_labels(predictions), np.array([p.predicted for p in predictions]), len(CLASSES))


def per_class(predictions: Sequence[Prediction]) -> dict[str, dict[str, Any]]:
    """Precision and recall with counts, the number of real photos, and the most frequent confusions."""
    counts, labels = _confusion(predictions), _labels(predictions)
    true, found = np.stack([p.true for p in predictions]), np.stack([p.found for p in predictions])
    severity = np.stack([p.severity for p in predictions])
    rows: dict[str, dict[str, Any]] = {}
    for k, name in enumerate(CLASSES):
        errors = counts[k].copy()
        errors[k] = 0
        rows[name] = {
            "cases": int(counts[k].sum()), "real": sum(p.real for p in predictions if p.name == name),
            "recall": _share(counts[k, k], counts[k].sum()), "precision": _share(counts[k, k], counts[:, k].sum()),
            "predicted": int(counts[:, k].sum()),
            "confused with": {
                CLASSES[j]: int(errors[j]) for j in np.argsort(-errors, kind="stable")[:3] if errors[j]
            },
        }  # fmt: skip
        if name in DEGRADATIONS:
            column, known = k - 1, ~np.isnan(true[:, k - 1])
            present = known & (true[:, column] > 0)
            rows[name]["average precision"] = metrics.average_precision(found[known, column], present[known])
            rows[name]["severity correlation"] = metrics.correlation(severity[present, column], true[present, column])
            rows[name]["mean found"] = _mean([float(found[n, column]) for n in np.flatnonzero(labels == k)])
    return rows


def _share(part: Any, total: Any) -> float:
    return float(part) / float(total) if total else math.nan


def per_real_class(predictions: Sequence[Prediction]) -> dict[str, dict[str, Any]]:
    """Top-1 accuracy on real photos with its 95 % interval, top-3 accuracy, and the most frequent confusions."""
    rows: dict[str, dict[str, Any]] = {}
    for name in CLASSES:
        of_class = [p for p in predictions if p.name == name]
        if not of_class:
            continue
        ranks = metrics.ranks(np.stack([p.probabilities for p in of_class]), _labels(of_class))
        errors = [CLASSES[p.predicted] for p in of_class if CLASSES[p.predicted] != name]
        low, high = metrics.wilson(int((ranks == 0).sum()), len(of_class))
        rows[name] = {
            "cases": len(of_class), "correct": int((ranks == 0).sum()), "top-1": float((ranks == 0).mean()),
            "low": low, "high": high, "top-3": float((ranks < 3).mean()),
            "confused with": {o: errors.count(o) for o in sorted(set(errors), key=lambda o: -errors.count(o))[:3]},
        }  # fmt: skip
        if name in DEGRADATIONS:
            rows[name]["found"] = float(np.mean([p.found[DEGRADATIONS.index(name)] > 0.5 for p in of_class]))
    return rows


def heat_map_auc(predict: Predictor, photos: Iterator[tuple[Degradation, exam.Half]]) -> dict[str, float]:
    """For each degradation, the mean area under the ROC curve of its heat map for the damaged half of a photo."""
    areas: dict[str, list[float]] = {}
    for name, half in photos:
        heat = predict(to_8bit(half.pixels)).heat[..., DEGRADATIONS.index(name)]
        damaged = cv2.resize(half.where.astype(np.float32), heat.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
        area = metrics.area_under_curve(heat.astype(np.float64).ravel(), damaged.ravel())
        areas.setdefault(name, []).append(area)
    return {name: _mean(values) for name, values in areas.items()}


def heat_map_overlap(
    predict: Predictor, photos: Iterator[tuple[Degradation, NDArray[np.uint8], NDArray[np.bool_]]]
) -> dict[str, float]:
    """For each local degradation, the mean intersection over union of the heat map (above one half) and the damage.

    photos: degradation, damaged photo (H×W×3 uint8) and mask (H×W bool, where it was changed). Both are compared on the
    cells of the heat map: a cell is damaged where at least OVERLAP_SHARE of its pixels changed.
    """
    overlaps: dict[str, list[float]] = {}
    for name, pixels, where in photos:
        heat = predict(pixels).heat[..., DEGRADATIONS.index(name)]
        share = cv2.resize(where.astype(np.float32), heat.shape[::-1], interpolation=cv2.INTER_AREA)
        damaged, seen = share >= OVERLAP_SHARE, heat >= 128
        overlaps.setdefault(name, []).append(float((damaged & seen).sum() / max(1, (damaged | seen).sum())))
    return {name: _mean(values) for name, values in overlaps.items()}


# Output --------------------------------------------------------------------------------------------------------------


def _error_sheet(predictions: Sequence[Prediction]) -> Image.Image:
    """Misclassified photos, the same number of each class, with true and predicted class."""
    shown: list[tuple[NDArray[np.uint8], str]] = []
    for name in CLASSES:
        errors = [(p.thumbnail, _caption(p)) for p in predictions if p.name == name and p.thumbnail is not None]
        shown += errors[: MAX_ERRORS_SHOWN // len(CLASSES)]
    return plots.contact_sheet(shown)


def _caption(p: Prediction) -> str:
    parts = [f"{d} {s:.1f}" for d, s in zip(DEGRADATIONS, p.true, strict=True) if s > 0]
    true = f"{p.name} (real)" if p.real else " + ".join(parts) or p.name
    own = p.probabilities[CLASSES.index(p.name)]
    return f"{true}\n-> {CLASSES[p.predicted]} {p.probabilities.max():.2f}; true class {own:.2f}"


def _without_nan(value: Any) -> Any:
    """JSON has no nan: undefined values become null."""
    if isinstance(value, dict):
        return {str(k): _without_nan(v) for k, v in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    raise SystemExit(main())
