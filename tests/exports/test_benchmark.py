"""exports.benchmark: every form measured, by the command."""

import json
import shutil

import pytest
from PIL import Image


def test_every_form_is_measured(run_python, exported_run, tmp_path):
    run = tmp_path / "[1]*/camera"  # the first is a pattern to TensorFlow, the second a name like a form's
    shutil.copytree(exported_run, run)
    done = run_python("-m", "exports.benchmark", f"--run={run}", "--count=3")
    assert done.returncode == 0, done.stderr
    rows = json.loads((run / "export/benchmark.json").read_text())["rows"]
    forms = {row["form"] for row in rows}
    tflite = {f"{name}.tflite" for name in ("float32", "float16", "dynamic", "int8", "camera")}
    assert tflite | {"Keras predict", "Keras model(x)", "saved_model"} <= forms
    assert len(rows) == 2 * len(forms)
    for row in rows:
        assert 0 < row["median_microseconds"] <= row["p95_microseconds"]
        assert min(row["bytes"], row["images_per_second"], row["load_seconds"], row["peak_memory_bytes"]) > 0
        assert (row["accuracy"] is None) == (row["form"] == "camera.tflite" or row["form"].startswith("ONNX"))
        assert row["form"] in done.stdout
    with Image.open(run / "export/benchmark.png") as image:
        assert min(image.size) > 300


@pytest.mark.parametrize("prepare", [lambda run: run.mkdir(), lambda run: None], ids=["no export", "no run"])
def test_without_an_export_it_says_how_to_make_one(run_python, tmp_path, prepare):
    prepare(tmp_path / "run")
    done = run_python("-m", "exports.benchmark", f"--run={tmp_path}/run")
    assert done.returncode == 2
    assert "python -m exports.export" in done.stderr
