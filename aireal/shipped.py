"""The trained networks that come with the package, by name."""

import os
import pathlib
import shlex

from aireal import paths
from aireal.errors import UserError
from aireal.machine import package_folder

DEFAULT = "robust"
_FOLDER = package_folder() / "aireal/trained"


def names() -> list[str]:
    """Returns what the shipped networks are called."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/flags.cfg"))


def locate(run: os.PathLike | str) -> pathlib.Path:
    """Returns the path of a run: what stands there, or else the run folder of the shipped network of that name.

    Raises:
      UserError: as `paths.of_run`.
    """
    return _FOLDER / run if _is_name(run) else paths.of_run(run)


def locate_own(run: os.PathLike | str) -> pathlib.Path:
    """Returns the path of a run whose network or verdicts are to be made anew: none that everybody has.

    Raises:
      UserError: it is the name of a shipped network; or as `paths.of_run`.
    """
    if _is_name(run):
        raise UserError(
            f"{run} comes with aireal, and what this writes would change it for everybody. Copy it, and name the copy: "
            f"mkdir -p runs && cp -r {shlex.quote(os.fspath(_FOLDER / run))} runs/{run}"
        )
    return locate(run)


def absolute(run: str) -> str:
    """Returns an absolute path, or the name of a shipped network, which is the same on any machine."""
    return run if _is_name(run) else paths.absolute(run)


def quickest(run: os.PathLike | str) -> pathlib.Path:
    """Returns the path of what judges pictures soonest: for a shipped network's name its int8 .tflite file.

    That needs no TensorFlow. A path is what it is, also that of a shipped run folder.
    """
    return locate(run) / "export/model_int8.tflite" if _is_name(run) else locate(run)


def _is_name(run: os.PathLike | str) -> bool:
    return os.fspath(run) in names() and not paths.resolve(run).exists()
