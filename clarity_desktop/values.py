"""Value types of the whole program: frozen and therefore thread-safe; numpy is the only library."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, NewType, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.text import Message, Text

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
"""RGB, H×W×3, in the photo's own profile; uint8 in 0..255 or uint16 in 0..65535. Read-only once it crosses a thread."""
Mask = NDArray[np.uint8]
"""H×W; 0 leaves a pixel as it is, 255 selects it fully, values between blend."""
Tile = NDArray[np.float32]
"""RGB, H×W×3, float32 0..1: the input and output of a method."""

DocumentId = NewType("DocumentId", str)
VersionId = NewType("VersionId", str)
RegionId = NewType("RegionId", str)

Task = Literal[
    "derain", "deraindrop", "desnow", "dehaze", "deblur", "denoise", "dejpeg", "low_light",
    "overexposure", "deflare", "deshadow", "dewatermark", "inpaint", "upscale", "retouch",
]  # fmt: skip
TASKS: tuple[Task, ...] = get_args(Task)

Degradation = Literal[
    "rain streak", "raindrop", "snow", "haze", "blur", "inpaint", "low-light", "overexposure", "flare", "shadow",
    "watermark", "noise", "JPEG",
]  # fmt: skip
"""What can be wrong with a photo; "inpaint" is missing, scratched or covered pixels."""
DEGRADATIONS: tuple[Degradation, ...] = get_args(Degradation)
CLASSES: tuple[str, ...] = ("normal", *DEGRADATIONS, "blend")
"""The 15 classes of the paper (3.1): "normal" is none of the degradations, "blend" two or more at once."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

TILE = 256
"""Side of a stored tile, in pixels."""

RAW = (".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf", ".pef", ".crw", ".nrw", ".srw", ".rwl")
"""Suffixes of RAW photos."""
READABLE = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".avif", ".heic", ".heif", ".bmp", ".gif",
    ".apng", ".dib", ".hif", ".mpo", ".jxl", ".psd", ".psb", ".exr", *RAW,
)  # fmt: skip
"""Suffixes of photos that can be opened. Files are recognized by their content; dialogs and folders go by these."""


def is_gray(pixels: Pixels, off: int = 0) -> bool:
    """Whether red and blue differ from green by no more than `off` in every pixel (H×W×3, uint8 or uint16)."""
    for y in range(0, len(pixels), 64):  # in bands: a color photo ends it at its first rows
        band = pixels[y : y + 64]
        for k in (0, 2):
            other = band[..., k]
            if (np.maximum(band[..., 1], other) - np.minimum(band[..., 1], other)).max(initial=0) > off:
                return False
    return True


class SupportsArray(Protocol):
    """An array, or an object that numpy converts to one on demand."""

    def __array__(self) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle in pixels of the oriented photo; the right and bottom edges are exclusive."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        return self.x + self.width

    @property
    def bottom(self) -> int:
        return self.y + self.height

    @property
    def area(self) -> int:
        return self.width * self.height

    @property
    def center(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an H×W array."""
        return slice(self.y, self.bottom), slice(self.x, self.right)

    def grown(self, by: int, width: int, height: int) -> Bounds:
        """These bounds with `by` pixels more on each side, cut to a picture of the given size."""
        # The left and top edges move first: the width must be measured from the clipped edge.
        x, y = max(0, self.x - by), max(0, self.y - by)
        return Bounds(x, y, min(width, self.right + by) - x, min(height, self.bottom + by) - y)

    def cut(self, other: Bounds) -> Bounds:
        """The intersection; width and height are 0 if there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Bounds(x, y, max(0, min(self.right, other.right) - x), max(0, min(self.bottom, other.bottom) - y))


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A part of a photo of width × height pixels.

    bounds: the rectangle that holds all of it. mask: H×W uint8 of the size of `bounds`, 0 (not selected) to 255, so
    that a small region of a large photo stays small.
    """

    bounds: Bounds
    mask: Mask
    width: int
    height: int
    label: str = ""

    @staticmethod
    def rectangle(bounds: Bounds, width: int, height: int, label: str = "") -> Region:
        """The region that covers `bounds` in a photo of width × height pixels."""
        inside = bounds.cut(Bounds(0, 0, width, height))
        return Region(inside, np.full((inside.height, inside.width), 255, np.uint8), width, height, label)

    @staticmethod
    def of(mask: Mask, label: str = "") -> Region:
        """The region of a mask of the whole photo (H×W uint8). Raises ValueError if the mask selects nothing."""
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if not rows.size:
            raise ValueError("The mask selects nothing.")
        x, y = int(columns[0]), int(rows[0])
        bounds = Bounds(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)
        # A copy, so that the region does not keep the mask of the whole photo in memory.
        return Region(bounds, mask[bounds.slices()].copy(), mask.shape[1], mask.shape[0], label)

    def within(self, box: Bounds) -> Mask:
        """The mask over `box`, H×W uint8 of its size; 0 outside of the region's bounds."""
        mask = np.zeros((box.height, box.width), np.uint8)
        shared = self.bounds.cut(box)
        there = Bounds(shared.x - box.x, shared.y - box.y, shared.width, shared.height)
        here = Bounds(shared.x - self.bounds.x, shared.y - self.bounds.y, shared.width, shared.height)
        mask[there.slices()] = self.mask[here.slices()]
        return mask

    def full(self) -> Mask:
        """The mask of the whole photo: height×width uint8, 0..255."""
        return self.within(Bounds(0, 0, self.width, self.height))


@dataclass(frozen=True, slots=True, eq=False)
class StoredRegion:
    """A region that the user keeps in a document, without its mask.

    content: the id of the mask, as in a step's `region`. bounds, width, height: as in Region. version: where it was
    made. engine: what made it, empty for the user's own hand. thumbnail: H×W×3 uint8 of the whole photo, white where it
    is selected, longest side ≤ 128.
    """

    id: RegionId
    content: str
    name: str
    version: VersionId
    bounds: Bounds
    width: int
    height: int
    thumbnail: SupportsArray
    engine: str = ""
    deleted: bool = False
    time: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Click:
    """A position in pixels of the oriented photo (the center of the first pixel is 0.5, 0.5).

    inside: it lies in what is meant; else it must be left out.
    """

    x: float
    y: float
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Box:
    """An object that was found: its label, how certain it is (0..1), and where."""

    label: str
    score: float
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke of the brush, or of the eraser, along points (x, y) of the photo.

    radius: in pixels. hardness: 0 (soft from the middle on) to 1 (hard edge).
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    hardness: float = 1.0
    erase: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Combine:
    """With another region: what either, only the first, or both select; "replace": the other one alone."""

    other: Region
    how: Literal["add", "subtract", "intersect", "replace"] = "add"


@dataclass(frozen=True, slots=True)
class Invert:
    """Select what was left out."""


@dataclass(frozen=True, slots=True)
class Grow:
    """Move the edge outwards by that many pixels; a negative number moves it inwards."""

    by: float


@dataclass(frozen=True, slots=True)
class Feather:
    """Soften the region over that many pixels inside its edge."""

    by: int


@dataclass(frozen=True, slots=True)
class Paint:
    """Add or erase strokes, in their order."""

    strokes: tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Lasso:
    """With what a closed line encloses; how: as in Combine."""

    points: tuple[tuple[float, float], ...]
    how: Literal["add", "subtract", "intersect", "replace"] = "add"


@dataclass(frozen=True, slots=True)
class Refine:
    """Move the edge to the edges of the photo within that many pixels."""

    radius: int = 8


@dataclass(frozen=True, slots=True)
class Fit:
    """Bring a region to the version from another one of this photo, or from another photo, whose size is stretched.

    made_for: the version of this photo that the region is of; None: it is of another photo.
    """

    made_for: VersionId | None = None


MaskChange = Combine | Invert | Grow | Feather | Paint | Lasso | Refine | Fit


@dataclass(frozen=True, slots=True)
class EngineCard:
    """What can find masks from clicks. missing: the weights file that is not installed, an id of the catalog."""

    id: str
    title: str
    missing: str | None = None


_STRENGTHS = ((0.7, "strong"), (0.4, "moderate"), (0.15, "light"), (0.0, "faint"))
"""The least severity of each word."""


LIKELY = 0.5
"""Probability from which a degradation counts as present: more likely than not, because the detector is calibrated."""
MAYBE = 0.3
"""From this probability on a degradation is named even where the photo as a whole looks normal."""


CLEAR = 0.7
"""Probability from which what shows only at 100% counts: all of 42 large photos that were damaged so reach it."""
FAIR = 50
"""Overall score, rounded, under which no photo is said to look fine."""
LOCAL: frozenset[Degradation] = frozenset({"raindrop", "inpaint", "flare", "shadow", "watermark"})
"""Degradations that cover a part of the photo; the others are usually everywhere."""
HOT = 180
"""Heat from which a cell of the map counts as showing a degradation: on clean photos hardly any gets there."""
_SUSPECTED, _MARKED_SHARE = 0.1, 0.01
"""Probability and share of hot cells from which the map contradicts a photo that looks normal as a whole: two of 34
clean photos have both, and each alone is frequent."""
_EVERYWHERE_SHARE = 0.6
"""Share of hot cells from which a degradation is everywhere; none hot at all means the same for one that is found."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One degradation in one photo: probability 0..1 that it is there, severity 0..1 (0: not visible, 1: heavy)."""

    probability: float
    severity: float

    @property
    def strength(self) -> str:
        """The severity in a word."""
        return next(word for least, word in _STRENGTHS if self.severity >= least)


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """What is wrong with a photo.

    top: the 15 CLASSES with their probabilities (sum 1), most likely first. found: each of the 13 DEGRADATIONS.
    heat: rows×columns×13 uint8, 0..255: how likely each degradation is in that part of the photo, in the order of
    DEGRADATIONS; the grid covers the whole photo. close: what shows only at 100 %, the photo's own resolution; empty
    for a photo that fits a screen. quality: how good the photo is as a whole, 0..1; an input of the overall score.
    """

    top: tuple[tuple[str, float], ...]
    found: Mapping[Degradation, Finding]
    heat: NDArray[np.uint8]
    close: Mapping[Degradation, Finding] = field(default_factory=dict)
    quality: float | None = None


def ordered(detection: Detection) -> list[Degradation]:
    """All degradations, most likely first."""
    return sorted(DEGRADATIONS, key=lambda d: -detection.found[d].probability)


def hot_share(detection: Detection, degradation: Degradation) -> float:
    """The share of the heat map's cells, 0..1, that show a degradation."""
    return float((detection.heat[..., DEGRADATIONS.index(degradation)] >= HOT).mean())


def is_everywhere(detection: Detection, degradation: Degradation) -> bool:
    """Whether a map of the degradation would tell nothing: it is one of light or weather, and no part stands out."""
    if degradation in LOCAL:
        return False
    share = hot_share(detection, degradation)
    return share >= _EVERYWHERE_SHARE or share < _MARKED_SHARE


class Summary(NamedTuple):
    """The conclusion from an analysis, the same for window, conversation and command line; verdict.py words it.

    kind "there": the degradations `named` are present; two or more are a blend, whichever class is on top. "unsure":
    something may be wrong, but nothing is more likely than not; named holds the most likely one or two. "doubt": the
    photo looks normal, but the one degradation named may be present, by its probability or by the heat map. "low": it
    looks normal, but has a low score. "fine": detector, map and score agree. named: most likely first.
    """

    kind: Literal["there", "unsure", "doubt", "low", "fine"]
    named: tuple[Degradation, ...] = ()


def summary(detection: Detection, score: float | None = None) -> Summary:
    """Summarize an analysis: the top class decides only whether the photo looks normal. score: 0..100, if known."""
    names = ordered(detection)
    shares = [detection.found[name].probability for name in names]
    if detection.top[0][0] == "normal":
        if shares[0] >= MAYBE:
            return Summary("doubt", (names[0],))
        possible: list[Degradation] = [
            name for name, p in zip(names, shares, strict=True) if name in LOCAL and p >= _SUSPECTED
        ]
        marked: list[Degradation] = [name for name in possible if hot_share(detection, name) >= _MARKED_SHARE]
        if marked:
            return Summary("doubt", (marked[0],))
        return Summary("low" if score is not None and round(score) < FAIR else "fine")
    if shares[0] >= LIKELY:
        return Summary("there", tuple(name for name, p in zip(names, shares, strict=True) if p >= LIKELY))
    # A second degradation that is less than half as likely would only distract.
    return Summary("unsure", tuple(names[: 2 if shares[1] >= shares[0] / 2 else 1]))


def at_full_size(detection: Detection) -> tuple[Degradation, ...]:
    """What is likely present, but shows only at 100 %, most likely first."""
    named = summary(detection).named
    hidden: list[Degradation] = [
        name for name, f in detection.close.items() if f.probability >= CLEAR and name not in named
    ]
    return tuple(sorted(hidden, key=lambda name: -detection.close[name].probability))


TASK_FOR: Mapping[Degradation, Task] = {
    "rain streak": "derain", "raindrop": "deraindrop", "snow": "desnow", "haze": "dehaze", "blur": "deblur",
    "inpaint": "inpaint", "low-light": "low_light", "overexposure": "overexposure", "flare": "deflare",
    "shadow": "deshadow", "watermark": "dewatermark", "noise": "denoise", "JPEG": "dejpeg",
}  # fmt: skip
"""The task that treats each degradation."""
FINDS_PART: Mapping[Task, Degradation] = {"dewatermark": "watermark", "deflare": "flare"}
"""Tasks that find the part that they restore where nothing is selected, and what it shows."""


@dataclass(frozen=True, slots=True)
class Advice:
    """A task that would help, the degradation that it treats, and the reason for its place in the order."""

    task: Task
    degradation: Degradation
    why: Text


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a version is from the photo as it was opened: PSNR in dB (None: identical) and SSIM 0..1.

    There is no Distance if the sizes differ. No-reference scores can reward invented detail, so a large distance is
    marked in the window.
    """

    psnr: float | None
    ssim: float


@dataclass(frozen=True, slots=True)
class Quality:
    """No-reference scores of one version; None where a metric is undefined or not installed; `why` gives the reason.

    PIQE, BRISQUE and SSEQ: 0 is best, about 100 worst. NIQE: lower is better, 2 to 5 is a good photo.
    overall: 0..100, higher is better; low and high are its range. bundled: the metrics that used the
    built-in parameters, because the authors' are not installed. more: further metrics that the user switched on.
    """

    sseq: float | None = None
    niqe: float | None = None
    brisque: float | None = None
    piqe: float | None = None
    overall: float | None = None
    low: float | None = None
    high: float | None = None
    bundled: tuple[str, ...] = ()
    more: Mapping[str, float] = field(default_factory=dict)
    why: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestoreParams:
    """The parameters of one restoration.

    method None: the task's default. region None: the whole photo. feather: pixels over which the region softens inside
    its edge. strength: 0..1. visible: the part that is on screen, restored first, from its center outwards.
    """

    task: Task
    method: str | None = None
    strength: float = 1.0
    region: Region | None = None
    feather: int = 0
    visible: Bounds | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A decoded photo: pixels, alpha, profile and metadata.

    pixels are oriented; alpha has their depth; icc is the profile that the pixels are in (None: sRGB);
    exif, xmp and iptc are the raw blocks; texts: keyword and text of each comment, as PNG has them ("Comment" without a
    keyword); notes: messages for the user about what was converted or left out.
    """

    pixels: Pixels
    alpha: NDArray[np.uint8] | NDArray[np.uint16] | None = None
    icc: bytes | None = None
    profile: str = "sRGB"
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    format: str = "PNG"
    mode: str = "RGB"  # of the file: "L", "RGB", "P", "CMYK", …
    path: Path | None = None
    notes: tuple[Text, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    @property
    def depth(self) -> int:
        """Bits per channel: 8 or 16."""
        return self.pixels.dtype.itemsize * 8


@dataclass(frozen=True, slots=True)
class Step:
    """How a version was made: enough to reproduce its pixels on the same kind of machine.

    kind is "open", "restore", "adjust", "crop", "rotate", "straighten", "flip", "reset", "paste", "fuse" or "merge";
    settings hold the method's recorded settings (tile, overlap, dtype, device, threads, seed), the adjustments, the
    transform's parameters, or the versions that a fused or merged one was made from.
    """

    kind: str
    task: Task | None = None
    method: str | None = None
    weights: Mapping[str, str] = field(default_factory=dict)  # weights id → sha256
    strength: float = 1.0
    region: str | None = None  # id of the stored region; None: the whole photo
    seconds: float = 0.0
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a version's pyramid: hashes of its 256² tiles, row by row. Level 0 is the photo itself."""

    width: int
    height: int
    tiles: tuple[bytes, ...]

    @property
    def columns(self) -> int:
        # Ceiling division: the last column may be narrower than a tile.
        return -(-self.width // TILE)

    def bounds(self, index: int) -> Bounds:
        """The bounds of a tile in this level."""
        y, x = (k * TILE for k in divmod(index, self.columns))
        return Bounds(x, y, min(TILE, self.width - x), min(TILE, self.height - y))


@dataclass(frozen=True, slots=True)
class Manifest:
    """The tiles of a version's pixels: levels[k] is the photo reduced by 2ᵏ."""

    version: VersionId
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """One node of a document's tree.

    name is None unless the user typed one; `titles.step_title` names the others. rejected: Auto rolled it back; it
    stays in the tree, but redo skips it.
    """

    id: VersionId
    parent: VersionId | None
    step: Step
    name: str | None
    time: float  # seconds since the epoch
    width: int
    height: int
    thumbnail: SupportsArray  # H×W×3 uint8 RGB in sRGB, longest side ≤ 128; np.asarray unpacks it
    star: bool = False
    deleted: bool = False
    rejected: bool = False
    quality: Quality | None = None
    detection: Detection | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One turn of the conversation.

    content: what the user typed, or the reply as a message that is rendered when it is shown. versions: those that the
    turn made. steps: the tool calls of an assistant's turn, as JSON. question: the version that an open question is
    about; the steps wait for the answer. models: those to be downloaded before the steps run; not stored.
    """

    role: Literal["user", "assistant"]
    content: Text
    versions: tuple[VersionId, ...] = ()
    time: float = 0.0  # seconds since the epoch
    steps: tuple[Json, ...] = ()
    question: VersionId | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EarlierPhoto:
    """A photo that a conversation was about before it went on with another one.

    document: its id, as long as its working file exists. path: the photo's file. project: where it was saved.
    """

    document: DocumentId
    title: str
    path: Path | None = None
    project: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class DocumentCard:
    """Everything that a window shows of a document, except its pixels.

    undo_to and redo_to: where undo and redo lead; None: nowhere. regions: those that the user keeps, also deleted ones,
    which can be brought back. unsaved: closing would lose sight of work; a conversation alone does not count, except in
    a saved project whose file lacks it. earlier: the photos that the conversation was about before, the last one first.
    """

    id: DocumentId
    title: str
    path: Path | None  # the photo it came from
    project: Path | None  # where it was saved
    depth: int
    profile: str
    icc: bytes | None
    has_alpha: bool
    head: VersionId
    versions: tuple[Version, ...]
    turns: tuple[Turn, ...] = ()
    unsaved: bool = False
    read_only: bool = False
    notes: tuple[Text, ...] = ()
    undo_to: VersionId | None = None
    redo_to: VersionId | None = None
    regions: tuple[StoredRegion, ...] = ()
    earlier: tuple[EarlierPhoto, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodCard:
    """A method as it is listed for the user.

    missing: its weights files that are not installed. gains: mean gain in dB on damaged test photos, where measured.
    """

    id: str
    title: str
    tasks: tuple[Task, ...]
    architecture: str
    licence: str
    paper: str
    trained_on: str
    needs_mask: bool
    missing: tuple[str, ...] = ()
    gains: Mapping[Task, float] = field(default_factory=dict)
    speed: float = 0.0  # seconds per megapixel on two cores; 0: not known
    weights: tuple[str, ...] = ()

    def runs_without_selection(self, task: Task) -> bool:
        """Whether it can run for a task where nothing is selected: it needs no mask, or the task finds one."""
        return not self.needs_mask or task in FINDS_PART


@dataclass(frozen=True, slots=True)
class MethodOption:
    """A method that could be used for a task of a given photo.

    seconds: what it takes here, None: it cannot run here, for the reason in `obstacle`. gain: mean gain in dB on
    `photos` test photos, damaged about as much as this one where that was measured. quick: takes at most a minute.
    chosen: first because the user set or prefers it.
    """

    method: str
    seconds: float | None
    gain: float | None = None
    photos: int = 0
    missing: tuple[str, ...] = ()
    quick: bool = True
    chosen: bool = False
    reasons: tuple[Message, ...] = ()
    obstacle: Text | None = None


@dataclass(frozen=True, slots=True)
class MethodPreference:
    """What is known of a method for a task. score: how likely this user prefers its result to a typical one, 0..1.

    choices: the user's choices that it was part of. gain: measured gain in dB, where there is one.
    """

    method: str
    score: float
    choices: int
    gain: float | None = None


@dataclass(frozen=True, slots=True)
class TaskPreferences:
    """The methods of a task in the order in which they are tried where none is named."""

    task: Task
    methods: tuple[MethodPreference, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A weights file of the catalog, or of the user's own, and its state on this machine.

    source: where it is published first, "" for one that is part of the program or the user's own.
    """

    id: str
    title: str
    size: int  # bytes to download
    licence: str
    state: Literal["ready", "missing", "partial", "broken"]
    path: Path | None = None
    sha256: str = ""
    source: str = ""
    own: bool = False


LicenceLimit = Literal["none", "noncommercial", "unstated"]


def licence_limit(licence: str) -> LicenceLimit:
    """Whether a license forbids commercial use, or is not known at all."""
    if re.search(r"non-?\s?commercial|\bNC\b|research (use |purposes? )?only|academic", licence, re.IGNORECASE):
        return "noncommercial"
    if not licence.strip() or re.search(r"none|not stated|unstated|unknown|no licen[cs]e", licence, re.IGNORECASE):
        return "unstated"
    return "none"


WEIGHTS_SUFFIXES = frozenset({".pth", ".pt", ".pkl", ".ckpt", ".safetensors"})
"""Endings of the names of weights files that can be imported."""
Tiling = Literal["yes", "discouraged", "no"]


@dataclass(frozen=True, slots=True)
class RecognizedModel:
    """What was recognized in a weights file of the user's.

    task: what it is for, None if that is not known; tasks: what it could be for. licence: as the file states it, "" if
    it states none. size: bytes as safetensors. scale: side of the result divided by that of the input. channels: 3, or
    1 for gray. multiple_of: of the sides of a tile. speed: seconds per megapixel on this machine, roughly.
    """

    title: str
    architecture: str
    task: Task | None
    tasks: tuple[Task, ...]
    licence: str
    size: int
    sha256: str
    scale: int
    channels: int
    multiple_of: int
    tiling: Tiling
    needs_mask: bool
    speed: float


@dataclass(frozen=True, slots=True)
class OwnChoice:
    """What the user says about a weights file: its name, what it is for, and its license."""

    title: str
    task: Task
    licence: str


@dataclass(frozen=True, slots=True)
class OwnModel:
    """An imported weights file that became a method. Fields as in RecognizedModel."""

    id: str
    title: str
    tasks: tuple[Task, ...]
    architecture: str
    licence: str
    size: int
    sha256: str
    scale: int
    channels: int
    multiple_of: int
    tiling: Tiling
    needs_mask: bool
    speed: float


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network in memory; bytes is an estimate of its size there."""

    id: str
    title: str
    bytes: int
    device: Literal["cpu", "cuda", "mps"] = "cpu"


@dataclass(frozen=True, slots=True)
class Crop:
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Rotate:
    quarter_turns: Literal[1, 2, 3]  # clockwise


@dataclass(frozen=True, slots=True)
class Flip:
    axis: Literal["horizontal", "vertical"]  # horizontal: left and right are swapped


@dataclass(frozen=True, slots=True)
class Straighten:
    degrees: float  # clockwise, -45..45; the result is cut to the largest rectangle without empty corners


Transform = Crop | Rotate | Flip | Straighten


@dataclass(frozen=True, slots=True)
class Adjustments:
    """Changes of light and color. All zero: nothing changes.

    exposure: stops, -4..4. sharpen: 0..1. The others -1..1: temperature > 0 is warmer, tint > 0 more magenta.
    """

    exposure: float = 0.0
    contrast: float = 0.0
    highlights: float = 0.0
    shadows: float = 0.0
    temperature: float = 0.0
    tint: float = 0.0
    saturation: float = 0.0
    sharpen: float = 0.0
    black_and_white: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in ADJUSTMENT_RANGES.items():
            if not low <= getattr(self, name) <= high:  # NaN as well
                raise ValueError(f"{name} must be between {low:g} and {high:g}")


ADJUSTMENT_RANGES: Mapping[str, tuple[float, float]] = {
    "exposure": (-4.0, 4.0), "contrast": (-1.0, 1.0), "highlights": (-1.0, 1.0), "shadows": (-1.0, 1.0),
    "temperature": (-1.0, 1.0), "tint": (-1.0, 1.0), "saturation": (-1.0, 1.0), "sharpen": (0.0, 1.0),
}  # fmt: skip
"""The lowest and the highest value of each adjustment that is a number."""


FULL = "full"
"""Key in the settings of a weaker restoration: the version that holds its result at full strength."""


BOUNDS = "bounds"
"""Key in the settings of a restored part: its rectangle, [x, y, width, height]."""


def part_of(version: Version) -> Bounds | None:
    """The rectangle that a restoration of a part changed; None for any other step. It may come from a file."""
    stored = version.step.settings.get(BOUNDS)
    if version.step.kind != "restore" or version.step.region is None or not isinstance(stored, list):
        return None
    numbers = [k for k in stored if isinstance(k, int) and not isinstance(k, bool) and 0 <= k <= 1 << 30]
    if len(numbers) != 4 or len(stored) != 4:
        return None
    part = Bounds(*numbers).cut(Bounds(0, 0, version.width, version.height))
    return part if part.area else None


def parts_of(versions: Mapping[VersionId, Version], version: Version) -> tuple[VersionId | None, tuple[Step, ...]]:
    """The restorations of parts that end at a version, the first one first, and the version that they began from."""
    steps: list[Step] = []
    at: Version | None = version
    while at is not None and at.step.kind == "restore" and at.step.region is not None and len(steps) < len(versions):
        steps.append(at.step)
        # Another strength is a child of the version whose strength it changes; its input is that of the full result.
        full = full_result(versions, at) if FULL in at.step.settings else at
        at = versions.get((full or at).parent or VersionId(""))
    return (at.id if at else None), tuple(reversed(steps))


MOVING = ("crop", "rotate", "straighten", "flip")
"""Kinds of steps that move pixels."""


def base_of(versions: Mapping[VersionId, Version], version: Version) -> Version | None:
    """The version whose pixels a version lies over, before its own step: its parent, of a reset the original."""
    if version.step.kind == "reset":
        return next((v for v in versions.values() if v.parent is None and v.id != version.id), None)
    return versions.get(version.parent) if version.parent else None


def placed_as(versions: Mapping[VersionId, Version], version: Version) -> VersionId:
    """The version since which nothing moved: versions of which this is the same have their pixels at the same place."""
    for _ in range(len(versions)):
        base = base_of(versions, version)
        if base is None or version.step.kind in MOVING or (base.width, base.height) != (version.width, version.height):
            break
        version = base
    return version.id


def full_result(versions: Mapping[VersionId, Version], version: Version) -> Version | None:
    """The result at full strength of the restoration that made a version; None if there is none.

    The settings of a step may come from an untrusted file: the named version must be what it should be.
    """
    named = version.step.settings.get(FULL)
    full = versions.get(VersionId(named)) if isinstance(named, str) else version
    before = versions.get(full.parent) if full and full.parent else None
    if full is None or before is None or full.step.kind != "restore" or full.step.strength != 1:
        return None
    same = (before.width, before.height) == (full.width, full.height) == (version.width, version.height)
    return full if same else None


def adjustments_of(settings: Mapping[str, Json]) -> Adjustments:
    """Adjustments from the settings of a step or a preset in a file: unknown and invalid values count as neutral."""
    values: dict[str, Any] = {}
    for name, (low, high) in ADJUSTMENT_RANGES.items():
        value = settings.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high:
            values[name] = float(value)
    return Adjustments(**values, black_and_white=settings.get("black_and_white") is True)


def adjustment_settings(adjustments: Adjustments) -> dict[str, Json]:
    """Adjustments as they are stored: what is not neutral."""
    return {name: value for name, value in asdict(adjustments).items() if value}


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """How often each value occurs.

    counts: 4×256 int64, of red, green, blue and luminance, over 8-bit values in the photo's own space. dark and
    bright: the shares (0..1) of pixels with a channel at the lowest or the highest value.
    """

    counts: NDArray[np.int64]
    dark: float
    bright: float


@dataclass(frozen=True, slots=True)
class PhotoInfo:
    """What the metadata say of a photo; empty or None where they do not.

    exposure: seconds. focal: mm; focal_35: of a full-frame camera. bias: stops. taken: as EXIF has it,
    "YYYY:MM:DD HH:MM:SS". place: degrees of latitude and longitude. format: of the file it came from.
    """

    camera: str = ""
    lens: str = ""
    exposure: float | None = None
    aperture: float | None = None
    iso: int | None = None
    focal: float | None = None
    focal_35: int | None = None
    bias: float | None = None
    flash: bool | None = None
    taken: str = ""
    artist: str = ""
    copyright: str = ""
    software: str = ""
    description: str = ""
    place: tuple[float, float] | None = None
    format: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class BeforeAfter:
    """A picture of two versions: side by side, or one with a line between them.

    labels: the words for both as large pictures, H×W uint8, 255 is ink: the window draws them, as it has the fonts for
    every language.
    """

    before: VersionId
    layout: Literal["side", "split"]
    labels: tuple[Mask, Mask]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a version is written to a file.

    format is a key of pictures.FORMATS ("jpeg", "png", "webp", "tiff", "avif", "heic", "jxl", "bmp"); quality 1..100;
    depth 8, 16 or None (the photo's own); longest side in pixels or None; profile "keep" or "srgb". compared: write a
    picture of the version and another one instead.
    """

    path: Path
    format: str = "png"
    quality: int = 92
    depth: Literal[8, 16] | None = None
    longest: int | None = None
    profile: Literal["keep", "srgb"] = "keep"
    metadata: Literal["all", "no-location", "none"] = "all"
    exists: Literal["ask", "number", "overwrite", "skip"] = "ask"
    compared: BeforeAfter | None = None


@dataclass(frozen=True, slots=True)
class Recovery:
    """A document that an earlier run did not close."""

    store: Path
    title: str
    time: float
    versions: int
    thumbnail: NDArray[np.uint8]
