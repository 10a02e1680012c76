"""A model in any of its forms as one function: uint8 pixels -> p_real."""

import os
import pathlib
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent import futures
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from aireal import machine
from aireal.errors import UserError
from aireal.network import models
from aireal.pixels import preprocess
from aireal.verdicts.verdict import REAL
from builders.cifake.layout import LABELS

_BATCH_PIXELS = 256 * 32 * 32
LABELS_FILE = "labels.txt"  # beside exported models, and as a zip archive inside .tflite files


class Scorer(Protocol):
    """What all forms have in common.

    Attributes:
      path: of the model.
      input_size: S, the edge in pixels of what the model takes.
    """

    path: pathlib.Path
    input_size: int

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """[B, S, S, 3] uint8, RGB -> p_real [B] float32 in [0, 1]."""


def load(path: os.PathLike | str) -> Scorer:
    """Loads a .keras file, a SavedModel folder or a .tflite file.

    Raises:
      UserError: it cannot be loaded, or maps something else than pixels to verdicts.
    """
    path = pathlib.Path(path)
    form = SavedModelScorer if path.is_dir() else TfliteScorer if path.suffix == ".tflite" else KerasScorer.load
    try:
        return form(path)
    except UserError:
        raise
    except Exception as error:  # each loader raises many kinds for a file that is damaged, foreign or unsafe
        raise UserError(f"{path} cannot be loaded: {' '.join(str(error).split())}") from error


def batch_size(input_size: int) -> int:
    """Returns how many pictures of this edge in pixels are given to a scorer at a time."""
    return max(1, _BATCH_PIXELS // input_size**2)


def finite(p_real: np.ndarray, model: os.PathLike | str) -> np.ndarray:
    """Returns `p_real`. Raises UserError where it is not all numbers; names the model."""
    if not np.isfinite(p_real).all():
        raise UserError(f"The answers of {model} are not numbers (NaN): its weights are damaged. Train it again.")
    return p_real


class KerasScorer:
    """A Keras model: [B, S, S, 3] float32 in [0, 1] -> one logit.

    Args:
      model: of `models.build_model`.
      path: the .keras file that it is of.
    """

    def __init__(self, model: keras.Model, path: pathlib.Path):
        self.model = model
        self.path = path
        self.input_size = _edge(path, model.input_shape, model.output_shape, outputs=1)
        self._logit = tf.function(lambda images: model(images, training=False)[:, 0], reduce_retracing=True)
        self._p_real = tf.function(
            lambda images: tf.sigmoid(model(images, training=False))[:, 0], reduce_retracing=True
        )

    @classmethod
    def load(cls, path: pathlib.Path) -> "KerasScorer":
        model = keras.models.load_model(path, compile=False)
        if not models.is_ours(model):
            raise UserError(
                f"{path} is not a network that train or build_model made, so nobody knows what its pixels and answers "
                f"mean: it is called {model.name!r} and ends in {_ending(model)}. Expected {models.NAME!r}, from "
                f"`{models.IMAGE}` in 0..1 to a layer {models.LOGIT!r} without activation, positive for REAL. Build "
                "yours by aireal.network.models.build_model."
            )
        return cls(model, path)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return self._p_real(preprocess.normalise(tf.constant(pixels))).numpy()

    def logit(self, pixels: np.ndarray) -> np.ndarray:
        """[B, S, S, 3] uint8, RGB -> logit [B] float32, from which p_real cannot be told apart near 0 and 1."""
        return self._logit(preprocess.normalise(tf.constant(pixels))).numpy()


class SavedModelScorer:
    """A SavedModel folder with the signature `serving_default`: `image` -> `probabilities` [B, 2]."""

    def __init__(self, path: pathlib.Path):
        with tempfile.TemporaryDirectory() as folder:  # TensorFlow takes [ and * in a path for a pattern
            link = pathlib.Path(folder, "saved_model")
            link.symlink_to(path.resolve(), target_is_directory=True)
            self._loaded = tf.saved_model.load(str(link))  # owns the variables of its signatures
        self._signature = self._loaded.signatures["serving_default"]
        (image,) = self._signature.structured_input_signature[1].values()
        output = self._signature.structured_outputs["probabilities"]
        if image.dtype != tf.uint8:
            raise UserError(f"{path} takes {image.dtype.name}. {_EXPECTED}")
        self.path = path
        self.input_size = _edge(path, image.shape.as_list(), output.shape.as_list(), outputs=2)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        return self._signature(image=tf.constant(pixels))["probabilities"].numpy()[:, REAL]


class TfliteScorer:
    """A .tflite file: [1, S, S, 3] uint8 -> [1, 2] float32, run by LiteRT on each core, one picture at a time."""

    def __init__(self, path: pathlib.Path):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreters = [Interpreter(str(path), num_threads=1) for _ in range(machine.cores())]
        for interpreter in self._interpreters:
            interpreter.allocate_tensors()
        (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
        if image["dtype"] != np.uint8 or output["dtype"] != np.float32:
            types = f"takes {image['dtype'].__name__} and gives {output['dtype'].__name__}"
            raise UserError(f"{path} {types}. {_EXPECTED}")
        self.path = path
        self.input_size = _edge(path, image["shape"].tolist(), output["shape"].tolist(), outputs=2)
        self._image, self._output, self._real = image["index"], output["index"], _labels(path).index(LABELS[REAL])

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        parts = np.array_split(pixels, len(self._interpreters))
        with futures.ThreadPoolExecutor(len(parts)) as pool:
            return np.concatenate(list(pool.map(self._run, self._interpreters, parts)))

    def _run(self, interpreter: Any, pixels: np.ndarray) -> np.ndarray:
        p_real = np.empty(len(pixels), np.float32)
        for index, one in enumerate(pixels):
            interpreter.set_tensor(self._image, one[None])
            interpreter.invoke()
            p_real[index] = interpreter.get_tensor(self._output)[0, self._real]
        return p_real


_EXPECTED = "Expected what train and exports.export make: [B, S, S, 3] RGB to a verdict."


def _labels(path: pathlib.Path) -> list[str]:
    """Returns which class each score of a .tflite file is of, as the labels inside it say."""
    try:
        with zipfile.ZipFile(path) as archive:
            labels = archive.read(LABELS_FILE).decode().split()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        labels = []
    if sorted(labels) != sorted(LABELS):
        found = f"says {', '.join(labels)}" if labels else f"holds no {LABELS_FILE}"
        raise UserError(
            f"{path} {found}, so nobody knows which of its scores is which. Expected the labels {' and '.join(LABELS)} "
            "inside, as exports.export writes them."
        )
    return labels


def _ending(model: keras.Model) -> str:
    layer = model.layers[-1]
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    return f"the layer {layer.name!r}" + (f" with the activation {activation}" if activation else "")


def _edge(path: pathlib.Path, image: Sequence[int | None], output: Sequence[int | None], *, outputs: int) -> int:
    match list(image), list(output):
        case ([_, int(height), int(width), 3], [_, int(count)]) if height == width and count == outputs:
            return height
    raise UserError(f"{path} maps {tuple(image)} to {tuple(output)}. {_EXPECTED}")
