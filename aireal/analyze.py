"""Looks at a data set before anyone trains on it: python -m aireal.analyze --source=FOLDER --output=analysis

Exit status: 0 when every file is as it should be, 1 when some are not (offending.csv), 2 when the command is wrong.
"""

from absl import flags

from aireal import command
from aireal.sources.source import Source

_SOURCE = flags.DEFINE_string(
    "source",
    "demo",
    "demo, kaggle (downloaded), or a folder, .zip or .tar that has train/ and test/, each with FAKE/ and REAL/",
)
_OUTPUT = flags.DEFINE_string("output", "analysis", "folder for the page, the figures and the tables")
_IMAGE_SIZE = flags.DEFINE_integer(
    "image_size",
    32,
    "edge in pixels that pictures are brought to before what they look like is measured; the model's",
    lower_bound=8,
    upper_bound=1024,
)


def main() -> int:
    Source(_SOURCE.value).check(whole=False)
    from aireal.analysis import report

    return int(report.analyze(_SOURCE.value, _OUTPUT.value, image_size=_IMAGE_SIZE.value)["offending"]["files"] > 0)


if __name__ == "__main__":
    command.run(main)
