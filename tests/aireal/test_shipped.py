"""aireal.shipped: the trained networks of the package, by name from any folder."""

import pathlib

import pytest

from aireal import shipped
from aireal.machine import package_folder
from aireal.runs.folder import RunFolder, model_file

TRAINED = package_folder() / "aireal/trained"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_shipped_network_has_a_run_and_a_tflite_file():
    assert shipped.DEFAULT in shipped.names() == ["accurate", "robust", "robust-small", "tiny"]
    for name in shipped.names():
        assert RunFolder(shipped.locate(name)).config().filters
        assert model_file(name) == TRAINED / name / "model.keras"
        assert (
            shipped.quickest(name) == model_file(shipped.quickest(name)) == TRAINED / name / "export/model_int8.tflite"
        )


def test_what_stands_there_comes_first():
    pathlib.Path("robust").mkdir()
    assert shipped.locate("robust") == shipped.quickest("robust") == pathlib.Path("robust").resolve()


def test_other_names_stay_paths():
    assert shipped.locate("runs/mine") == shipped.quickest("runs/mine") == pathlib.Path("runs/mine").resolve()
