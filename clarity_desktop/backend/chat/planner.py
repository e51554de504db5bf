"""Words → plan, by rules: needs no language model, and the same words always give the same plan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from clarity_desktop.values import Task

Tool = Literal["restore", "assess", "detect", "advise", "improve", "compare", "undo", "redo", "go_to"]


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step to be taken. strength None: the request does not say how much."""

    tool: Tool
    task: Task | None = None
    method: str | None = None
    strength: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order, and what is said where there is nothing to do."""

    steps: tuple[PlanStep, ...] = ()
    reply: str = ""


# In the order of undoing: compression and noise, then imaging, then the scene, then taste.
WORDS: dict[Task, str] = {
    "denoise": r"de-?nois\w*|nois[ey]\w*|grain\w*|speckl\w*|(?:high )?iso\b",
    "deblur": r"de-?blur\w*|blur\w*|shak[ey]\w*|sharp\w*|out of focus|unsharp|motion",
    "low_light": r"dark\w*|bright\w*|low[- ]?light|under-?expos\w*|light(?:en)?(?: it)? up|lighten|night|dim\b",
    "derain": r"de-?rain\w*|rain\w*|drizzle|streaks?",
    "dehaze": r"de-?haz\w*|haz[ey]\w*|fog\w*|mist\w*|smog\w*|de-?fog\w*",
    "retouch": r"re-?touch\w*|enhanc\w*|(?:better|nicer|richer|dull|faded|washed[- ]out) ?(?:colou?rs?|tones?)?|"
    r"colou?rs?|contrast|vivid|pop\b",
}
METHODS = re.compile(r"\b(?:maxim|clarity)-[a-z-]+")
INDOOR = re.compile(r"\b(?:indoors?|inside|room)\b")
NEVER = re.compile(r"\b(?:do not|don'?t|never|without|no need to|not|leave|keep)\b(?:\s+\w+){0,2}\s*$")
SLIGHTLY = re.compile(r"\b(?:slightly|a (?:bit|little|touch|tad)|just a touch|gently|subtl[ey]|softly|lightly)\b")
HALF = re.compile(r"\bhalf(?:way)?\b")
PERCENT = re.compile(r"\b(\d{1,3}) ?(?:%|percent)")
CLAUSES = re.compile(r"\b(?:and then|then|after that|afterwards|finally|next)\b|[;.!]")
BEFORE = re.compile(r"^(?P<late>.+)\b(?:but|after)\b\s+(?:first\s+)?(?P<early>.+)$")

UNDO = re.compile(r"\b(?:undo|take (?:that|it) back|revert|go back|step back)\b")
REDO = re.compile(r"\b(?:redo|undo the undo|bring (?:that|it) back)\b")
ORIGINAL = re.compile(r"\b(?:original|start over|from the beginning|reset)\b")
COMPARE = re.compile(r"\b(?:compare|before (?:and|/|&) after|before/after|side by side|difference)\b")
HELP = re.compile(r"^\W*(?:help|\?)\W*$|\bwhat can you do\b|\bhow (?:do|does|can) (?:i|this|you)\b|\bcommands\b")
ASSESS = re.compile(r"\b(?:score|quality|how good|how bad|rate|assess|measure)\b")
WRONG = re.compile(r"\bwrong\b|\bproblems?\b|\bdefects?\b|\bdetect\b|\bdiagnos\w+")
ADVISE = re.compile(
    r"\bwhat (?:should|can|could|do|shall) (?:i|we|you)\b|\bwhat (?:to do|next|would help|will help|does it need)\b|"
    r"\b(?:advice|advise|suggest|suggestions?|recommend|recommendations?)\b"
)
IMPROVE = re.compile(
    r"^\W*(?:(?:please|just|can you|could you|now|ok|and)\W+)*"
    r"(?:auto(?:matic(?:ally)?)?|auto[- ]?(?:fix|improve|enhance|restore)|do (?:everything|whatever it needs)|"
    r"(?:fix|improve|repair|restore)"
    r"(?: (?:it|this|that|everything|all|them|(?:the |this |my |all )*(?:photo|picture|image|problems?|defects?)))?|"
    r"make (?:it|this|(?:the |this |my )?(?:photo|picture|image)) (?:look )?(?:much |a lot |a bit )?(?:better|nicer))"
    r"(?:\W+(?:for me|please|up|automatically|auto|now))*\W*$"
)
LOOKING = re.compile(r"^\W*(?:what(?:'s| is| are)?|why|is|are|does|do you|how (?:good|bad|noisy|dark|much))\b.*")

HELP_TEXT = (
    "I can remove rain, noise, blur and haze, brighten a dark photo and retouch its colours. Say for example "
    "“remove the rain”, “first denoise, then brighten it a bit”, or “dehaze with maxim-dehazing-indoor”. "
    "“What is wrong with it?”, “what should I do?”, “fix it”, “undo”, “redo”, “back to the original”, “compare” and "
    "“how good is it?” work too."
)
UNKNOWN = (
    "I did not understand that. In this version I can remove rain, noise, blur and haze, brighten, retouch, undo, "
    "redo, compare, score, say what is wrong and fix it by myself. Say “help” for examples."
)


def plan(text: str) -> Plan:
    """What to do for a request in plain English. Look-only questions never change the photo."""
    said = " ".join(text.lower().replace("’", "'").split())
    if HELP.search(said):
        return Plan(reply=HELP_TEXT)
    if IMPROVE.match(said):
        return Plan((PlanStep("improve"),))
    if ADVISE.search(said):
        return Plan((PlanStep("advise"),))
    if COMPARE.search(said):
        return Plan((PlanStep("compare"),))
    restores = _restores(said)
    if WRONG.search(said) and not restores:
        return Plan((PlanStep("detect"),))
    if ASSESS.search(said) and not re.search(r"\b(?:improve|better)\b", said):
        return Plan((PlanStep("assess"),))
    if LOOKING.match(said) and not re.search(r"\b(?:can|could|would|please)\b", said) and said.endswith("?"):
        return Plan((PlanStep("detect"),))
    if REDO.search(said):
        return Plan((PlanStep("redo"),))
    if UNDO.search(said) and not ORIGINAL.search(said):
        return Plan((PlanStep("undo"), *restores))
    if ORIGINAL.search(said) and not restores:
        return Plan((PlanStep("go_to"),))
    return Plan(restores) if restores else Plan(reply=UNKNOWN)


def _restores(said: str) -> tuple[PlanStep, ...]:
    """Restorations in the order the words give, or in the order of undoing where they give none."""
    if (turned := BEFORE.match(said)) and "after that" not in said:
        said = f"{turned['early']} then {turned['late']}"
    steps: list[PlanStep] = []
    for clause in CLAUSES.split(said):
        steps += [s for s in _in_clause(clause) if all(s.task != t.task for t in steps)]
    return tuple(steps)


def _in_clause(clause: str) -> list[PlanStep]:
    methods: list[str] = METHODS.findall(clause)
    words = METHODS.sub(" ", clause)
    tasks: dict[Task, None] = {task: None for task in WORDS if _wanted(words, WORDS[task])}
    tasks |= {task: None for name in methods if (task := _task_of(name))}
    return [PlanStep("restore", t, _method(t, methods, words), _strength(words)) for t in tasks]


def _wanted(words: str, pattern: str) -> bool:
    """Whether a mention stands that is not refused (“don't denoise”)."""
    return any(not NEVER.search(words[: at.start()]) for at in re.finditer(rf"\b(?:{pattern})", words))


def _task_of(method: str) -> Task | None:
    stems: dict[str, Task] = {
        "derain": "derain", "denois": "denoise", "deblur": "deblur", "dehaz": "dehaze", "enhance": "low_light",
        "retouch": "retouch",
    }  # fmt: skip
    return next((task for stem, task in stems.items() if stem in method), None)


def _method(task: Task, methods: list[str], words: str) -> str | None:
    named = next((m for m in methods if _task_of(m) in (task, None)), None)  # None: its name says no task
    if named is None and task == "dehaze" and INDOOR.search(words):
        return "maxim-dehazing-indoor"
    return named


def _strength(words: str) -> float | None:
    if at := PERCENT.search(words):
        return min(1.0, int(at[1]) / 100)
    if HALF.search(words):
        return 0.5
    return 0.4 if SLIGHTLY.search(words) else None
