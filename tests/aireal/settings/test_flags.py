"""aireal.settings.flags: one flag for every field, with its bounds in its help; lists and sources as they are typed."""

import dataclasses
import json
import re

import pytest
from absl import flags as absl_flags

from aireal.errors import UserError
from aireal.settings import flags
from aireal.settings.config import Config
from aireal.settings.data import SOURCE


def test_lists_and_switches_are_read_in_all_their_spellings(parsed):
    assert parsed("--filters=8,4", "--dense_units=5", "--augment_flip") == Config(
        filters=(8, 4), dense_units=(5,), augment_flip=True
    )
    assert parsed("--augment_flip=true", "--noaugment_flip") == Config()
    assert parsed("--augment_noise=1", "--augment_turn", "--augment_share=0.25,0.5").augment_share == (0.25, 0.5)


def test_a_source_is_kept_as_a_path_that_holds_from_everywhere(parsed):
    assert parsed("--source=photos.zip").source == str(parsed.folder / "photos.zip")
    assert parsed("--source=kaggle").source == "kaggle"


@pytest.fixture
def values():
    """The flags of a run, apart from those of this process."""
    values = absl_flags.FlagValues()
    flags.define_config_flags(values)
    return values


def test_every_field_has_a_flag_with_its_default_and_what_it_means(values):
    values(["train"])
    for field in dataclasses.fields(Config):
        default = list(map(str, field.default)) if isinstance(field.default, tuple) else field.default
        assert values[field.name].value == default
        assert field.metadata["help"] in values[field.name].help
    assert flags.config_from_flags(values) == Config()


@pytest.mark.parametrize(
    ("flag", "expected"),
    [("--filters=8,0.5", "whole numbers"), ("--filters=8,,4", "whole numbers"), ("--augment_share=0.1,x", "numbers")],
)
def test_a_list_of_something_else_is_refused(values, flag, expected):
    values(["train", flag])
    with pytest.raises(UserError, match=re.escape(f"{flag}: expected {expected}, comma-separated.")):
        flags.config_from_flags(values)


@pytest.mark.parametrize(
    ("name", "stated"),
    [
        ("epochs", " (at least 1, at most 100,000)"),
        ("validation_fraction", " (at least 0, below 1)"),
        ("train_fraction", " (at least 1e-06, at most 1)"),
        ("filters", " (at least 1, at most 4,096)"),
        ("seed", " (at least 0, at most 2,147,483,647)"),
        ("risk", " (at least 0, at most 0.5)"),
        ("risk_confidence", " (at least 0.5, below 1)"),
        ("prepared_dir", ""),
    ],
)
def test_help_tells_the_bounds(values, name, stated):
    (field,) = [field for field in dataclasses.fields(Config) if field.name == name]
    assert values[name].help == field.metadata["help"] + stated


def test_a_value_that_is_no_choice_is_refused_by_the_flag(values):
    with pytest.raises(absl_flags.IllegalFlagValueError, match="schedule=linear"):
        values(["train", "--schedule=linear"])


OTHER = """
import json
from aireal import command
from aireal.settings import flags
flags.define_data_flags()
command.run(lambda: print(json.dumps(flags.other_data())))
"""


@pytest.mark.parametrize(
    "given",
    [{}, {"source": "other.zip", "fake": "ai", "damaged": "leave_out", "prepared_dir": "elsewhere"}],
    ids=["none", "all"],
)
def test_other_data_are_those_that_were_given(command, given):
    done = command("-c", OTHER, *(f"--{name}={value}" for name, value in given.items()))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {**dict.fromkeys(("source", "prepared_dir", *SOURCE)), **given}
