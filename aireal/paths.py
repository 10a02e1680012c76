"""What names on the command line mean: the file or folder for the work, and which of them the work can take."""

import os
import pathlib
import re

from aireal.errors import UserError
from builders.cifake import layout

# Control characters and line ends, for which flagfiles and messages have no place, and what is no UTF-8 (Python holds
# such bytes as lone surrogates), which TensorFlow does not take.
_UNFIT = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def resolve(name: os.PathLike | str) -> pathlib.Path:
    """Returns what a name stands for, absolute, links followed; a loop of links stays as it is.

    Raises:
      UserError: it begins with ~, and that is nobody's home.
    """
    return pathlib.Path(os.path.realpath(_expanded(name)))


def absolute(name: str) -> str:
    """Returns a path that means the same from any folder, with its links, so that they may lead elsewhere later.

    Raises:
      UserError: as `resolve`.
    """
    name = _expanded(name)
    path = os.path.abspath(name)
    # Behind a link to a folder, .. is above the folder and not above the link.
    return path if os.path.realpath(path) == os.path.realpath(name) else os.path.realpath(name)


def _expanded(name: os.PathLike | str) -> str:
    expanded = os.path.expanduser(os.fspath(name))
    if expanded.startswith("~"):
        raise UserError(f"{name} cannot be used: nobody has that home. For a folder of that name here write ./{name}.")
    return expanded


def complaint(name: os.PathLike | str) -> str | None:
    """Returns what speaks against a name that is written down and given to TensorFlow, without what to do about it."""
    if not _UNFIT.search(os.fspath(name)):
        return None
    return f"{layout.printable(os.fspath(name))} has a control character in it, or is not UTF-8"


def of_run(name: os.PathLike | str) -> pathlib.Path:
    """Returns `resolve` of a name. Raises UserError where `complaint` has one."""
    path = resolve(name)
    if found := complaint(path):
        raise UserError(f"{found}. Rename it.")
    return path
