"""aireal/trained: the weights that everybody gets."""

import numpy as np
import pytest

from aireal.machine import package_folder
from aireal.verdicts.predictor import Predictor


@pytest.mark.parametrize("model", ["", "export/model_int8.tflite"])
@pytest.mark.parametrize("recipe", ["accurate", "robust"])
def test_the_shipped_weights_tell_cifake_apart(cifake, recipe, model):
    files = [path for label in ("FAKE", "REAL") for path in sorted((cifake / "test" / label).iterdir())[:250]]
    predictions = Predictor(package_folder() / "aireal/trained" / recipe / model).predict(files)
    assert np.mean([one.verdict == path.parent.name for one, path in zip(predictions, files, strict=True)]) > 0.95
