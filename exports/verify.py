"""Whether what is shipped is the model that was trained: every form on the whole test split."""

import dataclasses
import itertools
import math
import pathlib
import time
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import metrics
from aireal.judging.scoring import score
from aireal.pixels import decoding, preprocess, windows
from aireal.verdicts import scorers
from aireal.verdicts.contract import Contract
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
LARGEST_CAMERA_FLIPS = 0.02  # share of verdicts
_ENLARGED = 200  # test images, to the size of a photograph
_CROPS = 20  # of each photograph
_PHOTOGRAPH = (480, 640)  # height and width in pixels


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


@dataclasses.dataclass(frozen=True)
class CameraProof:
    """How verdicts on n large pictures differ from predict's, by form.

    Attributes:
      n: pictures.
      taken: what they are and how the forms get them.
      plain: of a form that takes the model's size: the picture reduced without antialiasing, or its windows.
      camera: of the camera form.
    """

    n: int
    taken: str
    plain: Differences
    camera: Differences

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        forms = {"plain": self.plain, "camera": self.camera}
        rows = {name: {"flips": one.flips, "max_difference": one.max_difference} for name, one in forms.items()}
        return {"n": self.n, "taken": self.taken, **rows}


def compare_camera(
    reference: scorers.Scorer, plain: scorers.Scorer, camera: scorers.Scorer, data: Data, contract: Contract
) -> CameraProof:
    """Compares verdicts on large pictures with predict's.

    Where the network sees whole pictures, a phone's pipeline resamples them without antialiasing; windows it gets as
    they are.

    Args:
      reference: the Keras model, fed as predict does.
      plain: a form that takes the model's size.
      camera: the form that takes a larger square, and reduces it or cuts windows in its graph.
      data: the run's. Of networks that see whole pictures some test images are enlarged, and the others are crops of
        scikit-learn's two photographs; else they are test pictures.
      contract: the run's; with center_crop the phone's app is taken to crop too.
    """
    if contract.windows:
        return _compare_windows(reference, plain, camera, data, contract)
    pictures = [tf.constant(one) for one in _large_pictures(data)]
    if contract.aspect_ratio == "center_crop":
        pictures = [preprocess.center_crop(one) for one in pictures]
    expected = reference(np.stack([preprocess.resize(one, reference.input_size) for one in pictures]))
    found = []
    for form in (plain, camera):
        scores = form(np.stack([_as_mediapipe_does(one, form.input_size) for one in pictures]))
        found.append(Differences.of(scores, expected, contract.rule))
    height, width = _PHOTOGRAPH
    return CameraProof(len(pictures), f"{width}x{height}, resampled as a phone does", *found)


def _compare_windows(
    reference: scorers.Scorer, plain: scorers.Scorer, camera: scorers.Scorer, data: Data, contract: Contract
) -> CameraProof:
    edge, size, count = camera.input_size, contract.image_size, contract.windows
    large = pictures(data, _ENLARGED, edge)
    places = windows.places(edge, edge, size, count)
    expected, of_plain = (
        Scores.concatenate([form(windows.cut(one, size, places)).pooled(count) for one in large])
        for form in (reference, plain)
    )
    found = [Differences.of(one, expected, contract.rule) for one in (of_plain, camera(large))]
    return CameraProof(len(large), f"{edge}x{edge}, cut out of test pictures", *found)


def pictures(data: Data, count: int, edge: int) -> np.ndarray:
    """Returns the middle of `count` test pictures, half of each class, as predict cuts them: [N, edge, edge, 3]."""
    rows = set(stratified(data, "test", count).tolist())
    found = (decoding.decode(file) for row, file in enumerate(data.files("test")) if row in rows)
    return np.concatenate([windows.cut(one, edge, windows.places(*one.shape[:2], edge, 1)) for one in found])


def check_camera(proof: CameraProof, contract: Contract) -> None:
    """Raises UserError where more than 2 % of the camera form's verdicts flip, or its windows give other scores."""
    largest = LARGEST_DIFFERENCE["float32"]
    if contract.windows and proof.camera.max_difference > largest:
        different = (
            f"its p_real differs from Keras's by up to {proof.camera.max_difference:.2g}, more than {largest:.2g}"
        )
        raise UserError(f"camera is not the model that was trained: {different}. So nothing is exported.")
    if proof.camera.flips > LARGEST_CAMERA_FLIPS * proof.n:
        flips = f"{proof.camera.flips} of {proof.n} verdicts on large pictures differ from predict's"
        raise UserError(f"camera: {flips}. So nothing is exported.")


def stratified(data: Data, split: str, count: int) -> np.ndarray:
    """Returns positions of `count` images, or as many as there are, half of each class, drawn by the run's seed."""
    rng = np.random.default_rng(data.config.seed)
    label = data.table(split).label
    classes = (np.flatnonzero(label == one) for one in range(len(LABELS)))
    return np.concatenate([rng.choice(one, min(count // len(LABELS), len(one)), replace=False) for one in classes])


def _large_pictures(data: Data) -> list[np.ndarray]:
    """Returns pictures of 640x480, [480, 640, 3] uint8."""
    height, width = _PHOTOGRAPH
    rng = np.random.default_rng(data.config.seed)
    rows = stratified(data, "test", _ENLARGED)
    pictures = [Image.fromarray(one).resize((width, height)) for one in data.images("test", rows)]
    for photograph in load_sample_images().images:  # 640x427
        enlarged = Image.fromarray(photograph).resize((1280, 854))
        for left, top in zip(rng.integers(0, 1280 - width, _CROPS), rng.integers(0, 854 - height, _CROPS), strict=True):
            pictures.append(enlarged.crop((left, top, left + width, top + height)))
    return [np.asarray(one) for one in pictures]


def _as_mediapipe_does(picture: tf.Tensor, size: int) -> np.ndarray:
    """Bilinear samples, not antialiased, whatever the aspect ratio: [H, W, 3] -> [size, size, 3] uint8."""
    return preprocess.resize(picture, size, antialias=False).numpy()
