"""A scripted link: answers the window's requests at once from a small document tree, and records what was requested."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from clarity_desktop import messages as m
from clarity_desktop.backend import selection
from clarity_desktop.messages import Event, Request
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.values import (
    DEGRADATIONS,
    TILE,
    Advice,
    Bounds,
    Box,
    Degradation,
    Detection,
    Distance,
    DocumentCard,
    DocumentId,
    EngineCard,
    Finding,
    Level,
    LoadedModel,
    Manifest,
    MethodCard,
    MethodPreference,
    ModelCard,
    Pixels,
    Quality,
    Recovery,
    Region,
    RegionId,
    RestoreParams,
    Step,
    StoredRegion,
    TaskPreferences,
    Turn,
    Version,
    VersionId,
)

METHODS = (
    MethodCard("maxim-deraining", "MAXIM 2S", ("derain",), "MAXIM 2S", "Apache-2.0", "CVPR 2022", "Rain13k", False),
    MethodCard("maxim-denoising", "MAXIM 3S", ("denoise",), "MAXIM 3S", "Apache-2.0", "CVPR 2022", "SIDD", False,
               ("maxim-denoising",)),
    MethodCard("maxim-deblurring", "MAXIM 3S", ("deblur",), "MAXIM 3S", "Apache-2.0", "CVPR 2022", "GoPro", False),
    MethodCard("maxim-dehazing-indoor", "MAXIM 2S, indoor", ("dehaze",), "MAXIM 2S", "Apache-2.0", "CVPR 2022",
               "RESIDE indoor", False),
    MethodCard("maxim-dehazing-outdoor", "MAXIM 2S, outdoor", ("dehaze",), "MAXIM 2S", "Apache-2.0", "CVPR 2022",
               "RESIDE outdoor", False),
    MethodCard("maxim-enhancement", "MAXIM 2S", ("low_light",), "MAXIM 2S", "Apache-2.0", "CVPR 2022", "LOL", False),
    MethodCard("maxim-retouching", "MAXIM 2S", ("retouch",), "MAXIM 2S", "Apache-2.0", "CVPR 2022", "FiveK", False),
)  # fmt: skip
PREFERENCES = (
    TaskPreferences(
        "derain", (MethodPreference("maxim-deraining", 0.71, 3, 5.8), MethodPreference("clarity-all", 0.4, 2))
    ),
    TaskPreferences("deblur", (MethodPreference("maxim-deblurring", 0.5, 0),)),
)
MODELS = (
    ModelCard("maxim-deraining", "MAXIM deraining", 57_000_000, "Apache-2.0", "ready", Path("weights/deraining")),
    ModelCard("maxim-denoising", "MAXIM denoising", 89_000_000, "Apache-2.0", "missing"),
    ModelCard("maxim-deblurring", "MAXIM deblurring", 89_000_000, "Apache-2.0", "partial"),
)


ENGINES = (
    EngineCard("mobile-sam", "MobileSAM", "mobile-sam"), EngineCard("grabcut", "GrabCut (classical)"),
)  # fmt: skip
SIDE = 40
"""Pixels of the side of what a click selects; that of each further candidate is as much longer."""


CANCELLED = "Analysis cancelled. Choose Suggest to run it again."


def a_detection(**likely: float) -> Detection:
    """What is wrong, by the first word of each degradation: a_detection(rain=0.97). Nothing: the photo looks fine.

    The heat grows from the left edge of the photo to the right.
    """
    found = {d: Finding(likely.get(d.split()[0].split("-")[0], 0.02), 0.8 if likely else 0.0) for d in DEGRADATIONS}
    named: list[Degradation] = sorted(found, key=lambda d: -found[d].probability)
    first = "normal" if not likely else "blend" if len(likely) > 1 else named[0]
    others = [c for c in ("normal", *named, "blend") if c != first]
    top = ((first, 0.93), *((c, 0.005) for c in others))
    heat = np.zeros((6, 8, len(DEGRADATIONS)), np.float64)
    for k, d in enumerate(DEGRADATIONS):
        heat[:, :, k] = 255 * found[d].probability * np.linspace(0, 1, 8)
    return Detection(top, found, heat.astype(np.uint8))


class FakeDocument:
    """Versions with their pixels, pyramids of tiles, and a head."""

    def __init__(self, at: DocumentId, title: str, path: Path | None, pixels: Pixels, clock: Iterable[float]) -> None:
        self.id, self.title, self.path = at, title, path
        self.tiles: dict[bytes, Pixels] = {}
        self.versions: dict[VersionId, Version] = {}
        self.pixels: dict[VersionId, Pixels] = {}
        self.manifests: dict[VersionId, Manifest] = {}
        self.turns: list[Turn] = []
        self.unsaved = False
        self.regions: dict[RegionId, StoredRegion] = {}
        self.masks: dict[RegionId, Region] = {}
        self.left: dict[VersionId, VersionId] = {}  # version → the one that undo last left towards it
        self._clock = iter(clock)
        self.head = self.add(None, Step("open"), pixels).id

    def add(self, parent: VersionId | None, step: Step, pixels: Pixels) -> Version:
        at = VersionId(f"{self.id}v{len(self.versions)}")
        height, width = pixels.shape[:2]
        thumb = pixels[:: max(1, height // 96), :: max(1, width // 128)]
        version = Version(at, parent, step, None, next(self._clock), width, height,
                          np.ascontiguousarray(thumb if thumb.dtype == np.uint8 else thumb >> 8, np.uint8))  # fmt: skip
        self.versions[at], self.pixels[at], self.head = version, pixels, at
        self.manifests[at] = Manifest(at, tuple(self._levels(pixels)))
        return version

    def card(self) -> DocumentCard:
        depth = self.pixels[self.head].dtype.itemsize * 8
        return DocumentCard(self.id, self.title, self.path, None, depth, "sRGB", None, False, self.head,
                            tuple(self.versions.values()), tuple(self.turns), **self.history(),
                            regions=tuple(self.regions.values()))  # fmt: skip

    def history(self) -> dict[str, Any]:
        """Where undo and redo lead, and whether there is unsaved work."""
        return {"undo_to": self._above(), "redo_to": self.left.get(self.head), "unsaved": self.unsaved}

    def move(self, head: VersionId | None) -> m.HeadMoved:
        """Raises UserError if there is nowhere to go."""
        if head is None:
            raise m.UserError("There is nothing to undo or redo.")
        self.head, self.unsaved = head, True
        return m.HeadMoved(self.id, self.head, self.manifests[self.head], **self.history())

    def undo(self) -> m.HeadMoved:
        if (to := self._above()) is not None:
            self.left[to] = self.head
        return self.move(to)

    def redo(self) -> m.HeadMoved:
        return self.move(self.left.get(self.head))

    def _above(self) -> VersionId | None:
        """The nearest version above the head that is not deleted."""
        at = self.versions[self.head].parent
        while at is not None and self.versions[at].deleted:
            at = self.versions[at].parent
        return at

    def _levels(self, pixels: Pixels) -> Iterable[Level]:
        while True:
            height, width = pixels.shape[:2]
            names: list[bytes] = []
            for y, x in itertools.product(range(0, height, TILE), range(0, width, TILE)):
                tile = np.ascontiguousarray(pixels[y : y + TILE, x : x + TILE])
                names.append(hashlib.blake2b(tile.tobytes(), digest_size=16).digest())
                self.tiles[names[-1]] = tile
            yield Level(width, height, tuple(names))
            if max(height, width) <= TILE:
                return
            pixels = pixels[::2, ::2]


class FakeLink:
    """Stands for link.Link. asked records requests; gates hold a kind of request or event back until they are opened.

    failures: parts of every analysis that fail, with why. detection, advice and distance are those of every version.
    """

    def __init__(self, pixels: Callable[[Path | None], Pixels]) -> None:
        self.pixels = pixels
        self.asked: list[Request] = []
        self.cancelled: list[Request] = []
        self.closed = False
        self.documents: dict[DocumentId, FakeDocument] = {}
        self.errors: dict[type, Exception] = {}
        self.gates: dict[type, asyncio.Event] = {}
        self.after: dict[type, asyncio.Event] = {}  # holds back the end of a kind of request after its last event
        self.failures: dict[m.AnalysisPart, str] = {}
        self.seconds = 4.0
        self.detection = a_detection(rain=0.97)
        self.advice: tuple[Advice, ...] = (Advice("derain", "rain streak", "Rain streaks cover the photo."),)
        self.distance = Distance(31.2, 0.93)
        self.methods, self.models, self.engines = METHODS, MODELS, ENGINES
        self.preferences = self.forgotten = PREFERENCES
        self.options: dict[str, m.OptionsListed] = {}  # of a task
        self.boxes = (Box("car", 0.93, Bounds(20, 30, 100, 80)), Box("car", 0.61, Bounds(200, 40, 90, 70)))
        self.loaded = (LoadedModel("maxim-deraining", "MAXIM deraining", 57_000_000),)
        self.recoveries: tuple[Recovery, ...] = ()
        self.losses: tuple[Message, ...] = ()
        self._calls: dict[int, tuple[Request, asyncio.Event]] = {}
        self._clock = itertools.count(1_780_000_000.0, 60.0)
        self._ids = itertools.count(1)

    def of(self, kind: type) -> list[Any]:
        """What was requested of one kind."""
        return [r for r in self.asked if isinstance(r, kind)]

    def new_call(self) -> int:
        return next(self._ids)

    async def run(self, request: Request, call: int | None = None) -> AsyncGenerator[Event, None]:
        self.asked.append(request)
        call = self.new_call() if call is None else call
        _, stop = self._calls[call] = request, asyncio.Event()
        try:
            await asyncio.sleep(0)
            if (error := self.errors.get(type(request))) is not None:
                raise error
            if offer := self._offer(request):
                yield offer
                return
            for event in self._answer(request):
                yield event
            await self._pass(type(request), stop)
            for event in self._end(request):
                try:
                    await self._pass(type(event), stop)
                except asyncio.CancelledError:
                    if isinstance(event, m.Detected | m.Assessed) and not isinstance(request, m.Advise):
                        for part in ("detection", "quality"):
                            yield m.AnalysisFailed(event.document, event.version, part, CANCELLED)
                    raise
                yield event
            if (held := self.after.get(type(request))) is not None:
                await held.wait()
        finally:
            del self._calls[call]

    async def _pass(self, kind: type, stop: asyncio.Event) -> None:
        """Wait at the gate, if there is one, until it opens or the request is cancelled."""
        gate = self.gates.get(kind)
        while gate is not None and not gate.is_set():
            if stop.is_set():
                raise asyncio.CancelledError
            await asyncio.sleep(0.005)

    def cancel(self, call: int) -> None:
        if (running := self._calls.get(call)) is not None:
            request, stop = running
            self.cancelled.append(request)
            stop.set()

    def close(self) -> None:
        self.closed = True

    def _offer(self, request: Request) -> m.Offered | None:
        """The rule of the studio: what is estimated above 20 s must be confirmed."""
        if not isinstance(request, m.Restore | m.Repeat | m.Improve) or request.confirmed:
            return None
        seconds = self.seconds * (len(self.advice) if isinstance(request, m.Improve) else 1)
        if seconds <= 20:
            return None
        version = self.documents[request.document].versions[request.version]
        size = version.width * version.height / 1e6
        whole = isinstance(request, m.Restore) and request.params.region is None
        return m.Offered(request, seconds, seconds / 10 if whole else None, size)

    def _answer(self, request: Request) -> Iterable[Event]:
        """Events that come at once; a gate holds back the end."""
        match request:
            case m.Open(path):
                yield m.PreviewReady(path, 8, 6, np.zeros((6, 8, 3), np.uint8), None)
            case m.Restore(document, version, params):
                yield m.Progress(0.0, "tile 1 of 2", 4.0)
                yield self._tile(document, version, params.visible)
            case m.Improve(document, version, visible):
                yield m.Progress(0.0, "tile 1 of 2", 4.0)
                yield self._tile(document, version, visible)
            case m.FetchModel():
                yield m.Progress(0.25)
            case m.ReadThumbnail(path):
                yield m.ThumbnailReady(path, np.full((60, 90, 3), 90, np.uint8))
            case m.ReadTiles(document, hashes):
                tiles = self.documents[document].tiles
                yield m.TilesReady(document, tuple((h, tiles[h]) for h in hashes))
            case m.ReadManifest(document, version):
                yield m.ManifestReady(document, self.documents[document].manifests[version])
            case m.SendMessage(document, text):
                yield self._turn(document, "user", text)
            case m.RunPlan(document):
                yield self._turn(document, "user", "Run it")
            case _:
                pass

    def _tile(self, document: DocumentId, version: VersionId, visible: Bounds | None) -> m.TileDone:
        pixels = self.documents[document].pixels[version]
        bounds = (visible or Bounds(0, 0, 64, 64)).cut(Bounds(0, 0, pixels.shape[1], pixels.shape[0]))
        return m.TileDone(document, version, bounds, np.ascontiguousarray(pixels[bounds.slices()]))

    def _turn(self, document: DocumentId, role: Any, text: str) -> m.TurnAdded:
        turn = Turn(role, text)
        d = self.documents[document]
        d.turns.append(turn)
        return m.TurnAdded(document, turn, unsaved=d.unsaved)

    def _end(self, request: Request) -> Iterable[Event]:
        match request:
            case m.Open(path):
                opened = self._opened(path.name, path)
                yield opened
                yield from self._analysis(opened.card.id, opened.card.head)
            case m.OpenPixels(_, _, name):
                yield self._opened(name, None)
            case m.Recover(store):
                yield self._opened(store.stem, store)
            case m.Close(document):
                self.documents.pop(document, None)
            case m.FindRecoveries():
                yield m.RecoveriesFound(self.recoveries)
            case m.MeasureDisk() | m.Prune():
                yield m.DiskMeasured(0, 1, ())
            case m.FindClosed():
                yield m.ClosedFound(self.recoveries)
            case m.ListMethods():
                yield m.MethodsListed(self.methods)
            case m.ListPreferences():
                yield m.PreferencesListed(self.preferences)
            case m.ResetPreferences(task):
                reset = [t if task not in (None, t.task) else self._without_choices(t) for t in self.preferences]
                self.preferences, self.forgotten = tuple(reset), self.preferences
                yield m.PreferencesListed(self.preferences, True)
            case m.RestorePreferences():
                self.preferences = self.forgotten
                yield m.PreferencesListed(self.preferences)
            case m.ListModels() | m.ImportModel() | m.RemoveModel():
                yield m.ModelsListed(self.models)
            case m.ListLoadedModels():
                yield m.LoadedModels(self.loaded)
            case m.UnloadModel(model):
                self.loaded = tuple(x for x in self.loaded if x.id != model)
                yield m.LoadedModels(self.loaded)
            case m.FetchModel(model):
                self.models = tuple(replace(c, state="ready") if c.id == model else c for c in self.models)
                self.methods = tuple(
                    replace(c, missing=tuple(x for x in c.missing if x != model)) for c in self.methods
                )
                yield m.ModelsListed(self.models)
            case m.Estimate(document, version, task, method, _):
                v = self.documents[document].versions[version]
                yield m.Estimated(self.seconds, v.width * v.height / 1e6, method or task)
            case m.ListOptions(_, _, task, _):
                yield self.options.get(task, m.OptionsListed(task, ()))
            case m.Assess(document, version):
                yield self._assessed(document, version)
            case m.Detect(document, version):
                yield self._detected(document, version)
            case m.Advise(document, version):
                yield self._detected(document, version)
                text = "This would help." if self.advice else "Looks fine."
                yield m.Advised(document, version, self.advice, text, self.seconds * len(self.advice))
            case m.EstimateSize():
                yield m.SizeEstimated(1_234_567, self.losses)
            case m.Export(document, _, options):
                yield m.Exported(document, None if options.exists == "skip" else options.path, 1_234_567, self.losses)
            case m.SaveProject(document, path):
                self.documents[document].unsaved = False
                yield m.Saved(document, path)
            case m.ReadPixels(document, version):
                yield m.PixelsReady(document, version, self.documents[document].pixels[version], None)
            case m.ListEngines():
                yield m.EnginesListed(self.engines)
            case m.PrepareSelection(document, version):
                yield m.SelectionPrepared(document, version, "grabcut")
            case m.Select(document, version):
                yield self._selected(request)
            case m.SelectWords(document, version, _) | m.SelectWhere(document, version, _):
                region = self._rectangle(document, version, Bounds(20, 30, 100, 80))
                yield m.Selected(document, version, region, "yolox-nano+grabcut", (0.93,))
            case m.FindObjects(document, version, words):
                yield m.ObjectsFound(document, version, words, self.boxes, "yolox-nano")
            case m.Describe(document, version):
                text = (Message("describe.landscape", {"width": 60, "height": 40}), Message("describe.gray"))
                yield m.Described(document, version, text, ("maxim-denoising", "maxim-deblurring"))
            case m.AnalyzeRegion(document, version, region):
                quality = Quality(niqe=5.0)
                yield m.RegionAnalyzed(
                    document, version, region, self.detection, quality, self.advice, "This would help."
                )
            case m.ExportRegion(document, _, path, _):
                yield m.RegionExported(document, path)
            case _:
                yield from self._edited(request)

    def _without_choices(self, preferences: TaskPreferences) -> TaskPreferences:
        return replace(preferences, methods=tuple(replace(x, score=0.5, choices=0) for x in preferences.methods))

    def _rectangle(self, document: DocumentId, version: VersionId, bounds: Bounds) -> Region:
        v = self.documents[document].versions[version]
        return Region.rectangle(bounds, v.width, v.height)

    def _selected(self, asked: m.Select) -> m.Selected:
        """A square around the last click, or the box; one side longer for each candidate."""
        if asked.boxes:
            bounds = asked.boxes[0]
        else:
            side, last = SIDE * (1 + asked.candidate), asked.clicks[-1]
            bounds = Bounds(max(0, round(last.x) - side // 2), max(0, round(last.y) - side // 2), side, side)
        region = self._rectangle(asked.document, asked.version, bounds)
        hint = np.full((4, 4), len(asked.clicks), np.float32)
        return m.Selected(asked.document, asked.version, region, "grabcut", (0.9, 0.7, 0.5), asked.candidate, hint)

    def _regions(self, request: Request) -> Iterable[Event]:
        """What changes masks and kept regions."""
        match request:
            case m.ChangeRegion(document, version, region, change):
                v = self.documents[document].versions[version]
                pixels = self.documents[document].pixels[version]
                changed = selection.changed(region, change, v, lambda b: pixels[b.slices()], lambda: None)
                yield m.RegionReady(document, changed)
            case m.KeepRegion(document, version, region, name, engine, replaces):
                d = self.documents[document]
                at = replaces or RegionId(f"r{len(d.regions)}")
                thumbnail = np.repeat((region.full()[::4, ::4])[..., None], 3, 2)
                d.regions[at] = StoredRegion(at, f"{at}-{next(self._ids)}", name, version, region.bounds, region.width,
                                             region.height, thumbnail, engine)  # fmt: skip
                d.masks[at] = region
                yield m.RegionsChanged(document, tuple(d.regions.values()))
            case m.EditRegion(document, at, name, deleted):
                d = self.documents[document]
                old = d.regions[at]
                d.regions[at] = replace(old, name=old.name if name is None else name,
                                        deleted=old.deleted if deleted is None else deleted)  # fmt: skip
                yield m.RegionsChanged(document, tuple(d.regions.values()))
            case m.ReadRegion(document, _, at):
                yield m.RegionReady(document, self.documents[document].masks[at], at)
            case m.ImportRegion(document, version, _):
                yield m.RegionReady(document, self._rectangle(document, version, Bounds(5, 5, 50, 40)))
            case m.RemoveObject(document, version, _):
                step = Step("restore", "inpaint", "opencv-telea", region="r1")
                yield from self._added(document, version, step, lambda p: p)
            case _:
                pass

    def _edited(self, request: Request) -> Iterable[Event]:
        """What changes a document's tree."""
        match request:
            case m.Restore(document, version, params):
                step = Step("restore", params.task, params.method, strength=params.strength, seconds=3.5)
                if params.region:
                    at = params.region.bounds
                    whole = params.region.mask.min() == 255
                    settings = {"bounds": [at.x, at.y, at.width, at.height]} if whole else {}
                    step = replace(step, region="r1", settings=settings)
                yield from self._added(document, version, step, lambda p: 255 - p)
            case m.Complete(document, version):
                made = self.documents[document].versions[version]
                step = replace(made.step, region=None, settings={})
                yield from self._added(document, made.parent, step, lambda p: 255 - p)
            case m.Improve(document, version):
                yield from self._improved(document, version)
            case m.Repeat(document, version, made):
                step = self.documents[document].versions[made].step
                yield from self._added(document, version, step, lambda p: 255 - p)
            case m.ApplyTransform(document, version, transform):
                kind = type(transform).__name__.lower()
                yield from self._added(document, version, Step(kind), lambda p: np.ascontiguousarray(p[:, ::-1]))
            case m.Reset(document, version):
                yield from self._added(document, version, Step("reset"), lambda p: p)
            case m.GoTo(document, version):
                yield self.documents[document].move(version)
            case m.Undo(document):
                yield self.documents[document].undo()
            case m.Redo(document):
                yield self.documents[document].redo()
            case m.Edit(document, version, name, star, deleted, rejected):
                d = self.documents[document]
                if rejected is not None:
                    d.versions[version] = replace(d.versions[version], rejected=rejected)
                    if rejected and d.head == version:
                        yield d.move(d.versions[version].parent)
                yield from self._changed(d, version, name, star, deleted)
            case m.SendMessage(document, text):
                yield self._turn(document, "assistant", f"You said: {text}")
            case _:
                yield from self._compared(request)

    def _compared(self, request: Request) -> Iterable[Event]:
        """Candidates and what becomes of them."""
        match request:
            case m.TryMethods(document, version, choices):
                for number, choice in enumerate(choices, 1):
                    fields = {"method": choice.method or "", "number": number, "count": len(choices)}
                    yield m.Progress(0.0, Message("fusion.trying", fields))
                    yield from self._tried(document, version, choice, number, len(choices))
            case m.Fuse(document, versions, _):
                parent = self.documents[document].versions[versions[0]].parent
                yield from self._added(document, parent or versions[0], Step("fuse"), lambda p: p)
            case m.MergePart(document, version):
                yield from self._added(document, version, Step("merge"), lambda p: p)
            case m.Pick(document, version, _):
                yield self.documents[document].move(version)
            case m.MeasureDifferences(document, versions, reference):
                d = self.documents[document]
                for version in versions:
                    a, b = d.pixels[reference], d.pixels[version]
                    away = abs(a.astype(float) - b).mean() / 255 if a.shape == b.shape else None
                    yield m.DifferenceMeasured(document, reference, version, away)
            case _:
                yield from self._regions(request)

    def _tried(
        self, document: DocumentId, version: VersionId, choice: RestoreParams, number: int, count: int
    ) -> Iterable[Event]:
        """A candidate: each is a little darker than the one before, and the head stays."""
        d = self.documents[document]
        head, step = d.head, Step("restore", choice.task, choice.method, seconds=3.5 * number)
        made = d.add(version, step, d.pixels[version] - d.pixels[version] // 16 * number)
        d.head, d.unsaved = head, True
        yield m.VersionsChanged(d.id, tuple(d.versions.values()), **d.history())
        yield m.CandidateAdded(document, made, d.manifests[made.id], number, count)
        yield from self._analysis(document, made.id)

    def _changed(self, d: FakeDocument, at: VersionId, name: Any, star: Any, deleted: Any) -> Iterable[Event]:
        old = d.versions[at]
        d.versions[at] = replace(
            old,
            name=old.name if name is None else name,
            star=old.star if star is None else star,
            deleted=old.deleted if deleted is None else deleted,
        )
        d.unsaved = True
        yield m.VersionsChanged(d.id, tuple(d.versions.values()), **d.history())
        if deleted and d.head == at:
            yield d.move(old.parent or at)

    def _opened(self, title: str, path: Path | None) -> m.Opened:
        at = DocumentId(f"d{len(self.documents)}-{len(self.asked)}")
        d = self.documents[at] = FakeDocument(at, title, path, self.pixels(path), self._clock)
        return m.Opened(d.card(), d.manifests[d.head])

    def _added(self, document: DocumentId, version: VersionId, step: Step, change: Callable[[Pixels], Pixels]) -> Any:
        d = self.documents[document]
        added = d.add(version, step, change(d.pixels[version]))
        d.unsaved = True
        yield m.VersionAdded(document, added, d.manifests[added.id], **d.history())
        yield from self._analysis(document, added.id)

    def _improved(self, document: DocumentId, version: VersionId) -> Iterable[Event]:
        for advice in self.advice:
            step = Step("restore", advice.task, "maxim", seconds=1.0)
            yield from self._added(document, self.documents[document].head, step, lambda p: 255 - p)
        text = "Removed the rain: 40 → 48." if self.advice else "The photo looks fine: nothing was done."
        yield self._turn(document, "assistant", text)
        yield m.Improved(document, self.documents[document].head, text)

    def _analysis(self, document: DocumentId, version: VersionId) -> Iterable[Event]:
        yield m.AnalysisStarted(document, version)
        for part, find in (("detection", self._detected), ("quality", self._assessed)):
            if why := self.failures.get(part):
                yield m.AnalysisFailed(document, version, part, why)
            else:
                yield find(document, version)

    def _detected(self, document: DocumentId, version: VersionId) -> m.Detected:
        d = self.documents[document]
        d.versions[version] = replace(d.versions[version], detection=self.detection)
        return m.Detected(document, version, self.detection)

    def _assessed(self, document: DocumentId, version: VersionId) -> m.Assessed:
        """Each version scores better than the one before."""
        d = self.documents[document]
        n, first = len(d.versions), d.versions[version].parent is None
        quality = Quality(niqe=6.2 - n, piqe=48.0 - 8 * n, sseq=40.0 - n, overall=40.0 + 8 * n, low=33.0 + 8 * n,
                          high=47.0 + 8 * n, bundled=("sseq",), why={"brisque": "Too small for BRISQUE."})  # fmt: skip
        d.versions[version] = replace(d.versions[version], quality=quality)
        return m.Assessed(document, version, quality, None if first else self.distance)


@asynccontextmanager
async def a_window(
    pixels: Callable[[Path | None], Pixels] | None = None, settings: Settings | None = None, *, connected: bool = True
) -> AsyncIterator[tuple[MainWindow, FakeLink]]:
    """A shown window on a fake link; closed at the end as a user would, with all that it started ended."""
    window = MainWindow(settings or Settings(), (Path("rain.jpg"),))
    window.resize(1280, 800)
    window.show()
    link = FakeLink(pixels or gradient)
    ended = asyncio.Event()
    window.ended.connect(ended.set)
    try:
        if connected:
            window.connect_backend(link)
            await until(lambda: window.restore.choice() is not None)
        yield window, link
    finally:
        for gate in link.gates.values():
            gate.set()
        window.end_session()
        await asyncio.wait_for(ended.wait(), 60)
        window.deleteLater()


async def a_photo(window: MainWindow, name: str = "rain.jpg") -> DocumentState:
    """Open a photo in the window and wait until it and its scores are there."""
    window.file_commands.open_paths([Path(name)])
    await until(lambda: bool(window.current and window.current.title == name and window.current.card))
    await settled(window)
    assert window.current is not None
    return window.current


async def settled(window: MainWindow) -> None:
    """Wait until nothing is under way."""
    await asyncio.sleep(0)
    await until(lambda: not window.requests.running)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that must come to hold."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0.003)
    raise AssertionError("it never came to hold")


def gradient(_path: Path | None) -> Pixels:
    y, x = np.mgrid[:300, :480]
    return np.stack([x * 255 // 480, y * 255 // 300, (x + y) % 256], -1).astype(np.uint8)


def texts(window: MainWindow) -> list[str]:
    return [bar.text for bar in window.notices.bars()]


def press(window: MainWindow, text: str) -> None:
    """Press the notice's button of that name."""
    [button] = [b for bar in window.notices.bars() for b in bar.buttons if b.text() == text]
    button.click()


def type_key(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    window.activateWindow()
    QTest.keyClick(window.focusWidget() or window, key, modifier)
