"""The detector's test set: damaged by the exam's own synthesis, and real photos of each class where there are some."""

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
from clarity_training.photos import eight_bits, load
from clarity_training.scene_split import unseen

RealPart = Literal["train", "exam"]
T = TypeVar("T")

REAL_SHARE = 0.3
"""The paper mixes synthetic and real photos 7:3."""

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
    ("composite_synth", "low-light+haze+rain"): "blend",  # made by a program, but not by one of ours
    ("composite_synth", "low-light+haze+snow"): "blend",
}
"""(set, role) of the index → class. noise_polyu is absent: its noise is too weak to be seen."""

CROPPED = frozenset({"noise_polyu"})
"""Sets with several parts of one frame, numbered at the end of their names: these stay in one half."""


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One photo of the test set: pixels H×W×3 uint8 RGB, of the class `name`.

    severities: what damaged it, 0..1 each; empty for real photos, where nobody knows. source: the photo's file.
    """

    name: str
    pixels: NDArray[np.uint8]
    source: Path
    real: bool
    severities: Mapping[Degradation, float] = field(default_factory=dict)


def real_part(path: Path) -> RealPart:
    """The half a real photo belongs to, by a hash of its stem: one scene under one name stays together."""
    return "exam" if hashlib.sha256(b"real photo " + path.stem.encode()).digest()[0] % 2 else "train"


def real_photos(folder: Path, part: RealPart) -> list[tuple[str, Path]]:
    """Class and file of every real photo of one half, in the order of CLASSES and of the index; of the exam's half
    without those that show a scene of the other one.

    folder holds index.csv with the columns path, set and role; paths are relative to it. Raises UserError where the
    index is absent, lacks a column, or names a file outside the folder.
    """
    named = [(REAL_SETS.get((row["set"], row["role"])), row["path"]) for row in _index(folder, "set", "role", "path")]
    found = [(name, _inside(folder, path)) for name, path in named if name]
    chosen = _of_half(part, [(path, path, (name, path)) for name, path in found])
    return sorted(chosen, key=lambda f: CLASSES.index(f[0]))


def real_pairs(folder: Path, part: RealPart) -> dict[str, list[tuple[Path, Path]]]:
    """Good and bad photo of each real pair of one half, by data set, in the order of the index (roles target and input,
    the same pair_id); of the exam's half without scenes of the other one. Raises UserError as real_photos does."""
    rows: dict[tuple[str, str], dict[str, Path]] = {}
    for row in _index(folder, "set", "pair_id", "role", "path"):
        if row["role"] in ("input", "target") and row["pair_id"]:
            rows.setdefault((row["set"], row["pair_id"]), {})[row["role"]] = _inside(folder, row["path"])
    whole = [(name, both["target"], both["input"]) for (name, _), both in rows.items() if len(both) == 2]
    pairs: dict[str, list[tuple[Path, Path]]] = {}
    for name, good, bad in _of_half(part, [(_frame(name, bad), good, (name, good, bad)) for name, good, bad in whole]):
        pairs.setdefault(name, []).append((good, bad))
    return pairs


def _of_half(part: RealPart, found: Sequence[tuple[Path, Path, T]]) -> list[T]:
    """What belongs to one half, of the exam's without what shows a scene of the other one. found: the file by which the
    half is told, the file that shows the scene, and what is meant."""
    train, exam_half = ([row for row in found if real_part(row[0]) == half] for half in ("train", "exam"))
    if part == "train":
        return [meant for _, _, meant in train]
    left = set(unseen([shows for _, shows, _ in exam_half], [shows for _, shows, _ in train]))
    return [meant for _, shows, meant in exam_half if shows in left]


def _frame(name: str, path: Path) -> Path:
    """What parts of one frame have in common, by which they are put in a half."""
    return path.with_stem(path.stem.rstrip("0123456789").rstrip("_")) if name in CROPPED else path


def _index(folder: Path, *columns: str) -> list[dict[str, str]]:
    """Those columns of every row of a folder's index.csv."""
    index = folder / "index.csv"
    try:
        with index.open(newline="", encoding="utf-8") as lines:
            return [{name: row[name] for name in columns} for row in csv.DictReader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"“{index}” could not be read ({error}). Name a folder with an index.csv.") from error
    except KeyError as error:
        raise UserError(f"“{index}” has no column {error}. It needs {', '.join(columns)}.") from error


def _inside(folder: Path, path: str) -> Path:
    whole = folder / path
    if not whole.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"“{folder / 'index.csv'}” names “{path}”, which is outside its folder. Correct that line.")
    return whole


def build(clean: Sequence[Path], real: Path | None, per_class: int = 200, seed: int = 0) -> Iterator[Case]:
    """per_class cases of each class, class by class in the order of CLASSES.

    clean: files that nothing was trained on. real: a folder with index.csv; up to 3 of 10 cases of a class come from
    its exam half, as many as there are, and the rest is synthetic. The same seed gives the same cases. Raises
    UserError where clean is empty or a file is no picture.
    """
    if not clean:
        raise UserError("There is no clean photo to damage. Name a folder with clean photos.")
    known = real_photos(real, "exam") if real else []
    for at, name in enumerate(CLASSES):
        rng = np.random.default_rng([seed, at])
        taken = _in_turn([path for n, path in known if n == name], rng)[: round(REAL_SHARE * per_class)]
        for path in taken:
            yield Case(name, eight_bits(load(path)), path, real=True)
        order = rng.permutation(len(clean))
        for k in range(per_class - len(taken)):
            yield _synthetic(name, clean[order[k % len(clean)]], np.random.default_rng([seed, at, k]))


def _in_turn(paths: Sequence[Path], rng: np.random.Generator) -> list[Path]:
    """The paths shuffled, one of each folder in turn, so that no large set crowds out the small ones."""
    shuffled = [paths[k] for k in rng.permutation(len(paths))]
    turn: dict[Path, int] = {}
    keyed: list[tuple[int, int, Path]] = []
    for k, path in enumerate(shuffled):
        turn[path.parent] = turn.get(path.parent, -1) + 1
        keyed.append((turn[path.parent], k, path))
    return [path for _, _, path in sorted(keyed)]


def _synthetic(name: str, path: Path, rng: np.random.Generator) -> Case:
    """One damaged photo, its longest side at most 448 to 800 pixels: data sets are of many sizes."""
    photo = load(path, longest=int(rng.integers(448, 801)))
    damaged, severities = exam.damage(name, photo, rng)
    return Case(name, eight_bits(damaged.pixels), path, real=False, severities=severities)
