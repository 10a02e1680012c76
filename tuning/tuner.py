"""The chief and the workers of a search, each a process of its own, which talk by Keras Tuner's own protocol.

`supervisor.py` starts them: python -m tuning.tuner prepare|chief|worker WORKDIR [TRIALS]
"""

import functools
import os
import shutil
import sys
import threading
import time
from typing import Any

import grpc
import keras
import keras_tuner
import psutil
import tensorflow as tf
from keras_tuner.engine import base_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.src.distribute import oracle_client
from tensorboard.plugins.hparams import api as hparams

from aireal import files, flags, models
from aireal.config import UserError
from aireal.data import Data
from tuning import oracles
from tuning.hypermodel import FailedTrialError, HyperModel, size
from tuning.space import Space
from tuning.study import BUDGETS, CHIEF_LOST, EPOCHS, MAX_DEATHS, PROJECT, RENEW, Folder, Study

_CHIEF_SECONDS = 600  # that a worker waits for an answer; Keras Tuner waits an hour
_IDLE_SECONDS = 1.0  # between questions of a worker that has nothing to do; Keras Tuner asks without a pause


class Tuner(base_tuner.BaseTuner):
    """Runs trials one after the other: no checkpoints, because nothing is made of a trial but its figures.

    Args:
      folder: of the search.
      study: what it is about.
      trials: end this process after so many; 0 goes on.
    """

    def __init__(self, folder: Folder, study: Study, trials: int = 0):
        self._folder = folder
        self._study = study
        self._left = trials
        space = self._space = Space(study.config, study.space)
        hp = keras_tuner.HyperParameters()
        space.config(hp)
        oracle = oracles.make(
            study.tuner,
            epochs=study.config.epochs,
            objective=keras_tuner.Objective(study.objective, study.direction),
            max_trials=study.max_trials,
            hyperparameters=hp,
            seed=study.config.seed,
            complaint=functools.partial(_complaint, study, space, hp),
        )
        oracle.verbose = 0
        super().__init__(oracle, HyperModel(space), directory=str(folder.path), project_name=PROJECT)

    def _populate_initial_space(self) -> None:
        """Leaves the space as it is: it is declared in full, and networks need not be built to find it."""

    def save(self) -> None:
        """Writes nothing: what is to be kept, the oracle keeps."""

    def _get_tuner_fname(self) -> str:
        return self.oracle._get_oracle_fname()  # where that is, a search is to be taken up

    def reload(self) -> None:
        self.oracle.reload()

    def search(self) -> None:
        create = self.oracle.create_trial

        def create_patiently(tuner_id: str) -> Trial:
            trial = create(tuner_id)
            if trial.status == "IDLE":
                time.sleep(_IDLE_SECONDS)
            return trial

        self.oracle.create_trial = create_patiently
        super().search()

    def on_trial_begin(self, trial: Trial) -> None:
        files.write_text(self._folder.running(self.tuner_id), trial.trial_id)

    def _try_run_and_update_trial(self, trial: Trial) -> None:
        """Lets all errors pass that are not the trial's own: Keras Tuner would take them for its failure."""
        try:
            if len(deaths := self._folder.deaths(trial.trial_id)) >= MAX_DEATHS:
                raise FailedTrialError(f"its worker died {len(deaths)} times: {', '.join(deaths)}")
            self._run_and_update_trial(trial)
            trial.status = "COMPLETED"
        except FailedTrialError as error:
            files.write_text(self._folder.failure(trial.trial_id), str(error))
            trial.status = "FAILED"

    def run_trial(self, trial: Trial) -> dict[str, float]:
        model = self.hypermodel.build(trial.hyperparameters)
        found = self.hypermodel.fit(trial.hyperparameters, model)
        found["worker_memory_bytes"] = psutil.Process().memory_info().rss
        files.write_text(
            self._folder.flagfile(trial.trial_id), flags.to_flagfile(self._space.config(trial.hyperparameters))
        )
        logs = self._folder.tensorboard / trial.trial_id
        shutil.rmtree(logs, ignore_errors=True)  # of a run that was interrupted before its figures were reported
        with tf.summary.create_file_writer(str(logs)).as_default():
            hparams.hparams(trial.hyperparameters.values, trial_id=trial.trial_id)
            for name, value in found.items():
                tf.summary.scalar(name, value, step=trial.hyperparameters.values.get(EPOCHS, self._study.config.epochs))
        return found

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)
        self._folder.running(self.tuner_id).unlink(missing_ok=True)
        self._left -= 1
        if self._left == 0:
            sys.exit(RENEW)


def _complaint(study: Study, space: Space, hp: keras_tuner.HyperParameters, values: dict[str, Any]) -> str | None:
    """Returns by how much a candidate is beyond the phone's budget, or None."""
    limits = {what: getattr(study, flag) for what, flag in BUDGETS.items() if getattr(study, flag)}
    if not limits:
        return None
    hp = hp.copy()
    hp.values = values
    keras.backend.clear_session()
    found = size(models.build_model(space.config(hp)))
    beyond = [f"{found[what]:,} {what} of {limit:,}" for what, limit in limits.items() if found[what] > limit]
    return ", ".join(beyond) or None


def main(role: str, workdir: str, trials: str = "0") -> None:
    """Runs one process of a search.

    Args:
      role: prepare (makes the TFRecords and prints the data's fingerprint), chief or worker.
      workdir: of the search.
      trials: after which a worker ends; 0 goes on.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = Folder(workdir)
    study = folder.study()
    if role == "prepare":
        Space(study.config, study.space)  # what is wrong with the flags is said first
        print(Data(study.config).fingerprint)
        return
    try:
        Tuner(folder, study, int(trials)).search()
    except grpc.RpcError as error:
        print(f"The chief does not answer: {error}", file=sys.stderr)
        sys.exit(CHIEF_LOST)


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, however that ended: the pipe is closed then."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    oracle_client.TIMEOUT = _CHIEF_SECONDS
    try:
        main(*sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
