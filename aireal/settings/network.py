"""What the network is made of."""

import dataclasses
import functools

from aireal.settings import declaring

_field = functools.partial(declaring.field, group="model")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkFields:
    """Values of the network: what a model is built from."""

    stem_filters: int = _field(
        0, "filters of a strided convolution before the first stage; 0 leaves it out", at_least=0, at_most=4096
    )
    stem_kernel_size: int = _field(4, "edge in pixels of the stem's kernels", at_least=1, at_most=15)
    stem_stride: int = _field(2, "pixels between the stem's outputs", at_least=1, at_most=8)
    filters: tuple[int, ...] = _field(
        (64, 32, 16), "filters of the convolutions of each stage, comma-separated", at_least=1, at_most=4096
    )
    convolutions: tuple[int, ...] = _field(
        (1,), "convolutions of each stage, comma-separated; a single number holds for all", at_least=1, at_most=100
    )
    kernel_size: int = _field(3, "edge in pixels of the convolution kernels", at_least=1, at_most=15)
    separable: bool = _field(
        False, "split convolutions into a depthwise and a pointwise one, except the one that sees the image"
    )
    residual: bool = _field(
        False,
        "add to what each convolution after a stage's first gives its input, pooled where the stage ends; not where it "
        "strides",
    )
    squeeze_excitation: int = _field(
        0,
        "weigh the channels after each convolution by two dense layers that see their means, the first with one unit "
        "for this many channels; 0 leaves them out",
        at_least=0,
        at_most=4096,
    )
    normalization: str = _field(
        "none", "what follows each convolution: none, or batch normalization", choices=("none", "batch")
    )
    activation: str = _field("relu", "non-linearity of hidden layers", choices=("relu", "leaky_relu", "silu", "gelu"))
    downsampling: str = _field(
        "max",
        "how a stage halves the edge at its end: max or average pooling (2x2), or stride of its last convolution",
        choices=("max", "average", "stride"),
    )
    head: str = _field(
        "flatten",
        "what follows the stages: flatten, or average, global average pooling in place of the last downsampling",
        choices=("flatten", "average"),
    )
    dense_units: tuple[int, ...] = _field(
        (512, 256, 128),
        "units of each dense layer before the logit, comma-separated; may be empty: --dense_units=",
        at_least=1,
        at_most=65536,
        may_be_empty=True,
    )
    conv_dropout: float = _field(0.3, "share dropped after each stage", at_least=0.0, below=1.0)
    dense_dropout: float = _field(0.4, "share dropped after each dense layer", at_least=0.0, below=1.0)
    l2: float = _field(0.001, "L2 penalty on all kernels but the logit's", at_least=0.0, at_most=1.0)
    mirror_average: bool = _field(
        False, "let the finished network average over an image and its mirror image; twice the arithmetic"
    )

    @property
    def reduction(self) -> int:
        """Pixels of the image per value of the last feature map, along an edge."""
        halvings = len(self.filters) - (self.head == "average")
        return 2**halvings * (self.stem_stride if self.stem_filters else 1)
