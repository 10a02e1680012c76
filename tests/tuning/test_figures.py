"""tuning.figures: every figure is labelled and shows every trial."""

import dataclasses

import numpy as np
import pytest

from tuning import figures
from tuning.figures import pareto_front


def test_the_pareto_front_has_those_that_no_other_beats():
    cost, value = np.array([3, 1, 2, 2, 4, 5]), np.array([0.8, 0.5, 0.7, 0.6, 0.8, 0.9])
    assert pareto_front(cost, value).tolist() == [1, 2, 0, 5]


def _legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def _line(axes, label):
    (line,) = [line for line in axes.lines if line.get_label() == label]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_the_course_shows_every_trial_and_the_best_so_far(trials, study):
    trials[3], trials[4] = (dataclasses.replace(trials[at], metrics=trials[7 - at].metrics) for at in (3, 4))
    axes = figures.course(study, trials).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("trial", "val_auc")
    assert _legend(axes) == ["trials", "best so far", "baseline"]
    numbers, values = _line(axes, "trials")
    assert numbers.tolist() == list(range(12))
    _, best = _line(axes, "best so far")
    np.testing.assert_array_equal(best, np.maximum.accumulate(values))
    assert np.any(best != values)


def test_less_is_better_where_the_search_says_so(trials, study):
    study = dataclasses.replace(study, direction="min")
    _, best = _line(figures.course(study, trials).axes[0], "best so far")
    assert set(best) == {0.5}


def test_sizes_show_trials_of_all_epochs_and_the_front(trials, study):
    trials[5] = dataclasses.replace(trials[5], values={**trials[5].values, "tuner/epochs": 3})
    axes = figures.sizes(study, trials).axes[0]
    parameters, _ = _line(axes, "trials")
    assert len(parameters) == 11
    front, values = _line(axes, "Pareto front")
    assert front.tolist() == [8_000, 16_000, 32_000, 64_000]
    assert values.tolist() == pytest.approx([0.5 + 0.03 * number for number in (8, 9, 10, 11)])


def test_each_hyperparameter_that_varied_has_a_panel(trials, study):
    figure = figures.slices(study, trials)
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert list(panels) == ["filters", "learning_rate", "optimizer"]
    assert panels["learning_rate"].get_xscale() == "log"
    assert [label.get_text() for label in panels["optimizer"].get_xticklabels()] == ["adam", "lion"]
    for axes in panels.values():
        assert len(axes.lines[0].get_xdata()) == 12


def test_memory_is_that_of_workers_and_chief_in_mebibytes(trials):
    axes = figures.memory(trials).axes[0]
    assert _legend(axes) == ["worker", "chief"]
    assert _line(axes, "worker")[1].tolist() == [400 + number for number in range(12)]
    assert set(_line(axes, "chief")[1]) == {300}
