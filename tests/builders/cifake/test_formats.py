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
