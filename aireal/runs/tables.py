"""Rows of text under a header: on a terminal here, in a page by `page.py`."""

import dataclasses
from collections.abc import Sequence

_GAP = "  "


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of text under a header; all columns but the first align right. `caption` may be empty.

    str() gives it for a terminal.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.header, *self.rows, strict=True)]
        lines = [line(cells, widths) for cells in (self.header, *self.rows)]
        return "\n".join([self.caption, *lines] if self.caption else lines)


def line(cells: Sequence[str], widths: Sequence[int], left: int = 1) -> str:
    """Returns one line of a table whose columns have these widths, for tables that are printed as they grow.

    The first `left` columns align left, the others right.
    """
    aligned = [
        f"{cell:<{width}}" if index < left else f"{cell:>{width}}"
        for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return _GAP.join(aligned).rstrip()
