"""Writes docs/methods.md: every model of the paper's Table 1, and newer ones, with its true state.

    python -m benchmarks.methods_page

What no program can know (what was looked at, where weights are) is in docs/table1.toml; the rest comes from the catalog
and from the table of methods. tests/test_methods_page.py checks that the page is up to date.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from clarity_desktop.backend.methods import METHODS
from clarity_desktop.backend.weights import catalog

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "methods.md"
EVIDENCE = DOCS.parent / "resources" / "evidence.json"
Row = Mapping[str, Any]

STATES: Mapping[str, tuple[str, str]] = {
    "verified": (
        "runs, verified on real data",
        "The network is ours; the authors' weights ran on photos, and every result equals an independent evaluation.",
    ),
    "official": (
        "runs when its official weights are there",
        "The network is tested with random weights under the published names; the Models window downloads the file.",
    ),
    "by hand": (
        "public weights, by hand",
        "On a drive, behind a login, without a checksum or in a form that needs foreign code. Where the network is"
        " built, drop the file on the window; where it is not, the row says so.",
    ),
    "none": ("no public weights", "What was looked at is said, and what does the job instead."),
}
"""The short form of each state in the page, and what it means."""


def rows() -> Sequence[Row]:
    """The rows of docs/table1.toml, those of Table 1 first."""
    return tomllib.loads((DOCS / "table1.toml").read_text("utf-8"))["row"]


def page() -> str:
    """The text of docs/methods.md."""
    table1 = [row for row in rows() if not row.get("newer")]
    newer = [row for row in rows() if row.get("newer")]
    count = Counter(row["state"] for row in table1)
    lines = [
        "# Methods: the models of Table 1, and newer ones",
        "",
        "Written by `make methods` from docs/table1.toml, the catalog and the table of methods; do not edit it here.",
        f"Table 1 of the paper names {len(table1)} models. Each is in one of four states:",
        "",
        "| state | models | meaning |",
        "| --- | --- | --- |",
        *(f"| {title} | {count[state]} | {meaning} |" for state, (title, meaning) in STATES.items()),
        "",
        "The task menus and `clarity restore --method ID` offer the methods; docs/licenses.md has every file that the"
        " program can download, docs/classical.md the methods that need none.",
        "",
    ]
    for task, group in groupby(table1, lambda row: row["task"]):
        lines += [f"## {task}", "", *_table(list(group))]
    lines += [
        "## Newer models that a user may have",
        "",
        "Drop their file on the window or use `clarity models import FILE`. They are recognized by spandrel, some by"
        " spandrel_extra_arches, whose licenses are restrictive: who wants them installs it, no release contains it.",
        "",
        *_table(newer),
    ]
    return "\n".join([*lines, *_measured()]).rstrip() + "\n"


MEASURED = "## Measured here"


def _measured() -> Sequence[str]:
    """What `clarity bench methods` found, if it was kept."""
    if not EVIDENCE.exists():
        return []
    evidence: Mapping[str, Mapping[str, Any]] = json.loads(EVIDENCE.read_text("utf-8"))
    lines = [
        MEASURED,
        "",
        "From `clarity bench methods` (resources/evidence.json): mean gain in PSNR over the input, in dB, on unseen"
        " photos damaged by the test synthesis (docs/exam.md) and on photographed pairs; how close an undamaged photo"
        " stays; seconds of processor time per megapixel. A method that was stopped after its time has fewer photos.",
        "",
        "| task | method | synthetic (photos) | photographed pairs (photos) | clean photos keep | s per MP |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for task, found in sorted(evidence.items()):
        for method, fact in sorted(found.items(), key=lambda item: -item[1]["gain_db"]):
            sets: Mapping[str, Any] = fact.get("sets", {})
            real = [
                f"{name} {of['gain_db']:+.1f} ({of['n']})" for name, of in sorted(sets.items()) if name != "synthesis"
            ]
            made = sets.get("synthesis")
            cells = (
                task, f"`{method}`", f"{made['gain_db']:+.1f} ({made['n']})" if made else "—", ", ".join(real) or "—",
                f"{fact['clean_db']:.1f}" if fact.get("clean_db") is not None else "—", f"{fact['seconds_per_mp']:.1f}",
            )  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _table(group: Sequence[Row]) -> Sequence[str]:
    return [
        "| model | state | network here | weights | license | what was looked at |",
        "| --- | --- | --- | --- | --- | --- |",
        *(f"| {' | '.join(_cells(row))} |" for row in group),
        "",
    ]


def _cells(row: Row) -> Sequence[str]:
    return (
        f"**{row['model']}**<br>{row['paper']}",
        STATES[row["state"]][0],
        _network(row),
        row.get("weights") or _published(row),
        row.get("licence") or _licences(row),
        f"{_sentence(row['looked_at'])}{_nearest(row)}",
    )


def _network(row: Row) -> str:
    if row["state"] == "none":
        return "—"
    if methods := row.get("methods"):
        built = ", ".join(f"`{name}`" for name in methods)
        size = "; ".join(dict.fromkeys(METHODS[name].architecture for name in methods))
        built += f"<br>{size}"
    elif models := row.get("models"):
        built = ", ".join(f"`{name}`" for name in models)
    else:
        built = f"recognized as {row['imported']}" if row.get("built", True) else "not built"
    parts = [built, f"{row['parameters']} parameters" if "parameters" in row else ""]
    parts.append(f"tensors: {row['keys']}" if "keys" in row else "")
    return "<br>".join(part for part in parts if part)


def _models(row: Row) -> Sequence[str]:
    return [weights for name in row.get("methods", ()) for weights in METHODS[name].weights] or row.get("models", [])


def _published(row: Row) -> str:
    """Where the catalog has the weights from."""
    found: dict[str, None] = {}
    for name in _models(row):
        for source in catalog()[name].variants[0].sources[:1]:
            place = source.location.removeprefix("https://")
            if place.startswith("raw.githubusercontent.com/"):
                _, owner, repository, commit, *_ = place.split("/")
                place = f"{owner}/{repository} at {commit[:10]}"
            found[place] = None
    size = sum(catalog()[name].variants[0].size for name in _models(row))
    return f"{', '.join(found)}; {size / 1e6:.1f} MB with checksums in the catalog" if found else "—"


def _licences(row: Row) -> str:
    return "; ".join(dict.fromkeys(catalog()[name].licence for name in _models(row))) or "—"


def _nearest(row: Row) -> str:
    if nearest := row.get("nearest"):
        return f" Meanwhile: {', '.join(f'`{name}`' for name in nearest)}."
    return f" Meanwhile: {instead}" if (instead := row.get("instead")) else ""


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
