"""Evaluates a trained run again: python -m aireal.evaluate --run=runs/baseline"""

from absl import flags

from aireal import flags as shared

_RUN = flags.DEFINE_string("run", None, "run folder, as train wrote it", required=True)
_SPLIT = flags.DEFINE_enum(
    "split",
    "test",
    ["train", "validation", "test"],
    "images to judge it on; predictions.csv and figures are about them",
)
_SOURCE = flags.DEFINE_string(
    "source", None, "images of another place, judged into a subfolder of the run; by default its own"
)
_BUILDER_CONFIG = flags.DEFINE_enum(
    "builder_config", None, ["auto", "strict", "any"], "what the builder accepts; by default as in the run"
)
_PREPARED_DIR = flags.DEFINE_string("prepared_dir", None, "folder for prepared TFRecords; by default that of the run")


def main() -> None:
    from aireal import record

    folder = record.RunFolder(_RUN.value)
    config = folder.config(source=_SOURCE.value, builder_config=_BUILDER_CONFIG.value, prepared_dir=_PREPARED_DIR.value)
    record.model_file(folder.path)  # makes sure that there is one
    from aireal import report
    from aireal.data import Data

    data = Data(config)
    report.evaluate(folder, data, [_SPLIT.value], folder.on(data.fingerprint))


if __name__ == "__main__":
    shared.run(main)
