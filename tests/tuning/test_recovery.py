"""A search of which some files are lost goes on: no other trial is forgotten, repeated or changed."""

import json
import shutil

import pytest

TUNERS = ("random", "bayesian", "grid", "hyperband")


def lose(folder, *names: str) -> None:
    for name in names:
        path = folder / "trials" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def numbers(folder) -> list[str]:
    return sorted(path.parent.name for path in (folder / "trials").glob("trial_*/trial.json"))


def assert_sound(oracle, folder, count: int) -> None:
    """Makes sure that what an oracle knows of its trials is what their files say."""
    assert list(oracle.trials) == oracle.start_order == sorted(oracle.end_order) == [str(one) for one in range(count)]
    assert numbers(folder) == [f"trial_{one}" for one in range(count)]
    assert oracle.ongoing_trials == {}
    assert oracle._retry_queue == []
    for trial_id, trial in oracle.trials.items():
        assert trial.status == "COMPLETED"
        assert oracle._id_to_hash[trial_id] == oracle._compute_values_hash(trial.hyperparameters.values)
    assert set(oracle._id_to_hash.values()) <= oracle._tried_so_far
    assert len(set(oracle._id_to_hash.values())) == count


@pytest.mark.parametrize("lost", ["trial_0", "trial_3", "trial_5", "oracle.json"])
@pytest.mark.parametrize("tuner", TUNERS)
def test_what_is_lost_is_made_again_and_the_rest_is_kept(make, run, tuner, lost, tmp_path):
    run(make(tuner, tmp_path, trials=6), 10)
    before = {path: path.read_bytes() for path in tmp_path.glob("trials/trial_*/trial.json")}
    lose(tmp_path, lost)
    again = run(make(tuner, tmp_path, trials=6), 10)
    assert len(again) == (lost != "oracle.json")
    kept = {path: data for path, data in before.items() if path.parent.name != lost}
    assert all(path.read_bytes() == data for path, data in kept.items())
    assert make(tuner, tmp_path, trials=6).has_baseline
    assert len(run(make(tuner, tmp_path, trials=9), 10)) == 3
    assert_sound(make(tuner, tmp_path, trials=9), tmp_path, 9)


def test_a_grid_goes_through_the_combination_that_was_lost(make, run, tmp_path):
    whole = run(make("grid", tmp_path), 6)
    lose(tmp_path, "trial_04", "oracle.json")
    assert run(make("grid", tmp_path), 1) == [whole[4]]


@pytest.mark.parametrize("tuner", TUNERS)
def test_an_interrupted_trial_is_known_without_the_oracles_file(make, run, tuner, tmp_path):
    oracle = make(tuner, tmp_path)
    run(oracle, 4)
    interrupted = oracle.create_trial("worker")
    lose(tmp_path, "oracle.json", "trial_01")
    oracle = make(tuner, tmp_path)
    assert {oracle.create_trial(name).trial_id for name in ("one", "two")} == {"01", interrupted.trial_id}
    assert oracle.create_trial("three").trial_id == "05"


def test_brackets_are_known_without_the_oracles_file(make, run, tmp_path):
    """The trials that hyperband would promote next are the same ones."""
    whole = make("hyperband", tmp_path, trials=40)
    run(whole, 25)
    lose(tmp_path, "oracle.json")
    again = make("hyperband", tmp_path, trials=40)
    whole._remove_completed_brackets()
    again._remove_completed_brackets()
    assert again._brackets == whole._brackets
    assert again._current_bracket == whole._current_bracket


def test_rejected_candidates_are_remembered_without_a_trial(make, run, tmp_path):
    def complaint(values):
        return "flipped" if values["augment_flip"] else None

    oracle = make("random", tmp_path, complaint=complaint)
    run(oracle, 10)
    lose(tmp_path, "trial_03")
    again = make("random", tmp_path, complaint=complaint)
    assert again.rejected[: len(oracle.rejected)] == oracle.rejected
    assert len(run(again, 10)) == 1


def test_where_nothing_can_take_the_place_of_a_lost_trial_it_has_failed(make, run, tmp_path):
    run(make("random", tmp_path, trials=3), 3)
    lose(tmp_path, "trial_1")
    oracle = make("random", tmp_path, trials=3, complaint=lambda values: "too large")
    assert run(oracle, 3) == []
    assert [trial.status for trial in oracle.trials.values()] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "no other candidate" in json.loads((tmp_path / "trials/trial_1/trial.json").read_text())["message"]


def test_an_older_oracles_file_costs_no_trial(make, run, tmp_path):
    """As where it was taken from a copy of the search."""
    run(make("random", tmp_path), 2)
    older = (tmp_path / "trials/oracle.json").read_bytes()
    run(make("random", tmp_path), 3)
    (tmp_path / "trials/oracle.json").write_bytes(older)
    oracle = make("random", tmp_path)
    assert list(oracle.trials) == ["00", "01", "02", "03", "04"]
    assert len(run(oracle, 20)) == 5
