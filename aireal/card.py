"""Writes the model card of a run anew, and that of its export: python -m aireal.card --run=runs/baseline

train, evaluate, robustness and exports.export do it by themselves.
"""

from absl import flags

from aireal import command

_RUN = flags.DEFINE_string("run", None, "run folder, as train wrote it", required=True)


def main() -> None:
    from aireal import shipped
    from aireal.judging import card
    from aireal.runs.folder import RunFolder, model_file

    folder = RunFolder(shipped.locate(_RUN.value))
    model_file(folder.path)  # makes sure that there is one
    for path in card.write(folder):
        print(path)


if __name__ == "__main__":
    command.run(main)
