"""aireal.errors: the system's own words, in the middle of a sentence."""

import pytest

from aireal.errors import reason


def test_the_reason_of_a_system_error_has_neither_number_nor_path(tmp_path):
    with pytest.raises(OSError, match="Errno") as caught:
        (tmp_path / "missing.jpg").read_bytes()
    assert reason(caught.value) == "no such file or directory"


def test_the_reason_of_our_own_error_is_its_message():
    assert reason(OSError("it has 0 x 5 pixels")) == "it has 0 x 5 pixels"
