"""A Config as the text of a flagfile, and back; flagfiles within flagfiles."""

import dataclasses
import itertools
import json
import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags as absl_flags

from aireal import machine, shipped
from aireal.errors import UserError
from aireal.settings import flags
from aireal.settings.config import Config

NAME = "flags.cfg"  # of the flagfile in a run folder
_RECIPES = machine.package_folder() / "aireal/configs"
# Values that a line would not hold as they are: blanks or quotes at an end, and what reads as a comment.
_TO_BE_QUOTED = re.compile(r"""\s.*|.*\s|["'].*|.*\s\#.*""")
_DOUBLE, _SINGLE = re.compile(r'("(?:[^"\\]|\\.)*")\s*(?:#.*)?'), re.compile(r"'([^']*)'\s*(?:#.*)?")


def dumps(config: Config, workdir: os.PathLike | str | None = None) -> str:
    """Returns the text of a flagfile that makes `config` again, every value written out."""
    lines = [f"--workdir={_quoted(str(workdir))}"] if workdir is not None else []
    group = None
    for field in dataclasses.fields(config):
        if field.metadata["group"] != group:
            group = field.metadata["group"]
            lines.append(f"\n# {group}")
        value = getattr(config, field.name)
        if isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, tuple):
            value = ",".join(map(str, value))
        lines.append(f"--{field.name}={_quoted(str(value))}")
    return "\n".join(lines).strip() + "\n"


def load(path: os.PathLike | str) -> Config:
    """Returns the Config that `dumps` wrote.

    Raises:
      UserError: the file is not of this version, or not whole: what it does not say would come from the demo.
    """
    lines = _lines(pathlib.Path(path))
    config = _parse(path, lines)
    first, *_, last = (field.name for field in dataclasses.fields(Config))
    missing = [name for name in (first, last) if not any(line.startswith(f"--{name}=") for line in lines)]
    if missing:
        raise UserError(f"{path} is damaged: it says nothing of --{' and --'.join(missing)}. Take it from a copy.")
    return config


def recipe(name: os.PathLike | str, **changes: Any) -> Config:
    """Returns the settings of a recipe, with defaults for what it does not say.

    Args:
      name: of a recipe that comes with the package, such as "fast", or the path of a flagfile.
      changes: fields of Config, and what they are instead.

    Raises:
      UserError: there is no such recipe, or its values and the changes do not go together.
      TypeError: a change is of no field.
    """
    path = named if (named := _RECIPES / f"{name}.cfg").is_file() else name
    return dataclasses.replace(_parse(path, expand(["", f"--flagfile={path}"])[1:]), **changes)


def _parse(path: os.PathLike | str, lines: Sequence[str]) -> Config:
    values = absl_flags.FlagValues()
    flags.define_config_flags(values)
    absl_flags.DEFINE_string(flags.WORKDIR, None, "run folder", flag_values=values)
    try:
        values(["", *lines])
    except (absl_flags.Error, ValueError) as error:  # absl raises a ValueError for --noNAME=value
        raise UserError(f"{path}: {error}. Another version of aireal wrote this file?") from error
    return flags.config_from_flags(values)


def expand(argv: Sequence[str], *, trains_on: bool = True) -> list[str]:
    """Returns the arguments with each --flagfile replaced by what it holds, in place: what comes later wins.

    absl would do it too, but only finds files below the current folder; ours are also found beside the one that names
    them, and in the package. Where there is --initial_weights, the flags of that run's network come first of all.

    Args:
      argv: the program and its arguments.
      trains_on: whether the program knows --initial_weights.

    Raises:
      UserError: a flagfile or the run cannot be read.
    """
    program, *arguments = _expanded(argv)
    initial = ""
    before_names = list(itertools.takewhile(lambda argument: argument != "--", arguments))
    for argument, following in itertools.zip_longest(before_names, before_names[1:], fillvalue=""):
        name, equals, value = argument.partition("=")
        if name in ("--initial_weights", "-initial_weights"):
            initial = value if equals else following
    said = {argument.partition("=")[0].lstrip("-") for argument in before_names}
    if not trains_on or not initial or said.issuperset(Config.of_network()):  # as flags.cfg, which may outlive that run
        return [program, *arguments]
    return [program, *_of_network(initial), *arguments]


def _of_network(run: str) -> Iterator[str]:
    """Yields the flags that a network keeps when it is trained on."""
    path = shipped.locate(run) / NAME
    if not path.is_file():
        raise UserError(
            f"--initial_weights={run} is no run folder, which has a {NAME}, nor the name of a shipped network, "
            f"{' or '.join(shipped.names())}."
        )
    kept = tuple(f"--{name}=" for name in Config.of_network())
    yield from (_unquoted(line) for line in dumps(load(path)).splitlines() if line.startswith(kept))


def _expanded(argv: Sequence[str], within: tuple[pathlib.Path, ...] = ()) -> Iterator[str]:
    arguments = iter(argv)
    for argument in arguments:
        if argument == "--":  # behind which all are names
            yield from (argument, *arguments)
            return
        name, equals, value = argument.partition("=")
        if name.lstrip("-") != "flagfile" or not name.startswith("-"):
            yield argument
            continue
        path = _locate(value if equals else next(arguments, ""), within)
        if path in within:
            raise UserError(f"--flagfile={path} includes itself.")
        yield from _expanded(_lines(path), (*within, path))


def _lines(path: pathlib.Path) -> list[str]:
    """Returns the flags in a flagfile: its lines without blank ones, comments, and quotes around values."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--flagfile={path} cannot be read as text: {error}") from error
    try:
        return [_unquoted(line) for line in lines if line and not line.startswith(("#", "//"))]
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error


def _quoted(value: str) -> str:
    """Returns a value as `_unquoted` takes it: as it is where it can be, else in double quotes as in JSON."""
    return json.dumps(value) if _TO_BE_QUOTED.fullmatch(value) else value


def _unquoted(line: str) -> str:
    """Returns a flag as a command line would have it, which takes away comments and quotes."""
    name, equals, value = line.partition("=")
    if value.startswith('"'):
        try:
            value = json.loads(_DOUBLE.fullmatch(value)[1], strict=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{line}: in double quotes, which have to be closed, a \\ is written \\\\.") from error
    elif match := _SINGLE.fullmatch(value):
        value = match[1]
    else:
        return re.split(r"\s#", line)[0].rstrip()
    return name + equals + value


def _locate(name: str, within: tuple[pathlib.Path, ...]) -> pathlib.Path:
    """Returns the flagfile of a name: from the current folder, from beside the one that names it, or shipped."""
    beside = [outer.parent / name for outer in within[-1:]]
    candidates = [pathlib.Path(os.path.expanduser(name)), *beside, machine.package_folder() / name]
    for path in candidates:
        if name and path.is_file():
            return path.resolve()
    shipped = sorted(machine.package_folder().glob("*/configs/*.cfg"))
    known = ", ".join(path.relative_to(machine.package_folder()).as_posix() for path in shipped)
    raise UserError(f"--flagfile={name}: no such file, here or in the package, which has {known}.")
