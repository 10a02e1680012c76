"""aireal.judging.metrics against numbers worked by hand, and against scikit-learn on random scores."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from aireal.judging import metrics

# Two of three fakes and three of four photographs are seen for what they are.
LABEL = np.array([0, 0, 0, 1, 1, 1, 1])
P_REAL = np.array([0.1, 0.3, 0.8, 0.9, 0.7, 0.6, 0.2])


@pytest.fixture(scope="module")
def scored():
    """Overlapping scores of 4,000 images, float32 as a model gives them."""
    rng = np.random.default_rng(3)
    label = (rng.random(4000) < 0.4).astype(np.int64)
    p_real = 1 / (1 + np.exp(-rng.normal(np.where(label == 1, 1.5, -1.0), 1.5)))
    return label, p_real.astype(np.float32)


def test_accuracy_and_confusion_matrix_by_hand():
    found = metrics.Figures.of(LABEL, P_REAL).as_dict()
    assert found["n"] == 7
    assert found["accuracy"] == pytest.approx(5 / 7)
    assert found["confusion_matrix"] == [[2, 1], [1, 3]]  # rows: truth; FAKE first


def test_precision_recall_and_f1_of_both_classes_by_hand():
    found = metrics.Figures.of(LABEL, P_REAL).as_dict()
    # Called FAKE: 0.1, 0.3, 0.2, of which 2 are. Called REAL: 0.8, 0.9, 0.7, 0.6, of which 3 are.
    assert found["FAKE"] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert found["REAL"] == pytest.approx({"precision": 3 / 4, "recall": 3 / 4, "f1": 3 / 4, "support": 4})


def test_one_half_is_called_real():
    assert metrics.Figures.of(np.array([0, 1]), np.array([0.49999, 0.5])).accuracy == 1.0


def test_roc_auc_by_hand():
    # Of 3 x 4 pairs (fake, photograph) the photograph has the higher score in: 0.1 -> 4, 0.3 -> 3, 0.8 -> 1.
    assert metrics.Figures.of(LABEL, P_REAL).roc_auc == pytest.approx(8 / 12)


def test_average_precision_by_hand_has_fake_as_its_positive_class():
    # From the most fake on: 0.1 F, 0.2 R, 0.3 F, 0.6 R, 0.7 R, 0.8 F, 0.9 R: precision 1/1, 2/3 and 3/6 at the fakes.
    assert metrics.Figures.of(LABEL, P_REAL).average_precision == pytest.approx((1 + 2 / 3 + 1 / 2) / 3)


def test_brier_score_by_hand():
    squares = [0.1**2, 0.3**2, 0.8**2, 0.1**2, 0.3**2, 0.4**2, 0.8**2]
    assert metrics.Figures.of(LABEL, P_REAL).brier_score == pytest.approx(sum(squares) / 7)


def test_tpr_at_one_percent_fpr_counts_fakes_caught_and_photographs_accused():
    # One of the 100 photographs looks more fake (0.05) than two of the four fakes: it may be accused, 1 in 100 is 1 %.
    label = np.array([0] * 4 + [1] * 100)
    p_real = np.concatenate([[0.01, 0.1, 0.2, 0.95], [0.05], np.linspace(0.5, 0.9, 99)])
    assert metrics.Figures.of(label, p_real).tpr_at_1_percent_fpr == 3 / 4
    # Seen from the other side it would be the photographs that score above all fakes: none.
    assert metrics.tpr_at_fpr(label == 1, p_real, 0.01) == 0.0


@pytest.mark.parametrize(("at_most", "caught"), [(0.0, 1 / 4), (0.25, 3 / 4), (0.49, 3 / 4), (0.5, 3 / 4), (0.75, 1.0)])
def test_tpr_at_fpr_takes_the_best_threshold_that_keeps_to_the_limit(at_most, caught):
    # Sorted by score: positive, negative, positive, positive, negative, (negative and positive tied), negative.
    positive = np.array([1, 0, 1, 1, 0, 0, 1, 0])
    score = np.array([8, 7, 6, 5, 4, 3, 3, 1])
    assert metrics.tpr_at_fpr(positive, score, at_most) == caught


def test_tpr_at_fpr_is_zero_where_the_highest_score_is_a_false_alarm():
    assert metrics.tpr_at_fpr(np.array([0, 1]), np.array([0.9, 0.1]), 0.01) == 0.0


def test_calibration_error_by_hand():
    # Confidences 0.9, 0.9, 0.9 share the bin (13/15, 14/15], 0.7 is alone in (10/15, 11/15], 0.55 in (8/15, 9/15].
    label = np.array([1, 0, 1, 1, 0])
    p_real = np.array([0.9, 0.1, 0.1, 0.7, 0.55])
    # Gaps: |0.9 - 2/3| for three images, |0.7 - 1| for one, |0.55 - 0| for one.
    expected = (3 * (0.9 - 2 / 3) + 0.3 + 0.55) / 5
    assert metrics.expected_calibration_error(label, p_real) == pytest.approx(expected)
    assert metrics.Figures.of(label, p_real).expected_calibration_error == pytest.approx(expected)


def test_calibration_bins_are_fifteen_of_equal_width_and_hold_their_upper_edge():
    bins = metrics.reliability(np.array([1, 1, 1, 0]), np.array([0.55, 0.6, 0.61, 0.4]))
    edges, count = bins.edges, bins.count
    np.testing.assert_allclose(edges, np.arange(16) / 15)
    # 0.6 = 9/15 belongs to (8/15, 9/15], like 0.55 and the confidence 1 - 0.4; 0.61 to the next.
    assert (len(count), count[8], count[9], count.sum()) == (15, 3, 1, 4)


def test_certainty_falls_into_the_last_bin_and_one_half_into_the_bin_around_it():
    bins = metrics.reliability(np.array([1, 0, 1]), np.array([1.0, 0.0, 0.5]))
    count, confidence, accuracy = bins.count, bins.confidence, bins.accuracy
    assert (count[14], confidence[14], accuracy[14]) == (2, 1.0, 1.0)
    assert (count[7], confidence[7], accuracy[7]) == (1, 0.5, 1.0)


def test_calibration_of_empty_bins_is_zero_and_costs_nothing():
    bins = metrics.reliability(np.array([1, 0]), np.array([1.0, 0.0]))
    count, confidence, accuracy = bins.count, bins.confidence, bins.accuracy
    assert confidence[count == 0].tolist() == accuracy[count == 0].tolist() == [0.0] * 14
    assert metrics.expected_calibration_error(np.array([1, 0]), np.array([1.0, 0.0])) == 0.0


def test_random_scores_agree_with_scikit_learn(scored):
    label, p_real = scored
    verdict = p_real >= 0.5
    fake = label == 0
    found = metrics.Figures.of(label, p_real).as_dict()
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(label, verdict))
    assert found["confusion_matrix"] == sk.confusion_matrix(label, verdict).tolist()
    for positive, name in enumerate(["FAKE", "REAL"]):
        precision, recall, f1, _ = sk.precision_recall_fscore_support(
            label, verdict, pos_label=positive, average="binary"
        )
        expected = {"precision": precision, "recall": recall, "f1": f1, "support": np.sum(label == positive)}
        assert found[name] == pytest.approx(expected)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(label, p_real))  # the same seen from either class
    assert found["average_precision"] == pytest.approx(sk.average_precision_score(fake, 1 - p_real.astype(float)))
    assert found["brier_score"] == pytest.approx(np.mean((p_real.astype(float) - label) ** 2))


def test_random_scores_agree_with_a_search_over_all_thresholds(scored):
    label, p_real = scored
    fakes, photographs = p_real[label == 0], p_real[label == 1]
    caught = [np.mean(fakes <= limit) for limit in p_real if np.mean(photographs <= limit) <= 0.01]
    assert metrics.Figures.of(label, p_real).tpr_at_1_percent_fpr == pytest.approx(max(caught))


def test_random_scores_agree_with_a_loop_over_the_bins(scored):
    label, p_real = scored
    p_real = p_real.astype(float)
    error = 0.0
    for number in range(15):
        confidence = np.where(p_real >= 0.5, p_real, 1 - p_real)
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            correct = (p_real >= 0.5) == (label == 1)
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    assert metrics.expected_calibration_error(label, p_real) == pytest.approx(error)


def test_every_image_is_counted(scored):
    found = metrics.Figures.of(*scored).as_dict()
    assert np.sum(found["confusion_matrix"]) == found["n"] == 4000
    assert found["FAKE"]["support"] + found["REAL"]["support"] == 4000


def test_figures_are_plain_numbers_that_json_can_hold(scored):
    found = metrics.Figures.of(*scored).as_dict()
    assert json.loads(json.dumps(found)) == found


def test_a_class_that_is_never_called_has_precision_zero():
    found = metrics.Figures.of(np.array([0, 1]), np.array([0.9, 0.9])).as_dict()
    assert (found["FAKE"]["precision"], found["FAKE"]["recall"], found["accuracy"]) == (0.0, 0.0, 0.5)


def test_report_has_a_row_for_both_classes():
    rows = [line.split() for line in metrics.classification_report(LABEL, P_REAL).splitlines()]
    assert ["FAKE", "0.6667", "0.6667", "0.6667", "3"] in rows
    assert ["REAL", "0.7500", "0.7500", "0.7500", "4"] in rows


def test_accuracy_by_group_by_hand_is_sorted_by_name():
    group = np.array(["dog", "cat", "dog", "cat", "dog", "ship", "cat"])
    found = metrics.accuracy_by_group(LABEL, P_REAL, group)
    # dog: 0.1 right, 0.8 wrong, 0.7 right; cat: 0.3 right, 0.9 right, 0.2 wrong; ship: 0.6 right.
    assert found == {
        "cat": {"n": 3, "accuracy": pytest.approx(2 / 3)},
        "dog": {"n": 3, "accuracy": pytest.approx(2 / 3)},
        "ship": {"n": 1, "accuracy": 1.0},
    }
    assert list(found) == ["cat", "dog", "ship"]
