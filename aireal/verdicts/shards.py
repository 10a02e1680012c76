"""Verdicts over millions of pictures: a folder with a list of them, and a file of verdicts for each thousand, a shard.

Any number of processes, on any machines that see the folder, write shards. A new start makes those that are missing.
"""

import collections
import contextlib
import dataclasses
import functools
import json
import pathlib
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aireal import paths, runner
from aireal.errors import UserError
from aireal.runs import files
from aireal.runs.folder import PREPROCESSING
from aireal.verdicts import inputs, listing
from aireal.verdicts.contract import Contract
from aireal.verdicts.inputs import Named
from aireal.verdicts.listing import Kind
from aireal.verdicts.pictures import Prediction
from aireal.verdicts.predictor import Predictor
from builders import progress
from builders.cifake import layout
from builders.cifake.layout import Naming

_LIST, _JOB, _COUNTS, _UNPACKED = "pictures.jsonl", "job.json", "counts.json", "unpacked"
_AGAIN = "Take another --output, or delete that folder."

Counts = collections.Counter[Kind]


@dataclasses.dataclass(frozen=True)
class Shard:
    """A part of the list: its number, and the byte of the list where it begins."""

    number: int
    begin: int


@dataclasses.dataclass(frozen=True)
class Job:
    """What is done to the pictures of a folder's list; processes get it as it is.

    Attributes:
      folder: for the list and the verdicts.
      pictures: how many there are.
      shard_pictures: in each shard but the last.
      model: a .tflite file.
      cores: that each process takes.
      options: of `Predictor`.
    """

    folder: pathlib.Path
    pictures: int
    shard_pictures: int
    model: pathlib.Path
    cores: int
    options: Mapping[str, Any]

    def __call__(self, shard: Shard) -> Counts:
        """Judges the pictures of a shard unless that has been done, and counts its predictions by their kind."""
        target = self.verdicts(shard.number)
        if not target.exists():
            with files.replacing(target, own=True) as partial, open(partial, "w", encoding="utf-8") as file:
                for prediction in self._judged(shard):
                    file.write(f"{json.dumps(prediction.as_dict() | {'size': prediction.size})}\n")
        with open(target, encoding="utf-8") as file:
            return listing.tally(map(_prediction, file), self.contract())

    @property
    def shards(self) -> int:
        """How many there are."""
        return -(-self.pictures // self.shard_pictures)

    def verdicts(self, number: int) -> pathlib.Path:
        """Returns the file of a shard: verdicts-00001-of-00120.jsonl"""
        return self.folder / f"verdicts-{number:05}-of-{self.shards:05}.jsonl"

    def all(self) -> Iterator[Shard]:
        """Yields every shard. Raises UserError where the list is not what it was."""
        begin = count = 0
        with contextlib.suppress(FileNotFoundError), open(self.folder / _LIST, "rb") as file:
            for line in file:
                if count % self.shard_pictures == 0:
                    yield Shard(count // self.shard_pictures, begin)
                begin += len(line)
                count += 1
        if count != self.pictures:
            told = f"{self.folder / _LIST} has {count:,} of {self.pictures:,} pictures: it is damaged."
            raise UserError(f"{told} {_AGAIN}")

    def done(self) -> int:
        """Returns how many shards are finished."""
        return sum(1 for _ in self.folder.glob("verdicts-*.jsonl"))

    def _judged(self, shard: Shard) -> Iterator[Prediction]:
        with open(self.folder / _LIST, "rb") as file:
            file.seek(shard.begin)
            named = [Named(*json.loads(line)) for line, _ in zip(file, range(self.shard_pictures), strict=False)]
        predictor, lock = self._loaded()
        with lock:
            predictions = predictor.stream(one.picture() for one in named)
            for one, (prediction, _) in zip(named, predictions, strict=True):
                yield dataclasses.replace(prediction, path=one.path)

    def contract(self) -> Contract:
        """Returns what happens to pictures, and by which rule they get their verdicts."""
        return self._loaded()[0].contract

    def _loaded(self) -> tuple[Predictor, threading.Lock]:
        return _predictor(self.model, cores=self.cores, **self.options)

    def run(self, engine: runner.Engine) -> Counts:
        """Does what is left, by Apache Beam, and counts all predictions by their kind.

        Args:
          engine: that runs Beam's pipelines.

        Raises:
          UserError, RuntimeError: as `runner.run`.
        """
        import apache_beam as beam

        pipeline = beam.Pipeline(engine.runner, engine.options)
        counts = (
            pipeline
            | beam.Create(list(self.all()))
            | beam.Reshuffle()  # over the processes
            | "Judge" >> beam.Map(self)
            | beam.CombineGlobally(_total)
        )
        counts | "Write" >> beam.Map(_write_counts, self.folder / _COUNTS)
        with progress.bar(title="judging", total=self.shards, unit=" shards", initial=self.done()) as shown:
            runner.run(pipeline, lambda: shown.update(self.done() - shown.n))
        found = json.loads((self.folder / _COUNTS).read_text(encoding="utf-8"))
        return collections.Counter(
            {Kind(**{name: one[name] for name in Kind._fields}): one["pictures"] for one in found}
        )


@functools.cache
def _predictor(model: pathlib.Path, **options) -> tuple[Predictor, threading.Lock]:
    """Returns what this process judges by, and who may: some runners call from several threads."""
    return Predictor(model, **options), threading.Lock()


def _prediction(line: str) -> Prediction:
    found = json.loads(line)
    return Prediction(**found | {"size": found["size"] and tuple(found["size"])})


# Beam takes annotations at their word, and leaves of these classes what they are made of.
def _total(counts: Iterable[Any]) -> Any:
    return sum(map(collections.Counter, counts), collections.Counter())


def _write_counts(counts: Any, to: pathlib.Path) -> None:
    found = [Kind(*kind)._asdict() | {"pictures": count} for kind, count in counts.items()]
    files.write_json(to, sorted(found, key=lambda one: -one["pictures"]))


def begin(
    folder: pathlib.Path,
    names: Sequence[str],
    model: pathlib.Path,
    *,
    naming: Naming,
    shard_pictures: int,
    cores: int,
    **options,
) -> tuple[Job, Mapping[str, int]]:
    """Lists the pictures in a folder, or finds the list of an earlier start.

    Args:
      folder: for the list and the verdicts; made where there is none.
      names, naming: as `inputs.find` takes them.
      model: a .tflite file.
      shard_pictures: how many make a shard.
      cores: that each process takes.
      **options: of `Predictor`.

    Returns:
      What to do, and what was left out, as `inputs.find` counts it.

    Raises:
      UserError: the folder holds something else, or verdicts of another command; a name is of no use.
    """
    _predictor(model, cores=cores, **options)  # what is wrong with it is said before the list is made
    told = {"names": [paths.absolute(name) for name in names], "columns": naming.columns, "model": _digest(model)}
    told |= {"shard_pictures": shard_pictures, **options}
    if (folder / _JOB).exists():
        job = files.read_json(folder / _JOB, holding=["pictures", "left_out", *told], mend=_AGAIN)
        if differing := [name for name, value in told.items() if job[name] != value]:
            raise UserError(f"{folder} holds verdicts of another command: {', '.join(differing)} differ. {_AGAIN}")
        _tidy(folder)
        print(f"{folder} goes on by its list of {job['pictures']:,} pictures; later ones are not in it.", flush=True)
    else:
        job = {**told, **_list(folder, told["names"], naming)}
        files.write_json(folder / _JOB, job)
    return Job(folder, job["pictures"], shard_pictures, model, cores, options), job["left_out"]


def _digest(model: pathlib.Path) -> str:
    """Returns what tells a model, with its preprocessing.json, from others."""
    return " ".join(files.digest(path) for path in (model, model.with_name(PREPROCESSING)) if path.exists())


def _tidy(folder: pathlib.Path) -> None:
    """Removes what a start that was killed was writing."""
    for partial in folder.glob(f"{files.PARTIAL}*"):
        partial.unlink(missing_ok=True)


def _list(folder: pathlib.Path, names: Sequence[str], naming: Naming) -> dict[str, Any]:
    """Writes the list of pictures and returns how many there are, and what was left out."""
    folder.mkdir(parents=True, exist_ok=True)
    _tidy(folder)
    if files.others(folder, (_LIST, _UNPACKED)):
        raise UserError(f"{folder} holds other files. {_AGAIN}")
    shutil.rmtree(folder / _UNPACKED, ignore_errors=True)
    left_out: collections.Counter[str] = collections.Counter()
    count = 0
    with files.replacing(folder / _LIST) as partial, open(partial, "w", encoding="utf-8") as file:
        for one in progress.bar(
            inputs.find(names, naming, folder / _UNPACKED, left_out), "listing", unit=" pictures", leave=False
        ):
            file.write(f"{json.dumps(one)}\n")
            count += 1
    if not count:
        raise UserError(f"No pictures in {layout.listed(names)}.")
    return {"pictures": count, "left_out": left_out}
