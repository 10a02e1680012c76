"""builders.cifake.layout: what the words of a source mean, and how its paths are written."""

import pytest

from builders.cifake import layout
from builders.cifake.layout import Naming, SourceError


def test_fake_is_0_and_real_is_1():
    assert layout.LABELS == ("FAKE", "REAL")


def test_names_are_folded_and_given_ones_come_first():
    assert Naming(fake="1, Dall-E").label("DALL E") == "FAKE"
    assert Naming(fake="künstlich").label("ku\u0308nstlich") == "FAKE"  # as macOS writes it
    assert Naming(fake="photo").label("photo") == "FAKE"  # which is REAL unless it is given


@pytest.mark.parametrize("given", [{"fake": "a,b", "real": "B"}, {"columns": "labels=x"}, {"columns": "path"}])
def test_what_is_given_must_make_sense(given):
    with pytest.raises(SourceError, match="--fake and --real both have b" if "fake" in given else "expected path=NAME"):
        Naming(**given)


def test_long_lists_are_cut_and_names_escaped():
    assert layout.listed(["b\n", "a", ""]) == "a, b\\n"
    assert layout.listed(f"{number:02}" for number in range(12)).endswith(", 09 and 2 more")
    assert layout.listed([]) == "nothing"


def test_a_name_of_other_bytes_can_be_printed():
    assert layout.printable("train/FAKE/caf\udce9\x1b.jpg") == "train/FAKE/caf\\udce9\\x1b.jpg"
    assert layout.printable("train/FAKE/café.jpg") == "train/FAKE/café.jpg"
