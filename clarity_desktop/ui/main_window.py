"""The window: open photos, docks, and _follow, the one place where news of the backend reach widgets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import assert_never

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent

from clarity_desktop import settings as choices
from clarity_desktop.messages import (
    Advised,
    Assessed,
    Close,
    ClosedFound,
    CompareRequested,
    Configure,
    Detected,
    DiskMeasured,
    Estimated,
    Event,
    Exported,
    FileExists,
    FindRecoveries,
    HeadMoved,
    Improve,
    Improved,
    ListMethods,
    ListModels,
    ManifestReady,
    MeasureDisk,
    MethodsListed,
    ModelMissing,
    ModelsListed,
    Notice,
    Opened,
    PixelsReady,
    PreviewReady,
    Progress,
    ReadTiles,
    RecoveriesFound,
    Redo,
    Repeat,
    Request,
    Restore,
    Saved,
    SendMessage,
    SizeEstimated,
    TileDone,
    TilesReady,
    TurnAdded,
    Undo,
    UserError,
    VersionAdded,
    VersionsChanged,
)
from clarity_desktop.settings import Settings
from clarity_desktop.ui.actions import Needs
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.commands.edit import EditCommands
from clarity_desktop.ui.commands.export import ExportCommands
from clarity_desktop.ui.commands.files import FileCommands
from clarity_desktop.ui.commands.preferences import PreferenceCommands
from clarity_desktop.ui.commands.quality import LOOKING, QualityCommands
from clarity_desktop.ui.commands.restore import RestoreCommands
from clarity_desktop.ui.commands.view import ViewCommands
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import DEVICES
from clarity_desktop.ui.link import Link
from clarity_desktop.ui.requests import PendingRequest, RequestQueue
from clarity_desktop.ui.shell import Shell
from clarity_desktop.ui.translate import render
from clarity_desktop.values import DocumentId, Turn

log = logging.getLogger(__name__)


class MainWindow(Shell):
    """Widgets say what the user wishes; the window asks the backend and tells the widgets what came of it."""

    ended = Signal()  # closed, and nothing is under way any more

    def __init__(self, settings: Settings, samples: tuple[Path, ...] = ()) -> None:
        super().__init__(settings)
        self.samples = samples
        self.asking = RequestQueue(self._follow, self._ended)
        self.asking.jobs_changed.connect(self.show_jobs)
        self._closing = self._closed = False
        self.file_thread = ThreadPoolExecutor(1, thread_name_prefix="clarity-files")
        self.looking, self.editing = ViewCommands(self), EditCommands(self)
        self.files, self.exporting = FileCommands(self), ExportCommands(self)
        self.restoring, self.choosing = RestoreCommands(self), PreferenceCommands(self)
        self.perceiving = QualityCommands(self)
        self.make_menus({"recent": self.files.recent_menu, "tasks": self.restoring.tasks_menu})
        self._connect()
        self.restore_shape()
        self.show_device(settings.device)
        self.photos.show_recent(settings.recent)
        self.refresh()

    def _connect(self) -> None:
        self.action.on("quit", self.close)
        self.action.on("cancel", self.asking.cancel_job)
        self.status.cancelled.connect(self.asking.cancel_job)
        self.chat.said.connect(self._say)
        self.photos.chosen.connect(self.photo_chosen)
        self.photos.close_asked.connect(self.files.close)
        self.photos.canvas_made.connect(self._wire)
        self._wire(self.photos.empty_canvas)

    # requests

    def connect_backend(self, link: Link) -> None:
        """The backend is there: ask for what the window needs, then for all that was asked before."""
        self.asking.connect_backend(link)
        for request in (ListMethods(), ListModels(), FindRecoveries(), MeasureDisk()):
            self.ask(request)

    def ask(
        self,
        request: Request,
        view: DocumentState | None = None,
        title: str = "",
        then: Callable[[], object] | None = None,
    ) -> PendingRequest:
        """Send a request; its news come through _follow."""
        return self.asking.ask(PendingRequest(request, view, title, then))

    async def _follow(self, follow: PendingRequest) -> None:
        """The one place where news reach widgets."""
        assert self.link is not None
        try:
            async with aclosing(self.link.run(follow.request)) as news:
                async for one in news:
                    self._reach(follow, one)
        except asyncio.CancelledError:
            self._cancelled(follow)
            raise
        except FileExists:
            self.exporting.ask_about_existing(follow.request, follow.view)
        except ModelMissing as e:
            if not self.perceiving.failed(follow, str(e)):
                self.restoring.offer_models(follow, str(e))
        except UserError as e:
            self._undo_painting(follow)
            if not self.perceiving.failed(follow, str(e)):
                self.notices.say(str(e), "error")
        else:
            if follow.then:
                follow.then()

    def _reach(self, follow: PendingRequest, news: Event) -> None:
        match news:
            case Progress():
                follow.progress = news
                self.show_jobs()
            case PreviewReady():
                self.files.previewed(follow, news)
            case Opened(card, manifest):
                self.files.came(follow, card, manifest)
                self._only_looks(follow)
            case TilesReady(_, tiles):
                if view := self.open_view(follow):
                    view.canvas.add_tiles(tiles)
            case TileDone(document, version, bounds, pixels):
                if (view := self.photos.view(document)) and view.head == version:
                    view.canvas.paint_tile(bounds, pixels)
            case VersionAdded(document, version, manifest):
                self._to(document, lambda view: view.added(version, manifest))
                self.restoring.added(version)
                if follow.title and not isinstance(follow.request, Improve | SendMessage):  # these may go on
                    self._only_looks(follow)
            case HeadMoved(document, head, manifest):
                self._to(document, lambda view: view.moved(head, manifest))
            case VersionsChanged(document, versions):
                self._to(document, lambda view: view.changed(versions))
            case ManifestReady(document, manifest):
                self._to(document, lambda view: view.manifest_came(manifest))
            case Assessed(document, version, quality, distance):
                self._to(document, lambda view: view.assessed(version, quality, distance))
            case Detected(document, version, detection):
                self._to(document, lambda view: view.detected(version, detection))
            case Advised():
                self._to(news.document, lambda view: view.take_advice(news))
            case Improved():
                self.perceiving.improved(follow, news)
            case Saved(document, path):
                self._to(document, lambda view: view.saved(path))
                self.files.saved(path)
            case TurnAdded(document, turn):
                self._turn_added(document, turn)
            case CompareRequested(document, version, other):
                self.looking.compare_asked(self.photos.view(document), version, other)
            case PixelsReady(_, _, pixels, alpha):
                self.files.copy_pixels(pixels, alpha)
            case Exported(_, path, size):
                self.exporting.exported(path, size)
            case SizeEstimated(size):
                self.exporting.size_estimated(size)
            case Estimated():
                self.restoring.estimated(follow.request, news)
            case MethodsListed(methods, extra_metrics):
                self.choosing.extra_metrics = extra_metrics
                self.restoring.show_methods(methods)
            case ModelsListed(models):
                self.restoring.show_models(models)
                self.perceiving.models_came(models)
            case RecoveriesFound(recoveries):
                self.files.show_recoveries(recoveries)
            case ClosedFound(closed):
                self.files.show_closed(closed)
            case DiskMeasured():
                self.files.disk_measured(news)
            case Notice(text):
                self.notices.say(render(text))
            case _:
                assert_never(news)

    def _only_looks(self, follow: PendingRequest) -> None:
        """The photo or version that was asked for is there; what is left is looking at it."""
        follow.title, follow.progress = LOOKING, None
        self.show_jobs()

    def _ended(self, follow: PendingRequest, task: asyncio.Task[None]) -> None:
        """However a request ended: it is no job any more; what nobody foresaw is a bug and is said to be one."""
        view = self.open_view(follow)
        if view and isinstance(follow.request, SendMessage):
            view.talking = any(f.view is view and isinstance(f.request, SendMessage) for f in self.follows)
            self.chat.show_talking(bool(self.current and self.current.talking))
        if view and isinstance(follow.request, Undo | Redo):
            view.wished.pop(0)
            self.show_steps()
        if view and view.card and follow.title and not self._closing:
            if task.cancelled() and follow.title == LOOKING:
                self.perceiving.cancelled(view)
            self.perceiving.complete(view)
        if view and not view.card and not self._closing:
            self.photos.remove(view)  # the photo could not be opened
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", type(follow.request).__name__, exc_info=error)
            self._undo_painting(follow)
            if not self.perceiving.failed(follow, "This could not be found out; why is in the log."):
                what = follow.title or type(follow.request).__name__
                self.notices.say(f"Something went wrong in “{what}”; it is in the log: {choices.log_file()}", "error")

    def _cancelled(self, follow: PendingRequest) -> None:
        self._undo_painting(follow)
        if isinstance(follow.request, ReadTiles) and (view := self.open_view(follow)):
            view.canvas.ask_again()

    def _undo_painting(self, follow: PendingRequest) -> None:
        """A restoration ended without a version: its parts go away."""
        view = self.open_view(follow)
        if view and isinstance(follow.request, Restore | Repeat | Improve | SendMessage) and not self._closing:
            view.canvas.clear_painted()

    # jobs

    @property
    def link(self) -> Link | None:
        return self.asking.link

    @property
    def follows(self) -> list[PendingRequest]:
        return self.asking.follows

    @property
    def jobs(self) -> list[PendingRequest]:
        return self.asking.jobs

    def show_jobs(self) -> None:
        if not self.jobs:
            self.status.show_no_job()
        else:
            job, *others = self.jobs
            title = f"{job.title} (+{len(others)})" if others else job.title
            at = job.progress
            self.status.show_job(
                title, at.fraction if at else None, render(at.note) if at else "", at and at.seconds_left
            )
        self.action["cancel"].setEnabled(bool(self.jobs))
        self.restoring.show_fetching(self.jobs)

    # photos

    @property
    def current(self) -> DocumentState | None:
        return self.photos.current

    def open_view(self, follow: PendingRequest) -> DocumentState | None:
        """The photo that a request is for; None: there is none, or its tab was closed and its canvas is gone."""
        return follow.view if follow.view in self.photos.views else None

    def add_view(self, title: str, path: Path | None) -> DocumentState:
        """A place for a photo that is being opened."""
        view = self.photos.add(title, path)
        view.canvas.tiles_wanted.connect(partial(self._read_tiles, view))
        return view

    def _wire(self, canvas: Canvas) -> None:
        """Connect what every canvas says, with or without a photo."""
        canvas.files_dropped.connect(self.files.open_dropped)
        canvas.image_dropped.connect(self.files.open_image)
        canvas.zoom_changed.connect(self.looking.zoom_changed)
        canvas.hovered.connect(self.looking.hovered)
        canvas.compare_changed.connect(self.looking.compare_changed)
        canvas.crop_changed.connect(self.crop_bar.show_bounds)
        canvas.crop_accepted.connect(self.editing.crop_to)
        canvas.crop_cancelled.connect(self.editing.leave)

    def refresh(self) -> None:
        """Show the current photo's state in all docks, the title and the actions."""
        view = self.current
        self.versions.show_versions(
            view.versions.values() if view else (), view.head if view else None, view.other if view else None
        )
        self.perceiving.show()
        self.restore.show_ready(bool(view and view.card))
        self.chat.show_ready(bool(view and view.card))
        self.looking.show_state(view)
        self.restoring.estimate_soon()
        present: set[Needs] = {"nothing"}
        if view and view.card:
            present.add("photo")
            present.update(("parent",) if view.undo_to else (), ("pair",) if view.other else ())
        self.action.enable(present)
        self.show_steps()
        self.restoring.show_repeatable()
        self.editing.show_chosen()
        self.action["cancel"].setEnabled(bool(self.jobs))
        self.photos.name_tabs()

    def show_steps(self) -> None:
        """Whether there is a step back and one forward."""
        view = self.current
        self.action["undo"].setEnabled(bool(view and view.undo_leads_to))
        self.action["redo"].setEnabled(bool(view and view.redo_leads_to))

    def photo_chosen(self) -> None:
        """Another photo is shown, or the one shown has come."""
        view = self.current
        self.editing.leave()
        self.chat.show_turns(view.turns if view else ())
        self.chat.show_talking(bool(view and view.talking))
        self.photos.show_recent(self.settings.recent)
        self.refresh()

    # what came

    def _to(self, document: DocumentId, change: Callable[[DocumentState], object]) -> None:
        """Apply news to their photo's state; those of a photo that is not open any more are dropped."""
        if (view := self.photos.view(document)) is None:
            return
        change(view)
        self.perceiving.complete(view)
        if view is self.current:
            self.refresh()
        else:
            self.photos.name_tabs()

    def _turn_added(self, document: DocumentId, turn: Turn) -> None:
        if view := self.photos.view(document):
            view.told(turn)
            if view is self.current:
                self.chat.add_turn(turn)
            self.photos.name_tabs()

    def _say(self, text: str) -> None:
        if (view := self.current) and view.id:
            view.talking = True
            self.chat.show_talking(True)
            self.ask(SendMessage(view.id, text, view.canvas.view.visible()), view, "Chat")

    def _read_tiles(self, view: DocumentState, hashes: tuple[bytes, ...]) -> None:
        if view.id:
            self.ask(ReadTiles(view.id, hashes), view)

    def use_settings(self, settings: Settings) -> None:
        """Take other choices: here, in the backend and on disk."""
        others = settings.metrics != self.settings.metrics
        self.settings = settings
        self.save_settings()
        self.restoring.forget_estimates()
        if self.link is not None:  # it is made with the settings of that moment
            self.ask(Configure(settings))
            self.perceiving.look_again(scores=others)

    def show_device(self, device: str) -> None:
        self.status.show_device(DEVICES[device])

    # drops beside the photo

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.files.take(event.mimeData())
        event.acceptProposedAction()

    # the end

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._closed:
            event.accept()
            return
        event.ignore()
        if not self._closing:
            self._closing = True
            self.looking.show_all_panels()
            self.save_settings()
            self.hide()
            self._shutting = asyncio.ensure_future(self._shut())

    async def _shut(self) -> None:
        """Cancel what runs, close what is saved; unsaved work stays in its store for the next start."""
        await self.asking.cancel_all()
        for view in self.photos.views:
            if self.link and view.id and not view.unsaved:
                async with aclosing(self.link.run(Close(view.id))) as news:
                    async for _ in news:
                        pass
        self.file_thread.shutdown(wait=False, cancel_futures=True)
        self._closed = True
        self.close()
        self.ended.emit()
