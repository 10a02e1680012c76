"""aireal/trained: the weights that everybody gets."""

import numpy as np
import pytest

from aireal.judging import card
from aireal.machine import package_folder
from aireal.runs.folder import RunFolder
from aireal.verdicts.predictor import Predictor


@pytest.mark.parametrize("model", ["", "export/model_int8.tflite"])
@pytest.mark.parametrize("recipe", ["accurate", "robust"])
def test_the_shipped_weights_tell_cifake_apart(cifake, recipe, model):
    files = [path for label in ("FAKE", "REAL") for path in sorted((cifake / "test" / label).iterdir())[:250]]
    predictions = Predictor(package_folder() / "aireal/trained" / recipe / model).predict(files)
    assert np.mean([one.verdict == path.parent.name for one, path in zip(predictions, files, strict=True)]) > 0.95


@pytest.mark.parametrize("recipe", ["accurate", "robust"])
def test_their_cards_are_what_the_code_writes(recipe):
    run = RunFolder(package_folder() / "aireal/trained" / recipe)
    for place, export in ((run.path, None), (run.export, run.export)):
        assert (place / card.NAME).read_text(encoding="utf-8") == card.text(run, export), "python -m aireal.card"
