"""What a network makes of generators that it never saw: python -m aireal.unseen --flagfile=my.cfg --workdir=runs/unseen

Trains once for each group of FAKE, without the pictures of that group, and judges on them. Interrupted work goes on
when the same command is given again.
"""

from absl import flags

from aireal import command
from aireal.settings import flags as shared

_WORKDIR = flags.DEFINE_string(
    shared.WORKDIR, "runs/unseen", "folder for a run folder of each group, and for unseen.html and unseen.json"
)
_GROUPS = flags.DEFINE_list(
    "groups", [], "groups that are left out, each in turn, comma-separated; by default all of FAKE"
)
shared.define_config_flags()


def main() -> None:
    config = shared.config_of_command()
    from aireal.benchmarks import unseen

    unseen.study(config, _WORKDIR.value, _GROUPS.value)


if __name__ == "__main__":
    command.run(main)
