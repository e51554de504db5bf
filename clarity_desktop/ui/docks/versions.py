"""The versions panel: the history as a graph with thumbnails; emits which version to open or rename."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QFont, QFontMetrics, QImage, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.docks.version_model import (
    MAX_LANES,
    ROW_ROLE,
    Index,
    Lines,
    Row,
    VersionModel,
    details,
    score,
)
from clarity_desktop.ui.labels import SEPARATOR, version_title
from clarity_desktop.values import Version, VersionId

THUMBNAIL = QSize(64, 46)
ROW_HEIGHT = 58
LANE = 14
"""Pixels between two lanes of the graph."""
MIN_WIDTH = 200
"""Pixels: a thumbnail, the beginning of a name and a score."""
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class VersionDelegate(QStyledItemDelegate):
    """Paints a version: graph, thumbnail, title, details, star and score; the current one is bold and has a bar."""

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
        _paint_lines(painter, option, row.lines)
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
        editor.setGeometry(option.rect.adjusted(left, 4, -6, -ROW_HEIGHT // 2 + 4))


def _lane_x(lane: int) -> int:
    """Where a lane runs, in pixels from the left edge of a row."""
    return 12 + LANE * min(lane, MAX_LANES)


def _inset(lines: Lines) -> int:
    """Where the thumbnail of a row begins, in pixels from its left edge."""
    return _lane_x(lines.lane) + 10


def _paint_lines(painter: QPainter, option: QStyleOptionViewItem, lines: Lines) -> None:
    """The version as a dot and the lines to its parent and children."""
    rect = option.rect
    _, ink = _text_colors(option)
    painter.setPen(ink)
    middle, here = rect.center().y(), rect.left() + _lane_x(lines.lane)
    if lines.above:
        painter.drawLine(here, rect.top(), here, middle)
    if lines.branch:
        parent = rect.left() + _lane_x(lines.lane - 1)
        painter.drawLine(parent, middle, here, middle)
        if lines.lane - 1 not in lines.below:
            painter.drawLine(parent, rect.top(), parent, middle)
    for lane in lines.below:
        x = rect.left() + _lane_x(lane)
        painter.drawLine(x, middle if lane == lines.lane else rect.top(), x, rect.bottom() + 1)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(ink)
    painter.drawEllipse(QPoint(here, middle), 3, 3)


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
    """Title and mark in the first line, details and score in the second."""
    ink, faint = _text_colors(option)
    font = QFont(option.font)
    font.setBold(row.mark == "current")
    top, bottom = QRect(box), QRect(box)
    top.setHeight(box.height() // 2)
    bottom.setTop(top.bottom() + 1)
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    mark = " ".join(x for x in ("★" if row.version.star else "", model.mark(row)) if x)
    for line, text, aside, pen, face in (
        (top, version_title(row.version), mark, ink, font),
        (bottom, details(row.version), score(row.version.quality), faint, option.font),
    ):
        painter.setFont(option.font)
        painter.setPen(faint)
        painter.drawText(line, right, aside)
        taken = painter.fontMetrics().horizontalAdvance(aside) + 8 if aside else 0
        painter.setFont(face)
        painter.setPen(pen)
        room = line.adjusted(0, 0, -taken, 0)
        painter.drawText(room, left, fitting(text, room.width(), painter.fontMetrics()))


def fitting(text: str, width: int, metrics: QFontMetrics) -> str:
    """As many of the separated parts as fit into `width` pixels; a single part is elided."""
    while metrics.horizontalAdvance(text) > width and SEPARATOR in text:
        text = text.rsplit(SEPARATOR, 1)[0]
    return metrics.elidedText(text, Qt.TextElideMode.ElideRight, width)


class VersionTree(QListView):
    """The list of versions; explains itself while it is empty."""

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
        # Thousands of versions scroll smoothly only with one known row height.
        self.tree.setUniformItemSizes(True)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self.tree.doubleClicked.connect(self._open_index)
        self.tree.selectionModel().currentChanged.connect(self._current_changed)
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

    def rename(self) -> None:
        """Edit the chosen row's name in place."""
        if self.tree.currentIndex().isValid():
            self.tree.edit(self.tree.currentIndex())

    def choose(self, version: VersionId) -> None:
        """Make the row of a version the one that keys and the menu act on."""
        if (row := self.model.row_of(version)) is not None:
            self.tree.setCurrentIndex(self.model.index(row))

    def _current_changed(self) -> None:
        if not self._updating:
            self.chosen_changed.emit()

    def _open_index(self, index: QModelIndex) -> None:
        if version := self.model.version_at(index):
            self.opened.emit(version.id)

    def _show_menu(self, at: QPoint) -> None:
        if not self.tree.indexAt(at).isValid():
            return
        menu = QMenu(self)
        # Shown with popup(), so nothing else deletes it.
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.menu_actions)
        menu.popup(self.tree.viewport().mapToGlobal(at))
