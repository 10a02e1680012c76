"""What a trained model is worth: scores -> result.json, predictions.csv, figures and the printed tables."""

import dataclasses
import pathlib
from collections.abc import Sequence, Set
from typing import Any

import numpy as np

from aireal.data import records
from aireal.data.batches import Data
from aireal.judging import calibration, card, groups, metrics, plots, selective
from aireal.judging.groups import Group
from aireal.judging.scoring import score
from aireal.judging.selective import Selective
from aireal.judging.shortcuts import Shortcuts
from aireal.runs import drawing, files
from aireal.runs.folder import RunFolder
from aireal.runs.tables import Table
from aireal.settings.config import Config
from aireal.verdicts import scorers
from aireal.verdicts.contract import Contract
from aireal.verdicts.forms import Scorer
from aireal.verdicts.verdict import REAL, Rule
from builders import progress
from builders.cifake.layout import LABELS

_ERRORS_SHOWN = 24
_COLUMNS = ("filename", "label", "object", "copy_of", "group", "pair")  # of predictions.csv, before the scores
_FIGURES = {  # what is printed of each split: title -> key of result.json
    "accuracy": "accuracy",
    "ROC AUC": "roc_auc",
    "average precision (FAKE)": "average_precision",
    "fakes caught at 1 % FPR": "tpr_at_1_percent_fpr",
    "Brier score": "brier_score",
    "calibration error": "expected_calibration_error",
}


@dataclasses.dataclass(frozen=True)
class _Judged:
    """What a model says of N images of a split: their table, p_real [N], why there is no verdict [N], and the rule.

    `learnt` has class and group of the images that it learned from, as far as that is known.
    """

    table: records.Table
    p_real: np.ndarray
    reasons: np.ndarray
    rule: Rule
    learnt: Set[tuple[str, str]] | None

    @classmethod
    def of(cls, scorer: Scorer, data: Data, split: str, rule: Rule) -> "_Judged":
        scores = score(scorer, data, split)
        fits = rule.edges is None or np.array([rule.fits(size) for size in data.sizes(split)], bool)
        reasons = rule.reasons(scores.p_real, scores.foreign, fits)
        return cls(data.table(split), scores.p_real, reasons, rule, data.learnt_groups())

    def rows(self, mask: np.ndarray) -> "_Judged":
        return _Judged(self.table.rows(mask), self.p_real[mask], self.reasons[mask], self.rule, self.learnt)

    def by_group(self) -> list[Group]:
        return groups.judge(self.table, self.p_real, self.rule, self.learnt)


def evaluate(folder: RunFolder, data: Data, splits: Sequence[str], into: RunFolder | None = None) -> dict[str, Any]:
    """Judges the run's model and writes what was found into its folder.

    Args:
      folder: a trained run.
      data: its data, or other data.
      splits: of train, validation and test; predictions.csv and the figures are about the last one.
      into: the folder for what was found, where it is not the run's own.

    Returns:
      The contents of result.json: each split with the figures of `metrics.Figures`, which every image has a part in,
      `selective` (`selective.Selective`, of the verdicts given), `accuracy_by_object`, `by_group` (`groups.Group`) and
      `before_calibration` (`calibration.Quality`), and `test_without_duplicates`, the test images that
      are no copies of training images (left out where these are not of both classes, and on other data); `shortcuts`,
      what tells the classes of the last split without the pictures (`shortcuts.Shortcuts`), and `shortcuts_resaved`,
      what does after `--resave=all`.

    Raises:
      UserError: a split has no images, or the model cannot be loaded or gives no numbers.
    """
    into = into or folder
    into.path.mkdir(exist_ok=True)
    for split in splits:
        data.check_judging(split)
    scorer = scorers.load(folder.model)
    rule = Contract.load(scorer.path, scorer.input_size).rule
    for split in splits:
        judged = _Judged.of(scorer, data, split, rule)
        into.update_result(**_of_split(folder, data, split, judged))
    beside = _shortcuts(data, split)
    result = into.update_result(**{name: found.as_dict() for name, found in beside.items()})
    _write_predictions(into.path / "predictions.csv", judged, data.objects)
    _draw(into, data, split, judged)
    card.write(folder)
    _print(into, split, judged, result, list(beside.values()), own=into is folder)
    return result


def _of_split(folder: RunFolder, data: Data, split: str, judged: "_Judged") -> dict[str, Any]:
    """Returns the figures of a split, and of those of its images that are no copies, as `evaluate` names them."""
    calibrated = folder.result().get("calibration")
    found = {split: _figures(judged, data.objects, calibrated)}
    unseen = judged.rows(data.unseen(split))
    own = split == "test" and data.fingerprint == folder.fingerprint()
    if own and len(np.unique(unseen.table.label)) == len(LABELS):
        found["test_without_duplicates"] = _figures(unseen, data.objects, calibrated)
    return found


def evaluate_alone(folder: RunFolder, config: Config, split: str) -> dict[str, Any]:
    """Judges a trained run again, with its folder held; figures of other images go into a folder of theirs.

    Args:
      folder: a trained run.
      config: the run's, perhaps with another source.
      split: train, validation or test.

    Returns:
      The contents of result.json, as `evaluate`.

    Raises:
      UserError: as `evaluate`; the source cannot be used; another process is at work in the folder.
    """
    data = Data(config, learnt_from=folder.fingerprint())
    with folder.hold():
        return evaluate(folder, data, [split], folder.on(data.fingerprint))


def _shortcuts(data: Data, split: str) -> dict[str, Shortcuts]:
    """Returns by key of result.json what tells the classes of a split without the pictures."""
    found = {"shortcuts": Shortcuts.of(data, split)}
    if data.config.resave == "all":
        found["shortcuts_resaved"] = Shortcuts.of(data, split, as_judged=True)
    return found


def _figures(judged: _Judged, objects: Sequence[str], calibrated: dict[str, Any] | None) -> dict[str, Any]:
    table, p_real, rule = judged.table, judged.p_real, judged.rule
    figures = metrics.Figures.of(table.label, p_real, rule).as_dict()
    figures["selective"] = Selective.of(table.label, p_real, judged.reasons, rule).as_dict()
    if calibrated:
        figures["before_calibration"] = dataclasses.asdict(calibration.quality_before(calibrated, table.label, p_real))
    if np.any(table.object >= 0):
        group = _names(table.object, objects)
        figures["accuracy_by_object"] = metrics.accuracy_by_group(table.label, p_real, group, rule)
    if np.any(table.group != ""):
        figures["by_group"] = [group.as_dict() for group in judged.by_group()]
    return figures


def _names(indices: np.ndarray, objects: Sequence[str]) -> np.ndarray:
    return np.array([*objects, ""])[indices]  # -1, unknown, is the empty name at the end


def _write_predictions(path: pathlib.Path, judged: _Judged, objects: Sequence[str]) -> None:
    table, verdicts = judged.table, judged.rule.verdicts(judged.p_real, judged.reasons)
    columns = (table.filename, np.array(LABELS)[table.label], _names(table.object, objects), table.copy_of)
    columns += (table.group, table.pair)
    # str() of a float32 has just the digits that give the same float32 again.
    rows = zip(*columns, map(str, judged.p_real), verdicts, judged.reasons, strict=True)
    files.write_csv(path, [*_COLUMNS, "p_real", "verdict", "reason"], rows)


def _draw(folder: RunFolder, data: Data, split: str, judged: _Judged) -> None:
    table, p_real, rule = judged.table, judged.p_real, judged.rule
    wrong = np.flatnonzero(rule.is_real(p_real) != (table.label == REAL))
    given = Selective.of(table.label, p_real, judged.reasons, rule) if rule.withholds else None
    worst = wrong[np.argsort(-rule.confidence(p_real[wrong]), kind="stable")][:_ERRORS_SHOWN]
    figures = {
        "confusion_matrix.png": plots.confusion_matrix(table.label, p_real, split, rule),
        "roc.png": plots.roc(table.label, p_real, split),
        "risk_coverage.png": plots.risk_coverage(*selective.curve(table.label, p_real, rule), split, rule.risk, given),
        "calibration.png": plots.reliability(table.label, p_real, split, rule),
        "errors.png": plots.errors(
            data.images(split, worst) if len(worst) else [], table.rows(worst), p_real[worst], split
        ),
    }
    if rows := folder.rows():
        figures["curves.png"] = plots.curves(rows)
    for name, figure in progress.bar(figures.items(), "drawing", unit=" figures", leave=False):
        drawing.write(figure, folder.path / name)


def _print(
    folder: RunFolder, split: str, judged: _Judged, result: dict[str, Any], beside: list[Shortcuts], *, own: bool
) -> None:
    table, rule = judged.table, judged.rule
    print(f"\n{split}: {len(table):,} images, {rule}")
    print(metrics.classification_report(table.label, judged.p_real, rule))
    confusion = zip(LABELS, result[split]["confusion_matrix"], strict=True)
    called = [f"called {label}" for label in LABELS]
    print(Table(["", *called], [[f"is {label}", *(f"{count:,}" for count in row)] for label, row in confusion]))
    print(f"\n{_side_by_side(result)}")
    if rule.withholds:
        print(f"\n{Selective(**result[split]['selective'])}")
    if by_object := result[split].get("accuracy_by_object"):
        rows = [[name, f"{row['accuracy']:.4f}", f"{row['n']:,}"] for name, row in by_object.items()]
        print(f"\n{Table([split, 'accuracy', 'images'], rows)}")
    if by_group := result[split].get("by_group"):
        print(f"\n{groups.table([Group(**group) for group in by_group], split)}")
    first, *resaved = beside
    print(f"\n{first.beside(table.label, judged.p_real, *resaved, own=own)}")
    if "train_seconds" in result:
        print(f"\n{result['parameters']:,} parameters, trained in {result['train_seconds']:,.1f} s.")
    print(f"\nEverything is in {folder.path}:")
    print("  " + "  ".join(sorted(path.name for path in folder.path.iterdir() if not path.name.startswith("."))))


def _side_by_side(result: dict[str, Any]) -> Table:
    """Returns the figures of all splits that were judged so far."""
    splits = [name for name in ("train", "validation", "test", "test_without_duplicates") if name in result]
    rows = [["images", *(f"{result[name]['n']:,}" for name in splits)]]
    rows += [[title, *(f"{result[name][key]:.4f}" for name in splits)] for title, key in _FIGURES.items()]
    before = [result[name].get("before_calibration", {}).get("expected_calibration_error") for name in splits]
    if any(before):
        rows.append(["  before calibration", *("" if value is None else f"{value:.4f}" for value in before)])
    return Table(["", *(name.replace("_", " ") for name in splits)], rows)
