"""Color management: which profiles are kept, and conversion of pixels between RGB spaces.

Pixels stay in the photo's own profile. What is far from sRGB in tone or gamut (linear, ProPhoto, CMYK, Lab) would
mislead methods trained on sRGB, so it is converted to the narrowest of three sRGB-like spaces that contains its colors.
"""

from __future__ import annotations

import io
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.bit_depth import to_8_bits, to_16_bits
from clarity_desktop.values import Picture, Pixels

Float = NDArray[np.float32]
BAND = 1 << 20  # pixels converted at a time, so that the float copies stay small
WIDEST, NARROWEST = 1.6, 0.6  # area of the gamut ÷ area of sRGB's, in xy
STRANGEST_TONE = 0.1  # largest distance of a tone curve to sRGB's, in encoded values 0..1


def _encode_srgb(x: Float) -> Float:
    return np.where(
        x <= 0.0031308, x * np.float32(12.92), np.float32(1.055) * x ** np.float32(1 / 2.4) - np.float32(0.055)
    )


def _encode_gamma(x: Float) -> Float:
    return x ** np.float32(256 / 563)


class Space:
    """A target space of conversions."""

    def __init__(self, name: str, icc: bytes | None, primaries: profiles.Primaries) -> None:
        self.name, self.icc = name, icc
        self.from_xyz = np.linalg.inv(profiles.matrix_of(primaries))
        self.encode = _encode_gamma if primaries == profiles.ADOBE_PRIMARIES else _encode_srgb


SRGB = Space("sRGB", None, profiles.SRGB_PRIMARIES)
SPACES = (
    SRGB,
    Space("Display P3", profiles.display_p3(), profiles.P3_PRIMARIES),
    Space("Adobe RGB", profiles.adobe_rgb(), profiles.ADOBE_PRIMARIES),
)


def is_far(profile: profiles.Profile) -> bool:
    """Whether a matrix or gray profile is too different from sRGB for methods trained on sRGB."""
    x = np.linspace(0, 1, 64)
    # Differences are measured in encoded values, as methods see them.
    for curve in profile.curves:
        encoded = _encode_srgb(curve(x).astype(np.float32))
        if np.abs(encoded - x).max() > STRANGEST_TONE:
            return True
    if profile.matrix is None:
        return False
    area = _gamut(profile.matrix) / _gamut(profiles.matrix_of(profiles.SRGB_PRIMARIES))
    return not NARROWEST < area < WIDEST


def _gamut(matrix: NDArray[np.float64]) -> float:
    total = matrix.sum(0)
    if (np.abs(total) < 1e-6).any():
        return 0.0
    (x0, x1, x2), (y0, y1, y2) = matrix[0] / total, matrix[1] / total
    return abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)) / 2


def lab_to_xyz(lab: Float) -> Float:
    """Lab (L 0..100, a and b about -128..127) → XYZ under D50 (Y 0..1); float32 …×3 arrays."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], -1)
    cubed = np.where(f > 6 / 29, f**3, (f - 4 / 29) * np.float32(3 * (6 / 29) ** 2))
    return (cubed * profiles.D50).astype(np.float32)


def xyz_to_lab(xyz: Float) -> Float:
    """XYZ under D50 (Y 0..1) → Lab (L 0..100, a and b about -128..127); float32 …×3 arrays."""
    t = xyz / profiles.D50.astype(np.float32)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / np.float32(3 * (6 / 29) ** 2) + np.float32(4 / 29))
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def stored_lab(samples: NDArray[Any], signed: bool) -> Float:
    """Stored Lab (…×3, uint8 or uint16) → float32 L 0..100, a and b about -128..127.

    signed: a and b are two's complement; else zero is in the middle of their range.
    """
    size = samples.dtype.itemsize
    unit = 256 if size == 2 else 1
    light = samples[..., 0].astype(np.float32) * np.float32(100 / np.iinfo(samples.dtype).max)
    stored = np.ascontiguousarray(samples[..., 1:3])
    ab = stored.view(f"i{size}").astype(np.float32) / unit if signed else stored.astype(np.float32) / unit - 128
    return np.dstack([light, ab])


def narrowest(xyz: Float) -> Space:
    """The first space that holds these colors at a mean loss below 0.1 ΔE, or the one with the least loss.

    xyz: N×3 float32 under D50, Y 0..1.
    """
    losses: list[float] = []
    wanted = xyz_to_lab(xyz)
    for space in SPACES:
        kept = (xyz @ space.from_xyz.T.astype(np.float32)).clip(0, 1)
        back = kept @ np.linalg.inv(space.from_xyz).T.astype(np.float32)
        losses.append(float(np.linalg.norm(wanted - xyz_to_lab(back), axis=-1).mean()))
        if losses[-1] < 0.1:
            return space
    return SPACES[int(np.argmin(losses))]


def _linear_table(profile: profiles.Profile, steps: int) -> Float:
    """The linear value of each device value, steps×3."""
    x = np.linspace(0, 1, steps)
    return np.stack([np.clip(curve(x), 0, 1) for curve in profile.curves], 1).astype(np.float32)


def _to_xyz(pixels: Pixels, profile: profiles.Profile, table: Float) -> Float:
    assert profile.matrix is not None
    linear = np.stack([table[pixels[..., k], k] for k in range(3)], -1)
    return linear @ profile.matrix.T.astype(np.float32)


def _from_xyz(xyz: Float, space: Space, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> Pixels:
    encoded = space.encode((xyz @ space.from_xyz.T.astype(np.float32)).clip(0, 1))
    return cast("Pixels", np.rint(encoded * np.float32(np.iinfo(dtype).max)).astype(dtype))


def _bands(height: int, width: int) -> list[slice]:
    rows = max(1, BAND // max(1, width))
    return [slice(y, min(height, y + rows)) for y in range(0, height, rows)]


def sample(pixels: NDArray[np.generic], most: int = 256) -> NDArray[np.generic]:
    """At most `most` × `most` evenly spaced pixels of an H×W or H×W×C array; a view of the same dtype."""
    return pixels[:: -(-pixels.shape[0] // most), :: -(-pixels.shape[1] // most)]


def convert(pixels: Pixels, profile: profiles.Profile, space: Space | None = None) -> tuple[Pixels, Space]:
    """Convert pixels (H×W×3 uint8 or uint16) from a matrix profile to a space, at their own depth.

    space None: the narrowest that holds the colors. Returns the pixels and the space.
    """
    table = _linear_table(profile, int(np.iinfo(pixels.dtype).max) + 1)
    # A sample decides: 65,000 pixels show the gamut of a photo as well as all of them.
    few = cast("Pixels", sample(pixels))
    space = space or narrowest(_to_xyz(few, profile, table).reshape(-1, 3))
    out = np.empty_like(pixels)
    for rows in _bands(*pixels.shape[:2]):
        out[rows] = _from_xyz(_to_xyz(pixels[rows], profile, table), space, pixels.dtype)
    return out, space


def convert_lab(lab: Float, dtype: np.dtype[np.uint8] | np.dtype[np.uint16]) -> tuple[Pixels, Space]:
    """Convert H×W×3 float32 L 0..100, a, b to pixels of a dtype in the narrowest space that holds them."""
    few = cast("Float", sample(lab))
    space = narrowest(lab_to_xyz(few).reshape(-1, 3))
    out = cast("Pixels", np.empty(lab.shape, dtype))
    for rows in _bands(*lab.shape[:2]):
        out[rows] = _from_xyz(lab_to_xyz(lab[rows]), space, dtype)
    return out, space


def _cms(icc: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc or profiles.srgb()))


def through_cms(image: Image.Image, source: bytes, space: Space) -> NDArray[np.uint8]:
    """Convert an 8-bit image of any profile to H×W×3 uint8 RGB of a space. Raises PyCMSError and ValueError."""
    transform = ImageCms.buildTransform(_cms(source), _cms(space.icc), image.mode, "RGB")
    return np.asarray(ImageCms.applyTransform(image, transform))


def narrowest_for(image: Image.Image, source: bytes) -> Space:
    """The narrowest space for the colors of an 8-bit image of any profile. Raises as through_cms."""
    few = image.resize((min(image.width, 256), min(image.height, 256)), Image.Resampling.NEAREST)
    to_lab = ImageCms.buildTransform(_cms(source), ImageCms.createProfile("LAB"), few.mode, "LAB")
    lab = stored_lab(np.asarray(ImageCms.applyTransform(few, to_lab)), signed=True)
    return narrowest(lab_to_xyz(lab).reshape(-1, 3))


def in_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Convert H×W×3 uint8 or uint16 pixels from an ICC profile to sRGB at their own depth.

    Profiles with lookup tables are converted at 8 bits; with a broken profile the pixels are returned unchanged.
    """
    if icc is None:
        return pixels
    try:
        profile = profiles.parse(icc)
        if pixels.dtype == np.uint16 and profile.matrix is not None:
            return convert(pixels, profile, SRGB)[0]
        out = through_cms(Image.fromarray(to_8_bits(pixels)), icc, SRGB)
    except (profiles.BrokenProfile, ImageCms.PyCMSError, OSError, ValueError):
        return pixels
    return out if pixels.dtype == np.uint8 else to_16_bits(out)


def to_srgb8(picture: Picture) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """sRGB pixels (H×W×3 uint8) and alpha (H×W uint8 or None) of a picture, for the clipboard and thumbnails."""
    pixels = in_srgb(to_8_bits(picture.pixels), picture.icc)
    return cast("NDArray[np.uint8]", pixels), None if picture.alpha is None else to_8_bits(picture.alpha)
