"""The dialogs about the program itself: preferences, keyboard shortcuts, about."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QMessageBox
from shiboken6 import isValid

import clarity_desktop
from clarity_desktop.messages import (
    Configure,
    ListLlmModels,
    ListPreferences,
    LlmKeyRead,
    LlmModelsListed,
    LlmTested,
    PreferencesListed,
    ReadLlmKey,
    ResetPreferences,
    RestorePreferences,
    StoreLlmKey,
    TestLlm,
)
from clarity_desktop.settings import LlmSettings, Settings
from clarity_desktop.ui import theme
from clarity_desktop.ui.dialogs.help import HelpDialog
from clarity_desktop.ui.dialogs.preferences import Preferences
from clarity_desktop.ui.dialogs.shortcuts import ShortcutsDialog
from clarity_desktop.ui.requests import PendingRequest
from clarity_desktop.ui.session import Session
from clarity_desktop.ui.translate import render
from clarity_desktop.values import Task

NOT_IN_DIALOG = {"recent", "shortcuts", "window", "methods", "presets"}


class PreferenceCommands(QObject):
    """Connects the dialogs with the settings of the session, and the settings with the backend."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.help: HelpDialog | None = None
        self._dialog: Preferences | None = None
        self._methods_before: Mapping[str, str] | None = None  # what the last reset removed from the settings
        self.extra_metrics: tuple[str, ...] = ()  # installed, can be switched on
        session.actions.on("preferences", self._show_preferences)
        session.actions.on("shortcuts", self._show_shortcuts)
        session.actions.on("about", self._show_about)
        session.actions.on("help", self._show_help)
        session.settings_changed.connect(self._configure)

    def use(self, settings: Settings) -> None:
        """Use the settings of the dialog. Those that it does not show may have changed while it was open: they stay."""
        shown = [f.name for f in dataclasses.fields(settings) if f.name not in NOT_IN_DIALOG]
        self._session.change_settings(**{name: getattr(settings, name) for name in shown})

    def rebind(self, changed: dict[str, str]) -> None:
        """Use other keyboard shortcuts: action → keys, where they differ from the default."""
        self._session.change_settings(shortcuts=changed)
        self._session.actions.rebind(changed)

    def _configure(self, before: Settings, after: Settings) -> None:
        """Tell the backend; until it is connected it is created with the settings of that moment."""
        # Before that, the backend is created with the current settings anyway.
        if self._session.requests.link is not None and _for_backend(before) != _for_backend(after):
            self._session.ask(Configure(after))

    def _show_preferences(self) -> None:
        dialog = Preferences(self._session.dialog_parent, self._session.settings, self.extra_metrics)
        dialog.theme_tried.connect(self._apply_theme)
        dialog.agreed.connect(self.use)
        dialog.shortcuts_asked.connect(self._show_shortcuts)
        dialog.key_typed.connect(self._store_key)
        page = dialog.llm_page
        page.key_asked.connect(self._read_key)
        page.key_removed.connect(self._store_key)
        page.models_asked.connect(self._list_models)
        page.test_asked.connect(self._test)
        methods = dialog.methods_page
        methods.asked.connect(self._list_preferences)
        methods.reset_asked.connect(self._reset)
        methods.undo_asked.connect(self._undo_reset)
        self._dialog = dialog
        dialog.open()

    def show_preferences(self, event: PreferencesListed) -> None:
        """Show which methods the user prefers, if the dialog is open."""
        if self._dialog is not None and isValid(self._dialog):
            can_undo = event.can_restore or self._methods_before is not None
            self._dialog.methods_page.show_preferences(event.tasks, self._session.settings.methods, can_undo=can_undo)

    def _list_preferences(self) -> None:
        self._session.ask(ListPreferences())

    def _reset(self, task: Task | None) -> None:
        """Forget the choices of a task or of all, and the methods that were set in the Restore panel."""
        before = self._session.settings.methods
        after = {of: method for of, method in before.items() if task is not None and of != task}
        self._methods_before = before if after != before else None
        self._session.change_settings(methods=after)
        self._session.ask(ResetPreferences(task))

    def _undo_reset(self) -> None:
        if self._methods_before is not None:
            # What was set since the reset stays.
            self._session.change_settings(methods={**self._methods_before, **self._session.settings.methods})
            self._methods_before = None
        self._session.ask(RestorePreferences())

    def _read_key(self, url: str) -> None:
        self._session.ask(ReadLlmKey(url))

    def _store_key(self, url: str, key: str = "") -> None:
        self._session.ask(StoreLlmKey(url, key))

    def _list_models(self, llm: LlmSettings, key: str | None) -> None:
        self._session.ask(ListLlmModels(llm, key))

    def _test(self, llm: LlmSettings, key: str | None) -> None:
        self._session.ask(TestLlm(llm, key))

    def show_llm(self, event: LlmModelsListed | LlmTested | LlmKeyRead) -> None:
        """Show what a language model server answered in the dialog; what concerns a key also after it was closed."""
        page = self._dialog.llm_page if self._dialog is not None and isValid(self._dialog) else None
        text = render(event.text)
        match event:
            case LlmModelsListed(url, models):
                if page is not None:
                    page.show_models(url, models, text)
            case LlmTested():
                if page is not None:
                    page.show_status(text, "good")
            case LlmKeyRead(url, there):
                if page is not None:
                    page.show_key(url, there, text)
                elif text:
                    self._session.notify(text)

    def fail_llm(self, pending: PendingRequest, text: str) -> bool:
        """Show the failure of a request of the dialog there; returns whether it was one."""
        if not isinstance(pending.request, ListLlmModels | TestLlm | ReadLlmKey):
            return False
        if self._dialog is not None and isValid(self._dialog):
            if isinstance(pending.request, ReadLlmKey):
                self._dialog.llm_page.show_key(pending.request.url, False, "")  # an address that is being typed
            else:
                self._dialog.llm_page.show_status(text, "error")
        return True

    def _apply_theme(self, choice: theme.Choice) -> None:
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, choice)

    def _show_shortcuts(self) -> None:
        dialog = ShortcutsDialog(self._session.dialog_parent, self._session.settings.shortcuts)
        dialog.agreed.connect(self.rebind)
        dialog.open()

    def _show_help(self) -> None:
        """The help page; it stays open beside the window."""
        if self.help is None or not isValid(self.help):
            self.help = HelpDialog(self._session.dialog_parent, self._session.actions)
            self.help.shortcuts_asked.connect(self._show_shortcuts)
        self.help.show()
        self.help.raise_()
        self.help.activateWindow()

    def _show_about(self) -> None:
        box = QMessageBox(self._session.dialog_parent)
        box.setWindowTitle(self.tr("About Clarity Desktop"))
        box.setText(self.tr("Clarity Desktop {version}").format(version=clarity_desktop.__version__))
        box.setInformativeText(
            self.tr(
                "Restores damaged photos on this computer. Your photos leave it only if you switch on a language model "
                "and let it see them.\n\n"
                "Networks and weights have licenses of their own, which the Models dialog shows. "
                "RAW photos are developed by LibRaw (LGPL 2.1 or CDDL 1.0) through rawpy (MIT)."
            )
        )
        box.finished.connect(box.deleteLater)
        box.open()


def _for_backend(settings: Settings) -> Settings:
    """The settings with those reset that only windows use."""
    return dataclasses.replace(settings, recent=(), shortcuts={}, window="", theme="system", presets={})
