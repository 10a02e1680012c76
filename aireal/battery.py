"""The robustness battery: what verdicts are worth after compression, noise, blur, resampling and other exposure."""

import dataclasses
import functools
import json
import operator
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from aireal import corruptions, files, machine, metrics, readers, record, scorers
from aireal.config import Config
from aireal.corruptions import Corruption
from aireal.data import Data

_BATCH_SIZE = 256  # images; the noise that each gets depends on it
CLEAN = "clean"
_SEED = 0
# family -> what happens, the word before its strength in a condition's name, the strengths.
_FAMILIES: dict[str, tuple[Corruption, str, tuple[float, ...]]] = {
    "JPEG quality": (corruptions.jpeg, "JPEG", (90, 70, 50, 40, 30)),
    "noise, standard deviation": (corruptions.noise, "noise", (0.01, 0.05, 0.1)),
    "blur, sigma in pixels": (corruptions.blur, "blur", (0.4, 0.6, 1.0, 1.5)),
    "resampled to a share of the edge": (corruptions.resample, "resampled to", (0.75, 0.5, 0.375)),
    "brightness": (corruptions.brightness, "brightness", (0.7, 1.3)),
    "contrast": (corruptions.contrast, "contrast", (0.7, 1.3)),
}
# The strength at which a family leaves pictures as they are, where that is not 0.
UNCHANGED = {"JPEG quality": 100.0, "resampled to a share of the edge": 1.0, "brightness": 1.0, "contrast": 1.0}
# Accuracy on CIFAKE's test split: the best of any model that its authors report, corrupted when tested alone. Clean,
# JPEG 40, noise: a ResNet-18 trained with noise and JPEG (fmckie); JPEG 30: DSF-Net (nihatgaribli); blur: the same
# ResNet-18, and a CNN of 544k parameters; resampled: the CNN of Bird and Lotfi 2024.
PUBLISHED = {
    "clean": 0.973,
    "JPEG 40": 0.958,
    "JPEG 30": 0.933,
    "noise 0.05": 0.96,
    "noise 0.1": 0.962,
    "blur 0.6": 0.874,
    "blur 1": 0.740,
    "resampled to 16": 0.697,
}


@dataclasses.dataclass(frozen=True)
class Condition:
    """One state in which pictures arrive.

    Attributes:
      name: for people, as "JPEG 40".
      family: of those that differ in strength alone; empty for clean pictures.
      strength: as `corrupt` takes it.
      corrupt: what happens; None leaves pictures as they are.
    """

    name: str
    family: str = ""
    strength: float = 0.0
    corrupt: Corruption | None = None


def conditions(image_size: int) -> list[Condition]:
    """Returns the battery for images of this edge in pixels, clean ones first."""
    found = [Condition(CLEAN)]
    for family, (corrupt, word, strengths) in _FAMILIES.items():
        for strength in strengths:
            shown = round(strength * image_size) if corrupt is corruptions.resample else strength
            found.append(Condition(f"{word} {shown:g}", family, strength, corrupt))
    return found


def judge(model: pathlib.Path, run: record.RunFolder, config: Config, name: str) -> tuple[dict[str, Any], pathlib.Path]:
    """Judges a model on the test images in every condition and writes what was found; what was found before is kept.

    Args:
      model: a .keras or .tflite file or a SavedModel folder.
      run: that it lies in.
      config: the run's, perhaps with another source.
      name: of the .json file in the run folder, without the ending.

    Returns:
      The file's contents, what was judged on what, and for each of `conditions` its name, family, strength and the
      figures of `metrics.evaluate`; and the file.

    Raises:
      UserError: the model cannot be loaded, or there are no images.
    """
    data = Data(dataclasses.replace(config, batch_size=_BATCH_SIZE))
    battery = conditions(config.image_size)
    about = {
        "model": files.digest(model),
        "data_fingerprint": data.fingerprint,
        "seed": _SEED,
        "battery": [condition.name for condition in battery],
        "is_cifake": config.strict,
    }
    folder = run.on(data.fingerprint).path
    folder.mkdir(exist_ok=True)
    into = folder / f"{name}.json"
    if into.exists() and (earlier := json.loads(into.read_text())).items() >= about.items():
        return earlier, into
    rows = _measure(scorers.load(model), data, battery)
    result = {**about, "conditions": rows, "environment": machine.environment()}
    files.write_json(into, result)
    return result, into


def _measure(scorer: scorers.Scorer, data: Data, battery: Sequence[Condition]) -> list[dict[str, Any]]:
    label, rows = data.table("test").label, []
    with tqdm.tqdm(total=len(battery) * len(label), unit=" images", leave=False, mininterval=0.5) as progress:
        for index, condition in enumerate(battery):
            progress.set_description(condition.name)
            p_real = []
            for pixels in corrupted(data, condition, index).as_numpy_iterator():
                p_real.append(scorer(pixels))
                progress.update(len(pixels))
            found = metrics.evaluate(label, np.concatenate(p_real))
            rows.append({"name": condition.name, "family": condition.family, "strength": condition.strength, **found})
    return rows


def corrupted(data: Data, condition: Condition, index: int) -> tf.data.Dataset:
    """Returns the test images in a condition: batches [B, S, S, 3] uint8 in the order of `Data.table`."""
    images = data.pixels("test")
    if condition.corrupt is None:
        return images

    def corrupt(batch: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        seed = tf.random.fold_in(tf.constant([_SEED, index], tf.int64), batch)
        return condition.corrupt(pixels, tf.constant(condition.strength), seed)

    return (
        images.enumerate()
        .map(corrupt, num_parallel_calls=readers.PARALLEL_CALLS)
        .with_options(readers.options())
        .prefetch(readers.PREFETCHED)
    )


def table(results: Sequence[dict[str, Any]]) -> str:
    """Returns the figures of a model in every condition; means where there are `results` of several seeds."""
    columns = {
        "accuracy": ("accuracy",),
        "FAKE recall": ("FAKE", "recall"),
        "REAL recall": ("REAL", "recall"),
        "AUC": ("roc_auc",),
        "calibration error": ("expected_calibration_error",),
    }
    means = [values(results, *keys).mean(axis=0) for keys in columns.values()]
    lines = [f"{'':<18}" + "".join(f"{title:>{max(len(title), 6) + 3}}" for title in columns)]
    for name, *figures in zip(results[0]["battery"], *means, strict=True):
        cells = zip(columns, figures, strict=True)
        lines.append(f"{name:<18}" + "".join(f"{figure:>{max(len(title), 6) + 3}.4f}" for title, figure in cells))
    return "\n".join(lines)


def comparison(accuracy: dict[str, np.ndarray], names: Sequence[str], published: dict[str, float]) -> str:
    """Returns the accuracies in percent of models in every condition, ± the standard deviation over their seeds.

    Args:
      accuracy: name of a model -> [seeds, conditions] in [0, 1].
      names: of the conditions.
      published: name of a condition -> the best accuracy that is known.
    """
    width = max(16, *(len(name) + 3 for name in accuracy))
    lines = [f"{'accuracy, %':<18}" + "".join(f"{name:>{width}}" for name in (*accuracy, "best published"))]
    for condition, name in enumerate(names):
        cells = [_mean(100 * found[:, condition]) for found in accuracy.values()]
        cells.append(f"{100 * published[name]:.1f}" if name in published else "")
        lines.append(f"{name:<18}" + "".join(f"{cell:>{width}}" for cell in cells))
    return "\n".join(lines)


def values(results: Sequence[dict[str, Any]], *keys: str) -> np.ndarray:
    """Returns a figure of each of `results` in every condition, as values(results, "FAKE", "recall"): [seeds, C]."""
    return np.array([[functools.reduce(operator.getitem, keys, row) for row in one["conditions"]] for one in results])


def _mean(values: np.ndarray) -> str:
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
