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
from aireal.network import cost, models
from aireal.settings.config import Config
from aireal.training import experiment

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


def results(configs: Sequence[Config], workdir: str) -> dict[str, Any]:
    """Runs a recipe once for each seed, in `workdir`-seed-0 and so on; runs that are there already are not repeated.

    Args:
      configs: the recipe, apart from the seed the same.
      workdir: the beginning of the run folders' names.

    Returns:
      parameters and macs; seeds; precisions, those that they were trained in; and of train_seconds,
      validation_accuracy, test_accuracy and test_accuracy_without_duplicates (those that `evaluate` asks for and the
      data allow) the values, their mean, standard deviation (of the sample; 0 for one) and minimum.
    """
    return _summary(configs, [_run(config, workdir) for config in configs])


def comparison(configs: Sequence[Config]) -> dict[str, Any]:
    """Runs a recipe anew for each seed and times the notebook's way in between, on the same machine at the same time.

    An epoch of the notebook, 96,000 float32 images into `fit` by batches of 64, is cut into as many parts as there are
    seeds; one is timed before each run of the recipe, and their sum stands for one of its 30 epochs.

    Returns:
      What `results` does; notebook_seconds, of 30 epochs; ratio_to_notebook, that over the mean train_seconds.
    """
    found, epoch_seconds = [], 0.0
    notebook = _notebook_parts(configs[0], len(configs))
    with tempfile.TemporaryDirectory() as workdir:
        for config in configs:
            epoch_seconds += next(notebook)
            found.append(_run(config, f"{workdir}/run"))
    row = _summary(configs, found)
    seconds = _NOTEBOOK_EPOCHS * epoch_seconds
    return {**row, "notebook_seconds": seconds, "ratio_to_notebook": seconds / row["train_seconds"]["mean"]}


def describe(row: dict[str, Any]) -> str:
    """Returns a row of `results` or `comparison` for people."""
    size = f"{row['parameters']:,} parameters, {row['macs'] / 1e6:.2f} million MACs"
    lines = [f"{size}, trained in {' and '.join(row['precisions'])}, seeds {row['seeds']}"]
    for name in ("train_seconds", *_ACCURACIES["test"]):
        if name in row:
            scale, unit = (1, "s") if name == "train_seconds" else (100, "%")
            mean, spread, least = (row[name][key] * scale for key in ("mean", "standard_deviation", "minimum"))
            lines.append(f"  {name:<34}{mean:>10.2f} ± {spread:.2f} {unit}, minimum {least:.2f}")
    if "ratio_to_notebook" in row:
        seconds, ratio = row["notebook_seconds"], row["ratio_to_notebook"]
        lines.append(f"  The notebook's way takes {seconds:,.0f} s, {ratio:.1f} times as long.")
    return "\n".join(lines)


def _run(config: Config, workdir: str) -> dict[str, Any]:
    keras.backend.clear_session()  # of the layers of the run before
    return experiment.run(config, f"{workdir}-seed-{config.seed}")


def _summary(configs: Sequence[Config], found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    costs = cost.cost(models.build_model(configs[0]))
    row = {"parameters": costs["parameters"], "macs": costs["macs"], "seeds": [config.seed for config in configs]}
    row["precisions"] = sorted({result["precision"] for result in found})  # auto differs between machines
    row["train_seconds"] = _statistics([result["train_seconds"] for result in found])
    for name, split in _ACCURACIES[configs[0].evaluate].items():
        if all(split in result for result in found):
            row[name] = _statistics([result[split]["accuracy"] for result in found])
    return row


def _statistics(values: Sequence[float]) -> dict[str, Any]:
    return {
        "mean": float(np.mean(values)),
        "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        "minimum": min(values),
        "values": list(values),
    }


def _notebook_parts(config: Config, parts: int) -> Iterator[float]:
    """Yields the seconds of each part of one epoch; tracing, which the notebook does once in 30, is left out."""
    notebook = Config(source=config.source, builder_config=config.builder_config, prepared_dir=config.prepared_dir)
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
