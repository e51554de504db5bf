"""Figures as pictures: a confusion matrix, and a sheet of photos with a line below each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CELL, MARGIN = 44, 110
"""Pixels: side of a cell of the matrix, and what its names need."""
THUMB, LINE = 200, 30


def matrix(counts: NDArray[np.int64], names: Sequence[str]) -> Image.Image:
    """Rows: what it is. Columns: what was said. Numbers are percent of the row; darker is more."""
    side = MARGIN + CELL * len(names)
    picture = Image.new("RGB", (side + 8, side + 8), "white")
    write, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    for row, name in enumerate(names):
        middle = MARGIN + CELL * row + CELL // 2
        write.text((MARGIN - 6, middle), name, "black", font, anchor="rm")
        picture.paste(_upright(name, font), (middle - CELL // 2, 4))
        for column in range(len(names)):
            _cell(write, font, shares[row, column], (MARGIN + CELL * column, MARGIN + CELL * row), row == column)
    return picture


def _cell(
    write: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, share: float,
    corner: tuple[int, int], right: bool,
) -> None:  # fmt: skip
    full = np.array((30, 110, 60) if right else (190, 50, 40))
    red, green, blue = (round(float(v)) for v in 255 + (full - 255) * share**0.6)
    x, y = corner
    write.rectangle((x, y, x + CELL, y + CELL), (red, green, blue), (215, 215, 215))
    if share > 0:
        text = "100" if share == 1 else f"{100 * share:.1f}".removesuffix(".0")
        middle = (x + CELL // 2, y + CELL // 2)
        write.text(middle, text, "white" if share > 0.45 else "black", font, anchor="mm")


def _upright(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    strip = Image.new("RGB", (MARGIN - 10, CELL), "white")
    ImageDraw.Draw(strip).text((4, CELL // 2), text, "black", font, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)


def sheet(photos: Sequence[tuple[NDArray[np.uint8], str]], across: int = 6) -> Image.Image:
    """Photos as thumbnails, each with a text of up to two lines below it; one white pixel if there are none."""
    down = -(-len(photos) // across)
    picture = Image.new("RGB", (max(1, across * THUMB), max(1, down * (THUMB + LINE))), "white")
    write, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for k, (pixels, text) in enumerate(photos):
        x, y = k % across * THUMB, k // across * (THUMB + LINE)
        small = Image.fromarray(pixels)
        small.thumbnail((THUMB - 4, THUMB - 4))
        picture.paste(small, (x, y + THUMB - 2 - small.height))
        write.multiline_text((x + 2, y + THUMB), text, "black", font, spacing=1)
    return picture
