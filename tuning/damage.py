"""What of a search's files is lost: told, and kept under another name, so that the search goes on without it.

Free of TensorFlow.
"""

import functools
import itertools
import os
import pathlib
from collections.abc import Callable
from typing import Any

from aireal.errors import UserError
from tuning.folder import PROJECT, Folder

_ASIDE = "damaged-"  # begins the new names


def set_aside(folder: Folder) -> list[str]:
    """Renames oracle.json and the folders of trials that cannot be read; nothing is deleted.

    `oracles` makes a lost oracle.json again, and has another candidate trained in place of each lost trial.

    Args:
      folder: of a search that no process is at.

    Returns:
      A sentence on each that is lost, with its file; none where all are sound.

    Raises:
      UserError: a file is there, and the system does not let us read it.
    """
    found: list[str] = []
    there = {*folder.path.glob(f"{PROJECT}/trial_*")}
    begun = {trial for trial in there if any(trial.glob("[!.]*"))}
    if there or folder.oracle.exists():
        remedy = "It is made again from the trials; only what it knew of rejected candidates is gone."
        if lost := _lost(functools.partial(folder.read_oracle, remedy)):
            found.append(lost + _moved(folder.oracle))
        else:
            begun = {folder.trial_folder(trial_id) for trial_id in folder.read_oracle()["start_order"]}
    for trial in sorted(there | begun):
        # A chief that is killed at the beginning of a trial leaves a folder without the file.
        if trial in begun or (trial / "trial.json").exists():
            remedy = "The search goes on without this trial, and runs another one under its number."
            if lost := _lost(functools.partial(folder.read_trial, trial, remedy)):
                found.append(lost + _moved(trial))
                _moved(folder.tensorboard / trial.name.removeprefix("trial_"))  # the next of that number writes there
    return found


def _lost(read: Callable[[], Any]) -> str:
    """Returns what `read` says of a file that is missing or damaged; an empty text where it is sound."""
    try:
        read()
    except UserError as error:
        if isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, FileNotFoundError):
            raise  # nothing is known of the file: permission is lacking, or the disk does not answer
        return str(error)
    return ""


def _moved(path: pathlib.Path) -> str:
    """Gives a file or folder, where it is there, another name and returns a sentence about it."""
    if not path.exists():
        return ""
    names = (path.with_name(f"{_ASIDE}{f'{number}-' if number else ''}{path.name}") for number in itertools.count())
    aside = next(name for name in names if not name.exists())
    os.replace(path, aside)
    return f" What was there is now {aside}."
