"""aireal.runs.page: one file that holds its figures, shows text as text, and needs no network."""

import base64
import html
import re

import pytest
from PIL import Image

from aireal.runs import drawing, page
from aireal.runs.page import Drawing, Section
from aireal.runs.tables import Table

SECTIONS = [
    Section(
        "Sizes",
        "Bytes of each file.",
        [Drawing(b"first", "A histogram."), Drawing(b"second", "A sheet.", has_text=False)],
        [Table(["file", "bytes"], [["a<b>.jpg", "9"]], "The largest.")],
    ),
    Section("Nothing"),
]


@pytest.fixture
def rendered():
    return page.render("A & B", "python -m x", [("warning", "1 < 2"), ("good", "fine")], SECTIONS)


def test_figures_are_in_the_page(rendered):
    found = re.findall(r'<img (class="text" )?src="data:image/png;base64,([^"]*)" alt="([^"]*)">', rendered)
    assert [(bool(has_text), base64.b64decode(png), caption) for has_text, png, caption in found] == [
        (True, b"first", "A histogram."),
        (False, b"second", "A sheet."),
    ]
    assert "http" not in re.sub(r'src="[^"]*"', "", rendered)


def test_names_are_shown_as_they_are(rendered):
    assert "<b>.jpg" not in rendered
    assert '<th scope="row">a&lt;b&gt;.jpg</th><td>9</td>' in rendered
    assert "<title>A &amp; B</title>" in rendered
    assert html.escape("1 < 2") in rendered


def test_findings_sections_and_tables_come_in_their_order(rendered):
    words = ["python -m x", "warning</b>", "good</b>fine", "<h2>Sizes</h2>", "Bytes of each file.", "A histogram."]
    words += ["<caption>The largest.</caption>", '<th scope="col">bytes</th>', "<h2>Nothing</h2>"]
    places = [rendered.index(word) for word in words]
    assert places == sorted(places)


def test_a_figure_becomes_the_content_of_a_png(tmp_path):
    (tmp_path / "a.png").write_bytes(page.png(drawing.figure(2, 1)))
    with Image.open(tmp_path / "a.png") as image:
        assert (image.format, image.size) == ("PNG", (240, 120))
