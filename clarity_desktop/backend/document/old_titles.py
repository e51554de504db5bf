"""Names that versions of format 3 and older were given automatically; migration 4 removes them."""

from __future__ import annotations

from clarity_desktop.values import Step

TITLES = {
    "derain": "Rain removed", "deraindrop": "Raindrops removed", "desnow": "Snow removed", "dehaze": "Haze removed",
    "deblur": "Deblurred", "denoise": "Denoised", "dejpeg": "JPEG artifacts removed", "low_light": "Brightened",
    "overexposure": "Exposure lowered", "deflare": "Flare removed", "deshadow": "Shadow removed",
    "dewatermark": "Watermark removed", "inpaint": "Filled in", "upscale": "Enlarged", "retouch": "Retouched",
    "crop": "Cropped", "rotate": "Turned", "flip": "Flipped", "straighten": "Straightened", "reset": "Original again",
}  # fmt: skip
REJECTED = "Rolled back: "
REJECTED_BEFORE = " (rolled back)"
"""Prefix (or, in the first releases, suffix) of the name of a version that Auto rolled back."""


def automatic_names(step: Step) -> frozenset[str]:
    """All names that a step may have given its version."""
    if step.kind in ("open", "paste"):
        return frozenset({"Original"})
    what = step.task or step.kind
    spoken = what.replace("_", " ")
    spoken = f"{spoken[:1].upper()}{spoken[1:]}"
    title = TITLES.get(what, spoken)
    return frozenset({
        title if step.strength == 1 else f"{title} ({step.strength:.0%})",
        spoken + (f" ({step.method})" if step.method else ""),
    })  # fmt: skip


def split_name(name: str, step: Step) -> tuple[str, bool]:
    """The name that the user typed (empty: none), and whether Auto rolled the version back."""
    typed = name.removeprefix(REJECTED).removesuffix(REJECTED_BEFORE)
    return "" if typed in automatic_names(step) else typed, typed != name
