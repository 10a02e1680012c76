"""Whether what is shipped is the model that was trained: every form on the whole test split."""

import itertools
import math
import pathlib
import time
from typing import Any

import numpy as np
import tensorflow as tf
import tqdm
from PIL import Image
from sklearn.datasets import load_sample_images

from aireal.data.batches import LABELS, Data
from aireal.errors import UserError
from aireal.judging import metrics
from aireal.pixels import preprocess
from aireal.verdicts import scorers
from exports import artifacts

# Those that take the model's own size, and their files.
FORMS = {"saved_model": artifacts.SAVED_MODEL} | {
    variant: artifacts.tflite_name(variant) for variant in ("float32", "float16", "dynamic", "int8")
}
# Of p_real, against Keras.
LARGEST_DIFFERENCE = {"saved_model": 1e-5, "float32": 1e-5, "float16": 1e-3}
LARGEST_LOSS = 0.003  # of accuracy, for the forms that compute in 8 bits, beyond what chance explains
LARGEST_CAMERA_FLIPS = 0.02  # share of verdicts
_ENLARGED = 200  # test images, to the size of a photograph
_CROPS = 20  # of each photograph
_PHOTOGRAPH = (480, 640)  # height and width in pixels


def load(folder: pathlib.Path) -> dict[str, scorers.Scorer]:
    """Loads the forms that take the model's own size."""
    return {name: scorers.load(folder / file) for name, file in FORMS.items()}


def compare(reference: scorers.Scorer, forms: dict[str, scorers.Scorer], data: Data) -> dict[str, Any]:
    """Compares every form with the reference on the test split; `check` judges what was found.

    Args:
      reference: the Keras model.
      forms: by name.
      data: the run's.

    Returns:
      n; for `keras` and each form accuracy and roc_auc, for the forms also max_difference and mean_difference of
      p_real, flips (verdicts that differ from Keras's) and seconds; flips_between each two forms.

    Raises:
      UserError: a form says the same to every image, or NaN; names it.
    """
    label = data.table("test").label
    p_real, seconds = _score({"keras": reference, **forms}, data)
    for name, scores in p_real.items():
        if not np.isfinite(scores).all() or np.ptp(scores) == 0:
            raise UserError(f"{name} says {scores[0]} to every test image, or NaN: it is not exported.")
    found = {
        name: {
            "accuracy": float(np.mean((scores >= 0.5) == label)),
            "roc_auc": metrics.evaluate(label, scores)["roc_auc"],
            "seconds": round(seconds[name], 3),
            **(_differences(scores, p_real["keras"]) if name != "keras" else {}),
        }
        for name, scores in p_real.items()
    }
    between = {
        f"{one} {other}": int(np.sum((p_real[one] >= 0.5) != (p_real[other] >= 0.5)))
        for one, other in itertools.combinations(forms, 2)
    }
    return {"n": len(label), **found, "flips_between": between}


def _score(forms: dict[str, scorers.Scorer], data: Data) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    scores: dict[str, list[np.ndarray]] = {name: [] for name in forms}
    seconds = dict.fromkeys(forms, 0.0)
    count = len(data.table("test"))
    with tqdm.tqdm(total=count, desc="comparing", unit=" images", leave=False, mininterval=0.5) as progress:
        for pixels in data.pixels("test").as_numpy_iterator():
            for name, scorer in forms.items():
                start = time.perf_counter()
                scores[name].append(scorer(pixels))
                seconds[name] += time.perf_counter() - start
            progress.update(len(pixels))
    return {name: np.concatenate(parts) for name, parts in scores.items()}, seconds


def _differences(scores: np.ndarray, reference: np.ndarray) -> dict[str, float | int]:
    difference = np.abs(scores.astype(np.float64) - reference)
    return {
        "max_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
        "flips": int(np.sum((scores >= 0.5) != (reference >= 0.5))),
    }


def check(found: dict[str, Any]) -> None:
    """Raises UserError where what `compare` returned is beyond the limit of a form; names all that are."""
    complaints = [complaint for name in FORMS if name in found and (complaint := _complaint(name, found))]
    if complaints:
        raise UserError(" ".join([*complaints, "So nothing is exported."]))


def _complaint(name: str, found: dict[str, Any]) -> str | None:
    row = found[name]
    if name in LARGEST_DIFFERENCE:
        largest, what = LARGEST_DIFFERENCE[name], "p_real differs from Keras's by up to"
        value = row["max_difference"]
    else:
        # A verdict that flips is a gain or a loss: on few images two standard errors of their sum are more than 0.003.
        chance = 2 * math.sqrt(row["flips"]) / found["n"]
        largest, what = LARGEST_LOSS + chance, "accuracy differs from Keras's by"
        value = abs(found["keras"]["accuracy"] - row["accuracy"])
    if value <= largest:
        return None
    return f"{name} is not the model that was trained: its {what} {value:.2g}, more than {largest:.2g}."


def compare_camera(
    reference: scorers.Scorer, plain: scorers.Scorer, camera: scorers.Scorer, data: Data, aspect_ratio: str
) -> dict[str, Any]:
    """Compares verdicts on large pictures with predict's, when a phone's pipeline resamples without antialiasing.

    Args:
      reference: the Keras model, fed by predict's own reduction.
      plain: a form that takes the model's size.
      camera: the form that takes a larger square and reduces it in its graph.
      data: the run's, of whose test images some are enlarged; the others are crops of scikit-learn's two photographs.
      aspect_ratio: the run's; with center_crop the phone's app is taken to crop too.

    Returns:
      n; for `plain` and `camera` flips (verdicts that differ from predict's) and max_difference of p_real.
    """
    pictures = [tf.constant(one) for one in _large_pictures(data)]
    if aspect_ratio == "center_crop":
        pictures = [preprocess.center_crop(one) for one in pictures]
    expected = reference(np.stack([preprocess.resize(one, reference.image_size) for one in pictures]))
    found = {"n": len(pictures)}
    for name, form in {"plain": plain, "camera": camera}.items():
        scores = form(np.stack([_as_mediapipe_does(one, form.image_size) for one in pictures]))
        differences = _differences(scores, expected)
        found[name] = {key: differences[key] for key in ("flips", "max_difference")}
    return found


def check_camera(found: dict[str, Any]) -> None:
    """Raises UserError where of the camera form's verdicts in what `compare_camera` returned more than 2 % flip."""
    flips, count = found["camera"]["flips"], found["n"]
    if flips > LARGEST_CAMERA_FLIPS * count:
        raise UserError(
            f"camera: {flips} of {count} verdicts on large pictures differ from predict's. So nothing is exported."
        )


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
    resized = tf.image.resize(picture, [size, size], method="bilinear", antialias=False)
    return tf.cast(tf.round(resized), tf.uint8).numpy()
