"""The one orchestrator of a training run."""

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from aireal import machine
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import calibration, card, evaluation, unsure
from aireal.judging.calibration import Calibration
from aireal.judging.shortcuts import Shortcuts
from aireal.network import models
from aireal.network.cost import Cost
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.settings import rules
from aireal.settings.config import FREE, Config
from aireal.sources.source import imbalance
from aireal.training import cluster, devices, initial, learning, loop
from aireal.training.journal import Journal


def run(config: Config, workdir: str, *, overwrite: bool = False) -> dict[str, Any]:
    """Trains, evaluates and writes the run folder; goes on where an earlier start of the same run was interrupted.

    Args:
      config: what to do.
      workdir: the run folder; made, or opened where it belongs to the same config.
      overwrite: delete the run that is there first.

    Returns:
      The contents of result.json; of a process that helps another one, nothing.

    Raises:
      UserError: the folder, the data or the flags cannot be used, or the loss became NaN.
    """
    folder, config = RunFolder(workdir), config.absolute()
    if config.strategy != "multi_worker" and (config.cluster or config.task):
        raise UserError("--cluster and --task name the machines of --strategy=multi_worker, which is not asked for.")
    if config.strategy == "multi_worker" and cluster.Cluster.of(config).task:
        _help(config, folder, overwrite=overwrite)
        return {}
    prepared = _replacement(config, folder) if overwrite else None
    with folder.claim(config, overwrite=overwrite) as begun:
        finished = folder.model.exists()
        data, strategy = prepared or _prepare(begun, finished=finished)
        begins = None if finished else _begins(begun)  # before a folder is begun for a run that cannot be
        folder.write_start(data.config, data.fingerprint, devices.accelerators())
        _describe(data, begins)
        if finished:
            print(f"{folder.path} is trained already.")
        else:
            _train(data, folder, strategy)
        folder.drop_checkpoints()
        if splits := _judged(data):
            evaluation.evaluate(folder, data, splits)
        peaks = (machine.peak_memory_bytes(), folder.result()["peak_memory_bytes"])
        result = folder.update_result(precision=data.config.precision, peak_memory_bytes=max(peaks))
        card.write(folder)
        print(f"Peak memory: {result['peak_memory_bytes'] / 2**30:.2f} GiB.")
        cluster.meet(strategy)  # where the others wait
        return result


def _replacement(config: Config, folder: RunFolder) -> tuple[Data, tf.distribute.Strategy]:
    """Does `_prepare` for a run before the one in its place is deleted. Raises UserError where it cannot begin."""
    prepared = _prepare(config)
    _begins(config)
    if config.initial_weights and initial.of(config).path.is_relative_to(folder.path):
        raise UserError(f"--overwrite would delete the weights to begin with, in {folder.path}: give --workdir.")
    return prepared


def _prepare(config: Config, *, finished: bool = False) -> tuple[Data, tf.distribute.Strategy]:
    """Returns the data of a run, whose config has every "auto" settled, and how it is spread over devices.

    Args:
      config: of the run.
      finished: whether it is trained already: then it may be judged with any devices.

    Raises:
      UserError: it cannot be trained on these data or devices.
    """
    settled = dataclasses.replace(config, precision=devices.settle_precision(config))
    # First, because processes find each other before they compute.
    strategy = tf.distribute.get_strategy() if finished else devices.strategy(settled)
    data = Data(settled, device=devices.for_batches(settled))
    data.check_training()
    if not finished:
        devices.check_replicas(strategy, data)
        flags = [f"{name}={value}" for name, value in dataclasses.asdict(data.config).items() if name not in FREE]
        cluster.meet(strategy, flags=" ".join(flags), images=data.fingerprint)
    return data, strategy


def _begins(config: Config) -> str | None:
    """Says with which weights a run begins. Raises UserError where it cannot."""
    return initial.take(models.build_model(config), config) if config.initial_weights else None


def _judged(data: Data) -> list[str]:
    """Returns the splits that `evaluate` asks for and that have images; test comes last."""
    asked = {"none": (), "validation": ("validation",), "test": ("train", "validation", "test")}
    return [split for split in asked[data.config.evaluate] if len(data.table(split))]


def _help(config: Config, folder: RunFolder, *, overwrite: bool) -> None:
    """Trains with the process that writes the run folder, which this one sees too, and writes nothing."""
    if folder.model.exists() and not overwrite:
        print(f"{folder.path} is trained already.")
        return
    data, strategy = _prepare(config)
    model = _model(data, strategy)
    done = 0 if overwrite else _resume(model, folder)  # the first process may not have deleted the old run yet
    journal = Journal(config, folder, folder.rows()[:done], data.steps_per_epoch(), writes=False)
    if not journal.finished():
        loop.fit(model, data, strategy, done, [learning.Reseed(config.seed), journal])
    cluster.meet(strategy)  # a process that went now would be missed while the first one judges


def _model(data: Data, strategy: tf.distribute.Strategy) -> keras.Model:
    """Returns the network to train, as it begins."""
    keras.utils.set_random_seed(data.config.seed)
    if devices.accelerators():
        tf.config.experimental.enable_op_determinism()  # which CPUs don't need: there the same seed is the same run
    with strategy.scope():
        model = learning.build_for_training(data.config, data.steps_per_epoch())
        model.optimizer.build(model.trainable_variables)
    return model


def _train(data: Data, folder: RunFolder, strategy: tf.distribute.Strategy) -> None:
    config, model = data.config, _model(data, strategy)
    cost = Cost.of(models.build_model(config))
    print(cost, flush=True)
    if config.precision == "bfloat16" and not devices.accelerators() and not machine.computes_bfloat16():
        print("No bfloat16 instructions were found: a step may take ten times as long as in float32.", flush=True)
    done = _resume(model, folder)
    if done:
        print(f"Going on after epoch {done} of {config.epochs}.")
    journal = Journal(config, folder, folder.rows()[:done], data.steps_per_epoch())
    callbacks = [learning.Reseed(config.seed), journal, *_tensorboard(config, folder)]
    if not journal.finished() and config.strategy == "multi_worker":
        loop.fit(model, data, strategy, done, callbacks)
    elif not journal.finished():
        model.fit(
            data.training(config.epochs, first_epoch=done),
            epochs=config.epochs,
            initial_epoch=done,
            steps_per_epoch=data.steps_per_epoch(),
            validation_data=data.validation(),
            shuffle=False,  # the batches are shuffled already
            verbose=0,
            callbacks=callbacks,
        )
    if config.keep == "best":
        model.load_weights(folder.best_weights)
    data.release()
    folder.update_result(
        **cost.as_dict(),
        epochs=len(journal.rows),
        train_seconds=round(sum(row["train_seconds"] for row in journal.rows), 2),
        peak_memory_bytes=max(machine.peak_memory_bytes(), folder.result().get("peak_memory_bytes", 0)),
    )
    _save(learning.finish(model, config), data, folder)  # comes last: where it stands, the training is over


def _resume(model: keras.Model, folder: RunFolder) -> int:
    """Loads the last checkpoint, if there is one, and returns the number of epochs behind it."""
    if not (saved := folder.checkpoint()):
        return 0
    checkpoint, done = saved
    other = f"{checkpoint} is of another version or damaged. Give --overwrite to begin again, or another --workdir."
    try:
        model.load_weights(checkpoint)
    except (ValueError, OSError) as error:  # Keras's where it finds other layers, h5py's where it cannot read
        raise UserError(other) from error
    if not keras.ops.convert_to_numpy(
        model.optimizer.iterations
    ):  # Keras leaves out, with a warning, a state that does not fit
        raise UserError(other)
    return done


def _save(final: keras.Model, data: Data, folder: RunFolder) -> None:
    if len(data.table("validation")):
        calibrated = calibration.calibrate(final, data)
        folder.update_result(calibration=calibrated.as_dict())
        if calibrated.calibration == Calibration():
            print(f"The scores are not calibrated: {calibrated.n:,} validation images say too little about them.")
    else:
        print("The scores are not calibrated: --validation_fraction=0 leaves no images for it.")
    found = unsure.fit(final, data, data.config.risk, data.config.risk_confidence)
    print(found.sentence, flush=True)
    unsure.store(folder, data.config, found)
    with files.replacing(folder.model) as path:
        final.save(path)


def _tensorboard(config: Config, folder: RunFolder) -> list[keras.callbacks.Callback]:
    return [keras.callbacks.TensorBoard(folder.path / "tensorboard")] if config.tensorboard else []


def _describe(data: Data, begins: str | None) -> None:
    config, megabytes = data.config, data.decoded_bytes / 2**20
    sizes = ", ".join(f"{len(data.table(split)):,} {split}" for split in ("train", "validation", "test"))
    where = {"ram": f"in memory ({megabytes:,.0f} MiB)", "none": "streamed from disk"}[config.cache]
    print(f"{config.source}: {sizes} images of {config.image_size}x{config.image_size}, {where}.", flush=True)
    if warning := imbalance("train", *np.bincount(data.table("train").label, minlength=2)):
        print(f"Warning: {warning}", flush=True)
    if alarm := Shortcuts.of(data, "train").alarm():
        told = "A network learns that first: see aireal.analyze, and --resave."
        if config.resave != "none":
            told = f"--resave={config.resave}, which is on, takes most of it away."
        print(f"Warning: {alarm} {told}", flush=True)
    if config.object_weight and np.any(data.table("train").object < 0):
        print("What the pictures show is not known: --object_weight adds nothing here.", flush=True)
    for sentence in rules.idle(config):
        print(sentence, flush=True)
    if begins:
        print(begins, flush=True)
