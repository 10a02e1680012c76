"""Models side by side after the robustness battery: the table, the figure, and what may be compared at all."""

import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from aireal.data.records import fingerprint, prepare
from aireal.errors import UserError
from aireal.judging import battery, card, plots
from aireal.judging.battery import Result
from aireal.judging.metrics import Figures
from aireal.runs import drawing
from aireal.runs.folder import run_of
from aireal.runs.tables import Table
from aireal.settings.config import FREE, Config

# Accuracy on CIFAKE's test split, the best that authors report of a model of theirs that they also judged on corrupted
# pictures. Clean, JPEG 40 and noise (0.05: at least): a ResNet-18 trained with noise and JPEG (fmckie); JPEG 30:
# DSF-Net (nihatgaribli); blur: the same ResNet-18, and a CNN of 544k parameters; resampled: the CNN of Bird and Lotfi
# 2024.
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


def compare(
    groups: dict[str, Sequence[pathlib.Path]],
    overrides: dict[str, str | None],
    figure: pathlib.Path | None,
    split: str = "test",
) -> None:
    """Judges models, prints a table and draws a figure.

    Args:
      groups: name -> model files; those of one name are of runs that differ in their seed.
      overrides: fields of the runs' configs with other values, as a source.
      figure: the file; None is one beside the first result.
      split: the images that they are judged on, "test" or "validation".

    Raises:
      UserError: models cannot be compared, or one cannot be loaded.
    """
    runs = {model: run_of(model) for models in groups.values() for model in models}
    configs = {model: run.config(**overrides, cache="none") for model, run in runs.items()}
    _check_alike(groups, configs)
    _check_same_images(configs.values())
    by_model, beside = {}, None
    for model, run in runs.items():
        by_model[model], place = battery.judge(model, run, configs[model], split)
        print(f"{model} is judged on {by_model[model].basis.n:,} {split} images in {place}.", flush=True)
        beside = beside or place.with_suffix(".png")
        card.write(run)
    found = {name: [by_model[model] for model in models] for name, models in groups.items()}
    accuracy = {name: values(results, lambda figures: figures.accuracy) for name, results in found.items()}
    judged = list(by_model.values())
    published = PUBLISHED if all(result.basis.is_cifake for result in judged) else {}
    own = split == "validation" and len(runs) > 1  # so figures differ by the images as well
    images = "each run's own validation images" if own else f"{judged[0].basis.n:,} {split} images"
    _print(found, accuracy, published, images)
    figure = figure or (beside if sum(map(len, groups.values())) == 1 else beside.with_name(f"comparison-{split}.png"))
    title = f"Accuracy on {images}"
    drawing.write(plots.robustness(judged[0].conditions, accuracy, battery.UNCHANGED, published, title), figure)
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


def _print(
    found: dict[str, list[Result]], accuracy: dict[str, np.ndarray], published: dict[str, float], images: str
) -> None:
    print(f"\nOn {images}:")
    for name, results in found.items():
        print(f"\n{name}" * (len(found) > 1) + f"\n{table(results)}")
    if len(found) > 1:
        print(f"\n{side_by_side(accuracy, results[0].basis.battery, published)}")


def table(results: Sequence[Result]) -> Table:
    """Returns the figures of a model in every condition; means where there are `results` of several seeds."""
    columns: dict[str, Callable[[Figures], float]] = {
        "accuracy": lambda figures: figures.accuracy,
        "FAKE recall": lambda figures: figures.by_class["FAKE"].recall,
        "REAL recall": lambda figures: figures.by_class["REAL"].recall,
        "AUC": lambda figures: figures.roc_auc,
        "calibration error": lambda figures: figures.expected_calibration_error,
    }
    means = {name: values(results, figure).mean(axis=0) for name, figure in columns.items()}
    if all(result.basis.rule.keys() & {"risk"} for result in results):
        for name, figure in {"given": "coverage", "of them wrong": "error"}.items():
            means[name] = np.mean(
                [[getattr(one.selective, figure) for one in result.conditions] for result in results], 0
            )
    corner = f"mean of {len(results)} seeds" if len(results) > 1 else ""
    conditions = zip(results[0].basis.battery, *means.values(), strict=True)
    return Table([corner, *means], [[name, *(f"{mean:.4f}" for mean in row)] for name, *row in conditions])


def side_by_side(accuracy: dict[str, np.ndarray], names: Sequence[str], published: dict[str, float]) -> Table:
    """Returns the accuracies in percent of models in every condition, ± the standard deviation over their seeds.

    Args:
      accuracy: name of a model -> [seeds, conditions] in [0, 1].
      names: of the conditions.
      published: name of a condition -> the best accuracy that is known.
    """
    columns = [*accuracy, *(["best published"] if published else [])]
    rows = []
    for condition, name in enumerate(names):
        cells = [_mean(100 * found[:, condition]) for found in accuracy.values()]
        if published:
            cells.append(f"{100 * published[name]:.1f}" if name in published else "")
        rows.append([name, *cells])
    return Table(["accuracy, %", *columns], rows)


def values(results: Sequence[Result], figure: Callable[[Figures], float]) -> np.ndarray:
    """Returns one figure of each of `results` in every condition: [seeds, conditions]."""
    return np.array([[figure(condition.figures) for condition in result.conditions] for result in results])


def _mean(values: np.ndarray) -> str:
    spread = f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{np.mean(values):.2f}{spread}"
