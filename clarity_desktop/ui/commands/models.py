"""Models: the dialog that lists them, download, import and removal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject

from clarity_desktop.messages import FetchModel, ImportModel, ListLoadedModels, ListMethods, RemoveModel, UnloadModel
from clarity_desktop.ui.dialogs.models import ModelsDialog
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.values import LoadedModel, ModelCard


class ModelCommands(QObject):
    """Connects the models dialog with requests."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._models: tuple[ModelCard, ...] = ()
        self.dialog: ModelsDialog | None = None
        session.actions.on("models", self.show_dialog)

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """The installed models changed: methods may have become usable."""
        # The methods were listed at the start; only later changes of the models affect them.
        first, self._models = not self._models, models
        if self.dialog is not None:
            self.dialog.show_models(models)
        if not first:
            self._session.ask(ListMethods())

    def show_loaded(self, models: tuple[LoadedModel, ...]) -> None:
        """The models in memory, for the dialog."""
        if self.dialog is not None:
            self.dialog.show_loaded(models)

    def offer_models(self, pending: PendingRequest, text: str) -> None:
        """A request failed because a model is missing."""
        state = pending.state if self._session.is_open(pending.state) else None
        self._session.notify(text, "error", ((self.tr("Models…"), self.show_dialog),), document=state)

    def show_dialog(self) -> None:
        """Show the models dialog."""
        if self.dialog is None:
            self.dialog = dialog = ModelsDialog(self._session.dialog_parent)
            dialog.fetch_asked.connect(self.download)
            dialog.import_asked.connect(self._import)
            dialog.remove_asked.connect(self._remove)
            dialog.unload_asked.connect(self._unload)
            dialog.finished.connect(self._forget_dialog)
        self.dialog.show_models(self._models)
        self._session.ask(ListLoadedModels())
        self.dialog.show()
        self.dialog.raise_()

    def show_progress(self, jobs: Sequence[PendingRequest]) -> None:
        """Show the running download in the dialog."""
        if self.dialog is not None:
            job = next((j for j in jobs if isinstance(j.request, FetchModel)), None)
            self.dialog.show_progress(job.title if job else "", job.progress.fraction if job and job.progress else None)

    def download(self, model: str, then: Callable[[], object] | None = None) -> None:
        """Download a model. then: called when it is installed."""
        title = next((m.title for m in self._models if m.id == model), model)
        self._session.ask(FetchModel(model), None, self.tr("Downloading {model}…").format(model=title), then)

    def download_all(self, models: Sequence[str], then: Callable[[], object] | None) -> None:
        """Download models one after the other, then list the methods again and call `then`."""
        # One after the other: parallel downloads would only share the bandwidth.
        first, *others = models

        def go_on() -> None:
            if others:
                self.download_all(others, then)
            else:
                self._session.ask(ListMethods(), then=then)

        self.download(first, go_on)

    def _import(self, path: Path) -> None:
        self._session.ask(ImportModel(path), None, self.tr("Importing model…"))

    def _remove(self, model: str) -> None:
        self._session.ask(RemoveModel(model))

    def _unload(self, model: str) -> None:
        self._session.ask(UnloadModel(model))

    def _forget_dialog(self) -> None:
        self.dialog = None
