"""Forty files of the matrix that `make differential` compares whole, with the readers that are always installed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clarity_desktop.backend.pictures import Decoder
from tests import differential

CASES = list(differential.cases())
FORTY = CASES[:: len(CASES) // 40][:40]


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    decoder = Decoder()
    yield decoder
    decoder.close()


def test_the_matrix_is_large_and_has_every_common_format():
    assert len(CASES) > 550
    assert {case.suffix for case in FORTY} >= {"tif", "png", "jpg", "webp", "avif"}


@pytest.mark.parametrize("case", FORTY, ids=lambda case: case.name)
def test_what_was_written_is_what_is_read(decoder, tmp_path, case):
    readers = {"pillow": differential.by_pillow, "opencv": differential.by_opencv}
    found = differential.check(case, decoder, readers, tmp_path)
    assert not any(found.values()), found
