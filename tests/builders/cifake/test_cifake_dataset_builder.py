"""builders.cifake.cifake_dataset_builder: what is stored of each picture, by TFDS's own checks and ours."""

import io
import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow_datasets as tfds
from PIL import Image

import builders
from builders.cifake import cifake_dataset_builder, layout, sources
from builders.cifake.cifake_dataset_builder import Builder

ROOT = pathlib.Path(builders.__file__).parents[1]


# PYTHONPATH is for a checkout: where the packages are installed they are found without it.
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "2"}


class CifakeTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own checks, on both configs and dummy_data/."""

    DATASET_CLASS = cifake_dataset_builder.Builder
    SPLITS = {"train": 8, "test": 8}


def examples(builder: tfds.core.DatasetBuilder) -> dict[str, dict]:
    """Returns path -> example, the image as it is stored."""
    decoders = {"image": tfds.decode.SkipDecoding()}
    return {
        f"{split}/{example['filename'].decode()}": example
        for split in builder.info.splits
        for example in tfds.as_numpy(builder.as_dataset(split=split, decoders=decoders))
    }


def test_every_stored_image_is_its_file_byte_for_byte(files, write, prepare):
    stored = examples(prepare(write(files)))
    assert {path: example["image"] for path, example in stored.items()} == files


def test_label_and_object_come_from_folder_and_name(files, write, prepare):
    builder = prepare(write(files))
    objects = {"0000.jpg": "airplane", "0001 (2).jpg": "automobile", "0002 (3).jpg": "bird", "0003 (10).jpg": "truck"}
    for path, example in examples(builder).items():
        _, label, name = path.split("/")
        assert builder.info.features["label"].int2str(example["label"]) == label
        assert builder.info.features["object"].int2str(example["object"]) == objects[name]


def test_copy_of_names_the_first_file_with_the_same_bytes(files, write, prepare):
    copies = {
        "train/REAL/0009.jpg": "train/REAL/0000.jpg",
        "test/REAL/0009.jpg": "train/REAL/0000.jpg",
        "test/FAKE/0009.jpg": "test/FAKE/0000.jpg",
        # "train" counts before "test" although its name comes later.
        "test/FAKE/0001 (2).jpg": "train/FAKE/0009 (2).jpg",
    }
    contents = files | {copy: files[first] for copy, first in copies.items() if first in files}
    contents["train/FAKE/0009 (2).jpg"] = files["test/FAKE/0001 (2).jpg"]
    stored = examples(prepare(write(contents)))
    assert {path: example["copy_of"].decode() for path, example in stored.items()} == {
        path: copies.get(path, "") for path in contents
    }


def test_numbers_alone_tell_no_object(files, write, prepare):
    numbered = write({f"{path.rpartition('/')[0]}/{at}.jpg": data for at, (path, data) in enumerate(files.items())})
    assert {int(example["object"]) for example in examples(prepare(numbered)).values()} == {-1}


def test_a_scaled_picture_is_a_copy_where_any_are_taken(picture, files, write, prepare):
    files = dict(files)
    large = Image.effect_noise((8, 8), 90).convert("RGB").resize((400, 300))
    for name, edge in (("large", 400), ("small", 100)):
        large.resize((edge, edge)).save(file := io.BytesIO(), "JPEG")
        files[f"train/REAL/{name}.jpg"] = file.getvalue()
    stored = examples(prepare(write(files), "any"))
    copies = {path: example["copy_of"].decode() for path, example in stored.items() if example["copy_of"]}
    assert copies == {"train/REAL/small.jpg": "train/REAL/large.jpg"}


def test_a_split_has_eight_shards_none_of_them_empty(files, write, prepare):
    info = prepare(write(files)).info
    assert [len(info.splits[split].filepaths) for split in ("train", "test")] == [8, 8]
    assert min(info.splits["train"].shard_lengths + info.splits["test"].shard_lengths) > 0


def test_a_split_of_fewer_pictures_has_fewer_shards(files, write, prepare):
    builder = prepare(write({path: data for path, data in files.items() if path.endswith("/0000.jpg")}))
    assert len(examples(builder)) == 4
    assert [builder.info.splits[split].num_shards for split in ("train", "test")] == [2, 2]


def test_any_takes_every_format_and_size_and_states_no_object(picture, files, write, prepare):
    mine = {
        "train/FAKE/large.png": picture(1, size=(100, 50), form="PNG"),
        "train/FAKE/café (2).JPG": picture(2, size=(640, 480)),
        "train/FAKE/grey.jpeg": picture(3, mode="L"),
        "train/REAL/small.bmp": picture(4, size=(3, 5), form="BMP"),
        "train/REAL/still.gif": picture(5, form="GIF"),
        "test/FAKE/more/nested.webp": picture(6, form="WEBP"),
        "test/REAL/see-through.png": picture(7, mode="RGBA", form="PNG"),
    }
    stored = examples(prepare(write(files | mine), "any"))
    assert {path: example["image"] for path, example in stored.items()} == files | mine
    assert {int(example["object"]) for example in stored.values()} == {-1}


def test_tfds_build_takes_the_source_from_manual_dir(files, write, tmp_path):
    # What `tfds build` runs. The `tfds` command itself imports Apache Beam (tensorflow/datasets#5463).
    code = (
        "from absl import app; from tensorflow_datasets.scripts.cli import build, cli_utils;"
        "app.run(lambda args: args.execute(), flags_parser=cli_utils.make_flags_parser(build.Args, description=''))"
    )
    arguments = ["--config=strict", f"--manual_dir={write(files)}", f"--data_dir={tmp_path / 'built'}"]
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, cwd=ROOT / "builders/cifake", env=ENVIRONMENT, check=True)
    builder = tfds.builder_from_directory(tmp_path / "built/cifake/strict/1.0.0")
    assert {path: example["image"] for path, example in examples(builder).items()} == files


def test_pictures_are_counted_and_no_download_of_unknown_size_is_spoken_of(files, write, prepare, capfd, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    prepare(write(files))
    shown = "".join(capfd.readouterr())
    for title in ("Reading pictures", "Decoding pictures", "Writing train", "Writing test"):
        assert title in shown
    assert "Unknown size" not in shown
    assert "ownload" not in shown
    assert "hard" not in shown  # TFDS's own bars are of shards


def test_group_pair_and_a_folder_for_validation_are_kept(picture, write, tmp_path):
    folders = [f"{split}/{label}/" for split in ("train", "val", "test") for label in ("ai/sd", "photo")]
    source = write(
        {f"{folder}/{number}.png": picture(at * 2 + number) for at, folder in enumerate(folders) for number in (0, 1)}
    )
    collection = sources.Collection(source, layout.Naming(pair="stem"))
    builder = Builder(config="any", data_dir=tmp_path / "prepared", source=collection)
    builder.download_and_prepare()
    stored = {
        (split, example["filename"].decode()): (example["group"].decode(), example["pair"].decode())
        for split in layout.SPLITS
        for example in tfds.as_numpy(builder.as_dataset(split=split))
    }
    assert len(stored) == 12
    assert stored["validation", "FAKE/sd/1.png"] == ("sd", "1")
    assert stored["train", "REAL/0.png"] == ("", "0")


def test_damaged_files_can_be_left_out(files, write, tmp_path):
    source = write(files | {"train/FAKE/0009.jpg": b"", "test/REAL/0009.jpg": b"no picture"})
    for form in ("strict", "any"):
        builder = Builder(config=form, data_dir=tmp_path / "prepared", source=source, leave_out=True)
        builder.download_and_prepare()
        assert builder.unfit == [("test/REAL/0009.jpg", "not an image"), ("train/FAKE/0009.jpg", "empty")]
        assert examples(builder).keys() == files.keys()


def test_a_class_of_damaged_files_alone_is_none(files, write, tmp_path):
    source = write({path: b"" if path.startswith("train/REAL") else data for path, data in files.items()})
    builder = Builder(config="any", data_dir=tmp_path / "prepared", source=source, leave_out=True)
    with pytest.raises(layout.SourceError, match="train has no REAL"):
        builder.download_and_prepare()
