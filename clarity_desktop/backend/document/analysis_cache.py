"""Stored analysis of a version (scores and detection) as JSON and back; text from an untrusted file is checked."""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from clarity_desktop.backend.document.checks import number, parsed, text, whole
from clarity_desktop.backend.document.limits import CELLS, METRICS, MODEL_VERSION, NAME, REASON
from clarity_desktop.backend.document.tiles import Damaged, compress, decompress
from clarity_desktop.text import Text, english, from_json, to_json
from clarity_desktop.values import CLASSES, DEGRADATIONS, Degradation, Detection, Finding, Quality

POINTS = ("overall", "low", "high")
"""0..100 each."""
SCORES = ("sseq", "niqe", "brisque", "piqe", *POINTS)


@dataclass(frozen=True, slots=True)
class ModelVersions:
    """Which models this program analyzes with: short digests of the detector and of the scores' parameters.

    Results of other models cannot be compared, so they are treated as missing and computed again.
    """

    detector: str = ""
    scores: str = ""

    @property
    def for_photo(self) -> str:
        """Marks scores that use the detection; `scores` alone marks those computed without it."""
        return f"{self.scores} {self.detector}"


NO_MODELS = ModelVersions()
"""For callers that use neither."""


def quality_text(quality: Quality, by: str) -> str:
    """Scores as JSON. A score that is not finite is stored as undefined; one beyond its scale is clipped.

    Of more than METRICS further metrics or reasons the last are left out, and long reasons are cut: a project with more
    could not be opened again.
    """
    scores = {name: _storable(name, getattr(quality, name)) for name in SCORES}
    more = {name: value for name, value in quality.more.items() if math.isfinite(value)}
    texts = {
        "ours": list(quality.bundled)[:METRICS],
        "more": dict(islice(more.items(), METRICS)),
        "why": {name: _storable_reason(reason) for name, reason in islice(quality.why.items(), METRICS)},
    }
    return json.dumps({**scores, **texts, "by": by})


def _storable_reason(reason: Text) -> Any:
    if len(sentence := english(reason)) > REASON:
        return sentence[:NAME]
    return to_json(reason)


def _storable(name: str, value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    return min(max(value, 0.0), 100.0) if name in POINTS else value


def quality_of(stored: Any, by: str) -> Quality | None:
    """Scores from JSON; None for scores of other models. Raises Damaged."""
    if stored is None:
        return None
    row = parsed(stored)
    quality = _quality(row)
    return quality if _models(row) == by else None


def more_of(stored: Any) -> Mapping[str, float]:
    """Further metrics: they stay valid whichever models the main scores come from. Raises Damaged."""
    return {} if stored is None else _quality(parsed(stored)).more


def _models(row: Mapping[str, Any]) -> str:
    """The models that a result comes from; results of older programs do not name them."""
    by = row.get("by", "")
    if not isinstance(by, str) or len(by) > MODEL_VERSION:
        raise Damaged("document.damage_model_version_form")
    return by


def _quality(row: Mapping[str, Any]) -> Quality:
    bundled, more, why = row.get("ours", []), row.get("more", {}), row.get("why", {})
    if not isinstance(bundled, list) or not isinstance(more, dict) or not isinstance(why, dict):
        raise Damaged("document.damage_quality_form")
    if max(len(bundled), len(more), len(why)) > METRICS:
        raise Damaged("document.damage_quality_count")
    scores = {k: None if row.get(k) is None else number(row[k], *((0, 100) if k in POINTS else ())) for k in SCORES}
    return Quality(
        **scores,
        bundled=tuple(text(name) for name in bundled),
        more={text(k): number(v) for k, v in more.items()},
        why={text(k): _reason(v) for k, v in why.items()},
    )


def _reason(stored: Any) -> Text:
    """Why a metric has no score: a message, or a sentence of an older program. Raises Damaged."""
    if isinstance(stored, str):
        return text(stored)
    reason = from_json(stored)
    if len(english(reason)) > REASON:
        raise Damaged("document.damage_quality_form")
    return reason


def detection_text(detection: Detection, by: str) -> str:
    """A detection as JSON. Raises Damaged for one that could not be read back."""
    rows, columns, _ = detection.heat.shape
    heat = base64.b64encode(compress(np.ascontiguousarray(detection.heat).data.cast("B"))).decode()
    stored = json.dumps({
        "top": [[name, round(share, 6)] for name, share in detection.top],
        "found": {name: [round(f.probability, 6), round(f.severity, 6)] for name, f in detection.found.items()},
        "close": {name: [round(f.probability, 6), round(f.severity, 6)] for name, f in detection.close.items()},
        "quality": None if detection.quality is None else round(detection.quality, 6),
        "heat": [rows, columns, heat],
        "by": by,
    })  # fmt: skip
    # Reads back what was written: a limit enforced on reading is enforced on writing.
    detection_of(stored, by)
    return stored


def detection_of(stored: Any, by: str) -> Detection | None:
    """A detection from JSON; None for one of other models, which may know other classes. Raises Damaged."""
    if stored is None or _models(row := parsed(stored)) != by:
        return None
    match row:
        case {"top": list(top), "found": dict(found), "heat": [rows, columns, str(heat)]}:
            return Detection(
                _top(top), {name: _finding(found.get(name)) for name in DEGRADATIONS}, _heat(rows, columns, heat),
                _close(row.get("close", {})),
                None if row.get("quality") is None else number(row["quality"], 0, 1),
            )  # fmt: skip
        case _:
            raise Damaged("document.damage_detection_form")


def _top(rows: list[Any]) -> tuple[tuple[str, float], ...]:
    """The classes by their probability, whatever order the file has them in."""
    shares: dict[str, float] = {}
    for row in rows[: len(CLASSES) + 1]:
        match row:
            case [str(name), share] if name in CLASSES and name not in shares:
                shares[name] = number(share, 0, 1)
            case _:
                raise Damaged("document.damage_detection_form")
    # 1% tolerance: the shares are stored with six decimals.
    if len(shares) != len(CLASSES) or abs(sum(shares.values()) - 1) > 0.01:
        raise Damaged("document.damage_detection_classes")
    return tuple(sorted(shares.items(), key=lambda row: -row[1]))


def _close(stored: Any) -> dict[Degradation, Finding]:
    """What shows at 100 % only; empty where the photo fits a screen. Raises Damaged."""
    if not isinstance(stored, dict) or not stored.keys() <= set(DEGRADATIONS):
        raise Damaged("document.damage_detection_degradations")
    return {name: _finding(stored[name]) for name in DEGRADATIONS if name in stored}


def _finding(pair: Any) -> Finding:
    match pair:
        case [probability, severity]:
            return Finding(number(probability, 0, 1), number(severity, 0, 1))
        case _:
            raise Damaged("document.damage_detection_degradations")


def _heat(rows: Any, columns: Any, packed: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    shape = (whole(rows, 1, CELLS), whole(columns, 1, CELLS), len(DEGRADATIONS))
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError) as e:
        raise Damaged("document.damage_heat") from e
    return np.frombuffer(decompress(data, math.prod(shape)), np.uint8).reshape(shape)
