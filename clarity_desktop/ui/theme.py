"""How the window looks: light and dark palettes, line icons in their colours, one style sheet.

Around the photo all is neutral grey, so that its colours are judged rightly; there is one accent colour. Widgets are
told apart by a dynamic property: setProperty("role", "primary" | "quiet" | "muted" | "title" | "error").
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QFont, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QStyleFactory

from clarity_desktop.settings import resources

Choice = Literal["system", "light", "dark"]
ICON_SIZES = (16, 20, 24)
BASE_FONT = 13
"""Pixels."""


@dataclass(frozen=True, slots=True)
class Colours:
    """One theme. Text and muted reach 4.5:1 on window, panel, field and canvas; on_accent on accent, too."""

    window: str
    panel: str
    field: str
    canvas: str  # around the photo
    hover: str
    pressed: str
    border: str
    text: str
    muted: str
    disabled: str
    accent: str  # fills: the primary button, the selection
    on_accent: str
    ring: str  # focus rings and lines: 3:1 on everything above
    error: str


DARK = Colours(
    window="#232323", panel="#2a2a2a", field="#1d1d1d", canvas="#191919", hover="#383838", pressed="#444444",
    border="#3f3f3f", text="#e9e9e9", muted="#ababab", disabled="#6f6f6f", accent="#2a6fd0", on_accent="#ffffff",
    ring="#6ea8ff", error="#ff8a80",
)  # fmt: skip
LIGHT = Colours(
    window="#ececec", panel="#f6f6f6", field="#ffffff", canvas="#d2d2d2", hover="#dedede", pressed="#cfcfcf",
    border="#c4c4c4", text="#1c1c1c", muted="#525252", disabled="#9a9a9a", accent="#1f5fbf", on_accent="#ffffff",
    ring="#1f5fbf", error="#a11c15",
)  # fmt: skip


class _Look(QObject):
    """What is worn now, and the wish to follow the desktop."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = DARK
        self.choice: Choice = "system"
        self.followed = False

    def follow(self) -> None:
        """The desktop changed between light and dark."""
        app = QApplication.instance()
        if self.choice == "system" and isinstance(app, QApplication):
            _wear(app, _of_system())


_look = _Look()


def apply(app: QApplication, choice: Choice) -> None:
    """Dress the whole program; live. "system" follows the desktop as it changes. Recolours what `dress` dressed."""
    _look.choice = choice
    if not _look.followed:
        app.styleHints().colorSchemeChanged.connect(_look.follow)
        _look.followed = True
    _wear(app, _of_system() if choice == "system" else DARK if choice == "dark" else LIGHT)


def colours() -> Colours:
    """Today's theme, for what is painted by hand."""
    return _look.colours


def dress(target: QAction | QAbstractButton, name: str) -> None:
    """Give an action or button the icon of that name; it is recoloured when the theme changes."""
    target.setProperty("icon-name", name)
    target.setIcon(icon(name))


def icon(name: str) -> QIcon:
    """A line icon in today's colours, crisp at 1× and 2×. Names: the files of resources/icons. Raises OSError."""
    worn, made = _look.colours, QIcon()
    for mode, colour in (
        (QIcon.Mode.Normal, worn.text),
        (QIcon.Mode.Disabled, worn.disabled),
        (QIcon.Mode.Selected, worn.on_accent),
    ):
        for size in ICON_SIZES:
            for ratio in (1, 2):
                made.addPixmap(_drawn(name, colour, size, ratio), mode)
    return made


def paint_icon(painter: QPainter, name: str, area: QRectF, colour: str) -> None:
    """Draw an icon of any size."""
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", colour).encode())).render(painter, area)


def _of_system() -> Colours:
    return LIGHT if QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Light else DARK


def _wear(app: QApplication, worn: Colours) -> None:
    _look.colours = worn
    app.setStyle(QStyleFactory.create("Fusion"))
    font = QFont(app.font())
    font.setPixelSize(BASE_FONT)
    app.setFont(font)
    app.setPalette(_palette(worn))
    app.setStyleSheet(_sheet(worn))
    for widget in app.allWidgets():
        for target in (widget, *widget.actions()):
            name = target.property("icon-name")
            if isinstance(name, str) and isinstance(target, QAction | QAbstractButton):
                target.setIcon(icon(name))


def _palette(worn: Colours) -> QPalette:
    role = QPalette.ColorRole
    roles = {
        role.Window: worn.window, role.WindowText: worn.text, role.Base: worn.field, role.AlternateBase: worn.panel,
        role.Text: worn.text, role.Button: worn.panel, role.ButtonText: worn.text, role.BrightText: worn.error,
        role.ToolTipBase: worn.panel, role.ToolTipText: worn.text, role.PlaceholderText: worn.muted,
        role.Highlight: worn.accent, role.HighlightedText: worn.on_accent, role.Accent: worn.accent,
        role.Link: worn.ring, role.LinkVisited: worn.ring, role.Mid: worn.border, role.Dark: worn.border,
        role.Light: worn.hover, role.Midlight: worn.hover, role.Shadow: worn.field,
    }  # fmt: skip
    made = QPalette()
    for which, colour in roles.items():
        made.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(worn.disabled))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(worn.hover))
    return made


def _sheet(worn: Colours) -> str:
    fields = {**asdict(worn), "icons": (resources() / "icons").as_posix()}
    sheet = (resources() / "style.qss").read_text("utf-8")
    return re.sub(r"@(\w+)", lambda found: fields[found[1]] if found[1] in fields else found[0], sheet)


@lru_cache(maxsize=64)
def _svg(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text("utf-8")


@lru_cache(maxsize=2048)
def _drawn(name: str, colour: str, size: int, ratio: int) -> QPixmap:
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", colour).encode())).render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
