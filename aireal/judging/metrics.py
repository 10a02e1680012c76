"""Arrays -> numbers. scikit-learn does the work."""

import dataclasses
from typing import Any

import numpy as np
from sklearn import metrics as sk

from aireal.verdicts.verdict import DEFAULT, FAKE, REAL, Rule
from builders.cifake.layout import LABELS

RELIABILITY_BINS = 15


@dataclasses.dataclass(frozen=True)
class ClassFigures:
    """Figures of one class: of verdicts that name it (precision), of its pictures (recall), of both (f1)."""

    precision: float
    recall: float
    f1: float
    support: int  # pictures of the class


@dataclasses.dataclass(frozen=True)
class Figures:
    """What scores are worth against labels.

    Attributes:
      n: pictures.
      accuracy: share of right verdicts.
      by_class: FAKE and REAL -> their figures.
      confusion_matrix: rows: truth, columns: verdict, FAKE first.
      roc_auc: area under the ROC curve.
      average_precision: with FAKE as the positive class, as the next.
      tpr_at_1_percent_fpr: share of fakes caught when 1 % of photographs are accused.
      brier_score: mean square of p_real - label.
      expected_calibration_error: as the function of this name has it.
    """

    n: int
    accuracy: float
    by_class: dict[str, ClassFigures]
    confusion_matrix: list[list[int]]
    roc_auc: float
    average_precision: float
    tpr_at_1_percent_fpr: float
    brier_score: float
    expected_calibration_error: float

    @classmethod
    def of(cls, label: np.ndarray, p_real: np.ndarray, rule: Rule = DEFAULT) -> "Figures":
        """Judges scores against labels.

        Args:
          label: [N] integer, 0 = FAKE, 1 = REAL; both occur.
          p_real: [N] float in [0, 1].
          rule: the verdict of each score.
        """
        verdict = rule.is_real(p_real).astype(int)
        report = sk.classification_report(
            label, verdict, labels=[FAKE, REAL], target_names=LABELS, output_dict=True, zero_division=0
        )
        is_fake = label == FAKE
        return cls(
            n=len(label),
            accuracy=float(np.mean(verdict == label)),
            by_class={name: _class_figures(report[name]) for name in LABELS},
            confusion_matrix=sk.confusion_matrix(label, verdict, labels=[FAKE, REAL]).tolist(),
            roc_auc=float(sk.roc_auc_score(is_fake, -p_real)),
            average_precision=float(sk.average_precision_score(is_fake, -p_real)),
            tpr_at_1_percent_fpr=tpr_at_fpr(is_fake, -p_real, 0.01),
            brier_score=float(sk.brier_score_loss(label, p_real)),
            expected_calibration_error=expected_calibration_error(label, p_real, rule),
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns them for JSON, the classes side by side with the rest."""
        found = dataclasses.asdict(self)
        return {"n": found.pop("n"), "accuracy": found.pop("accuracy"), **found.pop("by_class"), **found}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "Figures":
        """Returns the figures that `as_dict` gave; what else the dictionary holds is left out."""
        own = {field.name: found[field.name] for field in dataclasses.fields(cls) if field.name != "by_class"}
        return cls(**own, by_class={name: ClassFigures(**found[name]) for name in LABELS})


def classification_report(label: np.ndarray, p_real: np.ndarray, rule: Rule = DEFAULT) -> str:
    """Returns scikit-learn's table of precision, recall and F1 for both classes."""
    return sk.classification_report(
        label, rule.is_real(p_real), labels=[FAKE, REAL], target_names=LABELS, digits=4, zero_division=0
    )


def tpr_at_fpr(positive: np.ndarray, score: np.ndarray, at_most: float) -> float:
    """Returns the largest true positive rate of all thresholds whose false positive rate is `at_most` or less."""
    fpr, tpr, _ = sk.roc_curve(positive, score, drop_intermediate=False)
    return float(tpr[fpr <= at_most].max())


def expected_calibration_error(label: np.ndarray, p_real: np.ndarray, rule: Rule = DEFAULT) -> float:
    """Mean gap between confidence and accuracy over 15 equal-width bins of confidence, weighted by their counts.

    The confidence is the model's score for its verdict (`Rule.confidence`): Guo et al. 2017, "On Calibration of Modern
    Neural Networks", equation 3.
    """
    bins = reliability(label, p_real, rule)
    return float(np.sum(bins.count * np.abs(bins.confidence - bins.accuracy)) / np.sum(bins.count))


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Accuracy over confidence, in bins of equal width over [0, 1]; a bin holds its upper edge."""

    edges: np.ndarray  # [16]
    count: np.ndarray  # [15] pictures in each bin
    confidence: np.ndarray  # [15] mean of the verdicts', 0 in an empty bin, as the next
    accuracy: np.ndarray  # [15]


def reliability(label: np.ndarray, p_real: np.ndarray, rule: Rule = DEFAULT) -> Reliability:
    """Returns how often verdicts of each confidence are right."""
    confidence, correct = rule.confidence(p_real), rule.is_real(p_real) == (label == REAL)
    edges = np.linspace(0, 1, RELIABILITY_BINS + 1)
    index = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, RELIABILITY_BINS - 1)
    count = np.bincount(index, minlength=RELIABILITY_BINS)
    totals = [np.bincount(index, weights, RELIABILITY_BINS) for weights in (confidence, correct)]
    return Reliability(edges, count, *(total / np.maximum(count, 1) for total in totals))


def accuracy_by_group(
    label: np.ndarray, p_real: np.ndarray, group: np.ndarray, rule: Rule = DEFAULT
) -> dict[str, dict[str, float]]:
    """Returns n and accuracy for each value of `group` ([N] str), sorted by name."""
    correct = rule.is_real(p_real) == (label == REAL)
    return {
        str(name): {"n": int(np.sum(group == name)), "accuracy": float(np.mean(correct[group == name]))}
        for name in np.unique(group)
    }


def _class_figures(row: dict[str, float]) -> ClassFigures:
    return ClassFigures(row["precision"], row["recall"], row["f1-score"], int(row["support"]))
