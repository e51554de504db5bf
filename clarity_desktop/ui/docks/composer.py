"""The field for the next message: photos and regions can be dropped into it, Up recalls earlier messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy

from clarity_desktop.references import REFERENCE, SELECTION
from clarity_desktop.ui import theme

REGION_TYPE = "application/x-clarity-region"
"""The type of a region that is dragged; its data is the RegionId, empty for what is selected."""
MAX_LINES = 5
"""Lines to which the field grows; a longer message scrolls."""


def region_data(region: str) -> QMimeData:
    """What is dragged of a region: its RegionId, "" for what is selected."""
    data = QMimeData()
    data.setData(REGION_TYPE, region.encode())
    return data


def region_in(data: QMimeData) -> str | None:
    """The RegionId that is dragged, "" for what is selected; None: something else is."""
    return bytes(data.data(REGION_TYPE).data()).decode("utf-8", "replace") if data.hasFormat(REGION_TYPE) else None


def files_in(data: QMimeData) -> tuple[Path, ...]:
    """The files on this machine that are dragged or pasted."""
    return tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())


class _References(QSyntaxHighlighter):
    """Highlights the names in brackets that are known."""

    names: frozenset[str] = frozenset()

    def highlightBlock(self, text: str) -> None:
        colors = theme.colors()
        known = QTextCharFormat()
        known.setBackground(QColor(colors.accent))
        known.setForeground(QColor(colors.on_accent))
        for at in REFERENCE.finditer(text):
            if at[1].casefold() in self.names:
                self.setFormat(at.start(), at.end() - at.start(), known)


class Composer(QPlainTextEdit):
    """Enter sends, Shift+Enter starts a new line, Up and Down walk through earlier messages, Esc clears."""

    sent = Signal(str)
    files_given = Signal(object)  # tuple[Path, ...]
    image_given = Signal(QImage)

    def __init__(self) -> None:
        super().__init__()
        self._history: list[str] = []
        self._back = 0  # how many messages back the one in the field is; 0: it is the one being written
        self._written = ""  # what was being written when the walk through the history began
        self._names: dict[str, str] = {}  # RegionId → name
        self._references = _References(self.document())
        self.setPlaceholderText(self.tr("What should be changed?"))
        self.setAccessibleName(self.tr("Message"))
        self.setAccessibleDescription(
            self.tr(
                "Enter sends, Shift+Enter starts a new line, Up recalls earlier messages, Esc clears. "
                "Photos and regions can be dropped or pasted here."
            )
        )
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().contentsChanged.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        # Grows with the text, then scrolls.
        lines = min(MAX_LINES, max(1, self.document().size().toSize().height()))
        margin = 2 * round(self.document().documentMargin())
        if self.document().isEmpty():  # the placeholder is not part of the document
            width = self.fontMetrics().horizontalAdvance(self.placeholderText())
            lines = 1 if width <= self.viewport().width() - margin else 2
        frame = 2 * self.frameWidth() + margin
        return QSize(160, lines * self.fontMetrics().lineSpacing() + frame + 6)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def resizeEvent(self, e: QResizeEvent) -> None:
        super().resizeEvent(e)
        if e.size().width() != e.oldSize().width():
            self.updateGeometry()  # text breaks elsewhere

    # the conversation of the document that is shown

    def show_conversation(self, history: Sequence[str], draft: str) -> None:
        """Take the user's messages of a conversation, and what was typed there and not sent."""
        self._history = list(history)
        self._back = 0
        if draft != self.toPlainText():
            self.setPlainText(draft)
            self.moveCursor(QTextCursor.MoveOperation.End)

    def remember(self, text: str) -> None:
        """Add a message to those that Up recalls."""
        if not self._history or self._history[-1] != text:
            self._history.append(text)

    def show_names(self, names: Mapping[str, str], selected: bool) -> None:
        """Take the regions that a message may refer to: name → RegionId; selected: there is a selection as well."""
        self._names = {region: name for name, region in names.items()} | ({"": SELECTION} if selected else {})
        known = frozenset(name.casefold() for name in self._names.values())
        if known != self._references.names:
            self._references.names = known
            self._highlight()

    def refer_to(self, region: str) -> None:
        """Insert the name of a region at the cursor; "": of what is selected."""
        if (name := self._names.get(region)) is None:
            return
        cursor = self.textCursor()
        before = self.toPlainText()[: cursor.selectionStart()]
        after = self.toPlainText()[cursor.selectionEnd() :]
        space = " " if before and not before[-1].isspace() else ""
        cursor.insertText(f"{space}[{name}]" + ("" if after[:1].isspace() else " "))
        self.setTextCursor(cursor)
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def send(self) -> None:
        """Send the message, unless it is empty."""
        if text := self.toPlainText().strip():
            self._back = 0
            self.clear()
            self.sent.emit(text)

    # photos and regions

    def accepts(self, data: QMimeData) -> bool:
        """Whether something that is dragged is a photo, a region or text."""
        return self.canInsertFromMimeData(data)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        if source.hasFormat(REGION_TYPE) or files_in(source) or source.hasImage():
            return True
        return super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:
        image = source.imageData()
        if (region := region_in(source)) is not None:
            self.refer_to(region)
        elif files := files_in(source):
            self.files_given.emit(files)
        # Word processors copy a picture of the text with it.
        elif isinstance(image, QImage) and not image.isNull() and not source.text().strip():
            self.image_given.emit(image)
        else:
            super().insertFromMimeData(source)

    # keys

    def event(self, e: QEvent) -> bool:
        """Leave undo, redo and Esc to the window while they would do nothing here."""
        if e.type() == QEvent.Type.ShortcutOverride and isinstance(e, QKeyEvent):
            undo, redo = e.matches(QKeySequence.StandardKey.Undo), e.matches(QKeySequence.StandardKey.Redo)
            document = self.document()
            if (undo and not document.isUndoAvailable()) or (redo and not document.isRedoAvailable()):
                e.ignore()
                return False
            if e.key() == Qt.Key.Key_Escape and self.toPlainText():
                e.accept()
                return True
        return super().event(e)

    def keyPressEvent(self, e: QKeyEvent) -> None:
        enter = e.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if enter and not e.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.send()
        elif e.key() == Qt.Key.Key_Escape:
            self._clear(e)
        elif e.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or not self._walk(Qt.Key(e.key())):
            super().keyPressEvent(e)

    def changeEvent(self, e: QEvent) -> None:
        super().changeEvent(e)
        if e.type() == QEvent.Type.PaletteChange:
            self._highlight()

    def _highlight(self) -> None:
        self._references.rehighlight()

    def _clear(self, e: QKeyEvent) -> None:
        if not self.toPlainText():
            e.ignore()
            return
        self._back = 0
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.removeSelectedText()  # unlike clear(), it can be undone

    def _walk(self, key: Qt.Key) -> bool:
        """Up in the first line and Down in the last one walk through the history."""
        if key not in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            return False
        cursor = self.textCursor()
        up = key == Qt.Key.Key_Up
        if cursor.movePosition(QTextCursor.MoveOperation.Up if up else QTextCursor.MoveOperation.Down):
            return False
        return self._recall(1 if up else -1)

    def _recall(self, step: int) -> bool:
        """Put an earlier or later message into the field. Returns whether there is one."""
        shown = self.toPlainText()
        if not self._back or shown != self._history[-self._back]:  # what is being written comes back at the end
            if step < 0:
                return False
            self._written, self._back = shown, 0
        at = max(0, min(len(self._history), self._back + step))
        if at == self._back:
            return False
        self._back = at
        self.setPlainText(self._history[-at] if at else self._written)
        self.moveCursor(QTextCursor.MoveOperation.End)
        return True


def user_messages(texts: Collection[str]) -> list[str]:
    """Messages as Up recalls them: of equal ones that follow each other only one."""
    found: list[str] = []
    for text in texts:
        if not found or found[-1] != text:
            found.append(text)
    return found
