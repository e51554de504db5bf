"""Files: open photos and projects, save projects, close documents. Folders are read in the file thread."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QObject, QStandardPaths, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox
from shiboken6 import isValid

from clarity_desktop.messages import Close, Open, OpenPixels, ReadThumbnail, SaveProject
from clarity_desktop.ui.dialogs.unsaved_work import UnsavedDialog
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.notices import Bar
from clarity_desktop.ui.panels import RECENT_SHOWN, EmptyPage
from clarity_desktop.ui.pixels import to_image, to_pixels
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import READABLE, WEIGHTS_SUFFIXES, DocumentCard, Manifest

log = logging.getLogger(__name__)
Then = Callable[[DocumentState], object]
PROJECT = ".clarity"
MAX_RECENT = 15
MAX_FROM_FOLDER = 500
"""Photos of a folder in the film strip."""
MAX_AT_ONCE = 4
"""Of more photos than this the first is opened, and each other one when it is shown: opening decodes and analyzes."""
ADDED_AT_ONCE = 8
"""Photos that are added to the film strip without a pause."""
PAUSE_SECONDS = 0.25
"""How long a waiting photo is shown before it is opened: walking through the strip opens only where one stops."""


class FileCommands(QObject):
    """Connects the File menu, drops and the empty page with requests."""

    restoration_wanted = Signal()  # of the sample, in the first run
    model_dropped = Signal(object)  # Path: a weights file

    def __init__(self, session: Session, empty_page: EmptyPage) -> None:
        super().__init__(session)
        self._session, self._empty_page = session, empty_page
        self._bitmaps = 0
        self._welcome: Bar | None = None
        self._quit_dialog: UnsavedDialog | None = None
        self._thumbnails_wanted: list[DocumentState] = []  # thumbnails still to be read
        self._thumbnails_asked: WeakSet[DocumentState] = WeakSet()
        self._reading_thumbnail = False
        self._pause = QTimer(self, singleShot=True, interval=round(1000 * PAUSE_SECONDS))
        self._pause.timeout.connect(self._open_shown)
        self.samples_menu = self._make_samples_menu()
        self.recent_menu = QMenu(self.tr("Open &recent"))
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        on = session.actions.on
        on("open", self._choose_files)
        on("open_folder", self._choose_folder)
        on("save", self._save)
        on("save_as", self._save_as)
        on("close", self._close_current)
        empty_page.open_asked.connect(self._choose_files)
        empty_page.sample_button.setMenu(self.samples_menu)
        empty_page.sample_button.setEnabled(bool(session.samples))
        empty_page.recent_asked.connect(self._open_names)

    # open

    def open_paths(self, paths: Iterable[Path], earlier: DocumentState | None = None) -> list[DocumentState]:
        """Open photos and projects; one that is open already is shown instead. Returns those opened or shown at once.

        earlier: the document whose conversation goes on with them.
        """
        # Opening a photo twice would make two documents of it.
        known = {path: s for s in self._session.documents for path in (s.project, s.path) if path}
        new: list[Path] = []
        shown: list[DocumentState] = []
        for path in dict.fromkeys(paths):
            if (state := known.get(path)) is not None:
                self._session.select(state)
                shown.append(state)
            else:
                new.append(path)
        at_once = len(new) if len(new) <= MAX_AT_ONCE else 1
        for path in new[:at_once]:
            state = self._session.add_document(path.name, path)
            state.earlier = earlier.id if earlier else None
            self._open(state, path)
            shown.append(state)
        if new[at_once:]:
            self._session.spawn(self._add_waiting(new[at_once:], earlier))
        return shown

    async def _add_waiting(self, paths: Sequence[Path], earlier: DocumentState | None) -> None:
        """Add photos to the film strip, a few at a time: a canvas takes a millisecond, and there may be thousands."""
        for number, path in enumerate(paths):
            if number % ADDED_AT_ONCE == 0:
                await asyncio.sleep(0)
            state = self._session.add_document(path.name, path, show=False)
            state.waits, state.earlier = True, earlier.id if earlier else None

    def open_waiting(self) -> None:
        """Open the shown photo if it waits for that, once the user has stopped at it."""
        state = self._session.current
        if state and state.waits:
            self._pause.start()

    def open_now(self, state: DocumentState) -> None:
        """Open a photo that waits until it is shown, whether it is shown or not."""
        if state.waits and state.path:
            state.waits = False
            self._open(state, state.path)

    def read_thumbnail(self, state: DocumentState) -> None:
        """Read a thumbnail of a photo that waits, those that came into view last first."""
        if state.waits and state.path and state.path.suffix.lower() != PROJECT and state not in self._thumbnails_asked:
            self._thumbnails_asked.add(state)
            self._thumbnails_wanted.append(state)
            if len(self._thumbnails_wanted) == 1 and not self._reading_thumbnail:
                self._read_next_thumbnail()

    def show_thumbnail(self, path: Path, thumbnail: NDArray[np.uint8]) -> None:
        """A thumbnail was read: H×W×3 uint8 RGB."""
        for state in self._session.documents:
            if state.path == path:
                state.thumbnail = to_image(thumbnail)

    def open_dropped(
        self, paths: Sequence[Path], earlier: DocumentState | None = None, then: Then | None = None
    ) -> None:  # fmt: skip
        """Open files, and the photos in folders. earlier: as in open_paths. then: called with the first one's place.

        A weights file is offered for import instead.
        """
        for path in paths:
            if path.suffix.lower() in WEIGHTS_SUFFIXES:
                self.model_dropped.emit(path)
        paths = [path for path in paths if path.suffix.lower() not in WEIGHTS_SUFFIXES]
        if not paths:
            return
        self._session.spawn(self._open_found(tuple(paths), earlier, then))

    def open_mime_data(self, data: QMimeData, title: str = "") -> bool:
        """Open dropped or pasted files, else the picture: browsers send an address with each picture.

        title: of a picture, with the field {number}. False: there was neither.
        """
        files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
        image = data.imageData()
        if files:
            self.open_dropped(files)
        elif isinstance(image, QImage) and not image.isNull():
            self.open_image(image, title)
        return bool(files) or image is not None

    def open_image(
        self, image: QImage, title: str = "", earlier: DocumentState | None = None, then: Then | None = None
    ) -> None:  # fmt: skip
        """Open a picture that has no file. earlier, then: as in open_dropped."""
        self._bitmaps += 1
        title = title or self.tr("Dropped picture {number}")
        self._session.spawn(self._open_bitmap(image, title.format(number=self._bitmaps), earlier, then))

    def open_first(self, paths: Iterable[Path]) -> None:
        """The first run: open the sample and offer to restore it with one click."""
        self.open_paths(paths)
        self._welcome = self._session.notify(
            self.tr("Welcome! This photo shows rain. Remove it with one click; Ctrl+Z undoes it."),
            "offer",
            ((self.tr("Remove rain"), self.restoration_wanted.emit),),
            document=self._session.current,
        )

    def remove_welcome(self) -> None:
        """The first restoration has begun."""
        if self._welcome is not None and self._session.notice_is_shown(self._welcome):
            self._welcome.close_later()
        self._welcome = None

    def show_opened(self, pending: PendingRequest, card: DocumentCard, manifest: Manifest) -> None:
        """A document is open: show it in the place that was added for it."""
        state = pending.state if self._session.is_open(pending.state) else None
        if state is None and pending.state is not None:
            self._session.ask(Close(card.id))  # it was closed while it was being opened
            return
        state = pending.state = state or self._session.add_document(card.title, card.path)
        state.open(card, manifest)
        self._remember(state.project or state.path)
        for note in card.notes:
            self._session.notify(render(note), document=state)
        self._session.document_changed.emit(state)

    def _open(self, state: DocumentState, path: Path) -> None:
        self._session.ask(Open(path, state.earlier), state, self.tr("Opening {name}…").format(name=path.name))

    def _open_shown(self) -> None:
        if state := self._session.current:
            self.open_now(state)

    def _read_next_thumbnail(self) -> None:
        """One after the other: opening a photo must not wait behind a hundred thumbnails."""
        self._reading_thumbnail = False
        while self._thumbnails_wanted:
            state = self._thumbnails_wanted.pop()
            if state.waits and state.path and self._session.is_open(state):
                self._reading_thumbnail = True
                self._session.ask(ReadThumbnail(state.path))
                return

    def finish_thumbnail(self, pending: PendingRequest) -> None:
        """A request ended, however: if it read a thumbnail, read the next one."""
        if isinstance(pending.request, ReadThumbnail):
            self._read_next_thumbnail()

    def _remember(self, path: Path | None) -> None:
        """Put a path first in the list of recent files; saved at once, so that a crash does not lose it."""
        if path and path not in self._session.samples:
            # Moved to the front instead of added twice.
            others = [p for p in self._session.settings.recent if p != str(path)]
            self._session.change_settings(recent=(str(path), *others)[:MAX_RECENT])

    async def _open_found(self, paths: tuple[Path, ...], earlier: DocumentState | None, then: Then | None) -> None:
        found, total, unreadable = await self._session.in_file_thread(find_photos, paths)
        if unreadable:
            text = self.tr("The folder {folder} cannot be read. Check its permissions.")
            self._session.notify(text.format(folder=unreadable[0]), "error")
        elif not found:
            self._session.notify(self.tr("No photos found in the dropped files."), seconds=8)
        if total:
            text = self.tr("Opening the first {count} of {total} photos. Open the others from their folder.")
            self._session.notify(text.format(count=len(found), total=total))
        shown = self.open_paths(found, earlier)
        if shown and then is not None:
            then(shown[0])

    async def _open_bitmap(
        self, image: QImage, title: str, earlier: DocumentState | None, then: Then | None
    ) -> None:  # fmt: skip
        pixels, alpha = await self._session.in_file_thread(to_pixels, image)
        state = self._session.add_document(title, None)
        request = OpenPixels(pixels, alpha, title, earlier.id if earlier else None)
        self._session.ask(request, state, self.tr("Opening {name}…").format(name=title))
        if then is not None:
            then(state)

    def _choose_files(self) -> None:
        self.choose_files(self.open_paths)

    def choose_files(self, use: Callable[[Sequence[Path]], object]) -> None:
        """Let the user choose photos and projects. use: called with them."""
        # In both cases: some file dialogs tell them apart, and cameras write capitals.
        patterns = " ".join(f"*{suffix} *{suffix.upper()}" for suffix in (*READABLE, PROJECT))
        name_filter = self.tr("Photos and projects ({patterns})").format(patterns=patterns)
        dialog = self._dialog(self.tr("Open photos"), QFileDialog.FileMode.ExistingFiles, name_filter)
        dialog.filesSelected.connect(partial(_use_names, use))
        # open() instead of exec(): a nested event loop would block the asyncio tasks of qasync.
        dialog.open()

    def _choose_folder(self) -> None:
        dialog = self._dialog(self.tr("Open all photos of a folder"), QFileDialog.FileMode.Directory, "")
        dialog.fileSelected.connect(self._open_folder)
        dialog.open()

    def _open_names(self, names: str | list[str]) -> None:
        self.open_paths(Path(name) for name in ([names] if isinstance(names, str) else names))

    def _open_folder(self, name: str) -> None:
        self.open_dropped((Path(name),))

    def _dialog(self, title: str, mode: QFileDialog.FileMode, name_filter: str) -> QFileDialog:
        state = self._session.current
        start = state.path.parent if state and state.path else Path.home()
        dialog = QFileDialog(self._session.dialog_parent, title, str(start))
        dialog.setOption(QFileDialog.Option.HideNameFilterDetails)
        if name_filter:
            dialog.setNameFilter(name_filter)
        dialog.setFileMode(mode)
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    # samples and recent files

    def _make_samples_menu(self) -> QMenu:
        """An entry for each sample photo, named by what is wrong with it."""
        titles = {
            "rain": self.tr("Rain"), "haze": self.tr("Haze"), "snow": self.tr("Snow"),
            "jpeg": self.tr("JPEG artifacts"), "noise": self.tr("Noise"), "blur": self.tr("Blur"),
            "dark": self.tr("Low light"),
            "watermark": self.tr("Watermark"), "scratches": self.tr("Scratches"),
        }  # fmt: skip
        menu = QMenu(self.tr("Open a sa&mple photo"))
        for path in self._session.samples:
            entry = menu.addAction(titles.get(path.stem, path.stem))
            entry.triggered.connect(lambda _=False, path=path: self.open_paths((path,)))
        menu.setEnabled(bool(self._session.samples))
        return menu

    def check_recent(self) -> None:
        """Gray out the recent files on the empty page that are not there any more."""

        async def disable_missing() -> None:
            for text in self._session.settings.recent[:RECENT_SHOWN]:
                if not await self._session.in_file_thread(os.path.exists, text):  # Path.exists may raise
                    self._empty_page.disable_recent(text)

        self._session.spawn(disable_missing())

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        entries = {}
        for text in self._session.settings.recent:
            path = Path(text)
            action = entries[path] = self.recent_menu.addAction(f"{path.name} – {path.parent}".replace("&", "&&"))
            action.triggered.connect(lambda _=False, path=path: self.open_paths((path,)))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction(self.tr("&Clear list"))
        clear.setEnabled(bool(entries))
        clear.triggered.connect(lambda: self._session.change_settings(recent=()))

        async def disable_missing() -> None:
            for path, action in entries.items():
                # In the file thread: a path on a sleeping network disk may take seconds.
                exists = await self._session.in_file_thread(os.path.exists, path)  # Path.exists may raise
                if isValid(action):  # else the menu was filled again
                    action.setEnabled(exists)

        self._session.spawn(disable_missing())

    # save

    def _save(self, then: Callable[[], object] | None = None) -> None:
        state = self._session.current
        if state and state.project:
            self.save_to(state, then, state.project)
        else:
            self._save_as(then)

    def _save_as(self, then: Callable[[], object] | None = None) -> None:
        if (state := self._session.current) is None or state.id is None:
            return
        name_filter = self.tr("Clarity projects ({pattern})").format(pattern=f"*{PROJECT}")
        dialog = self._dialog(self.tr("Save project"), QFileDialog.FileMode.AnyFile, name_filter)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(PROJECT)
        dialog.selectFile(f"{Path(state.title).stem}{PROJECT}")
        dialog.fileSelected.connect(partial(self.save_to, state, then))
        dialog.open()

    def save_to(self, state: DocumentState, then: Callable[[], object] | None, name: str | Path) -> None:
        """Save the project to a file. then: called when it is saved."""
        path = Path(name)
        if state.id:
            title = self.tr("Saving {name}…").format(name=path.name)
            self._session.ask(SaveProject(state.id, path), state, title, then)

    def show_saved(self, state: DocumentState | None, path: Path) -> None:
        """Report a saved project and add it to the recent files."""
        self._session.notify(self.tr("Saved {name}.").format(name=path.name), document=state, seconds=4)
        self._remember(path)

    # close

    def close(self, state: DocumentState) -> None:
        """Close a document; ask first if it has unsaved work."""
        if state.unsaved:
            self._session.select(state)
            self._ask_before_closing(state)
        else:
            self._close_now(state)

    def _close_current(self) -> None:
        if state := self._session.current:
            self.close(state)

    def _ask_before_closing(self, state: DocumentState) -> None:
        box = QMessageBox(self._session.dialog_parent)
        box.setWindowTitle(self.tr("Close"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        if state.project:
            text = self.tr("“{title}” has changes that are not saved in its project.")
        else:
            text = self.tr("“{title}” has versions that are not saved as a project.")
        box.setText(text.format(title=state.title))
        box.setInformativeText(
            self.tr("If you discard them, you can reopen them for a while with File > Reopen a closed document.")
        )
        save = box.addButton(self.tr("Save project"), QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton(self.tr("Discard"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(self.tr("Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        save.clicked.connect(lambda: self._save(lambda: self._close_now(state)))
        discard.clicked.connect(lambda: self._close_now(state))
        box.finished.connect(box.deleteLater)
        box.open()

    def _close_now(self, state: DocumentState) -> None:
        if self._session.is_open(state):
            self._session.remove_document(state)
            self._session.spawn(self._close_document(state))

    # quit

    def ask_before_quitting(self, quit_now: Callable[[Collection[DocumentState]], None]) -> None:
        """Ask once about all unsaved work. quit_now: called with what is discarded, once the rest is saved."""
        if self._quit_dialog is None:
            self._session.spawn(self._ask_before_quitting(quit_now))

    async def _ask_before_quitting(self, quit_now: Callable[[Collection[DocumentState]], None]) -> None:
        unsaved = [state for state in self._session.documents if state.unsaved and state.id]
        wanted = {state: state.project or self._project_folder(state) / Path(state.title).stem for state in unsaved}
        targets = await self._session.in_file_thread(free_targets, wanted)
        if self._quit_dialog is not None:  # pressed twice
            return
        self._quit_dialog = dialog = UnsavedDialog(self._session.dialog_parent, targets)
        dialog.finished.connect(self._forget_quit_dialog)

        def confirm(chosen: Collection[DocumentState]) -> None:
            discarded, left = [s for s in unsaved if s not in chosen], set(chosen)

            def saved(state: DocumentState) -> None:
                left.discard(state)
                if not left:
                    quit_now(discarded)

            for state in chosen:
                self.save_to(state, partial(saved, state), targets[state])
            if not chosen:
                quit_now(discarded)

        dialog.confirmed.connect(confirm)
        dialog.open()

    def _forget_quit_dialog(self) -> None:
        self._quit_dialog = None

    def _project_folder(self, state: DocumentState) -> Path:
        """The folder of the photo; samples lie in the installation, where nothing should be written."""
        if state.path and state.path not in self._session.samples:
            return state.path.parent
        return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation) or Path.home())

    async def _close_document(self, state: DocumentState) -> None:
        """End the document's requests, then close it in the backend."""
        await self._session.requests.stop(state)
        if state.id:
            self._session.ask(Close(state.id))


def _use_names(use: Callable[[Sequence[Path]], object], names: Sequence[str]) -> None:
    use([Path(name) for name in names])


def find_photos(paths: Iterable[Path]) -> tuple[list[Path], int, list[Path]]:
    """The files to open: those named, and the photos inside named folders; and how many there are if that is more.

    Last the folders that cannot be read.
    """
    found: list[Path] = []
    unreadable: list[Path] = []
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 — Path.is_dir raises for a folder that may not be entered
            found.append(path)
            continue
        try:
            inside = [p for p in path.iterdir() if p.suffix.lower() in (*READABLE, PROJECT) and p.is_file()]
            found += sorted(inside, key=lambda p: p.name.casefold())
        except OSError as e:
            log.warning("A folder cannot be read: %s", e)
            unreadable.append(path)
    return found[:MAX_FROM_FOLDER], len(found) if len(found) > MAX_FROM_FOLDER else 0, unreadable


def free_targets(wanted: Mapping[DocumentState, Path]) -> dict[DocumentState, Path]:
    """A project file for each document: its own, or (without a suffix) a name that no file has and no other takes."""
    found: dict[DocumentState, Path] = {}
    for state, named in wanted.items():
        # A folder that is gone, or that this system does not have.
        path = named if state.project or named.parent.is_dir() else Path.home() / named.name
        target, number = path.with_name(path.name.removesuffix(PROJECT) + PROJECT), 2
        while state.project is None and (target in found.values() or target.exists()):
            target, number = path.with_name(f"{path.name} ({number}){PROJECT}"), number + 1
        found[state] = target
    return found


def show_folder(path: Path) -> None:
    """Open the file manager where a file is."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
