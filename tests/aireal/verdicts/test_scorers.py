"""aireal.verdicts.scorers: every form is loaded by what loads it, and what is none is named."""

import pathlib
import subprocess
import sys

import pytest

from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.verdicts import scorers

EARLIER = pathlib.Path(__file__).parents[1] / "runs/earlier"


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"model\.keras cannot be loaded"):
        scorers.load(tmp_path / "model.keras")


def test_a_tflite_file_is_loaded_without_tensorflow():
    file = EARLIER / "export/model_int8.tflite"
    code = (
        f"import sys; from aireal.verdicts import scorers; scorers.load({str(file)!r}); print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=package_folder())
    assert done.stdout.strip() == "False", done.stderr
