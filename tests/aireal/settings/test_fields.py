"""aireal.settings.fields: every value is documented and bounded, and the defaults are the seed project's baseline."""

import dataclasses

import pytest

from aireal.settings.config import Config
from aireal.settings.fields import Fields

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
def test_cifakes_form_is_demanded_of_what_has_gone_and_not_of_the_demo_unless_said_otherwise(values, strict):
    assert Config(**values).strict is strict


@pytest.mark.parametrize(
    ("values", "reduction"),
    [
        ({}, 8),
        ({"filters": (8,) * 4}, 16),
        ({"head": "average"}, 4),
        ({"stem_filters": 4, "stem_stride": 4}, 32),
        ({"stem_stride": 4}, 8),  # of a stem that is not there
    ],
    ids=str,
)
def test_the_image_is_reduced_by_every_stage_and_the_stem(values, reduction):
    assert Fields(**values).reduction == reduction
