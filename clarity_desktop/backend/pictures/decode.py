"""The child process that decodes: what a broken or hostile file can do ends here.

A request is a line of JSON with a path; the answer is JSON that says what lies where in a buffer that both processes
map. Messages are preceded by their length, 4 bytes, little-endian. The child ends when its input ends.
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
from dataclasses import dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile

from clarity_desktop.backend.pictures import colour, geometry, metadata
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.raw_image import DAMAGED, Caps, Channel, Raw, Refused
from clarity_desktop.backend.pictures.readers import READERS, draft, kind_of

UNKNOWN = "is not a photo that this program can read (JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF or HEIC)."
# What decoders raise for broken files. Anything else ends the child, which is a sentence too.
BROKEN = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, EOFError, SyntaxError,
          RuntimeError, ArithmeticError, AssertionError, struct.error, zlib.error, cv2.error)  # fmt: skip
_LONGEST = 1 << 20  # bytes of a message: pixels and blocks go another way
_NO_MEMORY = -4  # OpenCV's code
_NAMES = {"JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "TIFF": (".tif", ".tiff", ".dng"), "GIF": (".gif",),
          "PNG": (".png", ".apng"), "HEIC": (".heic", ".heif", ".hif"), "BMP": (".bmp",), "WEBP": (".webp",),
          "AVIF": (".avif",)}  # fmt: skip


@dataclass(slots=True)
class Decoded:
    """A photo ready for the program: oriented RGB, settled colours, blocks."""

    pixels: Channel
    alpha: Channel | None
    blocks: dict[str, bytes]  # "icc", "exif", "xmp", "iptc" where there are any
    format: str
    mode: str
    profile: str
    notes: list[str]


def decode(path: str, caps: Caps) -> Decoded:
    """Read a photo. Raises Refused, or MemoryError."""
    with _regular(path, caps) as file:
        kind = kind_of(file.read(64))
        if kind is None:
            raise Refused(UNKNOWN)
        try:
            raw = READERS[kind](file, caps)
            return _settled(raw, kind, path)
        except BROKEN as e:
            if isinstance(e, cv2.error) and e.code == _NO_MEMORY:
                raise MemoryError from e
            if isinstance(e, OSError) and e.errno in {errno.EIO, errno.ESTALE}:
                raise Refused(f"cannot be read: {os.strerror(e.errno)}.") from e
            raise Refused(DAMAGED) from e


def preview(path: str, caps: Caps) -> tuple[Decoded, tuple[int, int]] | None:
    """A JPEG at a quarter of its size, in a third of the time, and its own width and height as it will be shown.

    None for other formats, and for photos that are quick anyway. Raises as `decode`.
    """
    with _regular(path, caps) as file:
        if kind_of(file.read(64)) != "JPEG":
            return None
        try:
            found = draft(file, caps)
            if found is None:
                return None
            raw, (width, height) = found
            settled = _settled(raw, "JPEG", path)
        except BROKEN:
            return None  # reading it whole will say what is wrong
        wide = (settled.pixels.shape[1] >= settled.pixels.shape[0]) == (width >= height)
        return settled, (width, height) if wide else (height, width)


def _regular(path: str, caps: Caps) -> BinaryIO:
    """The open file. Never blocks: pipes and devices are refused unopened."""
    try:
        found = os.stat(path)  # noqa: PTH116
        if stat.S_ISDIR(found.st_mode):
            raise Refused("is a folder, not a photo.")
        if not stat.S_ISREG(found.st_mode):
            raise Refused("is not a regular file and cannot be a photo.")
        if found.st_size == 0:
            raise Refused("is empty; try to copy it again from where it came from.")
        if found.st_size > caps.bytes:
            raise Refused(f"has {found.st_size / 1e9:.1f} GB; files above {caps.bytes / 1e9:.1f} GB are not opened.")
        return open(path, "rb", opener=_without_waiting)
    except FileNotFoundError as e:
        raise Refused("was not found; it may have been moved or renamed.") from e
    except PermissionError as e:
        raise Refused("cannot be read: you do not have the permission to.") from e
    except (OSError, ValueError) as e:
        reason = os.strerror(e.errno) if isinstance(e, OSError) and e.errno else "the name is not one of a file"
        raise Refused(f"cannot be read: {reason}.") from e


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _settled(raw: Raw, kind: str, path: str) -> Decoded:
    notes = raw.notes
    exif, xmp, orientation = _upright(raw, notes)
    pixels, icc = _rgb(raw, notes)
    alpha = raw.alpha
    if alpha is not None and alpha.dtype != pixels.dtype:
        alpha = colour.to8(alpha) if pixels.dtype == np.uint8 else colour.to16(alpha)
    if orientation != 1:
        pixels = geometry.oriented(pixels, orientation)
        alpha = None if alpha is None else geometry.oriented(alpha, orientation)
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122
    if suffix and any(suffix in v for k, v in _NAMES.items() if k != kind) and suffix not in _NAMES.get(kind, ()):
        notes.append(f"The file is named {suffix} but holds a {kind} photo.")
    found = {"icc": icc, "exif": exif, "xmp": xmp, "iptc": raw.iptc}
    blocks = {name: block for name, block in found.items() if block}
    return Decoded(pixels, alpha, blocks, kind, raw.mode, profiles.profile_name(icc), notes)


def _upright(raw: Raw, notes: list[str]) -> tuple[bytes | None, bytes | None, int]:
    """EXIF and XMP that say 1, and the orientation that they said: EXIF's word counts more."""
    exif, xmp, by_exif, by_xmp = raw.exif, raw.xmp, None, None
    if exif is not None:
        try:
            exif, by_exif = metadata.upright(exif)
        except ValueError:
            notes.append("The photo's EXIF data is broken and was left out.")
            exif = None
    if xmp is not None:
        xmp, by_xmp = metadata.upright_xmp(xmp)
    return exif, xmp, raw.orientation or by_exif or by_xmp or 1


def _rgb(raw: Raw, notes: list[str]) -> tuple[Channel, bytes | None]:
    """RGB pixels and the profile they are in."""
    if isinstance(raw.samples, Image.Image):
        return _from_cmyk(raw.samples, raw.icc, notes)
    if raw.mode == "Lab":
        pixels, space = colour.convert_lab(raw.samples, np.dtype(np.uint16))
        notes.append(f"The photo's Lab colours were converted to {space.name}, 16 bits.")
        return pixels, space.icc
    samples: Any = raw.samples
    if samples.ndim == 2:
        samples = cv2.cvtColor(np.ascontiguousarray(samples), cv2.COLOR_GRAY2RGB)
    return (samples, None) if raw.icc is None else _profiled(samples, raw.icc, raw.mode in {"1", "L"}, notes)


def _profiled(samples: Any, icc: bytes, grey: bool, notes: list[str]) -> tuple[Channel, bytes | None]:
    try:
        profile = profiles.parse(icc)
        if profile.space not in ({"RGB", "GRAY"} if grey else {"RGB"}):
            notes.append("The photo's colour profile is for another kind of photo and was ignored.")
            return samples, None
        if profile.space == "GRAY":
            if not profile.curves:
                raise profiles.BrokenProfile("a grey profile without a curve")
            icc = profiles.build(profile.name or "Grey", profiles.SRGB_PRIMARIES, profile.curve_tag)
            profile = profiles.parse(icc)
        few = Image.fromarray(np.ascontiguousarray(colour.to8(colour.sample(samples))))  # pyright: ignore
        colour.through_cms(few, icc, colour.SRGB)  # whatever it does to the colour engine, it does here
        if profile.matrix is None or not colour.is_far(profile):
            return samples, icc
        pixels, space = colour.convert(samples, profile)
    except (profiles.BrokenProfile, ImageCms.PyCMSError, OSError, ValueError):
        notes.append("The photo's colour profile is broken and was ignored.")
        return samples, None
    name = profile.name or "a profile far from sRGB"
    notes.append(f"The photo's colours were converted from {name} to {space.name}.")
    return pixels, space.icc


def _from_cmyk(image: Image.Image, icc: bytes | None, notes: list[str]) -> tuple[Channel, bytes | None]:
    if icc is not None:
        try:
            space = colour.narrowest_for(image, icc)
            pixels = colour.through_cms(image, icc, space)
            notes.append(f"The photo's CMYK colours were converted to {space.name}.")
            return pixels, space.icc
        except (ImageCms.PyCMSError, OSError, ValueError):
            notes.append("The photo's colour profile is broken and was ignored.")
    notes.append("The photo's CMYK colours were converted to sRGB without a profile; they are approximate.")
    return np.asarray(image.convert("RGB")), None


def is_intact(name: str, block: bytes) -> bool:
    """Whether an "icc", "exif", "xmp" or "iptc" block from a project file is safe to use in the program.

    It goes through the same libraries as a photo's own; whatever it does to them, it does in this process.
    """
    try:
        match name:
            case "icc":
                if profiles.parse(block).space != "RGB":
                    return False
                colour.through_cms(Image.new("RGB", (1, 1)), block, colour.SRGB)
            case "exif":
                metadata.upright(block)
            case "xmp":
                metadata.upright_xmp(block)
                metadata.without_places(block)
            case _:
                pass  # IPTC is carried along and never parsed
    except (*BROKEN, ImageCms.PyCMSError, profiles.BrokenProfile):
        return False
    return True


# The conversation ----------------------------------------------------------------------------------------------------


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message; None at the end."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (size,) = struct.unpack("<I", head)
    body = stream.read(min(size, _LONGEST))
    return json.loads(body) if len(body) == size else None


def send(stream: BinaryIO, message: dict[str, Any]) -> None:
    body = json.dumps(message).encode()  # ASCII: a name that is not UTF-8 survives as lone surrogates
    stream.write(struct.pack("<I", len(body)) + body)
    stream.flush()


def hand_over(photo: Decoded, buffer: str) -> dict[str, Any]:
    """Write a photo into the file `buffer` and say what lies where."""
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
            while rest:  # writing is a third faster than mapping: no page is cleared before it is filled
                rest = rest[file.write(rest) :]
    return {"layout": layout, "size": size, "format": photo.format, "mode": photo.mode, "profile": photo.profile,
            "notes": photo.notes}  # fmt: skip


def answer(request: dict[str, Any]) -> dict[str, Any]:
    if "block" in request:
        with open(request["buffer"], "rb") as file:  # noqa: PTH123
            return {"intact": is_intact(request["block"], file.read())}
    caps = Caps(request["pixels"], request["bytes"], request["frames"])
    try:
        if not request["preview"]:
            return hand_over(decode(request["path"], caps), request["buffer"])
        found = preview(request["path"], caps)
        return {"none": True} if found is None else {**hand_over(found[0], request["buffer"]), "whole": found[1]}
    except Refused as e:
        return {"refused": str(e)}
    except MemoryError:
        return {"refused": "needs more memory than a photo may take."}


def serve(requests: BinaryIO, answers: BinaryIO, reply: Callable[[dict[str, Any]], dict[str, Any]] = answer) -> None:
    """Answer until the requests end."""
    send(answers, {"ready": True})
    while (request := receive(requests)) is not None:
        send(answers, reply(request))


def _limit_memory(most: int) -> None:
    if sys.platform != "linux":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:  # if memory runs short all the same, this process goes first
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("1000")
    except OSError:
        return


def main() -> None:
    """Speak on a private copy of standard output; what libraries print goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the program; the child ends with its input
    _limit_memory(int(sys.argv[-1]))
    Image.MAX_IMAGE_PIXELS = None  # our own cap is checked before anything is decoded
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.preinit()
    serve(io.BufferedReader(io.FileIO(0)), answers)
