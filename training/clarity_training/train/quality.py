"""`clarity train quality`: the scores' own parameters, fitted on clean photos and the first synthesis.

NIQE: the statistics of sharp blocks of clean photos. BRISQUE and SSEQ: a regression on their features with the scores
by the authors' parameters as teacher, on photos that we damaged; none of the authors' numbers is kept. The overall
score: see training/ranking.py. The same photos and seed give the same parameters.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from clarity_desktop.backend import iqa
from clarity_desktop.backend.detect import detect
from clarity_desktop.backend.iqa import brisque, niqe, sseq
from clarity_desktop.backend.iqa.parameters import brisque_parameters, sseq_parameters
from clarity_desktop.backend.iqa.statistics import grey
from clarity_desktop.messages import UserError
from clarity_training import ranking
from clarity_training.evaluate.test_set import real_pairs
from clarity_training.photos import eight_bits, find, load, split
from clarity_training.ranked_photos import (
    BRISQUE,
    SSEQ,
    Seen,
    detected,
    for_fitting,
    joined,
    kept,
    look,
    shuffled,
    with_camera_noise,
)

Floats = NDArray[np.float64]
Table = Mapping[str, Floats]
Teacher = Callable[[Floats], float]
COLUMNS = {"brisque": BRISQUE, "sseq": SSEQ}
CAMERA_SETS = ("noise_polyu", "noise_cc15")
"""Sets of real pairs, with and without a camera's noise."""
SHARP = 0.75
"""Blocks count as pristine from this share of the sharpest one's sharpness on, as in NIQE's paper."""
VECTORS = 400
GRID = tuple((gamma, ridge) for gamma in (0.02, 0.05, 0.1, 0.2, 0.4) for ridge in (1e-4, 1e-3, 1e-2, 1e-1))


def main(words: Sequence[str] | None = None) -> int:
    """Fit all and write one file of float32 safetensors."""
    asked = _parser().parse_args(words)
    found = find(asked.photos)
    looks = shuffled(split(found, "check"))[: asked.looks] if asked.looks else []
    if asked.detector_only:
        return _detector_only(looks, asked)
    known = teachers()
    paths = shuffled(split(found, "train"))[: asked.count]
    pristine = pristine_model([_eight(path) for path in paths])
    seen = kept(asked.keep, partial(_looks, paths, asked))
    tables: dict[str, Table] = {"niqe": pristine}
    tables |= {name: _learned(seen, COLUMNS[name], teacher, asked.seed) for name, teacher in known.items()}
    tables["overall"] = ranking.fitted(seen, metrics_of(seen, tables), asked.seed)
    if looks:
        tables["overall"] = _with_detector(looks, tables, asked)
    save(tables, asked.out)
    print(f"Wrote {asked.out} ({asked.out.stat().st_size} bytes).")
    return 0


def _looks(paths: Sequence[Path], asked: argparse.Namespace) -> Seen:
    made = look(for_fitting(paths, asked.kinds, asked.seed))
    if not asked.real:
        return made
    pairs = real_pairs(asked.real, "train")
    photographed = [pair for name in CAMERA_SETS for pair in pairs.get(name, [])]
    return joined(made, look(with_camera_noise(photographed, asked.seed)))


def _detector_only(paths: Sequence[Path], asked: argparse.Namespace) -> int:
    """Fit the detector's part anew and leave every other number of the file as it is. Raises UserError without photos
    to look at, and for a file that is none of ours."""
    if not paths:
        raise UserError("The detector's part is fitted on photos that it looks at: say how many with --looks, 24 say.")
    tables: dict[str, dict[str, Floats]] = {}
    for key, values in _numbers(asked.out).items():
        metric, name = key.split(".", 1)
        tables.setdefault(metric, {})[name] = values.astype(np.float64)
    save({**tables, "overall": _with_detector(paths, tables, asked)}, asked.out)
    return 0


def _numbers(file: Path) -> dict[str, NDArray[np.float32]]:
    try:
        numbers = load_file(file)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"“{file}” could not be read ({error}). Fit all of it first, without --detector-only."
        ) from error
    if not any(name.startswith("overall.") for name in numbers):
        raise UserError(f"“{file}” holds no numbers of the overall score. Name what `clarity train quality` wrote.")
    return numbers


def _with_detector(paths: Sequence[Path], tables: Mapping[str, Table], asked: argparse.Namespace) -> Table:
    photos = partial(for_fitting, paths, asked.kinds, asked.seed)
    seen = detected(look(photos()), photos(), detect)
    own = ranking.with_detector(seen, metrics_of(seen, tables), tables["overall"], asked.seed)
    return {**tables["overall"], "seen": own}


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train quality", description=__doc__)
    p.add_argument("--photos", nargs="+", type=Path, required=True, metavar="DIR", help="folders with clean photos")
    p.add_argument("--real", type=Path, metavar="DIR", help="folder with index.csv, for real camera noise")
    p.add_argument("--count", type=int, default=400, help="photos used at most")
    p.add_argument("--kinds", type=int, default=6, help="degradations that each photo gets, mild and strong")
    p.add_argument("--looks", type=int, default=0, metavar="N", help="photos for the detector's part; 0: without it")
    p.add_argument("--detector-only", action="store_true", help="fit only the detector's part of --out anew")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--keep", type=Path, metavar="FILE", help="what was measured is kept here (.npz) for another fit")
    p.add_argument("--out", type=Path, default=Path("checkpoints/iqa.safetensors"))
    return p


def _eight(path: Path) -> NDArray[np.uint8]:
    return eight_bits(load(path, 800))


def save(tables: Mapping[str, Mapping[str, Floats]], file: Path) -> None:
    """All tables in one file, each number under its metric's name."""
    file.parent.mkdir(parents=True, exist_ok=True)
    flat = {f"{metric}.{name}": values for metric, table in tables.items() for name, values in table.items()}
    save_file({name: np.ascontiguousarray(values, np.float32) for name, values in flat.items()}, file)


# NIQE ----------------------------------------------------------------------------------------------------------------


def pristine_model(photos: Sequence[NDArray[np.uint8]]) -> Table:
    """Mean and covariance of NIQE's features over the sharp blocks of clean photos."""
    rows = np.concatenate([_sharp_blocks(pixels) for pixels in photos])
    if len(rows) < 100:
        raise UserError(f"The photos have {len(rows)} sharp blocks of 96 × 96 pixels. Name more or larger photos.")
    return {"mean": rows.mean(0), "covariance": np.cov(rows, rowvar=False)}


def _sharp_blocks(pixels: NDArray[np.uint8]) -> Floats:
    blocks = iqa.features(pixels).niqe
    if not len(blocks):
        return blocks
    luma = niqe.whole_blocks(grey(pixels)).astype(np.float32)
    mean = cv2.GaussianBlur(luma, (7, 7), 7 / 6)
    deviation = np.sqrt(np.abs(cv2.GaussianBlur(luma * luma, (7, 7), 7 / 6) - mean * mean))
    side = niqe.BLOCK
    sharpness = deviation.reshape(luma.shape[0] // side, side, luma.shape[1] // side, side).mean((1, 3)).ravel()
    return blocks[(sharpness > SHARP * sharpness.max()) & ~np.isnan(blocks).any(1)]


# BRISQUE and SSEQ ----------------------------------------------------------------------------------------------------


def teachers() -> dict[str, Teacher]:
    """The scores by the authors' parameters, from features. Raises UserError where these are not on this machine."""
    (regression, a), (model, b) = brisque_parameters(), sseq_parameters()
    if a or b:
        raise UserError("The authors' parameters are the teacher and are not on this machine: clarity models fetch.")
    return {"brisque": partial(brisque.score, regression=regression), "sseq": partial(sseq.score, model=model)}


def _learned(seen: Seen, columns: slice, teacher: Teacher, seed: int) -> Table:
    """The regression nearest to the teacher on photos that it was not made from, among GRID; then made from all."""
    defined = ~np.isnan(seen.inputs[:, columns]).any(1)
    features, source = seen.inputs[defined, columns], seen.source[defined]
    wanted = np.array([teacher(row) for row in features]).clip(-20, 120)
    apart = source % 5 == 0
    errors = [_error(features, wanted, apart, gamma, ridge, seed) for gamma, ridge in GRID]
    gamma, ridge = GRID[int(np.argmin(errors))]
    return regression(features, wanted, gamma, ridge, seed)


def _error(features: Floats, wanted: Floats, apart: NDArray[np.bool_], gamma: float, ridge: float, seed: int) -> float:
    table = regression(features[~apart], wanted[~apart], gamma, ridge, seed)
    return float(np.square(scores(table, features[apart]) - wanted[apart]).mean())


def regression(features: Floats, wanted: Floats, gamma: float, ridge: float, seed: int) -> Table:
    """Least squares over Gaussians around VECTORS of the rows (Nyström's kernel ridge): the form of libsvm's answer."""
    low, high = (np.asarray(edge, np.float64) for edge in np.percentile(features, (1, 99), axis=0))
    high = np.asarray(np.maximum(high, low + 1e-6), np.float64)
    scaled = -1 + 2 * (features - low) / (high - low)
    vectors = scaled[np.random.default_rng(seed).permutation(len(scaled))[:VECTORS]]
    near, middle = _kernel(scaled, vectors, gamma), float(wanted.mean())
    normal = near.T @ near + ridge * len(scaled) / len(vectors) * _kernel(vectors, vectors, gamma)
    normal[np.diag_indices_from(normal)] += 1e-4
    coefficients = np.asarray(np.linalg.solve(normal, near.T @ (wanted - middle)), np.float64)
    one = {"rho": np.array([-middle]), "gamma": np.array([gamma])}
    return {"vectors": vectors, "coefficients": coefficients, "low": low, "high": high, **one}


def _kernel(rows: Floats, vectors: Floats, gamma: float) -> Floats:
    apart = (rows**2).sum(1)[:, None] + (vectors**2).sum(1) - 2 * rows @ vectors.T
    return np.exp(-gamma * np.maximum(apart, 0))


def scores(table: Mapping[str, Floats], features: Floats) -> Floats:
    """The regression's answer to rows of features."""
    scaled = -1 + 2 * (features - table["low"]) / (table["high"] - table["low"])
    return _kernel(scaled, table["vectors"], float(table["gamma"][0])) @ table["coefficients"] - table["rho"][0]


def metrics_of(seen: Seen, tables: Mapping[str, Table]) -> Floats:
    """NIQE, PIQE, BRISQUE and SSEQ of each photo by our own parameters, N×4; nan where undefined."""
    pristine = niqe.Pristine(tables["niqe"]["mean"], tables["niqe"]["covariance"])
    learned = [
        scores(tables[name], seen.inputs[:, columns]) for name, columns in (("brisque", BRISQUE), ("sseq", SSEQ))
    ]
    return np.stack([np.array([_niqe(rows, pristine) for rows in seen.blocks]), seen.piqe, *learned], 1)


def _niqe(blocks: Floats, pristine: niqe.Pristine) -> float:
    try:
        return niqe.score(blocks, pristine)
    except ValueError:
        return np.nan
