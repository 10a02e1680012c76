"""Keras models and SavedModels as scorers."""

import functools
import pathlib
import tempfile
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from aireal.errors import UserError
from aireal.network import foreign, models
from aireal.network.foreign import Unit
from aireal.pixels import preprocess
from aireal.verdicts.forms import EXPECTED, Scores, edge
from aireal.verdicts.verdict import REAL

_JPEG_END = b"\xff\xd9"
_AT_ONCE = 64 * 32 * 32  # pixels that a CPU computes on: four times as many take 220 MiB more to be hardly faster


@functools.cache
def _resizer(size: int, aspect_ratio: str, antialias: bool) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(
        lambda image: preprocess.resize(image, size, aspect_ratio, antialias=antialias),
        input_signature=[tf.TensorSpec([None, None, 3], tf.uint8)],
    )


def _resize(image: np.ndarray, size: int, aspect_ratio: str, *, antialias: bool) -> np.ndarray:
    return _resizer(size, aspect_ratio, antialias)(image).numpy()


@functools.cache
def _jpeg_reducer(size: int, aspect_ratio: str, antialias: bool) -> tf.types.experimental.PolymorphicFunction:
    return tf.function(
        lambda encoded: preprocess.resize(preprocess.decode_jpeg(encoded), size, aspect_ratio, antialias=antialias),
        input_signature=[tf.TensorSpec([], tf.string)],
    )


def _reduce_jpeg(encoded: bytes, size: int, aspect_ratio: str, *, antialias: bool) -> np.ndarray | None:
    """Does what Pillow and `_resize` do, without a copy of the whole picture in between: in half of the time."""
    if not encoded.endswith(_JPEG_END):  # cut: TensorFlow would print a line that names no file
        return None
    try:
        return _jpeg_reducer(size, aspect_ratio, antialias)(encoded).numpy()
    except tf.errors.InvalidArgumentError:  # damaged; Pillow reads some of these, and says of the others what is wrong
        return None


class KerasScorer:
    """A Keras model: [B, S, S, 3] float32 in [0, 1] -> one logit.

    Args:
      model: of `models.build_model`.
      path: the .keras file that it is of.
      unit: tells how foreign pictures are; None where the run has none.
    """

    resize, reduce_jpeg = staticmethod(_resize), staticmethod(_reduce_jpeg)

    def __init__(self, model: keras.Model, path: pathlib.Path, unit: Unit | None = None):
        self.model = model
        self.unit = unit
        self.path = path
        self.withholds = unit is not None
        self.input_size = edge(path, model.input_shape, model.output_shape, outputs=1)
        self._logit = tf.function(lambda images: (model(images, training=False)[:, 0],), reduce_retracing=True)
        self._scores = tf.function(_scores(model, unit), reduce_retracing=True)

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
        return cls(model, path, Unit.load(path))

    def __call__(self, pixels: np.ndarray) -> Scores:
        return Scores(*in_parts(self._scores, pixels))

    def logit(self, pixels: np.ndarray) -> np.ndarray:
        """[B, S, S, 3] uint8, RGB -> logit [B] float32, from which p_real cannot be told apart near 0 and 1."""
        return in_parts(self._logit, pixels)[0]


def in_parts(look: Callable[[tf.Tensor], Sequence[tf.Tensor]], pixels: np.ndarray) -> list[np.ndarray]:
    """Returns what a function gives of images [B, S, S, 3] uint8, which it gets normalised and some at a time."""
    every = len(pixels) if tf.config.list_physical_devices("GPU") else max(1, _AT_ONCE // pixels.shape[1] ** 2)
    starts = range(0, max(len(pixels), 1), max(every, 1))
    found = [look(preprocess.normalise(tf.constant(pixels[start : start + every]))) for start in starts]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


class SavedModelScorer:
    """A SavedModel folder with the signature `serving_default`: `image` -> `probabilities` [B, 2]."""

    resize, reduce_jpeg = staticmethod(_resize), staticmethod(_reduce_jpeg)

    def __init__(self, path: pathlib.Path):
        with tempfile.TemporaryDirectory() as folder:  # TensorFlow takes [ and * in a path for a pattern
            link = pathlib.Path(folder, "saved_model")
            link.symlink_to(path.resolve(), target_is_directory=True)
            self._loaded = tf.saved_model.load(str(link))  # owns the variables of its signatures
        self._signature = self._loaded.signatures["serving_default"]
        (image,) = self._signature.structured_input_signature[1].values()
        output = self._signature.structured_outputs["probabilities"]
        if image.dtype != tf.uint8:
            raise UserError(f"{path} takes {image.dtype.name}. {EXPECTED}")
        self.path = path
        self.withholds = "label" in self._signature.structured_outputs
        self.input_size = edge(path, image.shape.as_list(), output.shape.as_list(), outputs=2)

    def __call__(self, pixels: np.ndarray) -> Scores:
        found = self._signature(image=tf.constant(pixels))
        p_real = found["probabilities"].numpy()[:, REAL]
        return Scores(p_real, found["foreign"].numpy()) if "foreign" in found else Scores.without(p_real)


def _scores(model: keras.Model, unit: Unit | None) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """Returns images [B, S, S, 3] float32 in [0, 1] -> p_real [B] and foreignness [B], NaN without a unit, float32."""
    judge = foreign.judge(model, unit)

    def scores(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        p_real, foreignness = judge(images)
        if foreignness is None:
            foreignness = tf.fill(tf.shape(p_real), np.float32("nan"))
        return p_real[:, 0], foreignness[:, 0]

    return scores


def _ending(model: keras.Model) -> str:
    layer = model.layers[-1]
    activation = getattr(getattr(layer, "activation", None), "__name__", None)
    return f"the layer {layer.name!r}" + (f" with the activation {activation}" if activation else "")
