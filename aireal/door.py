"""What `import aireal` offers in Python and in notebooks."""

import base64
import dataclasses
import functools
import html
import os
import pathlib
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # notes of TensorFlow that no user can act on

import keras
import tensorflow as tf

from aireal import shipped
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import evaluation
from aireal.network import models
from aireal.runs.folder import RunFolder, model_file
from aireal.runs.tables import Table
from aireal.settings.config import Config
from aireal.sources.source import Source
from aireal.training import experiment, initial, learning
from aireal.verdicts import scorers
from aireal.verdicts.predictor import Predictor
from builders.cifake.layout import SourceError

_SPLITS = ("train", "validation", "test", "test_without_duplicates")
_FIGURES = ("n", "accuracy", "roc_auc", "expected_calibration_error")
_DRAWN = ("curves.png", "confusion_matrix.png", "errors.png")


class Run:
    """A trained run; in a notebook it shows its curves and figures.

    Args:
      run: its folder, or the name of a shipped network.

    Attributes:
      folder: where its files are.
      config: the Config it was trained by.
    """

    def __init__(self, run: os.PathLike | str):
        self._given, self._run = run, RunFolder(shipped.locate(run))
        self.folder = self._run.path
        self.config = self._run.config()

    @functools.cached_property
    def model(self) -> keras.Model:
        """The network, compiled: [B, S, S, 3] float32 in [0, 1] -> logit [B, 1] float32, positive for REAL."""
        return _compiled(scorers.load(model_file(self.folder)).model, self.config)

    @property
    def figures(self) -> dict[str, Any]:
        """What result.json says: each split that was judged, with accuracy, roc_auc and so on; parameters; seconds."""
        return self._run.result()

    @property
    def history(self) -> list[dict[str, float]]:
        """The metrics of each epoch."""
        return self._run.rows()

    def predictor(self) -> Predictor:
        """Returns what judges pictures by this run's network."""
        return Predictor(self.folder)

    def evaluate(self, split: str = "test", source: str | None = None) -> dict[str, Any]:
        """Judges the network on a split, of its own images or of another source, and writes figures into the folder.

        Returns:
          Figures of the split, as in `figures`.

        Raises:
          UserError: the source or the split is of no use, another process is at work in the folder, or it is a
            shipped network's.
        """
        shipped.locate_own(self._given)
        return evaluation.evaluate_alone(self._run, self._run.config(source=source), split)[split]

    def export(self, *, camera_size: int = 0) -> pathlib.Path:
        """Returns the folder export/ of the run, made anew: SavedModel, .tflite files, and the proof that they are it.

        Args:
          camera_size: edge in pixels of a second form's input, for camera pipelines; 0 leaves it out.

        Raises:
          UserError: it is a shipped network; or as `exports.package.export`.
        """
        from exports import package

        shipped.locate_own(self._given)
        package.export(self._run, self._run.config(cache="none"), camera_size=camera_size)
        return self.folder / "export"

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})\n\n{self._table()}"

    def _repr_html_(self) -> str:
        drawn = (self.folder / name for name in _DRAWN)
        pictures = (base64.b64encode(path.read_bytes()).decode() for path in drawn if path.exists())
        images = "".join(f'<img style="max-width:32%" src="data:image/png;base64,{one}">' for one in pictures)
        return f"<p>{html.escape(str(self.folder))}</p><pre>{html.escape(str(self._table()))}</pre>{images}"

    def _table(self) -> Table:
        figures = self.figures
        rows = [
            [split, f"{figures[split]['n']:,}", *(f"{figures[split][name]:.4f}" for name in _FIGURES[1:])]
            for split in _SPLITS
            if split in figures
        ]
        return Table(["", *_FIGURES], rows)


def fit(config: Config, workdir: os.PathLike | str, *, overwrite: bool = False) -> Run:
    """Trains and evaluates, as `aireal train` does; goes on where the same run was interrupted, returns a finished one.

    Args:
      config: what to do: `aireal.Config(source="demo", epochs=3)`.
      workdir: the run folder.
      overwrite: delete the run that is there first.

    Raises:
      UserError: the folder, the data or the values cannot be used, or the loss became NaN.
    """
    experiment.run(config, os.fspath(workdir), overwrite=overwrite)
    return Run(workdir)


def batches(config: Config, split: str = "train") -> tf.data.Dataset:
    """Returns the batches of a split: images [B, S, S, 3] float32 in [0, 1], RGB, and labels [B] float32, 1 = REAL.

    Of `train` every pass over the dataset is one epoch, shuffled and augmented in another way than the one before: so
    `model.fit(batches, epochs=2)` has two epochs. `validation` and `test` are as they are, in a fixed order.

    Args:
      config: its data fields, its seed and `batch_size` are used; objects are not told.
      split: train, validation or test.

    Raises:
      UserError: the source cannot be used.
      ValueError: there is no such split.
    """
    config = dataclasses.replace(config, object_weight=0.0)  # else the labels would be of two outputs
    try:
        data = _data(config, Source.of(config).fingerprint(config.seed))
    except SourceError as error:
        raise UserError(str(error)) from error
    if split == "train":
        return data.next_epoch()
    if split not in ("validation", "test"):
        raise ValueError(f"split={split!r}: expected train, validation or test")
    return data.evaluation(split)


def build_model(config: Config) -> keras.Model:
    """Returns the network of `config`, compiled, ready for `fit` with `batches`.

    [B, S, S, 3] float32 in [0, 1] -> logit [B, 1] float32, positive for REAL. The loss is binary cross-entropy on
    logits; the learning rate stays as `config.learning_rate` says.

    Raises:
      UserError: the network of `config.initial_weights` is another one.
    """
    model = models.build_model(config)
    if config.initial_weights:
        initial.take(model, config)
    return _compiled(model, config)


def _compiled(model: keras.Model, config: Config) -> keras.Model:
    plain = {"schedule": "constant", "warmup_epochs": 0.0, "object_weight": 0.0, "precision": "float32"}
    learning.compile_model(model, dataclasses.replace(config, **plain), steps_per_epoch=1)
    return model


@functools.lru_cache(maxsize=1)  # the splits of one source, one after the other
def _data(config: Config, fingerprint: str) -> Data:
    return Data(config)
