"""The one place where a decoded photo gets its depth, colors, orientation and metadata, whatever its format.

Readers only decode: what a file says about its samples is in `Stored`. So a profile or an orientation means the same in
every format and in every variant of a format.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend.pictures import color_management, containers, geometry
from clarity_desktop.backend.pictures import exif as exif_block
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures import xmp as xmp_packet
from clarity_desktop.backend.pictures.stored_photo import Channel, Stored
from clarity_desktop.bit_depth import to_8_bits, to_16_bits
from clarity_desktop.text import Message
from clarity_desktop.values import RAW

_NAMES = {"JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "TIFF": (".tif", ".tiff"), "RAW": RAW, "GIF": (".gif",),
          "PNG": (".png", ".apng"), "HEIC": (".heic", ".heif", ".hif"), "BMP": (".bmp", ".dib"), "WEBP": (".webp",),
          "AVIF": (".avif",), "JXL": (".jxl",), "PSD": (".psd", ".psb"), "EXR": (".exr",)}  # fmt: skip
_OVERSHOOT = 1.05  # light up to here is a rounding of white, not meant to be brighter
_ANOTHER_RANGE = 16  # floating-point values above this are taken for values of another range (0..255, say)


@dataclass(slots=True)
class Decoded:
    """A photo ready for the program.

    pixels: H×W×3 RGB, uint8 or uint16, with the orientation applied; alpha: H×W of the same depth.
    """

    pixels: Channel
    alpha: Channel | None
    blocks: dict[str, bytes]  # "icc", "exif", "xmp", "iptc" and, as JSON, "texts" where there are any
    format: str
    mode: str
    profile: str
    notes: list[Message]


def finish(stored: Stored, kind: str, suffix: str) -> Decoded:
    """The photo that the program edits: H×W×3 uint8 or uint16.

    kind: the file's format; suffix: of its name, in lower case.
    """
    containers.complete(stored)
    notes = stored.notes
    exif, xmp, orientation = _upright(stored)
    _widen(stored)
    if stored.premultiplied and stored.alpha is not None:
        stored.samples = color_management.unpremultiplied(stored.samples, stored.alpha)
    pixels, icc = _rgb(stored, notes)
    if stored.model == "gray":  # conversions round each channel on its own
        pixels = _gray_again(pixels)
    alpha = None if stored.alpha is None else _quantized(stored.alpha)
    if alpha is not None and alpha.dtype != pixels.dtype:
        alpha = to_8_bits(alpha) if pixels.dtype == np.uint8 else to_16_bits(alpha)
    if orientation != 1:
        pixels = geometry.oriented(pixels, orientation)
        alpha = None if alpha is None else geometry.oriented(alpha, orientation)
    if suffix and any(suffix in v for k, v in _NAMES.items() if k != kind) and suffix not in _NAMES.get(kind, ()):
        notes.append(Message("pictures.wrong_suffix", {"suffix": suffix, "format": kind}))
    texts = json.dumps(stored.texts).encode() if stored.texts else None
    found = {"icc": icc, "exif": exif, "xmp": xmp, "iptc": stored.iptc, "texts": texts}
    blocks = {name: block for name, block in found.items() if block}
    return Decoded(pixels, alpha, blocks, kind, stored.mode, profiles.profile_name(icc), notes)


def _upright(stored: Stored) -> tuple[bytes | None, bytes | None, int]:
    """EXIF and XMP with orientation 1, and the orientation to apply: EXIF's has precedence over XMP's."""
    exif, xmp, by_exif, by_xmp = stored.exif, stored.xmp, None, None
    if exif is not None:
        exif, by_exif = exif_block.upright(exif)
    if xmp is not None:
        xmp, by_xmp = xmp_packet.upright(xmp)
    return exif, xmp, stored.orientation or by_exif or by_xmp or 1


def _widen(stored: Stored) -> None:
    """Samples of fewer than 16 bits over the whole 16-bit range: the largest value becomes 65535."""
    if stored.bits:
        stored.samples = _widened(stored.samples, stored.bits)
        stored.alpha = None if stored.alpha is None else _widened(stored.alpha, stored.bits)
        stored.bits = 0


def _widened(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint16]:
    # The high bits are repeated below the low ones, which is exact at both ends.
    wide: NDArray[np.uint16] = (samples << np.uint16(16 - bits)) | (samples >> np.uint16(2 * bits - 16))
    return wide


def _quantized(alpha: NDArray[Any]) -> Channel:
    """Alpha (H×W) as uint8 or uint16; floating-point values 0..1 become 16 bits."""
    if alpha.dtype.kind != "f":
        return alpha
    return np.rint(np.nan_to_num(alpha, nan=1).clip(0, 1) * np.float32(65535)).astype(np.uint16)


def _rgb(stored: Stored, notes: list[Message]) -> tuple[Channel, bytes | None]:
    """H×W×3 RGB pixels and the ICC profile they are in (None: sRGB)."""
    if stored.model == "cmyk":
        return _from_cmyk(stored.samples, stored.icc, notes)
    if stored.model == "lab":
        pixels, space = color_management.convert_lab(stored.samples, np.dtype(np.uint16))
        notes.append(Message("pictures.converted_lab", {"space": space.name}))
        return pixels, space.icc
    samples: Any = stored.samples
    if samples.dtype.kind == "f":
        samples = samples.astype(np.float32, copy=False)
    if samples.ndim == 2:
        samples = cv2.cvtColor(np.ascontiguousarray(samples), cv2.COLOR_GRAY2RGB)
    points = stored.code_points
    if points is not None and points.transfer in color_management.HDR_TRANSFERS:
        pixels, space = color_management.tone_mapped(samples, points)
        notes.append(Message("pictures.hdr", {"space": space.name}))
        return pixels, space.icc
    icc = stored.icc or (None if points is None else color_management.profile_of(points))
    if samples.dtype.kind == "f":
        return _from_float(samples, icc, stored.model == "gray", notes)
    return (samples, None) if icc is None else _profiled(samples, icc, stored.model == "gray", notes)


def _gray_again(pixels: Channel) -> Channel:
    """Pixels (H×W×3) with equal channels."""
    green = pixels[..., 1]
    if np.array_equal(green, pixels[..., 0]) and np.array_equal(green, pixels[..., 2]):
        return pixels
    return cv2.cvtColor(np.ascontiguousarray(green), cv2.COLOR_GRAY2RGB)  # pyright: ignore[reportReturnType]


def _from_float(
    samples: NDArray[Any], icc: bytes | None, gray: bool, notes: list[Message]
) -> tuple[Channel, bytes | None]:
    """Floating-point samples (H×W×3, black 0, white 1) as 16 bits; infinite ones get the largest value."""
    values = samples.astype(np.float32, copy=False)
    finite = np.isfinite(values)
    top = float(values.max(initial=0, where=finite))
    values = np.nan_to_num(values, nan=0, posinf=max(1, top), neginf=0).clip(0)
    notes.append(Message("pictures.float_scaled"))
    profile = _linear_profile(icc)
    if profile is not None:
        matrix = profiles.matrix_of(profiles.SRGB_PRIMARIES) if profile.matrix is None else profile.matrix  # of gray
        pixels, space = color_management.from_linear(values, matrix)
        if top > _OVERSHOOT:
            notes.append(Message("pictures.hdr", {"space": space.name}))
        else:
            name = profile.name or Message("pictures.unnamed_profile")
            notes.append(Message("pictures.converted", {"profile": name, "space": space.name}))
        return pixels, space.icc
    if top > _ANOTHER_RANGE:
        values = values / np.float32(top)
    pixels = np.rint(values.clip(0, 1) * np.float32(65535)).astype(np.uint16)
    return (pixels, None) if icc is None else _profiled(pixels, icc, gray, notes)


def _linear_profile(icc: bytes | None) -> profiles.Profile | None:
    """The profile, if its values are proportional to light; else None."""
    try:
        profile = None if icc is None else profiles.parse(icc)
    except profiles.BrokenProfile:
        return None
    half = np.array([0.25, 0.5])
    linear = (
        profile is not None and profile.curves and all(np.allclose(c(half), half, atol=1e-3) for c in profile.curves)
    )
    return profile if linear else None


def _profiled(samples: Any, icc: bytes, gray: bool, notes: list[Message]) -> tuple[Channel, bytes | None]:
    try:
        profile = profiles.parse(icc)
        if profile.space not in ({"RGB", "GRAY"} if gray else {"RGB"}):
            notes.append(Message("pictures.profile_kind"))
            return samples, None
        if profile.space == "GRAY":
            if not profile.curves:
                raise profiles.BrokenProfile("a gray profile without a curve")
            icc = profiles.build(profile.name or "Gray", profiles.SRGB_PRIMARIES, profile.curve_tag)
            profile = profiles.parse(icc)
        few = np.ascontiguousarray(to_8_bits(color_management.sample(samples)))  # pyright: ignore
        color_management.through_cms(
            few, icc, color_management.SRGB
        )  # a profile that crashes the color engine does so in this process
        if profile.matrix is None or not color_management.is_far(profile):
            return samples, icc
        pixels, space = color_management.convert(samples, profile)
    except color_management.PROFILE_ERRORS:
        notes.append(Message("pictures.profile_broken"))
        return samples, None
    name = profile.name or Message("pictures.unnamed_profile")
    notes.append(Message("pictures.converted", {"profile": name, "space": space.name}))
    return pixels, space.icc


def _from_cmyk(ink: NDArray[Any], icc: bytes | None, notes: list[Message]) -> tuple[Channel, bytes | None]:
    """H×W×4 ink, uint8 or uint16, as RGB of the same depth."""
    ink = np.ascontiguousarray(ink)
    if icc is not None:
        try:
            space = color_management.narrowest_for(ink, icc)
            pixels = color_management.through_cms(ink, icc, space)
            notes.append(Message("pictures.converted_cmyk", {"space": space.name}))
            return pixels, space.icc
        except color_management.PROFILE_ERRORS:
            notes.append(Message("pictures.profile_broken"))
    notes.append(Message("pictures.converted_cmyk_unprofiled"))
    return color_management.from_ink(ink), None
