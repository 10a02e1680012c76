"""aireal.pixels.corruptions beside other people's implementations of the same formulas."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance
from scipy import ndimage

from aireal.pixels import corruptions

SEED = tf.constant([0, 1], tf.int64)


@pytest.fixture(scope="module")
def images():
    """Smooth pictures with edges and noise, as photographs have: [20, 32, 32, 3] uint8."""
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, [20, 6, 6, 3], dtype=np.uint8)
    smooth = np.stack([np.asarray(Image.fromarray(one).resize((32, 32), Image.BICUBIC)) for one in coarse])
    return np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


def _applied(corrupt, images, strength):
    result = corrupt(tf.constant(images), tf.constant(strength, tf.float32), SEED)
    assert result.dtype == tf.uint8
    assert result.shape == images.shape
    return result.numpy().astype(int)


def _with_pillow(images, change):
    return np.stack([np.asarray(change(Image.fromarray(one)), int) for one in images])


@pytest.mark.parametrize("quality", [90, 50, 30])
def test_jpeg_gives_the_pixels_of_a_file_that_pillow_wrote(images, quality):
    def through_file(image):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    np.testing.assert_array_equal(_applied(corruptions.jpeg, images, quality), _with_pillow(images, through_file))


@pytest.mark.parametrize("sigma", [0.4, 1.0, 1.5])
def test_blur_is_scipys_gaussian_filter_with_mirrored_borders(images, sigma):
    expected = ndimage.gaussian_filter(images.astype(float), (0, sigma, sigma, 0), mode="reflect", truncate=10)
    np.testing.assert_allclose(_applied(corruptions.blur, images, sigma), expected, atol=0.5001)


def test_blur_of_0_leaves_pictures_as_they_are(images):
    np.testing.assert_array_equal(_applied(corruptions.blur, images, 0.0), images)


def test_noise_has_the_deviation_asked_for_and_another_value_everywhere():
    grey = np.full([50, 32, 32, 3], 128, np.uint8)
    noise = (_applied(corruptions.noise, grey, 0.05) - 128) / 255
    assert abs(noise.mean()) < 0.001
    assert noise.std() == pytest.approx(0.05, rel=0.02)
    assert np.abs(np.corrcoef(noise.reshape(50, -1)) - np.eye(50)).max() < 0.1


@pytest.mark.parametrize("share", [0.75, 0.5, 0.375])
def test_resampling_is_that_of_pillow_there_and_back(images, share):
    edge = round(32 * share)

    def there_and_back(image):
        return image.resize((edge, edge), Image.BILINEAR).resize((32, 32), Image.BILINEAR)

    # Pillow's weights have 8 bits: that gives a level each way.
    np.testing.assert_allclose(
        _applied(corruptions.resample, images, share), _with_pillow(images, there_and_back), atol=2
    )


@pytest.mark.parametrize("factor", [0.7, 1.3])
@pytest.mark.parametrize(
    ("corrupt", "enhance"),
    [(corruptions.brightness, ImageEnhance.Brightness), (corruptions.contrast, ImageEnhance.Contrast)],
)
def test_brightness_and_contrast_are_pillows(images, corrupt, enhance, factor):
    expected = _with_pillow(images, lambda image: enhance(image).enhance(factor))
    np.testing.assert_allclose(_applied(corrupt, images, factor), expected, atol=1)  # Pillow cuts off, rounds the mean


@pytest.mark.parametrize("factor", [0.0, 0.7, 1.3])
def test_saturation_is_pillows(images, factor):
    expected = _with_pillow(images, lambda image: ImageEnhance.Color(image).enhance(factor))
    np.testing.assert_allclose(_applied(corruptions.saturation, images, factor), expected, atol=1)


@pytest.mark.parametrize("exponent", [0.7, 1.3])
def test_gamma_is_a_power_of_full_scale(images, exponent):
    table = [round(255 * (level / 255) ** exponent) for level in range(256)]
    expected = _with_pillow(images, lambda image: image.point(table * 3))
    np.testing.assert_allclose(_applied(corruptions.gamma, images, exponent), expected, atol=1)


@pytest.mark.parametrize("share", [0.0, 0.4, 0.8])
def test_sharpening_is_an_unsharp_mask(images, share):
    soft = ndimage.gaussian_filter(images.astype(float), (0, 1.0, 1.0, 0), mode="reflect", truncate=10)
    expected = np.clip(images + share * (images - soft), 0, 255)
    np.testing.assert_allclose(_applied(corruptions.sharpen, images, share), expected, atol=0.5 + 0.5 * share + 1e-3)


def test_specks_are_black_or_white_in_their_share_of_all_pixels():
    grey = np.full([50, 32, 32, 3], 128, np.uint8)
    found = _applied(corruptions.specks, grey, 0.02)
    assert np.all(found == found[..., :1])  # whole pixels
    assert [np.mean(found[..., 0] == level) for level in (0, 255)] == pytest.approx([0.01, 0.01], rel=0.15)
    assert set(np.unique(found)) == {0, 128, 255}


@pytest.mark.parametrize(("degrees", "quarters"), [(0, 0), (90, 1), (134, 1), (136, 2), (180, 2), (270, 3)])
def test_turning_is_by_quarters(images, degrees, quarters):
    np.testing.assert_array_equal(_applied(corruptions.turn, images, degrees), np.rot90(images, quarters, (1, 2)))
