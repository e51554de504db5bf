"""Reads photos in a warm child process, so that no file can crash or hang the program."""

from __future__ import annotations

import json
import logging
import mmap
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.messages import UserError
from clarity_desktop.settings import MAX_MEGAPIXELS
from clarity_desktop.text import Message, from_json
from clarity_desktop.values import Picture

log = logging.getLogger(__name__)
TIMED_OUT = 27
"""The signal (SIGPROF) by which the system ends a child that has used its processor time."""
_BASE_MEMORY, _BYTES_PER_PIXEL = 2_000_000_000, 32  # the child's address space: its libraries, and what a photo takes
_START = "import sys; sys.path.insert(0, sys.argv[1]); from clarity_desktop.backend.pictures.decode import main; main()"


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused before or while a photo is decoded.

    seconds: processor time for a photo, to which 0.3 s per declared megapixel are added. wall_seconds: time after which
    a decoder that does not even use the processor (a dead network disk) is ended, if the user did not stop it before.
    """

    megapixels: float = MAX_MEGAPIXELS
    bytes: int = 2_000_000_000
    frames: int = 10_000
    seconds: float = 10
    wall_seconds: float = 3600


def child_command(limits: Limits) -> list[str]:
    """The command that starts the child; -P keeps the current folder, which is not trusted, out of its import path."""
    memory = _BASE_MEMORY + round(limits.megapixels * 1e6) * _BYTES_PER_PIXEL
    return [sys.executable, "-P", "-c", _START, str(Path(__file__).parents[3]), str(memory)]


def display_name(path: Path) -> str:
    """The file's name for a sentence: without control characters, at most 76 characters."""
    name = path.name or str(path)
    name = "".join(c if c.isprintable() else "�" for c in name)
    return name if len(name) <= 80 else name[:50] + "…" + name[-25:]


class _Hung(Exception):
    pass


class _NoPreview(Exception):
    """The file has no preview that would be quicker than decoding."""


class _Died(Exception):
    pass


class Stopped(Exception):
    """The photo is no longer wanted; see `Decoder.stop`."""


class _Child:
    """One child process and its pipes."""

    def __init__(self, command: Sequence[str]) -> None:
        flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)
        self._process = subprocess.Popen(  # noqa: S603 our own interpreter and our own file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, creationflags=flags
        )
        self._ready = False

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The child's answer, waiting at most `seconds`. Raises _Hung and _Died; the child has ended after either."""
        from clarity_desktop.backend.pictures.decode import receive, send

        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        # A blocking read cannot time out; the timer kills the child, which ends the read.
        timer = threading.Timer(seconds, expire)
        timer.name = "clarity-decoder-watch"
        timer.daemon = True
        timer.start()
        to, back = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        try:
            if not self._ready:
                self._ready = receive(back) is not None  # pyright: ignore[reportArgumentType]
            send(to, request)  # pyright: ignore[reportArgumentType]
            answer = receive(back)  # pyright: ignore[reportArgumentType]
        except (OSError, ValueError):
            answer = None
        finally:
            timer.cancel()
            timer.join()
        if answer is not None and not expired.is_set():
            return answer
        self.end()
        timed_out = expired.is_set() or self._process.returncode == -TIMED_OUT
        raise _Hung if timed_out else _Died(self._process.returncode)

    def kill(self) -> None:
        """End the process from another thread; `ask` then raises _Died."""
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:  # stuck in a dead network disk; the system ends it when it can
            log.warning("The decoder %s does not end.", self._process.pid)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # the child is gone: what was still to be written is lost, as it must be
                    continue

    @property
    def alive(self) -> bool:
        return self._process.poll() is None


class _Buffer:
    """Memory that both processes map. On Linux it has no name, so nothing is left behind however they end."""

    def __init__(self) -> None:
        self._named: Path | None = None
        if sys.platform == "linux":
            self._file = os.memfd_create("clarity-photo", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            self.path = f"/proc/{os.getpid()}/fd/{self._file}"
        else:
            self._file, self.path = tempfile.mkstemp(prefix="clarity-photo-")
            self._named = Path(self.path)

    def map(self, size: int) -> mmap.mmap:
        """The whole buffer, read-only. Raises OSError or ValueError if it is not as large as the child says."""
        if sys.platform == "linux":
            import fcntl

            # A compromised child can then neither shrink nor change what this process has mapped.
            seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
            fcntl.fcntl(self._file, fcntl.F_ADD_SEALS, seals)
        if os.fstat(self._file).st_size < size:
            raise ValueError("the buffer is too small")
        return mmap.mmap(self._file, size, access=mmap.ACCESS_READ)

    def write(self, data: bytes) -> None:
        """Write bytes for the child to read. Raises OSError."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def close(self) -> None:
        """Release the file; the mapping stays until the last array is freed."""
        os.close(self._file)
        if self._named is not None:
            try:
                self._named.unlink()
            except PermissionError:  # Windows: still mapped
                log.info("%s stays until the temporary folder is cleaned.", self._named)


class Decoder:
    """Reads photos in one warm child process, one file at a time; may be called from any thread."""

    def __init__(self, limits: Limits | None = None, command: Sequence[str] | None = None) -> None:
        """Start the child. command: replaces the child in tests."""
        self.limits = limits or Limits()
        self._command = command or child_command(self.limits)
        self._lock = threading.Lock()
        self._guard = threading.Lock()  # of _wanted; held only for a moment
        self._wanted: threading.Event | None = None  # what ends the reading that is going on
        self._child: _Child | None = self._start()

    def read(self, path: Path, stop: threading.Event | None = None) -> Picture:
        """The photo, with read-only pixels; blocks while it is decoded. Raises UserError, and Stopped after `stop`."""
        try:
            return self._received(path, stop, preview=False)[0]
        except (OSError, ValueError, KeyError, TypeError) as e:
            log.warning("The decoder's answer is invalid: %r", e)
            raise UserError("pictures.decoder_failed", name=display_name(path)) from e

    def stop(self, stop: threading.Event) -> None:
        """End a reading, waiting or going on, that was started with this event, so that the next one need not wait."""
        with self._guard:
            stop.set()
            if self._wanted is stop and self._child is not None:
                self._child.kill()

    def preview(self, path: Path, stop: threading.Event | None = None) -> tuple[Picture, tuple[int, int]] | None:
        """A large JPEG much reduced and the photo's own width and height, sooner than `read`; None for other files.

        Raises UserError where reading it will fail too, and Stopped after `stop`.
        """
        try:
            picture, answer = self._received(path, stop, preview=True)
            width, height = answer["whole"]
            return picture, (int(width), int(height))
        except _NoPreview:
            return None
        except (OSError, ValueError, KeyError, TypeError) as e:
            log.warning("The decoder's answer is invalid: %r", e)
            return None

    def is_intact(self, name: str, block: bytes) -> bool:
        """Whether an "icc", "exif", "xmp" or "iptc" block that comes from a project file may be used in the program.

        Tried in the child, so that a hostile one can neither crash nor hang the program. Raises UserError if the
        program is closing.
        """
        with self._lock:
            buffer = _Buffer()
            try:
                buffer.write(block)
                return bool(self._exchange({"block": name, "buffer": buffer.path}, name).get("intact"))
            except (OSError, _Hung, _Died) as e:
                log.warning("A block of a project (%s) stopped the decoder: %r", name, e)
                return False
            finally:
                buffer.close()

    def _received(self, path: Path, stop: threading.Event | None, *, preview: bool) -> tuple[Picture, dict[str, Any]]:
        """The picture that the child decoded, and its whole answer."""
        with self._lock, self._watched(stop):
            buffer = _Buffer()
            try:
                answer = self._ask(path, buffer.path, preview=preview)
                if "refused" in answer:
                    raise UserError(_refusal(answer["refused"], path))
                if "none" in answer:
                    raise _NoPreview
                return _picture(answer, buffer, path), answer
            finally:
                buffer.close()

    @contextmanager
    def _watched(self, stop: threading.Event | None) -> Generator[None]:
        """Let `stop` end what is done inside. Raises Stopped."""
        if stop is None:
            yield
            return
        with self._guard:
            if stop.is_set():
                raise Stopped
            self._wanted = stop
        try:
            yield
        except UserError as e:
            if stop.is_set():
                raise Stopped from e
            raise
        finally:
            with self._guard:
                self._wanted = None

    def close(self) -> None:
        """End the child. Photos already read stay valid; `read` raises UserError from now on."""
        with self._lock:
            if self._child is not None:
                self._child.end()
            self._child = None

    def _start(self) -> _Child:
        try:
            return _Child(self._command)
        except OSError as e:
            raise UserError("pictures.decoder_not_started", reason=e.strerror or str(e)) from e

    def _ask(self, path: Path, buffer: str, *, preview: bool) -> dict[str, Any]:
        limits = self.limits
        request = {"path": str(path.absolute()), "buffer": buffer, "pixels": round(limits.megapixels * 1e6),
                   "bytes": limits.bytes, "frames": limits.frames, "preview": preview}  # fmt: skip
        try:
            return self._exchange(request, display_name(path))
        except _Hung:
            raise UserError("pictures.decoder_timeout", name=display_name(path)) from None
        except _Died as e:
            log.warning("The decoder ended with %s on a file.", e)
            raise UserError("pictures.decoder_crashed", name=display_name(path)) from None

    def _exchange(self, request: dict[str, Any], what: str) -> dict[str, Any]:
        """The child's answer. Raises _Hung or _Died, with a new child started, and UserError while closing."""
        if self._child is None:
            raise UserError("pictures.closing", name=what)
        if not self._child.alive:  # ended between two photos, perhaps by the system
            self._child.end()
            self._child = self._start()
        try:
            return self._child.ask({**request, "seconds": self.limits.seconds}, self.limits.wall_seconds)
        except (_Hung, _Died):
            self._child = self._start()
            raise


def _refusal(stored: Any, path: Path) -> Message:
    """Why the child refused a file, with the file's name. Raises ValueError if the answer is no message."""
    reason = from_json(stored)
    if not isinstance(reason, Message):
        raise ValueError("the decoder refused without a reason")
    return Message(reason.key, {**reason.fields, "name": display_name(path)})


def _texts(stored: Any) -> tuple[tuple[str, str], ...]:
    """Keyword and text of each comment. Raises ValueError for anything else."""
    return tuple((str(key).encode("utf-8", "replace").decode(), str(text).encode("utf-8", "replace").decode())
                 for key, text in stored)  # fmt: skip


def _picture(answer: dict[str, Any], buffer: _Buffer, path: Path) -> Picture:
    # The arrays keep the mapping alive; no pixel is copied.
    shared = buffer.map(int(answer["size"]))
    layout: dict[str, dict[str, Any]] = answer["layout"]

    def plane(name: str) -> NDArray[Any]:
        at = layout[name]
        dtype = np.dtype({"uint8": np.uint8, "uint16": np.uint16}[at["dtype"]])
        return np.ndarray(tuple(map(int, at["shape"])), dtype, shared, int(at["at"]))

    blocks = {name: plane(name).tobytes() for name in ("icc", "exif", "xmp", "iptc") if name in layout}
    pixels = plane("pixels")
    if pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ValueError("not a picture")
    return Picture(
        pixels,
        alpha=plane("alpha") if "alpha" in layout else None,
        profile=str(answer["profile"]),
        format=str(answer["format"]),
        mode=str(answer["mode"]),
        path=path,
        texts=_texts(json.loads(plane("texts").tobytes())) if "texts" in layout else (),
        notes=tuple(note for note in map(from_json, answer["notes"]) if isinstance(note, Message)),
        **blocks,
    )
