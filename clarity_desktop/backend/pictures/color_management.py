"""Color management: which profiles are kept, and conversion of pixels between RGB spaces.

Pixels stay in the photo's own profile. What is far from sRGB in tone or gamut (linear, ProPhoto, CMYK, Lab) would
mislead methods trained on sRGB, so it is converted to the narrowest of three sRGB-like spaces that contains its colors.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from clarity_desktop import srgb
from clarity_desktop.backend.pictures import icc as profiles
from clarity_desktop.backend.pictures.stored_photo import CodePoints
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Picture, Pixels

Float = NDArray[np.float32]
PROFILE_ERRORS = (profiles.BrokenProfile, ImageCms.PyCMSError, OSError, ValueError, RuntimeError)
"""What unusable profiles raise."""
BAND = 1 << 20  # pixels converted at a time, so that the float copies stay small
WIDEST, NARROWEST = 1.6, 0.6  # area of the gamut ÷ area of sRGB's, in xy
STRANGEST_TONE = 0.1  # largest distance of a tone curve to sRGB's, in encoded values 0..1


def _encode_gamma(x: Float) -> Float:
    return x ** np.float32(256 / 563)


class Space:
    """A target space of conversions."""

    def __init__(self, name: str, icc: bytes | None, primaries: profiles.Primaries) -> None:
        self.name, self.icc = name, icc
        self.from_xyz = np.linalg.inv(profiles.matrix_of(primaries))
        self.encode = _encode_gamma if primaries == profiles.ADOBE_PRIMARIES else srgb.encoded


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
        encoded = srgb.encoded(curve(x).astype(np.float32))
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


# Light ---------------------------------------------------------------------------------------------------------------

_DCI_WHITE = (0.314, 0.351)
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0, 17: 2.6}
_SRGB_LIKE = {1, 6, 13, 14, 15}  # 1, 6, 14 and 15 are those of video, which photos use as sRGB
_PQ, _HLG = 16, 18
HDR_TRANSFERS = {_PQ, _HLG}
_SDR_WHITE = 203.0  # cd/m² of diffuse white (ITU-R BT.2408)
_LOWEST_KNEE = 0.5  # light above this share of diffuse white is compressed where a photo is four times as bright


def is_known(points: CodePoints) -> bool:
    """Whether primaries and transfer function are stated and known here."""
    return points.primaries in profiles.PRIMARIES and (
        points.transfer in _GAMMAS or points.transfer in _SRGB_LIKE | HDR_TRANSFERS
    )


def full_range(samples: NDArray[Any]) -> NDArray[Any]:
    """Samples (H×W or H×W×3, uint8 or uint16) in the range of video, black 16 and white 235 of 255, over all of it."""
    unit, top = 1 << 8 * (samples.dtype.itemsize - 1), np.iinfo(samples.dtype).max
    wide = (samples.astype(np.float32) - np.float32(16 * unit)) * np.float32(top / (219 * unit))
    return np.rint(wide.clip(0, top)).astype(samples.dtype)


def profile_of(points: CodePoints) -> bytes | None:
    """The ICC profile of code points; None for sRGB and for what is not specified."""
    primaries = profiles.PRIMARIES.get(points.primaries, profiles.SRGB_PRIMARIES)
    gamma = _GAMMAS.get(points.transfer)
    if gamma is None and primaries == profiles.SRGB_PRIMARIES:
        return None
    if gamma is None and points.primaries == 12:
        return profiles.display_p3()
    name = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}.get(points.primaries, "")
    white = _DCI_WHITE if points.primaries == 11 else profiles.D65
    if gamma is None:
        return profiles.build(name or "BT.601", primaries, white=white)
    return profiles.build(f"{name} gamma {gamma:.1f}".strip(), primaries, profiles.gamma_curve(gamma), white)


def tone_mapped(samples: NDArray[Any], points: CodePoints) -> tuple[Pixels, Space]:
    """HDR samples (H×W×3, uint8, uint16 or float32 0..1; PQ or HLG) as they look on a usual screen, 16 bits.

    A photo no brighter than diffuse white stays as it is. Of a brighter one the dark and middle tones do, and the
    bright ones are compressed, the more the brighter it is.
    """
    top = 1 if samples.dtype.kind == "f" else int(np.iinfo(samples.dtype).max)
    table = _pq_light(np.linspace(0, 1, 65536)) if points.transfer == _PQ else _hlg_light(np.linspace(0, 1, 65536))
    matrix = profiles.matrix_of(profiles.PRIMARIES.get(points.primaries, profiles.BT2020_PRIMARIES))

    def light(rows: NDArray[Any]) -> Float:
        coded = np.nan_to_num(rows.astype(np.float32) / np.float32(top)).clip(0, 1)
        linear = table.astype(np.float32)[np.rint(coded * np.float32(65535)).astype(np.uint16)]
        if points.transfer == _HLG:
            # The scene's light becomes the display's: brighter parts gain more (system gamma 1.2 at 1000 cd/m²).
            luminance = linear @ matrix[1].astype(np.float32)
            linear *= (np.maximum(luminance, 1e-6) ** np.float32(0.2))[..., None] * np.float32(1000 / _SDR_WHITE)
        return linear

    return _shown(samples, light, matrix)


def from_linear(values: Float, matrix: NDArray[np.float64]) -> tuple[Pixels, Space]:
    """Linear light (H×W×3 float32, diffuse white 1, may exceed it) of an RGB space as 16 bits.

    matrix: from the space to XYZ under D50. Light beyond white is compressed as in `tone_mapped`.
    """
    return _shown(values, lambda rows: rows, matrix)


def _pq_light(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ signals 0..1 (float64, any shape) as light, diffuse white 1 (SMPTE ST 2084)."""
    powered = x ** (1 / 78.84375)
    light = np.maximum(powered - 0.8359375, 0) / (18.8515625 - 18.6875 * powered)
    return light ** (1 / 0.1593017578125) * (10000 / _SDR_WHITE)


def _hlg_light(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """HLG signals 0..1 (float64, any shape) as the light of the scene, 0..1 (ITU-R BT.2100)."""
    return np.where(x <= 0.5, x * x / 3, (np.exp((x - 0.55991073) / 0.17883277) + 0.28466892) / 12)


def _shown(
    samples: NDArray[Any], light: Callable[[NDArray[Any]], Float], matrix: NDArray[np.float64]
) -> tuple[Pixels, Space]:
    few = light(sample(samples))
    # A few sparks (one pixel in 2000) may be cut off: they must not dim the whole photo.
    peak = max(1.0, float(np.quantile(few.max(-1), 0.9995))) if few.size else 1.0
    to_xyz = matrix.T.astype(np.float32)
    space = narrowest((_compressed(few, peak) @ to_xyz).reshape(-1, 3))
    out = np.empty(samples.shape, np.uint16)
    for rows in _bands(*samples.shape[:2]):
        out[rows] = _from_xyz(_compressed(light(samples[rows]), peak) @ to_xyz, space, np.dtype(np.uint16))
    return out, space


def _compressed(linear: Float, peak: float) -> Float:
    """Light (…×3, 0..peak) in 0..1: unchanged up to the knee, then a curve that ends at white. Hues stay."""
    if peak <= 1:
        return linear.clip(0, 1)
    strongest = linear.max(-1, keepdims=True)
    knee = max(_LOWEST_KNEE, 1 - 0.25 * float(np.log2(peak)))
    # x ↦ x·(1 + x/w²)/(1 + x) of what lies above the knee has slope 1 at the knee and reaches 1 at the peak.
    room = np.float32(1 - knee)
    above = np.maximum(strongest - np.float32(knee), 0) / room
    most = np.float32((peak - knee) / (1 - knee))
    squeezed = np.float32(knee) + room * above * (1 + above / most**2) / (1 + above)
    scale = np.where(strongest > knee, squeezed / np.maximum(strongest, 1e-6), 1)
    return (linear * scale).clip(0, 1)


# Other profiles ------------------------------------------------------------------------------------------------------


def _cms(icc: bytes | None) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(io.BytesIO(icc or profiles.srgb()))


def through_cms(samples: NDArray[Any], source: bytes, space: Space) -> Pixels:
    """Convert H×W×3 RGB or H×W×4 CMYK samples (uint8 or uint16) of any profile to H×W×3 RGB of a space, same depth.

    Raises one of PROFILE_ERRORS.
    """
    model = "RGB" if samples.shape[2] == 3 else "CMYK"
    if samples.dtype == np.uint16:
        import imagecodecs  # Pillow converts 8 bits only

        target = space.icc or profiles.srgb()
        return imagecodecs.cms_transform(
            np.ascontiguousarray(samples), source, target, colorspace=model.lower(), outcolorspace="rgb"
        )
    transform = ImageCms.buildTransform(_cms(source), _cms(space.icc), model, "RGB")
    return np.asarray(ImageCms.applyTransform(Image.fromarray(samples, model), transform))


def narrowest_for(samples: NDArray[Any], source: bytes) -> Space:
    """The narrowest space for the colors of H×W×3 or H×W×4 samples (uint8 or uint16) of any profile.

    Raises one of PROFILE_ERRORS.
    """
    few = np.ascontiguousarray(to_8_bits(cast("Pixels", sample(samples))))
    model = "RGB" if few.shape[2] == 3 else "CMYK"
    to_lab = ImageCms.buildTransform(_cms(source), ImageCms.createProfile("LAB"), model, "LAB")
    lab = stored_lab(np.asarray(ImageCms.applyTransform(Image.fromarray(few, model), to_lab)), signed=True)
    return narrowest(lab_to_xyz(lab).reshape(-1, 3))


def from_ink(ink: NDArray[Any]) -> Pixels:
    """H×W×4 CMYK without a profile (uint8 or uint16, the largest value is full ink) as RGB of the same depth."""
    top = np.iinfo(ink.dtype).max
    out = np.empty((*ink.shape[:2], 3), ink.dtype)
    for rows in _bands(*ink.shape[:2]):
        paper = top - ink[rows].astype(np.uint32)
        out[rows] = (paper[..., :3] * paper[..., 3:] + top // 2) // top
    return cast("Pixels", out)


def unpremultiplied(samples: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Samples (H×W or H×W×3, uint8, uint16 or float32) divided by their alpha (H×W, same dtype).

    Where alpha is 0 they stay as they are.
    """
    top = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
    weight = np.where(alpha > 0, alpha, top).astype(np.float32) / np.float32(top)
    divided = samples / (weight if samples.ndim == 2 else weight[..., None])
    return (divided if samples.dtype.kind == "f" else np.rint(divided.clip(0, top))).astype(samples.dtype)


def in_srgb(pixels: Pixels, icc: bytes | None) -> Pixels:
    """Convert H×W×3 uint8 or uint16 pixels from an ICC profile to sRGB at their own depth.

    With a broken profile the pixels are returned unchanged.
    """
    if icc is None:
        return pixels
    try:
        profile = profiles.parse(icc)
        if pixels.dtype == np.uint16 and profile.matrix is not None:
            return convert(pixels, profile, SRGB)[0]
        return through_cms(pixels, icc, SRGB)
    except PROFILE_ERRORS:
        return pixels


def to_srgb8(picture: Picture) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """sRGB pixels (H×W×3 uint8) and alpha (H×W uint8 or None) of a picture, for the clipboard and thumbnails."""
    pixels = in_srgb(to_8_bits(picture.pixels), picture.icc)
    return cast("NDArray[np.uint8]", pixels), None if picture.alpha is None else to_8_bits(picture.alpha)
