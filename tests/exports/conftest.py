"""A small trained run, exported with every form, and one to export anew."""

import os
import pathlib
import shutil
from collections.abc import Callable

import numpy as np
import pytest


@pytest.fixture(scope="session")
def exported_run(trained, tmp_path_factory):
    """The folder of a run with an export. To be left as it is."""
    from aireal.runs.folder import RunFolder
    from exports import package

    config, run = trained
    folder = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(run, folder)
    package.export(RunFolder(folder), config, camera_size=256)
    return folder


@pytest.fixture(scope="session")
def exported(exported_run):
    """Its export folder."""
    return exported_run / "export"


@pytest.fixture(scope="module")
def data(trained):
    """The images of that run."""
    from aireal.data.batches import Data

    return Data(trained[0])


@pytest.fixture(scope="module")
def pixels(data):
    """200 test images: [200, 32, 32, 3] uint8."""
    return data.images("test", np.arange(200))


@pytest.fixture
def run(trained, tmp_path):
    """A run of one's own, with an old export."""
    shutil.copytree(trained[1], tmp_path / "run")
    (tmp_path / "run/export").mkdir()
    (tmp_path / "run/export/old.txt").write_text("old")
    return tmp_path / "run"


@pytest.fixture(scope="session")
def is_as_it_was() -> Callable[[pathlib.Path], bool]:
    """Returns a function that says whether a folder of `run` has its old export, and nothing half-written beside it."""

    def check(run: pathlib.Path) -> bool:
        exports = [path.name for path in run.glob("*export*") if path.is_dir()]
        return exports == ["export"] and os.listdir(run / "export") == ["old.txt"]

    return check
