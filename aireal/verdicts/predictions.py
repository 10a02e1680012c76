"""Predictions that show themselves in a notebook. Free of TensorFlow."""

import base64
import html
import io
from collections.abc import Iterable

import numpy as np
from PIL import Image

from aireal.verdicts.pictures import Prediction

_SHOWN = 100  # rows of a table
_EDGE = 64  # pixels of a thumbnail


class Predictions(list[Prediction]):
    """A list of predictions; in a notebook a table, with what the model saw of each picture.

    Args:
      judged: predictions, each with [S, S, 3] uint8 as the model saw it, or windows [W, S, S, 3], or None where there
        is an error.
    """

    def __init__(self, judged: Iterable[tuple[Prediction, np.ndarray | None]]):
        self._pixels: dict[int, np.ndarray | None] = {}  # by what they are of, since a list may be sorted
        super().__init__()
        for prediction, pixels in judged:
            self.append(prediction)
            if len(self) <= _SHOWN:  # of a million pictures memory holds the scores
                self._pixels[id(prediction)] = pixels

    def _repr_html_(self) -> str:
        rows = "".join(_row(one, self._pixels.get(id(one))) for one in self[:_SHOWN])
        more = f"<p>and {len(self) - _SHOWN:,} more</p>" if len(self) > _SHOWN else ""
        head = "".join(f"<th>{title}</th>" for title in ("", "path", "verdict", "reason", "confidence", "p_real"))
        return f"<table><tr>{head}</tr>{rows}</table>{more}"


def _row(prediction: Prediction, pixels: np.ndarray | None) -> str:
    path = html.escape(prediction.path or "")
    if prediction.error:
        return f"<tr><td></td><td>{path}</td><td colspan=4>{html.escape(prediction.error)}</td></tr>"
    scores = f"{prediction.confidence:.4f}", f"{prediction.p_real:.4f}"
    cells = [
        "" if pixels is None else _thumbnail(pixels),
        path,
        f"<b>{prediction.verdict}</b>",
        prediction.reason or "",
        *scores,
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _thumbnail(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels if pixels.ndim == 3 else pixels[0]).save(file, "PNG")  # of windows one says what they are
    source = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
    return f'<img alt="what the model saw" width={_EDGE} style="image-rendering:pixelated" src="{source}">'
