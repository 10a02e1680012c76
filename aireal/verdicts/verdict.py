"""The one rule that turns a score into a verdict. Free of TensorFlow."""

import dataclasses
from typing import Any

import numpy as np

from builders.cifake.layout import LABELS

FAKE, REAL = (LABELS.index(name) for name in ("FAKE", "REAL"))


@dataclasses.dataclass(frozen=True)
class Rule:
    """Which verdict a score gives. It lies beside a model as data: preprocessing.json, `rule`.

    Nothing else compares a score with a threshold. All methods take numbers, arrays and, where they say so, tensors.

    Attributes:
      real_from: the p_real, in [0, 1], from which on a picture is called REAL; below it is FAKE.
    """

    real_from: float = 0.5

    def is_real(self, p_real: Any) -> Any:
        """Returns whether each score (number, array or tensor) means REAL: bool of the same shape."""
        return p_real >= self.real_from

    def label(self, p_real: float) -> str:
        """Returns the verdict of one score, one of LABELS."""
        return LABELS[REAL if self.is_real(p_real) else FAKE]

    def confidence(self, p_real: np.ndarray | float) -> np.ndarray:
        """Returns the model's score for its own verdict, p_real or 1 - p_real: float64 of the same shape."""
        p_real = np.asarray(p_real, np.float64)
        return np.where(self.is_real(p_real), p_real, 1 - p_real)

    def logit(self) -> float:
        """Returns the logit of `real_from`, the border for networks, whose scores are logits."""
        return float(np.log(self.real_from) - np.log1p(-self.real_from))

    def __str__(self) -> str:
        return f"REAL from a p_real of {self.real_from:g} on"


DEFAULT = Rule()  # where a model comes with none
