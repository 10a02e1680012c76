"""exports.web: the command makes a page, or says in one sentence why there is none."""

import subprocess
import sys

import pytest

from aireal.machine import package_folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--run=nothing"], "nothing does not exist"),
        (["--port=70000"], "--port"),
        (["--run=.", "--output=page"], "has no model_int8.tflite, which the page would run. Make one: "),
        (["--output=."], "--output=. is not a page that was made here, so it is not replaced. Name another."),
        (["robust"], "unexpected argument 'robust'"),
    ],
)
def test_what_makes_no_sense_is_a_sentence(run_python, tmp_path, arguments, sentence):
    (tmp_path / "mine.txt").write_text("mine")
    done = run_python("-m", "exports.web", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert sentence in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_without_tensorflow_it_makes_a_page(litert, tmp_path):
    code = (
        "import sys; sys.modules['tensorflow'] = sys.modules['keras'] = None\n"
        f"sys.argv = ['web', '--output={tmp_path}/page']\n"
        "import runpy; runpy.run_module('exports.web', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=package_folder())
    assert done.returncode == 0, done.stderr
    assert "To look at it: python -m exports.web --run=robust" in done.stdout
    assert (tmp_path / "page/index.html").exists()
