"""The bar above the photo while something is being selected, and the bar of what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.tools.brush import SIZES
from clarity_desktop.ui.form_fields import ElidedButton, int_field
from clarity_desktop.ui.labels import percent

ICONS = {"replace": "mask-new", "add": "mask-add", "subtract": "mask-subtract", "intersect": "mask-intersect"}
"""How → the icon of its button."""


class SelectBar(QFrame):
    """The tools, how they combine, what the active one needs, and Done."""

    mode_chosen = Signal(str)  # How
    next_asked = Signal(int)  # 1: the next candidate, -1: the one before it
    shape_changed = Signal(float, float)  # diameter in pixels, softness 0..1
    erase_toggled = Signal(bool)
    done = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("transform")
        self.setAccessibleName(self.tr("Select"))
        # Ignored width: otherwise a narrow window would shrink the panels to make room for the bar.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(12, 6, 12, 6)
        self.row.setSpacing(6)
        self.tools: list[QToolButton] = []
        self.modes: dict[str, QToolButton] = {}
        self._add_modes()
        self.candidates = self._make_candidates()
        self.brush = self._make_brush()
        self.row.addStretch(1)
        self.done_button = ElidedButton(self.tr("Done"))
        self.done_button.setToolTip(self.tr("Put the tool away; what is selected stays selected"))
        self.done_button.clicked.connect(self.done)
        self.row.addWidget(self.done_button)
        self.show_candidates(0, ())
        self.hide()

    def add_tools(self, actions: Sequence[tuple[QAction, str]]) -> None:
        """Add a button for each tool: its action and its name."""
        for k, (action, name) in enumerate(actions):
            button = _icon_button()
            button.setDefaultAction(action)
            button.setAccessibleName(name)
            self.tools.append(button)
            self.row.insertWidget(k, button)
        line = QFrame()
        line.setObjectName("line")
        line.setFixedWidth(1)
        self.row.insertWidget(len(actions), line)

    def show_tool(self, tool: str) -> None:
        """Show what a tool needs: "click", "box", "brush", "heal" or "lasso"."""
        paints = tool in ("brush", "heal")
        self.brush.setVisible(paints)
        self.erase.setVisible(tool == "brush")
        for button in self.modes.values():
            button.setVisible(not paints)
        self.show()

    def show_mode(self, how: str) -> None:
        """Check the button of how new masks join the selection."""
        self.modes[how].setChecked(True)

    def show_candidates(self, candidate: int, scores: Sequence[float]) -> None:
        """Show which of the masks that may be meant is shown."""
        self.candidates.setVisible(len(scores) > 1)
        if len(scores) > 1:
            text = self.tr("{number} of {count} ({score})")
            score = percent(max(0.0, min(1.0, scores[candidate])))
            self.which.setText(text.format(number=candidate + 1, count=len(scores), score=score))

    def show_shape(self, diameter: float, softness: float) -> None:
        """Show the size and the softness of the brush."""
        for field, value in ((self.size_field, diameter), (self.softness, 100 * softness)):
            field.blockSignals(True)
            field.setValue(round(value))
            field.blockSignals(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.done.emit()
        else:
            super().keyPressEvent(event)

    def _add_modes(self) -> None:
        names = {
            "replace": (self.tr("New selection"), self.tr("Select only what comes next")),
            "add": (self.tr("Add"), self.tr("Add to the selection (Shift)")),
            "subtract": (self.tr("Subtract"), self.tr("Take away from the selection (Alt)")),
            "intersect": (self.tr("Intersect"), self.tr("Keep what both select (Shift+Alt)")),
        }
        group = QButtonGroup(self)
        for how, (name, tip) in names.items():
            button = self.modes[how] = _icon_button()
            theme.set_icon(button, ICONS[how])
            button.setCheckable(True)
            button.setAccessibleName(name)
            button.setToolTip(tip)
            button.clicked.connect(partial(self._choose_mode, how))
            group.addButton(button)
            self.row.addWidget(button)
        self.modes["replace"].setChecked(True)

    def _choose_mode(self, how: str, _checked: bool = False) -> None:
        self.mode_chosen.emit(how)

    def _make_candidates(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(6, 0, 0, 0)
        row.setSpacing(2)
        self.which = QLabel()
        self.which.setAccessibleName(self.tr("Which of the masks that may be meant is shown"))
        before, after = _icon_button(), _icon_button()
        names = ((before, -1, "chevron-left", self.tr("Previous mask (Shift+C)")),
                 (after, 1, "chevron-right", self.tr("Next mask (C)")))  # fmt: skip
        for button, step, icon, name in names:
            theme.set_icon(button, icon)
            button.setAccessibleName(name)
            button.setToolTip(name)
            button.clicked.connect(partial(self._ask_next, step))
        self.before, self.after = before, after
        for widget in (before, self.which, after):
            row.addWidget(widget)
        self.row.addWidget(box)
        return box

    def _ask_next(self, step: int, _checked: bool = False) -> None:
        self.next_asked.emit(step)

    def _make_brush(self) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        self.erase = _icon_button()
        theme.set_icon(self.erase, "eraser")
        self.erase.setCheckable(True)
        self.erase.setAccessibleName(self.tr("Erase"))
        self.erase.setToolTip(self.tr("Erase instead of painting (Alt or the right button do it once)"))
        self.erase.toggled.connect(self.erase_toggled)
        self.size_field = int_field(self.tr("Size of the brush in pixels"), SIZES[0], SIZES[1], 60, self.tr(" px"))
        self.size_field.setToolTip(self.tr("Size of the brush: [ and ]"))
        self.softness = int_field(self.tr("Softness of the brush in percent"), 0, 100, 30, self.tr("%"))
        self.softness.setToolTip(self.tr("Softness of the edge: Shift+[ and Shift+]"))
        for field in (self.size_field, self.softness):
            field.setFixedWidth(86)
            field.valueChanged.connect(self._change_shape)
        for widget in (self.erase, self.size_field, self.softness):
            row.addWidget(widget)
        self.row.addWidget(box)
        return box

    def _change_shape(self) -> None:
        self.shape_changed.emit(float(self.size_field.value()), self.softness.value() / 100)


class RegionBar(QFrame):
    """Floats at the lower edge of the photo: what can be done with what is selected, the most useful first."""

    chosen = Signal(str)  # the name of an action, as in show_actions

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("regionbar")
        self.setAccessibleName(self.tr("What to do with the selection"))
        self.buttons: dict[str, _Chip] = {}
        self._shown: tuple[tuple[str, str, bool], ...] = ()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(8, 6, 8, 6)
        self._row.setSpacing(6)
        self._busy = QLabel(self.tr("Looking for problems…"))
        self._busy.setProperty("role", "muted")
        self._row.addWidget(self._busy)
        parent.installEventFilter(self)
        self.hide()

    def show_actions(self, actions: Sequence[tuple[str, str, bool]], *, busy: bool) -> None:
        """Show buttons: name, title, and whether it is the suggestion. None hides the bar. busy: more may follow."""
        shown = tuple(actions)
        if shown != self._shown:
            self._shown = shown
            for button in self.buttons.values():
                self._row.removeWidget(button)
                button.hide()
                button.deleteLater()
            self.buttons = {}
            for k, (name, title, suggested) in enumerate(shown):
                button = self.buttons[name] = _Chip(title)
                button.setProperty("chip", True)
                if suggested:
                    button.setProperty("role", "primary")
                button.clicked.connect(partial(self._choose, name))
                self._row.insertWidget(k, button)
                button.ensurePolished()  # its size is that of its style
                button.show()
        self._busy.setVisible(busy and bool(shown))
        self.setVisible(bool(shown))
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def changeEvent(self, event: QEvent) -> None:
        """Another theme or font has other widths."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._place()

    def _choose(self, name: str, _checked: bool = False) -> None:
        self.chosen.emit(name)

    def _place(self) -> None:
        """In the middle of the lower edge; what does not fit is left out from the end."""
        parent = self.parentWidget()
        if self.isHidden() or parent is None:
            return
        room = parent.width() - 24
        for button in self.buttons.values():
            button.updateGeometry()  # the layout remembers the widths of an earlier theme
            button.show()
        for name in reversed(list(self.buttons)):
            self._row.activate()
            if self.sizeHint().width() <= room:
                break
            self.buttons[name].hide()
        self._row.activate()
        size = QSize(min(room, self.sizeHint().width()), self.sizeHint().height())
        self.setGeometry(
            (parent.width() - size.width()) // 2, parent.height() - size.height() - 14, size.width(), size.height()
        )
        self.raise_()


class _Chip(ElidedButton):
    """A button that is never narrower than its text: what has no room in the bar is left out instead."""

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint() + QSize(2, 0)  # or a rounded width would elide the text


def _icon_button() -> QToolButton:
    button = QToolButton()
    button.setIconSize(QSize(18, 18))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
