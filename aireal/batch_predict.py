"""Judges millions of pictures by Apache Beam: python -m aireal.batch_predict folder/ photos.zip --output=verdicts

The same command again does what is left. Exit status: 0 when every picture got a verdict, 1 when some could not be
read, 2 when the command is wrong.
"""

import contextlib
import pathlib
import warnings
from collections.abc import Iterator, Sequence

from absl import flags

from aireal import command, paths, runner, shipped
from aireal.errors import UserError, reason
from aireal.pixels import decoding
from aireal.runs import files
from aireal.runs.folder import model_file
from aireal.settings import flags as shared
from aireal.settings.data import ASPECT_RATIOS
from builders.cifake.layout import Naming

_RUN = flags.DEFINE_string(
    "run", shipped.DEFAULT, f"a .tflite file; or one of the shipped networks: {', '.join(shipped.names())}"
)
_OUTPUT = flags.DEFINE_string("output", None, "folder for verdicts-00000-of-00120.jsonl and so on", required=True)
_SHARD_PICTURES = flags.DEFINE_integer("shard_pictures", 1000, "pictures in each file of verdicts", lower_bound=1)
_BEAM = flags.DEFINE_string(
    runner.FLAG,
    "",
    "options of Apache Beam, comma-separated and without dashes: direct_num_workers=8 for processes of this machine, "
    "by default as many as there are cores and memory for; runner=FlinkRunner,flink_master=host:8081 for a cluster",
)
_ASPECT_RATIO = flags.DEFINE_enum("aspect_ratio", None, ASPECT_RATIOS, "as of predict")
_UNSURE = flags.DEFINE_bool("unsure", True, "as of predict")
_MAX_PIXELS = flags.DEFINE_integer("max_pixels", decoding.MAX_PIXELS, "as of predict", lower_bound=1)
shared.define_source_flags(["columns"])

_BYTES, _BYTES_A_PIXEL = 300 << 20, 16  # of a process: by itself, and while it decodes a picture


def main(names: Sequence[str]) -> int:
    if not names:
        raise UserError("Which pictures? Name files, folders, archives or lists: photo.jpg folder/ photos.zip list.txt")
    model = model_file(shipped.quickest(_RUN.value))
    if model.suffix != ".tflite":
        raise UserError(f"{model} needs TensorFlow. Make a .tflite file: aireal export --run={_RUN.value}")
    engine = runner.engine(_BEAM.value, _BYTES + _BYTES_A_PIXEL * _MAX_PIXELS.value)
    warnings.filterwarnings("ignore", module="PIL")  # which says of damaged files what the verdicts say too
    from aireal.verdicts import listing, shards

    naming = Naming(columns=flags.FLAGS["columns"].value or "")
    folder = paths.resolve(_OUTPUT.value)
    with _claimed(folder):
        judging = {"aspect_ratio": _ASPECT_RATIO.value, "max_pixels": _MAX_PIXELS.value, "unsure": _UNSURE.value}
        how = {"shard_pictures": _SHARD_PICTURES.value, "cores": engine.cores}
        job, left_out = shards.begin(folder, names, model, naming=naming, **how, **judging)
        counts = job.run(engine)
    print(listing.summary(counts, job.contract(), left_out))
    print(f"Verdicts: {job.verdicts(0)}" + f" and {job.shards - 1:,} more" * (job.shards > 1))
    return int(any(kind.verdict is None for kind in counts))


@contextlib.contextmanager
def _claimed(folder: pathlib.Path) -> Iterator[None]:
    """Makes a folder, and keeps it for this process. Raises UserError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = files.claim(folder, f"Another process is at {folder}. Wait for it, or name another folder.")
    except OSError as error:
        raise UserError(f"--output={folder} cannot be made: {reason(error)}.") from error
    with claim:
        yield


if __name__ == "__main__":
    command.run(main, arguments=True, trains=False)
