"""What a trained model is worth: scores -> result.json, predictions.csv, figures and the printed tables."""

import pathlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tqdm

from aireal.data.batches import LABELS, Data, Table
from aireal.judging import calibration, metrics, plots
from aireal.network import models
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.verdicts import scorers

_ERRORS_SHOWN = 24


def evaluate(folder: RunFolder, data: Data, splits: Sequence[str], into: RunFolder | None = None) -> dict[str, Any]:
    """Judges the run's model and writes what was found into its folder.

    Args:
      folder: a trained run.
      data: its data, or other data.
      splits: of train, validation and test; predictions.csv and the figures are about the last one.
      into: the folder for what was found, where it is not the run's own.

    Returns:
      The contents of result.json: each split with the figures of `metrics.evaluate`, `accuracy_by_object` and
      `before_calibration` (those of `calibration.figures_before`), and `test_without_duplicates`, the test images that
      are no copies of training images (left out where these are not of both classes, and on other data).

    Raises:
      UserError: a split has no images, or the model cannot be loaded or gives no numbers.
    """
    into = into or folder
    into.path.mkdir(exist_ok=True)
    for split in splits:
        data.check_judging(split)
    model = scorers.load(folder.model).model
    calibrated = folder.result().get("calibration")
    for split in splits:
        table = data.table(split)
        p_real = scorers.finite(scores(model, data, split), folder.model)
        found = {split: _figures(table, p_real, data.objects, calibrated)}
        unseen = ~np.char.startswith(table.copy_of, "train/")
        own = split == "test" and data.fingerprint == folder.fingerprint()
        if own and len(np.unique(table.label[unseen])) == len(LABELS):
            found["test_without_duplicates"] = _figures(table.rows(unseen), p_real[unseen], data.objects, calibrated)
        result = into.update_result(**found)
    _write_predictions(into.path / "predictions.csv", table, p_real, data.objects)
    _draw(into, data, split, table, p_real)
    _print(into, split, table, p_real, result)
    return result


def scores(model: keras.Model, data: Data, split: str) -> np.ndarray:
    """Returns p_real of every image of a split: [N] float32, in the order of `data.table`."""
    forward = models.scorer(model)
    batches = tqdm.tqdm(data.evaluation(split), f"scoring {split}", unit=" steps", leave=False, mininterval=0.5)
    return np.concatenate([forward(images) for images, _ in batches])


def _figures(
    table: Table, p_real: np.ndarray, objects: Sequence[str], calibrated: dict[str, Any] | None
) -> dict[str, Any]:
    figures = metrics.evaluate(table.label, p_real)
    if calibrated:
        figures["before_calibration"] = calibration.figures_before(calibrated, table.label, p_real)
    if np.any(table.object >= 0):
        figures["accuracy_by_object"] = metrics.accuracy_by_group(table.label, p_real, _names(table.object, objects))
    return figures


def _names(indices: np.ndarray, objects: Sequence[str]) -> np.ndarray:
    return np.array([*objects, ""])[indices]  # -1, unknown, is the empty name at the end


def _write_predictions(path: pathlib.Path, table: Table, p_real: np.ndarray, objects: Sequence[str]) -> None:
    columns = (table.filename, np.array(LABELS)[table.label], _names(table.object, objects), table.copy_of)
    # str() of a float32 has just the digits that give the same float32 again.
    rows = zip(*columns, map(str, p_real), strict=True)
    files.write_csv(path, ["filename", "label", "object", "copy_of", "p_real"], rows)


def _draw(folder: RunFolder, data: Data, split: str, table: Table, p_real: np.ndarray) -> None:
    wrong = np.flatnonzero((p_real >= 0.5) != (table.label == metrics.REAL))
    worst = wrong[np.argsort(-np.abs(p_real[wrong] - 0.5), kind="stable")][:_ERRORS_SHOWN]
    figures = {
        "confusion_matrix.png": plots.confusion_matrix(table.label, p_real, split),
        "roc.png": plots.roc(table.label, p_real, split),
        "calibration.png": plots.calibration(table.label, p_real, split),
        "errors.png": plots.errors(
            data.images(split, worst) if len(worst) else [], table.rows(worst), p_real[worst], LABELS, split
        ),
    }
    if rows := folder.rows():
        figures["curves.png"] = plots.curves(rows)
    for name, figure in figures.items():
        with files.replacing(folder.path / name) as path:
            figure.savefig(path)


def _print(folder: RunFolder, split: str, table: Table, p_real: np.ndarray, result: dict[str, Any]) -> None:
    print(f"\n{split}: {len(table):,} images, a picture is called REAL from p_real 0.5 on")
    print(metrics.classification_report(table.label, p_real))
    (fake_as_fake, fake_as_real), (real_as_fake, real_as_real) = result[split]["confusion_matrix"]
    print("                 called FAKE  called REAL")
    print(f"       is FAKE  {fake_as_fake:>12,} {fake_as_real:>12,}")
    print(f"       is REAL  {real_as_fake:>12,} {real_as_real:>12,}\n")
    columns = [name for name in ("train", "validation", "test", "test_without_duplicates") if name in result]
    lines = {
        "accuracy": "accuracy",
        "ROC AUC": "roc_auc",
        "average precision (FAKE)": "average_precision",
        "fakes caught at 1 % FPR": "tpr_at_1_percent_fpr",
        "Brier score": "brier_score",
        "calibration error": "expected_calibration_error",
    }
    print(" " * 26 + "".join(f"{name.replace('_', ' '):>{len(name) + 3}}" for name in columns))
    print(f"{'images':<26}" + "".join(f"{result[name]['n']:>{len(name) + 3},}" for name in columns))
    for title, key in lines.items():
        print(f"{title:<26}" + "".join(f"{result[name][key]:>{len(name) + 3}.4f}" for name in columns))
    if "before_calibration" in result[split]:
        before = {name: result[name]["before_calibration"]["expected_calibration_error"] for name in columns}
        cells = (f"{value:>{len(name) + 3}.4f}" for name, value in before.items())
        print(f"{'  before calibration':<26}" + "".join(cells))
    if by_object := result[split].get("accuracy_by_object"):
        print(f"\n{split} accuracy by object")
        for name, row in by_object.items():
            print(f"  {name:<12} {row['accuracy']:.4f}  of {row['n']:,}")
    if "train_seconds" in result:
        memory = f"{result['peak_memory_bytes'] / 2**30:.2f} GiB"
        seconds = f"{result['train_seconds']:,.1f} s"
        print(f"\n{result['parameters']:,} parameters, trained in {seconds}, peak memory {memory}.")
    print(f"\nEverything is in {folder.path}:")
    print("  " + "  ".join(sorted(path.name for path in folder.path.iterdir() if not path.name.startswith("."))))
