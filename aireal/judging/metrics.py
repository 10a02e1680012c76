"""Arrays -> numbers. scikit-learn does the work."""

from typing import Any

import numpy as np
from sklearn import metrics as sk

FAKE, REAL = 0, 1
_NAMES = ("FAKE", "REAL")
CALIBRATION_BINS = 15


def evaluate(label: np.ndarray, p_real: np.ndarray) -> dict[str, Any]:
    """Judges scores against labels.

    Args:
      label: [N] integer, 0 = FAKE, 1 = REAL; both occur.
      p_real: [N] float in [0, 1]; a picture is called REAL from 0.5 on.

    Returns:
      n; accuracy; for FAKE and REAL each precision, recall, f1, support; confusion_matrix (rows: truth, columns:
      verdict, FAKE first); roc_auc; average_precision and tpr_at_1_percent_fpr with FAKE as the positive class: the
      share of fakes caught when 1 % of photographs are accused; brier_score; expected_calibration_error.
    """
    verdict = (p_real >= 0.5).astype(int)
    report = sk.classification_report(
        label, verdict, labels=[FAKE, REAL], target_names=_NAMES, output_dict=True, zero_division=0
    )
    is_fake = label == FAKE
    return {
        "n": len(label),
        "accuracy": float(np.mean(verdict == label)),
        **{name: _class_figures(report[name]) for name in _NAMES},
        "confusion_matrix": sk.confusion_matrix(label, verdict, labels=[FAKE, REAL]).tolist(),
        "roc_auc": float(sk.roc_auc_score(is_fake, -p_real)),
        "average_precision": float(sk.average_precision_score(is_fake, -p_real)),
        "tpr_at_1_percent_fpr": tpr_at_fpr(is_fake, -p_real, 0.01),
        "brier_score": float(sk.brier_score_loss(label, p_real)),
        "expected_calibration_error": expected_calibration_error(label, p_real),
    }


def classification_report(label: np.ndarray, p_real: np.ndarray) -> str:
    """Returns scikit-learn's table of precision, recall and F1 for both classes."""
    return sk.classification_report(
        label, p_real >= 0.5, labels=[FAKE, REAL], target_names=_NAMES, digits=4, zero_division=0
    )


def tpr_at_fpr(positive: np.ndarray, score: np.ndarray, at_most: float) -> float:
    """Returns the largest true positive rate of all thresholds whose false positive rate is `at_most` or less."""
    fpr, tpr, _ = sk.roc_curve(positive, score, drop_intermediate=False)
    return float(tpr[fpr <= at_most].max())


def expected_calibration_error(label: np.ndarray, p_real: np.ndarray) -> float:
    """Mean gap between confidence and accuracy over 15 equal-width bins of confidence, weighted by their counts.

    The confidence is that of the verdict, max(p_real, 1 - p_real): Guo et al. 2017, "On Calibration of Modern Neural
    Networks", equation 3.
    """
    _, count, confidence, accuracy = calibration(label, p_real)
    return float(np.sum(count * np.abs(confidence - accuracy)) / np.sum(count))


def calibration(label: np.ndarray, p_real: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Returns edges [16] of the bins over [0, 1], and for each bin [15]: count, mean confidence, accuracy.

    A bin holds its upper edge. Means of empty bins are 0.
    """
    p_real = np.asarray(p_real, np.float64)
    confidence = np.maximum(p_real, 1 - p_real)
    correct = (p_real >= 0.5) == (label == REAL)
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    index = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, CALIBRATION_BINS - 1)
    count = np.bincount(index, minlength=CALIBRATION_BINS)
    totals = [np.bincount(index, weights, CALIBRATION_BINS) for weights in (confidence, correct)]
    return edges, count, *(total / np.maximum(count, 1) for total in totals)


def accuracy_by_group(label: np.ndarray, p_real: np.ndarray, group: np.ndarray) -> dict[str, dict[str, float]]:
    """Returns n and accuracy for each value of `group` ([N] str), sorted by name."""
    correct = (p_real >= 0.5) == (label == REAL)
    return {
        str(name): {"n": int(np.sum(group == name)), "accuracy": float(np.mean(correct[group == name]))}
        for name in np.unique(group)
    }


def _class_figures(row: dict[str, float]) -> dict[str, float]:
    return {
        "precision": row["precision"],
        "recall": row["recall"],
        "f1": row["f1-score"],
        "support": int(row["support"]),
    }
