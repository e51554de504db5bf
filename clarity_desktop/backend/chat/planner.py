"""Request → plan by rules, without a language model: the same words always give the same plan.

A request is cut into segments whose order is given by the user ("first …, then …"), a segment into clauses that
negation does not cross. In a clause the words of `words.topics` name tasks; each mention is asked for or refused by the
words around it. A clause without such a word may be a remark on the last result (`remarks`), a move among versions
(`versions`), or indirect wording (`words.clues`). A segment that only asks about the photo never becomes a step that
changes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from clarity_desktop.backend import methods
from clarity_desktop.backend.chat import edits, remarks, versions, words
from clarity_desktop.backend.chat.answers import answer_of
from clarity_desktop.backend.chat.follow_ups import LastChange, follow_up, of_history
from clarity_desktop.backend.chat.mentions import Mention, mentions_in
from clarity_desktop.backend.chat.method_names import Named, find_method
from clarity_desktop.backend.chat.order import segments_of
from clarity_desktop.backend.chat.past import Past, replay
from clarity_desktop.backend.chat.regions import everything_but, is_only, left_out, region_in, removed_in, text_region
from clarity_desktop.backend.chat.spelling import normalize
from clarity_desktop.backend.chat.words import AdjustmentWord, TaskWord
from clarity_desktop.backend.plan import (
    HERE,
    NOT_HERE,
    AdjustCall,
    AssessCall,
    DescribeCall,
    DetectCall,
    ExportCall,
    FindCall,
    GoToCall,
    PastTurn,
    Plan,
    RedoCall,
    RestoreCall,
    SelectRegionCall,
    TextRegion,
    ToolCall,
    TransformCall,
    UndoCall,
)
from clarity_desktop.text import Message
from clarity_desktop.values import LOCAL, TASK_FOR, Degradation, Task

HELP = Message("chat.help")
UNKNOWN = Message("chat.not_understood")
NOTHING = Message("chat.nothing_changed")
ORDER: tuple[Task, ...] = (
    "dejpeg", "denoise", "dewatermark", "inpaint", "deblur", "low_light", "overexposure", "deflare", "derain",
    "deraindrop", "desnow", "dehaze", "deshadow", "retouch", "upscale",
)  # fmt: skip
"""Tasks in the order in which they are done where the request gives none: that of Auto, then what it does not run."""
KEPT_REPLIES = ("chat.no_such_method", "chat.method_for_other_task", "chat.no_other_method", "chat.cannot")
"""Replies that are given although the plan has steps."""
DEGRADATION_OF: Mapping[Task, Degradation] = {task: name for name, task in TASK_FOR.items()}
SIDE_EFFECTS: Mapping[Task, tuple[Task, ...]] = {
    "denoise": ("deblur",), "dejpeg": ("deblur",), "low_light": ("overexposure",), "overexposure": ("low_light",),
}  # fmt: skip
"""Task → tasks whose degradation a too strong run of it causes: then it is run again, weaker."""

_GONE = re.compile(r"\b(?:is|are|was|were|got) gone\b")
_QUESTIONS: Mapping[str, Message] = {
    "remove": Message("chat.ask_remove"), "light": Message("chat.ask_light"), "size": Message("chat.ask_size"),
    "change": Message("chat.ask_change"),
}  # fmt: skip
"""List of `ambiguous` → what is asked."""
_REMINDER = re.compile(r"\b(?:don't|do not|never) forget(?: to| about)?\b|\b(?:would|do) you mind\b(?=\s+\w+ing\b)")
"""Phrases that refuse nothing, although their words do."""
_CLAUSES = re.compile(r",|\bbut\b|--|\s-\s|:(?=\s)|\band (?=leave\b|keep\b|don't\b|do not\b)")
_NOT_TOUCHED = re.compile(
    r"\b(?:and |while |but )?(?:without (?:touching|changing|affecting)|excluding|sparing"
    r"|leaving(?= .* (?:alone|as|untouched)))\b"
)
MAX_MOVES = 20
"""Undo or redo steps of one request; whoever wants more opens the version itself."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a part of a request means."""

    calls: tuple[ToolCall, ...] = ()
    reply: Message | None = None
    question: Message | None = None


def plan(text: str, history: Sequence[PastTurn] = (), last: LastChange | None = None) -> Plan:
    """What to do for a request in plain English that follows a conversation.

    last: what made the version that is shown; None: what the conversation tells of it.
    """
    past = replay(history)
    if last is not None:
        past.change(last.base, last.calls)
    if (past.waiting or past.asked) and (found := _answer(text, past)) is not None:
        return found
    request = _REMINDER.sub("", normalize(text))
    if (repeated := follow_up(request, last or of_history(history))) is not None:
        return repeated
    if words.pattern("look", "planted").search(request):
        return Plan(reply=Message("chat.off_topic"))
    if reply := _small_talk(request, past):
        return Plan(reply=reply)
    if _says_only(request, "speech", "complaint") or words.pattern("speech", "complaint_about").search(request):
        return Plan((UndoCall(),), Message("chat.undo_question"))
    return _plan(request, past)


def _plan(request: str, past: Past) -> Plan:
    segments = segments_of(request)
    if len(segments) > 1 and any(answer_of(segment.text) == "no" for segment in segments[1:]):  # "remove it? no, wait"
        return Plan(reply=NOTHING)
    steps: list[ToolCall] = []
    replies: list[Message] = []
    question: Message | None = None
    for segment in segments:
        found = _Segment(segment.text, past, asks=segment.asks).read()
        steps += [s for s in found.calls if not _repeats(s, steps)]
        question = question or found.question
        if found.reply is not None and found.reply not in replies:
            replies.append(found.reply)
    if len([s for s in steps if s == RestoreCall("auto")]) and any(
        isinstance(s, RestoreCall) and s.task != "auto" for s in steps
    ):
        steps = [s for s in steps if s != RestoreCall("auto")]  # "it's dark. please fix it"
    if steps and question is not None and not all(isinstance(s, UndoCall) for s in steps):
        question = None
    if steps:  # of a mixed request only what cannot be done is worth a sentence
        replies = [r for r in replies if r.key in KEPT_REPLIES]
    elif question is not None:
        replies = []
    elif not replies:
        replies = [UNKNOWN]
    elif len(replies) > 1:
        replies = [r for r in replies if r != UNKNOWN]
    return Plan(tuple(steps), question, replies[0] if len(replies) == 1 else tuple(replies))


def _answer(text: str, past: Past) -> Plan | None:
    """The plan for an answer to an open question; None for a message that is something else."""
    answer = answer_of(text)
    if answer == "no":
        return Plan(reply=NOTHING)
    if past.waiting:
        return Plan(past.waiting) if answer is not None else None
    own = plan(text, (PastTurn("assistant", versions=past.versions, shown=past.shown),))
    if own.steps:
        return None
    reply = re.sub(r"^\W*(?:i mean|i meant|it's|it is|that's)\b", "", text.strip(" .!"), flags=re.IGNORECASE)
    completed = re.sub(
        r"\b(?:it|that|this|them|something)\b", lambda _: reply, past.asked, count=1, flags=re.IGNORECASE
    )
    found = plan(completed if completed != past.asked else f"{past.asked} {reply}", ())
    return found if found.steps and found.question is None else None


def _says_only(request: str, *path: str) -> bool:
    """Whether a request is nothing but phrases of a list and politeness."""
    return words.only(path, ("speech", "polite"), ("speech", "praise_fill")).fullmatch(request) and bool(
        words.pattern(*path).search(request)
    )


def _small_talk(request: str, past: Past) -> Message | None:
    """The reply to a message that is not about the photo; None for other messages."""
    if re.fullmatch(r"\W*(?:help|\?)\W*", request) or words.pattern("look", "help").search(request):
        return HELP
    if words.only(("speech", "greetings"), ("speech", "greet_fill")).fullmatch(request) and words.pattern(
        "speech", "greetings"
    ).search(request):
        return Message("chat.greeting")
    bare = words.only(("speech", "nothing"), ("speech", "polite"))
    if bare.fullmatch(request) and words.pattern("speech", "nothing").search(request):
        return NOTHING
    praise = words.only(("speech", "thanks"), ("speech", "praise_fill"), ("speech", "greetings"))
    if praise.fullmatch(request) and words.pattern("speech", "thanks").search(request):
        return Message("chat.welcome")
    if not past.last and words.only(("speech", "follow_up"), ("speech", "polite")).fullmatch(request):
        return Message("chat.follow_up") if words.pattern("speech", "follow_up").search(request) else None
    if words.pattern("speech", "colorize").search(request):
        return Message("chat.no_colorize")
    if len(words.pattern("speech", "foreign").findall(request)) >= 2:
        return Message("chat.english_only")
    return None


class _Segment:
    """A part of a request inside which the user gives no order."""

    def __init__(self, text: str, past: Past, *, asks: bool = False) -> None:
        """asks: whether it ended with a question mark."""
        self._text = text.strip(" ,")
        self._past = past
        self._asks = asks
        self._refused = False
        self._left_out: TextRegion | None = None

    def read(self) -> _Read:
        """The calls in their default order, the reply where there is none, and what to ask before them."""
        text = self._text
        # The order of these tests matters: a more specific meaning is tested before a more general one.
        if words.pattern("impossible", "always").search(text):
            return _Read(reply=Message("chat.cannot"))
        question = self._is_question()
        if words.pattern("history", "fuse").search(text) and not self._topics_asked() and not question:
            return _Read((versions.fuse_in(text, self._past),))
        if words.pattern("history", "compare").search(text) and not (self._topics_asked() and not question):
            return _Read((versions.compare_in(text, self._past),))
        if question:
            return self._look()
        if words.pattern("look", "advise").search(text) and not self._topics_asked():
            return _Read((DetectCall(),))
        if (found := self._follow_up()) is not None:
            return found
        if found := self._selected():
            return found
        if _is_auto(text):
            return _Read((RestoreCall("auto"),))
        if (ask := _ambiguous(text)) is not None:
            return _Read(question=ask)
        return self._read_changes()

    # Looking ---------------------------------------------------------------------------------------------------------

    def _is_question(self) -> bool:
        text = self._text
        if words.pattern("look", "request").match(text) or re.match(r"what about \w+ing\b", text):
            return False
        bare = _without_fill(text)
        you = words.regex(words.phrases("look", "ask_you"), text)
        if re.match(rf"\W*(?:would|will|can|could|do|did) you\s+(?:please\s+|also\s+)?(?:{you})", bare):
            return not re.match(r"\W*(?:can|could|would|will) you\s+(?:please\s+)?(?:do|use)\b", bare)
        if re.match(r"\W*(?:can|could|would|will) (?:you|we|i (?:get|have))\b", bare):
            return False
        if re.match(r"(?:please )?(?:show|highlight)\b", text) and mentions_in(text):  # "show me the noise"
            named = bool(versions.versions_in(text, self._past))
            return not named and not words.pattern("history", "original").search(text)
        start = words.regex(words.phrases("look", "start"), text)
        if re.match(rf"\W*(?:(?:and|so|but|well|ok|okay|hey|just|please|now|hmm|oh)\W+)*(?:{start})", text):
            return True
        return self._asks and not self._is_imperative(bare)

    def _is_imperative(self, text: str) -> bool:
        """Whether a text with a question mark is a request all the same: "remove the rain?"."""
        if re.search(r"\b(?:can|could|would|will) you\b", text):
            return True
        first = mentions_in(text)
        if (
            first
            and first[0].start == 0
            and not (isinstance(first[0].word, TaskWord) and first[0].word.kind == "thing")
        ):
            return True
        verbs = (*words.phrases("regions", "remove"), *words.phrases("auto", "verbs"), *words.phrases("versions", "go"))
        verbs += (*words.phrases("history", "undo"), "make", "reduce", "turn", *words.phrases("export", "verbs"))
        return bool(re.match(rf"(?:{words.regex(verbs, text)})|\w+ing\b", text))

    def _look(self) -> _Read:
        text = self._text
        if words.pattern("look", "elsewhere").search(text):
            return _Read(reply=Message("chat.off_topic"))
        if words.pattern("history", "done").search(text):
            return _Read((DescribeCall(),))
        if words.pattern("look", "advise").search(text):
            return _Read((DetectCall(),))
        mentioned: list[Task] = [m.word.task for m in mentions_in(text) if isinstance(m.word, TaskWord)]
        about: list[Degradation] = [DEGRADATION_OF[task] for task in mentioned if task in DEGRADATION_OF]
        region = self._looked_at()
        if about and not words.pattern("look", "assess").search(text):
            return _Read((DetectCall(about[0], region=region),))
        if not about and (found := _found_in(text)):
            return _Read((FindCall(found),))
        if looks := self._looks_without_question():
            return _Read(looks)
        if words.pattern("look", "content").search(text):
            return _Read((DescribeCall(content=True),))
        if words.pattern("look", "describe").search(text):
            return _Read((DescribeCall(),))
        if (task := _clue(text)) is not None:
            return _Read((DetectCall(DEGRADATION_OF.get(task), region=region),))
        if words.pattern("look", "subject").search(text) or mentioned:
            return _Read((DetectCall(region=region),))
        return _Read(reply=Message("chat.off_topic"))

    def _looks_without_question(self) -> tuple[ToolCall, ...]:
        if words.pattern("look", "detect").search(self._text):
            return (DetectCall(region=self._looked_at()),)
        found = words.pattern("look", "assess").search(self._text)
        return (AssessCall(region=self._looked_at()),) if found else ()

    def _looked_at(self) -> TextRegion | None:
        """The part that a question is about: "is this part still noisy?", "what is wrong with the face?"."""
        named = region_in(self._text, mentions_in(self._text))
        if named is None or named.text in (HERE, NOT_HERE):
            return named
        from clarity_desktop.backend.regions.words import parse

        # A question has other nouns as well: "which version is the best?".
        meant = parse(named.text)
        return named if meant and all(part.kind != "phrase" for part in meant.parts) else None

    def _selected(self) -> _Read | None:
        """The part of the photo that a segment only wants to be selected."""
        if words.pattern("look", "deselect").search(self._text):
            return _Read((SelectRegionCall(),))
        at = words.pattern("look", "select").match(_without_fill(self._text))
        region = region_in(self._text, ()) if at else None
        if region is None or self._topics_asked() or versions.versions_in(self._text, self._past):
            return None
        return _Read((SelectRegionCall(region),))

    def _topics_asked(self) -> bool:
        return any(m.asked for m in mentions_in(self._text))

    # Remarks on the last result --------------------------------------------------------------------------------------

    def _follow_up(self) -> _Read | None:
        """What a remark on the last change asks for; None where it is none."""
        past, text = self._past, self._text
        if not past.last:
            return None
        tasks: set[Task] = {m.word.task for m in mentions_in(text) if m.asked and isinstance(m.word, TaskWord)}
        tasks -= {"overexposure"} if words.pattern("follow", "weaker").search(text) else set[Task]()
        own = {c.task for c in past.last if isinstance(c, RestoreCall)}
        if words.pattern("history", "undo").search(text) or words.pattern("history", "redo").search(text):
            return None
        named = find_method(text)
        if named.ids and not tasks and (method := _method_of_last(named, past)):
            return _Read(tuple(remarks.again(past, None, method=method)))
        if tasks <= own and (
            words.pattern("follow", "another").search(text) or words.pattern("follow", "no_effect").search(text)
        ):
            calls, reply = remarks.other_method(past)
            return _Read(tuple(calls), reply) if calls else _Read(question=reply)
        if words.pattern("follow", "unnatural").search(text) and tasks <= own and not _commands(text):
            return _Read(tuple(remarks.weaker(past)))
        became = words.pattern("follow", "became").search(text)
        effects: set[Task] = set()
        for change in past.last:
            if isinstance(change, RestoreCall) and change.task != "auto":
                effects |= set(SIDE_EFFECTS.get(change.task, ()))
        if became and len(own) == 1 and tasks and tasks <= effects:
            return _Read(tuple(remarks.weaker(past)))
        return self._again(text, tasks)

    def _again(self, text: str, tasks: set[Task]) -> _Read | None:
        past = self._past
        mentioned = bool(mentions_in(text)) and not words.pattern("follow", "weaker").search(text)
        slightly = bool(words.pattern("strength", "slightly").search(text))
        if remarks.is_only(text, "weaker"):
            return _Read(tuple(remarks.weaker(past)))
        if remarks.is_only(text, "weaker", "again") and words.pattern("follow", "weaker").search(text):
            return _Read(tuple(remarks.weaker(past)))
        if remarks.is_only(text, "stronger", "again") and words.pattern("follow", "stronger").search(text):
            return _Read(tuple(remarks.stronger(past, slightly=slightly)))
        if remarks.is_only(text, "again", "same"):
            return _Read(tuple(remarks.again(past, None)))
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
            return _Read(tuple(remarks.again(past, region)))
        whole = words.regex(words.phrases("regions", "whole"), rest)
        if same and re.search(rf"\b(?:the|this)\s+(?:{whole})|\beverywhere\b|\beverything\b", rest):
            return _Read(tuple(remarks.again(past, None, whole=True)))
        return None

    # Changing --------------------------------------------------------------------------------------------------------

    def _read_changes(self) -> _Read:
        if words.pattern("versions", "like").search(self._text) and self._past.last:
            move = versions.move_in(self._text, self._past)  # "before you sharpened it, it was better"
            if move is not None and move[0] is not None:
                return _Read((move[0],))
        calls, reply, question = self._changes()
        if not calls and not self._refused and question is None and reply is None:
            looks = self._looks_without_question()
            if looks:
                return _Read(looks)
            if (named := find_method(self._text)).task is not None and not mentions_in(named.clause):
                calls, reply = [RestoreCall(named.task)], _no_such_method(named)
        if calls:
            return _Read(tuple(calls), reply, question)
        if question is not None:
            return _Read(question=question)
        if words.pattern("speech", "thanks").match(_without_fill(self._text)):
            return _Read(reply=reply or Message("chat.welcome"))
        return _Read(reply=reply or (NOTHING if self._refused else UNKNOWN))

    def _changes(self) -> tuple[list[ToolCall], Message | None, Message | None]:
        calls: list[ToolCall] = []
        reply: Message | None = None
        question: Message | None = None
        refused = auto = False
        meant: TextRegion | None = None
        strength: float | None = None
        for clause in _clauses(self._text):
            if _says_only(clause, "negation", "leave_it"):  # "I like the rain, leave it"
                kept: list[ToolCall] = [c for c in calls if not isinstance(c, RestoreCall)]
                calls, self._refused = kept, True
                continue
            if (out := left_out(clause, mentions_in(clause))) is not None:
                self._left_out = everything_but(self._left_out, out)
                self._refused = True
                continue
            moved, unknown = self._moved(clause)
            if moved or unknown:
                calls += [c for c in moved if not _repeats(c, calls)]
                reply = reply or unknown
                continue
            if refused and _goes_on(clause):  # "don't remove the rain, the haze or the snow"
                continue
            if not self._asked(clause) and words.pattern("impossible", "phrases").search(clause) and not _adds(clause):
                reply = reply or Message("chat.cannot")
                continue
            found, unknown = self._restores(clause)
            refused = not found and bool(mentions_in(clause)) and "not" in _spelled(clause) and not _contrasts(clause)
            reply = reply or unknown
            if found:
                calls += [c for c in found if not _repeats(c, calls)]
            elif not calls and (share := edits.strength_alone(clause)) is not None:
                strength = share  # "as strong as you can: denoise"
            elif not calls and (part := _only_part(clause)) is not None:
                meant = part  # "only the left half: denoise"
            elif _is_auto(clause):
                auto = True
            elif (ask := _ambiguous(clause)) is not None:
                question = question or ask
            else:
                calls = _continued(calls, clause) or _refined(calls, clause)
        if not calls and (task := self._clue()) is not None:
            calls = [task]
        if auto and not calls:
            calls = [RestoreCall("auto")]
        if strength is not None:
            calls = [replace(c, strength=c.strength or strength) if isinstance(c, RestoreCall) else c for c in calls]
        if meant is not None:
            calls = _limited(calls, meant)
        if self._left_out is not None:
            calls = [_everywhere_but(c, self._left_out) for c in calls]
        return sorted(calls, key=_default_order), reply, None if calls else question

    def _asked(self, clause: str) -> bool:
        return any(m.asked for m in mentions_in(clause))

    def _moved(self, clause: str) -> tuple[list[ToolCall], Message | None]:
        """Moves in the history, transforms and exports that a clause asks for."""
        refused = words.ending("negation", "refuse", within=1).search(clause[: _first(clause, "undo")])
        if not refused and not _asks_step_undone(clause) and (move := versions.move_in(clause, self._past)):
            return ([move[0]] if move[0] else []), move[1]
        moved = _history(clause) or edits.transform_in(clause) or edits.export_in(clause)
        if moved is None:
            return [], None
        return [moved] * (_count(clause) if isinstance(moved, UndoCall | RedoCall) else 1), None

    def _restores(self, clause: str) -> tuple[list[ToolCall], Message | None]:
        named = find_method(clause)
        clause, unknown = named.clause, _no_such_method(named)
        mentions = mentions_in(clause)
        asked = [m.word for m in mentions if m.asked]
        self._refused = self._refused or len(asked) < len(mentions)
        removed = removed_in(clause, mentions)
        region, strength = None if removed else region_in(clause, mentions), edits.strength_in(clause, mentions)
        if re.match(r"\W*there(?:'s| is| are)\b", clause) and _are_local(mentions):
            region = None  # it says where the damage is: "there's a logo in the middle"
        tasks: dict[Task, None] = {w.task: None for w in asked if isinstance(w, TaskWord)}
        if named.ids and not any(named.method_for(task) for task in tasks):
            own = methods.all_methods()[named.ids[0]].tasks
            if not tasks and len(own) == 1 and len(named.ids) == 1:  # "use maxim-deraining"
                tasks = {own[0]: None}
            else:
                unknown = Message("chat.method_for_other_task", {"method": named.ids[0]})
        elif named.task is not None and not mentions:
            tasks = {named.task: None}
        # "cooler white balance": the word that names a direction counts.
        directed = sorted((w for w in asked if isinstance(w, AdjustmentWord)), key=lambda w: abs(w.sign))
        adjustments = {w.setting: w for w in directed}.values()
        if directed and "retouch" in tasks and words.pattern("tasks", "retouch", "things").search(clause):
            tasks.pop("retouch")  # "the colors are too loud" names the colors only
        calls: list[ToolCall] = []
        calls += [RestoreCall(t, region, named.method_for(t) or _for_rooms(t, clause), strength) for t in tasks]
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
        task = _clue(text) if len(text.split()) <= 40 else None
        if task is None:
            return None
        region = region_in(text, ())
        if region is None:
            return RestoreCall(task)
        placed = re.search(rf"\b(?:on|in|at)\s+(?:the|my|his|her)\s+{re.escape(region.text)}", text)
        places = words.pattern("regions", "places").search(region.text)
        return RestoreCall(task, region if placed and places else None)


def _clue(text: str) -> Task | None:
    """The task that indirect wording is about: the longest clue decides."""
    best: tuple[int, int] = (0, 0)
    chosen: Task | None = None
    for phrases, task in words.clues():
        for at in phrases.finditer(text):
            if (found := (at.end() - at.start(), -at.start())) > best:
                best, chosen = found, task
    return chosen


def _are_local(mentions: Sequence[Mention]) -> bool:
    """Whether all mentions are of damage that covers a part of the photo anyway."""
    local = {TASK_FOR[name] for name in LOCAL}
    return all(isinstance(m.word, TaskWord) and m.word.task in local for m in mentions)


def _found_in(text: str) -> TextRegion | None:
    """What a question wants to be found or counted."""
    trigger = words.pattern("look", "find").search(text)
    if trigger is None:
        return None
    stops = words.regex(
        [w for w in words.phrases("regions", "stop") if w not in ("a", "any", "some", "all", "the")], text
    )
    rest = re.sub(r"^\s+(?:me\s+)?(?:all\s+)?(?:the|a|an|any|my|some|all|another)\b", "", text[trigger.end() :])
    at = re.match(rf"\s*((?:(?!(?:{stops}))[a-z][\w'-]*\s*){{1,5}})", rest)
    noun = (
        re.sub(
            r"\s+(?:in|on|of|from|at|with)(?:\s+(?:the|this|it|my))?(?:\s+(?:photo|picture|image|shot))?\s*$",
            "",
            at[1].strip(),
        )
        if at
        else ""
    )
    noun = re.sub(r"\s+(?:in|on)\s+(?:the|this|my)\s+(?:photo|picture|image|shot)\b.*$", "", noun)
    never = {
        *words.phrases("regions", "never"),
        *words.phrases("regions", "whole"),
        "it",
        "this",
        "that",
        "something",
        "problems",
        "anything",
        "you",
        "i",
    }
    return (
        TextRegion(noun)
        if noun and not noun.startswith("what") and noun.split()[0] not in never and noun not in never
        else None
    )


def _without_fill(text: str) -> str:
    """A text without politeness at its beginning."""
    polite = words.regex(
        (*words.phrases("speech", "polite"), "maybe", "perhaps", "also", "then", "yes", "no", "again"), text
    )
    keep = r"(?!(?:can|could|would|will) (?:you|we|i)\b)"
    return re.sub(rf"^\W*(?:{keep}(?:{polite})\W+)+", "", text)


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


def _ambiguous(text: str) -> Message | None:
    """The question to ask about a request that could mean anything."""
    for name, question in _QUESTIONS.items():
        only = words.only(("ambiguous", name), ("ambiguous", "what"), ("speech", "polite"), ("ambiguous", "fill"))
        if only.fullmatch(text) and words.pattern("ambiguous", name).search(text):
            return question
    return None


def _only_part(clause: str) -> TextRegion | None:
    """The part that a clause without a task limits the following ones to: "only the left half", "in the sky"."""
    if not re.match(r"\W*(?:please\s+)?(?:only|just|in|on|for)\b", clause):
        return None
    return region_in(clause, ())


def _mentions_liking(text: str) -> bool:
    return bool(re.search(r"\b(?:i|we) (?:like|love|enjoy|prefer)\b", text))


def _adds(clause: str) -> bool:
    """Whether "add" is about light or color, not about an object."""
    fine = words.regex(words.phrases("impossible", "add_fine"), clause)
    return bool(re.search(rf"\b(?:add|put|give)\b(?:\s+\w+){{0,3}}?\s+(?:{fine})", clause))


def _contrasts(clause: str) -> bool:
    """Whether a refusal is the first half of a contrast: "not the haze, the noise"."""
    return bool(re.match(r"\W*(?:no\W+)?not (?:the|this|that)\b", clause))


def _everywhere_but(call: ToolCall, out: TextRegion) -> ToolCall:
    if isinstance(call, RestoreCall | AdjustCall) and call.region is None:
        return replace(call, region=out)
    return call


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
    if (
        verbs.fullmatch(text)
        and words.pattern("auto", "verbs").search(text)
        and not re.fullmatch(r"\W*(?:save|do)\b.*", text)
    ):
        return True
    # "repair this old family picture"
    nouns, kinds = words.phrases("regions", "whole"), words.phrases("auto", "verbs")
    small = words.regex(words.phrases("regions", "prepositions"), text)
    verb = rf"(?:{words.regex(kinds, text)})\s+(?:the|this|that|my|our|an?|his|her|these)"
    named = rf"{verb}\s+(?:(?!(?:{small}))[\w'-]+\s+){{0,3}}(?:{words.regex(nouns, text)})\W*"
    if re.fullmatch(named, _without_fill(text)) and not mentions_in(text):
        return True
    bare = " ".join(words.pattern("speech", "polite").sub(" ", text).split())
    return words.only(("auto", "better")).fullmatch(bare)


def _clauses(text: str) -> list[str]:
    """Parts that negation does not cross: cut at commas and "but", and at "and" before something new to do.

    The "but" of an exclusion ("everything but the sky") does not cut.
    """
    # "everything but the sky" is an exclusion, not a contrast.
    kept = re.sub(
        r"\b(everything|all|anything) (?:but|apart from|other than|besides|except for|save for)\b", r"\1 except", text
    )
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
        if any(_history(part) or edits.transform_in(part) or edits.export_in(part) for part in (clause, *parts)):
            found += _after_history(parts)
        elif _are_requests(parts):
            found += parts  # each has a part of the photo of its own
        elif len(parts) > 1 and _new_requests(parts):
            found += _shared(parts)
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


def _new_requests(parts: list[str]) -> bool:
    """Whether every part behind an "and" begins with a verb of its own and names something."""
    for part in parts[1:]:
        mentions = mentions_in(part)
        bare = _without_fill(part).strip()
        first = mentions_in(bare)
        verb = (
            bool(first)
            and first[0].start == 0
            and (isinstance(first[0].word, AdjustmentWord) or first[0].word.kind == "verb")
        )
        removes = words.pattern("regions", "remove").match(bare) and (mentions or region_in(part, ()))
        if not verb and not removes:
            return False
    return bool(mentions_in(parts[0])) or bool(words.pattern("regions", "remove").search(parts[0]))


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
    undoes = any(isinstance(_history(part), UndoCall) for part in parts)
    return [p for p in parts if _history(p) or not (undoes and re.match(r"\s*(?:the|all|that|everything)\b", p))]


def _asks_step_undone(clause: str) -> bool:
    """Whether a clause wants a step to be undone, not a version to be shown: "delete the denoised version"."""
    return any(_is_step(clause, m) or _comes_back(clause, m) for m in mentions_in(clause))


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
    numbers, steps = words.lists()["history"]["numbers"], words.regex(words.phrases("history", "steps"), clause)
    counted = re.search(rf"\b({'|'.join(numbers)}|\d{{1,4}})\s+(?:more\s+|last\s+)?(?:{steps})", clause)
    counted = counted or re.search(rf"\blast\s+({'|'.join(numbers)}|\d{{1,4}})\b", clause)
    return min(max(1, numbers.get(counted[1]) or int(counted[1])), MAX_MOVES) if counted else 1


def _is_step(clause: str, mention: Mention) -> bool:
    """Whether a mention is a step that is to be removed: "remove the denoising", "delete the denoised version"."""
    result = re.match(rf"\s+(?:{words.regex(words.phrases('history', 'results'), clause)})", clause[mention.end :])
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


def _first_removal(clause: str) -> int:
    at = words.pattern("regions", "remove").search(clause)
    return at.start() if at else 0


def _names(call: AdjustCall) -> set[str]:
    return set(call.settings or {})


def _repeats(call: ToolCall, calls: Sequence[ToolCall]) -> bool:
    """Whether a task or an adjustment was requested before, in the same part of the photo."""
    if isinstance(call, AdjustCall):
        return any(isinstance(c, AdjustCall) and c.region == call.region and _names(c) == _names(call) for c in calls)
    if isinstance(call, ExportCall):
        return call.format is None and any(isinstance(c, ExportCall) for c in calls)
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
    calls = [*calls[:-1], replace(last, strength=last.strength or edits.strength_in(clause, []))]
    if region is None:
        return calls
    return _limited(calls, region)


def _limited(calls: Sequence[ToolCall], region: TextRegion) -> list[ToolCall]:
    """The calls, those without a region in this one."""
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


def _for_rooms(task: Task, clause: str) -> str | None:
    """Haze in a room has a network of its own."""
    indoor = "maxim-dehazing-indoor"
    in_room = task == "dehaze" and words.pattern("regions", "indoors").search(clause)
    return indoor if in_room and indoor in methods.all_methods() else None
