"""The space: its defaults are the baseline, every point of it is a network, nothing is searched that does not act."""

import dataclasses
import shutil

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial

from aireal.data import batches
from aireal.errors import UserError
from aireal.network import models
from aireal.settings import flagfile
from aireal.settings.config import Config
from tuning.hypermodel import HyperModel, size
from tuning.oracles import Random
from tuning.space import Space
from tuning.study import PARTS


def declared(space: Space) -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    space.config(hp)
    return hp


def points(space: Space, count: int, tmp_path) -> list[keras_tuner.HyperParameters]:
    """Random points, the first of them the defaults."""
    objective = keras_tuner.Objective("val_auc", "max")
    hp = declared(space)
    oracle = Random(objective=objective, max_trials=count, hyperparameters=hp, seed=0, complaint=lambda values: None)
    oracle._set_project_dir(tmp_path, "points")
    oracle.verbose = 0
    return [oracle.create_trial(f"worker{number}").hyperparameters for number in range(count)]


def test_the_defaults_are_the_baseline(tmp_path):
    space = Space(Config())
    (first,) = points(space, 1, tmp_path)
    assert space.config(first) == Config()
    assert size(models.build_model(space.config(first)))["parameters"] == 320_817


@pytest.mark.parametrize(
    "base",
    [
        Config(
            filters=(24, 48),
            convolutions=(2,),
            residual=True,
            dense_units=(),
            optimizer="adam",
            weight_decay=0.03,
            learning_rate=3e-3,
            schedule="cosine",
            warmup_epochs=3.0,
            batch_size=100,
            label_smoothing=0.02,
        ),
        Config(optimizer="lion", learning_rate=2e-4),
        Config(optimizer="muon", learning_rate=2e-3),
        Config(optimizer="sgd", learning_rate=0.1, weight_decay=0.07),
        Config(epochs=3, schedule="cosine", warmup_epochs=1.0),
    ],
    ids=["small", "lion", "muon", "sgd", "thirds"],
)
def test_the_defaults_are_whatever_is_searched_around(base):
    space = Space(base, ["optimizer", "regularization", "architecture"])  # in whatever order
    assert space.config(declared(space)) == base


@pytest.mark.parametrize("parts", [["architecture"], ["regularization", "optimizer"]])
def test_a_short_trial_warms_up_for_the_same_share(parts):
    """As under Hyperband."""
    space = Space(Config(epochs=9, schedule="cosine", warmup_epochs=1.8), parts)
    hp = declared(space)
    hp.values["tuner/epochs"] = 1
    assert space.config(hp).warmup_epochs == pytest.approx(0.2)


def test_every_point_is_a_config_that_a_flagfile_makes_again(tmp_path):
    space = Space(Config(epochs=4))
    found = [space.config(hp) for hp in points(space, 150, tmp_path)]
    for config in found:
        (tmp_path / "best.cfg").write_text(flagfile.dumps(config))
        assert flagfile.load(tmp_path / "best.cfg") == config
    for name in (
        "filters",
        "dense_units",
        "optimizer",
        "schedule",
        "head",
        "batch_size",
        "augment_flip",
        "downsampling",
    ):
        assert len({getattr(config, name) for config in found}) > 1, name
    for config in found[:12]:
        assert models.build_model(config).count_params() > 0


def test_messages_between_chief_and_workers_change_nothing(tmp_path):
    """They carry 32-bit floats, in which 1e-4 is another number."""
    space = Space(Config())
    for hp in points(space, 20, tmp_path):
        received = Trial.from_proto(Trial(hp, "0").to_proto()).hyperparameters
        assert space.config(received) == space.config(hp)


def test_values_exist_where_they_act_alone(tmp_path):
    for hp in points(Space(Config()), 60, tmp_path):
        values = hp.values
        assert ("filters_4" in values) == (values["stages"] == 4)
        assert ("dense_units_1" in values) == (values["dense_layers"] >= 1)
        assert ("dense_dropout" in values) == (values["dense_layers"] >= 1)
        assert ("residual" in values) == (values["convolutions"] > 1)
        assert ("weight_decay" in values) == (values["optimizer"] in ("adamw", "lion", "muon"))
        assert ("warmup_share" in values) == (values["schedule"] == "cosine")
        rates = {name for name in values if name.endswith("_learning_rate")}
        assert rates == {f"{values['optimizer'].replace('adamw', 'adam')}_learning_rate"}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_the_space_leaves_the_rest_as_it_is(part, tmp_path):
    space = Space(Config(), [part])
    found = [space.config(hp) for hp in points(space, 30, tmp_path)]
    names = {
        "architecture": ("optimizer", "l2", "batch_size"),
        "regularization": ("filters", "learning_rate"),
        "optimizer": ("filters", "l2", "conv_dropout"),
    }[part]
    for name in names:
        assert {getattr(config, name) for config in found} == {getattr(Config(), name)}
    assert len(set(found)) > 20


@pytest.mark.parametrize(
    ("base", "complaint"),
    [
        (Config(filters=(8,)), "--filters has 1 stages"),
        (Config(dense_units=(8,) * 4), "--dense_units has 4 layers"),
        (Config(convolutions=(1, 2, 1)), "one number of --convolutions"),
        (Config(convolutions=(4,)), "--convolutions has 4 a stage"),
        (Config(learning_rate=0.5), "--learning_rate=0.5 is outside"),
    ],
)
def test_a_base_outside_of_the_space_is_refused(base, complaint):
    with pytest.raises(UserError, match=complaint):
        Space(base)


def test_a_trial_is_trained_and_judged_like_a_run(make_config, prepared_dir):
    """The figures are those of the same flags in `train`."""
    from aireal.training import experiment

    config = make_config(evaluate="validation", epochs=1, cache="ram", mirror_average=True)
    space = Space(config, ["optimizer"])
    hp = declared(space)
    hypermodel = HyperModel(space)
    for _ in range(2):  # the second time with shared images
        found = hypermodel.fit(hp, hypermodel.build(hp))
    result = experiment.run(config, str(prepared_dir / "one-trial"))
    assert found["val_accuracy"] == pytest.approx(result["validation"]["accuracy"], abs=1e-9)
    assert found["val_auc"] == pytest.approx(result["validation"]["roc_auc"], abs=1e-6)  # of 32-bit floats there
    assert (found["parameters"], found["macs"]) == (result["parameters"], result["macs"])


def test_no_test_image_is_read(make_config, prepared_dir, tmp_path):
    config = make_config(epochs=1, train_fraction=0.1)
    batches.Data(config)  # makes the records
    copied = tmp_path / "prepared"
    shutil.copytree(prepared_dir, copied)
    removed = list(copied.rglob("*-test.tfrecord*"))
    for path in removed:
        path.unlink()
    assert removed
    space = Space(dataclasses.replace(config, prepared_dir=str(copied)), ["optimizer"])
    hypermodel = HyperModel(space)
    hp = declared(space)
    assert 0 <= hypermodel.fit(hp, hypermodel.build(hp))["val_auc"] <= 1


def test_a_loss_that_is_no_number_fails_the_trial(make_config):
    space = Space(make_config(), ["optimizer"])
    hp = declared(space)
    hypermodel = HyperModel(space)
    model = hypermodel.build(hp)
    model.set_weights([weights * float("nan") for weights in model.get_weights()])
    with pytest.raises(keras_tuner.errors.FailedTrialError, match="the loss became nan at step 1"):
        hypermodel.fit(hp, model)
