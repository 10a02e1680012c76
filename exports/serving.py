"""The graph that is shipped: pixels or files in, probabilities out, by the functions that training used."""

from collections.abc import Callable

import keras
import tensorflow as tf

from aireal.pixels import preprocess
from aireal.verdicts.contract import Contract
from aireal.verdicts.verdict import REAL
from builders.cifake.layout import LABELS

Signature = tuple[Callable[[tf.Tensor], dict[str, tf.Tensor]], list[tf.TensorSpec]]


def from_pixels(model: keras.Model, batch: int | None) -> Signature:
    """`image` uint8 [batch, S, S, 3] RGB -> `probabilities` float32 [batch, 2], p_fake and p_real."""

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": _probabilities(model, preprocess.normalise(image))}

    return serve, [tf.TensorSpec([batch, *model.input_shape[1:]], tf.uint8, name="image")]


def from_floats(model: keras.Model) -> Signature:
    """`image` float32 [1, S, S, 3] in [0, 1] -> as above: the form whose quantisation makes uint8 of it."""

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": _probabilities(model, image)}

    return serve, [tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, name="image")]


def from_camera(model: keras.Model, camera_size: int) -> Signature:
    """`image` uint8 [1, C, C, 3] -> as above, with predict's antialiased reduction to the model's size in the graph."""
    size = model.input_shape[1]
    # Resampling is linear and works on rows and columns alone, so its weights are what it makes of the unit matrix.
    weights = tf.image.resize(tf.eye(camera_size)[..., None], [size, camera_size], antialias=True)[..., 0]

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        rows = tf.reshape(tf.cast(image, tf.float32), [camera_size, camera_size * 3])
        rows = tf.reshape(tf.matmul(weights, rows), [size, camera_size, 3])
        pixels = tf.transpose(tf.reshape(tf.transpose(rows, [1, 0, 2]), [camera_size, size * 3]))
        columns = tf.reshape(tf.matmul(pixels, weights, transpose_b=True), [size, 3, size])
        reduced = tf.round(tf.transpose(columns, [0, 2, 1]))[None]
        return {"probabilities": _probabilities(model, reduced / 255.0)}

    return serve, [tf.TensorSpec([1, camera_size, camera_size, 3], tf.uint8, name="image")]


def from_bytes(model: keras.Model, contract: Contract) -> Signature:
    """`image_bytes` string [B], JPEG or PNG files -> `probabilities` as above, and `label` string [B]."""
    size = model.input_shape[1]

    def read(encoded: tf.Tensor) -> tf.Tensor:
        return preprocess.resize(preprocess.decode_jpeg_or_png(encoded), size, contract.aspect_ratio)

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.map_fn(read, image_bytes, fn_output_signature=tf.TensorSpec([size, size, 3], tf.uint8))
        probabilities = _probabilities(model, preprocess.normalise(pixels))
        is_real = tf.cast(contract.rule.is_real(probabilities[:, REAL]), tf.int32)
        return {"probabilities": probabilities, "label": tf.gather(tf.constant(LABELS), is_real)}

    return serve, [tf.TensorSpec([None], tf.string, name="image_bytes")]


def _probabilities(model: keras.Model, images: tf.Tensor) -> tf.Tensor:
    # 1 - p and not a softmax over [0, logit], which loses more verdicts in 8 bits.
    p_real = tf.sigmoid(model(images, training=False))
    return tf.concat([1.0 - p_real, p_real], axis=1)
