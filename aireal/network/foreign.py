"""How unlike its training pictures a picture is to a network: one linear unit that looks at its feature maps.

The network's verdict says nothing about it: under a picture of another kind scores are as high as ever. The unit sees
the mean and the mean absolute deviation of each feature map of the first convolutions, which tell how a picture was
reduced and saved, and what the logit sees, which tells what is in it. It was taught to tell training pictures from
altered ones (`judging.unsure`). A linear unit because it costs some hundred weights, 2 kB.
"""

import dataclasses
import pathlib
import re
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from aireal.errors import UserError
from aireal.network import models
from aireal.runs import files

FILE = "foreign.npz"  # beside model.keras
_CONVOLUTIONS = 3  # the first ones; of later ones `configs/README.md` says that they add little
_MOST_HIDDEN = 512  # values that the logit sees; more, behind a flattening head, would be a file of their own


Look = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def parts(model: keras.Model) -> tuple[keras.Model, Callable[[Sequence[tf.Tensor]], tuple[tf.Tensor, tf.Tensor]]]:
    """Cuts a network in two: what it finds inside, and what becomes of that.

    Args:
      model: of `models.build_model`, finished.

    Returns:
      The first part, images [B, S, S, 3] float32 in [0, 1] -> feature maps of the first convolutions, each
      [B, h, w, C], and at last what the logit sees, [B, D]; with mirror_average 2 B of each. And a function of these,
      which gives the logit [B, 1] and the signs [B, F], what the unit sees.
    """
    names = [layer.name for layer in model.layers]
    convolutions = sorted((name for name in names if re.fullmatch(r"conv\d+", name)), key=lambda name: int(name[4:]))
    behind = [f"{name}_activation" if f"{name}_activation" in names else name for name in convolutions[:_CONVOLUTIONS]]
    last, mirrors = model.get_layer(models.LOGIT), models.averages_mirrored(model)

    def averaged(values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.reshape(values, [2, -1, values.shape[1]]), axis=0) if mirrors else values

    def finish(found: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        *maps, hidden = found
        seen = [_statistics(one) for one in maps] + [hidden] * (hidden.shape[1] <= _MOST_HIDDEN)
        return averaged(last(hidden)), averaged(tf.concat(seen, axis=1))

    return keras.Model(model.input, [*(model.get_layer(name).output for name in behind), last.input]), finish


def signs(model: keras.Model) -> Look:
    """Returns both parts in one: images [B, S, S, 3] float32 in [0, 1] -> (logit [B, 1], signs [B, F]), float32."""
    inside, finish = parts(model)
    return lambda images: finish(inside(images, training=False))


def _statistics(values: tf.Tensor) -> tf.Tensor:
    """Means and mean absolute deviations of feature maps: [B, h, w, C] -> [B, 2 C]."""
    means = tf.reduce_mean(values, axis=[1, 2], keepdims=True)
    return tf.concat([means[:, 0, 0], tf.reduce_mean(tf.abs(values - means), axis=[1, 2])], axis=1)


@dataclasses.dataclass(frozen=True)
class Unit:
    """The linear unit: foreignness = signs @ kernel + bias.

    Attributes:
      kernel: [F] float32.
      bias: float.
    """

    kernel: np.ndarray
    bias: float

    def __call__(self, seen: tf.Tensor) -> tf.Tensor:
        """Returns the foreignness of pictures with these signs: [B, F] -> [B, 1] float32."""
        return tf.matmul(seen, self.kernel[:, None]) + self.bias

    def save(self, path: pathlib.Path) -> None:
        """Writes the unit: beside, then renamed."""
        with files.replacing(path) as partial, open(partial, "wb") as file:
            np.savez(file, kernel=self.kernel, bias=np.float32(self.bias))

    @classmethod
    def load(cls, model: pathlib.Path) -> "Unit | None":
        """Returns the unit beside a .keras file; None where there is none. Raises UserError where it is damaged."""
        path = model.with_name(FILE)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as found:
                return cls(found["kernel"].astype(np.float32), float(found["bias"]))
        except Exception as error:  # numpy, zipfile and zlib raise many kinds
            raise UserError(
                f"{path} is damaged: {error}. Take it from a copy of the run, or delete it and let "
                "`python -m aireal.evaluate --run=RUN --risk=0.01` learn it anew."
            ) from error


def judge(model: keras.Model, unit: Unit | None) -> Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor | None]]:
    """Returns a network's scores: images [B, S, S, 3] float32 in [0, 1] -> p_real [B, 1], foreignness [B, 1], float32.

    Args:
      model: of `models.build_model`, finished.
      unit: made for this model; without one there is no foreignness, but None.

    Raises:
      UserError: the unit was made for another model.
    """
    if unit is None:
        return lambda images: (tf.sigmoid(model(images, training=False)), None)
    look = signs(model)
    count = look(tf.zeros([1, *model.input_shape[1:]]))[1].shape[1]
    if len(unit.kernel) != count:
        raise UserError(f"{FILE} is of another network: it has {len(unit.kernel)} weights for {count} signs.")

    def both(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        logit, seen = look(images)
        return tf.sigmoid(logit), unit(seen)

    return both
