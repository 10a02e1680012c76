"""builders.cifake.passes: the pictures of a source several times, read once where memory holds them."""

import pytest

from builders.cifake import passes, sources


@pytest.mark.parametrize("fits", [True, False])
def test_a_reader_reads_once_what_fits_in_memory(fits, files, write):
    folder = write(files)
    size = sum(len(data) for data in files.values())
    reader = passes.Reader(sources.Collection(folder), kept_bytes=size if fits else size - 1)
    assert {place.path: load() for place, load in reader.pictures()} == files
    write(dict.fromkeys(files, b"changed"))
    test_files = {path: data for path, data in files.items() if path.startswith("test/")}
    later = {place.path: load() for place, load in reader.pictures(["test"])}
    assert later == (test_files if fits else dict.fromkeys(test_files, b"changed"))


def test_chunks_hold_500_files_or_16_mebibytes():
    many = [(f"{number}.jpg", b"x") for number in range(1201)]
    found = list(passes.chunks(iter(many)))
    assert [len(chunk) for chunk in found] == [500, 500, 201]
    assert [file for chunk in found for file in chunk] == many
    large = [(f"{number}.jpg", bytes(9 << 20)) for number in range(3)]
    assert [len(chunk) for chunk in passes.chunks(large)] == [2, 1]
    assert list(passes.chunks([])) == []
