"""aireal.verdicts.verdict: the one rule, for numbers, arrays and tensors alike."""

import ast
import dataclasses
import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from aireal.machine import package_folder
from aireal.verdicts.verdict import DEFAULT, EDGE_TOLERANCE, FAKE, FOREIGN, LOW_CONFIDENCE, REAL, VERDICTS, Rule
from builders.cifake.layout import LABELS

FULL = Rule(0.5, 0.2, 0.9, foreign_from=1.5, edges=(32, 64), risk=0.01, risk_confidence=0.95)
NAN = np.float32("nan")


def test_labels_are_in_alphabetical_order():
    assert (FAKE, REAL) == (0, 1)
    assert sorted(LABELS) == list(LABELS) == ["FAKE", "REAL"]
    assert VERDICTS == ("FAKE", "REAL", "UNSURE")


@pytest.mark.parametrize(
    ("rule", "p_real", "label", "confidence"),
    [
        (DEFAULT, 0.5, "REAL", 0.5),
        (DEFAULT, np.nextafter(0.5, 0), "FAKE", 0.5),
        (DEFAULT, 0.9, "REAL", 0.9),
        (DEFAULT, 0.0, "FAKE", 1.0),
        (Rule(real_from=0.8), 0.75, "FAKE", 0.25),
        (Rule(real_from=0.8), 0.8, "REAL", 0.8),
    ],
)
def test_a_score_has_one_verdict_and_the_models_confidence_in_it(rule, p_real, label, confidence):
    assert rule.verdicts(p_real, "") == label
    assert rule.confidence(p_real) == pytest.approx(confidence)


def test_arrays_and_tensors_get_the_verdicts_of_their_numbers():
    rule, p_real = Rule(real_from=0.3), np.linspace(0, 1, 11, dtype=np.float32)
    expected = [bool(rule.is_real(one)) for one in p_real]
    assert rule.is_real(p_real).tolist() == expected
    assert rule.is_real(tf.constant(p_real)).numpy().tolist() == expected
    assert rule.confidence(p_real).tolist() == [float(rule.confidence(one)) for one in p_real]


@pytest.mark.parametrize("real_from", [0.5, 0.1, 0.99])
def test_the_logit_of_the_border_is_the_border_of_logits(real_from):
    rule = Rule(real_from=real_from)
    assert 1 / (1 + np.exp(-rule.logit())) == pytest.approx(real_from)
    assert DEFAULT.logit() == 0


def test_it_is_frozen_and_says_what_it_is():
    with pytest.raises(dataclasses.FrozenInstanceError):
        DEFAULT.real_from = 0.6
    assert str(Rule(real_from=0.75)) == "REAL from a p_real of 0.75 on"
    between = "UNSURE between 0.2 and 0.9 and where a picture is foreign by 1.5 or more"
    assert str(FULL) == f"REAL from a p_real of 0.5 on, {between}"


@pytest.mark.parametrize("rule", [DEFAULT, Rule(real_from=0.7), FULL, dataclasses.replace(FULL, edges=None)], ids=str)
def test_a_rule_comes_back_from_json(rule):
    assert Rule.from_dict(json.loads(json.dumps(rule.as_dict()))) == rule


def test_a_rule_of_older_runs_says_one_number():
    assert DEFAULT.as_dict() == {"real_from": 0.5}
    assert Rule.from_dict({"real_from": 0.5}) == Rule.from_dict({}) == DEFAULT


@pytest.mark.parametrize(
    "found",
    [3, None, {"threshold": 0.5}, {"real_from": "x"}, {"real_from": None}]
    + [{"edges": edges} for edges in ([32], [1, 2, 3], 32, "ab", None, [])],
    ids=str,
)
def test_what_is_no_rule_is_told_by_its_exception(found):
    with pytest.raises((TypeError, ValueError)):
        Rule.from_dict(found)


def test_a_plain_rule_withholds_nothing():
    assert not DEFAULT.withholds
    assert FULL.withholds
    assert FULL.plain() == DEFAULT
    assert Rule(real_from=0.7, fake_up_to=0.1, real_at_least=0.9).plain() == Rule(real_from=0.7)
    scores = np.linspace(0, 1, 11, dtype=np.float32)
    assert set(DEFAULT.reasons(scores, scores * 1e6)) == {""}
    assert DEFAULT.fits((1, 9999))


def test_scores_at_the_borders_get_a_verdict_and_those_between_do_not():
    p_real = np.array([0.0, 0.2, np.nextafter(np.float32(0.2), np.float32(1)), 0.5, 0.89, 0.9, 1.0], np.float32)
    expected = [False, False, True, True, True, False, False]
    assert FULL.is_low(p_real).tolist() == expected
    assert FULL.is_low(tf.constant(p_real)).numpy().tolist() == expected
    assert [bool(FULL.is_low(one)) for one in p_real] == expected
    assert not DEFAULT.is_low(p_real).any()


def test_foreignness_that_nobody_knows_is_never_foreign():
    foreign = np.array([-np.inf, 1.4, 1.5, np.inf, np.nan], np.float32)
    expected = [False, False, True, True, False]
    assert FULL.is_foreign(foreign).tolist() == expected
    assert FULL.is_foreign(tf.constant(foreign)).numpy().tolist() == expected
    assert not DEFAULT.is_foreign(foreign).any()


def test_size_comes_before_the_score_and_the_score_before_what_the_network_sees():
    sure, low = 0.95, 0.5
    rows = [(sure, 0.0), (sure, 9.0), (low, 0.0), (low, 9.0), (sure, NAN), (low, NAN)]
    p_real, foreign = np.array(rows, np.float32).T
    expected = ["", FOREIGN, LOW_CONFIDENCE, LOW_CONFIDENCE, "", LOW_CONFIDENCE]
    assert FULL.reasons(p_real, foreign).tolist() == expected
    assert FULL.reasons(p_real, foreign, np.ones(6, bool)).tolist() == expected
    assert FULL.reasons(p_real, foreign, np.arange(6) == 0).tolist() == ["", *[FOREIGN] * 5]
    assert FULL.reasons(p_real, foreign, False).tolist() == [FOREIGN] * 6
    assert str(FULL.reasons(np.float32(low), NAN)) == LOW_CONFIDENCE


def test_edges_may_be_beyond_those_trained_on_by_a_quarter():
    assert EDGE_TOLERANCE == 1.25
    fitting = [(32, 32), (64, 64), (32, 64), (26, 26), (80, 80), (26, 80)]
    others = [(25, 32), (32, 25), (81, 32), (32, 81), (640, 480), (1, 1)]
    assert [FULL.fits(size) for size in fitting + others] == [True] * 6 + [False] * 6


def test_nothing_else_compares_a_score_with_a_number():
    """Looks for `p_real >= 0.5` and its like, whatever the name of the scores, in all packages."""
    found = []
    for package in ("aireal", "exports", "tuning", "builders"):
        for path in sorted((package_folder() / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.Compare) or path.name == "verdict.py":
                    continue
                sides = [node.left, *node.comparators]
                numbers = [side.value for side in sides if isinstance(side, ast.Constant)]
                names = " ".join(ast.unparse(side) for side in sides if not isinstance(side, ast.Constant))
                if 0.5 in numbers and ("p_" in names or "score" in names or "prob" in names):
                    found.append(f"{path.name}: {ast.unparse(node)}")
    assert found == []
    assert pathlib.Path(package_folder(), "aireal/verdicts/verdict.py").exists()
