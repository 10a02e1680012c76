"""builders.cifake.tree: which class, split and group a picture belongs to, by the folders that it stands in."""

import pathlib

import pytest

from builders.cifake import layout
from builders.cifake.layout import Naming, SourceError
from builders.cifake.tree import Tree


def read(paths, naming=layout.USUAL):
    """Returns path -> (where it belongs, its group) of those that are read."""
    told = Tree({str(pathlib.PurePosixPath(path).parent) for path in paths}, naming)
    return {path: (place.path, place.group) for path in paths if (place := told.place(path))}


@pytest.mark.parametrize(
    ("path", "place", "group"),
    [
        ("train/FAKE/0.jpg", "train/FAKE/0.jpg", ""),
        ("Train/fake/0.jpg", "train/FAKE/0.jpg", ""),
        ("training/AI/0.jpg", "train/FAKE/0.jpg", ""),
        ("valid/nature/0.jpg", "validation/REAL/0.jpg", ""),
        ("val/1_fake/0.jpg", "validation/FAKE/0.jpg", ""),
        ("testing/AI-generated/0.jpg", "test/FAKE/0.jpg", ""),
        ("train/photos/2024/05/0.jpg", "train/REAL/2024/05/0.jpg", "2024"),
        ("train/fake/dalle 3/0.jpg", "train/FAKE/dalle 3/0.jpg", "dalle 3"),
        ("fake/train/0.jpg", "train/FAKE/0.jpg", ""),
        ("test/biggan/0_real/0.jpg", "test/REAL/biggan/0.jpg", "biggan"),
        ("Midjourney/imagenet/val/ai/0.jpg", "validation/FAKE/Midjourney/imagenet/0.jpg", "Midjourney/imagenet"),
    ],
)
def test_where_a_picture_belongs(path, place, group):
    beside = {"FAKE": "train/REAL/0.jpg", "REAL": "train/FAKE/0.jpg"}[place.split("/")[1]]
    assert read([path, beside])[path] == (place, group)


def test_topics_and_generators_are_groups_below_what_all_have_in_common():
    paths = ["set/city/ai/sd/0.jpg", "set/city/real/0.jpg", "set/sea/ai/sd/new/0.jpg", "set/sea/real/0.jpg"]
    assert read(paths) == {
        paths[0]: ("train/FAKE/city/sd/0.jpg", "city/sd"),
        paths[1]: ("train/REAL/city/0.jpg", "city"),
        paths[2]: ("train/FAKE/sea/sd/new/0.jpg", "sea/sd"),
        paths[3]: ("train/REAL/sea/0.jpg", "sea"),
    }


def test_splits_may_stand_below_topics():
    paths = [
        f"{made_by}/{split}/{label}/0.jpg"
        for made_by in "ab"
        for split in ("train", "val")
        for label in ("ai", "nature")
    ]
    found = read(paths)
    assert found["a/train/ai/0.jpg"] == ("train/FAKE/a/0.jpg", "a")
    assert found["b/val/nature/0.jpg"] == ("validation/REAL/b/0.jpg", "b")
    assert len(found) == 8


@pytest.mark.parametrize("above", ["photos", "ai", "real/human"])
def test_a_folder_that_holds_both_classes_names_none(above):
    paths = [f"{above}/{label}/0.jpg" for label in ("fake", "real")] + ["art/fake/0.jpg", "art/real/0.jpg"]
    for some in (paths[:2], paths):
        assert [place.split("/")[1] for place, _ in read(some).values()] == ["FAKE", "REAL"] * (len(some) // 2)


def test_below_a_pair_of_class_folders_any_name_may_stand():
    paths = ["train/FAKE/nature/0.jpg", "train/REAL/nature/0.jpg", "train/REAL/human/0.jpg", "train/FAKE/city/0.jpg"]
    assert [place.split("/")[1] for place, _ in read(paths).values()] == ["FAKE", "REAL", "REAL", "FAKE"]
    found = read(["ai/midjourney/photo/0.jpg", "real/0.jpg"])
    assert found["ai/midjourney/photo/0.jpg"] == ("train/FAKE/midjourney/photo/0.jpg", "midjourney")


def test_a_class_that_stands_alone_counts_where_pairs_stand_elsewhere():
    paths = ["mj/train/ai/0.jpg", "mj/train/nature/0.jpg", "sd/train/ai/0.jpg"]
    assert read(paths)[paths[2]] == ("train/FAKE/sd/0.jpg", "sd")
    topics = ["photos/dalle/0.jpg", "photos/camera/0.jpg", "art/ai/0.jpg", "art/human/0.jpg"]
    assert set(read(topics)) == set(topics[2:])


@pytest.mark.parametrize(
    "paths",
    [
        ["photo/ai/0.jpg", "sea/x/0.jpg"],
        ["ai/fake/0.jpg", "ai/real/0.jpg", "photo/fake/0.jpg", "photo/real/0.jpg"],
    ],
)
def test_what_may_mean_two_things_is_refused(paths):
    with pytest.raises(SourceError, match=r"may both name a class\. Say which names do: --fake=NAMES --real=NAMES"):
        read(paths)
    assert read(paths, Naming(fake="fake,ai" if len(paths) == 2 else "fake", real="real"))


def test_several_folders_of_a_class_keep_their_names():
    found = read(["ai/0.jpg", "generated/0.jpg", "photo/0.jpg"])
    assert list(found.values()) == [
        ("train/FAKE/ai/0.jpg", "ai"),
        ("train/FAKE/generated/0.jpg", "generated"),
        ("train/REAL/0.jpg", ""),
    ]


def test_train_may_be_a_topic_among_others():
    paths = [f"{topic}/{label}/0.jpg" for topic in ("airplane", "bird", "train") for label in ("0_real", "1_fake")]
    assert read(paths)["train/1_fake/0.jpg"] == ("train/FAKE/train/0.jpg", "train")


def test_both_classes_inside_and_outside_of_splits_are_refused():
    paths = [f"{above}{label}/0.jpg" for above in ("", "backup/train/", "backup/test/") for label in ("ai", "real")]
    with pytest.raises(SourceError, match=r"in folders of splits \(test, train\) and beside them"):
        read(paths)


def test_splits_are_found_below_generators_and_below_a_folder_called_training():
    paths = [f"{label}/x/{split}/0.jpg" for label in ("fake", "real") for split in ("train", "test")]
    assert read(paths)[paths[1]] == ("test/FAKE/x/0.jpg", "x")
    paths = [f"training/{split}/{label}/0.jpg" for label in ("fake", "real") for split in ("train", "test")]
    assert [place for place, _ in read(paths).values()][:2] == ["train/FAKE/training/0.jpg", "test/FAKE/training/0.jpg"]


def test_beside_splits_nothing_else_is_read():
    assert set(read(["train/ai/0.jpg", "more/ai/0.jpg", "train/others/0.jpg"])) == {"train/ai/0.jpg"}


def test_a_sub_folder_of_a_class_names_no_split():
    assert read(["ai/sd/test/0.jpg", "real/0.jpg"])["ai/sd/test/0.jpg"] == ("train/FAKE/sd/test/0.jpg", "sd")


def test_names_can_be_given_and_numbers_have_to_be():
    paths = ["train/0/1.jpg", "train/1/1.jpg", "train/ai/1.jpg"]
    assert set(read(paths)) == {"train/ai/1.jpg"}
    found = read(paths, Naming(fake="1, Dall-E", real="0"))
    assert {path: place for path, (place, _) in found.items()} == {
        "train/0/1.jpg": "train/REAL/1.jpg",
        "train/1/1.jpg": "train/FAKE/1.jpg",
    }


def test_pairs_have_a_stem_in_common():
    told = Tree(["ai", "real"], Naming(pair="stem"))
    assert told.place("ai/007.png").pair == told.place("real/007.jpg").pair == "007"
    assert Tree(["ai", "real"], layout.USUAL).place("ai/007.png").pair == ""
