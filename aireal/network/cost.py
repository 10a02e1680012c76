"""What a network costs to run, for one image."""

import dataclasses
import math

import keras

from aireal.network import models


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a network costs to run, for one image.

    Attributes:
      parameters: of all layers.
      macs: multiply-accumulates of the convolutions and dense layers, borders counted in full; additions, activations
        and normalizations are left out, as is usual.
      activation_bytes: the most that a layer reads and writes together, in float32: what must be in memory to run the
        network one layer after the other. int8 takes a quarter.
      int8_bytes: an estimate of the size of its int8 .tflite file, made without exporting it: a byte a parameter, 16
        for each output of a convolution or dense layer (bias, scale, zero point) and 20,000 for the graph and the
        metadata. For the baseline 0.4 % more than its file.
    """

    parameters: int
    macs: int
    activation_bytes: int
    int8_bytes: int

    @classmethod
    def of(cls, model: keras.Model) -> "Cost":
        """Counts by the shapes alone, of a functional model for one size of images, its layers not nested."""
        runs = 2 if models.averages_mirrored(model) else 1
        layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.Dropout)]
        outputs = sum(layer.output.shape[-1] for layer in model.layers if _macs(layer))
        return cls(
            parameters=model.count_params(),
            macs=runs * sum(map(_macs, model.layers)),
            activation_bytes=runs * max(map(_activation_bytes, layers)),
            int8_bytes=model.count_params() + 16 * outputs + 20_000,
        )

    def as_dict(self) -> dict[str, int]:
        """Returns what result.json has of it: all but the estimate."""
        found = dataclasses.asdict(self)
        del found["int8_bytes"]
        return found

    def __str__(self) -> str:
        return (
            f"Network: {self.parameters:,} parameters; {self.macs / 1e6:,.1f} million multiply-accumulates and "
            f"{self.activation_bytes / 1e3:,.0f} kB of activations an image."
        )


def _macs(layer: keras.Layer) -> int:
    # Kernels are the weights of two axes and more, and each of their numbers is used once at every position.
    positions = math.prod(layer.output.shape[1:-1])
    return positions * sum(math.prod(weight.shape) for weight in layer.weights if len(weight.shape) > 1)


def _activation_bytes(layer: keras.Layer) -> int:
    tensors = [*keras.tree.flatten(layer.input), *keras.tree.flatten(layer.output)]
    return 4 * sum(math.prod(tensor.shape[1:]) for tensor in tensors)
