"""Pictures through the same cropping, scaling and saving, chosen without a look at their class. Free of TensorFlow.

Classes that were saved by different programs are told apart by that, which takes a network nowhere. Afterwards what is
left of it in the pixels is under the same noise in both classes.
"""

import dataclasses
import io

import numpy as np
from PIL import Image

from aireal.pixels import decoding

BEST_QUALITY = 96
_GRID = 8  # pixels: of JPEG's blocks, off which a picture is cut
_FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
_SUBSAMPLINGS = ("4:2:0", "4:4:4")


@dataclasses.dataclass(frozen=True)
class Resaved:
    """What became of a picture.

    Attributes:
      pixels: [H, W, 3] uint8.
      bytes: of the JPEG that it was in between.
    """

    pixels: np.ndarray
    bytes: bytes


def resave(pixels: np.ndarray, rng: np.random.Generator, scale: float, quality: int, least: int) -> Resaved:
    """Cuts a picture off JPEG's grid, scales it and saves it as a JPEG.

    Args:
      pixels: [H, W, 3] uint8.
      rng: chooses how: the rows and columns, 0 to 7, that are cut off at the top and at the left; the factor, and by
        which filter; the quality, and whether colours are halved.
      scale: least factor of the edges, in (0, 1]; the largest is 1.
      quality: least quality of the JPEG; the best is 96.
      least: edge in pixels below which nothing is scaled, so that a window fits.
    """
    top, left = np.minimum(rng.integers(0, _GRID, 2), np.array(pixels.shape[:2]) - 1)
    image = Image.fromarray(pixels[top:, left:])
    factor, how = rng.uniform(scale, 1), _FILTERS[rng.integers(len(_FILTERS))]
    factor = min(max(factor, least / min(image.size)), 1)
    file, sampling = io.BytesIO(), _SUBSAMPLINGS[rng.integers(len(_SUBSAMPLINGS))]
    smaller = image.resize([max(round(edge * factor), 1) for edge in image.size], how) if factor < 1 else image
    smaller.save(file, "JPEG", quality=int(rng.integers(quality, BEST_QUALITY + 1)), subsampling=sampling)
    return Resaved(decoding.decode(file.getvalue()), file.getvalue())
