"""The status bar: its values give way before the window becomes wider."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from clarity_desktop.ui.status_bar import Status


def test_long_values_do_not_make_the_window_wider(qtbot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    status = Status()
    status.setParent(window)
    narrow = status.minimumSizeHint().width()
    status.show_job("Removing rain from the photo", 0.4, "", 90)
    status.show_photo(12000, 9000, 16, "A color profile with a very long name, as some scanners write them")
    status.show_pixel((11999, 8999), (65535, 65535, 65535, 65535))
    status.show_device("A processor with a long name")
    window.show()
    status.show()
    assert status.minimumSizeHint().width() < max(narrow, 700)
