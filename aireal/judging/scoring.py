"""Every image of a split through a model: the one loop behind evaluation, battery, calibration and export."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.verdicts import forms
from aireal.verdicts.forms import Scorer, Scores
from builders import progress

Corrupt = Callable[[tf.data.Dataset], tf.data.Dataset]  # of batches [B, S, S, 3] uint8


def score(scorer: Scorer, data: Data, split: str, corrupt: Corrupt | None = None, title: str = "") -> Scores:
    """Returns a model's scores for all images of a split.

    Args:
      scorer: the model, in any form.
      data: the images.
      split: train, validation or test.
      corrupt: what happens to the images first.
      title: for the progress bar.

    Returns:
      The scores of N images, in the order of `data.table(split)`.

    Raises:
      UserError: the model takes pictures of another size, or its answers are not numbers.
    """
    if scorer.input_size != data.config.image_size:
        raise UserError(
            f"{scorer.path} takes pictures of {scorer.input_size} pixels, the run's have {data.config.image_size}."
        )
    pixels, views = data.pixels(split, forms.batch_size(scorer.input_size)), data.config.judged_views
    count = len(data.table(split)) * views
    found = answers(scorer, corrupt(pixels) if corrupt else pixels, count, title or f"scoring {split}")
    return forms.finite(Scores.concatenate(found), scorer.path).pooled(views)


def answers(model: Callable[[np.ndarray], Any], pixels: tf.data.Dataset, count: int, title: str) -> list[Any]:
    """Returns what a model answers to each batch [B, S, S, 3] uint8 of `count` images in all, with a progress bar."""
    found = []
    with progress.bar(title=title, total=count, unit=" images", leave=False) as shown:
        for batch in pixels.as_numpy_iterator():
            found.append(model(batch))
            shown.update(len(batch))
    return found
