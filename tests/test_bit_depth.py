"""The conversion between 8 and 16 bits."""

from __future__ import annotations

import numpy as np
import pytest

from clarity_desktop.bit_depth import to_8_bits, to_16_bits

ALL = np.arange(65536, dtype=np.uint16)


def test_every_value_is_rounded_to_the_nearest() -> None:
    assert np.array_equal(to_8_bits(ALL), np.rint(ALL / 257))


@pytest.mark.parametrize("shape", [(), (0, 5, 3), (7,), (3, 2_000_000), (1000, 700, 3)])
def test_shapes_of_all_sizes_are_converted(shape: tuple[int, ...]) -> None:
    samples = np.resize(ALL, shape)
    assert np.array_equal(to_8_bits(samples), np.rint(samples / 257))


def test_8_bits_return_unchanged_from_16() -> None:
    eight = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_8_bits(to_16_bits(eight)), eight)
    assert to_8_bits(eight) is eight
    assert to_16_bits(ALL) is ALL
