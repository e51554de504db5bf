"""Documents of earlier runs: unsaved and closed ones, and their disk space."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject

from clarity_desktop.messages import DiscardRecovery, DiskMeasured, FindClosed, Prune, Recover
from clarity_desktop.ui.dialogs.closed_documents import ClosedDialog
from clarity_desktop.ui.labels import clock, file_size
from clarity_desktop.ui.pixels import to_image
from clarity_desktop.ui.session import Session
from clarity_desktop.values import Recovery


class RecoveryCommands(QObject):
    """Offers to recover, reopen or erase documents that are not open."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._waiting: list[Recovery] = []
        session.actions.on("reopen", lambda: session.ask(FindClosed()))

    def show_recoveries(self, recoveries: Sequence[Recovery]) -> None:
        """Offer the documents that an earlier run left open, one after the other."""
        # One at a time: a stack of offers would cover the photo.
        self._waiting = list(recoveries)
        self._offer_next()

    def show_closed(self, closed: Sequence[Recovery]) -> None:
        """List the documents that were closed without being saved."""
        if not closed:
            self._session.notify(self.tr("No document was closed without saving."), seconds=6)
            return
        dialog = ClosedDialog(self._session.dialog_parent, closed)
        dialog.opened.connect(self._reopen)
        dialog.open()

    def show_disk(self, measured: DiskMeasured) -> None:
        """Offer to erase the documents that were closed longest ago if all take more than the user allows."""
        if not measured.over:
            return
        used = self.tr("Documents take {used}; the limit is {limit}.").format(
            used=file_size(measured.used), limit=file_size(measured.budget)
        )
        count = len(measured.over)
        question = self.tr("%n closed document(s) can be erased permanently.", "", count)
        choices = (
            (self.tr("Erase"), partial(self._erase, measured)),
            (self.tr("Keep all"), lambda: None),
        )
        self._session.notify(f"{used} {question}", "offer", choices)

    def _erase(self, measured: DiskMeasured) -> None:
        self._session.ask(Prune(measured.over), None, self.tr("Erasing closed documents…"))

    def _offer_next(self) -> None:
        if not self._waiting:
            return
        found, others = self._waiting.pop(0), len(self._waiting)
        if found.versions > 1:
            text = self.tr("“{title}” from {time} has unsaved work: %n version(s).", "", found.versions)
        else:
            text = self.tr("“{title}” from {time} was left open; not all of it is saved.")
        sentences = [text.format(title=found.title, time=clock(found.time))]
        if others:
            sentences.append(self.tr("There are %n more.", "", others))
        choices = (
            (self.tr("Recover"), partial(self._recover, found)),
            *(((self.tr("Recover all"), partial(self._recover_all, found)),) if others else ()),
            (self.tr("Later"), self._offer_next),
            (self.tr("Move to closed documents"), partial(self._discard, found)),
        )
        self._session.notify(" ".join(sentences), "offer", choices, image=to_image(found.thumbnail))

    def _recover(self, found: Recovery) -> None:
        self._session.ask(Recover(found.store), None, self.tr("Recovering {title}…").format(title=found.title))
        self._offer_next()

    def _recover_all(self, found: Recovery) -> None:
        others, self._waiting = self._waiting, []
        for recovery in (found, *others):
            self._recover(recovery)

    def _discard(self, found: Recovery) -> None:
        self._session.ask(DiscardRecovery(found.store))
        self._offer_next()

    def _reopen(self, found: Recovery) -> None:
        self._session.ask(Recover(found.store), None, self.tr("Opening {title}…").format(title=found.title))
