"""`clarity segment`: the mask of what is pointed at or named."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clarity_desktop.cli.photos import PhotoTask, for_each_photo, visible
from clarity_desktop.cli.targets import Targets, add_targets, existing_rule, skipped
from clarity_desktop.cli.terminal import add_photo
from clarity_desktop.messages import UserError
from clarity_desktop.text import english
from clarity_desktop.values import Bounds, Box, Click, ExportOptions, Picture, Region
from clarity_desktop.worker import Job

if TYPE_CHECKING:
    from clarity_desktop.backend.regions.resolve import Found
    from clarity_desktop.backend.studio import Studio

EXAMPLES = """examples:
  The object at a point, without what is at another one:
  clarity segment photo.jpg --point 420,310 --point 500,120,0 -o mask.png

  The object in a box (left, top, right, bottom):
  clarity segment photo.jpg --box 100,80,360,420 -o mask.png

  What words mean:
  clarity segment photo.jpg --text "the man on the left" -o mask.png
  clarity segment photo.jpg --text "everything but the sky" -o mask.png
  clarity segment photo.jpg --text "the darkest part" -o mask.png

  Where the cars are and how many, without a mask:
  clarity segment photo.jpg --text cars --boxes --json

  Restore a part of a photo:
  clarity restore photo.jpg -o out.jpg --task denoise --mask mask.png
"""


def add_segment(p: argparse.ArgumentParser) -> None:
    """Add the arguments of `clarity segment`."""
    add_photo(p)
    p.add_argument(
        "--point",
        type=_point,
        action="append",
        default=[],
        metavar="X,Y[,0|1]",
        help="a pixel of the object, or with 0 one that does not belong to it; can be repeated",
    )
    p.add_argument("--box", type=_box, metavar="X0,Y0,X1,Y1", help="the box of the object; X1 and Y1 are exclusive")
    p.add_argument("--text", metavar="WORDS", help="what to select, in words")
    p.add_argument("--boxes", action="store_true", help="with --text: list boxes with labels and scores, no mask")
    p.add_argument("--engine", metavar="ID", help="what makes the mask (default: the best that is installed)")
    add_targets(p, many=False, required=False)
    p.add_argument("--json", action="store_true", help="one JSON object on stdout, and nothing else")
    p.epilog = EXAMPLES
    p.set_defaults(run=_segment)


def _point(text: str) -> tuple[float, float, bool]:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (2, 3) or not all(map(math.isfinite, numbers)) or numbers[2:] not in ([], [0], [1]):
        raise argparse.ArgumentTypeError(f"{text} is not a point: X,Y or X,Y,0 or X,Y,1")
    return numbers[0], numbers[1], numbers[2:] != [0]


def _box(text: str) -> Bounds:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise argparse.ArgumentTypeError(f"{text} is not a box: X0,Y0,X1,Y1 in whole pixels")
    left, top, right, bottom = numbers
    return Bounds(left, top, right - left, bottom - top)


async def _segment(asked: argparse.Namespace) -> int:
    _check(asked)
    if asked.boxes:
        return await for_each_photo([asked.photo], asked.json, _list_boxes(asked), asked.make_studio)
    targets = Targets([asked.photo], None, existing_rule(asked))

    async def segment(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        with targets.reserve(asked.output, path, "none", "png") as options:
            return await _write_mask(studio, path, options, asked, job)

    return await for_each_photo([asked.photo], asked.json, segment, asked.make_studio)


def _check(asked: argparse.Namespace) -> None:
    """Raise UserError for arguments that do not belong together."""
    pointed = bool(asked.point) or asked.box is not None
    if pointed == (asked.text is not None):
        raise UserError("cli.segment_what")
    if asked.boxes:
        if asked.text is None or asked.output is not None:
            raise UserError("cli.boxes_of_words")
    elif asked.output is None:
        raise UserError("cli.mask_file_missing")
    elif asked.output.suffix.lower() != ".png":
        raise UserError("cli.mask_not_png", name=asked.output.name)


async def _write_mask(
    studio: Studio, path: Path, options: ExportOptions, asked: argparse.Namespace, job: Job
) -> tuple[dict[str, Any], str]:
    """Write the mask of one photo to the file of the options. Raises FileExists, UserError, JobCancelled."""
    from clarity_desktop.backend import pictures

    # The place and the name are checked before the work, not after it.
    if not await job.side("disk", pictures.check_target, options):
        return skipped(path, options.path)
    found = await _found(studio, path, asked, job)
    mask = await job.side("decode", _picture, found.region)
    written = await job.side("encode", pictures.save, mask, options, None, job.commit)
    if written is None:  # the file appeared during the work
        return skipped(path, options.path)
    box = found.region.bounds
    area = int(np.count_nonzero(found.region.mask >= 128))
    row = {
        "path": str(path), "output": str(written), "engine": found.engines, "score": round(found.score, 4),
        "box": [box.x, box.y, box.right, box.bottom], "area": area,
    }  # fmt: skip
    share = area / (found.region.width * found.region.height)
    line = f"{path} → {written}: {share:.1%} of the photo by {found.engines}, score {found.score:.2f}"
    if found.notes:
        row["note"] = english(found.notes)
        line += f". {row['note']}"
    return row, line


def _picture(region: Region) -> Picture:
    """The mask of the whole photo as a gray picture."""
    return Picture(np.repeat(region.full()[..., None], 3, 2), mode="L")


async def _found(studio: Studio, path: Path, asked: argparse.Namespace, job: Job) -> Found:
    from clarity_desktop.backend import pixel_selection

    pixels = await visible(await studio.read(path, job), job)
    if asked.text is not None:
        return await pixel_selection.select_words(studio, pixels, asked.text, asked.engine, job)
    height, width = pixels.shape[:2]
    for x, y, _ in asked.point:
        if not (0 <= x < width and 0 <= y < height):
            raise UserError("regions.click_outside", x=f"{x:g}", y=f"{y:g}", width=width, height=height)
    clicks = [Click(_centered(x), _centered(y), inside) for x, y, inside in asked.point]
    return await pixel_selection.select_at(studio, pixels, clicks, asked.box, asked.engine, job)


def _centered(position: float) -> float:
    """A whole number names a pixel; its center is meant."""
    return position + 0.5 if position == int(position) else position


def _list_boxes(asked: argparse.Namespace) -> PhotoTask:
    async def list_boxes(studio: Studio, path: Path, job: Job) -> tuple[dict[str, Any], str]:
        from clarity_desktop.backend import pixel_selection

        pixels = await visible(await studio.read(path, job), job)
        start = time.perf_counter()
        boxes, engines = await pixel_selection.find_boxes(studio, pixels, asked.text, asked.engine, job)
        row = {
            "path": str(path), "engine": engines, "count": len(boxes), "boxes": [_row(box) for box in boxes],
            "seconds": round(time.perf_counter() - start, 3),
        }  # fmt: skip
        return row, f"{path}: {len(boxes)} found: {', '.join(_line(box) for box in boxes)}"

    return list_boxes


def _row(box: Box) -> dict[str, Any]:
    b = box.bounds
    return {"label": box.label, "score": round(box.score, 4), "box": [b.x, b.y, b.right, b.bottom]}


def _line(box: Box) -> str:
    b = box.bounds
    return f"{box.label} {box.score:.0%} at {b.x},{b.y},{b.right},{b.bottom}"
