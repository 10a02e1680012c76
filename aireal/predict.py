"""Judges pictures: python -m aireal.predict photo.jpg folder/ *.png

Exit status: 0 when every picture got a verdict, 1 when some could not be read, 2 when the command is wrong.
"""

import collections
import pathlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from absl import flags

from aireal import command, paths, shipped
from aireal.errors import UserError, reason
from aireal.pixels import decoding
from aireal.runs.folder import PREPROCESSING, model_file
from aireal.settings.data import ASPECT_RATIOS
from aireal.verdicts import listing, pictures
from aireal.verdicts.contract import Contract
from aireal.verdicts.pictures import Prediction
from builders import progress

_RUN = flags.DEFINE_string(
    "run",
    shipped.DEFAULT,
    "run folder, as train wrote it; a .keras or .tflite file; a SavedModel folder; or one of the shipped networks, as "
    f"int8 .tflite files: {', '.join(shipped.names())}",
)
_FORMAT = flags.DEFINE_enum("format", "table", list(listing.FORMATS), "how the verdicts are written, one a picture")
_OUTPUT = flags.DEFINE_string("output", None, "file for the verdicts; by default they are printed")
_EXPLAIN = flags.DEFINE_string(
    "explain", None, "folder for a figure of each picture: where the model looked (Grad-CAM)"
)
_ASPECT_RATIO = flags.DEFINE_enum(
    "aspect_ratio",
    None,
    ASPECT_RATIOS,
    "what becomes of pictures that are not square: stretch or center_crop; by default as in training",
)
_UNSURE = flags.DEFINE_bool(
    "unsure", True, "withhold verdicts that are too likely to be wrong, as the model's rule says; else FAKE or REAL"
)
_MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels", decoding.MAX_PIXELS, "larger pictures are refused: a small file can claim to be huge", lower_bound=1
)


def main(names: Sequence[str]) -> int:
    if not names:
        raise UserError("Which pictures? Name files or folders: python -m aireal.predict photo.jpg folder/")
    run = shipped.locate(_RUN.value) if _EXPLAIN.value else shipped.quickest(_RUN.value)
    model_file(run)  # what is wrong is said before TensorFlow is loaded
    warnings.filterwarnings("ignore", module="PIL")  # which says of damaged files what the verdicts say too
    warnings.filterwarnings("ignore", "Glyph .* missing")  # in names of files, drawn by matplotlib
    explanations = _folder(_EXPLAIN.value)
    with command.open_output(_OUTPUT.value) as file:
        left_out: collections.Counter[str] = collections.Counter()
        found = list(pictures.find(names, left_out))
        from aireal.verdicts.predictor import Predictor

        predictor = Predictor(run, aspect_ratio=_ASPECT_RATIO.value, max_pixels=_MAX_PIXELS.value, unsure=_UNSURE.value)
        judged = progress.bar(predictor.stream(found), "judging", len(found), leave=False, unit=" pictures")
        if explanations:
            from aireal.verdicts import explain

            judged = explain.write_each(judged, predictor, explanations)
        write = progress.write if file.isatty() else print
        counts: collections.Counter[listing.Kind] = collections.Counter()
        for line in listing.FORMATS[_FORMAT.value](_counted(judged, predictor.contract, counts), found):
            write(line, file=file)
    print(listing.summary(counts, predictor.contract, left_out), file=sys.stderr)
    if not predictor.is_stated:
        fit_by = f"pictures were made fit by {predictor.contract.aspect_ratio}, and none is UNSURE."
        print(f"No {PREPROCESSING} is beside {predictor.scorer.path}: {fit_by}", file=sys.stderr)
    elif _UNSURE.value and not predictor.contract.rule.withholds:
        note = "No verdict is UNSURE: this network has no rule for it (aireal evaluate --risk finds one)."
        print(note, file=sys.stderr)
    return int(any(kind.verdict is None for kind in counts))


def _folder(path: str | None) -> pathlib.Path | None:
    if not path:
        return None
    folder = paths.resolve(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--explain={path} cannot be made: {reason(error)}.") from error
    return folder


def _counted(
    judged: Iterable[tuple[Prediction, np.ndarray]], contract: Contract, into: collections.Counter[listing.Kind]
) -> Iterator[Prediction]:
    for prediction, _ in judged:
        into += listing.tally([prediction], contract)
        yield prediction


if __name__ == "__main__":
    command.run(main, arguments=True, trains=False)
