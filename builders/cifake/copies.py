"""Which pictures show the same: the same bytes, or one of them scaled, turned upright or saved anew."""

from collections.abc import Mapping

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import KDTree

from builders import progress
from builders.cifake import formats
from builders.cifake.layout import SPLITS

# Of two thumbnails (8x8 RGB, each channel less its own mean): from here on they are near-copies. Chosen on CIFAKE,
# where 2 of 20,000 test pictures have such a neighbour among the 50,000 train pictures of the other class.
CORRELATION = 0.98
EDGE = 8  # of a thumbnail, pixels
KEPT_PAIRS = 1_000_000  # films have many more among their frames, and as many say the same

_PLAIN = 8.0  # norm of a thumbnail that differs from its mean by little more than rounding: like any other plain one
_DIMENSIONS = 8  # of the search: of 100,000 pictures of CIFAKE it leaves 245,100 pairs to compare
_SOUGHT_AT_ONCE = 500  # pictures
_COMPARED_AT_ONCE = 100_000  # pairs: 150 MB


def thumbnail(image: Image.Image) -> np.ndarray:
    """Returns a picture's thumbnail, the means of its areas: [8, 8, 3] uint8. Leaves the picture turned upright."""
    return np.asarray(formats.to_upright_rgb(image).resize((EDGE, EDGE), Image.Resampling.BOX))


def directions(thumbnails: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns what tells thumbnails apart whatever their brightness and contrast.

    Each channel is less its own mean: else any two areas of one colour would be alike.

    Args:
      thumbnails: [N, 8, 8, 3], 0..255.

    Returns:
      [N, 192] float32 unit vectors, whose products are correlations; [N] bool, False where a picture is plain.
    """
    vectors = thumbnails.reshape(len(thumbnails), -1, 3).astype(np.float32)
    vectors = (vectors - vectors.mean(axis=1, keepdims=True)).reshape(len(vectors), -1)
    norm = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(norm, 1e-6), norm[:, 0] > _PLAIN


def first_copies(digests: Mapping[str, bytes], thumbnails: Mapping[str, np.ndarray] | None = None) -> dict[str, str]:
    """Returns, for every file that repeats another, the first of its kind.

    First means train before validation before test, then by path. What repeats a copy of a file repeats the file.

    Args:
      digests: path -> digest of the file's bytes.
      thumbnails: path -> [8, 8, 3] uint8; with them near-copies count too.

    >>> first_copies({"test/FAKE/1.jpg": b"x", "train/FAKE/9.jpg": b"x", "train/REAL/2.jpg": b"y"})
    {'test/FAKE/1.jpg': 'train/FAKE/9.jpg'}
    """
    paths = sorted(digests, key=lambda path: (SPLITS.index(path.split("/")[0]), path))
    first: dict[bytes, int] = {}
    pairs = np.array([(first.setdefault(digests[path], row), row) for row, path in enumerate(paths)])
    if thumbnails:
        pairs = np.concatenate([pairs, _near(np.stack([thumbnails[path] for path in paths]))])
    rows = originals(pairs, len(paths))
    return {path: paths[row] for path, row in zip(paths, rows, strict=True) if path != paths[row]}


def originals(pairs: np.ndarray, count: int) -> np.ndarray:
    """Returns for each of `count` rows the first that pairs of rows lead to, by themselves or in a chain: [count] int.

    Args:
      pairs: [P, 2] int.
      count: of rows.
    """
    graph = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    _, firsts = np.unique(group, return_index=True)
    return firsts[group]


def _near(thumbnails: np.ndarray) -> np.ndarray:
    """Returns pairs [P, 2] of rows of `thumbnails` [N, 8, 8, 3] by which all near-copies hang together."""
    vectors, varied = directions(thumbnails)
    rows, vectors = np.flatnonzero(varied), vectors[varied]
    if not len(rows):
        return np.empty((0, 2), int)
    # What is near is near in any directions too: in those that tell most pictures apart few others are.
    _, axes = np.linalg.eigh(vectors.T @ vectors)
    points = vectors @ axes[:, -_DIMENSIONS:]
    tree, radius = KDTree(points), np.sqrt(2 * (1 - CORRELATION))
    found = np.empty((0, 2), int)
    chunks = np.array_split(np.arange(len(rows)), len(rows) // _SOUGHT_AT_ONCE + 1)
    for some in progress.bar(chunks, "Seeking near-copies", leave=False):
        others = tree.query_radius(points[some], radius)
        pairs = np.column_stack([np.repeat(some, [len(one) for one in others]), np.concatenate(others)])
        found = np.concatenate([found, _alike(vectors, pairs[pairs[:, 0] < pairs[:, 1]])])
        if len(found) > KEPT_PAIRS:
            found = np.column_stack([np.arange(len(rows)), originals(found, len(rows))])
    return rows[found]


def _alike(vectors: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Returns those of pairs [P, 2] whose vectors correlate."""
    chunks = np.array_split(pairs, len(pairs) // _COMPARED_AT_ONCE + 1)
    products = [np.einsum("ij,ij->i", vectors[left], vectors[right]) for left, right in (one.T for one in chunks)]
    return pairs[np.concatenate(products) >= CORRELATION]
