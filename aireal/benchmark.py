"""Measures: python -m aireal.benchmark --what=pipeline --source=FOLDER_OR_ARCHIVE

--what=pipeline   the speed of batches and of the training step, beside what others do
--what=results    what the recipe of a --flagfile gives over --seeds: training seconds, test accuracy
--what=recipes    the same, and its time beside the notebook's way

Whatever is compared runs in one process, in turn, so that the ratios hold on a machine whose speed drifts.
"""

import dataclasses
import os
import pathlib

from absl import flags

from aireal import command
from aireal.errors import UserError
from aireal.runs import files
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
    config, output = shared.config_from_flags(), _output()
    rows = _pipeline(config) if _WHAT.value == "pipeline" else [_recipe(config)]
    if output:
        files.write_json(output, rows)


def _output() -> pathlib.Path | None:
    if not _OUTPUT.value:
        return None
    output = pathlib.Path(_OUTPUT.value).expanduser().resolve()
    if output.is_dir() or not output.parent.is_dir() or not os.access(output.parent, os.W_OK):
        raise UserError(f"--output={_OUTPUT.value}: expected a file in a folder that exists and may be written to.")
    return output


def _pipeline(config: Config) -> list[dict]:
    from aireal.benchmarks import throughput

    rows = []
    print(f"{'':<30}{'images/s':>10}{'1st pass':>10}{'2nd pass':>10}{'to TFDS':>9}{'peak MiB':>10}")
    for row in throughput.measure(config):
        rows.append(row)
        speeds = "".join(f"{row[name]:>10,.0f}" for name in ("images_per_second", "first_pass", "second_pass"))
        memory = f"{row['peak_memory_bytes'] / 2**20:>10,.0f}"
        print(f"{row['name']:<30}{speeds}{row['ratio_to_tfds']:>8.2f}x{memory}", flush=True)
    step = rows[-1]
    print(
        f"The training step takes {1 / step['ratio_to_notebook']:.2f} of the notebook's time; "
        f"{step['waiting_share']:.1%} of it is waiting for the next batch."
    )
    return rows


def _recipe(config: Config) -> dict:
    configs = [dataclasses.replace(config, seed=seed) for seed in _seeds()]
    from aireal.benchmarks import seeds

    workdir = pathlib.Path(_WORKDIR.value)  # without a slash at its end
    row = seeds.results(configs, str(workdir)) if _WHAT.value == "results" else seeds.comparison(configs)
    print(seeds.describe(row))
    return {"name": workdir.name, **row}


def _seeds() -> list[int]:
    texts = _SEEDS.value
    if not texts or not all(text.isdecimal() for text in texts) or len(set(map(int, texts))) < len(texts):
        raise UserError(f"--seeds={','.join(texts)}: expected different whole numbers, comma-separated.")
    return [int(text) for text in texts]


if __name__ == "__main__":
    command.run(main)
