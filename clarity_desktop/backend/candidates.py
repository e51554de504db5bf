"""The verbs of candidates: run several methods on one version, fuse versions, take a part from another, pick one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clarity_desktop.backend import fusion, methods, pictures, preferences
from clarity_desktop.backend.studio import Studio, with_hidden
from clarity_desktop.messages import (
    CandidateAdded,
    CandidateFailed,
    Fuse,
    MergePart,
    Notice,
    Pick,
    TryMethods,
    UserError,
)
from clarity_desktop.text import Message, enumeration
from clarity_desktop.titles import method_name, task_title, version_title
from clarity_desktop.values import Json, Pixels, RestoreParams, Step, Task, Version, VersionId, placed_as
from clarity_desktop.worker import Job, LaneClass

BEST = 3
"""Methods whose results are fused where none are named."""


async def try_methods(studio: Studio, request: TryMethods, job: Job) -> tuple[Version, ...]:
    """Run each choice into a candidate and analyze it; see `TryMethods`.

    A choice that fails is reported and the others go on. Raises the error of the last one if all of them fail,
    JobCancelled.
    """
    if not request.choices:
        raise UserError("fusion.no_choice")
    if await studio.ask_first(request, job):
        return ()
    made: list[Version] = []
    failed: UserError | None = None
    seconds = [await _seconds(studio, request, choice, job) for choice in request.choices]
    for number, choice in enumerate(request.choices, 1):
        try:
            made.append(await _try(studio, request, choice, number, sum(seconds[number:]), job))
        except UserError as e:
            failed = e
            job.emit(CandidateFailed(request.document, request.version, choice, e.text))
    if not made and failed is not None:
        raise failed
    return tuple(made)


async def _seconds(studio: Studio, request: TryMethods, choice: RestoreParams, job: Job) -> float:
    """What a choice is estimated to take; 0 for one that cannot run."""
    version = studio.version(request.document, request.version)
    try:
        found = await job.side(
            "estimate", studio.estimate, (version.width, version.height), choice.task, choice.method
        )  # fmt: skip
    except UserError:
        return 0.0
    return found.seconds


async def _try(
    studio: Studio, request: TryMethods, choice: RestoreParams, number: int, later: float, job: Job
) -> Version:  # fmt: skip
    method = await job.side("estimate", studio.method, choice.task, choice.method)
    count = len(request.choices)
    note = Message("fusion.trying", {"method": method_name(method.id), "number": number, "count": count})
    with job.part(number, count, later, note):
        job.report(0.0)
        version = await studio.restore_candidate(request.document, request.version, choice, job)
        manifest = await job.shield("document", studio.document(request.document).manifest, version.id)
        job.emit(CandidateAdded(request.document, version, manifest, number, count))
        await studio.analyze_candidate(request.document, version.id, job)
    return version


async def fuse(studio: Studio, request: Fuse, job: Job) -> Version:
    """Fuse versions into one, which becomes the head; see `Fuse`. Raises UserError, JobCancelled."""
    document = studio.document(request.document)
    chosen = tuple(dict.fromkeys(request.versions))
    check_count(len(chosen))
    known = {v.id: v for v in document.card().versions}
    versions = [document.version(v) for v in chosen]
    parent = document.version(request.version or _common(known, chosen))
    of_one_size = _has_size_of(parent, versions[0]) or request.region is not None  # enlarged, there is no region in it
    _check_places(known, [*versions, parent] if of_one_size else versions)
    await job.side("disk", document.check_room, parent.id)
    job.report(0.0, Message("fusion.running"))
    region = await studio.softened(document, parent.id, request.region, request.feather, job)
    pixels = [await studio.visible_pixels(document.id, v, job) for v in chosen]
    original = await studio.visible_pixels(document.id, parent.id, job)
    by = [_low_light_method(v, parent.id) for v in versions]
    done = await studio.fuse_pixels(pixels, original, job, made_by=by, region=region)
    del pixels, original
    if done.left_out:
        job.emit(Notice(left_out_text([title_of(versions[k]) for k in done.left_out])))
    listed: list[Json] = list(chosen)
    step = Step(
        "fuse", settings={"versions": listed, "how": done.how, "left_out": [chosen[k] for k in done.left_out]},
        seconds=done.seconds,
    )  # fmt: skip
    alpha = await job.side("disk", document.alpha, parent.id)
    if alpha is not None and alpha.shape != done.pixels.shape[:2]:
        larger = await job.side("disk", pictures.resize_alpha, alpha, done.pixels)
        return await studio.commit(document, parent.id, step, done.pixels, job, alpha=larger)
    result = await job.side("disk", with_hidden, done.pixels, document, parent.id, alpha)
    return await studio.commit(document, parent.id, step, result, job, region=region)


def _common(versions: Mapping[VersionId, Version], chosen: Sequence[VersionId]) -> VersionId:
    """The last version that all of the chosen come from: the first of them where that is one of them."""
    paths = [_path(versions, at) for at in chosen]
    shared = [at for at in paths[0] if all(at in path for path in paths[1:])]
    return shared[0]  # the original is in every path


def _path(versions: Mapping[VersionId, Version], at: VersionId) -> list[VersionId]:
    """A version and its ancestors, up to the original."""
    path = [at]
    while (parent := versions[path[-1]].parent) is not None:
        path.append(parent)
    return path


def _has_size_of(one: Version, other: Version) -> bool:
    return (one.width, one.height) == (other.width, other.height)


def _check_places(known: Mapping[VersionId, Version], versions: Sequence[Version]) -> None:
    """Raise UserError unless all of the versions show every part of the photo at the same place."""
    first = versions[0]
    for version in versions[1:]:
        if not _has_size_of(version, first) or _place(known, version) != _place(known, first):
            raise UserError("fusion.other_size", title=title_of(version))


def _place(known: Mapping[VersionId, Version], version: Version) -> VersionId:
    """As `placed_as`, but an enlargement has the place of what it was made from: two of one size can be combined."""
    for _ in known:
        at = known[placed_as(known, version)]
        base = known.get(at.parent) if at.parent and at.step.kind == "restore" else None
        if base is None:
            break
        version = base
    return placed_as(known, version)


def check_count(count: int) -> None:
    """Raise UserError unless this number of versions or files can be fused."""
    if count < 2:
        raise UserError("fusion.too_few")
    if count > fusion.MOST:
        raise UserError("fusion.too_many", count=count)


def left_out(version: Version) -> tuple[VersionId, ...]:
    """The versions that were left out of the fusion that made a version; the record may come from a file."""
    stored = version.step.settings.get("left_out")
    return tuple(VersionId(v) for v in stored if isinstance(v, str)) if isinstance(stored, list) else ()


def title_of(version: Version) -> Message | str:
    """The title of a version, for a sentence."""
    title = version_title(version)
    return title if isinstance(title, Message | str) else ""


def left_out_text(titles: Sequence[Message | str]) -> Message:
    """That versions or files were left out of a fusion."""
    if len(titles) == 1:
        return Message("fusion.left_out_one", {"title": titles[0]})
    return Message("fusion.left_out", {"titles": enumeration(titles)})


def _low_light_method(version: Version, parent: VersionId) -> str | None:
    """The method that made a version of the parent, if that was for low light and for the whole photo."""
    step = version.step
    whole = step.kind == "restore" and step.task == "low_light" and step.region is None and step.strength == 1
    return step.method if whole and version.parent == parent else None


def best_methods(studio: Studio, task: Task) -> tuple[str, ...]:
    """The methods whose results are fused where none are named. Raises UserError, ModelMissing.

    For low light those that the network knows, else the best three that are installed; two, where there are no more.
    """
    if task == "low_light":
        studio.store.need(name for method in fusion.LOW_LIGHT_METHODS for name in methods.METHODS[method].weights)
        return fusion.LOW_LIGHT_METHODS
    known = methods.all_methods()
    able = [known[name] for name in studio.ranking(task).order]
    if not able:
        methods.choose(task)  # raises the error that says so
    if any(method.needs_mask for method in able):
        raise UserError("fusion.needs_mask", task=task_title(task))
    ready = [method for method in able if not methods.missing(method, studio.store)]
    # Enlarged photos can only be fused if they are enlarged alike.
    alike = [method for method in ready if method.scale == ready[0].scale]
    if len(alike) < 2:
        raise UserError("fusion.one_method", task=task_title(task))
    return tuple(method.id for method in alike[:BEST])


async def restore_each(
    studio: Studio, pixels: Pixels, task: Task, names: Sequence[str], job: Job
) -> list[Pixels]:  # fmt: skip
    """The results of several methods on pixels (H×W×3 RGB, uint8 or uint16). Raises UserError, JobCancelled."""
    made: list[Pixels] = []
    for number, name in enumerate(names, 1):
        with job.part(number, len(names)):
            made.append((await studio.apply(pixels, RestoreParams(task, name), job)).pixels)
    return made


async def merge_part(studio: Studio, request: MergePart, job: Job) -> Version:
    """Take a part of a version from another one; the result becomes the head. Raises UserError, JobCancelled."""
    document = studio.document(request.document)
    if request.version == request.source:
        raise UserError("fusion.same_version")
    known = {v.id: v for v in document.card().versions}
    _check_places(known, [document.version(request.version), document.version(request.source)])
    await job.side("disk", document.check_room, request.version)
    region = await studio.softened(document, request.version, request.region, request.feather, job)
    assert region is not None
    base = await job.side("disk", document.pixels, request.version)
    source = await job.side("disk", document.pixels, request.source)
    pixels = await job.run(fusion.merge_part, base, source, region, job.checkpoint, lane=LaneClass.INTERACTIVE)
    step = Step("merge", settings={"versions": [request.version, request.source]})
    return await studio.commit(
        document, request.version, step, pixels, job, changed=region.bounds, region=region
    )  # fmt: skip


async def pick(studio: Studio, request: Pick, job: Job) -> None:
    """Show a version, and remember that the user prefers its method to those of its rivals. Raises UserError."""
    chosen = studio.version(request.document, request.version).id
    await studio.move(request.document, lambda d: d.go_to(chosen), job)
    rivals = [v for v in request.others if v != chosen]
    if rivals:
        await preferences.pick(studio, request.document, chosen, rivals, job)
    await studio.analyze_head(request.document, job)
