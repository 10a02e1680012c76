"""Progress bars for a terminal, a notebook and a log."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:  # late, because who judges one picture waits for it
    from tqdm.auto import tqdm

_TERMINAL_SECONDS, LOG_SECONDS = 0.5, 30.0  # between two looks at a bar


def bar(iterable: Iterable | None = None, title: str | None = None, total: int | None = None, **options) -> "tqdm":
    """Returns a bar of tqdm; a log gets a line every half minute, and none of what is done sooner.

    Args:
      iterable: what is counted as it is gone through; None where `update` counts.
      title: stands before the bar.
      total: how many there will be, where that is known.
      **options: of tqdm, as `unit` and `leave`.
    """
    from tqdm.auto import tqdm

    is_watched = _is_watched()
    pace = {"mininterval": _TERMINAL_SECONDS} if is_watched else {"mininterval": LOG_SECONDS, "delay": LOG_SECONDS}
    return tqdm(iterable, title, total, **pace | {"dynamic_ncols": is_watched} | options)


def write(line: str, file: TextIO) -> None:
    """Writes a line, clear of the bars that are shown."""
    if _is_watched():
        from tqdm.auto import tqdm

        tqdm.write(line, file)
    else:
        print(line, file=file, flush=True)


def _is_watched() -> bool:
    return "tqdm.notebook" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())
