"""The help page: first steps, what the panels are for, and the keys as they are set."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Signal
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from clarity_desktop.ui.actions import Actions

KEYS = (
    "open", "undo", "redo", "improve", "restore", "adjust", "select_click", "brush", "crop", "before", "split",
    "side_by_side", "compare_view", "zoom_in", "zoom_out", "fit", "full_size", "panels", "left_panels", "right_panels",
    "next_pane", "chat", "export", "save", "cancel",
)  # fmt: skip
"""Actions whose keys a newcomer needs."""


class HelpDialog(QDialog):
    """A page to read beside the window. The text is the program's own, so rich text is safe here."""

    shortcuts_asked = Signal()

    def __init__(self, parent: QWidget, actions: Actions) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Help"))
        self.resize(620, 620)
        self._actions = actions
        self.page = QTextBrowser()
        self.page.setAccessibleName(self.tr("Help"))
        self.page.setOpenLinks(False)
        buttons = QDialogButtonBox()
        close = buttons.addButton(self.tr("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        keys = buttons.addButton(self.tr("All keyboard shortcuts…"), QDialogButtonBox.ButtonRole.ActionRole)
        close.setDefault(True)
        close.clicked.connect(self.close)
        keys.clicked.connect(self.shortcuts_asked)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 12)
        column.setSpacing(12)
        column.addWidget(self.page, 1)
        column.addWidget(buttons)
        self.page.setHtml(self._html())

    def _html(self) -> str:
        steps = (
            self.tr("Open a photo: drop it on the window, paste it, or choose File > Open."),
            self.tr("The Quality panel shows what is wrong with it. Choose Auto to fix what can be fixed."),
            self.tr("Or choose a task in the Restore panel, such as Remove rain, and click its button."),
            self.tr(
                "Move the strength slider after a run to blend the result with the photo; nothing is computed again."
            ),
            self.tr("Change light and color in the Adjust panel with a live preview; Apply keeps the changes."),
            self.tr("To change only a part, choose Select > Click an object and click on it, or say what to select."),
            self.tr("Compare before and after with the split line, then export the photo."),
        )
        good = (
            self.tr("Every step is a version and nothing is overwritten: undo, or open any version in its panel."),
            self.tr(
                "Not sure which method is best? Compare methods in the Restore panel runs several and shows the "
                "results side by side: open one, combine those with a star, or take a part of one into another."
            ),
            self.tr("Double-click a slider to reset it. With Shift the arrow keys move it in small steps."),
            self.tr("You can also type what you want in the Chat panel, for example “make it warmer”."),
            self.tr(
                "With several photos open, Version > Apply this step to all open photos repeats a step on each of them."
            ),
            self.tr("Your photos leave this computer only if you let a language model see them."),
        )
        parts = [
            f"<h2>{escape(self.tr('First steps'))}</h2><ol>",
            *(f"<li>{escape(step)}</li>" for step in steps),
            f"</ol><h2>{escape(self.tr('Good to know'))}</h2><ul>",
            *(f"<li>{escape(fact)}</li>" for fact in good),
            f"</ul><h2>{escape(self.tr('Keys'))}</h2><table>",
            *(self._row(name) for name in KEYS),
            "</table>",
        ]
        return "".join(parts)

    def _row(self, name: str) -> str:
        action = self._actions[name]
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        title = self._actions.specs[name].title
        return f"<tr><td><b>{escape(keys)}</b>&nbsp;&nbsp;</td><td>{escape(title)}</td></tr>" if keys else ""
