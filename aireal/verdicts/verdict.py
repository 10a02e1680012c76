"""The one rule that turns scores into a verdict. Free of TensorFlow."""

import dataclasses
from typing import Any

import numpy as np

from builders.cifake.layout import LABELS

FAKE, REAL = (LABELS.index(name) for name in ("FAKE", "REAL"))
UNSURE = "UNSURE"
VERDICTS = (*LABELS, UNSURE)
# Why a verdict is withheld: the score is too near the border for the stated risk; the picture is unlike those that the
# network was trained on.
LOW_CONFIDENCE, FOREIGN = "LOW_CONFIDENCE", "FOREIGN"
EDGE_TOLERANCE = 1.25  # a picture's edges may be beyond those of the training pictures by this factor


@dataclasses.dataclass(frozen=True)
class Rule:
    """Which verdict scores give. It lies beside a model as data: preprocessing.json, `rule`.

    What the model says (`is_real`) and what the tool says (`reasons`, `verdicts`) are two things: UNSURE stands
    in the place of a label that is too likely to be wrong. Nothing else compares scores with borders. Methods take
    numbers, arrays and, where they say so, tensors.

    Attributes:
      real_from: the p_real, in [0, 1], from which on the model says REAL; below it says FAKE.
      fake_up_to, real_at_least: p_real of the borders between which confidence is too low; None withholds nothing.
      foreign_from: from which foreignness on (`network.foreign`) a picture is foreign; None: it is not looked at.
      edges: least and largest edge in pixels of the pictures trained on, as they came; None: of any size.
      risk: share of the verdicts given that may be wrong, for pictures like those of validation, in each class ...
      risk_confidence: ... with this confidence.
    """

    real_from: float = 0.5
    fake_up_to: float | None = None
    real_at_least: float | None = None
    foreign_from: float | None = None
    edges: tuple[int, int] | None = None
    risk: float | None = None
    risk_confidence: float | None = None

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "Rule":
        """Returns the rule that `as_dict` gave. Raises TypeError and ValueError where it is none."""
        numbers, edges = dict(found), None
        if "edges" in found:
            least, largest = numbers.pop("edges")
            edges = int(least), int(largest)
        return cls(**{name: float(value) for name, value in numbers.items()}, edges=edges)

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON, without what it leaves open."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}

    @property
    def withholds(self) -> bool:
        """Whether there are pictures that it gives no verdict on."""
        return self != self.plain()

    def plain(self) -> "Rule":
        """Returns the rule that gives a verdict on every picture: what the model says."""
        return Rule(self.real_from)

    def is_real(self, p_real: Any) -> Any:
        """Returns whether each score (number, array or tensor) means REAL: bool of the same shape."""
        return p_real >= self.real_from

    def confidence(self, p_real: np.ndarray | float) -> np.ndarray:
        """Returns the model's score for what it says, p_real or 1 - p_real: float64 of the same shape."""
        p_real = np.asarray(p_real, np.float64)
        return np.where(self.is_real(p_real), p_real, 1 - p_real)

    def logit(self) -> float:
        """Returns the logit of `real_from`, the border for networks, whose scores are logits."""
        return float(np.log(self.real_from) - np.log1p(-self.real_from))

    def is_low(self, p_real: Any) -> Any:
        """Returns whether each score (array or tensor) is too near the border: bool of the same shape."""
        if self.fake_up_to is None or self.real_at_least is None:
            return p_real < p_real  # of none, NaN included
        return (p_real > self.fake_up_to) & (p_real < self.real_at_least)

    def is_foreign(self, foreign: Any) -> Any:
        """Returns whether each foreignness (array or tensor) is that of an unlike picture: bool of the same shape."""
        return foreign < foreign if self.foreign_from is None else foreign >= self.foreign_from

    def fits(self, size: tuple[int, int]) -> bool:
        """Returns whether a picture of this width and height in pixels has a size like those trained on."""
        if self.edges is None:
            return True
        least, largest = self.edges
        return least <= min(size) * EDGE_TOLERANCE and max(size) <= largest * EDGE_TOLERANCE

    def reasons(self, p_real: np.ndarray, foreign: np.ndarray, fits: np.ndarray | bool = True) -> np.ndarray:
        """Returns why there is no verdict on pictures, "" where there is one: array of str.

        Args:
          p_real: the model's scores.
          foreign: their foreignness; NaN where nobody knows.
          fits: whether they have sizes like those trained on.
        """
        causes = {FOREIGN: np.logical_not(fits), LOW_CONFIDENCE: self.is_low(p_real)}
        causes = [*causes.items(), (FOREIGN, self.is_foreign(foreign))]
        return np.select([found for _, found in causes], [name for name, _ in causes], "")

    def verdicts(self, p_real: np.ndarray, reasons: np.ndarray) -> np.ndarray:
        """Returns the verdicts on pictures, of VERDICTS, by their scores and their `reasons`: array of str."""
        return np.where(reasons == "", np.array(LABELS)[np.asarray(self.is_real(p_real), int)], UNSURE)

    def __str__(self) -> str:
        text = f"REAL from a p_real of {self.real_from:g} on"
        if self.fake_up_to is not None:
            text += f", {UNSURE} between {self.fake_up_to:.4g} and {self.real_at_least:.4g}"
        if self.foreign_from is not None:
            text += f" and where a picture is foreign by {self.foreign_from:.4g} or more"
        return text


DEFAULT = Rule()  # where a model comes with none
