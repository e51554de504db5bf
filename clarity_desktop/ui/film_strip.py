"""The film strip: a thumbnail for each open photo; chooses the one that is shown and asks to close one."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from clarity_desktop.ui import theme
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.form_fields import tooltip
from clarity_desktop.ui.pixels import to_image

Index = QModelIndex | QPersistentModelIndex
LARGE, SMALL = QSize(96, 64), QSize(60, 40)
"""Room for a thumbnail; the small ones have no name below them."""
MARGIN = 5
CLOSE = 16
"""Side of the button in the corner of a thumbnail."""
KEPT_IMAGES = 400


class FilmModel(QAbstractListModel):
    """One row a photo, in the order in which they were opened."""

    thumbnail_wanted = Signal(object)  # DocumentState that comes into view and has no picture yet

    def __init__(self) -> None:
        super().__init__()
        self.documents: list[DocumentState] = []
        self._images: OrderedDict[tuple[DocumentState, object], QImage] = OrderedDict()

    def add(self, state: DocumentState) -> None:
        """Append a photo."""
        row = len(self.documents)
        self.beginInsertRows(QModelIndex(), row, row)
        self.documents.append(state)
        self.endInsertRows()

    def remove(self, state: DocumentState) -> None:
        """Remove a photo."""
        row = self.documents.index(state)
        self.beginRemoveRows(QModelIndex(), row, row)
        self.documents.remove(state)
        self._images = OrderedDict((key, image) for key, image in self._images.items() if key[0] is not state)
        self.endRemoveRows()

    def refresh(self) -> None:
        """Titles or pictures may have changed."""
        if self.documents:
            self.dataChanged.emit(self.index(0), self.index(len(self.documents) - 1))

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 — Qt's signature
        return 0 if parent.isValid() else len(self.documents)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid():
            return None
        state = self.documents[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return state.shown_title
            case Qt.ItemDataRole.DecorationRole:
                return self._image(state)
            case Qt.ItemDataRole.ToolTipRole:
                return tooltip(str(state.path or state.title))
            case Qt.ItemDataRole.AccessibleTextRole:
                return self._spoken(state, index.row())
            case _:
                return None

    def _spoken(self, state: DocumentState, row: int) -> str:
        unsaved = self.tr("{name}, photo {number} of {count}, has unsaved work")
        plain = self.tr("{name}, photo {number} of {count}")
        text = unsaved if state.unsaved else plain
        return text.format(name=state.title, number=row + 1, count=len(self.documents))

    def _image(self, state: DocumentState) -> QImage | None:
        """Asked for by the view for what is visible, so a hundred photos cost as much as the ten that are seen."""
        version = state.head_version
        if version is None:
            if state.thumbnail is None:
                self.thumbnail_wanted.emit(state)
            return state.thumbnail
        key = state, version.id
        if (image := self._images.pop(key, None)) is None:
            image = to_image(np.asarray(version.thumbnail))
        self._images[key] = image
        while len(self._images) > KEPT_IMAGES:
            self._images.popitem(last=False)
        return image


class FilmStrip(QListView):
    """A row of thumbnails. Arrows, Home and End choose a photo, Del closes it; a wheel scrolls sideways."""

    chosen = Signal()  # another photo is the current one, or none
    close_asked = Signal(object)  # DocumentState

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("filmstrip")
        self.setAccessibleName(self.tr("Open photos"))
        self.setAccessibleDescription(self.tr("Arrow keys choose a photo, Delete closes it"))
        self.films = FilmModel()
        self.is_small = False
        self.setModel(self.films)
        self.setItemDelegate(FilmDelegate(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.horizontalScrollBar().setAccessibleName(self.tr("Scroll through the open photos"))
        self.horizontalScrollBar().rangeChanged.connect(self._set_height)
        self._set_height()
        self.hide()

    @property
    def current(self) -> DocumentState | None:
        """The chosen photo; None while none is open."""
        row = self.currentIndex().row()
        return self.films.documents[row] if 0 <= row < len(self.films.documents) else None

    def choose(self, state: DocumentState) -> None:
        """Make a photo the current one and scroll to it."""
        self.setCurrentIndex(self.films.index(self.films.documents.index(state)))

    def set_small(self, small: bool) -> None:
        """In a low window: smaller thumbnails without names."""
        if small != self.is_small:
            self.is_small = small
            self._set_height()
            self.scheduleDelayedItemsLayout()

    def cell(self) -> QSize:
        """The size of one photo with its name and margins."""
        picture = SMALL if self.is_small else LARGE
        name = 0 if self.is_small else self.fontMetrics().height() + 2
        return QSize(picture.width() + 2 * MARGIN, picture.height() + name + 2 * MARGIN)

    def currentChanged(self, current: Index, previous: Index) -> None:
        super().currentChanged(current, previous)
        self.chosen.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._to_close(event) is None:
            super().mousePressEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if (state := self._to_close(event)) is not None:
            self.close_asked.emit(state)
        else:
            super().mouseReleaseEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Close one photo, or all others."""
        index = self.indexAt(event.pos())
        if not index.isValid():
            return
        state, menu = self.films.documents[index.row()], QMenu(self)
        close = menu.addAction(self.tr("&Close"))
        others = menu.addAction(self.tr("Close the &others"))
        others.setEnabled(len(self.films.documents) > 1)
        close.triggered.connect(lambda: self.close_asked.emit(state))
        others.triggered.connect(lambda: self._close_others(state))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.current:
            self.close_asked.emit(self.current)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Also a plain mouse wheel scrolls sideways."""
        by = event.angleDelta()
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (by.x() or by.y()))
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent):
            index = self.indexAt(event.pos())
            if index.isValid() and self.close_box(self.visualRect(index)).contains(event.pos()):
                QToolTip.showText(event.globalPos(), self.tr("Close the photo"), self)
                return True
        return super().viewportEvent(event)

    def close_box(self, rect: QRect) -> QRect:
        """Where the close button of a cell is."""
        return QRect(rect.right() - MARGIN - CLOSE - 1, rect.top() + MARGIN + 2, CLOSE, CLOSE)

    def _to_close(self, event: QMouseEvent) -> DocumentState | None:
        """The photo that this click closes: with its button, or with the middle button of the mouse."""
        index = self.indexAt(event.position().toPoint())
        if not index.isValid():
            return None
        on_button = self.close_box(self.visualRect(index)).contains(event.position().toPoint())
        closes = event.button() == Qt.MouseButton.MiddleButton or (
            event.button() == Qt.MouseButton.LeftButton and on_button
        )
        return self.films.documents[index.row()] if closes else None

    def _close_others(self, kept: DocumentState) -> None:
        for state in [s for s in self.films.documents if s is not kept]:
            self.close_asked.emit(state)

    def _set_height(self, *_: int) -> None:
        bar = self.horizontalScrollBar()
        scrolls = bar.sizeHint().height() if bar.maximum() > bar.minimum() else 0
        self.setFixedHeight(self.cell().height() + scrolls + 2)


class FilmDelegate(QStyledItemDelegate):
    """Paints a photo: thumbnail, name, a mark for unsaved work, and the close button under the pointer."""

    def __init__(self, strip: FilmStrip) -> None:
        super().__init__(strip)
        self._strip = strip

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        return self._strip.cell()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        state, colors = self._strip.films.documents[index.row()], theme.colors()
        is_current = index.row() == self._strip.currentIndex().row()
        is_hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell = option.rect.adjusted(1, 1, -1, -1)
        if is_current or is_hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colors.pressed if is_current else colors.hover))
            painter.drawRoundedRect(cell, 4, 4)
        if is_current:
            width = 2 if self._strip.hasFocus() else 1
            painter.setPen(QPen(QColor(colors.ring), width))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(cell, 4, 4)
        picture = SMALL if self._strip.is_small else LARGE
        room = QRect(option.rect.topLeft() + QPoint(MARGIN, MARGIN), picture)
        _paint_picture(painter, room, index.data(Qt.ItemDataRole.DecorationRole))
        if state.unsaved:
            painter.setPen(QPen(QColor(colors.panel), 1.5))
            painter.setBrush(QColor(colors.ring))
            painter.drawEllipse(room.topLeft() + QPoint(8, 8), 4, 4)
        if not self._strip.is_small:
            line = QRect(room.left(), room.bottom() + 3, room.width(), option.rect.bottom() - room.bottom() - 3)
            name = option.fontMetrics.elidedText(state.shown_title, Qt.TextElideMode.ElideMiddle, line.width())
            painter.setPen(QColor(colors.text if is_current else colors.muted))
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, name)
        if is_hovered or is_current:
            _paint_close(painter, self._strip.close_box(option.rect))
        painter.restore()


def _paint_picture(painter: QPainter, room: QRect, image: QImage | None) -> None:
    colors = theme.colors()
    if image is None:
        side = min(room.height() - 8, 32)
        middle = QRect(0, 0, side, side)
        middle.moveCenter(room.center())
        theme.paint_icon(painter, "photo", middle.toRectF(), colors.muted)
        return
    fitted = QRect(QPoint(), image.size().scaled(room.size(), Qt.AspectRatioMode.KeepAspectRatio))
    fitted.moveCenter(room.center())
    painter.drawImage(fitted, image)


def _paint_close(painter: QPainter, box: QRect) -> None:
    """A cross on a plate that any photo leaves legible."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 150))
    painter.drawRoundedRect(box, 3, 3)
    theme.paint_icon(painter, "close", box.adjusted(2, 2, -2, -2).toRectF(), "#ffffff")
