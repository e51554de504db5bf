"""A photo between its file and the program: as decoded, before it is oriented and its colours are settled."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Channel = NDArray[np.uint8] | NDArray[np.uint16]


class Refused(Exception):
    """Why a file is not opened: the end of a sentence that begins with the file's name."""


DAMAGED = "is damaged or cut short and cannot be opened; try to copy it again from where it came from."


@dataclass(slots=True)
class Raw:
    """What a reader found.

    samples: H×W (grey), H×W×3 (RGB, or float32 L a b where mode is "Lab"); an image of mode CMYK stays a PIL image.
    orientation: None where the EXIF block says it, else 1..8 in EXIF's meaning.
    """

    samples: NDArray[Any] | Image.Image
    mode: str
    alpha: Channel | None = None
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    orientation: int | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Caps:
    """What is refused before it is decoded."""

    pixels: int
    bytes: int
    frames: int

    def check(self, width: int, height: int, frames: int = 1) -> None:
        """Raises Refused for a picture that is too large or has too many frames."""
        if width * height > self.pixels:
            raise Refused(
                f"has {width} × {height} pixels; the limit is {self.pixels / 1e6:.0f} megapixels "
                "and can be changed in the preferences."
            )
        if width < 1 or height < 1:
            raise Refused(DAMAGED)
        if frames > self.frames:
            raise Refused(f"holds {frames} pictures; files with more than {self.frames} are not opened.")


def parted(samples: NDArray[Any], blue_first: bool = False) -> tuple[NDArray[Any], Channel | None]:
    """H×W×3 or ×4 (OpenCV's order, or RGB) → contiguous RGB, and alpha if there is any."""
    if samples.shape[2] == 3:
        return cv2.cvtColor(samples, cv2.COLOR_BGR2RGB) if blue_first else samples, None
    rgb = cv2.cvtColor(samples, cv2.COLOR_BGRA2RGB if blue_first else cv2.COLOR_RGBA2RGB)
    return rgb, cv2.extractChannel(samples, 3)  # pyright: ignore[reportReturnType]


def matched(pattern: bytes, head: bytes) -> tuple[bytes, ...] | None:
    """Groups of the first match in the first bytes of a file."""
    found = re.search(pattern, head, re.DOTALL)
    return None if found is None else found.groups()
