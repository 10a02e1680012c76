"""Ships a trained run: python -m exports.export --run=runs/baseline

int8 is calibrated, and all forms are compared, on the run's own images, or with --source on those of another place.
"""

import os

from absl import flags

from aireal import command, shipped
from aireal.runs.folder import RunFolder, model_file
from aireal.settings import flags as shared
from aireal.sources.source import Source
from exports import hub

_RUN = flags.DEFINE_string("run", None, "run folder, as train wrote it", required=True)
shared.define_data_flags()
_CAMERA_SIZE = flags.DEFINE_integer(
    "camera_size",
    0,
    "edge in pixels of a second form's input, which reduces it to the model's size with antialiasing, as phones don't, "
    "or cuts the windows that the model reads; 0 leaves it out",
    lower_bound=0,
    upper_bound=1024,
)
_UNSURE = flags.DEFINE_bool(
    "unsure",
    True,
    "withhold verdicts inside the files, as the run's rule says; else they have the labels FAKE and REAL",
)
_HUB = flags.DEFINE_string(
    "hub",
    None,
    "user/name of a repository on the Hugging Face Hub to upload the export to; one that is not there yet is made, and "
    "is private",
)


def main() -> None:
    folder = RunFolder(shipped.locate_own(_RUN.value))
    config = folder.config(**shared.other_data(), cache="none")
    model_file(folder.path)  # makes sure that there is one
    Source.of(config).check()
    if _HUB.value is not None:
        hub.check(_HUB.value)
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # it has little to compute, and is to be compared with processors
    from exports import package

    package.export(folder, config, camera_size=_CAMERA_SIZE.value, unsure=_UNSURE.value)
    if _HUB.value is not None:
        print(f"It is on {hub.upload(folder.export, _HUB.value)}.")


if __name__ == "__main__":
    command.run(main)
