"""What a person sees while a search runs: the last trials, the best beside the baseline, the time that is left."""

import collections
import time

import rich.console
import rich.live
import rich.table
import rich.text

from tuning.folder import Folder
from tuning.study import Study, Trial, baseline

_SHOWN = 12  # trials
_REFRESH_SECONDS = 2.0


class Live:
    """A table on a terminal, and a line for each trial that ends elsewhere."""

    def __init__(self, folder: Folder, study: Study):
        self._folder = folder
        self._study = study
        self._console = rich.console.Console(highlight=False, markup=False)
        self._live = rich.live.Live(console=self._console, auto_refresh=False)
        self._start = time.monotonic()
        self._last = float("-inf")
        self._known = {trial.number for trial in folder.ended()}
        self._at_start = len(self._known)

    def __enter__(self) -> "Live":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_) -> None:
        self._last = float("-inf")
        self.update()
        self._live.stop()

    def update(self) -> None:
        """Reads the trials again, at most every two seconds, and shows what is new."""
        if time.monotonic() - self._last < _REFRESH_SECONDS:
            return
        self._last = time.monotonic()
        trials = self._folder.trials()
        if self._console.is_terminal:
            self._live.update(self._table(trials), refresh=True)
            return
        for trial in trials:
            if trial.status in ("completed", "failed") and trial.number not in self._known:
                self._known.add(trial.number)
                self._console.print(f"trial {trial.number} {trial.status}: {self._outcome(trial)}", soft_wrap=True)
                self._console.print(self._summary(trials), soft_wrap=True)

    def _table(self, trials: list[Trial]) -> rich.table.Table:
        compared = "not as the baseline" if any(trial.is_baseline for trial in trials) else "not as the first trial"
        table = rich.table.Table(title=self._summary(trials), title_justify="left", expand=True)
        for name in ("trial", "status", self._study.objective, "epochs", "parameters", "minutes"):
            table.add_column(name, justify="right")
        table.add_column(compared, ratio=1)
        for trial in [trial for trial in trials if trial.number is not None][-_SHOWN:]:
            figures = trial.metrics
            table.add_row(
                str(trial.number),
                trial.status,
                f"{figures[self._study.objective]:.4f}" if figures else "",
                str(self._study.epochs(trial)),
                f"{figures['parameters']:,.0f}" if figures else "",
                f"{(figures['train_seconds'] + figures['validation_seconds']) / 60:.1f}" if figures else "",
                rich.text.Text(trial.reason or differences(trials[0].values, trial.values)),
            )
        return table

    def _outcome(self, trial: Trial) -> str:
        return trial.reason or f"{self._study.objective} {trial.metrics[self._study.objective]:.4f}"

    def _summary(self, trials: list[Trial]) -> str:
        count = collections.Counter(trial.status for trial in trials)
        ended = count["completed"] + count["failed"]
        words = [
            f"{ended} of {self._study.max_trials} trials",
            f"{count['failed']} failed",
            f"{count['rejected']} rejected",
        ]
        if best := self._study.best(trials):
            words.append(f"best {best.metrics[self._study.objective]:.4f} (trial {best.number})")
        if first := baseline(trials):
            words.append(f"baseline {first.metrics[self._study.objective]:.4f}")
        if done := ended - self._at_start:
            left = (time.monotonic() - self._start) / done * (self._study.max_trials - ended)
            words.append(f"about {left / 60:.0f} min left")
        return ", ".join(words)


def differences(first: dict, values: dict) -> str:
    """Returns the hyperparameters that differ from the first trial's, in short."""
    own = {name: value for name, value in values.items() if not name.startswith("tuner/")}
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in own.items()
        if first.get(name) != value
    )
