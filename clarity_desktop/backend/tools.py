"""The tools of a plan, on an open document. Each calls the same verb of the studio as the window does."""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from clarity_desktop.backend import candidates, fusion, photo_description, pictures, plan, selection
from clarity_desktop.backend import document as documents
from clarity_desktop.backend.auto import rules, texts
from clarity_desktop.backend.auto.loop import improve_document
from clarity_desktop.backend.plan import ToolCall
from clarity_desktop.backend.regions import masks
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import (
    Adjust,
    AnalyzeRegion,
    ApplyTransform,
    CompareRequested,
    Describe,
    Event,
    Exported,
    FindObjects,
    Fuse,
    Improve,
    MergePart,
    Offered,
    RegionAnalyzed,
    Restore,
    Selected,
    SelectionCleared,
    SelectWhere,
    SelectWords,
    StepStarted,
    TryMethods,
    UserError,
    VersionAdded,
)
from clarity_desktop.references import plain
from clarity_desktop.text import Message, Text, conjunction, duration, enumeration, messages
from clarity_desktop.text import size as size_text
from clarity_desktop.titles import degradation_title, method_name, step_title, version_title
from clarity_desktop.values import (
    ADJUSTMENT_RANGES,
    LIKELY,
    RAW,
    Adjustments,
    Bounds,
    Crop,
    DocumentCard,
    DocumentId,
    ExportOptions,
    Flip,
    Quality,
    Region,
    RestoreParams,
    Rotate,
    Straighten,
    Task,
    Transform,
    Version,
    VersionId,
    adjustments_of,
)
from clarity_desktop.worker import Job, LaneClass

log = logging.getLogger(__name__)
FEATHER = 16
"""Pixels over which a restored visible part blends into the rest of the photo."""
FULL_EXPOSURE = 2.0
"""Stops of an exposure of 1 in a call, where all settings are -1..1."""
NOT_JUDGED: frozenset[Task] = frozenset({"inpaint", "retouch", "upscale"})
"""Tasks whose result is a matter of taste, or of another size."""
MAX_BOXES = 8
"""Of more objects only the number and the most certain are named."""
_OF_WINDOW = (plan.TextRegion(plan.HERE), plan.TextRegion(plan.NOT_HERE))
MAX_STEM = 100
"""Characters of a proposed file name before what is added to it."""
MAX_STEPS = 12
"""Of a longer history only the last steps are named."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """text: the sentence for the conversation. in_transcript: the verb has already added its own turn."""

    text: Text = ()
    in_transcript: bool = False


@dataclass(slots=True)
class ToolContext:
    """The context of tool calls. visible: the part on screen; only_visible: restore nothing else.

    selected: what is selected in the window. referred: the names of kept regions, in small letters, that the message
    has in brackets. numbered: the versions that the user sees under numbers. confirmed: calls that write a file, which
    the user agreed to. named: the parts that were found already, by version and words. made: the versions that these
    tools made.
    """

    studio: Studio
    document: DocumentId
    job: Job
    visible: Bounds | None = None
    only_visible: bool = False
    selected: Region | None = None
    referred: frozenset[str] = frozenset()
    numbered: tuple[VersionId, ...] = ()
    confirmed: tuple[ToolCall, ...] = ()
    named: dict[plan.PartRegion, Selected] = field(default_factory=dict[plan.PartRegion, Selected])
    made: list[VersionId] = field(default_factory=list[VersionId])

    @property
    def card(self) -> DocumentCard:
        """The document as it is now. Raises UserError if it was closed."""
        return self.studio.document(self.document).card()

    @property
    def head(self) -> Version:
        card = self.card
        return next(v for v in card.versions if v.id == card.head)

    def version(self, named: VersionId | None) -> Version:
        """The named version or the head. Raises UserError."""
        return self.head if named is None else self.studio.version(self.document, named)

    @contextlib.contextmanager
    def watching(self) -> Generator[None]:
        """Collect the versions that the job adds inside the block in `made`."""

        def note(event: Event) -> None:
            if isinstance(event, VersionAdded):
                self.made.append(event.version.id)

        with self.job.observing(note):
            yield


async def run(context: ToolContext, call: ToolCall) -> ToolResult:
    """Run one call. Raises UserError, JobCancelled."""
    if call.tool in plan.ASK_FIRST and call not in context.confirmed:
        raise UserError(Message("chat.not_confirmed"))
    return await TOOLS[call.tool](context, call)


async def announce(context: ToolContext, call: ToolCall, number: int, count: int) -> None:
    """Emit that a call starts, with the method that it will use. number: from 1, of count."""
    if isinstance(call, plan.RestoreCall) and call.task != "auto" and call.method is None:
        with contextlib.suppress(UserError):  # running the call reports the error
            method = await context.job.side("estimate", context.studio.method, call.task, None)
            call = replace(call, method=method.id)
    context.job.emit(StepStarted(context.document, plan.to_json(call), number, count))


async def find_parts(context: ToolContext, calls: Iterable[ToolCall]) -> None:
    """Find the parts of the photo that calls change, before the first of them changes anything.

    What is not there is an error then, and nothing is half done. Raises UserError, ModelMissing, JobCancelled.
    """
    for call in calls:
        if isinstance(call, plan.TransformCall | plan.GoToCall | plan.UndoCall | plan.RedoCall):
            return  # the photo may look different afterwards
        if not has_method(context, call):
            continue  # running it says so, whatever the part is
        if isinstance(call, plan.RestoreCall | plan.AdjustCall) and call.region is not None:
            await _find_part(context, call.region, call.version)
        if isinstance(call, plan.FuseCall) and call.region is not None:
            await _find_part(context, call.region, None)


def has_method(context: ToolContext, call: ToolCall) -> bool:
    """Whether a call can run: there is a method for it, or it needs none."""
    if isinstance(call, plan.RestoreCall) and call.task != "auto":
        try:
            context.studio.method(call.task, call.method)
        except UserError:
            return False
    return True


async def offer(context: ToolContext, call: ToolCall) -> Offered | None:
    """The offer to run a call that would take long; None for one that may run at once or that fails at once."""
    if isinstance(call, plan.FuseCall) and call.task is not None and not call.versions:
        with contextlib.suppress(UserError):
            return await context.studio.offer(_attempts(context, call.task), context.job)
        return None
    if not isinstance(call, plan.RestoreCall):
        return None
    found = None if call.region is None else context.named.get(call.region)
    if call.region is not None and found is None:
        return None
    part = found.region if found else None
    with contextlib.suppress(UserError):  # running the call reports the error
        request = _improve(context, call, part) if call.task == "auto" else _restore(context, call, part)
        return await context.studio.offer(request, context.job)
    return None


def _improve(
    context: ToolContext, call: plan.RestoreCall, named: Region | None = None, *, confirmed: bool = False
) -> Improve:  # fmt: skip
    version = context.version(call.version)
    region = named or _visible(context, version)
    return Improve(context.document, version.id, context.visible, region, confirmed=confirmed)


def _visible(context: ToolContext, version: Version) -> Region | None:
    """The visible part, where only that is to be restored."""
    part = context.visible if context.only_visible else None
    return Region.rectangle(part, version.width, version.height) if part else None


def _restore(
    context: ToolContext, call: plan.RestoreCall, named: Region | None = None, *, confirmed: bool = False
) -> Restore:  # fmt: skip
    assert call.task != "auto"
    version = context.version(call.version)
    region = named or _visible(context, version)
    params = RestoreParams(
        call.task, call.method, 1.0 if call.strength is None else call.strength, region,
        feather=FEATHER if region else 0, visible=context.visible,
    )  # fmt: skip
    return Restore(context.document, version.id, params, confirmed)


async def _run_restore(context: ToolContext, call: plan.RestoreCall) -> ToolResult:
    if call.task != "auto" and call.region is not None:
        context.studio.method(call.task, call.method)  # where there is none, no part need be looked for
    named = None if call.region is None else await _named(context, call.region, call.version)
    if call.task == "auto":
        await improve_document(context.studio, _improve(context, call, named, confirmed=True), context.job)
        return ToolResult(in_transcript=True)
    if call.task == "inpaint" and named is None:
        return await _select_damage(context, call)
    if call.task == "inpaint" and named is not None:
        named = await context.job.side("disk", selection.around_object, named)
    before = context.version(call.version)
    version = await context.studio.restore_now(_restore(context, call, named, confirmed=True), context.job)
    fields = {
        "title": step_title(version.step), "method": method_name(version.step.method or ""),
        "time": duration(version.step.seconds),
    }  # fmt: skip
    no_better = await _no_better(context, call.task, before, version, named)
    reason = None if call.method else context.studio.reason(call.task, version.step.method or "")
    why = () if reason is None else (reason,)
    return ToolResult((*why, Message("chat.restored", fields), *_only(call.region), *no_better))


async def _no_better(
    context: ToolContext, task: Task, before: Version, after: Version, part: Region | None
) -> tuple[Message, ...]:
    """That a result seems no better than its input, and what to do; nothing where that cannot be judged.

    It stays all the same: the user asked for it.
    """
    if (before.width, before.height) != (after.width, after.height):
        return ()
    at = (part.bounds if part else Bounds(0, 0, before.width, before.height)).slices()
    try:
        first = await context.studio.visible_pixels(context.document, before.id, context.job)
        second = await context.studio.visible_pixels(context.document, after.id, context.job)
        if np.array_equal(first, second):
            return (Message("chat.found_nothing"),)
        if task in NOT_JUDGED:
            return ()
        judgement = await context.studio.judge(first[at], second[at], task, context.job)
    except UserError as e:
        log.info("Not judged: %s", e)
        return ()
    if rules.seems_better(judgement):
        return ()
    if judgement.worse > judgement.equal:
        return (Message("chat.looks_worse"),)
    return (Message("chat.no_difference"),)


async def _select_damage(context: ToolContext, call: plan.RestoreCall) -> ToolResult:
    """Select what looks damaged instead of filling it: where the heat map is wrong, good parts would be lost."""
    where = SelectWhere(context.document, context.version(call.version).id, "inpaint")
    await selection.select_where(context.studio, where, context.job)
    return ToolResult(Message("chat.damage_selected"))


def _only(region: plan.PartRegion | None) -> tuple[Message, ...]:
    """That a change was made in a part of the photo alone, as a sentence."""
    if region is None:
        return ()
    if isinstance(region, plan.BoxRegion):
        return (Message("chat.only_outside_box") if region.outside else Message("chat.only_box"),)
    if region.text == plan.HERE:
        return (Message("chat.only_selected"),)
    if region.text == plan.NOT_HERE:
        return (Message("chat.only_not_selected"),)
    return (Message("chat.only_part", {"region": plain(region.text)}),)


async def _named(context: ToolContext, region: plan.PartRegion, version: VersionId | None) -> Region:
    """What words name in a version; the window shows it. Raises UserError, ModelMissing."""
    found = await _find_part(context, region, version)
    if region not in _OF_WINDOW:  # the window's own selection stays as it is
        context.job.emit(found)
    return found.region


async def _find_part(context: ToolContext, region: plan.PartRegion, version: VersionId | None) -> Selected:
    """What words or a box name in a version, unless it was found already. Raises UserError, ModelMissing."""
    of = context.version(version)
    known = context.named.get(region)
    if known is not None and (known.region.width, known.region.height) == (of.width, of.height):
        return known
    if isinstance(region, plan.BoxRegion):
        part = await context.job.run(_boxed, region, of, lane=LaneClass.INTERACTIVE)
        found = Selected(context.document, of.id, part, "", (1.0,))
    elif region in _OF_WINDOW:
        part = await context.job.run(_selected, context, of, region.text, lane=LaneClass.INTERACTIVE)
        found = Selected(context.document, of.id, part, "", (1.0,))
    else:
        request = SelectWords(context.document, of.id, as_reference(context, region.text))
        found = await selection.find_words(context.studio, request, context.job)
    context.named[region] = found
    return found


def as_reference(context: ToolContext, words: str) -> str:
    """The words for a part, in brackets where the message has them so: a language model may leave them out."""
    name = re.sub(r"^(?:the|my|his|her|their)\s+", "", words.strip().casefold())
    return f"[{name}]" if name in context.referred else words


def _boxed(region: plan.BoxRegion, version: Version) -> Region:
    """The rectangle in a version, of at least one pixel, or all but that. Raises UserError where nothing is left."""
    width, height = version.width, version.height
    left, top, right, bottom = region.box
    x, y = min(width - 1, round(left * width)), min(height - 1, round(top * height))
    bounds = Bounds(x, y, max(1, round(right * width) - x), max(1, round(bottom * height) - y))
    part = Region.rectangle(bounds, width, height)
    return masks.invert(part) if region.outside else part


def _selected(context: ToolContext, version: Version, words: str) -> Region:
    """What is selected in the window, or all but that. Raises UserError where nothing is, or in another photo."""
    part = context.selected
    if part is None:
        raise UserError(Message("chat.nothing_selected"))
    if (part.width, part.height) != (version.width, version.height):
        raise UserError(
            "regions.other_size", columns=part.width, rows=part.height, width=version.width, height=version.height
        )
    return part if words == plan.HERE else masks.invert(part)


async def _run_select_region(context: ToolContext, call: plan.SelectRegionCall) -> ToolResult:
    if call.region is None:
        if context.selected is None:
            return ToolResult(Message("chat.nothing_was_selected"))
        context.job.emit(SelectionCleared(context.document))
        return ToolResult(Message("chat.selection_cleared"))
    found = await _named(context, call.region, None)
    share = 100 * float((found.mask > 127).sum()) / (found.width * found.height)
    selected = Message("chat.selected", {"region": plain(call.region.text), "percent": f"{share:.0f}"})
    return ToolResult((selected, *context.named[call.region].notes))


async def _run_find(context: ToolContext, call: plan.FindCall) -> ToolResult:
    request = FindObjects(context.document, context.head.id, call.region.text)
    boxes = await selection.find_objects(context.studio, request, context.job)
    each = [Message("chat.found_box", {"label": box.label, "percent": f"{100 * box.score:.0f}"}) for box in boxes]
    if len(each) == 1:
        return ToolResult(Message("chat.found_one", {"box": each[0]}))
    fields = {"count": len(each), "boxes": enumeration(each[:MAX_BOXES])}
    if len(each) <= MAX_BOXES:
        return ToolResult(Message("chat.found_several", fields))
    return ToolResult(Message("chat.found_many", fields))


async def _run_assess(context: ToolContext, call: plan.AssessCall) -> ToolResult:
    version = context.version(call.version)
    if call.region is not None:
        return ToolResult(_scores((await _analyzed(context, call.region, version)).quality))
    quality = await context.studio.assess(context.document, version.id, context.job)
    parent = next((v for v in context.card.versions if v.id == version.parent), None)
    return ToolResult(_scores(quality, parent.quality if parent else None))


async def _analyzed(context: ToolContext, region: plan.TextRegion, version: Version) -> RegionAnalyzed:
    """What is wrong with the named part of a version, and its scores. Raises UserError, ModelMissing, JobCancelled."""
    part = await _named(context, region, version.id)
    return await selection.analyze(context.studio, AnalyzeRegion(context.document, version.id, part), context.job)


async def _run_detect(context: ToolContext, call: plan.DetectCall) -> ToolResult:
    version = context.version(call.version)
    analyzed = None if call.region is None else await _analyzed(context, call.region, version)
    if call.degradation is None:
        advised = analyzed or await context.studio.advise(context.document, version.id, context.job)
        return ToolResult(advised.text)
    if analyzed is not None:
        detection = analyzed.detection
    else:
        detection = await context.studio.detect(context.document, version.id, context.job)
    probability = detection.found[call.degradation].probability
    if probability >= LIKELY:
        return ToolResult(texts.finding(detection, call.degradation))
    fields = {"degradation": degradation_title(call.degradation), "probability": probability}
    return ToolResult(Message("analysis.unlikely", fields))


async def _run_adjust(context: ToolContext, call: plan.AdjustCall) -> ToolResult:
    version = context.version(call.version)
    _adjustments(call, Adjustments())  # a call that does not say how much fails before anything is looked for
    if call.region is None:
        settings = _adjustments(call, _adjusted(version, None))
        made = await context.studio.adjust(Adjust(context.document, version.id, settings), context.job)
        return ToolResult(Message("chat.adjusted", {"title": step_title(made.step)}))
    named = await _named(context, call.region, call.version)
    region = await context.job.run(masks.feather, named, FEATHER, lane=LaneClass.INTERACTIVE)
    part = await context.job.side("disk", documents.region_id, region)
    settings = _adjustments(call, _adjusted(version, part))
    made = await context.studio.adjust(Adjust(context.document, version.id, settings, region), context.job)
    return ToolResult((Message("chat.adjusted_part", {"title": step_title(made.step)}), *_only(call.region)))


def _adjusted(version: Version, part: str | None) -> Adjustments:
    """The adjustments that made a version, if they were made to a part (the id of a region), or to the whole photo."""
    step = version.step
    return adjustments_of(step.settings if step.kind == "adjust" and step.region == part else {})


def _adjustments(call: plan.AdjustCall, before: Adjustments) -> Adjustments:
    """What a version's adjustments become by a call. Raises UserError where the request does not say how much."""
    asked = {name: value for name, value in (call.settings or {}).items() if value is not None}
    if not asked:
        is_white_balance = "temperature" in (call.settings or {})
        raise UserError(Message("chat.which_white_balance" if is_white_balance else "chat.how_much"))
    changed: dict[str, Any] = {}
    for name, value in asked.items():
        if name == "black_and_white":
            changed[name] = bool(value)
            continue
        low, high = ADJUSTMENT_RANGES[name]
        # A second "warmer" adds to the first.
        by = float(value) * (FULL_EXPOSURE if name == "exposure" else 1)
        changed[name] = min(high, max(low, getattr(before, name) + by))
    return replace(before, **changed)


async def _run_transform(context: ToolContext, call: plan.TransformCall) -> ToolResult:
    version = context.version(call.version)
    transform = _transform(call.settings, version)
    made = await context.studio.change(ApplyTransform(context.document, version.id, transform), context.job)
    return ToolResult(Message("chat.transformed", {"title": step_title(made.step)}))


def _transform(settings: plan.TransformSettings | None, version: Version) -> Transform:
    """Raises UserError where the request does not say by how much."""
    match settings:
        case plan.TransformSettings(rotate=90 | 180 | 270 as degrees):
            return Rotate(3 if degrees == 270 else 2 if degrees == 180 else 1)
        case plan.TransformSettings(flip=str(axis)):
            return Flip(axis)
        case plan.TransformSettings(crop=str(shape)):
            return Crop(_centered(shape, version.width, version.height))
        case plan.TransformSettings(straighten=float(degrees)) if -45 <= degrees <= 45:
            return Straighten(degrees)
        case _:
            raise UserError(Message("chat.how_much"))


def _centered(shape: str, width: int, height: int) -> Bounds:
    """The largest rectangle of an aspect ratio "4:3" in the middle. Raises UserError."""
    try:
        across, down = (int(part) for part in shape.split(":"))
        # Integer arithmetic: the result never exceeds the photo.
        w, h = min(width, height * across // down), min(height, width * down // across)
    except (ValueError, ZeroDivisionError):
        raise UserError(Message("chat.how_much")) from None
    if w < 1 or h < 1:
        raise UserError(Message("chat.how_much"))
    return Bounds((width - w) // 2, (height - h) // 2, w, h)


async def _run_compare(context: ToolContext, call: plan.CompareCall) -> ToolResult:
    card = context.card
    shown, other = card.head, card.versions[0].id
    if call.versions:
        shown, other = call.versions[0], call.versions[1] if len(call.versions) > 1 else other
    if shown == other:
        return ToolResult(Message("chat.nothing_to_compare"))
    for version in (shown, other):
        context.studio.version(context.document, version)
    context.job.emit(CompareRequested(context.document, shown, other))
    return ToolResult(Message("chat.compared"))


async def _run_fuse(context: ToolContext, call: plan.FuseCall) -> ToolResult:
    if call.region is not None:
        return await _run_merge(context, call, call.region)
    if call.versions:
        versions = call.versions
    elif call.task is not None:
        tried = await candidates.try_methods(context.studio, _attempts(context, call.task, confirmed=True), context.job)
        versions = tuple(version.id for version in tried)
    else:
        versions = _results(context)
    made = await candidates.fuse(context.studio, Fuse(context.document, versions), context.job)
    used = len(set(versions)) - len(candidates.left_out(made))
    return ToolResult(Message("chat.fused", {"count": used}) if used > 1 else Message("chat.one_fits"))


def _attempts(context: ToolContext, task: Task, *, confirmed: bool = False) -> TryMethods:
    """The best methods of a task, on the version that is shown. Raises UserError, ModelMissing."""
    names = candidates.best_methods(context.studio, task)
    choices = tuple(RestoreParams(task, name) for name in names)
    return TryMethods(context.document, context.head.id, choices, confirmed)


def _results(context: ToolContext) -> tuple[VersionId, ...]:
    """What "them" are: the starred versions, or else the results of one version, the newest six.

    That is the version from which the shown one was made, or else the shown one itself. Raises UserError.
    """
    card, head = context.card, context.head
    there = [v for v in card.versions if not v.deleted and not v.rejected and v.parent is not None]
    starred = [v for v in there if v.star]
    siblings = [v for v in there if v.parent == head.parent and v.step.kind in ("restore", "adjust")]
    children = [v for v in there if v.parent == head.id and v.step.kind in ("restore", "adjust")]
    for some in (starred, siblings, children):
        if len(some) > 1:
            return tuple(v.id for v in some[-fusion.MOST :])
    raise UserError(Message("chat.nothing_to_fuse"))


async def _run_merge(context: ToolContext, call: plan.FuseCall, part: plan.PartRegion) -> ToolResult:
    """Take a part of the version that is shown, or of the first one named, from the last one named."""
    versions = list(call.versions or ())
    if not versions:
        raise UserError(Message("chat.which_version"))
    base = versions[0] if len(versions) > 1 else context.head.id
    named = await _named(context, part, base)
    request = MergePart(context.document, base, versions[-1], named, FEATHER)
    source = _title(context.version(request.source))
    await candidates.merge_part(context.studio, request, context.job)
    return ToolResult((Message("chat.merged", {"title": source}), *_only(part)))


async def _run_go_to(context: ToolContext, call: plan.GoToCall) -> ToolResult:
    if call.photo is not None:
        return await go_to_photo(context, call.photo)
    original = context.card.versions[0].id
    target = context.version(call.version or original).id
    await context.studio.move(context.document, lambda d: d.go_to(target), context.job)
    return ToolResult(Message("chat.original_shown")) if target == original else _shown(context)


async def go_to_photo(context: ToolContext, which: plan.EarlierChoice, text: str = "") -> ToolResult:
    """Show a photo that the conversation was about before. text: what is asked about that photo. Raises UserError."""
    number = 0 if which == "previous" else -1
    found = await context.studio.find_photo(context.document, number, context.job)
    context.job.emit(replace(found, text=text))
    key = "chat.photo_asked" if text else "chat.photo_shown"
    return ToolResult(Message(key, {"title": found.photo.title}))


async def _run_undo(context: ToolContext, call: plan.UndoCall) -> ToolResult:
    """Undo; with a task only if the open version was made by it, because undo would revert another change."""
    last = context.head.step
    if call.task is not None and last.task != call.task:
        return ToolResult(Message("chat.not_the_last", {"last": step_title(last)}))
    await context.studio.move(context.document, lambda d: d.undo(), context.job)
    return _shown(context)


async def _run_redo(context: ToolContext, _call: plan.RedoCall) -> ToolResult:
    await context.studio.move(context.document, lambda d: d.redo(), context.job)
    return _shown(context)


def _shown(context: ToolContext) -> ToolResult:
    return ToolResult(Message("chat.shown", {"title": _title(context.head)}))


def _title(version: Version) -> Message | str:
    title = version_title(version)
    return title if isinstance(title, Message | str) else ""


async def _run_describe(context: ToolContext, call: plan.DescribeCall) -> ToolResult:
    """What can be seen in a version, or its size and depth; and the steps that led to it."""
    card, version = context.card, context.version(call.version)
    if call.content:
        described = await photo_description.describe(
            context.studio, Describe(context.document, version.id), context.job
        )
        return ToolResult(messages(described.text, *_get_captioner(context, described.missing)))
    size = Message("chat.size", {"width": version.width, "height": version.height, "depth": card.depth})
    known = {v.id: v for v in card.versions}
    steps: list[Message] = []
    while version.parent is not None:
        steps.append(step_title(version.step))
        version = known[version.parent]
    if not steps:
        return ToolResult((size, Message("chat.no_steps")))
    last = conjunction(reversed(steps[:MAX_STEPS]))
    if len(steps) > MAX_STEPS:
        return ToolResult((size, Message("chat.last_steps", {"count": len(steps), "steps": last})))
    return ToolResult((size, Message("chat.steps", {"steps": last})))


def _get_captioner(context: ToolContext, missing: tuple[str, ...]) -> tuple[Message, ...]:
    """Where to get what would describe the photo better."""
    if not missing:
        return ()
    models = [context.studio.store.models[name] for name in missing]
    fields = {"models": conjunction(m.name for m in models), "size": size_text(sum(m.size for m in models))}
    return (Message("describe.get_blip", fields),)


async def _run_ask_user(_context: ToolContext, call: plan.AskUserCall) -> ToolResult:
    return ToolResult(call.question)


async def export_question(context: ToolContext, call: plan.ExportCall) -> Message:
    """What to ask before a file is written. Raises UserError where it cannot be."""
    options = await _export_target(context, call)
    return Message("chat.export_question", {"title": _title(context.version(call.version)), "path": str(options.path)})


async def _export_target(context: ToolContext, call: plan.ExportCall) -> ExportOptions:
    """The file that an export would write: beside the photo, with a name that is not taken. Raises UserError."""
    card, version = context.card, context.version(call.version)
    # A project file may name any folder as that of its photo.
    beside = card.project or card.path
    folder = beside.parent if beside else await context.job.side("disk", _pictures_folder)
    form = _format(card, call.format)
    # Names must be valid on every system.
    stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", Path(card.title).stem).strip(" .")[:MAX_STEM] or "photo"
    target = folder / f"{stem}-{'restored' if version.parent else 'copy'}{pictures.FORMATS[form].suffixes[0]}"
    options = ExportOptions(target, form, metadata=context.studio.settings.metadata, exists="number")
    return replace(options, path=await context.job.side("disk", _unused, target))


def _format(card: DocumentCard, named: str | None) -> str:
    """The format by any of its names, or that of the photo; a RAW photo becomes TIFF. Raises UserError."""
    by_suffix = {suffix: key for key, form in pictures.FORMATS.items() for suffix in form.suffixes}
    if named is not None:
        found = named if named in pictures.FORMATS else by_suffix.get(f".{named}")
        if found is None:
            formats = enumeration(form.title for form in pictures.FORMATS.values())
            raise UserError(Message("chat.no_such_format", {"format": named, "formats": formats}))
        return found
    suffix = Path(card.title).suffix.lower()
    return by_suffix.get(suffix, "tiff" if suffix in RAW else "png")


def _pictures_folder() -> Path:
    """The user's folder for pictures, or the home folder where there is none."""
    folder = Path(platformdirs.user_pictures_dir())
    return folder if folder.is_dir() else Path.home()


def _unused(target: Path) -> Path:
    return next(path for path in pictures.numbered(target) if not os.path.lexists(path))


async def _run_export(context: ToolContext, call: plan.ExportCall) -> ToolResult:
    version, options = context.version(call.version), await _export_target(context, call)
    written: list[Exported] = []

    def note(event: Event) -> None:
        if isinstance(event, Exported):
            written.append(event)

    with context.job.observing(note):
        # The steps that follow can still be cancelled.
        await context.studio.export(context.document, version.id, options, context.job, commit=context.job.check)
    [exported] = written
    fields = {"path": str(exported.path), "size": size_text(exported.size)}
    return ToolResult(messages(Message("chat.exported", fields), *exported.losses))


TOOLS: Mapping[str, Callable[[ToolContext, Any], Awaitable[ToolResult]]] = {
    "assess": _run_assess, "detect": _run_detect, "find": _run_find, "select_region": _run_select_region,
    "restore": _run_restore, "adjust": _run_adjust, "transform": _run_transform, "compare": _run_compare,
    "fuse": _run_fuse, "go_to": _run_go_to, "undo": _run_undo, "redo": _run_redo, "export": _run_export,
    "describe": _run_describe, "ask_user": _run_ask_user,
}  # fmt: skip


def _scores(quality: Quality, before: Quality | None = None) -> Text:
    """All scores of a version; a metric without a value is named with the reason. before: of what it was made from."""
    parts: list[Message] = []
    if quality.overall is not None:
        parts.append(Message("analysis.overall", {"score": quality.overall}))
        if before is not None and before.overall is not None:
            parts.append(Message("analysis.overall_before", {"score": before.overall}))
    for title in ("SSEQ", "NIQE", "BRISQUE", "PIQE"):
        value = getattr(quality, title.lower())
        if value is None:
            parts.append(Message("analysis.no_score", {"metric": title}))
            parts.extend(messages(quality.why.get(title.lower(), Message("analysis.not_available"))))
        else:
            parts.append(Message("analysis.score", {"metric": title, "value": value}))
    return (*parts, Message("analysis.lower_is_better"))
