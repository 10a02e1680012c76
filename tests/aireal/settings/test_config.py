"""aireal.config: documentation and bounds of every value, and what does not go together."""

import dataclasses
import math
import re

import pytest

from aireal.errors import UserError
from aireal.settings.config import Config

FIELDS = dataclasses.fields(Config)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_field_says_what_it_is_and_belongs_to_a_group(field):
    assert len(field.metadata["help"]) > 10
    assert field.metadata["group"] in {"data", "model", "training", "evaluation"}


def test_fields_of_a_group_stand_together():
    groups = [field.metadata["group"] for field in FIELDS]
    starts = [group for before, group in zip([None, *groups], groups, strict=False) if group != before]
    assert len(starts) == len(set(starts))


def test_every_float_has_a_bound_that_a_nan_breaks():
    unbounded = [field.name for field in FIELDS if field.type is float and "at_least" not in field.metadata]
    assert unbounded == []


def test_defaults_are_the_seed_projects_baseline():
    config = Config()
    assert (config.filters, config.kernel_size, config.conv_dropout) == ((64, 32, 16), 3, 0.3)
    assert (config.dense_units, config.dense_dropout, config.l2) == ((512, 256, 128), 0.4, 0.001)
    assert (config.learning_rate, config.schedule, config.batch_size, config.epochs) == (1e-4, "constant", 64, 30)
    assert (config.image_size, config.validation_fraction, config.keep) == (32, 0.2, "last")
    assert (config.augment_flip, config.augment_shift_pixels, config.early_stopping_epochs) == (False, 0, 0)
    assert (config.precision, config.source, config.evaluate) == ("float32", "demo", "test")


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().epochs = 3


def _beyond_bounds():
    for field in FIELDS:
        bounds = field.metadata
        whole = field.type is not float
        steps = {
            "at_least": (
                "too small",
                lambda bound, whole=whole: bound - 1 if whole else math.nextafter(bound, -math.inf),
            ),
            "at_most": (
                "too large",
                lambda bound, whole=whole: bound + 1 if whole else math.nextafter(bound, math.inf),
            ),
            "below": ("too large", lambda bound: bound),
        }
        for bound, (complaint, beyond) in steps.items():
            if bound in bounds:
                yield pytest.param(field, beyond(bounds[bound]), complaint, id=f"{field.name}-{bound}")


@pytest.mark.parametrize(("field", "value", "complaint"), list(_beyond_bounds()))
def test_a_value_beyond_its_bound_is_refused_by_name(field, value, complaint):
    is_tuple = isinstance(field.default, tuple)
    with pytest.raises(UserError, match=rf"^--{field.name}=.* is {complaint}: .*\d"):
        Config(**{field.name: (8, value) if is_tuple else value})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"validation_fraction": 0.0}, "no validation is a choice"),
        ({"image_size": 8}, "the smallest that three poolings leave a pixel of"),
        ({"image_size": 1024}, "the largest"),
        ({"l2": 0.0, "conv_dropout": 0.0, "dense_dropout": 0.0}, "no regularisation"),
        ({"image_size": 16, "stem_filters": 4, "stem_stride": 4, "head": "average"}, "three stages, the last unpooled"),
        ({"dense_units": ()}, "the logit alone"),
        ({"filters": (1,), "dense_units": (1,)}, "the smallest network with layers"),
        ({"seed": 2**31 - 1}, "the largest seed"),
        ({"augment_shift_pixels": 31}, "one pixel less than the image"),
    ],
)
def test_values_on_their_bounds_are_taken(values, reason):
    assert dataclasses.asdict(Config(**values)).items() >= values.items(), reason


@pytest.mark.parametrize("name", [field.name for field in FIELDS if field.type is float])
def test_nan_is_refused(name):
    with pytest.raises(UserError, match=f"--{name}=nan"):
        Config(**{name: math.nan})


@pytest.mark.parametrize("name", [field.name for field in FIELDS if "choices" in field.metadata])
def test_a_value_that_is_no_choice_is_refused_with_the_choices(name):
    choices = next(field.metadata["choices"] for field in FIELDS if field.name == name)
    with pytest.raises(UserError, match=re.escape(f"--{name}=other is none of {', '.join(choices)}.")):
        Config(**{name: "other"})


@pytest.mark.parametrize(("name", "nothing"), [("source", ""), ("prepared_dir", ""), ("filters", ())])
def test_an_empty_value_is_refused(name, nothing):
    with pytest.raises(UserError, match=f"--{name} is empty"):
        Config(**{name: nothing})


@pytest.mark.parametrize(
    ("values", "flags"),
    [
        ({"source": "demo", "builder_config": "strict"}, ["--builder_config=strict", "--source=demo"]),
        ({"image_size": 8, "filters": (8, 8, 8, 8)}, ["--image_size=8", "--filters", "reduces it by 16"]),
        ({"image_size": 15, "stem_filters": 4, "stem_stride": 4, "head": "average"}, ["--image_size=15", "by 16"]),
        ({"residual": True}, ["--residual", "--convolutions"]),
        ({"filters": (8, 8), "convolutions": (1, 2, 3)}, ["--convolutions=1,2,3", "--filters=8,8"]),
        ({"augment_shift_pixels": 32}, ["--augment_shift_pixels=32"]),
        ({"augment_cutout_pixels": 32}, ["--augment_cutout_pixels=32"]),
        ({"augment_noise": 0.1, "augment_blur": 1.0, "augment_share": 0.6}, ["--augment_share=0.6", "2 kinds"]),
        ({"augment_noise": 0.1, "augment_share": 0.1, "batch_size": 9}, ["--augment_share=0.1 of --batch_size=9"]),
        ({"warmup_epochs": 1.0}, ["--warmup_epochs", "--schedule=cosine"]),
        ({"warmup_epochs": 3.0, "epochs": 3, "schedule": "cosine"}, ["--warmup_epochs=3", "--epochs=3"]),
        ({"validation_fraction": 0.0, "keep": "best"}, ["--keep=best", "--validation_fraction=0"]),
        (
            {"validation_fraction": 0.0, "early_stopping_epochs": 2},
            ["--early_stopping_epochs", "--validation_fraction=0"],
        ),
        ({"validation_fraction": 0.0, "evaluate": "validation"}, ["--evaluate=validation", "--validation_fraction=0"]),
    ],
)
def test_values_that_do_not_go_together_are_refused_by_name(values, flags):
    with pytest.raises(UserError) as caught:
        Config(**values)
    for flag in flags:
        assert flag in str(caught.value)


@pytest.mark.parametrize(
    ("values", "strict"),
    [
        ({"source": "demo"}, False),
        ({"source": "kaggle"}, True),
        ({"source": "/data/cifake.zip"}, True),
        ({"source": "/data/mine", "builder_config": "any"}, False),
        ({"source": "/data/mine", "builder_config": "strict"}, True),
    ],
)
def test_cifakes_form_is_demanded_of_all_sources_but_the_demo_unless_said_otherwise(values, strict):
    assert Config(**values).strict is strict
