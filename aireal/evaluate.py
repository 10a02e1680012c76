"""Evaluates a trained run again: python -m aireal.evaluate --run=runs/baseline

With --source images of another place are judged; into a subfolder where they are not those the run began on.
"""

import dataclasses

from absl import flags

from aireal import command
from aireal.errors import UserError
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
)
_RISK_CONFIDENCE = flags.DEFINE_float(
    "risk_confidence",
    None,
    "confidence with which --risk is kept; by default as in training",
)
shared.define_data_flags()


def main() -> None:
    from aireal import shipped
    from aireal.runs.folder import RunFolder, model_file

    if _RISK.value is None and _RISK_CONFIDENCE.value is not None:
        raise UserError("--risk_confidence is that of a --risk: give both.")
    folder = RunFolder(shipped.locate_own(_RUN.value))
    config = folder.config(**shared.other_data())
    model_file(folder.path)  # makes sure that there is one
    Source.of(config).check(to_learn=False)
    from aireal.judging import evaluation

    if _RISK.value is not None:
        from aireal.judging import unsure

        # Through Config, which knows their bounds.
        confidence = config.risk_confidence if _RISK_CONFIDENCE.value is None else _RISK_CONFIDENCE.value
        config = dataclasses.replace(config, risk=_RISK.value, risk_confidence=confidence)
        unsure.refit(folder, config, config.risk, config.risk_confidence)
    evaluation.evaluate_alone(folder, config, _SPLIT.value)


if __name__ == "__main__":
    command.run(main)
