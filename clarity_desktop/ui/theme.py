"""The light and dark theme: palettes, line icons in the theme's colors, one style sheet.

Everything around the photo is neutral gray, so that it does not bias how its colors are seen; there is one accent
color. The style sheet selects widgets by their property "role": "primary", "quiet", "muted", "title" or "error".
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QColor, QFont, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QApplication, QStyleFactory

from clarity_desktop.settings import resources

Choice = Literal["system", "light", "dark"]
ICON_SIZES = (16, 20, 24)
APP_ICON_SIZES = (16, 24, 32, 48, 64, 128, 256)
BASE_FONT = 13
"""Pixels."""


@dataclass(frozen=True, slots=True)
class Colors:
    """The colors of one theme, as "#rrggbb".

    Contrast (WCAG AA): text and muted have at least 4.5:1 on window, panel, field and canvas, disabled on window, panel
    and field, on_accent on accent.
    """

    window: str
    panel: str
    field: str
    canvas: str  # around the photo
    check_dark: str  # the checkerboard under transparency
    check_light: str
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
    good: str  # what became better


DARK = Colors(
    window="#232323", panel="#2a2a2a", field="#1d1d1d", canvas="#191919", hover="#383838", pressed="#444444",
    check_dark="#646464", check_light="#8c8c8c", border="#3f3f3f", text="#e9e9e9", muted="#ababab", disabled="#959595",
    accent="#2a6fd0", on_accent="#ffffff", ring="#6ea8ff", error="#ff8a80", good="#7fd69a",
)  # fmt: skip
LIGHT = Colors(
    window="#ececec", panel="#f6f6f6", field="#ffffff", canvas="#d2d2d2", hover="#dedede", pressed="#cfcfcf",
    check_dark="#dadada", check_light="#ffffff", border="#c4c4c4", text="#1c1c1c", muted="#525252", disabled="#666666",
    accent="#1f5fbf", on_accent="#ffffff", ring="#1f5fbf", error="#a11c15", good="#17642f",
)  # fmt: skip


class ActiveTheme(QObject):
    """The theme in use; with the choice "system" it follows the desktop."""

    def __init__(self) -> None:
        super().__init__()
        self.colors = DARK
        self.choice: Choice = "system"
        self.follows_desktop = False

    def follow(self, scheme: Qt.ColorScheme) -> None:
        """The desktop switched between light and dark."""
        app = QApplication.instance()
        if self.choice == "system" and isinstance(app, QApplication):
            _use(app, _colors_of(scheme))


_active = ActiveTheme()


def apply(app: QApplication, choice: Choice) -> None:
    """Apply a theme to the running program. "system" follows the desktop; icons of `set_icon` are recolored."""
    _active.choice = choice
    hints = app.styleHints()
    if not _active.follows_desktop:
        hints.colorSchemeChanged.connect(_active.follow)
        _active.follows_desktop = True
    _use(app, _colors_of(hints.colorScheme()) if choice == "system" else DARK if choice == "dark" else LIGHT)


def colors() -> Colors:
    """The colors in use, for widgets that paint themselves."""
    return _active.colors


def set_icon(target: QAction | QAbstractButton, name: str) -> None:
    """Give an action or button the icon of that name; it is recolored when the theme changes."""
    target.setProperty("icon-name", name)
    target.setIcon(icon(name))


def icon(name: str) -> QIcon:
    """A line icon in the theme's colors, sharp at 1× and 2×. Names: the files of resources/icons. Raises OSError."""
    return _icon(name, _active.colors)


@lru_cache(maxsize=256)
def _icon(name: str, colors: Colors) -> QIcon:
    made = QIcon()
    for mode, color in (
        (QIcon.Mode.Normal, colors.text),
        (QIcon.Mode.Disabled, colors.disabled),
        (QIcon.Mode.Selected, colors.on_accent),
    ):
        for size in ICON_SIZES:
            for ratio in (1, 2):
                made.addPixmap(_drawn(name, color, size, ratio), mode)
    return made


def app_icon() -> QIcon:
    """The program's own icon, drawn at each size that desktops ask for. Raises OSError."""
    drawing = QSvgRenderer(QByteArray((resources() / "app" / "clarity-desktop.svg").read_bytes()))
    made = QIcon()
    for size in APP_ICON_SIZES:
        pixmap = QPixmap(size, size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        drawing.render(painter, QRectF(pixmap.rect()))
        painter.end()
        made.addPixmap(pixmap)
    return made


def paint_icon(painter: QPainter, name: str, area: QRectF, color: str) -> None:
    """Draw an icon of any size."""
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", color).encode())).render(painter, area)


def _colors_of(scheme: Qt.ColorScheme) -> Colors:
    return LIGHT if scheme == Qt.ColorScheme.Light else DARK


def _use(app: QApplication, colors: Colors) -> None:
    _active.colors = colors
    # The native styles ignore parts of the palette and the style sheet.
    app.setStyle(QStyleFactory.create("Fusion"))
    font = QFont(app.font())
    font.setPixelSize(BASE_FONT)
    app.setFont(font)
    app.setPalette(_palette(colors))
    app.setStyleSheet(_sheet(colors))
    # Icons are pixmaps in the colors of the theme, so they must be drawn again.
    for widget in app.allWidgets():
        for target in (widget, *widget.actions()):
            name = target.property("icon-name")
            if isinstance(name, str) and isinstance(target, QAction | QAbstractButton):
                target.setIcon(icon(name))


def _palette(colors: Colors) -> QPalette:
    role = QPalette.ColorRole
    roles = {
        role.Window: colors.window, role.WindowText: colors.text,
        role.Base: colors.field, role.AlternateBase: colors.panel,
        role.Text: colors.text, role.Button: colors.panel, role.ButtonText: colors.text, role.BrightText: colors.error,
        role.ToolTipBase: colors.panel, role.ToolTipText: colors.text, role.PlaceholderText: colors.muted,
        role.Highlight: colors.accent, role.HighlightedText: colors.on_accent, role.Accent: colors.accent,
        role.Link: colors.ring, role.LinkVisited: colors.ring, role.Mid: colors.border, role.Dark: colors.border,
        role.Light: colors.hover, role.Midlight: colors.hover, role.Shadow: colors.field,
    }  # fmt: skip
    made = QPalette()
    for which, color in roles.items():
        made.setColor(which, QColor(color))
    for which in (role.WindowText, role.Text, role.ButtonText, role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, which, QColor(colors.disabled))
    made.setColor(QPalette.ColorGroup.Disabled, role.Highlight, QColor(colors.hover))
    return made


def _sheet(colors: Colors) -> str:
    fields = {**asdict(colors), "icons": (resources() / "icons").as_posix()}
    sheet = (resources() / "style.qss").read_text("utf-8")
    # QSS has no variables: @name stands for a color of the theme.
    return re.sub(r"@(\w+)", lambda found: fields[found[1]] if found[1] in fields else found[0], sheet)


@lru_cache(maxsize=64)
def _svg(name: str) -> str:
    return (resources() / "icons" / f"{name}.svg").read_text("utf-8")


@lru_cache(maxsize=2048)
def _drawn(name: str, color: str, size: int, ratio: int) -> QPixmap:
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(_svg(name).replace("currentColor", color).encode())).render(painter, QRectF(pixmap.rect()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
