"""aireal.verdicts.predictions: what a notebook shows of a list of verdicts."""

import re

from PIL import Image

import aireal
from aireal.verdicts.pictures import Prediction


def test_predictions_show_errors_and_no_more_rows_than_a_page_holds():
    predictor = aireal.load()
    found = predictor.predict(["a<b>.jpg", *[Image.new("RGB", (32, 32))] * 101])
    shown = found._repr_html_()
    assert "a&lt;b&gt;.jpg" in shown
    assert "no such file" in shown
    assert shown.count("<img") == 99
    assert shown.endswith("and 2 more</p>")


def test_a_sorted_list_shows_each_picture_beside_its_verdict():
    pictures = [Image.new("RGB", (32, 32), colour) for colour in ("white", "black")]
    found = aireal.load().predict(["nothing.jpg", *pictures])
    source = re.compile(r'src="([^"]+)"')
    before = source.findall(found._repr_html_())
    found.reverse()
    assert source.findall(found._repr_html_()) == before[::-1]
    assert len({*before}) == 2
    found.append(Prediction("later.jpg", "REAL", confidence=0.9, p_real=0.9))
    assert "<tr><td></td><td>later.jpg</td><td><b>REAL</b></td>" in found._repr_html_()


def test_predictions_show_why_a_verdict_was_withheld(withholding):
    shown = aireal.load(withholding[1]).predict([Image.new("RGB", (640, 480))])._repr_html_()
    assert "<th>reason</th>" in shown
    assert "<td><b>UNSURE</b></td><td>FOREIGN</td>" in shown
