"""What is known of a photo, in sentences: what it shows, its light and colors, its camera, what is wrong with it.

Every sentence says where it comes from, so that nothing looks more certain than it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import caption, pictures, selection
from clarity_desktop.backend.regions import areas, find
from clarity_desktop.backend.studio import Studio
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.messages import Describe, Described, UserError
from clarity_desktop.text import Message, conjunction, enumeration
from clarity_desktop.values import Box, Detection, Histogram, PhotoInfo, Pixels, Quality
from clarity_desktop.verdict import verdict
from clarity_desktop.worker import Job, LaneClass

SURE = 0.5
"""Score from which an object is named: what is only suspected would be taken for a fact."""
WIDE = 1.9
"""Ratio of the sides from which a photo is a panorama."""
SQUARE = 1.03
DARK, BRIGHT = 64, 190
"""Mean luminance, 0..255, below and above which a photo is dark or bright."""
FLAT = 90
"""Luminance between the 5th and the 95th percentile below which a photo has little contrast."""
CLIPPED = 0.05
"""Share of the pixels without detail that is worth a sentence."""
GRAY = 4
"""Mean distance of the channels, 0..255, below which a photo has no colors."""
MATERIALS = ("sky", "water", "vegetation")
MIN_MATERIAL, MIN_COLOR, MOST_COLORS = 0.06, 0.1, 3
"""Shares of the photo from which materials and colors are named, and how many colors."""
COLORS = tuple(areas.HUES)


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What pixels alone tell. materials, colors: name → share of the photo. objects: None where nothing finds them."""

    histogram: Histogram
    materials: Mapping[str, float]
    colors: Mapping[str, float]
    objects: tuple[Box, ...] | None = None
    caption: str = ""


async def describe(studio: Studio, request: Describe, job: Job) -> Described:
    """Describe a version. What is not known is left out. Raises UserError if it does not exist; JobCancelled."""
    document, version = studio.document(request.document), studio.version(request.document, request.version)
    job.report(0.0, Message("describe.running"))
    pixels = await job.side("tiles", selection.reduced, document, version.id)
    captioner, finder = studio.captioner, studio.finder
    ready = await job.side("disk", captioner.is_ready)
    seen = await job.run(
        look, pixels, finder, captioner if ready else None, job.checkpoint, lane=LaneClass.ANALYSIS
    )  # fmt: skip
    studio.contents[document.id, version.id] = content(seen)
    detection = version.detection
    if detection is None:
        with suppress(UserError):  # a detector that is missing leaves out its sentence
            detection = await studio.detect(document.id, version.id, job)
    info = await job.side("disk", lambda: pictures.photo_info(document.about()))
    text = sentences(seen, (version.width, version.height), info, detection, version.quality)
    missing = () if ready else await job.side("disk", captioner.missing)
    described = Described(document.id, version.id, text, missing)
    job.emit(described)
    return described


def look(
    pixels: Pixels, finder: find.Finder, captioner: caption.Captioner | None, checkpoint: Callable[[], None]
) -> Seen:
    """What can be seen in H×W×3 RGB (uint8 or uint16)."""
    small = pictures.reduced_to(to_8_bits(pixels), areas.WORK)
    checkpoint()
    materials = {name: float((areas.stuff(small, name) > SURE).mean()) for name in MATERIALS}
    checkpoint()
    colors = {} if _is_gray(small) else {name: float((areas.color(small, name) > SURE).mean()) for name in COLORS}
    checkpoint()
    words = captioner.caption(pixels, checkpoint) if captioner is not None else ""
    checkpoint()
    objects = finder.objects(pixels, checkpoint)
    return Seen(
        pictures.histogram_of(pixels), materials, colors, None if objects is None else tuple(objects), words
    )  # fmt: skip


def _is_gray(small: NDArray[np.uint8]) -> bool:
    values = small.astype(np.int16)
    return float((values.max(2) - values.min(2)).mean()) < GRAY


def content(seen: Seen) -> tuple[Message, ...]:
    """What can be seen in a photo: the caption, or else objects, materials, light and colors."""
    if seen.caption:
        return (Message("describe.caption", {"caption": seen.caption}),)
    return (*_objects(seen.objects or ()), *_materials(seen.materials), *_light(seen.histogram), *_colors(seen.colors))


def sentences(
    seen: Seen, size: tuple[int, int], info: PhotoInfo, detection: Detection | None, quality: Quality | None
) -> tuple[Message, ...]:
    """The description, one sentence after the other. size: width and height of the photo."""
    found = [Message("describe.caption", {"caption": seen.caption})] if seen.caption else []
    found += [_shape(*size), *_objects(seen.objects or ()), *_materials(seen.materials)]
    found += [*_light(seen.histogram), *_colors(seen.colors), *_camera(info)]
    if detection is not None:
        found.append(Message("describe.verdict", {"verdict": verdict(detection, quality.overall if quality else None)}))
    return tuple(found)


def _shape(width: int, height: int) -> Message:
    ratio = width / height
    kind = "square"
    if max(ratio, 1 / ratio) > SQUARE:
        kind = ("panorama" if ratio >= WIDE else "landscape") if ratio > 1 else "portrait"
    return Message(f"describe.{kind}", {"width": width, "height": height})


def _objects(objects: Sequence[Box]) -> list[Message]:
    counts = Counter(box.label for box in objects if box.score >= SURE)
    if not counts:
        return []
    each = [
        Message("describe.several" if n > 1 else "describe.one", {"label": label, "count": n})
        for label, n in counts.most_common()
    ]
    return [Message("describe.objects", {"objects": enumeration(each)})]


def _materials(shares: Mapping[str, float]) -> list[Message]:
    each = [
        Message(f"describe.material.{name}", {"percent": round(100 * share)})
        for name, share in sorted(shares.items(), key=lambda item: -item[1])
        if share >= MIN_MATERIAL
    ]
    return [Message("describe.materials", {"materials": enumeration(each)})] if each else []


def _light(histogram: Histogram) -> list[Message]:
    luminance = histogram.counts[3].astype(np.float64)
    total = luminance.sum()
    mean = float((luminance * np.arange(256)).sum() / total)
    low, high = (int(np.searchsorted(np.cumsum(luminance), share * total)) for share in (0.05, 0.95))
    kind = "dark" if mean < DARK else "bright" if mean > BRIGHT else "flat" if high - low < FLAT else "balanced"
    found = [Message(f"describe.light.{kind}")]
    for name, share in (("black", histogram.dark), ("white", histogram.bright)):
        if share >= CLIPPED:
            found.append(Message(f"describe.clipped.{name}", {"percent": round(100 * share)}))
    return found


def _colors(shares: Mapping[str, float]) -> list[Message]:
    if not shares:
        return [Message("describe.gray")]
    named = sorted((name for name in shares if shares[name] >= MIN_COLOR), key=lambda name: -shares[name])
    each = [Message(f"describe.color.{name}") for name in named[:MOST_COLORS]]
    return [Message("describe.colors", {"colors": conjunction(each)})] if each else []


def _camera(info: PhotoInfo) -> list[Message]:
    date = info.taken[:10].replace(":", "-")
    fields = {"camera": info.camera, "date": date}
    found: list[Message] = []
    if info.camera or date:
        kind = "camera_and_date" if info.camera and date else "camera" if info.camera else "date"
        found.append(Message(f"describe.{kind}", fields))
    parts: list[Message] = []
    if info.exposure:
        seconds = f"1/{1 / info.exposure:.0f}" if info.exposure < 0.3 else f"{info.exposure:g}"
        parts.append(Message("describe.seconds", {"seconds": seconds}))
    if info.aperture:
        parts.append(Message("describe.aperture", {"aperture": f"{info.aperture:g}"}))
    if info.iso:
        parts.append(Message("describe.iso", {"iso": info.iso}))
    return [*found, Message("describe.exposure", {"exposure": enumeration(parts)})] if parts else found
