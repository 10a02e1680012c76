"""aireal.judging.card: what the files of a run tell, in the form that the Hugging Face Hub reads, and nothing else."""

import json
import re
import shutil

import pytest
import yaml
from huggingface_hub import ModelCard

from aireal.data.batches import Data
from aireal.judging import card, comparison, evaluation
from aireal.machine import package_folder
from aireal.runs import files
from aireal.runs.folder import RunFolder

# Identifiers that the Hub knows, of those that may ever fit: ModelCard.validate() would ask the network for them.
LICENSES = {"apache-2.0", "mit", "bsd-3-clause", "cc-by-4.0", "cc0-1.0", "other"}
LIBRARIES = {"keras", "keras-hub", "litert", "tf-keras"}
TASKS = {"image-classification", "zero-shot-image-classification", "image-feature-extraction"}
METRICS = {"accuracy", "roc_auc", "brier_score", "precision", "recall", "f1"}


@pytest.fixture
def run(trained, tmp_path):
    """A trained run of the test's own."""
    return RunFolder(shutil.copytree(trained[1], tmp_path / "run"))


@pytest.fixture
def shipped(tmp_path):
    """A run with an export of one form, that learned from CIFAKE and that no battery has judged."""
    weights = package_folder() / "aireal/trained/robust"
    without = shutil.ignore_patterns("robustness*.json")
    return RunFolder(shutil.copytree(weights, tmp_path / "robust", ignore=without))


def _head(text: str) -> dict:
    return yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)[1])


def test_a_training_leaves_a_card(trained):
    assert (trained[1] / "README.md").read_text() == card.text(RunFolder(trained[1]))


def test_cards_survive_the_hubs_own_reader(shipped):
    for path in card.write(shipped):
        text = path.read_text()
        read = ModelCard(text)
        assert str(read) == text
        assert read.data.to_dict() == _head(text)
        assert read.data.license in LICENSES
        assert read.data.library_name in LIBRARIES
        assert read.data.pipeline_tag in TASKS
        assert set(read.data.metrics or []) <= METRICS
        assert read.data.datasets == ["cifake"]


def test_the_head_has_the_figures_of_result_json(run):
    figures = run.result()["test"]
    data = ModelCard(card.text(run)).data
    assert (data.model_name, data.datasets) == ("run", None)
    found = {(result.metric_type, result.metric_name): result.metric_value for result in data.eval_results}
    expected = {(name, None): figures[name] for name in ("accuracy", "roc_auc", "brier_score")}
    for label in ("FAKE", "REAL"):
        expected |= {(name, f"{name}, {label}"): figures[label][name] for name in ("precision", "recall", "f1")}
    assert found == expected
    assert {(result.dataset_name, result.dataset_split) for result in data.eval_results} == {("demo", "test")}


def test_the_text_has_what_the_files_say(run):
    text, result = card.text(run), run.result()
    environment = json.loads((run.path / "env.json").read_text())
    for label in ("FAKE", "REAL"):
        row = result["test"][label]
        shares = " | ".join(f"{100 * row[name]:.2f} %" for name in ("precision", "recall", "f1"))
        assert f"| {label} | {shares} | {row['support']:,} |" in text
    assert "Calibration error (how far confidence is from accuracy, mean over 15 bins) on the test images: " in text
    assert f"{result['test']['expected_calibration_error']:.4f}" in text
    assert f"a temperature of {result['calibration']['temperature']:.4f}" in text
    assert f"```sh\n{environment['command']}\n```" in text
    assert f"tensorflow {environment['packages']['tensorflow']}" in text
    assert environment["processor"] in text
    assert "REAL from a p_real of 0.5 on" in text


def test_what_no_file_tells_is_left_out(run):
    (run.path / "result.json").unlink()
    (run.path / "env.json").unlink()
    text = card.text(run)
    assert "model-index" not in _head(text)
    assert "Nobody has judged it yet." in text
    assert "were not calibrated" in text
    assert "None" not in text.replace("None of this", "")
    for word in ("parameters", "Versions", "Hardware", "Accuracy", "standard error"):
        assert word not in text


def test_validation_stands_in_where_test_was_not_judged(run):
    result = run.result()
    (run.path / "result.json").write_text(json.dumps({"validation": result["validation"]}))
    text = card.text(run)
    assert _head(text)["model-index"][0]["results"][0]["dataset"]["split"] == "validation"
    assert "400 validation images" in text


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--source=demo", "pictures are toys"),
        ("--source=kaggle\n--builder_config=auto", "CIFAKE's pictures apart"),
        ("--source=/data/mine\n--builder_config=any", "pictures like those of mine:"),
    ],
)
def test_it_names_the_pictures_that_it_is_for(run, flag, words):
    with open(run.path / "flags.cfg", "a") as file:
        file.write(f"{flag}\n")
    text = card.text(run)
    assert words in text
    assert "/data" not in text


def test_evaluation_and_the_battery_write_it_anew(judged):
    run, config, result = judged
    place = run.path / "README.md"
    place.write_text("old")
    comparison.compare({"run": [run.model]}, {}, None)
    text = place.read_text()
    assert "### model.keras after compression" in text
    assert "Compressed, blurred and resized pictures" not in text
    for condition in result.conditions:
        figures = condition.figures
        recalls = " | ".join(f"{100 * figures.by_class[label].recall:.2f} %" for label in ("FAKE", "REAL"))
        assert f"| {condition.name} | {100 * figures.accuracy:.2f} % | {recalls} | " in text
    place.write_text("old")
    evaluation.evaluate(run, Data(config), ["test"])
    assert place.read_text() == text


@pytest.mark.parametrize("content", ['{"split": "test", "model": "another", "conditions": []}', "{", "[]"])
def test_what_the_battery_found_of_another_model_is_left_out(run, content):
    (run.path / "robustness.json").write_text(content)
    assert "after compression" not in card.text(run)
    assert "They were not judged." in card.text(run)


def test_an_export_has_what_the_battery_found_of_its_files(shipped, judged):
    found = judged[2].as_dict()
    model = files.digest(shipped.export / "model_int8.tflite")
    (shipped.path / "robustness-export-model_int8.tflite.json").write_text(json.dumps({**found, "model": model}))
    assert "### model_int8.tflite after compression" in card.text(shipped, shipped.export)
    assert "after compression" not in card.text(shipped)


def test_verdicts_that_the_battery_counted_by_another_rule_are_left_out(judged, tmp_path):
    run, _, result = judged
    copy = RunFolder(shutil.copytree(run.path, tmp_path / "copy"))
    borders = {"fake_up_to": 0.1, "real_at_least": 0.9, "risk": 0.05, "risk_confidence": 0.9}
    rule = {**result.basis.rule, **borders, "edges": [32, 32]}
    contract = json.loads(copy.preprocessing.read_text())
    copy.preprocessing.write_text(json.dumps({**contract, "rule": rule}))
    assert "model.keras after compression" in card.text(copy)
    assert "model.keras, verdicts given" not in card.text(copy)
    (found,) = copy.path.glob("robustness*.json")
    found.write_text(json.dumps({**json.loads(found.read_text()), "rule": rule}))
    assert "model.keras, verdicts given" in card.text(copy)


def test_an_export_of_an_earlier_rule_has_no_figures_of_the_new_one(shipped):
    words = "it gives a verdict on"
    assert words in card.text(shipped, shipped.export)
    contract = json.loads(shipped.preprocessing.read_text())
    shipped.preprocessing.write_text(json.dumps({**contract, "rule": {**contract["rule"], "risk": 0.02}}))
    assert words not in card.text(shipped, shipped.export)
    assert words in card.text(shipped)


def test_scores_that_were_not_calibrated_are_not_called_so(run):
    fitted = run.result()["calibration"]
    run.update_result(calibration={**fitted, "temperature": 1.0, "bias": 0.0})
    assert f"were not calibrated: nothing was found by {fitted['n']} validation images." in card.text(run)
    assert "a temperature of" not in card.text(run)


def test_a_folder_that_is_no_export_is_left_alone(run):
    (run.path / "export").mkdir()
    assert card.write(run) == [run.path / "README.md"]
