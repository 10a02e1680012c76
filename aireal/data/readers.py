"""Where the pixels of a batch come from: files at every pass, or memory. Both have the same three methods."""

import functools
import io
import math

import numpy as np
import tensorflow as tf

from aireal import machine
from aireal.data.stored import Stored, cut
from aireal.pixels import decoding, preprocess
from aireal.settings.config import Config
from builders import progress
from builders.cifake import sources

PREFETCHED = 4  # batches
_DECODED_AT_ONCE = 256  # images, when all are brought into memory
_AT_MOST = 16  # batches are made at a time, however many cores there are: memory holds them all
# tf.data's autotuner costs a tenth of the throughput on two cores, so the parallelism is set by hand.
PARALLEL_CALLS = min(machine.cores(), _AT_MOST) + 1


def options() -> tf.data.Options:
    """Returns the tf.data options that all pipelines share."""
    chosen = tf.data.Options()
    chosen.autotune.enabled = False
    # Rewriting a pipeline copies what it captures, all images in memory, and gains nothing in ours.
    chosen.experimental_optimization.apply_default_optimizations = False
    chosen.deterministic = True
    return chosen


class Streamed:
    """Images read and decoded whenever they are needed; a batch is as `Stored` has it.

    Args:
      stored: the N images.
      label: [N] int.
      objects: [N] int.
      config: its form, `image_size` and `aspect_ratio` are used.
      raw: whether they are pixels, [S, S, 3], and no files.
    """

    def __init__(self, stored: Stored, label: np.ndarray, objects: np.ndarray, config: Config, *, raw: bool = False):
        # Tensors: graphs would have a copy of an array each.
        self.label = tf.constant(label, tf.float32)
        self.objects = tf.constant(objects, tf.int64)
        self.shuffled = stored.shuffled
        self.ordered = stored.ordered
        self._config = config
        self._raw = raw

    def read(self, batch: dict[str, tf.Tensor], batch_size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns images [B, S, S, 3] uint8, labels [B] float32 and objects [B] int64, -1 where unknown.

        Args:
          batch: of one of the methods above.
          batch_size: that it was made with.
        """
        size = self._config.image_size
        if self._raw:
            pixels = tf.reshape(tf.io.decode_raw(batch["bytes"], tf.uint8), [-1, size, size, 3])
        elif self._config.strict:
            pixels = preprocess.decode_jpegs(batch["bytes"], at_most=batch_size)
            if size != sources.SIZE:
                pixels = self._resize(pixels)
        else:
            pixels = self._decode_any(batch["bytes"])
        labels, objects = (tf.gather(values, batch["row"]) for values in (self.label, self.objects))
        return tf.ensure_shape(pixels, [None, size, size, 3]), labels, objects

    def _decode_any(self, encoded: tf.Tensor) -> tf.Tensor:
        """[B] string, any format -> [B, S, S, 3] uint8, in half of the time where all pictures have that size."""
        size = self._config.image_size
        # A method would be kept for ever with all that it belongs to.
        fitting = tf.numpy_function(functools.partial(_decode_fitting, size=size), [encoded], tf.uint8)
        spec = tf.TensorSpec([size, size, 3], tf.uint8)
        each = functools.partial(tf.map_fn, self._decode_one, encoded, fn_output_signature=spec)
        return tf.cond(tf.size(fitting) > 0, lambda: fitting, each)

    def _decode_one(self, encoded: tf.Tensor) -> tf.Tensor:
        image = tf.numpy_function(decoding.decode, [encoded], tf.uint8)
        return self._resize(tf.ensure_shape(image, [None, None, 3]))

    def _resize(self, images: tf.Tensor) -> tf.Tensor:
        return preprocess.resize(images, self._config.image_size, self._config.aspect_ratio)


def _decode_fitting(encoded: np.ndarray, size: int) -> np.ndarray:
    """Decodes [B] bytes to [B, size, size, 3] uint8, or to none of them as soon as one is of another size."""
    images = np.empty([len(encoded), size, size, 3], np.uint8)
    for row, file in enumerate(encoded):
        with decoding.open_image(io.BytesIO(file)) as image:
            if image.size != (size, size):
                return images[:0]
            images[row] = decoding.to_rgb(image)
    return images


class InMemory:
    """Images decoded once, for all epochs; a batch is [B] int64, positions in memory.

    Args:
      streamed: has the images.
      used: [N] bool, which are decoded: those that masks will ask for.
      image_size: edge in pixels.
    """

    def __init__(self, streamed: Streamed, used: np.ndarray, image_size: int):
        count = int(used.sum())
        pixels = _aligned_empty((count, image_size, image_size, 3))
        batches = (
            streamed.ordered(used, _DECODED_AT_ONCE)
            .map(lambda batch: streamed.read(batch, _DECODED_AT_ONCE)[0], num_parallel_calls=PARALLEL_CALLS)
            .with_options(options())
            .prefetch(PREFETCHED)
        )
        filled = 0
        with progress.bar(title="decoding", total=count, unit=" images", leave=False) as shown:
            for batch in batches:
                pixels[filled : filled + len(batch)] = batch
                filled += len(batch)
                shown.update(len(batch))
        if filled != count:  # what is left would be whatever the memory held
            raise RuntimeError(f"{filled:,} of {count:,} images were read")
        # Shares the memory; tf.constant would hold the images three times over while it copies.
        self._pixels = tf.experimental.dlpack.from_dlpack(pixels.__dlpack__())
        self._used = used
        self._label, self._objects = (tf.boolean_mask(values, used) for values in (streamed.label, streamed.objects))

    def shuffled(self, mask: np.ndarray, seed: list, batch_size: int) -> tf.data.Dataset:
        return cut(tf.random.experimental.stateless_shuffle(self._positions(mask), seed), batch_size)

    def ordered(self, mask: np.ndarray, batch_size: int) -> tf.data.Dataset:
        return cut(tf.constant(self._positions(mask)), batch_size)

    def _positions(self, mask: np.ndarray) -> np.ndarray:
        return np.flatnonzero(mask[self._used])

    def read(self, batch: tf.Tensor, batch_size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Returns images [B, S, S, 3] uint8, labels [B] float32 and objects [B] int64, -1 where unknown."""
        return tuple(tf.gather(values, batch) for values in (self._pixels, self._label, self._objects))


def _aligned_empty(shape: tuple[int, ...]) -> np.ndarray:
    """Returns an uninitialised uint8 array at an address that TensorFlow's kernels accept, a multiple of 64."""
    size = math.prod(shape)
    raw = np.empty(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size].reshape(shape)
