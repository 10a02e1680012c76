"""aireal.pixels.windows: where windows are cut, and what of small pictures."""

import numpy as np
import pytest

from aireal.pixels import windows


def test_windows_are_spread_over_the_picture_and_inside_of_it():
    corners = windows.places(300, 500, 64, 12)
    assert corners[0].tolist() == [(300 - 63) // 2, (500 - 63) // 2]  # the first in the middle
    assert np.all(corners >= 0)
    assert np.all(corners + 64 <= [300, 500])
    quarters = {(top > (300 - 64) // 2, left > (500 - 64) // 2) for top, left in corners}
    assert len(quarters) == 4
    assert np.array_equal(windows.places(300, 500, 64, 30)[:12], corners)  # more of them are those and others


def test_they_reach_every_border():
    corners = windows.places(100, 80, 64, 4000)
    assert corners.min(axis=0).tolist() == [0, 0]
    assert corners.max(axis=0).tolist() == [36, 16]


def test_a_window_is_native_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, [50, 70, 3], np.uint8)
    cut = windows.cut(pixels, 32, np.array([[0, 0], [18, 38]]))
    assert np.array_equal(cut, [pixels[:32, :32], pixels[18:, 38:]])


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (40, 5), (31, 31)])
def test_a_small_picture_is_extended_by_reflection(size):
    pixels = np.random.default_rng(0).integers(0, 256, [*size, 3], np.uint8)
    (cut,) = windows.cut(pixels, 32, windows.places(*size, 32, 1))
    height, width = min(size[0], 32), min(size[1], 32)
    top, left = windows.places(*size, 32, 1)[0]
    assert np.array_equal(cut[:height, :width], pixels[top : top + 32, left : left + 32])
    if size == (31, 31):
        assert np.array_equal(cut[31, :31], pixels[29])


def test_random_places_are_inside_and_by_the_generator():
    one, same = (windows.at_random(40, 90, 32, 500, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, same)
    assert one.min(axis=0).tolist() == [0, 0]
    assert one.max(axis=0).tolist() == [8, 58]
    assert windows.at_random(10, 10, 32, 2, np.random.default_rng(0)).tolist() == [[0, 0], [0, 0]]
