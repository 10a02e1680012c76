"""A photograph, and JPEGs in CIFAKE's form."""

import io

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images


@pytest.fixture(scope="module")
def photograph():
    """[427, 640, 3] uint8: a pagoda in a garden."""
    return load_sample_images().images[0]


@pytest.fixture(scope="module")
def jpegs(photograph):
    """200 JPEGs in CIFAKE's form: half crops of a photograph, half noise, which has what a crop lacks."""
    rng = np.random.default_rng(0)
    places = zip(rng.integers(0, 427 - 32, 100), rng.integers(0, 640 - 32, 100), strict=True)
    crops = [photograph[y : y + 32, x : x + 32] for y, x in places]
    noise = rng.integers(0, 256, [100, 32, 32, 3], np.uint8)
    files = [io.BytesIO() for _ in range(200)]
    for file, one in zip(files, [*crops, *noise], strict=True):
        Image.fromarray(one).save(file, "JPEG", quality=75, subsampling="4:2:0")
    return [file.getvalue() for file in files]
