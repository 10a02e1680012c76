"""What a network costs to run, for one image."""

import math

import keras

from aireal.network import models


def cost(model: keras.Model) -> dict[str, int]:
    """Counts by the shapes alone.

    Args:
      model: a functional model for one size of images, its layers not nested.

    Returns:
      parameters: of all layers.
      macs: multiply-accumulates of the convolutions and dense layers, borders counted in full; additions, activations
        and normalizations are left out, as is usual.
      activation_bytes: the most that a layer reads and writes together, in float32: what must be in memory to run the
        network one layer after the other. int8 takes a quarter.
    """
    runs = 2 if models.averages_mirrored(model) else 1
    return {
        "parameters": model.count_params(),
        "macs": runs * sum(map(_macs, model.layers)),
        "activation_bytes": runs
        * max(_activation_bytes(layer) for layer in model.layers if not isinstance(layer, keras.layers.Dropout)),
    }


def int8_bytes(model: keras.Model) -> int:
    """Estimates the size of the network's int8 .tflite file, without exporting it.

    A byte a parameter, 16 for each output of a convolution or dense layer (bias, scale, zero point) and 20,000 for the
    graph and the metadata: for the baseline 0.4 % more than its file.
    """
    outputs = sum(layer.output.shape[-1] for layer in model.layers if _macs(layer))
    return model.count_params() + 16 * outputs + 20_000


def sentence(found: dict[str, int]) -> str:
    """Returns what `cost` found, for people."""
    return (
        f"Network: {found['parameters']:,} parameters; {found['macs'] / 1e6:,.1f} million multiply-accumulates and "
        f"{found['activation_bytes'] / 1e3:,.0f} kB of activations an image."
    )


def _macs(layer: keras.Layer) -> int:
    # Kernels are the weights of two axes and more, and each of their numbers is used once at every position.
    positions = math.prod(layer.output.shape[1:-1])
    return positions * sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def _activation_bytes(layer: keras.Layer) -> int:
    tensors = [*keras.tree.flatten(layer.input), *keras.tree.flatten(layer.output)]
    return 4 * sum(math.prod(tensor.shape[1:]) for tensor in tensors)
