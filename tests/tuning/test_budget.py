"""tuning.budget: candidates that no phone carries, or that are no network, are told apart before they train."""

import pytest

from aireal.network.cost import Cost
from aireal.network.models import build_model
from aireal.settings.config import Config
from tuning.budget import Budget
from tuning.space import Space
from tuning.study import Study

SMALL = Config(filters=(16, 16), dense_units=(32,))


@pytest.fixture
def budget(declared):
    """Returns a function that makes a Budget of limits, around a config, and gives the space's default values too."""

    def make(config=SMALL, **limits):
        study = Study(
            config=config,
            space=("architecture",),
            tuner="grid",
            objective="val_auc",
            direction="max",
            max_trials=5,
            **limits,
        )
        space = Space(config, study.space)
        hp = declared(space)
        return Budget(study, space, hp), dict(hp.values)

    return make


def test_without_limits_nothing_is_beyond_them(budget):
    made, values = budget()
    assert made(values) is None
    assert made.beyond(Config()) is None


@pytest.mark.parametrize(
    ("what", "flag"), [("parameters", "max_parameters"), ("macs", "max_macs"), ("int8_bytes", "max_int8_bytes")]
)
def test_a_network_beyond_a_limit_is_told_by_how_much(budget, what, flag):
    exactly = getattr(Cost.of(build_model(SMALL)), what)
    made, values = budget(**{flag: exactly})
    assert made(values) is None
    assert made.beyond(SMALL) is None
    made, values = budget(**{flag: exactly - 1})
    assert made(values) == made.beyond(SMALL) == f"{exactly:,} {what} of {exactly - 1:,}"
    wider = {**values, "filters_1": 128}
    assert made(wider) is not None
    assert made(wider) != made(values)


def test_all_limits_that_are_broken_are_told(budget):
    made, values = budget(max_parameters=1, max_macs=2)
    assert [part.split()[1] for part in made(values).split(", ")] == ["parameters", "macs"]


def test_values_that_make_no_network_are_told_with_their_reason(budget):
    made, values = budget(Config(image_size=8, filters=(16, 16)))
    assert "--image_size=8 is too small for a network" in made(
        {**values, "stages": 4, "filters_3": 16, "filters_4": 16}
    )


def test_what_was_asked_leaves_the_declared_values_alone(budget, declared):
    made, values = budget(max_parameters=1)
    made({**values, "filters_1": 128})
    space = Space(SMALL, ["architecture"])
    assert declared(space).values == values
