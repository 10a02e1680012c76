"""What a recipe gives over several seeds, and how long it takes beside the notebook's way."""

import dataclasses
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from aireal import experiment
from aireal.config import Config
from aireal.data import Data
from aireal.throughput import notebook_model

_NOTEBOOK_IMAGES = 96_000  # the notebook's four fifths of train and test together
_NOTEBOOK_EPOCHS = 30


def results(config: Config, seeds: Sequence[int], workdir: str) -> dict[str, Any]:
    """Runs a recipe once for each seed, in `workdir`-seed-0 and so on; runs that are there already are not repeated.

    Returns:
      parameters and macs; seeds; and of train_seconds, test_accuracy and test_accuracy_without_duplicates (absent
      where nothing is tested) the values, their mean, standard deviation (of the sample; 0 for one) and minimum.
    """
    return _summary([_run(config, seed, workdir) for seed in seeds], seeds)


def comparison(config: Config, seeds: Sequence[int]) -> dict[str, Any]:
    """Runs a recipe anew for each seed and times the notebook's way in between, on the same machine at the same time.

    An epoch of the notebook, 96,000 float32 images into `fit` by batches of 64, is cut into as many parts as there are
    seeds; one is timed before each run of the recipe, and their sum stands for one of its 30 epochs.

    Returns:
      What `results` does; notebook_seconds, of 30 epochs; ratio_to_notebook, that over the mean train_seconds.
    """
    found, epoch_seconds = [], 0.0
    notebook = _notebook_parts(config, len(seeds))
    with tempfile.TemporaryDirectory() as workdir:
        for seed in seeds:
            epoch_seconds += next(notebook)
            found.append(_run(config, seed, f"{workdir}/run"))
    row = _summary(found, seeds)
    seconds = _NOTEBOOK_EPOCHS * epoch_seconds
    return {**row, "notebook_seconds": seconds, "ratio_to_notebook": seconds / row["train_seconds"]["mean"]}


def describe(row: dict[str, Any]) -> str:
    """Returns a row of `results` or `comparison` for people."""
    lines = [f"{row['parameters']:,} parameters, {row['macs'] / 1e6:.2f} million MACs, seeds {row['seeds']}"]
    for name, scale, unit in (
        ("train_seconds", 1, "s"),
        ("test_accuracy", 100, "%"),
        ("test_accuracy_without_duplicates", 100, "%"),
    ):
        if name in row:
            mean, spread, least = (row[name][key] * scale for key in ("mean", "standard_deviation", "minimum"))
            lines.append(f"  {name:<34}{mean:>10.2f} ± {spread:.2f} {unit}, minimum {least:.2f}")
    if "ratio_to_notebook" in row:
        lines.append(
            f"  The notebook's way takes {row['notebook_seconds']:,.0f} s: 1/{row['ratio_to_notebook']:.1f} of it."
        )
    return "\n".join(lines)


def _run(config: Config, seed: int, workdir: str) -> dict[str, Any]:
    keras.backend.clear_session()  # of the layers of the run before
    return experiment.run(dataclasses.replace(config, seed=seed), f"{workdir}-seed-{seed}")


def _summary(found: Sequence[dict[str, Any]], seeds: Sequence[int]) -> dict[str, Any]:
    row = {"parameters": found[0]["parameters"], "macs": found[0]["macs"], "seeds": list(seeds)}
    row["train_seconds"] = _statistics([result["train_seconds"] for result in found])
    for name, split in (
        ("test_accuracy", "test"),
        ("test_accuracy_without_duplicates", "test_without_duplicates"),
    ):
        if split in found[0]:
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
        yield (time.perf_counter() - start) * _NOTEBOOK_IMAGES / parts / len(images)
