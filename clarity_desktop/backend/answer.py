"""Maps each request to a verb of the studio; holds no logic of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import assert_never

from clarity_desktop import messages as m
from clarity_desktop.backend import candidates, differences, methods, photo_description, preferences, repair, selection
from clarity_desktop.backend import document as documents
from clarity_desktop.backend.auto.loop import improve_document
from clarity_desktop.backend.chat.conversation import Conversation
from clarity_desktop.backend.studio import Studio
from clarity_desktop.backend.weights import UnknownWeights, WeightStore
from clarity_desktop.messages import Event, Request
from clarity_desktop.settings import Settings
from clarity_desktop.text import Message
from clarity_desktop.values import Picture
from clarity_desktop.worker import Answer, Job


def make_answer(settings: Settings, documents: Path | None = None) -> tuple[Answer, Callable[[], None]]:
    """The two functions that `worker.Worker` needs: one answers requests, the other closes all documents at the end.

    documents: the folder of working documents, if not the user's own.
    """
    return answer_by(Studio(settings, documents))


def answer_by(studio: Studio) -> tuple[Answer, Callable[[], None]]:
    """As `make_answer`, by a studio that was made elsewhere; it is closed in the end."""
    conversation = Conversation(studio)

    async def answer_one(request: Request, job: Job) -> None:
        await answer(studio, conversation, request, job)

    return answer_one, studio.close


async def answer(studio: Studio, conversation: Conversation, request: Request, job: Job) -> None:
    """Answer one request through the studio's verbs; propagates their exceptions."""
    match request:
        case m.Open(path, earlier):
            await studio.open(path, job, earlier)
        case m.OpenPixels(pixels, alpha, name, earlier):
            await studio.open_picture(Picture(pixels, alpha), name, job, earlier)
        case m.FindPhoto(document, number):
            job.emit(await studio.find_photo(document, number, job))
        case m.FindRecoveries():
            job.emit(m.RecoveriesFound(await job.side("disk", documents.recoveries, studio.folder)))
        case m.FindClosed():
            job.emit(m.ClosedFound(await job.side("disk", documents.recoveries, studio.folder / "closed")))
        case m.Recover(store):
            await studio.recover(store, job)
        case m.DiscardRecovery(store):
            await job.side("disk", documents.discard, store)
        case m.MeasureDisk():
            job.emit(await studio.disk(job))
        case m.Prune(stores):
            await job.side("disk", documents.prune, stores)
            job.emit(await studio.disk(job))
        case m.Close(document):
            await studio.close_document(document, job)
        case m.ReadManifest(document, version):
            manifest = await job.side("document", studio.document(document).manifest, version)
            job.emit(m.ManifestReady(document, manifest))
        case m.ReadThumbnail(path):
            await studio.read_thumbnail(path, job)
        case m.ReadTiles(document, hashes):
            await studio.read_tiles(document, hashes, job)
        case m.ReadPixels(document, version):
            await studio.read_pixels(document, version, job)
        case m.Restore():
            await studio.restore(request, job)
        case m.Repeat():
            await studio.repeat(request, job)
        case m.Complete():
            await studio.complete(request, job)
        case m.RepairOldPhoto():
            await repair.repair_old_photo(studio, request, job)
        case m.TryMethods():
            await candidates.try_methods(studio, request, job)
        case m.Fuse():
            await candidates.fuse(studio, request, job)
        case m.MergePart():
            await candidates.merge_part(studio, request, job)
        case m.Pick():
            await candidates.pick(studio, request, job)
        case m.MeasureDifferences():
            await differences.measure(studio, request, job)
        case m.Estimate():
            await studio.emit_estimate(request, job)
        case m.ListOptions():
            await studio.emit_options(request, job)
        case m.ApplyTransform():
            await studio.change(request, job)
        case m.Adjust():
            await studio.adjust(request, job)
        case m.SetStrength():
            await studio.set_strength(request, job)
        case m.Preview():
            await studio.preview(request, job)
        case m.PickWhite():
            await studio.pick_white(request, job)
        case m.ReadInfo():
            await studio.read_info(request, job)
        case m.Reset():
            await studio.reset(request, job)
        case m.GoTo(document) | m.Undo(document) | m.Redo(document):
            await _move(studio, request, job)
            await studio.analyze_head(document, job)
        case m.Edit():
            await preferences.edit(studio, request, job)
        case m.Assess(document, version):
            await studio.assess(document, version, job)
        case m.Detect(document, version):
            await studio.detect(document, version, job)
        case m.Advise(document, version):
            await studio.advise(document, version, job)
        case m.Improve():
            await improve_document(studio, request, job)
        case m.Select():
            await selection.select(studio, request, job)
        case m.SelectWords():
            await selection.select_words(studio, request, job)
        case m.SelectWhere():
            await selection.select_where(studio, request, job)
        case m.FindObjects():
            await selection.find_objects(studio, request, job)
        case m.PrepareSelection():
            await selection.prepare(studio, request, job)
        case m.ListEngines():
            await selection.list_engines(studio, job)
        case m.ChangeRegion():
            await selection.change(studio, request, job)
        case m.KeepRegion():
            await selection.keep(studio, request, job)
        case m.EditRegion():
            await selection.edit(studio, request, job)
        case m.ReadRegion():
            await selection.read(studio, request, job)
        case m.ImportRegion():
            await selection.import_region(studio, request, job)
        case m.ExportRegion():
            await selection.export_region(studio, request, job)
        case m.AnalyzeRegion():
            await selection.analyze(studio, request, job)
        case m.RemoveObject():
            await selection.remove_object(studio, request, job)
        case m.Describe():
            await photo_description.describe(studio, request, job)
        case m.Export(document, version, options):
            await studio.export(document, version, options, job)
        case m.EstimateSize(document, version, options):
            job.emit(await studio.estimate_size(document, version, options, job))
        case m.SaveProject(document, path):
            await studio.save_project(document, path, job)
        case m.SendMessage():
            await conversation.send(request, job)
        case m.SaveMacro():
            await conversation.save_macro(request, job)
        case m.RunMacro():
            await conversation.run_macro(request, job)
        case m.RunPlan():
            await conversation.run(request, job)
        case m.ListLlmModels():
            job.emit(await conversation.models.list_models(request, job))
        case m.TestLlm():
            job.emit(await conversation.models.test(request, job))
        case m.ReadLlmKey():
            job.emit(await conversation.models.read_key(request, job))
        case m.StoreLlmKey():
            job.emit(await conversation.models.store_key(request, job))
        case m.ListPreferences():
            job.emit(await preferences.listed(studio, job))
        case m.ResetPreferences(task):
            job.emit(await preferences.reset(studio, task, job))
        case m.RestorePreferences():
            job.emit(await preferences.restore(studio, job))
        case m.ListMethods():
            job.emit(await job.side("disk", studio.methods))
        case m.ListModels() | m.FetchModel() | m.ImportModel() | m.RemoveModel():
            job.emit(await _models(studio.store, request, job))
        case m.ListLoadedModels():
            job.emit(studio.loaded_models())
        case m.UnloadModel(model):
            job.emit(studio.unload(model))
        case m.Configure(settings):
            studio.configure(settings)
        case _:
            assert_never(request)


async def _move(studio: Studio, request: m.GoTo | m.Undo | m.Redo, job: Job) -> None:
    match request:
        case m.GoTo(document, version):
            await studio.move(document, lambda d: d.go_to(version), job)
        case m.Undo(document):
            await studio.move(document, lambda d: d.undo(), job)
        case m.Redo(document):
            await studio.move(document, lambda d: d.redo(), job)


async def _models(
    store: WeightStore, request: m.ListModels | m.FetchModel | m.ImportModel | m.RemoveModel, job: Job
) -> Event:
    match request:
        case m.FetchModel(model):
            await job.side("network", store.fetch, model, job.report)
        case m.ImportModel(path, None):
            try:
                await job.side("disk", store.import_, path, job.report)
            except UnknownWeights:
                if not path.is_file():
                    raise
                job.report(0.0, Message("weights.recognizing", {"path": path.name}))
                return m.ModelRecognized(path, await job.side("disk", store.recognize, path))
        case m.ImportModel(path, own):
            job.report(0.0, Message("weights.recognizing", {"path": path.name}))
            await job.side("disk", store.add_own, path, own)
            methods.refresh()
        case m.RemoveModel(model):
            await job.side("disk", store.remove, model)
            methods.refresh()
        case m.ListModels():
            pass
    return m.ModelsListed(tuple(await job.side("disk", store.cards)), await job.side("disk", store.free))
