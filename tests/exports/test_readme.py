"""What exports/README.md says, done: its Python runs in an export, and its figures are those of the code."""

import ast
import json
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image
from sklearn import datasets

from builders.cifake.layout import LABELS

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "exports/README.md").read_text(encoding="utf-8")
FORMS = ("float32", "float16", "dynamic", "int8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def _run(code: str, folder: pathlib.Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300)


def _block(*words: str) -> str:
    (found,) = [block for block in _blocks("python") if all(word in block for word in words)]
    return found


@pytest.mark.parametrize("code", _blocks("python"), ids=range(len(_blocks("python"))))
def test_python_runs_in_an_export_folder(code, exported):
    if "import mediapipe" in code:
        pytest.importorskip("mediapipe")
    finished = _run(code, exported)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip()


def test_python_withholds_a_verdict_of_a_large_photograph_of_which_the_file_is_sure(tmp_path):
    Image.fromarray(datasets.load_sample_image("china.jpg")).save(tmp_path / "china.png")
    code = _block("ImageOps.exif_transpose", "get_signature_runner").replace("float32", "int8")
    finished = _run(code.replace("golden/00.png", str(tmp_path / "china.png")), ROOT / "aireal/trained/robust/export")
    verdict, scores = finished.stdout.split(maxsplit=1)
    assert (verdict, ast.literal_eval(scores)["UNSURE"]) == ("UNSURE", 0)


@pytest.mark.parametrize("interface", ["interpreter import Interpreter", "compiled_model"])
def test_golden_test_names_the_image_that_differs(interface, exported, tmp_path):
    folder = shutil.copytree(exported, tmp_path / "export")
    scores = json.loads((folder / "golden/scores.json").read_text())
    scores[3]["p_real"]["float16"] += 0.003
    (folder / "golden/scores.json").write_text(json.dumps(scores))
    finished = _run(_block(interface, "np.fromfile"), folder)
    assert finished.returncode == 1
    assert f"('float16', '{scores[3]['image']}'" in finished.stderr


def test_python_needs_only_what_the_readme_names():
    imported = {
        module.split(".")[0]
        for block in _blocks("python")
        for module in re.findall(r"^(?:from|import) ([\w.]+)", block, flags=re.MULTILINE)
    }
    assert imported <= {"json", "pathlib", "numpy", "PIL", "ai_edge_litert", "mediapipe"}


def test_labels_are_in_the_order_of_the_scores(exported):
    assert (exported / "labels.txt").read_text().split() == ["FAKE", "REAL"] == list(LABELS)


@pytest.mark.parametrize(("form", "size"), [*((form, 32) for form in FORMS), ("camera", 256)])
def test_every_file_has_the_signature_of_the_table(form, size, exported):
    runner = Interpreter(model_path=str(exported / f"model_{form}.tflite")).get_signature_runner()
    (image,), (probabilities,) = runner.get_input_details().items(), runner.get_output_details().items()
    assert (image[0], image[1]["dtype"], image[1]["shape"].tolist()) == ("image", np.uint8, [1, size, size, 3])
    assert (probabilities[0], probabilities[1]["dtype"]) == ("probabilities", np.float32)
    assert probabilities[1]["shape"].tolist() == [1, 2]


def test_golden_files_are_as_described(exported):
    described = json.loads((exported / "golden/scores.json").read_text())
    for one in described:
        assert one["label"] in LABELS
        assert set(FORMS) <= set(one["p_real"])
        pixels = np.fromfile(exported / f"golden/{one['image']}.rgb", np.uint8).reshape(32, 32, 3)
        np.testing.assert_array_equal(pixels, np.asarray(Image.open(exported / f"golden/{one['image']}.png")))


def test_preprocessing_has_what_the_snippets_read(exported):
    contract = json.loads((exported / "preprocessing.json").read_text())
    assert contract["image_size"] == 32
    assert contract["aspect_ratio"] in ("stretch", "center_crop")


def test_every_platform_has_the_same_tolerances():
    for language, limits in (
        ("kotlin", '"float32" to 1e-4, "float16" to 2e-3, "dynamic" to 0.05, "int8" to 0.05'),
        ("swift", '"float32": 1e-4, "float16": 2e-3, "dynamic": 0.05, "int8": 0.05'),
        ("html", "float32: 1e-4, float16: 2e-3, dynamic: 0.05, int8: 0.05"),
        ("python", '"float32": 1e-4, "float16": 2e-3, "dynamic": 0.05, "int8": 0.05'),
    ):
        stating = [block for block in _blocks(language) if "1e-4" in block]
        assert stating, language
        assert all(limits in block for block in stating), language


def test_the_command_is_one_that_export_takes(run_python):
    command = re.search(r"^python (-m exports\.export .*)$", README, flags=re.MULTILINE).group(1).split()
    finished = run_python(*command[:2], "--helpfull")
    assert all(argument.split("=")[0] in finished.stdout for argument in command[2:])


def test_prose_fits_its_lines():
    outside = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert max(map(len, outside.splitlines())) <= 125
