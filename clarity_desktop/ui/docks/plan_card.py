"""The card of a plan that waits: its steps can be changed, removed and moved before they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop import titles
from clarity_desktop.ui import theme
from clarity_desktop.ui.docks.step_card import Card
from clarity_desktop.ui.form_fields import (
    ElidedButton,
    FlowLayout,
    breakable,
    choice_field,
    form,
    int_field,
    muted_label,
    plain_label,
)
from clarity_desktop.ui.labels import SEPARATOR, method_name, percent
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Json, MethodCard

MAX_WORDS = 500
"""Characters of the words for a part of the photo, as the schema of plans has it."""
Call = dict[str, Any]
"""A step of a plan in its JSON form."""


class PlanStep(QWidget):
    """One step: what it does, and fields that change it. Emits changed, remove_asked, and move_asked with -1 or 1."""

    changed = Signal()
    remove_asked = Signal()
    move_asked = Signal(int)

    def __init__(self, call: Mapping[str, Json], methods: Sequence[MethodCard]) -> None:
        super().__init__()
        self.call: Call = dict(call)
        self.title, self.summary = plain_label(), muted_label()
        self.title.setWordWrap(True)
        self.edit, self.remove = self._tool("settings"), self._tool("close")
        self.edit.setCheckable(True)
        self.edit.toggled.connect(self._show_fields)
        self.remove.clicked.connect(self.remove_asked)
        self.up, self.down = self._tool("chevron-up"), self._tool("chevron-down")
        self.up.clicked.connect(partial(self.move_asked.emit, -1))
        self.down.clicked.connect(partial(self.move_asked.emit, 1))
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.title, 1)
        row.addWidget(self.edit, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(self.remove, 0, Qt.AlignmentFlag.AlignTop)
        self.fields: list[QWidget] = []
        self._box = QWidget()
        self._form = form()
        self._form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapAllRows)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setVerticalSpacing(3)
        self._box.setLayout(self._form)
        self._add_fields(methods)
        moves = QHBoxLayout()
        moves.setSpacing(2)
        moves.addWidget(self.up)
        moves.addWidget(self.down)
        moves.addStretch(1)
        self._moves = QWidget()
        self._moves.setLayout(moves)
        moves.setContentsMargins(0, 0, 0, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(row)
        for widget in (self.summary, self._box, self._moves):
            column.addWidget(widget)
        # Shortcuts, because buttons and fields take the arrow keys.
        for keys, button in (("Alt+Up", self.up), ("Alt+Down", self.down)):
            shortcut = QShortcut(QKeySequence(keys), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(button.click)
        self._show_fields(False)

    def controls(self) -> list[QWidget]:
        """The widgets that take the focus, in their order."""
        return [self.edit, self.remove, *self.fields, self.up, self.down]

    def show_place(self, number: int, count: int) -> None:
        """number: from 1, of count."""
        self._number = number
        title = render(titles.call_title(self.call))
        if count > 1:
            self.title.setText(breakable(self.tr("{number}. {step}").format(number=number, step=title)))
        else:
            self.title.setText(breakable(title))
        self.summary.setText(breakable(self.facts()))
        self.summary.setVisible(bool(self.facts()) and not self.edit.isChecked())  # the fields show the same
        self.up.setEnabled(number > 1)
        self.down.setEnabled(number < count)
        self._moves.setVisible(self.edit.isChecked() and count > 1)
        for button, name in (
            (self.edit, self.tr("Change “{step}”")), (self.remove, self.tr("Remove “{step}” from the plan")),
            (self.up, self.tr("Move “{step}” up (Alt+Up)")), (self.down, self.tr("Move “{step}” down (Alt+Down)")),
        ):  # fmt: skip
            button.setAccessibleName(name.format(step=title))
            button.setToolTip(button.accessibleName())

    def facts(self) -> str:
        """Method, strength, part and settings, as far as the step names them."""
        method, strength, region = self.call.get("method"), self.call.get("strength"), self.call.get("region")
        found = [method_name(method)] if isinstance(method, str) else []
        if isinstance(strength, int | float):
            found.append(percent(strength))
        for value in self._settings().values():
            if isinstance(value, int | float) and not isinstance(value, bool):
                found.append(self.tr("{value}%").format(value=f"{100 * value:+.0f}"))
            elif isinstance(value, str):
                found.append(value)
        if isinstance(region, Mapping) and self.call.get("tool") not in ("find", "select_region"):
            words = region.get("text")
            found.append(self.tr("only “{part}”").format(part=words) if words else self.tr("only a part"))
        return SEPARATOR.join(found)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.edit.isChecked():
            self.edit.setChecked(False)
            self.edit.setFocus()
        else:
            super().keyPressEvent(event)

    def _add_fields(self, methods: Sequence[MethodCard]) -> None:
        tool, task = self.call.get("tool"), self.call.get("task")
        if tool == "restore" and task != "auto":
            self._add_method([card for card in methods if task in card.tasks])
        if tool == "restore" and task not in ("auto", "upscale"):
            strength = self.call.get("strength")
            share = strength if isinstance(strength, int | float) else 1.0
            field = int_field(self.tr("Strength"), 1, 100, round(100 * share), "%")
            field.valueChanged.connect(self._set_strength)
            self._add(self.tr("Strength"), field)
        if tool == "adjust":
            settings = self._settings()
            for name, value in settings.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    what = render(titles.call_title({"tool": "adjust", "settings": {name: value}}))
                    label = what if len(settings) > 1 else self.tr("Amount")
                    amount = int_field(label, -100, 100, round(100 * value), "%")
                    amount.valueChanged.connect(partial(self._set_amount, name))
                    self._add(label, amount)
        if tool in ("restore", "adjust", "find", "select_region"):
            self._add_part(optional=tool in ("restore", "adjust"))
        self.edit.setVisible(bool(self.fields))

    def _add_method(self, methods: Sequence[MethodCard]) -> None:
        named = self.call.get("method")
        missing = self.tr("{method} (to be downloaded)")
        entries: list[tuple[str, str | None]] = [(self.tr("Automatic"), None)]
        for card in methods:
            name = method_name(card.id)
            entries.append((missing.format(method=name) if card.missing else name, card.id))
        if isinstance(named, str) and named not in (card.id for card in methods):
            entries.append((method_name(named), named))
        field = choice_field(self.tr("Method"), entries, named)
        field.currentIndexChanged.connect(partial(self._set_method, field))
        self._add(self.tr("Method"), field)

    def _add_part(self, *, optional: bool) -> None:
        region = self.call.get("region")
        words = region.get("text") if isinstance(region, Mapping) else ""
        field = QLineEdit(words if isinstance(words, str) else "")
        field.setAccessibleName(self.tr("Part of the photo"))
        field.setMaxLength(MAX_WORDS)
        if optional:
            # A macro may name a rectangle, which has no words.
            field.setPlaceholderText(self.tr("Whole photo") if words is not None else self.tr("A rectangle"))
        field.textChanged.connect(partial(self._set_part, optional))
        self._add(self.tr("Part of the photo"), field)

    def _add(self, label: str, field: QWidget) -> None:
        field.setMinimumWidth(60)
        self._form.addRow(muted_label(label), field)
        self.fields.append(field)

    def _set_method(self, field: QComboBox, _at: int) -> None:
        self._set("method", field.currentData())

    def _set_strength(self, value: int) -> None:
        self._set("strength", None if value == 100 else value / 100)

    def _settings(self) -> Mapping[str, Any]:
        settings = self.call.get("settings")
        return settings if isinstance(settings, Mapping) else {}

    def _set_amount(self, name: str, value: int) -> None:
        self._set("settings", {**self._settings(), name: value / 100})

    def _set_part(self, optional: bool, text: str) -> None:
        if text.strip() or optional:
            self._set("region", {"kind": "text", "text": text.strip()} if text.strip() else None)

    def _set(self, key: str, value: Any) -> None:
        self.call[key] = value
        self.changed.emit()

    def _show_fields(self, on: bool) -> None:
        self._box.setVisible(on)
        self.changed.emit()

    def _tool(self, icon: str) -> QToolButton:
        button = QToolButton()
        theme.set_icon(button, icon)
        button.setProperty("small", True)
        return button


class PlanCard(Card):
    """Steps that wait for an answer. Emits run_asked with the steps as JSON and whether only on the visible part."""

    run_asked = Signal(object, bool)
    cancelled = Signal()

    def __init__(self, steps: Sequence[Json], methods: Sequence[MethodCard], *, offers_part: bool) -> None:
        """offers_part: the question is also whether only the visible part is to be restored."""
        super().__init__()
        self.rows: list[PlanStep] = []
        self.offers_part = offers_part
        self._open = True
        self._list = QVBoxLayout()
        self._list.setSpacing(8)
        self.run, self.part = ElidedButton(), ElidedButton(self.tr("Only the visible part"))
        self.cancel = ElidedButton(self.tr("Cancel"))
        self.run.setProperty("role", "primary")
        self.run.clicked.connect(self.accept)
        self.part.clicked.connect(partial(self._run, True))
        self.cancel.clicked.connect(self.cancelled)
        self._buttons = FlowLayout(6)
        for button in (self.run, self.part, self.cancel):
            self._buttons.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(10)
        column.addLayout(self._list)
        column.addLayout(self._buttons)
        for step in steps:
            if isinstance(step, Mapping):
                self._add(step, methods)
        self._number()
        self.show_open(True)
        for control in self.controls():
            control.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # the transcript leads Tab to them

    @property
    def calls(self) -> tuple[Json, ...]:
        """The steps as they are now."""
        return tuple(dict(row.call) for row in self.rows)

    def controls(self) -> list[QWidget]:
        return [*(c for row in self.rows for c in row.controls()), self.run, self.part, self.cancel]

    def accept(self) -> None:
        """Run the steps."""
        self._run(False)

    def show_open(self, is_open: bool, download: str = "") -> None:
        """Whether the plan can still be run. download: the size of the models that it needs, as shown."""
        self._open = is_open
        label = self.tr("Download and run ({size})").format(size=download) if download else self.tr("Run")
        self.run.setText(label)
        self.run.setAccessibleName(label)
        for row in self.rows:
            for control in (row.edit, row.remove):
                control.setVisible(is_open and (control is row.remove or bool(row.fields)))
            if not is_open:
                row.edit.setChecked(False)
        self.run.setVisible(is_open)
        self.part.setVisible(is_open and self.offers_part)
        self.cancel.setVisible(is_open)
        self._describe()

    def _run(self, only_visible: bool, _checked: bool = False) -> None:
        if self._open and self.rows:
            self.run_asked.emit(self.calls, only_visible)

    def _add(self, step: Mapping[str, Json], methods: Sequence[MethodCard]) -> None:
        row = PlanStep(step, methods)
        row.changed.connect(self._number)
        row.remove_asked.connect(partial(self._remove, row))
        row.move_asked.connect(partial(self._move, row))
        self.rows.append(row)
        self._list.addWidget(row)

    def _remove(self, row: PlanStep) -> None:
        at = self.rows.index(row)
        # The next control of the same kind takes the focus, or it would leave the card.
        others = [*self.rows[at + 1 :], *reversed(self.rows[:at])]
        (others[0].remove if others else self.cancel).setFocus()
        self.rows.remove(row)
        self._list.removeWidget(row)
        row.hide()
        row.deleteLater()
        self._number()

    def _move(self, row: PlanStep, by: int) -> None:
        at = self.rows.index(row)
        to = max(0, min(len(self.rows) - 1, at + by))
        focused = QApplication.focusWidget()
        self.rows.insert(to, self.rows.pop(at))
        self._list.removeWidget(row)
        self._list.insertWidget(to, row)
        self._number()
        if focused is not None and row.isAncestorOf(focused):
            (focused if focused.isEnabled() else row.edit).setFocus()

    def _number(self) -> None:
        for number, row in enumerate(self.rows, 1):
            row.show_place(number, len(self.rows))
        for button in (self.run, self.part):
            button.setEnabled(bool(self.rows))
        self._describe()

    def _describe(self) -> None:
        said = [SEPARATOR.join(p for p in (row.title.text(), row.facts()) if p) for row in self.rows]
        template = self.tr("Plan that waits: {steps}") if self._open else self.tr("Plan: {steps}")
        self.setAccessibleName(template.format(steps="; ".join(said)))
        if self._open:
            self.setAccessibleDescription(
                self.tr("Enter runs it, Tab leads to its steps and buttons, Alt+Up and Alt+Down move a step")
            )
        else:
            self.setAccessibleDescription("")
