"""What a network costs to run, for one image."""

import math

import keras


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
    return {
        "parameters": model.count_params(),
        "macs": sum(map(_macs, model.layers)),
        "activation_bytes": max(
            _activation_bytes(layer) for layer in model.layers if not isinstance(layer, keras.layers.Dropout)
        ),
    }


def sentence(model: keras.Model) -> str:
    """Returns the same for people."""
    found = cost(model)
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
