"""Restored parts: their outline on the photo, and the rest of the photo on request."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QObject

from clarity_desktop.messages import Complete
from clarity_desktop.ui.docks.restore import RestoreDock
from clarity_desktop.ui.document_state import DocumentState
from clarity_desktop.ui.labels import percent, task_title
from clarity_desktop.ui.notices import Bar
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Version, VersionId, part_of, parts_of

NOTICE_SECONDS = 20.0


class PartCommands(QObject):
    """Says of a version that only a part of it was restored, and does the rest."""

    def __init__(self, session: Session, dock: RestoreDock) -> None:
        super().__init__(session)
        self._session, self._dock = session, dock
        self._notices: dict[DocumentState, tuple[VersionId, Bar]] = {}
        dock.rest_asked.connect(self.complete)
        session.actions.on("complete", self.complete)

    def show_state(self) -> None:
        """The document that is shown, or its open version, changed."""
        for state in self._session.documents:
            for version in state.shown_versions:
                state.canvas.show_part(version.id, part_of(version))
        for state, (version, bar) in tuple(self._notices.items()):
            if state.head != version:
                bar.close_later()
        state = self._session.current
        head = state.head_version if state else None
        text = (part_text(head) or selection_text(head)) if head else ""
        self._dock.show_part(text)
        self._session.actions["complete"].setEnabled(bool(text))

    def announce(self, state: DocumentState, version: Version) -> None:
        """A part was restored: say so over the photo, with a button for the rest."""
        if text := part_text(version):
            choices = ((self.tr("Restore the rest"), self.complete),)
            bar = self._session.notify(text, choices=choices, document=state, seconds=NOTICE_SECONDS)
            self._notices[state] = version.id, bar
            bar.closed.connect(partial(self._forget_notice, state))

    def _forget_notice(self, state: DocumentState) -> None:
        self._notices.pop(state, None)

    def complete(self) -> None:
        """Restore the whole photo as its part was restored."""
        state = self._session.current
        head = state.head_version if state else None
        if state is None or state.id is None or head is None or not (part_text(head) or selection_text(head)):
            return
        _, steps = parts_of(state.versions, head)
        request = Complete(state.id, head.id)
        title = task_title(steps[-1].task) if steps and steps[-1].task else self.tr("Restore")
        if all(pending.request != request for pending in self._session.running(Complete, state)):
            self._session.ask(request, state, title)


def part_text(version: Version) -> str:
    """Which share of a photo was restored; "" for a version that is no restoration of a part."""
    part = part_of(version)
    if part is None:
        return ""
    share = part.area / (version.width * version.height)
    text = QCoreApplication.translate("PartCommands", "Only the outlined part ({share} of the photo) was restored.")
    return text.format(share=percent(max(share, 0.01)))


def selection_text(version: Version) -> str:
    """That only what was selected was restored; "" for any other version. Filling an object has no rest."""
    step = version.step
    if step.kind != "restore" or step.region is None or step.task in (None, "inpaint") or part_of(version):
        return ""
    return QCoreApplication.translate("PartCommands", "Only what was selected was restored.")


def unfinished(state: DocumentState) -> str:
    """A warning for an export: the open version, or one that led to it, is restored in a part only; else ""."""
    version = state.head_version
    while version is not None and version.step.kind != "reset":
        if part := part_of(version):
            share = percent(max(part.area / (version.width * version.height), 0.01))
            text = QCoreApplication.translate("PartCommands", "Only part of this photo ({share}) was restored.")
            return text.format(share=share)
        version = state.versions.get(version.parent) if version.parent else None
    return ""
