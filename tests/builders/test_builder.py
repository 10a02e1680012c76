import os
import pathlib
import signal
import subprocess
import sys

import pytest
import tensorflow_datasets as tfds

import builders
from aireal.data import records
from aireal.settings import config
from builders.cifake import cifake_dataset_builder, sources

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
        for split in sources.SPLITS
        for example in tfds.as_numpy(builder.as_dataset(split=split, decoders=decoders))
    }


def snapshot(folder: pathlib.Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.rglob("*")}


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


def test_fake_is_0_and_real_is_1():
    assert sources.LABELS == ("FAKE", "REAL")


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


def test_a_split_has_eight_shards_none_of_them_empty(files, write, prepare):
    info = prepare(write(files)).info
    assert [len(info.splits[split].filepaths) for split in sources.SPLITS] == [8, 8]
    assert min(info.splits["train"].shard_lengths + info.splits["test"].shard_lengths) > 0


def test_a_split_of_fewer_pictures_has_fewer_shards(files, write, prepare):
    builder = prepare(write({path: data for path, data in files.items() if path.endswith("/0000.jpg")}))
    assert len(examples(builder)) == 4
    assert [builder.info.splits[split].num_shards for split in sources.SPLITS] == [2, 2]


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


@pytest.mark.parametrize("unfit", ["missing", "damaged"])
def test_an_unfit_source_becomes_a_user_error_and_leaves_nothing(unfit, files, write, remains, tmp_path):
    folder = write(files | {"train/FAKE/0000.jpg": b"damaged"})
    source = folder if unfit == "damaged" else tmp_path / "missing"
    with pytest.raises(
        config.UserError, match="does not exist" if unfit == "missing" else "FAKE/0000.jpg: not an image"
    ):
        records.prepare(config.Config(source=str(source), prepared_dir=str(tmp_path / "prepared")))
    assert remains(tmp_path / "prepared") == []


def test_a_second_start_reuses_what_the_first_prepared(files, write, tmp_path):
    settings = config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared"))
    first = records.prepare(settings)
    before = snapshot(tmp_path / "prepared")
    second = records.prepare(settings)
    assert second.data_dir == first.data_dir
    assert snapshot(tmp_path / "prepared") == before


def test_a_changed_source_is_prepared_anew(files, write, picture, tmp_path):
    settings = config.Config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared"))
    first = records.prepare(settings)
    write({"train/FAKE/0004.jpg": picture(99)})
    second = records.prepare(settings)
    assert second.data_dir != first.data_dir
    assert second.info.splits["train"].num_examples == first.info.splits["train"].num_examples + 1


# Kills itself between the splits, when the records of the first stand in the unfinished folder.
KILLED_IN_THE_MIDDLE = """
import glob, os, signal, sys
from aireal.settings import config
from aireal.data import records

def examples_or_death(self, split):
    if glob.glob(root + "/*/*/*/incomplete.*/*.tfrecord*"):
        os.kill(os.getpid(), signal.SIGKILL)
    yield from generate_examples(self, split)

source, root = sys.argv[1:]
generate_examples = records.Builder._generate_examples
records.Builder._generate_examples = examples_or_death
records.prepare(config.Config(source=source, prepared_dir=root))
"""


def test_the_start_after_a_kill_cleans_up_and_finishes(files, write, tmp_path):
    source, root = write(files), tmp_path / "prepared"
    command = [sys.executable, "-c", KILLED_IN_THE_MIDDLE, source, root]
    assert subprocess.run(command, env=ENVIRONMENT, check=False).returncode == -signal.SIGKILL
    assert list(root.glob("**/incomplete.*/*"))

    builder = records.prepare(config.Config(source=str(source), prepared_dir=str(root)))
    assert not list(root.glob("**/incomplete.*"))
    assert examples(builder).keys() == files.keys()
