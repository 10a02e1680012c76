"""aireal.verdicts.explain: Grad-CAM by its formula, for the baseline and the family."""

import io
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image

from aireal.errors import UserError
from aireal.network import models
from aireal.settings.config import Config
from aireal.verdicts import explain
from aireal.verdicts.predictor import Predictor

SMALL = {"filters": (6, 4), "dense_units": (5,), "l2": 0.0}


def _pixels(count=3):
    return np.random.default_rng(0).integers(0, 256, [count, 32, 32, 3], np.uint8)


def _by_hand(model, layer, pixels):
    """Equations 1 and 2 with the gradient by finite differences, for a single picture."""
    head = keras.Model(model.get_layer(layer).output, model.output)
    features = keras.Model(model.input, model.get_layer(layer).output)(pixels[None] / np.float32(255)).numpy()
    sign = 1 if head(features).numpy()[0, 0] >= 0 else -1
    gradient, step = np.zeros_like(features), 1.0  # an average and one dense layer are linear: any step will do
    for index in np.ndindex(features.shape):
        up, down = features.copy(), features.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = sign * (head(up) - head(down)).numpy()[0, 0] / (2 * step)
    return np.maximum((gradient.mean(axis=(1, 2), keepdims=True) * features).sum(axis=3), 0)[0]


@pytest.mark.parametrize(("normalization", "layer"), [("none", "conv2"), ("batch", "conv2_activation")])
def test_the_map_follows_the_paper_for_both_verdicts(normalization, layer):
    keras.utils.set_random_seed(1)
    config = Config(filters=(4, 3), dense_units=(), head="average", activation="silu", normalization=normalization)
    model = models.build_model(config)
    kernel, bias = model.get_layer("logit").get_weights()
    seen = set()
    for shift in (-5.0, 5.0):
        model.get_layer("logit").set_weights([kernel, bias + shift])
        pixels = _pixels(1)[0]
        expected = _by_hand(model, layer, pixels)
        heat = explain.GradCam(model)(pixels[None])[0]
        np.testing.assert_allclose(heat, expected, rtol=0.02, atol=1e-3 * expected.max())
        seen.add(expected.max() > 0)
    assert True in seen


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"normalization": "batch", "head": "average", "dense_units": ()},
        {"separable": True, "residual": True, "convolutions": (2,)},
        {"stem_filters": 4, "downsampling": "stride"},
        {"squeeze_excitation": 2, "normalization": "batch"},
    ],
    ids=["baseline", "batch normalization", "separable residual", "strided", "channels weighed"],
)
def test_every_network_of_the_family_can_be_explained(fields):
    model = models.build_model(Config(**{**SMALL, **fields}))
    heat = explain.GradCam(model)(_pixels())
    assert heat.shape[0] == 3
    assert heat.shape[1] == heat.shape[2] > 1
    assert heat.min() >= 0
    assert np.isfinite(heat).all()


def test_a_mirror_average_looks_at_the_average_of_both_places():
    config = Config(**{**SMALL, "mirror_average": True})
    averaged, single = models.build_model(config), models.build_model(Config(**SMALL))
    bias = single.get_layer("logit").bias
    bias.assign(bias + 5)  # REAL for both, so that the same is explained
    averaged.set_weights(single.get_weights())
    pixels = _pixels()
    upright, mirrored = (explain.GradCam(single)(seen) for seen in (pixels, pixels[:, :, ::-1]))
    expected = (upright + mirrored[:, :, ::-1]) / 2
    np.testing.assert_allclose(explain.GradCam(averaged)(pixels), expected, rtol=0, atol=1e-6 * expected.max())
    assert expected.max() > 0


def test_a_head_that_sees_nothing_gives_a_map_of_zeros():
    model = models.build_model(Config(**SMALL))
    logit = model.get_layer("logit")
    logit.set_weights([np.zeros_like(logit.get_weights()[0]), np.ones([1], np.float32)])
    assert not explain.GradCam(model)(_pixels()).any()


def test_a_model_without_convolutions_is_refused():
    model = keras.Sequential([keras.Input([32, 32, 3]), keras.layers.Flatten(), keras.layers.Dense(1)])
    with pytest.raises(UserError, match="no convolution named conv1"):
        explain.GradCam(model)


@pytest.mark.parametrize("heat", [np.eye(4, dtype=np.float32), np.zeros([4, 4], np.float32)], ids=["some", "none"])
@pytest.mark.parametrize(("picture", "titles", "width"), [((32, 32, 3), 2, 840), ((90, 160, 3), 3, 1200)])
def test_an_explanation_shows_picture_and_pixels_and_over_the_picture_the_heat(picture, titles, width, heat):
    drawn = explain.figure(np.zeros(picture, np.uint8), np.full([32, 32, 3], 90, np.uint8), heat, "a $b.jpg\nFAKE")
    *plain, overlaid, _ = drawn.axes
    assert drawn.get_suptitle() == "a $b.jpg\nFAKE"
    expected = ["the picture", "all that the model sees: 32x32 pixels"]
    assert [axes.get_title() for axes in plain] == expected[: titles - 1]
    assert plain[0].images[0].get_array().shape == picture
    np.testing.assert_array_equal(overlaid.images[1].get_array(), heat * 16)
    assert overlaid.images[1].get_extent() == [-0.5, picture[1] - 0.5, picture[0] - 0.5, -0.5]
    file = io.BytesIO()
    drawn.savefig(file, format="png")
    assert Image.open(file).size == (width, 468)


def test_what_windows_say_is_averaged_where_they_overlap():
    corners = np.array([[0, 0], [0, 2]])
    logit = explain.of_windows((8, 4), corners, 4, [0.5, 1 / (1 + np.exp(-2))])
    np.testing.assert_allclose(logit[:, :2], 0, atol=1e-6)
    np.testing.assert_allclose(logit[:, 2:4], 1, atol=1e-6)
    np.testing.assert_allclose(logit[:, 4:6], 2, atol=1e-6)
    assert np.isnan(logit[:, 6:]).all()


def test_each_picture_has_a_map_of_its_windows(reads_windows, tmp_path):
    predictor = Predictor(reads_windows[1])
    path = str(next(pathlib.Path(reads_windows[0].source, "photo").iterdir()))
    judged = list(explain.write_each(predictor.stream([path, "nowhere.jpg"]), predictor, tmp_path))
    assert [one.error is None for one, _ in judged] == [True, False]
    (file,) = tmp_path.iterdir()
    with Image.open(file) as figure:
        assert np.asarray(figure.convert("RGB")).std() > 10
