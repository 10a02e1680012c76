"""aireal.data.splits: who is held out, and that copies of a picture never stand on both sides."""

import dataclasses

import numpy as np
import pytest

from aireal.data import splits


def test_copies_stand_on_one_side(make_table):
    count = 400
    names = np.array([f"FAKE/{i:04}.jpg" for i in range(count)] + [f"REAL/{i:04}.jpg" for i in range(count)])
    copy_of = np.full(2 * count, "", dtype="<U20")
    copy_of[1:200:2] = [f"train/{name}" for name in names[0:200:2]]  # pairs: 0001 is a copy of 0000, and so on
    table = make_table(np.repeat([0, 1], count), names, copy_of=copy_of)
    held_out = splits.held_out(table, 0.2, seed=3)
    assert np.array_equal(held_out[0:200:2], held_out[1:200:2])
    assert np.bincount(table.label[held_out]).tolist() == [80, 80]


def test_copies_of_both_classes_stand_on_one_side_and_count_for_both(make_table):
    count = 100  # each FAKE is made of the REAL of its number
    names = np.array([f"{label}/{at:04}.jpg" for label in ("FAKE", "REAL") for at in range(count)])
    copy_of = np.array([""] * count + [f"train/FAKE/{at:04}.jpg" for at in range(count)])
    table = make_table(np.repeat([0, 1], count), names, copy_of=copy_of)
    held_out = splits.held_out(table, 0.2, seed=3)
    assert np.array_equal(held_out[:count], held_out[count:])
    assert np.bincount(table.label[held_out]).tolist() == [20, 20]


@pytest.fixture
def table(make_table):
    """Two hundred images to train on and thirty for the test, without copies, half of them REAL."""
    names = np.array([f"{number:03}.jpg" for number in range(230)])
    label = np.concatenate([np.repeat([0, 1], 100), np.repeat([0, 1], 15)])
    return make_table(label, names, folder=np.repeat(np.array(["train", "test"], "<U10"), [200, 30]))


def test_splits_share_no_image_and_leave_none(table, make_config):
    found = splits.masks(table, make_config(validation_fraction=0.25))
    assert np.array_equal(found["train"], (table.folder == "train") & ~found["validation"])
    assert np.bincount(table.label[found["validation"]]).tolist() == [25, 25]
    assert np.array_equal(found["test"], table.folder == "test")


def test_a_share_of_the_training_images_takes_none_of_validation(table, make_config):
    whole = splits.masks(table, make_config())
    part = splits.masks(table, make_config(train_fraction=0.5))
    assert np.array_equal(part["validation"], whole["validation"])
    assert np.bincount(table.label[part["train"]]).tolist() == [40, 40]
    assert not np.any(part["train"] & ~whole["train"])


def test_another_seed_holds_out_other_images(table, make_config):
    one, same, other = (splits.masks(table, make_config(seed=seed))["validation"] for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_folder_for_validation_is_it(table, make_config):
    table.folder[:40] = "validation"
    found = splits.masks(table, make_config(validation_fraction=0.25))
    assert np.array_equal(found["validation"], table.folder == "validation")
    assert np.array_equal(found["train"], table.folder == "train")
    none = splits.masks(table, make_config(validation_fraction=0.0))
    assert not none["validation"].any()
    assert np.array_equal(none["train"], found["train"])


def test_without_a_folder_for_the_test_a_fifth_is_kept_whatever_the_seed(table, make_config):
    table.folder[:] = "train"
    one, other = (splits.masks(table, make_config(seed=seed)) for seed in (1, 2))
    assert np.bincount(table.label[one["test"]]).tolist() == [23, 23]
    assert np.array_equal(one["test"], other["test"])
    assert not np.array_equal(one["validation"], other["validation"])
    assert np.array_equal(one["train"] ^ one["validation"], ~one["test"])


def test_pictures_of_a_pair_stand_on_one_side_with_their_copies(make_table, make_config):
    """Four generators' pictures of a prompt; every tenth prompt's first picture is a copy of the next prompt's."""
    count = 200
    names = np.array([f"FAKE/{made_by}/{prompt:03}.jpg" for made_by in "abcd" for prompt in range(count)])
    names = np.append(names, [f"REAL/{number:03}.jpg" for number in range(count)])
    pair = np.append(np.tile([f"{prompt}" for prompt in range(count)], 4), np.full(count, ""))
    copy_of = np.full(len(names), "", "<U30")
    copy_of[1:count:10] = [f"train/{name}" for name in names[0:count:10]]
    table = make_table(np.repeat([0, 1], [4 * count, count]), names, pair=pair, copy_of=copy_of)
    found = splits.masks(table, make_config())
    side = np.select([found["train"], found["validation"]], [0, 1], 2)
    by_prompt = side[: 4 * count].reshape(4, count)
    assert np.all(by_prompt == by_prompt[0])
    assert np.array_equal(by_prompt[0, 0::10], by_prompt[0, 1::10])
    assert np.bincount(table.label[found["test"]]).tolist() == [160, 40]


def test_no_test_is_kept_of_what_belongs_with_validation(make_table, make_config):
    names = np.array([f"{label}/{number}.jpg" for label in ("FAKE", "REAL") for number in range(50)])
    copy_of = np.array([f"train/{name}" if row % 10 == 0 else "" for row, name in enumerate(names)])
    label = np.tile(np.repeat([0, 1], 50), 2)
    folder = np.repeat(["train", "validation"], 100)
    table = make_table(label, np.tile(names, 2), folder=folder, copy_of=np.append(np.full(100, ""), copy_of))
    found = splits.masks(table, make_config())
    assert np.bincount(label[found["test"]]).tolist() == [9, 9]  # of those without a copy in validation
    assert not found["test"][:100:10].any()


def test_all_of_others_are_the_test_where_they_have_none(table, make_config):
    table.folder[:] = np.where(np.arange(len(table)) % 3, "train", "validation")
    found = splits.masks(table, make_config(), to_learn=False)
    assert found["test"].all()
    assert not found["train"].any()
    assert not found["validation"].any()


def test_groups_that_are_left_out_are_in_the_test_alone(table, make_config):
    table.folder[:] = "train"
    group = np.where(np.arange(230) % 2, "city/sdxl", "city")
    table = dataclasses.replace(table, group=group)
    found = splits.masks(table, make_config(leave_out="sdxl"))
    assert set(group[found["train"] | found["validation"]]) == {"city"}
    assert set(group[found["test"]]) == {"city", "city/sdxl"}
    assert np.array_equal(found["test"], splits.masks(table, make_config())["test"])
    assert splits.left_out(table, make_config(leave_out="city")).all()
