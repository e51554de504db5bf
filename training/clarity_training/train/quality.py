"""`clarity train quality`: fit the bundled parameters of the quality metrics.

NIQE: statistics of the sharp blocks of clean photos. BRISQUE and SSEQ: a regression on their features, trained to
reproduce the scores by the authors' parameters on photos that we damaged; none of the authors' numbers is stored. The
overall score: see ranking.py. The same photos and seed give the same parameters.
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
from safetensors.numpy import load_file, save

from clarity_desktop.backend.detect import detect
from clarity_desktop.backend.iqa import assess, brisque, niqe, sseq
from clarity_desktop.backend.iqa.parameters import default_parameters
from clarity_desktop.backend.iqa.statistics import gray
from clarity_desktop.file_io import write_atomically
from clarity_desktop.messages import UserError
from clarity_training import options, ranked_photos, ranking
from clarity_training.evaluate.test_set import real_pairs
from clarity_training.fitted_metrics import COLUMNS, Table, kernel, metric_scores, predict
from clarity_training.photos import load_8bit
from clarity_training.ranked_photos import Measurements, shuffle, training_photos

Floats = NDArray[np.float64]
Reference = Callable[[Floats], float]
"""Features of a photo (36 or 12) → its score by the authors' parameters."""

CAMERA_SETS = ("noise_polyu", "noise_cc15")
"""Data sets of real pairs with and without camera noise."""
MIN_SHARPNESS = 0.75
"""Blocks with at least this share of the sharpest one's sharpness count as pristine, as in NIQE's paper."""
MIN_BLOCKS = 100
CENTERS = 400
"""Centers of the regression's Gaussian kernels."""
GRID = tuple((gamma, ridge) for gamma in (0.02, 0.05, 0.1, 0.2, 0.4) for ridge in (1e-4, 1e-3, 1e-2, 1e-1))
"""Candidates of the regression's kernel width and regularization."""
_MAX_SIDE = 800


def main(words: Sequence[str] | None = None) -> int:
    """Fit all parameters and write them as float32 safetensors."""
    args = _parser().parse_args(words)
    options.apply_run_options(args)
    if args.detector_only:
        return _fit_detector_only(args)
    paths = shuffle(options.clean_photos(args, "train"))[: args.count]
    references = reference_scores()
    pristine = pristine_model([load_8bit(path, _MAX_SIDE) for path in paths])
    data = ranked_photos.cached(args.cache, partial(_measure, paths, args))
    tables: dict[str, Table] = {"niqe": pristine}
    tables |= {name: _fit_regression(data, COLUMNS[name], score, args.seed) for name, score in references.items()}
    tables["overall"] = ranking.fit(data, metric_scores(data, tables), args.seed)
    if args.detector_photos:
        tables["overall"] = _with_detector_weights(_detector_photos(args), tables, args)
    save_tables(tables, args.out)
    print(f"Wrote {args.out} ({args.out.stat().st_size} bytes).")
    return 0


def _parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser("clarity train quality", description=__doc__)
    options.add_photo_options(p)
    options.add_run_options(p, seed=1)
    p.add_argument("--real", type=Path, metavar="DIR", help="folder with index.csv, for real camera noise")
    p.add_argument("--count", type=int, default=400, help="photos used at most")
    p.add_argument("--degradations", type=int, default=6, help="degradations of each photo, mild and strong")
    p.add_argument(
        "--detector-photos", type=int, default=0, metavar="N",
        help="photos of the validation split that the detector's weights are fitted on; 0: do not fit them",
    )  # fmt: skip
    p.add_argument("--detector-only", action="store_true", help="fit only the detector's weights in --out again")
    p.add_argument("--cache", type=Path, metavar="FILE", help="keep the measurements here (.npz) for the next fit")
    p.add_argument("--out", type=Path, default=Path("checkpoints/iqa.safetensors"))
    return p


def _measure(paths: Sequence[Path], args: argparse.Namespace) -> Measurements:
    synthetic = ranked_photos.measure(training_photos(paths, args.degradations, args.seed))
    if not args.real:
        return synthetic
    pairs = real_pairs(args.real, "train")
    camera_noise = [pair for name in CAMERA_SETS for pair in pairs.get(name, [])]
    measured = ranked_photos.measure(ranked_photos.camera_noise_photos(camera_noise, args.seed))
    return ranked_photos.concatenate(synthetic, measured)


def _detector_photos(args: argparse.Namespace) -> list[Path]:
    return shuffle(options.clean_photos(args, "validation"))[: args.detector_photos]


def _fit_detector_only(args: argparse.Namespace) -> int:
    """Fit the detector's weights again and leave every other number of the file as it is."""
    if not args.detector_photos:
        raise UserError("The detector's weights are fitted on photos. Say how many with --detector-photos, e.g. 24.")
    tables: dict[str, dict[str, Floats]] = {}
    for key, values in _load_tables(args.out).items():
        metric, name = key.split(".", 1)
        tables.setdefault(metric, {})[name] = values.astype(np.float64)
    save_tables({**tables, "overall": _with_detector_weights(_detector_photos(args), tables, args)}, args.out)
    return 0


def _with_detector_weights(paths: Sequence[Path], tables: Mapping[str, Table], args: argparse.Namespace) -> Table:
    def photos() -> list[ranked_photos.RankedPhoto]:
        return list(training_photos(paths, args.degradations, args.seed))

    data = ranked_photos.with_detections(ranked_photos.measure(photos()), photos(), detect)
    weights = ranking.fit_detector_weights(data, metric_scores(data, tables), tables["overall"], args.seed)
    return {**tables["overall"], "seen": weights}


def _load_tables(file: Path) -> dict[str, NDArray[np.float32]]:
    try:
        numbers = load_file(file)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"“{file}” could not be read ({error}). Fit everything first, without --detector-only."
        ) from error
    if not any(name.startswith("overall.") for name in numbers):
        raise UserError(
            f"“{file}” has no parameters of the overall score. Choose a file that `clarity train quality` wrote."
        )
    return numbers


def save_tables(tables: Mapping[str, Mapping[str, Floats]], file: Path) -> None:
    """Write all parameters to one safetensors file, as float32 under the names METRIC.NAME.

    tables: metric → name → float64 of any shape.
    """
    flat = {f"{metric}.{name}": values for metric, table in tables.items() for name, values in table.items()}
    write_atomically(file, save({name: np.ascontiguousarray(values, np.float32) for name, values in flat.items()}))


# NIQE ----------------------------------------------------------------------------------------------------------------


def pristine_model(photos: Sequence[NDArray[np.uint8]]) -> Table:
    """Mean (36) and covariance (36×36) of NIQE's features over the sharp blocks of clean photos (H×W×3).

    Raises UserError where the photos have fewer than MIN_BLOCKS sharp blocks.

    photos: uint8; returns float64.
    """
    rows = np.concatenate([_sharp_blocks(pixels) for pixels in photos])
    if len(rows) < MIN_BLOCKS:
        raise UserError(f"The photos have only {len(rows)} sharp blocks of 96 × 96 pixels. Add more or larger photos.")
    return {"mean": rows.mean(0), "covariance": np.cov(rows, rowvar=False)}


def _sharp_blocks(pixels: NDArray[np.uint8]) -> Floats:
    blocks = assess.features(pixels).niqe
    if not len(blocks):
        return blocks
    luma = niqe.whole_blocks(gray(pixels)).astype(np.float32)
    mean = cv2.GaussianBlur(luma, (7, 7), 7 / 6)
    deviation = np.sqrt(np.abs(cv2.GaussianBlur(luma * luma, (7, 7), 7 / 6) - mean * mean))
    side = niqe.BLOCK
    sharpness = deviation.reshape(luma.shape[0] // side, side, luma.shape[1] // side, side).mean((1, 3)).ravel()
    return blocks[(sharpness > MIN_SHARPNESS * sharpness.max()) & ~np.isnan(blocks).any(1)]


# BRISQUE and SSEQ ----------------------------------------------------------------------------------------------------


def reference_scores() -> dict[str, Reference]:
    """The scores by the authors' parameters. Raises UserError where these are not installed."""
    parameters = default_parameters()
    (regression, a), (model, b) = parameters.brisque(), parameters.sseq()
    if a or b:
        raise UserError(
            "The fit needs the authors' parameters of BRISQUE and SSEQ as reference. "
            "Download them with `clarity models fetch brisque sseq`."
        )
    return {"brisque": partial(brisque.score, regression=regression), "sseq": partial(sseq.score, model=model)}


def _fit_regression(data: Measurements, columns: slice, reference: Reference, seed: int) -> Table:
    """The regression with the parameters of GRID that are best on a fifth of the photos, trained on all of them."""
    defined = ~np.isnan(data.features[:, columns]).any(1)
    features, source = data.features[defined, columns], data.source[defined]
    target = np.array([reference(row) for row in features]).clip(-20, 120)
    held_out = source % 5 == 0
    errors = [_validation_error(features, target, held_out, gamma, ridge, seed) for gamma, ridge in GRID]
    gamma, ridge = GRID[int(np.argmin(errors))]
    return regression(features, target, gamma, ridge, seed)


def _validation_error(
    features: Floats, target: Floats, held_out: NDArray[np.bool_], gamma: float, ridge: float, seed: int
) -> float:
    table = regression(features[~held_out], target[~held_out], gamma, ridge, seed)
    return float(np.square(predict(table, features[held_out]) - target[held_out]).mean())


def regression(features: Floats, target: Floats, gamma: float, ridge: float, seed: int) -> Table:
    """Kernel ridge regression with Gaussian kernels at CENTERS of the rows (Nyström), in libsvm's form.

    features: N×D; target: N.

    All float64.
    """
    low, high = (np.asarray(edge, np.float64) for edge in np.percentile(features, (1, 99), axis=0))
    high = np.asarray(np.maximum(high, low + 1e-6), np.float64)
    scaled = -1 + 2 * (features - low) / (high - low)
    centers = scaled[np.random.default_rng(seed).permutation(len(scaled))[:CENTERS]]
    basis, mean = kernel(scaled, centers, gamma), float(target.mean())
    normal = basis.T @ basis + ridge * len(scaled) / len(centers) * kernel(centers, centers, gamma)
    normal[np.diag_indices_from(normal)] += 1e-4
    coefficients = np.asarray(np.linalg.solve(normal, basis.T @ (target - mean)), np.float64)
    return {
        "vectors": centers, "coefficients": coefficients, "low": low, "high": high,
        "rho": np.array([-mean]), "gamma": np.array([gamma]),
    }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
