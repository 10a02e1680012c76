"""What all forms of a model have in common: uint8 pixels -> scores. Free of TensorFlow."""

import dataclasses
import os
import pathlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from aireal.errors import UserError

EXPECTED = "Expected what train and exports.export make: [B, S, S, 3] RGB to a verdict."

_BATCH_PIXELS = 256 * 32 * 32
LEAST = 2.0**-24  # half of what a float32 below 1 is off by


@dataclasses.dataclass(frozen=True)
class Scores:
    """What a model says of N pictures.

    Attributes:
      p_real: [N] float32 in [0, 1], the score for REAL.
      foreign: [N] float32, how unlike the training pictures each is, on the scale of `Rule.foreign_from`; NaN where the
        model does not tell.
    """

    p_real: np.ndarray
    foreign: np.ndarray

    @classmethod
    def without(cls, p_real: np.ndarray) -> "Scores":
        """Returns the scores of a model that does not tell how foreign pictures are."""
        return cls(p_real, np.full(len(p_real), np.nan, np.float32))

    @classmethod
    def concatenate(cls, parts: Sequence["Scores"]) -> "Scores":
        return cls(np.concatenate([one.p_real for one in parts]), np.concatenate([one.foreign for one in parts]))

    def pooled(self, count: int) -> "Scores":
        """Returns the scores of pictures that were seen by `count` views each, in a row: the means of their logits."""
        if count == 1:
            return self
        # Beyond these a float32 knows no more between the score and 0 or 1.
        p_real = np.clip(self.p_real.astype(np.float64), LEAST, 1 - LEAST)
        logit = np.log(p_real / (1 - p_real)).reshape(-1, count).mean(axis=1)
        foreign = self.foreign.reshape(-1, count).mean(axis=1)
        return Scores((1 / (1 + np.exp(-logit))).astype(np.float32), foreign)

    def __len__(self) -> int:
        return len(self.p_real)


class Scorer(Protocol):
    """What all forms have in common.

    Attributes:
      path: of the model.
      input_size: S, the edge in pixels of what the model takes.
      withholds: whether it was made to withhold verdicts, by a rule that preprocessing.json tells.
    """

    path: pathlib.Path
    input_size: int
    withholds: bool

    @staticmethod
    def resize(image: np.ndarray, size: int, aspect_ratio: str, *, antialias: bool) -> np.ndarray:
        """What `resampling.resize` does, by what the form has loaded anyway."""

    @staticmethod
    def reduce_jpeg(encoded: bytes, size: int, aspect_ratio: str, *, antialias: bool) -> np.ndarray | None:
        """Decodes and resizes a JPEG of `decoding.is_plain_jpeg` in one go; None where Pillow has to see to it."""

    def __call__(self, pixels: np.ndarray) -> Scores:
        """[B, S, S, 3] uint8, RGB -> the scores of B pictures."""


def batch_size(input_size: int) -> int:
    """Returns how many pictures of this edge in pixels are given to a scorer at a time."""
    return max(1, _BATCH_PIXELS // input_size**2)


def finite(scores: Scores, model: os.PathLike | str) -> Scores:
    """Returns the scores. Raises UserError where p_real is not all numbers; names the model."""
    if not np.isfinite(scores.p_real).all():
        raise UserError(f"The answers of {model} are not numbers (NaN): its weights are damaged. Train it again.")
    return scores


def edge(path: pathlib.Path, image: Sequence[int | None], output: Sequence[int | None], *, outputs: int) -> int:
    """Returns the edge in pixels of what a form takes.

    Args:
      path: of the form.
      image, output: shapes of what it takes and gives, the batch first.
      outputs: numbers for each picture.

    Raises:
      UserError: the shapes are not those of pictures to verdicts.
    """
    match list(image), list(output):
        case ([_, int(height), int(width), 3], [_, int(count)]) if height == width and count == outputs:
            return height
    raise UserError(f"{path} maps {tuple(image)} to {tuple(output)}. {EXPECTED}")
