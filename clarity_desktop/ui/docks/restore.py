"""The restore panel: choose task, method and strength; emits what to run and knows nothing of the backend."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop import titles
from clarity_desktop.messages import OptionsListed
from clarity_desktop.ui import form_fields
from clarity_desktop.ui.form_fields import (
    DropDown,
    ElidedButton,
    field_label,
    int_field,
    muted_label,
    no_wheel,
    row,
    tooltip,
)
from clarity_desktop.ui.labels import duration, file_size, megapixels, method_name, option_title, task_title
from clarity_desktop.ui.translate import render
from clarity_desktop.values import TASKS, MethodCard, MethodOption, ModelCard, Task


@dataclass(frozen=True, slots=True)
class Choice:
    """What is selected. missing: the models that must be downloaded before it can run."""

    task: Task
    method: str
    strength: float
    missing: tuple[str, ...]


class Strength(QSlider):
    """Percent. A double-click resets it to 100; with Shift the arrow keys move in steps of 1."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(5, 100)
        self.setSingleStep(5)
        self.setPageStep(10)
        self.setValue(100)
        self.setAccessibleName(self.tr("Strength in percent"))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: ARG002
        self.setValue(100)

    def keyPressEvent(self, ev: QKeyEvent) -> None:
        # QSlider has no fine step of its own.
        self.setSingleStep(1 if ev.modifiers() & Qt.KeyboardModifier.ShiftModifier else 5)
        super().keyPressEvent(ev)


class RestoreDock(QScrollArea):
    """Emits asked (True: only the visible part), fetch_asked for missing models and changed for another choice.

    rest_asked: the rest of a photo of which a part was restored. While a part is selected, a check box offers to
    restore that part alone, and methods that need a mask are listed as well.
    """

    asked = Signal(bool)
    fetch_asked = Signal()
    rest_asked = Signal()
    changed = Signal()
    compare_asked = Signal(str)  # Task whose methods are to be compared

    def __init__(self) -> None:
        super().__init__()
        self._methods: tuple[MethodCard, ...] = ()
        self._models: dict[str, ModelCard] = {}
        self._preferred: dict[str, str] = {}
        self._ready = False
        self._no_task = ""  # why no task is selected
        self._best: dict[str, str] = {}
        self._options: OptionsListed | None = None  # of the selected task for the shown photo
        self._is_chosen = False  # the method, by the user or for a version; else a better default replaces it
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Restore"))
        self.task, self.method = DropDown(self.tr("Task")), DropDown(self.tr("Method"))
        for box in (self.task, self.method):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(8)
        self.task.setPlaceholderText(self.tr("Choose a task"))
        self.facts = muted_label()
        self.better_button = ElidedButton("")
        self.better_button.hide()
        self.strength, self.percent = (
            no_wheel(Strength()),
            int_field(self.tr("Strength in percent, as a number"), 5, 100, 100, self.tr("%")),
        )
        self.estimate = muted_label()
        self.live = muted_label(self.tr("The strength of the open version changes as you move the slider."))
        self.only_selection = QCheckBox(self.tr("Only in the selection"))
        self.only_selection.setToolTip(self.tr("Restore only what is selected; every other pixel stays as it is"))
        self.only_selection.setChecked(True)
        self._has_selection = False
        self.part, self.rest_button = muted_label(), ElidedButton(self.tr("Restore the rest"))
        self.rest_button.setToolTip(self.tr("Restore the whole photo like its outlined part"))
        self.button, self.visible_button = ElidedButton(self.tr("Restore")), ElidedButton(self.tr("Visible part"))
        self.fetch_button = ElidedButton(self.tr("Download model…"))
        self.compare_button = ElidedButton(self.tr("Compare methods…"))
        self._lay_out()
        self._connect()
        self.show_ready(False)

    def choice(self) -> Choice | None:
        """None until the methods are known, and while no task is selected."""
        task, card = self._task(), self._card()
        return Choice(task, card.id, self.strength.value() / 100, card.missing) if task and card else None

    def show_strength(self, strength: float) -> None:
        """Show a strength of 0..1."""
        self.strength.setValue(round(100 * strength))
        self.percent.setValue(self.strength.value())

    def show_live(self, live: bool) -> None:
        """Say what the strength is for: of the open version, which this task and method made, or of the next run."""
        self.live.setVisible(live)
        self._describe_strength(live)

    def _describe_strength(self, live: bool) -> None:
        text = self.tr("Blends the finished result with the photo before it; double-click for 100%")
        other = self.tr("How much of the result is blended in; double-click for 100%")
        self.strength.setToolTip(text if live else other)

    def offers(self, task: Task) -> bool:
        """Whether there is a method for the task, installed or to be downloaded."""
        return self.task.findData(task) >= 0

    def choose(self, task: Task, method: str | None = None) -> None:
        """Select a task, or none if it is not offered; and a method if it is given and there is such a one for it."""
        self._no_task = ""
        self.task.setCurrentIndex(self.task.findData(task))
        if method is not None and (at := self.method.findData(method)) >= 0:
            self.method.setCurrentIndex(at)
            self._is_chosen = True

    def choose_none(self, why: str) -> None:
        """Select no task, because none treats what was found; why: a sentence that is shown until one is chosen."""
        self._no_task = why
        self.task.setCurrentIndex(-1)
        self._describe()

    def better(self) -> MethodCard | None:
        """The method that is preferred to the selected one and only has to be downloaded; None if there is none."""
        task, card = self._task(), self._card()
        fitting = [m for m in self._methods if task in m.tasks and self._fits(m, task)]
        best = self._best.get(task or "")
        first = next((m for m in fitting if m.id == best), fitting[0] if fitting else None)
        return first if first and first.missing and card is not None and not card.missing else None

    @property
    def is_chosen(self) -> bool:
        """Whether the method was chosen, and not selected as the default of the task."""
        return self._is_chosen

    @property
    def is_settled(self) -> bool:
        """Whether the method was chosen, or is the best one for the shown photo; not just what is there."""
        return self._is_chosen or self._options is not None

    def show_options(self, listed: OptionsListed | None) -> None:
        """What the methods of the selected task would gain and take on the shown photo; None: not known (yet).

        The method that is best for the photo is selected, unless another was chosen.
        """
        self._options = listed if listed and listed.task == self._task() else None
        if self._options and not self._is_chosen:
            self._select_default()
        self._describe()

    def _option(self, method: str | None) -> MethodOption | None:
        return next((o for o in self._options.options if o.method == method), None) if self._options else None

    def _show_better(self) -> None:
        """Offer the method that gains clearly more than the default, beside it."""
        card, better = self._card(), self._option(self._options.better) if self._options else None
        shown = better is not None and card is not None and better.method != card.id
        self.better_button.setVisible(shown)
        if better is not None and shown:
            text = self.tr("Better: {method}").format(method=option_title(method_name(better.method), better))
            self.better_button.setText(text)
            self.better_button.setToolTip(tooltip("\n".join(render(reason) for reason in better.reasons)))

    def _choose_better(self) -> None:
        if self._options and (at := self.method.findData(self._options.better)) >= 0:
            self.method.setCurrentIndex(at)
            self.method.activated.emit(at)

    def is_open(self) -> bool:
        """Whether the user is choosing from one of the lists."""
        return self.task.view().isVisible() or self.method.view().isVisible()

    def show_methods(self, methods: tuple[MethodCard, ...], preferred: dict[str, str], best: dict[str, str]) -> None:
        """All methods; see `prefer`."""
        self._methods = methods
        self.prefer(preferred, best)
        self._list_tasks()

    def prefer(self, preferred: dict[str, str], best: dict[str, str]) -> None:
        """What the user prefers for each task, from the next choice of a task on; best: even if it is not installed."""
        self._preferred, self._best = preferred, best

    def _fits(self, card: MethodCard, task: Task) -> bool:
        """Whether a method can run on what is to be restored for a task: some need a mask."""
        return self.in_selection or card.runs_without_selection(task)

    def _list_tasks(self) -> None:
        offered = {task for card in self._methods for task in card.tasks if self._fits(card, task)}
        chosen, first = self._task(), self.task.count() == 0
        # Refilling the list is not a choice of the user.
        self.task.blockSignals(True)
        self.task.clear()
        for task in TASKS:
            if task in offered:
                self.task.addItem(task_title(task), task)
        # What is not offered any more leaves no task: another one would be a choice that the user did not make.
        self.task.setCurrentIndex(0 if first and offered else self.task.findData(chosen))
        self.task.blockSignals(False)
        self._list_methods()

    def _list_others(self) -> None:
        """List what fits to a part of the photo, or to all of it; the choice stays."""
        task, method = self._task(), self.method.currentData()
        self._list_tasks()
        if task is not None and task == self._task() and (at := self.method.findData(method)) >= 0:
            self.method.setCurrentIndex(at)

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """Use the state and size of models."""
        self._models = {m.id: m for m in models}
        self._describe()

    @property
    def in_selection(self) -> bool:
        """Whether only what is selected is to be restored."""
        return self._has_selection and self.only_selection.isChecked()

    def show_selection(self, selected: bool) -> None:
        """Offer to restore only what is selected."""
        if selected != self._has_selection:
            self._has_selection = selected
            self.only_selection.setVisible(selected)
            self._list_others()

    def show_estimate(self, seconds: float | None, size: float = 0.0, device: str = "") -> None:
        """The time for the whole photo; seconds None: not known (yet). size in megapixels; device as shown."""
        self.estimate.setVisible(seconds is not None)
        if seconds is not None:
            line = self.tr("Whole photo: about {time} ({size}, {device})")
            if self.in_selection:
                line = self.tr("The selection: about {time} ({size}, {device})")
            self.estimate.setText(line.format(time=duration(seconds), size=megapixels(size), device=device))

    def show_part(self, text: str) -> None:
        """Say that only a part of the open version is restored; "" for any other version."""
        self.part.setText(text)
        self.part.setVisible(bool(text))
        self.rest_button.setVisible(bool(text))

    def show_ready(self, ready: bool) -> None:
        """Enable the buttons if there is a photo to restore."""
        self._ready = ready
        self._show_enabled()
        if not ready:
            self.show_estimate(None)

    def _show_enabled(self) -> None:
        for button in (self.button, self.visible_button):
            button.setEnabled(self._ready and self._card() is not None)
        self.compare_button.setEnabled(self._ready)
        self.compare_button.setVisible(self.method.count() > 1)

    def missing_size(self, card: MethodCard | None = None) -> int:
        """Bytes to download before a method can run; None: the choice."""
        card = card or self._card()
        return sum(self._models[m].size for m in card.missing if m in self._models) if card else 0

    def missing_licences(self) -> str:
        """The licenses of the models to download before the choice can run."""
        card = self._card()
        return ", ".join(sorted({self._models[m].licence for m in card.missing if m in self._models})) if card else ""

    def minimumSizeHint(self) -> QSize:
        """Everything down to the estimate, which must be visible in the smallest window."""
        return QSize(240, max(220, self.estimate.geometry().bottom() + 6))

    # layout

    def _lay_out(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        form = form_fields.form()
        form.addRow(self.tr("&Task"), self.task)
        form.addRow(self.tr("&Method"), self.method)
        form.addRow(field_label(self.tr("St&rength"), self.strength), self._strength_row())
        for widget in (self.part, self.rest_button):
            widget.hide()
            column.addWidget(widget)
        column.addLayout(form)
        self.live.hide()
        column.addWidget(self.live)
        self.only_selection.hide()
        column.addWidget(self.only_selection)
        column.addWidget(self.better_button)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.button, 3)
        buttons.addWidget(self.visible_button, 2)
        column.addLayout(buttons)
        column.addWidget(self.fetch_button)
        column.addWidget(self.estimate)
        column.addWidget(self.facts)
        column.addWidget(self.compare_button, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self.setWidget(inside)

    def _strength_row(self) -> QHBoxLayout:
        self.percent.setFixedWidth(84)
        self._describe_strength(False)
        return row(self.strength, self.percent)

    def _connect(self) -> None:
        self.strength.valueChanged.connect(self.percent.setValue)
        self.percent.valueChanged.connect(self.strength.setValue)
        self.task.currentIndexChanged.connect(self._list_methods)
        self.method.activated.connect(self._note_choice)
        self.better_button.clicked.connect(self._choose_better)
        self.method.currentIndexChanged.connect(self._describe)
        self.button.setProperty("role", "primary")
        self.visible_button.setAccessibleName(self.tr("Restore the visible part only"))
        self.visible_button.setToolTip(self.tr("Restore only what the window shows: a quick way to try a method"))
        self.button.clicked.connect(self._ask_all)
        self.visible_button.clicked.connect(self._ask_visible)
        self.fetch_button.clicked.connect(self.fetch_asked)
        self.compare_button.setProperty("role", "quiet")
        self.compare_button.setToolTip(self.tr("Run several methods of the task and compare their results"))
        self.compare_button.clicked.connect(self._ask_to_compare)
        self.rest_button.clicked.connect(self.rest_asked)
        self.only_selection.toggled.connect(self._list_others)

    def _note_choice(self) -> None:
        self._is_chosen = True

    def _ask_to_compare(self) -> None:
        if task := self._task():
            self.compare_asked.emit(task)

    def _ask_all(self) -> None:
        self.asked.emit(False)

    def _ask_visible(self) -> None:
        self.asked.emit(True)

    # the selection

    def _task(self) -> Task | None:
        return self.task.currentData()

    def _card(self) -> MethodCard | None:
        return next((m for m in self._methods if m.id == self.method.currentData()), None)

    def _list_methods(self) -> None:
        """List the methods of the task, and select the default."""
        task = self._task()
        fitting = [m for m in self._methods if task in m.tasks and self._fits(m, task)]
        self._is_chosen = False
        if self._options and self._options.task != task:
            self._options = None
        self.method.blockSignals(True)
        self.method.clear()
        for card in fitting:
            self.method.addItem(method_name(card.id), card.id)
        self._select_default()
        self.method.setEnabled(bool(fitting))
        self.method.blockSignals(False)
        self._describe()

    def _select_default(self) -> None:
        """Select the best method for the shown photo; until that is known, what the user prefers or what is there."""
        task, blocked = self._task(), self.method.blockSignals(True)
        ready = next((m.id for m in self._methods if task in m.tasks and self._fits(m, task) and not m.missing), "")
        wanted = (self._options.default if self._options else None, self._preferred.get(task or ""), ready)
        places = [self.method.findData(method) for method in wanted if method]
        self.method.setCurrentIndex(next((at for at in places if at >= 0), 0))
        self.method.blockSignals(blocked)

    def _describe(self) -> None:
        task, card = self._task(), self._card()
        self._show_enabled()
        self._title_methods()
        self._show_better()
        self.facts.setText(self._facts(task, card) if task and card else self._no_task)
        self.facts.setVisible(bool(self.facts.text()))
        self.facts.setToolTip(self._technical(card) if card else "")
        self.method.setToolTip(self._technical(card) if card else "")
        missing = bool(card and card.missing)
        self.fetch_button.setVisible(missing)
        size = self.missing_size()
        with_size = self.tr("Download model ({size})…").format(size=file_size(size))
        self.fetch_button.setText(with_size if size else self.tr("Download model…"))
        title = task_title(task) if task and card else self.tr("Restore")
        self.button.setText(title)
        self.button.setAccessibleName(self.tr("Restore: {task}").format(task=title))
        self.changed.emit()

    def _title_methods(self) -> None:
        """Name the methods, each with its gain and time on the shown photo, as far as they are known."""
        for at in range(self.method.count()):
            method = self.method.itemData(at)
            card, option = next((m for m in self._methods if m.id == method), None), self._option(method)
            title = method_name(method)
            if card and card.missing:
                title = self.tr("{method} (download)").format(method=title)
            self.method.setItemText(at, option_title(title, option))
            if option:
                why = tooltip("\n".join(render(reason) for reason in option.reasons))
                self.method.setItemData(at, why, Qt.ItemDataRole.ToolTipRole)

    def _facts(self, task: Task, card: MethodCard) -> str:
        """What the method is good at, and what it gained in tests."""
        strength = titles.method_strength(card.id, task)
        parts = [render(strength)] if strength else []
        option = self._option(card.id)
        if option and option.gain is not None and option.photos:
            count = option.photos
            text = self.tr("On %n test photo(s) it came {gain} dB closer to the undamaged photo.", "", count)
            if option.gain <= -0.05:
                text = self.tr("On %n test photo(s) it went {gain} dB away from the undamaged photo.", "", count)
            parts.append(text.format(gain=f"{abs(option.gain):.1f}"))
        elif (gain := card.gains.get(task)) is not None:
            text = self.tr("In tests, {gain} dB closer to the undamaged photo.")
            parts.append(text.format(gain=f"{gain:.0f}" if gain >= 9.5 else f"{gain:.1f}"))
        return " ".join(parts)

    def _technical(self, card: MethodCard) -> str:
        text = self.tr("{title}: {architecture}, trained on {data}.")
        facts = text.format(title=card.title, architecture=card.architecture, data=card.trained_on)
        return tooltip("\n".join((facts, card.paper, card.licence)))
