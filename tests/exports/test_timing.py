"""exports.timing: forms stand beside Keras's predict, in a table and a figure; `test_benchmark.py` measures them."""

import json

import pytest

from aireal.errors import UserError
from aireal.runs.folder import RunFolder
from exports import timing
from exports.timing import Timing


@pytest.fixture
def timings():
    """Two forms on one and two threads, and one of which no accuracy is proven."""
    return [
        Timing(form, threads, size, median / threads, 2 * median / threads, 1e6 / median, 0.25, 300 << 20, accuracy)
        for form, size, median, accuracy in (
            ("Keras predict", 4_000_000, 60_000.0, 0.97),
            ("int8.tflite", 340_000, 500.0, 0.965),
            ("ONNX int8", 360_000, 400.0, None),
        )
        for threads in (1, 2)
    ]


def test_each_form_is_set_beside_predict_on_as_many_threads(timings):
    table = timing.table(timings)
    rows = {(row[0], row[1]): row[2:] for row in table.rows}
    assert len(rows) == 6
    assert rows["int8.tflite", "1"] == ["340,000", "500", "1,000", "120x", "2,000", "0.25", "300"]
    assert rows["int8.tflite", "2"][3] == "120x"
    assert rows["Keras predict", "2"][3] == "1x"
    assert all(len(row) == len(table.header) for row in table.rows)


def test_the_figure_has_a_point_for_each_form_on_one_thread_with_its_accuracy(timings):
    (axes,) = timing.figure(timings).axes
    points = [(line.get_xdata()[0], line.get_ydata()[0]) for line in axes.lines]
    assert points == [(60_000, 4_000), (500, 340), (400, 360)]
    assert [text.get_text() for text in axes.texts] == ["Keras predict\n97.00%", "int8.tflite\n96.50%", "ONNX int8"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_a_form_that_cannot_be_measured_is_named_with_its_reason(tmp_path):
    (tmp_path / "export").mkdir()
    (tmp_path / "export/verify.json").write_text(json.dumps({}))
    with pytest.raises(UserError, match=r"^exports\.latency failed:\n"):
        timing.measure(RunFolder(tmp_path), tmp_path / "export", count=1)
