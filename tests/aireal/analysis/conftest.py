"""A small sound source, surveyed; tables of files made by hand."""

import csv
import pathlib
import shutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pytest

from aireal.analysis.container import Facts
from aireal.analysis.survey import Files

FEW = 25  # pictures of each class and split


@pytest.fixture(scope="session")
def rows() -> Callable[[pathlib.Path], list[dict[str, str]]]:
    """Returns a function that reads a .csv file."""

    def read(path: pathlib.Path) -> list[dict[str, str]]:
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return read


@pytest.fixture(scope="session")
def few(demo_source, tmp_path_factory) -> pathlib.Path:
    """A folder with 25 pictures of each class and split of the demo. To be left as it is."""
    source = tmp_path_factory.mktemp("few") / "set"
    for folder in ("train/FAKE", "train/REAL", "test/FAKE", "test/REAL"):
        (source / folder).mkdir(parents=True)
        for path in sorted((demo_source / folder).iterdir())[:FEW]:
            shutil.copy(path, source / folder)
    return source


@pytest.fixture(scope="session")
def surveyed(few):
    """What `survey` knows of these: Files and Sums."""
    from aireal.analysis import survey
    from builders.cifake import passes, sources

    return survey.survey(passes.Reader(sources.Collection(few)), image_size=32)


@pytest.fixture(scope="session")
def make_files() -> Callable[..., Files]:
    """Returns a function that makes a table of 32x32 pictures that were all decoded."""

    def make(
        digests: Mapping[str, str | None],
        *,
        size: int | list[int] = 100,
        facts: Iterable[Mapping[str, Any]] = (),
        thumbnails: Iterable[np.ndarray] = (),
    ) -> Files:
        """Returns Files, sorted by path.

        Args:
          digests: path -> digest; None gives one of its own.
          size: bytes of all or of each file, in the order of `digests`.
          facts: what is unusual of each; by default nothing.
          thumbnails: [8, 8, 3] of each; by default grey.
        """
        count, paths = len(digests), np.array(list(digests), np.dtypes.StringDType())
        order = np.argsort(paths)
        known = [Facts(**{"format": "JPEG", "width": 32, "height": 32, "mode": "RGB", "metadata": "", **one})
                 for one in (list(facts) or [{}] * count)]  # fmt: skip
        small = np.stack(list(thumbnails) or [np.full([8, 8, 3], 100)] * count).astype(np.uint8)
        split, label, _ = np.array([path.split("/") for path in paths]).T
        return Files(
            path=paths[order],
            split=split[order],
            label=(label == "REAL").astype(int)[order],
            bytes=np.broadcast_to(size, count)[order],
            digest=np.array([path if one is None else one for path, one in digests.items()])[order],
            faults=np.fromiter(([] for _ in range(count)), object),
            decoded=np.ones(count, bool),
            facts={name: np.array([getattr(one, name) for one in known])[order] for name in vars(known[0])},
            looks=np.zeros([count, 4], np.float32),
            thumbnails=small[order],
        )

    return make
