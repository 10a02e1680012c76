"""The files of a search. Free of TensorFlow."""

import contextlib
import dataclasses
import itertools
import pathlib
import socket
from collections.abc import Iterator
from typing import Any

import filelock

from aireal import paths
from aireal.errors import UserError
from aireal.runs import files
from aireal.settings import flagfile
from tuning.study import Study, Trial

PROJECT = "trials"
# What a file has to hold for us and for Keras Tuner.
_OF_TRIAL = ("trial_id", "status", "metrics", "score", "best_step", "message", "hyperparameters")
_OF_ORACLE = ("start_order", "end_order", "run_times", "seed_state", "tried_so_far", "rejected", "has_baseline")
_MEND = "Take it from a copy of the search, or begin again in another --workdir."


class Folder:
    """The files of a search: search.cfg search.json trials/ logs/, and at the end trials.csv report.html best.cfg."""

    def __init__(self, path: str):
        self.path = paths.of_run(path)
        self.logs = self.path / "logs"
        self.tensorboard = self.path / "tensorboard"
        self._flagfile = self.path / "search.cfg"
        self._settings = self.path / "search.json"
        self.oracle = self.path / PROJECT / "oracle.json"
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
            if self._settings.exists() or (self._flagfile.exists() and self._has_begun()):
                if self._has_begun():  # else all may be said anew
                    study = dataclasses.replace(study, config=study.config.as_begun(self.study().config))
                    self._check(study)
            elif files.others(self.path, [path.name for path in (self._flagfile, self.logs, self._running)]):
                raise UserError(f"{self.path} holds other files and no search. Choose another --workdir.")
            yield study

    def _has_begun(self) -> bool:
        return (self.path / PROJECT).exists()

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

    def end(self) -> None:
        """Writes down that the search is over, until `write` is called for more of it."""
        files.write_json(self._settings, {**self._read(), "over": True})

    def is_over(self) -> bool:
        """Returns whether the search was over when its command ended, with all trials or no more to try."""
        return self._settings.exists() and self._read().get("over", False)

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
        """Returns the search that was written. Raises UserError where there is none, or a part of it is lost."""
        missing = [path for path in (self._flagfile, self._settings) if not path.exists()]
        if missing and not self._has_begun():
            raise UserError(f"{self.path} holds no search.")
        if missing:
            raise UserError(f"{missing[0]} is missing. {_MEND}")
        own = self._read()["study"]
        return Study(config=flagfile.load(self._flagfile), **{**own, "space": tuple(own["space"])})

    def trials(self) -> list[Trial]:
        """Returns the trials so far in their order, then the rejected candidates."""
        oracle = self.read_oracle() if self.oracle.exists() else {"rejected": [], "has_baseline": False}
        found = [self.read_trial(path.parent) for path in self.path.glob(f"{PROJECT}/trial_*/trial.json")]
        found.sort(key=lambda trial: trial.number)
        if found and oracle["has_baseline"]:
            found[0] = dataclasses.replace(found[0], is_baseline=True)
        return [*found, *(Trial("", "rejected", one["values"], {}, one["reason"]) for one in oracle["rejected"])]

    def ended(self) -> list[Trial]:
        """Returns the trials that need not be run again."""
        return [trial for trial in self.trials() if trial.status in ("completed", "failed")]

    def read_oracle(self, mend: str = _MEND) -> dict[str, Any]:
        """Returns what oracle.json holds. Raises UserError where it is missing or damaged; ends with `mend`."""
        return files.read_json(self.oracle, holding=_OF_ORACLE, mend=mend)

    def read_trial(self, folder: pathlib.Path, mend: str = _MEND) -> Trial:
        """Returns the trial of a folder. Raises UserError where its file is missing or damaged; ends with `mend`."""
        path = folder / "trial.json"
        state = files.read_json(path, holding=_OF_TRIAL, mend=mend)
        try:
            trial = self._trial(state)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path} is damaged: its figures cannot be read. {mend}") from error
        if folder != self.trial_folder(trial.id) or not str(trial.id).isdecimal():
            raise UserError(f"{path} is damaged: it is that of trial {trial.id}. {mend}")
        return trial

    def _trial(self, state: dict[str, Any]) -> Trial:
        status = {"COMPLETED": "completed", "FAILED": "failed"}.get(state["status"], "running")
        metrics, said = {}, ""
        if status == "completed":
            histories = state["metrics"]["metrics"]
            metrics = {name: history["observations"][-1]["value"][-1] for name, history in histories.items()}
        if status == "failed":
            reason = self.failure(state["trial_id"])
            said = reason.read_text(encoding="utf-8", errors="replace") if reason.exists() else state["message"] or ""
        return Trial(state["trial_id"], status, dict(state["hyperparameters"]["values"]), metrics, said)

    def flagfile(self, trial_id: str) -> pathlib.Path:
        """Returns the file with the Config of a trial that was completed."""
        return self.trial_folder(trial_id) / "flags.cfg"

    def failure(self, trial_id: str) -> pathlib.Path:
        """Returns the file that says why a trial failed; Keras Tuner's messages do not carry it."""
        return self.trial_folder(trial_id) / "failure.txt"

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
        path = self.running(worker)
        if path.exists() and self.trial_folder(trial_id := path.read_text()).exists():
            files.write_text(self._deaths(trial_id), "".join(f"{one}\n" for one in [*self.deaths(trial_id), how]))

    def deaths(self, trial_id: str) -> list[str]:
        """Returns how workers died at a trial."""
        path = self._deaths(trial_id)
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []

    def _deaths(self, trial_id: str) -> pathlib.Path:
        return self.trial_folder(trial_id) / "deaths.txt"

    def trial_folder(self, trial_id: str) -> pathlib.Path:
        """Returns the folder with the files of a trial."""
        return self.path / PROJECT / f"trial_{trial_id}"
