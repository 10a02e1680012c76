"""aireal.analysis.examples: the same pictures are chosen every time, each once, and shown reduced."""

import numpy as np
from PIL import Image

from aireal.analysis import examples, figures
from builders.cifake import layout, passes, sources


def test_pictures_of_unknown_objects_are_chosen_once_each_and_the_same_every_time(surveyed):
    files, _ = surveyed
    sheet = examples.sheet(files)
    assert [title for title, _ in sheet] == [""] * 4
    for label, name in enumerate(layout.LABELS):
        chosen = np.concatenate([rows[name] for _, rows in sheet])
        assert len(chosen) == len(set(chosen)) == 4 * figures.SAMPLES
        assert set(files.label[chosen]) == {label}
    again = examples.sheet(files)
    for (_, one), (_, other) in zip(sheet, again, strict=True):
        np.testing.assert_equal(one, other)


def test_each_object_has_a_line_of_its_own(make_files):
    numbers = ["", *(f" ({number})" for number in range(2, 11))]
    paths = [f"train/{label}/{at:04}{number}.jpg" for label in layout.LABELS for at in range(7) for number in numbers]
    files = make_files(dict.fromkeys(paths))
    sheet = examples.sheet(files)
    assert [title for title, _ in sheet] == list(sources.OBJECTS)
    for title, rows in sheet:
        for label, chosen in rows.items():
            assert len(set(chosen)) == figures.SAMPLES
            names = [files.path[row].removeprefix(f"train/{label}/") for row in chosen]
            assert {sources.object_of(name) for name in names} == {title}


def test_large_pictures_are_reduced_and_those_that_are_gone_are_black(tmp_path):
    folder = tmp_path / "train/FAKE"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 256, [20, 30, 3], np.uint8)
    Image.fromarray(pixels).save(folder / "small.png")
    Image.new("RGB", (640, 480), "red").save(folder / "large.png")
    (folder / "broken.png").write_bytes(b"broken")
    Image.new("RGB", (8, 8)).save(folder / "unwanted.png")
    wanted = {f"train/FAKE/{name}.png" for name in ("small", "large", "broken", "gone")}
    found = examples.load(passes.Reader(sources.Collection(tmp_path)), wanted)
    assert found.keys() == wanted
    np.testing.assert_array_equal(found["train/FAKE/small.png"], pixels)
    assert found["train/FAKE/large.png"].shape == (120, 160, 3)
    for name in ("broken", "gone"):
        assert found[f"train/FAKE/{name}.png"].tolist() == [[[0, 0, 0]]]
