"""Which pictures are shown, and those pictures."""

import contextlib
from collections.abc import Set

import numpy as np
from PIL import Image

from aireal.analysis import figures
from aireal.analysis.survey import Files
from aireal.pixels import decoding
from builders import progress
from builders.cifake import layout, passes, sources
from builders.cifake.layout import LABELS

_ROWS = 4  # of the sheet, where the objects are unknown
_SHOWN_PIXELS = 160  # edge of a picture on a sheet, at most


def sheet(files: Files) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Returns (title, label -> rows of `Files`) of pictures chosen at random, the same ones every time.

    A line for each object where these are known, else a few without title.
    """
    by_object = files.objects is not None
    lines = (
        [(name, files.decoded & (files.objects == name), 0) for name in sources.OBJECTS]
        if by_object
        else [("", files.decoded, number) for number in range(_ROWS)]
    )
    return [
        (title, {label: _some(mask & (files.label == of), number) for of, label in enumerate(LABELS)})
        for title, mask, number in lines
    ]


def _some(mask: np.ndarray, number: int) -> np.ndarray:
    """Returns the rows of the `number`-th handful of a shuffled pack, none twice."""
    start = number * figures.SAMPLES
    return np.random.default_rng(0).permutation(np.flatnonzero(mask))[start : start + figures.SAMPLES]


def load(reader: passes.Reader, wanted: Set[str]) -> dict[str, np.ndarray]:
    """Returns path -> [H, W, 3] uint8, reduced where large; black where a picture has gone or changed since."""
    pictures = dict.fromkeys(wanted, np.zeros([1, 1, 3], np.uint8))
    for place, load in progress.bar(reader.pictures(), "Fetching examples", unit=" pictures", leave=False):
        if (name := layout.printable(place.path)) in wanted:
            with contextlib.suppress(*sources.READ_ERRORS):
                picture = Image.fromarray(decoding.decode(load()))
                picture.thumbnail((_SHOWN_PIXELS, _SHOWN_PIXELS))
                pictures[name] = np.asarray(picture)
    return pictures
