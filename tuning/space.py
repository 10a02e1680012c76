"""The search space: hyperparameters -> Config, and nothing else; the network and its training are the project's own."""

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras_tuner
import numpy as np

from aireal.errors import UserError
from aireal.settings.config import Config
from tuning.study import EPOCHS, PARTS

_STAGES = (2, 4)
_CONVOLUTIONS = (1, 3)  # of each stage
_DENSE_LAYERS = (0, 3)
_FILTERS = (16, 32, 48, 64, 96, 128)
_UNITS = (32, 64, 128, 256, 512)
# Bounds of the learning rate and what it starts from, unless the base config has that optimizer.
_RATES = {"adam": (1e-4, 1e-2, 1e-3), "sgd": (5e-3, 0.5, 5e-2), "lion": (1e-5, 1e-3, 1e-4), "muon": (1e-3, 4e-2, 4e-3)}


class Space:
    """Turns hyperparameters into configs. The default of every hyperparameter is the value of `base`.

    Args:
      base: what is searched around; by default the seed's baseline.
      parts: those of PARTS that are searched; the rest stays as in `base`.

    Raises:
      UserError: `base` cannot be a point of the space.
    """

    def __init__(self, base: Config, parts: Sequence[str] = PARTS):
        self.base = base
        self._parts = [part for part in PARTS if part in parts]  # in the order in which they lean on each other
        if "architecture" in parts:
            if base.initial_weights:
                raise UserError("--initial_weights fixes the architecture: give --space=regularization,optimizer.")
            _within("--filters", len(base.filters), _STAGES, "stages")
            _within("--dense_units", len(base.dense_units), _DENSE_LAYERS, "layers")
            if len(set(base.convolutions)) > 1:
                raise UserError("--space=architecture searches one number of --convolutions for all stages.")
            _within("--convolutions", base.convolutions[0], _CONVOLUTIONS, "a stage")
        if "optimizer" in parts:
            low, high, _ = _RATES[base.optimizer]
            if not low <= base.learning_rate <= high:
                raise UserError(
                    f"--learning_rate={base.learning_rate:g} is outside of what --space=optimizer searches for "
                    f"{base.optimizer}: {low:g} to {high:g}."
                )

    def config(self, hp: keras_tuner.HyperParameters) -> Config:
        """Returns the Config that the values of `hp` stand for; declares every hyperparameter on the way.

        Raises:
          UserError: they stand for none, as where images are too small for so many stages.
        """
        values: dict[str, Any] = {}
        for part in self._parts:
            values |= _DECLARATIONS[part](hp, self.base, self._parts)
        values = {name: _decimal(value) if isinstance(value, float) else value for name, value in values.items()}
        epochs = hp.values.get(EPOCHS, self.base.epochs)
        if share := values.pop("warmup_share", self.base.warmup_epochs / self.base.epochs):
            values["warmup_epochs"] = _decimal(share * epochs)
        return dataclasses.replace(self.base, **values, epochs=epochs)

    def config_of(self, values: dict[str, Any]) -> Config:
        """Returns the Config that the values of a trial stand for. Raises UserError where they stand for none."""
        hp = keras_tuner.HyperParameters()
        self.config(hp)  # which declares them
        hp.values = dict(values)
        return self.config(hp)


def _architecture(hp: keras_tuner.HyperParameters, base: Config, _: Sequence[str]) -> dict[str, Any]:
    stages = hp.Int("stages", *_STAGES, default=len(base.filters))
    filters = _list(hp, "filters", "stages", _STAGES, _FILTERS, base.filters)
    convolutions = hp.Int("convolutions", *_CONVOLUTIONS, default=base.convolutions[0])
    with hp.conditional_scope("convolutions", [2, 3]):
        residual = hp.Boolean("residual", default=base.residual)
    layers = hp.Int("dense_layers", *_DENSE_LAYERS, default=len(base.dense_units))
    units = _list(hp, "dense_units", "dense_layers", _DENSE_LAYERS, _UNITS, base.dense_units)
    return {
        "filters": filters[:stages],
        "convolutions": (convolutions,),
        "residual": bool(residual),
        "dense_units": units[:layers],
        "kernel_size": _choice(hp, "kernel_size", (3, 5), base.kernel_size),
        "normalization": _choice(hp, "normalization", ("none", "batch"), base.normalization),
        "downsampling": _choice(hp, "downsampling", ("max", "average", "stride"), base.downsampling),
        "head": _choice(hp, "head", ("flatten", "average"), base.head),
        "activation": _choice(hp, "activation", ("relu", "leaky_relu", "silu", "gelu"), base.activation),
        "squeeze_excitation": _choice(hp, "squeeze_excitation", (0, 8), base.squeeze_excitation),
        "separable": hp.Boolean("separable", default=base.separable),
    }


def _regularization(hp: keras_tuner.HyperParameters, base: Config, parts: Sequence[str]) -> dict[str, Any]:
    values = {
        "l2": _choice(hp, "l2", (0.0, 1e-5, 1e-4, 1e-3), base.l2),
        "conv_dropout": _choice(hp, "conv_dropout", (0.0, 0.1, 0.2, 0.3), base.conv_dropout),
        "label_smoothing": _choice(hp, "label_smoothing", (0.0, 0.05, 0.1), base.label_smoothing),
        "augment_flip": hp.Boolean("augment_flip", default=base.augment_flip),
        "augment_shift_pixels": _choice(hp, "augment_shift_pixels", (0, 1, 2), base.augment_shift_pixels),
        "augment_cutout_pixels": _choice(hp, "augment_cutout_pixels", (0, 8, 12), base.augment_cutout_pixels),
    }
    dropouts = (0.0, 0.2, 0.4, 0.5)
    if "architecture" in parts:
        with hp.conditional_scope("dense_layers", list(range(1, _DENSE_LAYERS[1] + 1))):
            dropout = _choice(hp, "dense_dropout", dropouts, base.dense_dropout)
    elif base.dense_units:
        dropout = _choice(hp, "dense_dropout", dropouts, base.dense_dropout)
    else:
        dropout = None
    return values if dropout is None else {**values, "dense_dropout": dropout}


def _optimizer(hp: keras_tuner.HyperParameters, base: Config, _: Sequence[str]) -> dict[str, Any]:
    default = "adamw" if base.optimizer == "adam" and base.weight_decay else base.optimizer
    optimizer = hp.Choice("optimizer", ["adam", "adamw", "sgd", "lion", "muon"], default=default)
    rates = {}
    for name, (low, high, start) in _RATES.items():
        with hp.conditional_scope("optimizer", ["adam", "adamw"] if name == "adam" else [name]):
            at = base.learning_rate if base.optimizer == name else start
            rates[name] = hp.Float(f"{name}_learning_rate", low, high, sampling="log", default=at)
    decaying = ["adamw", "lion", "muon"]
    with hp.conditional_scope("optimizer", decaying):
        decay = _choice(hp, "weight_decay", (0.01, 0.05, 0.2), base.weight_decay if default in decaying else 0.05)
    schedule = _choice(hp, "schedule", ("constant", "cosine"), base.schedule)
    with hp.conditional_scope("schedule", ["cosine"]):
        share = _choice(hp, "warmup_share", (0.0, 0.1, 0.2), base.warmup_epochs / base.epochs)
    name = "adam" if optimizer == "adamw" else optimizer
    if decay is None:  # adam has none, and sgd that of the base
        decay = base.weight_decay if name == base.optimizer == "sgd" else 0.0
    return {
        "optimizer": name,
        "learning_rate": rates[name],
        "weight_decay": decay,
        "schedule": schedule,
        "warmup_epochs": 0.0,
        "warmup_share": share,
        "batch_size": _choice(hp, "batch_size", (32, 64, 128, 256), base.batch_size),
    }


_DECLARATIONS: dict[str, Callable[..., dict[str, Any]]] = {
    "architecture": _architecture,
    "regularization": _regularization,
    "optimizer": _optimizer,
}


def _decimal(value: float) -> float:
    """Returns the shortest decimal of a 32-bit float: what Keras Tuner's messages carry, whoever reads them."""
    return float(str(np.float32(value)))


def _choice(hp: keras_tuner.HyperParameters, name: str, values: Sequence, default: Any) -> Any:
    """Like hp.Choice, with the default among the values."""
    return hp.Choice(
        name, sorted({*values, default}) if isinstance(default, (int, float)) else [*values], default=default
    )


def _list(
    hp: keras_tuner.HyperParameters, name: str, parent: str, bounds: tuple[int, int], values: Sequence, base: Sequence
) -> tuple:
    """Declares `name`_1 and so on, each active where `parent` is at least its number; returns the active ones."""
    found = []
    for number in range(1, bounds[1] + 1):
        default = base[number - 1] if number <= len(base) else (base[-1] if base else values[0])
        if number <= bounds[0]:
            found.append(_choice(hp, f"{name}_{number}", values, default))
        else:
            with hp.conditional_scope(parent, list(range(number, bounds[1] + 1))):
                found.append(_choice(hp, f"{name}_{number}", values, default))
    return tuple(itertools.takewhile(lambda value: value is not None, found))


def _within(flag: str, number: int, bounds: tuple[int, int], what: str) -> None:
    low, high = bounds
    if not low <= number <= high:
        raise UserError(f"{flag} has {number} {what}; --space=architecture searches {low} to {high}.")
