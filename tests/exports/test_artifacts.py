"""exports.artifacts: every file that is written is the model that was trained, in a form that phones run."""

import dataclasses
import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from aireal.errors import UserError
from aireal.network import models
from aireal.runs.folder import RunFolder
from aireal.verdicts.predictor import Predictor
from exports import artifacts, flatbuffer, package, verify

PICTURES = pathlib.Path(__file__).parents[1] / "aireal" / "pictures"


TFLITE = ("float32", "float16", "dynamic", "int8", "camera")


def _interpreter(exported, variant):
    interpreter = Interpreter(str(exported / artifacts.tflite_name(variant)))
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.parametrize("variant", TFLITE)
def test_every_tflite_file_has_the_one_signature(exported, variant):
    interpreter = _interpreter(exported, variant)
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()
    edge = 256 if variant == "camera" else 32
    assert (image["shape"].tolist(), image["dtype"]) == ([1, edge, edge, 3], np.uint8)
    assert (scores["shape"].tolist(), scores["dtype"]) == ([1, 2], np.float32)
    runner = interpreter.get_signature_runner()
    assert (list(runner.get_input_details()), list(runner.get_output_details())) == (["image"], ["probabilities"])


@pytest.mark.parametrize("variant", TFLITE)
def test_only_operators_that_phones_have_and_no_variables(exported, variant):
    assert not flatbuffer.unfit(flatbuffer.read((exported / artifacts.tflite_name(variant)).read_bytes()))


def test_int8_takes_grey_levels_as_they_are(exported):
    (image,) = _interpreter(exported, "int8").get_input_details()
    scale, zero_point = image["quantization"]
    assert zero_point == 0
    assert scale == pytest.approx(1 / 255, rel=1e-6)


def test_every_form_has_its_contract_beside_it(exported, trained):
    stated = json.loads((exported / "preprocessing.json").read_text())
    assert stated["rule"] == {"real_from": 0.5}
    run = Predictor(trained[1]).contract
    for name in verify.FORMS.values():
        assert Predictor(exported / name).contract == dataclasses.replace(run, normalised_inside=True)
    camera = Predictor(exported / "model_camera.tflite").contract
    assert camera == dataclasses.replace(run, normalised_inside=True, input_size=256)


@pytest.mark.parametrize(
    ("file", "tolerance"), [("saved_model", 1e-5), ("model_float32.tflite", 1e-4), ("model_float16.tflite", 1e-3)]
)
def test_predict_takes_what_was_exported(exported, trained, file, tolerance):
    names = [PICTURES / name for name in ("32x32.jpg", "turned.jpg", "640x480.jpg")]
    expected = [one.p_real for one in Predictor(trained[1]).predict(names)]
    found = [one.p_real for one in Predictor(exported / file).predict(names)]
    np.testing.assert_allclose(found, expected, atol=tolerance)


@pytest.mark.parametrize("variant", TFLITE)
def test_a_rule_that_withholds_verdicts_is_in_every_file(unsure_run, variant):
    interpreter = _interpreter(unsure_run / "export", variant)
    (scores,) = interpreter.get_output_details()
    assert (scores["shape"].tolist(), scores["dtype"]) == ([1, 3], np.float32)
    assert not flatbuffer.unfit(flatbuffer.read((unsure_run / "export" / artifacts.tflite_name(variant)).read_bytes()))
    assert (unsure_run / "export/labels.txt").read_text().split() == ["FAKE", "REAL", "UNSURE"]


@pytest.mark.parametrize(("form", "file"), verify.FORMS.items())
def test_every_file_gives_the_verdicts_of_the_network(unsure_run, pixels, form, file):
    expected = Predictor(unsure_run).predict(pixels)
    found = Predictor(unsure_run / "export" / file).predict(pixels)
    assert {one.verdict for one in expected} == {"FAKE", "REAL", "UNSURE"}
    assert {one.reason for one in expected} == {None, "LOW_CONFIDENCE", "FOREIGN"}
    pairs = [
        ((one.verdict, one.reason), (other.verdict, other.reason)) for one, other in zip(expected, found, strict=True)
    ]
    limit = 0.1 if form in ("int8", "dynamic") else 0.0  # a demo's scores lie near the borders
    assert np.mean([one != other for one, other in pairs]) <= limit


def test_the_size_of_a_picture_is_not_known_to_a_camera_form(unsure_run):
    plain, camera = (
        Predictor(unsure_run / "export" / name).contract for name in ("saved_model", "model_camera.tflite")
    )
    assert plain.rule.edges == (32, 32)
    assert camera.rule == dataclasses.replace(plain.rule, edges=None)


def test_files_that_give_a_verdict_on_every_picture(unsure_run, trained, pixels, tmp_path):
    shutil.copytree(unsure_run, tmp_path / "run", ignore=shutil.ignore_patterns("export"))
    package.export(RunFolder(tmp_path / "run"), trained[0], unsure=False)
    for name in ("model_int8.tflite", "saved_model"):
        predictor = Predictor(tmp_path / "run/export" / name)
        assert not predictor.contract.rule.withholds
        assert {one.verdict for one in predictor.predict(pixels)} == {"FAKE", "REAL"}
    assert (tmp_path / "run/export/labels.txt").read_text().split() == ["FAKE", "REAL"]


def test_a_model_that_needs_more_than_builtin_operators_is_refused(run, trained, is_as_it_was):
    image = keras.Input([32, 32, 3], name="image")
    features = keras.ops.erfinv(keras.layers.GlobalAveragePooling2D()(image))
    keras.Model(image, keras.layers.Dense(1, name="logit")(features), name="aireal").save(run / "model.keras")
    with pytest.raises(UserError, match=r"it needs tf\.Erfinv"):
        package.export(RunFolder(run), trained[0])
    assert is_as_it_was(run)


def test_a_mirror_average_is_exported_whole_and_with_its_weights_once(run, trained, exported, monkeypatch):
    monkeypatch.setattr(verify, "LARGEST_LOSS", 0.02)  # not trained for it, it has many scores near the border
    averaged = models.build_model(dataclasses.replace(trained[0], mirror_average=True))
    averaged.set_weights(keras.models.load_model(run / "model.keras").get_weights())
    averaged.save(run / "model.keras")
    package.export(RunFolder(run), trained[0])  # which refuses forms that are not the model
    for form in ("float32", "int8"):
        single, both = ((folder / artifacts.tflite_name(form)).stat().st_size for folder in (exported, run / "export"))
        assert single < both < single + 3_000


def _save_weighed(run, config, sign):
    """The trained network with squeeze-and-excitation, whose hidden units are never 0 (sign 1) or always (-1)."""
    keras.utils.set_random_seed(0)
    model = models.build_model(dataclasses.replace(config, squeeze_excitation=4))
    trained = keras.models.load_model(run / "model.keras")
    for layer in model.layers:
        if layer.name.endswith("_reduce"):
            kernel, bias = layer.get_weights()
            layer.set_weights([sign * np.abs(kernel), bias])
        elif layer.name.endswith("_excite"):
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, bias + 6])  # channels weigh about 1, so that the verdicts stay clear ones
        elif layer.weights:
            layer.set_weights(trained.get_layer(layer.name).get_weights())
    model.save(run / "model.keras")


@pytest.mark.parametrize("sign", [1, -1])
def test_squeeze_and_excitation_is_exported_even_where_hidden_units_are_never_on(run, trained, sign):
    _save_weighed(run, trained[0], sign)
    package.export(RunFolder(run), trained[0])  # which refuses forms that are not the model
    operators = flatbuffer.operators(flatbuffer.read((run / "export/model_int8.tflite").read_bytes()))
    assert {"MEAN", "LOGISTIC", "MUL"} <= set(operators)


def test_a_layer_that_is_always_0_is_named_before_its_int8_form_is_loaded(run, trained, is_as_it_was):
    model = keras.models.load_model(run / "model.keras")
    hidden = [layer for layer in model.layers if layer.weights][-2]
    hidden.set_weights([-np.abs(weights) for weights in hidden.get_weights()])
    model.save(run / "model.keras")
    with pytest.raises(UserError, match=rf"{hidden.name}.* is 0 whatever the picture, which int8 cannot hold"):
        package.export(RunFolder(run), trained[0])
    assert is_as_it_was(run)
