"""aireal.verdicts.verdict: the one rule, for numbers, arrays and tensors alike."""

import ast
import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from aireal.machine import package_folder
from aireal.verdicts.verdict import DEFAULT, FAKE, REAL, Rule
from builders.cifake.layout import LABELS


def test_labels_are_in_alphabetical_order():
    assert (FAKE, REAL) == (0, 1)
    assert sorted(LABELS) == list(LABELS) == ["FAKE", "REAL"]


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
    assert rule.label(p_real) == label
    assert rule.confidence(p_real) == pytest.approx(confidence)


def test_arrays_and_tensors_get_the_verdicts_of_their_numbers():
    rule, p_real = Rule(real_from=0.3), np.linspace(0, 1, 11, dtype=np.float32)
    expected = [rule.label(one) == "REAL" for one in p_real]
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
