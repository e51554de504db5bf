"""The versions panel: the history as a graph with thumbnails; emits which version to open or rename."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import (
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QObject,
    QPoint,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QColor,
    QFont,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPalette,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.docks.version_model import (
    MAX_LANES,
    ROW_ROLE,
    Index,
    Lines,
    Row,
    VersionModel,
    change,
    facts,
    score,
)
from clarity_desktop.ui.labels import SEPARATOR, version_name
from clarity_desktop.values import Version, VersionId

THUMBNAIL = QSize(64, 50)
ROW_HEIGHT = 62
LANE = 14
"""Pixels between two lanes of the graph."""
MARK = 14
"""Pixels of the icon of the version that is compared."""
BEND, DOT = 6, 4
"""Pixels: radius of the corner of a branch, and of a version's dot."""
MIN_WIDTH = 200
"""Pixels: a thumbnail, the beginning of a name and a score."""
LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
ELIDE = Qt.TextElideMode.ElideRight
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class VersionDelegate(QStyledItemDelegate):
    """Paints a version: graph, thumbnail, title, facts, score, star and mark; the open one is bold and has a bar."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        return QSize(180, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(ROW_ROLE)
        self.initStyleOption(option, index)
        option.text = ""
        option.icon = option.icon.__class__()
        option.widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        painter.save()
        if row.mark == "current":
            bar = QRect(option.rect.left() + 1, option.rect.top() + 5, 3, ROW_HEIGHT - 10)
            painter.fillRect(bar, option.palette.highlight())
        _paint_lines(painter, option, row)
        frame = QRect(QPoint(option.rect.left() + _inset(row.lines), option.rect.top() + 5), THUMBNAIL)
        _paint_thumbnail(painter, frame, index.data(Qt.ItemDataRole.DecorationRole), option.palette)
        left = frame.right() + 10
        box = QRect(left, frame.top(), option.rect.right() - 8 - left, THUMBNAIL.height() + 2)
        model = index.model()
        assert isinstance(model, VersionModel)
        _paint_text(painter, box, option, row, model)
        painter.restore()

    def eventFilter(self, object: QObject, event: QEvent) -> bool:  # noqa: A002 — Qt's name
        """Enter ends the editing of a name; it does not open the version as it does on a row."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in ENTER:
            event.accept()
            return True
        return super().eventFilter(object, event)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        """Fill the editor once: Qt calls this again when the row changes, and what was typed would be lost."""
        if not editor.property("filled"):
            super().setEditorData(editor, index)
            editor.setProperty("filled", True)
            editor.setAccessibleName(self.tr("Name of the version"))

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        left = _inset(index.data(ROW_ROLE).lines) + THUMBNAIL.width() + 6
        editor.setGeometry(option.rect.adjusted(left, 3, -6, -ROW_HEIGHT // 2))


def _lane_x(lane: int) -> int:
    """Where a lane runs, in pixels from the left edge of a row."""
    return 12 + LANE * min(lane, MAX_LANES)


def _inset(lines: Lines) -> int:
    """Where the thumbnail of a row begins, in pixels from its left edge."""
    return _lane_x(lines.lane) + 10


def _paint_lines(painter: QPainter, option: QStyleOptionViewItem, row: Row) -> None:
    """The version as a dot and the lines to its parent and children; the dots that lead to the open one are filled."""
    rect, lines = option.rect, row.lines
    _, ink = _text_colors(option)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, 1.5))
    middle, here = rect.center().y(), rect.left() + _lane_x(lines.lane)
    if lines.above:
        painter.drawLine(here, rect.top(), here, middle)
    if lines.branch:
        parent = rect.left() + _lane_x(lines.lane - 1)
        # A round corner: it shows from which side the branch comes.
        bend = QPainterPath(QPointF(parent, rect.top()))
        bend.lineTo(parent, middle - BEND)
        bend.quadTo(parent, middle, parent + BEND, middle)
        bend.lineTo(here, middle)
        painter.drawPath(bend)
    for lane in lines.below:
        x = rect.left() + _lane_x(lane)
        painter.drawLine(x, middle if lane == lines.lane else rect.top(), x, rect.bottom() + 1)
    selected = bool(option.state & QStyle.StateFlag.State_Selected)
    surface = option.palette.color(QPalette.ColorRole.Highlight if selected else QPalette.ColorRole.Base)
    painter.setBrush(ink if row.leads_to_head else surface)
    painter.drawEllipse(QPoint(here, middle), DOT, DOT)


def _text_colors(option: QStyleOptionViewItem) -> tuple[QColor, QColor]:
    """The colors of the first and of the second line of a row."""
    if option.state & QStyle.StateFlag.State_Selected:
        ink = option.palette.color(QPalette.ColorRole.HighlightedText)
        return ink, ink
    role = QPalette.ColorRole
    return option.palette.color(role.Text), option.palette.color(role.PlaceholderText)


def _paint_thumbnail(painter: QPainter, frame: QRect, image: QImage, palette: QPalette) -> None:
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    fitted = QRect(QPoint(), image.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio))
    fitted.moveCenter(frame.center())
    painter.drawImage(fitted, image)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(palette.color(QPalette.ColorRole.Mid))
    painter.drawRect(fitted.adjusted(0, 0, -1, -1))


def _paint_text(painter: QPainter, box: QRect, option: QStyleOptionViewItem, row: Row, model: VersionModel) -> None:
    """Title with star and mark, facts, and the score with its change, in three lines."""
    ink, faint = _text_colors(option)
    title = QFont(option.font)
    title.setBold(row.mark == "current")
    height = box.height() // 3
    right = 0
    if row.mark == "compared":
        icon = QRectF(box.right() - MARK, box.top() + (height - MARK) / 2, MARK, MARK)
        theme.paint_icon(painter, "layers", icon, faint.name())
        right = MARK + 6
    for number, (text, aside, pen, face) in enumerate(
        (
            (version_name(row.version), "★" if row.version.star else "", ink, title),
            (facts(row.version), "", faint, option.font),
            (score(row.version.quality), "", faint, option.font),
        )
    ):
        line = QRect(box.left(), box.top() + number * height, box.width() - (0 if number else right), height)
        painter.setFont(option.font)
        painter.setPen(faint)
        painter.drawText(line, RIGHT, aside)
        taken = painter.fontMetrics().horizontalAdvance(aside) + 8 if aside else 0
        painter.setFont(face)
        painter.setPen(pen)
        room = line.adjusted(0, 0, -taken, 0)
        painter.drawText(room, LEFT, fitting(text, room.width(), painter.fontMetrics()))
        if number == 2:
            room.setLeft(room.left() + painter.fontMetrics().horizontalAdvance(text) + 10)
            painter.setPen(_change_color(option, row))
            words = model.change(row)
            painter.drawText(room, LEFT, painter.fontMetrics().elidedText(words, ELIDE, max(0, room.width())))


def _change_color(option: QStyleOptionViewItem, row: Row) -> QColor:
    points = change(row)
    if option.state & QStyle.StateFlag.State_Selected or not points:
        return _text_colors(option)[1]
    return QColor(theme.colors().good if points > 0 else theme.colors().error)


def fitting(text: str, width: int, metrics: QFontMetrics) -> str:
    """As many of the separated parts as fit into `width` pixels; a single part is elided."""
    while metrics.horizontalAdvance(text) > width and SEPARATOR in text:
        text = text.rsplit(SEPARATOR, 1)[0]
    return metrics.elidedText(text, ELIDE, width)


class VersionTree(QTableView):
    """The list of versions; explains itself while it is empty.

    A table of one column: a list view asks the model about every row again whenever one changes, which takes 50 ms for
    20,000 versions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.horizontalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        # Several rows can be compared.
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.is_extending = False  # the last click added to what is selected, or took from it

    def mousePressEvent(self, event: QMouseEvent) -> None:
        joins = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        self.is_extending = bool(event.modifiers() & joins)
        super().mousePressEvent(event)

    def moveCursor(self, action: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Home and End lead to the first and the last version, as in a list."""
        if action == QAbstractItemView.CursorAction.MoveHome:
            return self.model().index(0, 0)
        if action == QAbstractItemView.CursorAction.MoveEnd:
            return self.model().index(self.model().rowCount() - 1, 0)
        return super().moveCursor(action, modifiers)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.model().rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            room = self.viewport().rect().adjusted(12, 10, -12, -10)
            text = self.tr("Each change adds a version here. You can return to any of them.")
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap, text)
            painter.end()

    def is_editing(self) -> bool:
        """Whether a name is being edited."""
        return self.state() == QAbstractItemView.State.EditingState


class VersionsDock(QWidget):
    """Shows the versions of one document. The keys that act on the chosen row belong to the window's actions."""

    opened = Signal(str)  # VersionId: show it
    renamed = Signal(str, str)  # VersionId, new name
    chosen_changed = Signal()  # another row is the one that keys and the menu act on

    def __init__(self) -> None:
        super().__init__()
        self.menu_actions: tuple[QAction, ...] = ()
        self._head: VersionId | None = None
        self._updating = False
        self.model = VersionModel(self)
        self.tree = VersionTree()
        self.tree.setModel(self.model)
        self.tree.setAccessibleName(self.tr("Versions"))
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setItemDelegate(VersionDelegate(self.tree))
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self.tree.clicked.connect(self._open_index)
        self.tree.selectionModel().currentChanged.connect(self._current_changed)
        self.tree.selectionModel().selectionChanged.connect(self._current_changed)
        self.model.renamed.connect(self.renamed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tree)
        self.setFocusProxy(self.tree)
        self.setMinimumWidth(MIN_WIDTH)

    def show_versions(self, versions: Iterable[Version], head: VersionId | None, other: VersionId | None) -> None:
        """Show the versions. The chosen row stays chosen unless it was the current version or there is a new one."""
        known = {row.version.id for row in self.model.rows}
        chosen, before = self.chosen(), self._head
        self._head = head
        self._updating = True
        moved = self.model.show(versions, head, other)
        follows_head = chosen == before or (moved and any(row.version.id not in known for row in self.model.rows))
        if not self.tree.is_editing() and (moved or head != before):
            target = head if follows_head or self.model.row_of(chosen) is None else chosen
            if target is not None and target != self.chosen():
                self.choose(target)
                self.tree.scrollTo(self.tree.currentIndex())
        self._updating = False

    def chosen(self) -> VersionId | None:
        """The version of the row that keys and the menu act on."""
        version = self.model.version_at(self.tree.currentIndex())
        return version.id if version else None

    def selected(self) -> tuple[VersionId, ...]:
        """The selected versions, from the first row to the last."""
        rows = sorted(index.row() for index in self.tree.selectionModel().selectedRows())
        return tuple(version.id for row in rows if (version := self.model.version_at(self.model.index(row))))

    def rename(self) -> None:
        """Edit the chosen row's name in place."""
        if self.tree.currentIndex().isValid():
            self.tree.edit(self.tree.currentIndex())

    def choose(self, version: VersionId) -> None:
        """Make the row of a version the one that keys and the menu act on."""
        if (row := self.model.row_of(version)) is not None:
            # The view's own setCurrentIndex adds to the selection while Shift or Ctrl is held, as after Ctrl+R.
            only = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.tree.selectionModel().setCurrentIndex(self.model.index(row), only)

    def _current_changed(self) -> None:
        if not self._updating:
            self.chosen_changed.emit()

    def _open_index(self, index: QModelIndex) -> None:
        version = self.model.version_at(index)
        if version is not None and not self.tree.is_extending:
            self.opened.emit(version.id)

    def _show_menu(self, at: QPoint) -> None:
        if not self.tree.indexAt(at).isValid():
            return
        menu = QMenu(self)
        # Shown with popup(), so nothing else deletes it.
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.menu_actions)
        menu.popup(self.tree.viewport().mapToGlobal(at))
