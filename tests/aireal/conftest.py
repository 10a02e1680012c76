"""A small trained run, judged by the battery, and commands that must answer without TensorFlow."""

import copy
import os
import shutil
import subprocess
import sys

import pytest

from aireal.machine import package_folder


@pytest.fixture(scope="session")
def _judged_once(trained, tmp_path_factory):
    from aireal.judging import battery
    from aireal.runs.folder import RunFolder

    config, folder = trained
    run = RunFolder(shutil.copytree(folder, tmp_path_factory.mktemp("judged") / "run"))
    return run.path, config, battery.judge(run.model, run, config)[0]


@pytest.fixture
def judged(_judged_once, tmp_path):
    """A run folder of the test's own, its Config, and what `judge` found of it."""
    from aireal.runs.folder import RunFolder

    folder, config, result = _judged_once
    return RunFolder(shutil.copytree(folder, tmp_path / "run")), config, copy.deepcopy(result)


@pytest.fixture
def command(tmp_path):
    """Runs Python with arguments in an empty folder, without a TensorFlow to import."""
    fake = tmp_path / "fake"
    (fake / "tensorflow").mkdir(parents=True)
    (fake / "tensorflow" / "__init__.py").write_text("raise ImportError('TensorFlow is being imported')")
    folder = tmp_path / "folder"
    folder.mkdir()
    path = os.pathsep.join([str(fake), str(package_folder())])

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    run.folder = folder
    return run
