"""Training that begins with the weights of another run."""

import keras
import numpy as np

from aireal import shipped
from aireal.errors import UserError
from aireal.network.models import LOGIT
from aireal.runs import folder
from aireal.settings.config import Config
from builders.cifake import layout


def take(model: keras.Model, config: Config) -> None:
    """Gives a network the weights of `--initial_weights`, and keeps the layers before `--learn_from` as they are.

    Layers of the head (dense ones, the logit) that have no like there stay as they began.

    Raises:
      UserError: there is no trained network, its convolutions are others, or `--learn_from` is no layer.
    """
    earlier = keras.models.load_model(folder.model_file(shipped.locate(config.initial_weights)), compile=False)
    there, here = _learnt(earlier), _learnt(model)
    body = (name for name in {**there, **here} if not _is_head(name))
    if other := {_part(name) for name in body if _shapes(there.get(name)) != _shapes(here.get(name))}:
        raise UserError(
            f"--initial_weights={config.initial_weights} has another network: {layout.listed(other)} differ. Leave out "
            "the flags that say how its convolutions are made: they come from there."
        )
    for name, layer in here.items():
        if _shapes(there.get(name)) == _shapes(layer):
            layer.set_weights(there[name].get_weights())
    if config.learn_from:
        _keep(model, config.learn_from)


def told(model: keras.Model, config: Config) -> str:
    """Says in a line what `take` did."""
    kept = list(dict.fromkeys(_part(name) for name, layer in _learnt(model).items() if not layer.trainable))
    return f"It begins with the weights of {config.initial_weights}" + (
        f", of which {', '.join(kept)} stay as they are." if kept else "."
    )


def _keep(model: keras.Model, first: str) -> None:
    layers = _learnt(model)
    parts = list(dict.fromkeys(map(_part, layers)))
    if first not in parts:
        raise UserError(f"--learn_from={first} is no layer of the network, which has {', '.join(parts)}.")
    kept = parts[: parts.index(first)]
    for name, layer in layers.items():
        layer.trainable = _part(name) not in kept


def _learnt(model: keras.Model) -> dict[str, keras.Layer]:
    """Returns the layers that have weights, by name, in their order."""
    return {layer.name: layer for layer in model.layers if layer.weights}


def _shapes(layer: keras.Layer | None) -> list[tuple[int, ...]]:
    return [tuple(np.shape(weight)) for weight in layer.weights] if layer else []


def _part(name: str) -> str:
    """Returns the convolution that a layer belongs to, as conv3 for conv3_norm, or the layer itself."""
    return name.partition("_")[0]


def _is_head(name: str) -> bool:
    return name.startswith(("dense", "object")) or name == LOGIT
