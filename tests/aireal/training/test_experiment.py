"""aireal.training.experiment: a run leaves its files, and goes on where it was interrupted as if it had not been."""

import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

from aireal import machine
from aireal.errors import UserError
from aireal.network import models
from aireal.pixels import preprocess
from aireal.settings import flagfile
from aireal.training import experiment
from aireal.training.journal import Journal

ROOT = pathlib.Path(__file__).resolve().parents[3]
TIMES = ("train_seconds", "validation_seconds")


def rows(folder):
    """metrics.jsonl without the times, which no two runs share."""
    lines = (pathlib.Path(folder) / "metrics.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name not in TIMES} for line in lines]


def weights(folder):
    return keras.models.load_model(pathlib.Path(folder) / "model.keras", compile=False).get_weights()


def same(left, right):
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.fixture
def config(make_config):
    return make_config(augment_flip=True, schedule="cosine", warmup_epochs=1, evaluate="none")


def stop_after(monkeypatch, epochs):
    """Raises, like a power cut, in the middle of the epoch after `epochs`."""

    def step(self, batch, logs=None):
        if len(self.rows) == epochs and batch == 5:
            raise InterruptedError

    monkeypatch.setattr(Journal, "on_train_batch_begin", step, raising=False)


def test_a_run_leaves_its_files_and_no_others(make_config, tmp_path):
    result = experiment.run(make_config(), str(tmp_path / "run"))
    names = {path.name for path in (tmp_path / "run").iterdir()}
    figures = {
        f"{name}.png" for name in ("curves", "confusion_matrix", "roc", "risk_coverage", "calibration", "errors")
    }
    assert names == figures | {
        "flags.cfg", "env.json", "metrics.jsonl", "model.keras", "preprocessing.json", "result.json", "predictions.csv",
        "README.md",
    }  # fmt: skip
    assert result["parameters"] == models.build_model(make_config()).count_params()
    assert len(rows(tmp_path / "run")) == 2
    assert result["train_seconds"] > 0
    assert sum(map(sum, result["test"]["confusion_matrix"])) == 400


def test_the_same_seed_gives_the_same_metrics_and_weights(config, tmp_path):
    for name in ("a", "b"):
        experiment.run(config, str(tmp_path / name))
    experiment.run(dataclasses.replace(config, seed=1), str(tmp_path / "c"))
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert rows(tmp_path / "a") != rows(tmp_path / "c")


NORMALISED = {"normalization": "batch", "head": "average", "dense_units": (), "precision": "bfloat16"}


@pytest.mark.parametrize(
    "values",
    [
        {"augment_noise": 0.1, "augment_jpeg_quality": 30, "augment_blur": 1.0, "augment_resample": 0.4},
        {"precision": "bfloat16", "keep": "best"},
        {"cache": "none"},
        {**NORMALISED, "optimizer": "lion"},
        {**NORMALISED, "optimizer": "muon", "weight_decay": 0.1},
    ],
    ids=str,
)
def test_an_interrupted_run_ends_like_one_that_was_not(make_config, tmp_path, monkeypatch, values):
    config = make_config(**{"augment_shift_pixels": 2, "schedule": "cosine", "epochs": 3, "evaluate": "none", **values})
    train_whole_and_interrupted(config, tmp_path, monkeypatch)
    assert rows(tmp_path / "whole") == rows(tmp_path / "broken")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "broken"))


def test_so_does_one_that_tells_objects_and_its_network_does_not(make_config, cifake, tmp_path, monkeypatch):
    few = {"source": str(cifake), "prepared_dir": str(cifake.parent / "prepared"), "cache": "none"}
    few |= {"train_fraction": 0.01, "validation_fraction": 0.01, "epochs": 3, "evaluate": "none", "keep": "best"}
    train_whole_and_interrupted(make_config(object_weight=0.3, **few), tmp_path, monkeypatch)
    assert rows(tmp_path / "whole") == rows(tmp_path / "broken")
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "broken"))
    assert {"loss", "val_loss", "object_loss", "val_object_loss", "val_auc"} < rows(tmp_path / "whole")[0].keys()
    assert keras.models.load_model(tmp_path / "whole/model.keras").output_names == ["logit"]


def test_objects_that_nobody_knows_change_nothing(config, tmp_path, capsys):
    told = {}
    for weight in (0.0, 0.3):
        experiment.run(dataclasses.replace(config, object_weight=weight), str(tmp_path / f"{weight}"))
        told[weight] = "What the pictures show is not known" in capsys.readouterr().out
    assert told == {0.0: False, 0.3: True}
    assert {row["object_loss"] for row in rows(tmp_path / "0.3")} == {0.0}
    assert same(weights(tmp_path / "0.0"), weights(tmp_path / "0.3"))


def train_whole_and_interrupted(config, tmp_path, monkeypatch):
    """Trains into whole/ at one go, and into broken/ with a stop after two epochs."""
    experiment.run(config, str(tmp_path / "whole"))
    with monkeypatch.context() as patch:
        stop_after(patch, epochs=2)
        with pytest.raises(InterruptedError):
            experiment.run(config, str(tmp_path / "broken"))
    assert len(rows(tmp_path / "broken")) == 2
    experiment.run(config, str(tmp_path / "broken"))


@pytest.mark.parametrize("fast", [True, False])
def test_auto_is_the_precision_of_the_machine_where_a_run_began(make_config, tmp_path, monkeypatch, capsys, fast):
    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU decides instead of the processor")
    config = make_config(**{**NORMALISED, "precision": "auto"}, epochs=2, evaluate="none")
    monkeypatch.setattr(machine, "computes_bfloat16", lambda: fast)
    with monkeypatch.context() as patch:
        stop_after(patch, epochs=1)
        with pytest.raises(InterruptedError):
            experiment.run(config, str(tmp_path / "auto"))
    monkeypatch.setattr(machine, "computes_bfloat16", lambda: not fast)
    experiment.run(config, str(tmp_path / "auto"))
    named = "bfloat16" if fast else "float32"
    assert f"--precision={named}\n" in (tmp_path / "auto/flags.cfg").read_text()
    assert ("No bfloat16 instructions" in capsys.readouterr().out) is fast
    experiment.run(dataclasses.replace(config, precision=named), str(tmp_path / "named"))
    for auto, whole in zip(rows(tmp_path / "auto"), rows(tmp_path / "named"), strict=True):
        assert auto == pytest.approx(whole, rel=0.02)  # the machines' layers are alike but for rounding


def test_a_killed_process_goes_on_by_the_same_command(make_config, prepared_dir, tmp_path):
    flags = ["--filters=8,4", "--dense_units=16", "--epochs=6", "--batch_size=100", "--learning_rate=1e-3"]
    command = [sys.executable, "-m", "aireal.train", *flags, f"--prepared_dir={prepared_dir}", "--evaluate=none"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    metrics = tmp_path / "run" / "metrics.jsonl"
    with subprocess.Popen([*command, f"--workdir={tmp_path / 'run'}"], env=environment, cwd=tmp_path) as process:
        while process.poll() is None and not (metrics.exists() and len(metrics.read_text().splitlines()) >= 2):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "run" / "model.keras").exists()
    again = subprocess.run(
        [*command, f"--workdir={tmp_path / 'run'}"], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert again.returncode == 0, again.stderr
    whole = make_config(epochs=6, evaluate="none")
    experiment.run(whole, str(tmp_path / "whole"))
    assert rows(tmp_path / "run") == rows(tmp_path / "whole")
    assert same(weights(tmp_path / "run"), weights(tmp_path / "whole"))


@pytest.mark.filterwarnings("ignore:Skipping nested container")  # Keras, of the same
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_a_checkpoint_of_other_layers_or_half_of_one_is_a_sentence(config, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, epochs=1)
        with pytest.raises(InterruptedError):
            experiment.run(config, str(tmp_path / "run"))
    (checkpoint,) = (tmp_path / "run").glob("checkpoint-*")
    keras.Sequential([keras.Input([3]), keras.layers.Dense(2)]).save_weights(checkpoint)
    with pytest.raises(UserError, match="is of another version or damaged"):
        experiment.run(config, str(tmp_path / "run"))
    other = models.build_model(config)
    other.compile(keras.optimizers.SGD(), "mse")
    other.optimizer.build(other.trainable_variables)
    other.save_weights(checkpoint)
    with pytest.raises(UserError, match="is of another version or damaged"):
        experiment.run(config, str(tmp_path / "run"))
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(UserError, match="is of another version or damaged"):
        experiment.run(config, str(tmp_path / "run"))


def test_a_finished_run_is_not_trained_again(config, tmp_path, capsys):
    experiment.run(config, str(tmp_path / "run"))
    before = (tmp_path / "run/model.keras").stat().st_mtime_ns
    experiment.run(config, str(tmp_path / "run"))
    assert (tmp_path / "run/model.keras").stat().st_mtime_ns == before
    assert "trained already" in capsys.readouterr().out


def test_machines_without_the_strategy_that_has_several_are_refused(make_config, tmp_path):
    for values in ({"cluster": "a:1,b:2"}, {"task": 1}):
        with pytest.raises(UserError, match="name the machines of --strategy=multi_worker"):
            experiment.run(make_config(**values), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_of_other_flags_is_refused_unless_overwritten(config, tmp_path):
    experiment.run(config, str(tmp_path / "run"))
    other = dataclasses.replace(config, learning_rate=0.5, epochs=3)
    with pytest.raises(UserError, match=r"(?s)--epochs: 2 there, 3 here.*--learning_rate: 0.001 there, 0.5 here"):
        experiment.run(other, str(tmp_path / "run"))
    with pytest.raises(UserError, match="nowhere"):
        experiment.run(dataclasses.replace(other, source="nowhere"), str(tmp_path / "run"), overwrite=True)
    assert len(rows(tmp_path / "run")) == 2  # what cannot be begun deletes nothing
    experiment.run(other, str(tmp_path / "run"), overwrite=True)
    assert len(rows(tmp_path / "run")) == 3


def test_changed_data_are_noticed(make_config, demo_source, tmp_path):
    import shutil

    source = tmp_path / "source"
    shutil.copytree(demo_source, source)
    config = make_config(source=str(source), builder_config="any", evaluate="none")
    experiment.run(config, str(tmp_path / "run"))
    next((source / "train/FAKE").iterdir()).unlink()
    with pytest.raises(UserError, match="have changed"):
        experiment.run(config, str(tmp_path / "run"))


def test_what_auto_chose_is_written_down_and_kept(make_config, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: 1 << 20)
    experiment.run(make_config(cache="auto", evaluate="none"), str(tmp_path / "run"))
    assert "--cache=none" in (tmp_path / "run/flags.cfg").read_text()
    monkeypatch.undo()  # now there would be room
    experiment.run(make_config(cache="auto", evaluate="none"), str(tmp_path / "run"))
    assert "--cache=none" in (tmp_path / "run/flags.cfg").read_text()


def test_the_written_flagfile_replays_the_run(config, tmp_path, run_python):
    experiment.run(config, str(tmp_path / "run"))
    written = tmp_path / "run/flags.cfg"
    replay = run_python("-m", "aireal.train", f"--flagfile={written}", f"--workdir={tmp_path / 'replay'}")
    assert replay.returncode == 0, replay.stderr
    assert rows(tmp_path / "run") == rows(tmp_path / "replay")
    assert same(weights(tmp_path / "run"), weights(tmp_path / "replay"))


def test_a_nan_loss_stops_the_run_with_a_sentence(make_config, tmp_path, monkeypatch):
    monkeypatch.setattr(preprocess, "normalise", lambda images: tf.cast(images, tf.float32) * float("nan"))
    with pytest.raises(UserError, match=r"The loss became nan in epoch 1, step \d\. Start again in another --workdir"):
        experiment.run(make_config(evaluate="none"), str(tmp_path / "run"))


def test_weights_that_the_last_step_spoils_are_not_kept(make_config, tmp_path, monkeypatch):
    note = Journal.on_train_batch_end

    def note_and_spoil(self, batch, logs):
        note(self, batch, logs)
        if batch == 15:  # the last of the epoch: its loss was finite
            self.model.layers[-1].bias.assign([float("nan")])

    monkeypatch.setattr(Journal, "on_train_batch_end", note_and_spoil)
    with pytest.raises(UserError, match="The weights ceased to be finite in epoch 1"):
        experiment.run(make_config(keep="best", evaluate="none"), str(tmp_path / "run"))
    assert not list((tmp_path / "run").glob("*.h5"))


def test_keep_best_and_early_stopping_follow_the_monitor(make_config, tmp_path):
    values = {"epochs": 12, "monitor": "val_accuracy", "early_stopping_epochs": 2, "learning_rate": 0.01}
    config = make_config(keep="best", evaluate="validation", **values)
    result = experiment.run(config, str(tmp_path / "run"))
    history = [row["val_accuracy"] for row in rows(tmp_path / "run")]
    best = int(np.argmax(history))
    assert len(history) == min(best + 3, 12)
    assert result["epochs"] == len(history)
    assert result["calibration"]["before"]["accuracy"] == pytest.approx(history[best], abs=1e-6)
    assert "test" not in result


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_model_is_float32_whatever_precision_trained(config, tmp_path, precision):
    experiment.run(dataclasses.replace(config, precision=precision), str(tmp_path / "run"))
    model = keras.models.load_model(tmp_path / "run/model.keras")
    assert {layer.dtype_policy.name for layer in model.layers} == {"float32"}


def test_augmentation_is_not_in_the_model(config, tmp_path):
    experiment.run(config, str(tmp_path / "run"))
    model = keras.models.load_model(tmp_path / "run/model.keras")
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds == {"InputLayer", "Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dense"}


def test_tensorboard_logs_are_written_where_asked_for(config, tmp_path):
    experiment.run(dataclasses.replace(config, tensorboard=True), str(tmp_path / "run"))
    assert list((tmp_path / "run/tensorboard").rglob("events.out.tfevents.*"))


@pytest.mark.parametrize("values", [{}, {**NORMALISED, "precision": "float32"}], ids=str)
def test_mirrored_training_on_two_devices_learns_like_one(config, tmp_path, on_devices, values):
    single = dataclasses.replace(
        config, **values, conv_dropout=0.0, dense_dropout=0.0, augment_flip=False, batch_size=98
    )
    experiment.run(single, str(tmp_path / "single"))
    mirrored = dataclasses.replace(single, strategy="mirrored")
    (tmp_path / "mirrored").write_text(flagfile.dumps(mirrored))
    done = on_devices(2, tmp_path / "runs", tmp_path / "mirrored")
    assert done.returncode == 0, done.stderr
    for one, two in zip(rows(tmp_path / "single"), rows(tmp_path / "runs/mirrored"), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
        assert two["val_loss"] == pytest.approx(one["val_loss"], rel=1e-3)
