"""A part of a request inside which the user gives no order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from clarity_desktop.backend import methods
from clarity_desktop.backend.chat import edits, remarks, versions, words
from clarity_desktop.backend.chat.calls import (
    Read,
    continued,
    default_order,
    everywhere_but,
    in_named,
    limited,
    refined,
    repeats,
)
from clarity_desktop.backend.chat.clauses import are_local, clauses_of, contrasts, goes_on, spelled_out
from clarity_desktop.backend.chat.hints import likely_task
from clarity_desktop.backend.chat.indirect import clue
from clarity_desktop.backend.chat.mentions import mentions_in
from clarity_desktop.backend.chat.method_names import Named, find_method
from clarity_desktop.backend.chat.moves import asks_step_undone, count_in, first_in, history_call
from clarity_desktop.backend.chat.past import Past
from clarity_desktop.backend.chat.questions import is_question, look, looks_without_question
from clarity_desktop.backend.chat.regions import (
    everything_but,
    is_only,
    left_out,
    noun_alone,
    region_in,
    removed_in,
    text_region,
)
from clarity_desktop.backend.chat.speech import NOTHING, ambiguous, is_auto, says_only, without_fill
from clarity_desktop.backend.chat.words import AdjustmentWord, TaskWord
from clarity_desktop.backend.plan import (
    HERE,
    NOT_HERE,
    AdjustCall,
    CompareCall,
    DetectCall,
    ExportCall,
    GoToCall,
    RedoCall,
    RestoreCall,
    SelectRegionCall,
    TextRegion,
    ToolCall,
    UndoCall,
)
from clarity_desktop.text import Message
from clarity_desktop.values import Task, VersionId

UNKNOWN = Message("chat.not_understood")


SIDE_EFFECTS: Mapping[Task, tuple[Task, ...]] = {
    "denoise": ("deblur",), "dejpeg": ("deblur",), "low_light": ("overexposure",), "overexposure": ("low_light",),
}  # fmt: skip
"""Task → tasks whose degradation a too strong run of it causes: then it is run again, weaker."""


_GONE = re.compile(r"\b(?:is|are|was|were|got) gone\b")


_REMOVES_IT = re.compile(
    r"\W*(?:(?:please|can you|could you|just|so|and|now|then) )*"
    r"(?:remove|erase|delete|get rid of|get|take|edit|clone|cut|lose|ditch|photoshop) "
    r"(?:it|them|him|her|that|those|these)"
    r"(?: (?:out|away|off|gone|from (?:it|there|the \w+)|please|of (?:it|there)))*\W*$"
)
_FROM_VERSION = re.compile(
    r"\W*(?:please )?(?:from|on|onto|with|using|take|use|starting (?:from|with)|start (?:from|with)|based on)\b"
)
_CASTS = re.compile(r"\b(?:throws?|threw|throwing|casts?|casting|leaves|left|puts?)\b")
"""Behind a thing that makes a shadow: it is not where the shadow lies."""


_GLASS = re.compile(
    r"(?:car |bus |train |front |dirty |wet )*(?:window|glass|pane|lens|wind(?:shield|screen)|filter|screen)s?"
)
"""What the photo was taken through: the drops on it are everywhere."""
_LOOKS_FOR = re.compile(
    r"\W*(?:(?:please|just|can you|could you|and|now) )*(?:run a |do a |make a )?"
    r"(?:check|test|scan|screen|look|search|examine|inspect|analy[sz]e)"
    r"(?: (?:it|this|that|(?:the|my|this) (?:photo|picture|image)))?(?: over)? (?:for|whether|if)\b"
)
"""A request to look for damage, not to repair it."""
_GOES_ON = re.compile(r"\b(?:and|then) (?!for\b|the\b|any\b|\w+\W*$)")
_TELLS_MORE = re.compile(r"\W*(?:still|not yet|yet|even if|although|though|as long as)\b")
"""A clause behind a version that says more of it: "… with the rain gone but still blurry"."""
_BOTH = re.compile(r"\b(?:the|these|those) two (?:[\w-]+ )?(?:versions|results|pictures|images|photos|tries)\b")
_REST = re.compile(r"\b(?:the rest|the remainder|(?:everything|everywhere|all) else|the other parts?)\b")
_OFFER = re.compile(r"\W*(?:have you |you |do you have |you've )?(?:got|any|can|could|maybe|perhaps|how about)\b")


class Segment:
    """A part of a request inside which the user gives no order."""

    def __init__(self, text: str, past: Past, *, asks: bool = False) -> None:
        """asks: whether it ended with a question mark."""
        self._text = text.strip(" ,")
        self._past = past
        self._asks = asks
        self._refused = False
        self._left_out: TextRegion | None = None

    def read(self) -> Read:
        """The calls in their default order, the reply where there is none, and what to ask before them."""
        text = self._text
        # The order of these tests matters: a more specific meaning is tested before a more general one.
        question = is_question(text, self._past, asks=self._asks)
        if self._past.last and _OFFER.match(text) and words.pattern("follow", "another").search(text):
            question = False  # "got a different algorithm for it?"
        if not question and (part := versions.part_in(text, self._past)) is not None:
            return Read(reply=part) if isinstance(part, Message) else Read((part,))
        if words.pattern("impossible", "always").search(text):
            return Read(reply=Message("chat.cannot"))
        several = len(versions.versions_in(text, self._past)) > 1 or (
            len(self._past.versions) > 2 and _BOTH.search(text) is not None
        )
        if words.pattern("history", "fuse").search(text) and (several or not self._topics_asked()) and not question:
            return self._fuse()
        unchanged = self._past.last and not question and words.pattern("follow", "no_effect").search(text)
        if (
            words.pattern("history", "compare").search(text)
            and not (self._topics_asked() and not question)
            and not unchanged  # "hardly any difference"
        ):
            return Read((versions.compare_in(text, self._past),))
        if question and several and not words.pattern("history", "done").search(text):
            return Read((versions.compare_in(text, self._past),))  # "is the second sharper than the first?"
        if question or (_LOOKS_FOR.match(text) and not _GOES_ON.search(text)):
            return look(text)
        if words.pattern("look", "advise").search(text) and not self._topics_asked():
            return Read((DetectCall(),))
        if len(pair := self._side_by_side()) > 1:
            return Read((CompareCall(pair),))
        if (made := versions.by_method(text, self._past)) is not None:
            return Read((GoToCall(made),))
        if (found := self._follow_up()) is not None:
            return found
        if found := self._selected():
            return found
        if is_auto(text):
            return Read((RestoreCall("auto"),))
        if (ask := ambiguous(text)) is not None:
            return Read(question=ask)
        return self._read_changes()

    def _fuse(self) -> Read:
        """The versions that become one."""
        verb = words.pattern("history", "fuse").search(self._text)
        if verb and words.ending("negation", "refuse", within=1).search(self._text[: verb.start()]):
            return Read(reply=NOTHING)
        found = versions.fuse_in(self._text, self._past)
        if isinstance(found, int):
            return Read(reply=Message("chat.no_such_version", {"number": found}))
        return Read((found,))

    def _selected(self) -> Read | None:
        """The part of the photo that a segment only wants to be selected."""
        if words.pattern("look", "deselect").search(self._text):
            return Read((SelectRegionCall(),))
        at = words.pattern("look", "select").match(without_fill(self._text))
        if part := at and re.search(
            r"\b(?:the|all|every)\s+(?P<what>[\w -]*\b(?:parts?|areas?|regions?|spots?))\W*$", self._text
        ):
            return Read((SelectRegionCall(text_region(part["what"])),))  # "select the noisy part"
        region = region_in(self._text, ()) if at else None
        if region is None or self._topics_asked() or versions.versions_in(self._text, self._past):
            return None
        return Read((SelectRegionCall(region),))

    def _side_by_side(self) -> tuple[VersionId, ...]:
        """Versions that are to be shown together: "show v1 next to v3"."""
        if not re.search(r"\b(?:next to|beside|against|alongside|vs|versus|with)\b|\band\b.*\btogether\b", self._text):
            return ()
        named = versions.versions_in(self._text, self._past)
        return tuple(dict.fromkeys(v.id for v in named if v.id is not None)) if not self._topics_asked() else ()

    def _topics_asked(self) -> bool:
        return any(m.asked for m in mentions_in(self._text))

    def _follow_up(self) -> Read | None:
        """What a remark on the last change asks for; None where it is none."""
        past, text = self._past, self._text
        if not past.last:
            return None
        tasks: set[Task] = {m.word.task for m in mentions_in(text) if m.asked and isinstance(m.word, TaskWord)}
        mentioned = set(tasks)
        tasks -= {"overexposure"} if words.pattern("follow", "weaker").search(text) else set[Task]()
        own = {c.task for c in past.last if isinstance(c, RestoreCall)}
        if words.pattern("history", "undo").search(text) or words.pattern("history", "redo").search(text):
            return None
        if words.pattern("versions", "like").search(text) and versions.versions_in(text, past):
            return None  # "the second attempt was nicer"
        named = find_method(text)
        if named.ids and not tasks and (method := _method_of_last(named, past)):
            return Read(tuple(remarks.again(past, None, method=method)))
        remains = words.pattern("follow", "no_effect").search(text) or words.pattern("follow", "still").search(text)
        if remains and tasks and tasks <= own and (part := region_in(text, mentions_in(text))) is not None:
            return Read(tuple(remarks.again(past, part)))  # "the rain on the left is still there"
        if tasks <= own and (
            words.pattern("follow", "another").search(text) or words.pattern("follow", "no_effect").search(text)
        ):
            calls, reply = remarks.other_method(past)
            return Read(tuple(calls), reply) if calls else Read(question=reply)
        if words.pattern("follow", "unnatural").search(text) and tasks <= own and not _commands(text):
            return Read(tuple(remarks.softer(past)))
        became = words.pattern("follow", "became").search(text)
        effects: set[Task] = set()
        for change in past.last:
            if isinstance(change, RestoreCall) and change.task != "auto":
                effects |= set(SIDE_EFFECTS.get(change.task, ()))
        if became and len(own) == 1 and mentioned and mentioned <= effects:
            return Read(tuple(remarks.weaker(past)))
        return self._again(text, tasks)

    def _again(self, text: str, tasks: set[Task]) -> Read | None:
        past = self._past
        mentioned = bool(mentions_in(text)) and not words.pattern("follow", "weaker").search(text)
        slightly = bool(words.pattern("strength", "slightly").search(text))
        share = edits.percent_of_last(text)
        if share is not None and not mentioned:
            calls = remarks.weaker(past)
            return Read(tuple(replace(c, strength=share) if isinstance(c, RestoreCall) else c for c in calls))
        if remarks.is_only(text, "weaker"):
            return Read(tuple(remarks.weaker(past)))
        if remarks.is_only(text, "weaker", "again") and words.pattern("follow", "weaker").search(text):
            return Read(tuple(remarks.weaker(past)))
        if remarks.is_only(text, "stronger", "again") and words.pattern("follow", "stronger").search(text):
            return Read(tuple(remarks.stronger(past, slightly=slightly)))
        if remarks.is_only(text, "again", "same"):
            return Read(tuple(remarks.again(past, None)))
        if mentioned or tasks or _commands(text):
            return None
        same, too = words.pattern("follow", "same").search(text), words.pattern("follow", "too").search(text)
        if not same and not too:
            return None
        rest = words.pattern("follow", "same").sub(" ", text)
        region = region_in(rest, ())
        fill = words.only(
            ("follow", "fill"),
            ("follow", "too"),
            ("speech", "polite"),
            ("regions", "articles"),
            ("regions", "prepositions"),
        )
        if region is not None and fill.fullmatch(f"{rest.replace(region.text, ' ', 1)} the"):
            share = edits.strength_in(rest, [])
            calls = remarks.again(past, region)
            return Read(tuple(replace(c, strength=share) if share and isinstance(c, RestoreCall) else c for c in calls))
        whole = words.regex(words.phrases("regions", "whole"), rest)
        if same and re.search(rf"\b(?:the|this)\s+(?:{whole})|\beverywhere\b|\beverything\b", rest):
            return Read(tuple(remarks.again(past, None, whole=True)))
        return None

    def _read_changes(self) -> Read:
        if words.pattern("versions", "like").search(self._text) and self._past.last:
            move = versions.move_in(self._text, self._past)  # "before you sharpened it, it was better"
            if move is not None and move[0] is not None:
                return Read((move[0],))
        calls, reply, question = self._changes()
        if not calls and not self._refused and question is None and reply is None:
            looks = looks_without_question(self._text)
            if looks:
                return Read(looks)
            if (named := find_method(self._text)).task is not None and not mentions_in(named.clause):
                calls, reply = [RestoreCall(named.task)], _no_such_method(named)
        if calls:
            return Read(tuple(calls), reply, question)
        if question is not None:
            return Read(question=question)
        if words.pattern("speech", "thanks").match(without_fill(self._text)):
            return Read(reply=reply or Message("chat.welcome"))
        return Read(reply=reply or (NOTHING if self._refused else UNKNOWN), left_out=self._left_out)

    def _changes(self) -> tuple[list[ToolCall], Message | None, Message | None]:
        calls: list[ToolCall] = []
        reply: Message | None = None
        question: Message | None = None
        refused = auto = contrast = False
        meant: TextRegion | None = None
        named: TextRegion | None = None
        base: VersionId | None = None
        strength: float | None = None
        for clause in clauses_of(self._text):
            if says_only(clause, "negation", "leave_it"):  # "I like the rain, leave it"
                kept: list[ToolCall] = [c for c in calls if not isinstance(c, RestoreCall)]
                calls, self._refused = kept, True
                continue
            if (out := left_out(clause, mentions_in(clause))) is not None:
                self._left_out = everything_but(self._left_out, out)
                self._refused = True
                continue
            if calls and isinstance(calls[-1], GoToCall) and _TELLS_MORE.match(clause):
                continue
            if (start := self._base(clause)) is not None:
                base = start
                continue
            moved, unknown = self._moved(clause)
            if moved or unknown:
                calls += [c for c in moved if not repeats(c, calls)]
                reply = reply or unknown
                continue
            if refused and goes_on(clause) and not contrast:  # "don't remove the rain, the haze or the snow"
                continue
            if not self._asked(clause) and words.pattern("impossible", "phrases").search(clause) and not _adds(clause):
                reply = reply or Message("chat.cannot")
                continue
            contrast = contrasts(clause)
            if calls and (by := _by_method(calls, clause)) is not None:
                calls = by  # "remove the rain, but with the fast one"
                continue
            found, unknown = self._restores(clause)
            refused = not found and bool(mentions_in(clause)) and "not" in spelled_out(clause) and not contrast
            reply = reply or unknown
            found = in_named(found, calls, clause, named)
            if calls and _REST.search(clause) and isinstance(last := calls[-1], RestoreCall | AdjustCall):
                found = _on_the_rest(found, last)
            named = region_in(re.sub(r"\ban?\b", "the", clause), mentions_in(clause)) or named
            if found:
                calls += [c for c in found if not repeats(c, calls)]
            elif not calls and (share := edits.strength_alone(clause)) is not None:
                strength = share  # "as strong as you can: denoise"
            elif not calls and (part := _only_part(clause) or _alone(clause)) is not None:
                meant = part  # "only the left half: denoise"
            elif is_auto(clause):
                auto = True
            elif not calls and (part := _improved(clause)) is not None:
                calls = [RestoreCall("auto", part)]
            elif not calls and named is not None and _REMOVES_IT.match(clause):
                calls = [RestoreCall("inpaint", named)]  # "the wires in the sky, get them out"
            elif (ask := ambiguous(clause)) is not None:
                question = question or ask
            else:
                calls = continued(calls, clause) or refined(calls, clause)
        if len(calls) == 1 and self._names_color_only(calls[0]) and (task := self._clue()) and task.task != "retouch":
            calls = []  # "the sun left colored circles": the color is not what is wrong
        if not calls and reply is None and (task := self._clue()) is not None:
            calls = [task]
        if auto and not calls:
            calls = [RestoreCall("auto", meant)]
        if strength is not None:
            calls = [replace(c, strength=c.strength or strength) if isinstance(c, RestoreCall) else c for c in calls]
        if meant is not None:
            calls = limited(calls, meant)
        if (
            base is not None
            and calls
            and isinstance(first := calls[0], RestoreCall | AdjustCall)
            and first.version is None
        ):
            calls[0] = replace(first, version=base)
        if self._left_out is not None:
            calls = [everywhere_but(c, self._left_out) for c in calls]
        return sorted(calls, key=default_order), reply, None if calls else question

    def _names_color_only(self, call: ToolCall) -> bool:
        """Whether a call was read from nothing but a word such as "colored"."""
        if not isinstance(call, RestoreCall) or call.task != "retouch":
            return False
        found = mentions_in(self._text)
        return len(found) == 1 and self._text[found[0].start : found[0].end].startswith("colo")

    def _base(self, clause: str) -> VersionId | None:
        """The version that a clause names only as where to begin: "from the first version, sharpen it"."""
        if not _FROM_VERSION.match(clause) or mentions_in(clause) or clause == self._text:
            return None
        found = versions.versions_in(clause, self._past)
        if len(found) != 1 or len(clause.split()) > 7:
            return None
        return found[0].id

    def _asked(self, clause: str) -> bool:
        return any(m.asked for m in mentions_in(clause))

    def _moved(self, clause: str) -> tuple[list[ToolCall], Message | None]:
        """Moves in the history, transforms and exports that a clause asks for."""
        refused = words.ending("negation", "refuse", within=1).search(clause[: first_in(clause, "undo")])
        wants_file = edits.export_in(clause) is not None
        if (
            not refused
            and not wants_file
            and not asks_step_undone(clause)
            and (move := versions.move_in(clause, self._past))
        ):
            return ([move[0]] if move[0] else []), move[1]
        moved = history_call(clause) or edits.transform_in(clause) or edits.export_in(clause)
        if moved is None:
            return [], None
        if (
            isinstance(moved, UndoCall)
            and self._past.undone
            and re.search(r"\b(?:put|bring|have|want)\b.*\bback\b", clause)
        ):
            moved = RedoCall()
        if isinstance(moved, ExportCall) and (of := versions.versions_in(clause, self._past)) and of[0].id is not None:
            moved = replace(moved, version=of[0].id)
        return [moved] * (count_in(clause) if isinstance(moved, UndoCall | RedoCall) else 1), None

    def _restores(self, clause: str) -> tuple[list[ToolCall], Message | None]:
        named = find_method(clause)
        clause, unknown = named.clause, _no_such_method(named)
        mentions = mentions_in(clause)
        asked = [m.word for m in mentions if m.asked]
        self._refused = self._refused or len(asked) < len(mentions)
        removed = removed_in(clause, mentions)
        region, strength = None if removed else region_in(clause, mentions), edits.strength_in(clause, mentions)
        if re.match(r"\W*there(?:'s| is| are)\b", clause) and are_local(mentions):
            region = None  # it says where the damage is: "there's a logo in the middle"
        tasks: dict[Task, None] = {w.task: None for w in asked if isinstance(w, TaskWord)}
        if named.ids and not any(named.method_for(task) for task in tasks):
            own: set[Task] = {task for name in named.ids for task in methods.all_methods()[name].tasks}
            if not tasks and len(own) == 1:  # "use maxim-deraining", "use PReNet"
                tasks = dict.fromkeys(own)
            else:
                unknown = Message("chat.method_for_other_task", {"method": named.ids[0]})
        elif (known := named.task) is not None and not mentions:
            tasks = {known: None}
        # "cooler white balance": the word that names a direction counts.
        directed = sorted((w for w in asked if isinstance(w, AdjustmentWord)), key=lambda w: abs(w.sign))
        adjustments = list({w.setting: w for w in directed}.values())
        if directed and "retouch" in tasks and words.pattern("tasks", "retouch", "things").search(clause):
            tasks.pop("retouch")  # "the colors are too loud" names the colors only
        if "overexposure" in tasks and " and " not in clause:  # "too much light" says one thing
            adjustments = [w for w in adjustments if (w.setting, w.sign) != ("exposure", -1)]
        named_versions = [v.id for v in versions.versions_in(clause, self._past) if v.id is not None and v.start]
        if region is None and not removed:
            region = _look_alone(clause, tasks)
        if set(tasks) == {"deshadow"} and (at := _CASTS.search(clause)):
            region = region_in(
                clause[at.end() :],
                [replace(m, start=m.start - at.end(), end=m.end - at.end()) for m in mentions if m.start >= at.end()],
            )
        version = named_versions[0] if named_versions and named_versions[0] != self._past.shown else None
        on_glass = region is not None and _GLASS.fullmatch(region.text) is not None
        calls: list[ToolCall] = []
        calls += [
            RestoreCall(
                t,
                None if on_glass and t == "deraindrop" else region,
                named.method_for(t) or _for_rooms(t, clause),
                strength,
            )
            for t in tasks
        ]
        if calls and version is not None and isinstance(first := calls[0], RestoreCall):
            calls[0] = replace(first, version=version)  # "remove the noise from the original"
        calls += [AdjustCall({w.setting: edits.amount(w, strength, clause)}, region, strength) for w in adjustments]
        if removed and words.ending("negation", "refuse", within=2).search(clause[: _first_removal(clause)]):
            self._refused = True
        elif removed:
            calls.append(RestoreCall("inpaint", removed))
        return calls, unknown

    def _clue(self) -> RestoreCall | None:
        """The task that a segment asks for indirectly."""
        text = self._text
        if self._refused or words.pattern("speech", "thanks").match(text) or _mentions_liking(text):
            return None
        task = clue(text) if len(text.split()) <= 40 else None
        if task is None or (task := likely_task(text, task)) is None:
            return None
        region = region_in(text, ())
        if region is None:
            return RestoreCall(task)
        placed = re.search(rf"\b(?:on|in|at)\s+(?:the|my|his|her)\s+{re.escape(region.text)}", text)
        places = words.pattern("regions", "places").search(region.text)
        return RestoreCall(task, region if placed and places else None)


def _commands(text: str) -> bool:
    """Whether a text names something to do besides a remark on the last result."""
    removes = words.pattern("regions", "remove").search(_GONE.sub(" ", text))
    return bool(removes or edits.transform_in(text) or edits.export_in(text))


def _method_of_last(named: Named, past: Past) -> str | None:
    last = next((c for c in reversed(past.last) if isinstance(c, RestoreCall)), None)
    if last is None or last.task == "auto":
        return None
    method = named.method_for(last.task)
    return None if method is None or (len(methods.all_methods()[method].tasks) > 1 and not method) else method


def _no_such_method(named: Named) -> Message | None:
    return None if named.unknown is None else Message("chat.no_such_method", {"method": named.unknown})


def _only_part(clause: str) -> TextRegion | None:
    """The part that a clause without a task limits the following ones to: "only the left half", "in the sky"."""
    if not re.match(r"\W*(?:please\s+)?(?:only|just|in|on|for)\b", clause):
        return None
    return region_in(clause, ())


def _look_alone(clause: str, tasks: Mapping[Task, None]) -> TextRegion | None:
    """The part that is named by what is wrong with it: "fix the blurry part"."""
    if not tasks or not set(tasks) <= {"deblur", "denoise", "dehaze", "low_light", "overexposure"}:
        return None
    found = region_in(clause, ())
    looks, parts = (words.regex(words.phrases("regions", name), clause) for name in ("looks", "parts"))
    return found if found is not None and re.match(rf"(?:{looks})\s+(?:{parts})", found.text) else None


def _by_method(calls: Sequence[ToolCall], clause: str) -> list[ToolCall] | None:
    """The calls by the method that a clause of its own names; None where it names none for them, or anything else."""
    named = find_method(clause)
    if not named.ids or mentions_in(named.clause) or region_in(named.clause, ()) is not None:
        return None
    able = [isinstance(c, RestoreCall) and c.task != "auto" and named.method_for(c.task) is not None for c in calls]
    if not any(able):
        return None
    return [
        replace(c, method=named.method_for(cast("Task", c.task))) if can and isinstance(c, RestoreCall) else c
        for c, can in zip(calls, able, strict=True)
    ]


def _on_the_rest(found: Sequence[ToolCall], last: RestoreCall | AdjustCall) -> list[ToolCall]:
    """The calls for all that the last one left out: "saturate the flowers, desaturate the rest"."""
    if not isinstance(last.region, TextRegion) or last.region.text in (HERE, NOT_HERE):
        return list(found)
    rest = everything_but(None, last.region)
    return [
        replace(c, region=rest) if isinstance(c, RestoreCall | AdjustCall) and c.region is None else c for c in found
    ]


def _alone(clause: str) -> TextRegion | None:
    """The part of a clause that names nothing else: "the sky: darker please"."""
    bare = without_fill(clause)
    region = region_in(bare, ()) or noun_alone(bare)
    if region is not None and re.match(r"\W*(?:our|my)\b", bare) and not noun_alone(region.text):
        return None  # "our ski trip, …" tells what the photo is about
    return region if region is not None and (is_only(bare, region) or bare == region.text) else None


def _improved(clause: str) -> TextRegion | None:
    """The part of the photo that is to be improved somehow: "make the sky look good", "fix the left side"."""
    verbs = words.regex(words.phrases("auto", "verbs"), clause)
    good = r"(?:look )?(?:good|better|nicer?|great|beautiful|right|perfect|pretty|prettier)"
    bare = without_fill(clause)
    asked = re.match(rf"(?:{verbs})\s+(?:up\s+)?(?:only |just )?(?:the|my|his|her|our|their)\b", bare)
    if not asked and not re.match(rf"(?:make|get|let)\b.*\b{good}", bare):
        return None
    return region_in(re.sub(rf"\b(?:part |area )?{good}", "", bare), ())


def _mentions_liking(text: str) -> bool:
    return bool(re.search(r"\b(?:i|we) (?:like|love|enjoy|prefer)\b", text))


def _adds(clause: str) -> bool:
    """Whether "add" is about light or color, not about an object."""
    fine = words.regex(words.phrases("impossible", "add_fine"), clause)
    return bool(re.search(rf"\b(?:add|put|give)\b(?:\s+\w+){{0,3}}?\s+(?:{fine})", clause))


def _first_removal(clause: str) -> int:
    at = words.pattern("regions", "remove").search(clause)
    return at.start() if at else 0


def _for_rooms(task: Task, clause: str) -> str | None:
    """Haze in a room has a network of its own."""
    indoor = "maxim-dehazing-indoor"
    in_room = task == "dehaze" and words.pattern("regions", "indoors").search(clause)
    return indoor if in_room and indoor in methods.all_methods() else None
