"""How much two versions differ on average: what the compare view says of each candidate, in seconds even at 100 MP."""

from __future__ import annotations

import numpy as np

from clarity_desktop.backend.document import Document
from clarity_desktop.backend.studio import Studio
from clarity_desktop.messages import DifferenceMeasured, MeasureDifferences
from clarity_desktop.values import Pixels, VersionId, placed_as
from clarity_desktop.worker import Job

SAMPLE = 96
"""Tiles that are compared at most: of a photo with more, evenly spread ones."""


async def measure(studio: Studio, request: MeasureDifferences, job: Job) -> None:
    """Tell of each version how far it is from the reference. Raises UserError."""
    document = studio.document(request.document)
    for version in request.versions:
        job.checkpoint()
        share = await job.side("disk", mean_difference, document, request.reference, version)
        job.emit(DifferenceMeasured(request.document, request.reference, version, share))


def mean_difference(document: Document, one: VersionId, other: VersionId) -> float | None:
    """The mean absolute difference of all values, 0..1 of their range; None if nothing lies at the same place.

    Equal tiles have the same address and are not read; of more than SAMPLE others only these are. Raises UserError.
    """
    versions = {v.id: v for v in document.card().versions}
    first, second = document.version(one), document.version(other)
    if placed_as(versions, first) != placed_as(versions, second):
        return None
    a, b = (document.manifest(version).levels[0] for version in (one, other))
    if (a.width, a.height) != (b.width, b.height):
        return None
    changed = [k for k, (x, y) in enumerate(zip(a.tiles, b.tiles, strict=True)) if x != y]
    if not changed:
        return 0.0
    chosen = changed[:: -(-len(changed) // SAMPLE)]
    total, area = 0.0, 0
    for index in chosen:
        (_, x), (_, y) = (document.tiles([level.tiles[index]])[0] for level in (a, b))
        total += _difference(x[..., :3], y[..., :3])
        area += a.bounds(index).area
    changed_area = sum(a.bounds(index).area for index in changed)
    return total / area * changed_area / (a.width * a.height)


def _difference(x: Pixels, y: Pixels) -> float:
    """The sum over all pixels of their mean absolute difference, 0..1. H×W×3, both uint8 or both uint16."""
    away = np.abs(x.astype(np.int32) - y.astype(np.int32))
    return float(away.sum(dtype=np.float64)) / 3 / float(np.iinfo(x.dtype).max)
