"""aireal.verdicts.lite: a .tflite file as a function of pixels, by the labels inside it, without TensorFlow."""

import pathlib
import zipfile

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.verdicts import scorers

EARLIER = pathlib.Path(__file__).parents[1] / "runs/earlier"


def _with_labels(target, labels):
    """Copies a .tflite file of ours with other labels inside, or with none."""
    data = (EARLIER / "export/model_int8.tflite").read_bytes()
    target.write_bytes(data[: data.index(b"PK\3\4labels.txt"[:4])])
    if labels is not None:
        with zipfile.ZipFile(target, "a") as archive:
            archive.writestr("labels.txt", labels)
    return target


def test_the_labels_inside_a_tflite_file_say_which_score_is_which(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, [5, 32, 32, 3], np.uint8)
    p_real = scorers.load(EARLIER / "export/model_int8.tflite")(pixels).p_real
    same = scorers.load(_with_labels(tmp_path / "same.tflite", "FAKE\nREAL\n"))
    turned = scorers.load(_with_labels(tmp_path / "turned.tflite", "REAL\nFAKE\n"))
    np.testing.assert_array_equal(same(pixels).p_real, p_real)
    np.testing.assert_allclose(turned(pixels).p_real, 1 - p_real, atol=1.01 / 256)  # a step of 8 bits


@pytest.mark.parametrize(
    ("labels", "said"), [(None, "holds no labels.txt"), ("cat\ndog\n", "says cat, dog"), ("REAL\n", "says REAL")]
)
def test_a_tflite_file_without_our_labels_is_refused(tmp_path, labels, said):
    with pytest.raises(UserError, match=f"{said}, so nobody knows which of its scores is which"):
        scorers.load(_with_labels(tmp_path / "model.tflite", labels))


def test_a_tflite_file_with_more_labels_than_scores_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"maps .* to \(1, 2\)"):
        scorers.load(_with_labels(tmp_path / "model.tflite", "FAKE\nREAL\nUNSURE\n"))


def test_a_tflite_file_gives_the_same_whatever_the_batch():
    scorer = scorers.load(EARLIER / "export/model_int8.tflite")
    assert scorer.input_size == 32
    pixels = np.random.default_rng(0).integers(0, 256, [7, 32, 32, 3], np.uint8)
    scores = scorer(pixels)
    p_real = scores.p_real
    assert np.isnan(scores.foreign).all()  # two labels: nobody knows
    assert (p_real.shape, p_real.dtype) == ((7,), np.float32)
    np.testing.assert_array_equal(np.concatenate([scorer(one[None]).p_real for one in pixels]), p_real)
    np.testing.assert_allclose(p_real, scorers.load(EARLIER / "model.keras")(pixels).p_real, atol=0.1)
