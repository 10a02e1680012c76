"""Size, latency and memory of every form of a model, each measured in a process of its own, one after the other."""

import contextlib
import dataclasses
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from aireal.errors import UserError
from aireal.runs import drawing, files
from aireal.runs.folder import RunFolder
from aireal.runs.tables import Table
from builders import progress

_THREADS = (1, 2)
_ONNX = ("onnxruntime", "tf2onnx")


@dataclasses.dataclass(frozen=True)
class Timing:
    """One form on so many threads.

    Attributes:
      form: its name.
      threads: of one image.
      bytes: of its file or folder.
      median_microseconds: of single images, as the next.
      p95_microseconds: the 95th percentile.
      images_per_second: in batches.
      load_seconds: until it can answer.
      peak_memory_bytes: the most that its process had resident for single images.
      accuracy: on the test images, where export has proven it.
    """

    form: str
    threads: int
    bytes: int
    median_microseconds: float
    p95_microseconds: float
    images_per_second: float
    load_seconds: float
    peak_memory_bytes: int
    accuracy: float | None


def measure(folder: RunFolder, export: pathlib.Path, count: int) -> list[Timing]:
    """Measures Keras, every exported form, and ONNX Runtime where it is installed.

    Args:
      folder: the run.
      export: its export folder.
      count: single images timed of each form, after a twentieth as many.

    Raises:
      UserError: a form cannot be measured.
    """
    verified = files.read_json(export / "verify.json", mend="Export again: python -m exports.export.")
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        (saved := pathlib.Path(scratch, "saved_model")).symlink_to(export / "saved_model")
        subjects = [*_subjects(folder, export, saved), *_onnx(export, saved, pathlib.Path(scratch))]
        for name, loader, path in progress.bar(subjects, "measuring", unit=" forms", leave=False):
            proven = "keras" if name.startswith("Keras") else name.removesuffix(".tflite")
            accuracy = verified.get(proven, {}).get("accuracy")
            for threads in _THREADS:
                measured = _measure(loader, path, export, threads, count)
                found.append(Timing(name, threads, files.size_bytes(path), **measured, accuracy=accuracy))
    return found


def _subjects(folder: RunFolder, export: pathlib.Path, saved: pathlib.Path) -> Iterator[tuple[str, str, pathlib.Path]]:
    """Yields name, loader and file of everything there is to measure; `saved` is a link without a pattern in its path.

    TensorFlow takes [ and * in the path of a SavedModel for one.
    """
    yield "Keras predict", "predict", folder.model
    yield "Keras model(x)", "call", folder.model
    yield "saved_model", "saved_model", saved
    for path in sorted(export.glob("model_*.tflite")):
        yield f"{path.stem.removeprefix('model_')}.tflite", ".tflite", path


def _onnx(export: pathlib.Path, saved: pathlib.Path, scratch: pathlib.Path) -> Iterator[tuple[str, str, pathlib.Path]]:
    if not all(importlib.util.find_spec(package) for package in _ONNX):
        print("ONNX Runtime is left out: pip install 'aireal[onnx]'")
        return
    full, small = scratch / "float32.onnx", scratch / "int8.onnx"
    _run("tf2onnx.convert", "--saved-model", saved, "--output", full)
    yield "ONNX float32", ".onnx", full
    _quantize(full, small, export / "golden")
    yield "ONNX int8", ".onnx", small


def _quantize(full: pathlib.Path, small: pathlib.Path, golden: pathlib.Path) -> None:
    import onnxruntime
    from onnxruntime import quantization

    image = onnxruntime.InferenceSession(str(full), providers=["CPUExecutionProvider"]).get_inputs()[0]
    pixels = [np.frombuffer(file.read_bytes(), np.uint8).reshape(1, *image.shape[1:]) for file in golden.glob("*.rgb")]

    class Images(quantization.CalibrationDataReader):
        _left = iter([{image.name: one} for one in pixels])

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._left, None)

    with contextlib.redirect_stderr(None):
        quantization.quantize_static(str(full), str(small), Images())


def _measure(loader: str, path: pathlib.Path, export: pathlib.Path, threads: int, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch, "latency.json")
        _run("exports.latency", loader, path, export / "golden", threads, count, output)
        return json.loads(output.read_text(encoding="utf-8"))


def _run(module: str, *arguments: Any) -> None:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    # On the processor alone: that is what phones have.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise UserError(f"{module} failed:\n{done.stderr[-2000:]}")


def table(timings: Sequence[Timing]) -> Table:
    """Returns them for people, each beside Keras's `predict` on as many threads."""
    predict = {one.threads: one.median_microseconds for one in timings if one.form == "Keras predict"}
    rows = [
        [
            one.form,
            f"{one.threads}",
            f"{one.bytes:,}",
            f"{one.median_microseconds:,.0f}",
            f"{one.p95_microseconds:,.0f}",
            f"{predict[one.threads] / one.median_microseconds:,.0f}x",
            f"{one.images_per_second:,.0f}",
            f"{one.load_seconds:.2f}",
            f"{one.peak_memory_bytes / 2**20:,.0f}",
        ]
        for one in timings
    ]
    header = ["form", "threads", "bytes", "median us", "95 % us", "to predict", "images/s", "load s", "memory MiB"]
    return Table(header, rows)


def figure(timings: Sequence[Timing]) -> Figure:
    """Draws size against latency on one thread, with the accuracy of each form at its point."""
    drawn = drawing.figure(8, 5)
    axes = drawn.subplots()
    for one in timings:
        if one.threads == 1:
            ours = one.accuracy is not None
            label = f"{one.form}\n{one.accuracy:.2%}" if ours else one.form
            point = (one.median_microseconds, one.bytes / 1000)
            axes.plot(*point, "o" if ours else "s", color=drawing.BLUE if ours else drawing.GREY)
            place = {"xytext": (6, 4)} if ours else {"xytext": (6, -4), "va": "top"}  # these lie near each other
            axes.annotate(label, point, textcoords="offset points", fontsize=8, **place)
    axes.set(
        title="Size, latency and test accuracy of each form, one image, one thread",
        xlabel="median latency (microseconds)",
        ylabel="size (kB)",
        xscale="log",
        yscale="log",
    )
    axes.margins(0.2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
        axis.set_minor_formatter(NullFormatter())
    axes.grid(**drawing.GRID, which="both")
    return drawn
