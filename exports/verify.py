"""Whether what is shipped is the model that was trained: every form on the whole test split."""

import dataclasses
import itertools
import math
import pathlib
import time
from typing import Any

import numpy as np

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import metrics
from aireal.judging.scoring import score
from aireal.verdicts import scorers
from aireal.verdicts.forms import Scores
from aireal.verdicts.verdict import DEFAULT, Rule
from builders.cifake.layout import LABELS
from exports import artifacts

# Those that take the model's own size, and their files.
FORMS = {"saved_model": artifacts.SAVED_MODEL} | {
    variant: artifacts.tflite_name(variant) for variant in ("float32", "float16", "dynamic", "int8")
}
# Of p_real, against Keras.
LARGEST_DIFFERENCE = {"saved_model": 1e-5, "float32": 1e-5, "float16": 1e-3}
LARGEST_LOSS = 0.003  # of accuracy, for the forms that compute in 8 bits, beyond what chance explains
MANY_FLIPS = 0.02  # share of verdicts, for the same forms: said, and no reason to export nothing


def load(folder: pathlib.Path) -> dict[str, scorers.Scorer]:
    """Loads the forms that take the model's own size."""
    return {name: scorers.load(folder / file) for name, file in FORMS.items()}


@dataclasses.dataclass(frozen=True)
class Differences:
    """Of the scores of one form from the reference's."""

    max_difference: float  # of p_real
    mean_difference: float
    flips: int  # verdicts that differ

    @classmethod
    def of(cls, scores: Scores, reference: Scores, rule: Rule) -> "Differences":
        difference = np.abs(scores.p_real.astype(np.float64) - reference.p_real)
        return cls(float(difference.max()), float(difference.mean()), _flips(scores, reference, rule))


@dataclasses.dataclass(frozen=True)
class FormFigures:
    """What one form makes of the test split."""

    accuracy: float
    roc_auc: float
    seconds: float
    differences: Differences | None = None  # None for the reference itself

    def as_dict(self) -> dict[str, Any]:
        """Returns them for JSON, the differences side by side with the rest."""
        found = dataclasses.asdict(self)
        return {**found, **(found.pop("differences") or {})}


@dataclasses.dataclass(frozen=True)
class Proof:
    """That the forms are the model that was trained, or that they are not.

    Attributes:
      n: test images.
      keras: figures of the reference.
      forms: name -> figures of each form.
      flips_between: "ONE OTHER" -> verdicts in which two forms differ.
    """

    n: int
    keras: FormFigures
    forms: dict[str, FormFigures]
    flips_between: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Returns the proof for JSON, the forms side by side with the rest."""
        rows = {name: figures.as_dict() for name, figures in {"keras": self.keras, **self.forms}.items()}
        return {"n": self.n, **rows, "flips_between": self.flips_between}


def compare(reference: scorers.Scorer, forms: dict[str, scorers.Scorer], data: Data, rule: Rule = DEFAULT) -> Proof:
    """Compares every form with the reference on the test split; `check` judges what was found.

    Args:
      reference: the Keras model.
      forms: by name.
      data: the run's.
      rule: the verdict of each score.

    Raises:
      UserError: a form says the same to every image, or no numbers; names it.
    """
    label, found = data.table("test").label, {}
    figures: dict[str, FormFigures] = {}
    for name, form in {"keras": reference, **forms}.items():
        start = time.perf_counter()
        found[name] = scores = score(form, data, "test", title=f"comparing {name}")
        seconds = round(time.perf_counter() - start, 3)
        if np.ptp(scores.p_real) == 0:
            raise UserError(f"{name} says {scores.p_real[0]} to every test image: it is not exported.")
        worth = metrics.Figures.of(label, scores.p_real, rule)
        differences = Differences.of(scores, found["keras"], rule) if name != "keras" else None
        figures[name] = FormFigures(worth.accuracy, worth.roc_auc, seconds, differences)
    pairs = itertools.combinations(forms, 2)
    between = {f"{one} {other}": _flips(found[one], found[other], rule) for one, other in pairs}
    return Proof(len(label), figures.pop("keras"), figures, between)


def verdicts(scores: Scores, rule: Rule) -> np.ndarray:
    """Returns the verdicts on pictures of the model's size: [N] str, of VERDICTS."""
    return rule.verdicts(scores.p_real, rule.reasons(scores.p_real, scores.foreign))


def _flips(one: Scores, other: Scores, rule: Rule) -> int:
    return int(np.sum(verdicts(one, rule) != verdicts(other, rule)))


def check(proof: Proof) -> None:
    """Raises UserError where a form is beyond its limit; names all that are."""
    complaints = [complaint for name in proof.forms if (complaint := _complaint(name, proof))]
    if complaints:
        raise UserError(" ".join([*complaints, "So nothing is exported."]))


def warnings(proof: Proof) -> list[str]:
    """Returns a sentence about each form that gives many other verdicts than the network."""
    shares = {name: form.differences.flips / proof.n for name, form in proof.forms.items()}
    return [
        f"Warning: {name} gives another verdict than the network on {share:.1%} of the test images. Where that "
        "matters, take float32 or float16."
        for name, share in shares.items()
        if share > MANY_FLIPS
    ]


def _complaint(name: str, proof: Proof) -> str | None:
    form = proof.forms[name]
    if name in LARGEST_DIFFERENCE:
        largest, what = LARGEST_DIFFERENCE[name], "p_real differs from Keras's by up to"
        value = form.differences.max_difference
    else:
        # A verdict that flips is a gain or a loss: on few images two standard errors of their sum are more than 0.003.
        chance = 2 * math.sqrt(form.differences.flips) / proof.n
        largest, what = LARGEST_LOSS + chance, "accuracy differs from Keras's by"
        value = abs(proof.keras.accuracy - form.accuracy)
    if value <= largest:
        return None
    return f"{name} is not the model that was trained: its {what} {value:.2g}, more than {largest:.2g}."


def stratified(data: Data, split: str, count: int) -> np.ndarray:
    """Returns positions of `count` images, or as many as there are, half of each class, drawn by the run's seed."""
    rng = np.random.default_rng(data.config.seed)
    label = data.table(split).label
    classes = (np.flatnonzero(label == one) for one in range(len(LABELS)))
    return np.concatenate([rng.choice(one, min(count // len(LABELS), len(one)), replace=False) for one in classes])
