"""ICC profiles: parsing, names, and building simple matrix profiles."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Curve = Callable[[Array], Array]

D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_SRGB_CURVE = struct.pack(">4sIHH5i", b"para", 0, 3, 0, *(round(x * 65536) for x in (
    2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))  # fmt: skip
_PARAMETERS = (1, 3, 4, 5, 7)  # how many numbers each parametric curve type has

SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_PRIMARIES = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_PRIMARIES = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
BT2020_PRIMARIES = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
D65 = (0.3127, 0.3290)
PRIMARIES = {
    1: SRGB_PRIMARIES,
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    9: BT2020_PRIMARIES,
    11: P3_PRIMARIES,
    12: P3_PRIMARIES,
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}
"""Primaries as numbered in ITU-T H.273."""


class BrokenProfile(ValueError):
    """The bytes are not a profile that can be used."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A parsed profile.

    space is "RGB", "GRAY", "CMYK", "Lab" …; matrix takes linear RGB to XYZ (D50) and curves make device values in
    0..1 linear: both are there only where the profile is a plain matrix profile (gray: one curve, no matrix).
    """

    space: str
    name: str
    matrix: Array | None
    curves: tuple[Curve, ...]
    curve_tag: bytes  # the first curve as the profile holds it


def parse(icc: bytes) -> Profile:
    """Read a profile. Raises BrokenProfile."""
    try:
        if len(icc) < 132 or icc[36:40] != b"acsp":
            raise BrokenProfile("no profile header")
        tags = _tags(icc)
        space = icc[16:20].decode("latin-1").strip()
        name = _name(tags.get(b"desc", b""))
        if space == "GRAY" and b"kTRC" in tags:
            return Profile(space, name, None, (_curve(tags[b"kTRC"]),), tags[b"kTRC"])
        lut = b"A2B0" in tags or b"A2B1" in tags
        if space != "RGB" or lut or not {b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"} <= tags.keys():
            return Profile(space, name, None, (), b"")
        columns = [struct.unpack(">3i", tags[k][8:20]) for k in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[k]) for k in (b"rTRC", b"gTRC", b"bTRC"))
        return Profile(space, name, np.array(columns, np.float64).T / 65536, curves, tags[b"rTRC"])
    except (struct.error, IndexError, OverflowError) as e:
        raise BrokenProfile(str(e)) from e


def profile_name(icc: bytes | None) -> str:
    """The name of a profile for a title bar: "sRGB" without a profile, "unnamed profile" for one without a name."""
    if icc is None:
        return "sRGB"
    try:
        return parse(icc).name or "unnamed profile"
    except BrokenProfile:
        return "unnamed profile"


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    # Real profiles have fewer than 30; the count is untrusted.
    if count > 200:
        raise BrokenProfile("too many tags")
    tags: dict[bytes, bytes] = {}
    for k in range(count):
        signature, offset, size = struct.unpack_from(">4sII", icc, 132 + 12 * k)
        if offset + size > len(icc):
            raise BrokenProfile("a tag lies outside the profile")
        tags[signature] = icc[offset : offset + size]
    return tags


def _name(desc: bytes) -> str:
    if desc[:4] == b"desc":
        (length,) = struct.unpack_from(">I", desc, 8)
        text = desc[12 : 12 + length].decode("latin-1")
    elif desc[:4] == b"mluc" and len(desc) >= 28:
        length, offset = struct.unpack_from(">II", desc, 20)
        text = desc[offset : offset + length].decode("utf-16-be", "replace")
    else:
        return ""
    return "".join(c for c in text if c.isprintable()).strip()[:80]


def _curve(tag: bytes) -> Curve:
    if tag[:4] == b"curv":
        return _table_curve(tag)
    if tag[:4] != b"para":
        raise BrokenProfile("an unknown kind of curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind >= len(_PARAMETERS):
        raise BrokenProfile("an unknown kind of curve")
    values = [v / 65536 for v in struct.unpack_from(f">{_PARAMETERS[kind]}i", tag, 12)]
    return _parametric(kind, values)


def _table_curve(tag: bytes) -> Curve:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return lambda x: x
    if count == 1:
        gamma = struct.unpack_from(">H", tag, 12)[0] / 256
        return lambda x: np.power(x, gamma)
    if 12 + 2 * count > len(tag):
        raise BrokenProfile("a curve is cut short")
    table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64) / 65535
    at = np.linspace(0, 1, count)
    return lambda x: np.interp(x, at, table)


def _parametric(kind: int, values: list[float]) -> Curve:
    g, a, b, c, d, e, f = (values + [0.0] * 7)[:7]
    if kind == 0:
        a, b = 1.0, 0.0
    if kind in {1, 2}:
        if a == 0:
            raise BrokenProfile("a curve divides by zero")
        c, d, e, f = (0.0, -b / a, 0.0, 0.0) if kind == 1 else (0.0, -b / a, c, c)
    if kind == 0:
        d = -1.0

    def curve(x: Array) -> Array:
        powered = np.power(np.maximum(a * x + b, 0), g)
        return np.clip(np.where(x >= d, powered + e, c * x + f), 0, 1)

    return curve


def _xyz(xy: tuple[float, float]) -> Array:
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: Array) -> Array:
    """Bradford: XYZ under that white → XYZ under D50."""
    scale = (_BRADFORD @ D50) / (_BRADFORD @ white)
    return np.linalg.inv(_BRADFORD) @ np.diag(scale) @ _BRADFORD


Primaries = tuple[tuple[float, float], ...]


def matrix_of(primaries: Primaries, white: tuple[float, float] = D65) -> Array:
    """The 3×3 float64 matrix from linear RGB with these primaries to XYZ under D50."""
    columns = np.stack([_xyz(p) for p in primaries], 1)
    matrix = columns * np.linalg.solve(columns, _xyz(white))
    return _adaptation(_xyz(white)) @ matrix


def _tag(kind: bytes, body: bytes) -> bytes:
    return kind + bytes(4) + body


def _text(text: str) -> bytes:
    body = text.encode("utf-16-be")
    return _tag(b"mluc", struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(body), 28) + body)


def _numbers(kind: bytes, values: Array) -> bytes:
    return _tag(kind, struct.pack(f">{values.size}i", *(round(float(v) * 65536) for v in values.ravel())))


def gamma_curve(gamma: float) -> bytes:
    """The tag of a plain power curve."""
    return _tag(b"para", struct.pack(">HHi", 0, 0, round(gamma * 65536)))


def gray_of(icc: bytes) -> bytes | None:
    """A gray profile with the curve of an RGB profile, for a gray picture; None if the channels' curves differ."""
    profile = parse(icc)
    if profile.space == "GRAY":
        return icc
    x = np.linspace(0, 1, 256)
    if not profile.curves or any(not np.allclose(curve(x), profile.curves[0](x)) for curve in profile.curves):
        return None
    name = profile.name or "Gray"
    return _assembled(b"GRAY", [*_described(name), (b"kTRC", profile.curve_tag)])


@lru_cache(maxsize=16)
def build(name: str, primaries: Primaries, curve: bytes = _SRGB_CURVE, white: tuple[float, float] = D65) -> bytes:
    """A version-4 matrix profile; curve is a whole curve tag, the same for all three channels."""
    matrix = matrix_of(primaries, white)
    tags = [
        *_described(name),
        (b"chad", _numbers(b"sf32", _adaptation(_xyz(white)))),
        *((k, _numbers(b"XYZ ", matrix[:, i])) for i, k in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))),
        *((k, curve) for k in (b"rTRC", b"gTRC", b"bTRC")),
    ]
    return _assembled(b"RGB ", tags)


def _described(name: str) -> list[tuple[bytes, bytes]]:
    return [
        (b"desc", _text(name)),
        (b"cprt", _text("No copyright, use freely")),
        (b"wtpt", _numbers(b"XYZ ", D50)),
    ]


def _assembled(space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    """The bytes of a version-4 display profile of a color space, from its tags and their data."""
    # Tags are stored after the header (128 bytes), the count (4) and the tag table (12 each).
    table, data, at = b"", b"", 132 + 12 * len(tags)
    for signature, body in tags:
        table += struct.pack(">4sII", signature, at + len(data), len(body))
        data += body + bytes(-len(body) % 4)
    size = at + len(data)
    header = struct.pack(">I4sI4s4s4s12x4s28x", size, b"", 0x04300000, b"mntr", space, b"XYZ ", b"acsp")
    header += struct.pack(">3i", *(round(float(v) * 65536) for v in D50)) + bytes(48)
    return header + struct.pack(">I", len(tags)) + table + data


def srgb() -> bytes:
    """The bytes of a profile for sRGB."""
    return build("sRGB", SRGB_PRIMARIES)


def display_p3() -> bytes:
    """The bytes of a profile for Display P3."""
    return build("Display P3", P3_PRIMARIES)


def adobe_rgb() -> bytes:
    """The bytes of a profile for Adobe RGB (1998)."""
    return build("Compatible with Adobe RGB (1998)", ADOBE_PRIMARIES, gamma_curve(563 / 256))
