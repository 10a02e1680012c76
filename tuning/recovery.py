"""How an oracle's files stay whole, and how it takes up a search of which some may be lost."""

import json
import os
import pathlib
import shutil
from typing import Any

from keras_tuner.engine.trial import Trial

from aireal.runs import files


class Recovering:
    """What is changed of an oracle's way with its files; stands before Keras Tuner's class among the bases.

    - oracle.json and trial.json appear whole or not at all.
    - Wherever the chief was killed, each trial that had begun is run to its end once, and none is forgotten.
    - A lost oracle.json is made again from the trials, and another trial is run in place of each that is lost.
    """

    def reload(self) -> None:
        """Takes up the search in the folder: by oracle.json, or by the trials where that or one of them is lost.

        Keras Tuner goes by the folders that are there and by what oracle.json calls ongoing. Both are wrong for a
        moment, between the writing of a trial's file and of oracle.json.
        """
        path = pathlib.Path(self._get_oracle_fname())
        state = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        there = map(Trial.load, map(str, pathlib.Path(self._project_dir).glob("trial_*/trial.json")))
        trials = {trial.trial_id: trial for trial in there}
        begun = state["start_order"] if state else list(trials)
        for trial_id in set(trials) - set(begun):
            if trials[trial_id].status == "RUNNING":  # it had not begun
                shutil.rmtree(self._get_trial_dir(trial_id))
                del trials[trial_id]
        if state and set(trials) == set(begun):
            self.trials = {trial_id: trials[trial_id] for trial_id in begun}
            self.set_state({**state, "ongoing_trials": {}})
        else:
            self._rebuild(trials, begun, state)
        self._retry_queue = [one for one in reversed(self.trials) if self.trials[one].status == "RUNNING"]

    def _rebuild(self, trials: dict[str, Trial], begun: list[str], state: dict[str, Any] | None) -> None:
        """Goes through the trials as if each began now, and proposes another one in place of each that is lost.

        Args:
          trials: id -> trial, those that are there.
          begun: ids of those that have begun, as far as it is known.
          state: what oracle.json holds; None where it is lost.
        """
        # Keras Tuner makes the next id of the number of trials: where one is missing, that would be somebody else's.
        ids = {int(trial_id): trial_id for trial_id in (*begun, *trials)}
        width = len(str(self.max_trials))
        order = [ids.get(number, f"{number:0{width}}") for number in range(max(ids, default=-1) + 1)]
        self.rejected = state["rejected"] if state else []
        # A seed was used for each value that was drawn, and more for rejected candidates, which are rejected again.
        self._seed_state = state["seed_state"] if state else self.seed + len(order) * len(self.hyperparameters.space)
        self._tried_so_far.update(self._compute_values_hash(one["values"]) for one in self.rejected)
        for trial in trials.values():
            self._record_values(trial)
        for trial_id in order:
            if trial := trials.get(trial_id):
                self._place(trial)
            else:
                trial = self._in_place_of(trial_id)
            self.trials[trial_id] = trial
            self.start_order.append(trial_id)
            if trial.status != "RUNNING":
                self.end_order.append(trial_id)
                self._run_times[trial_id] = 1
        if order:
            self.has_baseline = self.trials[order[0]].hyperparameters.values == self.default_values()
        self.save()

    def _in_place_of(self, trial_id: str) -> Trial:
        """Returns a trial that is to be run under the id of a lost one."""
        found = self.populate_space(trial_id)
        hyperparameters = self.hyperparameters.copy()
        hyperparameters.values = found.get("values") or {}
        trial = Trial(hyperparameters, trial_id)
        if found["status"] != "RUNNING":
            trial.status, trial.message = "FAILED", "its files are lost, and no other candidate was found"
        self._record_values(trial)
        self._save_trial(trial)
        return trial

    def _place(self, trial: Trial) -> None:
        """Writes down what else the oracle has to know of a trial that is there."""

    def save(self) -> None:
        files.write_json(pathlib.Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial: Trial) -> None:
        files.write_json(pathlib.Path(self._trial_file(trial.trial_id)), trial.get_state())

    def _trial_file(self, trial_id: str) -> str:
        return os.path.join(self._get_trial_dir(trial_id), "trial.json")
