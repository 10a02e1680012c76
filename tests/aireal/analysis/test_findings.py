"""The sentences, for data sets with known faults."""

import dataclasses

import numpy as np
import pytest

from aireal.analysis import findings
from aireal.analysis.numbers import Copies, Look, NearDuplicates, Numbers, Offending, Separation

NOTHING = Separation(auc=0.51, tree_auc=0.49, chance=0.01)
UNKNOWN = Separation(None, None, None)
LOOKS = ("brightness", "contrast", "saturation", "sharpness")
SOUND = Numbers(
    source="set",
    image_size=32,
    counts={"train": {"FAKE": 50, "REAL": 50}, "test": {"FAKE": 10, "REAL": 10}},
    objects=None,
    file_sizes={},
    file_size=NOTHING,
    offending=Offending(files=0, unreadable=0, first=[]),
    container={},
    how_saved=Separation(None, tree_auc=0.5, chance=0.01),
    picture_size=Separation(None, tree_auc=0.5, chance=0.01),
    bits_per_pixel=NOTHING,
    appearance=dict.fromkeys(LOOKS, Look({}, NOTHING)),
    channels={},
    identical=Copies(0, {"train": 0, "test": 0}, {"test": {"FAKE": 0, "REAL": 0}}, 0),
    near_duplicates=NearDuplicates(0.98, {"test": {"FAKE": 0, "REAL": 0}}, compared=20, other_class=0),
    environment={},
)


def sentences(**changes) -> dict[str, str]:
    """Returns sentence -> kind, of SOUND with some of its numbers changed: a dict updates what is there."""
    changed = {}
    for name, value in changes.items():
        known = getattr(SOUND, name)
        if isinstance(known, dict):
            changed[name] = {**known, **value}
        else:
            changed[name] = dataclasses.replace(known, **value) if isinstance(value, dict) else value
    return {one.text: one.kind for one in findings.findings(dataclasses.replace(SOUND, **changed))}


def kind_of(part: str, found: dict[str, str]) -> str:
    (kind,) = [kind for text, kind in found.items() if part in text]
    return kind


def test_a_sound_data_set_has_no_warning():
    assert set(sentences().values()) == {"good", "note"}


def test_warnings_come_first():
    kinds = list(sentences(file_size={"auc": 0.9}, offending={"files": 2, "unreadable": 1}).values())
    assert kinds == sorted(kinds, key=["warning", "note", "good"].index)
    assert kinds[0] == "warning"


def test_leaked_copies():
    leaked = {"groups": 3, "leaked": {"test": {"FAKE": 3, "REAL": 0}}, "across_labels": 1}
    found = sentences(identical={**leaked, "repeated": {"train": 2, "test": 1}})
    assert kind_of("3 of 10 fake test images are also in train, byte for byte", found) == "warning"
    assert kind_of("1 pictures stand in both classes", found) == "warning"
    assert kind_of("2 train files repeat another one of train", found) == "note"
    assert not any("real test images" in text for text in found)


def test_shortcuts_are_graded_in_both_directions():
    assert kind_of("File size alone", sentences(file_size={"auc": 0.485})) == "good"
    assert kind_of("an AUC of 0.560, larger files being REAL", sentences(file_size={"auc": 0.56})) == "note"
    assert kind_of("an AUC of 0.800, larger files being FAKE", sentences(file_size={"auc": 0.2})) == "warning"
    assert kind_of("How the files were saved", sentences(how_saved={"tree_auc": 0.7})) == "warning"
    assert kind_of("The size of the pictures alone", sentences(picture_size={"tree_auc": 0.7})) == "warning"
    several = {"width": {"32": [1, 1], "64": [1, 1]}}
    found = sentences(bits_per_pixel={"auc": 0.95}, container=several)
    assert kind_of("File size for each pixel alone tells the classes apart nearly always", found) == "warning"
    assert not any("for each pixel" in text for text in sentences(bits_per_pixel={"auc": 0.9}))
    found = sentences(appearance={"contrast": Look({}, dataclasses.replace(NOTHING, auc=0.1))})
    assert kind_of("Contrast alone, which says more than brightness, saturation and sharpness, tells", found) == "note"


def test_classes_that_differ_in_spread_alone_are_a_shortcut():
    found = sentences(file_size={"auc": 0.5, "tree_auc": 0.9})
    told = "File size alone tells the classes apart for the most part: the best simple rule has an AUC of 0.900 ("
    assert kind_of(told, found) == "warning"


@pytest.mark.parametrize(
    ("tree_auc", "said"),
    [
        (0.5, "nothing"),
        (0.55, "little"),
        (0.7, "to a degree"),
        (0.8, "most part"),
        (0.95, "nearly always"),
        (1, "without an error"),
    ],
)
def test_a_shortcut_has_a_degree(tree_auc, said):
    (text,) = [text for text in sentences(how_saved={"tree_auc": tree_auc}) if text.startswith("How the files")]
    assert said in text.split(":")[0]


def test_the_causes_are_named():
    container = {
        "quality": {"75": [90, 5], "92": [0, 80], "80": [10, 15]},
        "format": {"JPEG": [100, 100]},
        "metadata": {"exif, icc_profile": [0, 70], "exif": [0, 30], "": [100, 0]},
    }
    (text,) = [text for text in sentences(how_saved={"tree_auc": 1}, container=container) if "were saved" in text]
    assert (
        "They differ by 'exif' beside the picture (0% of FAKE, 100% of REAL); the JPEG quality (FAKE 75 in "
        "90%, REAL 92 in 80%); 'icc_profile' beside the picture (0% of FAKE, 70% of REAL). A network may learn"
    ) in text
    assert findings.causes({"format": {"JPEG": [9, 9]}}) == ""


def test_chance_is_no_cause():
    rng = np.random.default_rng(0)
    quality = {str(value): rng.multinomial(2, [0.5, 0.5]).tolist() for value in range(50, 97)}
    assert findings.causes({"quality": quality}) == ""


def test_what_chance_explains_is_no_finding():
    few = {"auc": 0.7, "tree_auc": None, "chance": 0.25}
    assert kind_of("File size alone says nothing", sentences(file_size={**few, "auc": 0.55, "chance": 0.06})) == "good"
    assert kind_of("File size alone cannot be judged by so few pictures", sentences(file_size=few)) == "note"
    assert kind_of("How the files were saved", sentences(how_saved={"tree_auc": 0.2, "chance": 0.05})) == "good"


def test_classes_that_are_missing_or_unequal():
    assert kind_of("a class is missing", sentences(counts={"test": {"FAKE": 10, "REAL": 0}})) == "warning"
    assert kind_of("There is no test folder", sentences(counts={"test": {"FAKE": 0, "REAL": 0}})) == "note"
    assert kind_of("There is no train folder", sentences(counts={"train": {"FAKE": 0, "REAL": 0}})) == "warning"
    assert kind_of("unbalanced", sentences(counts={"train": {"FAKE": 90, "REAL": 10}})) == "warning"


def test_near_duplicates_are_told_with_what_chance_gives():
    hits = {"leaked": {"test": {"FAKE": 1, "REAL": 2}}}
    found = sentences(near_duplicates={**hits, "compared": 20, "other_class": 1})
    assert kind_of("1 fake and 2 real test images have a near-duplicate", found) == "warning"
    assert kind_of("In the other class 1 of 20 have one", found) == "warning"
    # With one class alone nobody knows the chance; the leak is one all the same.
    assert kind_of("have a near-duplicate", sentences(near_duplicates={**hits, "compared": 0})) == "warning"


def test_near_duplicates_that_could_not_be_sought_are_not_denied():
    found = sentences(counts={"test": {"FAKE": 0, "REAL": 0}})
    assert kind_of("Nothing of test was compared with train: there are no test pictures.", found) == "note"
    assert kind_of("No test image has a near-duplicate in train", sentences()) == "good"


def test_what_cannot_be_known_is_left_out():
    unknown = dict.fromkeys(("file_size", "how_saved", "picture_size"), UNKNOWN)
    found = sentences(**unknown, appearance=dict.fromkeys(LOOKS, Look({}, UNKNOWN)))
    assert not any("AUC" in text for text in found)
    untried = sentences(how_saved={"tree_auc": None, "chance": 0.4})
    assert not any("How the files were saved" in text for text in untried)
