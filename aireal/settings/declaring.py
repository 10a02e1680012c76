"""How a value of a run is declared: with its default, its documentation and its bounds."""

import dataclasses
from typing import Any


def field(default: Any, help: str, *, group: str, **bounds: Any) -> Any:
    """Declares a field.

    `bounds` are at_least, at_most, below (numbers, for each element of a list), choices, may_be_empty.
    """
    return dataclasses.field(default=default, metadata={"help": help, "group": group, **bounds})
