"""aireal.training.cluster: which machines train together, by the flags or the environment."""

import json

import pytest

from aireal.errors import UserError
from aireal.settings.config import Config
from aireal.training.cluster import Cluster


def _config(**values):
    return Config(strategy="multi_worker", cache="ram", precision="float32", **values)


def test_the_cluster_is_what_the_flags_say_or_else_tf_config(monkeypatch):
    told = {"cluster": {"worker": ["a:1", "b:2", "c:3"]}, "task": {"type": "worker", "index": 2}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(told))
    assert Cluster.of(_config()) == Cluster(("a:1", "b:2", "c:3"), 2)
    assert Cluster.of(_config(cluster="d:4,e:5", task=1)) == Cluster(("d:4", "e:5"), 1)


def test_a_chief_is_the_first_worker(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["b:2", "c:3"]}
    for task, number in (("chief", 0), 0), (("worker", 0), 1), (("worker", 1), 2):
        told = {"cluster": cluster, "task": dict(zip(("type", "index"), task, strict=True))}
        monkeypatch.setenv("TF_CONFIG", json.dumps(told))
        assert Cluster.of(_config()) == Cluster(("a:1", "b:2", "c:3"), number)


@pytest.mark.parametrize(
    "told",
    [
        None,
        "",
        "{}",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {}, "task": {"index": 0}}',
        '{"cluster": 1}',
    ],
)
def test_a_cluster_that_nobody_names_is_refused(told, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if told is not None:
        monkeypatch.setenv("TF_CONFIG", told)
    with pytest.raises(UserError, match="which machines"):
        Cluster.of(_config())


@pytest.mark.parametrize("worker", ["b", "b:", ":2", "b:0", "b:99999", "b:x", "b :2", ""])
def test_an_address_that_is_none_is_refused(worker):
    with pytest.raises(UserError, match="is no address: give host:port"):
        Cluster.of(_config(cluster=f"a:1,{worker}"))


def test_two_tasks_at_one_address_are_refused():
    with pytest.raises(UserError, match="b:2 twice"):
        Cluster.of(_config(cluster="a:1,b:2,b:2"))


def test_an_address_may_be_of_ipv6():
    assert Cluster.of(_config(cluster="[::1]:1,[::1]:65535")).workers == ("[::1]:1", "[::1]:65535")


def test_a_task_that_the_cluster_does_not_have_is_refused():
    with pytest.raises(UserError, match="--task=2: the cluster has tasks 0 to 1"):
        Cluster.of(_config(cluster="a:1,b:2", task=2))


@pytest.mark.parametrize("name", ["cache", "precision"])
def test_what_machines_would_settle_by_themselves_has_to_be_named(name):
    values = {"cache": "ram", "precision": "float32", name: "auto"}
    with pytest.raises(UserError, match=f"--{name}=auto by itself"):
        Config(strategy="multi_worker", cluster="a:1,b:2", **values)
