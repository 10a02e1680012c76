"""aireal.benchmarks.unseen: each generator is left out in turn, and judged as one that was never seen."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from aireal.benchmarks import unseen
from aireal.errors import UserError


@pytest.fixture(scope="module")
def config(reads_windows, tmp_path_factory):
    """Of the pictures of `reads_windows`, FAKE by two generators."""
    config, source = reads_windows[0], tmp_path_factory.mktemp("unseen") / "source"
    shutil.copytree(config.source, source)
    for number, path in enumerate(sorted((source / "ai").iterdir())):
        folder = source / "ai" / ("one" if number % 2 else "two")
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    return dataclasses.replace(config, source=str(source), epochs=1, views=2)


def test_each_group_is_judged_by_a_network_that_never_saw_it_after_interruptions_too(
    config, tmp_path, monkeypatch, capsys
):
    run, done = unseen.experiment.run, []

    def run_once(settings, workdir):
        if done:
            raise KeyboardInterrupt
        done.append(workdir)
        return run(settings, workdir)

    monkeypatch.setattr(unseen.experiment, "run", run_once)
    with pytest.raises(KeyboardInterrupt):
        unseen.study(config, str(tmp_path / "study"))
    monkeypatch.setattr(unseen.experiment, "run", run)
    model = tmp_path / "study/without-one/model.keras"
    before = model.stat().st_mtime_ns
    found = unseen.study(config, str(tmp_path / "study"))
    assert model.stat().st_mtime_ns == before
    assert json.loads((tmp_path / "study/unseen.json").read_text())["groups"].keys() == {"one", "two"}
    for name, by_group in found["groups"].items():
        seen = {(one["name"], one["is_seen"]) for one in by_group}
        assert seen == {("one", name != "one"), ("two", name != "two"), ("", True)}
        result = json.loads((tmp_path / f"study/without-{name}/result.json").read_text())
        assert result["test"]["by_group"] == by_group
        assert result["train"]["n"] < 38 + 25  # of 76 pictures to train on one generator's, half of FAKE, are less
    page = (tmp_path / "study/unseen.html").read_text()
    assert found["sentence"] in page
    photographs = [group for by_group in found["groups"].values() for group in by_group if group["label"] == "REAL"]
    wrong = 1 - np.mean([group["accuracy"] for group in photographs])
    assert f"Of the photographs it calls {wrong:.0%} FAKE." in found["sentence"]
    assert "data:image/png" in page
    assert "Expect of a new generator what these 2 show" in capsys.readouterr().out


def test_what_cannot_be_left_out_is_said(config, reads_windows, tmp_path):
    with pytest.raises(UserError, match=r"--groups: no picture to train on is of three\. There are one, two\."):
        unseen.study(config, str(tmp_path), ["three"])
    assert unseen._folder_name("SD v1") != unseen._folder_name("SD_v1") == "SD_v1"
    with pytest.raises(UserError, match="--evaluate=none: what is left out is judged"):
        unseen.study(dataclasses.replace(config, evaluate="none"), str(tmp_path))
    with pytest.raises(UserError, match="has no groups of FAKE, and to leave one out needs two"):
        unseen.study(reads_windows[0], str(tmp_path))
    machines = {"strategy": "multi_worker", "cluster": "a:1,b:2", "cache": "ram", "precision": "float32"}
    with pytest.raises(UserError, match="is for a single training"):
        unseen.study(dataclasses.replace(config, **machines), str(tmp_path))
