"""exports.package: a run is shipped whole, explained and with its golden test, or not at all; the battery takes it."""

import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from aireal.errors import UserError
from aireal.judging import battery, card
from aireal.runs.folder import RunFolder, model_file, run_of
from aireal.verdicts.contract import Contract
from aireal.verdicts.predictor import Predictor
from aireal.verdicts.verdict import DEFAULT, VERDICTS
from exports import metadata, package, verify

PICTURES = pathlib.Path(__file__).parents[1] / "aireal" / "pictures"


def test_the_golden_images_give_their_scores(exported):
    rows = json.loads((exported / "golden/scores.json").read_text())
    assert len(rows) == 32
    assert sorted(row["label"] for row in rows) == ["FAKE"] * 16 + ["REAL"] * 16
    raw = [np.frombuffer((exported / f"golden/{row['image']}.rgb").read_bytes(), np.uint8) for row in rows]
    images = np.stack(raw).reshape(32, 32, 32, 3)
    for row, image in zip(rows, images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(exported / f"golden/{row['image']}.png")), image)
    for name, file in verify.FORMS.items():
        predictions = Predictor(exported / file).predict(images)
        np.testing.assert_allclose(
            [one.p_real for one in predictions], [row["p_real"][name] for row in rows], atol=1e-6
        )
        assert [one.verdict for one in predictions] == [row["verdict"][name] for row in rows]


def test_the_folder_explains_itself(exported):
    text = (exported / "README.md").read_text()
    proof = json.loads((exported / "verify.json").read_text())
    for name, file in verify.FORMS.items():
        size = sum(one.stat().st_size for one in [exported / file, *(exported / file).rglob("*")] if one.is_file())
        assert f"| {file} | {size:,} | {100 * proof[name]['accuracy']:.2f} % |" in text
    assert "`model_camera.tflite` takes 256x256 pixels instead" in text
    assert "`golden/` holds 32 test images" in text
    assert (exported / "labels.txt").read_text() == metadata.labels_text(DEFAULT)


def test_another_rule_moves_every_verdict_that_is_given(run, trained, run_python):
    stated = json.loads((run / "preprocessing.json").read_text())
    (run / "preprocessing.json").write_text(json.dumps({**stated, "rule": {"real_from": 1.0}}))
    package.export(RunFolder(run), trained[0])
    assert json.loads((run / "export/preprocessing.json").read_text())["rule"] == {"real_from": 1.0}
    assert "REAL from a p_real of 1 on" in (run / "export/README.md").read_text()
    rows = json.loads((run / "export/golden/scores.json").read_text())
    assert {verdict for row in rows for verdict in row["verdict"].values()} == {"FAKE"}
    assert json.loads((run / "export/verify.json").read_text())["keras"]["accuracy"] == 0.5
    names = [PICTURES / name for name in ("32x32.jpg", "640x480.jpg")]
    for form in ("", "export/model_int8.tflite", "export/saved_model"):
        assert [one.verdict for one in Predictor(run / form).predict(names)] == ["FAKE", "FAKE"]
    served = tf.saved_model.load(str(run / "export/saved_model")).signatures["serving_bytes"]
    answer = served(image_bytes=tf.constant([path.read_bytes() for path in names]))
    assert answer["label"].numpy().tolist() == [b"FAKE", b"FAKE"]
    done = run_python("-m", "aireal.evaluate", f"--run={run}", f"--prepared_dir={trained[0].prepared_dir}")
    assert "REAL from a p_real of 1 on" in done.stdout, done.stderr
    assert json.loads((run / "result.json").read_text())["test"]["confusion_matrix"] == [[200, 0], [200, 0]]


@pytest.mark.parametrize("name", ["saved_model", "model_int8.tflite"])
def test_the_robustness_battery_takes_what_is_exported(exported_run, name):
    run = RunFolder(exported_run)
    model = model_file(exported_run / "export" / name)
    assert run_of(model).path == run.path
    result, place = battery.judge(model, run, run.config())
    assert place.name == f"robustness-export-{name}.json"
    assert result.conditions[0].figures.accuracy == pytest.approx(run.result()["test"]["accuracy"], abs=0.02)


def test_the_robustness_battery_refuses_the_camera_form(exported_run):
    run = RunFolder(exported_run)
    with pytest.raises(UserError, match="takes pictures of 256 pixels, the run's have 32"):
        battery.judge(exported_run / "export/model_camera.tflite", run, run.config())


def test_forms_beyond_their_limits_leave_the_old_export_and_all_are_shown(
    run, trained, monkeypatch, capsys, is_as_it_was
):
    for name in ("float16", "float32"):
        monkeypatch.setitem(verify.LARGEST_DIFFERENCE, name, -1.0)
    with pytest.raises(UserError, match=r"^float32 is not .* float16 is not .* nothing is exported"):
        package.export(RunFolder(run), trained[0])
    assert is_as_it_was(run)
    assert "\nint8 " in capsys.readouterr().out


def test_a_camera_no_larger_than_the_model_is_refused(run, trained):
    with pytest.raises(UserError, match="more than the model's own 32"):
        package.export(RunFolder(run), trained[0], camera_size=32)


def test_without_test_pictures_a_run_is_not_exported(run, trained, tmp_path, is_as_it_was):
    for label in ("FAKE", "REAL"):
        (tmp_path / "two" / label).mkdir(parents=True)
        for number in range(2):
            shutil.copy(PICTURES / "32x32.jpg", tmp_path / f"two/{label}/{number}.jpg")
    other = {"source": str(tmp_path / "two"), "prepared_dir": str(tmp_path / "prepared"), "builder_config": "auto"}
    with pytest.raises(UserError, match="There are no test images"):
        package.export(RunFolder(run), dataclasses.replace(trained[0], **other))
    assert is_as_it_was(run)


def test_without_its_data_a_run_is_not_exported(run, trained, tmp_path, is_as_it_was):
    config = dataclasses.replace(trained[0], source=str(tmp_path / "gone"), prepared_dir=str(tmp_path / "none"))
    with pytest.raises(UserError, match="gone"):
        package.export(RunFolder(run), config)
    assert is_as_it_was(run)


def test_a_network_that_reads_windows_is_shipped_and_judges_pictures(exported_windows):
    config, folder = exported_windows
    assert Contract.load(folder.model, 16).rule.foreign_from is not None
    text = (folder.export / "README.md").read_text()
    assert "**The files for 16x16 pixels judge a window, not a picture.** Cut 3 windows of 16x16 pixels" in text
    assert "`model_camera.tflite` takes 40x40 pixels instead and cuts the windows itself." in text
    assert "Of 24 pictures of 40x40, cut out of test pictures, it gave another verdict than the trainer for 0" in text
    assert "unlike its training pictures (only `model_camera.tflite` and `serving_bytes` tell it)" in text
    assert (folder.export / "labels.txt").read_text().split() == list(VERDICTS)
    assert "unlike its training pictures" in card.text(folder)
    contract = json.loads((folder.export / "preprocessing.json").read_text())
    assert (contract["windows"], contract["image_size"], "windows of 16x16" in contract["resampling"]) == (3, 16, True)
    pictures = sorted(pathlib.Path(config.source).rglob("*.png"))
    expected = Predictor(folder.model).predict(pictures)
    assert {(one.verdict, one.reason) for one in expected} >= {("UNSURE", "FOREIGN"), ("FAKE", None), ("REAL", None)}
    p_real = [one.p_real for one in expected]
    for name in ("model_float32.tflite", "saved_model"):
        found = Predictor(folder.export / name).predict(pictures)
        np.testing.assert_allclose([one.p_real for one in found], p_real, atol=1e-4)
        for one, other in zip(found, expected, strict=True):
            assert one.verdict == other.verdict or other.reason == "FOREIGN"
    of_files = tf.saved_model.load(str(folder.export / "saved_model")).signatures["serving_bytes"](
        image_bytes=tf.constant([one.read_bytes() for one in pictures])
    )
    np.testing.assert_allclose(of_files["probabilities"][:, 1], p_real, atol=1e-4)
    assert [label.decode() for label in of_files["label"].numpy()] == [one.verdict for one in expected]


def test_the_camera_form_of_a_network_that_reads_windows_says_what_predict_does(exported_windows):
    config, folder = exported_windows
    squares = [np.asarray(Image.open(one))[:40, :40] for one in sorted(pathlib.Path(config.source).rglob("*.png"))]
    camera = Predictor(folder.export / "model_camera.tflite")
    expected, found = Predictor(folder.model).predict(squares), camera.predict(squares)
    np.testing.assert_allclose([one.p_real for one in found], [one.p_real for one in expected], atol=1e-5)
    assert [one.verdict for one in found] == [one.verdict for one in expected]
    assert {one.verdict for one in found} == {"FAKE", "REAL", "UNSURE"}
    proof = json.loads((folder.export / "verify.json").read_text())["camera"]
    assert (proof["n"], proof["taken"]) == (24, "40x40, cut out of test pictures")
    assert proof["camera"]["max_difference"] < 1e-5
    stated = json.loads((folder.export / "preprocessing.json").read_text())["forms"]["camera"]
    assert (stated["input_size"], "the middle 40x40 pixels" in stated["resampling"]) == (40, True)
    golden = json.loads((folder.export / "golden/camera/scores.json").read_text())
    raw = [(folder.export / f"golden/camera/{one['image']}.rgb").read_bytes() for one in golden]
    again = camera.predict([np.frombuffer(one, np.uint8).reshape(40, 40, 3) for one in raw])
    assert [(one.p_real, one.verdict) for one in again] == [(one["p_real"], one["verdict"]) for one in golden]
    assert len(golden) == 4
