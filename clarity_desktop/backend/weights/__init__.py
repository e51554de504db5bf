"""Weights: what the catalog knows, what is on this machine, and how it gets here. Nothing is fetched unasked.

A published file is verified against the catalog, turned into safetensors once, and verified again (SHA-256, about
0.05 s for 57 MB) when a process first uses it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NoReturn

from clarity_desktop import settings
from clarity_desktop.backend.weights.archives import is_archive
from clarity_desktop.backend.weights.catalog import Model, parse
from clarity_desktop.backend.weights.download import Download, SourceFailed
from clarity_desktop.backend.weights.formats import FORMATS
from clarity_desktop.backend.weights.install_dir import InstallDir, checksum
from clarity_desktop.backend.weights.local_files import LocalFiles, unpack
from clarity_desktop.backend.weights.sources import Tick, bring
from clarity_desktop.messages import ModelMissing, UserError
from clarity_desktop.values import ModelCard

__all__ = [
    "Model", "Weights", "cards", "catalog", "digest", "fetch", "find", "import_", "need", "remove", "state", "verify",
]  # fmt: skip


class Weights:
    """A catalog and the folder where its models are installed. Safe to use from several processes at once."""

    def __init__(self, models: Mapping[str, Model], folder: Path) -> None:
        self._models = models
        self._shelf = InstallDir(folder)

    def state(self, model_id: str) -> ModelCard:
        """Where a model stands on this machine. Raises UserError for an unknown id."""
        model = self._model(model_id)
        with _sentences(self._shelf.folder):
            path = self._shelf.installed(model)
            if path or any(map(self._on_hand(model).hold, model.forms)):
                state = "ready"
            elif any(self._shelf.quarantine(model_id).glob("*")):
                state = "broken"
            else:
                state = "partial" if any(self._shelf.incoming(model_id).glob("*/[!.]*")) else "missing"
        return ModelCard(model.id, model.title, model.size, model.licence, state, path)

    def find(self, model_id: str) -> Path | None:
        """The model's verified safetensors file; None if it is not on this machine.

        Files in the folders of CLARITY_WEIGHTS, in the by-hand folder and those that travel with the program are
        found by size and SHA-256 and installed on the way; a safetensors file of the program itself is used in place.
        Raises UserError for an installed file that was changed.
        """
        model = self._model(model_id)
        with _sentences(settings.resources()):
            if path := _bundled(model):
                return path
        with _sentences(self._shelf.folder):
            if path := self._shelf.verified(model):
                return path
            files = self._on_hand(model)
            if not any(map(files.hold, model.forms)):
                return None
            with self._shelf.alone(model_id, lambda: None):
                return self._shelf.verified(model) or self._install_from(files, model)

    def need(self, ids: Iterable[str]) -> dict[str, Path]:
        """The verified files of several models. Raises ModelMissing, which says what to get and where to put it."""
        found: dict[str, Path] = {}
        for model_id in ids:
            path = self.find(model_id)
            if path is None:
                raise ModelMissing(self._how_to_get(self._model(model_id)))
            found[model_id] = path
        return found

    def fetch(self, model_id: str, report: Tick) -> Path:
        """Get a model from the first source that has it; what an interrupted fetch left is used.

        Raises ModelMissing with each source's reason, and whatever `tick` raises (Aborted).
        """
        model = self._model(model_id)
        with (
            _sentences(self._shelf.folder),
            self._shelf.alone(model_id, lambda: report(0.0, "Waiting for another run that fetches the same model")),
        ):
            return self._from_hand(model) or self._from_sources(model, report)

    def import_(self, path: Path) -> tuple[str, ...]:
        """Take weights from a file, a folder or a package; returns the ids of the models that are ready by it.

        Raises UserError if nothing in it is known, or if a model's files are not all there (those that are, stay).
        """
        if not path.exists():
            raise UserError(f"{path} does not exist. Name the file or folder that holds the weights.")
        with _sentences(self._shelf.folder), _opened(path, self._sizes()) as files:
            return self._import(files, path)

    def remove(self, model_id: str) -> None:
        """Erase a model from the program's folder. Files in CLARITY_WEIGHTS folders are the user's and stay."""
        self._model(model_id)
        with _sentences(self._shelf.folder), self._shelf.alone(model_id, lambda: None):
            self._shelf.remove(model_id)

    def verify(self, model_id: str) -> Path:
        """Check a model's content. Raises ModelMissing, or UserError if it was changed (it is then set aside)."""
        return self.need([model_id])[model_id]

    def _model(self, model_id: str) -> Model:
        if model_id not in self._models:
            raise UserError(f"There is no model “{model_id}”. The models are {', '.join(self._models)}.")
        return self._models[model_id]

    def _on_hand(self, model: Model) -> LocalFiles:
        named = [Path(p) for p in os.environ.get("CLARITY_WEIGHTS", "").split(os.pathsep) if p]
        sources = [s for form in model.forms for s in form.sources if s.kind == "bundled"]
        return LocalFiles([*named, self._shelf.by_hand, *(settings.resources() / s.at for s in sources)])

    def _from_hand(self, model: Model) -> Path | None:
        with suppress(UserError):  # a changed file is set aside; a good one is on its way
            if path := self._shelf.verified(model):
                return path
        return self._install_from(self._on_hand(model), model)

    def _install_from(self, files: LocalFiles, model: Model) -> Path | None:
        for form in model.forms:
            if files.hold(form):
                incoming = Download(self._shelf, model.id, form)
                files.give(incoming)
                return self._install(model, incoming)
        return None

    def _from_sources(self, model: Model, report: Tick) -> Path:
        reasons: list[str] = []
        for form in model.forms:
            incoming = Download(self._shelf, model.id, form)
            for source in form.sources:
                try:
                    bring(source, incoming, lambda fraction, note: report(0.9 * fraction, note))
                except SourceFailed as e:
                    reasons.append(str(e))
                    continue
                report(0.9, f"Preparing {model.title}")
                return self._install(model, incoming)
        raise ModelMissing(f"{self._how_to_get(model)} What was tried: {'; '.join(reasons)}.")

    def _install(self, model: Model, incoming: Download) -> Path:
        try:
            content = FORMATS[incoming.form.format].read(incoming.paths())
        except ValueError as e:
            for path in incoming.paths():
                self._shelf.set_aside(model.id, path)
            raise UserError(
                f"The weights “{model.title}” cannot be used: {str(e).rstrip('.')}. They were moved to "
                f"{self._shelf.quarantine(model.id)}."
            ) from e
        return self._shelf.put(model, incoming.form, content)

    def _import(self, files: LocalFiles, path: Path) -> tuple[str, ...]:
        ready: list[str] = []
        begun: list[str] = []
        for model in self._models.values():
            for form in model.forms:
                incoming = Download(self._shelf, model.id, form)
                with self._shelf.alone(model.id, lambda: None):
                    given = files.give(incoming)
                    missing = incoming.missing()
                    if given and not missing:
                        self._install(model, incoming)
                        ready.append(model.id)
                    elif given:
                        begun.append(f"{model.title}: still to come are {', '.join(p.name for p in missing)}")
        if not ready:
            _refuse_import(path, begun)
        return tuple(dict.fromkeys(ready))

    def _sizes(self) -> set[int]:
        return {part.size for model in self._models.values() for form in model.forms for part in form.parts}

    def _how_to_get(self, model: Model) -> str:
        if {source.kind for form in model.forms for source in form.sources} == {"bundled"}:
            return (
                f"The weights “{model.title}” travel with the program, but their file is missing or damaged: install "
                "the program again."
            )
        size = f"{model.size / 1e6:.0f} MB" if model.size >= 1e6 else f"{model.size / 1e3:.0f} KB"
        return (
            f"The weights “{model.title}” ({size}) are not on this machine: get them with `clarity models fetch "
            f"{model.id}`, or download {model.by_hand} into {self._shelf.by_hand}."
        )


def _bundled(model: Model) -> Path | None:
    """What travels with the program in the form that is loaded is used where it lies."""
    for form in model.forms:
        for source in form.sources:
            if source.kind == "bundled" and form.format == "safetensors":
                path = settings.resources() / source.at
                if path.is_file() and checksum(path) == form.parts[0].sha256:
                    return path
    return None


def _refuse_import(path: Path, begun: list[str]) -> NoReturn:
    if begun:
        raise UserError(f"{path} holds a part of the weights; it was kept. {'; '.join(begun)}.")
    raise UserError(
        f"{path} holds no weights that are known here, going by size and SHA-256; a damaged or changed file is not "
        "known either. `clarity models list` names what is known."
    )


@contextmanager
def _opened(path: Path, sizes: set[int]) -> Generator[LocalFiles]:
    """The files at a path; of a package, those in it that have one of the sizes."""
    if not path.is_file() or not is_archive(path) or path.stat().st_size in sizes:
        yield LocalFiles([path])
        return
    with tempfile.TemporaryDirectory(prefix="clarity-") as folder:
        try:
            unpack(path, sizes, Path(folder))
        except ValueError as e:
            raise UserError(f"The package {path} was refused: {e}. Get it again from where it is published.") from e
        yield LocalFiles([Path(folder)])


@contextmanager
def _sentences(folder: Path) -> Generator[None]:
    """A full disk or a folder that may not be written is said in a sentence."""
    try:
        yield
    except OSError as e:
        raise UserError(
            f"The folder of weights {folder} cannot be used: {e.strerror or e} ({e.filename or folder}). Make room "
            "or give it the right to be read and written, then try again."
        ) from e


# The program's own catalog and folder -------------------------------------------------------------------------------


@cache
def catalog() -> Mapping[str, Model]:
    """The models of resources/models.toml, by id, in its order."""
    return parse((settings.resources() / "models.toml").read_text("utf-8"))


def _own() -> Weights:
    return Weights(catalog(), settings.data_folder() / "weights")


def cards() -> tuple[ModelCard, ...]:
    """The state of every model."""
    own = _own()
    return tuple(own.state(model_id) for model_id in catalog())


def digest(model_id: str) -> str:
    """The SHA-256 of a model as published; of several files, that of their list."""
    return catalog()[model_id].sha256


def state(model_id: str) -> ModelCard:
    """As Weights.state."""
    return _own().state(model_id)


def find(model_id: str) -> Path | None:
    """As Weights.find."""
    return _own().find(model_id)


def need(ids: Iterable[str]) -> dict[str, Path]:
    """As Weights.need."""
    return _own().need(ids)


def fetch(model_id: str, report: Tick) -> Path:
    """As Weights.fetch."""
    return _own().fetch(model_id, report)


def import_(path: Path) -> tuple[str, ...]:
    """As Weights.import_."""
    return _own().import_(path)


def remove(model_id: str) -> None:
    """As Weights.remove."""
    _own().remove(model_id)


def verify(model_id: str) -> Path:
    """As Weights.verify."""
    return _own().verify(model_id)
