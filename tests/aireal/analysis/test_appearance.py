"""Numbers of pictures whose numbers are known, and against other ways to compute them."""

import colorsys

import numpy as np
from PIL import Image
from scipy import ndimage

from aireal.analysis import appearance

NAMES = list(appearance.STATISTICS)


def noise(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, [count, size, size, 3], np.uint8)


def test_plain_pictures():
    red, grey = np.zeros([2, 32, 32, 3], np.uint8)
    red[..., 0], grey[:] = 200, 100
    (brightness, contrast, saturation, sharpness), of_grey = appearance.describe(np.stack([red, grey]))
    np.testing.assert_allclose([brightness, contrast, saturation, sharpness], [0.299 * 200, 0, 1, 0], atol=1e-3)
    np.testing.assert_allclose(of_grey, [100, 0, 0, 0], atol=1e-3)


def test_they_are_what_other_libraries_say():
    images = noise(3)
    found = appearance.describe(images)
    for image, row in zip(images, found, strict=True):
        luma = image @ np.array([0.299, 0.587, 0.114])
        saturation = np.mean([colorsys.rgb_to_hsv(*pixel)[1] for pixel in image.reshape(-1, 3) / 255])
        laplacian = ndimage.laplace(luma)[1:-1, 1:-1]
        np.testing.assert_allclose(row, [luma.mean(), luma.std(), saturation, laplacian.std()], rtol=1e-5)


def test_sums_add_up_by_class():
    images, label = noise(6), np.array([0, 1, 1, 0, 1, 1])
    whole = appearance.sums(images, label)
    parts = appearance.sums(images[:1], label[:1]) + appearance.sums(images[1:], label[1:])
    for name, value in vars(whole).items():
        np.testing.assert_allclose(getattr(parts, name), value, rtol=1e-6, err_msg=name)
    assert whole.count.tolist() == [2, 4]
    np.testing.assert_array_equal(whole.image[0], images[label == 0].sum(0))
    np.testing.assert_allclose(whole.square[1], (images[label == 1].astype(float) ** 2).mean((1, 2)).sum(0), rtol=1e-5)


def test_a_wave_stands_at_its_frequency():
    wave = 127.5 + 100 * np.cos(2 * np.pi * 8 * np.arange(32) / 32)  # a quarter of a cycle a pixel, across
    image = np.broadcast_to(np.round(wave)[None, :, None], [32, 32, 3]).astype(np.uint8)
    power = appearance.sums(image[None], [1]).log_power[1]
    assert {tuple(place) for place in np.argwhere(power > power.max() - 1).tolist()} == {(0, 8), (0, 24)}


def test_resizing_is_pillows():
    (image,) = noise(1, size=100)
    expected = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(appearance.resize(image, 32), expected)
    assert appearance.resize(image, 100) is image
