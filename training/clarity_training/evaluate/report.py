"""The detector's metrics as Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from clarity_desktop.values import CLASSES
from clarity_training.evaluate.cases import MAX_REAL

MIN_REAL = 20
"""Classes with fewer real photos are listed separately and not averaged."""


def markdown(result: Mapping[str, Any]) -> str:
    """The result of `clarity bench detector`: one row for each detector, then details of the built-in one."""
    parts = [_rows(result), _classes(result["classes"])]
    if "real" in result:
        parts.append(_real(result["real"]))
    parts.append(_heat(result["heat"]))
    return "\n\n".join(parts) + "\n"


def _rows(result: Mapping[str, Any]) -> str:
    rows: dict[str, Any] = dict(result["rows"])
    if "training synthesis" in result:
        rows["built-in, on the training synthesis"] = result["training synthesis"]
    lines = [
        f"## Test synthesis and real photos, {result['per_class']} per class", "",
        f"{result['clean_photos']} clean photos of the test split were damaged. Targets: top-1 95 %, top-3 99.7 %, "
        "at most 5 % false alarms on clean photos.", "",
        "| detector | cases (real) | top-1 | top-3 | top-5 | top-1 synthetic | top-1 real | false alarms "
        "| ECE top-1 | mAP | ECE found | severity r |",
        "|" + 12 * " --- |",
    ]  # fmt: skip
    for name, row in rows.items():
        names = ("top-1", "top-3", "top-5", "top-1 synthetic", "top-1 real", "false alarms")
        shares = [_percent(row[k]) for k in names]
        others = ("calibration error", "mean average precision", "calibration error of found", "severity correlation")
        cells = [f"{row['cases']} ({row['real']})", *shares, *(_number(row[k]) for k in others)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _classes(classes: Mapping[str, Any]) -> str:
    lines = [
        "## By class", "",
        "| class | cases (real) | recall | precision (of predicted) | AP | severity r | confused with |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for name, row in classes.items():
        lines.append(
            f"| {name} | {row['cases']} ({row['real']}) | {_percent(row['recall'])} | "
            f"{_percent(row['precision'])} ({row['predicted']}) | {_number(row.get('average precision'))} | "
            f"{_number(row.get('severity correlation'))} | {_counts(row['confused with'])} |"
        )
    return "\n".join(lines)


def _real(real: Mapping[str, Any]) -> str:
    frequent = {name: row for name, row in real.items() if row["cases"] >= MIN_REAL}
    lines = [
        "## Real photos alone", "",
        f"Photos of the test half, at most {MAX_REAL} of a class; “found”: the degradation's "
        "probability is above 0.5.", "",
        "| class | photos | correct | top-1 (95 % interval) | top-3 | found | confused with |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_real_line(name, row) for name, row in frequent.items()),
    ]  # fmt: skip
    if frequent:
        mean = sum(row["top-1"] for row in frequent.values()) / len(frequent)
        lines.append(f"| mean of {len(frequent)} classes | | | {_percent(mean)} | | | |")
    rare = [_real_line(name, row) for name, row in real.items() if name not in frequent]
    if rare:
        lines += ["", f"Fewer than {MIN_REAL} photos, not in the mean:", "", *lines[4:6], *rare]
    missing = [name for name in CLASSES if name not in real]
    if missing:
        lines += ["", f"No real photos: {', '.join(missing)}."]
    return "\n".join(lines)


def _real_line(name: str, row: Mapping[str, Any]) -> str:
    interval = f"{_percent(row['top-1'])} ({_percent(row['low'])}–{_percent(row['high'])})"
    found = _percent(row["found"]) if "found" in row else ""
    return (
        f"| {name} | {row['cases']} | {row['correct']} | {interval} | {_percent(row['top-3'])} | {found} | "
        f"{_counts(row['confused with'])} |"
    )


def _heat(heat: Mapping[str, float]) -> str:
    known = [v for v in heat.values() if not math.isnan(v)]
    mean = sum(known) / len(known) if known else math.nan
    lines = [
        "## Heat map on half-damaged photos", "",
        f"Area under the ROC curve for the damaged half, mean {_number(mean)}; a constant map has 0.5.", "",
        "| " + " | ".join(heat) + " |", "| " + " | ".join("---" for _ in heat) + " |",
        "| " + " | ".join(map(_number, heat.values())) + " |",
    ]  # fmt: skip
    return "\n".join(lines)


def _counts(others: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in others.items())


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else "–" if math.isnan(value) else f"{value:.3f}"
