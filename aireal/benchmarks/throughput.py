"""How fast batches come and a network trains on them, beside what others do; in turn, in one process."""

import contextlib
import dataclasses
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

from aireal.data import readers
from aireal.data.batches import Data
from aireal.data.records import prepare
from aireal.errors import UserError
from aireal.network import models
from aireal.settings.config import Config
from aireal.sources.source import Source
from aireal.training import learning
from builders.cifake import sources

_STEPS = 150  # training steps in each of the two passes that are timed
_SAMPLING_SECONDS = 0.01
_SHUFFLE_BUFFER = 10_000  # that of the streaming mode, for plain TFDS too


@dataclasses.dataclass(frozen=True, kw_only=True)
class Row:
    """The speed of one way.

    Attributes:
      name: of the way.
      first_pass: images a second, as the next.
      second_pass: over the same images again.
      peak_memory_bytes: the most that the whole process had resident meanwhile.
      ratio_to_tfds: its speed over that of plain TFDS.
      ratio_to_notebook: over that of the notebook's training step; of training steps alone.
      waiting_share: part of our step's time, 0 to 1, in which the next batch was not there yet.
    """

    name: str
    first_pass: float
    second_pass: float
    peak_memory_bytes: int
    ratio_to_tfds: float
    ratio_to_notebook: float | None = None
    waiting_share: float | None = None

    @property
    def images_per_second(self) -> float:
        """The better of the two passes."""
        return max(self.first_pass, self.second_pass)

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON, without what does not apply."""
        found = {"name": self.name, "images_per_second": self.images_per_second, **dataclasses.asdict(self)}
        return {name: value for name, value in found.items() if value is not None}


def measure(config: Config) -> Iterator[Row]:
    """Times every way once, on the whole train folder of `config.source`.

    Args:
      config: all of it is used but what is evaluated, kept and stopped early.

    Yields:
      A row for each way.

    Raises:
      UserError: the source cannot be used, or not by TFDS.
    """
    ways: dict[str, Callable[[], dict[str, float]]] = {
        "tfds": lambda: _tfds(config),
        "streaming": lambda: ours(config, "none"),
        "image_dataset_from_directory": lambda: _directory(config),
        "ram": lambda: ours(config, "ram"),
        "notebook_step": lambda: _notebook_steps(config),
        "training_step": lambda: _training_steps(config),
    }
    best: dict[str, float] = {}
    for name, start in ways.items():
        gc.collect()
        with _peak_memory() as peak:
            found = start()
        best[name] = max(found["first_pass"], found["second_pass"])
        beside = {"ratio_to_notebook": best[name] / best["notebook_step"]} if name.endswith("_step") else {}
        ratio = best[name] / best["tfds"]
        yield Row(name=name, **found, peak_memory_bytes=peak[0], ratio_to_tfds=ratio, **beside)


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


def ours(config: Config, cache: str) -> dict[str, float]:
    """Times the batches of training in one cache mode, none or ram: first_pass and second_pass in images a second."""
    # Nothing held out: the others, too, read the whole folder.
    every = {"validation_fraction": 0.0, "evaluate": "none", "keep": "last", "early_stopping_epochs": 0}
    data = Data(dataclasses.replace(config, cache=cache, **every))

    def both_epochs() -> Iterator:
        yield from data.training(epochs=2)  # begins with the first pass, which in RAM mode decodes

    batches = both_epochs()
    return _two_passes(lambda: itertools.islice(batches, data.steps_per_epoch()))


def _tfds(config: Config) -> dict[str, float]:
    images = prepare(config).as_dataset(split="train", as_supervised=True, shuffle_files=True)
    normalised = images.map(
        lambda image, label: (_resized(tf.cast(image, tf.float32), config) / 255.0, label),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    batches = normalised.shuffle(_SHUFFLE_BUFFER).batch(config.batch_size).prefetch(tf.data.AUTOTUNE)
    try:
        return _two_passes(lambda: batches)
    except tf.errors.InvalidArgumentError as error:  # of WebP, which it decodes as an animation
        raise UserError(
            "TFDS, to compare with, cannot read these pictures: it takes JPEG, PNG, GIF and BMP."
        ) from error


def _directory(config: Config) -> dict[str, float]:
    with _train_folder(config) as folder:
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
        return _two_passes(lambda: batches)


def _training_steps(config: Config) -> dict[str, float]:
    """Our way: batches from memory, `config.precision`; an epoch's last, smaller batch is filled up from the next."""
    data = Data(dataclasses.replace(config, cache="ram"))
    data.check_training()
    model = learning.build_for_training(config, data.steps_per_epoch())
    whole = data.training(config.epochs).repeat().rebatch(config.batch_size).prefetch(readers.PREFETCHED)
    passes = _fit(model, whole, count=_STEPS * config.batch_size, shuffle=False, steps_per_epoch=_STEPS)
    return {**passes, "waiting_share": _waiting_share(model, iter(whole))}


def _waiting_share(model: keras.Model, batches: Iterator) -> float:
    """Returns the part of the time of single steps that goes by before the next batch is there."""
    model.train_on_batch(*next(batches))  # traces
    start, waited = time.perf_counter(), 0.0
    for _ in range(_STEPS):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        model.train_on_batch(*batch)
    return waited / (time.perf_counter() - start)


def _notebook_steps(config: Config) -> dict[str, float]:
    """The notebook's way: its network, float32 arrays into `fit`, a sigmoid at the end of the network."""
    notebook = Config(image_size=config.image_size)
    data = Data(dataclasses.replace(config, cache="none", object_weight=0.0, batch_size=notebook.batch_size))
    batches = itertools.islice(data.training(config.epochs).repeat().as_numpy_iterator(), _STEPS)
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return _fit(notebook_model(notebook), images, labels, count=len(images), batch_size=notebook.batch_size)


def notebook_model(config: Config) -> keras.Model:
    """Returns the network of `config` as the notebook has it, with a sigmoid at its end, and compiled."""
    model = keras.Sequential([models.build_model(config), keras.layers.Activation("sigmoid")])
    model.compile(keras.optimizers.Adam(config.learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return model


def _fit(model: keras.Model, *arguments: Any, count: int, **options: Any) -> dict[str, float]:
    """Times the second and third epoch of one `fit`, each of `count` images, after the first, which traces."""
    seconds = _EpochSeconds()
    model.fit(*arguments, **options, epochs=3, verbose=0, callbacks=[seconds])
    _, first, second = seconds.taken
    return {"first_pass": count / first, "second_pass": count / second}


class _EpochSeconds(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.taken: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.taken.append(time.perf_counter() - self._start)


@contextlib.contextmanager
def _train_folder(config: Config) -> Iterator[pathlib.Path]:
    """Yields the source's train folder, unpacked for the time being where it is none."""
    source = Source.of(config)
    with source.located(config.seed) as place, tempfile.TemporaryDirectory() as scratch:
        if (folder := sources.find(place)).is_dir() and config.strict and (folder / "train").is_dir():
            yield folder / "train"
            return
        pictures = sources.Collection(place, source.naming).pictures(["train"])
        for number, (picture, load) in enumerate(pictures):
            _, label, name = picture.path.split("/", 2)  # a list's names may lead anywhere
            target = pathlib.Path(scratch, "train", label, f"{number}{pathlib.PurePosixPath(name).suffix}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(load())
        yield pathlib.Path(scratch, "train")


def _resized(image: tf.Tensor, config: Config) -> tf.Tensor:
    if config.strict and config.image_size == 32:
        return image
    return tf.image.resize(image, [config.image_size, config.image_size])


def _two_passes(start: Callable[[], Iterable]) -> dict[str, float]:
    """Returns images a second of two passes over the batches that `start` returns."""
    speeds = []
    for _ in range(2):
        begin = time.perf_counter()
        count = sum(int(images.shape[0]) for images, _ in start())
        speeds.append(count / (time.perf_counter() - begin))
    return {"first_pass": speeds[0], "second_pass": speeds[1]}
