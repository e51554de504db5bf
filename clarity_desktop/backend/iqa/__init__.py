"""No-reference scores of a photo's quality; a file for each metric, over shared pieces in `statistics`."""

from __future__ import annotations

from collections.abc import Callable

from safetensors.numpy import load_file

from clarity_desktop.backend import weights
from clarity_desktop.backend.iqa import niqe, piqe
from clarity_desktop.backend.iqa.statistics import grey
from clarity_desktop.messages import UserError
from clarity_desktop.values import Pixels, Quality

ABSENT = {
    "sseq": "SSEQ is not part of this version yet.",
    "brisque": "BRISQUE is not part of this version yet.",
    "overall": "The overall score needs SSEQ and BRISQUE, which are not part of this version yet.",
}


def assess(pixels: Pixels, breathe: Callable[[], None] = lambda: None) -> Quality:
    """Score RGB pixels, uint8 or uint16, H×W×3; 16 bits are reduced to 8 first, as the metrics are defined there.

    Where a metric is undefined it is None, and `why` says so in a sentence. Uses all cores; calls `breathe` about every
    0.1 s and lets what it raises through. 12 megapixels take about half a second on two cores.
    """
    luma = grey(pixels)
    scores: dict[str, float] = {}
    why = dict(ABSENT)
    try:
        scores["piqe"] = piqe.score(luma, breathe)
    except ValueError as e:
        why["piqe"] = str(e)
    try:
        scores["niqe"] = niqe.score(luma, _pristine(), breathe)
    except (ValueError, UserError) as e:  # a UserError: its parameters are not on this machine
        why["niqe"] = str(e)
    return Quality(**scores, why=why)


def _pristine() -> niqe.Pristine:
    table = load_file(weights.need(["niqe"])["niqe"])
    return niqe.Pristine(table["mean"], table["covariance"])
