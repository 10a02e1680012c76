"""The robustness battery: what verdicts are worth after compression, noise, blur, resampling and other exposure."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from aireal import machine
from aireal.data import readers
from aireal.data.batches import Data
from aireal.judging import metrics, scoring
from aireal.pixels import corruptions
from aireal.pixels.corruptions import Corruption
from aireal.runs import files
from aireal.runs.folder import RunFolder
from aireal.settings.config import Config
from aireal.verdicts import scorers
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
}
# Counts up when figures come out otherwise, by formulas, strengths, seeds or metrics: those of another version are
# found anew. A test holds what they come out as, so that a forgotten count fails.
VERSION = 1
_BEFORE = {
    "version": 1,
    "rule": dataclasses.asdict(DEFAULT),
}  # what older files do not say
# The strength at which a family leaves pictures as they are, where that is not 0.
UNCHANGED = {"JPEG quality": 100.0, "resampled to a share of the edge": 1.0, "brightness": 1.0, "contrast": 1.0}


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


def judge(
    model: pathlib.Path, run: RunFolder, config: Config, split: str = "test"
) -> tuple[dict[str, Any], pathlib.Path]:
    """Judges a model in every condition and writes what was found; what was found before is kept.

    What an interrupted call has found is kept as well, beside the file: the next call goes on from there.

    Args:
      model: a .keras or .tflite file or a SavedModel folder.
      run: that it lies in; the file is written into its folder, or one inside it where the run began on other images.
      config: the run's, perhaps with another source.
      split: the images, "test" or "validation".

    Returns:
      The file's contents, what was judged on what, and for each of `conditions` its name, family, strength and the
      figures of `metrics.Figures`; and the file.

    Raises:
      UserError: the model cannot be loaded, takes other pictures or gives no numbers, or there are no pictures.
    """
    environment = machine.environment()  # before the work, which takes minutes
    data = Data(config)
    data.check_judging(split)
    battery, rule = conditions(config.image_size), Contract.load(model, config.image_size).rule
    about = _about(model, data, split, battery, rule)
    folder = run.on(data.fingerprint).path
    folder.mkdir(exist_ok=True)
    of_model = model.relative_to(run.path).parts if model != run.model else ()
    into = folder / f"{'-'.join(['robustness', *of_model] + [split] * (split != 'test'))}.json"
    if earlier := _earlier(into, about):
        return earlier, into
    begun = into.with_name(f"{files.PARTIAL}{into.name}")
    result = {**about, "environment": environment, "conditions": []}
    result["conditions"] = (_earlier(begun, about) or result)["conditions"]
    scorer = scorers.load(model)
    for number, condition in enumerate(battery[len(result["conditions"]) :], len(result["conditions"]) + 1):
        title = f"{condition.name} ({number} of {len(battery)})"
        p_real = scoring.score(scorer, data, split, condition.of, title)
        figures = metrics.Figures.of(data.table(split).label, p_real, rule)
        of = {"name": condition.name, "family": condition.family, "strength": condition.strength}
        result["conditions"].append({**of, **figures.as_dict()})
        files.write_json(begun, result)
    os.replace(begun, into)
    return result, into


def _earlier(file: pathlib.Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """Returns what a file holds, if there is one and its figures depend on the same."""
    found = json.loads(file.read_text()) if file.exists() else {}
    return found if {**_BEFORE, **found}.items() >= about.items() else None


def _about(model: pathlib.Path, data: Data, split: str, battery: Sequence[Condition], rule: Rule) -> dict[str, Any]:
    """Returns all that the figures depend on: those of the same may be kept."""
    config, count = data.config, len(data.table(split))
    return {
        "model": files.digest(model),
        "data_fingerprint": data.fingerprint,
        "split": split,
        "n": count,
        "is_cifake": (split, config.strict, config.image_size, count) == ("test", True, 32, _CIFAKE_TEST_IMAGES),
        "battery": [condition.name for condition in battery],
        "version": VERSION,
        "rule": dataclasses.asdict(rule),
        "seed": _SEED,
        "batch_size": scorers.batch_size(config.image_size),
    }
