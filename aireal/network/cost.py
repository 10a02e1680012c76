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
      int8_bytes: an estimate of the size of its int8 .tflite file, made without exporting it: a byte for each number
        of a kernel, 16 for each output of a convolution or dense layer (bias, scale, zero point), 16,000 for the graph
        and what comes with it. For the shipped networks it is within 1 % of the file, for the baseline 1 % below.
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
        kernels = sum(math.prod(kernel.shape) for layer in model.layers for kernel in _kernels(layer))
        return cls(
            parameters=model.count_params(),
            macs=runs * sum(map(_macs, model.layers)),
            activation_bytes=runs * max(map(_activation_bytes, layers)),
            int8_bytes=kernels + 16 * outputs + 16_000,
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


def _kernels(layer: keras.Layer) -> list[keras.Variable]:
    return [weight for weight in layer.weights if len(weight.shape) > 1]


def _macs(layer: keras.Layer) -> int:
    # Each number of a kernel is used once at every position.
    return math.prod(layer.output.shape[1:-1]) * sum(math.prod(kernel.shape) for kernel in _kernels(layer))


def _activation_bytes(layer: keras.Layer) -> int:
    tensors = [*keras.tree.flatten(layer.input), *keras.tree.flatten(layer.output)]
    return 4 * sum(math.prod(tensor.shape[1:]) for tensor in tensors)
