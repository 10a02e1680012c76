"""tuning.live: what a person sees of trials that end, on a terminal and elsewhere."""

import pytest

from tuning.live import Live, differences


@pytest.mark.parametrize("on_a_terminal", [False, True])
def test_a_failure_is_shown_as_it_was_written(folder, monkeypatch, capsys, on_a_terminal, study, write_trial):
    if on_a_terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "200")
    with Live(folder, study):
        write_trial("0", "COMPLETED", 0.75)
        write_trial("1", "FAILED")
        folder.failure("1").write_text("OOM at [[gradient_tape/conv/_40]] on [/job:localhost]")
    shown = capsys.readouterr().out
    assert "OOM at [[gradient_tape/conv/_40]] on [/job:localhost]" in shown
    assert "2 of 5 trials, 1 failed" in shown
    assert "0.7500" in shown


def test_differences_are_told_in_short_without_the_tuners_own():
    first = {"filters": 8, "learning_rate": 1e-3, "optimizer": "adam"}
    values = {"filters": 8, "learning_rate": 0.00123456, "optimizer": "lion", "tuner/epochs": 3, "momentum": 0.9}
    assert differences(first, values) == "learning_rate=0.00123 optimizer=lion momentum=0.9"
    assert differences(first, first) == ""


def test_trials_that_had_ended_before_are_not_shown_again(folder, capsys, study, write_trial):
    write_trial("0", "COMPLETED", 0.75)
    with Live(folder, study):
        write_trial("1", "COMPLETED", 0.5)
        write_trial("2", "RUNNING")
    shown = capsys.readouterr().out
    assert "trial 1 completed: val_auc 0.5000" in shown
    assert "trial 0 " not in shown.replace("(trial 0)", "")
    assert "trial 2 " not in shown
    assert "2 of 5 trials, 0 failed, 0 rejected, best 0.7500 (trial 0), about 0 min left" in shown
