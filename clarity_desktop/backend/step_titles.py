"""What versions, steps and methods are called and how they are described."""

from __future__ import annotations

from clarity_desktop.backend import methods
from clarity_desktop.backend.methods import Method
from clarity_desktop.values import Crop, Flip, MethodCard, Rotate, Step, Straighten, Transform

TITLES = {
    "derain": "Rain removed", "deraindrop": "Raindrops removed", "desnow": "Snow removed", "dehaze": "Haze removed",
    "deblur": "Deblurred", "denoise": "Denoised", "dejpeg": "JPEG traces removed", "low_light": "Brightened",
    "overexposure": "Exposure lowered", "deflare": "Flare removed", "deshadow": "Shadow removed",
    "dewatermark": "Watermark removed", "inpaint": "Filled in", "upscale": "Enlarged", "retouch": "Retouched",
    "crop": "Cropped", "rotate": "Turned", "flip": "Flipped", "straighten": "Straightened", "reset": "Original again",
}  # fmt: skip


def title(step: Step) -> str:
    """What a version is called until the user names it."""
    what = TITLES.get(step.task or step.kind, (step.task or step.kind).replace("_", " ").capitalize())
    return what if step.strength == 1 else f"{what} ({step.strength:.0%})"


def card(method: Method) -> MethodCard:
    return MethodCard(
        method.id, method.title, method.tasks, method.architecture, method.licence, method.paper, method.trained_on,
        method.needs_mask, methods.missing(method),
    )  # fmt: skip


def transform_step(transform: Transform) -> Step:
    match transform:
        case Crop(bounds):
            return Step("crop", settings={"bounds": [bounds.x, bounds.y, bounds.width, bounds.height]})
        case Rotate(turns):
            return Step("rotate", settings={"quarter_turns": turns})
        case Flip(axis):
            return Step("flip", settings={"axis": axis})
        case Straighten(degrees):
            return Step("straighten", settings={"degrees": degrees})
