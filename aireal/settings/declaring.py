"""How a value of a run is declared: with its default, its documentation and its bounds."""

import dataclasses
import os
import typing
from typing import Any

from aireal.errors import UserError

_KINDS = {bool: "True or False", int: "a whole number", float: "a number", str: "a text"}


def field(default: Any, help: str, *, group: str, **bounds: Any) -> Any:
    """Declares a field.

    `bounds` are at_least, at_most, below (numbers, for each element of a list), choices, may_be_empty.
    """
    return dataclasses.field(default=default, metadata={"help": help, "group": group, **bounds})


def typed(field: dataclasses.Field, value: Any) -> Any:
    """Returns a value, as people write it in Python or NumPy gives it, in the field's type; a float may be an int.

    Raises:
      UserError: it is of another kind.
    """
    kind, *rest = typing.get_args(field.type) or (field.type,)
    if not rest:
        return _scalar(field.name, kind, value)
    value = _plain(value)
    if isinstance(value, str):
        raise UserError(f"--{field.name}={value!r} is not a list of numbers.")
    return tuple(_scalar(field.name, kind, one) for one in (value if isinstance(value, (list, tuple)) else (value,)))


def _scalar(name: str, kind: type, value: Any) -> Any:
    value = _plain(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is str and isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, bool) != (kind is bool) or not isinstance(value, (int, float) if kind is float else kind):
        raise UserError(f"--{name}={value!r} is not {_KINDS[kind]}.")
    return value


def _plain(value: Any) -> Any:
    """Returns an array or a number of NumPy as Python's, and all else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value
