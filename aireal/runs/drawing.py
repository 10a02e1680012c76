"""The one style of all figures, and how they are written."""

import pathlib

from matplotlib.figure import Figure

from aireal.runs import files

BLUE, ORANGE, GREY = "#2563a8", "#d2601a", "#8a8a8a"  # told apart by those who see no red or green, too
COLORS = {"FAKE": ORANGE, "REAL": BLUE}
GRID = {"alpha": 0.3}  # of the lines behind curves
_DPI = 120  # pixels an inch


def figure(width: float, height: float) -> Figure:
    """Returns an empty figure of this size in inches, which no global state of matplotlib knows of."""
    return Figure(figsize=(width, height), dpi=_DPI, layout="constrained")


def write(drawn: Figure, path: pathlib.Path) -> None:
    """Writes a figure, in the format that the file's ending says."""
    with files.replacing(path) as partial:
        drawn.savefig(partial)
