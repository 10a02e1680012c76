"""The small offline data set behind --source=demo: real crops of two photographs, and a generative model's fakes.

It shows that everything works, in seconds and without a network. Its accuracy says nothing about CIFAKE: a detector
that tells a Gaussian mixture's patches from photographs has learnt about that mixture.
"""

import hashlib
import os
import pathlib

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture

COUNTS = {"train": 1000, "test": 200}  # of each class
SIZE = 32  # pixels

_VERSION = 1  # counts up when the same seed gives other bytes
_SCALES = (1.0, 1.5, 2.0, 3.0)  # source pixels for each pixel of a crop
_TRAIN_SHARE = 0.7  # of each photograph's width, from the left; the rest is for test
_COMPONENTS = 96  # principal components: they keep about 97 % of the crops' variance
_CLUSTERS = 10  # Gaussians in the mixture


def fingerprint(seed: int) -> str:
    """32 hexadecimal digits that stand for the data set of a seed."""
    return hashlib.blake2b(f"demo/{_VERSION}/{seed}".encode(), digest_size=16).hexdigest()


def write(folder: os.PathLike | str, seed: int) -> None:
    """Writes 2,000 train and 400 test JPEGs (quality 75, 4:2:0) in CIFAKE's layout; same seed, same bytes.

    REAL are crops of the two photographs in scikit-learn, brought to 32x32 from several scales; train and test come
    from separate regions. FAKE are samples of a Gaussian mixture over the principal components of the train crops.
    """
    rng = np.random.default_rng(seed)
    real = {split: crops(split, count, rng) for split, count in COUNTS.items()}
    model = _PatchModel(real["train"], seed)
    for split, count in COUNTS.items():
        _save(pathlib.Path(folder, split, "REAL"), real[split])
        _save(pathlib.Path(folder, split, "FAKE"), model.sample(count))


class _PatchModel:
    def __init__(self, crops: np.ndarray, seed: int):
        pixels = crops.reshape(len(crops), -1) / 255.0
        self._pca = PCA(_COMPONENTS, whiten=True, random_state=seed).fit(pixels)
        codes = self._pca.transform(pixels)
        self._mixture = GaussianMixture(_CLUSTERS, covariance_type="diag", reg_covar=1e-3, random_state=seed).fit(codes)
        self._mixture.random_state = np.random.RandomState(seed)  # advances, so that no two calls sample the same

    def sample(self, count: int) -> np.ndarray:
        codes, _ = self._mixture.sample(count)
        pixels = self._pca.inverse_transform(codes).reshape(count, SIZE, SIZE, 3)
        return np.clip(np.round(pixels * 255), 0, 255).astype(np.uint8)


def crops(split: str, count: int, rng: np.random.Generator) -> np.ndarray:
    """Returns crops of scikit-learn's photographs, brought to 32x32 from several scales: [count, 32, 32, 3] uint8.

    Args:
      split: train takes them from the left of the photographs, test from the right.
      count: how many, from each photograph in turn.
      rng: chooses scales and places.
    """
    photographs = load_sample_images().images  # two of [427, 640, 3] uint8
    found = []
    for index in range(count):
        photograph = photographs[index % len(photographs)]
        height, width, _ = photograph.shape
        border = int(_TRAIN_SHARE * width)
        left, right = (0, border) if split == "train" else (border, width)
        edge = round(SIZE * _SCALES[rng.integers(len(_SCALES))])
        x = int(rng.integers(left, right - edge + 1))
        y = int(rng.integers(0, height - edge + 1))
        crop = Image.fromarray(photograph[y : y + edge, x : x + edge])
        found.append(np.asarray(crop.resize((SIZE, SIZE), Image.Resampling.LANCZOS)))
    return np.stack(found)


def _save(folder: pathlib.Path, images: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:04}.jpg", quality=75, subsampling="4:2:0")
