"""The table of all actions of the window: name, texts and keys. Commands connect what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QCoreApplication, QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from clarity_desktop.ui import theme

Needs = Literal["nothing", "photo", "parent", "job", "compared"]
Scope = Literal["window", "photo", "versions", "compare"]


CONTEXT = ""
"""The translation context of the texts in this file: lupdate assigns it to a bare tr()."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One action. keys: portable key sequences, the first is shown in menus.

    needs: what must exist for it to be enabled. scope: the part of the window that must have the focus for its keys to
    work (those of the photo are letters and Tab, which the panels need themselves). The keys of "compare" work in the
    compare view, where they take precedence over the same keys of other actions.
    """

    name: str
    source_text: str
    keys: tuple[str, ...] = ()
    source_tip: str = ""
    icon: str = ""
    needs: Needs = "photo"
    scope: Scope = "window"
    checkable: bool = False
    repeats: bool = False
    number: int = 0
    """Stands for {number} in the texts."""

    @property
    def text(self) -> str:
        """The text for menus, translated, with its mnemonic."""
        return self._shown(self.source_text)

    @property
    def title(self) -> str:
        """The text without the mnemonic."""
        return self.text.replace("&", "").removesuffix("…")

    @property
    def tip(self) -> str:
        """The tooltip, translated; the title where there is none."""
        return self._shown(self.source_tip) if self.source_tip else self.title

    def _shown(self, source: str) -> str:
        text = QCoreApplication.translate(CONTEXT, source)
        return text.format(number=self.number) if self.number else text


def menu_title(source: str) -> str:
    """The translated title of a menu in MENUS."""
    return QCoreApplication.translate(CONTEXT, source)


def tr(text: str) -> str:
    """Mark a text of the table for translation; `Spec` and `menu_title` translate it when it is shown."""
    return text


# fmt: off
ACTIONS: tuple[Spec, ...] = (
    # File
    Spec("open", tr("&Open…"), ("Ctrl+O",), tr("Open photos or projects"), "open", "nothing"),
    Spec("open_folder", tr("Open &folder…"), ("Ctrl+Shift+O",), tr("Open all photos in a folder"), needs="nothing"),
    Spec("reopen", tr("Reopen a &closed document…"), ("Ctrl+Shift+T",),
         tr("Reopen a document that was closed without saving"), needs="nothing"),
    Spec("save", tr("&Save project"), ("Ctrl+S",), tr("Save the photo with all its versions as a .clarity file"),
         "save"),
    Spec("save_as", tr("Save project &as…"), ("Ctrl+Shift+S",), tr("Save the project under another name")),
    Spec("export_again", tr("Export a&gain"), ("Ctrl+E",), tr("Export with the same options as last time")),
    Spec("export", tr("&Export…"), ("Ctrl+Shift+E",), tr("Save the open version as an image file"), "export"),
    Spec("export_all", tr("Export a&ll open photos…"), ("Ctrl+Alt+E",),
         tr("Save the open version of every photo as an image file")),
    Spec("close", tr("C&lose"), ("Ctrl+W",), tr("Close the photo")),
    Spec("quit", tr("&Quit"), ("Ctrl+Q",), tr("Quit after asking about unsaved work"), needs="nothing"),
    # Edit
    Spec("undo", tr("&Undo"), ("Ctrl+Z",), tr("Undo the last change"), "undo", "parent", repeats=True),
    Spec("redo", tr("&Redo"), ("Ctrl+Shift+Z", "Ctrl+Y"), tr("Redo the change that was undone"), "redo",
         repeats=True),
    Spec("reset", tr("Reset to the &original"), ("Ctrl+Shift+R",), tr("Add the original as a new version"),
         "reset", "parent"),
    Spec("copy", tr("&Copy"), ("Ctrl+C",), tr("Copy the open version to the clipboard"), "copy"),
    Spec("paste", tr("&Paste as a new photo"), ("Ctrl+V",), tr("Open the picture in the clipboard"), "paste",
         "nothing"),
    Spec("copy_adjustments", tr("Copy ad&justments"), ("Ctrl+Shift+C",),
         tr("Copy the light and color of the open version")),
    Spec("paste_adjustments", tr("Paste adj&ustments"), ("Ctrl+Shift+V",),
         tr("Apply the copied light and color to the open photo")),
    Spec("save_macro", tr("Save as &macro…"), (), tr("Save changes of the conversation, to run them on other photos")),
    Spec("run_macro", tr("Run a mac&ro…"), (), tr("Run the steps of a macro on the open version")),
    Spec("preferences", tr("Pre&ferences…"), ("Ctrl+,",), tr("Appearance, processor, memory and metadata"),
         needs="nothing"),
    # Select
    Spec("select_click", tr("&Click an object"), ("Q",), tr("Select the object under the pointer, or in a box"),
         "select-click", checkable=True),
    Spec("select_box", tr("&Box"), ("M",), tr("Select the object in a box"), "select-box", checkable=True),
    Spec("brush", tr("B&rush"), ("B",), tr("Paint what is selected, or erase it"), "brush", checkable=True),
    Spec("lasso", tr("&Lasso"), ("L",), tr("Draw around what to select"), "lasso", checkable=True),
    Spec("heal", tr("&Healing brush"), ("Shift+B",), tr("Paint over what is to disappear: it is filled at once"),
         "heal", checkable=True),
    Spec("select_words", tr("By &words…"), ("Ctrl+F",), tr("Type what to select: “the sky”, “both cars”")),
    Spec("select_all", tr("&All"), ("Ctrl+A",), tr("Select the whole photo")),
    Spec("select_none", tr("&Nothing"), ("Ctrl+D", "Ctrl+Shift+A"), tr("Clear the selection")),
    Spec("select_invert", tr("&Invert"), ("Ctrl+Shift+I",), tr("Select what was left out")),
    Spec("keep_region", tr("&Keep as a region"), ("Ctrl+K",), tr("Keep what is selected under a name")),
    Spec("remove_object", tr("Remove &object"), (), tr("Fill what is selected with its surroundings (Del)")),
    Spec("copy_region", tr("Co&py selection"), (), tr("Copy what is selected, for this or another photo")),
    Spec("paste_region", tr("Pas&te selection"), (), tr("Select in this photo what was copied")),
    Spec("import_region", tr("I&mport a mask…"), (), tr("Select what is white in a picture of the size of the photo")),
    Spec("export_region", tr("&Export the mask…"), (), tr("Save what is selected as a black and white PNG file")),
    Spec("show_mask", tr("&Show the selection"), ("O",), tr("Show or hide what is selected"), "eye", checkable=True),
    Spec("mask_color", tr("Next colo&r"), ("Shift+O",), tr("Show the selection in another color")),
    # View
    Spec("zoom_in", tr("Zoom &in"), ("+", "=", "Ctrl++", "Ctrl+="), tr("Zoom in"), "zoom-in", repeats=True),
    Spec("zoom_out", tr("Zoom &out"), ("-", "Ctrl+-"), tr("Zoom out"), "zoom-out", repeats=True),
    Spec("fit", tr("&Fit in the window"), ("Ctrl+0",), tr("Show the whole photo"), "fit"),
    Spec("full_size", tr("&100%"), ("1", "Ctrl+1"), tr("Show each pixel of the photo as one pixel of the screen"),
         "actual-size"),
    Spec("zoom_200", tr("&200%"), ("2",)),
    Spec("zoom_400", tr("&400%"), ("3",)),
    Spec("toggle_fit", tr("S&witch between fit and 100%"), ("Z",)),
    Spec("single", tr("One &version"), ("E",), tr("Show only the open version"), "single", checkable=True),
    Spec("split", tr("&Split line"), ("Shift+Y",), tr("Compare before and after at a split line"), "split",
         checkable=True),
    Spec("side_by_side", tr("Side &by side"), ("Y",), tr("Compare before and after side by side"), "side",
         checkable=True),
    Spec("stacked", tr("&Top and bottom"), ("Alt+Y",), tr("Compare before above after"), "top",
         checkable=True),
    Spec("before", tr("Show &previous version"), ("\\",),
         tr("Show the version compared with; hold the key to peek"), "eye",
         checkable=True),
    # Compare
    Spec("compare_view", tr("Compare &results"), ("N",),
         tr("Compare up to six versions: those that are chosen in the list, else the results for the same version"),
         "grid", checkable=True),
    Spec("compare_methods", tr("Compare &methods…"), ("Ctrl+Shift+M",),
         tr("Run several methods of the task on the open version and compare their results")),
    Spec("grid", tr("&Grid"), ("G",), tr("Show all compared versions in a grid"), "grid", "compared", "compare",
         checkable=True),
    Spec("difference", tr("&Difference"), ("D",),
         tr("Show what differs between two versions: gray is equal, brighter and darker than gray is what changed"),
         "difference", scope="compare", needs="compared", checkable=True),
    Spec("blink", tr("&Blink"), ("B",), tr("Show two versions in turns"), "blink", "compared", "compare",
         checkable=True),
    Spec("more_difference", tr("&Amplify the difference"), ("]",), tr("Amplify the difference more, up to 16 times"),
         needs="compared", scope="compare"),
    Spec("less_difference", tr("Am&plify it less"), ("[",), tr("Amplify the difference less"), needs="compared",
         scope="compare"),
    *(Spec(f"pick_{n}", tr("Open version {number}"), (str(n),), tr("Open version {number} of the compared ones"),
           needs="compared", scope="compare", number=n) for n in range(1, 7)),
    Spec("next_candidate", tr("Choose the &next version"), (".",), tr("Choose the next compared version"),
         needs="compared", scope="compare", repeats=True),
    Spec("previous_candidate", tr("Choose the pre&vious version"), (",",), tr("Choose the previous compared version"),
         needs="compared", scope="compare", repeats=True),
    Spec("take_part", tr("&Take a part of it…"), ("P",),
         tr("Paint or select where the chosen version is to replace the open one"), "brush", "compared", "compare"),
    Spec("fuse_starred", tr("C&ombine starred"), ("F",),
         tr("Make one version of the best parts of those with a star"), "combine", "compared", "compare"),
    Spec("try_others", tr("Tr&y others…"), ("T",), tr("Run methods of the task that were not tried yet"), "plus",
         "compared", "compare"),
    Spec("leave_compare", tr("&Leave the comparison"), (), tr("Go on with the open version (Esc)"), "", "compared",
         "compare"),
    Spec("heat", tr("Show &problem areas"), ("J",), tr("Show a map of the problems over the photo"), "heat",
         checkable=True),
    Spec("panels", tr("Hide the &panels"), ("Tab",), tr("Show only the photo"), "", "nothing", "photo",
         checkable=True),
    Spec("left_panels", tr("Hide the le&ft panels"), ("F7",), tr("Hide or show the panels on the left"), "", "nothing",
         checkable=True),
    Spec("right_panels", tr("Hide the ri&ght panels"), ("F8",), tr("Hide or show the panels on the right"), "",
         "nothing", checkable=True),
    Spec("full_screen", tr("F&ull screen"), ("F11",), needs="nothing", checkable=True),
    Spec("next_photo", tr("&Next photo"), ("Ctrl+Tab",), repeats=True),
    Spec("previous_photo", tr("Pre&vious photo"), ("Ctrl+Shift+Tab",), repeats=True),
    Spec("next_pane", tr("Next pan&el"), ("F6",), tr("Move the focus to the next part of the window"),
         needs="nothing"),
    Spec("previous_pane", tr("Previous pane&l"), ("Shift+F6",), needs="nothing"),
    # Photo
    Spec("restore", tr("&Restore"), ("Ctrl+R",), tr("Run the chosen restoration on the whole photo"), "restore"),
    Spec("restore_visible", tr("Restore the &visible part"), ("Ctrl+Alt+R",),
         tr("Restore only the part of the photo that is visible")),
    Spec("complete", tr("Restore the r&est of the photo"), (),
         tr("Restore the whole photo like its outlined part")),
    Spec("improve", tr("&Auto"), ("Ctrl+U",), tr("Detect problems, fix them, and keep only what helps"), "auto"),
    Spec("advise", tr("S&uggest"), ("W",), tr("Suggest restorations without running them"), "info"),
    Spec("repair_old_photo", tr("Repair &old photo"), (),
         tr("Fill scratches and missing parts, reduce grain, and correct fading")),
    Spec("adjust", tr("A&djust…"), ("A",), tr("Change light and color"), "adjust", scope="photo"),
    Spec("crop", tr("&Crop…"), ("R",), tr("Crop the photo"), "crop", checkable=True),
    Spec("straighten", tr("&Straighten…"), ("Shift+R",), tr("Rotate the photo by a few degrees"), "straighten",
         checkable=True),
    Spec("rotate_left", tr("Rotate &left"), ("Ctrl+[",), tr("Rotate by 90° to the left"), "rotate-left"),
    Spec("rotate_right", tr("Rotate r&ight"), ("Ctrl+]",), tr("Rotate by 90° to the right"), "rotate-right"),
    Spec("flip_horizontal", tr("Flip &horizontally"), ("H",), tr("Mirror the photo left to right"), "flip-horizontal"),
    Spec("flip_vertical", tr("Flip ver&tically"), ("Shift+H",), tr("Mirror the photo top to bottom"), "flip-vertical"),
    Spec("models", tr("&Models…"), ("Ctrl+M",), tr("Download, import and remove models"), needs="nothing"),
    Spec("cancel", tr("Ca&ncel"), ("Esc",), tr("Cancel the running task"), "cancel", "job"),
    # Version
    Spec("go_to", tr("&Open this version"), ("Return", "Enter"), tr("Open the chosen version"), scope="versions"),
    Spec("compare", tr("&Compare with this version"), ("C",), tr("Compare the open version with the chosen one"),
         "layers"),
    Spec("repeat", tr("Re&peat this step on the open version"), (),
         tr("Apply the step of the chosen version to the open one")),
    Spec("apply_to_all", tr("Apply this step to &all open photos…"), (),
         tr("Apply the step of this version to every other open photo")),
    Spec("rename", tr("&Rename…"), ("F2",), tr("Rename this version"), scope="versions"),
    Spec("star", tr("&Star"), ("S",), tr("Mark this version with a star"), "star", scope="versions"),
    Spec("reject", tr("Re&ject"), ("X",), tr("Mark this version as not wanted, so that another method is tried first"),
         scope="versions"),
    Spec("delete", tr("&Delete"), ("Del",), tr("Delete this version (can be undone)"), "trash", scope="versions"),
    # Help
    Spec("chat", tr("C&hat"), ("Ctrl+L", "/"), tr("Describe what to do"), "chat"),
    Spec("help", tr("&Help"), ("F1",), tr("First steps and keyboard shortcuts"), "info", "nothing"),
    Spec("shortcuts", tr("&Keyboard shortcuts…"), ("Ctrl+/",), tr("Show and change keyboard shortcuts"),
         needs="nothing"),
    Spec("about", tr("A&bout Clarity Desktop"), needs="nothing"),
)

MENUS: Mapping[str, tuple[str, ...]] = {
    tr("&File"): ("open", "open_folder", "samples", "recent", "reopen",
                  "", "save", "save_as", "", "export_again", "export", "export_all", "",
                  "close", "quit"),
    tr("&Edit"): ("undo", "redo", "reset", "", "copy", "paste", "", "copy_adjustments", "paste_adjustments", "",
                  "chat", "save_macro", "run_macro", "", "preferences"),
    tr("&Select"): ("select_click", "select_box", "brush", "lasso", "heal", "select_words", "", "select_all",
                    "select_none", "select_invert", "", "keep_region", "remove_object", "", "copy_region",
                    "paste_region", "import_region", "export_region", "", "show_mask", "mask_color"),
    tr("&View"): ("zoom_in", "zoom_out", "fit", "full_size", "zoom_200", "zoom_400", "toggle_fit", "", "single",
                  "split", "side_by_side", "stacked", "before", "heat", "", "panels", "left_panels",
                  "right_panels", "full_screen", "docks", "",
                  "next_photo", "previous_photo", "next_pane", "previous_pane"),
    tr("&Photo"): ("improve", "advise", "", "restore", "restore_visible", "complete", "repair_old_photo", "tasks", "",
                   "adjust", "crop",
                   "straighten", "rotate_left", "rotate_right", "flip_horizontal", "flip_vertical",
                   "", "models", "", "cancel"),
    tr("&Compare"): ("compare_view", "compare_methods", "", "grid", "difference", "blink", "more_difference",
                     "less_difference", "", *(f"pick_{n}" for n in range(1, 7)), "", "next_candidate",
                     "previous_candidate", "take_part", "fuse_starred", "try_others", "", "leave_compare"),
    tr("Ve&rsion"): ("go_to", "compare", "repeat", "apply_to_all", "", "rename", "star", "reject", "delete"),
    tr("&Help"): ("help", "shortcuts", "about"),
}
"""Menu → names of actions in order; "" is a separator; the window fills "samples", "recent", "docks" and "tasks"."""
# fmt: on

TOOLBAR: tuple[str, ...] = (
    "open", "save", "export", "", "undo", "redo", "", "improve", "", "select_click", "brush", "adjust", "crop",
    "straighten", "rotate_left", "rotate_right", "flip_horizontal", "", "zoom_out", "zoom_in", "fit", "full_size", "",
    "single", "split", "side_by_side", "compare_view", "before", "heat",
)  # fmt: skip


COMPARE_ONLY = frozenset(spec.name for spec in ACTIONS if spec.scope == "compare")
"""Actions whose keys work in the compare view alone."""
IN_COMPARE_TOO = ("star", "reject")
"""Actions of the list of versions whose keys work everywhere while versions are compared."""


def conflicts(bindings: Mapping[str, str]) -> dict[str, list[str]]:
    """Key sequence → names of its actions, for sequences assigned to more than one action at a time."""
    found: dict[str, list[str]] = {}
    compare = {name: keys for name, keys in bindings.items() if name in COMPARE_ONLY or name in IN_COMPARE_TOO}
    others = {name: keys for name, keys in bindings.items() if name not in COMPARE_ONLY}
    for group in (others, compare):
        owners: dict[str, list[str]] = {}
        for name, text in group.items():
            # One action may have several sequences; each must be unique.
            for keys in QKeySequence.listFromString(text):
                owners.setdefault(keys.toString(), []).append(name)
        found |= {keys: names for keys, names in owners.items() if keys and len(names) > 1}
    return found


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
        self._changed: Mapping[str, str] = {}
        self._comparing = False
        self._window: QWidget | None = None
        self._actions = {spec.name: self._make(spec) for spec in ACTIONS}
        self.rebind(changed)

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def on(self, name: str, slot: Callable[[], object]) -> None:
        """Call slot when the action is triggered, by menu, key or button."""
        self._actions[name].triggered.connect(lambda _checked=False: slot())

    def rebind(self, changed: Mapping[str, str]) -> None:
        """Use the default keys and the changed ones; unknown names are ignored."""
        self._changed = changed
        keys = {name: QKeySequence.listFromString(text) for name, text in self.bindings(changed).items()}
        taken = {key.toString() for name in (*COMPARE_ONLY, *IN_COMPARE_TOO) for key in keys[name]}
        for name, own in keys.items():
            self._actions[name].setShortcuts(own)
            self._actions[name].setToolTip(self._tooltip(self.specs[name]))
            if self._comparing and name not in COMPARE_ONLY and name not in IN_COMPARE_TOO:
                self._actions[name].setShortcuts([key for key in own if key.toString() not in taken])

    def use_compare(self, on: bool) -> None:
        """Let the keys of the compare view take precedence over those of other actions, or no more."""
        if on == self._comparing:
            return
        self._comparing = on
        self.rebind(self._changed)
        context = Qt.ShortcutContext.WindowShortcut if on else Qt.ShortcutContext.WidgetWithChildrenShortcut
        for name in IN_COMPARE_TOO:
            self._actions[name].setShortcutContext(context)
            if self._window is not None and on:
                self._window.addAction(self._actions[name])
            elif self._window is not None:
                self._window.removeAction(self._actions[name])

    def bindings(self, changed: Mapping[str, str]) -> dict[str, str]:
        """All actions with their keys after these changes."""
        return default_bindings() | {name: text for name, text in changed.items() if name in self.specs}

    def attach(self, window: QWidget, photo: QWidget, versions: QWidget) -> None:
        """Add each action to the part of the window where its keys work."""
        homes: dict[Scope, QWidget] = {"window": window, "compare": window, "photo": photo, "versions": versions}
        self._window = window
        for name, spec in self.specs.items():
            homes[spec.scope].addAction(self._actions[name])

    def enable(self, present: set[Needs]) -> None:
        """Enable the actions whose needs are present."""
        for name, spec in self.specs.items():
            self._actions[name].setEnabled(spec.needs == "nothing" or spec.needs in present)

    def _make(self, spec: Spec) -> QAction:
        action = QAction(spec.text, self)
        action.setObjectName(spec.name)
        action.setStatusTip(spec.tip)
        action.setCheckable(spec.checkable)
        action.setAutoRepeat(spec.repeats)
        # Letter keys must trigger only while their part of the window has the focus, not while the user types.
        action.setShortcutContext(
            Qt.ShortcutContext.WindowShortcut
            if spec.scope in ("window", "compare")
            else Qt.ShortcutContext.WidgetWithChildrenShortcut
        )
        if spec.icon:
            theme.set_icon(action, spec.icon)
        return action

    def _tooltip(self, spec: Spec) -> str:
        keys = self._actions[spec.name].shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        if not keys:
            return spec.tip
        return QCoreApplication.translate(CONTEXT, tr("{tip} ({keys})")).format(tip=spec.tip, keys=keys)
