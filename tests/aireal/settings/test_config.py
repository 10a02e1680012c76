"""aireal.settings.config: a config cannot be changed, and goes on as it was begun."""

import dataclasses
import pathlib

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.settings import flagfile
from aireal.settings.config import FREE, Config


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().epochs = 3


def test_it_goes_on_as_it_was_begun_where_it_left_the_choice_to_the_machine():
    begun = Config(cache="ram", precision="bfloat16", epochs=9)
    assert Config(cache="auto", precision="auto").as_begun(begun) == Config(cache="ram", precision="bfloat16")
    assert Config(cache="none", precision="float32").as_begun(begun) == Config(cache="none", precision="float32")


def test_the_first_thing_that_is_wrong_is_raised():
    with pytest.raises(UserError, match=r"^--epochs=0 is too small: at least 1\.$"):
        Config(epochs=0, seed=-1)


def test_values_are_of_their_fields_types_however_people_write_them():
    given = Config(
        epochs=8 / 4,
        seed=np.arange(3)[1],
        learning_rate=np.logspace(-4, -2, 3)[0],
        filters=[np.int64(64), 32],
        convolutions=np.array([1, 2]),
        augment_share=0.2,
        source=pathlib.PurePosixPath("/pictures"),
        residual=np.True_,
    )
    assert given == Config(
        epochs=2,
        seed=1,
        learning_rate=1e-4,
        filters=(64, 32),
        convolutions=(1, 2),
        augment_share=(0.2,),
        source="/pictures",
        residual=True,
    )
    assert flagfile.dumps(given) == flagfile.dumps(dataclasses.replace(given))
    assert "--epochs=2\n--" in flagfile.dumps(given)


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("epochs", 2.5, "a whole number"),
        ("epochs", "3", "a whole number"),
        ("seed", True, "a whole number"),
        ("learning_rate", None, "a number"),
        ("filters", [64, 0.5], "a whole number"),
        ("filters", "64,32", "a list of numbers"),
        ("augment_flip", 1, "True or False"),
        ("source", 7, "a text"),
    ],
)
def test_a_value_of_another_kind_is_refused(name, value, kind):
    with pytest.raises(UserError, match=rf"^--{name}=.* is not {kind}\.$"):
        Config(**{name: value})


def test_what_may_change_between_starts_is_of_its_fields():
    assert set(FREE) < {field.name for field in dataclasses.fields(Config)}
