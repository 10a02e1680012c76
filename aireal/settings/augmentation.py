"""What happens to training images in each batch."""

import dataclasses
import functools

from aireal.settings import declaring

# What each changes its part of every training batch: what happens to pictures on their way and, before that, how they
# are edited. A picture may get one of either. CHANGES has the order of `augment_share`.
CORRUPTING = ("augment_jpeg_quality", "augment_noise", "augment_blur", "augment_resample", "augment_specks")
EDITING = (
    "augment_brightness",
    "augment_contrast",
    "augment_gamma",
    "augment_saturation",
    "augment_grey",
    "augment_sharpen",
    "augment_turn",
)
CHANGES = (*CORRUPTING, *EDITING)
_field = functools.partial(declaring.field, group="data")


@dataclasses.dataclass(frozen=True, kw_only=True)
class AugmentationFields:
    """Values of the augmentation."""

    augment_flip: bool = _field(False, "mirror half of the training images from left to right")
    augment_shift_pixels: int = _field(
        0, "shift training images by up to this many pixels, borders reflected", at_least=0, at_most=64
    )
    augment_cutout_pixels: int = _field(
        0,
        "cover a square of this edge in training images with grey; its centre may be anywhere in the image",
        at_least=0,
        at_most=1024,
    )
    augment_jpeg_quality: int = _field(
        0, "compress training images by JPEG, from this quality up to 75; 0 leaves it out", at_least=0, at_most=75
    )
    augment_noise: float = _field(
        0.0,
        "add Gaussian noise to training images, of a deviation of up to this share of full scale",
        at_least=0.0,
        at_most=1.0,
    )
    augment_blur: float = _field(
        0.0,
        "blur training images by a Gaussian with a sigma of 0.3 up to this many pixels",
        at_least=0.0,
        at_most=10.0,
    )
    augment_resample: float = _field(
        0.0,
        "reduce training images to a share of their edge, from this one on, and enlarge them again; 0 leaves it out",
        at_least=0.0,
        below=1.0,
    )
    augment_specks: float = _field(
        0.0, "make pixels of training images black or white, up to this share of them", at_least=0.0, at_most=1.0
    )
    augment_brightness: float = _field(
        0.0, "multiply training images by a factor of 1, give or take up to this", at_least=0.0, at_most=1.0
    )
    augment_contrast: float = _field(
        0.0,
        "change the contrast of training images by a factor of 1, give or take up to this",
        at_least=0.0,
        at_most=1.0,
    )
    augment_gamma: float = _field(
        0.0, "raise values of training images to a power of 1, give or take up to this", at_least=0.0, below=1.0
    )
    augment_saturation: float = _field(
        0.0,
        "change the saturation of training images by a factor of 1, give or take up to this",
        at_least=0.0,
        at_most=1.0,
    )
    augment_grey: bool = _field(False, "take the colour from training images")
    augment_sharpen: float = _field(
        0.0,
        "sharpen training images by an unsharp mask of one pixel, up to this strength",
        at_least=0.0,
        at_most=10.0,
    )
    augment_turn: bool = _field(False, "turn training images by 90, 180 or 270 degrees")
    augment_share: tuple[float, ...] = _field(
        (0.2,),
        "part of each batch that each kind of change gets, of those switched on in the order "
        f"{', '.join(name.removeprefix('augment_') for name in CHANGES)}, comma-separated; a single number holds for "
        "all. Those up to specks share a batch, and the others share it anew; what is left over stays",
        at_least=0.0,
        at_most=1.0,
    )

    @property
    def changes(self) -> tuple[str, ...]:
        """The CHANGES that are switched on."""
        return tuple(name for name in CHANGES if getattr(self, name))

    @property
    def shares(self) -> dict[str, float]:
        """What part of a batch each of `changes` gets."""
        each = self.augment_share * (len(self.changes) if len(self.augment_share) == 1 else 1)
        return dict(zip(self.changes, each, strict=False))  # the rules refuse another number of them
