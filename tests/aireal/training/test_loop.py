"""aireal.training.loop: several processes train what one trains, and go on where one of them was killed."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from aireal.machine import package_folder
from aireal.settings import flagfile
from aireal.training import experiment

FIGURES = ("loss", "accuracy", "auc", "val_loss", "val_accuracy", "val_auc")


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

    def processes(count, name, *of_the_last):
        cluster = ",".join(f"127.0.0.1:{port}" for port in _free_ports(count))
        several = ["--strategy=multi_worker", f"--cluster={cluster}"] * (count > 1)
        return [
            subprocess.Popen(
                [
                    *train,
                    f"--workdir={tmp_path / name}",
                    *several,
                    *[f"--task={task}"] * (count > 1),
                    *of_the_last * (task == count - 1),
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for task in range(count)
        ]

    return processes


def _ended(processes):
    said = [one.communicate(timeout=500) for one in processes]
    return [one.returncode for one in processes], said


def test_a_port_that_another_process_has_is_told(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        own = f"127.0.0.1:{taken.getsockname()[1]}"
        several = ["--strategy=multi_worker", f"--cluster={own},127.0.0.1:1", "--task=0"]
        (code,), ((_, errors),) = _ended(start(1, "busy", *several))
    assert code == 2
    assert f"{own} cannot be opened: another process may have that port" in errors
    assert "Traceback" not in errors


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
    experiment.run(flagfile.load(tmp_path / "flags.cfg"), str(tmp_path / "one"))
    one, two = _rows(tmp_path / "one"), _rows(tmp_path / "two")
    assert [row["epoch"] for row in two] == [1, 2, 3, 4, 5, 6]
    for figure in FIGURES:
        apart = np.abs([first[figure] - second[figure] for first, second in zip(one, two, strict=True)])
        assert apart[0] < 1e-3, figure
        assert apart.max() < 0.03, figure
    assert json.loads((tmp_path / "two/result.json").read_text())["epochs"] == 6
    statuses, said = _ended(start(2, "two"))  # neither waits for the other
    assert statuses == [0, 0]
    assert all("is trained already" in printed for printed, _ in said)


def test_processes_that_would_not_train_the_same_are_told_what_differs(start):
    statuses, said = _ended(start(2, "two", "--filters=8"))
    assert statuses == [2, 2]
    assert all("their flags differ." in complained for _, complained in said)
