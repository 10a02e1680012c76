"""tuning.report: trials.csv has every trial, best.cfg is the best one for a whole run, report.html needs no network."""

import csv
import dataclasses
import re

import pytest

from aireal.settings import flagfile
from tuning import report


@pytest.fixture
def searched(folder, study, write_trial, write_oracle):
    """A search of five trials, the first its baseline, the second the best, the third failed; one was rejected."""
    for number, value in enumerate((0.6, 0.9, None, 0.7, 0.8)):
        write_trial(str(number), "FAILED" if value is None else "COMPLETED", value, learning_rate=10.0**-number)
        config = dataclasses.replace(study.config, learning_rate=1e-3, epochs=10, train_fraction=0.5)
        config = dataclasses.replace(config, schedule="cosine", warmup_epochs=1.0, batch_size=64 + number)
        folder.flagfile(str(number)).write_text(flagfile.dumps(config))
    folder.failure("2").write_text("the loss became nan")
    write_oracle(rejected=[{"values": {"batch_size": 9}, "reason": "9 macs of 5"}])
    return folder


def test_every_trial_and_rejected_candidate_has_a_row(searched, study):
    report.write(searched, study)
    with open(searched.path / "trials.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["status"]) for row in rows] == [
        ("0", "completed"),
        ("1", "completed"),
        ("2", "failed"),
        ("3", "completed"),
        ("4", "completed"),
        ("", "rejected"),
    ]
    assert [row["val_auc"] for row in rows] == ["0.6", "0.9", "", "0.7", "0.8", ""]
    assert (rows[2]["reason"], rows[5]["reason"]) == ("the loss became nan", "9 macs of 5")
    assert (rows[1]["batch_size"], rows[1]["learning_rate"]) == ("64", "0.1")


def test_the_best_trial_becomes_a_flagfile_of_a_whole_run(searched, study):
    report.write(searched, study)
    text = (searched.path / "best.cfg").read_text()
    assert text.startswith("# Trial 1 of search: val_auc 0.9000.\n")
    assert f"--workdir={searched.path / 'best'}\n" in text
    config = flagfile.load(searched.path / "best.cfg")
    assert (config.batch_size, config.learning_rate) == (65, 1e-3)
    assert (config.train_fraction, config.epochs) == (1.0, 30)
    assert config.warmup_epochs == pytest.approx(3.0)  # the same share of more epochs


def test_what_there_is_to_know_first_is_printed(searched, study, capsys):
    report.write(searched, study)
    printed = capsys.readouterr().out
    assert "Trial 1 is the best: val_auc 0.9000, +0.3000 to the baseline (trial 0)." in printed
    assert "It differs by learning_rate=0.1." in printed
    assert "4 trials completed, 1 failed, 1 candidates rejected." in printed
    assert "no more candidates were found" not in printed
    report.write(searched, dataclasses.replace(study, max_trials=9))
    assert "5 of 9 trials: no more candidates were found" in capsys.readouterr().out


def test_the_page_holds_its_figures_and_needs_no_network(searched, study):
    report.write(searched, study)
    page = (searched.path / "report.html").read_text()
    assert page.count("data:image/png") == 4
    assert "http" not in re.sub(r'src="[^"]*"', "", page)
    assert "the loss became nan" in page
    assert "What mattered" not in page  # of four trials nothing is learnt


def test_a_search_without_a_completed_trial_has_a_report_and_no_best(folder, study, write_trial, capsys):
    write_trial("0", "FAILED")
    report.write(folder, study)
    assert "No trial was completed." in capsys.readouterr().out
    assert "data:image/png" not in (folder.path / "report.html").read_text()
    assert not (folder.path / "best.cfg").exists()
