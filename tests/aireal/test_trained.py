"""aireal/trained: the weights that everybody gets."""

import numpy as np
import pytest

from aireal import shipped
from aireal.judging import card
from aireal.machine import package_folder
from aireal.runs.folder import RunFolder
from aireal.verdicts.predictor import Predictor


@pytest.mark.parametrize("model", ["", "export/model_int8.tflite"])
@pytest.mark.parametrize("recipe", shipped.names())
def test_the_shipped_weights_tell_cifake_apart(cifake, recipe, model):
    files = [path for label in ("FAKE", "REAL") for path in sorted((cifake / "test" / label).iterdir())[:250]]
    predictor = Predictor(package_folder() / "aireal/trained" / recipe / model)
    verdicts, labels = (np.array(one) for one in ([one.verdict for one in predictor.predict(files)], _labels(files)))
    given = verdicts != "UNSURE"
    assert given.mean() > 0.88
    assert np.mean(verdicts[given] == labels[given]) > 0.98


def _labels(files):
    return [path.parent.name for path in files]


@pytest.mark.parametrize("recipe", shipped.names())
def test_their_cards_are_what_the_code_writes(recipe):
    run = RunFolder(package_folder() / "aireal/trained" / recipe)
    for place, export in ((run.path, None), (run.export, run.export)):
        assert (place / card.NAME).read_text(encoding="utf-8") == card.text(run, export), "python -m aireal.card"
