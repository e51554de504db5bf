"""Drop-down lists show all of their entries, whole."""

from __future__ import annotations

import pytest
from fakes import a_photo, a_window, settled
from PySide6.QtWidgets import QApplication, QComboBox, QDialog, QWidget

from clarity_desktop.ui import theme


@pytest.fixture(autouse=True)
def _styled(qapp: QApplication) -> None:
    """Borders and padding of the style are what lists became too low for."""
    theme.apply(qapp, "dark")


def cut(combo: QComboBox) -> bool:
    """Whether the open list shows an entry only in part, or hides one though there are few."""
    combo.blockSignals(True)  # nothing is to be chosen
    combo.setCurrentIndex(combo.count() - 1)  # a list that lies over its field is then scrolled
    combo.showPopup()
    view, last = combo.view(), min(combo.count(), combo.maxVisibleItems()) - 1
    first, end = (view.visualRect(combo.model().index(row, 0)) for row in (0, last))
    room = view.viewport().rect()
    is_narrow = room.width() < view.sizeHintForColumn(0)
    combo.hidePopup()
    return first.top() < room.top() or end.bottom() > room.bottom() or is_narrow


def drop_downs(widget: QWidget) -> list[QComboBox]:
    return [combo for combo in widget.findChildren(QComboBox) if combo.count() and combo.isVisible()]


async def test_the_panels_and_bars_show_all_entries():
    async with a_window() as (window, _link):
        await a_photo(window)
        window.action["crop"].trigger()
        await settled(window)
        assert len(drop_downs(window)) >= 3
        assert [c.accessibleName() for c in drop_downs(window) if cut(c)] == []


@pytest.mark.parametrize("name", ["export", "preferences"])
async def test_the_dialogs_show_all_entries(name: str):
    async with a_window() as (window, _link):
        await a_photo(window)
        window.action[name].trigger()
        await settled(window)
        [dialog] = [d for d in window.findChildren(QDialog) if d.isVisible()]
        assert drop_downs(dialog)
        assert [c.accessibleName() for c in drop_downs(dialog) if cut(c)] == []
        dialog.close()
