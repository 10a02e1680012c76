"""aireal.verdicts.predictions: what a notebook shows of a list of verdicts."""

from PIL import Image

import aireal


def test_predictions_show_errors_and_no_more_rows_than_a_page_holds():
    predictor = aireal.load()
    found = predictor.predict(["a<b>.jpg", *[Image.new("RGB", (32, 32))] * 101])
    shown = found._repr_html_()
    assert "a&lt;b&gt;.jpg" in shown
    assert "no such file" in shown
    assert shown.count("<img") == 99
    assert shown.endswith("and 2 more</p>")


def test_predictions_show_why_a_verdict_was_withheld(withholding):
    shown = aireal.load(withholding[1]).predict([Image.new("RGB", (640, 480))])._repr_html_()
    assert "<th>reason</th>" in shown
    assert "<td><b>UNSURE</b></td><td>FOREIGN</td>" in shown
