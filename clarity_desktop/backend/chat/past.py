"""What happened in a conversation before a request: versions, what made them, and what waits for an answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from clarity_desktop.backend.plan import (
    AdjustCall,
    FindCall,
    GoToCall,
    PastTurn,
    RedoCall,
    RestoreCall,
    SelectRegionCall,
    TextRegion,
    ToolCall,
    TransformCall,
    UndoCall,
    VersionLabel,
)
from clarity_desktop.values import Task, VersionId

Change = RestoreCall | AdjustCall | TransformCall


@dataclass(slots=True)
class Past:
    """A conversation replayed from its turns, without any photo.

    shown: the version that is shown. last: the changes of the last turn that made any. made: version → the change that
    made it; parents: version → the version that it was made from. waiting: steps that an open question is about.
    asked: the request that an open question without steps was about. named: the part that the last turn selected or
    found. numbered, starred, rejected: as PastTurn has them.
    """

    versions: tuple[VersionLabel, ...] = ()
    shown: VersionId | None = None
    last: tuple[Change, ...] = ()
    made: dict[VersionId, Change] = field(default_factory=dict[VersionId, Change])
    parents: dict[VersionId, VersionId] = field(default_factory=dict[VersionId, VersionId])
    waiting: tuple[ToolCall, ...] = ()
    asked: str = ""
    undone: bool = False
    named: TextRegion | None = None
    numbered: tuple[VersionId, ...] = ()
    starred: tuple[VersionId, ...] = ()
    rejected: tuple[VersionId, ...] = ()

    def change(self, base: VersionId, calls: tuple[RestoreCall | AdjustCall, ...]) -> None:
        """Note what made the version that is shown, in words or with the mouse, from which version."""
        self.last = calls
        if self.shown is not None and len(calls) == 1:
            self.made[self.shown], self.parents[self.shown] = calls[0], base

    @property
    def original(self) -> VersionId | None:
        return self.versions[0].id if self.versions else None

    @property
    def before_last(self) -> VersionId | None:
        """The version that the last changes began from."""
        made = self.shown
        for change in reversed(self.last):
            if made is None or self.made.get(made) != change:
                return None
            made = self.parents.get(made)
        return made

    def parent(self, version: VersionId | None) -> VersionId | None:
        """The version that another was made from; of one that is not known, the one before it in the list."""
        if version is None:
            return None
        if version in self.parents:
            return self.parents[version]
        ids = [v.id for v in self.versions]
        at = ids.index(version) if version in ids else 0
        return ids[at - 1] if at > 0 else None

    def by_task(self, task: Task) -> VersionId | None:
        """The newest version that a task made."""
        for version in reversed(self.versions):
            change = self.made.get(version.id)
            if isinstance(change, RestoreCall) and change.task == task:
                return version.id
            if re.match(rf"{re.escape(task)}\b", version.label.replace("-", "_").replace(" ", "_").lower()):
                return version.id
        return None

    def methods_of(self, task: Task) -> list[str]:
        """The methods that the conversation used for a task, as far as labels and calls name them."""
        found: dict[str, None] = {}
        for version in self.versions:
            change = self.made.get(version.id)
            named = re.fullmatch(r"([\w-]+) \(([\w.+-]+)\)", version.label)
            if isinstance(change, RestoreCall) and change.task == task and change.method is not None:
                found[change.method] = None
            if named and named[1] == task:
                found[named[2]] = None
        return list(found)


def replay(turns: Sequence[PastTurn]) -> Past:
    """The past that a list of turns tells."""
    past = Past()
    asked = ""
    for turn in turns:
        if turn.role == "user":
            asked = turn.text
        else:
            _follow(past, turn, asked)
    return past


def _follow(past: Past, turn: PastTurn, asked: str) -> None:
    known = {v.id for v in past.versions}
    new = [v.id for v in turn.versions if v.id not in known] if past.versions else [v.id for v in turn.versions[1:]]
    if not past.versions and turn.versions:
        past.shown = turn.versions[0].id
    past.versions = turn.versions or past.versions
    past.parents |= {v.id: v.parent for v in turn.versions if v.parent is not None}
    if not turn.text and not turn.steps and turn.shown is not None:  # it only tells what is there now
        past.shown, past.numbered, past.starred, past.rejected = (
            turn.shown, turn.numbered, turn.starred, turn.rejected
        )  # fmt: skip
        return
    past.waiting, past.asked = (), ""
    if turn.steps:
        named = [step.region for step in turn.steps if isinstance(step, SelectRegionCall | FindCall)]
        past.named = named[-1] if named else None
    changes = [step for step in turn.steps if isinstance(step, Change)]
    if turn.text.rstrip().endswith("?") and not new:
        past.waiting, past.asked = turn.steps, "" if turn.steps else asked
        return
    made = list(new)
    for step in turn.steps:
        if isinstance(step, Change):
            if made:
                version = made.pop(0)
                start = step.version or past.shown
                past.made[version] = step
                if start is not None:
                    past.parents.setdefault(version, start)
                past.shown = version
        else:
            _move(past, step)
    for version in made:  # made by what the turn does not tell
        if past.shown is not None:
            past.parents.setdefault(version, past.shown)
        past.shown = version
    if changes:
        past.last, past.undone = tuple(changes), False
    if turn.shown is not None:
        past.shown = turn.shown


def _move(past: Past, step: ToolCall) -> None:
    match step:
        case UndoCall():
            past.shown, past.undone = past.parent(past.shown) or past.shown, True
        case GoToCall(version, None):
            past.shown = version or past.original
        case RedoCall():
            back = [v for v, parent in past.parents.items() if parent == past.shown]
            past.shown, past.undone = (back[-1] if back else past.shown), False
        case _:
            pass
