"""Size, latency and memory of an exported model: python -m exports.benchmark --run=runs/baseline

Every form is measured in a process of its own, one after the other, beside Keras and, where the extra `onnx` is
installed, ONNX Runtime. Writes benchmark.json and benchmark.png into the run's export folder.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import tqdm
from absl import flags

from aireal import command, machine
from aireal.errors import UserError
from aireal.runs import drawing, files
from aireal.runs.folder import RunFolder
from aireal.runs.tables import Table

_RUN = flags.DEFINE_string("run", None, "run folder that exports.export has been to", required=True)
_COUNT = flags.DEFINE_integer(
    "count", 2000, "single images timed of each form, after a twentieth as many", lower_bound=1
)
_THREADS = (1, 2)
_ONNX = ("onnxruntime", "tf2onnx")


def main() -> None:
    environment = machine.environment()  # before the work, which takes minutes
    folder = RunFolder(_RUN.value)
    export = folder.path / "export"
    if not (export / "verify.json").exists():
        raise UserError(f"{export} is missing. Make it first: python -m exports.export --run={_RUN.value}")
    with tempfile.TemporaryDirectory() as scratch:
        subjects = [*_subjects(folder, export), *_onnx(export, pathlib.Path(scratch))]
        rows = []
        for name, loader, path in tqdm.tqdm(subjects, "measuring", unit=" forms", leave=False):
            for threads in _THREADS:
                measured = _measure(loader, path, export, threads)
                rows.append({"form": name, "threads": threads, "bytes": files.size_bytes(path), **measured})
    verified = json.loads((export / "verify.json").read_text())
    for row in rows:
        name = "keras" if row["form"].startswith("Keras") else row["form"].removesuffix(".tflite")
        row["accuracy"] = verified.get(name, {}).get("accuracy")
    files.write_json(export / "benchmark.json", {"rows": rows, "environment": environment})
    drawing.write(_figure(rows), export / "benchmark.png")
    _print(rows)
    print(f"\nbenchmark.json and benchmark.png are in {export}.")


def _subjects(folder: RunFolder, export: pathlib.Path) -> Iterator[tuple[str, str, pathlib.Path]]:
    """Yields name, loader and file of everything there is to measure."""
    yield "Keras predict", "predict", folder.model
    yield "Keras model(x)", "call", folder.model
    yield "saved_model", "saved_model", export / "saved_model"
    for path in sorted(export.glob("model_*.tflite")):
        yield f"{path.stem.removeprefix('model_')}.tflite", ".tflite", path


def _onnx(export: pathlib.Path, scratch: pathlib.Path) -> Iterator[tuple[str, str, pathlib.Path]]:
    if not all(importlib.util.find_spec(package) for package in _ONNX):
        print("ONNX Runtime is left out: pip install 'aireal[onnx]'")
        return
    full, small = scratch / "float32.onnx", scratch / "int8.onnx"
    _run("tf2onnx.convert", "--saved-model", export / "saved_model", "--output", full)
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


def _measure(loader: str, path: pathlib.Path, export: pathlib.Path, threads: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        output = pathlib.Path(scratch, "latency.json")
        _run("exports.latency", loader, path, export / "golden", threads, _COUNT.value, output)
        return json.loads(output.read_text())


def _run(module: str, *arguments: Any) -> None:
    command = [sys.executable, "-m", module, *map(str, arguments)]
    # On the processor alone: that is what phones have.
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise UserError(f"{module} failed:\n{done.stderr[-2000:]}")


def _print(rows: list[dict[str, Any]]) -> None:
    keras = {row["threads"]: row["median_microseconds"] for row in rows if row["form"] == "Keras predict"}
    cells = [
        [
            row["form"],
            f"{row['threads']}",
            f"{row['bytes']:,}",
            f"{row['median_microseconds']:,.0f}",
            f"{row['p95_microseconds']:,.0f}",
            f"{keras[row['threads']] / row['median_microseconds']:,.0f}x",
            f"{row['images_per_second']:,.0f}",
            f"{row['load_seconds']:.2f}",
            f"{row['peak_memory_bytes'] / 2**20:,.0f}",
        ]
        for row in rows
    ]
    header = ["form", "threads", "bytes", "median us", "95 % us", "to predict", "images/s", "load s", "memory MiB"]
    print(f"\n{Table(header, cells)}")


def _figure(rows: list[dict[str, Any]]):
    """Draws size against latency on one thread, with the accuracy of each form at its point."""
    from matplotlib.ticker import NullFormatter

    figure = drawing.figure(8, 5)
    axes = figure.subplots()
    for row in rows:
        if row["threads"] == 1:
            ours = row["accuracy"] is not None
            label = f"{row['form']}\n{row['accuracy']:.2%}" if ours else row["form"]
            point = (row["median_microseconds"], row["bytes"] / 1000)
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
    return figure


if __name__ == "__main__":
    command.run(main)
