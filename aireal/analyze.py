"""Looks at a data set before anyone trains on it: python -m aireal.analyze --source=FOLDER --output=analysis

Exit status: 0 when every file is as it should be, 1 when some are not (offending.csv), 2 when the command is wrong.
"""

from absl import flags

from aireal import command
from aireal.errors import UserError
from aireal.settings import flags as shared
from aireal.sources.source import Source
from builders.cifake.layout import Naming, SourceError

_NAMING = ("fake", "real", "columns")
_SOURCE = flags.DEFINE_string(
    "source",
    "demo",
    "demo, kaggle (downloaded), a folder, .zip or .tar with a folder of each class, or a .csv with columns path and "
    "label: as train takes it",
)
shared.define_source_flags(_NAMING)
_OUTPUT = flags.DEFINE_string("output", "analysis", "folder for the page, the figures and the tables")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size",
    32,
    "edge in pixels that pictures are brought to before what they look like is measured; the model's",
    lower_bound=8,
    upper_bound=1024,
)


def main() -> int:
    if not _SOURCE.value:
        raise UserError("--source is empty.")
    try:
        source = Source(_SOURCE.value, Naming(*(flags.FLAGS[name].value or "" for name in _NAMING)))
    except SourceError as error:
        raise UserError(str(error)) from error
    source = source.absolute()
    source.check(whole=False)
    from aireal.analysis import report

    return int(report.analyze(source, _OUTPUT.value, image_size=_IMAGE_SIZE.value)["offending"]["files"] > 0)


if __name__ == "__main__":
    command.run(main)
