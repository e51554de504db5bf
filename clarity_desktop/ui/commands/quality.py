"""What is wrong with the photo and how good it is: asked for where it is missing, shown, acted on when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QImage

from clarity_desktop.messages import Advise, Assess, Detect, GoTo, Improve, Improved, ReadManifest, Request
from clarity_desktop.ui.canvas import heatmap
from clarity_desktop.ui.commands.restore import LONG
from clarity_desktop.ui.docks.quality import Judged
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import TASK_TITLES, duration, inside
from clarity_desktop.ui.notices import Bar
from clarity_desktop.values import Degradation, DocumentId, ModelCard, Task, Version, VersionId, ordered

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow
    from clarity_desktop.ui.requests import PendingRequest

LOOKING = "Looking at the photo"
"""What the status bar calls a job of which nothing but this is left."""
CANCELLED = "Looking was cancelled. “What should I do?” looks again."
READ = 30.0
"""Seconds after which the notice of what Auto did goes: the conversation keeps it."""


class QualityCommands(QObject):
    """Connects the quality panel with the photo that is shown."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._degradation: Degradation | None = None  # on the map; None: the likeliest
        self._ready: set[str] = set()  # models on this machine
        self._offers: dict[DocumentState, tuple[VersionId, Bar]] = {}  # of Auto, for the version that was open
        window.action.on("heat", self._show_heat)
        window.action.on("improve", self.improve)
        window.action.on("advise", self._advise)
        dock = window.quality
        dock.findings.heat_toggled.connect(window.action["heat"].setChecked)
        dock.findings.heat_toggled.connect(self._show_heat)
        dock.findings.heat_chosen.connect(self._choose_heat)
        dock.jump_asked.connect(self._jump)
        dock.advice.asked.connect(self._advise)
        dock.advice.task_asked.connect(window.restoring.run)
        dock.advice.all_asked.connect(self.improve)

    # what is shown

    def show(self) -> None:
        """Show what is known of the current photo's open version."""
        self._withdraw_offers()
        view, offered = self._window.current, self._window.restore.offers
        self._window.quality.show_photo(_judged(view, self._window.settings.metrics) if view else None, offered)
        self._show_heat()

    def _show_heat(self) -> None:
        """Lay the map over the versions that are shown, or take it away; no map while nothing is known."""
        on = self._window.action["heat"].isChecked()
        self._window.quality.findings.show_heat(on)
        for view in self._window.photos.views:
            for version in filter(None, (view.head_version, view.other_version)):
                view.canvas.show_heat(version.id, self._map(version) if on else None)

    def _map(self, version: Version) -> QImage | None:
        if version.detection is None:
            return None
        return heatmap.picture(version.detection, self._degradation or ordered(version.detection)[0])

    def _choose_heat(self, degradation: Degradation | None) -> None:
        self._degradation = degradation
        self._show_heat()

    # what is missing

    def complete(self, view: DocumentState) -> None:
        """Ask for what the photo's state lacks: the manifest of the version compared with, scores, what is wrong."""
        if view.id is None:
            return
        self._withdraw_offers()
        if view.other and not view.show_other():
            self._ask_once(ReadManifest(view.id, view.other), view)
        if self._busy_with(view):
            return
        if lacking := next((r for r in self._lacking(view.id, view) if r not in view.failed), None):
            self._ask_once(lacking, view)

    def _lacking(self, document: DocumentId, view: DocumentState) -> Iterator[Detect | Assess]:
        """What can still be asked for, one after the other: scoring one version ends the scoring of another."""
        head, other = view.head_version, view.other_version
        if head is not None:
            if head.detection is None:
                yield Detect(document, head.id)  # the scores follow: they use what was found
            if self._lacks_scores(view, head) or _lacks_distance(view, head):
                yield Assess(document, head.id)
        if other is not None and self._lacks_scores(view, other):
            yield Assess(document, other.id)

    def look_again(self, *, scores: bool) -> None:
        """Other settings: what failed may succeed now. scores: other metrics are switched on."""
        for view in self._window.photos.views:
            view.failed.clear()
        if scores and (view := self._window.current) and view.id and view.head:
            self._window.ask(Assess(view.id, view.head), view)

    def models_came(self, models: tuple[ModelCard, ...]) -> None:
        """What is there of the weights changed: scores by our own parameters give way to those by the authors'."""
        ready = {model.id for model in models if model.state == "ready"}
        came, self._ready = ready - self._ready, ready
        for view in self._window.photos.views if came else ():
            view.scored.clear()
            self.complete(view)

    def _lacks_scores(self, view: DocumentState, version: Version) -> bool:
        """A further metric that is switched on but could not be computed is named in `why`."""
        known, metrics = version.quality, self._window.settings.metrics
        return (
            known is None
            or any(name not in known.more and name not in known.why for name in metrics)
            or self._outgrown(view, version)
        )

    def _outgrown(self, view: DocumentState, version: Version) -> bool:
        """Are there better parameters now than those that a version was scored by?"""
        known = version.quality
        return known is not None and version.id not in view.scored and not self._ready.isdisjoint(known.ours)

    def failed(self, follow: PendingRequest, why: str) -> bool:
        """Something that nobody asked for could not be answered: said in the panel, and not asked for again."""
        if not isinstance(follow.request, Assess | Detect):
            return False
        if view := self._window.open_view(follow):
            view.failed[follow.request] = why
            self.complete(view)
            if view is self._window.current:
                self.show()
        return True

    def cancelled(self, view: DocumentState) -> None:
        """The user ended the looking: what it would have brought is not asked for until the user wants to know."""
        if view.id and view.head:
            view.failed |= dict.fromkeys((Detect(view.id, view.head), Assess(view.id, view.head)), CANCELLED)
        if view is self._window.current:
            self.show()

    def _ask_once(self, request: Request, view: DocumentState) -> None:
        if request not in view.failed and all(f.request != request for f in self._window.follows):
            self._window.ask(request, view)

    def _busy_with(self, view: DocumentState) -> bool:
        """Whether a request is under way that brings the scores by itself."""
        return any(f.view is view and f.title for f in self._window.follows)

    # what the user asks for

    def _jump(self, version: VersionId) -> None:
        if (view := self._window.current) and view.id and version != view.head:
            self._window.ask(GoTo(view.id, version), view)

    def _advise(self) -> None:
        if (view := self._window.current) and view.id and (head := view.head_version):
            self._window.docks["quality"].show()
            self._ask_advice(view.id, head, view)

    def _ask_advice(
        self, document: DocumentId, head: Version, view: DocumentState, then: Callable[[], object] | None = None
    ) -> None:
        """What failed or was cancelled before is looked for again; the user waits for it, so it is a job."""
        view.failed.pop(Detect(document, head.id), None)
        view.failed.pop(Assess(document, head.id), None)
        known = head.detection is not None and head.quality is not None
        self._window.ask(Advise(document, head.id), view, "" if known else LOOKING, then)
        self.show()

    def improve(self) -> None:
        """Auto: find out what would help and how long it takes; start what is quick, offer what is slow."""
        view = self._window.current
        if view is None or view.id is None or (head := view.head_version) is None or self._at_work(view):
            return
        if view.card is not None and view.card.read_only:
            self._start(view, head.id)  # the backend says at once why nothing can be kept
        else:  # advice that is there was timed with the settings, methods and speed of then
            self._ask_advice(view.id, head, view, lambda: self._weigh(view, head.id))

    def improved(self, follow: PendingRequest, news: Improved) -> None:
        """Auto is done. Whoever asked for it in the conversation reads there what came of it."""
        if isinstance(follow.request, Improve) and (view := self._window.photos.view(news.document)):
            self._window.notices.say(f"{view.title}: {news.text}", seconds=READ)

    def _at_work(self, view: DocumentState) -> bool:
        return any(f.view is view and isinstance(f.request, Improve) for f in self._window.jobs)

    def _weigh(self, view: DocumentState, head: VersionId) -> None:
        advised = view.advised
        if view not in self._window.photos.views or view.head != head or advised is None or advised.version != head:
            return
        self._withdraw_offers(anew=view)
        if advised.seconds <= LONG:
            self._start(view, head)
            return
        tasks: list[Task] = [a.task for a in advised.advice if self._window.restore.has_weights(a.task)]
        named = ", then ".join(inside(TASK_TITLES[task]) for task in tasks)
        bar = self._window.notices.say(
            f"Auto would {named}: about {duration(advised.seconds)}.",
            "offer",
            (("Start", partial(self._start, view, head)), ("Cancel", lambda: None)),
        )
        self._offers[view] = head, bar

    def _withdraw_offers(self, anew: DocumentState | None = None) -> None:
        """Take away the offers whose photo was closed or shows another version now, and that of a photo asked anew."""
        there, open_now = self._window.notices.bars(), self._window.photos.views
        for view, (head, bar) in tuple(self._offers.items()):
            if view is anew or view not in open_now or view.head != head:
                del self._offers[view]
                if bar in there:
                    bar.close_later()

    def _start(self, view: DocumentState, head: VersionId) -> None:
        if view.id and not self._at_work(view):
            self._window.ask(Improve(view.id, head, view.canvas.view.visible(), confirmed=True), view, "Auto")


def _lacks_distance(view: DocumentState, version: Version) -> bool:
    return version.parent is not None and version.id not in view.distances


def _judged(view: DocumentState, metrics: tuple[str, ...]) -> Judged | None:
    head = view.head_version
    if view.id is None or head is None:
        return None
    advised = view.advised if view.advised and view.advised.version == head.id else None
    return Judged(
        view.id, head, view.other_version, view.best, view.versions.get(view.original) if view.original else None,
        view.branch, view.distances.get(head.id), advised,
        view.failed.get(Detect(view.id, head.id), ""), view.failed.get(Assess(view.id, head.id), ""),
        metrics,
    )  # fmt: skip
