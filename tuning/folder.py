"""The files of a search. Free of TensorFlow."""

import contextlib
import dataclasses
import itertools
import json
import pathlib
import socket
from collections.abc import Iterator
from typing import Any

import filelock

from aireal.errors import UserError
from aireal.runs import files
from aireal.settings import flagfile
from tuning.study import Study, Trial

PROJECT = "trials"
_MEND = "Take it from a copy of the search, or begin again in another --workdir."


class Folder:
    """The files of a search: search.cfg search.json trials/ logs/, and at the end trials.csv report.html best.cfg."""

    def __init__(self, path: str):
        self.path = pathlib.Path(path).expanduser().resolve()
        self.logs = self.path / "logs"
        self.tensorboard = self.path / "tensorboard"
        self._flagfile = self.path / "search.cfg"
        self._settings = self.path / "search.json"
        self._running = self.path / "running"

    @contextlib.contextmanager
    def claim(self, study: Study) -> Iterator[Study]:
        """Makes the folder, or opens that of the same search, for this process alone.

        Yields:
          `study`, its config as begun where the search has begun.

        Raises:
          UserError: it belongs to another search or to something else, or a search is active in it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            held = files.claim(
                self.path, f"Another search is running in {self.path}. Wait for it, or choose another --workdir."
            )
        except OSError as error:
            raise UserError(f"--workdir={self.path} cannot be used: {error}") from error
        with held:
            if self._settings.exists():
                if self._has_begun():  # else all may be said anew
                    study = dataclasses.replace(study, config=study.config.as_begun(self.study().config))
                    self._check(study)
            elif any(map(self._is_foreign, self.path.iterdir())):
                raise UserError(f"{self.path} holds other files and no search. Choose another --workdir.")
            yield study

    def _has_begun(self) -> bool:
        return (self.path / PROJECT).exists()

    def _is_foreign(self, path: pathlib.Path) -> bool:
        return path not in (self._flagfile, self.logs, self._running) and not path.name.startswith(files.PARTIAL)

    def _check(self, study: Study) -> None:
        earlier, now = self.study().settings(), study.settings()
        differing = [name for name in now if earlier[name] != now[name]]
        if differing:
            rows = "".join(f"\n  --{name}: {earlier[name]} there, {now[name]} here" for name in differing)
            raise UserError(
                f"{self.path} belongs to another search; only --max_trials may change. Choose another --workdir:{rows}"
            )

    def write(self, study: Study) -> None:
        """Writes what the search is about."""
        for folder in (self.logs, self._running):
            folder.mkdir(exist_ok=True)
        files.write_text(self._flagfile, flagfile.dumps(study.config))
        began = self._read()["data_fingerprint"] if self._has_begun() else None
        files.write_json(self._settings, {"data_fingerprint": began, "study": study.own()})

    def _read(self) -> dict[str, Any]:
        return files.read_json(self._settings, holding=["data_fingerprint", "study"], mend=_MEND)

    def begin(self, fingerprint: str) -> None:
        """Writes down on what data the search begins, or checks it. Raises UserError where it began on others."""
        settings = self._read()
        if settings["data_fingerprint"] is None:
            files.write_json(self._settings, {**settings, "data_fingerprint": fingerprint})
        self.check_data(fingerprint)

    def check_data(self, fingerprint: str) -> None:
        """Raises UserError where the search has not begun, or began on other data."""
        began = self._read()["data_fingerprint"]
        if began is None:
            raise UserError(
                f"The search in {self.path} has not begun. Start its chief first, and workers once it listens."
            )
        if began != fingerprint:
            raise UserError(
                f"The images are not those on which the search in {self.path} began. Choose another --workdir."
            )

    def study(self) -> Study:
        """Returns the search that was written. Raises UserError where there is none."""
        if not self._settings.exists():
            raise UserError(f"{self.path} holds no search.")
        own = self._read()["study"]
        return Study(config=flagfile.load(self._flagfile), **{**own, "space": tuple(own["space"])})

    def trials(self) -> list[Trial]:
        """Returns the trials so far in their order, then the rejected candidates."""
        path = self.path / PROJECT / "oracle.json"
        oracle = {"rejected": [], "has_baseline": False}
        if path.exists():
            oracle = files.read_json(path, holding=list(oracle), mend=_MEND)
        found = [self._trial(path) for path in self.path.glob(f"{PROJECT}/trial_*/trial.json")]
        found.sort(key=lambda trial: trial.number)
        if found and oracle["has_baseline"]:
            found[0] = dataclasses.replace(found[0], is_baseline=True)
        return [*found, *(Trial("", "rejected", one["values"], {}, one["reason"]) for one in oracle["rejected"])]

    def ended(self) -> list[Trial]:
        """Returns the trials that need not be run again."""
        return [trial for trial in self.trials() if trial.status in ("completed", "failed")]

    def _trial(self, path: pathlib.Path) -> Trial:
        state = files.read_json(path, holding=["trial_id", "status", "metrics", "hyperparameters"], mend=_MEND)
        metrics = {
            name: history["observations"][-1]["value"][-1]
            for name, history in state["metrics"]["metrics"].items()
            if history["observations"]
        }
        status = {"COMPLETED": "completed", "FAILED": "failed"}.get(state["status"], "running")
        reason = self.failure(state["trial_id"])
        return Trial(
            state["trial_id"],
            status,
            state["hyperparameters"]["values"],
            metrics if status == "completed" else {},
            reason.read_text(encoding="utf-8") if status == "failed" and reason.exists() else "",
        )

    def flagfile(self, trial_id: str) -> pathlib.Path:
        """Returns the file with the Config of a trial that was completed."""
        return self._trial_folder(trial_id) / "flags.cfg"

    def failure(self, trial_id: str) -> pathlib.Path:
        """Returns the file that says why a trial failed; Keras Tuner's messages do not carry it."""
        return self._trial_folder(trial_id) / "failure.txt"

    def claim_names(self, count: int) -> dict[str, filelock.BaseFileLock]:
        """Returns names for workers, each with the lock that keeps it from other commands; the same ones every time."""
        found: dict[str, filelock.BaseFileLock] = {}
        host = socket.gethostname().replace("chief", "c-hief")  # a name with that in it is the chief's to Keras Tuner
        numbers = itertools.count()
        while len(found) < count:
            name = f"{host}-{next(numbers)}"
            lock = filelock.FileLock(self.logs / f".{name}.lock")
            with contextlib.suppress(filelock.Timeout):
                lock.acquire(blocking=False)
                found[name] = lock
        return found

    def running(self, worker: str) -> pathlib.Path:
        """Returns the file that holds the trial that a worker is at."""
        return self._running / worker

    def record_death(self, worker: str, how: str) -> None:
        """Writes down that a worker died, against the trial that it was at."""
        if (path := self.running(worker)).exists():
            deaths = self._deaths(path.read_text())
            files.write_json(deaths, [*self.deaths(path.read_text()), how])

    def deaths(self, trial_id: str) -> list[str]:
        """Returns how workers died at a trial."""
        path = self._deaths(trial_id)
        return json.loads(path.read_text()) if path.exists() else []

    def _deaths(self, trial_id: str) -> pathlib.Path:
        return self._trial_folder(trial_id) / "deaths.json"

    def _trial_folder(self, trial_id: str) -> pathlib.Path:
        return self.path / PROJECT / f"trial_{trial_id}"
