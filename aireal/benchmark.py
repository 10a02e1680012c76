"""Measures: python -m aireal.benchmark --what=pipeline --source=FOLDER_OR_ARCHIVE

--what=pipeline   the speed of batches and of the training step, beside what others do
--what=results    what the recipe of a --flagfile gives over --seeds: training seconds, test accuracy
--what=recipes    the same, and its time beside the notebook's way

Whatever is compared runs in one process, in turn, so that the ratios hold on a machine whose speed drifts.
"""

import contextlib
import dataclasses
import os
import pathlib

from absl import flags

from aireal import command, paths
from aireal.errors import UserError
from aireal.runs import files, tables
from aireal.settings import flags as shared
from aireal.settings.config import Config

_WHAT = flags.DEFINE_enum("what", "pipeline", ["pipeline", "results", "recipes"], "what to measure")
_SEEDS = flags.DEFINE_list(
    "seeds", ["0", "1", "2"], "seeds of the runs of results and recipes, comma-separated; --seed is not used there"
)
_WORKDIR = flags.DEFINE_string(
    shared.WORKDIR,
    "runs/results",
    "run folders of results, followed by -seed-0 and so on; runs that are there are kept",
)
_OUTPUT = flags.DEFINE_string("output", None, "file for the same figures as JSON")
shared.define_config_flags()


def main() -> None:
    config, output = shared.config_of_command(), _output()
    with files.claim_file(output) if output else contextlib.nullcontext():
        rows = _pipeline(config) if _WHAT.value == "pipeline" else [_recipe(config)]
        if output:
            files.write_json(output, rows)


def _output() -> pathlib.Path | None:
    if not _OUTPUT.value:
        return None
    output = paths.resolve(_OUTPUT.value)
    if output.is_dir() or not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise UserError(f"--output={_OUTPUT.value}: expected a file in a folder that exists and may be written to.")
    return output


def _pipeline(config: Config) -> list[dict]:
    from aireal.benchmarks import throughput

    rows, header = [], ["", "images/s", "1st pass", "2nd pass", "to TFDS", "peak MiB"]
    widths = [30, *[8] * (len(header) - 1)]
    print(tables.line(header, widths))
    for row in throughput.measure(config):  # which takes a minute a row
        rows.append(row)
        speeds = [f"{speed:,.0f}" for speed in (row.images_per_second, row.first_pass, row.second_pass)]
        cells = [row.name, *speeds, f"{row.ratio_to_tfds:.2f}x", f"{row.peak_memory_bytes / 2**20:,.0f}"]
        print(tables.line(cells, widths), flush=True)
    step = rows[-1]
    print(
        f"The training step takes {1 / step.ratio_to_notebook:.2f} of the notebook's time; "
        f"{step.waiting_share:.1%} of it is waiting for the next batch."
    )
    return [row.as_dict() for row in rows]


def _recipe(config: Config) -> dict:
    configs = [dataclasses.replace(config, seed=seed) for seed in _seeds()]
    from aireal.benchmarks import seeds

    workdir = pathlib.Path(_WORKDIR.value)  # without a slash at its end
    row = seeds.results(configs, str(workdir)) if _WHAT.value == "results" else seeds.comparison(configs)
    print(row)
    return {"name": workdir.name, **row.as_dict()}


def _seeds() -> list[int]:
    texts = _SEEDS.value
    if not texts or not all(text.isdecimal() for text in texts) or len(set(map(int, texts))) < len(texts):
        raise UserError(f"--seeds={','.join(texts)}: expected different whole numbers, comma-separated.")
    return [int(text) for text in texts]


if __name__ == "__main__":
    command.run(main)
