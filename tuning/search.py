"""Searches around a network: python -m tuning.search --flagfile=tuning/configs/hyperband.cfg --source=FOLDER

Values after the flagfile win over those in it. The same command goes on where it was interrupted, and --max_trials may
grow.
"""

from absl import flags

from aireal import command
from aireal.errors import UserError
from aireal.settings import flags as shared

_WORKDIR = flags.DEFINE_string(
    shared.WORKDIR, "runs/search", "folder of the search: made, or continued where it is the same search"
)
_TUNER = flags.DEFINE_enum("tuner", "hyperband", ["hyperband", "random", "bayesian", "grid"], "who proposes trials")
_SPACE = flags.DEFINE_list(
    "space",
    ["architecture", "regularization", "optimizer"],
    "parts of the space that are searched: architecture, regularization, optimizer; the rest stays as the flags say",
)
_OBJECTIVE = flags.DEFINE_enum(
    "objective", "val_auc", ["val_auc", "val_accuracy", "val_loss"], "figure on the validation images that is optimised"
)
_DIRECTION = flags.DEFINE_enum("direction", "auto", ["auto", "max", "min"], "whether more or less of it is better")
_MAX_TRIALS = flags.DEFINE_integer("max_trials", 30, "trials in all; rejected candidates are none", lower_bound=1)
_MAX_PARAMETERS = flags.DEFINE_integer(
    "max_parameters", 0, "phone budget: candidates with more are rejected; 0 is no limit", lower_bound=0
)
_MAX_MACS = flags.DEFINE_integer("max_macs", 0, "the same for multiply-accumulates an image", lower_bound=0)
_MAX_INT8_BYTES = flags.DEFINE_integer(
    "max_int8_bytes", 0, "the same for the int8 .tflite file, by an estimate", lower_bound=0
)
_WORKERS = flags.DEFINE_integer("workers", 1, "trials at a time on this machine", lower_bound=0)
_TRIALS_PER_WORKER = flags.DEFINE_integer(
    "trials_per_worker", 5, "trials after which a worker process is renewed, to free its memory", lower_bound=1
)
_ROLE = flags.DEFINE_enum(
    "role",
    "all",
    ["all", "chief", "worker"],
    "on several machines that share --workdir: one chief, which may have --workers too, and workers on the others, "
    "which take what is searched from --workdir, whatever their own flags say",
)
_CHIEF = flags.DEFINE_string(
    "chief",
    "127.0.0.1:0",
    "HOST:PORT of the chief; 0 chooses a free port. Whoever reaches it can read and change the search: there is no "
    "password",
)
shared.define_config_flags()


def main() -> None:
    from tuning import run
    from tuning.folder import Folder

    folder = Folder(_WORKDIR.value)
    options = {
        "address": _address(_CHIEF.value),
        "workers": _WORKERS.value,
        "trials_per_worker": _TRIALS_PER_WORKER.value,
    }
    if _ROLE.value == "worker":
        if not options["address"][1]:
            raise UserError("--role=worker needs the --chief=HOST:PORT that the chief printed.")
        run.work(folder, **options)
    else:
        if _ROLE.value == "all" and not _WORKERS.value:
            raise UserError("--workers=0 leaves nobody to train. It goes with --role=chief.")
        run.search(folder, _study(), **options, others=_ROLE.value == "chief")


def _study():
    from tuning.study import OBJECTIVES, Study

    direction = OBJECTIVES[_OBJECTIVE.value] if _DIRECTION.value == "auto" else _DIRECTION.value
    return Study(
        config=shared.config_of_command(),
        space=tuple(_SPACE.value),
        tuner=_TUNER.value,
        objective=_OBJECTIVE.value,
        direction=direction,
        max_trials=_MAX_TRIALS.value,
        max_parameters=_MAX_PARAMETERS.value,
        max_macs=_MAX_MACS.value,
        max_int8_bytes=_MAX_INT8_BYTES.value,
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UserError(f"--chief={text} is not HOST:PORT, as 127.0.0.1:5000.")
    return host, int(port)


if __name__ == "__main__":
    command.run(main)
