"""Judges pictures: python -m aireal.predict --run=runs/fast photo.jpg folder/ *.png

Exit status: 0 when every picture got a verdict, 1 when some could not be read, 2 when the command is wrong.
"""

import contextlib
import csv
import io
import json
import pathlib
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

import numpy as np
import tqdm
from absl import flags

from aireal import command
from aireal.errors import UserError
from aireal.pixels import decoding
from aireal.runs import files, tables
from aireal.runs.folder import model_file
from aireal.settings.fields import ASPECT_RATIOS
from aireal.verdicts import pictures
from aireal.verdicts.pictures import Prediction

_RUN = flags.DEFINE_string(
    "run", None, "run folder, as train wrote it; a .keras or .tflite file; a SavedModel folder", required=True
)
_FORMAT = flags.DEFINE_enum(
    "format", "table", ["table", "csv", "json", "jsonl"], "how the verdicts are written, one a picture"
)
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
_MAX_PIXELS = flags.DEFINE_integer(
    "max_pixels", decoding.MAX_PIXELS, "larger pictures are refused: a small file can claim to be huge", lower_bound=1
)


def main(names: Sequence[str]) -> int:
    if not names:
        raise UserError("Which pictures? Name files or folders: python -m aireal.predict --run=DIR photo.jpg folder/")
    model_file(_RUN.value)  # what is wrong is said before TensorFlow is loaded
    warnings.filterwarnings("ignore", module="PIL")  # which says of damaged files what the verdicts say too
    warnings.filterwarnings("ignore", "Glyph .* missing")  # in names of files, drawn by matplotlib
    explanations = _folder(_EXPLAIN.value)
    with _open_output(_OUTPUT.value) as file:
        found = list(pictures.find(names))
        from aireal.verdicts.predictor import Predictor

        predictor = Predictor(_RUN.value, aspect_ratio=_ASPECT_RATIO.value, max_pixels=_MAX_PIXELS.value)
        if explanations and not hasattr(predictor.scorer, "model"):
            raise UserError("--explain needs gradients, which only a run folder or a .keras file has.")
        judged = tqdm.tqdm(
            predictor.stream(found), "judging", len(found), leave=False, unit=" pictures", mininterval=0.5
        )
        if explanations:
            judged = _explained(judged, predictor, explanations)
        write = tqdm.tqdm.write if file.isatty() else print  # the former keeps clear of the progress bar
        predictions = []
        for line in _LINES[_FORMAT.value](_kept(judged, predictions), found):
            write(line, file=file)
    print(_summary(predictions, predictor.contract.image_size), file=sys.stderr)
    return int(any(prediction.error for prediction in predictions))


def _folder(path: str | None) -> pathlib.Path | None:
    if not path:
        return None
    folder = pathlib.Path(path).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--explain={path} cannot be made: {pictures.reason(error)}.") from error
    return folder


@contextlib.contextmanager
def _open_output(path: str | None) -> Iterator[TextIO]:
    # Names of files are bytes; in csv those that are no UTF-8 leave as they came.
    encoding = {"encoding": "utf-8", "errors": "surrogateescape"}
    try:
        if not path:
            if sys.stdout is None:
                raise OSError("it is closed")
            sys.stdout.reconfigure(**encoding)
            yield sys.stdout
            sys.stdout.flush()
            return
        target = pathlib.Path(path).expanduser()
        if target.is_dir():
            raise OSError("it is a folder")
        in_place = target.exists() and not target.is_file()  # a device or a pipe
        with (
            contextlib.nullcontext(target) if in_place else files.replacing(target.resolve()) as place,
            open(place, "w", **encoding) as file,
        ):
            yield file
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"--output={path}" if path else "Standard output"
        if not path and sys.stdout:
            command.discard_output()
        raise UserError(f"{where} cannot be written: {pictures.reason(error)}.") from error


def _kept(judged: Iterable[tuple[Prediction, np.ndarray]], into: list[Prediction]) -> Iterator[Prediction]:
    for prediction, _ in judged:
        into.append(prediction)
        yield prediction


def _table(predictions: Iterator[Prediction], found: Sequence[str | Prediction]) -> Iterator[str]:
    header = ["path", "verdict", "confidence", "p_real"]
    widths = [max(len(_printable(one)) for one in ["path", *found]), *map(len, header[1:])]
    yield tables.line(header, widths)
    for one in predictions:
        if one.error:
            yield f"{tables.line([_printable(one), '-'], widths[:2])}  {one.error}"
        else:
            cells = [one.verdict, f"{one.confidence:.4f}", f"{one.p_real:.4f}"]
            yield tables.line([_printable(one), *cells], widths)


def _csv(predictions: Iterator[Prediction], _) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.DictWriter(line, list(Prediction(None).as_dict()), lineterminator="")
    writer.writeheader()
    yield line.getvalue()
    for one in predictions:
        line.seek(0)
        line.truncate()
        writer.writerow(one.as_dict())
        yield line.getvalue()


def _json(predictions: Iterator[Prediction], _) -> Iterator[str]:
    yield json.dumps([one.as_dict() for one in predictions], indent=2)


def _jsonl(predictions: Iterator[Prediction], _) -> Iterator[str]:
    for one in predictions:
        yield json.dumps(one.as_dict())


_LINES = {"table": _table, "csv": _csv, "json": _json, "jsonl": _jsonl}


def _printable(one: str | Prediction) -> str:
    """Returns the path without anything that a terminal would act on."""
    path = one if isinstance(one, str) else one.path
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in path)


def _explained(
    judged: Iterable[tuple[Prediction, np.ndarray]], predictor, folder: pathlib.Path
) -> Iterator[tuple[Prediction, np.ndarray]]:
    from aireal.judging import plots
    from aireal.runs import drawing
    from aireal.verdicts import explain

    grad_cam = explain.GradCam(predictor.scorer.model, predictor.contract.rule)
    for index, (prediction, pixels) in enumerate(judged):
        if pixels is not None:
            heat = grad_cam(pixels[None])[0]
            name = _printable(prediction)
            title = f"{name[-70:]}\n{prediction.verdict}, confidence {prediction.confidence:.4f}"
            if not heat.any():
                title += "\nno place in the picture spoke for this verdict: the explanation is all zero"
            stem = re.sub(r"[^\w.-]", "_", pathlib.Path(name).stem).encode()[:100].decode(errors="ignore")
            try:
                drawing.write(plots.explanation(pixels, heat, title), folder / f"{index:05}-{stem}.png")
            except OSError as error:
                raise UserError(f"--explain={folder} cannot be written: {pictures.reason(error)}.") from error
        yield prediction, pixels


def _summary(predictions: Sequence[Prediction], image_size: int) -> str:
    verdicts = [one.verdict for one in predictions]
    lines = [
        f"{len(predictions):,} pictures: {verdicts.count('REAL'):,} REAL, {verdicts.count('FAKE'):,} FAKE, "
        f"{verdicts.count(None):,} could not be judged."
    ]
    if foreign := sum(one.size not in (None, (image_size, image_size)) for one in predictions):
        lines.append(
            f"{foreign:,} not of {image_size}x{image_size} pixels, the size this network judges: resampled to "
            "it, which takes away the fine detail it judges by. Unless it learned from such pictures its scores are "
            "untested there, and high ones too may be wrong."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    command.run(main, arguments=True)
