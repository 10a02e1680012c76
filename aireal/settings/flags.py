"""The flags that describe a run, made from its fields; flags -> Config. Only entries read them."""

import dataclasses
from collections.abc import Iterable, Sequence

from absl import flags

from aireal.errors import UserError
from aireal.settings.config import Config
from aireal.settings.data import SOURCE
from aireal.sources.source import Source

flags.disclaim_key_flags()  # the flags defined here count as the entry's, whose --help shows them

WORKDIR = "workdir"


def define_config_flags(values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines one flag for every field of Config, with its default, help and choices."""
    define = {bool: flags.DEFINE_bool, int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string}
    for field in dataclasses.fields(Config):
        name, default, help_text = field.name, field.default, _help(field)
        if "choices" in field.metadata:
            flags.DEFINE_enum(name, default, field.metadata["choices"], help_text, flag_values=values)
        elif field.type in define:
            define[field.type](name, default, help_text, flag_values=values)
        else:  # a tuple of numbers
            flags.DEFINE_list(name, [str(number) for number in default], help_text, flag_values=values)


def define_data_flags() -> None:
    """Defines what entries about a run take, to look at other images than its own."""
    flags.DEFINE_string("source", None, "images of another place, as train takes them; by default those of the run")
    flags.DEFINE_string("prepared_dir", None, "folder for prepared TFRecords; by default that of the run")
    define_source_flags(SOURCE)


def define_source_flags(names: Iterable[str]) -> None:
    """Defines those of `data.SOURCE` that an entry takes; unset they are as in the run, or train's defaults."""
    for field in dataclasses.fields(Config):
        if field.name in names and "choices" in field.metadata:
            flags.DEFINE_enum(field.name, None, field.metadata["choices"], _help(field))
        elif field.name in names:
            flags.DEFINE_string(field.name, None, _help(field))


def other_data() -> dict[str, str | None]:
    """Returns the values of `define_data_flags`, for `RunFolder.config`."""
    return {name: flags.FLAGS[name].value for name in ("source", "prepared_dir", *SOURCE)}


def config_from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """Returns the Config that the parsed flags describe. Raises UserError where they make no sense."""
    found = {field.name: values[field.name].value for field in dataclasses.fields(Config)}
    lists = {
        field.name: _numbers(field.name, found[field.name], type(field.default[0]))
        for field in dataclasses.fields(Config)
        if isinstance(field.default, tuple)
    }
    return Config(**{**found, **lists}).absolute()


def config_of_command() -> Config:
    """Returns the Config of the command line. Raises UserError where it makes no sense or its source is of no use."""
    config = config_from_flags()
    Source.of(config).check()
    return config


def _help(field: dataclasses.Field) -> str:
    bounds = {"at_least": "at least", "at_most": "at most", "below": "below"}
    stated = [f"{words} {field.metadata[name]:,.10g}" for name, words in bounds.items() if name in field.metadata]
    return field.metadata["help"] + (f" ({', '.join(stated)})" if stated else "")


def _numbers(name: str, texts: Sequence[str], kind: type[int] | type[float]) -> tuple[int, ...] | tuple[float, ...]:
    try:
        return tuple(kind(text) for text in texts)
    except ValueError:
        what = {int: "whole numbers", float: "numbers"}[kind]
        raise UserError(f"--{name}={','.join(texts)}: expected {what}, comma-separated.") from None
