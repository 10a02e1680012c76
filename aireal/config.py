"""The one description of a run. Free of absl and TensorFlow, so that it loads at once.

A field's metadata is its documentation and its bounds; `flags.py` makes the command line from them.
"""

import dataclasses
import pathlib
import typing
from typing import Any


class UserError(Exception):
    """Something the user can mend; the message says what was wrong, where, and what to do."""


def _field(
    default: Any,
    help: str,  # noqa: A002  the word that absl and argparse use
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] | None = None,
    group: str,
) -> Any:
    metadata = {"help": help, "at_least": at_least, "at_most": at_most, "below": below, "choices": choices, "group": group}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Every value of a training run. The defaults are the seed project's baseline on the demo data.

    Raises:
      UserError: a value is out of its bounds, or two of them do not go together.
    """

    # Data
    source: str = _field("demo", "where images come from: demo (made here, offline), kaggle, a folder, a .zip or a .tar with train/ and test/", group="data")
    builder_config: str = _field("auto", "what the builder accepts: strict (32x32 JPEG, CIFAKE's names), any (any size; JPEG, PNG, BMP, GIF, WebP), auto (any for demo, else strict)", choices=("auto", "strict", "any"), group="data")
    prepared_dir: str = _field("~/.cache/aireal", "folder for the prepared TFRecords, reused by later runs", group="data")
    cache: str = _field("auto", "where decoded images stay: none (streamed from TFRecords, bounded memory), ram (all in memory), auto (ram where they fit)", choices=("auto", "none", "ram"), group="data")
    validation_fraction: float = _field(0.2, "share of the train folder that is kept for validation", at_least=0.0, below=1.0, group="data")
    image_size: int = _field(32, "edge in pixels of what the model sees; other pictures are resampled to it", at_least=8, at_most=1024, group="data")
    batch_size: int = _field(64, "images a step", at_least=1, at_most=65536, group="data")
    augment_flip: bool = _field(False, "mirror half of the training images from left to right", group="data")
    augment_shift_pixels: int = _field(0, "shift training images by up to this many pixels, borders reflected", at_least=0, at_most=64, group="data")

    # Model
    filters: tuple[int, ...] = _field((64, 32, 16), "filters of each convolution, comma-separated; each is followed by 2x2 max pooling", at_least=1, at_most=4096, group="model")
    kernel_size: int = _field(3, "edge in pixels of the convolution kernels", at_least=1, at_most=15, group="model")
    dense_units: tuple[int, ...] = _field((512, 256, 128), "units of each dense layer before the logit, comma-separated", at_least=1, at_most=65536, group="model")
    conv_dropout: float = _field(0.3, "share dropped after each convolution", at_least=0.0, below=1.0, group="model")
    dense_dropout: float = _field(0.4, "share dropped after each dense layer", at_least=0.0, below=1.0, group="model")
    l2: float = _field(0.001, "L2 penalty on the kernels", at_least=0.0, at_most=1.0, group="model")

    # Training
    epochs: int = _field(30, "passes over the training images", at_least=1, at_most=100_000, group="training")
    learning_rate: float = _field(1e-4, "step size of Adam, or its peak under a schedule", at_least=1e-9, at_most=10.0, group="training")
    schedule: str = _field("constant", "learning rate over the run: constant, or cosine down to zero", choices=("constant", "cosine"), group="training")
    warmup_epochs: float = _field(0.0, "epochs in which a cosine schedule first rises from zero", at_least=0.0, group="training")
    precision: str = _field("float32", "arithmetic of training; bfloat16 is the faster one on recent CPUs, float16 on GPUs. Evaluation is always float32", choices=("float32", "bfloat16", "float16"), group="training")
    strategy: str = _field("single", "devices: single, or mirrored over all GPUs of this machine", choices=("single", "mirrored"), group="training")
    monitor: str = _field("val_loss", "validation figure by which --keep=best and early stopping judge an epoch", choices=("val_loss", "val_accuracy", "val_auc"), group="training")
    keep: str = _field("last", "which epoch's weights become the model", choices=("last", "best"), group="training")
    early_stopping_epochs: int = _field(0, "stop after this many epochs without a better --monitor; 0 never stops early", at_least=0, group="training")
    tensorboard: bool = _field(False, "write TensorBoard logs into the run folder", group="training")
    seed: int = _field(0, "what everything random is made from", at_least=0, at_most=2**31 - 1, group="training")

    # Evaluation
    evaluate: str = _field("test", "what the finished model is judged on: test (and validation), validation (experiments), none", choices=("test", "validation", "none"), group="evaluation")

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        for complaint in _conflicts(self):
            raise UserError(complaint)

    @property
    def strict(self) -> bool:
        """Whether the builder demands CIFAKE's own form."""
        return self.builder_config == "strict" or (self.builder_config == "auto" and self.source != "demo")


def _conflicts(config: Config) -> typing.Iterator[str]:
    if config.source == "demo" and config.builder_config == "strict":
        yield "--builder_config=strict does not go with --source=demo, whose crops show no object. Leave it out."
    smallest = 2 ** len(config.filters)
    if config.image_size < smallest:
        yield (
            f"--image_size={config.image_size} is too small for {len(config.filters)} poolings (--filters): "
            f"they need at least {smallest} pixels."
        )
    if config.augment_shift_pixels >= config.image_size:
        yield f"--augment_shift_pixels={config.augment_shift_pixels} shifts images of {config.image_size} pixels out of sight."
    if config.warmup_epochs and config.schedule == "constant":
        yield "--warmup_epochs needs --schedule=cosine."
    if config.warmup_epochs >= config.epochs and config.warmup_epochs:
        yield f"--warmup_epochs={config.warmup_epochs:g} leaves nothing of --epochs={config.epochs}."
    if config.validation_fraction == 0:
        for flag, on in {
            "--keep=best": config.keep == "best",
            "--early_stopping_epochs": config.early_stopping_epochs > 0,
            "--evaluate=validation": config.evaluate == "validation",
        }.items():
            if on:
                yield f"{flag} needs validation images, and --validation_fraction=0 leaves none."


def _check(field: dataclasses.Field, value: Any) -> None:
    bounds = field.metadata
    flag = f"--{field.name}"
    if bounds["choices"] and value not in bounds["choices"]:
        raise UserError(f"{flag}={value} is none of {', '.join(bounds['choices'])}.")
    if isinstance(value, bool | str):
        if value == "":
            raise UserError(f"{flag} is empty.")
        return
    for number in value if isinstance(value, tuple) else (value,):
        # `not >=` instead of `<`: a NaN is out of all bounds.
        if bounds["at_least"] is not None and not number >= bounds["at_least"]:
            raise UserError(f"{flag}={number} is too small: at least {bounds['at_least']:g}.")
        if bounds["at_most"] is not None and not number <= bounds["at_most"]:
            raise UserError(f"{flag}={number} is too large: at most {bounds['at_most']:g}.")
        if bounds["below"] is not None and not number < bounds["below"]:
            raise UserError(f"{flag}={number} is too large: below {bounds['below']:g}.")


def package_folder() -> pathlib.Path:
    """Returns the folder that holds the packages: the checkout, or site-packages."""
    return pathlib.Path(__file__).resolve().parent.parent
