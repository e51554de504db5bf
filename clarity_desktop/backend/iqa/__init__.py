"""No-reference scores of a photo's quality; a file for each metric, over shared pieces in `statistics`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from clarity_desktop import settings
from clarity_desktop.backend import weights
from clarity_desktop.backend.iqa import brisque, niqe, piqe, sseq
from clarity_desktop.backend.iqa.appearance import appearance
from clarity_desktop.backend.iqa.overall import LEAST, Rating, rate
from clarity_desktop.backend.iqa.parameters import (
    DAMAGED,
    brisque_parameters,
    niqe_parameters,
    overall_parameters,
    own_brisque,
    own_niqe,
    own_sseq,
    sseq_parameters,
)
from clarity_desktop.backend.iqa.statistics import STRIP, Grey, Plane, grey, halved, in_bands, strip, strips
from clarity_desktop.messages import UserError
from clarity_desktop.values import Detection, Pixels, Quality

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """What the metrics see of a photo: all that is needed to score it, or to fit their parameters.

    niqe: 36 of each block (n×36; n is 0 for a photo smaller than a block, and a block without texture has nan);
    brisque: 36; sseq: 12; piqe: its score, which needs no parameters. None where undefined, with why.
    """

    niqe: Plane
    brisque: Plane | None
    sseq: Plane | None
    piqe: float | None
    why: Mapping[str, str]


class _Part(NamedTuple):
    """What one strip contributes."""

    niqe: Plane
    brisque: brisque.Sums
    piqe: tuple[float, int]
    sseq: Plane


def assess(
    pixels: Pixels, checkpoint: Callable[[], None] = lambda: None, detection: Detection | None = None
) -> Quality:
    """Score RGB pixels, uint8 or uint16, H×W×3; 16 bits are reduced to 8 first, as the metrics are defined there.

    Where a metric is undefined it is None, and `why` says so in a sentence. Uses all cores; calls `breathe` about every
    0.1 s and lets what it raises through. 12 megapixels take 1.5 s on two cores. detection: what the detector found in
    these pixels; the overall score is better founded with it.
    """
    found = features(pixels, checkpoint)
    why = dict(found.why)
    scores: dict[str, float] = {}
    ours: list[str] = []
    for metric, score in SCORES.items():
        checkpoint()
        if metric in why:
            continue
        try:
            scores[metric], own = score(found)
        except (ValueError, UserError) as e:  # a UserError: there are no parameters on this machine
            why[metric] = str(e)
            continue
        if own:
            ours.append(metric)
    checkpoint()
    rating = _overall(pixels, found, detection, why, checkpoint)
    three = {metric: scores.get(metric) for metric in SCORES}
    overall_three = (None, None, None) if rating is None else rating
    return Quality(
        three["sseq"], three["niqe"], three["brisque"], found.piqe, *overall_three, ours=tuple(ours), why=why
    )


def is_stale(quality: Quality) -> bool:
    """Whether scores are by our own parameters although the authors' are on this machine by now."""
    store = weights.default_store()
    return any(store.is_ready(metric) for metric in SCORES if metric in quality.ours)


def digest() -> str:
    """Tells our own parameters from earlier and later ones; empty where their file is absent."""
    try:
        return hashlib.sha256((settings.resources() / "iqa.safetensors").read_bytes()).hexdigest()[:16]
    except OSError:  # the scores say so
        return ""


def _overall(
    pixels: Pixels, found: Features, detection: Detection | None, why: dict[str, str], checkpoint: Callable[[], None]
) -> Rating | None:
    """None, and why, where the photo is too small for an overall score or its numbers are absent."""
    table = overall_parameters()
    if min(pixels.shape[:2]) < LEAST:
        why["overall"] = f"The overall score needs a photo of at least {LEAST} × {LEAST} pixels."
    elif not table:
        why["overall"] = DAMAGED
    else:
        known = [np.full(36, np.nan) if found.brisque is None else found.brisque]
        known += [np.full(12, np.nan) if found.sseq is None else found.sseq, appearance(pixels, checkpoint)]
        return rate(np.concatenate(known), _by_ours(found), detection, table)
    return None


def _by_ours(found: Features) -> dict[str, float]:
    """The metrics by our own parameters, those that are defined."""
    scores: dict[str, float] = {} if found.piqe is None else {"piqe": found.piqe}
    if found.brisque is not None:
        scores["brisque"] = brisque.score(found.brisque, own_brisque())
    if found.sseq is not None:
        scores["sseq"] = sseq.score(found.sseq, own_sseq())
    try:
        scores["niqe"] = niqe.score(found.niqe, own_niqe())
    except ValueError:
        return scores
    return scores


def _sseq(found: Features) -> tuple[float, bool]:
    assert found.sseq is not None
    model, ours = sseq_parameters()
    return sseq.score(found.sseq, model), ours


def _niqe(found: Features) -> tuple[float, bool]:
    pristine, ours = niqe_parameters()
    return niqe.score(found.niqe, pristine), ours


def _brisque(found: Features) -> tuple[float, bool]:
    assert found.brisque is not None
    regression, ours = brisque_parameters()
    return brisque.score(found.brisque, regression), ours


SCORES: Mapping[str, Callable[[Features], tuple[float, bool]]] = {"sseq": _sseq, "niqe": _niqe, "brisque": _brisque}
"""The score of a metric from the features of a photo, and whether its parameters are our own."""


def features(pixels: Pixels, checkpoint: Callable[[], None] = lambda: None) -> Features:
    """What the metrics see of RGB pixels, uint8 or uint16, H×W×3; `breathe` as in `assess`."""
    luma = np.concatenate(in_bands(partial(_grey_strip, pixels), strips(pixels.shape[0]), checkpoint))
    why: dict[str, str] = {}
    mirrored = _or_why(partial(piqe.filled_up, luma), "piqe", why)
    checkpoint()
    parts = in_bands(partial(_part, luma, niqe.whole_blocks(luma), mirrored), strips(luma.shape[0]), checkpoint)
    if luma.min() == luma.max():  # all that could be counted is the border
        why |= {m: f"{m.upper()} is not defined for a photo without texture." for m in ("brisque", "sseq")}
    elif min(luma.shape) < brisque.LEAST:
        why["brisque"] = f"BRISQUE needs a photo of at least {brisque.LEAST} × {brisque.LEAST} pixels."
    return Features(
        niqe=np.concatenate([part.niqe for part in parts]),
        brisque=_or_why(lambda: brisque.features([part.brisque for part in parts]), "brisque", why),
        sseq=_or_why(lambda: sseq.features(_entropies(luma, parts, checkpoint)), "sseq", why),
        piqe=None if mirrored is None else piqe.score([part.piqe for part in parts]),
        why=why,
    )


def _grey_strip(pixels: Pixels, index: int) -> Grey:
    return grey(pixels[index * STRIP : (index + 1) * STRIP])


def _part(luma: Grey, blocks: Grey, mirrored: Grey | None, index: int) -> _Part:
    shared = strip(luma, index)
    return _Part(
        niqe=niqe.of_strip(shared, blocks),
        brisque=brisque.of_strip(shared),
        piqe=(0.0, 0) if mirrored is None else piqe.of_strip(shared, mirrored),
        sseq=sseq.entropies(luma[shared.top : shared.bottom]),
    )


def _entropies(luma: Grey, parts: list[_Part], checkpoint: Callable[[], None]) -> list[Plane]:
    """Of the blocks at each size; the parts hold those of the full one."""
    sizes = [np.concatenate([part.sseq for part in parts], 1)]
    small = luma
    while len(sizes) < sseq.SIZES:
        whole = small
        small = np.concatenate(in_bands(partial(_half_strip, whole), strips(whole.shape[0]), checkpoint))
        blocks = sseq.in_blocks(small)
        each = in_bands(partial(sseq.of_chunk, blocks), sseq.chunks(blocks), checkpoint)
        sizes.append(np.concatenate(each, 1))
    return sizes


def _half_strip(plane: Grey, index: int) -> Grey:
    return halved(plane, index * STRIP // 2, -(-min((index + 1) * STRIP, plane.shape[0]) // 2))


def _or_why(work: Callable[[], T], metric: str, why: dict[str, str]) -> T | None:
    if metric in why:
        return None
    try:
        return work()
    except ValueError as e:
        why[metric] = str(e)
        return None
