"""Which words of a clause name tasks and adjustments, and whether the words around them ask for it or refuse it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.words import AdjustmentWord, TaskWord

_EXCEPTED = re.compile(
    r"(?:\b(?:everything|all|anything)(?: else)? (?:but|except|except for)|^\W*(?:except|except for|apart from))"
    r" (?:the |any )?$"
)
_ABSENT = re.compile(
    r"\b(?:there(?:'s|s| is| are| was)|it'?s got|see|sees|has|have|had) no (?:more )?$"
    r"|\b(?:hardly|barely|scarcely) (?:any )?$"
)
_NOTED = re.compile(r"^\W*no $")
_PLACE = re.compile(r"\s+(?:here|in it|in (?:this|the) (?:photo|picture|image)|to be seen|to see)\b")
"""Around an observation: "no noise here"."""
_PRAISED = re.compile(r"\b(?:nice|lovely|beautiful|gorgeous) $")
_REMOVED_BEFORE = re.compile(r"\b(?:you|it|that|this|has|have|had|was|were) removed\b")
_REMOVED_AFTER = re.compile(r"\s+(?:was |were |is |has been |have been )?(?:removed|gone)\b")
"""Around a complaint: "that removed too much noise", "too much noise removed"."""
_REMOVED = re.compile(r"\s+(?:to be |to )?(?:gone|removed|away|erased|taken out|disappear)\b")
_WAS_NOT = re.compile(r"\b(?:were|was|is) not (?:so |too |that |as )?$")
_LESS_BEFORE = re.compile(r"\b(?:no(?: more)?|less|too much|than)\s+(?:to\s+)?$")
_LESS_AFTER = re.compile(r"\s+(?:it |this |that )?(?:a bit |a little |much )?less\b")
"""Around a step that was too strong: "less noise reduction", "denoise less"."""
_AREA = re.compile(r"\s+(?:areas?|parts?|corners?|regions?|spots?|side)\b")
_IN = re.compile(r"\b(?:in|of|from|only|just) the $")
_ALSO = re.compile(r"\s*(?:and|or|nor)\s+(?:the\s+|any\s+)?")


@dataclass(frozen=True, slots=True)
class Mention:
    """A word of `words.topics` in a clause. asked: the words around it ask for it; else they refuse it."""

    word: TaskWord | AdjustmentWord
    start: int
    end: int
    asked: bool


def mentions_in(clause: str) -> list[Mention]:
    """The words of a clause that name tasks and adjustments, in their order; of overlapping ones the longest."""
    return list(_mentions(clause))


@lru_cache(512)
def _mentions(clause: str) -> tuple[Mention, ...]:
    spans = [
        (at.start(), at.end(), word)
        for found, word in words.topics()
        for at in found.finditer(clause)
        if not (_AREA.match(clause[at.end() :]) and _IN.search(clause[: at.start()]))  # "in the dark areas"
    ]
    longest = [
        (start, end, word)
        for start, end, word in spans
        if not any(
            s <= start and end <= e and e - s > end - start and not (" and " in clause[s:e] and _differ(word, other))
            for s, e, other in spans
        )
    ]
    longest.sort(key=lambda span: span[:2])
    found: list[Mention] = []
    for start, end, word in longest:
        # "do not remove the rain or the haze"
        refused = found and not found[-1].asked and re.fullmatch(_ALSO, clause[found[-1].end : start])
        found.append(Mention(word, start, end, not refused and _asked(clause, start, end, word)))
    return tuple(found)


def _differ(word: TaskWord | AdjustmentWord, other: TaskWord | AdjustmentWord) -> bool:
    """Whether two words are for different settings: "more contrast and saturation"."""
    return isinstance(word, AdjustmentWord) and isinstance(other, AdjustmentWord) and word.setting != other.setting


def _asked(clause: str, start: int, end: int, word: TaskWord | AdjustmentWord) -> bool:
    """Whether the words around a mention ask for it."""
    before, after = clause[:start], clause[end:]
    if _EXCEPTED.search(before):  # "remove everything but the rain"
        return False
    if isinstance(word, AdjustmentWord) or word.kind == "verb":
        if _LESS_BEFORE.search(before) or (not isinstance(word, AdjustmentWord) and _LESS_AFTER.match(after)):
            return False  # "sharpen, no denoising"
        return not words.ending("negation", "refuse", within=3).search(before)
    if word.kind == "thing":
        return _thing_is_unwanted(before, after, clause[start:end])
    return _goal_is_wanted(before, after, clause[start:end])


def _thing_is_unwanted(before: str, after: str, thing: str) -> bool:
    # "there is no rain", "no noise here", "nice blur", "that removed too much noise"
    if _ABSENT.search(before) or (_NOTED.search(before) and _PLACE.match(after)) or _PRAISED.search(before):
        return False
    if words.pattern("negation", "unreal").search(before) and _WAS_NOT.search(before):  # "if only it were not so dark"
        return True
    if _REMOVED_BEFORE.search(before) or (re.search(r"\btoo much $", before) and _REMOVED_AFTER.match(after)):
        return False
    without = re.search(r"\bwithout\s+(?:the |any )?$", before)
    if without and thing == "blurring":  # "denoise without blurring"
        return False
    if without or words.ending("negation", "want", within=3).search(before):
        return not _REMOVED.match(after)  # "I don't want the rain removed"
    if words.ending("negation", "like", within=2).search(before):
        return False
    if words.ending("negation", "refuse", within=3).search(before):
        return False
    if re.match(rf"\s*(?:\w+\s+)?(?:{words.regex(words.phrases('negation', 'fine'), after)})", after):
        return False
    if _is_requested(before, thing):
        return False
    # "blur the background" requests the damage itself
    if (
        not before.strip()
        and thing == "blur"
        and re.match(
            rf"\s+(?!(?:{words.regex(words.phrases('regions', 'stop'), after)}|in|on|from|of|removal|reduction)\b)\w",
            after,
        )
    ):
        return False
    imperative = words.only(("speech", "polite")).fullmatch(before) or not before.strip()
    return not (imperative and re.match(r"\s+(?:the|it|this|that|my|his|her|out)\b", after))


def _is_requested(before: str, thing: str) -> bool:
    """Whether the damage itself is requested: "make it foggy", "turn day into night"."""
    adjective = thing.endswith("y") or thing in ("dark", "dim", "dull", "faded")
    make = r"\b(?:make|want|need)\s+(?:it|this|that|(?:the|my)\s+\w+)(?:\s+look)?(?:\s+(?:more|a bit|a little))?\s+$"
    if (adjective or thing.endswith("ier")) and re.search(make, before):
        return True
    return bool(re.search(r"\b(?:into|make it|make this)\s+(?:an?\s+)?$", before))


def _goal_is_wanted(before: str, after: str, goal: str) -> bool:
    if re.search(r"\b(?:is|are|was|looks?|its|it's)\s+not\s+(?:\w+\s+){0,2}$", f"{before} "):
        return True
    if re.match(r"\s+enough\b", after) and re.search(r"\bnot\b", before):
        return True
    if re.match(r"\s+before\b", after):  # "it was sharper before"
        return False
    if words.ending("negation", "refuse", within=3).search(before) or re.search(r"\b(?:less|too|so)\s+$", before):
        return False
    plain = goal in ("sharp", "crisp", "bright", "in focus")
    return not plain or bool(re.search(r"\b(?:make|get|want|need|should|more|could|must)\b", before))
