"""A search on disk: what it is about, and what has come of it so far. Free of TensorFlow."""

import contextlib
import dataclasses
import functools
import itertools
import json
import pathlib
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import filelock

from aireal import files, flags
from aireal.config import Config, UserError

PARTS = ("architecture", "regularization", "optimizer")  # of the space
OBJECTIVES = {"val_auc": "max", "val_accuracy": "max", "val_loss": "min"}
BUDGETS = {"parameters": "max_parameters", "macs": "max_macs", "int8_bytes": "max_int8_bytes"}
EPOCHS = "tuner/epochs"  # Hyperband's name for the epochs of a trial
PROJECT = "trials"
RENEW, CHIEF_LOST = 75, 76  # exit statuses of a worker: it has run its number of trials; the chief does not answer
MAX_DEATHS = 2  # of workers in one trial, before it counts as failed
_FREE = ("max_trials",)  # may differ when a search goes on
_FREE_CONFIG = ("prepared_dir", "evaluate", "tensorboard")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Study:
    """What a search is about.

    Attributes:
      config: what is searched around; its `epochs` are those of the longest trials.
      space: parts of the space that are searched.
      tuner: hyperband, random, bayesian or grid.
      objective: of OBJECTIVES.
      direction: "max" or "min".
      max_trials: trials in all, completed and failed ones.
      max_parameters: limit of a candidate; 0 is none. So with the next two.
      max_macs: multiply-accumulates.
      max_int8_bytes: of the int8 .tflite file, estimated.
    """

    config: Config
    space: tuple[str, ...]
    tuner: str
    objective: str
    direction: str
    max_trials: int
    max_parameters: int = 0
    max_macs: int = 0
    max_int8_bytes: int = 0

    def __post_init__(self):
        if not self.space or not set(self.space) <= set(PARTS):
            raise UserError(f"--space={','.join(self.space)}: expected some of {', '.join(PARTS)}, comma-separated.")
        config = self.config
        if not config.validation_fraction:
            raise UserError("A search judges on validation images, and --validation_fraction=0 leaves none.")
        unused = {"keep=best": config.keep == "best", "strategy=mirrored": config.strategy == "mirrored"}
        unused["early_stopping_epochs"] = config.early_stopping_epochs > 0
        for flag in (flag for flag, given in unused.items() if given):
            raise UserError(f"Trials train all of their epochs on one device, so --{flag} has no place in a search.")

    def rank(self, trial: "Trial") -> float:
        """Returns what completed trials are sorted by, the best first."""
        value = trial.metrics[self.objective]
        return -value if self.direction == "max" else value

    def epochs(self, trial: "Trial") -> int:
        """Returns those that a trial is trained for; under Hyperband they differ."""
        return trial.values.get(EPOCHS, self.config.epochs)

    def best(self, trials: Sequence["Trial"]) -> "Trial | None":
        return min((trial for trial in trials if trial.metrics), key=self.rank, default=None)

    def settings(self) -> dict[str, Any]:
        """Returns every value by which one search differs from another."""
        config = {name: value for name, value in dataclasses.asdict(self.config).items() if name not in _FREE_CONFIG}
        own = {name: getattr(self, name) for name in _names() if name not in ("config", *_FREE)}
        return json.loads(json.dumps({**own, **config}))  # tuples as lists, as they come back from a file


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial, as its files tell.

    Attributes:
      id: the name of its files; empty for a rejected candidate, which has none.
      status: running, completed, failed or rejected.
      values: hyperparameters.
      metrics: what `HyperModel.fit` returned.
      reason: why it failed or was rejected.
      is_baseline: whether it is the network that is searched around.
    """

    id: str
    status: str
    values: dict[str, Any]
    metrics: dict[str, float]
    reason: str = ""
    is_baseline: bool = False

    @property
    def number(self) -> int | None:
        """Counted from 0, in the order of their beginning."""
        return int(self.id) if self.id else None


def baseline(trials: Sequence[Trial]) -> Trial | None:
    """Returns the trial of the network that is searched around; None where that was rejected or has not ended."""
    return next((trial for trial in trials if trial.is_baseline and trial.metrics), None)


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
    def claim(self, study: Study) -> Iterator[None]:
        """Makes the folder, or opens that of the same search, for this process alone.

        Raises:
          UserError: it belongs to another search or to something else, or a search is active in it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            held = lock.acquire(blocking=False)
        except filelock.Timeout:
            raise UserError(
                f"Another search is running in {self.path}. Wait for it, or choose another --workdir."
            ) from None
        with held:
            if (self.path / PROJECT).exists():  # else no trial has begun, and all may be said anew
                self._check(study)
            elif not self._settings.exists() and any(map(self._is_foreign, self.path.iterdir())):
                raise UserError(f"{self.path} holds other files and no search. Choose another --workdir.")
            yield

    def _is_foreign(self, path: pathlib.Path) -> bool:
        return not path.is_dir() and path != self._flagfile and not path.name.startswith(files.PARTIAL)

    def _check(self, study: Study) -> None:
        earlier, now = json.loads(self._settings.read_text())["settings"], study.settings()
        differing = [name for name in now if earlier.get(name) != now[name]]
        if differing:
            rows = "".join(f"\n  --{name}: {earlier.get(name)} there, {now[name]} here" for name in differing)
            raise UserError(
                f"{self.path} belongs to another search; only --max_trials may change. Choose another --workdir:{rows}"
            )

    def write(self, study: Study) -> None:
        """Writes what the search is about."""
        for folder in (self.logs, self._running):
            folder.mkdir(exist_ok=True)
        files.write_text(self._flagfile, flags.to_flagfile(study.config))
        own = {name: getattr(study, name) for name in _names() if name != "config"}
        self._update(study=own, settings=study.settings())

    def check_data(self, fingerprint: str) -> None:
        """Writes down what data the search began on. Raises UserError where these are others."""
        began = json.loads(self._settings.read_text()).get("data_fingerprint")
        if began is None:
            self._update(data_fingerprint=fingerprint)
        elif began != fingerprint:
            raise UserError(
                f"The images are not those on which the search in {self.path} began. Choose another --workdir."
            )

    def _update(self, **values: Any) -> None:
        earlier = json.loads(self._settings.read_text()) if self._settings.exists() else {}
        files.write_json(self._settings, {**earlier, **values})

    def study(self) -> Study:
        """Returns the search that was written. Raises UserError where there is none."""
        if not self._settings.exists():
            raise UserError(f"{self.path} holds no search.")
        own = json.loads(self._settings.read_text())["study"]
        return Study(config=flags.from_flagfile(self._flagfile), **{**own, "space": tuple(own["space"])})

    def trials(self) -> list[Trial]:
        """Returns the trials so far in their order, then the rejected candidates."""
        path = self.path / PROJECT / "oracle.json"
        oracle = json.loads(path.read_text()) if path.exists() else {"rejected": [], "has_baseline": False}
        found = [self._trial(path) for path in self.path.glob(f"{PROJECT}/trial_*/trial.json")]
        found.sort(key=lambda trial: trial.number)
        if found and oracle["has_baseline"]:
            found[0] = dataclasses.replace(found[0], is_baseline=True)
        return [*found, *(Trial("", "rejected", one["values"], {}, one["reason"]) for one in oracle["rejected"])]

    def ended(self) -> list[Trial]:
        """Returns the trials that need not be run again."""
        return [trial for trial in self.trials() if trial.status in ("completed", "failed")]

    def _trial(self, path: pathlib.Path) -> Trial:
        state = json.loads(path.read_text())
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


@functools.cache
def _names() -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(Study))
