"""The weights of the methods: which are on this computer, and the wish to fetch, import or remove them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from clarity_desktop.ui.labels import count, file_size
from clarity_desktop.values import ModelCard

STATES = {"ready": "Ready", "missing": "Not here", "partial": "Half fetched", "broken": "Damaged"}
MODEL = Qt.ItemDataRole.UserRole
ROW = 26


class ModelsDialog(QDialog):
    """Values in by show_models and show_progress; the wishes name a model or a path."""

    fetch_asked = Signal(str)
    import_asked = Signal(object)  # Path
    remove_asked = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Models")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 440)
        self.total = QLabel()
        self.total.setProperty("role", "muted")
        self.list = self._make_list()
        self.progress_label, self.progress = QLabel(), QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName("Progress of fetching")
        self.fetch, self.remove = QPushButton("Fetch"), QPushButton("Remove")
        self.by_file, self.by_folder = QPushButton("Import a file…"), QPushButton("Import a folder…")
        self.close_button = QPushButton("Close")
        self.fetch.setProperty("role", "primary")
        self._lay_out()
        self._connect()
        self.show_progress("", None)

    def show_models(self, models: tuple[ModelCard, ...]) -> None:
        """The whole catalog; the chosen row stays chosen."""
        chosen = self._chosen()
        self.list.clear()
        for model in models:
            item = QTreeWidgetItem([model.title, STATES[model.state], file_size(model.size), model.licence])
            item.setData(0, MODEL, model)
            item.setSizeHint(0, QSize(self.fontMetrics().horizontalAdvance(model.title) + 16, ROW))
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip(3, model.licence)
            item.setToolTip(0, model.id if model.path is None else f"{model.id}: {model.path}")
            self.list.addTopLevelItem(item)
            if chosen and model.id == chosen.id:
                self.list.setCurrentItem(item)
        if self.list.currentItem() is None and (first := self.list.topLevelItem(0)):
            self.list.setCurrentItem(first)
        here = [m for m in models if m.state == "ready"]
        self.total.setText(
            f"{len(here)} of {count(len(models), 'model', 'models')} on this computer,"
            f" {file_size(sum(m.size for m in here))}. Nothing is fetched unless you ask for it."
        )
        self._enable()

    def show_progress(self, title: str, fraction: float | None) -> None:
        """What is being fetched; "" for nothing."""
        self.progress_label.setText(title)
        self.progress_label.setVisible(bool(title))
        self.progress.setVisible(bool(title))
        self.progress.setRange(0, 0 if fraction is None else 1000)
        if fraction is not None:
            self.progress.setValue(round(1000 * fraction))

    def _make_list(self) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName("Models")
        tree.setHeaderLabels(["Model", "State", "Size", "Licence"])
        tree.setRootIsDecorated(False)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.header().setStretchLastSection(True)  # licences are as long as a sentence
        for column in (0, 1, 2):
            tree.header().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        return tree

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        for button in (self.fetch, self.remove, self.by_file, self.by_folder):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.close_button.setAutoDefault(False)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(self.total)
        column.addWidget(self.list, 1)
        column.addWidget(self.progress_label)
        column.addWidget(self.progress)
        column.addLayout(buttons)

    def _connect(self) -> None:
        self.list.currentItemChanged.connect(self._enable)
        self.fetch.clicked.connect(self._fetch)
        self.remove.clicked.connect(self._remove)
        self.by_file.clicked.connect(self._import_file)
        self.by_folder.clicked.connect(self._import_folder)
        self.close_button.clicked.connect(self.close)

    def _chosen(self) -> ModelCard | None:
        item = self.list.currentItem()
        return item.data(0, MODEL) if item else None

    def _enable(self) -> None:
        model = self._chosen()
        self.fetch.setEnabled(bool(model and model.state != "ready"))
        self.fetch.setText(f"Fetch ({file_size(model.size)})" if model and model.state != "ready" else "Fetch")
        self.remove.setEnabled(bool(model and model.state != "missing"))

    def _fetch(self) -> None:
        if model := self._chosen():
            self.fetch_asked.emit(model.id)

    def _remove(self) -> None:
        if model := self._chosen():
            self.remove_asked.emit(model.id)

    def _import_file(self) -> None:
        self._import(QFileDialog.FileMode.ExistingFile)

    def _import_folder(self) -> None:
        self._import(QFileDialog.FileMode.Directory)

    def _import_path(self, name: str) -> None:
        self.import_asked.emit(Path(name))

    def _import(self, mode: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, "Import weights")
        dialog.setFileMode(mode)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._import_path)
        dialog.open()
