"""Evaluates a trained run again: python -m aireal.evaluate --run=runs/baseline

With --source images of another place are judged; into a subfolder where they are not those the run began on.
"""

import dataclasses

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
_RISK = flags.DEFINE_float(
    "risk",
    None,
    "find anew, on the run's validation images, when verdicts are withheld: share of those given that may be wrong; 0 "
    "withholds none. By default it stays as it is",
    lower_bound=0.0,
    upper_bound=0.5,
)
_RISK_CONFIDENCE = flags.DEFINE_float(
    "risk_confidence", 0.95, "confidence with which --risk is kept", lower_bound=0.5, upper_bound=0.999999
)
shared.define_data_flags()


def main() -> None:
    from aireal import shipped
    from aireal.runs.folder import RunFolder, model_file

    folder = RunFolder(shipped.locate(_RUN.value))
    config = folder.config(**shared.other_data())
    model_file(folder.path)  # makes sure that there is one
    Source.of(config).check(to_learn=False)
    from aireal.judging import evaluation

    if _RISK.value is not None:
        from aireal.judging import unsure

        # Through Config, which refuses what is not a number.
        config = dataclasses.replace(config, risk=_RISK.value, risk_confidence=_RISK_CONFIDENCE.value)
        unsure.refit(folder, config, config.risk, config.risk_confidence)
    evaluation.evaluate_alone(folder, config, _SPLIT.value)


if __name__ == "__main__":
    command.run(main)
