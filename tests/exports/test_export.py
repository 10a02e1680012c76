"""exports: every form is the model that was trained, says so in its metadata, and nothing is left half-written."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from aireal import machine
from aireal.data.batches import Data
from aireal.errors import UserError
from aireal.judging import battery
from aireal.network import models
from aireal.pixels import preprocess
from aireal.runs import files
from aireal.runs.folder import RunFolder, model_file, run_of
from aireal.settings.config import Config
from aireal.verdicts import scorers
from aireal.verdicts.predictor import Predictor
from exports import artifacts, flatbuffer, metadata, package, verify

PICTURES = pathlib.Path(__file__).parents[1] / "aireal" / "pictures"
TFLITE = ("float32", "float16", "dynamic", "int8", "camera")


@pytest.fixture(scope="module")
def data(trained):
    return Data(trained[0])


@pytest.fixture(scope="module")
def pixels(data):
    return data.images("test", np.arange(200))


@pytest.fixture(scope="module")
def verified(exported):
    return json.loads((exported / "verify.json").read_text())


def _model(exported, variant):
    return flatbuffer.read((exported / artifacts.tflite_name(variant)).read_bytes())


def _interpreter(exported, variant):
    interpreter = Interpreter(str(exported / artifacts.tflite_name(variant)))
    interpreter.allocate_tensors()
    return interpreter


@pytest.mark.parametrize("variant", TFLITE)
def test_every_tflite_file_has_the_one_signature(exported, variant):
    interpreter = _interpreter(exported, variant)
    (image,), (scores,) = interpreter.get_input_details(), interpreter.get_output_details()
    edge = 256 if variant == "camera" else 32
    assert (image["shape"].tolist(), image["dtype"]) == ([1, edge, edge, 3], np.uint8)
    assert (scores["shape"].tolist(), scores["dtype"]) == ([1, 2], np.float32)
    runner = interpreter.get_signature_runner()
    assert (list(runner.get_input_details()), list(runner.get_output_details())) == (["image"], ["probabilities"])


@pytest.mark.parametrize("variant", TFLITE)
def test_only_operators_that_phones_have_and_no_variables(exported, variant):
    assert not flatbuffer.unfit(_model(exported, variant))


def test_int8_takes_grey_levels_as_they_are(exported):
    (image,) = _interpreter(exported, "int8").get_input_details()
    scale, zero_point = image["quantization"]
    assert zero_point == 0
    assert scale == pytest.approx(1 / 255, rel=1e-6)


@pytest.mark.parametrize("variant", ["float32", "float16", "int8"])
def test_weights_stay_aligned_when_metadata_is_added(exported, variant):
    file = (exported / artifacts.tflite_name(variant)).read_bytes()
    model = flatbuffer.schema.Model.GetRootAsModel(file, 0)
    for index in range(model.BuffersLength()):
        buffer = model.Buffers(index)
        if buffer.DataLength():
            vector = buffer._tab.Vector(buffer._tab.Offset(4))
            assert vector % 16 == 0


def test_the_saved_model_takes_any_batch(exported, trained, pixels):
    expected = scorers.load(trained[1] / "model.keras")(pixels)
    saved = scorers.load(exported / "saved_model")
    for count in (1, 7, 200):
        np.testing.assert_allclose(saved(pixels[:count]), expected[:count], atol=1e-5)


def test_the_saved_model_reads_files(exported, trained):
    loaded = tf.saved_model.load(str(exported / "saved_model"))
    names = ["baseline.jpg", "progressive.jpg", "alpha.png", "grey.png", "palette.png", "1x1.png", "640x480.jpg"]
    answer = loaded.signatures["serving_bytes"](
        image_bytes=tf.constant([(PICTURES / name).read_bytes() for name in names])
    )
    expected = Predictor(trained[1]).predict([PICTURES / name for name in names])
    np.testing.assert_allclose(answer["probabilities"][:, 1], [one.p_real for one in expected], atol=2e-3)
    np.testing.assert_allclose(tf.reduce_sum(answer["probabilities"], axis=1), 1, atol=1e-6)
    assert [label.decode() for label in answer["label"].numpy()] == [one.verdict for one in expected]


def test_every_form_has_its_contract_beside_it(exported, trained):
    stated = json.loads((exported / "preprocessing.json").read_text())
    assert stated["rule"] == {"real_from": 0.5}
    run = Predictor(trained[1]).contract
    for name in verify.FORMS.values():
        assert Predictor(exported / name).contract == dataclasses.replace(run, normalised_inside=True)
    camera = Predictor(exported / "model_camera.tflite").contract
    assert camera == dataclasses.replace(run, normalised_inside=True, input_size=256)


def test_another_rule_moves_every_verdict_that_is_given(run, trained, run_python):
    stated = json.loads((run / "preprocessing.json").read_text())
    (run / "preprocessing.json").write_text(json.dumps({**stated, "rule": {"real_from": 1.0}}))
    _export(run, trained[0])
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


@pytest.mark.parametrize(
    ("file", "tolerance"), [("saved_model", 1e-5), ("model_float32.tflite", 1e-4), ("model_float16.tflite", 1e-3)]
)
def test_predict_takes_what_was_exported(exported, trained, file, tolerance):
    names = [PICTURES / name for name in ("32x32.jpg", "turned.jpg", "640x480.jpg")]
    expected = [one.p_real for one in Predictor(trained[1]).predict(names)]
    found = [one.p_real for one in Predictor(exported / file).predict(names)]
    np.testing.assert_allclose(found, expected, atol=tolerance)


def test_predict_runs_a_tflite_file_from_the_command_line(run_python, exported):
    done = run_python(
        "-m", "aireal.predict", f"--run={exported}/model_int8.tflite", PICTURES / "32x32.jpg", "--format=csv"
    )
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 2
    done = run_python(
        "-m", "aireal.predict", f"--run={exported}/model_int8.tflite", PICTURES / "32x32.jpg", "--explain=x"
    )
    assert done.returncode == 2
    assert "--explain needs gradients" in done.stderr
    assert not done.stdout


def test_the_proof_covers_every_form(verified):
    assert verified["n"] == 400
    for name in verify.FORMS:
        row = verified[name]
        assert {"accuracy", "roc_auc", "max_difference", "mean_difference", "flips", "seconds"} <= row.keys()
        assert row["max_difference"] <= verify.LARGEST_DIFFERENCE.get(name, 1)
    assert len(verified["flips_between"]) == 10
    assert verified["camera"]["camera"]["flips"] <= 0.02 * verified["camera"]["n"]


def test_the_proof_is_what_the_files_say(exported, verified, data):
    label = data.table("test").label
    scores = scorers.load(exported / "model_int8.tflite")(data.images("test", np.arange(400)))
    assert np.mean((scores >= 0.5) == label) == pytest.approx(verified["int8"]["accuracy"])


def test_the_camera_form_reduces_as_predict_does(exported, trained):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, [1, 256, 256, 3], np.uint8)
    expected = scorers.load(trained[1] / "model.keras")(preprocess.resize(tf.constant(noise), 32).numpy())
    np.testing.assert_allclose(scorers.load(exported / "model_camera.tflite")(noise), expected, atol=1e-3)


def test_mediapipe_classifies_as_we_do(exported, pixels):
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    # Two builds of the same 8-bit kernels may round one step apart.
    for variant, tolerance in (("float32", 1e-6), ("int8", 1.01 / 256)):
        path = exported / artifacts.tflite_name(variant)
        options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(path)))
        with vision.ImageClassifier.create_from_options(options) as classifier:
            found = []
            for one in pixels:
                image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(one))
                categories = classifier.classify(image).classifications[0].categories
                found.append({category.category_name: category.score for category in categories})
        assert {frozenset(one) for one in found} == {frozenset({"FAKE", "REAL"})}
        np.testing.assert_allclose([one["REAL"] for one in found], scorers.load(path)(pixels), atol=tolerance)


def test_the_metadata_says_what_the_file_is(exported):
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema

    file = (exported / "model_float16.tflite").read_bytes()
    model = flatbuffer.read(file)
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    found = schema.ModelMetadataT.InitFromPackedBuf(bytes(model.buffers[entry.buffer].data))
    graph = found.subgraphMetadata[0]
    assert (found.name, found.license) == (b"aireal", b"Apache-2.0")
    assert found.version == machine.version("aireal").encode()
    assert b"antialiased" in graph.inputTensorMetadata[0].description
    assert graph.inputTensorMetadata[0].content.contentProperties.defaultSize.width == 32
    assert b"p_fake and p_real" in graph.outputTensorMetadata[0].description
    assert graph.outputTensorMetadata[0].associatedFiles[0].name == b"labels.txt"
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.read("labels.txt").decode().split() == ["FAKE", "REAL"]


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
    assert "$" not in text.replace("$PWD", "").replace("$(base64", "")
    for file in verify.FORMS.values():
        assert file in text
    assert (exported / "labels.txt").read_text() == metadata.LABELS_TEXT


class _Form:
    path = "form"
    input_size = 32

    def __init__(self, answer):
        self._answer = answer

    def __call__(self, pixels):
        return np.resize(np.float32(self._answer), len(pixels))


@pytest.mark.parametrize(
    ("name", "answer", "sentence"),
    [
        ("float32", [0.2, 0.9], "float32 is not the model that was trained"),
        ("int8", [0.2, 0.9], "int8 is not the model that was trained"),
        ("dynamic", [0.7], "dynamic says 0.699"),
        ("float16", [0.2, np.nan], "are not numbers"),
    ],
)
def test_a_form_beyond_its_limits_is_named(trained, data, name, answer, sentence):
    reference = scorers.load(trained[1] / "model.keras")
    with pytest.raises(UserError, match=sentence):
        verify.check(verify.compare(reference, {name: _Form(answer)}, data))


@pytest.mark.parametrize(("flips", "lost", "count", "refused"), [(2, 2, 400, False), (80, 80, 20_000, True)])
def test_few_images_allow_for_chance(flips, lost, count, refused):
    int8 = verify.FormFigures(0.9 - lost / count, 0.9, 1.0, verify.Differences(0.1, 0.1, flips))
    found = verify.Proof(count, verify.FormFigures(0.9, 0.9, 1.0), {"int8": int8}, {})
    with pytest.raises(UserError, match=r"0\.004, more than 0\.0039") if refused else contextlib.nullcontext():
        verify.check(found)


@pytest.fixture
def run(trained, tmp_path):
    """A run of one's own, with an old export."""
    shutil.copytree(trained[1], tmp_path / "run")
    (tmp_path / "run/export").mkdir()
    (tmp_path / "run/export/old.txt").write_text("old")
    return tmp_path / "run"


def _exports(run):
    return [path.name for path in run.glob("*export*") if path.is_dir()]


def _is_as_it_was(run):
    return _exports(run) == ["export"] and os.listdir(run / "export") == ["old.txt"]


def _export(run, config, **options):
    return package.export(RunFolder(run), config, **options)


def test_forms_beyond_their_limits_leave_the_old_export_and_all_are_shown(run, trained, monkeypatch, capsys):
    for name in ("float16", "float32"):
        monkeypatch.setitem(verify.LARGEST_DIFFERENCE, name, -1.0)
    with pytest.raises(UserError, match=r"^float32 is not .* float16 is not .* nothing is exported"):
        _export(run, trained[0])
    assert _is_as_it_was(run)
    assert "\nint8 " in capsys.readouterr().out


def test_a_model_that_needs_more_than_builtin_operators_is_refused(run, trained):
    image = keras.Input([32, 32, 3])
    logit = keras.layers.Dense(1)(keras.ops.erfinv(keras.layers.GlobalAveragePooling2D()(image)))
    keras.Model(image, logit).save(run / "model.keras")
    with pytest.raises(UserError, match=r"it needs tf\.Erfinv"):
        _export(run, trained[0])
    assert _is_as_it_was(run)


def test_a_camera_form_that_judges_otherwise_is_refused():
    def proof(flips):
        return verify.CameraProof(240, verify.Differences(0.9, 0.1, 105), verify.Differences(0.9, 0.1, flips))

    verify.check_camera(proof(4))
    with pytest.raises(UserError, match="camera: 5 of 240 verdicts"):
        verify.check_camera(proof(5))


def test_a_camera_no_larger_than_the_model_is_refused(run, trained):
    with pytest.raises(UserError, match="more than the model's own 32"):
        _export(run, trained[0], camera_size=32)


def test_without_its_data_a_run_is_not_exported(run, trained, tmp_path):
    config = dataclasses.replace(trained[0], source=str(tmp_path / "gone"), prepared_dir=str(tmp_path / "none"))
    with pytest.raises(UserError, match="gone"):
        _export(run, config)
    assert _is_as_it_was(run)


def test_an_old_export_survives_ctrl_c_between_the_two_renames(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "export/kept.txt").touch()
    replace, calls = os.replace, []

    def interrupted(source, target):
        calls.append(source)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), files.replacing_folder(tmp_path / "export"):
        pass
    assert (tmp_path / "export/kept.txt").exists()


def test_two_exports_at_a_time_are_refused(tmp_path):
    with (
        files.replacing_folder(tmp_path / "export"),
        pytest.raises(UserError, match="Another process"),
        files.replacing_folder(tmp_path / "export"),
    ):
        pass


def test_an_export_behind_a_link_is_replaced_where_it_is(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "export").symlink_to("elsewhere")
    for round in ("1", "2"):
        with files.replacing_folder(tmp_path / "export") as partial:
            (partial / "round.txt").write_text(round)
    assert (tmp_path / "elsewhere/round.txt").read_text() == "2"
    assert (tmp_path / "export").is_symlink()


def test_operators_that_phones_lack_are_named(exported):
    model = _model(exported, "float32")
    variable, custom = model.operatorCodes[0], model.operatorCodes[1]
    variable.builtinCode = variable.deprecatedBuiltinCode = flatbuffer.schema.BuiltinOperator.READ_VARIABLE
    custom.customCode = b"FlexErf"
    assert flatbuffer.unfit(model) == {"READ_VARIABLE", "FlexErf"}


def test_a_saved_model_of_other_input_is_refused(tmp_path):
    module = tf.Module()
    module.serve = tf.function(
        lambda image: {"probabilities": image[:, 0, 0, :2]},
        [tf.TensorSpec([None, 32, 32, 3], tf.float32, name="image")],
    )
    tf.saved_model.save(module, str(tmp_path), {"serving_default": module.serve})
    with pytest.raises(UserError, match="takes float32"):
        scorers.load(tmp_path)


def test_an_old_export_survives_a_kill_between_the_two_renames(tmp_path):
    (tmp_path / ".old-export").mkdir()
    (tmp_path / ".old-export/kept.txt").touch()
    (tmp_path / ".partial-export").mkdir()
    with pytest.raises(RuntimeError), files.replacing_folder(tmp_path / "export"):
        raise RuntimeError
    assert sorted(path.name for path in tmp_path.iterdir()) == [".export.lock", "export"]
    assert (tmp_path / "export/kept.txt").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting takes root")
def test_a_full_disk_is_a_sentence_and_leaves_the_old_export(run_python, run, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        shutil.copytree(run, disk / "run", ignore=shutil.ignore_patterns("*.png", "predictions.csv"))
        done = run_python("-m", "exports.export", f"--run={disk}/run")
        assert done.returncode == 2
        assert "could not be made" in done.stderr
        assert "Traceback" not in done.stderr
        assert _is_as_it_was(disk / "run")
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_killed_export_leaves_the_old_one_and_is_made_again(run):
    command = [sys.executable, "-m", "exports.export", f"--run={run}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while not (run / ".partial-export/labels.txt").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    assert os.listdir(run / "export") == ["old.txt"]
    assert subprocess.run(command, capture_output=True).returncode == 0
    assert _exports(run) == ["export"]
    assert (run / "export/verify.json").exists()


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (lambda run: (run / "model.keras").unlink(), "the training there has not finished"),
        (lambda run: (run / "flags.cfg").write_text("--no_such_flag=1\n"), "Another version of aireal"),
        (lambda run: shutil.rmtree(run), "is not a run folder"),
        (lambda run: (run / "model.keras").write_bytes(b"x"), "cannot be loaded"),
    ],
    ids=["no model", "another version", "nothing", "damaged"],
)
def test_a_run_that_cannot_be_exported_is_a_sentence(run_python, run, prepare, sentence):
    prepare(run)
    done = run_python("-m", "exports.export", f"--run={run}")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_float16_form_keeps_its_small_tensors():
    keras.utils.set_random_seed(0)
    model = models.build_model(Config(filters=(8, 4), dense_units=(100, 250)))
    full, half = (
        artifacts._convert(model, artifacts.serving.from_pixels(model, batch=1), configure)
        for configure in (lambda converter: None, artifacts._float16_weights)
    )
    kept = flatbuffer.read(flatbuffer.refine_float16(half, full))
    names = flatbuffer.operators(kept)
    assert names.count("DEQUANTIZE") == 2  # the kernels of the dense layers
    assert flatbuffer.operators(flatbuffer.read(half)).count("DEQUANTIZE") > 3


@pytest.mark.parametrize("shape", [(6, 3, 3, 40), (6, 500)])
def test_errors_of_rounding_to_float16_cancel_within_a_filter(shape):
    kernel = np.random.default_rng(0).normal(0, 0.1, shape).astype(np.float32)
    diffused, plain = flatbuffer._diffuse(kernel), kernel.astype(np.float16)
    one_rounding = np.spacing(np.abs(plain).max())
    assert diffused.dtype == np.float16
    assert diffused.shape == shape
    assert np.abs(diffused.astype(np.float32) - kernel).max() <= one_rounding

    def sums(weights):
        return weights.astype(np.float64).sum(axis=tuple(range(1, weights.ndim)))

    assert np.abs(sums(diffused) - sums(kernel)).max() <= one_rounding
    assert np.abs(sums(plain) - sums(kernel)).max() > one_rounding


def test_a_mirror_average_is_exported_whole_and_with_its_weights_once(run, trained, exported):
    averaged = models.build_model(dataclasses.replace(trained[0], mirror_average=True))
    averaged.set_weights(keras.models.load_model(run / "model.keras").get_weights())
    averaged.save(run / "model.keras")
    _export(run, trained[0])  # which refuses forms that are not the model
    for form in ("float32", "int8"):
        single, both = ((folder / artifacts.tflite_name(form)).stat().st_size for folder in (exported, run / "export"))
        assert single < both < single + 3_000


def _save_weighed(run, config, sign):
    """A network of squeeze-and-excitation, untrained, whose hidden units are never 0 (sign 1) or always (-1)."""
    model = models.build_model(dataclasses.replace(config, squeeze_excitation=4))
    for layer in model.layers:
        if layer.name.endswith("_reduce"):
            kernel, bias = layer.get_weights()
            layer.set_weights([sign * np.abs(kernel), bias])
    model.save(run / "model.keras")


def test_squeeze_and_excitation_is_exported(run, trained):
    _save_weighed(run, trained[0], 1)
    _export(run, trained[0])  # which refuses forms that are not the model
    operators = flatbuffer.operators(flatbuffer.read((run / "export/model_int8.tflite").read_bytes()))
    assert {"MEAN", "LOGISTIC", "MUL"} <= set(operators)


def test_a_layer_that_is_always_0_is_named_before_its_int8_form_is_loaded(run, trained):
    _save_weighed(run, trained[0], -1)
    with pytest.raises(UserError, match=r"reduce.* is 0 whatever the picture, which int8 cannot hold"):
        _export(run, trained[0])
    assert _is_as_it_was(run)


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
