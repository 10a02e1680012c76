"""aireal.data.splits: who is held out, and that copies of a picture never stand on both sides."""

import numpy as np
import pytest

from aireal.data import splits
from aireal.data.records import Table


def test_copies_stand_on_one_side():
    count = 400
    names = np.array([f"FAKE/{i:04}.jpg" for i in range(count)] + [f"REAL/{i:04}.jpg" for i in range(count)])
    copy_of = np.full(2 * count, "", dtype="<U20")
    copy_of[1:200:2] = [f"train/{name}" for name in names[0:200:2]]  # pairs: 0001 is a copy of 0000, and so on
    table = Table(np.repeat([0, 1], count), np.full(2 * count, -1), names, copy_of)
    held_out = splits.held_out(table, 0.2, seed=3)
    assert np.array_equal(held_out[0:200:2], held_out[1:200:2])
    assert np.bincount(table.label[held_out]).tolist() == [80, 80]


def test_pairs_of_both_classes_stand_on_one_side_and_count_for_both():
    count = 100  # each FAKE is made of the REAL of its number
    names = np.array([f"{label}/{at:04}.jpg" for label in ("FAKE", "REAL") for at in range(count)])
    copy_of = np.array([""] * count + [f"train/FAKE/{at:04}.jpg" for at in range(count)])
    table = Table(np.repeat([0, 1], count), np.full(2 * count, -1), names, copy_of)
    held_out = splits.held_out(table, 0.2, seed=3)
    assert np.array_equal(held_out[:count], held_out[count:])
    assert np.bincount(table.label[held_out]).tolist() == [20, 20]


@pytest.fixture
def table():
    """Two hundred images without copies, half of them REAL."""
    names = np.array([f"{number:03}.jpg" for number in range(200)])
    return Table(np.repeat([0, 1], 100), np.full(200, -1), names, np.full(200, ""))


def test_splits_of_the_train_folder_share_no_image_and_leave_none(table, make_config):
    found = splits.masks(table, 30, make_config(validation_fraction=0.25))
    assert np.array_equal(found["train"], ~found["validation"])
    assert np.bincount(table.label[found["validation"]]).tolist() == [25, 25]
    assert found["test"].tolist() == [True] * 30


def test_a_share_of_the_training_images_takes_none_of_validation(table, make_config):
    whole = splits.masks(table, 1, make_config())
    part = splits.masks(table, 1, make_config(train_fraction=0.5))
    assert np.array_equal(part["validation"], whole["validation"])
    assert np.bincount(table.label[part["train"]]).tolist() == [40, 40]
    assert not np.any(part["train"] & ~whole["train"])


def test_another_seed_holds_out_other_images(table, make_config):
    one, same, other = (splits.masks(table, 1, make_config(seed=seed))["validation"] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("split", "folder"), [("train", "train"), ("validation", "train"), ("test", "test")])
def test_validation_comes_from_the_train_folder(split, folder):
    assert splits.folder(split) == folder
