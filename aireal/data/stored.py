"""The bytes of pictures in files, read a few thousand at a time: memory does not grow with the data."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

_MOST_BYTES = 64 << 20  # read ahead at a time, of which four stand in memory: two being made, waiting, being cut
_MOST = 10_000  # pictures read ahead, of CIFAKE 10 MB
_BLOCK = 256 << 10  # bytes that a disk reads in one go: what lies in one block of a file is read together


def at_a_time(mean_bytes: int) -> int:
    """Returns how many pictures of so many bytes are read ahead."""
    return min(_MOST, max(_MOST_BYTES // max(mean_bytes, 1), 1))


class Stored:
    """Pictures, by where their bytes are. A batch of them is {"bytes": [B] string, "row": [B] int64}.

    tf.data's own readers handle each record by itself, and each has its protocol buffer parsed: together with shuffling
    a third of the time that the decoder takes.

    Args:
      files: paths.
      file: [N] int, in which of them a picture is, ascending.
      begin: [N] int64, at which byte there, ascending within a file.
      length: [N] int64, of how many bytes it is.
    """

    def __init__(self, files: Sequence[str], file: np.ndarray, begin: np.ndarray, length: np.ndarray):
        self._files = files
        self._file = file
        self._begin = begin
        self._end = begin + length
        places = np.stack([file, begin // _BLOCK])
        self._block = np.cumsum(np.any(np.diff(places, prepend=places[:, :1]), axis=0))
        self._at_a_time = at_a_time(int(length.mean()) if len(length) else 0)

    @classmethod
    def alike(cls, files: Sequence[str], counts: Sequence[int], size: int) -> "Stored":
        """Returns what files hold that have nothing but `counts` pictures of `size` bytes each, in a row."""
        file = np.repeat(np.arange(len(files)), counts)
        begin = np.concatenate([np.arange(count, dtype=np.int64) * size for count in counts])
        return cls(files, file, begin, np.full(len(file), size, np.int64))

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Returns the bytes of pictures: [len(rows)] object. Raises OSError where a file is not what it was."""
        order = np.argsort(rows, kind="stable")
        ascending, found = rows[order], np.empty(len(rows), object)
        blocks = np.split(np.arange(len(rows)), np.flatnonzero(np.diff(self._block[ascending])) + 1)
        for block in blocks if len(rows) else []:
            found[order[block]] = self._of_block(ascending[block])
        return found

    def _of_block(self, rows: np.ndarray) -> list[bytes]:
        path, start, end = self._files[self._file[rows[0]]], self._begin[rows[0]], self._end[rows[-1]]
        with open(path, "rb") as file:
            file.seek(start)
            content = file.read(end - start)
        if len(content) < end - start:
            raise OSError(f"{path} is shorter than it was when this run began")
        begins, ends = ((places[rows] - start).tolist() for places in (self._begin, self._end))
        return [content[begin:end] for begin, end in zip(begins, ends, strict=True)]

    def each(self, mask: np.ndarray) -> Iterator[bytes]:
        """Yields the bytes of the pictures where `mask` ([N] bool) is true, in order."""
        rows = np.flatnonzero(mask)
        for start in range(0, len(rows), self._at_a_time):
            yield from self.read(rows[start : start + self._at_a_time])

    def ordered(self, mask: np.ndarray, batch_size: int) -> tf.data.Dataset:
        """Returns batches of the pictures where `mask` ([N] bool) is true, in order; the last may be smaller."""
        return self._batches(tf.constant(np.flatnonzero(mask)), batch_size)

    def shuffled(self, mask: np.ndarray, seed: list, batch_size: int) -> tf.data.Dataset:
        """Returns the same pictures in an order that is a function of `seed`, two integers or scalar tensors.

        Blocks in random order, and those pictures in random order that are read ahead together: a disk is not asked for
        single pictures.
        """
        rows = tf.constant(np.flatnonzero(mask))  # TensorFlow keeps for ever what is in a closure
        seed = tf.stack([tf.cast(one, tf.int64) for one in seed])
        order = tf.numpy_function(self._shuffle, [rows, seed, self._ahead(batch_size)], tf.int64)
        return self._batches(tf.ensure_shape(order, rows.shape), batch_size)

    def _shuffle(self, rows: np.ndarray, seed: np.ndarray, ahead: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(seed)
        blocks = rng.permutation(np.max(self._block, initial=0) + 1)
        order = rows[np.argsort(blocks[self._block[rows]], kind="stable")]
        for start in range(0, len(order), ahead):
            rng.shuffle(order[start : start + ahead])
        return order

    def _ahead(self, batch_size: int) -> int:
        """Returns how many pictures are read ahead: whole batches, so that only the last one is smaller."""
        return batch_size * max(self._at_a_time // batch_size, 1)

    def _batches(self, rows: tf.Tensor, batch_size: int) -> tf.data.Dataset:
        def read(rows: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"bytes": tf.ensure_shape(tf.numpy_function(self.read, [rows], tf.string), [None]), "row": rows}

        return cut(rows, self._ahead(batch_size)).map(read).prefetch(1).flat_map(lambda some: cut(some, batch_size))


def cut(values: tf.Tensor | dict[str, tf.Tensor], size: int) -> tf.data.Dataset:
    """Returns parts of [N] values, or of several; from_tensor_slices would handle each value by itself."""
    count = tf.shape(tf.nest.flatten(values)[0], tf.int64)[0]
    starts = tf.data.Dataset.range(0, count, size)
    return starts.map(lambda start: tf.nest.map_structure(lambda one: one[start : start + size], values))
