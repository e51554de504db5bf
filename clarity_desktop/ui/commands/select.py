"""Selecting: the tools of the canvas, words, changes of the mask, and their undo."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

from PySide6.QtCore import QObject, QTimer, Signal

from clarity_desktop.messages import (
    ChangeRegion,
    KeepRegion,
    PrepareSelection,
    ReadRegion,
    Redo,
    RegionReady,
    RemoveObject,
    Select,
    Selected,
    SelectWhere,
    SelectWords,
    Undo,
)
from clarity_desktop.ui.canvas.mask_overlay import MaskStyle, ShownMask
from clarity_desktop.ui.canvas.tools.brush import BrushTool
from clarity_desktop.ui.canvas.tools.lasso import LassoTool
from clarity_desktop.ui.canvas.tools.region import How, RegionTool
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.select_bar import SelectBar
from clarity_desktop.ui.selection import MaskState, ObjectPrompt
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import (
    Bounds,
    Click,
    Combine,
    Degradation,
    Feather,
    Fit,
    Grow,
    Invert,
    Lasso,
    MaskChange,
    Paint,
    Refine,
    Region,
    RegionId,
    Stroke,
    VersionId,
    placed_as,
)

TOOLS = {"select_click": "click", "select_box": "box", "brush": "brush", "lasso": "lasso", "heal": "heal"}
"""Action → the tool of the canvas."""
COLORS = ("#ff4646", "#35c46a", "#3d8bff", "#ffd54a", "#e05cff", "#ffffff")
"""In which the selection is tinted; kept regions that are shown beside it have those after it."""
FAST = 0.15
"""Seconds that a click may take for its mask to be shown under the resting pointer already."""
REST = 60
"""Milliseconds that the pointer rests before that."""
HOWS: dict[str, How] = {"add": "add", "subtract": "subtract", "intersect": "intersect", "replace": "replace"}


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """What becomes of a mask that was requested: the selection without its region, and what it is combined with."""

    state: MaskState
    base: Region | None = None
    how: How = "replace"


class SelectCommands(QObject):
    """Owns what is selected in each document. Requests of one document follow each other, the newest click wins."""

    changed = Signal(object)  # DocumentState whose selection is another one
    tool_changed = Signal()

    def __init__(self, session: Session, bar: SelectBar) -> None:
        super().__init__(session)
        self._session, self._bar = session, bar
        self._mode: How = "replace"
        self._shown_tool: RegionTool | None = None
        self._targets: dict[PendingRequest, _Target] = {}
        self._changes: WeakKeyDictionary[DocumentState, list[MaskChange]] = WeakKeyDictionary()
        self._changing: dict[DocumentState, PendingRequest] = {}
        # The version that an engine has seen, or sees now.
        self._prepared: WeakKeyDictionary[DocumentState, object] = WeakKeyDictionary()
        # Painted by the healing brush, not filled yet.
        self._to_heal: WeakKeyDictionary[DocumentState, list[Stroke]] = WeakKeyDictionary()
        self._healing: dict[DocumentState, PendingRequest] = {}
        self._asked_at: dict[PendingRequest, float] = {}
        self._is_fast = False  # the engine answered the last click quickly
        self._pointed: tuple[float, float] | None = None
        self._preview: PendingRequest | None = None  # of what a click would select
        self._quiet: set[PendingRequest] = set()  # that these fail is not said
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST)
        self._rest.timeout.connect(self._ask_preview)
        actions, on = session.actions, session.actions.on
        for name in TOOLS:
            on(name, partial(self._toggle, name))
        bar.add_tools([(actions[name], actions.specs[name].title) for name in TOOLS])
        bar.done.connect(self.leave)
        bar.mode_chosen.connect(self._use_mode)
        bar.next_asked.connect(self.show_next)
        bar.shape_changed.connect(self._use_shape)
        bar.erase_toggled.connect(self._use_erase)
        on("select_all", self.select_all)
        on("select_none", self.clear)
        on("select_invert", partial(self.change_edge, "invert", 0))
        on("show_mask", self.refresh)
        on("mask_color", self.use_next_color)
        session.actions["show_mask"].setChecked(True)
        session.document_added.connect(self._watch)

    # tools

    def leave(self) -> None:
        """Put the tool away; what is selected stays selected."""
        for state in self._session.documents:
            if (tool := self._active(state)) is not None:
                tool.cancel()
                state.canvas.setFocus()
        self._show_tool()

    def _watch(self, state: DocumentState) -> None:
        canvas = state.canvas
        for tool in (canvas.click, canvas.box, canvas.brush, canvas.heal, canvas.lasso):
            tool.finished.connect(self._show_tool)
            tool.escaped.connect(self.escape)
        canvas.click.pointed.connect(self._point)
        for tool in (canvas.click, canvas.box):
            tool.clicked.connect(partial(self._click, state))
            tool.boxed.connect(partial(self._box, state))
            tool.next_asked.connect(self.show_next)
        canvas.brush.painted.connect(partial(self._paint, state))
        canvas.heal.painted.connect(partial(self._heal, state))
        for brush in (canvas.brush, canvas.heal):
            brush.shape_changed.connect(partial(self._share_shape, brush))
        canvas.lasso.enclosed.connect(partial(self._enclose, state))

    def _toggle(self, name: str) -> None:
        state = self._session.current
        if state is None or not state.card:
            return
        tool = self._tool(state, TOOLS[name])
        if tool.is_active:
            tool.cancel()
        else:
            tool.mode = self._mode
            tool.start()
            state.canvas.setFocus()
            self._prepare(state)
        self._show_tool()

    def _tool(self, state: DocumentState, name: str) -> RegionTool:
        tool: RegionTool = getattr(state.canvas, name)
        return tool

    def _active(self, state: DocumentState | None) -> RegionTool | None:
        tools = (self._tool(state, name) for name in TOOLS.values()) if state else ()
        return next((tool for tool in tools if tool.is_active), None)

    def _show_tool(self) -> None:
        """Show which tool is active, and what it needs."""
        state = self._session.current
        active = self._active(state)
        for name, tool in TOOLS.items():
            self._session.actions[name].setChecked(bool(state and active is self._tool(state, tool)))
            if state and active is self._tool(state, tool):
                self._bar.show_tool(tool)
        if active is None:
            self._bar.hide()
        self._show_shape()
        if active is not self._shown_tool:
            self._shown_tool = active
            self.tool_changed.emit()

    @property
    def is_drawing(self) -> bool:
        """Whether a tool is active that draws all over the photo."""
        return isinstance(self._shown_tool, BrushTool | LassoTool)

    def _prepare(self, state: DocumentState) -> None:
        """Let the engine look at the open version before the first click."""
        wants = state.canvas.click.is_active or state.canvas.box.is_active
        if wants and state.id and state.head and self._prepared.get(state) != state.head:
            self._prepared[state] = state.head
            title = self.tr("Preparing the selection of objects")
            self._session.ask(PrepareSelection(state.id, state.head), state, title)

    def forget_engines(self) -> None:
        """Another engine may be the best one now."""
        self._prepared.clear()
        if (state := self._session.current) is not None:
            self._prepare(state)

    def _use_mode(self, how: str) -> None:
        self._mode = HOWS[how]
        for state in self._session.documents:
            for name in TOOLS.values():
                self._tool(state, name).mode = self._mode
        if state := self._session.current:
            state.canvas.setFocus()

    def _use_shape(self, diameter: float, softness: float) -> None:
        for state in self._session.documents:
            for brush in (state.canvas.brush, state.canvas.heal):
                brush.set_shape(diameter, softness)

    def _share_shape(self, brush: BrushTool) -> None:
        """A key changed one brush: all have one shape."""
        self._use_shape(brush.diameter, brush.softness)
        self._show_shape()

    def _show_shape(self) -> None:
        if state := self._session.current:
            self._bar.show_shape(state.canvas.brush.diameter, state.canvas.brush.softness)

    def _use_erase(self, on: bool) -> None:
        for state in self._session.documents:
            state.canvas.brush.erases = on

    def escape(self) -> None:
        """Cancel the running job; without one, clear the selection; if there is none, put the tool away."""
        state = self._session.current
        if self._session.requests.jobs:
            self._session.requests.cancel_job()
        elif state and self.has_something(state):
            self.clear()
        else:
            self.leave()

    # gestures

    def _click(self, state: DocumentState, click: Click, how: How) -> None:
        now, prompt = state.selection.now, self._latest_prompt(state)
        if prompt is not None and (not click.inside or how == "replace"):
            self._ask(state, prompt.clicked(click), now.kept)
        elif not click.inside and now.region is not None:
            # What no click has made: the object there is taken away.
            self._ask(state, ObjectPrompt((replace(click, inside=True),), base=now.region, how="subtract"), now.kept)
        else:
            self._start_prompt(state, ObjectPrompt((click,)), how)

    def _latest_prompt(self, state: DocumentState) -> ObjectPrompt | None:
        """The prompt that a further click corrects: of the mask that is being computed, or else of the shown one."""
        for pending in reversed(self._session.running(Select, state)):
            if (target := self._targets.get(pending)) is not None:
                return target.state.prompt
        return state.selection.now.prompt if state.selection.now.region is not None else None

    def _box(self, state: DocumentState, bounds: Bounds, how: How) -> None:
        self._start_prompt(state, ObjectPrompt(boxes=(bounds,)), how)

    def _start_prompt(self, state: DocumentState, prompt: ObjectPrompt, how: How) -> None:
        """Begin an object; how it joins what is selected so far."""
        now = state.selection.now
        if now.region is None or how == "replace":
            self._ask(state, prompt, None)
        else:
            self._ask(state, replace(prompt, base=now.region, how=how), now.kept)

    def select_boxes(self, state: DocumentState, boxes: tuple[Bounds, ...], name: str) -> None:
        """Select the objects in boxes together."""
        self._ask(state, ObjectPrompt(boxes=boxes), None, name)

    def show_next(self, step: int) -> None:
        """Show another one of the masks that the clicks may mean."""
        state = self._session.current
        prompt = state.selection.now.prompt if state else None
        if state is not None and prompt is not None and len(prompt.scores) > 1:
            candidate = (prompt.candidate + step) % len(prompt.scores)
            self._ask(state, replace(prompt, candidate=candidate), state.selection.now.kept)

    def _ask(self, state: DocumentState, prompt: ObjectPrompt, kept: RegionId | None, name: str = "") -> None:
        if state.id is None or state.head is None:
            return
        for pending in self._session.running(Select, state):
            if self._targets.pop(pending, None) is not None:
                self._session.requests.cancel(pending)
        request = Select(
            state.id, state.head, prompt.clicks, prompt.boxes, prompt.hint, None, prompt.candidate
        )  # fmt: skip
        name = name or (state.selection.now.name if prompt.base is not None else "")
        target = MaskState(None, "", prompt, kept, name)
        self._forget_preview()
        pending = self._session.ask(request, state, self.tr("Selecting…"))
        self._targets[pending] = _Target(target, prompt.base, prompt.how)
        self._asked_at[pending] = time.monotonic()

    def _paint(self, state: DocumentState, stroke: Stroke) -> None:
        if stroke.erase and state.selection.now.region is None and state not in self._changing:
            state.canvas.brush.forget_strokes()  # there is nothing to erase
        else:
            self.change(state, Paint((stroke,)))

    def _enclose(self, state: DocumentState, points: tuple[tuple[float, float], ...], how: How) -> None:
        self.change(state, Lasso(points, how if state.selection.now.region is not None else "replace"))

    # healing

    def _heal(self, state: DocumentState, stroke: Stroke) -> None:
        """Fill what is painted, once what was painted before is filled."""
        self._to_heal.setdefault(state, []).append(stroke)
        self._start_healing(state)

    def _start_healing(self, state: DocumentState) -> None:
        strokes = self._to_heal.get(state)
        if strokes and state not in self._healing and state.id and state.head:
            request = ChangeRegion(state.id, state.head, None, Paint(tuple(strokes)))
            strokes.clear()
            self._healing[state] = self._session.ask(request, state)

    def _fill(self, state: DocumentState, region: Region) -> None:
        if state.id and state.head:
            request = RemoveObject(state.id, state.head, region)
            self._healing[state] = self._session.ask(request, state, self.tr("Healing brush"))

    def note_version(self, pending: PendingRequest) -> None:
        """A request made its version, whose analysis may still run: what was painted meanwhile is filled from there."""
        if isinstance(pending.request, RemoveObject):
            self._finish_healing(pending)

    def _finish_healing(self, pending: PendingRequest) -> None:
        state = pending.state
        if state is None or self._healing.get(state) is not pending:
            return
        del self._healing[state]
        if not self._session.is_open(state):
            self._to_heal.pop(state, None)
            return
        if not self._to_heal.get(state):
            state.canvas.heal.forget_strokes()
        self._start_healing(state)

    # what a click would select

    def _point(self, at: tuple[float, float] | None) -> None:
        """The pointer of the click tool rests somewhere, or left."""
        self._pointed = at
        self._forget_preview()
        if at is not None and self._is_fast:
            self._rest.start()
        else:
            self._rest.stop()

    def _forget_preview(self) -> None:
        if self._preview is not None:
            self._session.requests.cancel(self._preview)
            self._preview = None
        state = self._session.current
        if state is not None and state.selection.preview is not None:
            state.selection.preview = None
            self._show_masks(state)

    def _ask_preview(self) -> None:
        state, at = self._session.current, self._pointed
        idle = state is not None and state.selection.now.region is None and not self._session.running(Select, state)
        if state is not None and state.id and state.head and at is not None and idle and state.canvas.click.is_active:
            self._preview = self._session.ask(Select(state.id, state.head, (Click(*at),)), state)
            self._quiet.add(self._preview)

    def is_quiet(self, pending: PendingRequest) -> bool:
        """Whether it is not said that a request failed: the user has not asked for it."""
        return pending in self._quiet

    def _show_preview(self, pending: PendingRequest, event: Selected) -> None:
        state = pending.state
        if state is not None and pending is self._preview and state.selection.now.region is None:
            state.selection.preview = event.region
            self._show_masks(state)

    # words

    def select_words(self, words: str) -> None:
        """Select what words mean, as the chosen mode says."""
        if (state := self._session.current) is not None:
            self._look_for(state, words)

    def repeat(self, pending: PendingRequest) -> bool:
        """Look for words once more; the chosen mode counts. False for another request."""
        if not isinstance(pending.request, SelectWords) or pending.state is None:
            return False
        self._look_for(pending.state, pending.request.words)
        return True

    def _look_for(self, state: DocumentState, words: str) -> None:
        if state.id and state.head:
            title = self.tr("Looking for “{words}”").format(words=words)
            pending = self._session.ask(SelectWords(state.id, state.head, words), state, title)
            self._targets[pending] = self._joined(state, words)

    def select_where(self, degradation: Degradation) -> None:
        """Select where a degradation is strongest."""
        if (state := self._session.current) and state.id and state.head:
            title = self.tr("Selecting where the problem is")
            pending = self._session.ask(SelectWhere(state.id, state.head, degradation), state, title)
            self._targets[pending] = self._joined(state, "")

    def _joined(self, state: DocumentState, name: str) -> _Target:
        """What becomes of the next mask by the chosen mode."""
        now = state.selection.now
        if now.region is None or self._mode == "replace":
            return _Target(MaskState(name=name))
        return _Target(MaskState(kept=now.kept, name=now.name), now.region, self._mode)

    # changes of the mask

    def change(self, state: DocumentState, change: MaskChange) -> None:
        """Change the selection once the changes before it are done; what was painted meanwhile is done together."""
        waiting = self._changes.setdefault(state, [])
        if waiting and isinstance(change, Paint) and isinstance(last := waiting[-1], Paint):
            waiting[-1] = Paint((*last.strokes, *change.strokes))
        else:
            waiting.append(change)
        self._start_change(state)

    def change_edge(self, name: str, pixels: int) -> None:
        """Grow, shrink, feather, refine or invert the selection of the current document."""
        changes: dict[str, MaskChange] = {
            "grow": Grow(pixels), "shrink": Grow(-pixels), "feather": Feather(pixels), "refine": Refine(pixels),
            "invert": Invert(),
        }  # fmt: skip
        if (state := self._session.current) is not None and state.selection.now.region is not None:
            self.change(state, changes[name])

    def combine(self, state: DocumentState, other: Region, how: How) -> None:
        """Combine the selection with another region."""
        self.change(state, Combine(other, how))

    def use(self, state: DocumentState, region: Region, made_for: VersionId | None = None) -> None:
        """Select a region of another version of this photo, or of another photo, which is stretched to this one."""
        head = state.head_version
        if state.id is None or head is None:
            return
        fits = (region.width, region.height) == (head.width, head.height)
        if self.lies_over(state, made_for) if made_for else fits:
            self.set(state, MaskState(region))
        else:
            pending = self._session.ask(ChangeRegion(state.id, head.id, region, Fit(made_for)), state)
            self._targets[pending] = _Target(MaskState())

    def _start_change(self, state: DocumentState) -> None:
        waiting = self._changes.get(state)
        if not waiting or state in self._changing or state.id is None or state.head is None:
            return
        change, now = waiting.pop(0), state.selection.now
        target = MaskState() if _is_new(change) else replace(now, region=None, prompt=None)
        title = self.tr("Refining the edge") if isinstance(change, Refine) else self.tr("Changing the selection")
        pending = self._session.ask(ChangeRegion(state.id, state.head, now.region, change), state, title)
        self._targets[pending] = _Target(target)
        self._changing[state] = pending

    def select_all(self) -> None:
        """Select the whole photo."""
        if (state := self._session.current) and (head := state.head_version):
            self.set(state, MaskState(Region.rectangle(Bounds(0, 0, head.width, head.height), head.width, head.height)))

    def clear(self) -> None:
        """Select nothing, and dismiss what was found."""
        if (state := self._session.current) is not None:
            self.clear_in(state)

    def clear_in(self, state: DocumentState) -> None:
        """Select nothing in a document, and dismiss what was found there."""
        self._changes.pop(state, None)
        state.selection.boxes, state.selection.chosen = (), frozenset()
        if state.selection.now.region is not None or state.selection.now.prompt is not None:
            self.set(state, MaskState())
        else:
            self._show(state)

    def has_something(self, state: DocumentState) -> bool:
        """Whether there is a selection to clear, or boxes to dismiss."""
        return state.selection.now.region is not None or bool(state.selection.boxes)

    # events

    def add_selected(self, pending: PendingRequest, event: Selected) -> None:
        """A mask was found: it becomes the selection, or joins it."""
        target = self._targets.pop(pending, None)
        if target is None and isinstance(pending.request, Select):
            self._show_preview(pending, event)
            return  # else a newer click has replaced it
        if pending in self._asked_at:
            self._is_fast = time.monotonic() - self._asked_at[pending] <= FAST
        for state in self._session.views(event.document):
            if pending.state in (None, state) and self.lies_over(state, event.version):
                self._take(state, target or _Target(MaskState()), event)
                for note in event.notes:
                    self._session.notify(render(note), document=state, topic=pending.topic)

    def _take(self, state: DocumentState, target: _Target, event: Selected) -> None:
        prompt = target.state.prompt
        if prompt is not None:
            prompt = replace(prompt, scores=event.scores, candidate=event.candidate, next_hint=event.hint)
        found = replace(target.state, engine=event.engine, prompt=prompt)
        if target.base is None or target.how == "replace" or state.id is None or state.head is None:
            self.set(state, replace(found, region=event.region))
            return
        change = ChangeRegion(state.id, state.head, target.base, Combine(event.region, target.how))
        pending = self._session.ask(change, state)
        self._targets[pending] = _Target(found)

    def add_ready(self, pending: PendingRequest, event: RegionReady) -> bool:
        """A changed mask is there. Returns False if it was not asked for here."""
        target = self._targets.pop(pending, None)
        state = pending.state
        if state is not None and self._healing.get(state) is pending and self._session.is_open(state):
            self._fill(state, event.region)
            return True
        if target is None or state is None or not self._session.is_open(state):
            return target is not None
        request = pending.request
        found = replace(target.state, region=event.region)
        if isinstance(request, ChangeRegion | ReadRegion) and not self.lies_over(state, request.version):
            pass  # meanwhile the photo was cropped, turned or flipped
        elif pending in self._quiet:
            self._take_carried(state, found)
        elif isinstance(request, ChangeRegion):
            if self._changing.get(state) is pending and not _is_new(request.change):
                # The selection may have become a kept region meanwhile.
                found = replace(found, kept=state.selection.now.kept, name=state.selection.now.name)
            self.set(state, found)
        return True

    def _take_carried(self, state: DocumentState, found: MaskState) -> None:
        """Select what was carried along; it is no change of the selection, and none of a kept region."""
        selection = state.selection
        if selection.origin is None or selection.now.region is not None:  # meanwhile something else was selected
            return
        selection.origin = *selection.origin[:2], found.region
        stored = selection.kept.get(found.kept) if found.kept else None
        if stored is not None and found.region is not None:
            selection.masks[stored.id] = stored.content, found.region
        self.set(state, found, undoable=False)

    def finish(self, pending: PendingRequest) -> None:
        """A request ended, however: go on with the change that waits."""
        self._targets.pop(pending, None)
        self._asked_at.pop(pending, None)
        self._finish_healing(pending)
        self._quiet.discard(pending)
        if pending is self._preview:
            self._preview = None
        state = pending.state
        if state is None or self._changing.get(state) is not pending:
            return
        del self._changing[state]
        if not self._session.is_open(state):
            self._changes.pop(state, None)
            return
        if not self._changes.get(state):
            state.canvas.brush.forget_strokes()
        self._start_change(state)

    def lies_over(self, state: DocumentState, version: VersionId) -> bool:
        """Whether a mask of a version fits the open one: nothing moved between them."""
        made_for, head = state.versions.get(version), state.head_version
        if made_for is None or head is None:
            return False
        return placed_as(state.versions, made_for) == placed_as(state.versions, head)

    def _fits(self, state: DocumentState, region: Region) -> bool:
        head = state.head_version
        return head is not None and (region.width, region.height) == (head.width, head.height)

    # the selection

    def set(self, state: DocumentState, mask: MaskState, *, undoable: bool = True) -> None:
        """Select something else. A kept region that is selected changes with it."""
        before, state.selection.preview = state.selection.now, None
        if undoable:
            state.selection.change(mask)
            state.selection.version = state.head
        else:
            state.selection.now = mask
        self._save(state, before)
        self._show(state)

    def _save(self, state: DocumentState, before: MaskState) -> None:
        """Write the selection into the kept region that it belongs to. before: the selection that it had."""
        now = state.selection.now
        stored = state.selection.kept.get(now.kept) if now.kept else None
        if stored is None or now.region is None or state.id is None or state.head is None:
            return
        if (now.region is not before.region or now.kept != before.kept) and now.region is not state.selection.mask_of(
            stored
        ):
            engine = now.engine or stored.engine
            self._session.ask(KeepRegion(state.id, state.head, now.region, stored.name, engine, stored.id), state)

    def can_move(self, kind: type[Undo | Redo]) -> bool:
        """Whether undo or redo concerns the mask: it was changed last, or no version is left to go to."""
        if (state := self._session.current) is None:
            return False
        selection = state.selection
        possible = selection.can_undo if kind is Undo else selection.can_redo
        elsewhere = state.undo_to if kind is Undo else state.redo_to
        return possible and (selection.version == state.head or elsewhere is None)

    def move(self, kind: type[Undo | Redo]) -> None:
        """Undo or redo a change of the mask."""
        if (state := self._session.current) is not None:
            before = state.selection.now
            if state.selection.undo() if kind is Undo else state.selection.redo():
                self._save(state, before)
                self._show(state)

    # showing

    def show_state(self) -> None:
        """The document that is shown, or its open version, changed."""
        for state in self._session.documents:
            self._follow(state)
            self._show_masks(state)
        self._show_tool()
        self._show_bar()
        if (state := self._session.current) is not None and self._active(state):
            self._prepare(state)
        self._enable()

    def _follow(self, state: DocumentState) -> None:
        """Carry the selection along where the photo was cropped, turned or flipped, also by undo."""
        selection, head = state.selection, state.head_version
        place = placed_as(state.versions, head) if head else None
        if place is None or place == selection.place:
            return
        left, origin = selection.place, selection.origin
        is_carried = origin is not None and origin[2] is selection.now.region
        if left is None:
            selection.place = place
            return
        made_for, made, _ = origin if is_carried and origin else (left, selection.now, None)
        selection.leave()
        selection.place = place
        self._changes.pop(state, None)
        if is_carried and selection.come_back(place):
            return
        # From where it was made: a crop that is undone brings back what it cut away.
        selection.origin = made_for, made, None
        if made.region is None or state.id is None or state.head is None:
            return
        request: ReadRegion | ChangeRegion = ChangeRegion(state.id, state.head, made.region, Fit(made_for))
        if made.kept is not None and made.kept in selection.kept:
            request = ReadRegion(state.id, state.head, made.kept)
        pending = self._session.ask(request, state)
        self._targets[pending] = _Target(replace(made, region=None, prompt=None))
        self._quiet.add(pending)  # that nothing of it is left is seen

    def refresh(self) -> None:
        """Draw the masks again: how they are drawn has changed."""
        for state in self._session.documents:
            self._show_masks(state)

    def use_style(self, style: MaskStyle) -> None:
        """Draw masks in another way."""
        self._session.change_settings(mask_style=style)
        self._session.actions["show_mask"].setChecked(True)
        self.refresh()

    def use_next_color(self) -> None:
        """Draw masks in the next color."""
        self._session.change_settings(mask_color=(self._session.settings.mask_color + 1) % len(COLORS))
        self.refresh()

    @property
    def color(self) -> str:
        """The color of the selection."""
        return COLORS[self._session.settings.mask_color % len(COLORS)]

    def _show(self, state: DocumentState) -> None:
        self._show_masks(state)
        self._show_bar()
        self._enable()
        self.changed.emit(state)

    def _show_masks(self, state: DocumentState) -> None:
        selection, first = state.selection, self._session.settings.mask_color
        masks: list[ShownMask] = []
        for k, stored in enumerate(selection.listed(), 1):
            mask = selection.mask_of(stored) if stored.id in selection.visible else None
            if mask is not None and stored.id != selection.now.kept and self._fits(state, mask):
                masks.append(ShownMask(mask, COLORS[(first + k) % len(COLORS)]))
        if (region := selection.now.region or selection.preview) is not None:
            masks.append(ShownMask(region, self.color))
        on = self._session.actions["show_mask"].isChecked()
        state.canvas.show_masks(masks if on else (), self._session.settings.mask_style)
        prompt = selection.now.prompt
        for tool in (state.canvas.click, state.canvas.box):
            tool.show_clicks(prompt.clicks if prompt and selection.now.region is not None else ())

    def _show_bar(self) -> None:
        state = self._session.current
        prompt = state.selection.now.prompt if state else None
        shows = prompt is not None and state is not None and state.selection.now.region is not None
        self._bar.show_candidates(prompt.candidate if prompt else 0, prompt.scores if prompt and shows else ())

    def _enable(self) -> None:
        state, actions = self._session.current, self._session.actions
        selected = bool(state and state.selection.now.region is not None)
        actions["select_none"].setEnabled(bool(state and self.has_something(state)))
        actions["select_invert"].setEnabled(selected)


def _is_new(change: MaskChange) -> bool:
    """Whether a change begins another selection, whatever was selected before."""
    return isinstance(change, Lasso | Combine) and change.how == "replace"
