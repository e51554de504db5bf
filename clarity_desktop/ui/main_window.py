"""The main window: creates the session and the commands, sends events to them, and closes everything at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import assert_never

from PySide6.QtCore import Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent

from clarity_desktop import settings as settings_file
from clarity_desktop.messages import (
    Advised,
    AnalysisFailed,
    AnalysisStarted,
    Assessed,
    CandidateAdded,
    CandidateFailed,
    Close,
    ClosedFound,
    CompareRequested,
    Complete,
    Describe,
    Described,
    Detected,
    DifferenceMeasured,
    DiskMeasured,
    EnginesListed,
    Estimated,
    Event,
    Exported,
    FileExists,
    FindRecoveries,
    HeadMoved,
    Improve,
    Improved,
    InfoReady,
    ListMethods,
    ListModels,
    ListPreferences,
    LlmKeyRead,
    LlmModelsListed,
    LlmTested,
    LoadedModels,
    ManifestReady,
    MeasureDisk,
    MethodsListed,
    ModelMissing,
    ModelRecognized,
    ModelsListed,
    Notice,
    ObjectsFound,
    Offered,
    Opened,
    OptionsListed,
    PhotoFound,
    PixelsReady,
    PreferencesListed,
    PreviewDone,
    PreviewReady,
    Progress,
    ReadTiles,
    RecoveriesFound,
    RegionAnalyzed,
    RegionExported,
    RegionReady,
    RegionsChanged,
    RemoveObject,
    RepairOldPhoto,
    Repeat,
    ReplyPart,
    Restore,
    RunMacro,
    RunPlan,
    Saved,
    Selected,
    SelectionCleared,
    SelectionPrepared,
    SendMessage,
    SizeEstimated,
    StepStarted,
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
from clarity_desktop.ui.actions import Needs
from clarity_desktop.ui.canvas.canvas import Canvas
from clarity_desktop.ui.commands.adjust import AdjustCommands
from clarity_desktop.ui.commands.batch import BatchCommands
from clarity_desktop.ui.commands.clipboard import ClipboardCommands
from clarity_desktop.ui.commands.compare import CompareCommands
from clarity_desktop.ui.commands.composer import ComposerCommands
from clarity_desktop.ui.commands.conversation import ConversationCommands
from clarity_desktop.ui.commands.edit import EditCommands
from clarity_desktop.ui.commands.export import ExportCommands
from clarity_desktop.ui.commands.files import FileCommands
from clarity_desktop.ui.commands.info import InfoCommands
from clarity_desktop.ui.commands.live_preview import LivePreview
from clarity_desktop.ui.commands.models import ModelCommands
from clarity_desktop.ui.commands.parts import PartCommands
from clarity_desktop.ui.commands.preferences import PreferenceCommands
from clarity_desktop.ui.commands.quality import QualityCommands, analysis_title
from clarity_desktop.ui.commands.recovery import RecoveryCommands
from clarity_desktop.ui.commands.regions import RegionCommands
from clarity_desktop.ui.commands.restore import RestoreCommands
from clarity_desktop.ui.commands.select import SelectCommands
from clarity_desktop.ui.commands.strength import StrengthCommands
from clarity_desktop.ui.commands.transcript import TranscriptCommands
from clarity_desktop.ui.commands.view import ViewCommands
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import Device, device_title
from clarity_desktop.ui.link import Connection
from clarity_desktop.ui.requests import PendingRequest, RequestQueue
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.shell import Shell
from clarity_desktop.ui.translate import render
from clarity_desktop.values import DocumentId, Turn, VersionId

log = logging.getLogger(__name__)
PAINTING = (Restore, Repeat, Complete, Improve, RepairOldPhoto, RemoveObject, SendMessage, RunPlan, RunMacro)
"""Requests whose finished parts are painted over the photo before their version exists."""
MAKING_SEVERAL = Improve, RepairOldPhoto, TryMethods, SendMessage, RunPlan, RunMacro
"""Requests that go on after a version was added."""


class MainWindow(Shell):
    """Creates the commands and passes events of the backend to commands and widgets."""

    ended = Signal()  # closed, and no request is running any more

    def __init__(self, settings: Settings, samples: tuple[Path, ...] = ()) -> None:
        super().__init__(settings.shortcuts)
        self.requests = RequestQueue(self._follow, self._finish)
        self._closing = self._closed = False
        self.session = Session(settings, samples, self.requests, self.photos, self.notices, self.action)
        self.session.setParent(self)
        # Commands before menus: they create the submenus.
        self._make_commands()
        self.make_menus(
            {
                "samples": self.file_commands.samples_menu,
                "recent": self.file_commands.recent_menu,
                "tasks": self.restore_commands.tasks_menu,
            }
        )
        self._connect()
        self.restore_shape(settings.window)
        self.status.show_device(device_title(settings.device))
        self.photos.show_recent(settings.recent)
        self.refresh()

    def _make_commands(self) -> None:
        session = self.session
        self.view_commands = ViewCommands(session, self.sides, self.focus_order)
        self.select_commands = SelectCommands(session, self.select_bar)
        self.edit_commands = EditCommands(
            session, self.versions, self.crop_bar, self.straighten_bar, self.select_commands
        )
        self.file_commands = FileCommands(session, self.photos.empty)
        self.clipboard_commands = ClipboardCommands(session, self.file_commands)
        self.recovery_commands = RecoveryCommands(session)
        self.export_commands = ExportCommands(session)
        self.batch_commands = BatchCommands(session, self.file_commands, self.export_commands, self.versions)
        self.model_commands = ModelCommands(session)
        self.restore_commands = RestoreCommands(session, self.restore, self.versions)
        self.part_commands = PartCommands(session, self.restore)
        self.compare_commands = CompareCommands(
            session,
            (self.compare_bar, self.candidates, self.part_bar),
            (self.versions, self.restore),
            self.edit_commands,
            self.select_commands,
        )
        self.region_commands = RegionCommands(
            session, self.regions, self.region_bar, self.select_commands, self.restore.offers
        )
        self.live_preview = LivePreview(session)
        self.adjust_commands = AdjustCommands(session, self.adjust, self.live_preview)
        self.strength_commands = StrengthCommands(session, self.restore, self.live_preview)
        self.info_commands = InfoCommands(
            session, self.info, self.adjust, self.live_preview, (self.docks["info"], self.docks["adjust"])
        )
        self.quality_commands = QualityCommands(session, self.quality, self.restore.offers)
        self.conversation_commands = ConversationCommands(session, self.chat, self.restore.offers)
        self.transcript_commands = TranscriptCommands(session, self.chat, self.conversation_commands)
        self.composer_commands = ComposerCommands(
            session, self.chat, self.conversation_commands, self.file_commands, self.transcript_commands
        )
        self.preference_commands = PreferenceCommands(session)

    def _connect(self) -> None:
        session, photos = self.session, self.photos
        self.requests.jobs_changed.connect(self.show_jobs)
        self.action.on("quit", self.close)
        self.action.on("cancel", self._cancel)
        self.action.on("next_photo", partial(photos.step, 1))
        self.action.on("previous_photo", partial(photos.step, -1))
        self.status.cancelled.connect(self.requests.cancel_job)
        photos.chosen.connect(self._show_current)
        photos.close_asked.connect(self.file_commands.close)
        photos.strip.films.thumbnail_wanted.connect(self.file_commands.read_thumbnail)
        photos.canvas_made.connect(self._connect_canvas)
        self._connect_canvas(photos.empty_canvas)
        session.document_added.connect(self._connect_document)
        session.document_changed.connect(self._show_document)
        session.settings_changed.connect(self._use_settings)
        self.view_commands.pair_shown.connect(self._update)
        self.edit_commands.compare_wanted.connect(self.view_commands.show_pair)
        self.edit_commands.several_wanted.connect(self.compare_commands.compare)
        self.compare_commands.changed.connect(self._update)
        self.compare_commands.unavailable.connect(self.view_commands.show_unavailable)
        self.restore.compare_asked.connect(self.compare_commands.ask_methods)
        self.restore_commands.compare_asked.connect(self.compare_commands.ask_methods)
        self.edit_commands.compare_unavailable.connect(self.view_commands.show_unavailable)
        self.file_commands.restoration_wanted.connect(partial(self.restore_commands.run, "derain"))
        self.restore_commands.started.connect(self.file_commands.remove_welcome)
        self.file_commands.model_dropped.connect(self.model_commands.import_path)
        self.restore_commands.models_wanted.connect(self.model_commands.download_all)
        self.restore_commands.device_known.connect(self._show_device)
        self.adjust_commands.panel_wanted.connect(partial(self.sides.reveal, "adjust"))
        self.quality.jump_asked.connect(self.edit_commands.go_to)
        self.quality.advice.task_asked.connect(self.restore_commands.run)
        self.quality.verdict.fix_asked.connect(self.restore_commands.run)
        self.quality_commands.panel_wanted.connect(partial(self.sides.reveal, "quality"))
        self.quality_commands.comparison_wanted.connect(self.view_commands.show_pair)
        self.quality_commands.comparison_ended.connect(self.view_commands.show_state)
        self._connect_regions()

    def _connect_regions(self) -> None:
        select, regions = self.select_commands, self.region_commands
        select.changed.connect(self._show_selection)
        self.quality.findings.select_asked.connect(select.select_where)
        regions.panel_wanted.connect(partial(self.sides.reveal, "regions"))
        regions.adjust_wanted.connect(partial(self.sides.reveal, "adjust"))
        regions.restore_wanted.connect(partial(self.sides.reveal, "restore"))
        regions.task_wanted.connect(self.restore_commands.run_in_selection)
        regions.refer_wanted.connect(self._refer_to)
        regions.models_wanted.connect(self.model_commands.show_model)
        info = self.info_commands
        info.models_wanted.connect(partial(self.model_commands.download_all, then=info.describe))

    def _refer_to(self, region: str) -> None:
        self.sides.reveal("chat")
        self.chat.composer.refer_to(region)

    def _connect_canvas(self, canvas: Canvas) -> None:
        """Connect the signals that every canvas has, with or without a photo."""
        canvas.files_dropped.connect(self.file_commands.open_dropped)
        canvas.image_dropped.connect(self.file_commands.open_image)
        canvas.zoom_changed.connect(self._show_zoom)
        canvas.hovered.connect(self._show_pixel)
        canvas.compare_changed.connect(self.view_commands.show_compare)
        canvas.crop_changed.connect(self.crop_bar.show_bounds)
        canvas.crop_accepted.connect(self.edit_commands.crop_to)
        canvas.crop_cancelled.connect(self.edit_commands.leave)

    def _connect_document(self, state: DocumentState) -> None:
        state.canvas.tiles_wanted.connect(partial(self._read_tiles, state))

    def _read_tiles(self, state: DocumentState, hashes: tuple[bytes, ...]) -> None:
        if state.id:
            self.session.ask(ReadTiles(state.id, hashes), state)

    # requests and their events

    def connect_backend(self, link: Connection) -> None:
        """Connect the backend: send the requests of the window itself, then those that waited."""
        self.requests.connect_backend(link)
        self.file_commands.check_recent()
        for request in (ListMethods(), ListModels(), ListPreferences(), FindRecoveries(), MeasureDisk()):
            self.session.ask(request)

    @property
    def link(self) -> Connection | None:
        return self.requests.link

    @property
    def current(self) -> DocumentState | None:
        """The document that is shown."""
        return self.session.current

    async def _follow(self, pending: PendingRequest) -> None:
        """Run a request: the one place where events and errors reach commands and widgets."""
        assert self.link is not None
        try:
            async with aclosing(self.link.run(pending.request, pending.call)) as events:
                async for event in events:
                    self._reach(pending, event)
        except asyncio.CancelledError:
            self._clean_up(pending)
            self.quality_commands.add_cancellation(pending)
            raise
        except FileExists:
            everywhere = self.batch_commands.owns(pending)
            self.batch_commands.finish(pending, "exists")
            self.export_commands.ask_about_existing(pending, everywhere=everywhere)
        except ModelMissing as e:
            if self._fails_quietly(pending, render(e.text)):
                return
            self._clean_up(pending)
            self.batch_commands.finish(pending, "failed", render(e.text))
            self.quality_commands.add_failure(pending, render(e.text))
            self.model_commands.offer_models(pending, e, partial(self._ask_again, pending))
        except UserError as e:
            if self._fails_quietly(pending, render(e.text)):
                return
            self._clean_up(pending)
            self.quality_commands.add_failure(pending, render(e.text))
            if self.batch_commands.owns(pending):
                self.batch_commands.finish(pending, "failed", render(e.text))
            elif e.models:
                self.model_commands.offer_models(pending, e, partial(self._ask_again, pending))
            else:
                document = self._notice_document(pending)
                self.session.notify(render(e.text), "error", document=document, topic=pending.topic)
        else:
            if pending.then:
                pending.then()

    def _ask_again(self, pending: PendingRequest) -> None:
        """Repeat a request once the models that it lacked are there, unless another version is open meanwhile."""
        state = self._open_state(pending)
        if state is None or getattr(pending.request, "version", state.head) != state.head:
            return
        if not self.select_commands.repeat(pending):
            self.session.ask(pending.request, state, pending.title, pending.then)

    def _forget_failure(self, pending: PendingRequest) -> None:
        """What the user asked for succeeded: that an earlier attempt failed need not be read any more."""
        if pending.topic and not self.select_commands.is_quiet(pending):
            self.session.remove_notices(pending.topic, self._notice_document(pending))

    def _fails_quietly(self, pending: PendingRequest, text: str) -> bool:
        """Whether the failure of a request that the user did not make is no notice."""
        if self.preference_commands.fail_llm(pending, text):
            return True
        return self.select_commands.is_quiet(pending) or self.region_commands.fail_analysis(pending, text)

    def _reach(self, pending: PendingRequest, event: Event) -> None:
        match event:
            case Progress():
                pending.progress = event
                self.show_jobs()
                self.conversation_commands.show_progress(pending, event)
                self.compare_commands.show_progress(pending)
            case PreviewReady():
                self._show_preview(pending, event)
            case Opened(card, manifest):
                self.file_commands.show_opened(pending, card, manifest)
            case TilesReady(_, tiles):
                if state := self._open_state(pending):
                    state.canvas.add_tiles(tiles)
            case TileDone(document, version, bounds, pixels):
                for state in self.session.views(document):
                    if state.head == version:
                        state.canvas.paint_tile(bounds, pixels)
            case PreviewDone():
                self.live_preview.add(pending, event)
            case WhitePicked():
                self.adjust_commands.use_white(pending, event)
            case InfoReady():
                self.info_commands.add(pending, event)
            case Described():
                self.info_commands.add_description(pending, event)
            case VersionAdded(document, version, manifest):
                self.strength_commands.finish(pending)
                self.adjust_commands.note_version(pending, version)
                self.conversation_commands.note_version(pending, version)
                self._change(document, lambda state: self._add_version(pending, state, event), event)
                self.adjust_commands.finish(pending)
                self.select_commands.note_version(pending)
                if version.step.kind == "restore":
                    self.restore_commands.finish(pending)
                if isinstance(pending.request, PAINTING) and (state := self._open_state(pending)):
                    self.part_commands.announce(state, version)
                self.edit_commands.finish_transform(pending, made=True)
                self.batch_commands.finish(pending, "done")
            case HeadMoved(document, head, manifest):
                self._change(document, lambda state: state.move_head(head, manifest), event)
                self.edit_commands.finish_move(pending)
            case VersionsChanged(document, versions):
                self._change(document, lambda state: state.change_versions(versions), event)
            case CandidateAdded(document, _, manifest):
                self._change(document, lambda state: state.add_manifest(manifest))
                self.compare_commands.add_candidate(pending, event)
            case DifferenceMeasured():
                self.compare_commands.add_difference(event)
            case CandidateFailed():
                self.session.notify(render(event.text), "error", document=pending.state)
            case ManifestReady(document, manifest):
                self._change(document, lambda state: state.add_manifest(manifest))
            case Assessed(document, version, quality, distance):
                self._change(document, lambda state: state.add_quality(version, quality, distance))
            case Detected(document, version, detection):
                self._change(document, lambda state: state.add_detection(version, detection))
            case AnalysisStarted(document, version):
                self._change(document, lambda state: state.start_analysis(version))
                self._show_analysis(pending)
            case AnalysisFailed(document, version, part, text):
                self._change(document, lambda state: state.add_failure(version, part, render(text)))
            case Advised(document):
                self._change(document, lambda state: setattr(state, "advised", event))
            case Improved():
                self.quality_commands.show_result(pending, event)
            case Saved(document, path):
                self._change(document, lambda state: setattr(state, "project", path), event)
                self.file_commands.show_saved(self.session.document(document), path)
            case TurnAdded(document, turn):
                self._change(document, lambda state: self._add_turn(state, turn), event)
            case ReplyPart(document, text):
                if (state := self.session.document(document)) is not None:
                    self.conversation_commands.show_part(state, text)
            case StepStarted():
                self.conversation_commands.start_step(pending, event)
            case LlmModelsListed() | LlmTested() | LlmKeyRead():
                self.preference_commands.show_llm(event)
            case PhotoFound():
                self.composer_commands.show_photo(event)
            case CompareRequested(document, version, other):
                self._compare(document, version, other)
            case ThumbnailReady(path, thumbnail):
                self.file_commands.show_thumbnail(path, thumbnail)
                self.photos.strip.films.refresh()
            case PixelsReady(document, _, pixels, alpha):
                self.clipboard_commands.copy_pixels(self.session.document(document), pixels, alpha)
            case Exported():
                if not self.batch_commands.owns(pending):
                    self.export_commands.finish(pending, event)
                name = event.path.name if event.path else ""
                self.batch_commands.finish(pending, "done" if event.path else "skipped", name)
            case SizeEstimated():
                self.export_commands.show_size(pending, event)
            case Estimated():
                self.restore_commands.add_estimate(pending, event)
            case OptionsListed():
                self.restore_commands.add_options(pending, event)
                self.compare_commands.add_options(pending, event)
            case Offered():
                self.restore_commands.show_offer(pending, event)
            case PreferencesListed():
                self.preference_commands.show_preferences(event)
                self.restore_commands.show_preferences(event)
            case MethodsListed(methods, extra_metrics):
                self.preference_commands.extra_metrics = extra_metrics
                self.restore_commands.show_methods(methods)
                self.compare_commands.show_methods(methods)
                self.model_commands.show_methods(methods)
                self.conversation_commands.show_methods(methods)
            case ModelsListed(models, free):
                self.restore.show_models(models)
                self.model_commands.show_models(models, free)
                self.conversation_commands.show_models(models)
                self.quality_commands.show_models(models)
                self.region_commands.show_models(models)
                self.info_commands.show_models(models)
            case ModelRecognized(path, model):
                self.model_commands.ask_what_it_is(path, model)
            case LoadedModels(models):
                self.model_commands.show_loaded(models)
            case RecoveriesFound(recoveries):
                self.recovery_commands.show_recoveries(recoveries)
            case ClosedFound(closed):
                self.recovery_commands.show_closed(closed)
            case DiskMeasured():
                self.recovery_commands.show_disk(event)
            case Selected():
                self._forget_failure(pending)
                if not self.region_commands.keeps(pending, event):
                    self.select_commands.add_selected(pending, event)
            case SelectionCleared(document):
                for state in self.session.views(document):
                    self.select_commands.clear_in(state)
            case RegionReady():
                self._forget_failure(pending)
                if not self.select_commands.add_ready(pending, event):
                    self.region_commands.add_ready(pending, event)
            case RegionsChanged(document):
                self.region_commands.change_regions(pending, event)
                self._change(document, lambda state: setattr(state, "unsaved", event.unsaved))
            case ObjectsFound():
                self._forget_failure(pending)
                self.region_commands.show_found(event)
            case EnginesListed():
                self.region_commands.show_engines(event)
            case RegionAnalyzed():
                self.region_commands.add_analysis(event)
            case RegionExported():
                self.region_commands.show_exported(event)
            case SelectionPrepared():
                pass  # the next click is quick; nothing is shown
            case Notice(text):
                self.session.notify(render(text), document=self._notice_document(pending))
            case _:
                assert_never(event)

    def _open_state(self, pending: PendingRequest) -> DocumentState | None:
        """The document of a request; None if it has none or was closed."""
        return pending.state if self.session.is_open(pending.state) else None

    def _notice_document(self, pending: PendingRequest) -> DocumentState | None:
        """The document of a notice; None for one that failed to open, because it is removed."""
        state = self._open_state(pending)
        return state if state and state.card else None

    def _change(
        self,
        document: DocumentId,
        change: Callable[[DocumentState], object],
        history: VersionAdded | HeadMoved | VersionsChanged | Saved | TurnAdded | None = None,
    ) -> None:
        """Apply an event to every view of its document and show it; a closed document has no view.

        history: the event, if it says where undo and redo lead or whether there is unsaved work.
        """
        for state in self.session.views(document):
            if isinstance(history, Saved | TurnAdded):
                state.unsaved = history.unsaved
            elif history is not None:
                state.show_history(history.undo_to, history.redo_to, unsaved=history.unsaved)
            change(state)
            self._update(state)

    def _add_version(self, pending: PendingRequest, state: DocumentState, event: VersionAdded) -> None:
        self.compare_commands.note_version(pending, state, event.version)
        state.add_version(event.version, event.manifest)

    def _update(self, state: DocumentState) -> None:
        """Show a document that changed."""
        self.compare_commands.check(state)
        self.quality_commands.show_other(state)
        if state is self.session.current:
            self.refresh()
        else:
            self.restore_commands.remove_old_offers()
            self.photos.strip.films.refresh()

    def _add_turn(self, state: DocumentState, turn: Turn) -> None:
        self.conversation_commands.add_turn(state, turn)
        self.composer_commands.add_turn(state, turn)
        self.transcript_commands.add_turn(state)

    def _compare(self, document: DocumentId, version: VersionId, other: VersionId) -> None:
        state = self.session.document(document)
        if state is not None and state.compared is not None:
            self.compare_commands.compare(state, (other, version))
        elif state is not None:
            self.view_commands.compare(state, version, other)

    def _show_analysis(self, pending: PendingRequest) -> None:
        """Rename a job of which only the analysis is left, unless more versions follow."""
        if pending.title and not isinstance(pending.request, MAKING_SEVERAL):
            pending.title, pending.progress = analysis_title(), None
            self.show_jobs()

    # the end of a request

    def _finish(self, pending: PendingRequest, task: asyncio.Task[None]) -> None:
        """Clean up after a request, however it ended. An exception other than UserError is shown as a bug."""
        if not self._closing:
            self.edit_commands.finish_move(pending)
            self.edit_commands.finish_transform(pending, made=False)
            self.live_preview.finish(pending)
            self.adjust_commands.finish(pending)
            self.select_commands.finish(pending)
            self.region_commands.finish(pending)
            self.strength_commands.fail(pending)
            self.restore_commands.end_estimate(pending, cancelled=task.cancelled())
            self.model_commands.end_download(pending, cancelled=task.cancelled())
            self.batch_commands.finish(pending, "cancelled" if task.cancelled() else "failed")
            self.file_commands.finish_thumbnail(pending)
            self.compare_commands.finish(pending)
        if state := self._open_state(pending):
            self._finish_state(pending, state)
        if not self._closing:
            self.batch_commands.skip_closed()
        # exception() raises for a cancelled task.
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("%s failed", type(pending.request).__name__, exc_info=error)
            self._clean_up(pending)
            self.quality_commands.add_failure(pending, self.tr("Analysis failed. See the log for details."))
            self._show_bug(pending)

    def _finish_state(self, pending: PendingRequest, state: DocumentState) -> None:
        if isinstance(pending.request, SendMessage | RunPlan | RunMacro):
            self.conversation_commands.finish(state)
        if isinstance(pending.request, Describe):
            self.info_commands.finish(state)
        if not state.card and not self._closing:
            self.composer_commands.fail_open(state)
            self.session.remove_document(state)  # the photo could not be opened

    def _show_bug(self, pending: PendingRequest) -> None:
        text = self.tr("“{job}” failed because of an internal error. The details are in the log: {log}")
        job = pending.title or type(pending.request).__name__
        text = text.format(job=job, log=settings_file.log_file())
        self.session.notify(text, "error", document=self._notice_document(pending))

    def _clean_up(self, pending: PendingRequest) -> None:
        """Clean up after a request that ended early: remove painted parts, let the canvas request tiles again."""
        if (state := self._open_state(pending)) is None or self._closing:
            return
        if isinstance(pending.request, PAINTING):
            state.canvas.clear_painted()
        if isinstance(pending.request, ReadTiles):
            state.canvas.request_again()

    # showing

    def show_jobs(self) -> None:
        """Show the oldest job in the status bar."""
        jobs = self.requests.jobs
        if not jobs:
            self.status.show_no_job()
        else:
            job, *others = jobs
            progress = job.progress or Progress(-1.0)
            title = job.title
            state = job.state
            if state and state.card and state is not self.session.current and state.title not in title:
                title = self.tr("{photo} – {job}").format(photo=state.title, job=title)
            if others:
                title = self.tr("{job} ({count} more)").format(job=title, count=len(others))
            fraction = progress.fraction if job.progress else None
            self.status.show_job(title, fraction, render(progress.note), progress.seconds_left)
        self._enable_cancel()
        self.model_commands.show_progress()

    def refresh(self) -> None:
        """Show the state of the current document in all docks, the title and the actions."""
        state = self.session.current
        versions = state.versions.values() if state else ()
        self.versions.show_versions(versions, state.head if state else None, state.other if state else None)
        present: set[Needs] = {"nothing"}
        if state and state.card:
            present.update(("photo", "parent") if state.undo_to else ("photo",))
        if state and state.compared:
            present.add("compared")
        self.action.enable(present)
        self._enable_cancel()
        self.restore.show_ready(bool(state and state.card))
        self.quality_commands.show_state()
        self.conversation_commands.show_state()
        self.composer_commands.show_state()
        self.transcript_commands.show_state()
        self.view_commands.show_state()
        self.restore_commands.show_state()
        self.part_commands.show_state()
        self.adjust_commands.show_state()
        self.batch_commands.show_state()
        self.strength_commands.show_state()
        self.info_commands.show_state()
        self.select_commands.show_state()
        self.region_commands.show_state()
        self.compare_commands.show_state()
        self.edit_commands.show_chosen()
        self.edit_commands.show_moves()
        self.show_photo(state)
        self.photos.strip.films.refresh()

    def _cancel(self) -> None:
        """Leave the comparison, else cancel the running job; without one, clear the selection."""
        if self.compare_commands.escape():
            return
        if self.requests.jobs:
            self.requests.cancel_job()
        else:
            self.select_commands.clear()

    def _enable_cancel(self) -> None:
        state = self.session.current
        selected = bool(state and self.select_commands.has_something(state))
        compared = bool(state and state.compared)
        self.action["cancel"].setEnabled(bool(self.requests.jobs) or selected or compared)

    def _show_selection(self, state: DocumentState) -> None:
        """What is selected in a document changed."""
        if state is self.session.current:
            self.restore_commands.show_state()
            self.adjust_commands.follow_selection()
            self.quality_commands.show_state()  # what needs a mask can be done now, or no more
            self.edit_commands.show_moves()
            self._enable_cancel()

    def _show_current(self) -> None:
        """Update the window for another document, or none."""
        self.edit_commands.leave()
        self.select_commands.leave()
        self.notices.show_document(self.session.current)
        self.conversation_commands.show_document()
        self.composer_commands.show_document()
        self.transcript_commands.show_document()
        self.file_commands.open_waiting()
        self.photos.show_recent(self.session.settings.recent)
        if self.session.current is None and not self._closing:
            self.file_commands.check_recent()
        self.show_jobs()
        self.refresh()

    def _show_document(self, state: DocumentState) -> None:
        """Update the window after a document was opened."""
        self.quality_commands.show_other(state)
        if state is self.session.current:
            self._show_current()

    def _show_preview(self, pending: PendingRequest, event: PreviewReady) -> None:
        if (state := self._open_state(pending)) and not state.card:
            state.canvas.show_preview(event.width, event.height, event.pixels, event.icc)
            self.show_photo(self.session.current)

    def _show_zoom(self) -> None:
        self.show_photo(self.session.current)

    def _show_pixel(self, at: tuple[int, int] | None) -> None:
        state = self.session.current
        self.status.show_pixel(at, state.canvas.layers.main.value(*at) if state and at else None)

    def _show_device(self, device: Device) -> None:
        self.status.show_device(device_title(device))

    def _use_settings(self, before: Settings, after: Settings) -> None:
        if before.device != after.device:
            self.status.show_device(device_title(after.device))
        if (before.device, before.threads, before.memory_budget) != (after.device, after.threads, after.memory_budget):
            self.restore_commands.forget_estimates()

    # drops on the panels

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() or event.mimeData().hasImage():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        self.file_commands.open_mime_data(event.mimeData())
        event.acceptProposedAction()

    # closing

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._closed:
            event.accept()
            return
        # Closing is asynchronous: accept the second close event once everything has ended.
        event.ignore()
        if self._closing:
            return
        if any(state.unsaved and state.id for state in self.session.documents):
            self.file_commands.ask_before_quitting(self._quit)
        else:
            self._quit()

    def end_session(self) -> None:
        """Close without a question, as at the end of a login session: unsaved work is offered at the next start."""
        if not self._closing:
            self._quit()

    def _quit(self, discarded: Collection[DocumentState] = ()) -> None:
        """discarded: documents whose unsaved work moves to the closed documents."""
        self._closing = True
        # Collapsed panels must not be missing at the next start.
        self.sides.show_collapsed()
        self.session.change_settings(window=self.shape())
        self.hide()
        self._shutdown_task = asyncio.ensure_future(self._shut_down(discarded))

    async def _shut_down(self, discarded: Collection[DocumentState]) -> None:
        """Cancel all requests and close saved and discarded documents; other work stays in its store."""
        await self.requests.cancel_all()
        try:
            for state in self.session.documents:
                if state.id and (not state.unsaved or state in discarded):
                    await self._close_document(state.id)
            await self.session.close()
        finally:  # the window is hidden: whatever fails, the program must end
            self._closed = True
            self.close()
            self.ended.emit()

    async def _close_document(self, document: DocumentId) -> None:
        """Close a document in the backend. One that cannot be closed holds up no other: its work stays on the disk."""
        if self.link is None:
            return
        try:
            async with aclosing(self.link.run(Close(document))) as events:
                async for _ in events:
                    pass
        except Exception:
            log.exception("A document could not be closed")
