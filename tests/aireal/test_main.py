"""aireal on the command line: all entries under one name, which answers at once."""

import subprocess
import sys

import pytest

from aireal import machine

ENTRIES = [
    "predict",
    "analyze",
    "train",
    "evaluate",
    "robustness",
    "unseen",
    "search",
    "export",
    "page",
    "batch_predict",
]
ENTRIES += ["card", "latency", "benchmark"]


def aireal(*arguments, **options):
    command = [sys.executable, "-m", "aireal", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=machine.package_folder(), **options)


@pytest.mark.parametrize("arguments", [["--help"], ["help"], []])
def test_help_names_the_commands_in_the_order_in_which_a_person_needs_them(arguments):
    done = aireal(*arguments)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")] == ENTRIES


def test_the_version_is_that_of_the_package():
    assert aireal("--version").stdout.strip() == f"aireal {machine.version('aireal')}"


def test_a_command_that_is_none_is_refused_with_the_nearest():
    done = aireal("exprot")
    assert done.returncode == 2
    assert done.stderr.startswith("error: exprot is none of the commands ")
    assert done.stderr.endswith("Did you mean export?\n")


@pytest.mark.parametrize("name", ENTRIES)
def test_a_commands_help_is_its_entrys(name):
    done = aireal(name, "--help")
    assert done.returncode == 0
    assert f"python -m {'' if name in ('search', 'export', 'page', 'latency') else 'aireal.'}" in done.stdout
    assert "--" in done.stdout


def test_a_command_takes_the_flags_of_its_entry_and_ends_with_its_status():
    done = aireal("train", "--source=/nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: /nowhere does not exist.")


def test_without_tensorflow_an_entry_says_what_to_install(tmp_path):
    # A finder that knows of no TensorFlow, as in an environment for .tflite verdicts alone.
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        f"sys.argv = ['train', '--source=demo', '--workdir={tmp_path}/run']\n"
        "import runpy; runpy.run_module('aireal.train', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=machine.package_folder())
    assert done.returncode == 2
    assert done.stderr.startswith("error: this needs tensorflow, which is not installed. Install aireal")
