"""From words to a region: which engine looks for each part of a description, and how what they find is combined."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np

from clarity_desktop.backend.regions import areas, masks
from clarity_desktop.backend.regions.engine import Embedding, Engine, Prompt
from clarity_desktop.backend.regions.find import Finder
from clarity_desktop.backend.regions.groundingdino import LONGEST
from clarity_desktop.backend.regions.words import Description, Part, parse
from clarity_desktop.messages import UserError
from clarity_desktop.references import REFERENCE, plain
from clarity_desktop.text import Message
from clarity_desktop.values import DEGRADATIONS, Bounds, Box, Degradation, Detection, Mask, Pixels, Region

PIXELS = "pixels"
"""The engine of areas, tones, colors and materials: areas.py."""
DETECTOR = "clarity-detector"
"""The engine of what is wrong: the heat map of the detector."""
KEPT = "kept-region"
"""The "engine" of regions that the document keeps."""
HEAT = 0.5
"""Share of the strongest place from which a part of the heat map is selected."""
MIN_HEAT = 0.2
"""Of the strongest place, 0..1; below it nothing is wrong anywhere."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What looks for the parts of a description in one photo.

    finder: boxes of objects. engine, embed: masks from boxes. detect: what is wrong with the photo. Each is asked only
    if the words need it. checkpoint is called often, and may raise to end the work. for_any_words: the models to
    download before any words can be looked for. kept: the regions of the document that the words name in brackets, by
    these names in small letters.
    """

    finder: Finder
    engine: Engine
    embed: Callable[[], Embedding]
    detect: Callable[[], Detection]
    checkpoint: Callable[[], None] = lambda: None
    for_any_words: tuple[str, ...] = ()
    kept: Mapping[str, Region] = field(default_factory=dict[str, Region])


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a description means in one photo.

    engines: the ids of what found it, joined by "+". score: 0..1, how certain the least certain part is. boxes: of each
    thing, most certain first. notes: what the words ask for and the photo does not have.
    """

    region: Region
    engines: str
    score: float
    boxes: tuple[Box, ...]
    notes: tuple[Message, ...] = ()


def understood(text: str, kept: Collection[str] = ()) -> Description:
    """The meaning of words. Raises UserError where they name nothing.

    kept: the names of the document's regions in small letters; another name in brackets is words like any other.
    """
    if len(plain(text)) > LONGEST:
        raise UserError("regions.words_too_long", limit=LONGEST)
    description = parse(REFERENCE.sub(lambda at: at[0] if at[1].strip().casefold() in kept else at[1], text))
    if description is None:
        raise UserError("regions.no_words")
    return description


def needs_detection(description: Description) -> bool:
    """Whether the words ask for the place of a degradation."""
    return any(part.kind == "damage" for part in (*description.parts, *description.without))


def region(pixels: Pixels, description: Description, sources: Sources) -> Found:
    """The region that words mean in a photo (H×W×3 RGB, uint8 or uint16). Raises UserError, ModelMissing."""
    found = [_find(pixels, part, sources) for part in description.parts]
    taken = [_find(pixels, part, sources) for part in description.without]
    selected = masks.union([one.region for one in found])
    try:
        for one in taken:
            selected = masks.subtract(selected, one.region)
        if description.inverted:
            selected = masks.invert(selected)
    except UserError:
        raise UserError("regions.nothing_left") from None
    parts = (*found, *taken)
    return Found(
        selected, _joined(one.engines for one in parts), min(one.score for one in parts),
        tuple(box for one in found for box in one.boxes), tuple(note for one in parts for note in one.notes),
    )  # fmt: skip


def boxes(pixels: Pixels, description: Description, sources: Sources) -> tuple[tuple[Box, ...], str]:
    """The boxes of each thing that words mean in a photo (H×W×3 RGB, uint8 or uint16), and the engines that found them.

    The most certain come first. Objects need no mask for this. Raises UserError, ModelMissing.
    """
    found: list[Box] = []
    engines: list[str] = []
    if description.inverted or description.without:
        whole = region(pixels, description, sources)
        label = ", ".join(part.name for part in description.parts)
        return (Box(label, whole.score, whole.region.bounds),), whole.engines
    for part in description.parts:
        if (detector := sources.finder.engine_for(part)) is not None:
            found += _objects(pixels, part, sources)
            engines.append(detector)
        else:
            one = _find(pixels, part, sources)
            found += one.boxes
            engines.append(one.engines)
    return tuple(sorted(found, key=lambda box: -box.score)), _joined(engines)


def _joined(engines: Iterable[str]) -> str:
    names = (name for joined in engines for name in joined.split("+"))
    return "+".join(dict.fromkeys(names))


def _find(pixels: Pixels, part: Part, sources: Sources) -> Found:
    """One part of a description. Raises UserError where it is not in the photo or nothing can look for it."""
    height, width = pixels.shape[:2]
    if part.kind == "kept":
        selected = sources.kept[part.name.casefold()]
        return Found(selected, KEPT, 1.0, (Box(part.name, 1.0, selected.bounds),))
    if (detector := sources.finder.engine_for(part)) is not None:
        things = _objects(pixels, part, sources)
        seen = sources.embed()
        each = [_cut_out(sources.engine, seen, box) for box in things]
        return Found(
            masks.union(each), _joined((detector, sources.engine.id)), min(box.score for box in things), tuple(things),
            _fewer(part, len(things)),
        )  # fmt: skip
    if part.kind in ("object", "phrase"):
        raise UserError("regions.unknown_words", words=part.words).with_models(*sources.for_any_words)
    if part.kind == "damage":
        mask, engine = damage(sources.detect(), _degradation(part), width, height), DETECTOR
    else:
        mask, engine = areas.mask(pixels, part), PIXELS
    if mask is None or not mask.any():
        raise UserError("regions.not_there", words=part.words)
    selected = masks.cropped(mask, Bounds(0, 0, width, height), width, height, part.words)
    # How clear it is: what is half selected everywhere is a guess.
    inside = selected.mask[selected.mask > 0]
    score = float(inside.mean(dtype=np.float64)) / 255
    return Found(selected, engine, score, (Box(part.name, score, selected.bounds),))


def _fewer(part: Part, found: int) -> tuple[Message, ...]:
    """That there are fewer things than the words count: "both cars"."""
    if not part.count or found >= part.count:
        return ()
    if found == 1 and part.kind == "object":
        thing = f"{part.color} {part.name}" if part.color else part.name
        return (Message("regions.only_one", {"thing": thing}),)
    return (Message("regions.fewer", {"found": found, "words": part.words}),)


def _objects(pixels: Pixels, part: Part, sources: Sources) -> list[Box]:
    things = sources.finder.boxes(pixels, part, sources.checkpoint)
    if not things:
        raise UserError("regions.not_there", words=part.words)
    return things


def _cut_out(engine: Engine, seen: Embedding, box: Box) -> Region:
    """The mask of the object in a box; the box itself where the engine finds nothing in it."""
    best = engine.masks(seen, Prompt(box=box.bounds))[0]
    try:
        return masks.from_logits(best.logits, seen.width, seen.height, box.label)
    except UserError:
        return Region.rectangle(box.bounds, seen.width, seen.height, box.label)


def _degradation(part: Part) -> Degradation:
    return next(name for name in DEGRADATIONS if name == part.name)


def damage(detection: Detection, name: Degradation, width: int, height: int) -> Mask | None:
    """Where a degradation is strongest in a photo of width × height pixels: H×W uint8; None if it is nowhere."""
    heat = detection.heat[..., DEGRADATIONS.index(name)].astype(np.float32) / np.float32(255)
    if heat.max(initial=0.0) < MIN_HEAT:
        return None
    # Soft over a quarter of the way around the threshold: the heat map is coarse.
    weights = ((heat / heat.max() - HEAT) / 0.25 + 0.5).clip(0, 1)
    levels = np.rint(255 * weights).astype(np.uint8)
    return np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
