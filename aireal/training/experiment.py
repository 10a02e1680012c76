"""The one orchestrator of a training run."""

import dataclasses
import math
import pathlib
import sys
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tqdm

from aireal import machine
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import calibration, evaluation
from aireal.network import cost, models
from aireal.pixels import preprocess
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
from aireal.training import learning


def run(config: Config, workdir: str, *, overwrite: bool = False) -> dict[str, Any]:
    """Trains, evaluates and writes the run folder; goes on where an earlier start of the same run was interrupted.

    Args:
      config: what to do.
      workdir: the run folder; made, or opened where it belongs to the same config.
      overwrite: delete the run that is there first.

    Returns:
      The contents of result.json.

    Raises:
      UserError: the folder, the data or the flags cannot be used, or the loss became NaN.
    """
    folder = RunFolder(workdir)
    if overwrite:  # nothing is deleted for a run that cannot begin
        data = Data(config)
        data.check_training()
        _check_replicas(_strategy(config), config.batch_size, data)
    with folder.claim(config, overwrite=overwrite) as config:
        data = Data(config, device=_device(config))
        data.check_training()
        config = dataclasses.replace(config, cache=data.cache, precision=learning.settle_precision(config))
        strategy = _strategy(config)
        if not folder.model.exists():  # a finished run may be judged with any devices
            _check_replicas(strategy, config.batch_size, data)
        folder.write_start(config, data.fingerprint, _accelerators())
        _describe(config, data)
        if not folder.model.exists():
            _train(config, data, folder, strategy)
        else:
            print(f"{folder.path} is trained already.")
        folder.drop_checkpoints()
        if config.evaluate != "none":
            evaluation.evaluate(
                folder, data, splits=["validation"] if config.evaluate == "validation" else _judged(data)
            )
        peaks = (machine.peak_memory_bytes(), folder.result()["peak_memory_bytes"])
        return folder.update_result(precision=config.precision, peak_memory_bytes=max(peaks))


def _judged(data: Data) -> list[str]:
    return [split for split in ("train", "validation", "test") if len(data.table(split))]


def _train(config: Config, data: Data, folder: RunFolder, strategy: tf.distribute.Strategy) -> None:
    keras.utils.set_random_seed(config.seed)
    if _accelerators():
        tf.config.experimental.enable_op_determinism()  # which CPUs don't need: there the same seed is the same run
    with strategy.scope():
        model = learning.build_for_training(config, data.steps_per_epoch())
        model.optimizer.build(model.trainable_variables)
    price = cost.cost(models.build_model(config))
    print(cost.sentence(price), flush=True)
    if config.precision == "bfloat16" and not _accelerators() and not machine.computes_bfloat16():
        print("No bfloat16 instructions were found: a step may take ten times as long as in float32.", flush=True)
    done = 0
    if saved := folder.checkpoint():
        path, done = saved
        _load(model, path)
        print(f"Going on after epoch {done} of {config.epochs}.")
    journal = _Journal(config, folder, folder.rows()[:done], data.steps_per_epoch())
    if not journal.finished():
        model.fit(
            data.training(config.epochs, first_epoch=done),
            epochs=config.epochs,
            initial_epoch=done,
            steps_per_epoch=data.steps_per_epoch(),
            validation_data=data.validation(),
            shuffle=False,  # the batches are shuffled already
            verbose=0,
            callbacks=[learning.Reseed(config.seed), journal, *_tensorboard(config, folder)],
        )
    if config.keep == "best":
        model.load_weights(folder.best_weights)
    folder.update_result(
        **price,
        epochs=len(journal.rows),
        train_seconds=round(sum(row["train_seconds"] for row in journal.rows), 2),
        peak_memory_bytes=max(machine.peak_memory_bytes(), folder.result().get("peak_memory_bytes", 0)),
    )
    _save(learning.finish(model, config), config, data, folder)  # comes last: where it stands, the training is over


def _load(model: keras.Model, checkpoint: pathlib.Path) -> None:
    other = f"{checkpoint} is of another version or damaged. Give --overwrite to begin again, or another --workdir."
    try:
        model.load_weights(checkpoint)
    except (ValueError, OSError) as error:  # Keras's where it finds other layers, h5py's where it cannot read
        raise UserError(other) from error
    if not int(model.optimizer.iterations):  # Keras leaves out, with a warning, a state that does not fit
        raise UserError(other)


def _save(final: keras.Model, config: Config, data: Data, folder: RunFolder) -> None:
    if len(data.table("validation")):
        calibrated = calibration.calibrate(final, data)
        folder.update_result(calibration=calibrated)
        if (calibrated["temperature"], calibrated["bias"]) == (1.0, 0.0):
            print(f"The scores are not calibrated: {calibrated['n']:,} validation images say too little about them.")
    else:
        print("The scores are not calibrated: --validation_fraction=0 leaves no images for it.")
    files.write_json(folder.preprocessing, preprocess.contract(config.image_size, config.aspect_ratio))
    with files.replacing(folder.model) as path:
        final.save(path)


def _device(config: Config) -> str | None:
    """Returns the device that batches are copied to ahead of time: under a strategy, the strategy does it."""
    return "/gpu:0" if config.strategy == "single" and tf.config.list_logical_devices("GPU") else None


def _strategy(config: Config) -> tf.distribute.Strategy:
    if config.strategy == "single":
        return tf.distribute.get_strategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def _check_replicas(strategy: tf.distribute.Strategy, batch_size: int, data: Data) -> None:
    """Refuses what Keras cannot share out: unequal parts of the first batch, a device without an image in the last."""
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise UserError(f"--strategy=mirrored: --batch_size={batch_size} cannot be divided by {replicas} devices.")
    for split in ("train", "validation"):
        if 0 < len(data.table(split)) % batch_size < replicas:
            raise UserError(
                f"--strategy=mirrored: the last {split} batch would have fewer images than the {replicas} devices. "
                "Choose another --batch_size."
            )


def _accelerators() -> list[str]:
    """Returns the names of the GPUs."""
    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    return [detail.get("device_name", "GPU") for detail in details]


def _tensorboard(config: Config, folder: RunFolder) -> list[keras.callbacks.Callback]:
    return [keras.callbacks.TensorBoard(folder.path / "tensorboard")] if config.tensorboard else []


def _describe(config: Config, data: Data) -> None:
    sizes = ", ".join(f"{len(data.table(split)):,} {split}" for split in ("train", "validation", "test"))
    where = {"ram": f"in memory ({data.decoded_bytes / 2**20:,.0f} MiB)", "none": "streamed from TFRecords"}[data.cache]
    print(f"{config.source}: {sizes} images of {config.image_size}x{config.image_size}, {where}.", flush=True)


class _Journal(keras.callbacks.Callback):
    """After each epoch: metrics.jsonl, best weights so far, a checkpoint. Meanwhile: progress, and a look at the loss.

    What early stopping needs to know is in the rows themselves, so it survives an interruption like everything else.
    """

    def __init__(self, config: Config, folder: RunFolder, rows: list[dict[str, float]], steps_per_epoch: int):
        super().__init__()
        self.rows = rows
        self._config = config
        self._folder = folder
        self._steps = steps_per_epoch

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._bar = tqdm.tqdm(
            total=self._config.epochs * self._steps,
            initial=len(self.rows) * self._steps,
            unit=" steps",
            mininterval=0.5 if sys.stderr.isatty() else 10.0,  # seconds; a log file needs fewer lines
            dynamic_ncols=True,
        )

    def on_train_end(self, logs: dict | None = None) -> None:
        self._bar.close()

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._bar.set_description(f"epoch {epoch + 1}/{self._config.epochs}")
        self._start = self._last_step = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: dict) -> None:
        if not math.isfinite(logs["loss"]):
            self._diverged(f"The loss became {logs['loss']} in epoch {len(self.rows) + 1}, step {batch + 1}")
        self._bar.update()
        self._last_step = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        now, logs = time.perf_counter(), learning.of_verdict(logs)
        # The last step's loss was computed before its update, so the weights are looked at too.
        if not all(np.isfinite(weights).all() for weights in self.model.get_weights()):
            self._diverged(f"The weights ceased to be finite in epoch {epoch + 1}")
        self.rows.append(
            {
                "epoch": epoch + 1,
                **{name: float(value) for name, value in logs.items()},
                "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
                "train_seconds": round(self._last_step - self._start, 3),
                "validation_seconds": round(now - self._last_step, 3),
            }
        )
        # The checkpoint comes last: it alone decides where a next start goes on; what precedes it is made again alike.
        self._folder.write_rows(self.rows)
        if self._config.keep == "best" and self._epochs_since_best() == 0:
            with files.replacing(self._folder.best_weights) as path:
                self.model.save_weights(path)
        self._folder.save_checkpoint(self.model, epoch + 1)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._bar.write(f"epoch {epoch + 1:>3}  {figures}  {self.rows[-1]['train_seconds']:.1f} s")
        if self.finished():
            self.model.stop_training = True

    def _diverged(self, what: str) -> None:
        self._bar.close()
        raise UserError(
            f"{what}. Start again in another --workdir with a lower --learning_rate than "
            f"{self._config.learning_rate:g}, or with --precision=float32."
        )

    def finished(self) -> bool:
        """Returns whether all epochs are done or early stopping ends the run here."""
        patience = self._config.early_stopping_epochs
        return len(self.rows) >= self._config.epochs or bool(patience and self._epochs_since_best() >= patience)

    def _epochs_since_best(self) -> int:
        if not self.rows:
            return 0
        sign = -1 if self._config.monitor == "val_loss" else 1
        figures = [sign * row[self._config.monitor] for row in self.rows]
        return len(self.rows) - 1 - int(np.argmax(np.nan_to_num(figures, nan=-np.inf)))
