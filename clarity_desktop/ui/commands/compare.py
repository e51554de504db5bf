"""The compare view: two to six versions of a photo, which one is chosen, and what is made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial
from weakref import WeakKeyDictionary, WeakSet

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

from clarity_desktop.messages import (
    Assess,
    CandidateAdded,
    Detect,
    DifferenceMeasured,
    Fuse,
    GoTo,
    ListOptions,
    MeasureDifferences,
    MergePart,
    OptionsListed,
    Pick,
    TryMethods,
)
from clarity_desktop.ui import comparison
from clarity_desktop.ui.actions import COMPARE_ONLY
from clarity_desktop.ui.canvas.compare import MAX_PANES, Compare
from clarity_desktop.ui.canvas.difference import GAINS
from clarity_desktop.ui.commands.edit import EditCommands
from clarity_desktop.ui.commands.select import SelectCommands
from clarity_desktop.ui.compare_view import LAYOUTS, CandidateCard, CandidateFacts, CandidateStrip, CompareBar
from clarity_desktop.ui.comparison import ComparedVersions
from clarity_desktop.ui.dialogs.compare_methods import CompareMethodsDialog, OfferedMethod
from clarity_desktop.ui.docks.restore import RestoreDock
from clarity_desktop.ui.docks.verdict_panel import overall
from clarity_desktop.ui.docks.versions import VersionsDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import duration, task_title
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.selection import soft_edge
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.transform_bars import PartBar
from clarity_desktop.ui.translate import render
from clarity_desktop.values import MethodCard, Region, RestoreParams, Task, Version, VersionId, placed_as
from clarity_desktop.verdict import verdict

ENDS = ("try_others", "fuse_starred")
"""Actions at the right end of the bar."""
SEVERAL: tuple[Compare, ...] = ("grid", "side", "top", "split", "difference", "blink")
"""Ways to show versions that the compare view begins with where they are in use."""
WHILE_TAKING = ("take_part", "next_candidate", "previous_candidate", "leave_compare")
"""Actions of the view that are there while a part is taken."""
RESULTS = ("restore", "fuse", "merge")
"""Kinds of steps whose results are compared with each other."""
TRIES = 5
"""How often the dialog asks what the methods take."""
UNSEEN = 0.0005
"""Share of the range of values below which a difference is not seen."""


@dataclasses.dataclass(eq=False)
class _Run:
    """Methods that are tried. joins: their results join the comparison; not any more once the user has left it."""

    state: DocumentState
    made: list[VersionId] = dataclasses.field(default_factory=list[VersionId])
    joins: bool = True


class CompareCommands(QObject):
    """Owns which versions of each document are compared. It changes documents through requests alone."""

    changed = Signal(object)  # DocumentState whose comparison is another one
    unavailable = Signal()

    def __init__(
        self,
        session: Session,
        bars: tuple[CompareBar, CandidateStrip, PartBar],
        docks: tuple[VersionsDock, RestoreDock],
        edit: EditCommands,
        select: SelectCommands,
    ) -> None:
        super().__init__(session)
        self._session, self._edit, self._select = session, edit, select
        self._bar, self._strip, self._part_bar = bars
        self._versions, self._restore = docks
        self._methods: tuple[MethodCard, ...] = ()
        self._dialog: tuple[CompareMethodsDialog, ListOptions] | None = None
        self._tries = 0
        self._runs: dict[PendingRequest, _Run] = {}
        self._taking: WeakKeyDictionary[DocumentState, VersionId] = WeakKeyDictionary()  # from which version
        self._own: WeakSet[PendingRequest] = WeakSet()  # their new version joins the comparison
        self._picked: WeakSet[DocumentState] = WeakSet()  # a version was opened by hand
        self._asked: WeakKeyDictionary[DocumentState, set[tuple[VersionId, VersionId]]] = WeakKeyDictionary()
        self._analyzed: WeakKeyDictionary[DocumentState, set[VersionId]] = WeakKeyDictionary()
        self._connect()

    def _connect(self) -> None:
        actions, on = self._session.actions, self._session.actions.on
        on("compare_view", self._toggle)
        on("compare_methods", self.ask_methods)
        on("more_difference", partial(self._step_gain, 1))
        on("less_difference", partial(self._step_gain, -1))
        for number in range(1, MAX_PANES + 1):
            on(f"pick_{number}", partial(self._pick_number, number))
        on("next_candidate", partial(self._step, 1))
        on("previous_candidate", partial(self._step, -1))
        on("take_part", self._take_from_chosen)
        on("fuse_starred", self._fuse)
        on("try_others", self._try_others)
        on("leave_compare", self.leave)
        names = (*LAYOUTS, *ENDS, "leave_compare")
        titles = {name: actions.specs[name].title for name in names}
        self._bar.add_actions({name: actions[name] for name in names}, titles, ENDS)
        self._bar.reference_chosen.connect(self._compare_with)
        self._bar.gain_chosen.connect(self._set_gain)
        strip = self._strip
        strip.chosen.connect(self.choose)
        strip.opened.connect(self._open)
        strip.starred.connect(self._star)
        strip.rejected.connect(self._reject)
        strip.part_asked.connect(self._take_part)
        self._part_bar.accepted.connect(self._merge)
        self._part_bar.cancelled.connect(self._end_taking)
        self._versions.chosen_changed.connect(self._follow_list)
        self._select.changed.connect(self._show_part)
        self._session.document_added.connect(self._watch)

    def _watch(self, state: DocumentState) -> None:
        state.canvas.pane_clicked.connect(partial(self._choose_pane, state))
        state.canvas.compare_changed.connect(self._show_mode)
        for tool in (state.canvas.crop, state.canvas.straighten):
            # They work on the open version alone.
            tool.started.connect(self.leave)

    # entering and leaving

    def compare(self, state: DocumentState, versions: Sequence[VersionId], chosen: VersionId | None = None) -> None:
        """Compare versions of a document; of more than six the first ones."""
        before = state.compared.mode if state.compared else state.canvas.comparison.mode
        found = comparison.compare(state.versions, versions, before, chosen or state.head)
        if found is None:
            self.unavailable.emit()
            return
        if len(versions) > MAX_PANES:
            text = self.tr("Six versions can be compared at once. The first six of those that you chose are shown.")
            self._session.notify(text, document=state)
        state.compared = found
        mode = state.canvas.comparison.mode
        wanted: Compare = mode if mode in SEVERAL else "grid"
        state.show_before(False)
        state.canvas.comparison.set_mode(wanted)
        self.changed.emit(state)
        focus = self._session.dialog_parent.focusWidget()
        # A result that arrives must not take the focus from a field in which the user types.
        if state is self._session.current and not isinstance(focus, QLineEdit | QPlainTextEdit | CandidateCard):
            state.canvas.setFocus()

    def leave(self) -> None:
        """Go on with the open version."""
        if (state := self._session.current) is not None and state.compared is not None:
            self._leave(state)

    def escape(self) -> bool:
        """Esc: end taking a part, else leave. Returns whether there was something to end."""
        state = self._session.current
        if state is None or state.compared is None:
            return False
        if state in self._taking:
            self._end_taking()
        else:
            self._leave(state)
        return True

    def _leave(self, state: DocumentState) -> None:
        self._stop_taking(state)
        left, state.compared = state.compared, None
        for run in self._runs.values():
            if run.state is state:
                run.joins = False
        if left is None:
            return
        state.canvas.comparison.set_mode(left.mode)
        if state in self._picked and state.id and state.head and state.head in left.versions:
            # Which one was opened in the end is a choice among their methods.
            others = tuple(v for v in left.versions if v != state.head)
            self._session.ask(Pick(state.id, state.head, others), state)
        self._picked.discard(state)
        self.changed.emit(state)
        if state is self._session.current:
            state.canvas.setFocus()

    def _toggle(self) -> None:
        state = self._session.current
        if state is None or not state.card:
            return
        if state.compared is not None:
            self._leave(state)
        else:
            self.compare(state, self._suggested(state))
        self._session.actions["compare_view"].setChecked(state.compared is not None)

    def _suggested(self, state: DocumentState) -> tuple[VersionId, ...]:
        """What to compare: rows chosen in the list, else the results for one version with it, else two versions."""
        selected = self._versions.selected()
        if len(selected) > 1:
            return selected
        head = state.head_version
        if head is None:
            return ()
        for parent in (head.parent, head.id):
            results = [v.id for v in state.versions.values() if _is_result(v) and v.parent == parent]
            if parent and (len(results) > 1 or (results and parent == head.id)):
                latest = results[-(MAX_PANES - 1) :]
                if head.id != parent and head.id not in latest:
                    latest[0] = head.id
                return (parent, *latest) if not state.versions[parent].deleted else tuple(latest)
        return tuple(v for v in (state.other, state.head) if v)

    # choosing

    def choose(self, version: VersionId) -> None:
        """Let the keys act on a compared version."""
        state = self._session.current
        if state is not None and state.compared is not None and version != state.compared.chosen:
            state.compared = state.compared.choose(VersionId(version))
            if state in self._taking:
                self._take_from(state, state.compared.chosen)
            if self._versions.chosen() != state.compared.chosen:  # or several chosen rows would be one again
                self._versions.choose(state.compared.chosen)
            self.changed.emit(state)

    def _choose_pane(self, state: DocumentState, version: VersionId) -> None:
        several = state.canvas.comparison.mode in ("grid", "side", "top")
        if state is self._session.current and several and state not in self._taking:
            self.choose(version)

    def _follow_list(self) -> None:
        state, chosen = self._session.current, self._versions.chosen()
        is_one = len(self._versions.selected()) < 2
        if state and state.compared and chosen and is_one and chosen in state.compared.versions:
            self.choose(chosen)

    def _step(self, by: int) -> None:
        if (state := self._session.current) and (now := state.compared):
            at = now.versions.index(now.chosen) + by
            self.choose(now.versions[at % len(now.versions)])

    def _pick_number(self, number: int) -> None:
        if (state := self._session.current) and state.compared and number <= len(state.compared.versions):
            self._open(state.compared.versions[number - 1])

    def _open(self, version: VersionId) -> None:
        """Open a compared version; the others stay beside it."""
        state = self._session.current
        if state is None or state.id is None or state.compared is None:
            return
        self.choose(version)
        if version != state.head:
            self._picked.add(state)
            self._session.ask(GoTo(state.id, VersionId(version)), state)

    def _star(self, version: VersionId) -> None:
        self.choose(version)
        self._edit.star(VersionId(version))

    def _reject(self, version: VersionId) -> None:
        self.choose(version)
        self._edit.reject(VersionId(version))

    def _compare_with(self, reference: VersionId) -> None:
        if (state := self._session.current) and state.compared:
            state.compared = state.compared.compare_with(VersionId(reference))
            self.changed.emit(state)

    def _set_gain(self, gain: int) -> None:
        if state := self._session.current:
            state.canvas.comparison.set_gain(gain)
            self._show_mode()

    def _step_gain(self, by: int) -> None:
        """Another gain; the difference is shown, or the key would seem to do nothing."""
        if (state := self._session.current) and state.compared:
            comparison = state.canvas.comparison
            at = GAINS.index(comparison.difference.gain) + (by if comparison.mode == "difference" else 0)
            comparison.set_mode("difference")
            self._set_gain(GAINS[min(max(0, at), len(GAINS) - 1)])

    # trying methods

    def show_methods(self, methods: tuple[MethodCard, ...]) -> None:
        """Use the methods that there are."""
        self._methods = methods

    def ask_methods(self, task: Task | None = None) -> None:
        """Ask which methods of a task are to be run on the open version; None: of the task in the panel."""
        state, choice = self._session.current, self._restore.choice()
        task = task or (choice.task if choice else None)
        if state is None or state.head is None or not state.card:
            return
        if task is None:
            self._session.notify(self.tr("Choose a task in the Restore panel first."), document=state, seconds=6)
            return
        self._show_dialog(state, state.head, task)

    def _try_others(self) -> None:
        """Ask which other methods are to be run on the input of the compared versions."""
        state = self._session.current
        task = self._task_of(state) if state else None
        if state is not None and state.compared is not None and task is not None:
            self._show_dialog(state, state.compared.input, task)

    def _task_of(self, state: DocumentState) -> Task | None:
        """The task of the compared versions: of the chosen one, else of any."""
        if state.compared is None:
            return None
        named = (state.compared.chosen, *state.compared.versions)
        steps = [state.versions[v].step for v in named if v in state.versions]
        return next((step.task for step in steps if step.kind == "restore" and step.task), None)

    def _show_dialog(self, state: DocumentState, version: VersionId, task: Task) -> None:
        region = state.selection.now.region if self._restore.in_selection and version == state.head else None
        size = state.versions[version]
        area = (region.bounds.area if region else size.width * size.height) / 1e6
        made = [v for v in state.versions.values() if _is_result(v) and v.parent == version]
        tried = {v.step.method for v in made if v.step.task == task and v.step.region is None}
        offered = [
            OfferedMethod(
                card.id, card.speed * area or None, card.gains.get(task),
                self._restore.missing_size(card) if card.missing else None,
                region is None and card.id in tried, technical=f"{card.title}: {card.architecture}\n{card.paper}",
            )
            for card in self._methods
            if task in card.tasks and (region is not None or not card.needs_mask)
        ]  # fmt: skip
        dialog = CompareMethodsDialog(self._session.dialog_parent, task, offered, region is not None)
        dialog.chosen.connect(partial(self._try, state, version, task, region))
        dialog.finished.connect(self._forget_dialog)
        dialog.open()
        if state.id:
            request = ListOptions(state.id, version, task, region.bounds if region else None)
            self._dialog, self._tries = (dialog, request), TRIES
            self._ask_options(state)

    def _forget_dialog(self) -> None:
        self._dialog = None

    def _ask_options(self, state: DocumentState | None) -> None:
        """Ask what the methods take, again where the panel's request has replaced this one."""
        if self._dialog is None or self._tries == 0 or state is None or self._dialog[1].document != state.id:
            return
        if self._session.running(ListOptions, state):
            return
        self._tries -= 1
        self._session.ask(self._dialog[1], state)

    def add_options(self, pending: PendingRequest, listed: OptionsListed) -> None:
        """Show in the dialog what the methods take and gain on this photo."""
        if self._dialog is not None and pending.request == self._dialog[1]:
            self._tries = 0
            self._dialog[0].show_options({option.method: option for option in listed.options})

    def _try(
        self, state: DocumentState, version: VersionId, task: Task, region: Region | None, methods: tuple[str, ...]
    ) -> None:
        if state.id is None or not self._session.is_open(state):
            return
        feather = soft_edge(region) if region else 0
        choices = tuple(RestoreParams(task, method, region=region, feather=feather) for method in methods)
        # The dialog said how long it takes.
        request = TryMethods(state.id, version, choices, confirmed=True)
        pending = self._session.ask(request, state, task_title(task))
        self._runs[pending] = _Run(state)

    def add_candidate(self, pending: PendingRequest, event: CandidateAdded) -> None:
        """A result of a method is there: compare it with its input and with those that came before."""
        state = self._session.document(event.document)
        if state is None:
            return
        run = self._runs.setdefault(pending, _Run(state))
        run.made.append(event.version.id)
        now, parent = state.compared, event.version.parent
        if not run.joins:
            return
        if now is not None and now.input == parent:
            replaced = self._replaceable(state, now, run.made)
            state.compared = now.with_version(event.version.id, replaced, choose=len(run.made) == 1)
            self.changed.emit(state)
        elif parent is not None:
            self.compare(state, (parent, event.version.id), event.version.id)

    def show_progress(self, pending: PendingRequest) -> None:
        """The text about results that are still being made."""
        if pending in self._runs and pending.state is self._session.current:
            self._show_strip()

    # what becomes of them

    def _fuse(self) -> None:
        state = self._session.current
        starred = self._starred(state) if state else ()
        if state is not None and state.id and len(starred) > 1:
            if any(p.request == Fuse(state.id, starred) for p in self._session.running(Fuse, state)):
                return  # the key was pressed twice
            pending = self._session.ask(Fuse(state.id, starred), state, self.tr("Combine versions"))
            self._own.add(pending)

    def _starred(self, state: DocumentState) -> tuple[VersionId, ...]:
        versions = state.compared.versions if state.compared else ()
        return tuple(v for v in versions if state.versions[v].star and not state.versions[v].rejected)

    def _take_from_chosen(self) -> None:
        if (state := self._session.current) and state.compared:
            self._take_part(state.compared.chosen)

    def _take_part(self, version: VersionId) -> None:
        """Let the user paint or select where a version replaces the open one."""
        state = self._session.current
        if state is None or state.compared is None:
            return
        if state in self._taking:
            self._end_taking()
            return
        self.choose(version)
        if obstacle := self._obstacle(state, VersionId(version)):
            self._session.notify(obstacle, document=state, seconds=8)
            return
        state.show_before(False)
        state.canvas.comparison.show_open(True)
        self._take_from(state, VersionId(version))
        self._bar.hide()
        if state.selection.now.region is None and not state.canvas.has_active_tool:
            self._session.actions["brush"].trigger()
        self._select.refresh()

    def _take_from(self, state: DocumentState, source: VersionId) -> None:
        """Take the part from this version; from the open one nothing can be taken."""
        if self._obstacle(state, source):
            self._stop_taking(state)
            return
        self._taking[state] = source
        if state.compared is not None:
            self._enable(state, state.compared)
        titles = self._titles(state)
        self._part_bar.begin(titles.get(source, ""), titles.get(state.head or VersionId(""), ""))
        self._show_part(state)

    def _show_part(self, state: DocumentState) -> None:
        """Show the part that is taken as it will look."""
        source = self._taking.get(state)
        region = state.selection.now.region if source else None
        state.canvas.show_through(source, region)
        if state is self._session.current and source:
            waits = any(p in self._own for p in self._session.running(MergePart, state))
            self._part_bar.apply.setEnabled(region is not None and not waits)

    def _merge(self) -> None:
        state = self._session.current
        region, source = (state.selection.now.region, self._taking.get(state)) if state else (None, None)
        if state is None or state.id is None or state.head is None or region is None or source is None:
            return
        request = MergePart(state.id, state.head, source, region, soft_edge(region))
        self._own.add(self._session.ask(request, state, self.tr("Take a part of another version")))
        self._part_bar.apply.setEnabled(False)

    def _end_taking(self) -> None:
        if (state := self._session.current) is not None:
            self._stop_taking(state)

    def _stop_taking(self, state: DocumentState) -> None:
        if self._taking.pop(state, None) is None:
            return
        state.canvas.show_through(None, None)
        state.canvas.comparison.show_open(False)
        if state is not self._session.current:
            return
        self._part_bar.hide()
        if state.compared is not None:
            self._bar.show()
            self._enable(state, state.compared)
        self._select.leave()
        self._select.refresh()
        state.canvas.setFocus()

    def note_version(self, pending: PendingRequest, state: DocumentState, version: Version) -> None:
        """A new version is open. What compared ones made joins them; a change of one replaces it."""
        if state.compared is None:
            return
        if isinstance(pending.request, MergePart) and pending in self._own:
            self._stop_taking(state)
            if state is self._session.current:
                self._select.clear()
        if pending in self._own:
            base = (pending.request.version,) if isinstance(pending.request, MergePart) else ()
            replaced = (*base, *self._replaceable(state, state.compared))
            state.compared = state.compared.with_version(version.id, replaced)
        elif version.parent == state.compared.input and version.step.kind in RESULTS:
            state.compared = state.compared.with_version(version.id, self._replaceable(state, state.compared))
        elif version.parent and version.parent in state.compared.versions and version.step.kind != "reset":
            state.compared = state.compared.replace(version.parent, version.id)

    def _replaceable(
        self, state: DocumentState, now: ComparedVersions, kept: Sequence[VersionId] = ()
    ) -> list[VersionId]:
        """Which of six versions gives way to a new one: the input, which can be compared with anyway, a rejected one,
        the oldest one without a star. kept: those that came with the new one."""
        free = [v for v in now.versions if v not in (*kept, state.head) and not state.versions[v].star]
        return sorted(free, key=lambda v: (v != now.input, not state.versions[v].rejected, v == now.chosen))

    def finish(self, pending: PendingRequest) -> None:
        """A request ended, however: results of methods that are not compared yet are offered."""
        if isinstance(pending.request, ListOptions):
            self._ask_options(pending.state)
        run = self._runs.pop(pending, None)
        if isinstance(pending.request, MergePart) and pending in self._own:
            self._own.discard(pending)
            if pending.state is not None and self._session.is_open(pending.state):
                self._show_part(pending.state)
        if isinstance(pending.request, Detect | Assess) and pending.state and pending.state is self._session.current:
            self._analyze_next(pending.state)
        if run is None or not self._session.is_open(run.state):
            return
        if run.state is self._session.current:
            self._show_strip()
        made = [v for v in run.made if v in run.state.versions and not run.state.versions[v].deleted]
        if made and not run.joins and run.state.compared is None:
            text = self.tr("%n result(s) can be compared.", "", len(made))
            parent = run.state.versions[made[0]].parent
            show = partial(self.compare, run.state, tuple(v for v in (parent, *made) if v))
            self._session.notify(text, choices=((self.tr("Compare"), show),), document=run.state)

    # showing

    def show_state(self) -> None:
        """The document that is shown, or its state, changed."""
        state, actions = self._session.current, self._session.actions
        now = state.compared if state else None
        actions["compare_view"].setChecked(now is not None)
        takes = state is not None and state in self._taking
        self._bar.setVisible(now is not None and not takes)
        self._strip.setVisible(now is not None)
        self._part_bar.setVisible(takes)
        if state is None or now is None:
            actions.use_compare(False)
            return
        self._enable(state, now)
        titles = self._titles(state)
        self._bar.show_references([(v, self._numbered(now, v, titles)) for v in now.references], now.reference)
        self._show_mode()
        self._show_strip()
        self._measure(state, now)
        self._analyze_next(state)
        if self._versions.chosen() != now.chosen and not self._versions.tree.hasFocus():
            self._versions.choose(now.chosen)

    def check(self, state: DocumentState) -> None:
        """The versions of a document changed: leave out deleted ones, and end the comparison where fewer than two are
        left or another version was opened."""
        if (before := state.compared) is None:
            return
        left = comparison.remaining(before, state.versions)
        if left is None or state.head not in (*left.versions, left.input, left.reference):
            state.compared = None
            self._stop_taking(state)
            self._picked.discard(state)
            state.canvas.comparison.set_mode(before.mode)
            return
        state.compared = left
        if (source := self._taking.get(state)) and self._obstacle(state, source):
            self._stop_taking(state)

    def _enable(self, state: DocumentState, now: ComparedVersions) -> None:
        """Enable what can be done now. While a part is taken, the keys belong to the tools that select it."""
        actions, takes = self._session.actions, state in self._taking
        actions.use_compare(not takes)
        for name in COMPARE_ONLY:
            actions[name].setEnabled(not takes or name in WHILE_TAKING)
        if takes:
            return
        for number in range(1, MAX_PANES + 1):
            actions[f"pick_{number}"].setEnabled(number <= len(now.versions))
        actions["fuse_starred"].setEnabled(len(self._starred(state)) > 1)
        actions["try_others"].setEnabled(self._task_of(state) is not None)
        actions["take_part"].setEnabled(not self._obstacle(state, now.chosen))

    def _show_mode(self) -> None:
        if (state := self._session.current) and state.compared:
            comparison = state.canvas.comparison
            self._bar.show_mode(comparison.mode, comparison.difference.gain)

    def _show_strip(self) -> None:
        if (state := self._session.current) and state.compared:
            self._strip.show_candidates(self._facts(state, state.compared), self._waiting(state))

    def _waiting(self, state: DocumentState) -> str:
        """The text about results that are still being made."""
        for pending, run in self._runs.items():
            if run.state is state and run.joins:
                return render(pending.progress.note) if pending.progress else self.tr("Results are on their way…")
        return ""

    def _titles(self, state: DocumentState) -> dict[VersionId, str]:
        return comparison.short_titles(state.shown_versions)

    def _numbered(self, now: ComparedVersions, version: VersionId, titles: dict[VersionId, str]) -> str:
        number, title = now.number(version), titles.get(version, "")
        if number is None:
            return self.tr("Input: {title}").format(title=title)
        return self.tr("{number} · {title}").format(number=number, title=title)

    def _facts(self, state: DocumentState, now: ComparedVersions) -> list[CandidateFacts]:
        titles = self._titles(state)
        before = overall(state.versions.get(now.input))
        facts: list[CandidateFacts] = []
        for number, at in enumerate(now.versions, 1):
            version = state.versions[at]
            score, points = overall(version), ""
            role = "muted"
            if score is not None and before is not None and at != now.input:
                rise = round(score) - round(before)
                points, role = f"{rise:+d}".replace("-", "−"), "good" if rise > 0 else "error" if rise < 0 else "muted"
            facts.append(
                CandidateFacts(
                    at, number, titles[at],
                    f"{score:.0f}/100" if score is not None else "–",
                    points, role, duration(version.step.seconds) if version.step.seconds else "",
                    *self._difference(state, now, at),
                    render(verdict(version.detection, score)) if version.detection else "",
                    version.star, version.rejected, at == state.head, at == now.chosen, at == now.reference,
                    self._obstacle(state, at),
                )
            )  # fmt: skip
        return facts

    def _difference(self, state: DocumentState, now: ComparedVersions, version: VersionId) -> tuple[str, str]:
        """How far a version is from what all of them come from: in short, and in plain words."""
        if version == now.input:
            return self.tr("The input"), self.tr("The other versions were made from this one")
        if (now.input, version) not in state.differences:
            return "", ""
        share = state.differences[now.input, version]
        own = state.versions[version]
        if share is None:
            size = self.tr("{width} × {height}").format(width=own.width, height=own.height)
            return size, self.tr("It has another size than the input, or was cropped or turned")
        if share < UNSEEN:
            same = self.tr("Same as the input"), self.tr("Every pixel is as in the input")
            return same if not share else (self.tr("Hardly differs"), self.tr("No difference from the input is seen"))
        percent = f"{100 * share:.1f}"
        in_words = self.tr("On average, its values are {percent}% of their range away from those of the input")
        return self.tr("Differs by {percent}%").format(percent=percent), in_words.format(percent=percent)

    def _obstacle(self, state: DocumentState, version: VersionId) -> str:
        """Why no part of a version can be taken into the open one."""
        source, head = state.versions.get(version), state.head_version
        if source is None or head is None or version == state.head:
            return self.tr("This version is open. Open another one to take a part of this one into it.")
        if placed_as(state.versions, source) != placed_as(state.versions, head):
            return self.tr("The open version has another size, or was cropped or turned.")
        return ""

    # what is not known yet

    def _measure(self, state: DocumentState, now: ComparedVersions) -> None:
        asked = self._asked.setdefault(state, set())
        new = [v for v in now.versions if v != now.input and (now.input, v) not in asked]
        if new and state.id:
            asked.update((now.input, v) for v in new)
            self._session.ask(MeasureDifferences(state.id, tuple(new), now.input), state)

    def add_difference(self, event: DifferenceMeasured) -> None:
        """Store how far a version is from another one."""
        for state in self._session.views(event.document):
            state.differences[event.reference, event.version] = event.share
            if state is self._session.current:
                self._show_strip()

    def _analyze_next(self, state: DocumentState) -> None:
        """Analyze a compared version of which nothing is known: its analysis was left when another one was made.

        One after the other, since a newer request would cancel an older one; each once, and only where the detector
        has worked before.
        """
        if state.compared is None or state.id is None or not any(v.detection for v in state.versions.values()):
            return
        if self._session.running(Detect, state) or self._session.running(Assess, state):
            return
        done = self._analyzed.setdefault(state, set())
        for at in state.compared.versions:
            version = state.versions[at]
            if at not in done and (version.detection is None or version.quality is None) and not self._is_made(at):
                done.add(at)
                assess = partial(self._session.ask, Assess(state.id, at), state)
                self._session.ask(Detect(state.id, at), state, then=assess)
                return

    def _is_made(self, version: VersionId) -> bool:
        """Whether its own job still runs, which analyzes it."""
        return any(version in run.made[-1:] for run in self._runs.values())


def _is_result(version: Version) -> bool:
    return not version.deleted and not version.rejected and version.step.kind in RESULTS
