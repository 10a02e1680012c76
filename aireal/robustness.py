"""What becomes of verdicts when pictures are compressed or resized: python -m aireal.robustness --run=runs/robust

Several models stand side by side: --run='runs/baseline,runs/robust-seed-*' draws two lines, the second one the mean
over its seeds.
"""

import glob
import os
import pathlib

from absl import flags

from aireal import command, paths, shipped
from aireal.errors import UserError
from aireal.runs.folder import model_file, run_of
from aireal.settings import flags as shared
from aireal.sources.source import Source

_RUN = flags.DEFINE_list(
    "run",
    None,
    "run folders, or exported .tflite files and SavedModel folders in them, comma-separated; a pattern with * stands "
    "for runs that differ in their seed; double quotes around a name keep its commas",
    required=True,
)
_SPLIT = flags.DEFINE_enum(
    "split",
    "test",
    ["validation", "test"],
    "images to judge on: those of validation, each run's own, for choices, those of test for the report",
)
_FIGURE = flags.DEFINE_string(
    "figure", None, "file for the figure, .png or .svg; by default beside the figures of the first model"
)
shared.define_data_flags()


def main() -> None:
    if not all(_RUN.value or [""]):
        raise UserError("--run is empty, or a part of it.")
    figure = _figure(_FIGURE.value)
    models = {pattern: [model_file(path) for path in _matching(pattern)] for pattern in _RUN.value}
    other_data = shared.other_data()
    for model in (model for matching in models.values() for model in matching):
        run = run_of(model)  # makes sure that there is one
        if other_data["source"]:
            Source.of(run.config(**other_data)).check(to_learn=False)
    groups = dict(zip(_names(list(models)), models.values(), strict=True))

    from aireal.judging import comparison

    comparison.compare(groups, other_data, figure, _SPLIT.value)


def _figure(path: str | None) -> pathlib.Path | None:
    if path is None:
        return None
    figure = paths.resolve(path)
    if figure.suffix not in (".png", ".svg") or not figure.parent.is_dir():
        raise UserError(f"--figure={path}: expected a .png or .svg file in a folder that exists.")
    return figure


def _matching(pattern: str) -> list[str]:
    if "*" not in pattern or os.path.exists(pattern):  # a name may have a * in it
        return [os.fspath(shipped.locate_own(pattern))]
    literal = (glob.escape(part) for part in os.path.expanduser(pattern).split("*"))  # [1] is a name
    if found := sorted(glob.glob("*".join(literal))):
        return found
    raise UserError(f"--run={pattern}: nothing has such a name.")


def _names(patterns: list[str]) -> list[str]:
    """Returns what models are called: runs/robust-seed-* is robust; where two would have one name, what was typed."""
    names = [paths.resolve(pattern).name.partition("*")[0].rstrip("-_").removesuffix("-seed") for pattern in patterns]
    return names if all(names) and len(set(names)) == len(names) else patterns


if __name__ == "__main__":
    command.run(main)
