"""What a recipe gives over several seeds, and how long it takes beside the notebook's way."""

import dataclasses
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from aireal.benchmarks.throughput import notebook_model
from aireal.data.batches import Data
from aireal.network import models
from aireal.network.cost import Cost
from aireal.runs.tables import Table
from aireal.settings.config import Config
from aireal.settings.data import SOURCE
from aireal.training import cluster, experiment

_NOTEBOOK_IMAGES = 96_000  # the notebook's four fifths of train and test together
_NOTEBOOK_EPOCHS = 30
_ACCURACIES = {  # by what the run is judged on: name -> key of result.json
    "none": {},
    "validation": {"validation_accuracy": "validation"},
    "test": {
        "validation_accuracy": "validation",
        "test_accuracy": "test",
        "test_accuracy_without_duplicates": "test_without_duplicates",
    },
}


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Of one figure over the seeds."""

    mean: float
    standard_deviation: float  # of the sample; 0 for one
    minimum: float
    values: list[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Statistics":
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return cls(float(np.mean(values)), deviation, min(values), list(values))


@dataclasses.dataclass(frozen=True)
class Row:
    """What a recipe gives.

    Attributes:
      parameters: of its network.
      macs: multiply-accumulates an image.
      seeds: of its runs.
      precisions: those that they were trained in: `auto` differs between machines.
      figures: train_seconds, and of validation_accuracy, test_accuracy and test_accuracy_without_duplicates those that
        `evaluate` asks for and the data allow.
      notebook_seconds: what 30 epochs of the notebook's way take; None where it was not timed.
    """

    parameters: int
    macs: int
    seeds: list[int]
    precisions: list[str]
    figures: dict[str, Statistics]
    notebook_seconds: float | None = None

    @property
    def ratio_to_notebook(self) -> float:
        """How many times as long as the recipe the notebook's way takes."""
        return self.notebook_seconds / self.figures["train_seconds"].mean

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON, the figures side by side with the rest."""
        found = dataclasses.asdict(self)
        seconds = found.pop("notebook_seconds")
        found.update(found.pop("figures"))
        return (
            found
            if seconds is None
            else {**found, "notebook_seconds": seconds, "ratio_to_notebook": self.ratio_to_notebook}
        )

    def __str__(self) -> str:
        size = f"{self.parameters:,} parameters, {self.macs / 1e6:.2f} million MACs"
        head = f"{size}, trained in {' and '.join(self.precisions)}, seeds {self.seeds}"
        rows = []
        for name, figure in self.figures.items():
            scale, unit = (1, "s") if name == "train_seconds" else (100, "%")
            mean, spread, least = (scale * one for one in (figure.mean, figure.standard_deviation, figure.minimum))
            rows.append([f"{name.replace('_', ' ')}, {unit}", f"{mean:.2f} ± {spread:.2f}", f"{least:.2f}"])
        text = f"{head}\n{Table(['', 'mean', 'minimum'], rows)}"
        if self.notebook_seconds is None:
            return text
        times = f"{self.ratio_to_notebook:.1f} times as long"
        return f"{text}\nThe notebook's way takes {self.notebook_seconds:,.0f} s, {times}."


def results(configs: Sequence[Config], workdir: str) -> Row:
    """Runs a recipe once for each seed, in `workdir`-seed-0 and so on; runs that are there already are not repeated.

    Args:
      configs: the recipe, apart from the seed the same.
      workdir: the beginning of the run folders' names.
    """
    return _row(configs, [_run(config, workdir) for config in configs])


def comparison(configs: Sequence[Config]) -> Row:
    """Runs a recipe anew for each seed and times the notebook's way in between, on the same machine at the same time.

    An epoch of the notebook, 96,000 float32 images into `fit` by batches of 64, is cut into as many parts as there are
    seeds; one is timed before each run of the recipe, and their sum stands for one of its 30 epochs.
    """
    found, epoch_seconds = [], 0.0
    notebook = _notebook_parts(configs[0], len(configs))
    with tempfile.TemporaryDirectory() as workdir:
        for config in configs:
            epoch_seconds += next(notebook)
            found.append(_run(config, f"{workdir}/run"))
    return dataclasses.replace(_row(configs, found), notebook_seconds=_NOTEBOOK_EPOCHS * epoch_seconds)


def _run(config: Config, workdir: str) -> dict[str, Any]:
    cluster.check_alone(config)
    keras.backend.clear_session()  # of the layers of the run before
    return experiment.run(config, f"{workdir}-seed-{config.seed}")


def _row(configs: Sequence[Config], found: Sequence[dict[str, Any]]) -> Row:
    cost = Cost.of(models.build_model(configs[0]))
    figures = {"train_seconds": Statistics.of([result["train_seconds"] for result in found])}
    for name, split in _ACCURACIES[configs[0].evaluate].items():
        if all(split in result for result in found):
            figures[name] = Statistics.of([result[split]["accuracy"] for result in found])
    precisions = sorted({result["precision"] for result in found})
    return Row(cost.parameters, cost.macs, [config.seed for config in configs], precisions, figures)


def _notebook_parts(config: Config, parts: int) -> Iterator[float]:
    """Yields the seconds of each part of one epoch; tracing, which the notebook does once in 30, is left out."""
    of_source = {name: getattr(config, name) for name in ("source", "prepared_dir", *SOURCE)}
    notebook = Config(**of_source)
    data = Data(dataclasses.replace(notebook, cache="none", validation_fraction=0.0))
    batches = data.training(epochs=1).repeat().as_numpy_iterator()
    images_a_part = min(_NOTEBOOK_IMAGES, len(data.table("train"))) // parts  # of a small source: all it has
    model = notebook_model(notebook)
    for part in range(parts):
        few = itertools.islice(batches, max(1, images_a_part // notebook.batch_size))
        images, labels = (np.concatenate(arrays) for arrays in zip(*few, strict=True))
        if not part:
            model.fit(images[:128], labels[:128], batch_size=notebook.batch_size, verbose=0)
        start = time.perf_counter()
        model.fit(images, labels, batch_size=notebook.batch_size, verbose=0)
        seconds = (time.perf_counter() - start) * _NOTEBOOK_IMAGES / parts / len(images)
        del images, labels  # a gigabyte, which the recipe's run should not find in its memory
        yield seconds
