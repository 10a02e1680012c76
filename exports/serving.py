"""The graph that is shipped: pixels or files in, probabilities out, by the functions that training used."""

import dataclasses
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from aireal.network import foreign, models
from aireal.network.foreign import Unit
from aireal.pixels import preprocess, windows
from aireal.verdicts import forms
from aireal.verdicts.verdict import DEFAULT, EDGE_TOLERANCE, UNSURE, VERDICTS, Rule

Signature = tuple[Callable[[tf.Tensor], dict[str, tf.Tensor]], list[tf.TensorSpec]]

# What probabilities of .tflite files keep from 0 and 1, so that the 1 of UNSURE is above both.
_MARGIN = 2.0**-24


@dataclasses.dataclass(frozen=True)
class Served:
    """A network as it is shipped.

    Attributes:
      model: images [B, S, S, 3] float32 in [0, 1] -> logit [B, 1].
      rule: which verdict its scores give.
      unit: tells how foreign a picture is, where the rule asks for it.
      windows: of how many windows a picture's score is the mean; 0 where the network sees it whole.
    """

    model: keras.Model
    rule: Rule = DEFAULT
    unit: Unit | None = None
    windows: int = 0

    @property
    def size(self) -> int:
        """Edge in pixels of what the network judges."""
        return self.model.input_shape[1]

    def scores(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """[B, S, S, 3] float32 in [0, 1] -> p_real [B, 1], foreignness [B, 1] or None."""
        return foreign.judge(self.model, self.unit)(images)

    def pooled(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """As `scores`, of pictures: what `forms.Scores.pooled` makes of `windows` images of each, in a row."""
        p_real, foreignness = self.scores(images)
        if not self.windows:
            return p_real, foreignness
        p_real = tf.clip_by_value(p_real, forms.LEAST, 1.0 - forms.LEAST)
        logit = tf.math.log(p_real) - tf.math.log(1.0 - p_real)
        return tf.sigmoid(self._mean(logit)), None if foreignness is None else self._mean(foreignness)

    def _mean(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.reshape(values, [-1, self.windows]), axis=1, keepdims=True)

    def of_one_window(self) -> "Served":
        """Returns what is served where windows are judged one by one: borders are for a picture's score.

        It has as many labels, so that all files of an export have the same, and says UNSURE to none.
        """
        without = dict.fromkeys(("fake_up_to", "real_at_least", "foreign_from"))
        return Served(self.model, dataclasses.replace(self.rule, **without)) if self.windows else self

    def finish(self, found: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Does what `scores` does with what the network found inside; there has to be a unit."""
        logit, seen = foreign.parts(self.model)[1](found)
        return tf.sigmoid(logit), self.unit(seen)

    def is_unsure(self, p_real: tf.Tensor, foreignness: tf.Tensor | None) -> tf.Tensor:
        """Returns whether there is no verdict, whatever the picture's size: bool [B, 1]."""
        low = self.rule.is_low(p_real)
        return low if foreignness is None else low | self.rule.is_foreign(foreignness)


def from_pixels(served: Served) -> Signature:
    """`image` uint8 [B, S, S, 3] RGB -> `probabilities` float32 [B, 2], p_fake and p_real.

    Where the rule withholds verdicts also `label` string [B], of VERDICTS, and `foreign` float32 [B].
    """

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return _apart(served, preprocess.normalise(image))

    return serve, [tf.TensorSpec([None, served.size, served.size, 3], tf.uint8, name="image")]


def from_one(served: Served) -> Signature:
    """`image` uint8 [1, S, S, 3] RGB -> `probabilities` float32 [1, 2], p_fake and p_real.

    Where the rule withholds verdicts [1, 3]: the third is 1 where there is none, else 0, so that the largest of the
    three is the verdict.
    """

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return _together(served, *served.scores(preprocess.normalise(image)))

    return serve, [tf.TensorSpec([1, served.size, served.size, 3], tf.uint8, name="image")]


def from_floats(served: Served) -> Signature:
    """`image` float32 [1, S, S, 3] in [0, 1] -> as `from_one`: the form whose quantisation makes uint8 of it."""

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return _together(served, *served.scores(image))

    return serve, [tf.TensorSpec([1, served.size, served.size, 3], tf.float32, name="image")]


def inside(served: Served) -> Signature:
    """`image` as `from_floats` -> what the network finds inside, the part that 8 bits suffice for."""
    first, _ = foreign.parts(served.model)

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(_names(first), first(image, training=False), strict=True))

    return serve, [tf.TensorSpec([1, served.size, served.size, 3], tf.float32, name="image")]


def from_inside(served: Served) -> Signature:
    """What `inside` gives -> as `from_one`: scores and their comparison with borders, which need more bits."""
    first, _ = foreign.parts(served.model)
    twice = 2 if models.averages_mirrored(served.model) else 1

    def serve(*found: tf.Tensor) -> dict[str, tf.Tensor]:
        return _together(served, *served.finish(found))

    named = zip(_names(first), first.outputs, strict=True)
    return serve, [tf.TensorSpec([twice, *one.shape[1:]], tf.float32, name=name) for name, one in named]


def _names(first: keras.Model) -> list[str]:
    return [f"inside_{number}" for number in range(len(first.outputs))]


def from_camera(served: Served, camera_size: int) -> Signature:
    """`image` uint8 [1, C, C, 3] -> as `from_one`, with what predict does to pictures of C pixels inside."""
    cut = _windows(served, camera_size) if served.windows else _reduced(served.size, camera_size)

    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return _together(served, *served.pooled(cut(image) / 255.0))

    return serve, [tf.TensorSpec([1, camera_size, camera_size, 3], tf.uint8, name="image")]


def _windows(served: Served, camera_size: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """[1, C, C, 3] uint8 -> its windows, [W, S, S, 3] float32."""
    places = windows.places(camera_size, camera_size, served.size, served.windows).tolist()

    def cut(image: tf.Tensor) -> tf.Tensor:
        floats = tf.cast(image, tf.float32)
        return tf.concat([floats[:, top : top + served.size, left : left + served.size] for top, left in places], 0)

    return cut


def _reduced(size: int, camera_size: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """[1, C, C, 3] uint8 -> [1, S, S, 3] float32 in 0..255, antialiased."""
    # Resampling is linear and works on rows and columns alone, so its weights are what it makes of the unit matrix.
    weights = tf.image.resize(tf.eye(camera_size)[..., None], [size, camera_size], antialias=True)[..., 0]

    def reduce(image: tf.Tensor) -> tf.Tensor:
        rows = tf.reshape(tf.cast(image, tf.float32), [camera_size, camera_size * 3])
        rows = tf.reshape(tf.matmul(weights, rows), [size, camera_size, 3])
        pixels = tf.transpose(tf.reshape(tf.transpose(rows, [1, 0, 2]), [camera_size, size * 3]))
        columns = tf.reshape(tf.matmul(pixels, weights, transpose_b=True), [size, 3, size])
        return tf.round(tf.transpose(columns, [0, 2, 1]))[None]

    return reduce


def from_bytes(served: Served, aspect_ratio: str) -> Signature:
    """`image_bytes` string [B], JPEG or PNG files -> as `from_pixels`, and `label` always, by the files' size too."""
    size = served.size

    def read(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        picture = preprocess.decode_jpeg_or_png(encoded)
        fits = _fits(served.rule, tf.shape(picture)[:2])
        if served.windows:
            return preprocess.cut_windows(picture, size, served.windows), fits
        return preprocess.resize(picture, size, aspect_ratio)[None], fits

    def serve(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        specification = tf.TensorSpec([max(served.windows, 1), size, size, 3], tf.uint8), tf.TensorSpec([], tf.bool)
        pixels, fits = tf.map_fn(read, image_bytes, fn_output_signature=specification)
        return _apart(served, preprocess.normalise(tf.reshape(pixels, [-1, size, size, 3])), fits)

    return serve, [tf.TensorSpec([None], tf.string, name="image_bytes")]


def _fits(rule: Rule, size: tf.Tensor) -> tf.Tensor:
    """Does what `Rule.fits` does with numbers."""
    if rule.edges is None:
        return tf.constant(True)
    least, largest = rule.edges
    edges = tf.cast(size, tf.float32)
    return (least <= tf.reduce_min(edges) * EDGE_TOLERANCE) & (tf.reduce_max(edges) <= largest * EDGE_TOLERANCE)


def _apart(served: Served, images: tf.Tensor, fits: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
    p_real, foreignness = served.pooled(images)
    answer = {"probabilities": tf.concat([1.0 - p_real, p_real], axis=1)}
    if not served.rule.withholds and fits is None:
        return answer
    unsure = served.is_unsure(p_real, foreignness)[:, 0]
    unsure = unsure if fits is None else unsure | ~fits
    label = tf.cast(served.rule.is_real(p_real[:, 0]), tf.int32)
    answer["label"] = tf.gather(tf.constant(VERDICTS), tf.where(unsure, VERDICTS.index(UNSURE), label))
    return answer if foreignness is None else {**answer, "foreign": foreignness[:, 0]}


def _together(served: Served, p_real: tf.Tensor, foreignness: tf.Tensor | None) -> dict[str, tf.Tensor]:
    # 1 - p and not a softmax over [0, logit], which loses more verdicts in 8 bits.
    if not served.rule.withholds:
        return {"probabilities": tf.concat([1.0 - p_real, p_real], axis=1)}
    unsure = tf.cast(served.is_unsure(p_real, foreignness), tf.float32)
    p_real = tf.clip_by_value(p_real, _MARGIN, 1.0 - _MARGIN)
    return {"probabilities": tf.concat([1.0 - p_real, p_real, unsure], axis=1)}
