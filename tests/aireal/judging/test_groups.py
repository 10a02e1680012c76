"""aireal.judging.groups: accuracy and AUC of each generator and topic, with intervals that hold what they say."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from aireal.judging import groups
from aireal.verdicts.verdict import DEFAULT


@pytest.fixture
def table(make_table):
    """A hundred FAKE of each of two generators, and two hundred REAL."""
    label, group = np.repeat([0, 0, 1], [100, 100, 200]), np.repeat(["a", "b", ""], [100, 100, 200])
    return make_table(label, np.arange(400).astype(str), group=group)


def test_each_group_stands_against_all_of_the_other_class(table):
    p_real = np.random.default_rng(0).normal(0.4 + 0.2 * table.label, 0.2).astype(np.float32)
    one, other, real = groups.judge(table, p_real, DEFAULT, {("FAKE", "a"), ("REAL", "")})
    assert [(group.label, group.name, group.is_seen, group.n) for group in (one, other, real)] == [
        ("FAKE", "a", True, 100),
        ("FAKE", "b", False, 100),
        ("REAL", "", True, 200),
    ]
    assert one.accuracy == np.mean(p_real[:100] < 0.5)
    assert real.accuracy == np.mean(p_real[200:] >= 0.5)
    assert one.auc == pytest.approx(roc_auc_score(np.repeat([0, 1], [100, 200]), np.append(p_real[:100], p_real[200:])))
    assert real.auc == pytest.approx(roc_auc_score(table.label, p_real))


def test_intervals_hold_the_truth_nineteen_times_in_twenty(table):
    """A share of 0.7 is right in truth: of 60 samples about three intervals miss it."""
    missed = 0
    for seed in range(60):
        p_real = (np.random.default_rng(seed).random(400) < 0.3).astype(np.float32)
        low, high = groups.judge(table, p_real, DEFAULT, None)[0].accuracy_interval
        missed += not low <= 0.7 <= high
    assert missed <= 8


def test_a_class_alone_has_no_order(make_table):
    (found,) = groups.judge(make_table([0, 0], ["a", "b"]), np.array([0.1, 0.9], np.float32), DEFAULT, None)
    assert (found.accuracy, found.auc, found.auc_interval) == (0.5, None, None)
    assert "FAKE" in str(groups.table([found], "test"))


def test_of_many_groups_the_worst_are_shown_and_names_escaped(make_table):
    group = np.array([f"g{number:02}\x1b" for number in range(40)])
    table = make_table(np.zeros(40, int), group, group=group)
    shown = str(
        groups.table(
            groups.judge(table, np.linspace(0, 1, 40), DEFAULT, {("FAKE", name) for name in group[:39]}), "test"
        )
    )
    assert "and 10 that are better, in result.json" in shown
    assert "\\x1b" in shown
    assert "\x1b" not in shown
    assert "unseen" in shown.splitlines()[30]
