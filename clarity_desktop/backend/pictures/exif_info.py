"""What the EXIF block of a photo says about its making. The block is untrusted: what makes no sense is left out."""

from __future__ import annotations

import math
import struct
from typing import Any

from PIL import ExifTags, Image

from clarity_desktop.backend.pictures.exif import without_prefix
from clarity_desktop.values import PhotoInfo, Picture

LONGEST = 300
"""Characters of a text that are shown."""


def photo_info(picture: Picture) -> PhotoInfo:
    """The facts in a picture's EXIF block."""
    try:
        exif = Image.Exif()
        exif.load(without_prefix(picture.exif) or b"")
        first, inner = dict(exif), exif.get_ifd(ExifTags.IFD.Exif)
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    # Pillow raises whatever a broken block leads to.
    except (ValueError, TypeError, KeyError, SyntaxError, OSError, struct.error, OverflowError, RecursionError):
        return PhotoInfo(format=picture.format)
    tags: dict[int, Any] = {**first, **inner}
    base = ExifTags.Base
    maker, model = _text(tags.get(base.Make)), _text(tags.get(base.Model))
    flash = tags.get(base.Flash)
    return PhotoInfo(
        # "NIKON CORPORATION", "NIKON D90": the model often repeats the maker.
        camera=model if not maker or model.lower().startswith(maker.split()[0].lower()) else f"{maker} {model}".strip(),
        lens=_text(tags.get(base.LensModel)),
        exposure=_number(tags.get(base.ExposureTime), 0),
        aperture=_number(tags.get(base.FNumber), 0),
        iso=_whole(tags.get(base.ISOSpeedRatings)),
        focal=_number(tags.get(base.FocalLength), 0),
        focal_35=_whole(tags.get(base.FocalLengthIn35mmFilm)),
        bias=_number(tags.get(base.ExposureBiasValue), -100),
        flash=bool(flash & 1) if isinstance(flash, int) else None,
        taken=_text(tags.get(base.DateTimeOriginal)) or _text(tags.get(base.DateTime)),
        artist=_text(tags.get(base.Artist)),
        copyright=_text(tags.get(base.Copyright)),
        software=_text(tags.get(base.Software)),
        description=_text(tags.get(base.ImageDescription)),
        place=_place(place),
        format=picture.format,
    )


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value).strip()[:LONGEST]


def _number(value: Any, above: float) -> float | None:
    """The number if it is finite and greater than `above`."""
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) and above < number < 1e6 else None


def _whole(value: Any) -> int | None:
    number = _number(value[0] if isinstance(value, tuple) and value else value, 0)
    return None if number is None else round(number)


def _place(gps: dict[int, Any]) -> tuple[float, float] | None:
    """Latitude and longitude in degrees."""
    found: list[float] = []
    tags = ExifTags.GPS
    for value, side, most in (
        (tags.GPSLatitude, tags.GPSLatitudeRef, 90), (tags.GPSLongitude, tags.GPSLongitudeRef, 180),
    ):  # fmt: skip
        parts = gps.get(value)
        if not isinstance(parts, tuple) or len(parts) != 3:
            return None
        numbers = [_number(part, -1) for part in parts]
        if any(number is None for number in numbers):
            return None
        degrees = sum((number or 0) / 60**k for k, number in enumerate(numbers))
        if degrees > most:
            return None
        found.append(-degrees if _text(gps.get(side)) in {"S", "W"} else degrees)
    return found[0], found[1]
