"""aireal.judging.unsure: what is unlike a run's own pictures is told from them, and rules are found, kept and used."""

import dataclasses
import json
import pathlib
import re
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import roc_auc_score

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import selective, unsure
from aireal.network import foreign, models
from aireal.pixels.alterations import ALTERATIONS
from aireal.runs.folder import RunFolder
from aireal.verdicts import scorers
from aireal.verdicts.contract import Contract
from aireal.verdicts.predictor import Predictor
from aireal.verdicts.verdict import DEFAULT, Rule

PHOTOGRAPH = pathlib.Path(__file__).parents[1] / "pictures/640x480.jpg"


@pytest.fixture(scope="module")
def data(trained):
    return Data(trained[0])


@pytest.fixture(scope="module")
def model(trained):
    return keras.models.load_model(trained[1] / "model.keras", compile=False)


@pytest.fixture
def run(trained, tmp_path):
    return RunFolder(shutil.copytree(trained[1], tmp_path / "run"))


def rule_of(folder):
    return Contract.load(folder.model, 32).rule


def test_altered_pictures_are_told_from_own_ones(withholding, data):
    """On test pictures, of which the unit saw none; not by far, as these are drawn and the network has 12 filters."""
    scorer = scorers.load(withholding[1] / "model.keras")
    own = data.images("test", np.arange(400))
    found = {name: scorer(alter(tf.constant(own)).numpy()).foreign for name, alter in ALTERATIONS.items()}
    altered, clean = np.concatenate([*found.values()]), scorer(own).foreign
    is_altered = np.repeat([0, 1], [len(clean), len(altered)])
    assert roc_auc_score(is_altered, np.concatenate([clean, altered])) > 0.58
    for name in ("four in one", "negative", "other colours", "grey"):
        assert roc_auc_score(np.repeat([0, 1], 400), np.concatenate([clean, found[name]])) > 0.65, name


def test_the_same_run_learns_the_same_unit(model, data):
    one, again = unsure.learn(model, data), unsure.learn(model, data)
    np.testing.assert_allclose(one.kernel, again.kernel, rtol=1e-4, atol=1e-5)
    assert one.bias == pytest.approx(again.bias, rel=1e-4)


def test_a_unit_is_learned_of_pictures_that_training_corrupts(make_config):
    config = make_config(image_size=16, augment_flip=True, augment_noise=0.1, augment_blur=1.0, augment_cutout_pixels=4)
    model = models.build_model(config)
    unit = unsure.learn(model, Data(config))
    _, seen = foreign.signs(model)(np.zeros([1, 16, 16, 3], np.float32))
    assert unit.kernel.shape == (seen.shape[1],)
    assert np.isfinite(unit.kernel).all()


def test_a_risk_of_0_withholds_nothing(model, data):
    found = unsure.fit(model, data, 0.0, 0.95)
    assert (found.rule, found.unit, found.sentence) == (DEFAULT, None, "No verdict is withheld: --risk=0.")


def test_without_validation_images_nothing_is_withheld(model, make_config):
    found = unsure.fit(model, Data(make_config(validation_fraction=0.0)), 0.3, 0.95)
    assert (found.rule, found.unit) == (DEFAULT, None)
    assert found.sentence.startswith("No rule for UNSURE was found: --validation_fraction=0 leaves no images")


def test_where_no_border_keeps_the_risk_nothing_is_withheld(model, data):
    found = unsure.fit(model, data, 0.02, 0.95)
    assert (found.rule, found.unit) == (DEFAULT, None)
    assert "on 400 validation images no border of the score keeps wrong verdicts below --risk=0.02" in found.sentence
    assert "a confidence of 0.95" in found.sentence
    least = float(re.search(r"evaluate --risk=(\S+) finds one", found.sentence)[1])
    assert unsure.fit(model, data, least, 0.95).rule.withholds


def test_too_few_images_are_told_before_any_work(model, data, monkeypatch):
    monkeypatch.delattr(unsure, "learn")
    found = unsure.fit(model, data, 0.005, 0.95)
    assert (found.rule, found.unit) == (DEFAULT, None)
    assert found.sentence == (
        "No rule for UNSURE was found: --risk=0.005 needs 736 validation images of each class at least, and there are "
        "400 of both. There may be one for --risk=0.02."
    )


def test_a_risk_that_can_be_kept_gives_a_rule_and_a_unit(withholding, data):
    rule = rule_of(RunFolder(withholding[1]))
    assert (rule.risk, rule.risk_confidence, rule.edges) == (0.3, 0.95, (32, 32))
    assert 0 < rule.fake_up_to < 0.5 <= rule.real_at_least < 1
    scores = scorers.load(withholding[1] / "model.keras")(data.images("validation", np.arange(400)))
    label = data.table("validation").label
    known = ~rule.is_foreign(scores.foreign)
    assert selective.fit(label[known], scores.p_real[known], rule.plain(), 0.3, 0.95).fake_up_to == rule.fake_up_to
    given = known & ~rule.is_low(scores.p_real)
    for real in (False, True):
        said = given & (rule.is_real(scores.p_real) == real)
        assert np.mean((label[said] == 1) != real) < 0.3
    assert np.mean(rule.is_foreign(scores.foreign)) == pytest.approx(unsure.FOREIGN_SHARE, abs=0.01)


def test_the_sentence_tells_what_withholding_costs(model, data):
    found = unsure.fit(model, data, 0.4, 0.9)
    assert found.sentence.startswith("On 400 validation images: A verdict on ")
    assert "LOW_CONFIDENCE" in found.sentence


def test_what_was_found_is_stored_beside_the_model(run, model, data, trained):
    found = unsure.fit(model, data, 0.4, 0.95)
    before = run.model.read_bytes()
    unsure.store(run, trained[0], found)
    assert rule_of(run) == found.rule
    np.testing.assert_array_equal(foreign.Unit.load(run.model).kernel, found.unit.kernel)
    assert run.model.read_bytes() == before
    unsure.store(run, trained[0], unsure.fit(model, data, 0.0, 0.95))
    assert rule_of(run) == DEFAULT
    assert not (run.path / foreign.FILE).exists()


def test_the_contract_says_the_rest_as_before(run, trained, model, data):
    before = json.loads(run.preprocessing.read_text())
    unsure.store(run, trained[0], unsure.fit(model, data, 0.0, 0.95))
    assert json.loads(run.preprocessing.read_text()) == before


def test_a_photograph_is_foreign_and_gets_a_verdict_only_if_asked_for(withholding):
    (prediction,) = Predictor(withholding[1]).predict([PHOTOGRAPH])
    assert (prediction.verdict, prediction.reason, prediction.size) == ("UNSURE", "FOREIGN", (640, 480))
    (anyway,) = Predictor(withholding[1], unsure=False).predict([PHOTOGRAPH])
    assert anyway.verdict == DEFAULT.verdicts(prediction.p_real, "")
    assert (anyway.reason, anyway.p_real, anyway.confidence) == (None, prediction.p_real, prediction.confidence)


def test_refitting_leaves_what_the_model_says(run, trained):
    contract = json.loads(run.preprocessing.read_text())
    run.preprocessing.write_text(json.dumps({**contract, "rule": {"real_from": 0.6}}))
    unsure.refit(run, trained[0], 0.0, 0.95)
    assert rule_of(run) == Rule(real_from=0.6)


def test_what_was_told_of_verdicts_by_the_rule_before_goes_with_it(run, trained):
    assert "selective" in run.result()["test"]
    unsure.refit(run, trained[0], 0.4, 0.9)
    assert not any("selective" in figures for figures in run.result().values() if isinstance(figures, dict))


def test_refitting_says_what_it_found_and_can_take_it_back(run, trained, capsys):
    unsure.refit(run, trained[0], 0.4, 0.9)
    assert (rule_of(run).risk, rule_of(run).risk_confidence) == (0.4, 0.9)
    assert "A verdict on " in capsys.readouterr().out
    with pytest.raises(UserError, match=r"^No rule for UNSURE was found: .* 400 of both\. .* stays as it was\.$"):
        unsure.refit(run, trained[0], 0.001, 0.95)
    assert rule_of(run).risk == 0.4
    unsure.refit(run, trained[0], 0.0, 0.95)
    assert rule_of(run) == DEFAULT
    assert capsys.readouterr().out == "No verdict is withheld: --risk=0.\n"


def test_a_rule_is_found_on_the_runs_own_images_alone(run, trained, demo_source):
    other = dataclasses.replace(trained[0], source=str(demo_source), builder_config="any")
    before = run.preprocessing.read_bytes()
    with pytest.raises(UserError, match=r"others than those that the run in .* was trained on"):
        unsure.refit(run, other, 0.3, 0.95)
    assert run.preprocessing.read_bytes() == before


def test_a_run_without_a_model_or_with_a_damaged_one_is_named(run, trained):
    run.model.write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        unsure.refit(run, trained[0], 0.3, 0.95)
    run.model.unlink()
    with pytest.raises(UserError, match=r"has no model\.keras"):
        unsure.refit(run, trained[0], 0.3, 0.95)


def test_a_folder_in_which_another_process_is_at_work_is_refused(run, trained):
    with run.hold(), pytest.raises(UserError, match="Another process is at work in"):
        unsure.refit(run, trained[0], 0.3, 0.95)
