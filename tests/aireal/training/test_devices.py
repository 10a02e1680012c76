"""aireal.training.devices: the arithmetic that suits the machine, and batches that its devices can share."""

import dataclasses

import pytest
import tensorflow as tf

from aireal import machine
from aireal.data.batches import Data
from aireal.runs.folder import RunFolder
from aireal.settings import flagfile
from aireal.settings.config import Config
from aireal.training import devices


def test_batches_that_the_devices_cannot_share_are_refused(make_config, tmp_path, on_devices):
    config = make_config(evaluate="none")
    # 2,000 images in batches of 666 leave a last one of 2 images for 3 devices.
    for name, values in {"odd": {"batch_size": 41}, "last": {"batch_size": 666, "validation_fraction": 0.0}}.items():
        mirrored = dataclasses.replace(config, strategy="mirrored", **values)
        (tmp_path / name).write_text(flagfile.dumps(mirrored))
    folder = RunFolder(tmp_path / "runs/last")
    folder.write_start(config, "of other data")
    done = on_devices(3, tmp_path / "runs", tmp_path / "odd", tmp_path / "last")
    assert "--batch_size=41 cannot be divided by 3 devices" in done.stdout, done.stderr
    assert "the last train batch would have fewer images than the 3 devices" in done.stdout
    assert not (tmp_path / "runs/odd").exists()  # another batch size may have the folder
    assert folder.fingerprint() == "of other data"  # a run that cannot begin replaces none


def test_images_are_counted_as_training_has_them(reads_windows):
    data = Data(reads_windows[0])
    windows = sum(len(labels) for _, labels in data.training(1))
    judged = sum(len(labels) for _, labels in data.validation())
    assert data.image_counts() == {"train": windows, "validation": judged}
    assert windows > len(data.table("train"))


@pytest.fixture
def no_gpu():
    """Leaves out what a GPU would decide otherwise."""
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU decides instead of the processor")


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_a_precision_that_is_named_is_kept(precision):
    assert devices.settle_precision(Config(precision=precision)) == precision


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(("fast", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_auto_is_what_the_processor_is_best_at(monkeypatch, fast, expected):
    monkeypatch.setattr(machine, "computes_bfloat16", lambda: fast)
    assert devices.settle_precision(Config(precision="auto")) == expected


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_batches_stay_where_they_are():
    assert devices.accelerators() == []
    assert devices.for_batches(Config()) is None


def test_mirrored_batches_are_left_to_the_strategy():
    assert devices.for_batches(Config(strategy="mirrored")) is None


@pytest.mark.usefixtures("no_gpu")
def test_a_strategy_is_over_the_devices_of_this_machine():
    assert devices.strategy(Config()) is tf.distribute.get_strategy()
    mirrored = devices.strategy(Config(strategy="mirrored"))
    assert isinstance(mirrored, tf.distribute.MirroredStrategy)
    assert mirrored.num_replicas_in_sync == len(tf.config.list_logical_devices("CPU"))


def test_one_device_takes_batches_of_any_size(make_config):
    config = make_config(batch_size=41)
    single = devices.strategy(config)
    devices.check_replicas(single, Data(config))  # raises nothing
    assert single.num_replicas_in_sync == 1
