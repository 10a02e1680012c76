"""Bilinear resampling in numpy, the same pixels as TensorFlow's, bit for bit. Free of TensorFlow.

`preprocess.resize` is the same in a graph. The definition, for whoever writes it a third time:

- Along each axis, n pixels become m. With s = 1 / (m / n), output i has its centre at c = (i + 0.5) s. All is float32.
- Antialiased: pixel k has the weight max(0, 1 - |k + 0.5 - c| / max(s, 1)); then the weights of an output are divided
  by their sum. Rows are summed up first, then columns, in ascending order of k, a multiplication and an addition each.
- Sampled: of the four pixels around c - 0.5 along both axes the upper two are blended, the lower two, and the results.
- The result is rounded half to even and clipped to 0..255.
"""

import numpy as np

_ONE, _HALF = np.float32(1), np.float32(0.5)
COLUMNS_AT_ONCE = 4096  # columns, which a processor's cache holds for 32 lines


def resize(image: np.ndarray, size: int, aspect_ratio: str = "stretch", *, antialias: bool = True) -> np.ndarray:
    """Brings a picture to the model's size, as `preprocess.resize` does.

    Args:
      image: [H, W, 3] uint8.
      size: edge of the result in pixels.
      aspect_ratio: of `settings.data.ASPECT_RATIOS`: stretch, or center_crop, the largest square in the middle.
      antialias: average over what shrinks; camera pipelines take single samples instead.

    Returns:
      [size, size, 3] uint8.
    """
    if aspect_ratio == "center_crop":
        image = center_crop(image)
    values = _averaged(image, size) if antialias else _sampled(image, size)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def center_crop(image: np.ndarray) -> np.ndarray:
    """[H, W, 3] -> [E, E, 3], the largest square in the middle."""
    height, width, _ = image.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return image[top : top + edge, left : left + edge]


def _averaged(image: np.ndarray, size: int) -> np.ndarray:
    """[H, W, 3] uint8 -> [size, size, 3] float32."""
    height, width, channels = image.shape
    rows = _summed(image.reshape(height, -1), size)  # [size, W * 3]
    columns = rows.reshape(size, width, channels).transpose(1, 0, 2).reshape(width, -1)
    return _summed(columns, size).reshape(size, size, channels).transpose(1, 0, 2)


def _summed(lines: np.ndarray, size: int) -> np.ndarray:
    """[N, L] -> [size, L] float32: sums of lines, weighted by their distance."""
    firsts, weights = _weights(len(lines), size)
    total = np.zeros((size, lines.shape[1]), np.float32)
    for start in range(0, lines.shape[1], COLUMNS_AT_ONCE):
        columns = slice(start, start + COLUMNS_AT_ONCE)
        some, summed = lines[:, columns], total[:, columns]
        part = np.empty_like(summed)
        for tap, weight in enumerate(weights.T):
            # A copy apart from the product, which would convert to float32 by small pieces: half of the time.
            np.copyto(part, some[np.minimum(firsts + tap, len(lines) - 1)])
            part *= weight[:, None]
            summed += part
    return total


def _weights(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns which inputs each output is made of.

    Args:
      count: inputs.
      size: outputs.

    Returns:
      The first input of each output, [size] int; the weights from there on, [size, K] float32, zero behind the last.
    """
    scale = _ONE / (np.float32(size) / np.float32(count))
    radius = max(scale, _ONE)
    centers = (np.arange(size, dtype=np.float32) + _HALF) * scale
    firsts = np.maximum(np.ceil(centers - radius - _HALF), 0).astype(int)
    lasts = np.minimum(np.floor(centers + radius - _HALF), count - 1).astype(int)
    taps = firsts[:, None] + np.arange(np.max(lasts - firsts) + 1)
    distances = np.abs((taps.astype(np.float32) + _HALF - centers[:, None]) * (_ONE / radius))
    weights = np.where(taps <= lasts[:, None], np.maximum(_ONE - distances, 0), 0)
    return firsts, weights * (_ONE / np.add.accumulate(weights, axis=1)[:, -1:])


def _sampled(image: np.ndarray, size: int) -> np.ndarray:
    """[H, W, 3] uint8 -> [size, size, 3] float32."""
    (top, bottom, down), (left, right, across) = (_neighbours(count, size) for count in image.shape[:2])
    across, down = across[:, None], down[:, None, None]

    def blended(row: np.ndarray) -> np.ndarray:
        one, other = (image[row][:, column].astype(np.float32) for column in (left, right))
        return one + (other - one) * across

    upper, lower = blended(top), blended(bottom)
    return upper + (lower - upper) * down


def _neighbours(count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the inputs before and behind each output's centre, [size] int each, and how far it is between them."""
    scale = np.float32(count) / np.float32(size)
    place = (np.arange(size, dtype=np.float32) + _HALF) * scale - _HALF
    floor = np.floor(place)
    return np.maximum(floor.astype(int), 0), np.minimum(np.ceil(place).astype(int), count - 1), place - floor
