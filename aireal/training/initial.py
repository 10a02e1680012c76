"""Training that begins with the weights of another run."""

import dataclasses

import keras
import numpy as np

from aireal import shipped
from aireal.errors import UserError
from aireal.runs.folder import RunFolder, model_file
from aireal.settings.config import Config
from aireal.verdicts import scorers

# Of the head, which may be another, and what changes no layer.
_FREE = ("head", "dense_units", "conv_dropout", "dense_dropout", "l2", "mirror_average")


def of(config: Config) -> RunFolder:
    """Returns the run of `--initial_weights`. Raises UserError where it has no network, or another one.

    What differs is found by the flags: not all of what makes a network another one shows in its weights.
    """
    run = RunFolder(shipped.locate(config.initial_weights))
    model_file(run.path)  # makes sure that there is one
    model = (field.name for field in dataclasses.fields(config) if field.metadata["group"] == "model")
    if rows := config.differences(run.config(), (name for name in model if name not in _FREE)):
        raise UserError(
            f"--initial_weights={config.initial_weights} has another network. Leave these flags out; in Python take "
            f"them from aireal.Run(...).config:{rows}"
        )
    return run


def take(model: keras.Model, config: Config) -> str:
    """Gives a network the weights of `--initial_weights`, and keeps the layers before `--learn_from` as they are.

    Layers of the head (dense ones, the logit) that have no like there stay as they began, and learn.

    Returns:
      A sentence that says so.

    Raises:
      UserError: as `of`; the network is damaged, or `--learn_from` is no layer of it.
    """
    there, here = _learnt(scorers.load(of(config).model).model), _learnt(model)
    taken = [name for name, layer in here.items() if _shapes(there.get(name)) == _shapes(layer)]
    for name in taken:
        here[name].set_weights(there[name].get_weights())
    parts = list(dict.fromkeys(map(_part, here)))
    if config.learn_from:
        if config.learn_from not in parts:
            raise UserError(
                f"--learn_from={config.learn_from} is no layer of the network, which has {', '.join(parts)}."
            )
        kept = parts[: parts.index(config.learn_from)]
        for name in taken:
            here[name].trainable = _part(name) not in kept
    sentence = f"It begins with the weights of {config.initial_weights}"
    for what, names in {
        "as they are, and kept so": [name for name in taken if not here[name].trainable],
        "anew": [name for name in here if name not in taken],
    }.items():
        sentence += f"; {what}: {', '.join(dict.fromkeys(map(_part, names)))}" if names else ""
    return f"{sentence}."


def _learnt(model: keras.Model) -> dict[str, keras.Layer]:
    """Returns the layers that have weights, by name, in their order."""
    return {layer.name: layer for layer in model.layers if layer.weights}


def _shapes(layer: keras.Layer | None) -> list[tuple[int, ...]]:
    return [tuple(np.shape(weight)) for weight in layer.weights] if layer else []


def _part(name: str) -> str:
    """Returns the convolution that a layer belongs to, as conv3 for conv3_norm, or the layer itself."""
    return name.partition("_")[0]
