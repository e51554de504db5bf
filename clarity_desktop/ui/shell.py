"""The widgets of the main window: docks, menus, toolbar, the photo area and what is shown around it."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QByteArray, QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QTabWidget, QVBoxLayout, QWidget

from clarity_desktop.ui.actions import Actions
from clarity_desktop.ui.compare_view import CandidateStrip, CompareBar
from clarity_desktop.ui.docks.adjust import AdjustDock
from clarity_desktop.ui.docks.chat import ChatDock
from clarity_desktop.ui.docks.info import InfoDock
from clarity_desktop.ui.docks.quality import QualityDock
from clarity_desktop.ui.docks.regions import RegionsDock
from clarity_desktop.ui.docks.restore import RestoreDock
from clarity_desktop.ui.docks.versions import VersionsDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import percent
from clarity_desktop.ui.notices import Notices
from clarity_desktop.ui.panels import LEFT, RIGHT, fill_menus, make_dock, make_toolbar
from clarity_desktop.ui.photo_stack import PhotoStack
from clarity_desktop.ui.select_bar import RegionBar, SelectBar
from clarity_desktop.ui.side_panels import SidePanels
from clarity_desktop.ui.status_bar import Status
from clarity_desktop.ui.transform_bars import CropBar, PartBar, StraightenBar

FRAME = QSize(8, 40)
"""Pixels that a window manager needs for borders and title."""
LOW = 800
"""Pixels of height below which the film strip is small, and the chat gives way to the adjust panel."""
VERSION_MENU = ("go_to", "compare", "repeat", "rename", "star", "reject", "delete")


class Shell(QMainWindow):
    """Creates and lays out the widgets of the window; MainWindow connects them."""

    painted = Signal()  # once, when the window is on the screen for the first time

    def __init__(self, shortcuts: Mapping[str, str]) -> None:
        """shortcuts: action → keys, where the user changed them."""
        super().__init__()
        self._was_painted = self._has_room = False
        self.setObjectName("main")
        self.setWindowTitle(self.tr("Clarity Desktop"))
        self.setDockNestingEnabled(True)
        self.setAcceptDrops(True)
        self.action = Actions(self, shortcuts)
        self.versions, self.quality = VersionsDock(), QualityDock()
        self.restore, self.chat = RestoreDock(), ChatDock()
        self.adjust, self.info, self.regions = AdjustDock(), InfoDock(), RegionsDock()
        self.status, self.photos = Status(), PhotoStack()
        self.crop_bar, self.straighten_bar, self.select_bar = CropBar(), StraightenBar(), SelectBar()
        self.compare_bar, self.candidates, self.part_bar = CompareBar(), CandidateStrip(), PartBar()
        self.notices = self._lay_out()
        self.toolbar = make_toolbar(self, self.action)
        self.docks = {
            "versions": make_dock(self, "versions", self.tr("Versions"), self.versions, LEFT),
            "quality": make_dock(self, "quality", self.tr("Quality"), self.quality, LEFT),
            "restore": make_dock(self, "restore", self.tr("Restore"), self.restore, RIGHT),
            "chat": make_dock(self, "chat", self.tr("Chat"), self.chat, RIGHT),
            "adjust": make_dock(self, "adjust", self.tr("Adjust"), self.adjust, RIGHT),
            "regions": make_dock(self, "regions", self.tr("Regions"), self.regions, RIGHT),
            "info": make_dock(self, "info", self.tr("Info"), self.info, LEFT),
        }
        self._stack_docks()
        self.sides = SidePanels(self, self.docks, self.action)
        self._middle.insertWidget(0, self.sides.edges[LEFT])
        self._middle.addWidget(self.sides.edges[RIGHT])
        self.action.attach(self, self.photos, self.versions)
        self.versions.menu_actions = tuple(self.action[name] for name in VERSION_MENU)
        self.action.on("full_screen", self._toggle_full_screen)
        self.action.on("chat", self._focus_chat)

    def _stack_docks(self) -> None:
        """Panels that are used in turns share a place, with tabs above them."""
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        for first, second in (("restore", "adjust"), ("restore", "regions"), ("quality", "info")):
            self.tabifyDockWidget(self.docks[first], self.docks[second])
            self.docks[first].raise_()
        for name in ("adjust", "regions"):
            self.docks[name].visibilityChanged.connect(partial(self._make_room, name))

    def _make_room(self, name: str, visible: bool) -> None:
        """Give the adjust and regions panels the height of their content when one of them is first shown; later the
        user's height stays.
        """
        if visible and not self._has_room:
            self._has_room = True
            if self.height() < LOW:
                self.sides.fold_panel("chat")
            self.resizeDocks([self.docks[name], self.docks["chat"]], [640, 160], Qt.Orientation.Vertical)

    def _lay_out(self) -> Notices:
        center, inner, area = QWidget(), QWidget(), QWidget()
        inside = QVBoxLayout(area)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.photos)
        self._middle = QHBoxLayout(center)
        self._middle.setContentsMargins(0, 0, 0, 0)
        self._middle.setSpacing(0)
        self._middle.addWidget(inner, 1)
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.crop_bar, self.straighten_bar, self.compare_bar, self.part_bar, self.select_bar):
            column.addWidget(widget)
        column.addWidget(area, 1)
        column.addWidget(self.candidates)
        column.addWidget(self.photos.strip)
        self.setCentralWidget(center)
        self.setStatusBar(self.status)
        self.region_bar = RegionBar(area)
        return Notices(area)

    def make_menus(self, submenus: Mapping[str, QMenu]) -> None:
        """Fill the menu bar; submenus: those that commands fill."""
        docks = QMenu(self.tr("Pan&els"), self)
        docks.addActions([dock.toggleViewAction() for dock in self.docks.values()])
        fill_menus(self.menuBar(), self.action, {**submenus, "docks": docks})

    def focus_order(self) -> Sequence[QWidget | None]:
        """The parts of the window that F6 goes through: the newest notice, the photo, the docks."""
        bars = self.notices.bars()
        notice = bars[-1].first if bars else None
        photo = self.photos.currentWidget()
        panels = {
            "versions": self.versions.tree, "quality": self.quality, "info": self.info, "restore": self.restore.task,
            "adjust": self.adjust.sliders["exposure"], "regions": self.regions.words, "chat": self.chat.composer,
        }  # fmt: skip
        # A panel behind another one's tab counts as visible in Qt, but nothing of it is on the screen.
        front = [widget for name, widget in panels.items() if not self.docks[name].visibleRegion().isEmpty()]
        return notice, photo, self.candidates.first, self.photos.strip, *front

    # size, position and docks

    def shape(self) -> str:
        """Size, position, docks, which of them are folded and whether adjust has its room, for restore_shape."""
        folded, room = ",".join(self.sides.folded()).encode(), b"room" if self._has_room else b""
        parts = (self.saveGeometry().data(), self.saveState().data(), folded, room)
        return " ".join(base64.b64encode(part).decode() for part in parts)

    def restore_shape(self, shape: str) -> None:
        """Restore the size, position and docks of the last run; the default if `shape` cannot be read."""
        # The default first: restoreState changes only what it knows.
        self.resize(QSize(1440, 900).boundedTo(self.screen().availableSize() - FRAME))
        docks, across, down = self.docks, Qt.Orientation.Horizontal, Qt.Orientation.Vertical
        self.resizeDocks([docks["versions"], docks["restore"]], [270, 310], across)
        self.resizeDocks([docks["versions"], docks["quality"]], [330, 440], down)
        self.resizeDocks([docks["restore"], docks["chat"]], [430, 320], down)
        try:
            # Separated by a space, which base64 never contains; older programs wrote fewer parts.
            geometry, state, *others = (base64.b64decode(part) for part in shape.split(" "))
        except (ValueError, binascii.Error):
            return
        self.restoreGeometry(QByteArray(geometry))
        self._has_room = True  # not while restoring
        self.restoreState(QByteArray(state))
        self.sides.fold(others[0].decode("ascii", "replace").split(",") if others else ())
        # Once the adjust panel was shown, the heights are those that the user chose.
        self._has_room = b"room" in others[1:]

    # title and status bar

    def show_photo(self, state: DocumentState | None) -> None:
        """The title and the status bar for the document that is shown."""
        version, card = (state.head_version, state.card) if state else (None, None)
        if version and card:
            self.status.show_photo(version.width, version.height, card.depth, card.profile)
        else:
            self.status.show_no_photo()
        if state is None:
            self.setWindowTitle(self.tr("Clarity Desktop"))
            return
        self.status.show_zoom(state.canvas.view.scale)
        zoom = percent(state.canvas.view.scale)
        if card is None:
            title = self.tr("{name} – {zoom} – Clarity Desktop").format(name=state.shown_title, zoom=zoom)
        else:
            title = self.tr("{name} – {zoom} (RGB, {depth}-bit, {profile}) – Clarity Desktop").format(
                name=state.shown_title, zoom=zoom, depth=card.depth, profile=card.profile
            )
        self.setWindowTitle(title)

    def event(self, event: QEvent) -> bool:
        # Tips of actions take the place of a job: it would lie over them, or its Cancel would be gone.
        if event.type() == QEvent.Type.StatusTip and self.status.job.isVisible():
            return True
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.photos.strip.set_small(event.size().height() < LOW)
        self.sides.fit_width(event.size().width())

    def _toggle_full_screen(self) -> None:
        self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        self.action["full_screen"].setChecked(self.isFullScreen())

    def _focus_chat(self) -> None:
        self.sides.reveal("chat")
        self.chat.focus()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            # Emitted from the event loop, after the paint event has ended and the window is on the screen.
            QTimer.singleShot(0, self.painted.emit)
