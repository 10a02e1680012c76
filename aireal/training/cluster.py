"""The machines that train together. Whoever reaches their ports can read and change what they exchange."""

import contextlib
import dataclasses
import json
import os
import re
import signal
import zlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from aireal.errors import UserError
from aireal.settings.config import Config

_ADDRESS = re.compile(r"([^\s:]+|\[[^\s\]]+\]):([1-9]\d*)")  # host:port, of IPv6 as [::1]:5000
_LAST_PORT = 65535
_TF_CONFIG = "TF_CONFIG"  # where TensorFlow itself looks for the cluster
# What TensorFlow raises where another process is gone.
_LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together, and which of them this is.

    Attributes:
      workers: host:port of each.
      task: from 0; the first writes the run folder.
    """

    workers: tuple[str, ...]
    task: int

    @classmethod
    def of(cls, config: Config) -> "Cluster":
        """Returns what `--cluster` and `--task` say, or else TF_CONFIG. Raises UserError where neither makes sense."""
        if config.cluster:
            found = cls(tuple(config.cluster.split(",")), config.task)
        else:
            try:
                found = cls._told(json.loads(os.environ[_TF_CONFIG]))
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                raise UserError(
                    "--strategy=multi_worker: which machines? Give --cluster=host:port,host:port and --task=0, 1 and "
                    f"so on, or {_TF_CONFIG} with a list of workers, and a chief where there is one."
                ) from error
        for number, worker in enumerate(found.workers):
            address = _ADDRESS.fullmatch(worker)
            if not address or int(address[2]) > _LAST_PORT:
                raise UserError(f"The cluster's {worker!r} is no address: give host:port, as 192.0.2.1:5000.")
            if worker in found.workers[:number]:
                raise UserError(f"The cluster has {worker} twice. Every task needs an address of its own.")
        if not 0 <= found.task < len(found.workers):
            raise UserError(f"--task={found.task}: the cluster has tasks 0 to {len(found.workers) - 1}.")
        return found

    @classmethod
    def _told(cls, by: dict[str, Any]) -> "Cluster":
        """Returns what TF_CONFIG says. A chief is the first worker, and counted apart from the others."""
        chief, worker = by["cluster"].get("chief", []), by["cluster"]["worker"]
        start = {"chief": 0, "worker": len(chief)}[by["task"].get("type", "worker")]
        return cls((*chief, *worker), start + int(by["task"]["index"]))

    def strategy(self) -> tf.distribute.Strategy:
        """Returns how batches are shared out, once all processes have come; before TensorFlow does anything else.

        Raises:
          UserError: another process is gone, or has this one's port.
        """
        cluster, task = {"worker": list(self.workers)}, {"type": "worker", "index": self.task}
        os.environ[_TF_CONFIG] = json.dumps({"cluster": cluster, "task": task})
        others = ", ".join(worker for task, worker in enumerate(self.workers) if task != self.task)
        print(f"Task {self.task} of {len(self.workers)}, waiting for {others} ...", flush=True)
        try:
            with lost_told(), _ended_by_signals():
                return tf.distribute.MultiWorkerMirroredStrategy()
        except tf.errors.UnknownError as error:  # of its server; what is wrong stands on stderr alone
            raise UserError(
                f"{self.workers[self.task]} cannot be opened: another process may have that port."
            ) from error


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Keeps Ctrl-C and SIGTERM working: TensorFlow waits where Python hears of neither, and then takes SIGTERM away."""
    ours = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)


def check_alone(config: Config) -> None:
    """Raises UserError where what trains several times is to do so on several machines: they meet once in a process."""
    if config.strategy == "multi_worker":
        raise UserError("--strategy=multi_worker is for a single training: give it to aireal train.")


def meet(strategy: tf.distribute.Strategy, **same: str) -> None:
    """Waits until all processes of a cluster have come here.

    Args:
      strategy: of `Cluster`; with another one there is nobody to wait for.
      same: what has to be the same in all of them, by its name.

    Raises:
      UserError: it is not, or one of them is gone.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    digests = tf.constant([[0, *(zlib.crc32(text.encode()) for text in same.values())]], tf.int64)
    with lost_told():
        everyone = strategy.gather(digests, axis=0).numpy()
    if unlike := [name for name, column in zip(same, everyone.T[1:], strict=True) if len(set(column)) > 1]:
        raise UserError(
            f"The machines of the cluster cannot train together: their {' and '.join(unlike)} differ. All "
            "need the same flags, images and --workdir; only --task differs."
        )


@contextlib.contextmanager
def lost_told() -> Iterator[None]:
    """Raises a UserError where TensorFlow finds another process gone."""
    try:
        yield
    except _LOST as error:
        raise UserError(
            "Another machine of the cluster is gone, or cannot be reached. Give each its command again: training goes "
            "on after the last epoch."
        ) from error
