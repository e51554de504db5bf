"""The version history as a tree with thumbnails; says which version was chosen and what should become of it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAction, QFont, QFontMetrics, QImage, QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.form_fields import tooltip
from clarity_desktop.ui.labels import clock, duration, version_title, what_ran
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.values import Quality, Version, VersionId

VERSION = Qt.ItemDataRole.UserRole
PLACE = Qt.ItemDataRole.UserRole + 1  # "head", "other" or ""
THUMB = QSize(64, 46)
ROW = 58
NARROWEST = 200
"""Pixels: a thumbnail, the beginning of a name and a score."""
ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
INVITATION = "Each change becomes a version here; every one of them stays within reach."

Index = QModelIndex | QPersistentModelIndex


def lines(versions: Iterable[Version]) -> list[tuple[Version, VersionId | None]]:
    """The tree as rows: each version with the version that it is indented under (None: not indented).

    The first child of a version follows it on the same line, so that a long history does not wander to the right;
    only further children, the branches, are indented under it. Deleted versions are left out and their children
    move up.
    """
    every = {v.id: v for v in versions}
    children: dict[VersionId | None, list[Version]] = {}
    for v in sorted((v for v in every.values() if not v.deleted), key=lambda v: v.time):
        children.setdefault(_living_parent(v, every), []).append(v)
    rows: list[tuple[Version, VersionId | None]] = []
    waiting: list[tuple[Version, VersionId | None]] = [(v, None) for v in reversed(children.get(None, []))]
    while waiting:
        version, under = waiting.pop()
        rows.append((version, under))
        first, *others = children.get(version.id) or [None]
        if first:
            waiting.append((first, under))
        waiting.extend((branch, version.id) for branch in reversed(others) if branch)
    return rows


def _living_parent(version: Version, every: dict[VersionId, Version]) -> VersionId | None:
    parent = every.get(version.parent) if version.parent else None
    while parent is not None and parent.deleted:
        parent = every.get(parent.parent) if parent.parent else None
    return parent.id if parent else None


def score(quality: Quality | None) -> str:
    """The one figure that a row shows."""
    if quality is None:
        return ""
    if quality.overall is not None:
        return f"{quality.overall:.0f} of 100"
    for name, value in (("NIQE", quality.niqe), ("PIQE", quality.piqe)):
        if value is not None:
            return f"{name} {value:.1f}"
    return ""


def details(version: Version) -> str:
    """What ran, when, how long: the second line of a row."""
    step, parts = version.step, [clock(version.time)]
    if step.kind == "restore":
        parts += [
            duration(step.seconds),
            step.method or "",
            f"{100 * step.strength:.0f} %" if step.strength < 1 else "",
        ]
    elif what_ran(step)[:4] != version_title(version)[:4]:
        parts.append(what_ran(step))  # the name is a person's own and does not say it
    return " · ".join(p for p in parts if p)


def spoken(version: Version, place: str) -> str:
    """The whole row for a screen reader."""
    parts = [version_title(version), details(version), score(version.quality)]
    parts += ["starred"] if version.star else []
    parts += {"head": ["open version"], "other": ["compared with"]}.get(place, [])
    return ", ".join(p for p in parts if p)


class Row(QStyledItemDelegate):
    """Paints a version: thumbnail, name, what ran, star, score; a bar and a bold name mark the open one."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        return QSize(180, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        version: Version = index.data(VERSION)
        place: str = index.data(PLACE)
        self.initStyleOption(option, index)
        option.text = ""
        option.icon = option.icon.__class__()
        style = option.widget.style()
        style.drawControl(QStyle.ControlElement.CE_ItemViewItem, option, painter, option.widget)
        painter.save()
        box = option.rect.adjusted(8, 5, -8, -5)
        if place == "head":
            painter.fillRect(QRect(option.rect.left() + 1, box.top(), 3, box.height()), option.palette.highlight())
        frame = QRect(box.topLeft(), THUMB)
        _paint_thumbnail(painter, frame, index.data(Qt.ItemDataRole.DecorationRole), option.palette)
        _paint_words(painter, QRect(frame.right() + 10, box.top(), box.right() - frame.right() - 10, box.height()),
                     option, version, place)  # fmt: skip
        painter.restore()

    def eventFilter(self, object: QObject, event: QEvent) -> bool:  # noqa: A002 — Qt's name
        """Enter ends the typing of a name; it does not open the version as it does on a row."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride and event.key() in ENTER:
            event.accept()
            return True
        return super().eventFilter(object, event)

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        super().setEditorData(editor, index)
        editor.setAccessibleName("Name of the version")

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: ARG002
        editor.setGeometry(option.rect.adjusted(8 + THUMB.width() + 6, 4, -6, -ROW // 2 + 4))


def _paint_thumbnail(painter: QPainter, frame: QRect, image: QImage, palette: QPalette) -> None:
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    fitted = QRect(QPoint(), image.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio))
    fitted.moveCenter(frame.center())
    painter.drawImage(fitted, image)
    painter.setPen(palette.color(QPalette.ColorRole.Mid))
    painter.drawRect(fitted.adjusted(0, 0, -1, -1))


def _paint_words(painter: QPainter, box: QRect, option: QStyleOptionViewItem, version: Version, place: str) -> None:
    chosen = bool(option.state & QStyle.StateFlag.State_Selected)
    ink = option.palette.color(QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.Text)
    faint = ink if chosen else option.palette.color(QPalette.ColorRole.PlaceholderText)
    font = QFont(option.font)
    font.setBold(place == "head")
    top, bottom = QRect(box), QRect(box)
    top.setHeight(box.height() // 2)
    bottom.setTop(top.bottom() + 1)
    right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    mark = ("★ " if version.star else "") + ("before" if place == "other" else "open" if place == "head" else "")
    for line, words, aside, pen, face in (
        (top, version_title(version), mark.strip(), ink, font),
        (bottom, details(version), score(version.quality), faint, option.font),
    ):
        painter.setFont(option.font)
        painter.setPen(faint)
        painter.drawText(line, right, aside)
        taken = painter.fontMetrics().horizontalAdvance(aside) + 8 if aside else 0
        painter.setFont(face)
        painter.setPen(pen)
        room = line.adjusted(0, 0, -taken, 0)
        painter.drawText(room, left, fitting(words, room.width(), painter.fontMetrics()))


def fitting(words: str, width: int, metrics: QFontMetrics) -> str:
    """As many of the parts as there is room for; a single part is cut."""
    while metrics.horizontalAdvance(words) > width and " · " in words:
        words = words.rsplit(" · ", 1)[0]
    return metrics.elidedText(words, Qt.TextElideMode.ElideRight, width)


class History(QTreeWidget):
    """The tree, which says what it is for while it is empty."""

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.topLevelItemCount():
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            room = self.viewport().rect().adjusted(12, 10, -12, -10)
            painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap, INVITATION)
            painter.end()


class VersionsDock(QWidget):
    """Values in by show_versions; the wishes name a version. The keys of the tree belong to the window's actions."""

    opened = Signal(str)  # VersionId: show it
    renamed = Signal(str, str)  # VersionId, new name
    chosen_changed = Signal()  # another row is the one that keys and the menu act on

    def __init__(self) -> None:
        super().__init__()
        self.menu_actions: tuple[QAction, ...] = ()
        self._head: VersionId | None = None
        self._shown: tuple[object, ...] = ()
        self._images: dict[VersionId, QImage] = {}
        self.tree = History()
        self.tree.setAccessibleName("Versions")
        self.tree.setFrameShape(QFrame.Shape.NoFrame)
        self.tree.setHeaderHidden(True)
        self.tree.setItemDelegate(Row(self.tree))
        self.tree.setIndentation(16)
        self.tree.setUniformRowHeights(True)
        self.tree.setRootIsDecorated(False)
        self.tree.setExpandsOnDoubleClick(False)
        self.tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._show_menu)
        self.tree.itemDoubleClicked.connect(self._open_item)
        self.tree.itemChanged.connect(self._named)
        self.tree.currentItemChanged.connect(self.chosen_changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tree)
        self.setFocusProxy(self.tree)
        self.setMinimumWidth(NARROWEST)

    def show_versions(self, versions: Iterable[Version], head: VersionId | None, other: VersionId | None) -> None:
        """Show the tree; the chosen row stays chosen, unless it was that of the open version or there is a new one."""
        versions = tuple(versions)
        if (shown := (*versions, head, other)) == self._shown:
            return
        self._shown = shown
        chosen, before = self.chosen(), set(self._items())
        if chosen == self._head:
            chosen = head  # the row of the open version is chosen: it stays so
        self._head = head
        self.tree.blockSignals(True)
        self.tree.clear()
        items: dict[VersionId, QTreeWidgetItem] = {}
        for version, under in lines(versions):
            place = "head" if version.id == head else "other" if version.id == other else ""
            item = _item(version, place, self._image(version))
            items[version.id] = item
            items[under].addChild(item) if under else self.tree.addTopLevelItem(item)
        self.tree.expandAll()
        new = [v for v in items if v not in before]
        at = (items.get(chosen) if chosen and not new else None) or (items.get(head) if head else None)
        if at is not None:
            self.tree.setCurrentItem(at)
            self.tree.scrollToItem(at)
        self.tree.blockSignals(False)

    def chosen(self) -> VersionId | None:
        """The version of the row that keys and the menu act on."""
        item = self.tree.currentItem()
        return _version(item).id if item else None

    def rename(self) -> None:
        """Edit the chosen row's name in place."""
        if item := self.tree.currentItem():
            self.tree.editItem(item)

    def choose(self, version: VersionId) -> None:
        if item := self._items().get(version):
            self.tree.setCurrentItem(item)

    def _items(self) -> dict[VersionId, QTreeWidgetItem]:
        found: dict[VersionId, QTreeWidgetItem] = {}
        waiting = [self.tree.topLevelItem(k) for k in range(self.tree.topLevelItemCount())]
        while waiting:
            if item := waiting.pop():
                found[_version(item).id] = item
                waiting += [item.child(k) for k in range(item.childCount())]
        return found

    def _image(self, version: Version) -> QImage:
        """The thumbnail, made once: a long history is listed again with each new version."""
        if version.id not in self._images:
            self._images[version.id] = to_image(version.thumbnail)
        return self._images[version.id]

    def _open_item(self, item: QTreeWidgetItem) -> None:
        self.opened.emit(_version(item).id)

    def _named(self, item: QTreeWidgetItem) -> None:
        version = _version(item)
        if (name := item.text(0).strip()) != version_title(version):
            self.renamed.emit(version.id, name)

    def _show_menu(self, at: QPoint) -> None:
        if self.tree.itemAt(at) is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(self.menu_actions)
        menu.popup(self.tree.viewport().mapToGlobal(at))


def _version(item: QTreeWidgetItem) -> Version:
    return item.data(0, VERSION)


def _item(version: Version, place: str, image: QImage) -> QTreeWidgetItem:
    item = QTreeWidgetItem()
    item.setText(0, version_title(version))
    item.setData(0, VERSION, version)
    item.setData(0, PLACE, place)
    item.setData(0, Qt.ItemDataRole.DecorationRole, image)
    item.setData(0, Qt.ItemDataRole.AccessibleTextRole, spoken(version, place))
    item.setToolTip(0, tooltip(spoken(version, place)))
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
    return item
