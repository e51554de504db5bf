"""What the EXIF block of a photo says about its making. The block is untrusted: what makes no sense is left out."""

from __future__ import annotations

import io
import math
import struct

from PIL.ExifTags import GPS, Base

from clarity_desktop.backend.pictures.exif import Directory, Tiff, Value, without_prefix
from clarity_desktop.values import PhotoInfo, Picture

LONGEST = 300
"""Characters of a text that are shown."""
_RATIONALS = {5: "I", 10: "i"}
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}
_MOST = 16
"""Numbers of a value that are looked at."""


def photo_info(picture: Picture) -> PhotoInfo:
    """The facts in a picture's EXIF block."""
    try:
        tree = Tiff(io.BytesIO(without_prefix(picture.exif) or b"")).tree()
    except (ValueError, struct.error):
        return PhotoInfo(format=picture.format)
    facts = _Facts({**tree.first, **tree.exif}, tree.order)
    maker, model = facts.text(Base.Make), facts.text(Base.Model)
    flash = facts.number(Base.Flash, -1)
    return PhotoInfo(
        # "NIKON CORPORATION", "NIKON D90": the model often repeats the maker.
        camera=model if not maker or model.lower().startswith(maker.split()[0].lower()) else f"{maker} {model}".strip(),
        lens=facts.text(Base.LensModel),
        exposure=facts.number(Base.ExposureTime),
        aperture=facts.number(Base.FNumber),
        iso=facts.whole(Base.ISOSpeedRatings),
        focal=facts.number(Base.FocalLength),
        focal_35=facts.whole(Base.FocalLengthIn35mmFilm),
        bias=facts.number(Base.ExposureBiasValue, -100),
        flash=None if flash is None else bool(int(flash) & 1),
        taken=facts.text(Base.DateTimeOriginal) or facts.text(Base.DateTime),
        artist=facts.text(Base.Artist),
        copyright=facts.text(Base.Copyright),
        software=facts.text(Base.Software),
        description=facts.text(Base.ImageDescription),
        place=_place(_Facts(tree.gps, tree.order)),
        format=picture.format,
    )


class _Facts:
    """The values of a directory as texts and numbers."""

    def __init__(self, directory: Directory, order: str) -> None:
        self._directory, self._order = directory, order

    def text(self, tag: int) -> str:
        value = self._directory.get(tag)
        if value is None or value.kind not in {1, 2, 7}:
            return ""
        words = value.raw.split(b"\0")[0].decode("utf-8", "replace")
        return "".join(c if c.isprintable() else " " for c in words).strip()[:LONGEST]

    def number(self, tag: int, above: float = 0) -> float | None:
        """The first number, if it is greater than `above`."""
        found = self.numbers(tag)
        return found[0] if found and above < found[0] < 1e6 else None

    def whole(self, tag: int) -> int | None:
        number = self.number(tag)
        return None if number is None else round(number)

    def numbers(self, tag: int) -> list[float]:
        """All numbers of a tag; none if one of them is not finite."""
        value = self._directory.get(tag)
        found = [] if value is None else _numbers(value, self._order)
        return found if all(math.isfinite(number) for number in found) else []


def _numbers(value: Value, order: str) -> list[float]:
    if (form := _RATIONALS.get(value.kind)) is not None:
        parts = struct.iter_unpack(f"{order}2{form}", value.raw[: 8 * min(value.count, _MOST)])
        return [above / below if below else math.nan for above, below in parts]
    if (form := _NUMBERS.get(value.kind)) is not None:
        size = struct.calcsize(form) * min(value.count, _MOST)
        return [float(part[0]) for part in struct.iter_unpack(f"{order}{form}", value.raw[:size])]
    return []


def _place(gps: _Facts) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    found: list[float] = []
    for value, side, most in (
        (GPS.GPSLatitude, GPS.GPSLatitudeRef, 90), (GPS.GPSLongitude, GPS.GPSLongitudeRef, 180),
    ):  # fmt: skip
        parts = gps.numbers(value)
        degrees = sum(part / 60**k for k, part in enumerate(parts))
        if len(parts) != 3 or min(parts) < 0 or degrees > most:
            return None
        found.append(-degrees if gps.text(side) in {"S", "W"} else degrees)
    return found[0], found[1]
