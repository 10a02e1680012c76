"""aireal.judging.comparison: what is compared, how it is averaged over seeds, and drawn."""

import dataclasses
import shutil

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.judging import battery, comparison, plots
from aireal.settings import flagfile


def test_published_figures_are_of_conditions():
    assert set(comparison.PUBLISHED) < {condition.name for condition in battery.conditions(32)}


def test_runs_that_are_not_alike_are_neither_compared_nor_averaged(trained, tmp_path):
    config, folder = trained
    for name, change in {"seed": {"seed": 1}, "other": {"filters": (8, 8)}, "large": {"image_size": 48}}.items():
        copy = tmp_path / name
        copy.mkdir()
        shutil.copy(folder / "model.keras", copy)
        (copy / "flags.cfg").write_text(flagfile.dumps(dataclasses.replace(config, **change)))
    model = {name: tmp_path / name / "model.keras" for name in ("seed", "other", "large")}
    with pytest.raises(UserError, match="mine are not runs that differ in their seed alone"):
        comparison.compare({"mine": [model["seed"], model["other"]]}, {}, None)
    with pytest.raises(UserError, match="other sizes or kinds"):
        comparison.compare({"mine": [model["seed"]], "yours": [model["large"]]}, {}, None)
    with pytest.raises(UserError, match="judged on different images: demo, demo"):
        comparison.compare({"mine": [model["seed"]], "yours": [folder / "model.keras"]}, {}, None)


def test_tables_and_figure(judged, tmp_path):
    _, _, result = judged
    lines = str(comparison.table([result])).splitlines()
    assert len(lines) == 1 + len(result.basis.battery)
    row = result.conditions[4].figures
    figures = [row.accuracy, *(row.by_class[label].recall for label in ("FAKE", "REAL")), row.roc_auc]
    expected = " ".join(f"{figure:.4f}" for figure in (*figures, row.expected_calibration_error))
    assert " ".join(lines[5].split()) == f"JPEG 40 {expected}"
    one = comparison.values([result], lambda figures: figures.accuracy)
    accuracy = {"one": one, "two": np.concatenate([one, one - 0.02])}
    compared = str(comparison.side_by_side(accuracy, result.basis.battery, {"JPEG 40": 0.958})).splitlines()
    assert f"{100 * row.accuracy - 1:.2f} ± 1.41" in compared[5]  # a deviation of two is their distance / sqrt(2)
    assert compared[5].endswith("95.8")
    figure = plots.robustness(result.conditions, accuracy, battery.UNCHANGED, {"JPEG 40": 0.958}, "Accuracy")
    assert figure.get_suptitle() == "Accuracy"
    assert [axes.get_xlabel() for axes in figure.axes if axes.axison] == list(
        dict.fromkeys(condition.family for condition in result.conditions[1:])
    )
    jpeg = figure.axes[0]
    labels = dict(zip(jpeg.get_xticks(), [label.get_text() for label in jpeg.get_xticklabels()], strict=True))
    assert labels == {100: "clean", 90: "90", 70: "70", 50: "50", 40: "40", 30: "30"}
    assert jpeg.get_xlim()[0] > jpeg.get_xlim()[1]  # quality falls to the right
    line = next(line for line in jpeg.lines if line.get_label() == "one")
    np.testing.assert_allclose(line.get_xdata(), [30, 40, 50, 70, 90, 100])
    np.testing.assert_allclose(line.get_ydata(), accuracy["one"][0, [5, 4, 3, 2, 1, 0]])
