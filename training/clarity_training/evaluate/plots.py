"""Evaluation results as images: a confusion matrix, and a contact sheet of captioned photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from clarity_desktop.values import Pixels

CELL, MARGIN = 44, 110
"""Pixels: side of a cell of the matrix, and space for the class names."""
THUMBNAIL, CAPTION_HEIGHT = 200, 30
"""Pixels."""


def matrix(counts: NDArray[np.int64], names: Sequence[str]) -> Image.Image:
    """A confusion matrix (C×C counts) as an image: rows are true classes, columns predicted ones.

    The numbers are percent of the row.

    counts: int64.
    """
    side = MARGIN + CELL * len(names)
    picture = Image.new("RGB", (side + 8, side + 8), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    for row, name in enumerate(names):
        middle = MARGIN + CELL * row + CELL // 2
        draw.text((MARGIN - 6, middle), name, "black", font, anchor="rm")
        picture.paste(_vertical(name, font), (middle - CELL // 2, 4))
        for column in range(len(names)):
            _cell(draw, font, shares[row, column], (MARGIN + CELL * column, MARGIN + CELL * row), row == column)
    return picture


def _cell(
    draw: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, share: float,
    corner: tuple[int, int], diagonal: bool,
) -> None:  # fmt: skip
    color = np.array((30, 110, 60) if diagonal else (190, 50, 40))
    red, green, blue = (round(float(v)) for v in 255 + (color - 255) * share**0.6)
    x, y = corner
    draw.rectangle((x, y, x + CELL, y + CELL), (red, green, blue), (215, 215, 215))
    if share > 0:
        text = "100" if share == 1 else f"{100 * share:.1f}".removesuffix(".0")
        middle = (x + CELL // 2, y + CELL // 2)
        draw.text(middle, text, "white" if share > 0.45 else "black", font, anchor="mm")


def _vertical(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> Image.Image:
    strip = Image.new("RGB", (MARGIN - 10, CELL), "white")
    ImageDraw.Draw(strip).text((4, CELL // 2), text, "black", font, anchor="lm")
    return strip.transpose(Image.Transpose.ROTATE_90)


def contact_sheet(photos: Sequence[tuple[Pixels, str]], columns: int = 6) -> Image.Image:
    """Thumbnails of photos (H×W×3 uint8), each with a caption of up to two lines; one white pixel for no photos."""
    rows = -(-len(photos) // columns)
    picture = Image.new("RGB", (max(1, columns * THUMBNAIL), max(1, rows * (THUMBNAIL + CAPTION_HEIGHT))), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for k, (pixels, text) in enumerate(photos):
        x, y = k % columns * THUMBNAIL, k // columns * (THUMBNAIL + CAPTION_HEIGHT)
        small = Image.fromarray(pixels)
        small.thumbnail((THUMBNAIL - 4, THUMBNAIL - 4))
        picture.paste(small, (x, y + THUMBNAIL - 2 - small.height))
        draw.multiline_text((x + 2, y + THUMBNAIL), text, "black", font, spacing=1)
    return picture
