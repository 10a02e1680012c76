"""aireal.judging.selective: borders keep to the stated risk, and what withholding costs is counted by hand."""

import dataclasses
import warnings

import numpy as np
import pytest
from mapie import risk_control
from scipy import special, stats

from aireal.judging import selective
from aireal.judging.selective import Selective
from aireal.verdicts.verdict import DEFAULT, Rule

RISK, CONFIDENCE = 0.05, 0.9


def _draw(random: np.random.Generator, count: int, flattery: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns labels, scores and the chance of REAL that each score truly stands for; `flattery` overstates it."""
    logit = random.normal(0, 3, count)
    chance = special.expit(logit)
    return (random.uniform(size=count) < chance).astype(int), special.expit(flattery * logit).astype(np.float32), chance


@pytest.mark.parametrize("flattery", [1.0, 0.6, 1.3], ids=["honest", "modest", "flattering"])
def test_borders_keep_the_risk_in_repeated_draws(flattery):
    random, draws, broken, found = np.random.default_rng(0), 200, 0, 0
    _, score, chance = _draw(random, 200_000, flattery)
    for _ in range(draws):
        label, p_real, _ = _draw(random, 3000, flattery)
        rule = selective.fit(label, p_real, DEFAULT, RISK, CONFIDENCE)
        if rule is None:
            continue
        found += 1
        risks = [np.mean(chance[score <= rule.fake_up_to]), np.mean(1 - chance[score >= rule.real_at_least])]
        broken += max(risks) > RISK
    assert found > 0.4 * draws  # the more scores promise, the further down the trying begins, and may fail at once
    # By more than this many draws a risk that is kept with the stated confidence is broken once in 1,000 times.
    assert broken <= stats.binom.ppf(0.999, draws, 1 - CONFIDENCE)


def test_borders_are_of_use():
    label, p_real, _ = _draw(np.random.default_rng(0), 20_000)
    rule = selective.fit(label, p_real, DEFAULT, RISK, CONFIDENCE)
    given = ~rule.is_low(p_real)
    wrong = DEFAULT.is_real(p_real) != (label == 1)
    assert 0.8 * RISK < wrong[given].mean() < RISK < wrong.mean()
    assert given.mean() > 0.5


def test_the_rule_says_what_it_was_made_for():
    label, p_real, _ = _draw(np.random.default_rng(0), 2000)
    before = Rule(0.6, foreign_from=2.0, edges=(32, 32))
    rule = selective.fit(label, p_real, before, RISK, CONFIDENCE)
    assert (rule.risk, rule.risk_confidence, rule.real_from) == (RISK, CONFIDENCE, 0.6)
    assert rule.fake_up_to < rule.real_at_least
    assert rule.plain() == before.plain()
    assert (rule.foreign_from, rule.edges) == (2.0, (32, 32))


def _without_an_error(risk: float, delta: float) -> int:
    """Returns how many right verdicts, none wrong, show that a risk is kept."""
    count = 1
    while stats.binomtest(0, count).proportion_ci(1 - 2 * delta, method="exact").high > risk:
        count += 1
    return count


@pytest.mark.parametrize(("risk", "delta"), [(0.01, 0.025), (0.1, 0.05), (0.5, 0.025)])
def test_as_few_images_as_show_a_risk_give_a_border_and_one_less_gives_none(risk, delta):
    count = _without_an_error(risk, delta)
    confidence = np.linspace(0.999, 1, count)
    assert selective.border(confidence, np.zeros(count, bool), risk, delta) == confidence.min()
    assert selective.border(confidence[1:], np.zeros(count - 1, bool), risk, delta) is None


def test_the_bound_is_that_of_clopper_and_pearson():
    """The border is the last one before a bound, found by SciPy, is above the risk."""
    random = np.random.default_rng(3)
    confidence = np.sort(random.uniform(0.9, 1, 100))[::-1]
    wrong = random.uniform(size=100) < 0.1
    wrong[:30] = False
    delta, risk = 0.05, 0.15
    bounds = [
        stats.binomtest(int(wrong[:count].sum()), count).proportion_ci(1 - 2 * delta, method="exact").high
        for count in range(1, 101)
    ]
    first = max(19, int(np.searchsorted(np.cumsum(1 - confidence) / np.arange(1, 101), risk / 4)))  # log(.05)/log(.85)
    above = [count for count in range(first, 101) if bounds[count - 1] > risk]
    expected = None if above[:1] == [first] else confidence[(above[0] if above else 101) - 2]
    assert expected is not None
    assert selective.border(confidence, wrong, risk, delta) == expected


@pytest.mark.parametrize("wrong", [np.ones(500, bool), np.arange(500) % 2 == 0], ids=["all wrong", "half wrong"])
def test_scores_that_are_too_weak_give_no_border(wrong):
    assert selective.border(np.linspace(0.9, 1, 500), wrong, 0.05, 0.05) is None
    assert selective.border(np.ones(500), wrong, 0.05, 0.05) is None


def test_no_verdicts_at_all_give_no_border():
    assert selective.border(np.empty(0), np.empty(0, bool), 0.05, 0.05) is None


def test_all_verdicts_of_one_confidence_are_given_or_withheld_together():
    confidence = np.repeat([0.97, 0.9, 0.8], [200, 200, 200])
    wrong = np.zeros(600, bool)
    wrong[[399, 599]] = True  # the last of those of the same confidence, which a count that stops short misses
    assert selective.border(confidence, wrong, 0.1, 0.05) == 0.8
    wrong[200:400] = np.arange(200) >= 120
    for order in (np.arange(600), np.random.default_rng(0).permutation(600)):
        assert selective.border(confidence[order], wrong[order], 0.1, 0.05) == 0.97


def test_a_picture_on_the_border_gets_its_verdict_however_a_form_rounds():
    label, p_real, _ = _draw(np.random.default_rng(1), 3000)
    rule = selective.fit(label, p_real, DEFAULT, RISK, CONFIDENCE)
    fakes, reals = p_real[~DEFAULT.is_real(p_real)], p_real[DEFAULT.is_real(p_real)]
    nearest = [fakes[~rule.is_low(fakes)].max(), reals[~rule.is_low(reals)].min()]
    np.testing.assert_allclose(nearest, [rule.fake_up_to, rule.real_at_least], atol=2e-6)
    assert not rule.is_low(np.add(nearest, [5e-7, -5e-7])).any()


def test_each_class_keeps_the_risk_for_itself():
    """FAKE is right as often as it says, REAL too seldom: so REAL needs the higher confidence, and FAKE does not."""
    random = np.random.default_rng(0)
    p_real = random.uniform(0, 1, 20_000).astype(np.float32)
    sure = np.where(p_real < 0.5, p_real, 1 - (1 - p_real) * 1.9)
    label = (random.uniform(size=len(p_real)) < sure).astype(int)
    rule = selective.fit(label, p_real, DEFAULT, RISK, CONFIDENCE)
    assert 1 - rule.real_at_least < 0.7 * rule.fake_up_to
    for given, real in ((p_real <= rule.fake_up_to, 0), (p_real >= rule.real_at_least, 1)):
        assert np.mean(label[given] != real) <= RISK


def test_one_class_without_a_border_leaves_no_rule():
    label, p_real, _ = _draw(np.random.default_rng(0), 5000)
    label[p_real >= 0.5] = 0
    assert selective.fit(label, p_real, DEFAULT, RISK, CONFIDENCE) is None
    assert selective.fit(label[p_real < 0.5], p_real[p_real < 0.5], DEFAULT, RISK, CONFIDENCE) is None


LABEL = np.array([1, 0, 1, 0])
P_REAL = np.array([0.9, 0.2, 0.3, 0.4], np.float32)  # right, right, wrong, right; by confidence 0.9, 0.8, 0.7, 0.6


def test_the_curve_is_the_one_counted_by_hand():
    order = np.array([2, 3, 0, 1])
    coverage, risk = selective.curve(LABEL[order], P_REAL[order], DEFAULT)
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])


def test_what_withholding_costs_is_counted_by_hand():
    reasons = np.array(["", "LOW_CONFIDENCE", "", "FOREIGN"])
    found = Selective.of(LABEL, P_REAL, reasons, DEFAULT)
    assert (found.coverage, found.error, found.low_confidence, found.foreign) == (0.5, 0.5, 0.25, 0.25)
    assert found.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert found.coverage_at_risk == {"0.005": 0.5, "0.01": 0.5, "0.02": 0.5}
    assert Selective(**found.as_dict()) == found
    none = dataclasses.replace(found, coverage=0.0, error=0.0, low_confidence=1.0)
    assert str(none).startswith("No verdict on any image; UNSURE: LOW_CONFIDENCE 100.0%")
    assert str(found).startswith("A verdict on 50.0% of the images, 50.00% of them wrong; UNSURE: LOW_CONFIDENCE 25.0%")


def test_where_no_verdict_is_given_none_is_wrong():
    found = Selective.of(LABEL, P_REAL, np.full(4, "FOREIGN"), DEFAULT)
    assert (found.coverage, found.error, found.foreign) == (0, 0, 1)


def test_coverage_at_a_risk_is_0_where_the_most_confident_verdict_is_wrong():
    found = Selective.of(1 - LABEL, P_REAL, np.full(4, ""), DEFAULT)
    assert set(found.coverage_at_risk.values()) == {0.0}


def test_another_home_of_learn_then_test_confirms_the_borders():
    """MAPIE has the same test with the bound of Hoeffding and Bentkus, whose p-values are larger, up to e times."""
    label, p_real, _ = _draw(np.random.default_rng(0), 20_000)
    rule = selective.fit(label, p_real, DEFAULT, RISK, CONFIDENCE)
    sides = ((p_real, label == 1, rule.real_at_least), (1 - p_real, label == 0, 1 - rule.fake_up_to))
    for score, is_right, found in sides:
        for tried, holds in ((found, True), (found - 0.1, False)):
            controller = risk_control.BinaryClassificationController(
                lambda column: np.concatenate([1 - column, column], axis=1),
                risk="precision",
                target_level=1 - RISK,
                confidence_level=1 - np.e * (1 - CONFIDENCE) / 2,
                list_predict_params=np.array([tried]),
            )
            with warnings.catch_warnings(action="ignore"):  # about one border, which is all that is asked about
                controller.calibrate(score.astype(np.float64)[:, None], is_right.astype(int))
            assert (len(controller.valid_predict_params) == 1) == holds
