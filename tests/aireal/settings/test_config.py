"""aireal.settings.config: a config cannot be changed, and goes on as it was begun."""

import dataclasses

import pytest

from aireal.errors import UserError
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


def test_what_may_change_between_starts_is_of_its_fields():
    assert set(FREE) < {field.name for field in dataclasses.fields(Config)}
