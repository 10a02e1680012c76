"""builders.cifake.formats: which pictures have values of a known range."""

import io

import numpy as np
import pytest
from PIL import Image

from builders.cifake import formats


@pytest.mark.parametrize(
    ("mode", "form", "expected"),
    [("I", "TIFF", True), ("F", "TIFF", True), ("I;16", "PNG", False), ("I", "PPM", False), ("L", "PNG", False)],
)
def test_32_bits_are_known(mode, form, expected):
    file = io.BytesIO()
    Image.fromarray(np.ones([4, 4], {"I": "i4", "F": "f4", "I;16": "u2", "L": "u1"}[mode])).save(file, form)
    with Image.open(file) as image:
        assert formats.has_32_bits(image) is expected


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("bits", [8, 16])
def test_grey_whose_zero_is_white_is_no_negative(bits, in_place):
    file, brightest = io.BytesIO(), 2**bits - 1
    levels = np.array([[0, brightest]], f"u{bits // 8}")
    Image.fromarray(levels).save(file, "TIFF", tiffinfo={262: 0})
    if bits == 8:  # Pillow turns it over as it writes
        levels = brightest - levels
    with Image.open(file) as image:
        grey = np.asarray(formats.to_upright_rgb(image, in_place=in_place))[:, :, 0]
    np.testing.assert_array_equal(grey, (brightest - levels) // (brightest // 255))
