"""Shared flags, made from Config's fields; flags -> Config -> replaying flagfile; the frame of every entry."""

import dataclasses
import os
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence

from absl import app, flags, logging

from aireal import config as config_lib
from aireal.config import Config, UserError

flags.disclaim_key_flags()  # the flags defined here count as the entry's, whose --help shows them

WORKDIR = "workdir"


def define_config_flags() -> None:
    """Defines one flag for every field of Config, with its default, help and choices."""
    for field in dataclasses.fields(Config):
        name, default, help_text = field.name, field.default, _help(field)
        if "choices" in field.metadata:
            flags.DEFINE_enum(name, default, list(field.metadata["choices"]), help_text)
        elif field.type is bool:
            flags.DEFINE_bool(name, default, help_text)
        elif field.type is int:
            flags.DEFINE_integer(name, default, help_text)
        elif field.type is float:
            flags.DEFINE_float(name, default, help_text)
        elif field.type is str:
            flags.DEFINE_string(name, default, help_text)
        else:  # a tuple of integers
            flags.DEFINE_list(name, [str(number) for number in default], help_text)


def config_from_flags() -> Config:
    """Returns the Config that the parsed flags describe. Raises UserError where they make no sense."""
    values = {}
    for field in dataclasses.fields(Config):
        value = flags.FLAGS[field.name].value
        values[field.name] = _integers(field.name, value) if isinstance(value, list) else value
    if values["source"] not in ("", "demo", "kaggle"):
        values["source"] = os.path.abspath(os.path.expanduser(values["source"]))
    return Config(**values)


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
    fields = {field.name: field for field in dataclasses.fields(Config)}
    values = {}
    for line in pathlib.Path(path).read_text().splitlines():
        name, _, text = line.removeprefix("--").partition("=")
        if not line.startswith("--") or name == WORKDIR:
            continue
        if name not in fields:
            raise UserError(f"{path}: there is no flag --{name}; another version of aireal wrote this file.")
        kind = fields[name].type
        if kind is bool:
            values[name] = text == "true"
        elif kind in (int, float, str):
            values[name] = kind(text)
        else:
            values[name] = _integers(name, text.split(",") if text else [])
    return Config(**values)


def run(main: Callable[[], None]) -> None:
    """Runs an entry: parses the flags, refuses stray arguments, prints a UserError as one sentence and exits with 2."""

    def checked(argv: Sequence[str]) -> None:
        if len(argv) > 1:
            raise UserError(
                f"unexpected argument {argv[1]!r}. Values are written --name=value, also for true and false."
            )
        main()

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's chatter about processors and missing GPUs
    logging.set_verbosity(logging.WARNING)  # and TFDS's, about every file it opens
    try:
        app.run(checked, argv=list(_expand(sys.argv)), flags_parser=_parse)
    except UserError as error:
        sys.exit(_fail(error))
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)


def _help(field: dataclasses.Field) -> str:
    bounds = {"at_least": "at least", "at_most": "at most", "below": "below"}
    stated = [f"{words} {field.metadata[name]:,.10g}" for name, words in bounds.items() if name in field.metadata]
    return field.metadata["help"] + (f" ({', '.join(stated)})" if stated else "")


def _fail(error: Exception) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 2


def _parse(argv: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except (flags.Error, ValueError) as error:  # absl raises a ValueError for --noNAME=value
        sys.exit(_fail(f"{error}\n--help lists all flags."))


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
            raise SystemExit(_fail(f"{path} includes itself."))
        lines = (line.strip() for line in path.read_text().splitlines())
        yield from _expand([line for line in lines if line and not line.startswith(("#", "//"))], (*within, path))


def _locate(name: str) -> pathlib.Path:
    candidates = [pathlib.Path(name).expanduser(), config_lib.package_folder() / name]
    for path in candidates:
        if name and path.is_file():
            return path.resolve()
    shipped = sorted(config_lib.package_folder().glob("*/configs/*.cfg"))
    known = ", ".join(path.relative_to(config_lib.package_folder()).as_posix() for path in shipped)
    raise SystemExit(_fail(f"--flagfile={name}: no such file, here or in the package, which has {known}."))


def _integers(name: str, texts: Sequence[str]) -> tuple[int, ...]:
    try:
        return tuple(int(text) for text in texts)
    except ValueError:
        raise UserError(f"--{name}={','.join(texts)}: expected whole numbers, comma-separated.") from None
