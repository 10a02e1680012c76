"""aireal.settings.rules: values beyond their bounds, and those that do not go together, are refused by name."""

import dataclasses
import math
import re

import pytest

from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.settings import flagfile, rules
from aireal.settings.config import Config
from aireal.settings.fields import Fields

FIELDS = dataclasses.fields(Config)


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
        Config(**{field.name: (*field.default, value) if is_tuple else value})


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
        ({"source": "kaggle", "pair": "stem"}, ["--pair=stem", "CIFAKE"]),
        ({"source": "/data/mine", "builder_config": "strict", "pair": "stem"}, ["--pair=stem", "CIFAKE"]),
        ({"source": "/data/mine", "columns": "kind=x"}, ["--columns=kind=x", "path=NAME"]),
        ({"image_size": 8, "filters": (8, 8, 8, 8)}, ["--image_size=8", "--filters", "reduces it by 16"]),
        ({"image_size": 15, "stem_filters": 4, "stem_stride": 4, "head": "average"}, ["--image_size=15", "by 16"]),
        ({"residual": True}, ["--residual", "--convolutions"]),
        ({"filters": (8, 8), "convolutions": (1, 2, 3)}, ["--convolutions=1,2,3", "--filters=8,8"]),
        ({"augment_shift_pixels": 32}, ["--augment_shift_pixels=32"]),
        ({"augment_cutout_pixels": 32}, ["--augment_cutout_pixels=32"]),
        ({"augment_noise": 0.1, "augment_blur": 1.0, "augment_share": (0.6,)}, ["--augment_share=0.6", "2 kinds"]),
        ({"augment_noise": 0.1, "augment_share": (0.1, 0.2)}, ["--augment_share=0.1,0.2 does not fit", ": noise."]),
        ({"augment_share": (0.1, 0.2)}, ["--augment_share=0.1,0.2 does not fit", ": none."]),
        ({"augment_noise": 0.1, "augment_blur": 1.0, "augment_share": (0.5, 0.6)}, ["=0.5,0.6 for 2 kinds", "more"]),
        ({"augment_noise": 0.1, "augment_share": (0.1,), "batch_size": 9}, ["--augment_share=0.1 of --batch_size=9"]),
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


def test_every_complaint_is_made_that_the_values_deserve():
    assert list(rules.complaints(Fields())) == []
    found = list(rules.complaints(Fields(epochs=0, seed=-1, residual=True)))
    assert [complaint.split()[0] for complaint in found] == ["--epochs=0", "--seed=-1", "--residual"]
    assert all(complaint.endswith(".") for complaint in found)


def test_what_does_nothing_is_told():
    off = Config(
        windows=5,
        views=3,
        resave_quality=70,
        augment_share=(0.25,),
        stem_stride=3,
        dense_units=(),
        dense_dropout=0.1,
        monitor="val_auc",
        risk=0.0,
        risk_confidence=0.9,
    )
    told = list(rules.idle(off))
    assert told[2] == "--resave_quality=70 does nothing without --resave."
    assert told[3].startswith("--augment_share=0.25 does nothing without ")
    assert [sentence.partition("=")[0] for sentence in told] == [
        "--windows",
        "--views",
        "--resave_quality",
        "--augment_share",
        "--stem_stride",
        "--dense_dropout",
        "--monitor",
        "--risk_confidence",
    ]
    on = {"reading": "windows", "resave": "all", "augment_noise": 0.1, "stem_filters": 8, "dense_units": (16,)}
    assert not list(rules.idle(dataclasses.replace(off, **on, keep="best", risk=0.01)))


@pytest.mark.parametrize(
    "path", sorted((package_folder() / "aireal/configs").glob("*.cfg")), ids=lambda path: path.stem
)
def test_no_recipe_names_what_does_nothing(path):
    assert not list(rules.idle(flagfile.recipe(path)))
