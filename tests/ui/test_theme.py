"""Light and dark: legible, calm, live; icons in the palette's colors."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QColor, QIcon, QImage, QPalette
from PySide6.QtWidgets import QApplication, QToolBar, QToolButton

from clarity_desktop.settings import resources
from clarity_desktop.ui import theme

ICONS = sorted(f.stem for f in (resources() / "icons").glob("*.svg") if "currentColor" in f.read_text("utf-8"))


def luminance(color: str) -> float:
    def linear(v: float) -> float:
        return v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4

    red, green, blue, _ = QColor(color).getRgbF()
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_text_is_legible_on_every_surface(colors: theme.Colors):
    for surface in (colors.window, colors.panel, colors.field, colors.canvas, colors.hover):
        assert contrast(colors.text, surface) >= 7
        assert contrast(colors.muted, surface) >= 4.5
    for surface in (colors.window, colors.panel, colors.field, colors.canvas):
        assert contrast(colors.ring, surface) >= 3
        assert contrast(colors.error, surface) >= 4.5
        assert contrast(colors.good, surface) >= 4.5
    for surface in (colors.window, colors.panel, colors.field):
        assert contrast(colors.disabled, surface) >= 4.5
    assert contrast(colors.on_accent, colors.accent) >= 4.5
    assert contrast(colors.ring, colors.hover) >= 4.5  # text of quiet buttons


@pytest.mark.parametrize("colors", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
def test_what_surrounds_the_photo_is_neutral_gray(colors: theme.Colors):
    for surface in (
        colors.window,
        colors.panel,
        colors.field,
        colors.canvas,
        colors.hover,
        colors.pressed,
        colors.border,
    ):
        red, green, blue, _ = QColor(surface).getRgb()
        assert red == green == blue


def test_applying_changes_the_running_program(qapp: QApplication):
    theme.apply(qapp, "light")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.LIGHT.window)
    theme.apply(qapp, "dark")
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(theme.DARK.window)
    assert theme.colors() is theme.DARK


def test_the_style_sheet_names_only_known_colors_and_files(qapp: QApplication):
    named = set(re.findall(r"@(\w+)", (resources() / "style.qss").read_text("utf-8"))) - {"name", "icons"}
    assert named <= set(asdict(theme.DARK))
    theme.apply(qapp, "dark")
    assert theme.DARK.ring in qapp.styleSheet()
    files = re.findall(r'url\("(.+?)"\)', qapp.styleSheet())
    assert files
    assert all(Path(file).is_file() for file in files)


def test_the_system_choice_follows_the_desktop(qapp: QApplication):
    theme.apply(qapp, "system")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.colors() is theme.LIGHT
    theme.apply(qapp, "dark")
    qapp.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.colors() is theme.DARK


def ink(icon: QIcon, size: int = 20, ratio: float = 1.0, mode: QIcon.Mode = QIcon.Mode.Normal) -> QImage:
    return icon.pixmap(QSize(size, size), ratio, mode).toImage()


def colors_of(image: QImage) -> set[str]:
    points = ((x, y) for x in range(image.width()) for y in range(image.height()))
    return {c.name() for x, y in points if (c := image.pixelColor(x, y)).alpha() == 255}


def test_every_icon_is_drawn_in_the_text_color_alone(qapp: QApplication):
    theme.apply(qapp, "dark")
    for name in ICONS:
        image = ink(theme.icon(name), 20, 2.0)
        assert image.size() == QSize(40, 40), name
        assert colors_of(image) == {theme.DARK.text}, name


def test_icons_exist_for_what_the_window_does():
    wanted = (
        "open save export undo redo zoom-in zoom-out fit split side top crop rotate-left rotate-right flip-horizontal "
        "flip-vertical straighten restore star trash chat send cancel settings sun moon info fetch plus history"
    )
    assert set(wanted.split()) <= set(ICONS)


def test_a_disabled_icon_is_dimmed(qapp: QApplication):
    theme.apply(qapp, "dark")
    assert colors_of(ink(theme.icon("open"), 20, 2.0, QIcon.Mode.Disabled)) == {theme.DARK.disabled}


def test_dressed_actions_and_buttons_are_recolored_live(qapp: QApplication, qtbot):
    theme.apply(qapp, "dark")
    bar, button = QToolBar(), QToolButton()
    qtbot.addWidget(bar)
    action = QAction("Undo", bar)
    theme.set_icon(action, "undo")
    theme.set_icon(button, "redo")
    bar.addAction(action)
    bar.addWidget(button)
    theme.apply(qapp, "light")
    assert colors_of(ink(action.icon(), 20, 2.0)) == {theme.LIGHT.text}
    assert colors_of(ink(button.icon(), 20, 2.0)) == {theme.LIGHT.text}


@pytest.mark.parametrize("size", theme.APP_ICON_SIZES)
def test_the_program_has_an_icon_of_its_own_at_every_size(qapp: QApplication, size: int):
    image = theme.app_icon().pixmap(size, size).toImage()
    assert (image.width(), image.height()) == (size, size)
    assert image.pixelColor(0, 0).alpha() < 128, "rounded corners"
    left, right = image.pixelColor(size // 4, size // 2), image.pixelColor(7 * size // 10, size // 4)
    assert left.saturation() < right.saturation(), "the right half is the restored one"


def test_actions_that_stand_side_by_side_do_not_share_an_icon():
    drawings = [(resources() / "icons" / f"{name}.svg").read_text("utf-8") for name in ("auto", "restore", "heat")]
    assert len(set(drawings)) == 3
