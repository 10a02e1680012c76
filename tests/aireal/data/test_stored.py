"""aireal.data.stored: pictures' bytes in any order, in bounded memory."""

import numpy as np
import pytest
import tensorflow as tf

from aireal.data import stored
from aireal.data.stored import Stored

COUNT = 1000


@pytest.fixture
def pictures():
    """A thousand pieces of 1 to 3,000 bytes."""
    rng = np.random.default_rng(0)
    return [rng.bytes(length) for length in rng.integers(1, 3000, COUNT)]


@pytest.fixture
def found(pictures, tmp_path, monkeypatch):
    """The pieces in three files, with other bytes between them, read 100 at a time in blocks of 20,000 bytes."""
    monkeypatch.setattr(stored, "_MOST", 100)
    monkeypatch.setattr(stored, "_BLOCK", 20_000)
    file, begin = np.repeat([0, 1, 2], [300, 0, 700]), []
    for number in range(3):
        content = b"head"
        for row in np.flatnonzero(file == number):
            content += b"between"
            begin.append(len(content))
            content += pictures[row]
        (tmp_path / str(number)).write_bytes(content)
    paths = [str(tmp_path / str(number)) for number in range(3)]
    return Stored(paths, file, np.array(begin), np.array([len(one) for one in pictures]))


def rows_of(batches, pictures):
    """Returns the rows that batches have, of which the bytes are those of the rows."""
    batches = list(batches.as_numpy_iterator())
    rows = np.concatenate([batch["row"] for batch in batches]).tolist()
    assert [one for batch in batches for one in batch["bytes"]] == [pictures[row] for row in rows]
    return rows, [len(batch["row"]) for batch in batches]


def test_pictures_are_read_in_any_order(found, pictures):
    rows = np.array([999, 3, 4, 3, 500, 0, 299, 300])
    assert found.read(rows).tolist() == [pictures[row] for row in rows]
    assert found.read(np.array([], int)).tolist() == []


def test_each_picture_of_a_mask_comes_in_order(found, pictures):
    mask = np.arange(COUNT) % 3 == 1
    assert list(found.each(mask)) == [pictures[row] for row in np.flatnonzero(mask)]


def test_ordered_batches_are_the_rows_of_a_mask(found, pictures):
    mask = np.arange(COUNT) % 3 == 1
    rows, sizes = rows_of(found.ordered(mask, 64), pictures)
    assert rows == np.flatnonzero(mask).tolist()
    assert sizes == [64] * 5 + [13]


@pytest.mark.parametrize("batch_size", [7, 64, 128])
def test_shuffled_batches_have_each_picture_once_in_an_order_of_the_seed(found, pictures, batch_size):
    mask = np.arange(COUNT) % 3 == 1

    def shuffled(*seed):
        return rows_of(found.shuffled(mask, list(seed), batch_size), pictures)

    rows, sizes = shuffled(0, 1)
    assert sorted(rows) == np.flatnonzero(mask).tolist()
    assert set(sizes[:-1]) <= {batch_size}
    assert shuffled(0, 1)[0] == rows
    assert shuffled(0, tf.constant(1, tf.int64))[0] == rows
    assert len({tuple(shuffled(*seed)[0]) for seed in ((0, 1), (0, 2), (1, 1), (1, 0))}) == 4


def test_what_is_read_ahead_is_of_many_blocks(found, pictures):
    rows, _ = rows_of(found.shuffled(np.ones(COUNT, bool), [0, 0], 50), pictures)
    blocks = [row // 13 for row in rows[:100]]  # 13 pictures in each, on average
    assert len(set(blocks)) > 7
    assert np.count_nonzero(np.diff(blocks)) > 70
    assert abs(np.corrcoef(np.arange(COUNT), rows)[0, 1]) < 0.2


def test_few_large_pictures_are_read_ahead(monkeypatch):
    assert stored.at_a_time(1000) == 10_000
    assert stored.at_a_time(1 << 20) == 64
    assert stored.at_a_time(1 << 30) == stored.at_a_time(64 << 20) == 1
    monkeypatch.setattr(stored, "_MOST_BYTES", 1 << 30)
    assert stored.at_a_time(0) == 10_000


def test_pictures_of_one_size_are_found_without_a_list(tmp_path):
    for number, content in enumerate([b"aabb", b"", b"ccddee"]):
        (tmp_path / str(number)).write_bytes(content)
    found = Stored.alike([str(tmp_path / str(number)) for number in range(3)], [2, 0, 3], 2)
    assert found.read(np.arange(5)).tolist() == [b"aa", b"bb", b"cc", b"dd", b"ee"]


def test_no_pictures_are_none(tmp_path):
    found, mask = Stored.alike([str(tmp_path / "0")], [0], 12), np.zeros(0, bool)
    assert list(found.each(mask)) == list(found.ordered(mask, 4)) == list(found.shuffled(mask, [0, 0], 4)) == []


def test_a_file_that_was_cut_meanwhile_is_named(found, tmp_path):
    (tmp_path / "2").write_bytes(b"head")
    with pytest.raises(OSError, match=r"2 is shorter than it was"):
        found.read(np.array([999]))
