"""tuning.space: its defaults are the baseline, every point is a network, nothing is searched that does not act."""

import keras_tuner
import pytest
from keras_tuner.engine.trial import Trial

from aireal.errors import UserError
from aireal.network import models
from aireal.settings import flagfile
from aireal.settings.config import Config
from tuning.hypermodel import size
from tuning.oracles import Random
from tuning.space import Space
from tuning.study import PARTS


@pytest.fixture
def points(declared, tmp_path):
    """Returns a function that draws points of a space, the first of them the defaults."""

    def draw(space: Space, count: int) -> list[keras_tuner.HyperParameters]:
        options = {"max_trials": count, "hyperparameters": declared(space), "seed": 0}
        oracle = Random(objective=keras_tuner.Objective("val_auc", "max"), complaint=lambda values: None, **options)
        oracle._set_project_dir(tmp_path, "points")
        oracle.verbose = 0
        return [oracle.create_trial(f"worker{number}").hyperparameters for number in range(count)]

    return draw


def test_the_defaults_are_the_baseline(points):
    space = Space(Config())
    (first,) = points(space, 1)
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
def test_the_defaults_are_whatever_is_searched_around(base, declared):
    space = Space(base, ["optimizer", "regularization", "architecture"])  # in whatever order
    assert space.config(declared(space)) == base


@pytest.mark.parametrize("parts", [["architecture"], ["regularization", "optimizer"]])
def test_a_short_trial_warms_up_for_the_same_share(parts, declared):
    """As under Hyperband."""
    space = Space(Config(epochs=9, schedule="cosine", warmup_epochs=1.8), parts)
    hp = declared(space)
    hp.values["tuner/epochs"] = 1
    assert space.config(hp).warmup_epochs == pytest.approx(0.2)


def test_every_point_is_a_config_that_a_flagfile_makes_again(tmp_path, points):
    space = Space(Config(epochs=4))
    found = [space.config(hp) for hp in points(space, 150)]
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
        "separable",
        "squeeze_excitation",
    ):
        assert len({getattr(config, name) for config in found}) > 1, name
    for config in found[:12]:
        assert models.build_model(config).count_params() > 0


def test_messages_between_chief_and_workers_change_nothing(points):
    """They carry 32-bit floats, in which 1e-4 is another number."""
    space = Space(Config())
    for hp in points(space, 20):
        received = Trial.from_proto(Trial(hp, "0").to_proto()).hyperparameters
        assert space.config(received) == space.config(hp)


def test_values_exist_where_they_act_alone(points):
    for hp in points(Space(Config()), 60):
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
def test_a_part_of_the_space_leaves_the_rest_as_it_is(part, points):
    space = Space(Config(), [part])
    found = [space.config(hp) for hp in points(space, 30)]
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
