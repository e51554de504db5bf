"""From the wish to restore to the request: estimate, weights that are missing, and the visible part first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QMenu

from clarity_desktop.messages import (
    Estimate,
    Estimated,
    FetchModel,
    ImportModel,
    ListMethods,
    RemoveModel,
    Repeat,
    Request,
    Restore,
)
from clarity_desktop.ui.dialogs.models import ModelsDialog
from clarity_desktop.ui.docks.restore import Choice
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import TASK_TITLES, duration, file_size, megapixels, place, version_title, what_ran
from clarity_desktop.values import MethodCard, ModelCard, Region, RestoreParams, Task, Version, VersionId

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow
    from clarity_desktop.ui.requests import PendingRequest

LONG = 20.0
"""Seconds: a run that is estimated to take longer is offered, not started."""
PAUSE = 250
"""Milliseconds without a change before an estimate is asked for."""
FEATHER = 24
"""Pixels over which a restored part blends into what surrounds it."""


class RestoreCommands(QObject):
    """Connects the restore panel with estimates, weights and restorations of the photo that is shown."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._known: dict[Estimate, Estimated] = {}
        self._wanted: tuple[Estimate, Callable[[], object]] | None = None  # a run that waits for its estimate
        self._models: tuple[ModelCard, ...] = ()
        self.dialog: ModelsDialog | None = None
        self.tasks_menu = QMenu("Restore &for", window)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(PAUSE)
        self._soon.timeout.connect(self._ask_estimate)
        window.restore.asked.connect(self._asked)
        window.restore.fetch_asked.connect(lambda: self._offer_fetch())
        window.restore.changed.connect(self.estimate_soon)
        window.restore.method.activated.connect(self._prefer)
        window.action.on("restore", lambda: self._asked(False))
        window.action.on("restore_visible", lambda: self._asked(True))
        window.action.on("repeat", self._repeat)
        window.action.on("models", self.show_dialog)
        window.versions.chosen_changed.connect(self.show_repeatable)

    # estimates

    def forget_estimates(self) -> None:
        """Another processor or thread count: nothing is known any more."""
        self._known.clear()
        self.estimate_soon()

    def estimate_soon(self) -> None:
        """The photo or the choice changed. What cannot be run yet, because weights are missing, has no estimate."""
        asked = self._estimate()
        if asked and (known := self._known.get(asked)):
            self._window.restore.show_estimate(known.seconds, known.megapixels, place(known.device))
        else:
            self._window.restore.show_estimate(None)
            if asked:
                self._soon.start()

    def estimated(self, request: Request, news: Estimated) -> None:
        if not isinstance(request, Estimate):
            return
        self._known[request] = news
        self._window.show_device(news.device)
        if request == self._estimate():
            self._window.restore.show_estimate(news.seconds, news.megapixels, place(news.device))
        if self._wanted and self._wanted[0] == request:
            _, decide = self._wanted
            self._wanted = None
            decide()

    def _estimate(self) -> Estimate | None:
        view, choice = self._window.current, self._window.restore.choice()
        if view is None or view.id is None or view.head is None or choice is None or choice.missing:
            return None
        return Estimate(view.id, view.head, choice.task, choice.method)

    def _ask_estimate(self) -> None:
        if self._wanted and any(f.request == self._wanted[0] for f in self._window.follows):
            self._soon.start()  # a newer estimate would end the one that a run waits for
        elif (asked := self._estimate()) and asked not in self._known:
            self._window.ask(asked, self._window.current)

    def when_known(self, view: DocumentState, asked: Estimate, decide: Callable[[], object]) -> None:
        """Decide about a run now or when its estimate has come."""
        self._wanted = None
        if asked in self._known:
            decide()
        else:
            self._wanted = (asked, decide)
            self._window.ask(asked, view)

    # runs

    def run(self, task: Task) -> None:
        """Restore the photo for a task, with the method the panel has for it."""
        self._window.restore.choose(task)
        self._asked(False)

    def _run_from_menu(self, task: Task, _checked: bool = False) -> None:
        self.run(task)

    def _asked(self, visible_only: bool) -> None:
        choice, view = self._window.restore.choice(), self._window.current
        if choice is None or view is None or view.card is None:
            return
        if choice.missing:
            self._offer_fetch(lambda: self._asked(visible_only))
        elif visible_only and view.id and view.head:
            asked = Estimate(view.id, view.head, choice.task, choice.method, view.canvas.view.visible())
            self.when_known(view, asked, lambda: self._decide_visible(asked, choice))
        elif (asked := self._estimate()) is not None:
            self.when_known(view, asked, lambda: self._decide(asked, choice))

    def _decide(self, asked: Estimate, choice: Choice) -> None:
        """Start what is quick; of what is slow, say how slow and offer to begin with the visible part."""
        known, view = self._known[asked], self._window.photos.view(asked.document)
        if view is None or (version := view.head_version) is None:
            return
        if known.seconds <= LONG:
            self.start(view, choice)
            return
        visible = view.canvas.view.visible()
        parts = (
            [("Visible part first", lambda: self.start(view, choice, visible_only=True))]
            if visible.area < 0.8 * version.width * version.height
            else []
        )
        self._window.notices.say(
            f"About {duration(known.seconds)} for the whole photo ({megapixels(known.megapixels)}) on"
            f" {place(known.device)}.",
            "offer",
            (*parts, ("Restore all", lambda: self.start(view, choice)), ("Cancel", lambda: None)),
        )

    def _decide_visible(self, asked: Estimate, choice: Choice) -> None:
        """Start what is quick; the visible part may be the whole photo, and slow."""
        known, view = self._known[asked], self._window.photos.view(asked.document)
        if view is None:
            return
        if known.seconds <= LONG:
            self.start(view, choice, visible_only=True)
            return
        self._window.notices.say(
            f"About {duration(known.seconds)} for the visible part ({megapixels(known.megapixels)}) on"
            f" {place(known.device)}. Zoomed in, it is smaller and quicker.",
            "offer",
            (("Restore it", lambda: self.start(view, choice, visible_only=True)), ("Cancel", lambda: None)),
        )

    def start(self, view: DocumentState, choice: Choice, *, visible_only: bool = False) -> None:
        version = view.head_version
        if view.id is None or version is None or view not in self._window.photos.views:
            return
        visible = view.canvas.view.visible()
        region = Region.rectangle(visible, version.width, version.height, "visible part") if visible_only else None
        params = RestoreParams(choice.task, choice.method, choice.strength, region, FEATHER if region else 0, visible)
        request = Restore(view.id, version.id, params, confirmed=True)
        self._window.files.welcomed()
        self._window.ask(request, view, TASK_TITLES[choice.task])

    # the step of another version again

    def show_repeatable(self) -> None:
        """Whether the chosen row's step can be taken again on the open version."""
        self._window.action["repeat"].setEnabled(self._repeatable() is not None)

    def _repeatable(self) -> tuple[DocumentState, Version, VersionId] | None:
        """The chosen version, if a restoration made it and another one is open; and the open one."""
        view = self._window.current
        made = view.versions.get(self._window.versions.chosen() or VersionId("")) if view else None
        if view is None or view.id is None or view.head is None or made is None or made.id == view.head:
            return None
        return (view, made, view.head) if made.step.kind == "restore" and made.step.task else None

    def _repeat(self) -> None:
        if (found := self._repeatable()) is None:
            return
        view, made, head = found
        if made.step.region:  # as large as it was: so it takes as long as it took
            self._decide_repeat(view, made, head, made.step.seconds)
        elif view.id and made.step.task:
            asked = Estimate(view.id, head, made.step.task, made.step.method)
            self.when_known(view, asked, lambda: self._decide_repeat(view, made, head, self._known[asked].seconds))

    def _decide_repeat(self, view: DocumentState, made: Version, head: VersionId, seconds: float) -> None:
        """Start what is quick; of what is slow, say how slow. What is repeated has its own region: all or nothing."""

        def start() -> None:
            if view.id and view in self._window.photos.views:
                self._window.ask(Repeat(view.id, head, made.id, confirmed=True), view, what_ran(made.step))

        if seconds <= LONG:
            start()
            return
        self._window.notices.say(
            f"Repeating “{version_title(made)}” on the open version takes about {duration(seconds)}.",
            "offer",
            (("Repeat", start), ("Cancel", lambda: None)),
        )

    def added(self, version: Version) -> None:
        """A version came: call the user back if the window is not looked at."""
        if version.step.kind == "restore":
            QApplication.alert(self._window)
            self.forget_estimates()  # the measured speed is another now

    def _prefer(self) -> None:
        if choice := self._window.restore.choice():
            preferred = {**self._window.settings.methods, choice.task: choice.method}
            self._window.use_settings(dataclasses.replace(self._window.settings, methods=preferred))

    # methods and their weights

    def show_methods(self, methods: tuple[MethodCard, ...]) -> None:
        self._window.restore.show_methods(methods, dict(self._window.settings.methods))
        self._window.restore.show_ready(bool(self._window.current and self._window.current.card))
        self.tasks_menu.clear()
        offered = {task for card in methods for task in card.tasks if not card.needs_mask}
        for task, title in TASK_TITLES.items():
            if task in offered:
                self.tasks_menu.addAction(title).triggered.connect(partial(self._run_from_menu, task))
        self.estimate_soon()

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """What is there of the weights changed: methods may have become usable."""
        known, self._models = bool(self._models), models
        self._window.restore.show_models(models)
        if self.dialog is not None:
            self.dialog.show_models(models)
        if known:
            self._window.ask(ListMethods())

    def offer_models(self, follow: PendingRequest, sentence: str) -> None:
        """A request found that weights are missing."""
        if view := self._window.open_view(follow):
            view.canvas.clear_painted()
        self._window.notices.say(sentence, "error", (("Models…", self.show_dialog),))

    def show_dialog(self) -> None:
        if self.dialog is None:
            self.dialog = dialog = ModelsDialog(self._window)
            dialog.fetch_asked.connect(self.fetch)
            dialog.import_asked.connect(self._import)
            dialog.remove_asked.connect(self._remove)
            dialog.finished.connect(self._forget_dialog)
        self.dialog.show_models(self._models)
        self.dialog.show()
        self.dialog.raise_()

    def show_fetching(self, jobs: Sequence[PendingRequest]) -> None:
        """In the dialog: how far the weights are that are being fetched."""
        if self.dialog is not None:
            job = next((j for j in jobs if isinstance(j.request, FetchModel)), None)
            self.dialog.show_progress(job.title if job else "", job.progress.fraction if job and job.progress else None)

    def fetch(self, model: str) -> None:
        self._window.ask(FetchModel(model), None, f"Fetching {self._title(model)}")

    def _offer_fetch(self, then: Callable[[], object] | None = None) -> None:
        choice, dock = self._window.restore.choice(), self._window.restore
        if choice is None or not choice.missing:
            return
        missing, size, licence = choice.missing, dock.missing_size(), dock.missing_licences()
        about = f" ({', '.join(x for x in (file_size(size) if size else '', licence) if x)})" if size or licence else ""
        title = TASK_TITLES[choice.task]
        self._window.notices.say(
            f"“{title}” needs weights that are not on this computer yet{about}.",
            "offer",
            (
                ("Fetch and restore" if then else "Fetch", lambda: self._fetch_all(missing, then)),
                ("Cancel", lambda: None),
            ),
        )

    def _fetch_all(self, missing: tuple[str, ...], then: Callable[[], object] | None) -> None:
        """One after the other, then what they were wanted for."""
        first, *others = missing

        def go_on() -> None:
            if others:
                self._fetch_all(tuple(others), then)
            else:
                self._window.ask(ListMethods(), then=then)

        self._window.ask(FetchModel(first), None, f"Fetching {self._title(first)}", go_on)

    def _import(self, path: Path) -> None:
        self._window.ask(ImportModel(path), None, "Taking weights")

    def _remove(self, model: str) -> None:
        self._window.ask(RemoveModel(model))

    def _forget_dialog(self) -> None:
        self.dialog = None

    def _title(self, model: str) -> str:
        return next((m.title for m in self._models if m.id == model), model)
