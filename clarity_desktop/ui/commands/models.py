"""Models: the dialog that lists them, the queue of downloads, import and removal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QMessageBox

from clarity_desktop.messages import (
    FetchModel,
    FindObjects,
    ImportModel,
    ListLoadedModels,
    ListMethods,
    ModelMissing,
    RemoveModel,
    SelectWords,
    UnloadModel,
    UserError,
)
from clarity_desktop.text import conjunction
from clarity_desktop.ui.dialogs.import_model import ImportModelDialog
from clarity_desktop.ui.dialogs.models import ModelsDialog
from clarity_desktop.ui.labels import file_size, task_title
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import LoadedModel, MethodCard, ModelCard, OwnChoice, RecognizedModel


@dataclass(eq=False)
class _Order:
    """Models that are wanted together. then: called once all of them are installed."""

    left: set[str]
    then: Callable[[], object] | None


class ModelCommands(QObject):
    """Connects the models dialog with requests. Models are downloaded one after the other."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._models: tuple[ModelCard, ...] = ()
        self._methods: tuple[MethodCard, ...] = ()
        self._free: int | None = None
        self._orders: list[_Order] = []
        self._queue: list[str] = []
        self._running: PendingRequest | None = None
        self._one_cancelled = False  # by its own button, so the others go on
        self.dialog: ModelsDialog | None = None
        session.actions.on("models", self.show_dialog)

    def show_models(self, models: tuple[ModelCard, ...], free: int | None = None) -> None:
        """The installed models changed: methods may have become usable. free: bytes left on the disk."""
        # The methods were listed at the start; only later changes of the models affect them.
        first, self._models, self._free = not self._models, models, free
        if self.dialog is not None:
            self.dialog.show_models(models, free)
        if not first:
            self._session.ask(ListMethods())

    def show_methods(self, methods: tuple[MethodCard, ...]) -> None:
        """What the models are for."""
        self._methods = methods
        if self.dialog is not None:
            self.dialog.show_methods(methods)

    def show_loaded(self, models: tuple[LoadedModel, ...]) -> None:
        """The models in memory, for the dialog."""
        if self.dialog is not None:
            self.dialog.show_loaded(models)

    def offer_models(self, pending: PendingRequest, error: UserError, again: Callable[[], object]) -> None:
        """A request failed because models are missing: offer to download them. again: repeats the request."""
        state = pending.state if self._session.is_open(pending.state) else None
        notify = partial(self._session.notify, document=state, topic=pending.topic)
        wanted = [model for model in self._models if model.id in error.models]
        if state is None or not wanted or len(wanted) < len(error.models):
            notify(render(error.text), "error", ((self.tr("Models…"), self.show_dialog),))
            return
        words = pending.request.words if isinstance(pending.request, SelectWords | FindObjects) else ""
        if words and isinstance(error, ModelMissing):
            text = self.tr("To find “{words}”, Clarity needs {models} ({size}).")
        elif words:
            text = self.tr("To find “{words}”, Clarity needs {models} ({size}). You can also click on it.")
        elif pending.title:
            text = self.tr("“{job}” needs {models} ({size}).")
        else:
            text = self.tr("This needs {models} ({size}).")
        # The name alone: what a model is good for comes after a comma.
        names = render(conjunction(model.title.split(",")[0] for model in wanted))
        size = file_size(sum(model.size for model in wanted))
        text = text.format(words=words, job=pending.title, models=names, size=size)
        notify(text, "offer", ((self.tr("Download"), partial(self.download_all, error.models, again)),))

    def show_dialog(self) -> None:
        """Show the models dialog."""
        if self.dialog is None:
            self.dialog = dialog = ModelsDialog(self._session.dialog_parent)
            dialog.fetch_asked.connect(self.download)
            dialog.fetch_all_asked.connect(self._download_missing)
            dialog.cancel_asked.connect(self._cancel)
            dialog.cancel_all_asked.connect(self._cancel_all)
            dialog.import_asked.connect(self.import_path)
            dialog.remove_asked.connect(self._ask_before_removing)
            dialog.unload_asked.connect(self._unload)
            dialog.finished.connect(self._forget_dialog)
        self.dialog.show_methods(self._methods)
        self.dialog.show_models(self._models, self._free)
        self.show_progress()
        self._session.ask(ListLoadedModels())
        self.dialog.show()
        self.dialog.raise_()

    def show_model(self, model: str) -> None:
        """Show the models dialog with one model chosen."""
        self.show_dialog()
        if self.dialog is not None:
            self.dialog.choose(model)

    # downloads

    def download(self, model: str) -> None:
        """Download a model after those that are being downloaded."""
        self.download_all((model,))

    def download_all(self, models: Sequence[str], then: Callable[[], object] | None = None) -> None:
        """Download models, then list the methods again and call `then`; not if one of them fails or is cancelled."""
        self._orders.append(_Order(set(models), then))
        self._queue += [model for model in models if model not in (*self._queue, self._current())]
        self._start_next()

    def end_download(self, pending: PendingRequest, *, cancelled: bool) -> None:
        """A request ended. If it was a download that did not succeed, its orders are given up."""
        if pending is not self._running:
            return
        model, one, self._one_cancelled = self._current(), self._one_cancelled, False
        self._running = None
        # By Esc or the status bar: "cancel" then means the downloads, not the first of them.
        self._drop((model, *self._queue) if cancelled and not one else (model,))
        self._start_next()

    def _installed(self) -> None:
        model, self._running, self._one_cancelled = self._current(), None, False
        for order in [order for order in self._orders if model in order.left]:
            order.left.discard(model)
            if not order.left:
                self._orders.remove(order)
                self._session.ask(ListMethods(), then=order.then)
        self._start_next()

    def show_progress(self) -> None:
        """Show the downloads in the dialog."""
        if self.dialog is None:
            return
        shown: dict[str, float | None] = {}
        if self._running is not None:
            shown[self._current()] = self._running.progress.fraction if self._running.progress else 0.0
        self.dialog.show_downloads(shown | dict.fromkeys(self._queue))

    def _current(self) -> str:
        """The model that is being downloaded; "" for none."""
        request = self._running.request if self._running else None
        return request.model if isinstance(request, FetchModel) else ""

    def _start_next(self) -> None:
        # One after the other: parallel downloads would only share the bandwidth.
        if self._running is None and self._queue:
            model = self._queue.pop(0)
            title = next((m.title for m in self._models if m.id == model), model)
            text = self.tr("Downloading {model}").format(model=title)
            self._running = self._session.ask(FetchModel(model), None, text, self._installed)
        self.show_progress()

    def _download_missing(self) -> None:
        for model in self._models:
            if model.state != "ready":
                self.download(model.id)

    def _cancel(self, model: str) -> None:
        """Cancel one download, or take it out of the queue."""
        if model == self._current() and self._running is not None:
            self._one_cancelled = True
            self._session.requests.cancel(self._running)
        else:
            self._drop((model,))
            self.show_progress()

    def _cancel_all(self) -> None:
        self._drop(tuple(self._queue))
        self._cancel(self._current())
        self.show_progress()

    def _drop(self, models: Collection[str]) -> None:
        """Give up the orders of these models, and the downloads that no other order wants."""
        self._orders = [order for order in self._orders if order.left.isdisjoint(models)]
        wanted = {model for order in self._orders for model in order.left}
        self._queue = [model for model in self._queue if model in wanted]

    # files

    def import_path(self, path: Path) -> None:
        """Import what a file or folder holds; what the catalog does not know is described first."""
        self._session.ask(ImportModel(path), None, self.tr("Importing model…"))

    def ask_what_it_is(self, path: Path, model: RecognizedModel) -> None:
        """Show what a weights file is, and import it once the user has said what it is for."""
        dialog = ImportModelDialog(self.dialog or self._session.dialog_parent, path, model)
        dialog.import_asked.connect(partial(self._import_own, path))
        dialog.open()

    def _import_own(self, path: Path, choice: OwnChoice) -> None:
        def say() -> None:
            text = self.tr("“{title}” is now a method for “{task}”.")
            self._session.notify(text.format(title=choice.title, task=task_title(choice.task)), seconds=8)

        self._session.ask(ImportModel(path, choice), None, self.tr("Importing model…"), say)

    def _ask_before_removing(self, model: str) -> None:
        card = next((m for m in self._models if m.id == model), None)
        if card is None or self.dialog is None:
            return
        box = QMessageBox(self.dialog)
        box.setWindowTitle(self.tr("Remove a model"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(self.tr("Remove “{model}” from this computer?").format(model=card.title))
        text = self.tr("To use it again, you must download it again ({size}).")
        if card.own:
            text = self.tr("To use it again, you must import the file again ({size}).")
        box.setInformativeText(text.format(size=file_size(card.size)))
        remove = box.addButton(self.tr("Remove"), QMessageBox.ButtonRole.DestructiveRole)
        keep = box.addButton(self.tr("Keep"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        remove.clicked.connect(lambda: self._session.ask(RemoveModel(model)))
        box.finished.connect(box.deleteLater)
        box.open()

    def _unload(self, model: str) -> None:
        self._session.ask(UnloadModel(model))

    def _forget_dialog(self) -> None:
        self.dialog = None
