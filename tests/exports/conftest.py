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
def unsure_run(trained, tmp_path_factory):
    """The folder of a run whose rule withholds about every third verdict, with an export. To be left as it is."""
    import keras

    from aireal.data.batches import Data
    from aireal.judging import scoring, unsure
    from aireal.runs.folder import RunFolder
    from aireal.verdicts import graphs
    from aireal.verdicts.verdict import Rule
    from exports import package

    config, run = trained
    path = tmp_path_factory.mktemp("unsure") / "run"
    shutil.copytree(run, path)
    folder, data = RunFolder(path), Data(config)
    model = keras.models.load_model(folder.model)
    unit = unsure.learn(model, data)
    scores = scoring.score(graphs.KerasScorer(model, folder.model, unit), data, "test")
    low, high = np.quantile(scores.p_real, [0.4, 0.6]).tolist()
    foreign = float(np.quantile(scores.foreign, 0.85))
    rule = Rule(0.5, min(low, 0.49), max(high, 0.51), foreign, (32, 32), 0.01, 0.95)
    unsure.store(folder, config, unsure.Found(rule, unit, ""))
    package.export(folder, config, camera_size=256)
    return path


@pytest.fixture(scope="session")
def exported_windows(reads_windows, tmp_path_factory):
    """A Config and the RunFolder of a run that reads windows and withholds verdicts, exported. To be left alone."""
    from aireal.judging import unsure
    from aireal.runs.folder import RunFolder
    from exports import package

    config, run = reads_windows
    folder = RunFolder(shutil.copytree(run, tmp_path_factory.mktemp("exported_windows") / "run"))
    unsure.refit(folder, config, 0.5, 0.5)
    package.export(folder, config, camera_size=40)
    return config, folder


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
