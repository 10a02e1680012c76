"""aireal.training.initial: what a network has of the run that it begins with, and which of its layers learn."""

import dataclasses

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.network.models import build_model
from aireal.runs.folder import RunFolder
from aireal.settings import flagfile
from aireal.settings.config import Config
from aireal.training import initial
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
    return build_for_training(config, steps_per_epoch=1), config


def test_all_weights_are_those_of_the_run(run):
    model, config = begun(run)
    fresh = build_model(EARLIER)
    fresh.load_weights(run.model)
    expected = {layer.name: layer.get_weights() for layer in fresh.layers}
    for layer in filter(lambda one: one.weights, model.layers):
        for found, own in zip(layer.get_weights(), expected[layer.name], strict=True):
            np.testing.assert_array_equal(found, own)
    assert all(layer.trainable for layer in model.layers)
    assert initial.told(model, config) == f"It begins with the weights of {run.path}."


def test_layers_before_the_one_to_learn_from_do_not_change(run):
    model, config = begun(run, learn_from="conv3", learning_rate=0.1)
    before = {layer.name: layer.get_weights() for layer in model.layers if layer.weights}
    rng = np.random.default_rng(0)
    for _ in range(3):  # squeeze-and-excitation may begin with units that learn nothing
        model.train_on_batch(rng.random([8, 16, 16, 3], np.float32), np.float32([0, 1] * 4))
    changed = {name for name, old in before.items() if any(map(np.any, _differences(old, model.get_layer(name))))}
    assert {name.partition("_")[0] for name in changed} == {"conv3", "conv4", "logit"}
    assert {"conv3", "conv3_norm", "conv4", "logit"} <= changed
    assert initial.told(model, config).endswith("of which conv1, conv2 stay as they are.")


def _differences(old, layer):
    return [before != after for before, after in zip(old, layer.get_weights(), strict=True)]


def test_a_head_of_another_form_begins_anew(run):
    model, _ = begun(run, dense_units=(5,), object_weight=0.5)
    assert model.get_layer("logit").kernel.shape == (5, 1)
    assert np.min(model.get_layer("conv4").kernel) >= 0.5 > np.min(model.get_layer("dense1").kernel)


def test_convolutions_of_another_form_are_refused(run):
    with pytest.raises(UserError, match=r"has another network: conv3, conv4 differ\. Leave out the flags"):
        begun(run, filters=(4, 8))
    with pytest.raises(UserError, match="conv5, conv6 differ"):
        begun(run, filters=(4, 6, 6))


def test_a_layer_that_is_not_there_is_told_with_those_that_are(run):
    with pytest.raises(UserError, match=r"--learn_from=conv9 is no layer of .* has conv1, conv2, conv3, conv4, logit"):
        begun(run, learn_from="conv9")


def test_a_run_without_a_network_is_refused(tmp_path):
    (tmp_path / "flags.cfg").write_text(flagfile.dumps(EARLIER), encoding="utf-8")
    with pytest.raises(UserError, match="the training there has not finished"):
        build_for_training(dataclasses.replace(EARLIER, initial_weights=str(tmp_path)), steps_per_epoch=1)
