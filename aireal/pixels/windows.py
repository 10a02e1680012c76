"""Windows of native pixels: what a network sees that does not look at whole pictures brought to its size.

Resampling takes away what tells a generator, so such a network sees pieces of the picture as they are, and the
picture's score is the mean of their logits (`verdicts.forms.Scores.pooled`). Free of TensorFlow. The definition, for
whoever writes it a second time: a picture with an edge below S is extended by reflection, at the right and at the
bottom. Of `count` windows number i has its upper left corner at row floor(frac(1/2 + i a) (H - S + 1)) and column
floor(frac(1/2 + i b) (W - S + 1)), where a = 1 / g^2, b = 1 / g and g^3 = g + 1: a sequence that fills a rectangle
evenly however many are taken (Roberts 2018, "The Unreasonable Effectiveness of Quasirandom Sequences").
"""

import numpy as np

_G = 1.32471795724474602596  # the plastic number
_STEPS = np.array([1 / _G**2, 1 / _G])


def places(height: int, width: int, size: int, count: int) -> np.ndarray:
    """Returns where windows are cut in evaluation and prediction: rows and columns of their corners, [count, 2] int.

    Args:
      height: of the picture in pixels.
      width: likewise.
      size: S, edge of a window in pixels.
      count: of windows.
    """
    return (shares(count) * (np.maximum([height, width], size) - size + 1)).astype(int)


def shares(count: int) -> np.ndarray:
    """Returns how far down and to the right each window is, as shares of how far it could be: [count, 2]."""
    return (0.5 + np.arange(count)[:, None] * _STEPS) % 1


def cut(pixels: np.ndarray, size: int, corners: np.ndarray) -> np.ndarray:
    """Cuts windows out of a picture, [H, W, 3] uint8: [N, S, S, 3] uint8.

    Args:
      pixels: the picture; one that is smaller than a window is extended by reflection.
      size: S.
      corners: [N, 2] int, of `places` or others.
    """
    missing = np.maximum(size - np.array(pixels.shape[:2]), 0)
    if missing.any():
        pixels = np.pad(pixels, [(0, missing[0]), (0, missing[1]), (0, 0)], "reflect")
    return np.stack([pixels[top : top + size, left : left + size] for top, left in corners])


def at_random(height: int, width: int, size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns corners of windows anywhere in a picture: [count, 2] int, as `places`."""
    return rng.integers(0, np.maximum([height, width], size) - size + 1, [count, 2])
