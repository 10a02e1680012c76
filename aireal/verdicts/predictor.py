"""Pictures of any kind -> scores. What other programs import:

>>> import aireal
>>> aireal.load("runs/fast").predict(["photo.jpg"])  # doctest: +SKIP
[Prediction(path='photo.jpg', verdict='UNSURE', confidence=0.93, p_real=0.93, error=None, size=(640, 427),
            reason='FOREIGN')]
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import io
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from aireal import machine, shipped
from aireal.errors import UserError, reason
from aireal.pixels import decoding, windows
from aireal.pixels.decoding import MAX_PIXELS
from aireal.runs.folder import model_file
from aireal.verdicts import forms, scorers
from aireal.verdicts.contract import PREPROCESSING, Contract
from aireal.verdicts.pictures import Prediction
from aireal.verdicts.predictions import Predictions
from builders.cifake.archives import Place

# Pictures of more pixels are decoded one at a time, and those of some more two at a time: memory holds few of them.
_HUGE_PIXELS, _LARGE_PIXELS, _LARGE_AT_ONCE = 16_000_000, 4_000_000, 2
_REDUCED_AT_ONCE_FROM_PIXELS = 100_000

_File = str | os.PathLike | bytes | Place
Picture = _File | Image.Image | np.ndarray


class Predictor:
    """A trained model that judges pictures.

    Args:
      run: a run folder, as train wrote it, or a .keras file; of what exports.export made of it, a .tflite file or the
        saved_model folder.
      aspect_ratio: what becomes of pictures that are not square, of `data.ASPECT_RATIOS`; by default as in
        training, or stretch for a file without its preprocessing.json.
      max_pixels: larger pictures are refused: a small file can claim to be a huge picture. Pillow's own limit is
        lifted to it.
      unsure: withhold verdicts as the model's rule says; else every picture gets FAKE or REAL.
      cores: how many cores decoding and a .tflite file take, by default all; TensorFlow takes what it finds.

    Attributes:
      scorer: the loaded model.
      contract: what happens to pictures before the model sees them, and the rule that makes verdicts of its scores.
      is_stated: whether a preprocessing.json beside the model says so; else these are the defaults.

    Raises:
      UserError: there is no model, or one of another kind, or its preprocessing.json is damaged, or needed and missing;
        or `aspect_ratio` is given for one that reads windows.
    """

    def __init__(
        self,
        run: os.PathLike | str,
        *,
        aspect_ratio: str | None = None,
        max_pixels: int = MAX_PIXELS,
        unsure: bool = True,
        cores: int | None = None,
    ):
        self.scorer = scorers.load(model_file(run), cores)
        self._readers = cores or machine.cores() + 1
        contract = Contract.load(self.scorer.path, self.scorer.input_size)
        self.is_stated = self.scorer.path.with_name(PREPROCESSING).exists()
        if unsure and not self.is_stated and self.scorer.withholds:
            raise UserError(
                f"{self.scorer.path} withholds verdicts by the rule in the {PREPROCESSING} that was made with it, and "
                "that is not beside it. Copy it too."
            )
        if aspect_ratio and contract.windows:
            raise UserError(
                f"The network reads windows of a picture as it is, so --aspect_ratio={aspect_ratio} is for others."
            )
        rule = contract.rule if unsure else contract.rule.plain()
        self.contract = dataclasses.replace(contract, aspect_ratio=aspect_ratio or contract.aspect_ratio, rule=rule)
        # In pictures: whole ones, or the windows of some.
        self._batch = max(forms.batch_size(self.scorer.input_size) // max(contract.views, 1), 1)
        self._max_pixels = max_pixels
        decoding.allow_pixels(max_pixels)
        self._large, self._huge = threading.BoundedSemaphore(_LARGE_AT_ONCE), threading.Lock()

    def predict(self, pictures: Iterable[Picture]) -> Predictions:
        """Judges pictures.

        Args:
          pictures: each a path, the bytes of a file, its place in an archive, a PIL image, or an [H, W, 3] uint8
            array, RGB; of any size. A Prediction passes through: so `pictures.find` can report what it did not find.

        Returns:
          A list with a Prediction for each, in their order; a notebook shows it as a table. One that cannot be read has
          an `error` instead of a score.

        Raises:
          TypeError: something else was given.
          UserError: the model's answers are not numbers.
        """
        return Predictions(self.stream(pictures))

    def stream(self, pictures: Iterable[Picture]) -> Iterator[tuple[Prediction, np.ndarray | None]]:
        """Yields what `predict` returns while it goes on, each with the pixels that the model saw.

        Reading of paths and bytes runs ahead of the model, by two batches at most; what else is given may change or
        close as soon as the next picture is asked for.

        Yields:
          A Prediction, and [S, S, 3] uint8, of a model that reads windows [W, S, S, 3]; None where there is an error.
        """
        if isinstance(pictures, Picture) and not isinstance(pictures, np.ndarray):
            raise TypeError("expected a list of pictures, got one; put it in brackets")
        ahead = _map_ahead(self._read, pictures, 2 * self._batch, self._readers)
        while batch := list(itertools.islice(ahead, self._batch)):
            scores = self._scores([pixels for _, pixels in batch if pixels is not None])
            for prediction, pixels in batch:
                if pixels is not None:
                    p_real, foreign, of_windows = next(scores)
                    prediction = prediction.judged(p_real, foreign, self.contract.rule)
                    prediction = dataclasses.replace(prediction, windows=of_windows)
                yield prediction, pixels

    def _scores(self, pixels: list[np.ndarray]) -> Iterator[tuple[float, float, tuple[float, ...] | None]]:
        """Returns p_real and foreignness of each picture, and p_real of its windows."""
        if not pixels:
            return iter(())
        if not (count := self.contract.views):
            scores = forms.finite(self.scorer(np.stack(pixels)), self.scorer.path)
            return zip(scores.p_real.tolist(), scores.foreign.tolist(), itertools.repeat(None))
        scores = forms.finite(self.scorer(np.concatenate(pixels)), self.scorer.path)
        of_windows = map(tuple, scores.p_real.reshape(-1, count).tolist())
        pooled = scores.pooled(count)
        return zip(pooled.p_real.tolist(), pooled.foreign.tolist(), of_windows, strict=True)

    def _read(self, picture: Picture | Prediction) -> tuple[Prediction, np.ndarray | None]:
        if isinstance(picture, Prediction):
            return picture, None
        path = os.fsdecode(picture) if isinstance(picture, str | os.PathLike) else None
        try:
            pixels, size = self._pixels(picture)
        except OSError as error:
            return Prediction(path, error=reason(error)), None
        except ValueError as error:  # a path that no file can have
            return Prediction(path, error=str(error)), None
        return Prediction(path, size=size), pixels

    def _pixels(self, picture: Picture) -> tuple[np.ndarray, tuple[int, int]]:
        """Returns [S, S, 3] uint8, or windows [W, S, S, 3], and the picture's width and height."""
        match picture:
            case np.ndarray():
                if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
                    raise TypeError(f"expected an [H, W, 3] uint8 array, got {picture.shape} {picture.dtype}")
                return self._fit(picture)
            case Image.Image():
                decoding.check_size(picture, self._max_pixels)
                return self._fit(decoding.to_rgb(picture, in_place=False))
            case bytes():
                opened = io.BytesIO(picture)
            case Place():
                opened = io.BytesIO(picture.read())
            case str() | os.PathLike():
                opened = open(picture, "rb")  # noqa: SIM115, closed below
            case _:
                raise TypeError(f"expected a path, bytes, a PIL image or an array, got {type(picture).__name__}")
        with (
            opened as file,
            decoding.open_image(file, self._max_pixels) as image,
            self._room(image.width * image.height),
        ):
            return self._reduced(file, image) or self._fit(decoding.to_rgb(image))

    def _reduced(self, file: BinaryIO, image: Image.Image) -> tuple[np.ndarray, tuple[int, int]] | None:
        """Does what `_fit` does in a shorter way, where there is one."""
        contract, place = self.contract, file.tell()
        small = image.width * image.height < _REDUCED_AT_ONCE_FROM_PIXELS
        if small or contract.windows or not decoding.is_plain_jpeg(image):
            return None
        file.seek(0)
        pixels = self.scorer.reduce_jpeg(
            file.read(), contract.input_size, contract.aspect_ratio, antialias=not contract.reduces_itself
        )
        file.seek(place)
        return None if pixels is None else (pixels, image.size)

    def _room(self, pixels: int) -> contextlib.AbstractContextManager:
        """Returns what holds a picture back until there is memory for it."""
        if pixels > _HUGE_PIXELS:
            return self._huge
        return self._large if pixels > _LARGE_PIXELS else contextlib.nullcontext()

    def _fit(self, rgb: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
        height, width, _ = rgb.shape
        contract = self.contract
        if contract.views:
            corners = windows.places(height, width, contract.input_size, contract.views)
            return windows.cut(rgb, contract.input_size, corners), (width, height)
        if height != contract.input_size or width != contract.input_size:
            antialias = not contract.reduces_itself
            fitting = self.scorer.resize(rgb, contract.input_size, contract.aspect_ratio, antialias=antialias)
            return fitting, (width, height)
        return rgb.copy(), (width, height)  # what was given may change


def load(run: os.PathLike | str = shipped.DEFAULT, *, unsure: bool = True) -> Predictor:
    """Returns what judges pictures: `aireal.load().predict(["photo.jpg", pil_image, array])`.

    Args:
      run: the name of a shipped network, as `robust` (its int8 .tflite file, without TensorFlow); or a run folder, a
        .keras or .tflite file, or a SavedModel folder.
      unsure: withhold verdicts as the model's rule says; else every picture gets FAKE or REAL.

    Raises:
      UserError: there is no such model.
    """
    return Predictor(shipped.quickest(run), unsure=unsure)


def _map_ahead(function: Callable[[Any], Any], items: Iterable[Any], count: int, threads: int) -> Iterator[Any]:
    """Like map, with files and bytes on threads that run ahead by at most `count` items."""
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    try:
        waiting = collections.deque()
        for item in items:
            if isinstance(item, _File):
                waiting.append(pool.submit(function, item))
            else:
                waiting.append(concurrent.futures.Future())
                waiting[-1].set_result(function(item))
            if len(waiting) > count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
