"""exports.latency: a process of its own times one form, and imports nothing that the form does not need."""

import json
import pathlib

import numpy as np
import pytest

RUN = pathlib.Path(__file__).parents[1] / "aireal/runs/earlier"
FIGURES = {"median_microseconds", "p95_microseconds", "images_per_second", "load_seconds", "peak_memory_bytes"}


@pytest.fixture
def golden(tmp_path):
    """A folder of three images of 32x32 pixels, as an export has them."""
    folder = tmp_path / "golden"
    folder.mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, [3, 32, 32, 3], np.uint8)):
        (folder / f"{number:02}.rgb").write_bytes(pixels.tobytes())
    return folder


@pytest.mark.parametrize(
    ("loader", "file", "needs_tensorflow"),
    [
        (".tflite", "export/model_int8.tflite", False),
        (".tflite", "export/model_camera.tflite", False),  # which takes 256x256 pixels
        ("call", "model.keras", True),
    ],
    ids=["int8", "camera", "keras"],
)
def test_a_form_is_timed_with_what_it_needs_alone(run_python, golden, tmp_path, loader, file, needs_tensorflow):
    output = tmp_path / "latency.json"
    done = run_python("-X", "importtime", "-m", "exports.latency", loader, RUN / file, golden, 1, 20, output)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert found.keys() == FIGURES
    assert 0 < found["median_microseconds"] <= found["p95_microseconds"]
    assert min(found["images_per_second"], found["load_seconds"]) > 0
    assert found["peak_memory_bytes"] > 10 << 20
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert ("tensorflow" in imported) == needs_tensorflow
