"""Boxes of what a description names, by the detectors on this machine, and the choice between them.

A detector answers for the classes that it knows. Which of several boxes is meant ("the man on the left", "both cars",
"the biggest dog") is decided here, the same for every detector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from clarity_desktop.backend import torch_import
from clarity_desktop.backend.model_cache import ModelCache, ModelKey
from clarity_desktop.backend.pictures import reduced_to
from clarity_desktop.backend.regions import areas, groundingdino
from clarity_desktop.backend.regions.words import Part
from clarity_desktop.backend.weights import WeightStore
from clarity_desktop.bit_depth import to_8_bits
from clarity_desktop.values import Bounds, Box, Pixels

if TYPE_CHECKING:
    from clarity_desktop.backend.nets.yolox import YoloX

COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light",
    "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant",
    "bear", "zebra", "giraffe", "backpack", "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard",
    "sports ball", "kite", "baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle",
    "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange", "broccoli",
    "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed", "dining table", "toilet",
    "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)  # fmt: skip
"""The classes of YOLOX in their order."""
YOLOX, YUNET = "yolox-nano", "yunet"
"""Ids of the detectors in the catalog."""
MIN_SCORE, MIN_FACE_SCORE = 0.3, 0.6
LARGEST_SEARCHED = 1280
"""Pixels of the longest side at which faces are searched for."""
MAX_OVERLAP = 0.45
"""Intersection over union from which two boxes of one class are the same object."""
MIN_COLOR_SHARE = 0.15
"""Share of a box that must have the color that is named."""
_GRAY = 114
"""Around the photo in the detector's square input, as in its training."""


class Finder(Protocol):
    """Finds the boxes of what a part of a description names."""

    def engine_for(self, part: Part, /) -> str | None:
        """The id of the detector that knows what is named; None: there is none on this machine."""
        ...

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        """Those that the words mean in H×W×3 RGB (uint8 or uint16), most certain first.

        Raises ModelMissing, UserError, and what checkpoint raises.
        """
        ...

    def objects(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> list[Box] | None:
        """All objects of usual classes in H×W×3 RGB (uint8 or uint16), most certain first.

        None where no detector for them is installed. Raises what checkpoint raises.
        """
        ...


@dataclass(frozen=True, slots=True)
class SmallDetectors:
    """The finder by YOLOX-Nano and YuNet. Safe for several threads."""

    models: ModelCache
    store: WeightStore

    def engine_for(self, part: Part, /) -> str | None:
        """See Finder.engine_for."""
        if part.kind != "object":
            return None
        return YUNET if part.name == "face" else YOLOX if part.name in COCO else None

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        """Boxes in H×W×3 RGB (uint8 or uint16); see Finder.boxes. The part must be one that engine_for knows."""
        engine = self.engine_for(part)
        assert engine is not None, "ask engine_for first"
        checkpoint()
        photo = to_8_bits(pixels)
        if engine == YUNET:
            return select(faces(photo, self.store.need((YUNET,))[YUNET]), part, photo)
        return select([box for box in self._all(photo) if box.label == part.name], part, photo)

    def objects(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> list[Box] | None:
        """Objects in H×W×3 RGB (uint8 or uint16); see Finder.objects."""
        checkpoint()
        return self._all(to_8_bits(pixels)) if self.store.is_ready(YOLOX) else None

    def _all(self, photo: NDArray[np.uint8]) -> list[Box]:
        file = self.store.need((YOLOX,))[YOLOX]
        torch_import.import_torch()
        net = self.models.get(ModelKey(YOLOX, "YOLOX-Nano"), lambda: load_yolox(file), 2 * file.stat().st_size)
        return objects(photo, net)


@dataclass(frozen=True, slots=True)
class AnyWords:
    """The finder by GroundingDINO, which reads any words. Safe for several threads."""

    models: ModelCache
    store: WeightStore

    def engine_for(self, part: Part, /) -> str | None:
        """See Finder.engine_for; None as well where its weights are not installed."""
        names_things = part.kind in ("object", "phrase")
        return groundingdino.ID if names_things and groundingdino.is_ready(self.store) else None

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        """Boxes in H×W×3 RGB (uint8 or uint16); see Finder.boxes."""
        words = f"{part.color} {part.noun}" if part.color else part.noun
        found = groundingdino.find(pixels, words, self.models, self.store, checkpoint)
        boxes = [Box(part.noun, one.score, one.bounds) for one in found]
        return select(boxes, replace(part, color=None), to_8_bits(pixels))

    def objects(self, _pixels: Pixels, _checkpoint: Callable[[], None], /) -> None:
        """Nothing in H×W×3 RGB (uint8 or uint16), as it looks for words alone; see Finder.objects."""


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Several finders: the first that knows what is named looks for it."""

    finders: tuple[Finder, ...]

    def engine_for(self, part: Part, /) -> str | None:
        """See Finder.engine_for."""
        return next((engine for finder in self.finders if (engine := finder.engine_for(part))), None)

    def boxes(self, pixels: Pixels, part: Part, checkpoint: Callable[[], None], /) -> list[Box]:
        """Boxes in H×W×3 RGB (uint8 or uint16); see Finder.boxes. The part must be one that engine_for knows."""
        return next(finder for finder in self.finders if finder.engine_for(part)).boxes(pixels, part, checkpoint)

    def objects(self, pixels: Pixels, checkpoint: Callable[[], None], /) -> list[Box] | None:
        """Objects in H×W×3 RGB (uint8 or uint16) by the first that lists them; see Finder.objects."""
        found = (finder.objects(pixels, checkpoint) for finder in self.finders)
        return next((boxes for boxes in found if boxes is not None), None)


def installed(models: ModelCache, store: WeightStore) -> Finder:
    """The finder by what is on this machine, the most capable detector first."""
    return FirstOf((AnyWords(models, store), SmallDetectors(models, store)))


def objects(photo: NDArray[np.uint8], net: YoloX) -> list[Box]:
    """All objects that YOLOX finds in a photo (H×W×3 uint8 RGB), most certain first."""
    import torch

    from clarity_desktop.backend.nets.yolox import SIZE

    height, width = photo.shape[:2]
    scale = SIZE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    square = np.full((SIZE, SIZE, 3), _GRAY, np.float32)
    square[: size[1], : size[0]] = cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR)[..., ::-1]
    with torch.inference_mode():
        rows = net(torch.from_numpy(square).permute(2, 0, 1)[None])[0].numpy()
    scores = rows[:, 4:5] * rows[:, 5:]
    best = scores.argmax(1)
    likely = np.flatnonzero(scores.max(1) >= MIN_SCORE)
    corner = (rows[likely, :2] - rows[likely, 2:4] / 2) / scale
    boxes = np.concatenate((corner, rows[likely, 2:4] / scale), 1)
    found: list[Box] = []
    for name in np.unique(best[likely]):
        chosen = np.flatnonzero(best[likely] == name)
        values = scores[likely[chosen], name]
        kept = cv2.dnn.NMSBoxes(boxes[chosen].tolist(), values.tolist(), MIN_SCORE, MAX_OVERLAP)
        found += [_box(COCO[name], float(values[k]), boxes[chosen[k]], width, height) for k in kept]
    return sorted(found, key=lambda box: -box.score)


def faces(photo: NDArray[np.uint8], weights: Path) -> list[Box]:
    """The faces that OpenCV's YuNet finds in a photo (H×W×3 uint8 RGB), most certain first."""
    from safetensors.numpy import load_file

    height, width = photo.shape[:2]
    scale = min(1.0, LARGEST_SEARCHED / max(height, width))
    small = cv2.cvtColor(reduced_to(photo, LARGEST_SEARCHED), cv2.COLOR_RGB2BGR)
    model = load_file(weights)["file"]
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_ERROR)  # it warns about a choice of hardware that no one made
    try:
        detector = cv2.FaceDetectorYN.create("onnx", model, np.empty(0, np.uint8), small.shape[1::-1], MIN_FACE_SCORE)
    finally:
        log.setLogLevel(level)
    rows: NDArray[Any] | None = detector.detect(small)[1]
    if rows is None:  # pyright: ignore[reportUnnecessaryComparison] — it is, without faces
        return []
    found = [_box("face", float(row[14]), row[:4] / scale, width, height) for row in rows]
    return sorted(found, key=lambda box: -box.score)


def _box(label: str, score: float, corner_and_size: NDArray[Any], width: int, height: int) -> Box:
    x, y, w, h = (float(value) for value in corner_and_size)
    left, top = max(0, min(round(x), width - 1)), max(0, min(round(y), height - 1))
    right, bottom = max(left + 1, min(round(x + w), width)), max(top + 1, min(round(y + h), height))
    return Box(label, score, Bounds(left, top, right - left, bottom - top))


def load_yolox(path: Path) -> YoloX:
    """The network with the weights of a file. Raises OSError, SafetensorError and ValueError for any other file."""
    from safetensors.torch import load_file

    from clarity_desktop.backend.nets.yolox import in_order

    state = load_file(path)
    count = len(state) // 2
    return in_order([{kind: state[f"{k:03}.{kind}"] for kind in ("weight", "bias")} for k in range(count)])


_LEFT = Part("area", "left", "left", places=("left",))


def select(boxes: Sequence[Box], part: Part, photo: NDArray[np.uint8]) -> list[Box]:
    """Those of the boxes that the words of a part mean: by color, place, size and number. photo: H×W×3 uint8."""
    height, width = photo.shape[:2]
    chosen = [box for box in boxes if part.color is None or _color_share(photo, box, part.color) >= MIN_COLOR_SHARE]
    if part.rank is not None:  # "the second car from the left", from the left where no place is named
        chosen = sorted(chosen, key=lambda box: _distance(box, part if part.places else _LEFT, width, height))
        return chosen[part.rank - 1 : part.rank]
    if part.size is not None:
        chosen = sorted(chosen, key=lambda box: box.bounds.area, reverse=part.size == "largest")
    elif part.places:
        chosen = sorted(chosen, key=lambda box: _distance(box, part, width, height))
        if part.count == 0:  # "all cars on the left": those of that side, not only the first
            return [box for box in chosen if _on_that_side(box, part, width, height)]
    if part.count == 0:
        return list(chosen)
    return list(chosen[: part.count or 1])


def _distance(box: Box, part: Part, width: int, height: int) -> float:
    """How far a box is from the places that are named; smaller is nearer."""
    x = (box.bounds.x + box.bounds.width / 2) / width
    y = (box.bounds.y + box.bounds.height / 2) / height
    away: Mapping[str, float] = {
        "left": x, "right": 1 - x, "top": y, "bottom": 1 - y, "center": abs(x - 0.5) + abs(y - 0.5),
        "edges": min(x, y, 1 - x, 1 - y),
    }  # fmt: skip
    return sum(away[place] for place in part.places)


def _on_that_side(box: Box, part: Part, width: int, height: int) -> bool:
    x, y = box.bounds.x + box.bounds.width // 2, box.bounds.y + box.bounds.height // 2
    return bool(areas.area(part.places, part.share, height, width)[min(y, height - 1), min(x, width - 1)])


def _color_share(photo: NDArray[np.uint8], box: Box, color: str) -> float:
    inside = photo[box.bounds.slices()]
    return float((areas.color(reduced_to(inside, 96), color) > 0.5).mean())
