"""aireal.verdicts.forms: what all forms have in common."""

import pathlib

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.verdicts import forms
from aireal.verdicts.forms import Scores

EARLIER = pathlib.Path(__file__).parents[1] / "runs/earlier"


def test_batches_hold_the_same_number_of_pixels_whatever_the_size():
    assert [forms.batch_size(size) for size in (32, 64, 512, 1024)] == [256, 64, 1, 1]


def test_answers_that_are_no_numbers_are_refused_with_the_models_name():
    scores = Scores.without(np.array([0.25, 0.75], np.float32))
    assert forms.finite(scores, "a.keras") is scores  # that nobody knows how foreign a picture is, is no damage
    for wrong in (np.nan, np.inf):
        with pytest.raises(UserError, match=r"The answers of a\.keras are not numbers"):
            forms.finite(Scores.without(np.array([0.25, wrong])), "a.keras")


def test_scores_without_foreignness_have_one_that_nobody_knows():
    scores = Scores.without(np.array([0.25, 0.75], np.float32))
    assert len(scores) == 2
    assert scores.foreign.dtype == np.float32
    assert np.isnan(scores.foreign).all()


def test_scores_are_put_together_in_order():
    p_real, foreign = np.linspace(0, 1, 5, dtype=np.float32), np.arange(5, dtype=np.float32)
    whole = Scores.concatenate([Scores(p_real[:2], foreign[:2]), Scores(p_real[2:], foreign[2:])])
    np.testing.assert_array_equal(whole.p_real, p_real)
    np.testing.assert_array_equal(whole.foreign, foreign)


def test_the_score_of_a_picture_is_the_mean_of_its_windows_logits():
    p_real = np.array([0.9, 0.5, 0.1, 0.2, 0.2, 0.2, 1.0, 1.0, 0.5], np.float32)
    scores = Scores(p_real, np.arange(9, dtype=np.float32)).pooled(3)
    assert scores.p_real[:2] == pytest.approx([0.5, 0.2])
    assert 0.999 < scores.p_real[2] < 1  # certainty has an end, or one window would decide
    assert scores.foreign.tolist() == [1, 4, 7]
    assert (scores.p_real.dtype, len(scores)) == (np.float32, 3)
    assert scores.pooled(1) is scores
