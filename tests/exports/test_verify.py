"""exports.verify: the proof covers every form and tells what its file says; forms beyond their limits are named."""

import contextlib
import json

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.verdicts import scorers
from aireal.verdicts.forms import Scores
from aireal.verdicts.verdict import Rule
from exports import verify


@pytest.fixture(scope="module")
def verified(exported):
    return json.loads((exported / "verify.json").read_text())


def test_the_proof_covers_every_form(verified):
    assert verified["n"] == 400
    for name in verify.FORMS:
        row = verified[name]
        assert {"accuracy", "roc_auc", "max_difference", "mean_difference", "flips", "seconds"} <= row.keys()
        assert row["max_difference"] <= verify.LARGEST_DIFFERENCE.get(name, 1)
    assert len(verified["flips_between"]) == 10
    assert verified["camera"]["camera"]["flips"] <= 0.02 * verified["camera"]["n"]


def test_the_proof_is_what_the_files_say(exported, verified, data):
    label = data.table("test").label
    scores = scorers.load(exported / "model_int8.tflite")(data.images("test", np.arange(400)))
    assert np.mean((scores.p_real >= 0.5) == label) == pytest.approx(verified["int8"]["accuracy"])


class _Form:
    path = "form"
    input_size = 32

    def __init__(self, answer):
        self._answer = answer

    def __call__(self, pixels):
        return Scores.without(np.resize(np.float32(self._answer), len(pixels)))


@pytest.mark.parametrize(
    ("name", "answer", "sentence"),
    [
        ("float32", [0.2, 0.9], "float32 is not the model that was trained"),
        ("int8", [0.2, 0.9], "int8 is not the model that was trained"),
        ("dynamic", [0.7], "dynamic says 0.699"),
        ("float16", [0.2, np.nan], "are not numbers"),
    ],
)
def test_a_form_beyond_its_limits_is_named(trained, data, name, answer, sentence):
    reference = scorers.load(trained[1] / "model.keras")
    with pytest.raises(UserError, match=sentence):
        verify.check(verify.compare(reference, {name: _Form(answer)}, data))


@pytest.mark.parametrize(("flips", "lost", "count", "refused"), [(2, 2, 400, False), (80, 80, 20_000, True)])
def test_few_images_allow_for_chance(flips, lost, count, refused):
    int8 = verify.FormFigures(0.9 - lost / count, 0.9, 1.0, verify.Differences(0.1, 0.1, flips))
    found = verify.Proof(count, verify.FormFigures(0.9, 0.9, 1.0), {"int8": int8}, {})
    with pytest.raises(UserError, match=r"0\.004, more than 0\.0039") if refused else contextlib.nullcontext():
        verify.check(found)


def test_a_form_that_gives_many_other_verdicts_is_named():
    def proof(flips):
        int8 = verify.FormFigures(0.9, 0.9, 1.0, verify.Differences(0.1, 0.1, flips))
        return verify.Proof(20_000, verify.FormFigures(0.9, 0.9, 1.0), {"int8": int8}, {})

    assert verify.warnings(proof(400)) == []
    (warning,) = verify.warnings(proof(500))
    assert warning.startswith("Warning: int8 gives another verdict than the network on 2.5% of the test images")


def test_verdicts_are_those_of_the_rule():
    scores = Scores(np.float32([0.1, 0.4, 0.9, 0.9]), np.float32([0, 0, 0, 2]))
    rule = Rule(fake_up_to=0.2, real_at_least=0.8, foreign_from=1.0)
    assert verify.verdicts(scores, rule).tolist() == ["FAKE", "UNSURE", "REAL", "UNSURE"]
