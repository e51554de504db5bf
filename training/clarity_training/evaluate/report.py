"""The detector's figures as a page of Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from clarity_desktop.values import CLASSES
from clarity_training.evaluate.cases import REAL_MOST

FEW = 20
"""Real photos of a class: fewer are listed apart and do not count in the mean."""


def markdown(result: Mapping[str, Any]) -> str:
    """What bench_detector measured: the rows of all detectors, then the built-in one in detail."""
    parts = [_rows(result), _classes(result["classes"])]
    if "real" in result:
        parts.append(_real(result["real"]))
    parts.append(_heat(result["heat"]))
    return "\n\n".join(parts) + "\n"


def _rows(result: Mapping[str, Any]) -> str:
    rows: dict[str, Any] = dict(result["rows"])
    if "own" in result:
        rows["built-in, on the training synthesis"] = result["own"]
    lines = [
        f"## Second synthesis and real photos, {result['per_class']} per class", "",
        f"{result['clean_photos']} clean photos were damaged; none was trained on. Bar: top-1 95 %, top-3 99.7 %, "
        "at most 5 % of clean photos called degraded.", "",
        "| detector | cases (real) | top-1 | top-3 | top-5 | top-1 synthetic | top-1 real | clean called degraded "
        "| ECE top-1 | mAP | ECE each | severity r |",
        "|" + 12 * " --- |",
    ]  # fmt: skip
    for name, row in rows.items():
        names = ("top-1", "top-3", "top-5", "top-1 synthetic", "top-1 real", "clean called degraded")
        shares = [_percent(row[k]) for k in names]
        others = ("calibration error", "mean average precision", "calibration error of each", "severity correlation")
        cells = [f"{row['cases']} ({row['real']})", *shares, *(_number(row[k]) for k in others)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _classes(classes: Mapping[str, Any]) -> str:
    lines = [
        "## By class", "",
        "| class | cases (real) | recall | precision (of said) | AP | severity r | taken for |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, row in classes.items():
        lines.append(
            f"| {name} | {row['cases']} ({row['real']}) | {_percent(row['recall'])} | "
            f"{_percent(row['precision'])} ({row['said']}) | {_number(row.get('average precision'))} | "
            f"{_number(row.get('severity correlation'))} | {_taken(row['taken for'])} |"
        )
    return "\n".join(lines)


def _real(real: Mapping[str, Any]) -> str:
    many = {name: row for name, row in real.items() if row["cases"] >= FEW}
    lines = [
        "## Real photos alone", "",
        f"Photos of the half that is not trained on, at most {REAL_MOST} of a class; “found”: the degradation's "
        "probability is above a half.", "",
        "| class | photos | right | top-1 (95 % interval) | top-3 | found | taken for |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_real_line(name, row) for name, row in many.items()),
    ]  # fmt: skip
    if many:
        mean = sum(row["top-1"] for row in many.values()) / len(many)
        lines.append(f"| mean of {len(many)} classes | | | {_percent(mean)} | | | |")
    few = [_real_line(name, row) for name, row in real.items() if name not in many]
    if few:
        lines += ["", f"Fewer than {FEW} photos, not in the mean:", "", *lines[4:6], *few]
    missing = [name for name in CLASSES if name not in real]
    if missing:
        lines += ["", f"No real photos: {', '.join(missing)}."]
    return "\n".join(lines)


def _real_line(name: str, row: Mapping[str, Any]) -> str:
    interval = f"{_percent(row['top-1'])} ({_percent(row['low'])}–{_percent(row['high'])})"
    found = _percent(row["found"]) if "found" in row else ""
    return (
        f"| {name} | {row['cases']} | {row['right']} | {interval} | {_percent(row['top-3'])} | {found} | "
        f"{_taken(row['taken for'])} |"
    )


def _heat(heat: Mapping[str, float]) -> str:
    known = [v for v in heat.values() if not math.isnan(v)]
    mean = sum(known) / len(known) if known else math.nan
    lines = [
        "## Heat map on half-damaged photos", "",
        f"Area under the curve for the damaged half, mean {_number(mean)}; a flat map has 0.5.", "",
        "| " + " | ".join(heat) + " |", "| " + " | ".join("---" for _ in heat) + " |",
        "| " + " | ".join(map(_number, heat.values())) + " |",
    ]  # fmt: skip
    return "\n".join(lines)


def _taken(others: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in others.items())


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else "–" if math.isnan(value) else f"{value:.3f}"
