"""aireal.training.initial: what a network has of the run that it begins with, and which of its layers learn."""

import dataclasses
import re
import shutil

import numpy as np
import pytest

import aireal
from aireal.errors import UserError
from aireal.network.models import build_model
from aireal.runs.folder import RunFolder
from aireal.settings import flagfile
from aireal.settings.config import Config
from aireal.training import experiment, initial
from aireal.training.learning import build_for_training

EARLIER = Config(
    image_size=16,
    filters=(4, 6),
    convolutions=(2,),
    residual=True,
    normalization="batch",
    squeeze_excitation=2,
    head="average",
    dense_units=(),
    conv_dropout=0.0,
    mirror_average=True,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder with a network whose every weight is its own."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "earlier")
    folder.path.mkdir()
    folder.flagfile.write_text(flagfile.dumps(EARLIER), encoding="utf-8")
    model, rng = build_model(EARLIER), np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1, weight.shape) for weight in model.get_weights()])
    model.save(folder.model)
    return folder


def begun(run, **values):
    config = dataclasses.replace(EARLIER, initial_weights=str(run.path), **values)
    return build_for_training(config, steps_per_epoch=1)


def test_all_weights_are_those_of_the_run(run):
    model = begun(run)
    fresh = build_model(EARLIER)
    fresh.load_weights(run.model)
    expected = {layer.name: layer.get_weights() for layer in fresh.layers}
    for layer in filter(lambda one: one.weights, model.layers):
        for found, own in zip(layer.get_weights(), expected[layer.name], strict=True):
            np.testing.assert_array_equal(found, own)
    assert all(layer.trainable for layer in model.layers)


def test_layers_before_the_one_to_learn_from_do_not_change(run):
    model = begun(run, learn_from="conv3", learning_rate=0.1)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    rng = np.random.default_rng(0)
    for _ in range(3):  # squeeze-and-excitation may begin with units that learn nothing
        model.train_on_batch(rng.random([8, 16, 16, 3], np.float32), np.float32([0, 1] * 4))
    changed = {name for name, old in before.items() if any(map(np.any, _differences(old, model.get_layer(name))))}
    assert {name.partition("_")[0] for name in changed} == {"conv3", "conv4", "logit"}
    assert {"conv3", "conv3_norm", "conv4", "logit"} <= changed


def _differences(old, layer):
    return [before != after for before, after in zip(old, layer.get_weights(), strict=True)]


def test_a_head_of_another_form_begins_anew(run):
    model = begun(run, dense_units=(5,), object_weight=0.5)
    assert model.get_layer("logit").kernel.shape == (5, 1)
    assert np.min(model.get_layer("conv4").kernel) >= 0.5 > np.min(model.get_layer("dense1").kernel)


def test_what_begins_anew_learns_wherever_it_stands(run):
    model = begun(run, dense_units=(5,), learn_from="logit")
    assert {layer.name for layer in model.layers if layer.weights and layer.trainable} == {"dense1", "logit"}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, ""),
        ({"learn_from": "conv3"}, "; as they are, and kept so: conv1, conv2"),
        (
            {"dense_units": (5,), "learn_from": "logit"},
            "; as they are, and kept so: conv1, conv2, conv3, conv4; anew: dense1, logit",
        ),
    ],
)
def test_it_says_what_it_took(run, values, words):
    config = dataclasses.replace(EARLIER, initial_weights=str(run.path), **values)
    assert initial.take(build_model(config), config) == f"It begins with the weights of {run.path}{words}."


@pytest.mark.parametrize(
    "values", [{"filters": (4, 8)}, {"filters": (4, 6, 6)}, {"activation": "silu"}, {"residual": False}]
)
def test_another_network_is_refused_also_where_the_weights_would_fit(run, values):
    ((name, value),) = values.items()
    words = rf"has another network.*Run.*config:\n  --{name}: .* there, {re.escape(str(value))} here"
    with pytest.raises(UserError, match=words):
        begun(run, **values)


def test_a_layer_that_is_not_there_is_told_with_those_that_are(run):
    with pytest.raises(UserError, match=r"--learn_from=conv9 is no layer of .* has conv1, conv2, conv3, conv4, logit"):
        begun(run, learn_from="conv9")


def test_a_run_without_a_network_is_refused(tmp_path):
    (tmp_path / "flags.cfg").write_text(flagfile.dumps(EARLIER), encoding="utf-8")
    with pytest.raises(UserError, match="the training there has not finished"):
        build_for_training(dataclasses.replace(EARLIER, initial_weights=str(tmp_path)), steps_per_epoch=1)
    (tmp_path / "model.keras").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"model\.keras"):
        build_for_training(dataclasses.replace(EARLIER, initial_weights=str(tmp_path)), steps_per_epoch=1)


def test_a_model_to_be_fitted_in_python_begins_with_the_weights_too(run):
    model = aireal.build_model(dataclasses.replace(EARLIER, initial_weights=str(run.path)))
    assert np.min(model.get_layer("conv4").kernel) >= 0.5


def test_overwriting_never_deletes_the_weights_to_begin_with(run, tmp_path):
    folder = shutil.copytree(run.path, tmp_path / "run")
    config = dataclasses.replace(
        EARLIER, initial_weights=str(folder), prepared_dir=str(tmp_path / "prepared"), epochs=1, evaluate="none"
    )
    with pytest.raises(UserError, match="would delete the weights to begin with"):
        experiment.run(config, str(folder), overwrite=True)
    beside = dataclasses.replace(config, initial_weights=str(run.path), learn_from="conv9")
    with pytest.raises(UserError, match="conv9 is no layer"):
        experiment.run(beside, str(folder), overwrite=True)
    assert (folder / "model.keras").exists()
