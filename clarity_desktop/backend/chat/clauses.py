"""Parts of a segment that negation does not cross."""

from __future__ import annotations

import re
from collections.abc import Sequence

from clarity_desktop.backend.chat import edits, words
from clarity_desktop.backend.chat.mentions import Mention, mentions_in
from clarity_desktop.backend.chat.method_names import find_method
from clarity_desktop.backend.chat.moves import history_call
from clarity_desktop.backend.chat.regions import region_in, removed_in
from clarity_desktop.backend.chat.speech import without_fill
from clarity_desktop.backend.chat.words import AdjustmentWord, TaskWord
from clarity_desktop.backend.plan import UndoCall
from clarity_desktop.values import LOCAL, TASK_FOR, Task

_CLAUSES = re.compile(r",|\bbut\b|--|\s-\s|:(?=\s)|\band (?=leave\b|keep\b|don't\b|do not\b)")


_ALL_GOOD_BUT = re.compile(
    r"\b(?:everything|all|it all)(?: is| looks)?(?: (?:fine|good|great|ok|okay|perfect))? except (?:for )?(the"
    r" \w+(?: \w+)?)"
    r"(?: (?:is|looks) (?:fine|good|great|ok|okay|perfect))\b"
)
"""What is not fine is to be removed: "everything but the noise is fine"."""
_SENTENCE = re.compile(
    r"\s*(?:on top of that\s+|besides\s+|additionally\s+|moreover\s+|also\s+)?(?:it|they|that|this|everything"
    r"|there|i|we|"
    r"(?:the|this|my|whole) (?:whole )?(?:photo|picture|image|thing))"
    r"(?:'s|'re|'d| is| are| was| looks?| has| should| could| needs?| also| really| seems?)\b"
)
"""A sentence of its own: "… and it's also a bit noisy"."""
_NOT_TOUCHED = re.compile(
    r"\b(?:and |while |but )?(?:without "
    r"(?:touching|changing|affecting|altering|modifying|damaging|harming|hurting)|excluding|sparing"
    r"|leaving(?= .* (?:alone|as|untouched)))\b"
)


def clauses_of(text: str) -> list[str]:
    """Parts that negation does not cross: cut at commas and "but", and at "and" before something new to do.

    The "but" of an exclusion ("everything but the sky") does not cut.
    """
    # "everything but the sky" is an exclusion, not a contrast.
    kept = re.sub(
        r"\b(everything|everywhere|all|anything|anywhere)(?: else)? "
        r"(?:but(?! (?:leave|keep|do|not|don't|only|just|please)\b)|apart from|other than|besides|except for|save for"
        r"|outside(?: of)?)\b",
        r"\1 except",
        text,
    )
    kept = _ALL_GOOD_BUT.sub(r"remove \1", kept)
    kept = _NOT_TOUCHED.sub(", not ", kept)
    if (
        (at := re.search(r"\bwithout\b", kept))
        and at.start()
        and mentions_in(kept[at.end() :])
        and mentions_in(kept[: at.start()])
    ):
        kept = f"{kept[: at.start()]}, {kept[at.start() :]}"
    found: list[str] = []
    for clause in _CLAUSES.split(kept):
        parts = re.split(r"\band\b(?! (?:white|flip between))|\bplus\b", clause)
        if any(history_call(part) or edits.transform_in(part) or edits.export_in(part) for part in (clause, *parts)):
            found += _after_history(parts)
        elif _are_requests(parts):
            found += parts  # each has a part of the photo of its own
        elif len(parts) > 1 and _new_requests(parts):
            found += _shared(parts)
        elif len(parts) > 1 and any(_SENTENCE.match(part) and mentions_in(part) for part in parts[1:]):
            found += _sentences(parts)
        elif len(parts) > 1 and all(mentions_in(part) for part in parts) and any(map(_leads_with_strength, parts[1:])):
            found += parts  # "dehaze and a touch of sharpening"
        else:
            found.append(clause)
    return [clause.strip() for clause in found if clause.strip()]


def _leads_with_strength(part: str) -> bool:
    names = ("fully", "half", "slightly", "strongly")
    at = next((at for name in names if (at := words.pattern("strength", name).match(part.strip()))), None)
    return at is not None and edits.strength_in(part, mentions_in(part)) is not None


def _sentences(parts: list[str]) -> list[str]:
    """The parts of a clause, joined again but for those that are sentences of their own."""
    found = [parts[0]]
    for part in parts[1:]:
        if _SENTENCE.match(part) and mentions_in(part):
            found.append(part)
        else:
            found[-1] = f"{found[-1]} and {part}"
    return found


def _are_requests(parts: list[str]) -> bool:
    """Whether each of the parts is a request of its own, and one is about a part of the photo.

    "make the man sharper" and "the sky less noisy", "remove the rain" and "brighten the man"; but not "denoise" and
    "sharpen the sky", which share the sky.
    """
    mentions = [mentions_in(part) for part in parts]
    regions = [region_in(part, found) for part, found in zip(parts, mentions, strict=True)]
    removes = words.pattern("regions", "remove")
    return (
        len(parts) > 1
        and any(regions)
        and all(
            found and (region or removes.search(part) or are_local(found))
            for part, found, region in zip(parts, mentions, regions, strict=True)
        )
    )


def are_local(mentions: Sequence[Mention]) -> bool:
    """Whether all mentions are of damage that covers a part of the photo anyway."""
    local = {TASK_FOR[name] for name in LOCAL}
    return all(isinstance(m.word, TaskWord) and m.word.task in local for m in mentions)


def _new_requests(parts: list[str]) -> bool:
    """Whether every part behind an "and" begins with a verb of its own and names something."""
    for part in parts[1:]:
        mentions = mentions_in(part)
        bare = without_fill(part).strip()
        first = mentions_in(bare)
        verb = (
            bool(first)
            and first[0].start == 0
            and (isinstance(first[0].word, AdjustmentWord) or first[0].word.kind == "verb")
        )
        removes = words.pattern("regions", "remove").match(bare) and (mentions or region_in(part, ()))
        if not verb and not removes:
            return False
    first = mentions_in(parts[0])
    return bool(first or words.pattern("regions", "remove").search(parts[0]) or removed_in(parts[0], first))


def _shared(parts: list[str]) -> list[str]:
    """Parts with the object that bare verbs share with the next one: "denoise and sharpen the sky"."""
    found = list(parts)
    for at in range(len(found) - 2, -1, -1):
        mentions = mentions_in(found[at])
        after = found[at][mentions[-1].end :].strip() if mentions else "-"
        last = mentions[-1].word if mentions else None
        is_verb = isinstance(last, TaskWord) and last.kind == "verb"
        region = region_in(found[at + 1], mentions_in(found[at + 1]))
        if is_verb and not after and region is not None:
            found[at] = f"{found[at].strip()} the {region.text}"
        # "denoise and remove the rain with clarity-all"
        method = find_method(found[at + 1])
        tasks: list[Task] = [m.word.task for m in mentions if isinstance(m.word, TaskWord)]
        if method.ids and not find_method(found[at]).ids and any(method.method_for(task) for task in tasks):
            found[at] = f"{found[at].strip()} with {method.ids[0]}"
    return found


def _after_history(parts: list[str]) -> list[str]:
    """Without further objects of an undo: in "undo the denoising and the sharpening" the second part asks nothing."""
    undoes = any(isinstance(history_call(part), UndoCall) for part in parts)
    return [p for p in parts if history_call(p) or not (undoes and re.match(r"\s*(?:the|all|that|everything)\b", p))]


def goes_on(clause: str) -> bool:
    """Whether a clause is nothing but further objects of the one before it."""
    mentions = mentions_in(clause)
    if not mentions or (isinstance(mentions[0].word, TaskWord) and mentions[0].word.kind == "verb"):
        return False
    return bool(re.fullmatch(r"(?:(?:and|or|nor)\s+)?(?:(?:the|any)\s+)?", clause[: mentions[0].start]))


def contrasts(clause: str) -> bool:
    """Whether a refusal is the first half of a contrast: "not the haze, the noise"."""
    return bool(re.match(r"\W*(?:no\W+)?not (?:the |this |that )?\w+\W*$", clause)) or bool(
        re.match(r"\W*(?:no\W+)?not (?:the|this|that)\b", clause)
    )


def spelled_out(clause: str) -> list[str]:
    """The words of a clause with "don't" as "do not"."""
    return re.sub(r"\b(do)n'?t\b", r"\1 not", clause).split()
