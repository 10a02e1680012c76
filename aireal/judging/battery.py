"""The robustness battery: what verdicts are worth after compression, noise, blur, resampling and other exposure."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from aireal import machine
from aireal.data import readers
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import metrics, scoring
from aireal.judging.selective import Selective
from aireal.pixels import corruptions
from aireal.pixels.corruptions import Corruption
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
from aireal.verdicts import forms, scorers
from aireal.verdicts.contract import Contract
from aireal.verdicts.verdict import DEFAULT, Rule

_SEED = 0
_CIFAKE_TEST_IMAGES = 20_000
# family -> what happens, the word before its strength in a condition's name, the strengths.
_FAMILIES: dict[str, tuple[Corruption, str, tuple[float, ...]]] = {
    "JPEG quality": (corruptions.jpeg, "JPEG", (90, 70, 50, 40, 30)),
    "noise, standard deviation": (corruptions.noise, "noise", (0.01, 0.05, 0.1)),
    "blur, sigma in pixels": (corruptions.blur, "blur", (0.4, 0.6, 1.0, 1.5)),
    "resampled to a share of the edge": (corruptions.resample, "resampled to", (0.75, 0.5, 0.375)),
    "brightness": (corruptions.brightness, "brightness", (0.7, 1.3)),
    "contrast": (corruptions.contrast, "contrast", (0.7, 1.3)),
    "gamma": (corruptions.gamma, "gamma", (0.7, 1.3)),
    "saturation": (corruptions.saturation, "saturation", (0.0, 0.7, 1.3)),
    "sharpened, strength": (corruptions.sharpen, "sharpened", (0.4, 0.8)),
    "share of pixels black or white": (corruptions.specks, "specks", (0.01, 0.02)),
    "turned by degrees": (corruptions.turn, "turned", (90.0, 180.0)),
}
# Counts up when figures come out otherwise, by formulas, strengths, seeds or metrics: those of another version are
# found anew. A test holds what they come out as, so that a forgotten count fails.
VERSION = 1
_BEFORE = {"version": 1, "rule": DEFAULT.as_dict()}  # what files do not say that are older than both
# The strength at which a family leaves pictures as they are, where that is not 0.
UNCHANGED = {
    "JPEG quality": 100.0,
    **dict.fromkeys(("resampled to a share of the edge", "brightness", "contrast", "gamma", "saturation"), 1.0),
}


@dataclasses.dataclass(frozen=True)
class Condition:
    """One state in which pictures arrive.

    Attributes:
      name: for people, as "JPEG 40".
      family: of those that differ in strength alone; empty for clean pictures.
      strength: as `corrupt` takes it.
      corrupt: what happens; None leaves pictures as they are.
      seed: of what is random in it.
    """

    name: str
    family: str = ""
    strength: float = 0.0
    corrupt: Corruption | None = None
    seed: int = 0

    def of(self, images: tf.data.Dataset) -> tf.data.Dataset:
        """Returns batches [B, S, S, 3] uint8 in this condition; what is random depends on seed and batch alone."""
        if self.corrupt is None:
            return images

        def corrupt(batch: tf.Tensor, pixels: tf.Tensor) -> tf.Tensor:
            seed = tf.random.fold_in(tf.constant([_SEED, self.seed], tf.int64), batch)
            return self.corrupt(pixels, tf.constant(self.strength, tf.float32), seed)

        return (
            images.enumerate()
            .map(corrupt, num_parallel_calls=readers.PARALLEL_CALLS)
            .with_options(readers.options())
            .prefetch(readers.PREFETCHED)
        )


def conditions(image_size: int) -> list[Condition]:
    """Returns the battery for images of this edge in pixels, clean ones first."""
    found = [Condition("clean")]
    for family, (corrupt, word, strengths) in _FAMILIES.items():
        for strength in strengths:
            shown = round(strength * image_size) if corrupt is corruptions.resample else strength
            found.append(Condition(f"{word} {shown:g}", family, strength, corrupt, seed=len(found)))
    return found


@dataclasses.dataclass(frozen=True)
class InCondition:
    """What a model is worth in one condition, whose name, family and strength these are."""

    name: str
    family: str
    strength: float
    figures: metrics.Figures
    selective: Selective | None  # None in older files, whose rule withholds nothing

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON, the figures side by side with the rest."""
        own = {"name": self.name, "family": self.family, "strength": self.strength}
        given = {"selective": self.selective.as_dict()} if self.selective else {}
        return {**own, **self.figures.as_dict(), **given}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "InCondition":
        given = Selective(**found["selective"]) if "selective" in found else None
        return cls(found["name"], found["family"], found["strength"], metrics.Figures.from_dict(found), given)


@dataclasses.dataclass(frozen=True)
class Basis:
    """All that figures depend on: those of the same may be kept.

    Attributes:
      model: digest of the model.
      data_fingerprint: of the images.
      split: test or validation.
      n: images.
      is_cifake: whether they are the official test split at its own size, of which figures are published.
      battery: names of the conditions, in their order; a file may have the first of them alone.
      version: VERSION.
      rule: what `Rule.as_dict` says.
      seed: of what is random.
      batch_size: images at a time, which share what is random.
    """

    model: str
    data_fingerprint: str
    split: str
    n: int
    is_cifake: bool
    battery: list[str]
    version: int
    rule: dict[str, Any]
    seed: int
    batch_size: int


@dataclasses.dataclass(frozen=True)
class Result:
    """What the battery found: the basis, `machine.environment`, and each condition so far."""

    basis: Basis
    environment: dict[str, Any]
    conditions: list[InCondition]

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON, the basis side by side with the rest."""
        found = [condition.as_dict() for condition in self.conditions]
        return {**vars(self.basis), "environment": self.environment, "conditions": found}

    @classmethod
    def load(cls, file: pathlib.Path, basis: Basis) -> "Result | None":
        """Returns what a file holds, if there is one and its figures depend on the same; perhaps not all conditions."""
        try:
            found = {**_BEFORE, **files.read_json(file, holding=["environment", "conditions"], mend="")}
        except UserError:  # missing or damaged: found anew
            return None
        conditions = [InCondition.from_dict(one) for one in found["conditions"]]
        battery = [condition.name for condition in conditions] + basis.battery[len(conditions) :]
        if not {**found, "battery": battery}.items() >= vars(basis).items():
            return None
        return cls(basis, found["environment"], conditions)


def judge(model: pathlib.Path, run: RunFolder, config: Config, split: str = "test") -> tuple[Result, pathlib.Path]:
    """Judges a model in every condition and writes what was found; what was found before is kept.

    What an interrupted call has found is kept as well, beside the file: the next call goes on from there.

    Args:
      model: a .keras or .tflite file or a SavedModel folder.
      run: that it lies in; the file is written into its folder, or one inside it where the run began on other images.
      config: the run's, perhaps with another source.
      split: the images, "test" or "validation".

    Returns:
      What was found, and the file.

    Raises:
      UserError: the model cannot be loaded, takes other pictures or gives no numbers, there are no pictures, or another
        process is at it.
    """
    environment = machine.environment()  # before the work, which takes minutes
    data = Data(config, learnt_from=run.fingerprint())
    data.check_judging(split)
    rule = Contract.load(model, config.image_size).rule
    basis = _basis(model, data, split, rule)
    into = _file(model, run, data, split)
    with run.hold():
        earlier = Result.load(into, basis)
        if earlier and len(earlier.conditions) == len(basis.battery):
            return earlier, into
        begun = into.with_name(f"{files.PARTIAL}{into.name}")
        result = Result.load(begun, basis) or earlier or Result(basis, environment, [])
        result = dataclasses.replace(result, environment=environment)
        for condition in _measured(model, data, rule, result):
            result.conditions.append(condition)
            files.write_json(begun, result.as_dict())
        os.replace(begun, into)
    return result, into


def _measured(model: pathlib.Path, data: Data, rule: Rule, known: Result) -> Iterator[InCondition]:
    """Yields what a model is worth in the conditions that are not known yet, in their order."""
    scorer, split = scorers.load(model), known.basis.split
    battery = conditions(data.config.image_size)
    for number, condition in enumerate(battery[len(known.conditions) :], len(known.conditions) + 1):
        title = f"{condition.name} ({number} of {len(battery)})"
        scores, label = scoring.score(scorer, data, split, condition.of, title), data.table(split).label
        figures = metrics.Figures.of(label, scores.p_real, rule)
        given = Selective.of(label, scores.p_real, rule.reasons(scores.p_real, scores.foreign), rule)
        yield InCondition(condition.name, condition.family, condition.strength, figures, given)


def _basis(model: pathlib.Path, data: Data, split: str, rule: Rule) -> Basis:
    config, n = data.config, len(data.table(split))
    return Basis(
        model=files.digest(model),
        data_fingerprint=data.fingerprint,
        split=split,
        n=n,
        is_cifake=(split, config.strict, config.image_size, n) == ("test", True, 32, _CIFAKE_TEST_IMAGES),
        battery=[condition.name for condition in conditions(config.image_size)],
        version=VERSION,
        rule=json.loads(json.dumps(rule.as_dict())),  # as a file has it
        seed=_SEED,
        batch_size=forms.batch_size(config.image_size),
    )


def _file(model: pathlib.Path, run: RunFolder, data: Data, split: str) -> pathlib.Path:
    """Returns the file for what is found of a model, in a folder that exists."""
    folder = run.on(data.fingerprint).path
    folder.mkdir(exist_ok=True)
    of_model = model.relative_to(run.path).parts if model != run.model else ()
    return folder / f"{'-'.join(['robustness', *of_model] + [split] * (split != 'test'))}.json"
