"""The decoder process: a broken or hostile file can crash or hang only this process.

A request is JSON with a path; the answer is JSON with the layout of a buffer that both processes map. Messages are
preceded by their length, 4 bytes, little-endian. The process ends when its input ends.
"""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import stat
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from clarity_desktop.backend.pictures import color_management, metadata
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.finish import Decoded, finish
from clarity_desktop.backend.pictures.readers import DRAFTS, READERS, format_of
from clarity_desktop.backend.pictures.stored_photo import DAMAGED, Caps, Refused, limit_processor_time
from clarity_desktop.text import to_json

# What decoders raise for broken files. Anything else ends the process, which the program reports as well.
BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError, SyntaxError,
          RuntimeError, ArithmeticError, AssertionError, struct.error, zlib.error, cv2.error)  # fmt: skip
_LONGEST = 1 << 20  # bytes of a message; pixels and blocks are passed in the buffer
_NO_MEMORY = -4  # OpenCV's code


def decode(path: str, caps: Caps) -> Decoded:
    """Read a photo. Raises Refused and MemoryError."""
    with _open_regular(path, caps) as file:
        try:
            kind = format_of(file)
            if kind is None:
                raise Refused("pictures.not_a_photo")
            return finish(READERS[kind](file, caps), kind, _suffix(path))
        except BROKEN as e:
            if isinstance(e, cv2.error) and e.code == _NO_MEMORY:
                raise MemoryError from e
            if isinstance(e, OSError) and e.errno in {errno.EIO, errno.ESTALE}:
                raise Refused("pictures.unreadable", reason=os.strerror(e.errno)) from e
            raise Refused(DAMAGED) from e


def preview(path: str, caps: Caps) -> tuple[Decoded, tuple[int, int]] | None:
    """A reduced picture that is there sooner than the photo, and the (width, height) of the oriented photo.

    A JPEG at a quarter of its size, in a third of the time, or the picture that the camera stored in a RAW photo. None
    for other formats and for small photos. Raises as `decode`.
    """
    with _open_regular(path, caps) as file:
        try:
            kind = format_of(file)
            if kind not in DRAFTS:
                return None
            found = DRAFTS[kind](file, caps)
            if found is None:
                return None
            stored, (width, height) = found
            finished = finish(stored, kind, _suffix(path))
        except BROKEN:
            return None  # reading the whole photo will report what is wrong
        wide = (finished.pixels.shape[1] >= finished.pixels.shape[0]) == (width >= height)
        return finished, (width, height) if wide else (height, width)


def _open_regular(path: str, caps: Caps) -> BinaryIO:
    """Open a file. Never blocks: pipes and devices are refused before they are opened."""
    try:
        found = os.stat(path)  # noqa: PTH116
        if stat.S_ISDIR(found.st_mode):
            raise Refused("pictures.is_folder")
        if not stat.S_ISREG(found.st_mode):
            raise Refused("pictures.not_regular")
        if found.st_size == 0:
            raise Refused("pictures.empty")
        if found.st_size > caps.bytes:
            raise Refused("pictures.file_too_large", size=found.st_size / 1e9, limit=caps.bytes / 1e9)
        return open(path, "rb", opener=_non_blocking)
    except FileNotFoundError as e:
        raise Refused("pictures.not_found") from e
    except PermissionError as e:
        raise Refused("pictures.no_permission") from e
    except (OSError, ValueError) as e:
        if isinstance(e, OSError) and e.errno:
            raise Refused("pictures.unreadable", reason=os.strerror(e.errno)) from e
        raise Refused("pictures.bad_name") from e


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122


def _non_blocking(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def is_intact(name: str, block: bytes) -> bool:
    """Whether an "icc", "exif", "xmp" or "iptc" block from a project file is safe to use in the program.

    It goes through the same libraries as a photo's own; whatever it does to them, it does in this process.
    """
    try:
        match name:
            case "icc":
                if profiles.parse(block).space != "RGB":
                    return False
                color_management.through_cms(np.zeros((1, 1, 3), np.uint8), block, color_management.SRGB)
            case "exif":
                metadata.rehearse(block, None, None)
            case "xmp":
                metadata.rehearse(None, block, None)
            case _:
                metadata.rehearse(None, None, block)
    except (*BROKEN, *color_management.PROFILE_ERRORS):
        return False
    return True


# Messages ------------------------------------------------------------------------------------------------------------


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message; None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack("<I", head)
    body = stream.read(min(size, _LONGEST))
    return json.loads(body) if len(body) == size else None


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write one message and flush."""
    body = json.dumps(message).encode()  # ASCII: a name that is not UTF-8 survives as lone surrogates
    stream.write(struct.pack("<I", len(body)) + body)
    stream.flush()


def write_to_buffer(photo: Decoded, buffer: str) -> dict[str, Any]:
    """Write a photo into the file `buffer`; returns the layout and the facts about the photo."""
    planes: dict[str, NDArray[Any]] = {"pixels": photo.pixels}
    if photo.alpha is not None:
        planes["alpha"] = photo.alpha
    planes |= {name: np.frombuffer(block, np.uint8) for name, block in photo.blocks.items()}
    layout: dict[str, Any] = {}
    size = 0
    for name, plane in planes.items():
        layout[name] = {"at": size, "shape": plane.shape, "dtype": plane.dtype.newbyteorder("=").name}
        size += plane.nbytes + -plane.nbytes % 64
    with open(buffer, "r+b", buffering=0) as file:  # noqa: PTH123
        file.truncate(size)
        for name, plane in planes.items():
            file.seek(layout[name]["at"])
            rest = np.ascontiguousarray(plane, plane.dtype.newbyteorder("=")).reshape(-1).view(np.uint8).data
            while rest:  # a third faster than mapping, which clears each page before it is filled
                rest = rest[file.write(rest) :]
    return {"layout": layout, "size": size, "format": photo.format, "mode": photo.mode, "profile": photo.profile,
            "notes": [to_json(note) for note in photo.notes]}  # fmt: skip


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Answer one request; refusals are part of the answer."""
    if "block" in request:
        with open(request["buffer"], "rb") as file:  # noqa: PTH123
            return {"intact": is_intact(request["block"], file.read())}
    caps = Caps(request["pixels"], request["bytes"], request["frames"], request.get("seconds", 0))
    try:
        if not request["preview"]:
            return write_to_buffer(decode(request["path"], caps), request["buffer"])
        found = preview(request["path"], caps)
        return {"none": True} if found is None else {**write_to_buffer(found[0], request["buffer"]), "whole": found[1]}
    except Refused as e:
        return {"refused": to_json(e.message)}
    except MemoryError:
        return {"refused": to_json(Refused("pictures.no_memory").message)}


def serve(requests: BinaryIO, answers: BinaryIO, reply: Callable[[dict[str, Any]], dict[str, Any]] = answer) -> None:
    """Answer until the requests end."""
    send(answers, {"ready": True})
    while (request := receive(requests)) is not None:
        limit_processor_time(request.get("seconds", 0))
        try:
            answered = reply(request)
        finally:
            limit_processor_time(0)
        send(answers, answered)


def _limit_memory(most: int) -> None:
    if sys.platform != "linux":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:  # if the system runs out of memory, this process is killed first
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("1000")
    except OSError:
        return


def main() -> None:
    """Answer on a private copy of standard output; what libraries print is discarded."""
    answers = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is handled by the program; this process ends with its input
    _limit_memory(int(sys.argv[-1]))
    Image.MAX_IMAGE_PIXELS = None  # `Caps` is checked before anything is decoded
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.preinit()
    serve(io.BufferedReader(io.FileIO(0)), answers)
