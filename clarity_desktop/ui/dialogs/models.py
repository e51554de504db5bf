"""The models (weights of the methods): which are installed and which are in memory.

Buttons download, import, remove and unload them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.form_fields import DropDown, muted_label
from clarity_desktop.ui.labels import device_title, duration, file_size, percent, task_title
from clarity_desktop.values import TASKS, LoadedModel, MethodCard, ModelCard, Task, licence_limit

MODEL = Qt.ItemDataRole.UserRole
ROW = 26
SLOW = 30.0
"""Seconds per megapixel from which a GPU is recommended: a photo of 12 megapixels takes over five minutes."""
STATE = 1
"""The column of the state."""
WIDEST_TITLE = 300
"""Pixels; longer titles are elided, so that the licenses stay readable."""


class ModelsDialog(QDialog):
    """Shows the catalog, the downloads and the loaded models; emits what to do with a model."""

    fetch_asked = Signal(str)
    fetch_all_asked = Signal()
    cancel_asked = Signal(str)
    cancel_all_asked = Signal()
    import_asked = Signal(object)  # Path
    remove_asked = Signal(str)
    unload_asked = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Models"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(760, 560)
        self.total = QLabel()
        self.total.setProperty("role", "muted")
        self.list = self._make_list()
        self._models: tuple[ModelCard, ...] = ()
        self._methods: tuple[MethodCard, ...] = ()
        self.search, self.task = QLineEdit(), DropDown(self.tr("Task"))
        self.search.setPlaceholderText(self.tr("Filter by name, architecture or license"))
        self.search.setAccessibleName(self.tr("Filter models"))
        self.search.setClearButtonEnabled(True)
        self.task.addItem(self.tr("All tasks"), None)
        self.free = muted_label()
        self.free.hide()
        self.nothing = muted_label(self.tr("No model fits the filter."))
        self.nothing.hide()
        self.details = QLabel()
        self.details.setTextFormat(Qt.TextFormat.PlainText)
        self.details.setWordWrap(True)
        self.details.setAccessibleName(self.tr("About the chosen model"))
        self.details.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._downloads: Mapping[str, float | None] = {}
        self.fetch, self.remove = QPushButton(self.tr("Download")), QPushButton(self.tr("Remove…"))
        self.fetch_all = QPushButton()
        self.by_file, self.by_folder = QPushButton(self.tr("Import file…")), QPushButton(self.tr("Import folder…"))
        self.loaded_title, self.loaded, self.unload = QLabel(), self._make_loaded_list(), QPushButton(self.tr("Unload"))
        self.loaded_title.setProperty("role", "muted")
        self.unload.setToolTip(self.tr("Free the memory; the model is loaded again when it is needed"))
        self.close_button = QPushButton(self.tr("Close"))
        self.fetch.setProperty("role", "primary")
        self._lay_out()
        self._connect()
        self.show_loaded(())

    def show_methods(self, methods: tuple[MethodCard, ...]) -> None:
        """What the models are for."""
        self._methods = methods
        offered = {task for card in methods if card.weights for task in card.tasks}
        chosen = self.task.currentData()
        self.task.blockSignals(True)  # refilling is not a choice of the user
        self.task.clear()
        self.task.addItem(self.tr("All tasks"), None)
        for task in TASKS:
            if task in offered:
                self.task.addItem(task_title(task), task)
        self.task.setCurrentIndex(max(0, self.task.findData(chosen)))
        self.task.blockSignals(False)
        self._filter()

    def show_models(self, models: tuple[ModelCard, ...], free: int | None = None) -> None:
        """The whole catalog. free: bytes left on the disk, None if that is not known."""
        self._models = models
        changed = self.list.topLevelItemCount() != len(models)
        if changed:
            self.list.clear()
            self.list.addTopLevelItems([QTreeWidgetItem() for _ in models])
        # In place: each download that ends shows the catalog again, and the list must stay where the user scrolled it.
        for k, model in enumerate(models):
            if (item := self.list.topLevelItem(k)) is not None:
                self._show_model(item, model)
        if changed:  # the user may have changed the width since
            self.list.setColumnWidth(0, min(self.list.sizeHintForColumn(0), WIDEST_TITLE))
        if self.list.currentItem() is None and (first := self.list.topLevelItem(0)):
            self.list.setCurrentItem(first)
        installed = [m for m in models if m.state == "ready"]
        self.total.setText(
            self.tr(
                "{installed} of %n model(s) installed ({size}). Nothing is downloaded unless you ask for it.",
                "",
                len(models),
            ).format(installed=len(installed), size=file_size(sum(m.size for m in installed)))
        )
        self.free.setText("" if free is None else self.tr("{size} free on the disk").format(size=file_size(free)))
        self.free.setVisible(free is not None)
        self._show_states()
        self._filter()

    def choose(self, model: str) -> None:
        """Make the row of a model the current one."""
        for k in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(k)
            if item is not None and item.data(0, MODEL).id == model:
                self.list.setCurrentItem(item)
                self.list.scrollToItem(item)

    def _show_model(self, item: QTreeWidgetItem, model: ModelCard) -> None:
        for column, text in ((0, model.title), (2, file_size(model.size)), (3, self._licence(model))):
            item.setText(column, text)
        item.setData(0, MODEL, model)
        item.setSizeHint(0, QSize(self.fontMetrics().horizontalAdvance(model.title) + 28, ROW))
        item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setToolTip(3, model.licence)
        item.setToolTip(0, model.id if model.path is None else f"{model.id}: {model.path}")

    def _licence(self, model: ModelCard) -> str:
        """The license with a mark in front if it forbids commercial use or is not known."""
        limit = licence_limit(model.licence)
        if limit == "noncommercial":
            return self.tr("⚠ Not for commercial use: {license}").format(license=model.licence)
        if limit == "unstated":
            return self.tr("⚠ No license stated")
        return model.licence

    def _methods_of(self, model: ModelCard) -> list[MethodCard]:
        return [card for card in self._methods if model.id in card.weights]

    def _filter(self) -> None:
        """Show the models that fit the text and the task."""
        words, task = self.search.text().casefold().split(), self.task.currentData()
        shown = 0
        for k in range(self.list.topLevelItemCount()):
            item = self.list.topLevelItem(k)
            if item is None:
                continue
            model: ModelCard = item.data(0, MODEL)
            own = self._methods_of(model)
            tasks: set[Task] = {t for card in own for t in card.tasks}
            parts = (
                model.id,
                model.title,
                model.licence,
                *(card.architecture for card in own),
                *(task_title(t) for t in tasks),
            )
            text = " ".join(parts).casefold()
            fits = all(word in text for word in words) and (task is None or task in tasks)
            item.setHidden(not fits)
            shown += fits
        self.nothing.setVisible(not shown and bool(self._models))
        current = self.list.currentItem()
        if current is None or current.isHidden():
            visible = (self.list.topLevelItem(k) for k in range(self.list.topLevelItemCount()))
            first = next((item for item in visible if item is not None and not item.isHidden()), None)
            self.list.setCurrentItem(first)  # pyright: ignore[reportArgumentType] — None: no current item
        self._enable()

    def _describe(self) -> None:
        """What there is to know of the chosen model before it is downloaded."""
        model = self._chosen()
        if model is None:
            self.details.clear()
            return
        lines: list[str] = []
        own = self._methods_of(model)
        if tasks := [task_title(t) for t in TASKS if any(t in card.tasks for card in own)]:
            lines.append(self.tr("For: {tasks}").format(tasks=", ".join(tasks)))
        limit, licence = licence_limit(model.licence), self.tr("License: {license}").format(license=model.licence)
        if limit == "noncommercial":
            licence = self.tr("⚠ License: {license}. It forbids commercial use.").format(license=model.licence)
        elif limit == "unstated":
            licence = self.tr("⚠ The authors state no license. Ask them before you publish or sell what you make.")
        lines.append(licence)
        if model.own:
            lines.append(self.tr("Source: a file that you imported"))
        elif model.source:
            lines.append(self.tr("Source: {address}").format(address=model.source))
        else:
            lines.append(self.tr("Source: part of Clarity Desktop"))
        if model.sha256:
            lines.append(self.tr("SHA-256: {checksum}").format(checksum=model.sha256))
        slow = max((card.speed for card in own), default=0.0)
        if slow >= SLOW:
            text = self.tr("Needs a GPU for large photos: on this kind of processor 12 megapixels take about {time}.")
            lines.append(text.format(time=duration(12 * slow)))
        self.details.setText("\n".join(lines))

    def show_downloads(self, downloads: Mapping[str, float | None]) -> None:
        """The models that are being downloaded: the share 0..1 that has arrived, None for one that waits."""
        self._downloads = dict(downloads)
        self._show_states()

    def _show_states(self) -> None:
        """State column and buttons."""
        for k in range(self.list.topLevelItemCount()):
            if (item := self.list.topLevelItem(k)) is not None:
                item.setText(STATE, self._state_title(item.data(0, MODEL)))
        self._enable()

    def show_loaded(self, models: Sequence[LoadedModel]) -> None:
        """The models in memory; the section is hidden while there are none."""
        chosen = self._chosen_loaded()
        self.loaded.clear()
        for model in models:
            item = QTreeWidgetItem([model.title, file_size(model.bytes), device_title(model.device)])
            item.setData(0, MODEL, model.id)
            item.setSizeHint(0, QSize(self.fontMetrics().horizontalAdvance(model.title) + 28, ROW))
            item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.loaded.addTopLevelItem(item)
            if model.id == chosen or self.loaded.currentItem() is None:
                self.loaded.setCurrentItem(item)
        total = file_size(sum(m.bytes for m in models))
        # %n selects the plural form; the size is inserted afterwards.
        self.loaded_title.setText(self.tr("%n model(s) in memory ({size})", "", len(models)).format(size=total))
        header, frame = self.loaded.header().sizeHint().height(), 2 * self.loaded.frameWidth()
        self.loaded.setFixedHeight(header + frame + ROW * max(1, min(len(models), 3)) + 6)
        for widget in (self.loaded_title, self.loaded, self.unload):
            widget.setVisible(bool(models))

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Models"))
        tree.setHeaderLabels([self.tr("Model"), self.tr("State"), self.tr("Size"), self.tr("License")])
        tree.setRootIsDecorated(False)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.header().setStretchLastSection(True)  # licenses can be as long as a sentence
        for column in (1, 2):
            tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        return tree

    def _make_loaded_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(self.tr("Models in memory"))
        tree.setHeaderLabels([self.tr("Model"), self.tr("Memory"), self.tr("Processor")])
        tree.setRootIsDecorated(False)
        tree.header().setStretchLastSection(True)
        for column in (0, 1):
            tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        return tree

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.fetch, self.fetch_all, self.remove, self.by_file, self.by_folder):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        memory = QHBoxLayout()
        memory.addWidget(self.loaded_title, 1)
        memory.addWidget(self.unload)
        self.unload.setAutoDefault(False)
        end = QHBoxLayout()
        self.close_button.setAutoDefault(False)
        end.addWidget(self.free, 1)
        end.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.total)
        filters = QHBoxLayout()
        filters.addWidget(self.search, 1)
        filters.addWidget(self.task)
        column.addLayout(filters)
        column.addWidget(self.list, 1)
        column.addWidget(self.nothing)
        column.addWidget(self.details)
        column.addLayout(buttons)
        column.addLayout(memory)
        column.addWidget(self.loaded)
        column.addLayout(end)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(self._enable)
        self.search.textChanged.connect(self._filter)
        self.task.currentIndexChanged.connect(self._filter)
        self.fetch.clicked.connect(self._fetch)
        self.fetch_all.clicked.connect(self._fetch_all)
        self.remove.clicked.connect(self._remove)
        self.by_file.clicked.connect(self._import_file)
        self.by_folder.clicked.connect(self._import_folder)
        self.unload.clicked.connect(self._unload)
        self.close_button.clicked.connect(self.close)

    def _chosen(self) -> ModelCard | None:
        item = self.list.currentItem()
        return item.data(0, MODEL) if item else None

    def _enable(self) -> None:
        self._describe()
        model = self._chosen()
        wanted = model is not None and model.state != "ready"
        if model is not None and model.id in self._downloads:
            waits = self._downloads[model.id] is None
            self.fetch.setText(self.tr("Remove from queue") if waits else self.tr("Pause download"))
        elif model is not None and model.state == "partial":
            self.fetch.setText(self.tr("Resume download ({size})").format(size=file_size(model.size)))
        elif model is not None and wanted:
            self.fetch.setText(self.tr("Download ({size})").format(size=file_size(model.size)))
        else:
            self.fetch.setText(self.tr("Download"))
        self.fetch.setEnabled(wanted)
        absent = [m.size for m in self._models if m.state != "ready"]
        if len(self._downloads) > 1:
            self.fetch_all.setText(self.tr("Pause all"))
        else:
            self.fetch_all.setText(self.tr("Download all ({size})").format(size=file_size(sum(absent))))
        self.fetch_all.setVisible(len(absent) > 1)
        self.remove.setEnabled(model is not None and model.state != "missing" and model.id not in self._downloads)

    def _state_title(self, model: ModelCard) -> str:
        if model.id in self._downloads:
            share = self._downloads[model.id]
            if share is None:
                return self.tr("Queued")
            return self.tr("Downloading: {share}").format(share=percent(share))
        titles = {
            "ready": self.tr("Installed"),
            "missing": self.tr("Not installed"),
            "partial": self.tr("Paused"),
            "broken": self.tr("Damaged"),
        }
        return titles[model.state]

    def _fetch(self) -> None:
        if model := self._chosen():
            (self.cancel_asked if model.id in self._downloads else self.fetch_asked).emit(model.id)

    def _fetch_all(self) -> None:
        (self.cancel_all_asked if len(self._downloads) > 1 else self.fetch_all_asked).emit()

    def _remove(self) -> None:
        if model := self._chosen():
            self.remove_asked.emit(model.id)

    def _chosen_loaded(self) -> str | None:
        item = self.loaded.currentItem()
        return item.data(0, MODEL) if item else None

    def _unload(self) -> None:
        if model := self._chosen_loaded():
            self.unload_asked.emit(model)

    def _import_file(self) -> None:
        self._import(QFileDialog.FileMode.ExistingFile)

    def _import_folder(self) -> None:
        self._import(QFileDialog.FileMode.Directory)

    def _import_path(self, name: str) -> None:
        self.import_asked.emit(Path(name))

    def _import(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, self.tr("Import a model"))
        dialog.setFileMode(mode)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._import_path)
        dialog.open()
