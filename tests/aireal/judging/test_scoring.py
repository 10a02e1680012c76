"""aireal.judging.scoring: every image of a split has its score, in the order of the table, or the model is refused."""

import sys

import numpy as np
import pytest
import tensorflow as tf

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import scoring
from aireal.verdicts.forms import Scores


class Brightness:
    """Takes bright pictures for photographs."""

    path = "brightness"
    input_size = 32

    def __call__(self, pixels):
        p_real = pixels.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32) / 255
        return Scores(p_real, -p_real)


@pytest.fixture
def data(make_config):
    return Data(make_config())


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_scores_come_in_the_order_of_the_table(data, split):
    found = scoring.score(Brightness(), data, split)
    assert (found.p_real.shape, found.p_real.dtype) == ((len(data.table(split)),), np.float32)
    expected = Brightness()(data.images(split, np.arange(len(found))))
    np.testing.assert_array_equal(found.p_real, expected.p_real)
    np.testing.assert_array_equal(found.foreign, expected.foreign)
    assert len(np.unique(found.p_real)) > 100  # so that another order would be another result


def test_what_happens_to_the_images_first_is_in_the_scores(data):
    def negative(batches):
        return batches.map(lambda pixels: 255 - pixels)

    found, plain = (scoring.score(Brightness(), data, "test", corrupt).p_real for corrupt in (negative, None))
    np.testing.assert_allclose(found, 1 - plain, atol=1e-6)


def test_a_model_of_another_size_is_refused(make_config):
    with pytest.raises(UserError, match="brightness takes pictures of 32 pixels, the run's have 16"):
        scoring.score(Brightness(), Data(make_config(image_size=16)), "test")


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_refused(data, wrong):
    class Broken(Brightness):
        def __call__(self, pixels):
            return Scores.without(np.where(np.arange(len(pixels)) == 3, np.float32(wrong), 0.5))

    with pytest.raises(UserError, match="The answers of brightness are not numbers"):
        scoring.score(Broken(), data, "test")


def test_answers_of_any_function_come_batch_by_batch(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    batches = tf.data.Dataset.from_tensor_slices(np.arange(7 * 4 * 4 * 3, dtype=np.uint8).reshape(7, 4, 4, 3)).batch(3)
    found = scoring.answers(lambda pixels: pixels[:, 0, 0, 0], batches, 7, "counting")
    assert [len(batch) for batch in found] == [3, 3, 1]
    assert np.concatenate(found).tolist() == [48 * number % 256 for number in range(7)]
    assert "counting" in capsys.readouterr().err
