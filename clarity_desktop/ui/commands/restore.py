"""Restoration: runs, offers of long runs, repeated steps, estimates, and methods whose model is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from weakref import WeakKeyDictionary, WeakSet

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication, QMenu

from clarity_desktop.messages import (
    Complete,
    Estimate,
    Estimated,
    Improve,
    ListOptions,
    Offerable,
    Offered,
    OptionsListed,
    PreferencesListed,
    RepairOldPhoto,
    Repeat,
    Restore,
    TryMethods,
)
from clarity_desktop.text import enumeration
from clarity_desktop.ui.docks.restore import RestoreDock
from clarity_desktop.ui.docks.versions import VersionsDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import (
    degradation_title,
    device_title,
    duration,
    file_size,
    megapixels,
    method_name,
    option_title,
    task_title,
    version_title,
    what_ran,
)
from clarity_desktop.ui.notices import Bar
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.selection import soft_edge
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import (
    TASK_FOR,
    TASKS,
    Bounds,
    Degradation,
    Detection,
    MethodCard,
    Region,
    RestoreParams,
    Task,
    Version,
    VersionId,
    ordered,
    summary,
)

ESTIMATE_DELAY = 250
"""Milliseconds without a change before an estimate is asked for."""
FEATHER = 24
"""Pixels over which a restored part blends into its surroundings."""
FULL = 255
"""Of a mask: selected."""


@dataclasses.dataclass(frozen=True, eq=False)
class _Comparison:
    """A restoration that the user asked for, and the better method that is offered before it."""

    state: DocumentState
    request: Restore
    better: MethodCard

    def estimates(self) -> tuple[Estimate, Estimate]:
        """How long the requested method takes, and the better one."""
        document, version, params = self.request.document, self.request.version, self.request.params
        return (
            Estimate(document, version, params.task, params.method),
            Estimate(document, version, params.task, self.better.id),
        )


class RestoreCommands(QObject):
    """Connects the restore panel and its actions with requests for the document that is shown."""

    started = Signal()
    compare_asked = Signal(str)  # Task whose methods are to be compared
    device_known = Signal(str)
    models_wanted = Signal(object, object)  # models to download, and a callable that runs after it

    def __init__(self, session: Session, dock: RestoreDock, versions: VersionsDock) -> None:
        super().__init__(session)
        self._session, self._dock, self._versions = session, dock, versions
        self._methods: tuple[MethodCard, ...] = ()
        self._learned: dict[str, tuple[str, ...]] = {}  # task → methods in the order in which they are tried
        self._known: dict[Estimate, Estimated] = {}
        self._options: dict[ListOptions, OptionsListed] = {}
        self._open_menu: tuple[Task, QMenu] | None = None  # of a task, whose methods it lists
        self._offers: dict[DocumentState, tuple[VersionId, Bar]] = {}
        self._made: WeakSet[PendingRequest] = WeakSet()  # their version is there, its analysis may still run
        self._own: WeakKeyDictionary[DocumentState, tuple[VersionId, Task, str | None]] = WeakKeyDictionary()
        self._selected: tuple[DocumentState, VersionId] | None = None  # for which the choice was made
        self.tasks_menu = QMenu(self.tr("Tas&ks"))
        self._offered_better = False  # once, on a sample
        self._comparison: _Comparison | None = None  # waits for estimates
        self._shown_options: OptionsListed | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(ESTIMATE_DELAY)
        self._timer.timeout.connect(self._ask_estimate)
        dock.asked.connect(self._ask)
        dock.fetch_asked.connect(self._offer_download)
        dock.changed.connect(self.show_estimate)
        dock.task.activated.connect(self._keep_choice)
        dock.method.activated.connect(self._prefer_method)
        on = session.actions.on
        on("restore", partial(self._ask, False))
        on("restore_visible", partial(self._restore, True))
        on("repeat", self._repeat)
        versions.chosen_changed.connect(self._show_repeatable)

    # runs

    def run(self, task: Task, *, confirmed: bool = False) -> None:
        """Restore the shown document for a task, with the method chosen for it. confirmed: however long it takes."""
        self._dock.choose(task)
        self._keep_choice()
        # The user has not seen yet what the panel proposes; the backend knows which method is best for the photo.
        is_open = not self._dock.is_settled
        if confirmed:
            self._restore(False, confirmed=True, is_open=is_open)
        else:
            self._ask(False, is_open=is_open)

    def run_in_selection(self, task: Task) -> None:
        """Restore what is selected in the shown document for a task, with the method chosen for it."""
        self._dock.only_selection.setChecked(True)
        self.run(task)

    def _ask(self, visible_only: bool, *, is_open: bool = False) -> None:
        """The user asked for a restoration: on a sample, offer the better model first, once.

        is_open: the backend chooses the method.
        """
        state, better = self._session.current, self._dock.better()
        on_sample = state is not None and state.path in self._session.samples
        request = None if visible_only or not on_sample or self._offered_better else self._request(False)
        if state is None or better is None or request is None:
            self._restore(visible_only, is_open=is_open)
            return
        self._offered_better = True
        self._comparison = _Comparison(state, request, better)
        self._compare()

    def _compare(self) -> None:
        """Offer the better method beside the installed one, once it is known how long each takes."""
        if (comparison := self._comparison) is None:
            return
        if self._session.current is not comparison.state:
            self._end_comparison()
            return
        state, better, estimates = comparison.state, comparison.better, comparison.estimates()
        for estimate in estimates:
            if estimate not in self._known:
                # One at a time: a newer estimate replaces an older one that is running.
                if all(pending.request != estimate for pending in self._session.running(Estimate, state)):
                    self._session.ask(estimate, state)
                return
        self._comparison = None
        quick, best = (duration(self._known[estimate].seconds) for estimate in estimates)
        params = comparison.request.params
        installed = method_name(params.method or "")
        name, size = method_name(better.id), file_size(self._dock.missing_size(better))
        text = self.tr(
            "{better} gives a better result than {quick}. It must be downloaded first ({size}) and then takes about "
            "{time}; {quick} takes about {quick_time}."
        ).format(better=name, quick=installed, size=size, time=best, quick_time=quick)

        def use_better() -> None:
            if self._session.current is state:
                self._dock.choose(params.task, better.id)
                self._keep_choice()
            wanted = dataclasses.replace(params, method=better.id)
            self._start_after_download(state, dataclasses.replace(comparison.request, params=wanted))

        choices = (
            (self.tr("Download and restore"), partial(self.models_wanted.emit, better.missing, use_better)),
            (self.tr("Restore now"), partial(self._start, state, comparison.request)),
        )
        self.started.emit()  # the welcome has done its work
        self._session.notify(text, "offer", choices, document=state)

    def _end_comparison(self) -> None:
        """The times cannot be compared, or another photo is shown: restore with the installed method."""
        comparison, self._comparison = self._comparison, None
        if comparison is not None and self._session.is_open(comparison.state):
            self._start(comparison.state, comparison.request)

    def end_estimate(self, pending: PendingRequest, *, cancelled: bool) -> None:
        """A request ended. If it was an estimate that failed, a comparison that waits for it cannot be made."""
        request = pending.request
        if cancelled or self._comparison is None or not isinstance(request, Estimate) or request in self._known:
            return
        if request in self._comparison.estimates():
            self._end_comparison()

    def _restore(self, visible_only: bool, *, confirmed: bool = False, is_open: bool = False) -> None:
        choice, state, request = self._dock.choice(), self._session.current, self._request(visible_only, confirmed)
        if request is not None and is_open:
            request = dataclasses.replace(request, params=dataclasses.replace(request.params, method=None))
        if choice is None and state is not None and self._methods:
            self._session.notify(self.tr("Choose a task in the Restore panel first."), document=state)
        if choice is None or state is None or request is None:
            return
        if choice.missing:
            self._offer_download(partial(self._start_after_download, state, request))
        else:
            self._start(state, request)

    def _request(self, visible_only: bool, confirmed: bool = False) -> Restore | None:
        """The restoration that the panel and the shown photo ask for."""
        choice, state = self._dock.choice(), self._session.current
        if choice is None or state is None or state.id is None or (head := state.head_version) is None:
            return None
        params = RestoreParams(choice.task, choice.method, choice.strength, visible=state.canvas.view.visible())
        if (selected := self._selected_region(state)) is not None and not visible_only:
            params = dataclasses.replace(params, region=selected, feather=soft_edge(selected))
        return Restore(state.id, head.id, visible_part(params, head) if visible_only else params, confirmed)

    def _start(self, state: DocumentState, request: Restore) -> None:
        if any(self._makes(pending, request) for pending in self._session.running(Restore, state)):
            return  # pressed twice: the same result is on its way
        self._session.ask(request, state, task_title(request.params.task))
        self.started.emit()

    def _start_after_download(self, state: DocumentState, request: Restore) -> None:
        """Restore the photo for which the models were downloaded, whichever is shown now; not another version of it."""
        if not self._session.is_open(state):
            return
        if state.head == request.version:
            self._start(state, request)
            return
        text = self.tr(
            "The model for “{task}” is installed now. Nothing was restored, because another version of the photo is "
            "open."
        )
        self._session.notify(text.format(task=task_title(request.params.task)), document=state)

    def _selected_region(self, state: DocumentState) -> Region | None:
        """What is selected, if only that is to be restored."""
        return state.selection.now.region if self._dock.in_selection else None

    def _makes(self, pending: PendingRequest, request: Restore) -> bool:
        """Whether a running request will make the version that this one asks for."""
        running = pending.request
        return isinstance(running, Restore) and pending not in self._made and _content(running) == _content(request)

    def show_offer(self, pending: PendingRequest, offered: Offered) -> None:
        """Offer a long run that was not started, and its visible part if that is quicker."""
        state = pending.state
        away = (
            state is not None and state.head != offered.request.version and not isinstance(offered.request, TryMethods)
        )
        if state is None or away or not self._session.is_open(state):
            return
        self._remove_offer(state)
        bar = self._session.notify(
            self._offer_text(state, offered), "offer", self._offer_choices(pending, offered), document=state
        )
        # One offer per document; a newer one replaces it.
        self._offers[state] = offered.request.version, bar

    def remove_old_offers(self) -> None:
        """Remove the offers of documents that were closed or show another version now."""
        for state, (version, _) in tuple(self._offers.items()):
            if not self._session.is_open(state) or state.head != version:
                self._remove_offer(state)

    def _remove_offer(self, state: DocumentState) -> None:
        if (offer := self._offers.pop(state, None)) and self._session.notice_is_shown(offer[1]):
            offer[1].close_later()

    def _offer_text(self, state: DocumentState, offered: Offered) -> str:
        request, time = offered.request, duration(offered.seconds)
        if isinstance(request, Improve):
            if not offered.tasks:
                return self.tr("Auto will take about {time}. Start?").format(time=time)
            tasks = render(enumeration(task_title(task) for task in offered.tasks))
            return self.tr("Auto will try: {tasks}. This takes about {time}. Start?").format(tasks=tasks, time=time)
        if isinstance(request, Complete):
            text = self.tr("Restoring the whole photo ({size}) will take about {time} on {device}.")
            return text.format(size=megapixels(offered.megapixels), time=time, device=device_title(offered.device))
        if isinstance(request, Repeat):
            repeated = state.versions.get(request.made)
            text = self.tr("Repeating “{version}” on the open version will take about {time}.")
            return text.format(version=version_title(repeated) if repeated else "", time=time)
        if isinstance(request, RepairOldPhoto):
            return self.tr("Repairing this photo will take about {time}. Start?").format(time=time)
        if isinstance(request, TryMethods):
            return self.tr("Trying these methods will take about {time}. Start?").format(time=time)
        if request.params.region is None:
            text = self.tr("Restoring the whole photo ({size}) will take about {time} on {device}.")
        else:
            text = self.tr(
                "Restoring this part ({size}) will take about {time} on {device}. Zoom in to restore a smaller part."
            )
        return text.format(size=megapixels(offered.megapixels), time=time, device=device_title(offered.device))

    def _offer_choices(self, pending: PendingRequest, offered: Offered) -> tuple[tuple[str, Callable[[], object]], ...]:
        request, state = offered.request, pending.state

        def start(request: Offerable) -> None:
            self._session.ask(dataclasses.replace(request, confirmed=True), state, pending.title)

        cancel = (self.tr("Cancel"), lambda: None)
        if isinstance(request, Repeat):
            return (self.tr("Repeat"), partial(start, request)), cancel
        if isinstance(request, Improve | TryMethods | RepairOldPhoto):
            return (self.tr("Start"), partial(start, request)), cancel
        if isinstance(request, Complete):
            return (self.tr("Restore"), partial(start, request)), cancel
        everything = (self.tr("Restore"), partial(start, request))
        version = state.versions.get(request.version) if state else None
        if offered.part_seconds is None or version is None:
            return everything, cancel
        part = dataclasses.replace(request, params=visible_part(request.params, version))
        label = self.tr("Visible part first ({time})").format(time=duration(offered.part_seconds))
        return (label, partial(start, part)), (self.tr("Restore all"), everything[1]), cancel

    def finish(self, pending: PendingRequest) -> None:
        """A restored version was added: alert the user if the window is in the background."""
        self._made.add(pending)
        # Flashes the taskbar entry only while the window is inactive.
        QApplication.alert(self._session.dialog_parent)
        self.forget_estimates()  # its measured speed changes them

    # the step of another version

    def _show_repeatable(self) -> None:
        self._session.actions["repeat"].setEnabled(self._repeatable() is not None)

    def _repeatable(self) -> tuple[DocumentState, Version, VersionId] | None:
        """The chosen version, if it was restored or adjusted and another one is open; and the open one."""
        state = self._session.current
        chosen = state.versions.get(self._versions.chosen() or VersionId("")) if state else None
        if state is None or state.id is None or state.head is None or chosen is None or chosen.id == state.head:
            return None
        is_repeatable = chosen.step.kind == "adjust" or (chosen.step.kind == "restore" and chosen.step.task)
        return (state, chosen, state.head) if is_repeatable else None

    def _repeat(self) -> None:
        if (found := self._repeatable()) is not None:
            state, chosen, head = found
            assert state.id is not None
            self._session.ask(Repeat(state.id, head, chosen.id), state, what_ran(chosen.step))

    # the task in the panel

    def _preselect(self) -> None:
        """Select what suits the open version: the user's choice, how it was made, or its main problem."""
        state = self._session.current
        head = state.head_version if state else None
        if state is None or head is None or self._dock.is_open():
            return
        if self._selected == (state, head.id) and self._dock.choice() is not None:
            return
        own, step = self._own.get(state), head.step
        if own and own[0] == head.id and self._dock.offers(own[1]):
            self._dock.choose(own[1], own[2])
        elif step.kind == "restore" and step.task and self._dock.offers(step.task):
            self._dock.choose(step.task, step.method)
        elif head.detection is None:
            return  # its problems will be known soon
        elif not self._choose_for(head.detection):
            return  # asked again once something is selected: then missing parts can be filled
        self._selected = state, head.id

    def _choose_for(self, detection: Detection) -> bool:
        """Select the task for the main problem of a photo; none, with the reason, where no method treats it.

        A less likely problem that has a method would be treated in its place. Returns whether a task is selected.
        """
        # Of a photo that looks normal the most likely one: what suited another photo says nothing here.
        problems = summary(detection).named or tuple(ordered(detection))
        treatable: list[Degradation] = [d for d in problems if self._dock.offers(TASK_FOR[d])]
        if treatable:
            self._dock.choose(TASK_FOR[treatable[0]])
        elif "inpaint" in problems:
            self._dock.choose_none(self.tr("Select the missing parts of the photo first. Then they can be filled."))
        else:
            names = render(enumeration(degradation_title(d) for d in problems))
            self._dock.choose_none(
                self.tr("There is no method yet for what was found: {problems}.").format(problems=names)
            )
        return bool(treatable)

    def _keep_choice(self) -> None:
        """The user chose a task or a method for the open version."""
        state, choice = self._session.current, self._dock.choice()
        if state and state.head and choice:
            self._own[state] = state.head, choice.task, choice.method if self._dock.is_chosen else None
            self._selected = state, state.head

    # the estimate in the panel

    def show_state(self) -> None:
        """The document that is shown, or its state, changed."""
        self.remove_old_offers()
        self._compare()
        state = self._session.current
        self._dock.show_selection(state is not None and state.selection.now.region is not None)
        self._preselect()
        self.show_estimate()
        self._show_repeatable()

    def forget_estimates(self) -> None:
        """The settings or the measured speed changed."""
        self._known.clear()
        self._options.clear()
        self.show_estimate()

    def show_estimate(self) -> None:
        """Show the estimate for the choice, or ask for it soon."""
        wanted = self._wanted_estimate()
        if wanted and (known := self._known.get(wanted)):
            self._dock.show_estimate(known.seconds, known.megapixels, device_title(known.device))
        else:
            self._dock.show_estimate(None)
            if wanted:
                # Delayed: dragging the strength slider would otherwise send dozens of requests.
                self._timer.start()
        self._show_options()

    def add_estimate(self, pending: PendingRequest, estimated: Estimated) -> None:
        """Store an estimate and show it if it is for the current choice."""
        if isinstance(pending.request, Estimate):
            self._known[pending.request] = estimated
            self.device_known.emit(estimated.device)
            self._compare()
            if pending.request == self._wanted_estimate():
                self._dock.show_estimate(estimated.seconds, estimated.megapixels, device_title(estimated.device))

    def _wanted_estimate(self) -> Estimate | None:
        state, choice = self._session.current, self._dock.choice()
        if state is None or state.id is None or state.head is None or choice is None:
            return None
        selected = self._selected_region(state)
        return Estimate(state.id, state.head, choice.task, choice.method, selected.bounds if selected else None)

    def _ask_estimate(self) -> None:
        if (wanted := self._wanted_estimate()) and wanted not in self._known:
            self._session.ask(wanted, self._session.current)
        self._ask_options(self._wanted_options())

    # what the methods would gain on the photo

    def add_options(self, pending: PendingRequest, listed: OptionsListed) -> None:
        """Store the options of a task and show them if they are for what is shown."""
        if isinstance(pending.request, ListOptions):
            self._options[pending.request] = listed
            self._show_options()
            if self._open_menu and self._open_menu[0] == listed.task:
                self._list_in_menu(*self._open_menu)

    def _show_options(self) -> None:
        wanted = self._wanted_options()
        known = self._options.get(wanted) if wanted else None
        if known is not self._shown_options:
            self._shown_options = known
            self._dock.show_options(known)
        if wanted and known is None:
            self._timer.start()

    def _wanted_options(self, task: Task | None = None) -> ListOptions | None:
        """The request for the options of a task, or of the selected one."""
        state, choice = self._session.current, self._dock.choice()
        task = task or (choice.task if choice else None)
        if state is None or state.id is None or state.head is None or task is None:
            return None
        selected = self._selected_region(state)
        return ListOptions(state.id, state.head, task, selected.bounds if selected else None)

    def _ask_options(self, wanted: ListOptions | None) -> None:
        state = self._session.current
        if wanted is None or wanted in self._options:
            return
        if all(pending.request != wanted for pending in self._session.running(ListOptions, state)):
            self._session.ask(wanted, state)

    def _open_task_menu(self, task: Task, menu: QMenu) -> None:
        self._open_menu = task, menu
        self._ask_options(self._wanted_options(task))
        self._list_in_menu(task, menu)

    def _list_in_menu(self, task: Task, menu: QMenu) -> None:
        """List the methods of a task, the best for the shown photo first, with their gain and time."""
        menu.clear()
        wanted = self._wanted_options(task)
        listed = self._options.get(wanted) if wanted else None
        cards = {card.id: card for card in self._methods if task in card.tasks and card.runs_without_selection(task)}
        found = {o.method: o for o in listed.options if o.method in cards} if listed else {}
        for method in (*found, *(name for name in cards if name not in found)):
            title, option = method_name(method), found.get(method)
            if cards[method].missing:
                title = self.tr("{method} (download)").format(method=title)
            action = menu.addAction(option_title(title, option))
            action.setEnabled(option is None or option.seconds is not None)
            action.triggered.connect(partial(self._run_from_menu, task, method))
        if len(cards) > 1:
            menu.addSeparator()
            compare = menu.addAction(self.tr("Compare methods…"))
            compare.triggered.connect(partial(self._ask_to_compare, task))

    def _ask_to_compare(self, task: Task, _checked: bool = False) -> None:
        self.compare_asked.emit(task)

    # methods

    def show_methods(self, methods: tuple[MethodCard, ...]) -> None:
        """Show the methods in the panel and the tasks in the menu."""
        self._methods = methods
        self._dock.show_methods(methods, self._preferred(), self._best())
        current = self._session.current
        self._dock.show_ready(bool(current and current.card))
        for action in self.tasks_menu.actions():
            menu = action.menu()
            if isinstance(menu, QMenu):
                menu.deleteLater()
        self.tasks_menu.clear()
        self._open_menu = None
        offered = {task for card in methods for task in card.tasks if card.runs_without_selection(task)}
        for task in TASKS:
            if task in offered:
                menu = self.tasks_menu.addMenu(task_title(task))
                menu.aboutToShow.connect(partial(self._open_task_menu, task, menu))
        self.show_estimate()

    def show_preferences(self, event: PreferencesListed) -> None:
        """The user's preferences changed: they decide which method is selected for a task."""
        self._learned = {
            listed.task: tuple(m.method for m in listed.methods)
            for listed in event.tasks
            if any(m.choices for m in listed.methods)
        }
        self._dock.prefer(self._preferred(), self._best())

    def _preferred(self) -> dict[str, str]:
        """Task → the method that was set in the panel, or else the one that the user prefers of those installed."""
        ready = {card.id for card in self._methods if not card.missing}
        learned = {task: next((m for m in order if m in ready), "") for task, order in self._learned.items()}
        return {**{task: method for task, method in learned.items() if method}, **self._session.settings.methods}

    def _best(self) -> dict[str, str]:
        """Task → the method that was set in the panel, or else the one that the user prefers, installed or not."""
        return {**{task: order[0] for task, order in self._learned.items()}, **self._session.settings.methods}

    def _run_from_menu(self, task: Task, method: str, _checked: bool = False) -> None:
        self._dock.choose(task, method)
        self._keep_choice()
        self._ask(False)

    def _prefer_method(self) -> None:
        self._keep_choice()
        if choice := self._dock.choice():
            preferred = {**self._session.settings.methods, choice.task: choice.method}
            self._session.change_settings(methods=preferred)

    def _offer_download(self, then: Callable[[], object] | None = None) -> None:
        """Offer to download the models of the chosen method. then: called once they are there."""
        choice = self._dock.choice()
        if choice is None or not choice.missing:
            return
        known = self._known.get(wanted) if (wanted := self._wanted_estimate()) else None
        fields = {
            "task": task_title(choice.task), "size": file_size(self._dock.missing_size()),
            "license": self._dock.missing_licences(), "time": duration(known.seconds) if known else "",
        }  # fmt: skip
        text = self.tr("“{task}” needs a model that is not installed ({size}, license: {license}).")
        if known:
            text = self.tr(
                "“{task}” needs a model that is not installed ({size}, license: {license}). Restoring then takes about "
                "{time}."
            )
        text = text.format(**fields)
        label = self.tr("Download and restore") if then else self.tr("Download")
        download = partial(self.models_wanted.emit, choice.missing, then)
        self._session.notify(
            text, "offer", ((label, download), (self.tr("Cancel"), lambda: None)), document=self._session.current
        )


def _content(request: Restore) -> tuple[Restore, Bounds | None, int]:
    """What tells two requests apart; a rectangle by its bounds, another region by its identity."""
    region = request.params.region
    params = dataclasses.replace(request.params, region=None, visible=None)
    identity = id(region) if region is not None and region.mask.min() < FULL else 0
    return dataclasses.replace(request, params=params), region.bounds if region else None, identity


def visible_part(params: RestoreParams, version: Version) -> RestoreParams:
    """The same restoration for the part of the version that is visible; all of it is no part."""
    if params.visible is None or params.visible.area >= version.width * version.height:
        return params
    # Without a label: the document stores it, and documents store no translated text.
    region = Region.rectangle(params.visible, version.width, version.height)
    return dataclasses.replace(params, region=region, feather=FEATHER)
