"""Requests as people type them, with the plans that they should become: how many of them are understood.

`requests/english.tsv` has a request on each line: kind, request, expected plans, and optionally the history it follows
(a name in `requests/histories.json`). Every second line was never looked at while the planner was written.
`requests/later.tsv` has requests that were written after the planner and run once before it was changed for them: then
131 of the 154 of kind "later" were understood, 114 of the 158 of kind "last" and 85 of the 99 of kind "plain".
`requests/voices.tsv` has requests in other voices, on which the planner was tuned; the last of them are from four sets
that were run once before they were looked at: 105 of 121, 116 of 142, 76 of 102 and 81 of 96 were understood, and
88 of 99 of a fifth one, which is not among them.

Expected: alternatives separated by "|", each of them steps separated by ",". A step is a task, a tool, or an adjustment
with its direction ("exposure-"); "@sky" and "@man+left": words of the region, "~low", "~high", "~0.3": the strength,
"=id": the method ("=*" any, "=id?" that or none), "#v1": the version. What is not written must be null, except the
version. "none": no steps, a reply; "ask": a question; "look": steps that change nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clarity_desktop.backend.chat.planner import plan
from clarity_desktop.backend.plan import LOOK_ONLY, Plan, history_from_json, plan_to_json
from clarity_desktop.text import english
from clarity_desktop.values import TASKS

FOLDER = Path(__file__).parent / "requests"
_STEP = re.compile(
    r"(?P<what>[^@~=#:]+)(?P<more>:[^@~#]+)?(?P<at>@[^~=#@]+)?(?P<by>=[^~#@]+)?(?P<how>~[^#@=]+)?(?P<of>#\S+)?"
)
_SETTING = re.compile(
    r"(exposure|contrast|highlights|shadows|temperature|tint|saturation|sharpen|black_and_white)([+-]?)"
)


class Case(NamedTuple):
    line: int
    kind: str
    request: str
    wanted: str
    history: str


def cases(name: str = "english.tsv") -> Iterator[Case]:
    for number, line in enumerate((FOLDER / name).read_text("utf-8").splitlines(), 1):
        fields = line.split("\t")
        yield Case(number, fields[0], fields[1], fields[2], fields[3] if len(fields) > 3 else "")


def histories() -> dict[str, Any]:
    return json.loads((FOLDER / "histories.json").read_text("utf-8"))


def planned(case: Case) -> Plan:
    return plan(case.request, history_from_json(histories().get(case.history, [])))


def is_right(found: Plan, wanted: str) -> bool:
    return any(_is_one(found, option.strip()) for option in wanted.split("|"))


def _is_one(found: Plan, option: str) -> bool:
    steps: Any = plan_to_json(found)["steps"]
    if option == "none":
        return not steps and found.question is None and bool(english(found.reply))
    if option == "ask":
        return found.question is not None
    if option == "look":
        return bool(steps) and found.question is None and all(step["tool"] in LOOK_ONLY for step in steps)
    each = [part.strip() for part in option.split(",")]
    if found.question is not None and not {s["tool"] for s in steps} <= {"undo"}:
        return False  # a complaint may be answered by the question whether to undo
    return len(each) == len(steps) and all(_is_step(step, want) for step, want in zip(steps, each, strict=True))


def _is_step(step: dict[str, Any], want: str) -> bool:
    at = _STEP.fullmatch(want)
    assert at, want
    return (
        _does(step, at["what"], at["more"] or "")
        and _is_where(step["region"], at["at"])
        and _is_method(step["method"], at["by"])
        and (step["tool"] == "adjust" or _is_strength(step["strength"], at["how"]))
        and (at["of"] is None or step["version"] == at["of"][1:])
    )


def _does(step: dict[str, Any], what: str, more: str) -> bool:
    if what in (*TASKS, "auto"):
        return step["tool"] == "restore" and step["task"] == what
    if setting := _SETTING.fullmatch(what):
        given = (step.get("settings") or {}) if step["tool"] == "adjust" else {}
        value = given.get(setting[1], 0)
        return set(given) == {setting[1]} and (
            not setting[2] or (value is not None and (value > 0) == (setting[2] == "+"))
        )
    if step["tool"] != what:
        return False
    if what == "transform" and more:
        name, _, value = more[1:].partition("=")
        given = (step.get("settings") or {}).get(name)
        return given is not None and (not value or str(given).removesuffix(".0") == value)
    if what in ("compare", "fuse"):
        return (
            (sorted(step.get("versions") or ()) == sorted(more[1:].split("+")))
            if more
            else not step.get("versions") or len(step["versions"]) == 2
        )
    return step.get("format") == (more[1:] or None) if what == "export" else True


def _is_where(region: dict[str, str] | None, at: str | None) -> bool:
    if at is None:
        return region is None
    return region is not None and all(word in region["text"] for word in at[1:].split("+"))


def _is_method(method: str | None, by: str | None) -> bool:
    if by is None:
        return method is None
    return method is not None if by == "=*" else method == by[1:] or (by.endswith("?") and method in (None, by[1:-1]))


def _is_strength(strength: float | None, how: str | None) -> bool:
    if how is None:
        return strength is None
    if strength is None:
        return False
    if how == "~low":
        return 0 < strength <= 0.5
    return strength >= 0.65 if how == "~high" else abs(strength - float(how[1:])) <= 0.1


@pytest.mark.parametrize(("half", "least"), [("tuned", 0.97), ("held", 0.92)])
def test_most_requests_are_understood(half: str, least: float) -> None:
    chosen = [case for case in cases() if (case.line % 2 == 0) == (half == "tuned")]
    right = [is_right(planned(case), case.wanted) for case in chosen]
    assert sum(right) >= least * len(right), f"{sum(right)} of {len(right)}"


def test_later_requests_are_understood() -> None:
    chosen = list(cases("later.tsv"))
    right = [is_right(planned(case), case.wanted) for case in chosen]
    assert sum(right) >= 0.97 * len(right), f"{sum(right)} of {len(right)}"


def test_requests_in_other_voices_are_understood() -> None:
    chosen = list(cases("voices.tsv"))
    right = [is_right(planned(case), case.wanted) for case in chosen]
    assert sum(right) >= 0.92 * len(right), f"{sum(right)} of {len(right)}"


@pytest.mark.parametrize(
    "case", [c for name in ("english.tsv", "later.tsv") for c in cases(name) if c.kind == "question"]
)
def test_a_question_never_changes_the_photo(case: Case) -> None:
    assert {step.tool for step in planned(case).steps} <= LOOK_ONLY


if __name__ == "__main__":
    import sys

    halves = {"tuned": 0, "held": 1}
    score: Counter[tuple[str, bool]] = Counter()
    for case in cases():
        half = "tuned" if case.line % 2 == 0 else "held"
        found = planned(case)
        right = is_right(found, case.wanted)
        score[half, right] += 1
        score[f"{half} {case.kind}", right] += 1
        if not right and (half == "tuned" or "--held" in sys.argv):
            shown: Any = plan_to_json(found)
            brief = [{k: v for k, v in s.items() if v is not None} for s in shown["steps"]]
            print(
                case.line,
                case.kind,
                "|",
                case.request,
                "|",
                case.wanted,
                "|",
                case.history,
                "→",
                brief,
                shown["question"],
                shown["reply"][:50],
            )
    for name in sorted({name for name, _ in score}):
        print(name, score[name, True], "of", score[name, True] + score[name, False])
