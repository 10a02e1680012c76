"""Starts the chief and the workers of a search, and starts again what ends before its time. Free of TensorFlow."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from aireal.errors import UserError
from aireal.machine import package_folder
from tuning.chief import Chief
from tuning.folder import Folder
from tuning.study import CHIEF_LOST, CHIEF_SECONDS, RENEW

_POLL_SECONDS = 0.3
_RESTARTS = 3  # of a process that is killed before any trial ends
_GRACE_SECONDS = 5.0  # after which a chief that does not answer is not about to be found dead
_TAIL_CHARACTERS = 3000  # of a log, when a process failed


class _Process:
    """A chief or worker that can be started again, always under the same name: Keras Tuner waits for every name."""

    def __init__(self, folder: Folder, role: str, name: str, address: tuple[str, int], trials: int = 0):
        self.name = name
        self.restarts = 0  # by a signal, since `ended` trials had ended
        self.ended = 0
        self._arguments = [role, str(folder.path), str(trials)]
        self._log = folder.logs / f"{name}.log"
        host, port = address
        self._environment = {
            "KERASTUNER_TUNER_ID": name,
            "KERASTUNER_ORACLE_IP": host,
            "KERASTUNER_ORACLE_PORT": str(port),
            "no_grpc_proxy": host,
        }
        self._running = folder.running(name)
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        self._running.unlink(missing_ok=True)  # what an earlier process of that name was at
        with open(self._log, "a", encoding="utf-8") as log:
            self._process = _start(self._arguments, self._environment, stderr=log)

    def exit_status(self, patience_seconds: float = 0.0) -> int | None:
        """Returns None while it runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_seconds)
        return self._process.poll()

    def stop(self) -> None:
        if self._process:
            self._process.kill()  # what it was at is kept by the chief's files, and the chief's files are whole
            self._process.wait()

    def complaint(self) -> str:
        """Returns what the user can mend or, where that is not known, the end of the log. The process has ended."""
        said = self._process.stdout.read().decode()
        return (said or self._log.read_text(errors="replace")[-_TAIL_CHARACTERS:]).strip()


def prepare(folder: Folder, workers: int) -> tuple[str, dict[str, str]]:
    """Makes the TFRecords of a search, where no earlier one has.

    Returns:
      The data's fingerprint; and what the config leaves to the machine: precision and cache.
    """
    with tempfile.TemporaryDirectory() as scratch:
        answer = pathlib.Path(scratch, "answer.json")
        with _start(["prepare", str(folder.path), str(workers), str(answer)], {}) as process:
            said = process.stdout.read().decode().strip()  # until it ends
        if process.returncode < 0:
            raise UserError(f"The preparation of the data was ended by {signal.Signals(-process.returncode).name}.")
        if said:
            raise UserError(said)
        if process.returncode:  # the traceback is printed already
            sys.exit(process.returncode)
        found = json.loads(answer.read_text(encoding="utf-8"))
    return found["fingerprint"], found["settled"]


def free_port(host: str, port: int = 0) -> int:
    """Returns a port that can be listened at: `port`, or any where that is 0. Raises UserError where there is none."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not held by what ended a moment ago
            probe.bind((host, port))
            return probe.getsockname()[1]
    except OSError as error:
        raise UserError(f"The chief cannot listen at {host}:{port} (--chief): {error}.") from error


class Supervisor:
    """Runs the processes of a search on this machine until it is over.

    Args:
      folder: of the search.
      address: host and port of the chief.
      chief: whether the chief runs here.
      workers: how many run here.
      others: whether workers run on other machines too, for which the chief has to wait.
      trials_per_worker: after which a worker is renewed, because memory grows with every trial.
      patience_seconds: how long a chief that runs elsewhere may be silent.
    """

    def __init__(
        self,
        folder: Folder,
        address: tuple[str, int],
        *,
        chief: bool,
        workers: int,
        others: bool,
        trials_per_worker: int,
        patience_seconds: float = CHIEF_SECONDS,
    ):
        self._folder = folder
        self._elsewhere = None if chief else Chief(address, patience_seconds)
        self._others = others
        self._chief = _Process(folder, "chief", "chief", address) if chief else None
        self._names = folder.claim_names(workers)
        self._workers = {name: _Process(folder, "worker", name, address, trials_per_worker) for name in self._names}

    def run(self, every: Callable[[], None]) -> None:
        """Returns when the search is over; calls `every` a few times a second.

        Raises:
          UserError: a process failed; with the end of its log.
        """
        with self._stopping_all():
            for process in self._all():
                process.start()
            while not self._is_over():
                every()
                time.sleep(_POLL_SECONDS)
                if self._elsewhere and not self._elsewhere.watch() and self._folder.is_over():
                    self._dismiss_workers()  # which came too late to hear it from the chief
                self._revive_chief()
                for worker in list(self._workers.values()):
                    self._revive_worker(worker)

    def _is_over(self) -> bool:
        if self._workers or not self._chief:
            return not self._workers
        return not self._others or self._chief.exit_status() == 0

    def _revive_chief(self) -> None:
        if self._chief is None or (status := self._chief.exit_status()) is None:
            return
        if status == 0:  # nothing is left to do, even for workers that have not asked yet
            self._dismiss_workers()
            return
        if status > 0:
            raise UserError(f"The chief failed:\n{self._chief.complaint()}")
        self._count_restart(self._chief)
        for worker in self._workers.values():  # first, so that none asks a chief that does not know it
            worker.stop()
        for process in self._all():
            process.start()

    def _dismiss_workers(self) -> None:
        for worker in self._workers.values():
            worker.stop()
        self._workers.clear()

    def _revive_worker(self, worker: _Process) -> None:
        status = worker.exit_status()
        if status is None:
            return
        if status == 0:
            del self._workers[worker.name]
            return
        if status < 0:  # by a signal
            how = signal.Signals(-status).name
            self._folder.record_death(worker.name, f"{how} (out of memory?)" if how == "SIGKILL" else how)
            self._count_restart(worker)
        elif status == CHIEF_LOST:
            if self._elsewhere and not self._elsewhere.watch():
                return  # until it answers again, or has been silent for too long
            if self._chief and self._chief.exit_status(_GRACE_SECONDS) is not None:
                return  # which is looked into next
            if self._chief:
                raise UserError(f"The chief did not answer {worker.name}:\n{worker.complaint()}")
        elif status != RENEW:
            stops = ", and the search stops" if self._chief else ""
            raise UserError(f"A worker failed{stops}; the same command takes it up:\n{worker.complaint()}")
        worker.start()

    def _count_restart(self, process: _Process) -> None:
        ended = len(self._folder.ended())
        process.restarts = process.restarts + 1 if ended == process.ended else 1
        process.ended = ended
        if process.restarts > _RESTARTS:
            raise UserError(f"{process.name} was killed {process.restarts} times in a row:\n{process.complaint()}")

    def _all(self) -> list[_Process]:
        return [*([self._chief] if self._chief else []), *self._workers.values()]

    @contextlib.contextmanager
    def _stopping_all(self) -> Iterator[None]:
        try:
            yield
        finally:
            for process in self._all():
                process.stop()
            for lock in self._names.values():
                lock.release()


def _start(arguments: list[str], environment: dict[str, str], **options) -> subprocess.Popen:
    path = os.pathsep.join(filter(None, (str(package_folder()), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", "tuning.tuner", *arguments],
        env={**os.environ, "PYTHONPATH": path, **environment},
        stdin=subprocess.PIPE,  # closed when this process ends, by which the other knows
        stdout=subprocess.PIPE,  # a sentence for the user, if any
        start_new_session=True,  # so that Ctrl-C reaches this process alone
        **options,
    )
