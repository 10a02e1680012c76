"""The chief and the workers of a search, each a process of its own, which talk by Keras Tuner's own protocol.

`supervisor.py` starts them: python -m tuning.tuner prepare|chief|worker WORKDIR [COUNT [ANSWER]]
"""

import contextlib
import functools
import os
import pathlib
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

import grpc
import keras_tuner
import psutil
import tensorflow as tf
from keras_tuner.engine import base_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.src.distribute import oracle_client
from keras_tuner.src.distribute import utils as dist_utils
from tensorboard.plugins.hparams import api as hparams

from aireal.data.batches import Data
from aireal.errors import UserError, full_disk
from aireal.runs import files
from aireal.settings import flagfile
from aireal.training import devices
from tuning import oracles
from tuning.budget import Budget
from tuning.folder import PROJECT, Folder
from tuning.hypermodel import FailedTrialError, HyperModel
from tuning.space import Space
from tuning.study import CHIEF_LOST, CHIEF_SECONDS, EPOCHS, MAX_DEATHS, RENEW, Study

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
            complaint=Budget(study, space, hp),
        )
        oracle.verbose = 0
        super().__init__(oracle, HyperModel(space), directory=str(folder.path), project_name=PROJECT)

    def _populate_initial_space(self) -> None:
        """Leaves the space as it is: it is declared in full, and networks need not be built to find it."""

    def save(self) -> None:
        """Writes nothing: what is to be kept, the oracle keeps."""

    def _get_tuner_fname(self) -> str:
        return self.oracle._project_dir  # always there: the oracle sees for itself whether a search is to be taken up

    def reload(self) -> None:
        if dist_utils.is_chief_oracle():
            self.oracle.reload()

    def search(self) -> None:
        if dist_utils.is_chief_oracle():
            for name in ("get_space", "update_space", "create_trial", "update_trial", "end_trial", "get_trial"):
                setattr(self.oracle, name, _fatal(getattr(self.oracle, name)))
        else:
            self.oracle.create_trial = _patient(self.oracle.create_trial)
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
        except (FailedTrialError, MemoryError, tf.errors.ResourceExhaustedError) as error:
            if full := full_disk(error, self._folder.tensorboard):  # which TensorFlow calls exhausted, too
                raise full from error
            reason = str(error) if isinstance(error, FailedTrialError) else f"out of memory: {error}"
            files.write_text(self._folder.failure(trial.trial_id), reason)
            trial.status = "FAILED"

    def run_trial(self, trial: Trial) -> dict[str, float]:
        model = self.hypermodel.build(trial.hyperparameters)
        found = self.hypermodel.fit(trial.hyperparameters, model)
        found["worker_memory_bytes"] = psutil.Process().memory_info().rss
        files.write_text(
            self._folder.flagfile(trial.trial_id), flagfile.dumps(self._space.config(trial.hyperparameters))
        )
        logs = self._folder.tensorboard / trial.trial_id
        shutil.rmtree(logs, ignore_errors=True)  # of a run that was interrupted before its figures were reported
        active = trial.hyperparameters.copy()
        active.ensure_active_values()  # off the wire there are the defaults of inactive ones too
        with tf.summary.create_file_writer(str(logs)).as_default():
            hparams.hparams(active.values, trial_id=trial.trial_id)
            for name, value in found.items():
                tf.summary.scalar(name, value, step=trial.hyperparameters.values.get(EPOCHS, self._study.config.epochs))
        return found

    def on_trial_end(self, trial: Trial) -> None:
        super().on_trial_end(trial)
        self._folder.running(self.tuner_id).unlink(missing_ok=True)
        self._left -= 1
        if self._left == 0:
            sys.exit(RENEW)


def _patient(create_trial: Callable[[str], Trial]) -> Callable[[str], Trial]:
    def create(tuner_id: str) -> Trial:
        trial = create_trial(tuner_id)
        if trial.status == "IDLE":
            time.sleep(_IDLE_SECONDS)
        return trial

    return create


def _fatal(answer: Callable[..., Any]) -> Callable[..., Any]:
    """Returns what answers workers in the chief, ending it at any error: gRPC would hide that and leave locks taken."""

    @functools.wraps(answer)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            return answer(*args, **kwargs)
        except Exception as error:
            os._exit(_tell(error))

    return checked


def main(role: str, workdir: str, count: str = "0", answer: str = "") -> None:
    """Runs one process of a search.

    Args:
      role: prepare (makes the TFRecords), chief or worker.
      workdir: of the search.
      count: of trials, after which a worker ends, 0 goes on; of workers, to `prepare`.
      answer: file into which `prepare` writes the data's fingerprint, and the precision and cache of all trials.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for gpu in tf.config.list_physical_devices("GPU"):
        if role == "worker":
            tf.config.experimental.set_memory_growth(gpu, True)
        else:  # it would take the memory from the workers
            tf.config.set_visible_devices([], "GPU")
    folder = Folder(workdir)
    study = folder.study()
    if role == "prepare":
        _check(study)  # what is wrong with the flags is said first
        data = Data(study.config, sharers=int(count))
        data.check_training()
        settled = {"precision": devices.settle_precision(study.config), "cache": data.config.cache}
        files.write_json(pathlib.Path(answer), {"fingerprint": data.fingerprint, "settled": settled})
        return
    try:
        Tuner(folder, study, int(count)).search()
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.UNAVAILABLE:  # it ended, or the network did
            sys.exit(CHIEF_LOST)
        address = ":".join(os.environ[f"KERASTUNER_ORACLE_{part}"] for part in ("IP", "PORT"))
        raise UserError(
            f"What answers at {address} (--chief) is not this search's chief, or it is stuck: {error.details()}. Stop "
            "both commands, and start the chief first."
        ) from error


def _check(study: Study) -> None:
    """Raises UserError where the flags describe no search."""
    hp = keras_tuner.HyperParameters()
    space = Space(study.config, study.space)
    space.config(hp)
    beyond = Budget(study, space, hp).beyond(study.config)
    if beyond and "architecture" not in study.space:
        raise UserError(f"The network has {beyond}, and --space={','.join(study.space)} searches no other.")
    if beyond and study.tuner == "grid":
        raise UserError(f"The network has {beyond}. --tuner=grid begins with it: give flags of a smaller one.")


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone, however that ended: the pipe is closed then."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _tell(error: Exception) -> int:
    """Says why this process ends, and returns its exit status.

    What the user can mend goes to standard output, which the supervisor reads: the log may be on the disk that is full.
    """
    if told := error if isinstance(error, UserError) else full_disk(error, otherwise=f"A file in {sys.argv[2]}"):
        print(told, file=sys.__stdout__, flush=True)
        return 2
    with contextlib.suppress(OSError):
        traceback.print_exception(error)
    return 1


if __name__ == "__main__":
    oracle_client.TIMEOUT = CHIEF_SECONDS
    try:
        # Keras Tuner prints what nobody needs to know.
        with contextlib.redirect_stdout(sys.stderr):
            main(*sys.argv[1:])
    except Exception as error:
        sys.exit(_tell(error))
