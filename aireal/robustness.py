"""What becomes of verdicts when pictures are compressed or resized: python -m aireal.robustness --run=runs/robust

Several runs stand side by side: --run='runs/baseline,runs/robust-seed-*' draws two lines, the second one the mean over
its seeds.
"""

import glob
import pathlib

from absl import flags

from aireal import flags as shared
from aireal import record
from aireal.config import UserError

_RUN = flags.DEFINE_list(
    "run",
    None,
    "run folders, or exported .tflite files and SavedModel folders in them, comma-separated; a pattern with * stands "
    "for runs that differ in their seed",
    required=True,
)
_SOURCE = flags.DEFINE_string("source", None, "whose test images to judge on; by default each run's own")
_PREPARED_DIR = flags.DEFINE_string("prepared_dir", None, "folder for prepared TFRecords; by default that of the run")
_FIGURE = flags.DEFINE_string("figure", None, "file for the figure, .png or .svg; by default beside the first result")


def main() -> None:
    groups = [(pattern, [record.model_file(path) for path in _matching(pattern)]) for pattern in _RUN.value]
    runs = {model: record.run_of(model) for _, models in groups for model in models}
    given = {"source": _SOURCE.value, "prepared_dir": _PREPARED_DIR.value, "cache": "none"}
    configs = {model: run.config(**given) for model, run in runs.items()}  # what is wrong with one is said first

    from aireal import battery, files, plots

    found, places = {}, []
    for pattern, models in groups:
        found[_name(pattern)] = results = []
        for model in models:
            name = "robustness" if model == runs[model].model else f"robustness-{model.stem}"
            result, place = battery.judge(model, runs[model], configs[model], name)
            results.append(result)
            places.append(place)
            print(f"{model} is judged in {place}.", flush=True)
    accuracy = {name: battery.values(results, "accuracy") for name, results in found.items()}
    published = battery.PUBLISHED if result["is_cifake"] else {}
    print(
        "\n"
        + (battery.table(results) if len(found) == 1 else battery.comparison(accuracy, result["battery"], published))
    )
    figure = pathlib.Path(_FIGURE.value).expanduser().resolve() if _FIGURE.value else places[0].with_suffix(".png")
    with files.replacing(figure) as path:
        plots.robustness(result["conditions"], accuracy, battery.UNCHANGED, published).savefig(path)
    print(f"\nThe figure is {figure}.")


def _matching(pattern: str) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    if found := sorted(glob.glob(str(pathlib.Path(pattern).expanduser()))):
        return found
    raise UserError(f"--run={pattern}: nothing has such a name.")


def _name(pattern: str) -> str:
    """Returns what a run is called: runs/robust-seed-* -> robust."""
    return pathlib.Path(pattern).name.partition("*")[0].rstrip("-_").removesuffix("-seed")


if __name__ == "__main__":
    shared.run(main)
