"""Keras Tuner's oracles, with what a long search needs: a first trial of defaults, a budget, files that stay whole."""

import functools
import itertools
import warnings
from collections.abc import Callable
from typing import Any

import keras_tuner
import numpy as np
import psutil
from keras_tuner import oracles
from keras_tuner.engine.trial import Trial
from sklearn.exceptions import ConvergenceWarning

from tuning.recovery import Recovering

_WITHOUT_END = 10**6
_CANDIDATES = 5000  # among which a Gaussian process chooses
_ATTEMPTS = 500  # at a candidate within the budget, one after the other
_RANDOM_SHARE = 3  # of the trials, the first third explores before a Gaussian process proposes


class _Careful(Recovering):
    """What is changed of an oracle; stands before Keras Tuner's class among the bases.

    - The first trial is the defaults; Keras Tuner's is random.
    - Candidates that `complaint` speaks against are written down and replaced before they become trials.
    - Trials hold the values that were proposed: those that come back from a worker have been through 32-bit floats.
    - What `recovery` says of files and of chiefs that were killed.
    - Failures end trials, not the search: whatever deserves that ends the worker.

    Args:
      complaint: values of a candidate -> what speaks against training it, or None.
      seed: any; Keras Tuner takes 0 for none.
      **kwargs: those of the oracle.
    """

    def __init__(self, *, complaint: Callable[[dict[str, Any]], str | None], seed: int, **kwargs: Any):
        super().__init__(seed=seed + 1, max_consecutive_failed_trials=10**9, **kwargs)
        self.rejected: list[dict[str, Any]] = []  # values and reason of each
        self.has_baseline = False  # whether the first trial is the defaults
        self._complaint = complaint

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.start_order and not self._is_rejected(values := self.default_values()):
            self.has_baseline = True
            return {"status": "RUNNING", "values": values}
        found = self._propose(trial_id)
        if found["status"] == "STOPPED":
            self.save()  # what was rejected; Keras Tuner saves when a trial begins
        return found

    def _propose(self, trial_id: str) -> dict[str, Any]:
        return super().populate_space(trial_id)

    def default_values(self) -> dict[str, Any]:
        """Returns those of all active hyperparameters."""
        hps = keras_tuner.HyperParameters()
        hps.merge(self.hyperparameters.space)
        return dict(hps.values)

    def _random_values(self) -> dict[str, Any] | None:
        for _ in range(_ATTEMPTS):
            values = super()._random_values()
            if values is None or not self._is_rejected(values):
                return values
        return None

    def _is_rejected(self, values: dict[str, Any]) -> bool:
        if (reason := self._complaint(values)) is None:
            return False
        if any(one["values"] == values for one in self.rejected):  # by a chief that found nothing else, and ended
            return True
        self._tried_so_far.add(self._compute_values_hash(values))  # so that it is not drawn a second time
        self.rejected.append({"values": values, "reason": reason})
        return True

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        if trial.trial_id in self.end_order:  # by another worker, while this one of another machine had it as well
            return
        known = self.trials[trial.trial_id]
        trial.hyperparameters = known.hyperparameters
        known.metrics.update("chief_memory_bytes", psutil.Process().memory_info().rss)
        super().end_trial(trial)
        # A chief that was started again had put it on the list of those to repeat, whoever ran it to its end.
        self._retry_queue = [trial_id for trial_id in self._retry_queue if trial_id != trial.trial_id]
        self.save()

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "rejected": self.rejected, "has_baseline": self.has_baseline}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self.rejected = state["rejected"]
        self.has_baseline = state["has_baseline"]


class Random(_Careful, oracles.RandomSearchOracle):
    """Chance alone."""


class Bayesian(_Careful, oracles.BayesianOptimizationOracle):
    """A Gaussian process over the trials so far, after a third of them by chance.

    It chooses among many random candidates, by the same confidence bound. Keras Tuner's gradient descent from 50 starts
    takes up to 20 seconds a trial, and it waits for three times as many trials as there are hyperparameters.
    """

    def __init__(self, *, max_trials: int, **kwargs: Any):
        super().__init__(max_trials=max_trials, num_initial_points=max(max_trials // _RANDOM_SHARE, 3), **kwargs)

    def _propose(self, trial_id: str) -> dict[str, Any]:
        completed = {one: trial for one, trial in self.trials.items() if trial.status == "COMPLETED"}
        if len(completed) < self.num_initial_points:
            return super()._propose(trial_id)
        begun = self.trials
        # Those that are running count with what the completed ones promise of them.
        for known in (completed, begun) if self.ongoing_trials else (begun,):
            self.trials = known
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # of so few points there is no best length scale
                self.gpr.fit(*self._vectorize_trials())
        # By the number of trials it is the same again after an interruption.
        chance = np.random.default_rng([self.seed, len(self.trials)])
        candidates = chance.uniform(size=(_CANDIDATES, len(self._nonfixed_space())))
        mean, deviation = self.gpr.predict(candidates, return_std=True)
        best_first = map(self._vector_to_values, candidates[np.argsort(mean - self.beta * deviation)])
        for values in itertools.islice(itertools.filterfalse(self._duplicate, best_first), _ATTEMPTS):
            if not self._is_rejected(values):
                return {"status": "RUNNING", "values": values}
        return {"status": "STOPPED"}


class Grid(_Careful, oracles.GridSearchOracle):
    """All combinations, the last hyperparameter first. Keras Tuner's own order does not survive an interruption."""

    def _propose(self, trial_id: str) -> dict[str, Any]:
        last = self.trials[self.start_order[-1]].hyperparameters.values if self.start_order else self.default_values()
        values = self._get_next_combination(last)
        return {"status": "STOPPED" if values is None else "RUNNING", "values": values}

    def _get_next_combination(self, values: dict[str, Any]) -> dict[str, Any] | None:
        for _ in range(_ATTEMPTS):
            values = super()._get_next_combination(values)
            if values is None or not self._is_rejected(values):
                return values
        return None


class Hyperband(_Careful, oracles.HyperbandOracle):
    """Many candidates for a few epochs, the best of them for more; bracket after bracket up to the number of trials.

    The defaults stand outside of all brackets and are trained for the epochs of the longest trials.
    """

    def __init__(self, *, max_trials: int, **kwargs: Any):
        super().__init__(hyperband_iterations=_WITHOUT_END, **kwargs)
        self.max_trials = max_trials

    def default_values(self) -> dict[str, Any]:
        return {**super().default_values(), "tuner/epochs": self.max_epochs}

    def _place(self, trial: Trial) -> None:
        values = trial.hyperparameters.values
        number, past = values.get("tuner/bracket"), values.get("tuner/trial_id")
        if past:
            for before, after in itertools.chain(*(itertools.pairwise(one["rounds"]) for one in self._brackets)):
                if any(one["id"] == past for one in before):
                    after.append({"past_id": past, "id": trial.trial_id})
        elif number in range(self._get_num_brackets()):  # the defaults are in none
            while self._current_bracket != number or self._is_full(self._brackets[-1]):
                self._increment_bracket_num()
                self._start_new_bracket()
            self._brackets[-1]["rounds"][0].append({"past_id": None, "id": trial.trial_id})

    def _is_full(self, bracket: dict[str, Any]) -> bool:
        return len(bracket["rounds"][0]) >= self._get_size(bracket["bracket_num"], 0)


def make(tuner: str, *, epochs: int, **kwargs: Any) -> keras_tuner.Oracle:
    """Returns the oracle of a --tuner; `epochs` are those of its longest trials."""
    kinds = {
        "random": Random,
        "bayesian": Bayesian,
        "grid": Grid,
        "hyperband": functools.partial(Hyperband, max_epochs=epochs),
    }
    return kinds[tuner](**kwargs)
