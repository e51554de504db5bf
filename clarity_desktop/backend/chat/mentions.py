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
_AREA = re.compile(r"\s+(?:areas?|parts?|corners?|regions?|spots?|sides?|bits?|zones?|sections?|end|half)\b")
_THE = re.compile(r"\b(?:the|this|that|these|those|all) (?:(?:very|too|really|overly|most|so) )?$")
_SCENE = re.compile(
    r"[ -](?:shot|photo|picture|image|scene|sky|market|street|club|portrait|view|skyline|landscape)s?\b"
)
"""Behind "night": it says what the photo shows."""
_STOPS = re.compile(r"\b(?:an?|one|two|half|third|\d+(?:\.\d+)?) stops?\b")
_OTHER = re.compile(
    r"[\s-]*(?:fields?|m[ae]n|boards?|shoes?|drifts?|hills?|slopes?|coats?|boots?|forests?|barrels?|horns?)\b"
    r"|\s+(?:on|under) (?:the|my|our|his|her) (?!(?:lens|camera|photo|picture|image|glass|window|left|right)\b)"
    r"|\s+(?:is|are|looks?)\s+(?:(?:too|so|way|a bit|very|all)\s+)*"
    r"(?:orange|blue|yellow|bright|dark|white|gr[ae]y|green|pink|cold|warm|dirty|overexposed|blown)\b"
)
"""Behind "snow": it is a thing in the photo, no damage: "the snow field", "the snow is too blue"."""
_LIGHT_TOUCH = re.compile(r"[ -](?:going|touch|hand|treatment|pass|dose|\w+ing|\w+tion)\b")
"""Behind "a light": little, no light."""
_IN = re.compile(r"\b(?:in|of|from|only|just) the $")
_ALSO = re.compile(r"\s*(?:and|or|nor)\s+(?:the\s+|any\s+)?")


Span = tuple[int, int, TaskWord | AdjustmentWord]
"""Where a word begins and ends in a clause, and what it asks for."""


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
        if not (at[0] in ("snow", "rain", "fog", "mist") and _OTHER.match(clause[at.end() :]))
    ]
    spans = _without_places(clause, spans)
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
        if _is_attribute(clause, start, end, word) or (
            clause[:end].endswith(" light") and _LIGHT_TOUCH.match(clause[end:])
        ):
            continue
        refused = found and not found[-1].asked and re.fullmatch(_ALSO, clause[found[-1].end : start])
        found.append(Mention(word, start, end, not refused and _asked(clause, start, end, word)))
    return tuple(found)


def _without_places(clause: str, spans: list[Span]) -> list[Span]:
    """The spans without words that say where: "in the dark areas", "lighten the dark part", "denoise the noisy bits".

    Where nothing else is said ("fix the blurry part"), the word tells what is wrong.
    """

    def is_place(span: Span) -> bool:
        after = clause[span[1] :]
        if clause[span[0] : span[1]] == "night":
            return bool(_SCENE.match(after))
        return bool(_AREA.match(after) and _THE.search(clause[: span[0]]))

    others = [span for span in spans if not is_place(span)]
    return others or [span for span in spans if not _IN.search(clause[: span[0]])]


def _is_attribute(clause: str, start: int, end: int, word: TaskWord | AdjustmentWord) -> bool:
    """Whether a word for what is wanted only tells how a thing looks: "those bright rings", "a crisp morning"."""
    if not isinstance(word, TaskWord) or word.kind != "goal" or clause[start:end] not in ("sharp", "crisp", "bright"):
        return False
    after = re.match(r"\s+(?P<noun>[a-z]+)", clause[end:])
    ends = {
        "enough", "and", "or", "but", "please", "again", "now", "here", "there", "in", "on", "at", "photo", "picture",
        "image", "version", "one", "result", "as", "like", "for", "with", "than",
    }  # fmt: skip
    article = re.search(r"\b(?:the|those|these|this|that|an?|some|many|with|my|his|her|by) (?:very )?$", clause[:start])
    return bool(article and after and after["noun"] not in ends)


def _differ(word: TaskWord | AdjustmentWord, other: TaskWord | AdjustmentWord) -> bool:
    """Whether two words are for different settings: "more contrast and saturation"."""
    return isinstance(word, AdjustmentWord) and isinstance(other, AdjustmentWord) and word.setting != other.setting


def _asked(clause: str, start: int, end: int, word: TaskWord | AdjustmentWord) -> bool:
    """Whether the words around a mention ask for it."""
    before, after = clause[:start], clause[end:]
    if _EXCEPTED.search(before):  # "remove everything but the rain"
        return False
    named = isinstance(word, TaskWord) and not re.match(r"\s+(?:steps?|one|version)\b(?=.*\bplease\b)", after)
    if named and re.match(rf"\s+(?:{words.regex(words.phrases('history', 'results'), after)})", after):
        return False  # "the two rain results"
    if isinstance(word, AdjustmentWord) or word.kind == "verb":
        if _LESS_BEFORE.search(before) or (not isinstance(word, AdjustmentWord) and _LESS_AFTER.match(after)):
            return False  # "sharpen, no denoising"
        if re.search(r"\b(?:keep|keeping|leave|leaving|like|love)\s+(?:the|that|your)\s+$", before):
            return False  # "keep the noise removal"
        return not _refused(before)
    if word.kind == "thing":
        return _thing_is_unwanted(before, after, clause[start:end])
    return _goal_is_wanted(before, after, clause[start:end])


def _refused(before: str) -> bool:
    """Whether the words before a mention refuse it. "Half a stop" of light refuses nothing."""
    return bool(words.ending("negation", "refuse", within=3).search(_STOPS.sub(" ", before)))


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
    return not (imperative and re.match(r"\s+(?:the|it|this|that|my|his|her|out(?!\W*$))\b", after))


def _is_requested(before: str, thing: str) -> bool:
    """Whether the damage itself is requested: "make it foggy", "turn day into night"."""
    adjective = thing.endswith("y") or thing in ("dark", "dim", "dull", "faded")
    make = r"\b(?:make|want|need)\s+(?:it|this|that|(?:the|my)\s+\w+)(?:\s+look)?(?:\s+(?:more|a bit|a little))?\s+$"
    if (adjective or thing.endswith("ier")) and re.search(make, before):
        return True
    return bool(re.search(r"\b(?:into|make it|make this)\s+(?:an?\s+)?$", before))


def _goal_is_wanted(before: str, after: str, goal: str) -> bool:
    if re.search(r"\b(?:nothing|no one|hardly anything|neither|none)\s+(?:\w+\s+){0,4}$", before):
        return True  # "nothing is in focus"
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
