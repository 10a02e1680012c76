"""Shared flags, made from Config's fields; flags -> Config -> replaying flagfile; the frame of every entry."""

import dataclasses
import errno
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags, logging

from aireal import machine
from aireal.settings import config as config_lib
from aireal.settings.config import Config, UserError

flags.disclaim_key_flags()  # the flags defined here count as the entry's, whose --help shows them

WORKDIR = "workdir"
# What the system says no with: no fault of the program.
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def define_config_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines one flag for every field of Config, with its default, help and choices."""
    define = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string}
    for field in dataclasses.fields(Config):
        name, default, help_text = field.name, field.default, _help(field)
        if "choices" in field.metadata:
            flags.DEFINE_enum(name, default, field.metadata["choices"], help_text, flag_values=values)
        elif field.type in define:
            define[field.type](name, default, help_text, flag_values=values)
        else:  # a tuple of integers
            flags.DEFINE_list(name, [str(number) for number in default], help_text, flag_values=values)


def define_data_flags() -> None:
    """Defines what entries about a run take, to look at other images than its own."""
    flags.DEFINE_string("source", None, "images of another place; by default those of the run")
    flags.DEFINE_enum(
        "builder_config", None, ["auto", "strict", "any"], "what the builder accepts; by default as in the run"
    )
    flags.DEFINE_string("prepared_dir", None, "folder for prepared TFRecords; by default that of the run")


def other_data() -> dict[str, str | None]:
    """Returns the values of `define_data_flags`, for `RunFolder.config`."""
    return {name: flags.FLAGS[name].value for name in ("source", "builder_config", "prepared_dir")}


def config_from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """Returns the Config that the parsed flags describe. Raises UserError where they make no sense."""
    found = {field.name: values[field.name].value for field in dataclasses.fields(Config)}
    lists = {name: _integers(name, value) for name, value in found.items() if isinstance(value, list)}
    return Config(**{**found, **lists, "source": absolute_source(found["source"])})


def absolute_source(source: str) -> str:
    """Returns a source that means the same from any folder. Raises UserError where a flagfile could not hold it."""
    try:
        source.encode()
    except UnicodeEncodeError:  # a name that is not UTF-8
        raise UserError(f"--source={source!a} is not UTF-8. Rename it, or give a link to it.") from None
    return source if source in ("", "demo", "kaggle") else os.path.abspath(os.path.expanduser(source))


def to_flagfile(config: Config, workdir: os.PathLike | str | None = None) -> str:
    """Returns the text of a flagfile that makes `config` again, every value written out."""
    lines = [f"--workdir={workdir}"] if workdir is not None else []
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
        lines.append(f"--{field.name}={value}")
    return "\n".join(lines).strip() + "\n"


def from_flagfile(path: os.PathLike | str) -> Config:
    """Returns the Config that `to_flagfile` wrote. Raises UserError where the file is not of this version."""
    values = flags.FlagValues()
    define_config_flags(values)
    flags.DEFINE_string(WORKDIR, None, "run folder", flag_values=values)
    try:
        values(["", *_lines(pathlib.Path(path))])
    except (flags.Error, ValueError) as error:  # as above
        raise UserError(f"{path}: {error}. Another version of aireal wrote this file?") from error
    return config_from_flags(values)


def run(main: Callable[..., int | None], *, arguments: bool = False) -> None:
    """Runs an entry: parses the flags, prints a UserError as one sentence and exits with 2, else with what main says.

    Args:
      main: the entry; called with the list of arguments where it takes any.
      arguments: whether it takes arguments that are no flags; otherwise they are refused.
    """

    def checked(argv: Sequence[str]) -> int | None:
        machine.use_huge_pages()  # once the flags are known to be sound, and before anything is imported for them
        if arguments:
            return main(argv[1:])
        if len(argv) > 1:
            raise UserError(
                f"unexpected argument {argv[1]!r}. Values are written --name=value, also for true and false."
            )
        return main()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's chatter about processors and missing GPUs
    logging.set_verbosity(logging.WARNING)  # and TFDS's, about every file it opens
    try:
        app.run(checked, argv=list(_expand(sys.argv)), flags_parser=_parse)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # who reads the output has had enough, as `| head`
        discard_output()
        sys.exit(141)
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        print(f"error: {': '.join(filter(None, [error.strerror, error.filename]))}", file=sys.stderr)
        sys.exit(2)


def discard_output() -> None:
    """Sends what is still to be printed nowhere, where printing has failed: Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _help(field: dataclasses.Field) -> str:
    bounds = {"at_least": "at least", "at_most": "at most", "below": "below"}
    stated = [f"{words} {field.metadata[name]:,.10g}" for name, words in bounds.items() if name in field.metadata]
    return field.metadata["help"] + (f" ({', '.join(stated)})" if stated else "")


def _parse(argv: Sequence[str]) -> list[str]:
    flags.FLAGS.set_gnu_getopt(True)  # flags may stand behind arguments
    try:
        return flags.FLAGS(argv)
    except (flags.Error, ValueError) as error:  # absl raises a ValueError for --noNAME=value
        raise UserError(f"{error}\n--help lists all flags.") from error


def _expand(argv: Sequence[str], within: tuple[pathlib.Path, ...] = ()) -> Iterator[str]:
    """Yields the arguments with each --flagfile replaced by what it holds, in place: what comes later wins.

    absl would do it too, but only finds files below the current folder; ours are also found where the package is.
    """
    arguments = iter(argv)
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.lstrip("-") != "flagfile" or not name.startswith("-"):
            yield argument
            continue
        path = _locate(value if equals else next(arguments, ""))
        if path in within:
            raise UserError(f"--flagfile={path} includes itself.")
        yield from _expand(_lines(path), (*within, path))


def _lines(path: pathlib.Path) -> list[str]:
    """Returns the flags in a flagfile: its lines without blank ones and comments."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--flagfile={path} cannot be read as text: {error}") from error
    return [line for line in lines if line and not line.startswith(("#", "//"))]


def _locate(name: str) -> pathlib.Path:
    candidates = [pathlib.Path(name).expanduser(), config_lib.package_folder() / name]
    for path in candidates:
        if name and path.is_file():
            return path.resolve()
    shipped = sorted(config_lib.package_folder().glob("*/configs/*.cfg"))
    known = ", ".join(path.relative_to(config_lib.package_folder()).as_posix() for path in shipped)
    raise UserError(f"--flagfile={name}: no such file, here or in the package, which has {known}.")


def _integers(name: str, texts: Sequence[str]) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in texts)
    except ValueError:
        raise UserError(f"--{name}={','.join(texts)}: expected whole numbers, comma-separated.") from None
