"""Chooses the methods of a task whose results are to be compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.canvas.compare import MAX_PANES
from clarity_desktop.ui.form_fields import muted_label, tooltip
from clarity_desktop.ui.labels import duration, file_size, method_name, task_title
from clarity_desktop.ui.translate import render
from clarity_desktop.values import MethodOption, Task

SIZE = 620, 420
MOST = MAX_PANES
"""Methods that are run at once: as many as can be compared."""
FIRST_CHECKED = 3
"""Methods that are checked at first."""
QUICK = 60.0
"""Seconds that one of them takes at most."""


@dataclass(frozen=True, slots=True)
class OfferedMethod:
    """A method of the task. seconds: estimated for the photo, None while it is not known. gain: in dB, where measured.

    missing: bytes to be downloaded before it can run, None if it is installed. tried: there is a result of it already.
    obstacle: it cannot run here.
    """

    method: str
    seconds: float | None = None
    gain: float | None = None
    missing: int | None = None
    tried: bool = False
    obstacle: bool = False
    technical: str = ""


class CompareMethodsDialog(QDialog):
    """Lists the methods of a task with what they take and gain; the checked ones are run."""

    chosen = Signal(object)  # tuple of method ids, in the order of the list

    def __init__(self, parent: QWidget, task: Task, methods: Sequence[OfferedMethod], part: bool = False) -> None:
        """part: only what is selected is restored."""
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Compare methods: {task}").format(task=task_title(task)))
        self.resize(*SIZE)
        self._methods = {m.method: m for m in methods}
        self._is_changed, self._is_checking = False, True
        self.list = QTreeWidget()
        self.list.setAccessibleName(self.tr("Methods"))
        self.list.setHeaderLabels([self.tr("Method"), self.tr("Time"), self.tr("Gain in tests"), self.tr("State")])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            self.list.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setStretchLastSection(False)
        self.rows: dict[str, QTreeWidgetItem] = {}
        for method in methods:
            self._add_row(method)
        self.list.itemChanged.connect(self._note_change)
        self.total = muted_label()
        self.run, self.cancel = QPushButton(self.tr("Run")), QPushButton(self.tr("Cancel"))
        self.run.setProperty("role", "primary")
        self.run.setDefault(True)
        self.run.clicked.connect(self._choose)
        self.cancel.clicked.connect(self.reject)
        self._lay_out(part)
        self._check(_first_checked(methods))

    def show_options(self, options: Mapping[str, MethodOption]) -> None:
        """Show what the methods take and gain on this photo. One that cannot run here says why."""
        self._is_checking = True
        for name, known in self._methods.items():
            option, row = options.get(name), self.rows[name]
            seconds = option.seconds if option else known.seconds
            gain = option.gain if option and option.gain is not None else known.gain
            self._methods[name] = replace(known, seconds=seconds, gain=gain, obstacle=bool(option and option.obstacle))
            if known.missing is None:
                row.setText(1, "–" if seconds is None else duration(seconds))
            row.setText(2, self._gain(gain))
            if option is not None and option.obstacle is not None:
                self._disable(row, render(option.obstacle))
                row.setText(3, self.tr("Cannot run here"))
        self._check(_first_checked(tuple(self._methods.values())))

    @property
    def checked(self) -> tuple[str, ...]:
        """The methods that are checked."""
        return tuple(m for m, row in self.rows.items() if row.checkState(0) == Qt.CheckState.Checked)

    def _add_row(self, method: OfferedMethod) -> None:
        time = "…" if method.seconds is None else duration(method.seconds)
        state = self.tr("Result exists") if method.tried else self.tr("Installed")
        if method.missing is not None:
            time, state = "–", self.tr("Not installed ({size})").format(size=file_size(method.missing))
        row = self.rows[method.method] = QTreeWidgetItem(
            [method_name(method.method), time, self._gain(method.gain), state]
        )
        row.setToolTip(0, tooltip(method.technical))
        row.setToolTip(2, self.tr("How much closer to the undamaged photo its results were, on average"))
        for column, align in ((1, Qt.AlignmentFlag.AlignRight), (2, Qt.AlignmentFlag.AlignRight)):
            row.setTextAlignment(column, align | Qt.AlignmentFlag.AlignVCenter)
        row.setCheckState(0, Qt.CheckState.Unchecked)
        if method.missing is not None:
            self._disable(row, self.tr("Download it first, in the Restore panel or under Photo > Models"))
        self.list.addTopLevelItem(row)

    def _gain(self, gain: float | None) -> str:
        return "–" if gain is None else self.tr("{gain} dB").format(gain=f"{gain:+.1f}")

    def _disable(self, row: QTreeWidgetItem, why: str) -> None:
        row.setCheckState(0, Qt.CheckState.Unchecked)
        row.setFlags(Qt.ItemFlag.ItemNeverHasChildren)
        row.setToolTip(3, tooltip(why))

    def _check(self, methods: Collection[str]) -> None:
        """Check methods until the user has checked some."""
        if not self._is_changed:
            self._is_checking = True
            for name, row in self.rows.items():
                row.setCheckState(0, Qt.CheckState.Checked if name in methods else Qt.CheckState.Unchecked)
        self._is_checking = False
        self._show_total()
        if first := self.list.topLevelItem(0):
            self.list.setCurrentItem(first)

    def _note_change(self) -> None:
        self._is_changed = self._is_changed or not self._is_checking
        self._show_total()

    def _show_total(self) -> None:
        checked = self.checked
        known = [self._methods[m].seconds for m in checked]
        seconds = sum(s for s in known if s is not None)
        if not checked:
            text = self.tr("Check the methods to run.")
        elif len(checked) > MOST:
            text = self.tr("At most {count} results can be compared at once. Uncheck some methods.").format(count=MOST)
        elif None in known:
            text = self.tr("%n method(s), one after the other; results can be compared as they come.", "", len(checked))
        else:
            text = self.tr("%n method(s), about {time} together; results can be compared as they come.", "",
                           len(checked)).format(time=duration(seconds))  # fmt: skip
        self.total.setText(text)
        self.run.setEnabled(0 < len(checked) <= MOST)

    def _choose(self) -> None:
        self.chosen.emit(self.checked)
        self.accept()

    def _lay_out(self, part: bool) -> None:
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.run)
        buttons.addWidget(self.cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        whole = self.tr(
            "Each method is run on the open version. The results are versions that you can compare, keep or combine; "
            "the open version stays."
        )
        selected = self.tr(
            "Each method is run on what is selected in the open version. The results are versions that you can "
            "compare, keep or combine; the open version stays."
        )
        column.addWidget(muted_label(selected if part else whole))
        column.addWidget(self.list, 1)
        column.addWidget(self.total)
        column.addLayout(buttons)


def _first_checked(methods: Sequence[OfferedMethod]) -> tuple[str, ...]:
    """What is checked at first: installed methods without a result that take no minutes, those that gain most."""
    ready = [m for m in methods if m.missing is None and not m.tried and not m.obstacle]
    quick = [m for m in ready if m.seconds is None or m.seconds <= QUICK] or ready
    best = sorted(quick, key=lambda m: -m.gain if m.gain is not None else 0.0)[:FIRST_CHECKED]
    return tuple(m.method for m in ready if m in best)
