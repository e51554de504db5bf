"""What a clause says about strength, transforms and files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.mentions import Mention
from clarity_desktop.backend.chat.words import AdjustmentWord, TaskWord
from clarity_desktop.backend.plan import ExportCall, ToolCall, TransformCall, TransformSettings

LITTLE, MODERATE, STRONG = 0.4, 0.5, 0.8
"""Strengths of "a bit", "moderately" and "strongly"."""

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PERCENT = re.compile(r"\b(\d{1,3}) ?(?:%|percent)")
_STRENGTH = re.compile(
    r"\bstrength (?:of |to |at |= ?)?(0?\.\d+|1(?:\.0)?|0)\b|\b(?:at|by|to|of) (0?\.\d+|1\.0)\b|\b(0?\.\d+) strength"
)
_AT_NUMBER = re.compile(r"\bat (\d{2,3})\W*$")
"""A strength without its unit: "sharpen at 70"."""
_HARDLY = re.compile(r"\b(?:can|could) (?:barely|hardly|scarcely)\b|\bbarely (?=see|visible|make out|recogni[sz])")
"""Says what is there: "I can barely see anything"."""
_RATIO = re.compile(r"\b(\d{1,2}) ?(?::|by|x|to) ?(\d{1,2})\b")
_STOPS = re.compile(r"\b(\d+(?:\.\d+)?|one|two|half a|a|a half|one third|a third)(?: of a)? stops?\b")


_RUINED = re.compile(
    r"\s+(?:\w+ly\s+)?(?:ruin|wreck|destroy|spoil|kill|hid|cover|los|blown|burn|wash|fade|mess|drown|swallow"
    r"|bleach|fill|full"
    r"|overexposed|underexposed|white|black|gone|off|wrong|bad|worse|better|nicer|unreadable|invisible|unusable)"
)
"""Behind "completely" and the like: a description, no strength."""


def strength_in(clause: str, mentions: list[Mention]) -> float | None:
    """How much a clause asks for; None where it does not say. "A bit noisy" and "much too dark" say what is there."""
    clause = _HARDLY.sub(lambda at: " " * len(at[0]), clause)
    if at := _PERCENT.search(clause):
        return min(1.0, int(at[1]) / 100)
    if at := _STRENGTH.search(clause):
        return float(at[1] or at[2] or at[3])
    if (at := _AT_NUMBER.search(clause)) and mentions and int(at[1]) <= 100:
        return int(at[1]) / 100
    fractions: Mapping[str, float] = words.lists()["strength"]["fractions"]
    if at := re.search(rf"(?:{words.regex(fractions, clause)})(?!\s+(?:of the (?:photo|picture|image)))", clause):
        return fractions[" ".join(at[0].split())]
    for name, value in (("fully", 1.0), ("half", MODERATE), ("slightly", LITTLE), ("strongly", STRONG)):
        for at in words.pattern("strength", name).finditer(clause):
            if any(m.start < at.end() and at.start() < m.end for m in mentions) or _RUINED.match(clause[at.end() :]):
                continue  # "low light", "totally wrecked"
            if at[0] == "far" and re.match(
                r"\s+(?:left|right|top|bottom|corner|side|end|away|back)", clause[at.end() :]
            ):
                continue  # "the far left"
            if name == "half" and re.match(r"\s+of\b|\s+the\b", clause[at.end() :]):
                of_damage = re.match(r"\s+(?:of\s+)?(?:(?:the|that|this|all)\s+)*", clause[at.end() :])
                if of_damage and at.end() + of_damage.end() in {m.start for m in mentions}:
                    return value  # "half of the haze"
                continue  # "the left half of the photo"
            if name == "half" and re.search(
                r"\b(?:left|right|top|bottom|upper|lower|other|this|that)\s+$", clause[: at.start()]
            ):
                continue
            if not _describes(clause, at, mentions) and not (name == "strongly" and _tells(clause, at, mentions)):
                return value
    for mention in mentions:  # "a whisper of denoising"
        verb = isinstance(mention.word, TaskWord) and mention.word.kind == "verb"
        before = clause[: mention.start]
        if verb and re.search(
            r"\ban? (?:generous|large|huge|big|healthy|hefty|serious|massive|strong|heavy) \w+ of (?:the )?$", before
        ):
            return STRONG
        at = re.search(r"\ban? (?:\w+ )?(?P<much>\w+) of (?:the )?$", before)
        if (
            verb
            and at
            and at["much"] not in ("lot", "ton", "load", "heap", "bunch", "round", "pass", "deal", "kind", "sort")
        ):
            return LITTLE
    for mention in mentions:  # "sharpen it hard", not "snowing so hard"
        verb = isinstance(mention.word, TaskWord) and mention.word.kind == "verb"
        if verb and re.match(r"\s+(?:it\s+|this\s+)?(?:really\s+|very\s+)?hard\b", clause[mention.end :]):
            return STRONG
    return None


def percent_of_last(text: str) -> float | None:
    """The strength that a remark wants of the last change: "50% of that would be enough"."""
    at = _PERCENT.search(text)
    return (
        int(at[1]) / 100
        if at and re.search(r"\bof (?:that|it|this)\b|\bstrength\b", text) and int(at[1]) <= 100
        else None
    )


def strength_alone(clause: str) -> float | None:
    """The strength of a clause that says nothing else: "as strong as you can"."""
    names = ("fully", "half", "slightly", "strongly")
    only = words.only(*(("strength", name) for name in names), ("speech", "polite"))
    return strength_in(clause, []) if only.fullmatch(clause) else None


def _tells(clause: str, at: re.Match[str], mentions: list[Mention]) -> bool:
    """Whether words behind a damage say how much of it there is: "it was snowing like mad", "it rained a lot"."""
    before = clause[: at.start()]
    things = [m for m in mentions if isinstance(m.word, TaskWord) and m.word.kind == "thing" and m.end <= at.start()]
    others = [m for m in mentions if not isinstance(m.word, TaskWord) or m.word.kind != "thing"]
    states = re.match(
        r"\W*(?:it|there|they|that|this|we|i|the \w+)(?:'s| is| was| were| are| has| had| \w+ed)\b", before
    )
    return bool(things and states and not others and not words.pattern("regions", "remove").search(before))


def _describes(clause: str, at: re.Match[str], mentions: list[Mention]) -> bool:
    """Whether words of strength belong to what is there: "a bit noisy", "a lot of noise", "much too dark"."""
    after = clause[at.end() :]
    described = words.regex(words.phrases("strength", "described"), clause)
    removes = words.pattern("regions", "remove").search(clause[: at.start()]) or re.search(
        r"\b(?:reduce|reducing|lower|less|smooth|clear)\b", clause[: at.start()]
    )
    for mention in mentions:
        if mention.start < at.end():
            continue
        between = clause[at.end() : mention.start]
        if not re.fullmatch(rf"\s*(?:(?:{described}|more|the|it)\s*)*", between):
            continue
        if re.match(r"\s+(?:reduction|removal|cleanup)\b", clause[mention.end :]):
            return False  # "a hint of haze reduction"
        if isinstance(mention.word, TaskWord) and mention.word.kind == "thing" and not removes:
            return True
    if any(m.start >= at.end() and isinstance(m.word, TaskWord) and m.word.kind == "verb" for m in mentions):
        return False  # "a bit of denoising"
    return bool(re.match(r"\s+(?:too|so|of (?!the |that |it))", after)) and not removes


def transform_in(clause: str) -> ToolCall | None:
    """The transform that a clause asks for."""

    def has(name: str) -> bool:
        return bool(words.pattern("transforms", name).search(clause))

    if words.pattern("negation", "refuse").search(clause) and not re.search(r"\bhorizon\b", clause):
        return None
    if re.search(r"\bturn\s+(?:his|her|their|its|my|\w+'s)\b", clause):
        return None  # "turn his head to the left"
    number = _NUMBER.search(clause)
    if has("crop"):
        ratio = _RATIO.search(clause)
        shape = "1:1" if has("square") else f"{ratio[1]}:{ratio[2]}" if ratio else "16:9" if has("wide") else None
        return TransformCall(TransformSettings(crop=shape) if shape and "0" not in shape.split(":") else None)
    if has("flip"):
        return TransformCall(TransformSettings(flip="vertical" if has("vertical") else "horizontal"))
    if has("straighten"):
        return TransformCall(TransformSettings(straighten=_tilt(float(number[0]), clause)) if number else None)
    if re.search(r"\b(?:is|it's|its|was|came out) upside down\b", clause):
        return TransformCall(TransformSettings(rotate=180))
    if has("sideways"):
        return TransformCall()
    turns = "rotat" in clause or (
        has("rotate") and not re.search(r"\bturn\s+(?:it\s+)?(?:up|down|on|off|into)\b(?! *side)", clause)
    )
    if turns and (
        "rotat" in clause or number or has("left") or has("right") or has("half_turn") or has("right_way_up")
    ):
        if has("right_way_up"):
            return TransformCall()
        return TransformCall(_rotation(int(float(number[0])) if number else None, has("left"), has("half_turn")))
    return None


def _tilt(degrees: float, clause: str) -> float:
    counter = words.pattern("transforms", "left").search(clause)
    return max(-180.0, min(180.0, -degrees if counter else degrees))


def _rotation(degrees: int | None, left: bool, half: bool) -> TransformSettings:
    turn = 180 if half else 90 if degrees is None else degrees
    turn = (-turn if left else turn) % 360
    quarter: dict[int, Literal[90, 180, 270]] = {90: 90, 180: 180, 270: 270}
    if turn in quarter:
        return TransformSettings(rotate=quarter[turn])
    return TransformSettings(straighten=float(turn - 360 if turn > 180 else turn))


def export_in(clause: str) -> ToolCall | None:
    """The export that a clause asks for."""
    formats: Mapping[str, list[str]] = words.lists()["export"]["formats"]
    verb = words.pattern("export", "verbs").search(clause)
    if words.ending("negation", "refuse", within=3).search(clause[: verb.start() if verb else 0]):
        return None
    every = words.regex([ending for endings in formats.values() for ending in endings], clause)
    if at := re.search(
        rf"\b(?:give|get|hand|i want|i need|need|want)\b(?:\s+(?:me|it|this|as|an?|the))*\s+({every})", clause
    ):
        return ExportCall(next(name for name, endings in formats.items() if at[1] in endings))
    if at := re.search(
        rf"\b(?:want|need|like|have|get|give|make|turn|as|in|into|to)\b(?:\s+[\w']+){{0,4}}?\s+(?:an?|as|in|into"
        rf"|to)\s+({every})"
        r"(?=\s*(?:$|[^\w\s]|please\b|of (?:it|this|that|the)\b|file\b|version\b|copy\b|format\b|now\b|for\b))",
        clause,
    ):
        return ExportCall(next(name for name, endings in formats.items() if at[1] in endings))
    if verb is None or words.ending("negation", "refuse", within=1).search(clause[: verb.start()]):
        return None
    after = words.pattern("speech", "polite").sub(" ", clause[verb.end() :])
    word = re.match(r"\W*([\w-]+)", after)
    objects = words.only(("export", "objects"), ("speech", "polite"))
    after = re.sub(r"^\W*(?:the\s+)?(?:\w+\s+)?(?:v\d+|version(?: \d+)?|original|result)\b", " it ", after)
    word = re.match(r"\W*([\w-]+)", after)
    if verb[0] in ("save", "write", "store", "convert", "output") and word and not objects.fullmatch(word[1]):
        return None
    named = [name for name, endings in formats.items() if re.search(rf"(?:{words.regex(endings, clause)})", clause)]
    if verb[0] == "convert" and not named:
        return None
    return ExportCall(named[0] if named else None)


def amount(word: AdjustmentWord, strength: float | None, clause: str) -> float | bool | None:
    """How much to change a setting, -1..1; None where the request names no direction. Two stops are 1."""
    if word.setting == "black_and_white":
        return True
    if word.setting == "exposure" and word.sign and (at := _STOPS.search(clause)):
        named = {"one": 1.0, "a": 1.0, "two": 2.0, "half a": 0.5, "a half": 0.5, "one third": 1 / 3, "a third": 1 / 3}
        stops = named.get(at[1]) or float(at[1])
        return word.sign * min(1.0, stops / 2)
    return word.sign * (0.5 if strength is None else strength) if word.sign else None
