"""With the pseudo-locale on, the real window shows no string that no translator has seen, and cuts none off."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from fakes import ENGINES, METHODS, MODELS, FakeLink, a_photo, a_window, settled, until
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QMenu,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QTabBar,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from clarity_desktop import messages as m
from clarity_desktop.settings import LLM_SERVERS
from clarity_desktop.text import Message
from clarity_desktop.ui.dialogs.compare_methods import CompareMethodsDialog
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.dialogs.save_macro import Exchange, SaveMacroDialog
from clarity_desktop.ui.dialogs.unsaved_work import UnsavedDialog
from clarity_desktop.ui.form_fields import ElidedButton
from clarity_desktop.ui.labels import METRICS
from clarity_desktop.ui.main_window import MainWindow
from clarity_desktop.ui.translate import PseudoTranslator, render
from clarity_desktop.values import DocumentId, EarlierPhoto, Recovery, Turn

SMALLEST = (1024, 700)
DATA = {
    "Clarity Desktop", "rain.jpg", "rain", "lost.jpg", "photo", "RGB", "sRGB", "JPEG", "PNG", "WebP", "TIFF", "AVIF",
    "HEIC", "XL", "BMP", "px", "MP", "GB", "MB", "kB", "dB", "CPU", "maxim", "out", "restored", "rain_restored.png",
    "png", "Too small for BRISQUE.", *LLM_SERVERS, *LLM_SERVERS.values(),
    *METRICS.values(), *(card.title for card in ENGINES), "YOLOX-Nano", "car", "both cars",
    *(card.title for card in METHODS), *(card.architecture for card in METHODS), *(card.id for card in METHODS),
    *(card.trained_on for card in METHODS), *(card.paper for card in METHODS), *(card.licence for card in METHODS),
    *(card.title for card in MODELS), *(card.id for card in MODELS), *(str(card.path) for card in MODELS),
}  # fmt: skip
"""What comes from files, methods and models, or is the same in every language."""
KEY_NAMES = re.compile(r"\b(Ctrl|Shift|Alt|Meta|Esc|Tab|Del|Enter|Return|Space|Home|End|Left|Right|Up|Down|F\d+)\b")


def untranslated(text: str) -> str:
    """The part of a text that stands outside all brackets and is no datum."""
    depth, rest = 0, ""
    for letter in text:
        depth += (letter == "[") - (letter == "]")
        rest += letter if depth == 0 else ""
    rest = re.sub("|".join(rf"(?<!\w){re.escape(d)}(?!\w)" for d in sorted(DATA, key=len, reverse=True)), "", rest)
    rest = re.sub(r"\d\d \w{3} \d{4}, \d\d:\d\d", "", rest)  # a date
    rest = KEY_NAMES.sub("", re.sub(r"<[^<>]*>|\{\w+\}|&", "", rest))
    return rest if re.search(r"[A-Za-z]{2,}", rest) else ""


def texts_of(widget: QWidget) -> Iterator[tuple[str, str]]:
    """(what it is, text) of all that a widget shows or says to a screen reader."""
    yield "tooltip", widget.toolTip()
    yield "accessible name", widget.accessibleName()
    yield "accessible description", widget.accessibleDescription()
    yield "status tip", widget.statusTip()
    if widget.isWindow() or widget.inherits("QDockWidget"):
        yield "window title", widget.windowTitle()
    match widget:
        case QLabel() | QAbstractButton():
            yield "text", widget.text()
        case QLineEdit() | QPlainTextEdit():
            yield "placeholder", widget.placeholderText()
        case QComboBox():
            yield from (("entry", widget.itemText(k)) for k in range(widget.count()))
        case QSpinBox() | QDoubleSpinBox():
            yield "suffix", widget.suffix() + widget.prefix() + widget.specialValueText()
        case QTabBar():
            yield from (("tab", widget.tabText(k)) for k in range(widget.count()))
            yield from (("tab tooltip", widget.tabToolTip(k)) for k in range(widget.count()))
        case QMenu():
            yield "menu", widget.title()
        case QTreeWidget():
            yield from (("header", widget.headerItem().text(k)) for k in range(widget.columnCount()))
            for item in items(widget):
                yield from (("item", item.text(k)) for k in range(widget.columnCount()))
        case QListWidget():
            yield from (("item", widget.item(k).text()) for k in range(widget.count()))
        case QAbstractItemView():
            model = widget.model()
            for row in range(model.rowCount() if model else 0):
                yield "row", str(model.index(row, 0).data(Qt.ItemDataRole.AccessibleTextRole) or "")
        case _:
            pass


def items(tree: QTreeWidget) -> Iterator[QTreeWidgetItem]:
    waiting = [tree.topLevelItem(k) for k in range(tree.topLevelItemCount())]
    while waiting:
        if item := waiting.pop():
            yield item
            waiting += [item.child(k) for k in range(item.childCount())]


def texts_of_action(action: QAction) -> Iterator[tuple[str, str]]:
    yield "action", action.text()
    keys = QKeySequence.listToString(action.shortcuts(), QKeySequence.SequenceFormat.NativeText)
    yield "action tooltip", action.toolTip().replace(f"({keys})", "")
    yield "action status tip", action.statusTip()


def all_untranslated(top: QWidget) -> list[str]:
    found: list[str] = []
    for widget in (top, *top.findChildren(QWidget)):
        if isinstance(widget, QFileDialog) or any(isinstance(p, QFileDialog) for p in ancestors(widget)):
            continue  # Qt's own, where no native one exists
        for kind, text in texts_of(widget):
            if rest := untranslated(text):
                found.append(f"{type(widget).__name__} {kind}: {text!r} (outside: {rest.strip()!r})")
        for action in widget.actions():
            for kind, text in texts_of_action(action):
                if rest := untranslated(text):
                    found.append(f"{kind}: {text!r} (outside: {rest.strip()!r})")
    return sorted(set(found))


def ancestors(widget: QWidget) -> Iterator[QWidget]:
    while (parent := widget.parentWidget()) is not None:
        yield parent
        widget = parent


def cells_cut_off(tree: QTreeWidget) -> Iterator[str]:
    """The texts that their column has no room for."""
    for item in items(tree):
        inset = tree.visualItemRect(item).left()
        for k in range(tree.columnCount()):
            room = tree.columnWidth(k) - (inset if k == 0 else 0)
            if tree.fontMetrics().horizontalAdvance(item.text(k)) > room:
                yield f"column too narrow: {item.text(k)!r}"


def cut_off(top: QWidget) -> list[str]:
    """Labels, buttons and columns of lists that are on the screen and smaller than their text."""
    found: list[str] = []
    for widget in top.findChildren(QWidget):
        if isinstance(widget, QTreeWidget) and widget.isVisible():
            found.extend(cells_cut_off(widget))
        if not widget.isVisible() or not isinstance(widget, QLabel | QPushButton | QCheckBox | QToolButton):
            continue
        text = widget.text()
        if not text or isinstance(widget, ElidedButton) or widget.property("elides"):
            continue
        if isinstance(widget, QToolButton) and widget.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly:
            continue
        if isinstance(widget, QLabel) and widget.wordWrap():
            if widget.height() < widget.heightForWidth(widget.width()) - 1:
                found.append(f"too low: {text!r}")
        elif widget.width() < widget.sizeHint().width() - 1:
            found.append(f"too narrow by {widget.sizeHint().width() - widget.width()}: {text!r}")
        if area := next((p for p in ancestors(widget) if isinstance(p, QScrollArea)), None):
            right = widget.mapTo(area.viewport(), QPoint(widget.width(), 0)).x()
            if right > area.viewport().width() + 1:
                found.append(f"beyond the edge by {right - area.viewport().width()}: {text!r}")
    return sorted(set(found))


@pytest.fixture
def pseudo_locale(qapp: QApplication) -> Iterator[None]:
    translator = PseudoTranslator(qapp)
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


@asynccontextmanager
async def a_full_window() -> AsyncGenerator[tuple[MainWindow, FakeLink]]:
    """A window with a photo, a restored version with scores, advice, a conversation and a notice."""
    async with a_window() as (window, link):
        window.resize(*SMALLEST)
        await a_photo(window)
        window.action["restore"].trigger()
        await settled(window)
        window.action["advise"].trigger()
        await settled(window)
        link.seconds = 90.0
        window.action["rotate_right"].trigger()
        await settled(window)
        yield window, link
        for dialog in window.findChildren(QDialog):
            dialog.close()


async def test_nothing_in_the_window_is_untranslated(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        window.action["left_panels"].trigger()
        assert all_untranslated(window) == []


async def test_nothing_in_the_dialogs_is_untranslated(pseudo_locale: None):
    async with a_full_window() as (window, link):
        thumbnail = np.zeros((6, 8, 3), np.uint8)
        link.recoveries = (Recovery(Path("lost.jpg"), "lost.jpg", 1_780_000_000.0, 3, thumbnail),)
        for name in ("export", "models", "preferences", "shortcuts", "reopen", "about"):
            window.action[name].trigger()
            await settled(window)
            await until(lambda: bool(window.findChildren(QDialog)))
            dialogs = [d for d in window.findChildren(QDialog) if d.isVisible()]
            assert dialogs, name
            for dialog in dialogs:
                assert all_untranslated(dialog) == [], name
                dialog.close()


@pytest.mark.parametrize("left", [False, True])
async def test_nothing_is_cut_off_in_the_smallest_window(pseudo_locale: None, left: bool):
    async with a_full_window() as (window, _link):
        if left:  # collapsed in a narrow window
            window.action["left_panels"].trigger()
        await until(lambda: window.restore.estimate.isVisible())
        await settled(window)
        assert cut_off(window) == []
        assert (window.width(), window.height()) == SMALLEST
        for tool in ("crop", "straighten", "select_click", "brush", "lasso"):
            window.action[tool].trigger()
            await settled(window)
            assert cut_off(window) == [], tool
        assert (window.width(), window.height()) == SMALLEST


async def test_the_buttons_of_the_adjust_panel_are_whole_and_apart(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        window.action["adjust"].trigger()
        await until(window.adjust.isVisible)
        await settled(window)
        dock = window.adjust
        buttons = [dock.presets, dock.reset, dock.apply]
        assert [b.text() for b in buttons if b.width() < b.sizeHint().width()] == []
        places = [QRect(b.mapTo(dock, QPoint(0, 0)), b.size()) for b in buttons]
        assert not any(a.intersects(b) for a, b in combinations(places, 2))


async def select_everything(window: MainWindow) -> None:
    """Show all that the regions panel and the bars of selecting can show."""
    window.sides.reveal("regions")
    window.action["select_click"].trigger()
    canvas = window.current.canvas if window.current else None
    assert canvas is not None
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=canvas.rect().center())
    await settled(window)
    window.regions.keep.click()
    await settled(window)
    window.regions.words.setText("both cars")
    window.regions.find_button.click()
    await settled(window)
    window.region_commands.calm.setInterval(0)
    window.action["select_all"].trigger()
    await until(lambda: not window.region_commands.calm.isActive())
    await settled(window)


async def test_selecting_is_translated_and_whole_in_the_smallest_window(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        await select_everything(window)
        assert window.select_bar.isVisible()
        assert window.region_bar.isVisible()
        assert all_untranslated(window) == []
        assert cut_off(window) == []
        assert (window.width(), window.height()) == SMALLEST
        for name in ("restore", "adjust"):
            window.sides.reveal(name)
            await settled(window)
            assert cut_off(window) == [], name
        window.region_commands.show_engines(m.EnginesListed(()))


async def test_the_compare_view_is_translated_and_whole_in_the_smallest_window(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        window.compare_commands.ask_methods("dehaze")
        await settled(window)
        [dialog] = [d for d in window.findChildren(QDialog) if d.isVisible()]
        assert cut_off(dialog) == []
        assert all_untranslated(dialog) == []
        assert isinstance(dialog, CompareMethodsDialog)
        dialog.run.click()
        await settled(window)
        for name in ("grid", "difference", "blink", "take_part"):
            window.action[name].trigger()
            await settled(window)
            assert all_untranslated(window) == [], name
            # Cards may be scrolled to; what they say must have room in them.
            assert [found for found in cut_off(window) if not found.startswith("beyond")] == [], name
            assert (window.width(), window.height()) == SMALLEST, name


async def test_the_question_before_quitting_is_translated_and_whole(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        window.action["quit"].trigger()
        await until(lambda: bool(window.findChildren(UnsavedDialog)))
        [dialog] = window.findChildren(UnsavedDialog)
        assert cut_off(dialog) == []
        assert all_untranslated(dialog) == []
        dialog.reject()


async def test_nothing_is_cut_off_in_the_dialogs(pseudo_locale: None):
    async with a_full_window() as (window, link):
        thumbnail = np.zeros((6, 8, 3), np.uint8)
        link.recoveries = (Recovery(Path("lost.jpg"), "lost.jpg", 1_780_000_000.0, 3, thumbnail),)
        for name in ("export", "models", "preferences", "shortcuts", "reopen", "help"):
            window.action[name].trigger()
            await settled(window)
            for dialog in window.findChildren(QDialog):
                if dialog.isVisible():
                    assert cut_off(dialog) == [], name
                    assert dialog.width() <= SMALLEST[0], name
                    assert dialog.height() <= SMALLEST[1], name
                    dialog.close()


async def test_the_page_of_the_language_model_is_translated_and_whole(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        window.action["preferences"].trigger()
        await settled(window)
        [dialog] = window.findChildren(Preferences)
        page = dialog.llm_page
        dialog.pages.setCurrentWidget(page)
        await settled(window)
        for box in (page.enabled, page.send_photo):
            box.setChecked(True)
            page.show_key(page.url.text(), True, "")
            page.show_status(render(Message("llm.no_list", {"server": "rain"})), "error")
            await settled(window)
            assert cut_off(dialog) == []
            assert all_untranslated(dialog) == []
            assert dialog.width() <= SMALLEST[0]
            assert dialog.height() <= SMALLEST[1]
        dialog.close()


async def test_the_page_of_preferred_methods_is_translated_and_whole(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        window.action["preferences"].trigger()
        await settled(window)
        [dialog] = window.findChildren(Preferences)
        dialog.pages.setCurrentWidget(dialog.methods_page)
        await settled(window)
        assert cut_off(dialog) == []
        assert all_untranslated(dialog) == []
        assert dialog.width() <= SMALLEST[0]
        assert dialog.height() <= SMALLEST[1]
        dialog.close()


async def test_errors_and_offers_are_translated(pseudo_locale: None):
    async with a_full_window() as (window, link):
        link.models = tuple(replace(card, state="missing") for card in MODELS)
        link.errors[m.Restore] = m.UserError("units.seconds", value=3)
        window.action["restore"].trigger()
        await settled(window)
        await until(lambda: any(label.text() for label in window.notices.findChildren(QLabel)))
        assert all_untranslated(window.notices) == []
        for box in window.findChildren(QMessageBox):
            assert all_untranslated(box) == []
            box.close()


async def test_the_tools_of_the_conversation_are_translated_and_whole(pseudo_locale: None):
    async with a_full_window() as (window, _link):
        chat = window.chat
        photos = [EarlierPhoto(DocumentId(at), "photo") for at in ("00", "01")]
        chat.earlier.show_photos(photos)
        await settled(window)
        assert cut_off(window) == []
        chat.add_turn(Turn("user", "photo"))
        chat.find_bar.open()
        for words in ("photo", "rain"):
            chat.find_bar.field.setText(words)
            await settled(window)
            assert cut_off(window) == []
            assert all_untranslated(window) == []
        chat.menu.aboutToShow.emit()
        assert all_untranslated(chat.menu) == []
        dialog = SaveMacroDialog(window, [Exchange(0, 2, "rain", True)], "photo")
        dialog.show()
        assert cut_off(dialog) == []
        assert all_untranslated(dialog) == []
        assert (window.width(), window.height()) == SMALLEST
