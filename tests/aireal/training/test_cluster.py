"""aireal.training.cluster: several processes train what one trains, and go on where one of them was lost."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from aireal.errors import UserError
from aireal.machine import package_folder
from aireal.settings import flagfile
from aireal.settings.config import Config
from aireal.training.cluster import Cluster

FIGURES = ("loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc")


def _config(**values):
    return Config(strategy="multi_worker", cache="ram", precision="float32", **values)


def test_the_cluster_is_what_the_flags_say_or_else_tf_config(monkeypatch):
    told = {"cluster": {"worker": ["a:1", "b:2", "c:3"]}, "task": {"type": "worker", "index": 2}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(told))
    assert Cluster.of(_config()) == Cluster(("a:1", "b:2", "c:3"), 2)
    assert Cluster.of(_config(cluster="d:4,e:5", task=1)) == Cluster(("d:4", "e:5"), 1)


@pytest.mark.parametrize("told", [None, "", "{}", '{"cluster": {}, "task": {"index": 0}}', '{"cluster": 1}'])
def test_a_cluster_that_nobody_names_is_refused(told, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if told is not None:
        monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(UserError, match="which machines"):
        Cluster.of(_config())


def test_a_task_that_the_cluster_does_not_have_is_refused():
    with pytest.raises(UserError, match="--task=2: the cluster has tasks 0 to 1"):
        Cluster.of(_config(cluster="a:1,b:2", task=2))


@pytest.mark.parametrize("name", ["cache", "precision"])
def test_what_machines_would_settle_by_themselves_has_to_be_named(name):
    values = {"cache": "ram", "precision": "float32", name: "auto"}
    with pytest.raises(UserError, match=f"--{name}=auto by itself"):
        Config(strategy="multi_worker", cluster="a:1,b:2", **values)


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _rows(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.fixture
def start(make_config, tmp_path):
    values = {"normalization": "batch", "conv_dropout": 0.0, "l2": 1e-4, "epochs": 6, "cache": "ram"}
    config = make_config(**values, dense_dropout=0.0, evaluate="validation")
    (tmp_path / "flags.cfg").write_text(flagfile.dumps(config))
    train = [sys.executable, "-m", "aireal.train", f"--flagfile={tmp_path / 'flags.cfg'}"]
    environment = {**os.environ, "PYTHONPATH": str(package_folder())}

    def processes(count, name):
        cluster = ",".join(f"127.0.0.1:{port}" for port in _free_ports(count))
        several = ["--strategy=multi_worker", f"--cluster={cluster}"] * (count > 1)
        return [
            subprocess.Popen(
                [*train, f"--workdir={tmp_path / name}", *several, *[f"--task={task}"] * (count > 1)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for task in range(count)
        ]

    return processes


def _ended(processes):
    said = [one.communicate(timeout=200) for one in processes]
    return [one.returncode for one in processes], said


def test_two_processes_train_what_one_trains_and_go_on_where_one_was_killed(start, tmp_path):
    both = start(2, "two")
    while not (tmp_path / "two/metrics.jsonl").exists() or len(_rows(tmp_path / "two")) < 2:
        time.sleep(0.05)
        assert both[0].poll() is None, both[0].communicate()
    both[1].kill()
    (status, _), ((_, complained), _) = _ended(both)
    done = len(_rows(tmp_path / "two"))
    if done < 6:  # else the killing came too late to be noticed
        assert status == 2
        assert complained.splitlines()[-1].startswith("error: Another machine of the cluster is gone")
        statuses, said = _ended(start(2, "two"))
        assert statuses == [0, 0], said
        assert "Going on after epoch " in said[0][0]
        assert "waiting for 127.0.0.1:" in said[1][0]
    _ended(start(1, "one"))
    one, two = _rows(tmp_path / "one"), _rows(tmp_path / "two")
    assert [row["epoch"] for row in two] == [1, 2, 3, 4, 5, 6]
    for figure in FIGURES:
        apart = np.abs([first[figure] - second[figure] for first, second in zip(one, two, strict=True)])
        assert apart[0] < 1e-3, figure
        assert apart.max() < 0.03, figure
    assert json.loads((tmp_path / "two/result.json").read_text())["epochs"] == 6
