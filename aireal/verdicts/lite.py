"""A .tflite file as a scorer. Free of TensorFlow."""

import pathlib
import zipfile
from concurrent import futures
from typing import Any

import numpy as np

from aireal import machine
from aireal.errors import UserError
from aireal.pixels import resampling
from aireal.verdicts.forms import EXPECTED, Scores, edge
from aireal.verdicts.verdict import REAL, UNSURE, VERDICTS
from builders.cifake.layout import LABELS

LABELS_FILE = "labels.txt"  # beside exported models, and as a zip archive inside .tflite files


class TfliteScorer:
    """A .tflite file: [1, S, S, 3] uint8 -> [1, 2 or 3] float32, run by LiteRT, one picture at a time on each core.

    The third score is that of UNSURE: then a picture is as foreign as can be, and the rule finds the reason.
    """

    resize = staticmethod(resampling.resize)

    @staticmethod
    def reduce_jpeg(encoded: bytes, size: int, aspect_ratio: str, *, antialias: bool) -> None:
        """Returns None: nothing here decodes but Pillow."""

    def __init__(self, path: pathlib.Path, cores: int | None = None):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreters = [Interpreter(str(path), num_threads=1) for _ in range(cores or machine.cores())]
        for interpreter in self._interpreters:
            interpreter.allocate_tensors()
        (image,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
        if image["dtype"] != np.uint8 or output["dtype"] != np.float32:
            types = f"takes {image['dtype'].__name__} and gives {output['dtype'].__name__}"
            raise UserError(f"{path} {types}. {EXPECTED}")
        self.path = path
        labels = _labels(path)
        self.input_size = edge(path, image["shape"].tolist(), output["shape"].tolist(), outputs=len(labels))
        self.withholds = UNSURE in labels
        self._image, self._output, self.labels = image["index"], output["index"], labels

    def __call__(self, pixels: np.ndarray) -> Scores:
        parts = np.array_split(pixels, len(self._interpreters))
        with futures.ThreadPoolExecutor(len(parts)) as pool:
            scores = np.concatenate(list(pool.map(self._run, self._interpreters, parts)))
        p_real = scores[:, self.labels.index(LABELS[REAL])]
        if not self.withholds:
            return Scores.without(p_real)
        is_unsure = np.argmax(scores, axis=1) == self.labels.index(UNSURE)
        return Scores(p_real, np.where(is_unsure, np.inf, -np.inf).astype(np.float32))

    def _run(self, interpreter: Any, pixels: np.ndarray) -> np.ndarray:
        scores = np.empty((len(pixels), len(self.labels)), np.float32)
        for index, one in enumerate(pixels):
            interpreter.set_tensor(self._image, one[None])
            interpreter.invoke()
            scores[index] = interpreter.get_tensor(self._output)[0]
        return scores


def _labels(path: pathlib.Path) -> list[str]:
    """Returns which class each score of a .tflite file is of, as the labels inside it say."""
    try:
        with zipfile.ZipFile(path) as archive:
            labels = archive.read(LABELS_FILE).decode().split()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError):
        labels = []
    if sorted(labels) not in (sorted(LABELS), sorted(VERDICTS)):
        found = f"says {', '.join(labels)}" if labels else f"holds no {LABELS_FILE}"
        raise UserError(
            f"{path} {found}, so nobody knows which of its scores is which. Expected the labels {' and '.join(LABELS)} "
            "inside, as exports.export writes them."
        )
    return labels
