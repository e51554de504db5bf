"""The verbs of the program: window, chat and command line all call them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar, cast
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from clarity_desktop import settings as choices
from clarity_desktop.backend import (
    adjust,
    affected_part,
    fusion,
    methods,
    model_cache,
    pictures,
    preview,
    restore,
    runner,
)
from clarity_desktop.backend import document as documents
from clarity_desktop.backend.analysis import Detector, Judge, MetricScorer, NetworkDetector, NetworkJudge, Scorer
from clarity_desktop.backend.auto import choice, rules, texts
from clarity_desktop.backend.auto.choice import TYPICAL, PhotoFacts
from clarity_desktop.backend.caption import Blip, Captioner
from clarity_desktop.backend.document import Document, ModelVersions
from clarity_desktop.backend.feedback import Feedback, Ranking
from clarity_desktop.backend.fusion import Fused
from clarity_desktop.backend.iqa import extra
from clarity_desktop.backend.iqa.distance import distance
from clarity_desktop.backend.iqa.parameters import default_parameters
from clarity_desktop.backend.judge import Judgement
from clarity_desktop.backend.methods import Method
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.old_photo import MarkFinder
from clarity_desktop.backend.pictures import light
from clarity_desktop.backend.regions import find, masks
from clarity_desktop.backend.regions.engines import Engines, published
from clarity_desktop.backend.regions.find import Finder
from clarity_desktop.backend.regions.resolve import DETECTOR
from clarity_desktop.backend.restore import TilePlan
from clarity_desktop.backend.restore.blend import cut
from clarity_desktop.backend.runner import Candidate
from clarity_desktop.backend.weights import WeightStore, default_store
from clarity_desktop.messages import (
    Adjust,
    Advised,
    AnalysisFailed,
    AnalysisPart,
    AnalysisStarted,
    ApplyTransform,
    Assessed,
    Complete,
    Detected,
    DiskMeasured,
    Estimate,
    Estimated,
    Exported,
    HeadMoved,
    Improve,
    InfoReady,
    JobCancelled,
    ListOptions,
    LoadedModels,
    MethodsListed,
    Notice,
    Offerable,
    Offered,
    Opened,
    OptionsListed,
    PhotoFound,
    PickWhite,
    PixelsReady,
    Preview,
    PreviewDone,
    PreviewReady,
    Progress,
    ReadInfo,
    RepairOldPhoto,
    Repeat,
    Reset,
    Restore,
    Saved,
    Selected,
    SetStrength,
    SizeEstimated,
    ThumbnailReady,
    TileDone,
    TilesReady,
    TryMethods,
    TurnAdded,
    UserError,
    VersionAdded,
    VersionsChanged,
    WhitePicked,
)
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message, messages
from clarity_desktop.values import (
    BOUNDS,
    FINDS_PART,
    FULL,
    MOVING,
    Adjustments,
    Advice,
    Bounds,
    Crop,
    Detection,
    Distance,
    DocumentId,
    EarlierPhoto,
    ExportOptions,
    Flip,
    MethodCard,
    Picture,
    Pixels,
    Quality,
    Region,
    RestoreParams,
    Rotate,
    Step,
    Straighten,
    Task,
    Transform,
    Turn,
    Version,
    VersionId,
    adjustment_settings,
    adjustments_of,
    full_result,
    parts_of,
)
from clarity_desktop.worker import Job, LaneClass, run_all

log = logging.getLogger(__name__)
T = TypeVar("T")
PREVIEW = 2048  # longest side in pixels of the preview shown while a document is being written
THUMBNAIL = 128
CHECK, CHECK_GRAYS = 6, (204, 255)
"""Side in pixels and the two grays of the checkerboard under a transparent thumbnail."""
TILES_AT_ONCE = 16
FEATHER = 100_000  # pixels; a recorded value above this is invalid and treated as 0
LONG_SECONDS = 20.0
"""A request that is estimated to take longer is offered, and runs once it is confirmed."""
PART = 0.8
"""The visible part is offered alone if it is no more than this share of the photo."""


class Studio:
    """Everything that can be done with photos. One per process; its methods run on the event loop of the backend."""

    def __init__(
        self,
        settings: Settings,
        folder: Path | None = None,
        store: WeightStore | None = None,
        *,
        detector: Detector | None = None,
        scorer: Scorer | None = None,
        judge: Judge | None = None,
        models: ModelCache | None = None,
        engines: Engines | None = None,
        finder: Finder | None = None,
        mark_finder: MarkFinder | None = None,
        captioner: Captioner | None = None,
        feedback: Feedback | None = None,
        decoder: pictures.Decoder | None = None,
    ) -> None:
        """folder: of the documents; store: of the weights; both of the user by default. Tests inject the others.

        feedback: the user's choices among methods; by default those stored beside the folder of the documents.
        decoder: what reads photos; closed with the studio.
        """
        self.settings = settings
        self.store = store or default_store()
        self._models = models or model_cache.shared()
        # Half of the memory budget; the other half is for the pixels of a run.
        self._models.budget = restore.model_budget(settings)
        self._detector = detector or NetworkDetector(self._models, self.store)
        self._scorer = scorer or MetricScorer(self._models, default_parameters(self.store))
        self._judge = judge or NetworkJudge(self._models, self.store)
        self.folder = folder or choices.data_folder() / "documents"
        self.feedback = feedback or Feedback(self.folder.parent / "feedback.json")
        """What the user prefers; see preferences.py for the verbs."""
        self._documents: dict[DocumentId, Document] = {}
        self._decoder = decoder or pictures.Decoder(pictures.Limits(megapixels=settings.max_megapixels))
        self._runner = runner.Runner(self._models, self.store)
        self.engines = engines or Engines(published(self._models, self.store))
        """What finds objects at clicks; see selection.py for the verbs."""
        self.mark_finder: MarkFinder = mark_finder or MarkFinder(self._models, self.store)
        """What finds the marks of old prints; see repair.py for the verb."""
        self.finder = finder or find.installed(self._models, self.store)
        """What finds objects by name; see pixel_selection.py for the verbs."""
        self.captioner = captioner or Blip(self._models, self.store)
        """What says in words what a photo shows; see photo_description.py."""
        self.contents: dict[tuple[DocumentId, VersionId], tuple[Message, ...]] = {}
        """What can be seen in the versions that were described, in sentences; see photo_description.py."""
        self._distances: dict[tuple[DocumentId, VersionId], Distance | None] = {}
        self._commits: dict[DocumentId, int] = {}
        """Number of commits started; of several commits in quick succession only the last version is analyzed."""
        self._previews = preview.Previews()
        self._announced: dict[DocumentId, set[VersionId]] = {}
        """The versions whose events were emitted. The head may move between a commit and the event about it."""
        self._locks: WeakValueDictionary[tuple[DocumentId, VersionId, str], asyncio.Lock] = WeakValueDictionary()
        """One for each running analysis of a version, so that it runs only once."""

    def configure(self, settings: Settings) -> None:
        """Use new settings from the next request on."""
        self.settings = settings
        self._models.budget = restore.model_budget(settings)

    def loaded_models(self) -> LoadedModels:
        """The networks in memory."""
        return LoadedModels(self._models.loaded())

    def unload(self, model: str) -> LoadedModels:
        """Drop a network from memory; it is loaded again when it is needed."""
        self._models.unload(model)
        return self.loaded_models()

    def close(self) -> None:
        """Close every document (they are kept) and end the decoder. Raises what failed, after all of it."""
        documents = tuple(self._documents.values())
        self._documents.clear()
        run_all(*(partial(d.close, keep=True) for d in documents), self._decoder.close)

    @property
    def _limits(self) -> documents.Limits:
        return documents.Limits(megapixels=self.settings.max_megapixels)

    def document(self, at: DocumentId) -> Document:
        """The open document of that id. Raises UserError if it was closed."""
        if at not in self._documents:
            raise UserError("studio.document_closed")
        return self._documents[at]

    def version(self, at: DocumentId, version: VersionId) -> Version:
        """A version of an open document. Raises UserError."""
        return self.document(at).version(version)

    # Opening and closing ---------------------------------------------------------------------------------------------

    async def read(self, path: Path, job: Job) -> Picture:
        """Decode a photo. Raises UserError, JobCancelled."""
        return await self._decoded(self._decoder.read, path, job)

    async def _decoded(self, work: Callable[[Path, threading.Event], T], path: Path, job: Job) -> T:
        """What the decoder makes of a file. Cancelling ends it: the next photo need not wait for this one."""
        stop = threading.Event()
        try:
            return await job.side("decode", work, path, stop)
        except JobCancelled:
            self._decoder.stop(stop)
            raise

    async def open(self, path: Path, job: Job, earlier: DocumentId | None = None) -> Document:
        """Open a photo or a project as a document, show it at once, then analyze it.

        earlier: the document whose conversation goes on with this one.
        """
        if path.suffix.lower() == ".clarity":
            document = await job.side("disk", self._open_project, path, job.check, discard=_close_saved)
            return await self._show(document, job, earlier=earlier)
        job.report(0.0, Message("studio.opening", {"name": path.name}))
        # A reduced JPEG decodes in a third of the time, so something is painted early.
        drafted = await self._decoded(self._decoder.preview, path, job)
        if drafted is not None:
            draft, (width, height) = drafted
            job.emit(PreviewReady(path, width, height, draft.pixels, draft.icc))
        picture = await self.read(path, job)
        return await self._open(picture, path.name, job, earlier, previewed=drafted is not None)

    async def read_thumbnail(self, path: Path, job: Job) -> None:
        """A photo that is not open, for the film strip. One that cannot be read says why when it is opened."""
        try:
            drafted = await self._decoded(self._decoder.preview, path, job)
            picture = drafted[0] if drafted is not None else await self.read(path, job)
        except UserError:
            return
        small = await job.side("decode", _thumbnail, picture.pixels, picture.icc, picture.alpha)
        job.emit(ThumbnailReady(path, small))

    async def open_picture(
        self, picture: Picture, title: str, job: Job, earlier: DocumentId | None = None
    ) -> Document:  # fmt: skip
        """Make a document of a decoded or pasted picture. earlier: as in `open`."""
        return await self._open(picture, title, job, earlier, previewed=False)

    async def _open(
        self, picture: Picture, title: str, job: Job, earlier: DocumentId | None, *, previewed: bool
    ) -> Document:  # fmt: skip
        if not previewed:
            job.emit(await job.side("decode", _preview, picture))
        thumbnail = await job.side("decode", _thumbnail, picture.pixels, picture.icc, picture.alpha)
        document = await job.side(
            "disk",
            Document.create,
            self.folder,
            picture,
            title,
            thumbnail,
            job.check,
            self._model_versions(),
            self._limits,
            discard=_close_saved,
        )
        return await self._show(document, job, picture.pixels, earlier)

    async def recover(self, store: Path, job: Job) -> Document:
        """Open the working document that an earlier run left."""
        document = await job.side("disk", self._open_store, store, job.check, discard=_close_kept)
        return await self._show(document, job)

    def _open_project(self, path: Path, checkpoint: Callable[[], None]) -> Document:
        document = Document.open_project(self.folder, path, self._model_versions(), self._limits, checkpoint)
        return self._without_broken_metadata(document)

    def _open_store(self, store: Path, checkpoint: Callable[[], None]) -> Document:
        return self._without_broken_metadata(Document.open(store, self._model_versions(), self._limits, checkpoint))

    def _without_broken_metadata(self, document: Document) -> Document:
        """A document whose profile and metadata the program may parse; broken blocks are dropped with a note."""
        try:
            blocks = document.metadata()
            if broken := [name for name, block in blocks.items() if not self._decoder.is_intact(name, block)]:
                document.drop_metadata(broken)
        except BaseException:
            document.close(keep=True)
            raise
        return document

    async def _show(
        self, document: Document, job: Job, pixels: Pixels | None = None, earlier: DocumentId | None = None
    ) -> Document:
        """Announce an open document and analyze its head. pixels: of the head, if the caller has them."""
        self._documents[document.id] = document
        if earlier is not None:
            await self._continue(document, earlier, job)
        card = document.card()
        self._announced[document.id] = {version.id for version in card.versions}
        manifest = await job.shield("document", document.manifest, card.head)
        # Opened before the analysis: the window shows the photo while detector and scores run.
        job.emit(Opened(card, manifest))
        visible = None if card.has_alpha else pixels
        await self._analyze(document.id, card.head, self._commits.get(document.id, 0), job, visible)
        return document

    async def _continue(self, document: Document, earlier: DocumentId, job: Job) -> None:
        """Remember the photo that a conversation was about before, unless the document has a conversation already."""
        card, before = document.card(), self._documents.get(earlier)
        if before is None or before is document or card.turns or card.earlier or card.read_only:
            return
        other = before.card()
        photo = EarlierPhoto(other.id, other.title, other.path, other.project)
        try:
            await job.shield("document", document.set_earlier, (photo, *other.earlier))
        except UserError as e:  # a full disk: the photo itself is open
            log.info("The earlier photo was not stored: %s", e)

    async def find_photo(self, at: DocumentId, number: int, job: Job) -> PhotoFound:
        """Find a photo that a conversation was about before. Raises UserError if there is none, or it is gone."""
        card = self.document(at).card()
        if not card.earlier:
            raise UserError("chat.no_earlier_photo")
        photo = card.earlier[max(-len(card.earlier), min(number, len(card.earlier) - 1))]
        cards = [document.card() for document in self._documents.values()]
        others = [c for c in cards if c.id != at]
        same = [c.id for c in others if c.id == photo.document]
        same += [c.id for c in others if photo.project is not None and c.project == photo.project]
        same += [c.id for c in others if photo.path is not None and c.path == photo.path]
        if same:
            return PhotoFound(at, photo, open=same[0])
        file = await job.side("disk", documents.find_photo, self.folder, photo, card.project)
        if file is None:
            raise UserError("chat.photo_gone", title=photo.title)
        return PhotoFound(at, photo, file=file)

    async def _tell_project(self, at: DocumentId, job: Job) -> None:
        """Conversations that went on from a document know its project from now on."""
        saved = self.document(at).card()
        for document in self._documents.values():
            card = document.card()
            known = tuple(
                replace(photo, project=saved.project) if photo.document == at else photo for photo in card.earlier
            )
            if known != card.earlier and not card.read_only:
                with contextlib.suppress(UserError):  # it can still be found by its working file
                    await job.shield("document", document.set_earlier, known)

    async def disk(self, job: Job) -> DiskMeasured:
        """Disk usage of documents, and the closed ones that exceed the budget. Erases nothing."""
        budget = self.settings.disk_budget
        used = await job.side("disk", documents.usage, self.folder)
        return DiskMeasured(used, budget, await job.side("disk", documents.over_budget, self.folder, budget))

    async def close_document(self, at: DocumentId, job: Job, *, erase: bool = False) -> None:
        """Close a document; unsaved work moves to the closed documents, unless all of it is to be erased."""
        document = self.document(at)
        job.commit()
        del self._documents[at]
        self.contents = {key: content for key, content in self.contents.items() if key[0] != at}
        self._distances = {key: distance for key, distance in self._distances.items() if key[0] != at}
        self._commits.pop(at, None)
        self._announced.pop(at, None)
        self._previews.forget(at)
        await job.side("disk", document.close, keep=False, erase=erase)

    # Restoring -------------------------------------------------------------------------------------------------------

    def methods(self) -> MethodsListed:
        """Every method, with the weights files it still lacks, and the further metrics that could be switched on."""
        cards = tuple(_method_card(m, self.store) for m in methods.all_methods().values())
        return MethodsListed(cards, extra.available())

    async def restore(self, request: Restore, job: Job) -> Version | None:
        """Restore a version, or a region of it; the result becomes its child and the head.

        Where no region is given, a task of FINDS_PART selects what it finds and restores only that.
        Returns None if it would take long and is not confirmed: then it is offered and not run.
        """
        if await self.ask_first(request, job):
            return None
        return await self.restore_now(request, job)

    async def restore_now(self, request: Restore, job: Job) -> Version:
        """Like `restore`, without asking first."""
        document, version, params = self.document(request.document), request.version, request.params
        if params.region is None and params.task in FINDS_PART:
            pixels = await self.visible_pixels(document.id, version, job)
            detection = await self._detection_if_possible(document.id, version, job, pixels)
            region, note = await self.affected_part(pixels, params.task, detection, job)
            del pixels
            if region is not None:
                job.emit(Selected(document.id, version, region, DETECTOR, (1.0,)))
                params = replace(params, region=region)
            elif params.method and methods.choose(params.task, params.method, store=self.store).needs_mask:
                params = replace(params, method=None)  # there is nothing for it to fill
            job.emit(Notice(note))
        return await self._run(document, version, params, None, job)

    async def affected_part(
        self, pixels: Pixels, task: Task, detection: Detection | None, job: Job
    ) -> tuple[Region | None, Message]:  # fmt: skip
        """The part that a task of FINDS_PART finds, None where it finds nothing; and the sentence about it.

        pixels: H×W×3 RGB, uint8 or uint16. detection: what is known of them.
        """
        job.report(0.0, Message("affected.looking"))
        if detection is None:
            return affected_part.found(task, None)
        mask = await job.run(affected_part.find, task, pixels, detection, lane=LaneClass.ANALYSIS)
        return affected_part.found(task, mask)

    async def _detection_if_possible(
        self, at: DocumentId, version: VersionId, job: Job, pixels: Pixels
    ) -> Detection | None:  # fmt: skip
        """As `detect`; None without a detector. pixels: of the version, H×W×3 RGB, uint8 or uint16."""
        try:
            return await self.detect(at, version, job, pixels)
        except UserError as e:
            log.info("The part was not looked for: %s", e)
            return None

    async def restore_candidate(self, at: DocumentId, version: VersionId, params: RestoreParams, job: Job) -> Version:
        """Like `restore_now`, but the head stays, and nothing is painted over what is shown."""
        return await self._run(self.document(at), version, params, None, job, is_candidate=True)

    async def _run(
        self, document: Document, version: VersionId, params: RestoreParams, recorded: TilePlan | None, job: Job,
        *, is_candidate: bool = False,
    ) -> Version:  # fmt: skip
        # Checked before minutes of work rather than after them.
        await job.side("disk", document.check_room, version)
        alpha = await job.side("disk", document.alpha, version)
        photo = self.known_of(document.id, version, params.region.bounds if params.region else None)
        method = await job.side("estimate", self.method, params.task, params.method, photo, params.region is not None)
        params, scales = replace(params, method=method.id), method.scale != 1

        def paint(bounds: Bounds, done: Pixels) -> None:
            if scales or is_candidate:
                return  # parts of a larger photo do not fit over the one that is shown; a candidate is not shown at all
            if params.strength < 1:
                done = light.blended(document.pixels(version, bounds), done, params.strength)
            shown = done if alpha is None else _with_alpha(done, alpha[bounds.slices()])
            job.emit(TileDone(document.id, version, bounds, shown))

        # Do not bind the input pixels: they would stay referenced until the analysis of the result ends.
        whole = params if scales else replace(params, strength=1.0)
        visible = await self.visible_pixels(document.id, version, job)
        candidate = await self.apply(visible, whole, job, paint, recorded)
        del visible
        for note in candidate.notes:
            job.emit(Notice(note))
        job.report(1.0, Message("studio.storing"))
        if scales:  # there is nothing of the same size to take parts of, or to blend with later
            larger = None if alpha is None else await job.side("disk", pictures.resize_alpha, alpha, candidate.pixels)
            return await self.commit(
                document, version, candidate.step, candidate.pixels, job, alpha=larger, is_candidate=is_candidate
            )
        if alpha is not None:
            pixels = await job.side("disk", with_hidden, candidate.pixels, document, version, alpha)
            candidate = replace(candidate, pixels=pixels)
        if params.strength == 1:
            return await self.commit(
                document, version, candidate.step, candidate.pixels, job,
                changed=candidate.changed, region=params.region, is_candidate=is_candidate,
            )  # fmt: skip
        # The full result is stored as well, hidden: another strength is then a blend and not another run.
        full = await self._add(
            document, version, candidate.step, candidate.pixels, job,
            changed=candidate.changed, region=params.region, hidden=True,
        )  # fmt: skip
        del candidate
        try:
            self._announce_versions(document, job)
            return await self._commit_blend(document, version, full, params.strength, job, is_candidate=is_candidate)
        except BaseException:
            if all(v.step.settings.get(FULL) != full.id for v in document.card().versions):
                with contextlib.suppress(UserError):  # closed meanwhile, or a full disk: it only takes room
                    await job.shield("disk", document.discard, full.id)
            raise

    async def set_strength(self, request: SetStrength, job: Job) -> Version:
        """Blend the input and the full result of the restoration that made a version; the result becomes its child."""
        document = self.document(request.document)
        if not 0 <= request.strength <= 1:
            raise UserError("restore.strength", strength=f"{request.strength:g}")
        full = self.full_result(document, request.version)
        return await self._commit_blend(document, request.version, full, request.strength, job)

    def full_result(self, document: Document, version: VersionId) -> Version:
        """The version with the result at full strength of the restoration that made this one. Raises UserError."""
        full = full_result({v.id: v for v in document.card().versions}, document.version(version))
        if full is None:
            raise UserError("studio.no_strength")
        return full

    async def _commit_blend(
        self, document: Document, parent: VersionId, full: Version, strength: float, job: Job,
        *, is_candidate: bool = False,
    ) -> Version:  # fmt: skip
        assert full.parent is not None
        before = await job.side("disk", document.pixels, full.parent)
        after = await job.side("disk", document.pixels, full.id)
        pixels = await job.run(light.blended, before, after, strength, job.checkpoint)
        del before, after  # they would stay in memory until the analysis of the result ends
        step = replace(full.step, strength=strength, settings={**full.step.settings, FULL: full.id})
        region = await job.side("disk", document.region, step.region) if step.region else None
        return await self.commit(document, parent, step, pixels, job, region=region, is_candidate=is_candidate)

    async def apply(
        self,
        pixels: Pixels,
        params: RestoreParams,
        job: Job,
        on_tile: Callable[[Bounds, Pixels], None] = lambda _bounds, _pixels: None,
        recorded: TilePlan | None = None,
        photo: PhotoFacts | None = None,
    ) -> Candidate:
        """Restore pixels (H×W×3 RGB, uint8 or uint16) that belong to no document.

        photo: what is known of them, for the choice of a method where none is named. Raises UserError, ModelMissing,
        JobCancelled.
        """
        photo = photo or PhotoFacts((pixels.shape[1], pixels.shape[0]))
        method = await job.side("estimate", self.method, params.task, params.method, photo, params.region is not None)
        params = replace(params, method=method.id)
        return await self._runner.apply(pixels, params, self.settings, job, on_tile, recorded)

    async def fuse_pixels(
        self, candidates: Sequence[Pixels], original: Pixels, job: Job,
        *, made_by: Sequence[str | None] = (), region: Region | None = None,
    ) -> Fused:  # fmt: skip
        """Fuse restorations of a damaged photo, the original (all H×W×3 RGB, uint8 or uint16); see `fusion.fuse`.

        made_by: the method of each candidate, where it is its result for low light and nothing else.
        Raises UserError, JobCancelled.
        """
        network = None
        if sorted(name or "" for name in made_by) == list(fusion.LOW_LIGHT_METHODS):
            network = await job.run(self._fusion_network)
            if network is not None:
                by = dict(zip(made_by, candidates, strict=True))
                candidates = [by[name] for name in fusion.LOW_LIGHT_METHODS]
        with job.timed():
            done = await job.run(fusion.fuse, candidates, original, region=region, job=job, network=network)
        if network is not None and done.left_out:
            places = [list(made_by).index(fusion.LOW_LIGHT_METHODS[k]) for k in done.left_out]
            return replace(done, left_out=tuple(sorted(places)))
        return done

    def _fusion_network(self) -> fusion.Network | None:
        """The network for low light; None where it is not installed."""
        name = fusion.LOW_LIGHT_WEIGHTS
        if name not in self.store.models or not self.store.is_ready(name):
            return None
        file = self.store.need((name,))[name]
        key = ModelKey(name, self.store.models[name].title)
        return self._models.get(key, lambda: fusion.load_network(file), file.stat().st_size)

    async def ask_first(self, request: Offerable, job: Job) -> bool:
        """Offer a request that must be confirmed before it runs; returns whether it was offered."""
        offered = None if request.confirmed else await self.offer(request, job)
        if offered is not None:
            job.emit(offered)
        return offered is not None

    async def offer(self, request: Offerable, job: Job) -> Offered | None:
        """The offer to run a request, if it is estimated to take more than LONG_SECONDS; else None.

        The only rule about long requests, for window, chat and plans. Raises UserError if the request cannot run.
        """
        tasks: tuple[Task, ...] = ()
        match request:
            case Restore(document, version, params):
                size = self._size(document, version)
                photo = self.known_of(document, version, params.region.bounds if params.region else None)
                method = await job.side("estimate", self.method, params.task, params.method, photo)
                params = replace(params, method=method.id)
                found = await job.side("estimate", runner.estimate, size, params, self.settings)
                part = await job.side("estimate", self._part_seconds, size, params) if _is_long(found) else None
            case Repeat(document, version, made) if self.version(document, made).step.kind == "adjust":
                return None
            case Repeat(document, version, made):
                # The region of the step may be a mask of the photo's size, to be unpacked from the file.
                params, recorded = await job.side("disk", self._recorded, self.document(document), made)
                size, part = self._size(document, version), None
                found = await job.side("estimate", runner.estimate, size, params, self.settings, recorded)
            case Complete(document, version):
                size, part = self._size(document, version), None
                _, steps = self._parts(document, version)
                found = await job.side("estimate", self._sum_estimates, size, steps)
            case RepairOldPhoto(document, version):
                size, part = self._size(document, version), None
                steps = Step("restore", "inpaint"), Step("restore", "denoise")
                found = await job.side("estimate", self._sum_estimates, size, steps)
            case TryMethods(document, version, choices):
                size, part = self._size(document, version), None
                found = await job.side("estimate", self._estimate_choices, size, choices)
            case Improve(document, version):
                await job.side("disk", self.document(document).check_room, version)
                discarded = self.discarded_tasks(document, version, of_part=request.region is not None)
                advised, part = rules.advise(await self.detect(document, version, job)), None
                advice = tuple(a for a in advised if a.task not in discarded)
                found = await job.side("estimate", self._auto_estimate, advice, self.known_of(document, version))
                tasks = tuple(dict.fromkeys(a.task for a in advice if a.task not in rules.NEEDS_MASK))
        if not _is_long(found):
            return None
        return Offered(request, found.seconds, part, found.megapixels, found.device, tasks)

    def _estimate_choices(self, size: tuple[int, int], choices: Sequence[RestoreParams]) -> Estimated:
        """For all of them together. A choice that cannot run takes no time. Raises UserError if none can."""
        found: list[Estimated] = []
        failed: UserError | None = None
        for params in choices:
            try:
                method = self.method(params.task, params.method).id
                found.append(runner.estimate(size, replace(params, method=method), self.settings))
            except UserError as e:
                failed = e
        if not found:
            raise failed or UserError("fusion.no_choice")
        return replace(found[-1], seconds=sum(each.seconds for each in found))

    def _part_seconds(self, size: tuple[int, int], params: RestoreParams) -> float | None:
        """Seconds for the visible part alone; None if that is not a smaller task."""
        width, height = size
        if params.visible is None or params.region is not None or params.visible.area > PART * width * height:
            return None
        if self.method(params.task, params.method).scale != 1:
            return None
        visible = Region.rectangle(params.visible, width, height)
        return runner.estimate(size, replace(params, region=visible), self.settings).seconds

    def _auto_seconds(self, advice: tuple[Advice, ...], photo: PhotoFacts) -> float:
        return choice.auto_seconds(advice, photo, self.settings, self.feedback, self.store)

    def _auto_estimate(self, advice: tuple[Advice, ...], photo: PhotoFacts) -> Estimated:
        seconds, (width, height) = self._auto_seconds(advice, photo), photo.size
        return Estimated(seconds, width * height / 1e6, "", restore.place(self.settings).device)

    def _size(self, at: DocumentId, version: VersionId) -> tuple[int, int]:
        """Width and height of a version."""
        known = self.version(at, version)
        return known.width, known.height

    def known_of(self, at: DocumentId, version: VersionId, bounds: Bounds | None = None) -> PhotoFacts:
        """What is known of a version, or of a part of it, for the choice of a method."""
        known = self.version(at, version)
        size = (known.width, known.height) if bounds is None else (bounds.width, bounds.height)
        return PhotoFacts(size, known.detection, known.quality)

    async def emit_options(self, request: ListOptions, job: Job) -> None:
        """Rank the methods of a task for a version, or for a part of it."""
        photo = self.known_of(request.document, request.version, request.bounds)
        masked = request.bounds is not None or request.task in FINDS_PART
        job.emit(await job.side("estimate", self.options, request.task, photo, masked))

    def options(self, task: Task, photo: PhotoFacts, has_mask: bool = False) -> OptionsListed:
        """The methods of a task in the order in which to try them on a photo; and the one that is clearly better.

        has_mask: methods that need one can run.
        """
        found = choice.choose(task, photo, self.settings, self.feedback, store=self.store, masks=has_mask)
        first = choice.default(found)
        best = choice.better(found, first.method) if first else None
        return OptionsListed(task, found, first.method if first else None, best.method if best else None)

    def best_methods(self, task: Task, photo: PhotoFacts, count: int = 3) -> tuple[str, ...]:
        """The first methods for a photo that can run at once, the best first. Raises UserError where there is none."""
        found = choice.candidates(task, photo, self.settings, self.feedback, self.store)
        return tuple(option.method for option in found[:count])

    async def emit_estimate(self, request: Estimate, job: Job) -> None:
        """Estimate a restoration of a version, or of a part of it."""
        photo = self.known_of(request.document, request.version, request.bounds)
        job.emit(await job.side("estimate", self._estimate, photo, request.task, request.method))

    def estimate(self, size: tuple[int, int], task: Task, method: str | None) -> Estimated:
        """How long restoring width × height pixels would take here, and by which method. Raises UserError."""
        return self._estimate(PhotoFacts(size), task, method)

    def _estimate(self, photo: PhotoFacts, task: Task, method: str | None) -> Estimated:
        named = self.method(task, method, photo).id
        return runner.estimate(photo.size, RestoreParams(task, named), self.settings)

    def memory_needed(self, size: tuple[int, int], task: Task, method: str | None) -> int:
        """How many bytes restoring width × height pixels would take here. Raises UserError."""
        return runner.memory_needed(size, RestoreParams(task, method), self.settings)

    def method(
        self, task: Task, method: str | None, photo: PhotoFacts = TYPICAL, has_mask: bool = True
    ) -> Method:  # fmt: skip
        """The named method, or the one that this task gets here for a photo. Raises UserError.

        has_mask: methods that need one can run.

        That is the one chosen in the Restore panel, or else the best of `choice.choose` that is installed.
        """
        if named := method or methods.preferred(self.settings.methods, task):
            return methods.choose(task, named, store=self.store)
        options = choice.choose(task, photo, self.settings, self.feedback, store=self.store, masks=has_mask)
        return methods.choose(task, None, store=self.store, order=[option.method for option in options])

    def ranking(self, task: Task) -> Ranking:
        """The methods of a task in the order in which to try them: what was measured, and what the user prefers."""
        able = [method.id for method in methods.all_methods().values() if task in method.tasks]
        return self.feedback.rank(task, able)

    def reason(self, task: Task, method: str) -> Message | None:
        """Why a method is tried first where none was named; None where it would be without the user's choices."""
        if methods.preferred(self.settings.methods, task):
            return None
        found, known = self.ranking(task), methods.all_methods()
        able = [name for name in found.order if name == method or not methods.missing(known[name], self.store)]
        why = found.reason(method, able)
        first = next((name for name in found.prior if name in able), method)
        return None if why is None else texts.reason(why, task, method, first)

    async def repeat(self, request: Repeat, job: Job) -> Version | None:
        """Apply the step that made a version to another one, with its recorded settings; see `restore`."""
        document = self.document(request.document)
        made = self.version(request.document, request.made)
        if made.step.kind == "adjust":
            region = await job.side("disk", document.region, made.step.region) if made.step.region else None
            settings = adjustments_of(made.step.settings)
            return await self.adjust(Adjust(document.id, request.version, settings, region), job)
        params, recorded = await job.side("disk", self._recorded, document, request.made)
        if await self.ask_first(request, job):
            return None
        return await self._run(document, request.version, params, recorded, job)

    async def complete(self, request: Complete, job: Job) -> Version | None:
        """Restore the whole photo as parts of it were restored, from the version that they began from; see `restore`.

        Not the rest alone: at its edge a method would see what is restored already.
        """
        base, steps = self._parts(request.document, request.version)
        if await self.ask_first(request, job):
            return None
        made: Version | None = None
        for step in steps:
            assert step.task is not None
            params = RestoreParams(step.task, step.method, step.strength)
            made = await self._run(self.document(request.document), made.id if made else base, params, None, job)
        return made

    def _parts(self, at: DocumentId, version: VersionId) -> tuple[VersionId, tuple[Step, ...]]:
        """As `values.parts_of`. Raises UserError if the version is no restoration of a part."""
        known = {v.id: v for v in self.document(at).card().versions}
        base, steps = parts_of(known, self.version(at, version))
        if base is None or not steps or any(step.task is None for step in steps):
            raise UserError("studio.not_a_part")
        return base, steps

    def _sum_estimates(self, size: tuple[int, int], steps: Sequence[Step]) -> Estimated:
        found = [self.estimate(size, step.task, step.method) for step in steps if step.task]
        return replace(found[-1], seconds=sum(f.seconds for f in found))

    def _recorded(self, document: Document, made: VersionId) -> tuple[RestoreParams, TilePlan]:
        """The parameters and the tile plan of the step that made a version. Raises UserError."""
        step = self.version(document.id, made).step
        if step.kind != "restore" or step.task is None:
            raise UserError("studio.not_repeatable")
        # Settings come from a file and may hold anything; TilePlan.from_json checks the rest.
        settings = dict(step.settings)
        settings.pop(FULL, None)
        settings.pop(BOUNDS, None)
        feather = settings.pop("feather", 0)
        params = RestoreParams(
            step.task, step.method, step.strength, document.region(step.region) if step.region else None,
            feather if isinstance(feather, int) and 0 <= feather <= FEATHER else 0,
        )  # fmt: skip
        return params, TilePlan.from_json(settings)

    # Versions --------------------------------------------------------------------------------------------------------

    async def change(self, asked: ApplyTransform, job: Job) -> Version:
        """Crop, rotate, flip or straighten; the result becomes a child and the head."""
        document = self.document(asked.document)
        pixels, alpha = await self._layers(document, asked.version, job)
        if isinstance(asked.transform, Straighten):  # the only one that mixes neighboring pixels
            pixels = await job.side("disk", pictures.fill_transparent, pixels, alpha)
        pixels = await job.run(pictures.change, pixels, asked.transform, job.checkpoint)
        if alpha is not None:
            alpha = await job.run(pictures.change, alpha, asked.transform, job.checkpoint)
        return await self.commit(document, asked.version, _transform_step(asked.transform), pixels, job, alpha=alpha)

    async def adjust(self, request: Adjust, job: Job) -> Version:
        """Change light and color; the result becomes a child and the head.

        A version that was adjusted is computed from what it was adjusted from, so that settings replace each other.
        """
        document = self.document(request.document)
        await job.side("disk", document.check_room, request.version)
        region = await self.softened(document, request.version, request.region, request.feather, job)
        part = None if region is None else await job.side("disk", documents.region_id, region)
        source = preview.adjusted_from({v.id: v for v in document.card().versions}, request.version, part)
        pixels = await self.visible_pixels(document.id, source, job)  # sharpening mixes neighboring pixels
        pixels = await job.run(_adjusted, pixels, request.settings, document.card().icc, region, job.checkpoint)
        alpha = await job.side("disk", document.alpha, source)
        pixels = await job.side("disk", with_hidden, pixels, document, source, alpha)
        step = Step("adjust", settings=adjustment_settings(request.settings))
        return await self.commit(document, request.version, step, pixels, job, region=region)

    async def softened(
        self, document: Document, version: VersionId, region: Region | None, feather: int, job: Job
    ) -> Region | None:
        """A region of a version with its edge softened. Raises UserError if it is of another size."""
        if region is None:
            return None
        known = document.version(version)
        if (region.width, region.height) != (known.width, known.height):
            raise UserError(
                "regions.other_size", columns=region.width, rows=region.height, width=known.width, height=known.height
            )  # fmt: skip
        return await job.run(masks.feather, region, feather, lane=LaneClass.INTERACTIVE)

    async def preview(self, request: Preview, job: Job) -> None:
        """What a change would make of the visible part of a version, without making a version."""
        document, change = self.document(request.document), request.change
        versions = {v.id: v for v in document.card().versions}
        region = await self.softened(document, request.version, request.region, request.feather, job)
        if isinstance(change, Adjustments):
            part = None if region is None else await job.side("disk", documents.region_id, region)
            sources = (preview.adjusted_from(versions, request.version, part),)
        else:
            full = self.full_result(document, request.version)
            assert full.parent is not None
            sources = (full.parent, full.id)
        read = partial(self._previews.read, document, sources, request.visible, request.scale)
        parts, small = await job.side("tiles", read)
        pixels, histogram = await job.run(
            preview.compute, parts, small, change, document.card().icc, region, lane=LaneClass.INTERACTIVE
        )
        job.emit(PreviewDone(document.id, request.version, parts.bounds, pixels, histogram))

    async def pick_white(self, request: PickWhite, job: Job) -> None:
        """The white balance that makes a pixel gray, measured before the adjustments of the version."""
        document = self.document(request.document)
        source = preview.adjusted_from({v.id: v for v in document.card().versions}, request.version)
        radius = adjust.PICK_RADIUS
        x, y = max(0, request.x - radius), max(0, request.y - radius)
        near = Bounds(x, y, request.x + radius + 1 - x, request.y + radius + 1 - y)
        pixels = await job.side("tiles", document.pixels, source, near)
        found = adjust.pick_white(pixels, request.x - x, request.y - y, document.card().icc)
        job.emit(WhitePicked(document.id, request.version, *(found or (None, None))))

    async def read_info(self, request: ReadInfo, job: Job) -> None:
        """The histogram of a version and what the metadata of the photo say."""
        document = self.document(request.document)
        pixels = await self.visible_pixels(document.id, request.version, job)
        histogram = await job.run(pictures.histogram_of, pixels, job.checkpoint, lane=LaneClass.ANALYSIS)
        job.emit(InfoReady(document.id, request.version, histogram, pictures.photo_info(document.about())))

    async def read_tiles(self, at: DocumentId, hashes: tuple[bytes, ...], job: Job) -> None:
        """Tiles for the canvas, in the order wanted and a few at a time, so that the first are painted at once."""
        document = self.document(at)
        # In small groups: the first tiles are painted while the others are read.
        for k in range(0, len(hashes), TILES_AT_ONCE):
            job.checkpoint()
            tiles = await job.side("tiles", document.tiles, hashes[k : k + TILES_AT_ONCE])
            job.emit(TilesReady(at, tuple(tiles)))

    async def read_pixels(self, at: DocumentId, version: VersionId, job: Job) -> None:
        """The whole version in sRGB and 8 bits, for the clipboard."""
        picture = await job.side("disk", self.document(at).picture, version)
        pixels, alpha = await job.side("decode", pictures.to_srgb8, picture)
        job.emit(PixelsReady(at, version, pixels, alpha))

    async def reset(self, asked: Reset, job: Job) -> Version:
        """The photo as it was opened, as a new child of the version: a way back that can itself be undone."""
        document = self.document(asked.document)
        first = document.card().versions[0].id
        pixels, alpha = await self._layers(document, first, job)
        return await self.commit(document, asked.version, Step("reset"), pixels, job, alpha=alpha)

    async def _layers(
        self, document: Document, version: VersionId, job: Job
    ) -> tuple[Pixels, NDArray[np.uint8] | NDArray[np.uint16] | None]:
        """Pixels and alpha of a version, read outside the lane: a slow disk blocks no other work."""
        alpha = await job.side("disk", document.alpha, version)
        return await job.side("disk", document.pixels, version), alpha

    async def commit(
        self,
        document: Document,
        parent: VersionId,
        step: Step,
        pixels: Pixels,
        job: Job,
        *,
        changed: Bounds | None = None,
        alpha: NDArray[np.uint8] | NDArray[np.uint16] | None = None,
        region: Region | None = None,
        is_candidate: bool = False,
    ) -> Version:
        """Commit a new version: thumbnail, transaction, events, then its analysis. All new versions are made here.

        pixels: H×W×3 RGB of the document's depth (uint8 or uint16); alpha: H×W of that depth. is_candidate: the head
        stays, and the caller emits what follows VersionsChanged and analyzes it.
        """
        self.document(document.id)  # raises if it was closed: then the result is dropped
        if is_candidate:
            version = await self._add(
                document, parent, step, pixels, job, changed=changed, alpha=alpha, region=region, candidate=True
            )
            self._announced.setdefault(document.id, set()).add(version.id)
            self._announce_versions(document, job)
            return version
        commit = self._commits[document.id] = self._commits.get(document.id, 0) + 1
        version = await self._add(document, parent, step, pixels, job, changed=changed, alpha=alpha, region=region)
        manifest = await job.shield("document", document.manifest, version.id)
        card = document.card()
        job.emit(VersionAdded(document.id, version, manifest, card.undo_to, card.redo_to, card.unsaved))
        announced = self._announced.setdefault(document.id, set())
        announced.add(version.id)
        if card.head != version.id and card.head in announced:  # else the event of the head's own commit follows
            job.emit(await _head_moved(document, job))
        await self._analyze(document.id, version.id, commit, job, None if card.has_alpha else pixels)
        return version

    async def _add(
        self,
        document: Document,
        parent: VersionId,
        step: Step,
        pixels: Pixels,
        job: Job,
        *,
        changed: Bounds | None = None,
        alpha: NDArray[np.uint8] | NDArray[np.uint16] | None = None,
        region: Region | None = None,
        hidden: bool = False,
        candidate: bool = False,
    ) -> Version:
        shown = alpha if alpha is not None else await job.side("disk", document.alpha, parent)
        thumbnail = await job.run(_thumbnail, pixels, document.card().icc, shown)
        return await job.run(
            document.add, parent, step, pixels, changed=changed, alpha=alpha, region=region, hidden=hidden,
            candidate=candidate, thumbnail=thumbnail, checkpoint=job.checkpoint,
        )  # fmt: skip

    def _announce_versions(self, document: Document, job: Job) -> None:
        card = document.card()
        job.emit(VersionsChanged(document.id, card.versions, card.undo_to, card.redo_to, card.unsaved))

    async def move(self, at: DocumentId, to: Callable[[Document], VersionId], job: Job) -> None:
        """Undo, redo or jump: `to` moves the head and returns it."""
        document = self.document(at)
        await job.shield("document", to, document)
        job.emit(await _head_moved(document, job))

    async def edit(
        self, at: DocumentId, version: VersionId, job: Job,
        *, name: str | None = None, star: bool | None = None, deleted: bool | None = None,
        rejected: bool | None = None,
    ) -> None:  # fmt: skip
        """Rename, star, delete, reject or bring back a version."""
        document = self.document(at)
        before = document.card().head
        await job.shield(
            "document", document.edit, version, name=name, star=star, deleted=deleted, rejected=rejected
        )  # fmt: skip
        # Read before both events, so that the window never shows a deleted version as the head in between.
        moved = await _head_moved(document, job)
        self._announce_versions(document, job)
        if document.card().head != before:
            job.emit(moved)

    async def add_turn(self, at: DocumentId, turn: Turn, job: Job) -> None:
        """Add a turn to the conversation of a document. Raises UserError."""
        document = self.document(at)
        await job.shield("document", document.add_turn, turn)
        job.emit(TurnAdded(at, turn, document.card().unsaved))

    # Analysis --------------------------------------------------------------------------------------------------------

    def _model_versions(self) -> ModelVersions:
        return ModelVersions(self._detector.digest(), self._scorer.digest())

    async def analyze_head(self, at: DocumentId, job: Job) -> None:
        """Analyze the head if results are missing: it may have been left before its analysis ended."""
        head = self.version(at, self.document(at).card().head)
        if head.detection is None or head.quality is None or (at, head.id) not in self._distances:
            await self._analyze(at, head.id, self._commits.get(at, 0), job, None)

    async def analyze_candidate(self, at: DocumentId, version: VersionId, job: Job) -> None:
        """Analyze a candidate, as every version is, unless the user goes on with another one meanwhile."""
        await self._analyze(at, version, self._commits.get(at, 0), job, None)

    async def _analyze(self, at: DocumentId, version: VersionId, commit: int, job: Job, pixels: Pixels | None) -> None:
        """Analyze a version, unless a newer commit was started. pixels: as for `detect`.

        This is the only automatic analysis. A failure is reported as an event and does not affect the version.
        """
        known = self.version(at, version)
        unknown = known.detection is None or known.quality is None
        job.emit(Progress(1.0, Message("studio.analyzing")))
        if unknown:
            job.emit(AnalysisStarted(at, version))
        parts: list[AnalysisPart] = ["detection", "quality"]
        # A newer commit makes this analysis pointless; its own analysis follows.
        while parts and self._commits.get(at, 0) == commit:
            analyze = self.detect if parts[0] == "detection" else self.assess
            try:
                if unknown:
                    pixels = await self.visible_pixels(at, version, job, pixels)
                await analyze(at, version, job, pixels)
            # Reported for every remaining part, so that the window shows no endless progress.
            except JobCancelled:
                for part in parts:
                    job.emit(AnalysisFailed(at, version, part, Message("studio.analysis_cancelled")))
                raise
            except UserError as e:
                log.info("The %s of a new version failed: %s", parts[0], e)
                job.emit(AnalysisFailed(at, version, parts[0], e.text))
            except Exception:
                log.exception("The %s of a new version failed", parts[0])
                job.emit(AnalysisFailed(at, version, parts[0], Message("studio.analysis_failed")))
            del parts[0]

    @asynccontextmanager
    async def once(self, at: DocumentId, version: VersionId, part: str, job: Job) -> AsyncGenerator[None]:
        """Wait until no other job computes this part of a version. Raises JobCancelled."""
        # The dictionary is weak: a lock disappears once no job uses it.
        lock = self._locks.setdefault((at, version, part), asyncio.Lock())
        await job.wait(asyncio.ensure_future(lock.acquire()))
        try:
            yield
        finally:
            lock.release()

    async def detect(self, at: DocumentId, version: VersionId, job: Job, pixels: Pixels | None = None) -> Detection:
        """Detect what is wrong with a version and store it.

        pixels: of the version, H×W×3 RGB uint8 or uint16; None: read from the document. Raises UserError, ModelMissing.
        """
        async with self.once(at, version, "detection", job):
            known = self.version(at, version).detection
            if known is None:
                known = await self.find(await self.visible_pixels(at, version, job, pixels), job)
                await job.shield("document", self.document(at).set_detection, version, known)
        job.emit(Detected(at, version, known))
        return known

    async def visible_pixels(self, at: DocumentId, version: VersionId, job: Job, known: Pixels | None = None) -> Pixels:
        """What networks and scores see of a version: H×W×3 RGB, uint8 or uint16.

        Colors that alpha 0 hides are replaced by their surroundings. known: these pixels, if the caller has them.
        """
        return known if known is not None else await job.side("disk", _visible, self.document(at), version)

    async def find(self, pixels: Pixels, job: Job) -> Detection:
        """Detect what is wrong with pixels (H×W×3 RGB, uint8 or uint16). Raises UserError, ModelMissing."""
        return await job.run(self._detector.detect, pixels, job.checkpoint, lane=LaneClass.ANALYSIS)

    async def judge(self, before: Pixels, after: Pixels, task: Task, job: Job) -> Judgement:
        """Compare two photos (H×W×3 RGB, uint8 or uint16, of one size). Raises ModelMissing."""
        return await job.run(self._judge.compare, before, after, task, job.checkpoint, lane=LaneClass.ANALYSIS)

    def discarded_tasks(self, at: DocumentId, version: VersionId, *, of_part: bool = False) -> frozenset[Task]:
        """Tasks whose results on a version were undone, rejected or deleted: they are not recommended for it again.

        of_part: results on parts of the version, else on the whole of it.
        """
        document = self.document(at)
        children = [v for v in document.card().versions if v.parent == version]
        return frozenset(
            v.step.task
            for v in children
            if v.step.task is not None
            and (v.step.region is not None) == of_part
            and (v.rejected or v.deleted or document.was_undone(v.id))
        )

    async def advise(self, at: DocumentId, version: VersionId, job: Job) -> Advised:
        """Suggest tasks for a version; runs no method."""
        detection = await self.detect(at, version, job)
        discarded = self.discarded_tasks(at, version)
        advice = tuple(a for a in rules.advise(detection) if a.task not in discarded)
        seconds = await job.side("estimate", self._auto_seconds, advice, self.known_of(at, version))
        quality = self.document(at).version(version).quality
        text = rules.advice_text(detection, quality.overall if quality else None, discarded=discarded)
        advised = Advised(at, version, advice, text, seconds)
        job.emit(advised)
        return advised

    async def assess(self, at: DocumentId, version: VersionId, job: Job, pixels: Pixels | None = None) -> Quality:
        """Score a version, store the scores with it, and measure how far it is from the photo as it was opened.

        pixels: H×W×3 RGB, uint8 or uint16; None: read from the document. Scores by built-in parameters are renewed
        once the published ones are installed.
        Further metrics that the user switched on follow with a second Assessed.
        """
        async with self.once(at, version, "quality", job):
            known = await self._scored(at, version, job, pixels)
            away = await self._distance(at, version, job, pixels)
            job.emit(Assessed(at, version, self._chosen(known), away))
            if any(name not in known.more for name in self.settings.metrics):
                known = await self.measure_more(await self.visible_pixels(at, version, job, pixels), known, job)
                await job.shield("document", self.document(at).set_quality, version, known)
                job.emit(Assessed(at, version, self._chosen(known), away))
        return known

    async def _scored(self, at: DocumentId, version: VersionId, job: Job, pixels: Pixels | None) -> Quality:
        """The scores of a version, computed if they are not known or stale."""
        known = self.version(at, version).quality
        if known is not None and not await job.side("disk", self._scorer.is_stale, known):
            return known
        pixels = await self.visible_pixels(at, version, job, pixels)
        detection = self.version(at, version).detection
        try:
            detection = detection or await self.detect(at, version, job, pixels)
        except UserError as e:  # the detection request itself reports the reason
            log.info("Scored without the detector: %s", e)
        more = known.more if known else await job.side("document", self.document(at).more, version)
        scored = replace(await self.score(pixels, job, detection), more=more)
        await job.shield("document", self.document(at).set_quality, version, scored)
        return scored

    def _chosen(self, quality: Quality) -> Quality:
        """The scores without further metrics that are switched off."""
        return replace(quality, more={k: v for k, v in quality.more.items() if k in self.settings.metrics})

    async def measure_more(self, pixels: Pixels, quality: Quality, job: Job) -> Quality:
        """The scores of H×W×3 RGB (uint8 or uint16) with the further metrics that are switched on.

        Some take seconds and gigabytes and have no checkpoints, so they do not run inside a restoration.
        """
        for name in self.settings.metrics:
            if name in quality.more:
                continue
            why = {k: v for k, v in quality.why.items() if k != name}
            try:
                value = await job.run(self._scorer.measure, name, pixels, lane=LaneClass.BACKGROUND)
                quality = replace(quality, more={**quality.more, name: value}, why=why)
            except UserError as e:
                quality = replace(quality, why={**why, name: e.text})
        return quality

    async def score(self, pixels: Pixels, job: Job, detection: Detection | None = None) -> Quality:
        """Score pixels (H×W×3 RGB, uint8 or uint16). detection: what was found in them; the overall score uses it."""
        return await job.run(self._scorer.assess, pixels, job.checkpoint, detection, lane=LaneClass.ANALYSIS)

    async def find_and_score(self, pixels: Pixels, job: Job) -> Quality:
        """Score pixels (H×W×3 RGB, uint8 or uint16) that belong to no document, with a detection if possible."""
        return await self.score(pixels, job, await self.find_if_possible(pixels, job))

    async def find_if_possible(self, pixels: Pixels, job: Job) -> Detection | None:
        """As `find`; without a detector it says so and returns None. pixels: H×W×3 RGB, uint8 or uint16."""
        try:
            return await self.find(pixels, job)
        except UserError as e:
            job.emit(Notice(messages(Message("studio.scored_without_detector"), e.text)))
            return None

    async def _distance(self, at: DocumentId, version: VersionId, job: Job, pixels: Pixels | None) -> Distance | None:
        """The distance from the original; None for the original, and after a crop or rotation."""
        if (at, version) not in self._distances:
            document = self.document(at)
            first = document.card().versions[0]
            own = self.version(at, version)
            if own == first or (own.width, own.height) != (first.width, first.height) or self._moved(at, own):
                self._distances[at, version] = None
            else:
                pixels = await self.visible_pixels(at, version, job, pixels)
                original = await self.visible_pixels(at, first.id, job)
                measured = await job.run(distance, original, pixels, checkpoint=job.checkpoint, lane=LaneClass.ANALYSIS)
                self.document(at)  # raises if it was closed: then the result is dropped
                self._distances[at, version] = measured
        return self._distances[at, version]

    def _moved(self, at: DocumentId, version: Version) -> bool:
        """Whether a step since the photo was opened moved pixels."""
        while version.parent is not None and version.step.kind != "reset":
            if version.step.kind in MOVING:
                return True
            version = self.version(at, version.parent)
        return False

    # Files out -------------------------------------------------------------------------------------------------------

    async def export(
        self, at: DocumentId, version: VersionId, options: ExportOptions, job: Job,
        *, commit: Callable[[], None] | None = None,
    ) -> Path | None:  # fmt: skip
        """Write a version as a picture file; None if an existing file was skipped, as requested.

        commit: called before the file gets its name; None: the job can no longer be cancelled then.
        """
        document = self.document(at)
        job.report(0.0, Message("studio.writing", {"name": options.path.name}))
        picture = await self._exported(document, version, options, job)
        path = await job.side("encode", pictures.save, picture, options, document.card().path, commit or job.commit)
        if path is None:
            job.emit(Exported(at, None, 0))
            return None
        try:
            size = await job.side("disk", path.stat)
        except FileNotFoundError as e:
            raise UserError("studio.exported_file_gone", path=str(path)) from e
        losses = await job.side("encode", pictures.losses, picture, options)
        job.emit(Exported(at, path, size.st_size, losses))
        return path

    async def _exported(self, document: Document, version: VersionId, options: ExportOptions, job: Job) -> Picture:
        """What an export writes: a version, or a picture of two."""
        picture = await job.side("disk", document.picture, version)
        if options.compared is None:
            return picture
        before = await job.side("disk", document.picture, options.compared.before)
        return await job.side("encode", pictures.before_after, before, picture, options.compared)

    async def estimate_size(
        self, at: DocumentId, version: VersionId, options: ExportOptions, job: Job
    ) -> SizeEstimated:  # fmt: skip
        """The size of the exported file, and what it would lack."""
        picture = await self._exported(self.document(at), version, options, job)
        try:
            pictures.check_size(picture.pixels.shape[1], picture.pixels.shape[0], options)
        except UserError as e:
            return SizeEstimated(None, (e.text,))
        file = await job.side("encode", pictures.encode, picture, options)
        return SizeEstimated(len(file), await job.side("encode", pictures.losses, picture, options))

    async def save_project(self, at: DocumentId, path: Path, job: Job) -> None:
        """Write the document with all its versions as one .clarity file."""
        job.report(0.0, Message("studio.saving", {"name": path.name}))
        await job.side("disk", self.document(at).save_project, path, job.commit)
        job.emit(Saved(at, path, self.document(at).card().unsaved))
        await self._tell_project(at, job)


def _close_saved(document: Document) -> None:
    """Close a document whose opening was cancelled; its file still exists."""
    document.close(keep=False)


def _close_kept(document: Document) -> None:
    document.close(keep=True)


def _is_long(estimated: Estimated) -> bool:
    return estimated.seconds > LONG_SECONDS


async def _head_moved(document: Document, job: Job) -> HeadMoved:
    """The event about the head as it is now: other jobs may move it while its tiles are being listed."""
    while True:
        manifest = await job.shield("document", document.manifest, document.card().head)
        card = document.card()
        if card.head == manifest.version:
            return HeadMoved(document.id, card.head, manifest, card.undo_to, card.redo_to, card.unsaved)


def _method_card(method: Method, store: WeightStore) -> MethodCard:
    return MethodCard(
        method.id, method.title, method.tasks, method.architecture, method.licence, method.paper, method.trained_on,
        method.needs_mask, methods.missing(method, store), method.gains,
        method.speed, method.weights,
    )  # fmt: skip


def _adjusted(
    pixels: Pixels, settings: Adjustments, icc: bytes | None, region: Region | None, checkpoint: Callable[[], None]
) -> Pixels:
    """Adjusted pixels (H×W×3, uint8 or uint16); outside of the region they stay identical, and cost nothing."""
    if region is None:
        return adjust.adjust(pixels, settings, icc, checkpoint=checkpoint)
    box = region.bounds.grown(adjust.REACH, region.width, region.height)
    changed = pixels.copy()
    inside = cut(pixels, box)
    changed[box.slices()] = adjust.adjust(inside, settings, icc, region.within(box), checkpoint=checkpoint)
    return changed


def _transform_step(transform: Transform) -> Step:
    match transform:
        case Crop(bounds):
            return Step("crop", settings={"bounds": [bounds.x, bounds.y, bounds.width, bounds.height]})
        case Rotate(turns):
            return Step("rotate", settings={"quarter_turns": turns})
        case Flip(axis):
            return Step("flip", settings={"axis": axis})
        case Straighten(degrees):
            return Step("straighten", settings={"degrees": degrees})


def _preview(picture: Picture) -> PreviewReady:
    height, width = picture.pixels.shape[:2]
    factor = max(1, -(-max(width, height) // PREVIEW))
    if picture.alpha is None:
        shown = pictures.reduced(picture.pixels, factor)
    else:
        shown = _with_alpha(*pictures.reduced_visible(picture.pixels, picture.alpha, factor))
    return PreviewReady(picture.path, width, height, shown, picture.icc)


def _visible(document: Document, version: VersionId) -> Pixels:
    """H×W×3 pixels of a version, uint8 or uint16, without what alpha 0 hides."""
    return pictures.fill_transparent(document.pixels(version), document.alpha(version))


def with_hidden(
    result: Pixels, document: Document, parent: VersionId, alpha: NDArray[np.uint8] | NDArray[np.uint16] | None
) -> Pixels:
    """A result (H×W×3, uint8 or uint16) with the colors that its parent hides under alpha 0 (H×W)."""
    return result if alpha is None else pictures.with_hidden(result, document.pixels(parent), alpha)


def _with_alpha(pixels: Pixels, alpha: NDArray[np.uint8] | NDArray[np.uint16]) -> Pixels:
    """H×W×4 of pixels (H×W×3) and alpha (H×W), uint8 or uint16."""
    return cast(Pixels, np.dstack([pixels, alpha]))


def _thumbnail(
    pixels: Pixels, icc: bytes | None, alpha: NDArray[np.uint8] | NDArray[np.uint16] | None
) -> NDArray[np.uint8]:
    """RGB in sRGB, longest side at most 128; over a checkerboard where it is transparent."""
    height, width = pixels.shape[:2]
    factor = max(1, -(-max(width, height) // THUMBNAIL))
    if alpha is None:
        return pictures.to_srgb8(Picture(pictures.reduced(pixels, factor), icc=icc))[0]
    small, opacity = pictures.reduced_visible(pixels, alpha, factor)
    color, weight = pictures.to_srgb8(Picture(small, opacity, icc=icc))
    assert weight is not None
    rows, columns = np.indices(weight.shape) // CHECK
    checks = np.where((rows + columns) % 2, *CHECK_GRAYS)[..., None]
    part = weight[..., None] / np.float32(255)
    return np.rint(color * part + checks * (1 - part)).astype(np.uint8)
