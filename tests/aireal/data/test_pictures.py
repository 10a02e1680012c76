"""aireal.data.pictures: what is known of a run's pictures, and what speaks against them."""

import shutil

import numpy as np
import pytest
from PIL import Image

from aireal.data.pictures import Pictures
from aireal.errors import UserError


@pytest.mark.parametrize("fraction", [0.0004, 0.9997])
def test_a_split_without_one_of_the_classes_is_refused(make_config, fraction):
    with pytest.raises(UserError, match=r"--validation_fraction=.* leave \d+ FAKE and \d+ REAL of 2,000 images for"):
        Pictures(make_config(validation_fraction=fraction)).check_training()


def test_judging_needs_both_classes(make_config, picture, write):
    counts = {"train/FAKE": 10, "train/REAL": 30, "test/FAKE": 1, "test/REAL": 1}
    paths = [f"{folder}/{number}.jpg" for folder, count in counts.items() for number in range(count)]
    folder = write({path: picture(seed) for seed, path in enumerate(paths)})
    data = Pictures(make_config(source=str(folder), builder_config="any", validation_fraction=0.04))
    data.check_judging("test")
    with pytest.raises(UserError, match="Of the validation images 0 are FAKE and 1 REAL"):
        data.check_judging("validation")


def test_sizes_are_those_of_the_files_in_the_order_of_the_table(make_config, demo_source, tmp_path):
    folder = shutil.copytree(demo_source, tmp_path / "set")
    sizes = {"FAKE/0003.jpg": (48, 40), "REAL/0007.jpg": (20, 64)}
    for name, size in sizes.items():
        with Image.open(folder / "test" / name) as image:
            image.resize(size).save(folder / "test" / name)
    data = Pictures(make_config(source=str(folder), builder_config="any", image_size=16))
    expected = [sizes.get(name, (32, 32)) for name in data.table("test").filename]
    np.testing.assert_array_equal(data.sizes("test"), expected)
    assert len(data.sizes("validation")) == len(data.table("validation"))
    assert set(data.sizes("train").flat) == {32}


@pytest.fixture
def grouped(picture, write, make_config, tmp_path):
    """Returns a function that makes pictures of two generators; one of each class has its pair in train."""
    paths = [f"train/{folder}/{number}.jpg" for folder in ("ai/one", "ai/two", "photo") for number in range(10)]
    paths += [f"test/{folder}/{number}.jpg" for folder in ("ai/two", "ai/three", "photo") for number in range(9, 12)]
    usual = {"source": str(write({path: picture(seed) for seed, path in enumerate(paths)})), "pair": "stem"}

    def make(learnt_from=None, **values):
        config = make_config(**usual, prepared_dir=str(tmp_path / "prepared"), **values)
        return Pictures(config, learnt_from=learnt_from)

    return make


def test_what_was_learnt_from_is_by_class_and_group(grouped):
    assert grouped().learnt_groups() == {("FAKE", "one"), ("FAKE", "two"), ("REAL", "")}
    assert grouped(leave_out="two").learnt_groups() == {("FAKE", "one"), ("REAL", "")}
    assert grouped("others").learnt_groups() is None


def test_test_pictures_whose_pair_is_learnt_from_are_seen(grouped):
    pictures = grouped()
    stems = [name.rsplit("/")[-1] for name in pictures.table("test").filename[~pictures.unseen("test")]]
    assert stems == ["9.jpg"] * 3
    assert pictures.unseen("train").all()


def test_a_group_that_nobody_has_cannot_be_left_out(grouped):
    with pytest.raises(
        UserError, match=r"--leave_out=four: no picture is of such a group\. There are one, three, two\."
    ):
        grouped(leave_out="four,two").check_training()


def test_the_files_are_those_that_came(grouped, tmp_path):
    pictures = grouped()
    first = list(pictures.files("train", 3))
    assert len(first) == 3
    assert all(file in [path.read_bytes() for path in tmp_path.rglob("*.jpg")] for file in first)
    assert len(list(pictures.files("test"))) == 9
