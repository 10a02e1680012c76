"""Who proposes trials: the first one, the same ones, after an interruption too, and none beyond the budget."""

import json

import keras_tuner
import pytest

from aireal.settings.config import Config
from tuning.space import Space

TUNERS = ("random", "bayesian", "grid", "hyperband")


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_first_trial_is_the_defaults(make, run, tuner, tmp_path):
    (values,) = run(make(tuner, tmp_path), 1)
    own = {name: value for name, value in values.items() if not name.startswith("tuner/")}
    hp = keras_tuner.HyperParameters()
    Space(Config(), ["regularization", "optimizer"]).config(hp)
    assert own == hp.values


@pytest.mark.parametrize("tuner", TUNERS)
def test_the_same_seed_gives_the_same_trials_after_an_interruption_too(make, run, tuner, tmp_path):
    whole = run(make(tuner, tmp_path / "whole"), 10)
    assert len(whole) == 10
    assert len({json.dumps(values, sort_keys=True) for values in whole}) == 10
    parts = []
    for count in (4, 1, 5):
        parts += run(make(tuner, tmp_path / "parts"), count)
    assert parts == whole


@pytest.mark.parametrize("tuner", TUNERS)
def test_an_interrupted_trial_is_repeated_once(make, run, tuner, tmp_path):
    oracle = make(tuner, tmp_path)
    run(oracle, 2)
    interrupted = oracle.create_trial("worker")
    oracle = make(tuner, tmp_path)
    again = oracle.create_trial("worker")
    assert (again.trial_id, again.hyperparameters.values) == (interrupted.trial_id, interrupted.hyperparameters.values)
    oracle.update_trial(again.trial_id, {"val_auc": 0.5})
    again.status = "COMPLETED"
    oracle.end_trial(again)
    assert again.trial_id not in make(tuner, tmp_path)._retry_queue
    assert len(run(make(tuner, tmp_path), 20)) == 7
    assert run(make(tuner, tmp_path), 1) == []


@pytest.mark.parametrize("tuner", TUNERS)
def test_more_trials_may_be_added(make, run, tuner, tmp_path):
    assert len(run(make(tuner, tmp_path, trials=3), 9)) == 3
    assert len(run(make(tuner, tmp_path, trials=12), 20)) == 9


@pytest.mark.parametrize("tuner", TUNERS)
def test_candidates_beyond_the_budget_use_up_no_trial(make, run, tuner, tmp_path):
    oracle = make(tuner, tmp_path, complaint=lambda values: "flipped" if values["augment_flip"] else None)
    found = run(oracle, 20)
    assert len(found) == 10
    assert not any(values["augment_flip"] for values in found)
    if tuner != "grid":  # whose first ten are all of one kind
        assert oracle.rejected
    assert make(tuner, tmp_path).rejected == oracle.rejected
    assert all(one["reason"] == "flipped" and one["values"]["augment_flip"] for one in oracle.rejected)


def test_a_budget_that_the_defaults_break_is_kept(make, run, tmp_path):
    oracle = make("random", tmp_path, complaint=lambda values: None if values["batch_size"] == 256 else "too small")
    assert {values["batch_size"] for values in run(oracle, 5)} == {256}


class KilledError(Exception):
    """Stands for SIGKILL at the place where it is raised."""


def killed_at_save(oracle, after: int):
    """Makes the oracle's process end, as it were, when it has saved itself `after` more times."""
    save, left = oracle.save, iter(range(after))

    def save_or_die():
        if next(left, None) is None:
            raise KilledError
        save()

    oracle.save = save_or_die


@pytest.mark.parametrize("name", ["plain", "folder [1] of*"])
@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("tuner", TUNERS)
def test_a_chief_killed_between_its_files_loses_and_repeats_nothing(make, run, tuner, after, name, tmp_path):
    folder = tmp_path / name
    whole = run(make(tuner, tmp_path / "whole", trials=6), 10)
    oracle = make(tuner, folder, trials=6)
    done = run(oracle, 2)
    killed_at_save(oracle, after)
    with pytest.raises(KilledError):
        run(oracle, 3)
    # A trial is saved when it begins and twice when it ends; its figures are safe before the first of these two.
    known = 2 + (after + 2) // 3
    again = run(make(tuner, folder, trials=6), 10)
    assert len(again) == 6 - known
    assert done + whole[2:known] + again == whole
    states = [json.loads(path.read_text()) for path in (folder / "trials").glob("trial_*/trial.json")]
    assert [state["status"] for state in states] == ["COMPLETED"] * 6


def test_a_budget_that_nothing_meets_ends_the_search_and_is_told(make, run, tmp_path):
    oracle = make("random", tmp_path, complaint=lambda values: "too large")
    assert run(oracle, 5) == []
    assert len(oracle.rejected) > 100
    again = make("random", tmp_path, complaint=lambda values: "too large")
    assert again.rejected == oracle.rejected
    assert not again.has_baseline


def test_hyperband_gives_the_best_more_epochs(make, run, tmp_path):
    baseline, *found = run(make("hyperband", tmp_path, trials=20), 20)
    assert baseline["tuner/epochs"] == 9
    assert "tuner/bracket" not in baseline
    assert {values["tuner/epochs"] for values in found} == {1, 3, 9}
    promoted = [values for values in found if "tuner/trial_id" in values]
    assert promoted
    for values in promoted:
        assert values["tuner/epochs"] > 1


def test_a_failed_trial_ends_no_search(make, run, tmp_path):
    oracle = make("random", tmp_path)
    for _ in range(5):
        trial = oracle.create_trial("worker")
        trial.status = "FAILED"
        oracle.end_trial(trial)
    assert len(run(oracle, 9)) == 5


def test_what_two_workers_ran_to_its_end_counts_once(make, tmp_path):
    """The chief was killed while a worker of another machine was at it, and gave it to one more."""
    trial = make("random", tmp_path).create_trial("theirs")
    oracle = make("random", tmp_path)
    again = oracle.create_trial("ours")
    assert again.trial_id == trial.trial_id
    oracle.update_trial(trial.trial_id, {"val_auc": 0.9})
    trial.status, again.status = "COMPLETED", "FAILED"
    oracle.end_trial(trial)
    oracle.end_trial(again)
    assert oracle.end_order == [trial.trial_id]
    assert make("random", tmp_path).trials[trial.trial_id].status == "COMPLETED"
