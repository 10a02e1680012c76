"""What a search is about, and what a trial of it is. Free of TensorFlow."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from aireal.errors import UserError
from aireal.settings.config import FREE, Config

PARTS = ("architecture", "regularization", "optimizer")  # of the space
OBJECTIVES = {"val_auc": "max", "val_accuracy": "max", "val_loss": "min"}
BUDGETS = {"parameters": "max_parameters", "macs": "max_macs", "int8_bytes": "max_int8_bytes"}
EPOCHS = "tuner/epochs"  # Hyperband's name for the epochs of a trial
RENEW, CHIEF_LOST = 75, 76  # exit statuses of a worker: it has run its number of trials; the chief does not answer
CHIEF_SECONDS = 600  # that workers wait for the chief to answer; Keras Tuner waits an hour
MAX_DEATHS = 2  # of workers in one trial, before it counts as failed
_FREE = ("max_trials",)  # may differ when a search goes on


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
        unused = {"keep=best": config.keep == "best", f"strategy={config.strategy}": config.strategy != "single"}
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
        config = {name: value for name, value in dataclasses.asdict(self.config).items() if name not in FREE}
        own = {name: value for name, value in self.own().items() if name not in _FREE}
        return {**own, **config}

    def own(self) -> dict[str, Any]:
        """Returns all of its values but the config."""
        return {name: value for name, value in vars(self).items() if name != "config"}


@dataclasses.dataclass(frozen=True)
class Trial:
    """One trial, as its files tell.

    Attributes:
      id: the name of its files; empty for a rejected candidate, which has none.
      status: running, completed, failed or rejected.
      values: hyperparameters.
      metrics: what `HyperModel.fit` returned, and the resident memory of worker and chief afterwards, in bytes.
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
