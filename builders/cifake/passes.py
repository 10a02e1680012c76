"""Several passes over the pictures of a source, and the pieces in which they are handed over."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence

from builders.cifake.layout import SPLITS, Place
from builders.cifake.sources import Collection, Picture

KEPT_BYTES = 256 << 20  # twice CIFAKE
_CHUNK_FILES, _CHUNK_BYTES = 500, 16 << 20  # of CIFAKE 500 pictures are half a megabyte


class Reader:
    """The pictures of a source for several passes: small sources are read in the first pass and kept in memory.

    Args:
      collection: the source.
      kept_bytes: up to this size the pictures together are kept.
    """

    def __init__(self, collection: Collection, kept_bytes: int = KEPT_BYTES):
        self.collection = collection
        self._kept_bytes = kept_bytes
        self._room = kept_bytes
        self._kept: dict[Place, bytes] = {}
        self._complete = False

    def pictures(self, splits: Sequence[str] = SPLITS) -> Iterator[Picture]:
        """Yields what `Collection` does; after a first, whole pass without what could not be loaded."""
        if self._complete:
            for place, data in self._kept.items():
                if place.split in splits:
                    yield place, lambda data=data: data
            return
        if set(splits) != set(SPLITS):
            yield from self.collection.pictures(splits)
            return
        self._kept.clear()
        self._room = self._kept_bytes
        for place, load in self.collection.pictures():
            yield place, functools.partial(self._load, place, load)
        self._complete = self._room >= 0

    def _load(self, place: Place, load: Callable[[], bytes]) -> bytes:
        data = load()
        self._room -= len(data)
        if self._room >= 0:
            self._kept[place] = data
        else:
            self._kept.clear()
        return data


def chunks(files: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Cuts (path, content) of files into lists that are worth handing over: 500 files or 16 MiB, what comes first."""
    chunk, size = [], 0
    for path, data in files:
        chunk.append((path, data))
        size += len(data)
        if len(chunk) == _CHUNK_FILES or size > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk
