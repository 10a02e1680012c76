"""aireal.judging.evaluation: every image is counted once, and the figures follow from the scores that are kept."""

import collections
import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import evaluation, metrics, scoring
from aireal.runs.folder import RunFolder
from aireal.verdicts import scorers
from aireal.verdicts.contract import Contract


def predictions(folder):
    with open(folder / "predictions.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_test_image_is_counted_once(trained):
    _, folder = trained
    result = json.loads((folder / "result.json").read_text())
    assert sum(map(sum, result["test"]["confusion_matrix"])) == 400
    assert [result[split]["n"] for split in ("train", "validation", "test")] == [1600, 400, 400]
    assert len({row["filename"] for row in predictions(folder)}) == 400


def test_predictions_hold_the_scores_to_the_last_bit(trained):
    config, folder = trained
    data = Data(config)
    expected = scoring.score(scorers.load(folder / "model.keras"), data, "test")
    rows = predictions(folder)
    assert list(rows[0]) == ["filename", "label", "object", "copy_of", "group", "pair", "p_real", "verdict", "reason"]
    assert np.array_equal(np.array([row["p_real"] for row in rows], np.float32), expected.p_real)
    assert [row["filename"] for row in rows] == data.table("test").filename.tolist()
    assert all(row["filename"].startswith(row["label"]) for row in rows)


def test_the_result_follows_from_the_predictions(trained):
    _, folder = trained
    rows = predictions(folder)
    label = np.array([["FAKE", "REAL"].index(row["label"]) for row in rows])
    p_real = np.array([row["p_real"] for row in rows], np.float32)
    result = json.loads((folder / "result.json").read_text())["test"]
    assert metrics.Figures.of(label, p_real).as_dict().items() <= result.items()


def test_verdicts_that_are_withheld_are_in_the_report(withholding, tmp_path, capsys):
    config, folder = withholding
    rule = Contract.load(folder / "model.keras", 32).rule
    result = evaluation.evaluate(RunFolder(folder), Data(config), ["test"], RunFolder(tmp_path / "report"))["test"]
    rows = predictions(tmp_path / "report")
    for row in rows:
        assert row["verdict"] == rule.verdicts(float(row["p_real"]), row["reason"])
        assert rule.is_low(np.float32(row["p_real"])) == (row["reason"] == "LOW_CONFIDENCE")
    reasons = collections.Counter(row["reason"] for row in rows)
    selective = result["selective"]
    found = [selective[name] for name in ("coverage", "low_confidence", "foreign")]
    assert found == pytest.approx([reasons[name] / 400 for name in ("", "LOW_CONFIDENCE", "FOREIGN")])
    wrong = sum(row["verdict"] != row["label"] for row in rows if not row["reason"])
    assert selective["error"] == pytest.approx(wrong / reasons[""])
    assert min(reasons[name] for name in ("", "LOW_CONFIDENCE", "FOREIGN")) > 0
    assert f"A verdict on {selective['coverage']:.1%} of the images" in capsys.readouterr().out
    assert (tmp_path / "report/risk_coverage.png").exists()


def test_every_image_has_a_part_in_the_other_figures(trained, withholding, tmp_path):
    config, folder = withholding
    result = evaluation.evaluate(RunFolder(folder), Data(config), ["test"], RunFolder(tmp_path / "report"))["test"]
    before = json.loads((trained[1] / "result.json").read_text())["test"]
    assert before["selective"]["coverage"] == 1
    assert before["selective"]["error"] == pytest.approx(1 - before["accuracy"])
    assert before["selective"].pop("aurc") == pytest.approx(result["selective"].pop("aurc"), abs=1e-6)
    assert result["confusion_matrix"] == before["confusion_matrix"]
    assert result["roc_auc"] == pytest.approx(before["roc_auc"], abs=1e-6)


def test_pictures_of_other_sizes_than_those_learned_from_are_foreign(withholding, tmp_path):
    config, folder = withholding
    shutil.copytree(folder, tmp_path / "run")
    stated = json.loads((folder / "preprocessing.json").read_text())
    stated["rule"]["edges"] = [64, 64]
    (tmp_path / "run/preprocessing.json").write_text(json.dumps(stated))
    result = evaluation.evaluate(RunFolder(tmp_path / "run"), Data(config), ["test"])
    assert (result["test"]["selective"]["foreign"], result["test"]["selective"]["error"]) == (1, 0)
    assert {row["reason"] for row in predictions(tmp_path / "run")} == {"FOREIGN"}


def test_copies_of_training_images_are_left_out_of_the_second_figure(trained, monkeypatch, tmp_path):
    config, folder = trained
    data = Data(config)
    test = data.table("test")
    copied = np.where(np.arange(400) < 30, "train/FAKE/0000.jpg", "")
    copied[30] = "test/FAKE/0000.jpg"  # a copy within test stays
    monkeypatch.setattr(data, "table", lambda split: dataclasses.replace(test, copy_of=copied))
    result = evaluation.evaluate(RunFolder(folder), data, ["test"], RunFolder(tmp_path / "copies"))
    assert (result["test"]["n"], result["test_without_duplicates"]["n"]) == (400, 370)


def test_a_test_folder_that_is_all_copies_still_gets_its_report(trained, monkeypatch, tmp_path):
    config, folder = trained
    data = Data(config)
    test = data.table("test")
    copies = np.full(len(test), "train/FAKE/0000.jpg")
    monkeypatch.setattr(data, "table", lambda split: dataclasses.replace(test, copy_of=copies))
    result = evaluation.evaluate(RunFolder(folder), data, ["test"], RunFolder(tmp_path / "copies"))
    assert result["test"]["n"] == 400
    assert "test_without_duplicates" not in result


def test_a_split_without_images_is_named(trained):
    config, folder = trained
    data = Data(dataclasses.replace(config, validation_fraction=0.0))
    with pytest.raises(UserError, match="no validation images"):
        evaluation.evaluate(RunFolder(folder), data, ["validation"])
