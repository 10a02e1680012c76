"""When a network's verdicts are withheld: found after training, from its own images, and stored with the run."""

import dataclasses
import functools
import pathlib

import keras
import numpy as np
import tensorflow as tf
from sklearn import linear_model

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import scoring, selective
from aireal.network import foreign
from aireal.network.foreign import Unit
from aireal.pixels import alterations, augment
from aireal.runs import files
from aireal.runs.folder import RunFolder, model_file
from aireal.settings.config import Config
from aireal.verdicts import graphs, scorers
from aireal.verdicts.contract import Contract
from aireal.verdicts.verdict import DEFAULT, Rule
from builders import progress

FOREIGN_SHARE = 0.04  # of the validation images, which are foreign by this rule and in truth are not
_RISKS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)  # that are tried where what was asked for cannot be kept
_IMAGES, _CORRUPTED, _ALTERED = 3000, 1000, 300  # of training: as they are, as augmented there, altered in each way
_BYTES = 2**29  # of memory that the first take at most: there are fewer of large ones
_AT_ONCE = 64 * 64  # pixels of an image up to which all that are altered in one way are altered at a time
_PENALTY = 0.1  # inverse strength of the unit's L2 penalty: `configs/README.md`, "Foreign pictures"


@dataclasses.dataclass(frozen=True)
class Found:
    """What `fit` found: the rule, its unit, and a sentence about both. Without a unit nothing is to be withheld."""

    rule: Rule
    unit: Unit | None
    sentence: str


def fit(model: keras.Model, data: Data, risk: float, risk_confidence: float, says: Rule = DEFAULT) -> Found:
    """Finds when verdicts are withheld: borders of the score, the unit that notices foreign pictures, their sizes.

    Args:
      model: finished and calibrated.
      data: its own: training images teach the unit, validation images give the borders.
      risk: share of the verdicts given that may be wrong, in each class; 0 withholds none.
      risk_confidence: with which this is kept, for pictures like the validation images.
      says: what the model says; it withholds nothing.
    """
    table = data.table("validation")
    if why := _why_none(len(table), risk, risk_confidence):
        return Found(says, None, why)
    unit = learn(model, data)
    scorer = graphs.KerasScorer(model, pathlib.Path(model.name), unit)
    found = scoring.score(scorer, data, "validation", title="finding the borders")
    rule = dataclasses.replace(
        says, foreign_from=float(np.quantile(found.foreign, 1 - FOREIGN_SHARE)), edges=_edges(data)
    )
    known = ~rule.is_foreign(found.foreign)  # the risk is about the verdicts that are given
    keeping = functools.partial(selective.fit, table.label[known], found.p_real[known], rule)
    rule = keeping(risk, risk_confidence)
    if rule is None:
        least = next((one for one in _RISKS if one > risk and keeping(one, risk_confidence)), None)
        return Found(
            says,
            None,
            f"No rule for UNSURE was found: on {len(table):,} validation images no border of the score keeps wrong "
            f"verdicts below --risk={risk:g} with a confidence of {risk_confidence:g}."
            + (f" evaluate --risk={least:g} finds one." if least else ""),
        )
    reasons = rule.reasons(found.p_real, found.foreign)
    given = selective.Selective.of(table.label, found.p_real, reasons, rule)
    return Found(rule, unit, f"On {len(table):,} validation images: {given}")


def _why_none(count: int, risk: float, risk_confidence: float) -> str | None:
    """Returns why there is no rule, whatever the network says of so many validation images; None where there may be."""
    if not risk:
        return "No verdict is withheld: --risk=0."
    if not count:
        return "No rule for UNSURE was found: --validation_fraction=0 leaves no images for it."
    if count >= 2 * (needed := selective.needed(risk, risk_confidence)):
        return None
    least = next((one for one in _RISKS if 2 * selective.needed(one, risk_confidence) <= count), None)
    return (
        f"No rule for UNSURE was found: --risk={risk:g} needs {needed:,} validation images of each class at least, and "
        f"there are {count:,} of both." + (f" There may be one for --risk={least:g}." if least else "")
    )


def _edges(data: Data) -> tuple[int, int] | None:
    """Returns the least and the largest edge of training pictures; windows look the same in pictures of any size."""
    if data.config.reading == "windows":
        return None
    sizes = data.sizes("train")
    return int(sizes.min()), int(sizes.max())


def store(folder: RunFolder, config: Config, found: Found) -> None:
    """Writes a run's contract with the rule, and the unit beside its model."""
    file = folder.model.with_name(foreign.FILE)
    if found.unit:
        found.unit.save(file)
    else:
        file.unlink(missing_ok=True)
    files.write_json(folder.preprocessing, dataclasses.replace(Contract.of(config), rule=found.rule).as_dict())


def refit(folder: RunFolder, config: Config, risk: float, risk_confidence: float) -> None:
    """Finds anew when the verdicts of a trained run are withheld, stores it and says what was found.

    What result.json says of verdicts given goes: it was by another rule.

    Args:
      folder: of the run.
      config: the run's, perhaps with its images in another place.
      risk: as `fit` has it.
      risk_confidence: as `fit` has it.

    Raises:
      UserError: the images are others than those the run was trained on, or cannot be used; the model is damaged; or
        there is no such rule, so that the one before stays.
    """
    with folder.hold():
        data = Data(config)
        if data.fingerprint != folder.fingerprint():
            raise UserError(
                f"The images in {config.source} are others than those that the run in {folder.path} was trained on, "
                "and --risk is about its own. Leave out --risk, or --source."
            )
        scorer = scorers.load(model_file(folder.path))
        says = Contract.load(scorer.path, scorer.input_size).rule.plain()
        found = fit(scorer.model, data, risk, risk_confidence, says)
        if risk and not found.unit:
            raise UserError(f"{found.sentence} When {folder.path} withholds verdicts stays as it was.")
        store(folder, config, found)
        judged = {split: dict(value) for split, value in folder.result().items() if isinstance(value, dict)}
        for figures in judged.values():
            figures.pop("selective", None)
        folder.update_result(**judged)
    print(found.sentence, flush=True)


def learn(model: keras.Model, data: Data) -> Unit:
    """Teaches the unit to tell training images, as they are and as training corrupts them, from altered ones."""
    signs = foreign.signs(model)
    look = tf.function(lambda images: signs(images)[1:], reduce_retracing=True)
    images = _images(data)
    ways = alterations.foreign_to(data.config)
    parts = min(max(data.config.image_size**2 // _AT_ONCE, 1), _ALTERED // alterations.LEAST)
    own, others = [], []
    with progress.bar(title="learning what is foreign", total=len(ways) + 2, leave=False) as shown:
        for pictures in (images, _augmented(images[:_CORRUPTED], data.config)):
            own += graphs.in_parts(look, pictures)
            shown.update()
        for number, alter in enumerate(ways):
            rows = (number * _ALTERED + np.arange(_ALTERED)) % len(images)
            for some in np.array_split(rows, parts):
                others += graphs.in_parts(look, alter(tf.constant(images[some])).numpy())
            shown.update()
    seen, is_other = np.concatenate([*own, *others]), np.repeat([0, 1], [sum(map(len, own)), sum(map(len, others))])
    mean, deviation = seen.mean(axis=0), seen.std(axis=0) + 1e-6
    regression = linear_model.LogisticRegression(C=_PENALTY, solver="newton-cholesky")  # many rows, few columns
    regression.fit((seen - mean) / deviation, is_other)
    kernel = (regression.coef_[0] / deviation).astype(np.float32)
    return Unit(kernel, float(regression.intercept_[0] - np.sum(mean * kernel)))


def _images(data: Data) -> np.ndarray:
    """Returns training images, drawn by the run's seed: [N, S, S, 3] uint8."""
    count = len(data.table("train"))
    at_most = min(_IMAGES, _BYTES // (3 * data.config.image_size**2))
    drawn = np.random.default_rng(data.config.seed).permutation(count)[:at_most]
    return data.images("train", drawn)


def _augmented(images: np.ndarray, config: Config) -> np.ndarray:
    """Returns what augmentation makes of images in training, which the network knows as well."""
    batches = np.array_split(images, max(len(images) // 128, 1))  # each with its own strength
    return np.concatenate(
        [augment.augment(tf.constant(batch), config, [config.seed, step]).numpy() for step, batch in enumerate(batches)]
    )
