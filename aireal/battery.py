"""The robustness battery: what verdicts are worth after compression, noise, blur, resampling and other exposure."""

import dataclasses
import functools
import json
import operator
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm

from aireal import corruptions, files, machine, metrics, plots, readers, record, scorers
from aireal.config import FREE, Config, UserError
from aireal.corruptions import Corruption
from aireal.data import Data, fingerprint
from aireal.prepared import prepare

_BATCH_PIXELS = 256 * 32 * 32  # judged at a time; the noise that an image gets depends on it
_SEED = 0
_CIFAKE_TEST_IMAGES = 20_000
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
# Accuracy on CIFAKE's test split, the best that authors report of a model of theirs. JPEG 40 and noise (0.05: at
# least): a ResNet-18 trained with noise and JPEG (fmckie); JPEG 30: DSF-Net (nihatgaribli); blur: the same ResNet-18,
# and a CNN of 544k parameters; resampled: the CNN of Bird and Lotfi 2024.
PUBLISHED = {
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
      seed: of what is random in it.
    """

    name: str
    family: str = ""
    strength: float = 0.0
    corrupt: Corruption | None = None
    seed: int = 0


def conditions(image_size: int) -> list[Condition]:
    """Returns the battery for images of this edge in pixels, clean ones first."""
    found = [Condition("clean")]
    for family, (corrupt, word, strengths) in _FAMILIES.items():
        for strength in strengths:
            shown = round(strength * image_size) if corrupt is corruptions.resample else strength
            found.append(Condition(f"{word} {shown:g}", family, strength, corrupt, seed=len(found)))
    return found


def compare(
    groups: dict[str, Sequence[pathlib.Path]], overrides: dict[str, str | None], figure: pathlib.Path | None
) -> None:
    """Judges models, prints a table and draws a figure.

    Args:
      groups: name -> model files; those of one name are of runs that differ in their seed.
      overrides: fields of the runs' configs with other values, as a source.
      figure: the file; None is one beside the first result.

    Raises:
      UserError: models cannot be compared, or one cannot be loaded.
    """
    runs = {model: record.run_of(model) for models in groups.values() for model in models}
    configs = {model: run.config(**overrides, cache="none") for model, run in runs.items()}
    _check_alike(groups, configs)
    _check_same_images(configs.values())
    found, places = {}, []
    for name, models in groups.items():
        found[name] = results = []
        for model in models:
            result, place = judge(model, runs[model], configs[model])
            results.append(result)
            places.append(place)
            print(f"{model} is judged in {place}.", flush=True)
    accuracy = {name: values(results, "accuracy") for name, results in found.items()}
    published = PUBLISHED if result["is_cifake"] else {}
    print("\n" + (table(results) if len(found) == 1 else comparison(accuracy, result["battery"], published)))
    figure = figure or (places[0].with_suffix(".png") if len(places) == 1 else places[0].with_name("comparison.png"))
    with files.replacing(figure) as path:
        plots.robustness(result["conditions"], accuracy, UNCHANGED, published).savefig(path)
    print(f"\nThe figure is {figure}.")


def _check_alike(groups: dict[str, Sequence[pathlib.Path]], configs: dict[pathlib.Path, Config]) -> None:
    """Raises UserError where models would be compared that saw other images, or averaged that are not alike."""
    if len({(config.image_size, config.strict) for config in configs.values()}) > 1:
        raise UserError(
            "These models see pictures of other sizes or kinds, so their figures cannot be compared. Judge each by "
            "itself."
        )
    for name, models in groups.items():
        first, *others = (_recipe(configs[model]) for model in models)
        if any(other != first for other in others) or len({configs[model].seed for model in models}) < len(models):
            raise UserError(
                f"{name} are not runs that differ in their seed alone, so their mean would mean nothing. To see them "
                "side by side, name them one by one: --run=ONE,OTHER."
            )


def _check_same_images(configs: Iterable[Config]) -> None:
    """Raises UserError where the models' runs have other images than each other."""
    sources = {fingerprint(prepare(config)): config.source for config in configs}
    if len(sources) > 1:
        raise UserError(
            f"These models would be judged on different images: {', '.join(sources.values())}. Give "
            "--source=FOLDER_OR_ARCHIVE, to judge all on the same."
        )


def _recipe(config: Config) -> dict[str, Any]:
    return {name: value for name, value in vars(config).items() if name not in (*FREE, "seed")}


def judge(model: pathlib.Path, run: record.RunFolder, config: Config) -> tuple[dict[str, Any], pathlib.Path]:
    """Judges a model on the test images in every condition and writes what was found; what was found before is kept.

    Args:
      model: a .keras or .tflite file or a SavedModel folder.
      run: that it lies in; the file is written into its folder.
      config: the run's, perhaps with another source.

    Returns:
      The file's contents, what was judged on what, and for each of `conditions` its name, family, strength and the
      figures of `metrics.evaluate`; and the file.

    Raises:
      UserError: the model cannot be loaded or takes other pictures, or there are none.
    """
    batch_size = max(_BATCH_PIXELS // config.image_size**2, 1)
    data = Data(config.for_judging(batch_size))
    battery = conditions(config.image_size)
    about = {
        "model": files.digest(model),
        "data_fingerprint": data.fingerprint,
        "is_cifake": config.strict and config.image_size == 32 and len(data.table("test")) == _CIFAKE_TEST_IMAGES,
        "battery": [condition.name for condition in battery],
        "corruptions": files.digest(pathlib.Path(corruptions.__file__)),
        "seed": _SEED,
        "batch_size": batch_size,
    }
    folder = run.on(data.fingerprint).path
    folder.mkdir(exist_ok=True)
    into = folder / ("robustness.json" if model == run.model else f"robustness-{model.stem}.json")
    if into.exists() and (earlier := json.loads(into.read_text())).items() >= about.items():
        return earlier, into
    result = {**about, "conditions": _measure(model, data, battery), "environment": machine.environment()}
    files.write_json(into, result)
    return result, into


def _measure(model: pathlib.Path, data: Data, battery: Sequence[Condition]) -> list[dict[str, Any]]:
    scorer, label, rows = scorers.load(model), data.table("test").label, []
    if scorer.image_size != data.config.image_size:
        raise UserError(
            f"{model} takes pictures of {scorer.image_size} pixels, the run's have {data.config.image_size}."
        )
    with tqdm.tqdm(total=len(battery) * len(label), unit=" images", leave=False, mininterval=0.5) as progress:
        for condition in battery:
            progress.set_description(condition.name)
            p_real = []
            for pixels in corrupted(data, condition).as_numpy_iterator():
                p_real.append(scorer(pixels))
                progress.update(len(pixels))
            found = metrics.evaluate(label, np.concatenate(p_real))
            rows.append({"name": condition.name, "family": condition.family, "strength": condition.strength, **found})
    return rows


def corrupted(data: Data, condition: Condition) -> tf.data.Dataset:
    """Returns the test images in a condition: batches [B, S, S, 3] uint8 in the order of `Data.table`."""
    images = data.pixels("test")
    if condition.corrupt is None:
        return images

    def corrupt(batch: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
        seed = tf.random.fold_in(tf.constant([_SEED, condition.seed], tf.int64), batch)
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
    corner = f"mean of {len(results)} seeds" if len(results) > 1 else ""
    lines = [f"{corner:<18}" + "".join(f"{title:>{max(len(title), 6) + 3}}" for title in columns)]
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
    width = max(17, *(len(name) + 3 for name in accuracy))
    columns = (*accuracy, "best published") if published else accuracy
    lines = [f"{'accuracy, %':<18}" + "".join(f"{name:>{width}}" for name in columns)]
    for condition, name in enumerate(names):
        cells = [_mean(100 * found[:, condition]) for found in accuracy.values()]
        cells.append(f"{100 * published[name]:.1f}" if name in published else "")
        lines.append((f"{name:<18}" + "".join(f"{cell:>{width}}" for cell in cells)).rstrip())
    return "\n".join(lines)


def values(results: Sequence[dict[str, Any]], *keys: str) -> np.ndarray:
    """Returns a figure of each of `results` in every condition, as values(results, "FAKE", "recall"): [seeds, C]."""
    return np.array([[functools.reduce(operator.getitem, keys, row) for row in one["conditions"]] for one in results])


def _mean(values: np.ndarray) -> str:
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
