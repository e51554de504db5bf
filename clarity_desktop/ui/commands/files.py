"""Photos in and out: open, drop, paste, recover, save, export and close. Folders are read off the UI thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QMimeData, QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox

from clarity_desktop.messages import (
    Close,
    DiscardRecovery,
    DiskMeasured,
    FindClosed,
    Open,
    OpenPixels,
    PreviewReady,
    Prune,
    ReadPixels,
    Recover,
    SaveProject,
)
from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import clock, count
from clarity_desktop.ui.notices import Bar
from clarity_desktop.ui.pixels import to_image, to_picture, to_pixels
from clarity_desktop.values import DocumentCard, Manifest, Pixels, Recovery

if TYPE_CHECKING:
    from clarity_desktop.ui.main_window import MainWindow
    from clarity_desktop.ui.requests import PendingRequest

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif")
PROJECT = ".clarity"
RECENT = 15
MOST_AT_ONCE = 24
"""Photos of a dropped folder that are opened without being asked for one by one."""
Found = tuple[list[Path], int]


class FileCommands(QObject):
    """Connects the File menu, drops and the clipboard with requests."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._recoveries: list[Recovery] = []
        self._bitmaps = 0
        self._welcome: Bar | None = None
        self.recent_menu = QMenu("Open &recent", window)
        self.recent_menu.aboutToShow.connect(self._fill_recent)
        on = window.action.on
        on("open", self._choose_files)
        on("open_folder", self._choose_folder)
        on("open_sample", self.open_sample)
        on("reopen", lambda: window.ask(FindClosed()))
        on("save", self._save)
        on("save_as", self._save_as)
        on("close", self._close_current)
        on("copy", self._copy)
        on("paste", self._paste)
        window.photos.empty.open_asked.connect(self._choose_files)
        window.photos.empty.sample_asked.connect(self.open_sample)
        window.photos.empty.recent_asked.connect(self._open_names)

    # open

    def open_paths(self, paths: Iterable[Path]) -> None:
        """Open photos and projects; one that is open already is shown instead."""
        for path in paths:
            if (view := self._open_already(path)) is not None:
                self._window.photos.select(view)
            else:
                view = self._window.add_view(path.name, path)
                self._window.ask(Open(path), view, f"Opening {path.name}")

    def open_dropped(self, paths: Sequence[Path]) -> None:
        """Files, and the photos of folders."""
        self._window.asking.spawn(self._open_found(tuple(paths)))

    def take(self, offered: QMimeData, name: str = "Dropped picture") -> bool:
        """Open what is offered: files first, as browsers send an address with each picture. False: neither is there."""
        files = [Path(url.toLocalFile()) for url in offered.urls() if url.isLocalFile()]
        image = offered.imageData()
        if files:
            self.open_dropped(files)
        elif isinstance(image, QImage) and not image.isNull():
            self._bitmaps += 1
            self.open_image(image, f"{name} {self._bitmaps}")
        return bool(files) or image is not None

    def open_image(self, image: QImage, name: str = "Dropped picture") -> None:
        """A bitmap without a file."""
        self._window.asking.spawn(self._open_bitmap(image, name))

    def open_sample(self) -> None:
        if self._window.samples:
            self.open_paths(self._window.samples[:1])
        else:
            self._window.notices.say("The sample photo is missing from this installation.", "error")

    def open_first(self, paths: Iterable[Path]) -> None:
        """The first run: open the sample and offer its restoration, one click away."""
        self._welcome = self._window.notices.say(
            "Welcome. This photo has rain in it; one click takes it out, and Ctrl+Z brings it back.",
            "offer",
            (("Remove the rain", lambda: self._window.restoring.run("derain")),),
        )
        self.open_paths(paths)

    def welcomed(self) -> None:
        """The first restoration has begun: its invitation goes."""
        if self._welcome is not None and self._welcome in self._window.notices.bars():
            self._welcome.close_later()
        self._welcome = None

    def previewed(self, follow: PendingRequest, news: PreviewReady) -> None:
        """A photo can be looked at before its document exists."""
        if (view := self._window.open_view(follow)) and not view.card:
            view.canvas.show_preview(news.width, news.height, news.pixels, news.icc)
            self._window.status.show_zoom(view.canvas.view.scale)

    def came(self, follow: PendingRequest, card: DocumentCard, manifest: Manifest) -> None:
        """A document has come: show it in the place that waits for it."""
        window = self._window
        view = window.open_view(follow)
        if view is None and follow.view is not None:
            window.ask(Close(card.id))  # its tab was closed while it was being opened
            return
        view = follow.view = view or window.add_view(card.title, card.path)
        view.opened(card, manifest)
        self._remember(view)
        for note in card.notes:
            window.notices.say(f"{card.title}: {note}")
        window.perceiving.complete(view)
        if view is window.current:
            window.photo_chosen()

    def _remember(self, view: DocumentState) -> None:
        if (path := view.project or view.path) and path not in self._window.samples:
            known = [str(path)] + [p for p in self._window.settings.recent if p != str(path)]
            self._window.change_settings(recent=tuple(known[:RECENT]))
            self._window.save_settings()  # a crash does not forget what was open

    # disk

    def disk_measured(self, news: DiskMeasured) -> None:
        """More than the user allows: offer to erase what was closed longest ago. Nothing goes unasked."""
        if not news.over:
            return
        self._window.notices.say(
            f"Documents take {news.used / 1e9:.1f} GB, more than the {news.budget / 1e9:.0f} GB you allow. "
            f"{count(len(news.over), 'closed document', 'closed documents')} could be erased for good.",
            "offer",
            (("Erase them", lambda: self._prune(news)), ("Keep everything", lambda: None)),
        )

    def _prune(self, news: DiskMeasured) -> None:
        self._window.ask(Prune(news.over), None, "Erasing closed documents")

    def _open_already(self, path: Path) -> DocumentState | None:
        return next((v for v in self._window.photos.views if path in (v.project or v.path, v.path)), None)

    async def _open_found(self, paths: tuple[Path, ...]) -> None:
        loop = asyncio.get_running_loop()
        found, left = await loop.run_in_executor(self._window.file_thread, photos_of, paths)
        if not found:
            self._window.notices.say("There is no photo in what was dropped.", seconds=8)
        if left:
            total = count(len(found) + left, "photo", "photos")
            self._window.notices.say(f"The first {len(found)} of {total} are opened; open the others from the folder.")
        self.open_paths(found)

    async def _open_bitmap(self, image: QImage, name: str) -> None:
        loop = asyncio.get_running_loop()
        pixels, alpha = await loop.run_in_executor(self._window.file_thread, to_pixels, image)
        view = self._window.add_view(name, None)
        self._window.ask(OpenPixels(pixels, alpha, name), view, f"Opening {name}")

    def _choose_files(self) -> None:
        known = " ".join(f"*{suffix}" for suffix in (*SUFFIXES, PROJECT))
        dialog = self._dialog("Open photos", QFileDialog.FileMode.ExistingFiles, f"Photos and projects ({known})")
        dialog.filesSelected.connect(self._open_names)
        dialog.open()

    def _choose_folder(self) -> None:
        dialog = self._dialog("Open all photos of a folder", QFileDialog.FileMode.Directory, "")
        dialog.fileSelected.connect(self._open_folder)
        dialog.open()

    def _open_names(self, names: str | list[str]) -> None:
        self.open_paths(Path(name) for name in ([names] if isinstance(names, str) else names))

    def _open_folder(self, name: str) -> None:
        self.open_dropped((Path(name),))

    def _dialog(self, title: str, mode: QFileDialog.FileMode, name_filter: str) -> QFileDialog:
        view = self._window.current
        start = view.path.parent if view and view.path else Path.home()
        dialog = QFileDialog(self._window, title, str(start), name_filter)
        dialog.setFileMode(mode)
        dialog.finished.connect(dialog.deleteLater)
        return dialog

    # recent

    def _fill_recent(self) -> None:
        self.recent_menu.clear()
        entries = {}
        for text in self._window.settings.recent:
            path = Path(text)
            action = entries[path] = self.recent_menu.addAction(f"{path.name} – {path.parent}".replace("&", "&&"))
            action.triggered.connect(lambda _=False, path=path: self.open_paths((path,)))
        self.recent_menu.addSeparator()
        clear = self.recent_menu.addAction("&Clear the list")
        clear.setEnabled(bool(entries))
        clear.triggered.connect(lambda: self._window.change_settings(recent=()))

        async def grey_out_missing() -> None:
            loop = asyncio.get_running_loop()
            for path, action in entries.items():
                action.setEnabled(await loop.run_in_executor(self._window.file_thread, path.exists))

        self._window.asking.spawn(grey_out_missing())

    # what an earlier run left

    def show_recoveries(self, recoveries: Sequence[Recovery]) -> None:
        self._recoveries = list(recoveries)
        self._offer_next()

    def _offer_next(self) -> None:
        if not self._recoveries:
            return
        found, more = self._recoveries.pop(0), len(self._recoveries)
        others = f" ({more} more)" if more else ""
        left = (
            f"has unsaved work: {count(found.versions, 'version', 'versions')}"
            if found.versions > 1
            else "was left open without a new version; its conversation is still there"
        )

        def answer(request: Recover | DiscardRecovery | None) -> None:
            if request is not None:
                self._window.ask(request, None, f"Recovering {found.title}" if isinstance(request, Recover) else "")
            self._offer_next()

        self._window.notices.say(
            f"“{found.title}” from {clock(found.time)} {left}.{others}",
            "offer",
            (
                ("Recover", lambda: answer(Recover(found.store))),
                ("Later", lambda: answer(None)),
                ("Set aside", lambda: answer(DiscardRecovery(found.store))),
            ),
            to_image(found.thumbnail),
        )

    def show_closed(self, closed: Sequence[Recovery]) -> None:
        """What was closed without being saved, to be opened again."""
        if not closed:
            self._window.notices.say("Nothing was closed without being saved.", seconds=6)
            return
        dialog = ClosedDialog(self._window, closed)
        dialog.opened.connect(self._reopen)
        dialog.open()

    def _reopen(self, found: Recovery) -> None:
        self._window.ask(Recover(found.store), None, f"Opening {found.title}")

    # clipboard

    def _paste(self) -> None:
        if not self.take(QGuiApplication.clipboard().mimeData(), "Pasted picture"):
            self._window.notices.say("The clipboard holds no picture.", seconds=6)

    def _copy(self) -> None:
        if (view := self._window.current) and view.id and view.head:
            self._window.ask(ReadPixels(view.id, view.head), view, "Copying")

    def copy_pixels(self, pixels: Pixels, alpha: NDArray[np.uint8] | None) -> None:
        """The pixels for the clipboard have come."""
        self._window.asking.spawn(self._put_into_clipboard(pixels, alpha))

    async def _put_into_clipboard(self, pixels: Pixels, alpha: NDArray[np.uint8] | None) -> None:
        loop = asyncio.get_running_loop()
        image = await loop.run_in_executor(self._window.file_thread, to_picture, pixels, alpha)
        QGuiApplication.clipboard().setImage(image)
        self._window.notices.say("The picture is in the clipboard.", seconds=4)

    # save

    def _save(self, then: Callable[[], object] | None = None) -> None:
        view = self._window.current
        if view and view.project:
            self.save_to(view, then, view.project)
        else:
            self._save_as(then)

    def _save_as(self, then: Callable[[], object] | None = None) -> None:
        if (view := self._window.current) is None or view.id is None:
            return
        dialog = self._dialog("Save the project", QFileDialog.FileMode.AnyFile, f"Clarity projects (*{PROJECT})")
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(PROJECT)
        dialog.selectFile(f"{Path(view.title).stem}{PROJECT}")
        dialog.fileSelected.connect(partial(self.save_to, view, then))
        dialog.open()

    def save_to(self, view: DocumentState, then: Callable[[], object] | None, name: str | Path) -> None:
        path = Path(name)
        if view.id:
            self._window.ask(SaveProject(view.id, path), view, f"Saving {path.name}", then)

    def saved(self, path: Path) -> None:
        self._window.notices.say(f"Saved {path.name}.", seconds=4)
        known = [str(path)] + [p for p in self._window.settings.recent if p != str(path)]
        self._window.change_settings(recent=tuple(known[:RECENT]))

    # close

    def _close_current(self) -> None:
        if view := self._window.current:
            self.close(view)

    def close(self, view: DocumentState) -> None:
        """Close a photo; unsaved work is asked about."""
        if not view.unsaved:
            self._close_now(view)
            return
        self._window.photos.select(view)
        box = QMessageBox(self._window)
        box.setWindowTitle("Close")
        box.setTextFormat(Qt.TextFormat.PlainText)
        work = "changes that are not saved in its" if view.project else "versions that are not saved as a"
        box.setText(f"“{view.title}” has {work} project.")
        box.setInformativeText("Discarded, it is kept for a while: File, Reopen a closed document.")
        save = box.addButton("Save project", QMessageBox.ButtonRole.AcceptRole)
        discard = box.addButton("Discard", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(save)
        save.clicked.connect(lambda: self._save(lambda: self._close_now(view)))
        discard.clicked.connect(lambda: self._close_now(view))
        box.finished.connect(box.deleteLater)
        box.open()

    def _close_now(self, view: DocumentState) -> None:
        if view in self._window.photos.views:
            self._window.photos.remove(view)
            self._window.asking.spawn(self._close_document(view))

    async def _close_document(self, view: DocumentState) -> None:
        """First end what runs for the document, then close it."""
        await self._window.asking.stop(view)
        if view.id:
            self._window.ask(Close(view.id))


def photos_of(paths: Iterable[Path]) -> Found:
    """The files to open: those named, and the photos inside named folders; then how many more there were."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.iterdir() if p.suffix.lower() in (*SUFFIXES, PROJECT) and p.is_file())
            found += sorted(inside, key=lambda p: p.name.casefold())
        else:
            found.append(path)
    return found[:MOST_AT_ONCE], max(0, len(found) - MOST_AT_ONCE)


def show_folder(path: Path) -> None:
    """Open the file browser where a file is."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(path.parent)))
