"""Every action of the window in one table: its name, words and keys. What an action does is connected elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from clarity_desktop.ui import theme

Needs = Literal["nothing", "photo", "parent", "pair", "job"]
Scope = Literal["window", "photo", "versions"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One action. keys are portable key sequences, the first is shown in menus.

    needs says what must be there for it to be enabled; scope says which part of the window must have the focus for
    its keys to work (those of the photo are letters and Tab that the panels use themselves).
    """

    name: str
    text: str
    keys: tuple[str, ...] = ()
    tip: str = ""
    icon: str = ""
    needs: Needs = "photo"
    scope: Scope = "window"
    checkable: bool = False
    repeats: bool = False

    @property
    def title(self) -> str:
        """The words without the mnemonic."""
        return self.text.replace("&", "").removesuffix("…")


ACTIONS: tuple[Spec, ...] = (
    # File
    Spec("open", "&Open…", ("Ctrl+O",), "Open photos or projects", "open", "nothing"),
    Spec("open_folder", "Open &folder…", ("Ctrl+Shift+O",), "Open all photos of a folder", needs="nothing"),
    Spec("reopen", "Reopen a &closed document…", ("Ctrl+Shift+T",), "What was closed unsaved", needs="nothing"),
    Spec("open_sample", "Open a sa&mple photo", (), "A damaged photo to try the program on", needs="nothing"),
    Spec("save", "&Save project", ("Ctrl+S",), "Save the photo with all its versions as a .clarity file", "save"),
    Spec("save_as", "Save project &as…", ("Ctrl+Shift+S",), "Save the project under another name"),
    Spec("export_again", "Export a&gain", ("Ctrl+E",), "Export with the same choices as the last time"),
    Spec("export", "&Export…", ("Ctrl+Shift+E",), "Write the open version as a picture file", "export"),
    Spec("close", "C&lose", ("Ctrl+W",), "Close the photo"),
    Spec("quit", "&Quit", ("Ctrl+Q",), "Unsaved work is kept for the next start", needs="nothing"),
    # Edit
    Spec("undo", "&Undo", ("Ctrl+Z",), "Back to the version before", "undo", "parent", repeats=True),
    Spec("redo", "&Redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "Forward again", "redo", repeats=True),
    Spec("reset", "Reset to the &original", ("Ctrl+Shift+R",), "A new version like the original", "reset", "parent"),
    Spec("copy", "&Copy", ("Ctrl+C",), "Copy the open version to the clipboard", "copy"),
    Spec("paste", "&Paste as a new photo", ("Ctrl+V",), "Open the picture in the clipboard", "paste", "nothing"),
    Spec("preferences", "Pre&ferences…", ("Ctrl+,",), "Appearance, processor, memory and metadata", needs="nothing"),
    # View
    Spec("zoom_in", "Zoom &in", ("+", "=", "Ctrl++", "Ctrl+="), "Closer", "zoom-in", repeats=True),
    Spec("zoom_out", "Zoom &out", ("-", "Ctrl+-"), "Farther away", "zoom-out", repeats=True),
    Spec("fit", "&Fit in the window", ("Ctrl+0",), "Show the whole photo", "fit"),
    Spec("full_size", "&100 %", ("1", "Ctrl+1"), "One pixel of the photo on one pixel of the screen", "actual-size"),
    Spec("zoom_200", "&200 %", ("2",)),
    Spec("zoom_400", "&400 %", ("3",)),
    Spec("toggle_fit", "S&witch between fit and 100 %", ("Z",)),
    Spec("single", "One &version", ("E",), "Show the open version alone", "single", checkable=True),
    Spec("split", "&Split line", ("Shift+Y",), "Before and after at a line", "split", "pair", checkable=True),
    Spec("side_by_side", "Side &by side", ("Y",), "Before beside after", "side", "pair", checkable=True),
    Spec("stacked", "&Top and bottom", ("Alt+Y",), "Before above after", "top", "pair", checkable=True),
    Spec("before", "Show the &before", ("\\",), "Switch to it; hold to peek", "eye", "pair", checkable=True),
    Spec("heat", "Show &where it is wrong", ("J",), "A map over the photo", "heat", checkable=True),
    Spec("panels", "Hide the &panels", ("Tab",), "Only the photo", "", "nothing", "photo", checkable=True),
    Spec("full_screen", "F&ull screen", ("F11",), needs="nothing", checkable=True),
    Spec("next_photo", "&Next photo", ("Ctrl+Tab",), repeats=True),
    Spec("previous_photo", "Pre&vious photo", ("Ctrl+Shift+Tab",), repeats=True),
    Spec("next_pane", "Next pan&el", ("F6",), "Move the focus to the next part of the window", needs="nothing"),
    Spec("previous_pane", "Previous pane&l", ("Shift+F6",), needs="nothing"),
    # Photo
    Spec("restore", "&Restore", ("Ctrl+R",), "Run the chosen restoration on the photo", "restore"),
    Spec("restore_visible", "Restore the &visible part", ("Ctrl+Alt+R",), "Run it only on what the window shows"),
    Spec("improve", "&Auto", ("Ctrl+U",), "Find out what is wrong, put it right, keep only what helped", "auto"),
    Spec("advise", "&What should I do?", ("W",), "Says what would help; does nothing by itself", "info"),
    Spec("crop", "&Crop…", ("R",), "Keep a rectangle of the photo", "crop", checkable=True),
    Spec("straighten", "&Straighten…", ("Shift+R",), "Turn the photo by a few degrees", "straighten", checkable=True),
    Spec("rotate_left", "Rotate &left", ("Ctrl+[",), "A quarter turn to the left", "rotate-left"),
    Spec("rotate_right", "Rotate r&ight", ("Ctrl+]",), "A quarter turn to the right", "rotate-right"),
    Spec("flip_horizontal", "Flip left and ri&ght", ("H",), "", "flip-horizontal"),
    Spec("flip_vertical", "Flip top and &bottom", ("Shift+H",), "", "flip-vertical"),
    Spec("models", "&Models…", ("Ctrl+M",), "Fetch, import and remove weights", needs="nothing"),
    Spec("cancel", "Cancel the &job", ("Esc",), "Stop what runs; nothing else is closed or lost", "cancel", "job"),
    # Version
    Spec("go_to", "&Open this version", ("Return", "Enter"), "Show the chosen version", scope="versions"),
    Spec("compare", "&Compare with this version", ("C",), "Compare the open version with the chosen one", "layers"),
    Spec("repeat", "Re&peat this step on the open version", (), "Restore the open version as the chosen one was"),
    Spec("rename", "&Rename…", ("F2",), "Give the version a name", scope="versions"),
    Spec("star", "&Star", ("S",), "Mark the version", "star", scope="versions"),
    Spec("delete", "&Delete", ("Del",), "Take it out of the tree; can be undone", "trash", scope="versions"),
    # Help
    Spec("chat", "&Ask in words", ("Ctrl+L", "/"), "Type what should be done", "chat"),
    Spec("shortcuts", "&Keyboard shortcuts…", ("Ctrl+/", "F1"), "See and change all keys", needs="nothing"),
    Spec("about", "A&bout Clarity Desktop", needs="nothing"),
)  # fmt: skip

MENUS: dict[str, tuple[str, ...]] = {
    "&File": ("open", "open_folder", "open_sample", "recent", "reopen",
              "", "save", "save_as", "", "export_again", "export", "",
              "close", "quit"),
    "&Edit": ("undo", "redo", "reset", "", "copy", "paste", "", "chat", "", "preferences"),
    "&View": ("zoom_in", "zoom_out", "fit", "full_size", "zoom_200", "zoom_400", "toggle_fit", "", "single", "split",
              "side_by_side", "stacked", "before", "heat", "", "panels", "full_screen", "docks", "", "next_photo",
              "previous_photo", "next_pane", "previous_pane"),
    "&Photo": ("improve", "advise", "", "restore", "restore_visible", "tasks", "", "crop", "straighten", "rotate_left",
               "rotate_right", "flip_horizontal", "flip_vertical", "", "models", "", "cancel"),
    "Ve&rsion": ("go_to", "compare", "repeat", "", "rename", "star", "delete"),
    "&Help": ("shortcuts", "about"),
}  # fmt: skip
"""Menu → names of actions in order; "" is a line; "recent", "docks" and "tasks" are menus that the window fills."""

TOOLBAR: tuple[str, ...] = (
    "open", "save", "export", "", "undo", "redo", "", "improve", "", "crop", "straighten", "rotate_left",
    "rotate_right", "flip_horizontal", "", "zoom_out", "zoom_in", "fit", "full_size", "", "single", "split",
    "side_by_side", "before", "heat",
)  # fmt: skip


def conflicts(bindings: Mapping[str, str]) -> dict[str, list[str]]:
    """Key sequence → names of the actions that it would start, for sequences that belong to more than one."""
    owners: dict[str, list[str]] = {}
    for name, text in bindings.items():
        for keys in QKeySequence.listFromString(text):
            owners.setdefault(keys.toString(), []).append(name)
    return {keys: names for keys, names in owners.items() if keys and len(names) > 1}


def default_bindings() -> dict[str, str]:
    """Action → its key sequences as they are stored: portable, separated by "; "."""
    return {spec.name: _stored(spec.keys) for spec in ACTIONS}


def _stored(keys: tuple[str, ...]) -> str:
    return QKeySequence.listToString([QKeySequence(k) for k in keys])


class Actions(QObject):
    """The actions of one window. changed: name → keys for those that the user re-bound."""

    def __init__(self, window: QWidget, changed: Mapping[str, str]) -> None:
        super().__init__(window)
        self.specs = {spec.name: spec for spec in ACTIONS}
        self._actions = {spec.name: self._make(spec) for spec in ACTIONS}
        self.rebind(changed)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def on(self, name: str, slot: Callable[[], object]) -> None:
        """Call slot when the action is triggered, by menu, key or button."""
        self._actions[name].triggered.connect(lambda _checked=False: slot())

    def rebind(self, changed: Mapping[str, str]) -> None:
        """Take the default keys, then the changed ones; unknown names are left alone."""
        for name, text in self.bindings(changed).items():
            self._actions[name].setShortcuts(QKeySequence.listFromString(text))
            self._actions[name].setToolTip(self._tooltip(self.specs[name]))

    def bindings(self, changed: Mapping[str, str]) -> dict[str, str]:
        """All actions with the keys that hold when those changes do."""
        return default_bindings() | {name: text for name, text in changed.items() if name in self.specs}

    def attach(self, window: QWidget, photo: QWidget, versions: QWidget) -> None:
        """Give each action to the part of the window where its keys work."""
        homes: dict[Scope, QWidget] = {"window": window, "photo": photo, "versions": versions}
        for name, spec in self.specs.items():
            homes[spec.scope].addAction(self._actions[name])

    def enable(self, present: set[Needs]) -> None:
        """Enable what finds all that it needs."""
        for name, spec in self.specs.items():
            self._actions[name].setEnabled(spec.needs == "nothing" or spec.needs in present)

    def _make(self, spec: Spec) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.name)
        action.setStatusTip(spec.tip)
        action.setCheckable(spec.checkable)
        action.setAutoRepeat(spec.repeats)
        # A menu entry must not be reached by the key alone when its part of the window has no focus.
        action.setShortcutContext(
            Qt.ShortcutContext.WindowShortcut
            if spec.scope == "window"
            else Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        if spec.icon:
            theme.set_icon(action, spec.icon)
        return action

    def _tooltip(self, spec: Spec) -> str:
        keys = self._actions[spec.name].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        return f"{spec.tip or spec.title} ({keys})" if keys else spec.tip or spec.title
