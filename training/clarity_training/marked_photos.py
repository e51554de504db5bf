"""Photos in which people marked objects: finding them in folders, their split, the objects' masks.

A folder holds either seg/NAME.npz, arrays of the numbers of all segments of a photo by several people, with the photo
NAME in train/, val/ or test/ (BSDS500), or mask/NAME.png, white where the object is, with the photo in image/ or
input/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clarity_desktop.messages import UserError
from clarity_training.photos import SUFFIXES, Split, split_of

_FRAME = re.compile(r"_\d{5}$")
"""Ends the names of the frames of a film."""


@dataclass(frozen=True, slots=True)
class MarkedPhoto:
    """A photo and the file with its segments or its mask."""

    photo: Path
    marks: Path

    @property
    def split(self) -> Split:
        """By the name; all frames of a film are in the same one."""
        return split_of(Path(_FRAME.sub("", self.marks.stem)))

    @property
    def has_segments(self) -> bool:
        """Whether everything in the photo is part of a segment."""
        return self.marks.suffix == ".npz"

    def labels(self) -> list[NDArray[np.uint8]]:
        """By each person: the number of the segment of each pixel, H×W uint8; 0: of none."""
        if not self.has_segments:
            with Image.open(self.marks) as image:
                return [(np.asarray(image.convert("L")) > 127).astype(np.uint8)]
        with np.load(self.marks, allow_pickle=False) as stored:
            return [np.asarray(stored[name], np.uint8) for name in sorted(stored.files)]


def find(folders: Sequence[Path]) -> list[MarkedPhoto]:
    """The photos with marks of some folders, by name. Raises UserError for a folder without any."""
    found: list[MarkedPhoto] = []
    for folder in folders:
        marked = sorted(_in_folder(folder), key=lambda photo: photo.marks)
        if not marked:
            raise UserError(f"“{folder}” holds no photos with segments (seg/NAME.npz) or masks (mask/NAME.png).")
        found += marked
    return found


def _in_folder(folder: Path) -> Iterator[MarkedPhoto]:
    for marks, folders in (("seg/*.npz", ("train", "val", "test")), ("mask/*.png", ("image", "input"))):
        beside = {p.stem: p for name in folders for p in folder.glob(f"{name}/*.*") if p.suffix.lower() in SUFFIXES}
        for file in folder.glob(marks):
            if file.stem in beside:
                yield MarkedPhoto(beside[file.stem], file)


def objects(labels: NDArray[np.uint8], smallest: float, largest: float) -> list[int]:
    """The numbers of the segments (H×W uint8) whose share of the photo is within the limits, 0..1."""
    counts = np.bincount(labels.ravel())
    shares = counts / labels.size
    return [k for k in range(1, len(counts)) if smallest <= shares[k] <= largest]
