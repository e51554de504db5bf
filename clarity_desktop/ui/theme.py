"""How the window looks: light and dark palettes, line icons in the palette's colours, one style sheet."""

from __future__ import annotations

from typing import Literal

from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QAbstractButton, QApplication

Choice = Literal["system", "light", "dark"]


def apply(app: QApplication, choice: Choice) -> None:
    """Dress the whole program; live. "system" follows the desktop as it changes. Recolours what `dress` dressed."""


def dress(target: QAction | QAbstractButton, name: str) -> None:
    """Give an action or button the icon of that name; it is recoloured when the theme changes."""
    target.setIcon(icon(name))


def icon(name: str) -> QIcon:
    """A line icon in today's colours, crisp at 1× and 2×. Names: the files of resources/icons. Raises KeyError."""
    return QIcon()
