"""The detector's test set: photos damaged by the test synthesis (`exam`), and real photos where available."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.messages import UserError
from clarity_desktop.values import CLASSES, Degradation
from clarity_training import exam
from clarity_training.photos import load, load_8bit, to_8bit
from clarity_training.scene_split import exclude_scenes

RealHalf = Literal["train", "test"]
T = TypeVar("T")

REAL_SHARE = 0.3
"""The paper mixes synthetic and real photos 7:3."""

LABELED = "labeled"
"""The set of photos that `real_photos` labels (real_labels.csv); their role is the class."""

REAL_SETS: Mapping[tuple[str, str], str] = {
    ("rain_real", "rain-streak"): "rain streak",
    ("raindrop_real", "raindrop"): "raindrop",
    ("snow_real", "snow"): "snow",
    ("haze_real", "haze"): "haze",
    ("blur_real", "motion-blur"): "blur",
    ("blur_real", "defocus-blur"): "blur",
    ("blur_gopro", "input"): "blur",
    ("inpaint_places2", "input"): "inpaint",
    ("old_photos", "scratched"): "inpaint",
    ("lowlight_real", "low-light"): "low-light",
    ("exposure_real", "low-light"): "low-light",
    ("exposure_bracket", "under"): "low-light",
    ("lol_train", "input"): "low-light",
    ("exposure_real", "overexposure"): "overexposure",
    ("exposure_bracket", "over"): "overexposure",
    ("flare_real", "flare"): "flare",
    ("flare_real", "glow"): "flare",
    ("shadow_real", "shadow"): "shadow",
    ("shadow_ucb", "input"): "shadow",
    ("watermark_real", "watermark"): "watermark",
    ("noise_real", "noise"): "noise",
    ("noise_cc15", "input"): "noise",
    ("jpeg_real", "jpeg"): "JPEG",
    ("composite_synth", "low-light+haze+rain"): "blend",  # synthetic, but by a third party's program
    ("composite_synth", "low-light+haze+snow"): "blend",
    **{(LABELED, name): name for name in CLASSES},
}
"""(set, role) of the index → class. noise_polyu is left out: its noise is too weak to be seen."""

SETS_OF_CROPS = frozenset({"noise_polyu", LABELED})
"""Sets with several crops of one frame or photos of one scene, numbered at the end of the file stem: these stay in one
half."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One photo of the test set: pixels H×W×3 uint8 RGB, of the class `name`.

    source: the photo's file. severities: of the degradations that were applied, 0..1; empty for real photos, whose
    severities are unknown.
    """

    name: str
    pixels: NDArray[np.uint8]
    source: Path
    real: bool
    severities: Mapping[Degradation, float] = field(default_factory=dict)


def real_half(path: Path) -> RealHalf:
    """The half that a real photo belongs to, from a hash of its file stem."""
    return "test" if hashlib.sha256(b"real photo " + path.stem.encode()).digest()[0] % 2 else "train"


def real_photos(folder: Path, half: RealHalf) -> list[tuple[str, Path]]:
    """(class, file) of every real photo of one half, in the order of CLASSES and of the index.

    Photos of the test half that show a scene of the train half are left out. folder: holds index.csv with the columns
    path (relative to the folder), set and role. Raises UserError where the index is missing, lacks a column, or names a
    file outside the folder.
    """
    rows = _index(folder, "set", "role", "path")
    found = [(REAL_SETS.get((row["set"], row["role"])), row["set"], row["path"]) for row in rows]
    labeled = [(name, source, _inside(folder, path)) for name, source, path in found if name]
    chosen = _select_half(half, [(_frame(source, path), path, (name, path)) for name, source, path in labeled])
    return sorted(chosen, key=lambda f: CLASSES.index(f[0]))


def real_pairs(folder: Path, half: RealHalf) -> dict[str, list[tuple[Path, Path]]]:
    """(good, bad) photo of each real pair of one half, by data set, in the order of the index.

    A pair has the roles target and input and the same pair_id. Scenes and errors as in `real_photos`.
    """
    rows: dict[tuple[str, str], dict[str, Path]] = {}
    for row in _index(folder, "set", "pair_id", "role", "path"):
        if row["role"] in ("input", "target") and row["pair_id"]:
            rows.setdefault((row["set"], row["pair_id"]), {})[row["role"]] = _inside(folder, row["path"])
    complete = [(name, both["target"], both["input"]) for (name, _), both in rows.items() if len(both) == 2]
    candidates = [(_frame(name, bad), good, (name, good, bad)) for name, good, bad in complete]
    pairs: dict[str, list[tuple[Path, Path]]] = {}
    for name, good, bad in _select_half(half, candidates):
        pairs.setdefault(name, []).append((good, bad))
    return pairs


def _select_half(half: RealHalf, candidates: Sequence[tuple[Path, Path, T]]) -> list[T]:
    """The items of one half; of the test half without scenes of the train half.

    candidates: the path whose stem decides the half, the file that shows the scene, and the item.
    """
    train, test = ([row for row in candidates if real_half(row[0]) == name] for name in ("train", "test"))
    if half == "train":
        return [item for _, _, item in train]
    new_scenes = set(exclude_scenes([scene for _, scene, _ in test], [scene for _, scene, _ in train]))
    return [item for _, scene, item in test if scene in new_scenes]


def _frame(name: str, path: Path) -> Path:
    """The path without the number of the crop, so that all crops of a frame get the same half."""
    return path.with_stem(path.stem.rstrip("0123456789").rstrip("_")) if name in SETS_OF_CROPS else path


def _index(folder: Path, *columns: str) -> list[dict[str, str]]:
    """The named columns of every row of a folder's index.csv."""
    index = folder / "index.csv"
    try:
        with index.open(newline="", encoding="utf-8") as lines:
            return [{name: row[name] for name in columns} for row in csv.DictReader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"“{index}” could not be read ({error}). Choose a folder with an index.csv.") from error
    except KeyError as error:
        raise UserError(f"“{index}” has no column {error}. It needs {', '.join(columns)}.") from error


def _inside(folder: Path, path: str) -> Path:
    file = folder / path
    if not file.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"“{folder / 'index.csv'}” names “{path}”, which is outside its folder. Correct that line.")
    return file


def build(clean: Sequence[Path], real: Path | None, per_class: int = 200, seed: int = 0) -> Iterator[Case]:
    """per_class cases of each class, class by class in the order of CLASSES.

    clean: files that were not used in training. real: a folder with index.csv; as far as available, REAL_SHARE of the
    cases of a class come from its test half, and the rest is synthetic. The same seed gives the same cases. Raises
    UserError where clean is empty or a file is no readable image.
    """
    if not clean:
        raise UserError("There is no clean photo to damage. Choose a folder with clean photos.")
    labeled = real_photos(real, "test") if real else []
    for k, name in enumerate(CLASSES):
        rng = np.random.default_rng([seed, k])
        chosen = _round_robin([path for label, path in labeled if label == name], rng)[: round(REAL_SHARE * per_class)]
        for path in chosen:
            yield Case(name, load_8bit(path), path, real=True)
        order = rng.permutation(len(clean))
        for n in range(per_class - len(chosen)):
            yield _synthetic_case(name, clean[order[n % len(clean)]], np.random.default_rng([seed, k, n]))


def _round_robin(paths: Sequence[Path], rng: np.random.Generator) -> list[Path]:
    """The paths shuffled, one of each folder in turn, so that large sets do not displace small ones."""
    shuffled = [paths[k] for k in rng.permutation(len(paths))]
    rounds: dict[Path, int] = {}
    keyed: list[tuple[int, int, Path]] = []
    for k, path in enumerate(shuffled):
        rounds[path.parent] = rounds.get(path.parent, -1) + 1
        keyed.append((rounds[path.parent], k, path))
    return [path for _, _, path in sorted(keyed)]


def _synthetic_case(name: str, path: Path, rng: np.random.Generator) -> Case:
    """One damaged photo with a longest side of at most 448 to 800 pixels: data sets come in many sizes."""
    photo = load(path, int(rng.integers(448, 801)))
    damaged, severities = exam.damage(name, photo, rng)
    return Case(name, to_8bit(damaged.pixels), path, real=False, severities=severities)
