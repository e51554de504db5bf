"""The regions panel: select by words, the kept regions, changes of the edge, and what to do in the selection alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QMimeData, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QDrag, QIcon, QImage, QKeyEvent, QMouseEvent, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QScrollArea,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.canvas.mask_overlay import MaskStyle
from clarity_desktop.ui.docks.composer import REGION_TYPE, region_data
from clarity_desktop.ui.form_fields import ElidedButton, choice_field, int_field, muted_label, row, tooltip
from clarity_desktop.values import RegionId

ID = Qt.ItemDataRole.UserRole
THUMBNAIL = QSize(60, 44)
ROWS_SHOWN = 2
"""Rows of the list of regions for which there always is room."""
SHARE_MARGIN = 14
"""Pixels around the share of a region."""
MAX_EDGE = 2000
"""Pixels by which an edge moves or softens."""
EDGES = ("grow", "shrink", "feather", "refine", "invert")


@dataclass(frozen=True, slots=True, eq=False)
class RegionRow:
    """A kept region as the list shows it. facts: its share of the photo; tip: what made it."""

    id: RegionId
    name: str
    facts: str
    tip: str
    thumbnail: QImage
    visible: bool


class RegionList(QTreeWidget):
    """The kept regions. Enter and double-click select one, F2 renames it, Del deletes it."""

    opened = Signal(str)
    delete_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setDragEnabled(True)
        self.setDragDropMode(QTreeWidget.DragDropMode.DragOnly)

    def mimeTypes(self) -> list[str]:
        return [REGION_TYPE]

    def mimeData(self, items: Sequence[QTreeWidgetItem]) -> QMimeData:
        """What is dragged: the region of the first row."""
        return region_data(items[0].data(0, ID)) if items else QMimeData()

    def chosen(self) -> RegionId | None:
        """The region of the current row."""
        item = self.currentItem()
        return item.data(0, ID) if item is not None else None

    def keyPressEvent(self, event: QKeyEvent) -> None:
        chosen = self.chosen()
        if chosen and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit(chosen)
        elif chosen and event.key() == Qt.Key.Key_Delete:
            self.delete_asked.emit(chosen)
        else:
            super().keyPressEvent(event)


class SelectionLabel(QLabel):
    """Says what is selected; it can be dragged into a message."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "muted")
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(True)
        self._pressed: QPoint | None = None
        self.show_selected(False)

    def show_selected(self, selected: bool) -> None:
        """Whether there is something to drag."""
        self._selected = selected
        self.setCursor(Qt.CursorShape.OpenHandCursor if selected else Qt.CursorShape.ArrowCursor)
        self.setToolTip(self.tr("Drag it into the chat to refer to it") if selected else "")

    def mousePressEvent(self, ev: QMouseEvent) -> None:
        self._pressed = ev.position().toPoint() if self._selected else None
        super().mousePressEvent(ev)

    def mouseMoveEvent(self, ev: QMouseEvent) -> None:
        far = QApplication.startDragDistance()
        if self._pressed is not None and (ev.position().toPoint() - self._pressed).manhattanLength() >= far:
            self._pressed = None
            drag = QDrag(self)
            drag.setMimeData(region_data(""))
            drag.exec(Qt.DropAction.CopyAction)


class RegionsDock(QScrollArea):
    """Emits what the user asks for; knows nothing of the backend."""

    words_entered = Signal(str)  # select what they mean
    find_asked = Signal(str)  # only list it
    boxes_chosen = Signal(object)  # frozenset of the numbers of the checked boxes
    boxes_accepted = Signal()
    boxes_kept = Signal()
    boxes_dismissed = Signal()
    better_asked = Signal()
    keep_asked = Signal()
    opened = Signal(str)  # RegionId
    renamed = Signal(str, str)
    shown = Signal(str, bool)  # RegionId, whether it is shown on the photo
    edge_asked = Signal(str, int)  # one of EDGES, pixels
    style_chosen = Signal(str)  # MaskStyle
    color_asked = Signal()
    restore_asked = Signal()
    adjust_asked = Signal()
    remove_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Regions"))
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._filling = self._has_selection = False
        self.menu_actions: dict[str, QAction] = {}
        self._make_words()
        self._make_boxes()
        self._make_list()
        self._make_edge()
        self._make_use()
        self._lay_out()
        self.show_boxes("", ())
        self.show_engine("", "")
        self.show_regions(())
        self.show_selection(False, False, "")

    # what is shown

    def show_ready(self, ready: bool) -> None:
        """Enable the panel if there is a photo."""
        self._inside.setEnabled(ready)

    def show_engine(self, sentence: str, better: str) -> None:
        """Say what selects objects; better: the button that leads to something better, "" if there is nothing."""
        self.engine.setText(sentence)
        self.engine.setVisible(bool(sentence))
        self.better.setText(better)
        self.better.setVisible(bool(better))

    def show_boxes(self, heading: str, boxes: Sequence[tuple[str, bool]]) -> None:
        """List what was found: the text of each box, and whether it is chosen. Without a heading nothing is shown."""
        self._filling = True
        self.found.setText(heading)
        if [self.boxes.item(k).text() for k in range(self.boxes.count())] != [text for text, _ in boxes]:
            self.boxes.clear()
            for text, _ in boxes:
                item = QListWidgetItem(text)
                item.setFlags(
                    Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable
                )
                self.boxes.addItem(item)
        for k, (_, chosen) in enumerate(boxes):
            self.boxes.item(k).setCheckState(Qt.CheckState.Checked if chosen else Qt.CheckState.Unchecked)
        height = self.boxes.sizeHintForRow(0) if boxes else 0
        self.boxes.setFixedHeight(min(len(boxes), 4) * height + 8)
        for widget in (self._found_row, self.boxes, self._box_buttons):
            widget.setVisible(bool(heading))
        for button in (self.accept, self.keep_each):
            button.setEnabled(any(chosen for _, chosen in boxes))
        self._filling = False

    def show_regions(self, rows: Sequence[RegionRow], current: RegionId | None = None) -> None:
        """List the kept regions; current: the one that is selected on the photo."""
        chosen = self.regions.chosen()
        self._filling = True
        self.regions.clear()
        for at in rows:
            item = QTreeWidgetItem([at.name, at.facts])
            item.setData(0, ID, at.id)
            item.setIcon(0, QIcon(QPixmap.fromImage(at.thumbnail)))
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEditable)
            item.setCheckState(0, Qt.CheckState.Checked if at.visible else Qt.CheckState.Unchecked)
            item.setToolTip(0, tooltip(at.tip))
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            font = item.font(0)
            font.setBold(at.id == current)
            item.setFont(0, font)
            self.regions.addTopLevelItem(item)
            if at.id == (current or chosen):
                self.regions.setCurrentItem(item)
        self.regions.setVisible(bool(rows))
        self.empty.setVisible(not rows)
        self._filling = False
        self._enable()

    def show_selection(self, selected: bool, kept: bool, text: str) -> None:
        """Enable what a selection is needed for. kept: it changes a kept region already. text: what is selected."""
        self._has_selection = selected
        self.selected.show_selected(selected)
        self.selected.setText(text or self.tr("Open a photo to select parts of it."))
        self.keep.setText(self.tr("Keep as a new region") if kept else self.tr("Keep as a region"))
        for widget in (self.keep, *self.edges.values(), self.restore, self.adjust, self.remove):
            widget.setEnabled(selected)
        self._enable()

    def show_style(self, style: MaskStyle, color: str) -> None:
        """Show how masks are drawn."""
        self.style_field.blockSignals(True)
        self.style_field.setCurrentIndex(max(0, self.style_field.findData(style)))
        self.style_field.blockSignals(False)
        swatch = QPixmap(16, 16)
        swatch.fill(QColor(color))
        self.color.setIcon(QIcon(swatch))

    def edit_name(self) -> None:
        """Edit the name of the current region in place."""
        if (item := self.regions.currentItem()) is not None:
            self.regions.editItem(item, 0)

    def focus_words(self) -> None:
        """Let the user type what to select."""
        self.words.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.words.selectAll()

    def minimumSizeHint(self) -> QSize:
        return QSize(256, 220)

    # layout

    def _make_words(self) -> None:
        self.words = QLineEdit()
        self.words.setPlaceholderText(self.tr("the sky, both cars, the dark part…"))
        self.words.setAccessibleName(self.tr("Select by words"))
        self.words.setToolTip(self.tr("Enter selects what the words mean; Find only lists it"))
        self.words.setClearButtonEnabled(True)
        for button in self.words.findChildren(QToolButton):  # Qt gives it no name for screen readers
            button.setAccessibleName(self.tr("Clear"))
        self.words.setMaxLength(200)
        self.select, self.find_button = ElidedButton(self.tr("Select")), ElidedButton(self.tr("Find"))
        self.select.setToolTip(self.tr("Select what the words mean"))
        self.find_button.setToolTip(self.tr("Count what the words mean and frame it; nothing is selected"))
        self.words.returnPressed.connect(self._enter_words)
        self.select.clicked.connect(self._enter_words)
        self.find_button.clicked.connect(self._ask_find)

    def _enter_words(self) -> None:
        self.words_entered.emit(self.words.text())

    def _ask_find(self) -> None:
        self.find_asked.emit(self.words.text())

    def _make_boxes(self) -> None:
        self.found = muted_label()
        self.dismiss = QToolButton()
        theme.set_icon(self.dismiss, "close")
        self.dismiss.setIconSize(QSize(12, 12))
        self.dismiss.setAccessibleName(self.tr("Dismiss what was found"))
        self.dismiss.setToolTip(self.tr("Dismiss what was found"))
        self.dismiss.clicked.connect(self.boxes_dismissed)
        self._found_row = QWidget()
        line = QHBoxLayout(self._found_row)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.found, 1)
        line.addWidget(self.dismiss)
        self.boxes = QListWidget()
        self.boxes.setAccessibleName(self.tr("What was found"))
        self.boxes.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.boxes.itemChanged.connect(self._choose_boxes)
        self.accept, self.keep_each = ElidedButton(self.tr("Select these")), ElidedButton(self.tr("Keep each"))
        self.accept.setToolTip(self.tr("Select the checked objects together"))
        self.keep_each.setToolTip(self.tr("Keep a region for each checked object"))
        self.accept.clicked.connect(self.boxes_accepted)
        self.keep_each.clicked.connect(self.boxes_kept)
        self._box_buttons = QWidget()
        buttons = QHBoxLayout(self._box_buttons)
        buttons.setContentsMargins(0, 0, 0, 0)
        buttons.addWidget(self.accept, 1)
        buttons.addWidget(self.keep_each, 1)
        self.engine, self.better = muted_label(), ElidedButton()
        self.better.clicked.connect(self.better_asked)

    def _choose_boxes(self) -> None:
        if not self._filling:
            checked = [k for k in range(self.boxes.count()) if self.boxes.item(k).checkState() == Qt.CheckState.Checked]
            self.boxes_chosen.emit(frozenset(checked))

    def _make_list(self) -> None:
        self.selected = SelectionLabel()
        self.empty = muted_label(self.tr("Regions that you keep are listed here and saved with the project."))
        self.keep = ElidedButton()
        self.keep.setProperty("role", "primary")
        self.keep.setToolTip(self.tr("Keep what is selected under a name"))
        self.keep.clicked.connect(self.keep_asked)
        self.more = QToolButton()
        theme.set_icon(self.more, "more")
        self.more.setIconSize(QSize(18, 18))
        self.more.setAccessibleName(self.tr("More for regions"))
        self.more.setToolTip(self.tr("Rename, delete, combine, copy, import and export regions"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.more)
        self.more.setMenu(self.menu)
        self.regions = RegionList()
        self.regions.setAccessibleName(self.tr("Regions"))
        self.regions.setHeaderHidden(True)
        self.regions.setHeaderLabels([self.tr("Region"), self.tr("Share of the photo")])
        self.regions.setRootIsDecorated(False)
        self.regions.setIconSize(THUMBNAIL)
        self.regions.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.regions.header().setStretchLastSection(False)
        self.regions.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.regions.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Fixed)
        self.regions.header().resizeSection(1, self.fontMetrics().horizontalAdvance("100%") + SHARE_MARGIN)
        self.regions.setMinimumHeight(ROWS_SHOWN * (THUMBNAIL.height() + 8))
        self.regions.setEditTriggers(QTreeWidget.EditTrigger.EditKeyPressed)
        self.regions.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.regions.setToolTip(
            self.tr(
                "Double-click selects a region; the check box shows it on the photo. "
                "Drag it into the chat to refer to it."
            )
        )
        self.regions.customContextMenuRequested.connect(self._show_menu)
        self.regions.itemDoubleClicked.connect(self._open)
        self.regions.itemChanged.connect(self._change_item)
        self.regions.currentItemChanged.connect(self._enable)
        self.regions.opened.connect(self.opened)

    def add_menu(self, actions: Sequence[tuple[str, str]]) -> None:
        """Fill the menu of the regions: name and title of each entry, "" for a separator."""
        for name, title in actions:
            if name:
                self.menu_actions[name] = self.menu.addAction(title)
            else:
                self.menu.addSeparator()
        self._enable()

    def _show_menu(self, at: QPoint) -> None:
        self.menu.popup(self.regions.viewport().mapToGlobal(at))

    def _open(self, item: QTreeWidgetItem, _column: int) -> None:
        self.opened.emit(item.data(0, ID))

    def _change_item(self, item: QTreeWidgetItem, column: int) -> None:
        """The name or the check box changed."""
        if self._filling or column != 0:
            return
        # Both come as the same signal; a name that is the same is no change for the backend.
        self.renamed.emit(item.data(0, ID), item.text(0))
        self.shown.emit(item.data(0, ID), item.checkState(0) == Qt.CheckState.Checked)

    def _enable(self) -> None:
        """Enable the entries of the menu for the current region and the selection."""
        current = self.regions.chosen() is not None
        for name, action in self.menu_actions.items():
            if name in ("rename", "delete", "open", "refer"):
                action.setEnabled(current)
            elif name in ("add", "subtract", "intersect"):
                action.setEnabled(current and self._has_selection)
            elif name in ("copy", "export"):
                action.setEnabled(self._has_selection)

    def _make_edge(self) -> None:
        self.pixels = int_field(self.tr("Pixels by which the edge changes"), 1, MAX_EDGE, 8, self.tr(" px"))
        self.pixels.setMinimumWidth(80)
        titles = {
            "grow": (self.tr("Grow"), self.tr("Move the edge outwards")),
            "shrink": (self.tr("Shrink"), self.tr("Move the edge inwards")),
            "feather": (self.tr("Feather"), self.tr("Soften the edge to the inside")),
            "refine": (self.tr("Refine"), self.tr("Move the edge to the edges in the photo, as for hair")),
            "invert": (self.tr("Invert"), self.tr("Select what was left out")),
        }
        self.edges: dict[str, ElidedButton] = {}
        for name in EDGES:
            title, tip = titles[name]
            button = self.edges[name] = ElidedButton(title)
            button.setToolTip(tip)
            button.clicked.connect(partial(self._ask_edge, name))
        styles = ((self.tr("Tint"), "tint"), (self.tr("Outline"), "outline"), (self.tr("Dim the rest"), "dim"))
        self.style_field = choice_field(self.tr("How the selection is shown"), styles)
        # The longest entry would otherwise set the minimum width of the panel.
        self.style_field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.style_field.setMinimumContentsLength(8)
        self.style_field.currentIndexChanged.connect(self._choose_style)
        self.color = QToolButton()
        self.color.setAccessibleName(self.tr("Color of the selection"))
        self.color.setToolTip(self.tr("Next color of the selection (Shift+O)"))
        self.color.clicked.connect(self.color_asked)

    def _ask_edge(self, name: str, _checked: bool = False) -> None:
        self.edge_asked.emit(name, self.pixels.value())

    def _choose_style(self) -> None:
        self.style_chosen.emit(self.style_field.currentData())

    def _make_use(self) -> None:
        self.restore, self.adjust = (
            ElidedButton(self.tr("Restore only here…")),
            ElidedButton(self.tr("Adjust only here…")),
        )
        self.remove = ElidedButton(self.tr("Remove object"))
        self.restore.setToolTip(self.tr("Choose a task and a method for what is selected; the rest stays as it is"))
        self.adjust.setToolTip(self.tr("Change light and color of what is selected"))
        self.remove.setToolTip(self.tr("Fill what is selected with its surroundings (Del)"))
        self.restore.clicked.connect(self.restore_asked)
        self.adjust.clicked.connect(self.adjust_asked)
        self.remove.clicked.connect(self.remove_asked)

    def _lay_out(self) -> None:
        self._inside = QWidget()
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        words = QHBoxLayout()
        words.addWidget(self.select, 1)
        words.addWidget(self.find_button, 1)
        column.addWidget(self.words)
        column.addLayout(words)
        for widget in (self._found_row, self.boxes, self._box_buttons, self.engine, self.better):
            column.addWidget(widget)
        column.addWidget(self.selected)
        keep = QHBoxLayout()
        keep.addWidget(self.keep, 1)
        keep.addWidget(self.more)
        column.addLayout(keep)
        column.addWidget(self.regions, 1)
        column.addWidget(self.empty)
        edge = QGridLayout()
        edge.setHorizontalSpacing(6)
        edge.setVerticalSpacing(6)
        edge.addWidget(self.pixels, 0, 0)
        for k, name in enumerate(EDGES, 1):
            edge.addWidget(self.edges[name], k // 2, k % 2)
        for k in range(2):
            edge.setColumnStretch(k, 1)
        column.addLayout(edge)
        column.addLayout(row(self.style_field, self.color))
        use = QHBoxLayout()
        use.addWidget(self.restore, 1)
        use.addWidget(self.adjust, 1)
        column.addLayout(use)
        column.addWidget(self.remove)
        column.addStretch(0)
        self.setWidget(self._inside)
