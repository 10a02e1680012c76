"""A small trained run, exported with every form."""

import shutil

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
