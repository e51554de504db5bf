"""The beginning of a conversation that went on from another photo: links to the photos before."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from clarity_desktop.ui import theme
from clarity_desktop.ui.form_fields import ElidedButton, tooltip
from clarity_desktop.values import EarlierPhoto


class EarlierPhotos(QWidget):
    """A link to the previous photo and, if that is another one, to the first. asked carries the number of the photo."""

    asked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.links: list[ElidedButton] = []
        self._shown: tuple[EarlierPhoto, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 6, 12, 0)
        self._column.setSpacing(2)
        self.hide()

    def show_photos(self, photos: Sequence[EarlierPhoto]) -> None:
        """Link to these photos, the last one before this conversation first; none: there is no earlier one."""
        if tuple(photos) == self._shown:
            return
        self._shown = tuple(photos)
        for link in self.links:
            self._column.removeWidget(link)
            link.hide()
            link.deleteLater()
        self.links = [self._link(k, photos[k]) for k in dict.fromkeys((0, len(photos) - 1))] if photos else []
        for link in self.links:
            self._column.addWidget(link)
        self.setVisible(bool(photos))

    def _link(self, number: int, photo: EarlierPhoto) -> ElidedButton:
        last = number == 0
        text = self.tr("Previous photo: {title}") if last else self.tr("First photo: {title}")
        link = ElidedButton(text.format(title=photo.title.replace("&", "&&")))
        link.setProperty("role", "quiet")
        link.setProperty("link", True)
        theme.set_icon(link, "photo")
        name = self.tr("Show the previous photo, {title}") if last else self.tr("Show the first photo, {title}")
        link.setAccessibleName(name.format(title=photo.title))
        link.setToolTip(tooltip(self.tr("Show {title} and its conversation").format(title=photo.title)))
        link.clicked.connect(partial(self._ask, number))
        return link

    def _ask(self, number: int, _checked: bool = False) -> None:
        self.asked.emit(number)
