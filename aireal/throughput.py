"""How fast batches come and the baseline trains on them, beside what others do; in turn, in one process."""

import contextlib
import dataclasses
import functools
import gc
import itertools
import pathlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import keras
import numpy as np
import psutil
import tensorflow as tf

from aireal import data as data_lib
from aireal import demo, models
from aireal.config import Config, UserError
from aireal.data import Data
from builders.cifake import sources

_STEPS = 150  # training steps in each of the two passes that are timed
_SAMPLING_SECONDS = 0.01
_SHUFFLE_BUFFER = 10_000  # that of the streaming mode, for plain TFDS too

Pass = Callable[[], int]  # goes once through the images and returns their number


def measure(config: Config) -> Iterator[dict[str, Any]]:
    """Times every way once, on the whole train folder of `config.source`.

    Args:
      config: its data and model fields, precision and seed are used.

    Yields:
      For each way its name; images_per_second, the best of its two passes, which first_pass and second_pass hold;
      ratio_to_tfds, its best over that of plain TFDS; peak_memory_bytes, the most that the whole process had resident
      meanwhile. Training steps also have ratio_to_notebook.
    """
    with tempfile.TemporaryDirectory() as scratch:
        ways: dict[str, Callable[[], Pass]] = {
            "tfds": lambda: _tfds(config),
            "streaming": lambda: _ours(config, "none"),
            "image_dataset_from_directory": lambda: _directory(config, _train_folder(config, pathlib.Path(scratch))),
            "ram": lambda: _ours(config, "ram"),
            "notebook_step": lambda: _notebook_steps(config),
            "training_step": lambda: _training_steps(config),
        }
        best: dict[str, float] = {}
        for name, start in ways.items():
            row = _time(start())
            best[name] = row["images_per_second"]
            row = {"name": name, **row, "ratio_to_tfds": best[name] / best["tfds"]}
            if name.endswith("_step"):
                row["ratio_to_notebook"] = best[name] / best["notebook_step"]
            yield row


def _time(one_pass: Pass) -> dict[str, float]:
    gc.collect()
    speeds = []
    with _peak_memory() as peak:
        for _ in range(2):
            start = time.perf_counter()
            count = one_pass()
            speeds.append(count / (time.perf_counter() - start))
    return {
        "images_per_second": max(speeds),
        "first_pass": speeds[0],
        "second_pass": speeds[1],
        "peak_memory_bytes": peak[0],
    }


@contextlib.contextmanager
def _peak_memory() -> Iterator[list[int]]:
    """Yields a list whose one element is the peak of resident bytes, sampled by a thread until the block ends."""
    process, stop = psutil.Process(), threading.Event()
    peak = [process.memory_info().rss]

    def watch() -> None:
        while not stop.wait(_SAMPLING_SECONDS):
            peak[0] = max(peak[0], process.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def _ours(config: Config, cache: str) -> Pass:
    # Nothing held out: the others, too, read the whole folder.
    data = Data(dataclasses.replace(config, cache=cache, validation_fraction=0.0))

    @functools.cache
    def batches() -> Iterator:
        return iter(data.training(epochs=2))  # in RAM mode the first pass decodes

    return lambda: _count(itertools.islice(batches(), data.steps_per_epoch()))


def _tfds(config: Config) -> Pass:
    images = data_lib.prepare(config).as_dataset(split="train", as_supervised=True, shuffle_files=True)
    normalised = images.map(
        lambda image, label: (_fit(tf.cast(image, tf.float32), config) / 255.0, label),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    batches = normalised.shuffle(_SHUFFLE_BUFFER).batch(config.batch_size).prefetch(tf.data.AUTOTUNE)
    return lambda: _count(batches)


def _directory(config: Config, folder: pathlib.Path) -> Pass:
    images = keras.utils.image_dataset_from_directory(
        folder,
        label_mode="binary",
        batch_size=config.batch_size,
        image_size=(config.image_size, config.image_size),
        seed=config.seed,
        verbose=False,
    )
    batches = images.map(lambda images, labels: (images / 255.0, labels), num_parallel_calls=tf.data.AUTOTUNE)
    batches = batches.prefetch(tf.data.AUTOTUNE)
    return lambda: _count(batches)


def _training_steps(config: Config) -> Pass:
    """Our way: batches from memory, `config.precision`."""
    data = Data(dataclasses.replace(config, cache="ram"))
    model = models.build_model(config, precision=config.precision)
    models.compile_model(model, config, data.steps_per_epoch())
    batches = data.training(config.epochs).repeat()
    epochs, steps = divmod(_STEPS, data.steps_per_epoch())  # the last batch of an epoch may be short
    count = epochs * len(data.table("train")) + steps * config.batch_size
    return _fit_pass(model, batches, shuffle=False, steps_per_epoch=_STEPS, count=count)


def _notebook_steps(config: Config) -> Pass:
    """The notebook's way: float32 arrays into `fit`, a sigmoid at the end of the network."""
    data = Data(dataclasses.replace(config, cache="none"))
    batches = itertools.islice(data.training(config.epochs).repeat().as_numpy_iterator(), _STEPS)
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    model = keras.Sequential([models.build_model(config), keras.layers.Activation("sigmoid")])
    model.compile(keras.optimizers.Adam(config.learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return _fit_pass(model, images, labels, batch_size=config.batch_size, count=len(images))


def _fit_pass(model: keras.Model, *arguments: Any, count: int, **options: Any) -> Pass:
    def one_pass() -> int:
        model.fit(*arguments, **options, verbose=0)
        return count

    one_pass()  # tracing
    return one_pass


def _train_folder(config: Config, scratch: pathlib.Path) -> pathlib.Path:
    """Returns the source's train folder, unpacked or made below `scratch` where it is none."""
    if config.source == "kaggle":
        raise UserError("--source=kaggle: the benchmark wants the downloaded folder or archive itself.")
    if config.source == "demo":
        demo.write(scratch, config.seed)
        return scratch / "train"
    if (folder := sources.find(config.source)).is_dir() and (folder / "train").is_dir():
        return folder / "train"
    for path, load in sources.pictures(config.source, ["train"]):
        target = scratch / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(load())
    return scratch / "train"


def _fit(image: tf.Tensor, config: Config) -> tf.Tensor:
    if config.strict and config.image_size == 32:
        return image
    return tf.image.resize(image, [config.image_size, config.image_size])


def _count(batches: Iterable) -> int:
    return sum(int(labels.shape[0]) for _, labels in batches)
