"""All no-reference scores of a photo: SSEQ, NIQE, BRISQUE and PIQE over shared statistics, and the overall score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from clarity_desktop.backend.fit_view import fit_view
from clarity_desktop.backend.iqa import brisque, niqe, piqe, sseq
from clarity_desktop.backend.iqa.appearance import appearance
from clarity_desktop.backend.iqa.overall import MIN_SIDE, Rating, rate
from clarity_desktop.backend.iqa.parameters import Parameters, default_parameters
from clarity_desktop.backend.iqa.statistics import (
    STRIP,
    Gray,
    MetricUndefined,
    Plane,
    gray,
    halved,
    in_parallel,
    strip,
    strips,
)
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import UserError
from clarity_desktop.text import Message, Text
from clarity_desktop.values import Detection, Pixels, Quality

T = TypeVar("T")
Checkpoint = Callable[[], None]
"""Called about every 0.1 s; what it raises (JobCancelled) ends the work."""


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the metrics measure in a photo: all that is needed to score it, or to fit their parameters.

    niqe: n×36 float64, a row for each block of 96×96 (n is 0 for a smaller photo; a block without texture has nan).
    brisque: 36 float64. sseq: 12 float64. piqe: its score, which needs no parameters. None where undefined; why gives
    the reason by metric.
    """

    niqe: Plane
    brisque: Plane | None
    sseq: Plane | None
    piqe: float | None
    why: Mapping[str, Text]


class _StripFeatures(NamedTuple):
    """What one strip of a photo contributes."""

    niqe: Plane
    brisque: brisque.Sums
    piqe: tuple[float, int]
    sseq: Plane


def assess(
    pixels: Pixels,
    checkpoint: Checkpoint = lambda: None,
    detection: Detection | None = None,
    parameters: Parameters | None = None,
) -> Quality:
    """Score a photo (H×W×3 RGB, uint8 or uint16, at least 1×1); 16 bits are rounded to 8, for which metrics are made.

    A metric that is undefined is None, and Quality.why gives the reason. detection: what the detector found in these
    pixels; the overall score is more reliable with it. parameters: the program's own by default. Uses all cores;
    12 megapixels take 1.5 s on two. Raises only what checkpoint raises.
    """
    parameters = parameters or default_parameters()
    pixels = to_8_bits(pixels)
    checkpoint()
    found = features(pixels, checkpoint)
    why = dict(found.why)
    scores: dict[str, float] = {}
    bundled: list[str] = []
    # One undefined metric must not prevent the others.
    for metric, score in SCORES.items():
        checkpoint()
        if metric in why:
            continue
        try:
            scores[metric], is_bundled = score(found, parameters)
        except UserError as e:  # undefined, or there are no parameters on this machine
            why[metric] = e.text
            continue
        if is_bundled:
            bundled.append(metric)
    checkpoint()
    rating = _overall(pixels, found, detection, parameters, why, checkpoint)
    return Quality(
        sseq=scores.get("sseq"),
        niqe=scores.get("niqe"),
        brisque=scores.get("brisque"),
        piqe=found.piqe,
        overall=rating.overall if rating else None,
        low=rating.low if rating else None,
        high=rating.high if rating else None,
        bundled=tuple(bundled),
        why=why,
    )


def is_stale(quality: Quality, parameters: Parameters | None = None) -> bool:
    """Whether scores use bundled parameters although the authors' have been installed since."""
    store = (parameters or default_parameters()).store
    return any(store.is_ready(metric) for metric in SCORES if metric in quality.bundled)


def _overall(
    pixels: Pixels,
    found: Features,
    detection: Detection | None,
    parameters: Parameters,
    why: dict[str, Text],
    checkpoint: Checkpoint,
) -> Rating | None:
    """None, with the reason in why, for a photo that is too small and without the score's parameters."""
    table = parameters.overall()
    if min(pixels.shape[:2]) < MIN_SIDE:
        why["overall"] = Message("analysis.overall_too_small", {"side": MIN_SIDE})
        return None
    if not table:
        why["overall"] = Message("analysis.parameters_damaged")
        return None
    # A photo is judged at the size at which it is seen: its own features change with the number of its pixels.
    fitted = fit_view(pixels)
    if fitted.shape != pixels.shape:
        pixels, found = fitted, features(fitted, checkpoint)
    # The order of the inputs is part of the fitted parameters.
    inputs = [
        np.full(36, np.nan) if found.brisque is None else found.brisque,
        np.full(12, np.nan) if found.sseq is None else found.sseq,
        appearance(pixels, checkpoint),
    ]
    return rate(np.concatenate(inputs), _fitted_scores(found, parameters), detection, table)


def _fitted_scores(found: Features, parameters: Parameters) -> dict[str, float]:
    """Metric → score with the bundled parameters, for the metrics that are defined."""
    scores: dict[str, float] = {} if found.piqe is None else {"piqe": found.piqe}
    if found.brisque is not None:
        scores["brisque"] = brisque.score(found.brisque, parameters.bundled_brisque())
    if found.sseq is not None:
        scores["sseq"] = sseq.score(found.sseq, parameters.bundled_sseq())
    try:
        scores["niqe"] = niqe.score(found.niqe, parameters.bundled_niqe())
    except MetricUndefined:
        return scores
    return scores


def _sseq(found: Features, parameters: Parameters) -> tuple[float, bool]:
    assert found.sseq is not None
    model, is_bundled = parameters.sseq()
    return sseq.score(found.sseq, model), is_bundled


def _niqe(found: Features, parameters: Parameters) -> tuple[float, bool]:
    pristine, is_bundled = parameters.niqe()
    return niqe.score(found.niqe, pristine), is_bundled


def _brisque(found: Features, parameters: Parameters) -> tuple[float, bool]:
    assert found.brisque is not None
    regression, is_bundled = parameters.brisque()
    return brisque.score(found.brisque, regression), is_bundled


SCORES: Mapping[str, Callable[[Features, Parameters], tuple[float, bool]]] = {
    "sseq": _sseq, "niqe": _niqe, "brisque": _brisque
}  # fmt: skip
"""The score of a metric from the features of a photo, and whether its parameters are the bundled ones."""


def features(pixels: Pixels, checkpoint: Checkpoint = lambda: None) -> Features:
    """The features of a photo (H×W×3 RGB, uint8 or uint16). Raises only what checkpoint raises."""
    # Gray once for all metrics; the strips of 96 rows fit all their block sizes.
    luma = np.concatenate(in_parallel(partial(_gray_strip, pixels), strips(pixels.shape[0]), checkpoint))
    why: dict[str, Text] = {}
    padded = _or_why(partial(piqe.pad_to_blocks, luma), "piqe", why)
    checkpoint()
    work = partial(_strip_features, luma, niqe.whole_blocks(luma), padded)
    checkpoint()
    parts = in_parallel(work, strips(luma.shape[0]), checkpoint)
    # A flat photo still has contrast at its zero border, which would give a meaningless score.
    if luma.min() == luma.max():  # all that could be counted is the border
        why |= {m: Message("analysis.metric_without_texture", {"metric": m.upper()}) for m in ("brisque", "sseq")}
    elif min(luma.shape) < (side := brisque.MIN_SIDE):
        why["brisque"] = Message("analysis.metric_too_small", {"metric": "BRISQUE", "width": side, "height": side})
    return Features(
        niqe=np.concatenate([part.niqe for part in parts]),
        brisque=_or_why(lambda: brisque.features([part.brisque for part in parts]), "brisque", why),
        sseq=_or_why(lambda: sseq.features(_entropies(luma, parts, checkpoint)), "sseq", why),
        piqe=None if padded is None else piqe.score([part.piqe for part in parts]),
        why=why,
    )


def _gray_strip(pixels: Pixels, index: int) -> Gray:
    return gray(pixels[index * STRIP : (index + 1) * STRIP])


def _strip_features(luma: Gray, blocks: Gray, padded: Gray | None, index: int) -> _StripFeatures:
    shared = strip(luma, index)
    return _StripFeatures(
        niqe=niqe.strip_features(shared, blocks),
        brisque=brisque.strip_sums(shared),
        piqe=(0.0, 0) if padded is None else piqe.strip_distortion(shared, padded),
        sseq=sseq.entropies(luma[shared.top : shared.bottom]),
    )


def _entropies(luma: Gray, parts: list[_StripFeatures], checkpoint: Checkpoint) -> list[Plane]:
    """The entropies of the blocks at each of SSEQ's sizes, 2×n each; parts hold those of the full size."""
    sizes = [np.concatenate([part.sseq for part in parts], 1)]
    small = luma
    while len(sizes) < sseq.SIZES:
        larger = small
        small = np.concatenate(in_parallel(partial(_half_strip, larger), strips(larger.shape[0]), checkpoint))
        blocks = sseq.in_blocks(small)
        chunks = in_parallel(partial(sseq.chunk_entropies, blocks), sseq.chunks(blocks), checkpoint)
        sizes.append(np.concatenate(chunks, 1))
    return sizes


def _half_strip(plane: Gray, index: int) -> Gray:
    return halved(plane, index * STRIP // 2, -(-min((index + 1) * STRIP, plane.shape[0]) // 2))


def _or_why(work: Callable[[], T], metric: str, why: dict[str, Text]) -> T | None:
    """The result of work; None if the metric is undefined, with the reason in why."""
    if metric in why:
        return None
    try:
        return work()
    except MetricUndefined as e:
        why[metric] = e.text
        return None
