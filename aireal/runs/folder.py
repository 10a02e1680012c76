"""The files of a run folder."""

import contextlib
import dataclasses
import io
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from aireal import machine, paths, shipped
from aireal.errors import UserError
from aireal.runs import files
from aireal.settings import flagfile
from aireal.settings.config import FREE, Config
from aireal.settings.data import SOURCE
from builders.cifake import layout

PREPROCESSING = "preprocessing.json"
_MEND = "Take it from a copy of the run, or train again with --overwrite."
_MODELS = "a run folder, as train wrote it, a .keras or .tflite file, or a SavedModel folder"


class RunFolder:
    """One run on disk: flags.cfg env.json metrics.jsonl model.keras result.json predictions.csv and figures."""

    def __init__(self, path: os.PathLike | str):
        self.path = paths.of_run(path)
        self.flagfile = self.path / flagfile.NAME
        self.model = self.path / "model.keras"
        self.preprocessing = self.path / PREPROCESSING
        self.best_weights = self.path / "best.weights.h5"
        self.export = self.path / "export"
        self._metrics = self.path / "metrics.jsonl"
        self._result = self.path / "result.json"
        self._environment = self.path / "env.json"

    def config(self, **overrides: str | None) -> Config:
        """Returns the Config of the run, with those of `overrides` that are not None.

        Raises:
          UserError: there is no run, or a value is of no use.
        """
        if not self.flagfile.exists():
            reason = f"it has no {self.flagfile.name}" if self.path.exists() else "it does not exist"
            inside = sorted(path.parent.name for path in self.path.glob(f"*/{self.flagfile.name}"))
            advice = f" In it are {layout.listed(inside)}." if inside else ""
            raise UserError(f"{self.path} is not a run folder: {reason}.{advice}")
        given = {name: value for name, value in overrides.items() if value is not None}
        if "source" in given:  # of which the run's own says nothing
            usual = {field.name: field.default for field in dataclasses.fields(Config) if field.name in SOURCE}
            given = {**usual, **given}
        config = dataclasses.replace(flagfile.load(self.flagfile), **given)
        absolute = config.absolute()
        return dataclasses.replace(config, **{name: getattr(absolute, name) for name in given})

    @contextlib.contextmanager
    def claim(self, config: Config, *, overwrite: bool) -> Iterator[Config]:
        """Makes the folder, or opens one that belongs to the same flags, for this process alone.

        Yields:
          `config`, as begun where an earlier start has begun it.

        Raises:
          UserError: the folder belongs to other flags or to something else, or a run is active in it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            held = files.claim(
                self.path, f"Another process is at work in {self.path}. Wait for it, or choose another --workdir."
            )
        except OSError as error:
            raise UserError(f"--workdir={self.path} cannot be used: {error}") from error
        with held:
            if overwrite and self.flagfile.exists():
                doomed = files.beside(self.path, files.PARTIAL)  # in one step, then file by file
                shutil.rmtree(doomed, ignore_errors=True)
                os.replace(self.path, doomed)
                shutil.rmtree(doomed)
            yield self._same_run(config)

    def hold(self) -> contextlib.AbstractContextManager:
        """Takes the folder for this process alone, to write figures into it. Raises UserError where another has it."""
        return files.claim(self.path, f"Another process is at work in {self.path}. Wait for it.")

    def _same_run(self, config: Config) -> Config:
        if not self.flagfile.exists():
            if os.path.lexists(self.path) and not self.path.is_dir():
                raise UserError(f"{self.path} is a file or a loop of links. Choose another --workdir.")
            if self.path.exists() and files.others(self.path):
                raise UserError(f"{self.path} holds other files and no run. Choose another --workdir.")
            return config
        earlier = self.config()
        config = config.as_begun(earlier)
        names = (field.name for field in dataclasses.fields(Config) if field.name not in FREE)
        if rows := config.differences(earlier, names):
            raise UserError(
                f"{self.path} belongs to a run with other flags; choose another --workdir, or --overwrite to delete "
                f"that run:{rows}"
            )
        return config

    def fingerprint(self) -> str | None:
        """Returns that of the data the run began on, or None where it has not begun."""
        return self.environment().get("data_fingerprint")

    def environment(self) -> dict[str, Any]:
        """Returns what env.json holds; nothing where the run has not begun."""
        if not self._environment.exists():
            return {}
        return files.read_json(self._environment, holding=["data_fingerprint"], mend=_MEND)

    def on(self, fingerprint: str) -> "RunFolder":
        """Returns the folder for what the run's model does on these data: itself, or for others one inside it."""
        return self if fingerprint == self.fingerprint() else RunFolder(self.path / f"on-{fingerprint}")

    def write_start(self, config: Config, fingerprint: str, accelerators: Sequence[str] = ()) -> None:
        """Writes flags.cfg and env.json, unless the run is finished; env.json keeps what earlier starts were made with.

        Raises:
          UserError: it began on other data.
        """
        if self.fingerprint() not in (None, fingerprint):
            raise UserError(
                f"The images in {config.source} have changed since the run in {self.path} began: their names, sizes or "
                "times of change. If they are the same pictures, copy them with their times (cp -p, rsync -t); else "
                "give --overwrite to begin again, or another --workdir."
            )
        if self.model.exists():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        header = "# Replay: python -m aireal.train --flagfile=THIS_FILE --workdir=ELSEWHERE\n"
        # The flags come first: by them a next start knows the folder for a run's, wherever this one was killed.
        files.write_text(self.flagfile, header + flagfile.dumps(config, workdir=self.path))
        starts = []
        if last := self.environment():
            starts = [*last.pop("earlier_starts", []), last]
        environment = {**machine.environment(), "accelerators": list(accelerators), "data_fingerprint": fingerprint}
        files.write_json(self._environment, {**environment, "earlier_starts": starts})

    def rows(self) -> list[dict[str, float]]:
        """Returns the epochs of metrics.jsonl so far."""
        if not self._metrics.exists():
            return []
        try:
            return [json.loads(line) for line in self._metrics.read_text(encoding="utf-8").splitlines()]
        except ValueError as error:
            raise UserError(f"{self._metrics} is damaged: {error}. {_MEND}") from error

    def write_rows(self, rows: Sequence[dict[str, float]]) -> None:
        files.write_text(self._metrics, "".join(json.dumps(row) + "\n" for row in rows))

    def result(self) -> dict[str, Any]:
        return files.read_json(self._result, mend=_MEND) if self._result.exists() else {}

    def update_result(self, **values: Any) -> dict[str, Any]:
        """Adds or replaces keys of result.json and returns the whole."""
        result = {**self.result(), **values}
        files.write_json(self._result, result)
        return result

    def checkpoint(self) -> tuple[pathlib.Path, int] | None:
        """Returns the last checkpoint and the number of epochs behind it, or None."""
        found = sorted(self.path.glob("checkpoint-*.weights.h5"))
        return (found[-1], int(re.findall(r"\d+", found[-1].name)[0])) if found else None

    def save_checkpoint(self, model, epochs_done: int) -> None:
        """Saves weights and optimizer; the epoch is in the name, so that both appear in one rename."""
        earlier = list(self.path.glob("checkpoint-*.weights.h5"))
        _save_weights(model, self.path / f"checkpoint-{epochs_done:06}.weights.h5")
        for path in earlier:
            path.unlink()

    def save_best(self, model) -> None:
        """Saves the weights of the best epoch so far."""
        _save_weights(model, self.best_weights)

    def drop_checkpoints(self) -> None:
        kept = f"{files.PARTIAL}robustness"  # a battery's, which goes on
        for path in {*self.path.glob("*.weights.h5"), *self.path.glob(f"{files.PARTIAL}*")}:
            if path.is_file() and not path.name.startswith(kept):  # a folder is an export's, which tidies up itself
                path.unlink()


class _Memory(io.BytesIO):
    """A file in memory that Keras writes weights to: it looks at the ending of what it is given."""

    def __str__(self) -> str:
        return "memory.weights.h5"


def _save_weights(model, path: pathlib.Path) -> None:
    # Through memory: on a full disk HDF5 cannot close its file, and tells of every object in it with a traceback.
    memory = _Memory()
    model.save_weights(memory)
    with files.replacing(path) as partial:
        partial.write_bytes(memory.getbuffer())


def model_file(run: os.PathLike | str) -> pathlib.Path:
    """Returns the model that is meant by a run folder, or by a .keras or .tflite file or a SavedModel folder itself.

    Raises:
      UserError: there is none.
    """
    path = shipped.locate(run)
    if not path.exists():
        names = " or ".join(shipped.names())
        raise UserError(f"{path} does not exist. Expected {_MODELS}, or the name of a shipped network, {names}.")
    if path.is_file() and path.suffix not in (".keras", ".tflite"):
        raise UserError(f"{path} is no model. Expected {_MODELS}.")
    if path.is_file() or (path / "saved_model.pb").exists():
        return path
    folder = RunFolder(path)
    if not folder.flagfile.exists() and (forms := sorted(file.name for file in path.glob("*.tflite"))):
        raise UserError(f"{path} holds several forms of a model. Name one of them: {', '.join(forms)}.")
    folder.config()  # makes sure that it is a run's
    if not folder.model.exists():
        raise UserError(f"{path} has no {folder.model.name}: the training there has not finished.")
    return folder.model


def run_of(model: pathlib.Path) -> RunFolder:
    """Returns the run that a model of `model_file` lies in. Raises UserError where it lies in none."""
    for folder in model.parents:
        if (run := RunFolder(folder)).flagfile.exists():
            return run
    raise UserError(f"{model} is outside of its run folder, which says what images it is for. Name the one inside.")
