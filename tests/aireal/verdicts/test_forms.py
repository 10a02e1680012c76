"""aireal.verdicts.forms: what all forms have in common."""

import pathlib

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.verdicts import forms

EARLIER = pathlib.Path(__file__).parents[1] / "runs/earlier"


def test_batches_hold_the_same_number_of_pixels_whatever_the_size():
    assert [forms.batch_size(size) for size in (32, 64, 512, 1024)] == [256, 64, 1, 1]


def test_answers_that_are_no_numbers_are_refused_with_the_models_name():
    p_real = np.array([0.25, 0.75], np.float32)
    assert forms.finite(p_real, "a.keras") is p_real
    for wrong in (np.nan, np.inf):
        with pytest.raises(UserError, match=r"The answers of a\.keras are not numbers"):
            forms.finite(np.array([0.25, wrong]), "a.keras")
