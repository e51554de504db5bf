"""Request → plan by rules, without a language model: the same words always give the same plan.

A request is cut into segments whose order is given by the user ("first …, then …"), a segment into clauses that
negation does not cross. In a clause the words of `words.topics` name tasks; each mention is asked for or refused by the
words around it. A request that only asks about the photo never becomes a step that changes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from clarity_desktop.backend import methods
from clarity_desktop.backend.auto.rules import TREATMENTS
from clarity_desktop.backend.chat import words
from clarity_desktop.backend.chat.answers import answer_of
from clarity_desktop.backend.chat.follow_ups import LastChange, follow_up, of_history
from clarity_desktop.backend.chat.mentions import Mention, mentions_in
from clarity_desktop.backend.chat.regions import is_only, region_in, removed_in, text_region
from clarity_desktop.backend.chat.spelling import normalize
from clarity_desktop.backend.chat.words import AdjustmentWord, TaskWord
from clarity_desktop.backend.plan import (
    HERE,
    NOT_HERE,
    AdjustCall,
    AssessCall,
    CompareCall,
    DescribeCall,
    DetectCall,
    ExportCall,
    FindCall,
    FuseCall,
    GoToCall,
    PastTurn,
    Plan,
    RedoCall,
    RestoreCall,
    TextRegion,
    ToolCall,
    TransformCall,
    TransformSettings,
    UndoCall,
    VersionLabel,
)
from clarity_desktop.backend.regions.words import parse
from clarity_desktop.text import Message
from clarity_desktop.values import Degradation, Task

HELP = Message("chat.help")
UNKNOWN = Message("chat.not_understood")
ORDER: tuple[Task, ...] = (*(t.task for t in TREATMENTS.values()), "retouch", "upscale")
"""Tasks in the order in which they are done where the request gives none."""
METHOD_REPLIES = ("chat.no_such_method", "chat.method_for_other_task")
"""Replies that are given although the plan has steps."""
DEGRADATION_OF: Mapping[Task, Degradation] = {t.task: name for name, t in TREATMENTS.items()}

_ORDERED = re.compile(r"\b(?:and then|then|after that|afterwards|finally|next)\b|[;!?]+|\.(?=\s|$)")
_CLAUSES = re.compile(r",|\bbut\b")
_LATER_FIRST = re.compile(r"^(?P<late>.+?),?\s+(?:(?:but|and)\s+first\b|after\b(?!\s+that\b))\s*(?P<early>.+)$")
_BEFORE = re.compile(r"^before\s+(?P<late>[^,]+),\s*(?P<early>.+)$")
_REMINDER = re.compile(r"\b(?:don't|dont|do not|never) forget(?: to| about)?\b")  # it refuses nothing
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_PERCENT = re.compile(r"\b(\d{1,3}) ?(?:%|percent)")
_RATIO = re.compile(r"\b(\d{1,2}) ?(?::|by|x) ?(\d{1,2})\b")
_VERSION = re.compile(r"\b(?:show|go|open|switch|use|back|jump)\b.*\bversion (?:number |no\.? )?(\d{1,4})\b")
MAX_MOVES = 20
"""Undo or redo steps of one request; whoever wants more opens the version itself."""
_NAMED_METHOD = re.compile(r"\b(?:with|using|via|use)\s+(?:the\s+)?([a-z0-9]+(?:-[a-z0-9]+)+)")


def plan(text: str, history: Sequence[PastTurn] = (), last: LastChange | None = None) -> Plan:
    """What to do for a request in plain English that follows a conversation.

    last: what made the version that is shown; None: what the conversation tells of it.
    """
    versions = next((turn.versions for turn in reversed(history) if turn.versions), ())
    request = _REMINDER.sub("", normalize(text))
    if (repeated := follow_up(request, last or of_history(history))) is not None:
        return repeated
    if reply := _small_talk(request):
        return Plan(reply=reply)
    if _says_only(request, "speech", "complaint"):
        return Plan((UndoCall(),), Message("chat.undo_question"))
    steps: list[ToolCall] = []
    replies: list[Message] = []
    segments = _segments(request)
    if len(segments) > 1 and any(answer_of(segment) == "no" for segment in segments[1:]):  # "remove it? no, wait"
        return Plan(reply=Message("chat.nothing_changed"))
    for segment in segments:
        found, reply = _Segment(segment, versions).read()
        steps += [s for s in found if not _repeats(s, steps)]
        if reply is not None and reply not in replies:
            replies.append(reply)
    if steps:  # of a mixed request only what cannot be done is worth a sentence
        replies = [r for r in replies if r.key in METHOD_REPLIES]
    elif not replies:
        replies = [UNKNOWN]
    elif len(replies) > 1:
        replies = [r for r in replies if r != UNKNOWN]
    return Plan(tuple(steps), None, replies[0] if len(replies) == 1 else tuple(replies))


def _says_only(request: str, *path: str) -> bool:
    """Whether a request is nothing but phrases of a list and politeness."""
    return bool(words.only(path, ("speech", "polite")).fullmatch(request) and words.pattern(*path).search(request))


def _small_talk(request: str) -> Message | None:
    """The reply to a message that is not about the photo; None for other messages."""
    if re.fullmatch(r"\W*(?:help|\?)\W*", request) or words.pattern("look", "help").search(request):
        return HELP
    if words.only(("speech", "greetings")).fullmatch(request):
        return Message("chat.greeting")
    if _says_only(request, "speech", "nothing"):
        return Message("chat.nothing_changed")
    if words.only(("speech", "thanks")).fullmatch(request):
        return Message("chat.welcome")
    if words.only(("speech", "follow_up"), ("speech", "polite")).fullmatch(request):
        return Message("chat.follow_up") if words.pattern("speech", "follow_up").search(request) else None
    if words.pattern("speech", "colorize").search(request):
        return Message("chat.no_colorize")
    if len(words.pattern("speech", "foreign").findall(request)) >= 2:
        return Message("chat.english_only")
    return None


def _segments(request: str) -> list[str]:
    """Parts of a request in the order in which the user wants them done."""
    if turned := _BEFORE.match(request) or _LATER_FIRST.match(request):
        # "denoise, but first crop it": the part after the marker comes first.
        request = f"{turned['early']} then {turned['late']}"
    else:
        request = re.sub(r"\bbefore\s+(?=\w+ing\b)", "then ", request)  # "denoise before sharpening"
    return [part for part in _ORDERED.split(request.replace("?", "?;")) if part.strip(" ,?")]


class _Segment:
    """A part of a request inside which the user gives no order."""

    def __init__(self, text: str, versions: Sequence[VersionLabel]) -> None:
        self._text = text.strip(" ,")
        self._versions = versions
        self._refused = False

    def read(self) -> tuple[list[ToolCall], Message | None]:
        """The calls in their default order, and the reply where there is none."""
        text = self._text
        if (moved := _VERSION.search(text)) and not self._is_question():
            return self._go_to(int(moved[1]))
        # The order of these tests matters: a more specific meaning is tested before a more general one.
        if words.pattern("history", "fuse").search(text) and not self._topics_asked():
            return [FuseCall()], None
        if words.pattern("history", "compare").search(text):
            return [CompareCall()], None
        if words.pattern("look", "advise").search(text):
            return [DetectCall()], None
        if _is_auto(text):
            return [RestoreCall("auto")], None
        if self._is_question():
            return self._look()
        calls, reply = self._changes()
        if not calls and not self._refused:
            calls = self._looks_without_question()
        if calls:
            return calls, reply
        return [], reply or Message("chat.nothing_changed" if self._refused else UNKNOWN.key)

    # Looking ---------------------------------------------------------------------------------------------------------

    def _is_question(self) -> bool:
        text = self._text
        if words.pattern("look", "request").match(text) or re.match(r"what about \w+ing\b", text):
            return False
        if re.match(r"(?:please )?(?:show|highlight)\b", text) and mentions_in(text):  # "show me the noise"
            return not words.pattern("history", "original").search(text)
        start = words.regex(words.phrases("look", "start"))
        return bool(re.match(rf"\W*(?:(?:and|so|but|well|ok|okay|hey|just|please|now)\W+)*(?:{start})", text))

    def _look(self) -> tuple[list[ToolCall], Message | None]:
        text = self._text
        if words.pattern("history", "done").search(text) or words.pattern("look", "describe").search(text):
            return [DescribeCall()], None
        if words.pattern("look", "content").search(text) and not mentions_in(text):
            return [DescribeCall(content=True)], None
        mentioned: list[Task] = [m.word.task for m in mentions_in(text) if isinstance(m.word, TaskWord)]
        about: list[Degradation] = [DEGRADATION_OF[task] for task in mentioned if task in DEGRADATION_OF]
        region = self._looked_at()
        if about:
            found: list[ToolCall] = [DetectCall(about[0], region=region)]
            return found, None
        if text.startswith("where") and (region := region_in(text, ())):
            return [FindCall(region)], None
        if calls := self._looks_without_question():
            return calls, None
        if words.pattern("look", "subject").search(text) or mentioned:
            return [DetectCall(region=region)], None
        return [], Message("chat.off_topic")

    def _looks_without_question(self) -> list[ToolCall]:
        if words.pattern("look", "detect").search(self._text):
            return [DetectCall(region=self._looked_at())]
        found = words.pattern("look", "assess").search(self._text)
        return [AssessCall(region=self._looked_at())] if found else []

    def _looked_at(self) -> TextRegion | None:
        """The part that a question is about: "is this part still noisy?", "what is wrong with the face?"."""
        named = region_in(self._text, mentions_in(self._text))
        if named is None or named.text in (HERE, NOT_HERE):
            return named
        # A question has other nouns as well: "which version is the best?".
        meant = parse(named.text)
        return named if meant and all(part.kind != "phrase" for part in meant.parts) else None

    def _topics_asked(self) -> bool:
        return any(m.asked for m in mentions_in(self._text))

    # Changing --------------------------------------------------------------------------------------------------------

    def _go_to(self, number: int) -> tuple[list[ToolCall], Message | None]:
        """Versions are named by their id ("version 2" for v2), else counted from the original, which is 1."""
        by_id = [v.id for v in self._versions if v.id == f"v{number}"]
        counted = [v.id for v in self._versions[number - 1 : number]] if number else []
        if chosen := by_id or counted:
            return [GoToCall(chosen[0])], None
        return [], Message("chat.no_such_version", {"number": number})

    def _changes(self) -> tuple[list[ToolCall], Message | None]:
        calls: list[ToolCall] = []
        reply = None
        refused = False
        for clause in _clauses(self._text):
            if _says_only(clause, "negation", "leave_it"):  # "I like the rain, leave it"
                kept: list[ToolCall] = [c for c in calls if not isinstance(c, RestoreCall)]
                calls, self._refused = kept, True
                continue
            moved = _history(clause) or _transform(clause) or _export(clause)
            if moved is not None:
                calls += [moved] * (_count(clause) if isinstance(moved, UndoCall | RedoCall) else 1)
                continue
            if refused and _goes_on(clause):  # "don't remove the rain, the haze or the snow"
                continue
            found, unknown = self._restores(clause)
            refused = not found and bool(mentions_in(clause)) and "not" in _spelled(clause)
            reply = reply or unknown
            if found:
                calls += [c for c in found if not _repeats(c, calls)]
            else:
                calls = _continued(calls, clause) or _refined(calls, clause)
        return sorted(calls, key=_default_order), reply

    def _restores(self, clause: str) -> tuple[list[ToolCall], Message | None]:
        clause, method, unknown = _named_method(clause)
        mentions = mentions_in(clause)
        asked = [m.word for m in mentions if m.asked]
        self._refused = self._refused or len(asked) < len(mentions)
        removed = removed_in(clause, mentions)
        region, strength = None if removed else region_in(clause, mentions), _strength(clause)
        tasks: dict[Task, None] = {w.task: None for w in asked if isinstance(w, TaskWord)}
        if method is not None and not any(method in _methods_of(task) for task in tasks):
            own = methods.all_methods()[method].tasks
            if not tasks and len(own) == 1:  # "use maxim-deraining"
                tasks = {own[0]: None}
            else:
                unknown = Message("chat.method_for_other_task", {"method": method})
        calls: list[ToolCall] = []
        calls += [RestoreCall(t, region, _method_for(t, method, clause), strength) for t in tasks]
        adjustments = [w for w in asked if isinstance(w, AdjustmentWord)]
        calls += [AdjustCall({w.setting: _signed(w, strength)}, region, strength) for w in adjustments]
        if removed and "not" not in _spelled(clause):
            calls.append(RestoreCall("inpaint", removed))
        return calls, unknown


def _spelled(clause: str) -> list[str]:
    """The words of a clause with "don't" as "do not"."""
    return re.sub(r"\b(do)n'?t\b", r"\1 not", clause).split()


def _goes_on(clause: str) -> bool:
    """Whether a clause is nothing but further objects of the one before it."""
    mentions = mentions_in(clause)
    if not mentions or (isinstance(mentions[0].word, TaskWord) and mentions[0].word.kind == "verb"):
        return False
    return bool(re.fullmatch(r"(?:(?:and|or|nor)\s+)?(?:(?:the|any)\s+)?", clause[: mentions[0].start]))


def _is_auto(text: str) -> bool:
    """Whether a request leaves the choice to the program and names nothing to be done."""
    if _says_only(text, "auto", "alone"):
        return True
    verbs = words.only(("auto", "verbs"), ("auto", "objects"), ("speech", "polite"))
    if verbs.fullmatch(text) and words.pattern("auto", "verbs").search(text):
        return True
    bare = " ".join(words.pattern("speech", "polite").sub(" ", text).split())
    return bool(words.only(("auto", "better")).fullmatch(bare))


def _clauses(text: str) -> list[str]:
    """Parts that negation does not cross: cut at commas and "but", after a history verb also at "and".

    The "but" of an exclusion ("everything but the sky") does not cut.
    """
    # "everything but the sky" is an exclusion, not a contrast.
    kept = re.sub(r"\b(everything|all|anything) but\b", r"\1 except", text)
    found: list[str] = []
    for clause in _CLAUSES.split(kept):
        parts = re.split(r"\band\b(?! white)", clause)
        if any(_history(part) or _transform(part) for part in (clause, *parts)):
            found += _after_history(parts)
        elif _are_requests(parts):
            found += parts
        else:
            found.append(clause)
    return [clause.strip() for clause in found if clause.strip()]


def _are_requests(parts: list[str]) -> bool:
    """Whether each of the parts is a request of its own, and one is about a part of the photo.

    "make the man sharper" and "the sky less noisy", "remove the rain" and "brighten the man"; but not "denoise" and
    "sharpen the sky", which share the sky.
    """
    mentions = [mentions_in(part) for part in parts]
    regions = [region_in(part, found) for part, found in zip(parts, mentions, strict=True)]
    removes = words.pattern("regions", "remove")
    return len(parts) > 1 and any(regions) and all(
        found and (region or removes.search(part)) for part, found, region in zip(parts, mentions, regions, strict=True)
    )  # fmt: skip


def _after_history(parts: list[str]) -> list[str]:
    """Without further objects of an undo: in "undo the denoising and the sharpening" the second part asks nothing."""
    undoes = any(isinstance(_history(part), UndoCall) for part in parts)
    return [p for p in parts if _history(p) or not (undoes and re.match(r"\s*(?:the|all|that|everything)\b", p))]


def _history(clause: str) -> ToolCall | None:
    if words.ending("negation", "refuse", within=1).search(clause[: _first(clause, "undo")]):
        return None
    if words.pattern("history", "redo").search(clause):
        return RedoCall()
    original = words.pattern("history", "original").search(clause)
    if original and not any(m.asked for m in mentions_in(clause)):
        return GoToCall()
    if words.pattern("history", "all").search(clause):
        return GoToCall()
    steps: list[Task] = [
        m.word.task for m in mentions_in(clause) if isinstance(m.word, TaskWord) and _is_step(clause, m)
    ]
    if steps:
        return UndoCall(steps[0])
    wanted: list[Task] = [
        m.word.task for m in mentions_in(clause) if isinstance(m.word, TaskWord) and _comes_back(clause, m)
    ]
    if wanted:
        return UndoCall(wanted[0])
    if words.pattern("history", "undo").search(clause):
        named: list[Task] = [m.word.task for m in mentions_in(clause) if isinstance(m.word, TaskWord)]
        return UndoCall(named[0] if named else None)
    return None


def _count(clause: str) -> int:
    """How many steps an undo or redo goes: 2 for "undo twice", "go back two versions", "undo the last 2 changes"."""
    if words.pattern("history", "twice").search(clause):
        return 2
    numbers, steps = words.lists()["history"]["numbers"], words.regex(words.phrases("history", "steps"))
    counted = re.search(rf"\b({'|'.join(numbers)}|\d{{1,4}})\s+(?:more\s+|last\s+)?(?:{steps})", clause)
    counted = counted or re.search(rf"\blast\s+({'|'.join(numbers)}|\d{{1,4}})\b", clause)
    return min(max(1, numbers.get(counted[1]) or int(counted[1])), MAX_MOVES) if counted else 1


def _is_step(clause: str, mention: Mention) -> bool:
    """Whether a mention is a step that is to be removed: "remove the denoising", "delete the denoised version"."""
    result = re.match(rf"\s+(?:{words.regex(words.phrases('history', 'results'))})", clause[mention.end :])
    return (clause[: mention.end].endswith("ing") or result is not None) and bool(
        isinstance(mention.word, TaskWord)
        and mention.word.kind == "verb"
        and words.ending("history", "take_out", within=0).search(clause[: mention.start])
    )


def _comes_back(clause: str, mention: Mention) -> bool:
    """Whether a mention is something that a step removed and that is wanted again: "put the rain back"."""
    if not isinstance(mention.word, TaskWord) or mention.word.kind != "thing" or mention.word.task == "retouch":
        return False
    if re.match(r"\s+back\b(?! there)", clause[mention.end :]):
        return True
    return bool(words.ending("history", "bring_back", within=2).search(clause[: mention.start]))


def _first(clause: str, name: str) -> int:
    at = words.pattern("history", name).search(clause)
    return at.start() if at else 0


def _transform(clause: str) -> ToolCall | None:
    def has(name: str) -> bool:
        return bool(words.pattern("transforms", name).search(clause))

    if words.pattern("negation", "refuse").search(clause):
        return None
    number = _NUMBER.search(clause)
    if has("crop"):
        ratio = _RATIO.search(clause)
        shape = "1:1" if has("square") else f"{ratio[1]}:{ratio[2]}" if ratio else None
        return TransformCall(TransformSettings(crop=shape) if shape else None)
    if has("flip"):
        return TransformCall(TransformSettings(flip="vertical" if has("vertical") else "horizontal"))
    if has("straighten"):
        return TransformCall(TransformSettings(straighten=float(number[0])) if number else None)
    if "rotat" in clause or (has("rotate") and (number or has("left") or has("right") or has("half_turn"))):
        return TransformCall(_rotation(int(float(number[0])) if number else None, has("left"), has("half_turn")))
    return None


def _rotation(degrees: int | None, left: bool, half: bool) -> TransformSettings:
    turn = 180 if half else 90 if degrees is None else degrees
    turn = (-turn if left else turn) % 360
    quarter: dict[int, Literal[90, 180, 270]] = {90: 90, 180: 180, 270: 270}
    if turn in quarter:
        return TransformSettings(rotate=quarter[turn])
    return TransformSettings(straighten=float(turn - 360 if turn > 180 else turn))


def _export(clause: str) -> ToolCall | None:
    if not words.pattern("export", "verbs").search(clause):
        return None
    formats: Mapping[str, list[str]] = words.lists()["export"]["formats"]
    named = [name for name, endings in formats.items() if re.search(rf"\b(?:{words.regex(endings)})", clause)]
    return ExportCall(named[0] if named else None)


def _repeats(call: ToolCall, calls: Sequence[ToolCall]) -> bool:
    """Whether a task was requested before, in the same part of the photo."""
    if not isinstance(call, RestoreCall):
        return False
    return any(isinstance(c, RestoreCall) and (c.task, c.region) == (call.task, call.region) for c in calls)


def _continued(calls: list[ToolCall], clause: str) -> list[ToolCall] | None:
    """The calls with the part that continues the list of the last one: "denoise the sky, the person and the car".

    None for a clause that is something else.
    """
    if not calls or not isinstance(last := calls[-1], RestoreCall | AdjustCall) or last.region is None:
        return None
    region = region_in(clause, ())
    if region is None or not is_only(clause, region):
        return None
    joined = text_region(f"{last.region.text} and the {region.text}")
    return [*calls[:-1], replace(last, region=joined)]


def _refined(calls: list[ToolCall], clause: str) -> list[ToolCall]:
    """The calls with the region, and the last one with the strength, of a clause of its own: "but only the sky"."""
    if not calls or not isinstance(last := calls[-1], RestoreCall | AdjustCall):
        return calls
    region = region_in(clause, ()) if re.search(r"\b(?:only|just|everything|all)\b", clause) else None
    calls = [*calls[:-1], replace(last, strength=last.strength or _strength(clause))]
    if region is None:
        return calls
    return [replace(c, region=c.region or region) if isinstance(c, RestoreCall | AdjustCall) else c for c in calls]


def _default_order(call: ToolCall) -> tuple[int, int]:
    """Moves in the history, transforms, restorations in ORDER, adjustments, export."""
    match call:
        case UndoCall() | RedoCall() | GoToCall():
            return 0, 0
        case TransformCall():
            return 1, 0
        case RestoreCall(task) if task != "auto":
            return 2, ORDER.index(task)
        case ExportCall():
            return 4, 0
        case _:
            return 3, 0


def _named_method(clause: str) -> tuple[str, str | None, Message | None]:
    """The clause without the name of a method, the method, and a message where there is no such method."""
    table = methods.all_methods()
    # Longest first: one method name may contain another.
    for name in sorted(table, key=len, reverse=True):
        if at := re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", clause):
            return f"{clause[: at.start()]} {clause[at.end() :]}", name, None
    if at := _NAMED_METHOD.search(clause):
        unknown = Message("chat.no_such_method", {"method": at[1]})
        return f"{clause[: at.start()]} {clause[at.end() :]}", None, unknown
    quick = words.pattern("methods", "quick_words")
    if quick.search(clause):
        name = str(words.lists()["methods"]["quick"])
        return quick.sub(" ", clause), name if name in table else None, None
    return clause, None, None


def _methods_of(task: Task) -> set[str]:
    return {name for name, method in methods.all_methods().items() if task in method.tasks}


def _method_for(task: Task, method: str | None, clause: str) -> str | None:
    """The named method if it does the task; haze in a room has a network of its own."""
    able = _methods_of(task)
    if method in able:
        return method
    indoor = "maxim-dehazing-indoor"
    return (
        indoor if task == "dehaze" and indoor in able and words.pattern("regions", "indoors").search(clause) else None
    )


def _strength(clause: str) -> float | None:
    if at := _PERCENT.search(clause):
        return min(1.0, int(at[1]) / 100)
    if words.pattern("strength", "half").search(clause):
        return 0.5
    return 0.4 if words.pattern("strength", "slightly").search(clause) else None


def _signed(word: AdjustmentWord, strength: float | None) -> float | bool | None:
    """How much to change a setting, -1..1; None where the request names no direction."""
    if word.setting == "black_and_white":
        return True
    return word.sign * (0.5 if strength is None else strength) if word.sign else None
