"""aireal.judging.shortcuts: what tells the classes beside the pictures stands beside what the network does."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from aireal.data.batches import Data
from aireal.judging.shortcuts import Shortcuts


@pytest.fixture
def data_of(write, make_config, tmp_path):
    """Returns a function that makes data of sixty noisy pictures of each class, FAKE saved with such options."""

    def make(**options):
        rng = np.random.default_rng(1)
        files = {}
        for label, how in (("ai", {"quality": 90, **options}), ("photo", {"quality": 90})):
            for number in range(60):
                file = io.BytesIO()
                Image.fromarray(rng.integers(0, 256, [40, 40, 3], np.uint8)).save(file, "JPEG", **how)
                files[f"{label}/{number}.jpg"] = file.getvalue()
        return Data(make_config(source=str(write(files)), prepared_dir=str(tmp_path / "prepared")))

    return make


def test_the_alarm_sounds_names_the_cause_and_has_a_degree(data_of):
    found = Shortcuts.of(data_of(quality=75, icc_profile=b"x" * 200), "train")
    assert found.n == 76  # a fifth of each class is for the test, a fifth of the others for validation
    assert found.as_dict()["header"] == 1
    alarm = found.alarm()
    assert "tells the classes apart almost without an error (AUC 1.000). They differ by " in alarm
    assert "the JPEG quality (FAKE 75 in 100%, REAL 90 in 100%)" in alarm
    assert "'icc_profile' beside the picture (100% of FAKE, 0% of REAL)" in alarm


def test_pictures_that_were_saved_alike_raise_no_alarm(data_of):
    found = Shortcuts.of(data_of(), "train")
    assert found.alarm() is None
    label = np.repeat([0, 1], 10)
    assert found.beside(label, label * 1.0).splitlines()[-1].split() == ["the", "network", "1.0000"]


def test_it_stands_beside_the_network(data_of):
    found = Shortcuts.of(data_of(quality=75), "test")
    label = np.repeat([0, 1], 10)
    said = found.beside(label, np.append(label[:-1], 0) * 1.0)
    assert "how the files were saved      1.0000" in said
    assert "the network                   0.9500" in said
    assert said.endswith("The network may have learnt that, and not who made the picture.")
    assert "may have learnt" not in found.beside(label, label * 1.0, own=False)


def test_a_few_pictures_say_nothing(data_of, monkeypatch):
    monkeypatch.setattr("aireal.judging.shortcuts._FILES", 4)
    found = Shortcuts.of(data_of(quality=75), "train")
    assert (found.n, found.as_dict()["header"], found.alarm() is None) == (4, None, True)


def test_what_is_saved_anew_stands_beside_what_was_there(data_of):
    data = data_of(quality=75)
    resaved = Data(
        dataclasses.replace(data.config, resave="all", reading="windows", image_size=16, validation_fraction=0.0)
    )
    before, after = (Shortcuts.of(resaved, "train", as_judged=again) for again in (False, True))
    assert before.as_dict()["header"] == 1
    assert after.as_dict()["header"] < 0.7
    assert after.alarm() is None
    label = resaved.table("train").label
    said = before.beside(label, label * 0.5, after).splitlines()
    assert said[0].split()[-3:] == ["AUC", "saved", "anew"]
    assert said[1].split()[-2] == "1.0000"
    assert said[-1].split() == ["the", "network", "1.0000"]
