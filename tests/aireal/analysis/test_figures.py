"""aireal.analysis.figures: every figure is titled and labelled and shows what it was given."""

import io

import numpy as np
import pytest
from PIL import Image

from aireal.analysis import appearance, figures

PICTURE = np.random.default_rng(0).integers(0, 256, [32, 32, 3], np.uint8)


def _assert_drawn(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    with Image.open(file) as image:
        assert min(image.size) > 30
        assert len(image.convert("L").getcolors()) > 10  # not a blank sheet


def test_every_file_is_in_the_histograms_of_sizes(surveyed):
    files, _ = surveyed
    figure = figures.file_sizes(files)
    _assert_drawn(figure)
    *groups, together = figure.axes
    assert [axes.get_title().split(",")[0] for axes in groups] == [
        "train/FAKE: 25 files",
        "train/REAL: 25 files",
        "test/FAKE: 25 files",
        "test/REAL: 25 files",
    ]
    assert [sum(bar.get_height() for bar in axes.patches) for axes in groups] == [25] * 4
    assert (together.get_xlabel(), together.get_ylabel()) == ("bytes", "share of the class")


def test_looks_have_a_panel_for_each_number(surveyed):
    files, _ = surveyed
    figure = figures.looks(files)
    _assert_drawn(figure)
    assert [axes.get_title().lower() for axes in figure.axes] == list(appearance.STATISTICS)
    for axes in figure.axes:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["FAKE", "REAL"]


def test_the_mean_images_are_the_means(surveyed):
    _, sums = surveyed
    figure = figures.mean_images(sums)
    _assert_drawn(figure)
    fake, real, difference = figure.axes
    assert [axes.get_title() for axes in (fake, real)] == ["mean of FAKE", "mean of REAL"]
    np.testing.assert_allclose(fake.images[0].get_array(), sums.image[0] / sums.count[0] / 255)
    assert difference.get_title().startswith("REAL - FAKE: white +")


@pytest.mark.parametrize("draw", [figures.mean_images, figures.spectra], ids=lambda draw: draw.__name__)
def test_one_class_alone_has_no_difference(draw):
    sums = appearance.sums(PICTURE[None], [1])
    figure = draw(sums)
    _assert_drawn(figure)
    titles = [axes.get_title() for axes in figure.axes]
    assert any("REAL" in title for title in titles)
    assert not any("FAKE" in title for title in titles)


def test_spectra_of_both_classes_stand_beside_their_difference_and_their_means_over_rings(surveyed):
    _, sums = surveyed
    figure = figures.spectra(sums)
    _assert_drawn(figure)
    titles = [axes.get_title() for axes in figure.axes[:4]]
    assert titles == [
        "FAKE: mean log power of luma",
        "REAL: mean log power of luma",
        "REAL - FAKE",
        "mean over rings: fine detail is on the right",
    ]
    for line in figure.axes[3].lines:
        assert line.get_xdata()[-1] == 0.5  # cycles a pixel: the finest there are
        assert np.isfinite(line.get_ydata()).all()


def test_the_sheet_has_fakes_on_the_left_and_a_row_for_each_title():
    rows = [("cat", {"FAKE": [PICTURE] * 5, "REAL": [PICTURE] * 2}), ("dog", {"FAKE": [], "REAL": [PICTURE]})]
    figure = figures.samples(rows)
    _assert_drawn(figure)
    fake, real = figure.subfigs
    assert [side.get_suptitle() for side in (fake, real)] == ["FAKE", "REAL"]
    assert [sum(len(axes.images) for axes in side.axes) for side in (fake, real)] == [5, 3]
    assert [axes.get_title(loc="left") for axes in fake.axes if axes.get_title(loc="left")] == ["cat", "dog"]


def test_pairs_stand_side_by_side_under_names_that_fit():
    long = "train/REAL/a very long name of a picture from somewhere.jpg"
    figure = figures.pairs([(PICTURE, PICTURE[::-1])], [(long, "test/REAL/b\u6728.jpg, 0.990")])
    _assert_drawn(figure)
    one, other = figure.axes[:2]
    np.testing.assert_array_equal(one.images[0].get_array(), PICTURE)
    np.testing.assert_array_equal(other.images[0].get_array(), PICTURE[::-1])
    assert one.get_title() == "..." + long[-29:]
    assert other.get_title() == "test/REAL/b?.jpg, 0.990"
