"""For tests of the window's parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from clarity_desktop.values import TILE, Level, Manifest, Pixels, VersionId
from tests.qt import frozen_objects as frozen_objects
from tests.qt import no_leaked_widgets as no_leaked_widgets
from tests.qt import pytest_pyfunc_call as pytest_pyfunc_call
from tests.qt import same_appearance as same_appearance
from tests.qt import translations as translations

Pyramid = tuple[Manifest, dict[bytes, Pixels]]


@pytest.fixture
def pyramid() -> Callable[..., Pyramid]:
    """pyramid(pixels, id): the manifest of a photo and its tiles by hash, as the document stores them."""

    def make(pixels: Pixels, version: str = "v") -> Pyramid:
        levels: list[Level] = []
        tiles: dict[bytes, Pixels] = {}
        while True:
            height, width = pixels.shape[:2]
            level = Level(width, height, (b"",) * (-(-width // TILE) * -(-height // TILE)))
            parts = [np.ascontiguousarray(pixels[level.bounds(k).slices()]) for k in range(len(level.tiles))]
            hashes = tuple(hashlib.sha256(repr(p.shape).encode() + p.tobytes()).digest() for p in parts)
            tiles.update(zip(hashes, parts, strict=True))
            levels.append(Level(width, height, hashes))
            if max(width, height) <= TILE:
                return Manifest(VersionId(version), tuple(levels)), tiles
            even = np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge").astype(np.uint32)
            quarters = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
            pixels = ((quarters + 2) // 4).astype(pixels.dtype)

    return make
