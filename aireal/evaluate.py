"""Evaluates a trained run again: python -m aireal.evaluate --run=runs/baseline

With --source images of another place are judged; into a subfolder where they are not those the run began on.
"""

from absl import flags

from aireal import command
from aireal.settings import flags as shared
from aireal.sources.source import Source

_RUN = flags.DEFINE_string("run", None, "run folder, as train wrote it", required=True)
_SPLIT = flags.DEFINE_enum(
    "split",
    "test",
    ["train", "validation", "test"],
    "images to judge it on; predictions.csv and figures are about them",
)
shared.define_data_flags()


def main() -> None:
    from aireal.runs import shipped
    from aireal.runs.folder import RunFolder, model_file

    folder = RunFolder(shipped.locate(_RUN.value))
    config = folder.config(**shared.other_data())
    model_file(folder.path)  # makes sure that there is one
    Source(config.source).check()
    from aireal.judging import evaluation

    evaluation.evaluate_alone(folder, config, _SPLIT.value)


if __name__ == "__main__":
    command.run(main)
