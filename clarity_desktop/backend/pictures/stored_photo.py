"""A photo as a reader decoded it: before its orientation is applied and its colors are converted."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.text import Field, Message

Channel = NDArray[np.uint8] | NDArray[np.uint16]
Model = Literal["gray", "rgb", "cmyk", "lab"]
"""Color models of stored samples."""


class Refused(Exception):
    """Why a file is not opened: the key and the fields of a template in text/pictures.py.

    The field `name` is filled in by the program, which knows how to show a file's name.
    """

    def __init__(self, key: str, **fields: Field) -> None:
        super().__init__(key)
        self.message = Message(key, {"name": "", **fields})


DAMAGED = "pictures.damaged"
FIRST_ONLY = Message("pictures.first_only")
GAIN_MAP = Message("pictures.gain_map")


class CodePoints(NamedTuple):
    """Primaries and transfer function as numbered in ITU-T H.273 (CICP)."""

    primaries: int
    transfer: int


@dataclass(slots=True)
class Stored:
    """What a reader decoded; `finish` makes of it what the program edits.

    samples: H×W (gray), H×W×3 (RGB) or H×W×4 (CMYK: the largest value is full ink), uint8, uint16 or float32 with
    black 0 and white 1; H×W×3 float32 L 0..100, a, b for Lab. alpha: H×W of the same dtype. bits: how many bits of
    uint16 samples are used, from the lowest on; 0 for all. premultiplied: the samples are multiplied by alpha.
    mode: how the file names its pixels ("L", "P", "RGB", …). orientation: 1..8 as in EXIF, None where the EXIF block
    has it. texts: keyword and text of each comment. resolution: pixels per inch across and down, as the format states
    it beside EXIF. notes: messages for the user about what was converted or left out.
    """

    samples: NDArray[Any]
    model: Model
    mode: str
    alpha: NDArray[Any] | None = None
    bits: int = 0
    premultiplied: bool = False
    icc: bytes | None = None
    code_points: CodePoints | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    texts: tuple[tuple[str, str], ...] = ()
    resolution: tuple[float, float] | None = None
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

    def check(
        self, width: int, height: int, frames: int = 1, per_megapixel: float = SECONDS_PER_MEGAPIXEL
    ) -> None:  # fmt: skip
        """Raise Refused for a picture that is too large or has too many frames.

        per_megapixel: seconds of processor time that decoding it may take.
        """
        if width * height > self.pixels:
            raise Refused("pictures.too_many_pixels", width=width, height=height, limit=self.pixels / 1e6)
        if width < 1 or height < 1:
            raise Refused(DAMAGED)
        if frames > self.frames:
            raise Refused("pictures.too_many_frames", frames=frames, limit=self.frames)
        if self.seconds:
            limit_processor_time(self.seconds + per_megapixel * width * height / 1e6)


def gray_or_rgb(main: NDArray[Any], alpha: NDArray[Any] | None, mode: str | None = None) -> Stored:
    """Decoded colors (H×W or H×W×3) and alpha (H×W or None): uint8, uint16 or float32, as in `Stored`.

    mode: None for "L" or "RGB".
    """
    gray = main.ndim == 2
    return Stored(main, "gray" if gray else "rgb", mode or ("L" if gray else "RGB"), alpha)


def separated(samples: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Split decoded samples (H×W, or H×W×C with 1 to 4 channels) into H×W or H×W×3 colors and H×W alpha or None.

    The dtype stays.
    """
    if samples.ndim == 2:
        return samples, None
    count = samples.shape[2]
    alpha = np.ascontiguousarray(samples[..., -1]) if count in {2, 4} else None
    return (samples[..., 0] if count < 3 else samples[..., :3]), alpha
