"""The tools of a plan, on an open document. Each calls the same verb of the studio as the window does."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from clarity_desktop.backend import document as documents
from clarity_desktop.backend import photo_description, plan, selection
from clarity_desktop.backend.auto import texts
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
    FindObjects,
    Improve,
    Offered,
    RegionAnalyzed,
    Restore,
    Selected,
    SelectWhere,
    SelectWords,
    UserError,
    VersionAdded,
)
from clarity_desktop.text import Message, Text, conjunction, duration, enumeration, messages
from clarity_desktop.text import size as size_text
from clarity_desktop.titles import degradation_title, method_name, step_title, version_title
from clarity_desktop.values import (
    ADJUSTMENT_RANGES,
    LIKELY,
    Adjustments,
    Bounds,
    Crop,
    DocumentCard,
    DocumentId,
    Flip,
    Quality,
    Region,
    RestoreParams,
    Rotate,
    Straighten,
    Transform,
    Version,
    VersionId,
    adjustments_of,
)
from clarity_desktop.worker import Job, LaneClass

FEATHER = 16
"""Pixels over which a restored visible part blends into the rest of the photo."""
FULL_EXPOSURE = 2.0
"""Stops of an exposure of 1 in a call, where all settings are -1..1."""
MAX_BOXES = 8
"""Of more objects only the number and the most certain are named."""
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

    selected: what is selected in the window. named: the parts that were found already, by version and words. made: the
    versions that these tools made.
    """

    studio: Studio
    document: DocumentId
    job: Job
    visible: Bounds | None = None
    only_visible: bool = False
    selected: Region | None = None
    named: dict[str, Selected] = field(default_factory=dict[str, Selected])
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
    return await TOOLS[call.tool](context, call)


async def find_parts(context: ToolContext, calls: Iterable[ToolCall]) -> None:
    """Find the parts of the photo that calls change, before the first of them changes anything.

    What is not there is an error then, and nothing is half done. Raises UserError, ModelMissing, JobCancelled.
    """
    for call in calls:
        if isinstance(call, plan.TransformCall | plan.GoToCall | plan.UndoCall | plan.RedoCall):
            return  # the photo may look different afterwards
        if isinstance(call, plan.RestoreCall | plan.AdjustCall) and call.region is not None:
            await _find_part(context, call.region, call.version)


async def offer(context: ToolContext, call: ToolCall) -> Offered | None:
    """The offer to run a call that would take long; None for one that may run at once or that fails at once."""
    if not isinstance(call, plan.RestoreCall):
        return None
    found = None if call.region is None else context.named.get(call.region.text)
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
    named = None if call.region is None else await _named(context, call.region, call.version)
    if call.task == "auto":
        await improve_document(context.studio, _improve(context, call, named, confirmed=True), context.job)
        return ToolResult(in_transcript=True)
    if call.task == "inpaint" and named is None:
        return await _select_damage(context, call)
    if call.task == "inpaint" and named is not None:
        named = await context.job.side("disk", selection.around_object, named)
    version = await context.studio.restore_now(_restore(context, call, named, confirmed=True), context.job)
    fields = {
        "title": step_title(version.step), "method": method_name(version.step.method or ""),
        "time": duration(version.step.seconds),
    }  # fmt: skip
    return ToolResult((Message("chat.restored", fields), *_only(call.region)))


async def _select_damage(context: ToolContext, call: plan.RestoreCall) -> ToolResult:
    """Select what looks damaged instead of filling it: where the heat map is wrong, good parts would be lost."""
    where = SelectWhere(context.document, context.version(call.version).id, "inpaint")
    await selection.select_where(context.studio, where, context.job)
    return ToolResult(Message("chat.damage_selected"))


def _only(region: plan.TextRegion | None) -> tuple[Message, ...]:
    """That a change was made in a part of the photo alone, as a sentence."""
    if region is None:
        return ()
    if region.text == plan.HERE:
        return (Message("chat.only_selected"),)
    if region.text == plan.NOT_HERE:
        return (Message("chat.only_not_selected"),)
    return (Message("chat.only_part", {"region": region.text}),)


async def _named(context: ToolContext, region: plan.TextRegion, version: VersionId | None) -> Region:
    """What words name in a version; the window shows it. Raises UserError, ModelMissing."""
    found = await _find_part(context, region, version)
    if region.text not in (plan.HERE, plan.NOT_HERE):  # the window's own selection stays as it is
        context.job.emit(found)
    return found.region


async def _find_part(context: ToolContext, region: plan.TextRegion, version: VersionId | None) -> Selected:
    """What words name in a version, unless it was found already. Raises UserError, ModelMissing."""
    of = context.version(version)
    known = context.named.get(region.text)
    if known is not None and (known.region.width, known.region.height) == (of.width, of.height):
        return known
    if region.text in (plan.HERE, plan.NOT_HERE):
        part = await context.job.run(_selected, context, of, region.text, lane=LaneClass.INTERACTIVE)
        found = Selected(context.document, of.id, part, "", (1.0,))
    else:
        request = SelectWords(context.document, of.id, region.text)
        found = await selection.find_words(context.studio, request, context.job)
    context.named[region.text] = found
    return found


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
        return ToolResult(Message("chat.clear_selection"))
    found = await _named(context, call.region, None)
    share = 100 * float((found.mask > 127).sum()) / (found.width * found.height)
    selected = Message("chat.selected", {"region": call.region.text, "percent": f"{share:.0f}"})
    return ToolResult((selected, *context.named[call.region.text].notes))


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
    return ToolResult(_scores(await context.studio.assess(context.document, version.id, context.job)))


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


async def _run_go_to(context: ToolContext, call: plan.GoToCall) -> ToolResult:
    original = context.card.versions[0].id
    target = context.version(call.version or original).id
    await context.studio.move(context.document, lambda d: d.go_to(target), context.job)
    return ToolResult(Message("chat.original_shown")) if target == original else _shown(context)


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


async def _not_available(_context: ToolContext, call: ToolCall) -> ToolResult:
    """Tools of the schema that are not implemented yet. Raises UserError."""
    raise UserError(Message(f"chat.no_{call.tool}"))


TOOLS: Mapping[str, Callable[[ToolContext, Any], Awaitable[ToolResult]]] = {
    "assess": _run_assess, "detect": _run_detect, "find": _run_find, "select_region": _run_select_region,
    "restore": _run_restore, "adjust": _run_adjust, "transform": _run_transform, "compare": _run_compare,
    "fuse": _not_available, "go_to": _run_go_to, "undo": _run_undo, "redo": _run_redo, "export": _not_available,
    "describe": _run_describe, "ask_user": _run_ask_user,
}  # fmt: skip


def _scores(quality: Quality) -> Text:
    """All scores of a version; a metric without a value is named with the reason."""
    parts: list[Message] = []
    if quality.overall is not None:
        parts.append(Message("analysis.overall", {"score": quality.overall}))
    for title in ("SSEQ", "NIQE", "BRISQUE", "PIQE"):
        value = getattr(quality, title.lower())
        if value is None:
            parts.append(Message("analysis.no_score", {"metric": title}))
            parts.extend(messages(quality.why.get(title.lower(), Message("analysis.not_available"))))
        else:
            parts.append(Message("analysis.score", {"metric": title, "value": value}))
    return (*parts, Message("analysis.lower_is_better"))
