"""Trains and evaluates: python -m aireal.train --flagfile=aireal/configs/demo.cfg

Values after the flagfile win over those in it. The same command goes on where it was interrupted.
"""

from absl import flags

from aireal import command, paths
from aireal.settings import flags as shared

_WORKDIR = flags.DEFINE_string(
    shared.WORKDIR, "runs/demo", "run folder: made, or continued where it has the same flags"
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "delete the run that is in --workdir and begin again")
shared.define_config_flags()


def main() -> None:
    config = shared.config_of_command()
    paths.of_run(_WORKDIR.value)  # what is wrong with the name is said now
    from aireal.training import experiment  # TensorFlow: late, so that --help and wrong flags answer at once

    experiment.run(config, _WORKDIR.value, overwrite=_OVERWRITE.value)


if __name__ == "__main__":
    command.run(main)
