"""A photo as a reader decoded it: before its orientation is applied and its colors are converted."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.text import Field, Message

Channel = NDArray[np.uint8] | NDArray[np.uint16]


class Refused(Exception):
    """Why a file is not opened: the key and the fields of a template in text/pictures.py.

    The field `name` is filled in by the program, which knows how to show a file's name.
    """

    def __init__(self, key: str, **fields: Field) -> None:
        super().__init__(key)
        self.message = Message(key, {"name": "", **fields})


DAMAGED = "pictures.damaged"


@dataclass(slots=True)
class Raw:
    """What a reader decoded.

    samples: H×W (gray) or H×W×3 RGB, uint8 0..255 or uint16 0..65535; H×W×3 float32 L, a, b where mode is "Lab"; a PIL
    image of mode CMYK. alpha: H×W of the same depth, not multiplied into the samples. orientation: 1..8 as in EXIF,
    None where the EXIF block has it. notes: messages for the user about what was converted or left out.
    """

    samples: NDArray[Any] | Image.Image
    mode: str
    alpha: Channel | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    orientation: int | None = None
    notes: list[Message] = field(default_factory=list)


SECONDS_PER_MEGAPIXEL = 0.3


def limit_processor_time(seconds: float) -> None:
    """Let the system end this process after this much more processor time (SIGPROF); 0 removes the limit.

    Processor time, because a slow disk or a busy machine is not the fault of the photo. Systems without interval timers
    (Windows) only have the limit of the waiting process.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits that are checked before anything is decoded: pixels, bytes of the file, frames, processor time."""

    pixels: int
    bytes: int
    frames: int
    seconds: float = 0  # 0: no limit

    def check(self, width: int, height: int, frames: int = 1) -> None:
        """Raise Refused for a picture that is too large or has too many frames."""
        if width * height > self.pixels:
            raise Refused("pictures.too_many_pixels", width=width, height=height, limit=self.pixels / 1e6)
        if width < 1 or height < 1:
            raise Refused(DAMAGED)
        if frames > self.frames:
            raise Refused("pictures.too_many_frames", frames=frames, limit=self.frames)
        if self.seconds:
            limit_processor_time(self.seconds + SECONDS_PER_MEGAPIXEL * width * height / 1e6)


def split_alpha(samples: NDArray[Any], blue_first: bool = False) -> tuple[NDArray[Any], Channel | None]:
    """Split H×W×3 or H×W×4 samples (uint8 or uint16) into contiguous H×W×3 RGB and H×W alpha (None for three channels).

    blue_first: the samples are in OpenCV's order, BGR or BGRA.
    """
    if samples.shape[2] == 3:
        return cv2.cvtColor(samples, cv2.COLOR_BGR2RGB) if blue_first else samples, None
    rgb = cv2.cvtColor(samples, cv2.COLOR_BGRA2RGB if blue_first else cv2.COLOR_RGBA2RGB)
    return rgb, cv2.extractChannel(samples, 3)  # pyright: ignore[reportReturnType]


def match_groups(pattern: bytes, head: bytes) -> tuple[bytes, ...] | None:
    """Groups of the first match of a pattern in the first bytes of a file; None without a match."""
    found = re.search(pattern, head, re.DOTALL)
    return None if found is None else found.groups()
