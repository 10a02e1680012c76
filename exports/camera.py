"""Whether the camera form, which takes large pictures, answers as predict does."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image
from sklearn.datasets import load_sample_images

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.pixels import decoding, preprocess, windows
from aireal.verdicts import scorers
from aireal.verdicts.contract import Contract
from aireal.verdicts.forms import Scores
from exports.verify import LARGEST_DIFFERENCE, Differences, stratified

LARGEST_FLIPS = 0.02  # share of verdicts
_ENLARGED = 200  # test images, to the size of a photograph
_CROPS = 20  # of each photograph
_PHOTOGRAPH = (480, 640)  # height and width in pixels


@dataclasses.dataclass(frozen=True)
class Proof:
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


def compare(
    reference: scorers.Scorer, plain: scorers.Scorer, camera: scorers.Scorer, data: Data, contract: Contract
) -> Proof:
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
    return Proof(len(pictures), f"{width}x{height}, resampled as a phone does", *found)


def _compare_windows(
    reference: scorers.Scorer, plain: scorers.Scorer, camera: scorers.Scorer, data: Data, contract: Contract
) -> Proof:
    edge, size, count = camera.input_size, contract.image_size, contract.windows
    large = pictures(data, _ENLARGED, edge)
    places = windows.places(edge, edge, size, count)
    expected, of_plain = (
        Scores.concatenate([form(windows.cut(one, size, places)).pooled(count) for one in large])
        for form in (reference, plain)
    )
    found = [Differences.of(one, expected, contract.rule) for one in (of_plain, camera(large))]
    return Proof(len(large), f"{edge}x{edge}, cut out of test pictures", *found)


def pictures(data: Data, count: int, edge: int) -> np.ndarray:
    """Returns the middle of `count` test pictures, half of each class, as predict cuts them: [N, edge, edge, 3]."""
    rows = set(stratified(data, "test", count).tolist())
    found = (decoding.decode(file) for row, file in enumerate(data.files("test")) if row in rows)
    return np.concatenate([windows.cut(one, edge, windows.places(*one.shape[:2], edge, 1)) for one in found])


def check(proof: Proof, contract: Contract) -> None:
    """Raises UserError where more than 2 % of the camera form's verdicts flip, or its windows give other scores."""
    largest = LARGEST_DIFFERENCE["float32"]
    if contract.windows and proof.camera.max_difference > largest:
        different = (
            f"its p_real differs from Keras's by up to {proof.camera.max_difference:.2g}, more than {largest:.2g}"
        )
        raise UserError(f"camera is not the model that was trained: {different}. So nothing is exported.")
    if proof.camera.flips > LARGEST_FLIPS * proof.n:
        flips = f"{proof.camera.flips} of {proof.n} verdicts on large pictures differ from predict's"
        raise UserError(f"camera: {flips}. So nothing is exported.")


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
