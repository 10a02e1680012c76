"""aireal.judging.plots: every figure is titled and labelled, and can be written as PNG."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from aireal.judging import battery, plots, selective
from aireal.verdicts.verdict import DEFAULT, Rule

LABEL = np.array([0, 0, 0, 1, 1, 1])
P_REAL = np.array([0.1, 0.2, 0.7, 0.9, 0.8, 0.3], np.float32)


def _row(epoch, **more):
    return {"epoch": epoch, "loss": 1.0 / epoch, "accuracy": 0.5 + 0.1 * epoch, **more}


def _assert_drawn(figure):
    assert isinstance(figure, Figure)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    with Image.open(file) as image:
        assert min(image.size) > 300
        assert len(image.convert("L").getcolors()) > 10  # not a blank sheet


@pytest.mark.parametrize("draw", [plots.confusion_matrix, plots.roc, plots.reliability], ids=lambda draw: draw.__name__)
def test_figures_of_scores_are_titled_and_labelled(draw):
    figure = draw(LABEL, P_REAL, "test")
    _assert_drawn(figure)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert len(titles) == 1
    assert "6 test images" in titles[0]
    assert any(axes.get_xlabel() for axes in figure.axes)
    assert all(axes.get_ylabel() for axes in figure.axes)


def test_curves_show_training_and_validation():
    figure = plots.curves([_row(epoch, val_loss=2.0 / epoch, val_accuracy=0.6) for epoch in (1, 2, 3)])
    _assert_drawn(figure)
    assert len(figure.axes) == 2
    for axes in figure.axes:
        assert axes.get_title()
        assert axes.get_xlabel() == "epoch"
        assert axes.get_ylabel()
        assert [list(line.get_xdata()) for line in axes.lines] == [[1, 2, 3], [1, 2, 3]]
        assert ["training" in text.get_text() for text in axes.get_legend().get_texts()] == [True, False]


def test_curves_without_validation_show_training_alone():
    figure = plots.curves([_row(1)])
    _assert_drawn(figure)
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]


def test_confusion_matrix_writes_counts_and_shares():
    axes = plots.confusion_matrix(LABEL, P_REAL, "test").axes[0]
    assert [text.get_text() for text in axes.texts] == ["2\n66.67%", "1\n33.33%", "1\n33.33%", "2\n66.67%"]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["FAKE", "REAL"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("verdict", "truth")


def test_calibration_shows_every_image_once():
    lower = plots.reliability(LABEL, P_REAL, "validation").axes[1]
    assert sum(bar.get_height() for bar in lower.patches) == 6


@pytest.mark.parametrize("stated", [None, 0.25])
def test_risk_over_coverage_is_drawn_with_the_stated_risk(stated):
    coverage, risk = selective.curve(LABEL, P_REAL, DEFAULT)
    figure = plots.risk_coverage(coverage, risk, "test", stated)
    _assert_drawn(figure)
    (axes,) = figure.axes
    assert "6 test images" in axes.get_title()
    assert "coverage" in axes.get_xlabel()
    assert "risk" in axes.get_ylabel()
    drawn, *lines = axes.lines
    np.testing.assert_array_equal(drawn.get_xdata(), coverage)
    np.testing.assert_array_equal(drawn.get_ydata(), risk)
    assert [line.get_ydata()[0] for line in lines] == ([stated] if stated else [])
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    by_confidence = f"by confidence alone, mean {risk.mean():.4f}"
    assert labels == [by_confidence, *(["stated risk 0.25"] if stated else [])]
    rule = Rule(fake_up_to=0.3, real_at_least=0.6, risk=0.25, risk_confidence=0.9)
    given = selective.Selective.of(LABEL, P_REAL, rule.reasons(P_REAL, np.zeros(6), True), rule)
    (axes,) = plots.risk_coverage(coverage, risk, "test", stated, given).axes
    assert (axes.lines[-1].get_xdata(), axes.lines[-1].get_ydata()) == ([given.coverage], [given.error])


def test_risk_over_coverage_can_be_drawn_where_no_verdict_is_wrong():
    _assert_drawn(plots.risk_coverage(*selective.curve(LABEL, LABEL * 0.9, DEFAULT), "test", 0.01))


@pytest.mark.parametrize("count", [0, 3])
def test_error_sheet_shows_each_error_with_its_truth_and_score(count, make_table):
    images = np.full([count, 32, 32, 3], 200, np.uint8)
    names = np.array([f"REAL/{number}.jpg" for number in range(count)], dtype=np.str_)
    table = make_table(np.ones(count, np.int64), names)
    figure = plots.errors(images, table, np.linspace(0.01, 0.4, count), "test")
    _assert_drawn(figure)
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) == count
    assert figure.get_suptitle() == ("The 3 most confident errors on the test images" if count else "No errors")
    if count:
        assert shown[0].get_title() == "truth REAL, p_real 0.0100\nREAL/0.jpg"


@pytest.mark.parametrize("name", ["_a", "$a$", "a$b_$^{", "[1]*"])
def test_the_legend_has_every_model_by_its_own_name(name):
    conditions = battery.conditions(32)
    figure = plots.robustness(conditions, {name: np.ones([1, len(conditions)])}, battery.UNCHANGED, {}, "Accuracy")
    _assert_drawn(figure)  # raises where mathematics does not parse
    assert [text.get_text().strip().replace(r"\$", "$") for text in figure.legends[0].get_texts()] == [name]
