"""What the pictures look like: numbers of each, and means over each class."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from PIL import Image

STATISTICS = {  # of each picture -> what it means
    "brightness": "mean luma, 0 to 255",
    "contrast": "standard deviation of luma",
    "saturation": "mean of (max - min) / max over the three channels, 0 to 1",
    "sharpness": "standard deviation of the 4-neighbour Laplacian of luma",
}
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclasses.dataclass
class Sums:
    """Over the pictures of each class; the first axis is the label. Adds up with `+`.

    Attributes:
      count: [2] pictures.
      image: [2, S, S, 3], of values in 0..255.
      square: [2, 3] squares of each channel's values, mean over the pixels.
      log_power: [2, S, S] natural logarithm of the power spectrum of luma, 0..1 less its mean; zero frequency first.
    """

    count: np.ndarray
    image: np.ndarray
    square: np.ndarray
    log_power: np.ndarray

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


def resize(pixels: np.ndarray, size: int) -> np.ndarray:
    """[H, W, 3] uint8 -> [size, size, 3]: stretched by bilinear resampling, antialiased, as the model sees it."""
    if pixels.shape[:2] == (size, size):
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BILINEAR))


def describe(images: np.ndarray) -> np.ndarray:
    """[N, S, S, 3] uint8 -> [N, 4] float32, the STATISTICS of each, in their order."""
    luma = images @ _LUMA  # [N, S, S]
    high, low = images.max(axis=3), images.min(axis=3)
    saturation = (high - low) / np.maximum(high, 1, dtype=np.float32)
    inner = luma[:, 1:-1, 1:-1]
    laplacian = luma[:, :-2, 1:-1] + luma[:, 2:, 1:-1] + luma[:, 1:-1, :-2] + luma[:, 1:-1, 2:] - 4 * inner
    columns = luma.mean((1, 2)), luma.std((1, 2)), saturation.mean((1, 2)), laplacian.std((1, 2))
    return np.stack(columns, axis=1, dtype=np.float32)


def sums(images: np.ndarray, label: Sequence[int]) -> Sums:
    """Sums up [N, S, S, 3] uint8 images with labels [N]."""
    label = np.asarray(label)
    parts = [_sums_of_class(images[label == one]) for one in (0, 1)]
    return Sums(*(np.stack(columns) for columns in zip(*parts, strict=True)))


def _sums_of_class(images: np.ndarray) -> tuple[np.ndarray, ...]:
    values = images.astype(np.float32)
    luma = values @ _LUMA / 255
    spectrum = np.abs(np.fft.fft2(luma - luma.mean((1, 2), keepdims=True))) ** 2
    # What a picture without any variation has is the rounding of its bytes.
    log_power = np.log(spectrum + 1e-6)
    squares = (values**2).sum((0, 1, 2), dtype=np.float64) / luma[0].size if len(luma) else np.zeros(3)
    return np.array(len(images)), values.sum(0, dtype=np.float64), squares, log_power.sum(0, dtype=np.float64)
