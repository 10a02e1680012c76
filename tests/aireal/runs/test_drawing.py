"""aireal.runs.drawing: figures have the size that was asked for, and files of them are whole or absent."""

import pytest
from PIL import Image

from aireal.runs import drawing


@pytest.fixture
def drawn():
    figure = drawing.figure(3, 2)
    figure.subplots().plot([0, 1], [1, 0], color=drawing.COLORS["FAKE"])
    return figure


def test_a_png_has_120_pixels_an_inch(drawn, tmp_path):
    drawing.write(drawn, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert (image.format, image.size) == ("PNG", (360, 240))
        shown = {color for _, color in image.convert("RGB").getcolors(10_000)}
    assert tuple(bytes.fromhex(drawing.ORANGE.removeprefix("#"))) in shown


def test_the_ending_says_the_format(drawn, tmp_path):
    drawing.write(drawn, tmp_path / "a.svg")
    assert "<svg" in (tmp_path / "a.svg").read_text()


def test_an_ending_of_no_format_leaves_what_was_there(drawn, tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(ValueError, match="txt"):
        drawing.write(drawn, tmp_path / "a.txt")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_both_classes_have_a_color_of_their_own():
    assert drawing.COLORS.keys() == {"FAKE", "REAL"}
    assert len({*drawing.COLORS.values(), drawing.GREY}) == 3


def test_no_window_system_is_asked_for(run_python):
    code = "import sys; from aireal.runs import drawing; drawing.figure(1, 1); print(*sys.modules)"
    loaded = run_python("-c", code).stdout.split()
    assert "matplotlib.figure" in loaded
    assert "matplotlib.pyplot" not in loaded
