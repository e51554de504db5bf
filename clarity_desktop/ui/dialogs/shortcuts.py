"""The shortcuts dialog: search, change and reset keys, with a check for conflicts."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.actions import ACTIONS, MENUS, conflicts, default_bindings, menu_title

NAME = Qt.ItemDataRole.UserRole
NAMES = frozenset(spec.name for spec in ACTIONS)


class ShortcutsDialog(QDialog):
    """Emits agreed with the bindings that differ from the defaults: action → portable key sequences."""

    agreed = Signal(object)  # dict[str, str]

    def __init__(self, parent: QWidget, changed: Mapping[str, str]) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(860, 560)
        self.bindings = default_bindings() | {k: v for k, v in changed.items() if k in NAMES}
        self._titles = {spec.name: spec.title for spec in ACTIONS}
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search actions and keys"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search actions and keys"))
        self.list = self._make_list()
        self.edit = QKeySequenceEdit()
        self.edit.setMaximumSequenceLength(1)
        self.edit.setAccessibleName(self.tr("New keys"))
        if field := self.edit.findChild(QLineEdit):
            field.setAccessibleName(self.tr("New keys"))
        self.assign, self.clear_keys = QPushButton(self.tr("Assign")), QPushButton(self.tr("Clear"))
        self.reset, self.reset_all = QPushButton(self.tr("Reset")), QPushButton(self.tr("Reset all"))
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("role", "error")
        self.ok, self.cancel = QPushButton(self.tr("OK")), QPushButton(self.tr("Cancel"))
        self.ok.setProperty("role", "primary")
        self._lay_out()
        self._connect()
        self._show_bindings()

    def changed(self) -> dict[str, str]:
        """The bindings that differ from the defaults."""
        defaults = default_bindings()
        return {name: keys for name, keys in self.bindings.items() if keys != defaults[name]}

    def choose(self, name: str) -> None:
        """Make an action's row the current one."""
        self.list.setCurrentItem(self.rows[name])

    def bind(self, name: str, keys: str) -> None:
        """Give an action other keys; a conflict is shown and must be solved before OK."""
        self.bindings[name] = keys
        self._show_bindings()

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Shortcuts"))
        tree.setHeaderLabels([self.tr("Action"), self.tr("Keys")])
        tree.setUniformRowHeights(True)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        tree.header().setStretchLastSection(False)
        self.rows: dict[str, QTreeWidgetItem] = {}
        for menu, names in MENUS.items():
            group = QTreeWidgetItem([menu_title(menu).replace("&", "")])
            group.setFlags(Qt.ItemFlag.ItemIsEnabled)
            group.setData(1, Qt.ItemDataRole.AccessibleTextRole, self.tr("Keys"))
            tree.addTopLevelItem(group)
            for name in (n for n in names if n in NAMES):
                self.rows[name] = QTreeWidgetItem(group, [self._titles[name]])
                self.rows[name].setData(0, NAME, name)
        others = QTreeWidgetItem([self.tr("Mouse and fields")])
        others.setFlags(Qt.ItemFlag.ItemIsEnabled)
        others.setData(1, Qt.ItemDataRole.AccessibleTextRole, self.tr("Keys"))
        tree.addTopLevelItem(others)
        for keys, what in self._fixed():
            QTreeWidgetItem(others, [what, keys]).setFlags(Qt.ItemFlag.ItemIsEnabled)
        tree.expandAll()
        return tree

    def _fixed(self) -> tuple[tuple[str, str], ...]:
        """Keys and mouse gestures that belong to parts of the window; listed, not changeable."""
        return (
            (self.tr("Wheel, Ctrl+wheel"), self.tr("Zoom at the pointer")),
            (self.tr("Space+drag, middle drag, arrow keys"), self.tr("Move the photo")),
            (self.tr("Double-click beside the photo"), self.tr("Fit in the window")),
            (self.tr("Shift+click, Alt+click (selecting)"), self.tr("Add to the selection, take away")),
            (self.tr("Right click (click tool, brush)"), self.tr("Leave out, erase")),
            (self.tr("C, Shift+C (click tool)"), self.tr("Next, previous mask")),
            (self.tr("[ and ], with Shift (brush)"), self.tr("Size, softness")),
            (self.tr("Arrow keys, Enter (selecting)"), self.tr("Move a cursor, click or draw there")),
            (self.tr("Del (photo)"), self.tr("Remove what is selected")),
            (self.tr("Enter, Shift+Enter, Up (in the chat)"), self.tr("Send, new line, last message")),
            (self.tr("Arrow keys, Enter (cards)"), self.tr("Choose a version, open it")),
            (self.tr("Ctrl+click, Shift+click (list)"), self.tr("Choose several versions")),
            (self.tr("Esc (compare view)"), self.tr("Leave the comparison")),
            (self.tr("Left, Right (in the tabs)"), self.tr("Previous, next photo")),
        )

    def _lay_out(self) -> None:
        change, ends = QHBoxLayout(), QHBoxLayout()
        change.addWidget(self.edit, 1)
        for button in (self.assign, self.clear_keys, self.reset):
            change.addWidget(button)
        ends.addWidget(self.reset_all)
        ends.addStretch(1)
        ends.addWidget(self.ok)
        ends.addWidget(self.cancel)
        for button in (self.assign, self.clear_keys, self.reset, self.reset_all):
            button.setAutoDefault(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.search)
        column.addWidget(self.list, 1)
        column.addLayout(change)
        column.addWidget(self.problem)
        column.addLayout(ends)

    def _connect(self) -> None:
        self.search.textChanged.connect(self._filter)
        self.list.currentItemChanged.connect(self._enable)
        self.assign.clicked.connect(self._assign)
        self.clear_keys.clicked.connect(self._clear)
        self.reset.clicked.connect(self._reset)
        self.reset_all.clicked.connect(self._reset_all)
        self.ok.clicked.connect(self._confirm)
        self.cancel.clicked.connect(self.reject)

    def _chosen(self) -> str | None:
        item = self.list.currentItem()
        return item.data(0, NAME) if item else None

    def _assign(self) -> None:
        if (name := self._chosen()) and not self.edit.keySequence().isEmpty():
            self.bind(name, self.edit.keySequence().toString())
            self.edit.clear()

    def _clear(self) -> None:
        if name := self._chosen():
            self.bind(name, "")

    def _reset(self) -> None:
        if name := self._chosen():
            self.bind(name, default_bindings()[name])

    def _reset_all(self) -> None:
        self.bindings = default_bindings()
        self._show_bindings()

    def _show_bindings(self) -> None:
        defaults = default_bindings()
        for name, item in self.rows.items():
            # Stored portably ("Ctrl"), shown natively ("⌘").
            keys = QKeySequence.listFromString(self.bindings[name])
            item.setText(1, QKeySequence.listToString(keys, QKeySequence.SequenceFormat.NativeText) or "–")
            font = item.font(1)
            font.setBold(self.bindings[name] != defaults[name])
            item.setFont(1, font)
        double = conflicts(self.bindings)
        line = self.tr("{keys} is assigned to: {actions}.")
        self.problem.setText(
            "\n".join(
                line.format(keys=keys, actions=", ".join(self._titles[n] for n in names))
                for keys, names in double.items()
            )
        )
        self.problem.setVisible(bool(double))
        # Qt would ignore both actions of an ambiguous shortcut.
        self.ok.setEnabled(not double)
        self._enable()

    def _enable(self) -> None:
        chosen = self._chosen() is not None
        for widget in (self.edit, self.assign, self.clear_keys, self.reset):
            widget.setEnabled(chosen)

    def _filter(self, text: str) -> None:
        words = text.casefold().split()
        for at in range(self.list.topLevelItemCount()):
            group = self.list.topLevelItem(at)
            if group is None:
                continue
            rows = [row for k in range(group.childCount()) if (row := group.child(k))]
            for row in rows:
                row.setHidden(not all(w in f"{row.text(0)} {row.text(1)}".casefold() for w in words))
            group.setHidden(all(row.isHidden() for row in rows))

    def _confirm(self) -> None:
        self.agreed.emit(self.changed())
        self.accept()
