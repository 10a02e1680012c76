"""Verdicts that are withheld: borders that keep to a stated risk, and what withholding costs."""

import dataclasses
import math
from typing import Any

import numpy as np
from scipy import stats

from aireal.verdicts.verdict import FOREIGN, LOW_CONFIDENCE, REAL, Rule

RISKS = (0.005, 0.01, 0.02)  # of which the coverage is told
_STEPS = 100  # borders that are tried, at most
_ROUNDING = 1e-6  # more than scores of a network's forms in float32 differ by
_CERTAINTY = 0.25  # share of the risk that scores themselves promise where the trying begins


def border(confidence: np.ndarray, wrong: np.ndarray, risk: float, delta: float) -> float | None:
    """Returns the lowest confidence from which on verdicts keep to a risk; None where none is shown to.

    Learn then test (Angelopoulos et al. 2021, "Learn then Test", section 3.1): borders are tried in an order that
    labels have no part in, from sure to unsure, until the first whose Clopper-Pearson bound on the share of wrong
    verdicts is above the risk (fixed sequence testing, so that trying many costs nothing). They are trusted as far as
    these pictures are like those that verdicts will be given on.

    Args:
      confidence: [N] float, of verdicts of one class.
      wrong: [N] bool.
      risk: in (0, 1).
      delta: chance that the share of wrong verdicts is above the risk all the same.
    """
    order = np.argsort(-confidence, kind="stable")
    confidence, wrong = confidence[order], wrong[order]
    promised = np.cumsum(1 - confidence) / np.arange(1, len(confidence) + 1)
    first = max(_least(risk, delta), int(np.searchsorted(promised, risk * _CERTAINTY)))
    if first > len(confidence):
        return None
    found = None
    for count in np.unique(np.linspace(first, len(confidence), _STEPS).astype(int)):
        tried = confidence[count - 1]
        given = int(np.sum(confidence >= tried))  # as many more as have the same confidence
        errors = int(np.sum(wrong[:given]))
        if errors == given or stats.beta.ppf(1 - delta, errors + 1, given - errors) > risk:
            break
        found = float(tried)
    return found


def _least(risk: float, delta: float) -> int:
    """Returns how many verdicts without an error show that a risk is kept."""
    return math.ceil(math.log(delta) / math.log1p(-risk))


def needed(risk: float, risk_confidence: float) -> int:
    """Returns how many pictures `fit` needs of each class at least, where all verdicts are right."""
    return _least(risk, (1 - risk_confidence) / 2)


def fit(label: np.ndarray, p_real: np.ndarray, rule: Rule, risk: float, risk_confidence: float) -> Rule | None:
    """Returns the rule with the borders that keep to a risk, in each class; None where there are none.

    Args:
      label: [N] integer, 0 = FAKE, 1 = REAL, of pictures that training did not see.
      p_real: [N] float32.
      rule: what the model says.
      risk: share of the verdicts given that may be wrong, of those that say FAKE and of those that say REAL.
      risk_confidence: with which both are kept.
    """
    says_real, borders = rule.is_real(p_real), []
    for real in (False, True):
        some = says_real == real
        delta = (1 - risk_confidence) / 2
        borders.append(border(rule.confidence(p_real[some]), (label[some] == REAL) != real, risk, delta))
    if None in borders:
        return None
    return dataclasses.replace(
        rule,
        # A border is a picture's own score, and that picture gets its verdict by every form.
        fake_up_to=1 - borders[0] + _ROUNDING,
        real_at_least=borders[1] - _ROUNDING,
        risk=risk,
        risk_confidence=risk_confidence,
    )


@dataclasses.dataclass(frozen=True)
class Selective:
    """What verdicts are worth that may be withheld.

    Attributes:
      coverage: share of the pictures that got a verdict.
      error: share of the verdicts given that are wrong; 0 where there are none.
      low_confidence, foreign: shares of the pictures that got none, by the reason.
      aurc: area under the risk-coverage curve: the mean error over all numbers of verdicts given, the most confident
        first (Geifman et al. 2019, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers").
      coverage_at_risk: "0.01" -> the largest share of verdicts, the most confident first, whose error is at most that.
        Chosen on these very labels: what could be had, and no promise.
    """

    coverage: float
    error: float
    low_confidence: float
    foreign: float
    aurc: float
    coverage_at_risk: dict[str, float]

    @classmethod
    def of(cls, label: np.ndarray, p_real: np.ndarray, reasons: np.ndarray, rule: Rule) -> "Selective":
        """Judges what a rule gives and withholds.

        Args:
          label: [N] integer, 0 = FAKE, 1 = REAL.
          p_real: [N] float.
          reasons: [N] str, of `Rule.reasons`.
          rule: what the model says.
        """
        wrong, given = rule.is_real(p_real) != (label == REAL), reasons == ""
        coverage, risk = curve(label, p_real, rule)
        return cls(
            coverage=float(np.mean(given)),
            error=float(np.mean(wrong[given])) if given.any() else 0.0,
            low_confidence=float(np.mean(reasons == LOW_CONFIDENCE)),
            foreign=float(np.mean(reasons == FOREIGN)),
            aurc=float(np.mean(risk)),
            coverage_at_risk={f"{at:g}": float(np.max(coverage[risk <= at], initial=0.0)) for at in RISKS},
        )

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        reasons = f"{LOW_CONFIDENCE} {self.low_confidence:.1%}, {FOREIGN} {self.foreign:.1%}"
        given = f"A verdict on {self.coverage:.1%} of the images, {self.error:.2%} of them wrong"
        return f"{given if self.coverage else 'No verdict on any image'}; UNSURE: {reasons}."


def curve(label: np.ndarray, p_real: np.ndarray, rule: Rule) -> tuple[np.ndarray, np.ndarray]:
    """Returns the risk-coverage curve: [N] shares of verdicts given, the most confident first, and [N] their errors."""
    wrong = rule.is_real(p_real) != (label == REAL)
    order = np.argsort(-rule.confidence(p_real), kind="stable")
    count = np.arange(1, len(label) + 1)
    return count / len(label), np.cumsum(wrong[order]) / count
