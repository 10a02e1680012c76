"""The sentences, for data sets with known faults."""

import copy

from aireal.analysis import findings

SOUND = {
    "counts": {"train": {"FAKE": 50, "REAL": 50}, "test": {"FAKE": 10, "REAL": 10}},
    "offending": {"files": 0, "unreadable": 0},
    "identical": {
        "groups": 0,
        "copies": {"train": 0, "test": 0, "train and test": 0},
        "test_in_train": {"FAKE": 0, "REAL": 0},
        "across_labels": 0,
    },
    "near_duplicates": {"test_in_train": 0, "by_label": {"FAKE": 0, "REAL": 0}, "compared": 1000, "false_hits": 0},
    "file_size_auc": 0.51,
    "container_auc": {"mean": 0.5, "standard_deviation": 0.0},
    "appearance": {name: {"auc": 0.49} for name in ("brightness", "contrast", "saturation", "sharpness")},
}


def sentences(**changes) -> dict[str, str]:
    """Returns sentence -> kind, of SOUND with keys replaced; a dict updates the one that is there."""
    report = copy.deepcopy(SOUND)
    for key, value in changes.items():
        report[key] = {**report[key], **value} if isinstance(value, dict) else value
    return {one.text: one.kind for one in findings.findings(report)}


def kind_of(part: str, found: dict[str, str]) -> str:
    (kind,) = [kind for text, kind in found.items() if part in text]
    return kind


def test_a_sound_data_set_has_no_warning():
    assert set(sentences().values()) == {"good", "note"}


def test_warnings_come_first():
    kinds = list(sentences(file_size_auc=0.9, offending={"files": 2, "unreadable": 1}).values())
    assert kinds == sorted(kinds, key=["warning", "note", "good"].index)
    assert kinds[0] == "warning"


def test_leaked_copies():
    leaked = {"groups": 3, "test_in_train": {"FAKE": 3, "REAL": 0}, "across_labels": 1}
    found = sentences(identical={**leaked, "copies": {"train": 2, "test": 1, "train and test": 3}})
    assert kind_of("3 of 10 fake test images are also in train, byte for byte", found) == "warning"
    assert kind_of("1 files stand in both classes", found) == "warning"
    assert kind_of("2 train files repeat another one of train", found) == "note"
    assert not any("real test images" in text for text in found)


def test_shortcuts_are_graded_in_both_directions():
    assert kind_of("File size alone", sentences(file_size_auc=0.485)) == "good"
    assert kind_of("an AUC of 0.560, the larger file being REAL", sentences(file_size_auc=0.56)) == "note"
    assert kind_of("an AUC of 0.800, the larger file being FAKE", sentences(file_size_auc=0.2)) == "warning"
    assert kind_of("How the files were saved", sentences(container_auc={"mean": 0.7})) == "warning"
    assert kind_of("Contrast alone, which says more", sentences(appearance={"contrast": {"auc": 0.1}})) == "note"


def test_classes_that_are_missing_or_unequal():
    assert kind_of("one class is missing", sentences(counts={"test": {"FAKE": 10, "REAL": 0}})) == "warning"
    assert kind_of("unbalanced", sentences(counts={"train": {"FAKE": 90, "REAL": 10}})) == "warning"


def test_what_cannot_be_known_is_left_out():
    unknown = {name: {"auc": None} for name in SOUND["appearance"]}
    found = sentences(file_size_auc=None, container_auc=None, appearance=unknown, near_duplicates={"compared": 0})
    assert not any("AUC" in text or "near-duplicate" in text for text in found)
